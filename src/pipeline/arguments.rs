//! Typed arguments, found in the question itself.
//!
//! Promise: a value is never invented. It stands in the question, is one of
//! the catalogue's values, or is the catalogue's default.

use crate::domain::{Parameter, ParameterKind, ToolSpec};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use regex::Regex;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// What was found for one tool, and what is still missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments {
    pub values: Map<String, Value>,
    /// Parameters that have neither a value nor a default.
    pub missing: Vec<String>,
    /// How many values stand in the question; defaults do not count.
    pub found: usize,
}

/// Finds a value for every parameter of the tool.
pub fn extract(tool: &ToolSpec, question: &str, now: DateTime<Utc>) -> Arguments {
    let mut arguments = Arguments::default();
    let mut numbers = numbers(question);
    for parameter in &tool.parameters {
        match find(parameter, question, &mut numbers, now) {
            Some(value) => {
                arguments.found += 1;
                arguments.values.insert(parameter.name.clone(), value);
            }
            None => match &parameter.default {
                Some(default) => {
                    arguments
                        .values
                        .insert(parameter.name.clone(), default.clone());
                }
                None if parameter.optional => {}
                None => arguments.missing.push(parameter.name.clone()),
            },
        }
    }
    arguments
}

/// Every value that a parameter could take from the question or the
/// catalogue, those of the question first.
pub fn candidates(parameter: &Parameter, text: &str, now: DateTime<Utc>) -> Vec<Value> {
    match &parameter.kind {
        ParameterKind::Window => window(text, now).map(Value::from).into_iter().collect(),
        ParameterKind::Integer | ParameterKind::Number => numbers(text)
            .iter()
            .filter_map(|number| number_value(parameter, number.value))
            .collect(),
        ParameterKind::Choice { values } => {
            let named = choice(text, values);
            let others = values.iter().filter(|value| Some(*value) != named.as_ref());
            named
                .iter()
                .chain(others)
                .cloned()
                .map(Value::from)
                .collect()
        }
        ParameterKind::Id { pattern } => id(text, pattern).map(Value::from).into_iter().collect(),
        ParameterKind::Text => quoted(text).map(Value::from).into_iter().collect(),
        ParameterKind::Boolean => vec![json!(true), json!(false)],
    }
}

fn find(
    parameter: &Parameter,
    question: &str,
    numbers: &mut Vec<Number>,
    now: DateTime<Utc>,
) -> Option<Value> {
    match &parameter.kind {
        ParameterKind::Window => window(question, now).map(Value::from),
        ParameterKind::Integer | ParameterKind::Number => take_number(parameter, numbers),
        ParameterKind::Choice { values } => choice(question, values).map(Value::from),
        ParameterKind::Id { pattern } => id(question, pattern).map(Value::from),
        ParameterKind::Text => quoted(question).map(Value::from),
        // Nobody says "true" in a question; a flag is only ever set by name.
        ParameterKind::Boolean => {
            word_in(question, &parameter.name.replace('_', " ")).then(|| json!(true))
        }
    }
}

/// A span of time in one of the forms that every tool understands.
pub fn window(question: &str, now: DateTime<Utc>) -> Option<String> {
    static ROLLING: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"(?:(?:last|past|previous|in|within|for)\s+(?:the\s+)?(?:last\s+|past\s+)?)?\b(\d{1,3}|a|an|one|two|three|four|five|six|seven|ten|twelve)\s*(h|hr|hrs|hours?|d|days?|w|weeks?|min|mins|minutes?)\b",
        )
    });
    static NAMED: LazyLock<Regex> = LazyLock::new(|| {
        regex(r"\b(this|last|previous|past|current)\s+(hour|day|week|month|quarter|year)\b")
    });
    static QUARTER: LazyLock<Regex> =
        LazyLock::new(|| regex(r"\bq([1-4])(?:\s+(?:of\s+)?(20\d\d))?\b"));
    static SINCE: LazyLock<Regex> = LazyLock::new(|| regex(r"\bsince\s+(20\d\d-\d\d-\d\d)\b"));
    static MONTH: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"\b(?:in|during|for|since|of)\s+(january|february|march|april|may|june|july|august|september|october|november|december)\b(?:\s+(20\d\d))?",
        )
    });
    static SINCE_MONTH: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"\bsince\s+(january|february|march|april|may|june|july|august|september|october|november|december)\b(?:\s+(20\d\d))?",
        )
    });
    let text = mend_time_words(&question.to_lowercase());
    if let Some(found) = SINCE_MONTH.captures(&text) {
        let year = found.get(2).and_then(|year| year.as_str().parse().ok());
        let month = month(&found[1], year, now)?;
        return month
            .split("..")
            .next()
            .map(|first| format!("since {first}"));
    }
    if let Some(found) = SINCE.captures(&text) {
        return Some(format!("since {}", &found[1]));
    }
    if text.contains("yesterday") {
        return Some("yesterday".into());
    }
    if word_in(&text, "today") || word_in(&text, "tonight") || text.contains("so far today") {
        return Some("today".into());
    }
    if let Some(found) = NAMED.captures(&text) {
        let which = match &found[1] {
            "this" | "current" => "this",
            _ => "last",
        };
        return Some(match (which, &found[2]) {
            (_, "hour") => "1h".into(),
            ("this", "day") => "today".into(),
            (_, "day") => "24h".into(),
            // "The past week" is the seven days up to now; "last week" is the calendar's.
            _ if &found[1] == "past" => match &found[2] {
                "week" => "7d".into(),
                "month" => "30d".into(),
                "quarter" => "90d".into(),
                _ => "365d".into(),
            },
            (which, unit) => format!("{which} {unit}"),
        });
    }
    if let Some(found) = QUARTER.captures(&text) {
        return Some(match found.get(2) {
            Some(year) => format!("Q{} {}", &found[1], year.as_str()),
            None => format!("Q{}", &found[1]),
        });
    }
    if let Some(found) = MONTH.captures(&text) {
        return month(
            &found[1],
            found.get(2).and_then(|year| year.as_str().parse().ok()),
            now,
        );
    }
    if let Some(found) = ROLLING.captures(&text) {
        let count = count(&found[1])?;
        let unit = match &found[2] {
            unit if unit.starts_with("min") => "m",
            unit if unit.starts_with('h') => "h",
            unit if unit.starts_with('d') => "d",
            _ => "w",
        };
        return Some(format!("{count}{unit}"));
    }
    None
}

/// A month by name is the latest one that has begun, unless a year says otherwise.
fn month(name: &str, year: Option<i32>, now: DateTime<Utc>) -> Option<String> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let month = 1 + NAMES.iter().position(|&known| known == name)? as u32;
    let year = year.unwrap_or(if month > now.month() {
        now.year() - 1
    } else {
        now.year()
    });
    let first = NaiveDate::from_ymd_opt(year, month, 1)?;
    let next = if month == 12 {
        NaiveDate::from_ymd_opt(year + 1, 1, 1)?
    } else {
        NaiveDate::from_ymd_opt(year, month + 1, 1)?
    };
    Some(format!("{first}..{next}"))
}

fn count(word: &str) -> Option<u32> {
    Some(match word {
        "a" | "an" | "one" => 1,
        "two" => 2,
        "three" => 3,
        "four" => 4,
        "five" => 5,
        "six" => 6,
        "seven" => 7,
        "ten" => 10,
        "twelve" => 12,
        digits => digits.parse().ok()?,
    })
}

/// Puts misspelt time words right: `yesterdy`, `lst week`, `mnth`.
fn mend_time_words(text: &str) -> String {
    const WORDS: [&str; 12] = [
        "today",
        "yesterday",
        "week",
        "month",
        "quarter",
        "year",
        "last",
        "hours",
        "days",
        "weeks",
        "months",
        "since",
    ];
    const SHORT: [(&str, &str); 8] = [
        ("yr", "year"),
        ("yrs", "years"),
        ("wk", "week"),
        ("mth", "month"),
        ("mnth", "month"),
        ("qtr", "quarter"),
        ("prev", "previous"),
        ("ytd", "this year"),
    ];
    // Short real words one letter away from a time word.
    const LEAVE: [&str; 18] = [
        "weak", "past", "least", "list", "lost", "east", "fast", "days", "day", "hour", "house",
        "near", "your", "seek", "late", "cast", "best", "must",
    ];
    text.split_whitespace()
        .map(|word| {
            let bare = word.trim_end_matches(|c: char| !c.is_alphanumeric());
            if let Some((_, long)) = SHORT.iter().find(|(short, _)| *short == bare) {
                return long.to_string();
            }
            if WORDS.contains(&bare) || LEAVE.contains(&bare) || bare.len() < 3 {
                return word.to_string();
            }
            if let Some(plain) = bare
                .strip_suffix("'s")
                .filter(|plain| WORDS.contains(plain))
            {
                return plain.to_string();
            }
            WORDS
                .iter()
                .find(|known| {
                    let allowed = if known.len() >= 8 { 2 } else { 1 };
                    strsim::osa_distance(known, bare) <= allowed && bare.starts_with(&known[..1])
                })
                .map_or_else(|| word.to_string(), |known| known.to_string())
        })
        .collect::<Vec<_>>()
        .join(" ")
}

/// A number with what stood around it.
#[derive(Clone, Debug, PartialEq)]
struct Number {
    value: f64,
    percent: bool,
    /// It follows "top", "best", "first", or stands before "best".
    rank: bool,
}

/// Numbers that are amounts: not part of an id, a date or a span of time.
fn numbers(question: &str) -> Vec<Number> {
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"(?P<rank>\b(?:top|best|first|biggest|largest|worst)\s+)?(?P<glue>[A-Za-z0-9#_]-|[A-Za-z_#.]|-)?(?P<digits>\d{1,3}(?:[,.' ]\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?)\s?(?P<unit>k\b|thousand\b|m\b|mio\b|million\b|%|percent\b|pct\b|h\b|hrs?\b|hours?\b|d\b|days?\b|w\b|weeks?\b|months?\b|min\w*\b)?",
        )
    });
    let mut found = Vec::new();
    for capture in NUMBER.captures_iter(question) {
        if capture.name("glue").is_some()
            && !question[..capture.name("digits").map_or(0, |d| d.start())].ends_with(['€', '$'])
        {
            continue;
        }
        let unit = capture
            .name("unit")
            .map_or("", |unit| unit.as_str())
            .to_lowercase();
        let scale = match unit.as_str() {
            "k" | "thousand" => 1_000.0,
            "m" | "mio" | "million" => 1_000_000.0,
            "" | "%" | "percent" | "pct" => 1.0,
            _ => continue,
        };
        if let Some(value) = parse_number(&capture["digits"]) {
            let percent = matches!(unit.as_str(), "%" | "percent" | "pct");
            found.push(Number {
                value: value * scale,
                percent,
                rank: capture.name("rank").is_some(),
            });
        }
    }
    found
}

/// `12,500`, `12.500`, `12 500` and `12'500` are twelve thousand five hundred; `4.50` is four and a half.
fn parse_number(digits: &str) -> Option<f64> {
    let groups: Vec<&str> = digits.split([',', '.', '\'', ' ']).collect();
    let grouped = groups.len() > 1 && groups[1..].iter().all(|group| group.len() == 3);
    if grouped {
        groups.concat().parse().ok()
    } else {
        digits.replace(',', ".").parse().ok()
    }
}

fn take_number(parameter: &Parameter, numbers: &mut Vec<Number>) -> Option<Value> {
    let name = parameter.name.to_lowercase();
    let wants_rank = ["limit", "top", "count", "n"].contains(&name.as_str());
    let wants_percent = ["pct", "percent", "discount"]
        .iter()
        .any(|part| name.contains(part));
    let place = numbers.iter().position(|number| {
        if wants_rank {
            number.rank
        } else {
            !number.rank && (number.percent == wants_percent || wants_percent)
        }
    })?;
    number_value(parameter, numbers.remove(place).value)
}

/// The number as the parameter's type; none where it does not fit.
fn number_value(parameter: &Parameter, value: f64) -> Option<Value> {
    match parameter.kind {
        ParameterKind::Integer if value.fract() == 0.0 && value.abs() < 9e15 => {
            Some(json!(value as i64))
        }
        ParameterKind::Integer => None,
        _ if value.fract() == 0.0 && value.abs() < 9e15 => Some(json!(value as i64)),
        _ => Some(json!(value)),
    }
}

/// The value that the question names; the longest where several fit.
fn choice(question: &str, values: &[String]) -> Option<String> {
    let text = question.to_lowercase();
    let words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric() && c != '-')
        .filter(|word| !word.is_empty())
        .collect();
    let mut by_length: Vec<&String> = values.iter().collect();
    by_length.sort_by_key(|value| std::cmp::Reverse(value.len()));
    by_length
        .iter()
        .find(|value| word_in(&text, &value.to_lowercase()))
        .or_else(|| {
            by_length
                .iter()
                .find(|value| words.iter().any(|word| nearly(word, &value.to_lowercase())))
        })
        .map(|value| value.to_string())
}

/// One slip of the finger, or an adjective's ending (`german` for `germany`), in a word long enough to tell.
fn nearly(word: &str, value: &str) -> bool {
    let long = word.chars().count() >= 5 && value.chars().count() >= 5;
    long && (strsim::osa_distance(word, value) <= 1
        || (value.starts_with(word) && value.len() - word.len() <= 2))
}

fn id(question: &str, pattern: &str) -> Option<String> {
    // Patterns were compiled once when the catalogue was checked; a bad one finds nothing.
    let pattern = Regex::new(&format!(
        r"(?i)(?:^|[^A-Za-z0-9-])({pattern})(?:$|[^A-Za-z0-9-])"
    ))
    .ok()?;
    pattern
        .captures(question)
        .map(|found| found[1].to_uppercase())
}

fn quoted(question: &str) -> Option<String> {
    static QUOTED: LazyLock<Regex> = LazyLock::new(|| regex(r#"["“']([^"”']{2,80})["”']"#));
    QUOTED.captures(question).map(|found| found[1].to_string())
}

/// Names of records such as `REQ-1234`, as they are written in the company.
pub fn record_ids(question: &str) -> Vec<String> {
    static RECORD: LazyLock<Regex> = LazyLock::new(|| regex(r"\b([A-Za-z]{2,6})[- ]?(\d{3,8})\b"));
    static STRICT: LazyLock<Regex> = LazyLock::new(|| regex(r"\b[A-Za-z]{2,6}-\d{1,8}\b"));
    let mut ids: Vec<String> = STRICT
        .find_iter(question)
        .map(|found| found.as_str().to_uppercase())
        .collect();
    if ids.is_empty() {
        // People type "req1234" and "REQ 1234"; lower-case words before a number are no id.
        ids = RECORD
            .captures_iter(question)
            .filter(|found| {
                matches!(
                    found[1].to_lowercase().as_str(),
                    "req" | "inc" | "ord" | "tkt" | "bug"
                )
            })
            .map(|found| format!("{}-{}", found[1].to_uppercase(), &found[2]))
            .collect();
    }
    ids.dedup();
    ids
}

fn word_in(text: &str, words: &str) -> bool {
    text.match_indices(words).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + words.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

fn regex(pattern: &str) -> Regex {
    Regex::new(&format!("(?i){pattern}")).expect("the pattern is a constant that the tests compile")
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn now() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, 21, 9, 0, 0)
            .single()
            .expect("a valid time")
    }

    #[test]
    fn spans_of_time_are_found_as_people_write_them() {
        let check = |question: &str, expected: Option<&str>| {
            assert_eq!(window(question, now()).as_deref(), expected, "{question}");
        };
        check("any high-ticket sale in the last 24 hours?", Some("24h"));
        check("big sales past 3 days", Some("3d"));
        check("revenue last week", Some("last week"));
        check("revenue lst mnth", Some("last month"));
        check("what did we sell yesterdy", Some("yesterday"));
        check("todays refunds", Some("today"));
        check("refunds this quarter", Some("this quarter"));
        check("sales over the past week", Some("7d"));
        check("errors in the last hour", Some("1h"));
        check("sales in Q3", Some("Q3"));
        check("sales in q1 2026", Some("Q1 2026"));
        check("orders in october", Some("2026-10-01..2026-11-01"));
        check("orders in december", Some("2025-12-01..2026-01-01"));
        check("since 2026-01-05", Some("since 2026-01-05"));
        check("money made since January", Some("since 2026-01-01"));
        check("best product this yr", Some("this year"));
        check("who may approve a refund", None);
        check("at least 5 terminals", None);
    }

    #[test]
    fn amounts_are_told_from_ids_and_times() {
        let check = |question: &str, expected: &[f64]| {
            let values: Vec<f64> = numbers(question)
                .into_iter()
                .map(|number| number.value)
                .collect();
            assert_eq!(values, expected, "{question}");
        };
        check("sales over 20k in the last 24 hours", &[20_000.0]);
        check("sales above 12,500 EUR", &[12_500.0]);
        check("discount over 12.5%", &[12.5]);
        check("status of REQ-1234", &[]);
        check("€15000 or more", &[15_000.0]);
        check("top 5 reps", &[5.0]);
    }

    #[test]
    fn a_choice_is_one_of_the_values_or_nothing() {
        let values: Vec<String> = ["Germany", "Nordics", "North America"]
            .map(String::from)
            .to_vec();
        let check = |question: &str, expected: Option<&str>| {
            assert_eq!(choice(question, &values).as_deref(), expected, "{question}");
        };
        check("revenue in germany", Some("Germany"));
        check("german revenue", Some("Germany"));
        check("revenue nordcs", Some("Nordics"));
        check("revenue north america this week", Some("North America"));
        check("revenue in France", None);
    }

    #[test]
    fn records_are_found_by_name() {
        let check = |question: &str, expected: &[&str]| {
            assert_eq!(record_ids(question), expected, "{question}")
        };
        check("whats up with req-1042", &["REQ-1042"]);
        check("status REQ 1042 pls", &["REQ-1042"]);
        check("sales in the last 24 hours", &[]);
    }
}
