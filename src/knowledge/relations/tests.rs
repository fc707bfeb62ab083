use super::*;
use crate::{
    domain::{Audience, DocumentId},
    knowledge::{Body, Standing},
};

fn page(title: &str) -> Document {
    Document {
        id: DocumentId::new("teams/page.md"),
        source: "docs".into(),
        origin: "teams/page.md".into(),
        kind: SourceKind::Documents,
        title: title.into(),
        locator: "teams/page.md".into(),
        facts: String::new(),
        body: Body::Plain(String::new()),
        date: None,
        owner: None,
        audience: Audience::everyone(),
        standing: Standing::default(),
        supersedes: Vec::new(),
        bytes: 0,
    }
}

fn passage(section: &str, text: &str) -> Passage {
    Passage {
        section: section.into(),
        text: text.into(),
        plain: text.into(),
        position: 0,
    }
}

/// Each as `subject | kind | object`.
fn told(document: &Document, section: &str, text: &str) -> Vec<String> {
    let found = relations(document, &[passage(section, text)]);
    let found = found.into_iter().flatten();
    found
        .map(|r| format!("{} | {} | {}", r.subject, r.kind.label(), r.object))
        .collect()
}

#[test]
fn structure_of_a_page_tells_relations() {
    let check = |section: &str, text: &str, expected: &[&str]| {
        assert_eq!(told(&page("Plumage"), section, text), expected, "{text}");
    };
    check(
        "",
        "| Name | What it is | Owner |\n|---|---|---|\n| **Wren** | a queue | Nest |\n| Finch | - | Nest, Perch |",
        &[
            "Wren | what it is | a queue",
            "Wren | owner | Nest",
            "Finch | owner | Nest",
            "Finch | owner | Perch",
        ],
    );
    check(
        "",
        "| Person | Leads | Manager |\n|--|--|--|\n| Ada Obi | Nest | Ines Roe |",
        &["Nest | lead | Ada Obi", "Ada Obi | reports to | Ines Roe"],
    );
    check(
        "",
        "Lead: Ada Obi. 16 people.",
        &["Plumage | lead | Ada Obi"],
    );
    check("Nest > Perch", "Owner: Wren", &["Perch | owner | Wren"]);
    check(
        "",
        "**Severity:** SEV1. **Incident lead:** Ada Obi.",
        &["Plumage | severity | SEV1", "Plumage | lead | Ada Obi"],
    );
    check(
        "",
        "- **Wren**: the new queue. Lead: Ada Obi. In beta.",
        &["Wren | lead | Ada Obi"],
    );
    check(
        "",
        "See INC-12 and `INC-12`.",
        &["Plumage | mentions | INC-12"],
    );
    check("", "Please note: it rains.\n\n| no | table |", &[]);
}

#[test]
fn sentences_of_known_forms_tell_relations() {
    let check = |text: &str, expected: &[&str]| {
        assert_eq!(told(&page("Plumage"), "", text), expected, "{text}");
    };
    check("Wren is owned by the Nest team.", &["Wren | owner | Nest"]);
    check("Nest owns the Wren queue.", &["Wren | owner | Nest"]);
    check("Ada Obi leads Nest.", &["Nest | lead | Ada Obi"]);
    check("Wren depends on Finch.", &["Wren | depends on | Finch"]);
    check(
        "`wren-1` replaced `finch-2`.",
        &["wren-1 | replaces | finch-2"],
    );
    check("The rain was caused by clouds.", &[]);
}

#[test]
fn fields_of_a_record_are_told_of_its_id() {
    let mut ticket = page("Till is dark");
    ticket.id = DocumentId::new("REQ-7");
    ticket.kind = SourceKind::Tickets;
    ticket.facts = "REQ-7 · status: open · product: Wren".into();
    ticket.owner = Some("Nest".into());
    assert_eq!(
        told(&ticket, "", "It is dark."),
        [
            "REQ-7 | owner | Nest",
            "REQ-7 | status | open",
            "REQ-7 | about | Wren"
        ]
    );
}

#[test]
fn passage_is_looked_up_by_both_sides_of_what_it_tells() {
    let found = relations(
        &page("Plumage"),
        &[passage(
            "",
            "| Team | Lead | People |\n|-|-|-|\n| Nest | Ada Obi | 16 |",
        )],
    );
    assert_eq!(
        relation_keys(&found[0]),
        ["field > nest", "lead < ada obi", "lead > nest"]
    );
}
