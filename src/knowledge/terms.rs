//! The words of a text, as keyword search counts them.
//!
//! Lower case, accents folded, English Snowball stems (Porter, 2001). A name
//! such as `REQ-1234`, `E-4012` or `api.user_id` counts whole and in its
//! parts, so that it is found exactly and still by a part of it. Scripts
//! without spaces count as pairs of characters.

use qdrant_rust_stemmers::{Algorithm, Stemmer};
use std::collections::BTreeMap;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// BM25 (Robertson and Zaragoza, 2009). The inverse document frequency is the
/// index's part, because it changes with every passage and with who asks.
const K1: f32 = 1.2;
const B: f32 = 0.75;
/// Terms in an average passage. Fixed, so that a passage's weights never depend on the others.
const AVERAGE_TERMS: f32 = 100.0;

/// Words so frequent that they say nothing about the topic.
const STOP_WORDS: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "could", "did", "do",
    "does", "for", "from", "had", "has", "have", "he", "her", "him", "his", "how", "i", "if", "in",
    "into", "is", "it", "its", "me", "my", "no", "not", "of", "on", "or", "our", "she", "should",
    "so", "such", "than", "that", "the", "their", "them", "then", "there", "these", "they", "this",
    "those", "to", "was", "we", "were", "what", "when", "where", "which", "who", "why", "will",
    "with", "would", "you", "your",
];

/// A sparse vector: term ids, ascending, and their weights.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TermVector {
    pub indices: Vec<u32>,
    pub values: Vec<f32>,
}

/// The weight of every term of a passage; a term of the heading counts `heading_weight` times.
pub fn passage_vector(heading: &str, text: &str, heading_weight: f32) -> TermVector {
    let mut frequency: BTreeMap<u32, f32> = BTreeMap::new();
    let mut length = 0.0;
    for (part, weight) in [(heading, heading_weight), (text, 1.0)] {
        for_each_term(part, |term| {
            *frequency.entry(term_id(term)).or_default() += weight;
            length += 1.0;
        });
    }
    let norm = K1 * (1.0 - B + B * length / AVERAGE_TERMS);
    frequency
        .into_iter()
        .map(|(id, tf)| (id, tf * (K1 + 1.0) / (tf + norm)))
        .collect()
}

/// Each term of a question once, with weight 1. A question of stop words alone keeps them.
pub fn query_vector(text: &str) -> TermVector {
    let mut ids: BTreeMap<u32, f32> = BTreeMap::new();
    for_each_term(text, |term| {
        ids.insert(term_id(term), 1.0);
    });
    ids.into_iter().collect()
}

impl FromIterator<(u32, f32)> for TermVector {
    fn from_iter<T: IntoIterator<Item = (u32, f32)>>(terms: T) -> Self {
        let (indices, values) = terms.into_iter().unzip();
        Self { indices, values }
    }
}

/// Visits every term of a text, repetitions included.
fn for_each_term(text: &str, mut visit: impl FnMut(&str)) {
    let stemmer = Stemmer::create(Algorithm::English);
    let folded: String = text
        .nfkd()
        .filter(|&c| !is_combining_mark(c))
        .flat_map(char::to_lowercase)
        .collect();
    for name in folded.split(|c: char| !is_name_char(c)) {
        let name = name.trim_matches(|c: char| !c.is_alphanumeric());
        if name.is_empty() {
            continue;
        }
        let mut parts = name
            .split(|c: char| !c.is_alphanumeric())
            .filter(|part| !part.is_empty())
            .peekable();
        let first = parts.next().unwrap_or(name);
        let compound = parts.peek().is_some() && name.len() <= MAX_NAME;
        if compound && !name.contains(['\'', '’']) {
            visit(name);
        }
        for part in std::iter::once(first).chain(parts) {
            visit_word(part, &stemmer, &mut visit);
        }
    }
}

fn visit_word(word: &str, stemmer: &Stemmer, visit: &mut impl FnMut(&str)) {
    if word.chars().any(is_written_without_spaces) {
        let characters: Vec<char> = word.chars().collect();
        if characters.len() == 1 {
            visit(word);
        }
        for pair in characters.windows(2) {
            visit(&pair.iter().collect::<String>());
        }
    } else if STOP_WORDS.binary_search(&word).is_err() && word.len() <= MAX_NAME {
        visit(&stemmer.stem(word));
    }
}

/// Longer runs are encoded data, which nobody types into a question.
const MAX_NAME: usize = 80;

/// Characters that hold the parts of a name together.
fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '@' | '\'' | '’' | '#')
}

fn is_written_without_spaces(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{0e00}'..='\u{0e7f}' | '\u{f900}'..='\u{faff}')
}

/// FNV-1a, 32 bits: the same term has the same id in every release.
fn term_id(term: &str) -> u32 {
    term.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let mut terms = Vec::new();
        for_each_term(text, |term| terms.push(term.to_string()));
        assert_eq!(terms, expected, "{text}");
    }

    #[test]
    fn words_are_folded_and_stemmed() {
        check("How do refunds work?", &["refund", "work"]);
        check("Résumé updates, UPDATED", &["resum", "updat", "updat"]);
        check("don't panic", &["don", "t", "panic"]);
    }

    #[test]
    fn names_count_whole_and_in_parts() {
        check("see REQ-1234.", &["see", "req-1234", "req", "1234"]);
        check(
            "error E-4012: denied",
            &["error", "e-4012", "e", "4012", "deni"],
        );
        check("api.user_id", &["api.user_id", "api", "user", "id"]);
    }

    #[test]
    fn text_without_spaces_counts_as_pairs() {
        check("休暇規定", &["休暇", "暇規", "規定"]);
    }

    #[test]
    fn hostile_text_has_terms_or_none() {
        check("", &[]);
        check("--- ... ///", &[]);
        check(&"x".repeat(10_000), &[]);
    }

    #[test]
    fn stop_words_are_sorted_for_the_search_in_them() {
        assert!(STOP_WORDS.is_sorted());
    }
}
