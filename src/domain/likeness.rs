//! Whether two texts say the same, or the same with other figures.
//!
//! Figures are what a repeated text differs in where it says something else:
//! numbers, counted words, and words that turn a sentence round. Names must be
//! the same ones: the page of one product is no version of another one's.

use std::collections::{BTreeMap, BTreeSet};

/// Shorter texts say too little to be told apart by it.
const WORDS: usize = 8;

/// Words that may differ, of a hundred.
const ODD_WORDS: usize = 4;

/// What is compared of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Likeness {
    /// How often each word stands there that is no figure.
    words: BTreeMap<String, usize>,
    figures: BTreeMap<String, usize>,
    /// Words that begin with a capital letter wherever they stand.
    names: BTreeSet<String>,
    /// Of the sequence of words.
    pairs: BTreeMap<(String, String), usize>,
    count: usize,
}

/// How two texts are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alike {
    /// Copies of one text, whatever marks and facts stand around it.
    Same,
    /// Versions of one text, with other figures.
    OtherFigures,
    Not,
}

impl Likeness {
    pub fn of(text: &str) -> Self {
        let body = without_facts(text);
        let mut likeness = Self {
            words: BTreeMap::new(),
            figures: BTreeMap::new(),
            names: BTreeSet::new(),
            pairs: BTreeMap::new(),
            count: 0,
        };
        let mut before = String::new();
        let words = body.split(|c: char| !c.is_alphanumeric());
        for word in words.filter(|word| !word.is_empty()) {
            let small = word.to_lowercase();
            let shown = if is_figure(&small) {
                *likeness.figures.entry(small).or_default() += 1;
                "#".to_string()
            } else {
                if word.chars().next().is_some_and(char::is_uppercase) {
                    likeness.names.insert(small.clone());
                }
                *likeness.words.entry(small.clone()).or_default() += 1;
                small
            };
            let pair = (std::mem::replace(&mut before, shown.clone()), shown);
            *likeness.pairs.entry(pair).or_default() += 1;
            likeness.count += 1;
        }
        likeness
    }

    pub fn to(&self, other: &Self) -> Alike {
        let longer = self.count.max(other.count);
        let allowed = longer * ODD_WORDS / 100;
        if self.count.min(other.count) < WORDS || self.count.abs_diff(other.count) > allowed {
            return Alike::Not;
        }
        let odd = |word: &String| {
            let times = |of: &Self| of.words.get(word).copied().unwrap_or(0);
            times(self).abs_diff(times(other))
        };
        let words: BTreeSet<&String> = self.words.keys().chain(other.words.keys()).collect();
        let mut differing = 0;
        for word in words {
            let odd = odd(word);
            if odd > 0 && (self.names.contains(word) || other.names.contains(word)) {
                return Alike::Not;
            }
            differing += odd;
        }
        // A replaced word differs twice, and breaks two pairs on either side.
        let broken: usize = self
            .pairs
            .keys()
            .chain(
                other
                    .pairs
                    .keys()
                    .filter(|pair| !self.pairs.contains_key(*pair)),
            )
            .map(|pair| {
                let times = |of: &Self| of.pairs.get(pair).copied().unwrap_or(0);
                times(self).abs_diff(times(other))
            })
            .sum();
        if differing > 2 * allowed || broken > 4 * allowed {
            return Alike::Not;
        }
        match self.figures == other.figures {
            true => Alike::Same,
            false => Alike::OtherFigures,
        }
    }
}

/// The line of facts that a system puts in front of a text is not part of it.
fn without_facts(text: &str) -> &str {
    match text.split_once("\n\n") {
        Some((facts, body))
            if !facts.contains('\n') && facts.contains(" · ") && facts.contains(": ") =>
        {
            body
        }
        _ => text,
    }
}

fn is_figure(word: &str) -> bool {
    const COUNTED: [&str; 42] = [
        "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
        "twelve", "fourteen", "fifteen", "twenty", "thirty", "forty", "fifty", "sixty", "ninety",
        "hundred", "half", "double", "first", "second", "third", "no", "not", "never", "without",
        "except", "unless", "none", "cannot", "only", "before", "after", "yes", "daily", "weekly",
        "monthly", "yearly",
    ];
    word.chars().any(|c| c.is_ascii_digit()) || COUNTED.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "Flights are booked 14 days ahead through the travel desk in Utrecht. Economy class applies \
        to flights under 6 hours; longer flights may be booked in premium economy with the approval of your manager.";

    #[test]
    fn copies_versions_and_neighbours_are_told_apart() {
        let check = |other: &str, expected: Alike| {
            let (this, other_one) = (Likeness::of(POLICY), Likeness::of(other));
            assert_eq!(this.to(&other_one), expected, "{other}");
            assert_eq!(other_one.to(&this), expected, "{other}");
        };
        check(POLICY, Alike::Same);
        check(
            &POLICY.replace("travel desk", "**travel desk**"),
            Alike::Same,
        );
        check(&format!("space: OPS · version: 7\n\n{POLICY}"), Alike::Same);
        check(&POLICY.replace("14 days", "30 days"), Alike::OtherFigures);
        check(
            &POLICY.replace("may be booked", "may not be booked"),
            Alike::OtherFigures,
        );
        check(
            &POLICY.replace("14 days", "fourteen days"),
            Alike::OtherFigures,
        );
        check(&POLICY.replace("Utrecht", "Almelo"), Alike::Not);
        check(
            &POLICY.replace("your manager", "the board of directors and of nobody else"),
            Alike::Not,
        );
        check(
            POLICY.split_once(". ").expect("two sentences").0,
            Alike::Not,
        );
        check("", Alike::Not);
    }

    #[test]
    fn short_texts_are_alike_to_nothing() {
        let short = Likeness::of("Call the desk.");
        assert_eq!(short.to(&short), Alike::Not);
    }
}
