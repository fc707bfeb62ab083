//! One of a parameter's own values, and flags.

use super::{
    asked::Asked,
    words::{is_stop, name_words, stem, word_in, words},
};
use std::{collections::HashSet, ops::Range};

/// The value that the question names; the longest where several fit. A word of
/// the tool's own is no slip of the finger for a value: `rating` is not `Racing`.
pub fn choice(question: &str, values: &[String], tool: &HashSet<String>) -> Option<String> {
    let text = question.to_lowercase();
    let asked: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric() && c != '-')
        .filter(|word| !word.is_empty() && !tool.contains(&stem(word)))
        .collect();
    let mut by_length: Vec<&String> = values.iter().collect();
    by_length.sort_by_key(|value| std::cmp::Reverse(value.len()));
    by_length
        .iter()
        .find(|value| word_in(question, value))
        .or_else(|| {
            by_length
                .iter()
                .find(|value| word_in(&text, &value.to_lowercase()))
        })
        .or_else(|| {
            by_length
                .iter()
                .find(|value| asked.iter().any(|word| nearly(word, &value.to_lowercase())))
        })
        .map(|value| value.to_string())
}

/// One slip of the finger, or an adjective's ending (`german` for `germany`), in a word long enough to tell.
fn nearly(word: &str, value: &str) -> bool {
    let long = word.chars().count() >= 5 && value.chars().count() >= 5;
    long && (strsim::osa_distance(word, value) <= 1
        || (value.starts_with(word) && value.len() - word.len() <= 2))
}

/// Where the question speaks of a value: all its words near one another, whatever their endings.
pub fn mention(asked: &Asked, value: &str) -> Option<Range<usize>> {
    let wanted: Vec<String> = words(&value.replace(['_', '-'], " ").to_lowercase())
        .into_iter()
        .filter(|word| word.is_word() || word.is_number())
        .map(|word| word.stem)
        .collect();
    if wanted.is_empty() {
        return None;
    }
    let parts: Vec<(Range<usize>, String)> = asked
        .words
        .iter()
        .flat_map(|word| {
            // Of a few letters the lower case has another length: their words are not taken apart.
            let same_length = word.lower.len() == word.range.len();
            word.lower
                .split('-')
                .scan(word.range.start, move |at, part| {
                    let start = *at;
                    *at += part.len() + 1;
                    let range = if same_length {
                        start..start + part.len()
                    } else {
                        word.range.clone()
                    };
                    Some((range, stem(part)))
                })
        })
        .collect();
    parts.windows(wanted.len()).find_map(|window| {
        let same = window
            .iter()
            .zip(&wanted)
            .all(|((_, stem), wanted)| same_word(stem, wanted));
        same.then(|| window[0].0.start..window[window.len() - 1].0.end)
    })
}

/// The same stem, or one that goes on from it: `gas` and `gasoline` do not, `religion` and `religious` do.
fn same_word(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    short == long
        || (short.len() >= 5
            && long.len() <= short.len() + 3
            && long.starts_with(without_last(short)))
}

fn without_last(word: &str) -> &str {
    let mut letters = word.chars();
    letters.next_back();
    letters.as_str()
}

/// Every value of the list that the question speaks of, in the question's order.
pub fn mentioned<'a>(asked: &Asked, values: &'a [String]) -> Vec<&'a String> {
    let mut found: Vec<(Range<usize>, &String)> = values
        .iter()
        .filter_map(|value| Some((mention(asked, value)?, value)))
        .collect();
    found.sort_by_key(|(range, _)| range.start);
    found.into_iter().map(|(_, value)| value).collect()
}

/// A flag is set where the question speaks of what it is called, and unset
/// where it does so behind a "without" or "not".
pub fn flag(name: &str, asked: &Asked) -> Option<bool> {
    const VERBS: [&str; 28] = [
        "include",
        "includes",
        "included",
        "is",
        "has",
        "get",
        "show",
        "want",
        "allow",
        "enable",
        "use",
        "with",
        "return",
        "only",
        "full",
        "include_",
        "apply",
        "need",
        "should",
        "calculate",
        "consider",
        "add",
        "status",
        "flag",
        "option",
        "mode",
        "specific",
        "enabled",
    ];
    let named: Vec<String> = name_words(name)
        .into_iter()
        .filter(|word| !VERBS.contains(&word.as_str()) && !is_stop(word))
        .map(|word| stem(&word))
        .collect();
    if named.is_empty() {
        return None;
    }
    let spoken = |word: &str| {
        asked.words.iter().find(|there| {
            let joined = stem(&there.lower.replace('-', ""));
            same_word(&there.stem, word)
                || same_word(&joined, word)
                || (word.len() >= 6
                    && there.stem.len() >= 6
                    && there
                        .stem
                        .starts_with(&word[..word.floor_char_boundary(word.len().min(8) - 1)]))
        })
    };
    let found: Vec<_> = named.iter().filter_map(|word| spoken(word)).collect();
    if found.len() < named.len() {
        return None;
    }
    let first = found.iter().map(|word| word.range.start).min()?;
    let before = asked.words_before(first, 3);
    let negated = before.iter().any(|word| {
        matches!(
            word.as_str(),
            "not" | "no" | "without" | "don't" | "excluding" | "exclude" | "never"
        )
    });
    Some(!negated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_one_of_the_values_or_nothing() {
        let values: Vec<String> = ["Germany", "Nordics", "North America"]
            .map(String::from)
            .to_vec();
        let check = |question: &str, expected: Option<&str>| {
            assert_eq!(
                choice(question, &values, &HashSet::new()).as_deref(),
                expected,
                "{question}"
            );
        };
        check("revenue in germany", Some("Germany"));
        check("german revenue", Some("Germany"));
        check("revenue nordcs", Some("Nordics"));
        check("revenue north america this week", Some("North America"));
        check("revenue in France", None);
    }
}
