//! Days, months and times of day, in the form that a parameter asks for.

use super::{
    Candidate,
    asked::Asked,
    words::{Cues, regex},
};
use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use regex::Regex;
use serde_json::Value;
use std::{ops::Range, sync::LazyLock};

const MONTHS: [&str; 12] = [
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
const WEEKDAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// Whether the word names a time and nothing else.
pub fn is_time_word(lower: &str) -> bool {
    const OTHERS: [&str; 22] = [
        "today",
        "tomorrow",
        "yesterday",
        "week",
        "month",
        "year",
        "day",
        "hour",
        "hours",
        "days",
        "weeks",
        "months",
        "years",
        "minutes",
        "seconds",
        "next",
        "last",
        "past",
        "upcoming",
        "tonight",
        "pm",
        "am",
    ];
    (MONTHS.contains(&lower) && lower != "may" && lower != "march")
        || WEEKDAYS.contains(&lower)
        || OTHERS.contains(&lower)
}

/// What a parameter asks for.
pub fn is_date(cues: &Cues) -> bool {
    cues.is_named(&["dat", "deadlin", "checkin", "checkout"]) || cues.text.contains("yyyy")
}

pub fn is_time(cues: &Cues) -> bool {
    cues.name.last().is_some_and(|word| word == "tim")
        && !cues.text.contains("second")
        && !cues.text.contains("minutes")
}

/// Every day that the question names.
pub fn days(text: &str, now: DateTime<Utc>) -> Vec<(Range<usize>, NaiveDate)> {
    static ISO: LazyLock<Regex> =
        LazyLock::new(|| regex(r"\b(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})\b"));
    static NUMERIC: LazyLock<Regex> =
        LazyLock::new(|| regex(r"\b(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})\b"));
    static WRITTEN: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"\b(january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)[.]?\s?(\d{1,2})(?:st|nd|rd|th)?\b(?:,?\s+(?:of\s+)?(\d{4}))?|\b(\d{1,2})(?:st|nd|rd|th)?\s+(?:of\s+)?(january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b[.]?(?:,?\s+(\d{4}))?",
        )
    });
    static RELATIVE: LazyLock<Regex> =
        LazyLock::new(|| regex(r"\b(today|tomorrow|yesterday|tonight)\b"));
    let today = now.date_naive();
    let mut found: Vec<(Range<usize>, NaiveDate)> = Vec::new();
    let number = |group: Option<regex::Match<'_>>| group?.as_str().parse::<u32>().ok();
    for capture in ISO.captures_iter(text) {
        let (year, month, day) = (
            number(capture.get(1)),
            number(capture.get(2)),
            number(capture.get(3)),
        );
        push(&mut found, &capture, year, month, day);
    }
    for capture in NUMERIC.captures_iter(text) {
        // Day and month are told apart only where one is above twelve; else as in the USA, as English has it.
        let (a, b) = (number(capture.get(1)), number(capture.get(2)));
        let (month, day) = if a > Some(12) { (b, a) } else { (a, b) };
        push(&mut found, &capture, number(capture.get(3)), month, day);
    }
    for capture in WRITTEN.captures_iter(text) {
        let name = capture
            .get(1)
            .or(capture.get(5))
            .map_or("", |name| name.as_str())
            .to_lowercase();
        let month = MONTHS
            .iter()
            .position(|month| month.starts_with(&name[..3]))
            .map(|at| at as u32 + 1);
        let day = number(capture.get(2).or(capture.get(4)));
        let year = number(capture.get(3).or(capture.get(6))).or(Some(today.year() as u32));
        push(&mut found, &capture, year, month, day);
    }
    for capture in RELATIVE.captures_iter(text) {
        let day = match capture[1].to_lowercase().as_str() {
            "tomorrow" => today.checked_add_days(Days::new(1)),
            "yesterday" => today.checked_sub_days(Days::new(1)),
            _ => Some(today),
        };
        if let (Some(all), Some(day)) = (capture.get(0), day) {
            found.push((all.range(), day));
        }
    }
    found.sort_by_key(|(range, _)| range.start);
    found
}

fn push(
    found: &mut Vec<(Range<usize>, NaiveDate)>,
    capture: &regex::Captures<'_>,
    year: Option<u32>,
    month: Option<u32>,
    day: Option<u32>,
) {
    if let (Some(all), Some(year), Some(month), Some(day)) = (capture.get(0), year, month, day)
        && let Some(date) = NaiveDate::from_ymd_opt(year as i32, month, day)
    {
        found.push((all.range(), date));
    }
}

/// Days and, where there is none, looser words: `April 2022`, `next month`.
pub fn date_candidates(cues: &Cues, asked: &Asked) -> Vec<Candidate> {
    static LOOSE: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"\b(?:(?:next|this|last|upcoming|coming)\s+(?:week(?:end)?|month|year|monday|tuesday|wednesday|thursday|friday|saturday|sunday|spring|summer|autumn|fall|winter)|(?:january|february|march|april|may|june|july|august|september|october|november|december)\s+\d{4}|\d{4}-\d{2})\b",
        )
    });
    let mut found: Vec<Candidate> = asked
        .days
        .iter()
        .map(|(range, day)| Candidate {
            value: Value::from(written(*day, &cues.text)),
            at: vec![range.clone()],
            // "Tomorrow, June 1 2023": the one that needs no calendar.
            score: if asked.text[range.clone()].contains(|c: char| c.is_ascii_digit()) {
                1.2
            } else {
                1.0
            } + asked.nearness(cues, range)
                + direction(cues, asked, range),
        })
        .collect();
    if found.is_empty() {
        found.extend(LOOSE.find_iter(asked.text).map(|loose| {
            let words = loose.as_str();
            let month = month_of(words).filter(|_| cues.text.contains("mm-yyyy"));
            let dated = words.ends_with(|c: char| c.is_ascii_digit());
            Candidate {
                value: month.map_or_else(|| Value::from(words), Value::from),
                at: vec![loose.range()],
                // "Next month (April 2022)": the one that needs no calendar.
                score: if dated { 1.2 } else { 1.0 },
            }
        }));
    }
    found
}

/// `April 2022` as `04-2022`.
fn month_of(words: &str) -> Option<String> {
    let (name, year) = words.split_once(' ')?;
    let month = MONTHS
        .iter()
        .position(|month| month.eq_ignore_ascii_case(name))?;
    Some(format!("{:02}-{year}", month + 1))
}

fn direction(cues: &Cues, asked: &Asked, range: &Range<usize>) -> f32 {
    let before = asked.preposition_before(range.start);
    let begins = cues.is_named(&["from", "start", "begin", "since", "checkin", "departur"]);
    let ends = cues.is_named(&["to", "end", "until", "checkout", "return"]);
    match before.as_str() {
        "from" | "since" | "starting" | "between" if begins => 0.6,
        "to" | "until" | "till" if ends => 0.6,
        "to" | "until" | "till" if begins => -0.6,
        "from" | "since" | "starting" if ends => -0.6,
        _ => 0.0,
    }
}

/// `yyyy-mm-dd`, unless the parameter's words ask for another order.
fn written(day: NaiveDate, wanted: &str) -> String {
    let has = |form: &str| wanted.contains(form);
    let format = match () {
        () if has("mm-dd-yyyy") || has("month-day-year") => "%m-%d-%Y",
        () if has("mm/dd/yyyy") => "%m/%d/%Y",
        () if has("dd-mm-yyyy") || has("day-month-year") => "%d-%m-%Y",
        () if has("dd/mm/yyyy") => "%d/%m/%Y",
        () if has("yyyy/mm/dd") => "%Y/%m/%d",
        () => "%Y-%m-%d",
    };
    day.format(format).to_string()
}

/// `3pm`, `18:30`, `6:30 PM`.
pub fn time_candidates(asked: &Asked) -> Vec<Candidate> {
    static TIME: LazyLock<Regex> = LazyLock::new(|| {
        regex(r"\b\d{1,2}(?::\d{2})?\s?(?:am|pm|a\.m\.|p\.m\.)|\b\d{1,2}:\d{2}(?::\d{2})?\b")
    });
    TIME.find_iter(asked.text)
        .map(|time| Candidate {
            value: Value::from(time.as_str()),
            at: vec![time.range()],
            score: 1.2,
        })
        .collect()
}

/// A month or a weekday by name.
pub fn name_candidates(cues: &Cues, asked: &Asked) -> Vec<Candidate> {
    let known: &[&str] = match () {
        () if cues.is_named(&["month"]) => &MONTHS,
        () if cues.is_named(&["day", "weekday"]) => &WEEKDAYS,
        () => return Vec::new(),
    };
    asked
        .words
        .iter()
        .filter(|word| known.contains(&word.lower.as_str()))
        .map(|word| Candidate {
            value: Value::from(&asked.text[word.range.clone()]),
            at: vec![word.range.clone()],
            score: 1.3,
        })
        .collect()
}
