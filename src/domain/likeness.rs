//! Whether two texts say the same, or the same with other figures.
//!
//! Figures are what a repeated text differs in where it says something else:
//! numbers, counted words, and words that turn a sentence round. Names must be
//! the same ones: the page of one product is no version of another one's.

use std::hash::Hasher;

/// Shorter texts say too little to be told apart by it.
const WORDS: usize = 8;

/// Words that may differ, of a hundred.
const ODD_WORDS: usize = 4;

/// What is compared of a text: hashes, sorted, because many texts are compared
/// with one another for each question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Likeness {
    /// Of the words that are no figures; one bit says whether it is a name.
    words: Vec<u64>,
    figures: Vec<u64>,
    /// Of neighbouring words.
    pairs: Vec<u64>,
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

/// Set in the hash of a word that begins with a capital letter.
const NAME: u64 = 1;

impl Likeness {
    pub fn of(text: &str) -> Self {
        let body = without_facts(text);
        let (mut words, mut figures, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
        let mut before = 0;
        let mut small = String::new();
        let all = body.split(|c: char| !c.is_alphanumeric());
        for word in all.filter(|word| !word.is_empty()) {
            small.clear();
            small.extend(word.chars().flat_map(char::to_lowercase));
            let hash = hash_of(small.as_bytes());
            let shown = if is_figure(&small) {
                figures.push(hash);
                0
            } else {
                let is_name = word.starts_with(char::is_uppercase);
                words.push(hash & !NAME | u64::from(is_name));
                hash & !NAME
            };
            pairs.push(hash_of(&[before, shown].map(u64::to_le_bytes).concat()));
            before = shown;
        }
        words.sort_unstable();
        figures.sort_unstable();
        pairs.sort_unstable();
        Self {
            words,
            figures,
            pairs,
        }
    }

    pub fn to(&self, other: &Self) -> Alike {
        let (one, two) = (self.pairs.len(), other.pairs.len());
        let allowed = one.max(two) * ODD_WORDS / 100;
        if one.min(two) < WORDS || one.abs_diff(two) > allowed {
            return Alike::Not;
        }
        // A replaced word differs twice, and breaks two pairs on either side.
        let is_odd = differing(&self.words, &other.words, 2 * allowed, |word| {
            word & NAME == 0
        });
        if is_odd || differing(&self.pairs, &other.pairs, 4 * allowed, |_| true) {
            return Alike::Not;
        }
        match self.figures == other.figures {
            true => Alike::Same,
            false => Alike::OtherFigures,
        }
    }
}

/// Whether more than so many entries of two sorted lists are in one of them
/// alone, or one that may not be.
fn differing(one: &[u64], other: &[u64], most: usize, may_be_odd: impl Fn(u64) -> bool) -> bool {
    let (mut one, mut other) = (one.iter().peekable(), other.iter().peekable());
    let mut odd = 0;
    loop {
        let (this, that) = (one.peek().copied(), other.peek().copied());
        // What is smaller, or alone, is in one list only; what is equal is in both.
        let ours = this.is_some_and(|this| that.is_none_or(|that| this <= that));
        let theirs = that.is_some_and(|that| this.is_none_or(|this| that <= this));
        let lonely = match (ours, theirs) {
            (false, false) => return false,
            (true, true) => None,
            (true, false) => this,
            (false, true) => that,
        };
        if ours {
            one.next();
        }
        if theirs {
            other.next();
        }
        if let Some(lonely) = lonely {
            odd += 1;
            if odd > most || !may_be_odd(*lonely) {
                return true;
            }
        }
    }
}

fn hash_of(bytes: &[u8]) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
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
