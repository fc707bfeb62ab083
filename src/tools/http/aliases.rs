//! What people call the records that a document's paths name: where
//! `/me/tracks` is described as "a list of the songs", tracks are songs.
//!
//! Promise: only what the document says itself. A word has one other at most,
//! and none that names records of another path.

use super::{naming::snake_case, operation::Operation};
use crate::domain::{kind_of_record, singular};
use std::collections::{BTreeMap, BTreeSet};

/// By the kind of record that the paths name: the other word, singular.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Aliases(BTreeMap<String, String>);

/// What a sentence about reading begins with.
const READS: [&str; 10] = [
    "get",
    "gets",
    "list",
    "lists",
    "return",
    "returns",
    "retrieve",
    "retrieves",
    "fetch",
    "show",
];
/// What stands before the records in it.
const BEFORE: [&str; 16] = [
    "a",
    "an",
    "the",
    "all",
    "of",
    "your",
    "my",
    "list",
    "lists",
    "page",
    "array",
    "collection",
    "every",
    "available",
    "current",
    "paginated",
];
/// What stands behind them.
const BEHIND: [&str; 22] = [
    "in", "of", "for", "by", "with", "that", "which", "from", "to", "on", "at", "about", "within",
    "whose", "and", "or", "as", "matching", "you", "are", "where", "visible",
];
/// Words for records of any kind.
const ANY_RECORD: [&str; 12] = [
    "items",
    "objects",
    "records",
    "results",
    "entries",
    "resources",
    "details",
    "pages",
    "elements",
    "values",
    "contents",
    "rows",
];

impl Aliases {
    pub(super) fn of(operations: &[&Operation]) -> Self {
        let named: BTreeSet<String> = operations
            .iter()
            .flat_map(|operation| literal_words(&operation.path))
            .map(|word| kind_of_record(&word))
            .collect();
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for operation in operations {
            let Some(noun) = records_of(&operation.path) else {
                continue;
            };
            let kind = kind_of_record(&noun);
            for sentence in operation.description.split(". ") {
                let Some(other) = records_in(sentence) else {
                    continue;
                };
                let says_it = words(sentence).any(|word| kind_of_record(&word) == kind);
                if !says_it && !named.contains(&kind_of_record(&other)) {
                    let others = found.entry(kind.clone()).or_default();
                    others.insert(singular(&other));
                }
            }
        }
        let mut uses: BTreeMap<String, usize> = BTreeMap::new();
        for other in found.values().flatten() {
            *uses.entry(other.clone()).or_default() += 1;
        }
        let only = |others: BTreeSet<String>| match Vec::from_iter(others).as_slice() {
            [other] if uses[other] == 1 => Some(other.clone()),
            _ => None,
        };
        let aliases = found.into_iter();
        Self(
            aliases
                .filter_map(|(kind, others)| Some((kind, only(others)?)))
                .collect(),
        )
    }

    /// The sentences of a text that name such records, in the other word.
    pub(super) fn reworded(&self, text: &str) -> Vec<String> {
        let sentences = text.split(". ").filter_map(|sentence| {
            let said = self.said_otherwise(sentence);
            (said != sentence).then_some(said)
        });
        sentences.collect()
    }

    fn said_otherwise(&self, sentence: &str) -> String {
        let mut said = String::new();
        for piece in sentence.split_inclusive(|c: char| !c.is_alphanumeric()) {
            let word = piece.trim_end_matches(|c: char| !c.is_alphanumeric());
            match self.0.get(&kind_of_record(word)) {
                Some(other) => {
                    let many = singular(word) != word.to_lowercase();
                    said.push_str(other);
                    said.push_str(if many { "s" } else { "" });
                    said.push_str(&piece[word.len()..]);
                }
                None => said.push_str(piece),
            }
        }
        said
    }
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

fn literal_words(path: &str) -> impl Iterator<Item = String> {
    let literal = path.split('/').filter(|segment| !segment.contains('{'));
    literal.flat_map(|segment| words(&snake_case(segment).replace('_', " ")).collect::<Vec<_>>())
}

/// `tracks` of `/artists/{id}/top-tracks`: the last word, where it is a plural.
fn records_of(path: &str) -> Option<String> {
    let last = path.rsplit('/').find(|segment| !segment.is_empty())?;
    if last.contains(['{', '.']) {
        return None;
    }
    literal_words(last).last().filter(|word| is_plural(word))
}

/// `songs` of "Get a list of the songs saved in the library".
fn records_in(sentence: &str) -> Option<String> {
    let phrase = sentence.split([',', '(', ':', ';']).next()?.to_lowercase();
    let mut words = phrase.split_whitespace();
    words.next().filter(|word| READS.contains(word))?;
    let belongs = |word: &str| word.ends_with("'s") || word.ends_with("’s");
    let noun = words
        .skip_while(|word| BEFORE.contains(word) || belongs(word))
        .take_while(|word| !BEHIND.contains(word) && !word.ends_with("ed"))
        .last()?;
    let noun = noun.trim_end_matches('.');
    let is_word = noun.chars().all(char::is_alphabetic);
    (is_word && is_plural(noun) && !ANY_RECORD.contains(&noun)).then(|| noun.to_string())
}

fn is_plural(word: &str) -> bool {
    singular(word) != word
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::http::{document::Document, operation::read_all};
    use serde_json::{Map, json};

    /// What `GET` of each path is said to do, and what follows of it for a text.
    fn reworded(paths: &[(&str, &str)], text: &str) -> Vec<String> {
        let paths: Map<String, serde_json::Value> = paths
            .iter()
            .map(|(path, says)| (path.to_string(), json!({"get": {"summary": says}})))
            .collect();
        let document = json!({"openapi": "3.0.3", "info": {"title": "t", "version": "1"},
            "servers": [{"url": "https://api.example.com"}], "paths": paths});
        let document = Document::parse(&document.to_string()).unwrap();
        let read = read_all(&document, None);
        let operations: Vec<&Operation> = read.iter().flatten().collect();
        Aliases::of(&operations).reworded(text)
    }

    #[test]
    fn a_word_for_the_records_of_a_path_is_learned_from_its_description() {
        let check = |path: &str, says: &str, text: &str, expected: &[&str]| {
            assert_eq!(reworded(&[(path, says)], text), expected, "{path}: {says}");
        };
        let staff = "List the employees of a branch";
        check(
            "/staff/members",
            staff,
            "Get one member",
            &["Get one employee"],
        );
        let saved = "Get a list of the songs saved in your library";
        check("/me/tracks", saved, "The tracks. A hit", &["The songs"]);
        check(
            "/tickets",
            "Returns all issues",
            "Open tickets",
            &["Open issues"],
        );
        // It calls them so itself.
        check("/tickets", "List tickets of issues", "Open tickets", &[]);
        check("/tickets", "Get a list of items", "Open tickets", &[]);
        check("/me", "Get the current user's profile", "Show me", &[]);
        check("/tickets/{id}", "Get all issues", "A ticket", &[]);
    }

    #[test]
    fn a_word_that_names_other_records_is_no_other_word() {
        let both = [("/tickets", "List issues"), ("/issues", "List issues")];
        assert!(reworded(&both, "Open tickets").is_empty());
        let twice = [("/tickets", "List cases"), ("/orders", "List cases")];
        assert!(reworded(&twice, "Open tickets").is_empty());
        let two = [("/tickets", "List cases"), ("/old/tickets", "List issues")];
        assert!(reworded(&two, "Open tickets").is_empty());
    }
}
