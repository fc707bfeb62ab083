//! What stands in which relation to what: `Heron`, owner, `Payments`.
//!
//! Found at ingestion, followed for questions that need two hops. A relation
//! says no more than its passage does, and is seen by those who see that.

use serde::{Deserialize, Serialize};

/// One relation, in the words of its passage.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Relation {
    pub subject: String,
    pub kind: RelationKind,
    pub object: String,
}

/// How the object stands to the subject: the subject's owner is the object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum RelationKind {
    /// The team or person that answers for it.
    Owner,
    /// The person at the head of a team, project or incident.
    Lead,
    ReportsTo,
    PartOf,
    DependsOn,
    CausedBy,
    /// What a ticket or an incident is about.
    About,
    LocatedIn,
    WorksOn,
    Replaces,
    Mentions,
    /// Any other labelled value: `channel`, `severity`.
    Field(String),
}

use RelationKind::{
    About, CausedBy, DependsOn, Field, Lead, LocatedIn, Mentions, Owner, PartOf, Replaces,
    ReportsTo, WorksOn,
};

/// Which side of a relation is looked for; the other one is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toward {
    Object,
    Subject,
}

/// Labels of columns and fields, and what they tell; the first of a kind names it.
const LABELS: &[(RelationKind, &[&str])] = &[
    (
        Owner,
        &[
            "owner",
            "owned by",
            "owning team",
            "owners",
            "maintained by",
            "maintainer",
            "maintainers",
            "responsible",
            "responsible team",
            "built by",
            "looked after by",
            "developed by",
            "run by",
            "team",
        ],
    ),
    (
        Lead,
        &[
            "lead",
            "led by",
            "team lead",
            "incident lead",
            "project lead",
            "head",
            "headed by",
            "leader",
            "manager",
            "managed by",
        ],
    ),
    (
        ReportsTo,
        &["reports to", "boss", "supervisor", "line manager"],
    ),
    (
        PartOf,
        &["part of", "belongs to", "department", "parent", "area"],
    ),
    (
        DependsOn,
        &[
            "depends on",
            "dependencies",
            "needs",
            "uses",
            "relies on",
            "upstream",
        ],
    ),
    (CausedBy, &["caused by", "cause", "root cause", "culprit"]),
    (
        About,
        &[
            "about",
            "product",
            "component",
            "service",
            "system",
            "affected",
            "affects",
            "concerns",
        ],
    ),
    (
        LocatedIn,
        &[
            "located in",
            "location",
            "office",
            "site",
            "based in",
            "where",
        ],
    ),
    (WorksOn, &["works on", "working on", "projects"]),
    (
        Replaces,
        &[
            "replaces",
            "replaced",
            "successor of",
            "supersedes",
            "predecessor",
        ],
    ),
    (Mentions, &["mentions"]),
];

impl RelationKind {
    /// What the label of a column or a field tells.
    pub fn of_label(label: &str) -> Self {
        let label = entity_key(&label.replace(['_', '-'], " "));
        let known = LABELS
            .iter()
            .find(|(_, labels)| labels.contains(&label.as_str()));
        known.map_or(Field(label), |(kind, _)| kind.clone())
    }

    /// As it stands between subject and object: `owner`, `depends on`.
    pub fn label(&self) -> &str {
        match self {
            Field(label) => label,
            kind => {
                let known = LABELS.iter().find(|(of, _)| of == kind);
                known.map_or("", |(_, labels)| labels[0])
            }
        }
    }

    /// By which a passage that tells such a relation of a thing is looked up. Of
    /// all the passages that name a thing only these are wanted, and a team
    /// may own a thousand pages.
    pub fn key(&self, toward: Toward, entity: &str) -> String {
        let label = match self {
            Field(_) => "field",
            kind => kind.label(),
        };
        let side = match toward {
            Toward::Object => '>',
            Toward::Subject => '<',
        };
        format!("{label} {side} {entity}")
    }

    /// Whether its object is a thing that has relations of its own.
    pub fn leads_on(&self) -> bool {
        !matches!(self, Field(_))
    }
}

impl From<String> for RelationKind {
    fn from(label: String) -> Self {
        let known = LABELS.iter().find(|(_, labels)| labels[0] == label);
        known.map_or(Field(label), |(kind, _)| kind.clone())
    }
}

impl From<RelationKind> for String {
    fn from(kind: RelationKind) -> Self {
        kind.label().to_string()
    }
}

/// The longest name that is compared, in bytes.
const LONGEST_KEY: usize = 80;

/// What two spellings of a name have in common: `the *Payments* team` and
/// `Payments` are one. Empty where nothing is left, or too much.
pub fn entity_key(name: &str) -> String {
    let plain = match name.split_once(" (") {
        Some((before, _)) if !before.trim().is_empty() => before,
        _ => name,
    };
    let words: Vec<String> = plain
        .split(|c: char| c.is_whitespace() || "*`\"“”„,;:!?|[]()".contains(c))
        .map(|word| {
            word.trim_matches(|c: char| "._#'’".contains(c))
                .to_lowercase()
        })
        .filter(|word| !word.is_empty())
        .collect();
    let mut words = words.as_slice();
    while let [first, rest @ ..] = words
        && !rest.is_empty()
        && ["the", "a", "an", "our"].contains(&first.as_str())
    {
        words = rest;
    }
    while let [rest @ .., last] = words
        && !rest.is_empty()
        && ["team", "service", "system", "squad", "department"].contains(&last.as_str())
        && rest != ["owning"]
    {
        words = rest;
    }
    let key = words.join(" ");
    if key.len() > LONGEST_KEY {
        String::new()
    } else {
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_have_one_key() {
        let check = |name: &str, key: &str| assert_eq!(entity_key(name), key, "{name}");
        check("Heron", "heron");
        check("the **Payments** team", "payments");
        check("Desk (web)", "desk");
        check("`heron-edge`", "heron-edge");
        check("  Ada  Obi. ", "ada obi");
        check("REQ-1042", "req-1042");
        check("The", "the");
        check("(web)", "web");
        check(&"long ".repeat(40), "");
    }

    #[test]
    fn labels_of_many_words_tell_one_kind() {
        let check = |label: &str, kind: RelationKind| {
            assert_eq!(RelationKind::of_label(label), kind, "{label}");
        };
        check("Owner", Owner);
        check("Team Lead", Lead);
        check("reports_to", ReportsTo);
        check("Depends on", DependsOn);
        check("Slack channel", Field("slack channel".into()));
        for (kind, labels) in LABELS {
            assert_eq!(RelationKind::from(String::from(kind.clone())), *kind);
            for label in *labels {
                check(label, kind.clone());
            }
        }
    }
}
