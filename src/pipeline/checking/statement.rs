//! A sentence with what it states exactly: amounts, days, times, ids, names.

use super::{
    amounts::{Amount, amounts},
    days::{Day, days, times},
    pattern::pattern,
    polarity::Polarity,
};
use crate::pipeline::arguments::{Word, is_stop, stem, words};
use regex::Regex;
use std::{ops::Range, sync::LazyLock};

#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub text: String,
    pub words: Vec<Word>,
    pub facts: Vec<Fact>,
    pub polarity: Polarity,
}

/// One exact part of a sentence, and where it stands, in bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fact {
    pub at: Range<usize>,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Amount(Amount),
    Day(Day),
    Time(u32),
    /// Ids, addresses, versions, code: letter for letter, in small letters.
    Id(String),
    /// A capitalised word that begins no sentence; its stem.
    Name(String),
}

impl Statement {
    pub(super) fn of(text: &str) -> Self {
        let words = words(text);
        let mut facts: Vec<Fact> = Vec::new();
        let mut rest = text.to_string();
        let found = ids(&rest).into_iter().map(|(at, id)| (at, Kind::Id(id)));
        take(&mut facts, &mut rest, found.collect());
        let found = days(&rest)
            .into_iter()
            .map(|day| (day.at.clone(), Kind::Day(day)));
        take(&mut facts, &mut rest, found.collect());
        let found = times(&rest)
            .into_iter()
            .map(|time| (time.at, Kind::Time(time.minute)));
        take(&mut facts, &mut rest, found.collect());
        let found = amounts(&rest)
            .into_iter()
            .map(|amount| (amount.at.clone(), Kind::Amount(amount)));
        take(&mut facts, &mut rest, found.collect());
        let found = names(text, &words)
            .into_iter()
            .filter(|(at, _)| !blank(&rest[at.clone()]));
        let found = found.collect();
        take(&mut facts, &mut rest, found);
        facts.sort_by_key(|fact| fact.at.start);
        Self {
            polarity: Polarity::of(&words),
            text: text.to_string(),
            words,
            facts,
        }
    }

    /// Its words that carry meaning and are no exact part.
    pub(super) fn content(&self) -> impl Iterator<Item = (usize, &Word)> {
        self.words.iter().enumerate().filter(|(_, word)| {
            let exact = |fact: &Fact| {
                !matches!(fact.kind, Kind::Name(_))
                    && fact.at.start <= word.range.start
                    && word.range.end <= fact.at.end
            };
            word.is_content() && !self.facts.iter().any(exact)
        })
    }

    /// The place of a fact among the words.
    pub(super) fn place(&self, fact: &Fact) -> usize {
        self.words
            .iter()
            .take_while(|word| word.range.end <= fact.at.start)
            .count()
    }

    /// Whether a word, or a part of one with a hyphen, has this stem.
    pub(super) fn has_word(&self, stem: &str) -> bool {
        self.words.iter().any(|word| {
            let mut parts = word.lower.split('-');
            word.stem == stem
                || word.lower.contains('-') && parts.any(|part| self::stem(part) == stem)
        })
    }

    /// Words between two places; what a comma parts is farther.
    pub(super) fn apart(&self, one: usize, other: usize) -> usize {
        let between = one.min(other)..one.max(other);
        let signs = self.words.get(between.clone()).unwrap_or_default().iter();
        let parted =
            signs.filter(|word| matches!(word.lower.as_str(), "," | ";" | "." | ":" | "and"));
        between.len() + PARTED * parted.count()
    }

    /// The stems of the name that a word belongs to: `Minna Haverkamp`.
    pub(super) fn whole_name(&self, fact: &Fact) -> Vec<&str> {
        let names: Vec<&Fact> = self
            .facts
            .iter()
            .filter(|fact| matches!(fact.kind, Kind::Name(_)))
            .collect();
        let joined = |a: &Fact, b: &Fact| {
            self.text[a.at.end..b.at.start]
                .chars()
                .all(|c| c == ' ' || c == '.')
        };
        let groups = names.chunk_by(|a, b| joined(a, b));
        let own = groups.into_iter().find(|group| group.contains(&fact));
        let stems = own
            .into_iter()
            .flatten()
            .filter_map(|fact| match &fact.kind {
                Kind::Name(stem) => Some(stem.as_str()),
                _ => None,
            });
        stems.collect()
    }
}

/// Words that a comma counts as.
const PARTED: usize = 3;

fn blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

/// Keeps what was found and blanks it, so that nothing is found twice.
fn take(facts: &mut Vec<Fact>, rest: &mut String, found: Vec<(Range<usize>, Kind)>) {
    for (at, kind) in found {
        let blanks = " ".repeat(at.len());
        rest.replace_range(at.clone(), &blanks);
        facts.push(Fact { at, kind });
    }
}

/// `ORD-10023`, `v2.4.1`, `a@b.example`, `https://…`, `sync_orders`, `/etc/x`.
fn ids(text: &str) -> Vec<(Range<usize>, String)> {
    static ID: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"https?://[^\s<>)\]]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\b[A-Za-z]+[-_]\d[\w.-]*|\bv?\d+\.\d+(?:\.\d+)+\b|\bv\d+(?:\.\d+)*\b|\b[A-Za-z]+\d+[A-Za-z\d]*\b|\b[a-z\d]+(?:_[a-z\d]+)+\b|(?:^|\s)(?P<path>[~.]?/[\w.-]+(?:/[\w.-]+)*)|--?[a-z][\w-]+=\S+",
        )
    });
    static NO_ID: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"(?i)^(?:q[1-4]|h[12]|mid-\d+|co2|[a-z]{3,9}-\d{1,2})$"));
    ID.captures_iter(text)
        .filter_map(|capture| {
            let found = capture.name("path").or(capture.get(0))?;
            let trimmed = found
                .as_str()
                .trim_end_matches(['.', ',', ':', ';', '-', '?', '!']);
            let word_and_number =
                NO_ID.is_match(trimmed) && !trimmed.starts_with(|c: char| c.is_uppercase());
            let quarter = matches!(trimmed.to_lowercase().as_str(), "q1" | "q2" | "q3" | "q4");
            (!word_and_number && !quarter).then(|| {
                (
                    found.start()..found.start() + trimmed.len(),
                    trimmed.to_lowercase(),
                )
            })
        })
        .collect()
}

/// Words that stand before a name at the head of a sentence.
const LEADS: [&str; 24] = [
    "ask", "call", "contact", "see", "open", "use", "tell", "send", "email", "write", "visit",
    "since", "while", "before", "after", "both", "only", "until", "yes", "please", "during",
    "both", "unlike", "inside",
];

/// Capitalised words inside the sentence, and acronyms everywhere.
fn names(text: &str, words: &[Word]) -> Vec<(Range<usize>, Kind)> {
    let capital = |word: &Word| word.is_word() && word.is_capital(text);
    let acronym = |word: &Word| {
        let letters = &text[word.range.clone()];
        letters.chars().filter(|c| c.is_uppercase()).count() >= 2
    };
    let begins = |at: usize| {
        at == 0
            || matches!(
                words[at - 1].lower.as_str(),
                "." | "!" | "?" | ":" | "\"" | "“" | "-" | "*" | "•" | "|"
            )
    };
    words
        .iter()
        .enumerate()
        .filter(|(at, word)| {
            let next_is_name = words.get(at + 1).is_some_and(capital);
            capital(word)
                && !is_stop(&word.lower)
                && word.lower != "i"
                && !is_origin(&word.lower)
                && (acronym(word)
                    || !begins(*at)
                    || next_is_name && !LEADS.contains(&word.lower.as_str()))
        })
        .map(|(_, word)| (word.range.clone(), Kind::Name(word.stem.clone())))
        .collect()
}

/// "Swiss francs", "German customers": sources name the country or the
/// currency as often, so that the word proves nothing.
fn is_origin(lower: &str) -> bool {
    const ORIGINS: [&str; 30] = [
        "german",
        "swiss",
        "french",
        "british",
        "english",
        "danish",
        "dutch",
        "spanish",
        "italian",
        "polish",
        "czech",
        "austrian",
        "swedish",
        "norwegian",
        "finnish",
        "belgian",
        "irish",
        "portuguese",
        "greek",
        "american",
        "canadian",
        "mexican",
        "brazilian",
        "chinese",
        "japanese",
        "indian",
        "australian",
        "european",
        "us",
        "turkish",
    ];
    ORIGINS.contains(&lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_parts_are_found_once() {
        let statement = Statement::of(
            "Ask Priya Nair in the Lisbon office about ORD-10023 before 5 pm on 3 March: it costs 30 EUR.",
        );
        let kinds: Vec<&str> = statement
            .facts
            .iter()
            .map(|fact| match &fact.kind {
                Kind::Amount(_) => "amount",
                Kind::Day(_) => "day",
                Kind::Time(_) => "time",
                Kind::Id(_) => "id",
                Kind::Name(_) => "name",
            })
            .collect();
        assert_eq!(
            kinds,
            ["name", "name", "name", "id", "time", "day", "amount"]
        );
    }
}
