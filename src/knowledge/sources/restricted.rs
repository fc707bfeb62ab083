//! Who may see a document by the restrictions of the system that it is kept in.

use super::records::NO_SHARED_GROUP;
use crate::{
    config::SourceEntry,
    domain::{Audience, EVERYONE},
    knowledge::document::narrowed,
};
use std::collections::BTreeSet;

/// Names that a message tells at most.
const SHOWN: usize = 3;

/// Names of groups, levels or accounts, as the system calls them: one of them
/// may see the document.
pub type Restriction = BTreeSet<String>;

/// The groups here that satisfy every restriction. A name that the
/// configuration does not translate is nobody's. The error is the reason why
/// nobody may see the document.
pub fn audience(source: &SourceEntry, restrictions: &[Restriction]) -> Result<Audience, String> {
    let translated = &source.remote.groups;
    let mut allowed: Option<BTreeSet<String>> = None;
    for restriction in restrictions {
        let groups = restriction.iter().filter_map(|name| translated.get(name));
        let groups: BTreeSet<String> = groups.cloned().collect();
        if groups.is_empty() {
            return Err(unknown(restriction));
        }
        if groups.contains(EVERYONE) {
            continue;
        }
        allowed = Some(match allowed {
            None => groups,
            Some(allowed) => allowed.intersection(&groups).cloned().collect(),
        });
    }
    let allowed: Vec<String> = match allowed {
        None => Vec::new(),
        Some(allowed) if allowed.is_empty() => {
            return Err("no group satisfies all of their restrictions".into());
        }
        Some(allowed) => allowed.into_iter().collect(),
    };
    narrowed(&source.audience, &allowed).ok_or_else(|| NO_SHARED_GROUP.into())
}

fn unknown(restriction: &Restriction) -> String {
    let shown: Vec<String> = restriction
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{name}`"))
        .collect();
    match (shown.is_empty(), restriction.len() > SHOWN) {
        (true, _) => "they are restricted to nobody".into(),
        (false, more) => format!(
            "they are restricted to {}{}, which `groups` of the source does not name",
            shown.join(", "),
            if more { " and others" } else { "" }
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_restriction_must_be_satisfied_by_a_group_that_is_named() {
        let mut source = SourceEntry::new("wiki", Path::new(""));
        for (theirs, ours) in [
            ("Staff", "staff"),
            ("Board", "board"),
            ("ada", "board"),
            ("All", "everyone"),
        ] {
            source.remote.groups.insert(theirs.into(), ours.into());
        }
        let check = |restrictions: &[&[&str]], expected: Option<&[&str]>| {
            let sets: Vec<Restriction> = restrictions
                .iter()
                .map(|names| names.iter().map(ToString::to_string).collect())
                .collect();
            let found = audience(&source, &sets).ok();
            assert_eq!(
                found,
                expected.map(|g| Audience::of(g.to_vec())),
                "{restrictions:?}"
            );
        };
        check(&[], Some(&["everyone"]));
        check(&[&["Board", "Staff"]], Some(&["board", "staff"]));
        check(&[&["Board", "strangers"]], Some(&["board"]));
        check(&[&["Board", "Staff"], &["ada"]], Some(&["board"]));
        check(&[&["All"], &["Staff"]], Some(&["staff"]));
        check(&[&["everyone"]], None);
        check(&[&[]], None);
        check(&[&["strangers"]], None);
        check(&[&["Board"], &["Staff"]], None);
    }

    #[test]
    fn restriction_never_widens_the_audience_of_its_source() {
        let mut source = SourceEntry::new("wiki", Path::new(""));
        source.audience = vec!["staff".into()];
        source
            .remote
            .groups
            .insert("Guests".into(), "guests".into());
        let guests = Restriction::from(["Guests".to_string()]);
        assert_eq!(audience(&source, &[guests]), Err(NO_SHARED_GROUP.into()));
        assert_eq!(audience(&source, &[]), Ok(Audience::of(["staff"])));
    }
}
