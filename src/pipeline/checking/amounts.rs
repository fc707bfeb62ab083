//! Amounts that a text states: a value, what it is counted in, and whether it
//! is a bound. `EUR 1,500 a month`, `at least thirty days`, `2 to 4 GB`.

use super::{
    pattern::pattern,
    units::{Unit, currency, unit_behind},
};
use regex::Regex;
use std::{ops::Range, sync::LazyLock};

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Amount {
    /// With its unit.
    pub at: Range<usize>,
    pub value: f64,
    pub unit: Option<Unit>,
    /// The time that it is for: a fee per month.
    pub per: Option<&'static str>,
    pub bound: Option<Bound>,
    /// Written as a word. People count with words what they do not measure.
    pub spelled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// At least, more than.
    Lower,
    /// At most, less than.
    Upper,
}

/// Words between a number and its unit that change neither.
const BETWEEN: [&str; 13] = [
    "full",
    "consecutive",
    "whole",
    "further",
    "more",
    "extra",
    "additional",
    "net",
    "gross",
    "paid",
    "unpaid",
    "straight",
    "complete",
];

/// How far such words reach.
pub(super) fn between(text: &str) -> usize {
    let word = text.split(' ').next().unwrap_or_default();
    match BETWEEN.contains(&word.to_lowercase().as_str()) && text.len() > word.len() {
        true => word.len() + 1,
        false => 0,
    }
}

const ONES: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 8] = [
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];

/// All amounts of a text, in its order. Days, times and ids have been blanked.
pub(super) fn amounts(text: &str) -> Vec<Amount> {
    static DIGITS: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?P<money>[$€£]|\b(?:EUR|USD|GBP|CHF)\s?)?(?P<digits>\d{1,3}(?:[,'\u{a0}\u{202f}]\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?)(?P<scale>k\b|\s?(?:thousand|million|mio|bn|billion)\b)?",
        )
    });
    static WORDS: LazyLock<Regex> = LazyLock::new(|| {
        let one = ONES.join("|");
        let ten = TENS.join("|");
        pattern(&format!(
            r"(?i)\b(?:(?:{one}|{ten}|hundred|thousand|million|dozen|half an?)\b(?:[\s-](?:and\s)?)?)+"
        ))
    });
    static SINGLE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)\b(?:within|after|in|for|than|least|takes|lasts|every|to|once|twice) (?P<one>an?) (?:second|minute|hour|day|week|month|quarter|year|calendar day|working day|business day)\b",
        )
    });
    let mut found: Vec<Amount> = Vec::new();
    for capture in DIGITS.captures_iter(text) {
        let digits = &capture["digits"];
        let (Some(whole), Some(value)) = (capture.get(0), value_of(digits)) else {
            continue;
        };
        let before = text[..whole.start()].chars().next_back();
        let ordinal = ["st", "nd", "rd", "th"]
            .iter()
            .any(|ending| text[whole.end()..].starts_with(ending));
        if ordinal {
            continue;
        }
        if before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '#')) {
            continue;
        }
        let scale = match capture.name("scale").map(|scale| scale.as_str().trim()) {
            Some("k" | "thousand") => 1e3,
            Some("million" | "mio") => 1e6,
            Some(_) => 1e9,
            None => 1.0,
        };
        let money = capture
            .name("money")
            .and_then(|sign| currency(sign.as_str().trim()));
        found.push(amount(text, whole.range(), value * scale, money, false));
    }
    for spelled in WORDS.find_iter(text) {
        let words = spelled.as_str().trim_end_matches([' ', '-', '\n']);
        let at = spelled.start()..spelled.start() + words.len();
        let known = |amount: &Amount| amount.at.start < at.end && at.start < amount.at.end;
        if let Some(value) = spelled_value(words)
            && !found.iter().any(known)
        {
            found.push(amount(text, at, value, None, true));
        }
    }
    for capture in SINGLE.captures_iter(text) {
        if let Some(one) = capture.name("one") {
            found.push(amount(text, one.range(), 1.0, None, true));
        }
    }
    found.sort_by_key(|amount| amount.at.start);
    found.dedup_by(|next, amount| next.at.start < amount.at.end);
    // "2 to 4 weeks" are weeks both.
    for at in 1..found.len() {
        let between = text[found[at - 1].at.end..found[at].at.start].trim();
        if found[at - 1].unit.is_none() && matches!(between, "-" | "–" | "to" | "and" | "or") {
            found[at - 1].unit = found[at].unit;
            found[at - 1].per = found[at].per;
        }
    }
    found
}

fn amount(text: &str, at: Range<usize>, value: f64, money: Option<Unit>, spelled: bool) -> Amount {
    let behind = &text[at.end..];
    let (unit, length) = match unit_behind(behind) {
        Some((unit, length)) if money.is_none() => (Some(unit), length),
        _ => (money, 0),
    };
    let before = &text[..at.start];
    let whole = at.start..at.end + length;
    Amount {
        value,
        unit,
        per: per_behind(&behind[length..]).or_else(|| per_before(before)),
        bound: bound_before(before).or_else(|| bound_behind(&behind[length..])),
        spelled,
        at: whole,
    }
}

/// `1,500`, `1'500` and `1.500` are thousands; `4.50` and `4,50` are not.
fn value_of(digits: &str) -> Option<f64> {
    let groups: Vec<&str> = digits.split([',', '\'', '\u{a0}', '\u{202f}']).collect();
    let thousands = groups.len() > 1
        && groups[1..]
            .iter()
            .all(|group| group[..group.find('.').unwrap_or(group.len())].len() == 3);
    let plain = if thousands {
        groups.concat()
    } else {
        digits.replace(',', ".")
    };
    plain.parse().ok()
}

fn spelled_value(words: &str) -> Option<f64> {
    let lower = words.to_lowercase();
    if lower.starts_with("half a") {
        return Some(0.5);
    }
    let (mut total, mut part) = (0.0, 0.0);
    let mut any = false;
    for word in lower
        .split([' ', '-', '\n'])
        .filter(|word| !word.is_empty())
    {
        let ones = ONES.iter().position(|one| *one == word);
        let tens = TENS.iter().position(|ten| *ten == word);
        match (ones, tens, word) {
            (Some(ones), ..) => part += ones as f64,
            (_, Some(tens), _) => part += 10.0 * (tens + 2) as f64,
            (.., "dozen") => part = f64::max(part, 1.0) * 12.0,
            (.., "hundred") => part = f64::max(part, 1.0) * 100.0,
            (.., "thousand") => {
                total += f64::max(part, 1.0) * 1e3;
                part = 0.0;
            }
            (.., "million") => {
                total += f64::max(part, 1.0) * 1e6;
                part = 0.0;
            }
            _ => continue,
        }
        any = true;
    }
    any.then_some(total + part)
}

const TIMES: [(&str, &[&str]); 8] = [
    ("second", &["second", "secondly", "s"]),
    ("minute", &["minute", "min"]),
    ("hour", &["hour", "hourly", "h"]),
    ("day", &["day", "daily", "night", "nightly"]),
    ("week", &["week", "weekly"]),
    ("month", &["month", "monthly"]),
    ("quarter", &["quarter", "quarterly"]),
    ("year", &["year", "yearly", "annual", "annually", "annum"]),
];

fn time_name(word: &str) -> Option<&'static str> {
    let word = word.to_lowercase();
    let times = TIMES.iter();
    times
        .into_iter()
        .find_map(|(name, forms)| forms.contains(&word.as_str()).then_some(*name))
}

/// `per month`, `a month`, `/month`, `monthly`; also `per user and month`.
fn per_behind(text: &str) -> Option<&'static str> {
    static PER: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)^\s*(?:(?:per|for each|each) (?:person|user|seat|head|employee|device|customer|site|terminal|licence|license)\s*(?:and|per|,|/)?\s*)?(?:per |a |an |each |every |/ ?)?(?P<time>\p{L}+)",
        )
    });
    static SAYS_PER: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"(?i)\b(?:per|a|an|each|every|/)\s?$"));
    let found = PER.captures(text)?;
    let time = found.name("time")?;
    let name = time_name(time.as_str())?;
    let adverb = time.as_str().to_lowercase().ends_with("ly");
    (adverb || SAYS_PER.is_match(&text[..time.start()]) || text[..time.start()].contains('/'))
        .then_some(name)
}

/// `a monthly fee of`, `every year we spend`.
fn per_before(text: &str) -> Option<&'static str> {
    let words = text
        .rsplit(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words.take(4).find_map(|word| {
        let lower = word.to_lowercase();
        let says = lower.ends_with("ly") || lower == "annual";
        says.then(|| time_name(&lower)).flatten()
    })
}

fn bound_before(text: &str) -> Option<Bound> {
    static BEFORE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)(?:(?P<lower>at least|minimum(?: of| is)?|no less than|not less than|no fewer than|more than|over|above|exceed(?:s|ing)?|greater than|longer than|from|beyond)|(?P<upper>at most|maximum(?: of| is)?|no more than|not more than|up to|no later than|no longer than|not exceed(?:ing)?|less than|fewer than|under|below|limited to|capped at|within|shorter than))(?:\s(?:about|roughly|a|the|of|by|is|to))*\s*(?:EUR|USD|GBP|CHF)?\s?[$€£]?$",
        )
    });
    let found = BEFORE.captures(text)?;
    let negated = || {
        let start = found.get(0).map_or(0, |whole| whole.start());
        let before = text[..start].to_lowercase();
        ["not ", "n't ", "cannot ", "never "]
            .iter()
            .any(|no| before.ends_with(no))
    };
    match (found.name("lower").is_some(), negated()) {
        (true, false) | (false, true) => Some(Bound::Lower),
        _ => Some(Bound::Upper),
    }
}

fn bound_behind(text: &str) -> Option<Bound> {
    static BEHIND: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)^\s*(?:(?P<lower>or (?:more|longer|above|over)|and (?:more|above|over|up)|at (?:a |the )?(?:minimum|least)|minimum)|(?P<upper>or (?:less|fewer|below|under|shorter)|at (?:a |the )?(?:maximum|most)|maximum))\b",
        )
    });
    let found = BEHIND.captures(text)?;
    Some(match found.name("lower") {
        Some(_) => Bound::Lower,
        None => Bound::Upper,
    })
}

impl Amount {
    /// Whether a source's amount is this one in the same or another unit.
    pub(super) fn is_in(&self, source: &Amount) -> bool {
        let same = |a: f64, b: f64| (a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1e-9);
        let alike = match (self.unit, source.unit) {
            (Some(a), Some(b)) => {
                a.may_stand_for(&b) && same(self.value * a.factor, source.value * b.factor)
            }
            // A table names the unit at its head, and people leave it out.
            (Some(_), None) | (None, None) => same(self.value, source.value),
            (None, Some(unit)) => same(self.value, source.value) && !unit.is_points(),
        };
        alike && self.is_per(source) && self.is_bound_as(source)
    }

    fn is_per(&self, source: &Amount) -> bool {
        self.per.is_none() || source.per.is_none() || self.per == source.per
    }

    fn is_bound_as(&self, source: &Amount) -> bool {
        self.bound.is_none() || source.bound.is_none() || self.bound == source.bound
    }

    /// Whether both measure the same thing, so that one could stand for the other.
    pub(super) fn rivals(&self, other: &Amount) -> bool {
        match (self.unit, other.unit) {
            (Some(a), Some(b)) => a.rivals(&b),
            (None, None) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(f64, &'static str, Option<&'static str>, Option<Bound>)> {
        let dimension = |unit: Option<Unit>| unit.map_or("", |unit| unit.name());
        amounts(text)
            .into_iter()
            .map(|a| (a.value, dimension(a.unit), a.per, a.bound))
            .collect()
    }

    #[test]
    fn value_unit_rate_and_bound_are_read() {
        let check = |text: &str,
                     value: f64,
                     unit: &'static str,
                     per: Option<&'static str>,
                     bound: Option<Bound>| {
            assert_eq!(read(text), [(value, unit, per, bound)], "{text}");
        };
        check(
            "It costs EUR 1,500 a month.",
            1500.0,
            "eur",
            Some("month"),
            None,
        );
        check("a monthly fee of 4.50 €", 4.5, "eur", Some("month"), None);
        check(
            "at least thirty working days",
            30.0,
            "working time",
            None,
            Some(Bound::Lower),
        );
        check(
            "no more than 20% of it",
            20.0,
            "share",
            None,
            Some(Bound::Upper),
        );
        check(
            "up to twenty-four hours",
            24.0,
            "time",
            None,
            Some(Bound::Upper),
        );
        check("$12k per year", 12_000.0, "usd", Some("year"), None);
        check("500 GB or more", 500.0, "bytes", None, Some(Bound::Lower));
        check("ask again after a week", 1.0, "time", None, None);
        check("a 30-day window", 30.0, "time", None, None);
        check("one hundred and twenty seats", 120.0, "", None, None);
    }

    #[test]
    fn one_amount_in_two_units_is_the_same() {
        let check = |claim: &str, source: &str, expected: bool| {
            let (claim, source) = (&amounts(claim)[0], &amounts(source)[0]);
            assert_eq!(claim.is_in(source), expected, "{claim:?} {source:?}");
        };
        check("24 hours", "1 day", true);
        check("a dozen months", "12 months", true);
        check("two weeks", "14 days", true);
        check("30 days", "30 working days", true);
        check("30 working days", "30 days", false);
        check("30 calendar days", "30 working days", false);
        check("5 EUR", "5 USD", false);
        check("5 percent", "5 percentage points", false);
        check("5 EUR per month", "5 EUR a year", false);
        check("at least 5 days", "at most 5 days", false);
        check("under 5 days", "less than 5 days", true);
        check("1.5 GB", "1500 MB", true);
    }
}
