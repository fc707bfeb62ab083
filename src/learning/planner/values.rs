//! Values in questions: where they stand, and what may stand there instead.

use super::{question::widened, wordings::Wordings};
use crate::{
    domain::{Parameter, ParameterKind, ToolSpec},
    pipeline::arguments,
};
use chrono::{DateTime, Utc};
use rand::{RngExt, rngs::Xoshiro256PlusPlus, seq::IndexedRandom};
use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value, json};
use std::ops::Range;

/// Words of a window, at most: `in the last 24 hours`.
const WINDOW_WORDS: usize = 6;

/// Where the value stands in the question, as it is typed there.
pub(super) fn place_of(
    parameter: &Parameter,
    value: &Value,
    question: &str,
    now: DateTime<Utc>,
) -> Option<Range<usize>> {
    match (&parameter.kind, value) {
        (ParameterKind::Window, Value::String(window)) => window_place(question, window, now),
        (
            ParameterKind::Choice { .. } | ParameterKind::Text | ParameterKind::Id { .. },
            Value::String(text),
        ) => word_place(question, text),
        (ParameterKind::Integer | ParameterKind::Number, Value::Number(number)) => {
            words(question).into_iter().find(|place| {
                let word = question[place.clone()].replace(',', "");
                word.parse::<f64>().ok() == number.as_f64()
            })
        }
        _ => None,
    }
}

/// The shortest part that means the window, with "in the last" before it.
fn window_place(question: &str, window: &str, now: DateTime<Utc>) -> Option<Range<usize>> {
    let words = words(question);
    for length in 1..=WINDOW_WORDS.min(words.len()) {
        for part in words.windows(length) {
            let place = part.first()?.start..part.last()?.end;
            let meant = arguments::window(&question[place.clone()], now);
            if meant.as_deref() == Some(window) {
                return Some(widened(question, place));
            }
        }
    }
    None
}

/// Bytes of the words at the end that lead to a window.
pub(super) fn beginning_of_window(before: &str) -> usize {
    const LEADING: [&str; 14] = [
        "in", "the", "last", "past", "for", "within", "during", "over", "of", "since", "on",
        "from", "this", "previous",
    ];
    let mut start = before.len();
    for place in words(before).into_iter().rev() {
        let is_near = before[place.end..start].trim().is_empty();
        let word = before[place.clone()].to_lowercase();
        if !is_near || !LEADING.contains(&word.as_str()) {
            break;
        }
        start = place.start;
    }
    before.len() - start
}

/// A text with nothing of a word on either side, in any case.
fn word_place(question: &str, text: &str) -> Option<Range<usize>> {
    let pattern = format!(
        r"(?:^|[^\p{{L}}\p{{N}}])({})(?:$|[^\p{{L}}\p{{N}}])",
        regex::escape(text)
    );
    let pattern = RegexBuilder::new(&pattern)
        .case_insensitive(true)
        .build()
        .ok()?;
    let found = pattern.captures(question)?.get(1)?;
    (!found.is_empty()).then(|| found.range())
}

/// The words of a text, without what stands around them.
fn words(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    for word in text.split_whitespace() {
        let Some(begin) = text[at..].find(word).map(|offset| at + offset) else {
            continue;
        };
        at = begin + word.len();
        let inner = word.trim_matches(|c: char| !c.is_alphanumeric());
        let lead = word.find(inner).unwrap_or(0);
        if !inner.is_empty() {
            found.push(begin + lead..begin + lead + inner.len());
        }
    }
    found
}

/// Another value of a parameter, as it is typed, and as a plan has it.
/// `instead` is what stands there now.
pub(super) fn other(
    parameter: &Parameter,
    instead: Option<(&str, &Value)>,
    wordings: &Wordings,
    random: &mut Xoshiro256PlusPlus,
) -> Option<(String, Value)> {
    match &parameter.kind {
        ParameterKind::Window => {
            let (text, window) = wordings.windows.choose(random)?;
            Some((text.clone(), json!(window)))
        }
        ParameterKind::Choice { values } => {
            let value = values.choose(random)?;
            let typed = match random.random_range(0..10) {
                0..6 => value.clone(),
                _ => value.to_lowercase(),
            };
            Some((typed, json!(value)))
        }
        ParameterKind::Integer => {
            let now = instead?.1.as_i64()?;
            let other = match now {
                0..=20 => random.random_range(1..=20),
                _ => rounded(now as f64 * random.random_range(0.2..4.0)) as i64,
            };
            Some((other.to_string(), json!(other)))
        }
        ParameterKind::Number => {
            let now = instead?.1.as_f64()?;
            let other = rounded(now * random.random_range(0.2..4.0)).max(1.0);
            (other.fract() == 0.0).then(|| (format!("{other}"), json!(other as i64)))
        }
        ParameterKind::Id { pattern } => {
            let (text, _) = instead?;
            let id = another_id(text, pattern, random)?;
            Some((id.clone(), json!(id)))
        }
        _ => None,
    }
}

/// Two digits that count, and zeros: how people name amounts.
fn rounded(number: f64) -> f64 {
    let digits = number.abs().max(1.0).log10().floor() - 1.0;
    let unit = 10_f64.powf(digits.max(0.0));
    (number / unit).round() * unit
}

/// Other digits in the same form.
fn another_id(text: &str, pattern: &str, random: &mut Xoshiro256PlusPlus) -> Option<String> {
    let whole = Regex::new(&format!("^(?:{pattern})$")).ok()?;
    for _ in 0..20 {
        let other: String = text
            .to_uppercase()
            .chars()
            .map(|c| match c.is_ascii_digit() {
                true => char::from_digit(random.random_range(0..10), 10).unwrap_or(c),
                false => c,
            })
            .collect();
        if whole.is_match(&other) {
            return Some(other);
        }
    }
    None
}

/// Another window or choice of a tool than the one in `values`: as it is
/// typed, the parameter, its value.
pub(super) fn another(
    tool: &ToolSpec,
    values: &Map<String, Value>,
    wordings: &Wordings,
    random: &mut Xoshiro256PlusPlus,
) -> Option<(String, String, Value)> {
    let may_change: Vec<&Parameter> = tool
        .parameters
        .iter()
        .filter(|parameter| {
            matches!(
                parameter.kind,
                ParameterKind::Window | ParameterKind::Choice { .. }
            )
        })
        .collect();
    let parameter = may_change.choose(random)?;
    for _ in 0..10 {
        let (text, value) = other(parameter, None, wordings, random)?;
        if values.get(&parameter.name) != Some(&value) {
            return Some((text, parameter.name.clone(), value));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    #[test]
    fn values_are_found_where_they_are_typed() {
        let now = Utc
            .with_ymd_and_hms(2026, 11, 21, 9, 0, 0)
            .single()
            .expect("a time");
        let check = |kind: ParameterKind, value: Value, question: &str, expected: Option<&str>| {
            let parameter = Parameter {
                name: "x".into(),
                kind,
                default: None,
                optional: true,
                description: String::new(),
            };
            let place = place_of(&parameter, &value, question, now);
            assert_eq!(place.map(|place| &question[place]), expected, "{question}");
        };
        let window = |value: &str, question: &str, expected: &str| {
            check(
                ParameterKind::Window,
                json!(value),
                question,
                Some(expected),
            );
        };
        window(
            "24h",
            "any high-ticket sale in the last 24 hours?",
            "in the last 24 hours",
        );
        window(
            "yesterday",
            "any whale deals since yesterday",
            "since yesterday",
        );
        window("last quarter", "top 3 reps last quarter", "last quarter");
        window("today", "big sales today!", "today");
        let regions = || ParameterKind::Choice { values: Vec::new() };
        check(
            regions(),
            json!("Nordics"),
            "revenue in the nordics last month",
            Some("nordics"),
        );
        check(regions(), json!("UKI"), "best seller in UKI?", Some("UKI"));
        check(regions(), json!("UK"), "best seller in UKI?", None);
        check(ParameterKind::Integer, json!(3), "top 3 reps", Some("3"));
        check(
            ParameterKind::Number,
            json!(15000),
            "sales above 15,000 eur",
            Some("15,000"),
        );
        check(ParameterKind::Boolean, json!(true), "only open ones", None);
    }
}
