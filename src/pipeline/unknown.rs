//! Names that nothing found has: whoever asks about project Zorlan, which no
//! page mentions, is not helped by a page about project Quobel.
//!
//! A name is told from the language's own words by its pieces: the tokenizer
//! has a piece of its own for each usual word, and cuts what it has not seen.

use crate::ports::Encoded;
use std::collections::HashSet;
use unicode_segmentation::UnicodeSegmentation;

/// Pieces from which on a word is a name.
const PIECES: usize = 3;
/// The same for a word that begins with a capital inside a sentence.
const CAPITAL_PIECES: usize = 2;
const LETTERS: usize = 5;
/// Shorter parts of a compound could be any word's end.
const PART: usize = 4;
/// More unknown words than this are another language, not a name.
const NAMES: usize = 2;

/// Whether the question names something that is in none of the passages,
/// whose words `passages` are, stemmed.
pub(super) fn names_something_unknown(
    question: &str,
    asked: &Encoded,
    passages: &[HashSet<String>],
) -> bool {
    if passages.is_empty() {
        return false;
    }
    let unknown = question
        .unicode_word_indices()
        .filter(|(at, word)| is_name(asked, *at, word))
        .filter(|(_, word)| !passages.iter().any(|words| is_known(word, words)))
        .count();
    (1..=NAMES).contains(&unknown)
}

fn is_name(asked: &Encoded, at: usize, word: &str) -> bool {
    let pieces = asked
        .spans
        .iter()
        .filter(|span| (at..at + word.len()).contains(&span.start))
        .count();
    let capital = at > 0 && word.starts_with(char::is_uppercase);
    word.chars().count() >= LETTERS
        && word.chars().all(char::is_alphabetic)
        && pieces >= if capital { CAPITAL_PIECES } else { PIECES }
}

/// As it stands, with slips of the finger, as part of a longer word or put
/// together from two.
fn is_known(word: &str, words: &HashSet<String>) -> bool {
    let word = word.to_lowercase();
    let slips = if word.chars().count() >= 8 { 2 } else { 1 };
    words.iter().any(|known| {
        let known = known.to_lowercase();
        strsim::osa_distance(&word, &known) <= slips
            || known.len() >= PART && word.contains(&known)
            || known.contains(word.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `pieces` are cut by `|`, as a tokenizer would.
    fn unknown(pieces: &str, passages: &[&str]) -> bool {
        let mut asked = Encoded::default();
        let mut question = String::new();
        for piece in pieces.split_inclusive(['|', ' ']) {
            let piece = piece.trim_end_matches('|');
            asked
                .spans
                .push(question.len()..question.len() + piece.trim_end().len());
            question.push_str(piece);
        }
        let passages: Vec<HashSet<String>> = passages
            .iter()
            .map(|text| super::super::grounding::word_set(text))
            .collect();
        names_something_unknown(&question, &asked, &passages)
    }

    #[test]
    fn name_is_unknown_where_no_passage_has_it() {
        let pages = ["The budget of project Quobel", "Project Mivek"];
        assert!(unknown("budget of project Zor|lan|vek", &pages));
        assert!(unknown("zor|lan|vek budget", &pages));
        assert!(unknown("budget of Zor|lanvek", &pages));
        assert!(!unknown("budget of Quo|bel", &pages));
        assert!(!unknown("budget of qu|o|bel", &pages));
    }

    #[test]
    fn usual_word_is_no_name() {
        let pages = ["The budget of project Quobel"];
        assert!(!unknown("vacation in project Quo|bel", &pages));
        assert!(!unknown("Va|cation in project Quo|bel", &pages));
    }

    #[test]
    fn slip_and_compound_are_known() {
        let pages = ["A charge back is booked to the restaurant."];
        assert!(!unknown("re|stau|rnat", &pages));
        assert!(!unknown("charge|ba|ck|s", &pages));
    }

    #[test]
    fn another_language_is_no_name() {
        let pages = ["The budget of project Quobel"];
        assert!(!unknown("wie|vi|el ur|lau|b ha|be|ich ge|spar|t", &pages));
    }

    #[test]
    fn where_nothing_was_found_nothing_is_told() {
        assert!(!unknown("zor|lan|vek", &[]));
    }
}
