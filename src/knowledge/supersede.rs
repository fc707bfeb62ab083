//! Which document is replaced by which, from what the newer ones say.

use super::index::Known;
use crate::domain::DocumentId;
use std::collections::HashMap;

/// For every document that a newer one names in `supersedes`, or that names a
/// newer one itself: that newer one.
///
/// A name is looked for beside the naming document, then from the top of the
/// source, then by its last part where only one document has it; the ending
/// `.md` may be left out. A name that fits nothing is let go: the older page
/// may simply have been deleted.
pub fn superseded_by(documents: &HashMap<DocumentId, Known>) -> HashMap<DocumentId, DocumentId> {
    let mut replaced = HashMap::new();
    // In order of id, so that two documents that claim the same page give the same result each time.
    let mut newer: Vec<_> = documents
        .iter()
        .filter(|(_, known)| !known.supersedes.is_empty())
        .collect();
    newer.sort_by_key(|(id, _)| *id);
    for (id, known) in newer {
        for name in &known.supersedes {
            if let Some(older) = resolve(name, id, documents).filter(|older| *older != id) {
                replaced.insert(older.clone(), id.clone());
            }
        }
    }
    let mut older: Vec<_> = documents.iter().collect();
    older.sort_by_key(|(id, _)| *id);
    for (id, known) in older {
        let newer = known.standing.replaced_by.iter();
        let mut newer = newer.filter_map(|name| resolve(name, id, documents));
        if let Some(newer) = newer.find(|newer| *newer != id) {
            replaced.insert(id.clone(), newer.clone());
        }
    }
    replaced
}

fn resolve<'a>(
    name: &str,
    from: &DocumentId,
    documents: &'a HashMap<DocumentId, Known>,
) -> Option<&'a DocumentId> {
    let folder = from
        .as_str()
        .rsplit_once('/')
        .map_or("", |(folder, _)| folder);
    let name = name.trim().trim_start_matches('/');
    let beside = normal_path(&format!("{folder}/{name}"));
    [beside, normal_path(name)]
        .into_iter()
        .flat_map(|path| [format!("{path}.md"), path])
        .find_map(|path| documents.get_key_value(&DocumentId::new(path)))
        .map(|(id, _)| id)
        .or_else(|| only_one_ending_with(name, documents))
}

fn only_one_ending_with<'a>(
    name: &str,
    documents: &'a HashMap<DocumentId, Known>,
) -> Option<&'a DocumentId> {
    let ends = |id: &str| {
        let last = id.rsplit('/').next().unwrap_or(id);
        last == name || last.strip_suffix(".md") == Some(name)
    };
    let mut found = documents.keys().filter(|id| ends(id.as_str()));
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// `a/../b/./c` becomes `b/c`; a path that leaves the top stays at the top.
fn normal_path(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::Standing;

    fn check(newer: &str, names: &[&str], others: &[&str], expected: Option<&str>) {
        let known = |supersedes: &[&str]| Known {
            hash: String::new(),
            origin: String::new(),
            supersedes: supersedes.iter().map(ToString::to_string).collect(),
            standing: Standing::default(),
            superseded_by: None,
        };
        let mut documents: HashMap<_, _> = others
            .iter()
            .map(|id| (DocumentId::new(*id), known(&[])))
            .collect();
        documents.insert(DocumentId::new(newer), known(names));
        let found = superseded_by(&documents);
        let older: Vec<&str> = found.keys().map(DocumentId::as_str).collect();
        assert_eq!(older, expected.into_iter().collect::<Vec<_>>(), "{names:?}");
    }

    #[test]
    fn older_page_is_found_however_it_is_named() {
        let others = ["hr/travel-2023.md", "travel.md", "it/vpn.md"];
        check(
            "hr/travel.md",
            &["travel-2023.md"],
            &others,
            Some("hr/travel-2023.md"),
        );
        check(
            "hr/travel.md",
            &["travel-2023"],
            &others,
            Some("hr/travel-2023.md"),
        );
        check(
            "hr/travel.md",
            &["/hr/travel-2023.md"],
            &others,
            Some("hr/travel-2023.md"),
        );
        check(
            "hr/travel.md",
            &["../it/vpn.md"],
            &others,
            Some("it/vpn.md"),
        );
        check("travel.md", &["vpn"], &others, Some("it/vpn.md"));
    }

    #[test]
    fn older_page_may_name_the_newer_one_itself() {
        let known = |replaced_by: &[&str]| Known {
            hash: String::new(),
            origin: String::new(),
            supersedes: Vec::new(),
            standing: Standing {
                replaced_by: replaced_by.iter().map(ToString::to_string).collect(),
                ..Standing::default()
            },
            superseded_by: None,
        };
        let documents = HashMap::from([
            (
                DocumentId::new("hr/travel-2023.md"),
                known(&["gone.md", "travel.md"]),
            ),
            (DocumentId::new("hr/travel.md"), known(&[])),
            (DocumentId::new("hr/own.md"), known(&["own.md"])),
        ]);
        let found = superseded_by(&documents);
        let expected = (
            DocumentId::new("hr/travel-2023.md"),
            DocumentId::new("hr/travel.md"),
        );
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [expected]);
    }

    #[test]
    fn name_that_fits_nothing_or_too_much_supersedes_nothing() {
        check("a/new.md", &["gone.md"], &["b/old.md"], None);
        check("new.md", &["old"], &["a/old.md", "b/old.md"], None);
        check("new.md", &["new.md"], &[], None);
        check("new.md", &["../../../etc/passwd", ""], &[], None);
    }
}
