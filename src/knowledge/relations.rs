//! The relations that a document tells, found in its structure: front matter,
//! fields of a record, tables, labelled values, and sentences of a few forms.
//!
//! Promise: a relation is kept with the passage that tells it, so it changes
//! and goes with its document, and is seen by those who see the passage. Not
//! promised: what a sentence of another form says.

use super::{document::Document, passage::Passage};
use crate::domain::{Relation, RelationKind, SourceKind, Toward, entity_key};
use regex::Regex;
use std::{collections::BTreeSet, sync::LazyLock};

/// Of one passage at most.
const MOST: usize = 96;

/// A value of more bytes is a text, and no name or figure.
const LONGEST: usize = 120;

/// Changes with every change of what is found, so that documents are read again.
pub const EDITION: u32 = 1;

/// The relations of each passage, in the order of the passages.
pub fn relations(document: &Document, passages: &[Passage]) -> Vec<Vec<Relation>> {
    let told = passages.iter().map(|passage| {
        let mut found = Found::default();
        if passage.position == 0 {
            of_document(document, &mut found);
        }
        of_passage(document, passage, &mut found);
        found.0
    });
    told.collect()
}

/// What a passage is looked up by: each of its relations from its subject, and
/// from its object where that is a thing of its own.
pub fn relation_keys(relations: &[Relation]) -> Vec<String> {
    let mut keys = BTreeSet::new();
    for Relation {
        subject,
        kind,
        object,
    } in relations
    {
        keys.insert(kind.key(Toward::Object, &entity_key(subject)));
        if kind.leads_on() {
            keys.insert(kind.key(Toward::Subject, &entity_key(object)));
        }
    }
    keys.into_iter().collect()
}

#[derive(Default)]
struct Found(Vec<Relation>);

impl Found {
    fn add(&mut self, subject: &str, kind: &RelationKind, object: &str) {
        let [subject, object] = [subject, object].map(plain);
        let is_fit = |text: &str| !text.is_empty() && text.len() <= LONGEST;
        let says_nothing = ["-", "–", "—", "n/a", "none", "?", "tbd"];
        if !is_fit(&subject)
            || !is_fit(&object)
            || entity_key(&subject).is_empty()
            || says_nothing.contains(&object.to_lowercase().as_str())
            || entity_key(&subject) == entity_key(&object)
        {
            return;
        }
        let kind = kind.clone();
        let relation = Relation {
            subject,
            kind,
            object,
        };
        if self.0.len() < MOST && !self.0.contains(&relation) {
            self.0.push(relation);
        }
    }

    /// A cell or a value may name several: `Heron, Kelp and Tidepool`.
    fn add_each(&mut self, subject: &str, kind: &RelationKind, objects: &str) {
        static BETWEEN: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"\s*(?:[,;]|<br ?/?>|\band\b)\s*").expect("is a pattern"));
        if !kind.leads_on() {
            return self.add(subject, kind, objects);
        }
        for object in BETWEEN.split(objects) {
            self.add(subject, kind, object);
        }
    }
}

/// Without the marks of Markdown and without what a link leads to.
fn plain(text: &str) -> String {
    static LINK: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\[([^\]]*)\]\([^)]*\)").expect("is a pattern"));
    let text = LINK.replace_all(text, "$1");
    let text: String = text.chars().filter(|c| !"*`".contains(*c)).collect();
    text.trim()
        .trim_end_matches(['.', ',', ';'])
        .trim()
        .to_string()
}

/// What a document is called: a record by its id, a page by its title.
fn name(document: &Document) -> &str {
    match document.facts.is_empty() && document.kind != SourceKind::Tickets {
        true => &document.title,
        false => document.id.as_str(),
    }
}

fn of_document(document: &Document, found: &mut Found) {
    let name = name(document);
    if let Some(owner) = &document.owner {
        found.add(name, &RelationKind::Owner, owner);
    }
    for older in &document.supersedes {
        found.add(name, &RelationKind::Replaces, older);
    }
    for fact in document.facts.split(" · ") {
        if let Some((label, value)) = fact.split_once(": ") {
            found.add_each(name, &RelationKind::of_label(label), value);
        }
    }
}

fn of_passage(document: &Document, passage: &Passage, found: &mut Found) {
    let about = match passage.section.rsplit(" > ").next() {
        Some(heading) if !heading.is_empty() => heading,
        _ => name(document),
    };
    let mut table: Option<Vec<String>> = None;
    let mut lines = passage.text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(cells) = cells(line) {
            match &table {
                Some(header) => row(header, &cells, found),
                None if lines.peek().is_some_and(|next| is_rule(next)) => {
                    lines.next();
                    table = Some(cells);
                }
                None => {}
            }
            continue;
        }
        table = None;
        let (subject, rest) = item(line).unwrap_or((about, line));
        labelled(subject, rest, found);
        sentences(line, found);
    }
    static ID: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\b[A-Z]{2,6}-\d{1,8}\b").expect("is a pattern"));
    for id in ID.find_iter(&passage.text).take(16) {
        found.add(name(document), &RelationKind::Mentions, id.as_str());
    }
}

fn cells(line: &str) -> Option<Vec<String>> {
    let inner = line.trim().strip_prefix('|')?;
    let inner = inner.strip_suffix('|').unwrap_or(inner);
    Some(
        inner
            .split('|')
            .map(|cell| cell.trim().to_string())
            .collect(),
    )
}

/// The line between a table's header and its rows.
fn is_rule(line: &str) -> bool {
    cells(line).is_some_and(|cells| {
        let dashes = |cell: &String| cell.contains('-') && cell.chars().all(|c| "-: ".contains(c));
        cells.iter().all(dashes)
    })
}

/// The first cell of a row is what the others are told of.
fn row(header: &[String], cells: &[String], found: &mut Found) {
    let Some((subject, values)) = cells.split_first() else {
        return;
    };
    // The people of a table lead something, whatever leads them.
    let people = ["person", "name of person", "who"];
    let of_people = header
        .first()
        .is_some_and(|label| people.contains(&entity_key(label).as_str()));
    for (label, value) in header.iter().skip(1).zip(values) {
        if label.is_empty() {
            continue;
        }
        match RelationKind::of_label(label) {
            _ if of_people && ["leads", "heads"].contains(&entity_key(label).as_str()) => {
                for led in value.split(',') {
                    found.add(led, &RelationKind::Lead, subject);
                }
            }
            RelationKind::Lead if of_people => found.add(subject, &RelationKind::ReportsTo, value),
            RelationKind::Owner if of_people => found.add(subject, &RelationKind::PartOf, value),
            kind => found.add_each(subject, &kind, value),
        }
    }
}

/// `- **Moonraker**: the new engine. Lead: Ada Obi.`: what the item is about, and its text.
fn item(line: &str) -> Option<(&str, &str)> {
    static ITEM: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^\s*(?:[-*+]|\d+[.)])\s+\*\*([^*]{2,60})\*\*:?\s*(.*)$").expect("is a pattern")
    });
    let parts = ITEM.captures(line)?;
    let subject = parts.get(1)?.as_str().trim_end_matches(':');
    Some((subject, parts.get(2)?.as_str()))
}

/// `Lead: Ada Obi. 16 people.`, `**Severity:** SEV1.`
fn labelled(subject: &str, text: &str, found: &mut Found) {
    static LABELLED: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"(?:^|[.;]\s+|\*\*)(?:\*\*)?([\p{L}][\p{L} -]{1,24}?)(?::\*\*|\*\*:|:)\s+([^.;\n]{1,120}?)(?:[.;](?:\s|$)|\s\*\*|$)",
        )
        .expect("is a pattern")
    });
    let mut at = 0;
    while let Some(parts) = LABELLED.captures_at(text, at) {
        let (Some(label), Some(value)) = (parts.get(1), parts.get(2)) else {
            return;
        };
        let kind = RelationKind::of_label(label.as_str());
        // Any words may stand before a colon; those in bold are meant as a label.
        let is_bold = text[..label.start()].ends_with("**");
        if kind.leads_on() || is_bold {
            found.add_each(subject, &kind, value.as_str());
        }
        at = value.end();
    }
}

/// A name in a sentence: capitalised words, an id, or code.
const NAME: &str =
    r"(?:`[^`\n]{2,40}`|[A-Z]{2,6}-\d{1,8}|\p{Lu}[\p{L}\d'’-]*(?: \p{Lu}[\p{L}\d'’-]*){0,4})";

/// `X is owned by Y`, `Y leads X`.
fn sentences(line: &str, found: &mut Found) {
    use RelationKind::{
        CausedBy, DependsOn, LocatedIn, Owner, PartOf, Replaces, ReportsTo, WorksOn,
    };
    static FORMS: LazyLock<Vec<(Regex, RelationKind)>> = LazyLock::new(|| {
        // The subject `s` comes first in the passive, the object `o` in the active.
        let passive = |verbs: &str| {
            format!(r"(?<s>{NAME}) (?:team |service )?(?:{verbs}) (?:the )?(?<o>{NAME})")
        };
        let active =
            |verbs: &str| format!(r"(?<o>{NAME}) (?:team )?(?:{verbs}) (?:the )?(?<s>{NAME})");
        let be = r"(?:is|are|was|were) (?:now )?";
        [
            (
                passive(&format!(
                    "{be}(?:owned|maintained|run|operated|built|looked after) by"
                )),
                Owner,
            ),
            (
                active("owns|maintains|looks after|is responsible for|operates"),
                Owner,
            ),
            (
                passive(&format!("{be}(?:led|headed|managed) by")),
                RelationKind::Lead,
            ),
            (
                active("leads|heads|is the head of|is the lead of"),
                RelationKind::Lead,
            ),
            (passive("reports to"), ReportsTo),
            (passive(r"depends on|relies on"), DependsOn),
            (passive(&format!("{be}caused by")), CausedBy),
            (active("caused"), CausedBy),
            (passive(r"belongs to|is part of"), PartOf),
            (passive(r"is located in|is based in|sits in"), LocatedIn),
            (passive(r"works on"), WorksOn),
            (passive(r"replaces|replaced"), Replaces),
        ]
        .into_iter()
        .map(|(form, kind)| (Regex::new(&form).expect("is a pattern"), kind))
        .collect()
    });
    for (form, kind) in FORMS.iter() {
        for parts in form.captures_iter(line) {
            if let (Some(subject), Some(object)) = (parts.name("s"), parts.name("o")) {
                found.add(subject.as_str(), kind, object.as_str());
            }
        }
    }
}

#[cfg(test)]
mod tests;
