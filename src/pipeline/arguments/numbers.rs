//! Numbers in a question: amounts with their units, ranks, years.
//!
//! Numbers that belong to an id (`ORD-10023`), a version or a formula are none.

use super::{
    Candidate,
    asked::Asked,
    units::{Quantity, Unit, unit_at, unit_of},
    words::{Cues, regex, stem},
};
use crate::domain::{Parameter, ParameterKind};
use regex::Regex;
use serde_json::{Value, json};
use std::{ops::Range, sync::LazyLock};

/// A number with what stood around it.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// The digits, or the word.
    pub range: Range<usize>,
    /// The same with its unit.
    pub whole: Range<usize>,
    pub value: f64,
    pub unit: Option<Unit>,
    /// What it counts if the letter behind it is no unit: `20k`, `5m`.
    pub letter: Option<f64>,
    /// It follows "top", "best", "first".
    pub rank: bool,
    /// `16th`.
    pub ordinal: bool,
    /// Written as a word. "One" is often no number at all.
    pub spelled: bool,
}

/// All numbers, in the order of the text.
pub fn numbers(question: &str) -> Vec<Number> {
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"(?P<rank>\b(?:top|best|first|biggest|largest|worst)\s+)?(?:(?P<digits>(?:\d{1,3}(?:[,.' ]\d{3})+(?:\.\d+)?\b|\d+(?:[.,]\d+)?)(?:e[+-]?\d+\b)?)(?P<ordinal>st\b|nd\b|rd\b|th\b)?|\b(?P<word>one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|hundred|dozen)\b)(?P<scale>\s?(?:hundred|thousand|mio|million|bn|billion)\b)?",
        )
    });
    NUMBER
        .captures_iter(question)
        .filter_map(|capture| {
            let group = capture.name("digits").or(capture.name("word"))?;
            let is_word = capture.name("word").is_some();
            let ordinal = capture.name("ordinal").is_some();
            let (before, end) = (&question[..group.start()], capture.get(0)?.end());
            let value = if is_word {
                spelled(group.as_str())
            } else {
                let digits = group.as_str();
                // "1.267 billion" has no thousands.
                let fraction = capture
                    .name("scale")
                    .and(digits.replace(',', ".").parse().ok());
                sign_before(before)? * fraction.or_else(|| parse(digits))?
            };
            let scale = capture.name("scale").map_or("", |scale| scale.as_str());
            let money = before.trim_end().ends_with(['$', '€', '£']);
            let behind = (!ordinal).then(|| unit_behind(&question[end..])).flatten();
            let after = &question[end..];
            // "Two-sided" is no number.
            if is_word && after.starts_with('-') {
                return None;
            }
            let goes_on = after.starts_with(|c: char| c.is_alphanumeric() || c == '_')
                || after.starts_with(['/', ':', '-', '.'])
                    && after[1..].starts_with(|c: char| c.is_ascii_alphanumeric());
            if goes_on && behind.is_none() && !money {
                return None;
            }
            let letter = match after.to_lowercase().trim_start() {
                text if starts_with_word(text, "k") => Some(1e3),
                text if starts_with_word(text, "m") => Some(1e6),
                _ => None,
            };
            let money = money.then_some(Unit {
                quantity: Quantity::Money,
                factor: 0.0,
            });
            Some(Number {
                range: group.start()..end,
                whole: group.start()..end + behind.map_or(0, |(_, length)| length),
                value: value * scale_of(scale),
                unit: money.or(behind.map(|(unit, _)| unit)),
                letter,
                rank: capture.name("rank").is_some(),
                ordinal,
                spelled: is_word,
            })
        })
        .collect()
}

/// A unit behind the number, also over a hyphen: `5-year`.
fn unit_behind(after: &str) -> Option<(Unit, usize)> {
    let rest = after.strip_prefix('-').unwrap_or(after);
    let (unit, length) = unit_at(rest)?;
    Some((unit, length + after.len() - rest.len()))
}

fn starts_with_word(text: &str, word: &str) -> bool {
    text.strip_prefix(word).is_some_and(|rest| {
        !rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '/' | '^' | '²' | '³'))
    })
}

/// 1 or -1; none where the digits go on a word, an id or a version.
fn sign_before(before: &str) -> Option<f64> {
    let mut back = before.chars().rev();
    match (back.next(), back.next()) {
        (Some('-'), None | Some(' ' | '[' | '(' | ',')) => Some(-1.0),
        (Some('-'), Some('$' | '€')) => Some(1.0),
        (Some('$' | '€' | '£'), Some('-')) => Some(-1.0),
        (Some('-'), _) => None,
        (Some('.' | '^' | '/' | ':'), Some(c)) if !c.is_whitespace() => None,
        (Some('*'), Some('*')) => None,
        (Some(c), _) if c.is_alphanumeric() || matches!(c, '_' | '#') => None,
        _ => Some(1.0),
    }
}

/// `12,500`, `12.500`, `12 500` and `12'500` are twelve thousand five hundred; `4.50` is four and a half.
fn parse(digits: &str) -> Option<f64> {
    let lower = digits.to_lowercase();
    let (mantissa, exponent) = lower.split_once('e').unwrap_or((&lower, "0"));
    let groups: Vec<&str> = mantissa.split([',', '.', '\'', ' ']).collect();
    let thousands = |groups: &[&str]| groups.iter().all(|group| group.len() == 3);
    let value: f64 = if groups.len() > 1 && thousands(&groups[1..]) && !mantissa.starts_with("0.") {
        groups.concat().parse().ok()?
    } else if groups.len() > 2 && thousands(&groups[1..groups.len() - 1]) {
        let (last, whole) = groups.split_last()?;
        format!("{}.{last}", whole.concat()).parse().ok()?
    } else {
        mantissa.replace(',', ".").parse().ok()?
    };
    Some(value * 10f64.powi(exponent.parse().ok()?)).filter(|value| value.is_finite())
}

fn scale_of(word: &str) -> f64 {
    match word.trim().to_lowercase().as_str() {
        "hundred" => 1e2,
        "thousand" => 1e3,
        "mio" | "million" => 1e6,
        "bn" | "billion" => 1e9,
        _ => 1.0,
    }
}

fn spelled(word: &str) -> f64 {
    const WORDS: [(&str, f64); 19] = [
        ("one", 1.0),
        ("two", 2.0),
        ("three", 3.0),
        ("four", 4.0),
        ("five", 5.0),
        ("six", 6.0),
        ("seven", 7.0),
        ("eight", 8.0),
        ("nine", 9.0),
        ("ten", 10.0),
        ("eleven", 11.0),
        ("twelve", 12.0),
        ("dozen", 12.0),
        ("fifteen", 15.0),
        ("twenty", 20.0),
        ("thirty", 30.0),
        ("forty", 40.0),
        ("fifty", 50.0),
        ("hundred", 100.0),
    ];
    let word = word.to_lowercase();
    WORDS
        .iter()
        .find(|(known, _)| *known == word)
        .map_or(0.0, |(_, value)| *value)
}

/// What a parameter is about, as far as numbers are concerned.
struct Wanted {
    quantity: Option<Quantity>,
    unit: Option<Unit>,
    year: bool,
    rank: bool,
    percent: bool,
    least: bool,
    most: bool,
}

impl Wanted {
    fn of(cues: &Cues) -> Self {
        let (quantity, unit) = unit_of(cues);
        let stems = |words: &[&str]| words.iter().map(|word| stem(word)).collect::<Vec<_>>();
        let named = |words: &[&str]| {
            stems(words)
                .iter()
                .any(|word| cues.is_named(&[word.as_str()]))
        };
        Self {
            quantity,
            unit,
            // `year1_revenue` is money.
            year: cues
                .name
                .last()
                .is_some_and(|word| word == "year" || word == "season")
                || cues.name == ["dat"],
            rank: named(&["limit", "top", "count", "n", "quantity", "results"])
                || named(&["number", "num"]) && cues.name.len() > 1,
            percent: ["percent", "pct", "in %"]
                .iter()
                .any(|word| cues.text.contains(word)),
            least: named(&[
                "minimum",
                "min",
                "least",
                "above",
                "threshold",
                "from",
                "lower",
            ]),
            most: named(&[
                "maximum", "max", "most", "below", "limit", "budget", "upper", "within",
            ]),
        }
    }
}

/// Every number of the question that the parameter could take.
pub fn candidates(parameter: &Parameter, cues: &Cues, asked: &Asked) -> Vec<Candidate> {
    let wanted = Wanted::of(cues);
    asked
        .numbers
        .iter()
        .filter_map(|number| {
            let value = number_value(&parameter.kind, converted(number, &wanted, &parameter.kind))?;
            Some(Candidate {
                value,
                at: vec![number.range.clone()],
                score: score(number, &wanted, cues, asked),
            })
        })
        .collect()
}

/// The number in the unit that the parameter asks for.
fn converted(number: &Number, wanted: &Wanted, kind: &ParameterKind) -> f64 {
    let has = number.unit.map(|unit| unit.quantity);
    let money = has == Some(Quantity::Money);
    if let (Some(letter), true) = (
        number.letter,
        has.is_none() || money || has != wanted.quantity,
    ) {
        return number.value * letter;
    }
    match (number.unit, wanted.unit) {
        // A rate of 5 % is .05, unless it is asked for in percent.
        (Some(unit), _) if unit.quantity == Quantity::Share => {
            if wanted.percent
                || *kind == ParameterKind::Integer
                || wanted.quantity != Some(Quantity::Share)
            {
                number.value
            } else {
                rounded(number.value / 100.0)
            }
        }
        (Some(from), Some(to))
            if from.quantity == to.quantity && from.factor > 0.0 && to.factor > 0.0 =>
        {
            rounded(number.value * from.factor / to.factor)
        }
        // In the base unit, where a prefix says that it is not: 100 µF are .0001.
        (Some(from), None)
            if matches!(from.quantity, Quantity::Capacitance | Quantity::Inductance) =>
        {
            rounded(number.value * from.factor)
        }
        _ => number.value,
    }
}

/// Twelve significant digits: what a division of decimal fractions can't spoil.
fn rounded(value: f64) -> f64 {
    format!("{value:.11e}").parse().unwrap_or(value)
}

/// The number as the parameter's type; none where it does not fit.
pub fn number_value(kind: &ParameterKind, value: f64) -> Option<Value> {
    match kind {
        _ if value.fract() == 0.0 && value.abs() < 9e15 => Some(json!(value as i64)),
        ParameterKind::Integer => None,
        _ => Some(json!(value)),
    }
}

fn score(number: &Number, wanted: &Wanted, cues: &Cues, asked: &Asked) -> f32 {
    let near = asked.nearness(cues, &number.whole);
    let mut score = near;
    let has = number.unit.map(|unit| unit.quantity);
    score += match (has, wanted.quantity) {
        (Some(has), Some(wants)) if has == wants => 0.7,
        // Percent of something may be any rate; a time may be any count of it.
        (Some(_), Some(_)) if number.letter.is_some() => 0.0,
        (Some(_), Some(_)) => -0.9,
        (Some(_), None) => -0.2,
        _ => 0.0,
    };
    let is_year = number.looks_like_a_year(asked.text);
    score += match (is_year, wanted.year) {
        (true, true) => 1.2,
        (true, false) => -1.0,
        (false, true) if number.unit.is_none() && !(1000.0..2200.0).contains(&number.value) => -0.5,
        _ => 0.0,
    };
    if number.rank {
        score += if wanted.rank { 1.0 } else { -0.8 };
    } else if wanted.rank && number.unit.is_none() && !is_year {
        // "Find five restaurants": what a limit counts stands right behind.
        let counts = asked.content_behind(number.whole.end);
        score += if counts { 0.7 } else { 0.2 };
    }
    let before = asked.words_before(number.range.start, 4).join(" ");
    let says = |signs: &[&str]| {
        signs
            .iter()
            .any(|sign| super::words::word_in(&before, sign))
    };
    const LEAST: [&str; 8] = [
        "over",
        "above",
        "at least",
        "more than",
        "exceeding",
        "from",
        "greater than",
        "minimum",
    ];
    const MOST: [&str; 9] = [
        "under",
        "below",
        "at most",
        "less than",
        "up to",
        "within",
        "maximum",
        "not exceeding",
        "no more than",
    ];
    if wanted.least && says(&LEAST) || wanted.most && says(&MOST) {
        score += 0.6;
    }
    // "The other two sides": words for small numbers often count what is named anyway.
    let counted = matches!(
        before.rsplit(' ').next(),
        Some(
            "between"
                | "the"
                | "other"
                | "its"
                | "their"
                | "these"
                | "those"
                | "all"
                | "both"
                | "of"
        )
    );
    if number.spelled && has.is_none() && (counted || near < 0.85 && !wanted.rank) {
        score -= if counted { 1.5 } else { 0.7 };
    }
    if number.ordinal {
        score -= 0.2;
    }
    score
}

impl Number {
    /// "24 hours", "3 days".
    pub fn is_time(&self) -> bool {
        self.unit
            .is_some_and(|unit| unit.quantity == Quantity::Time)
    }

    /// Four digits of our time, not said to be an amount.
    fn looks_like_a_year(&self, text: &str) -> bool {
        static BEFORE: LazyLock<Regex> = LazyLock::new(|| {
            regex(
                r"(?:\b(?:in|year|from|since|of|until|to|and|between|season|during|for|by|[a-z]+ \d{1,2},|january|february|march|april|may|june|july|august|september|october|november|december),?|\(|[A-Za-z]) ?$",
            )
        });
        let digits = &text[self.range.clone()];
        let alone = digits.len() == 4 && digits.bytes().all(|c| c.is_ascii_digit());
        alone
            && (1000.0..2200.0).contains(&self.value)
            && (self.value > 1900.0 || BEFORE.is_match(&text[..self.range.start]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_told_from_ids_and_versions() {
        let check = |question: &str, expected: &[f64]| {
            let values: Vec<f64> = numbers(question)
                .into_iter()
                .map(|number| number.value)
                .collect();
            assert_eq!(values, expected, "{question}");
        };
        check("sales over 20k", &[20.0]);
        check("sales above 12,500 EUR", &[12_500.0]);
        check("discount over 12.5%", &[12.5]);
        check("status of REQ-1234", &[]);
        check("still on 4.8.1?", &[]);
        check("€15000 or more", &[15_000.0]);
        check("top 5 reps", &[5.0]);
        check("charges of 1e-9 and 2e-9", &[1e-9, 2e-9]);
        check("(40.7128, -74.0060)", &[40.7128, -74.006]);
        check("3x^2 + 2x", &[]);
        check("100 million shares, 50 million USD", &[1e8, 5e7]);
        check("$1.2M in 2020", &[1.2, 2020.0]);
        check("1.267 billion people", &[1.267e9]);
        check("three bottles", &[3.0]);
        check("the 16th century", &[16.0]);
        check("a 5-year loan", &[5.0]);
    }
}
