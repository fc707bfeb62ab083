//! Days and times of day that a text states, as far as it states them:
//! `3 March 2026`, `2026-03-03`, `March`, `Q3`, `on Mondays`, `5 pm`.

use super::pattern::pattern;
use regex::Regex;
use std::{ops::Range, sync::LazyLock};

/// What is said of a day; what is not said is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Day {
    pub at: Range<usize>,
    pub year: Option<u32>,
    pub quarter: Option<u32>,
    pub month: Option<u32>,
    pub day: Option<u32>,
    /// Monday is 0.
    pub weekday: Option<u32>,
    /// `03/04/2026`: which is the month is not said.
    pub either: bool,
}

/// Minutes since midnight.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Time {
    pub at: Range<usize>,
    pub minute: u32,
}

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

const MONTH: &str = r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b\.?";

/// The form that is only a year, among those of [`days`].
const YEAR_ALONE: usize = 11;

/// All days of a text, none inside another.
pub(super) fn days(text: &str) -> Vec<Day> {
    static FORMS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
        [
            r"\b(?P<year>(?:19|20)\d{2})-(?P<month>\d{2})(?:-(?P<day>\d{2}))?\b".to_string(),
            r"\b(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>(?:19|20)\d{2})?\b".to_string(),
            r"\b(?P<day>\d{1,2})/(?P<month>\d{1,2})/(?P<year>(?:19|20)\d{2})\b".to_string(),
            format!(r"\b(?P<from>\d{{1,2}})(?:st|nd|rd|th)?\s?(?:to|and|until|-|–)\s?(?:the )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<name>{MONTH})(?:,? (?P<year>(?:19|20)\d{{2}})\b)?"),
            format!(r"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<name>{MONTH})(?:,? (?P<year>(?:19|20)\d{{2}})\b)?"),
            format!(r"\b(?P<name>{MONTH}) (?:the )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (?P<year>(?:19|20)\d{{2}})\b)?"),
            format!(r"\b(?P<name>{MONTH})(?: of)? (?P<year>(?:19|20)\d{{2}})\b"),
            r"\bQ(?P<quarter>[1-4])(?:[ /-]?(?P<year>(?:19|20)\d{2}))?\b".to_string(),
            r"(?i)\b(?P<nth>first|second|third|fourth|1st|2nd|3rd|4th) quarter(?: of (?P<year>(?:19|20)\d{2}))?\b".to_string(),
            format!(r"\b(?P<name>{MONTH})"),
            r"\b(?P<weekday>Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:days?)?\b".to_string(),
            r"\b(?P<year>(?:19|20)\d{2})\b".to_string(),
        ]
        .iter()
        .map(|form| pattern(form))
        .collect()
    });
    let mut found: Vec<Day> = Vec::new();
    for (form, regex) in FORMS.iter().enumerate() {
        for capture in regex.captures_iter(text) {
            let Some(whole) = capture.get(0) else {
                continue;
            };
            let overlaps = |day: &Day| day.at.start < whole.end() && whole.start() < day.at.end;
            if found.iter().any(overlaps) || goes_on(text, &whole.range()) {
                continue;
            }
            let number = |name: &str| capture.name(name)?.as_str().parse().ok();
            let name = capture.name("name").map(|name| name.as_str());
            let day = Day {
                at: whole.range(),
                year: number("year"),
                quarter: number("quarter").or_else(|| nth(capture.name("nth")?.as_str())),
                month: number("month").or_else(|| place(&MONTHS, name?).map(|at| at + 1)),
                day: number("day"),
                weekday: capture
                    .name("weekday")
                    .and_then(|word| place(&WEEKDAYS, word.as_str())),
                either: form == 2,
            };
            let alone = day.month.is_some() && day.day.is_none() && day.year.is_none();
            if alone && name.is_some_and(|name| is_verb(text, &whole.range(), name)) {
                continue;
            }
            // "2,000 items" and "2020 items" are amounts.
            if form == YEAR_ALONE && counts(text, &whole.range()) {
                continue;
            }
            if day.month.is_some_and(|month| !(1..=12).contains(&month)) && !day.either {
                continue;
            }
            // "3 to 29 June" are two days.
            if let Some(from) = number("from") {
                found.push(Day {
                    day: Some(from),
                    ..day.clone()
                });
            }
            found.push(day);
        }
    }
    found.sort_by_key(|day| day.at.start);
    found
}

/// It is part of an id, a version or a number.
fn goes_on(text: &str, at: &Range<usize>) -> bool {
    let before = text[..at.start].chars().next_back();
    let mut after = text[at.end..].chars();
    let joins =
        |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | '.' | '$' | '€' | '£');
    let behind = after.next();
    before.is_some_and(joins)
        || behind.is_some_and(|c| c.is_alphanumeric() || c == '_')
        || behind == Some('-') && after.next().is_some_and(|c| c.is_ascii_digit())
}

fn place(names: &[&str], word: &str) -> Option<u32> {
    let word = word.to_lowercase();
    let start = word.trim_end_matches('.').get(..3)?.to_string();
    let at = names.iter().position(|name| name.starts_with(&start))?;
    u32::try_from(at).ok()
}

fn nth(word: &str) -> Option<u32> {
    Some(match word.to_lowercase().as_str() {
        "first" | "1st" => 1,
        "second" | "2nd" => 2,
        "third" | "3rd" => 3,
        _ => 4,
    })
}

/// "May" and "March" at the head of a sentence are often no months.
fn is_verb(text: &str, at: &Range<usize>, name: &str) -> bool {
    let before = text[..at.start].trim_end();
    matches!(name, "May" | "March" | "Mar")
        && (before.is_empty() || before.ends_with(['.', '!', '?', ':']))
}

fn counts(text: &str, at: &Range<usize>) -> bool {
    let before = text[..at.start].trim_end().to_lowercase();
    let money =
        before.ends_with(['€', '$', '£']) || before.ends_with("eur") || before.ends_with("usd");
    let after = text[at.end..].trim_start().to_lowercase();
    const COUNTED: [&str; 12] = [
        "eur", "usd", "gbp", "chf", "%", "€", "$", "items", "units", "words", "requests", "people",
    ];
    money || COUNTED.iter().any(|unit| after.starts_with(unit))
}

impl Day {
    /// Whether a source's day says all that this one says. A year that the
    /// source does not give beside the day may stand elsewhere in it.
    pub(super) fn is_in(&self, source: &Day) -> bool {
        let same = |claim: Option<u32>, source: Option<u32>| claim.is_none() || claim == source;
        let months = |day: &Day| match day.either {
            true => vec![(day.day, day.month), (day.month, day.day)],
            false => vec![(day.day, day.month)],
        };
        let year = self.year.is_none() || source.year.is_none() || self.year == source.year;
        let date = months(self).iter().any(|(day, month)| {
            let mut sources = months(source).into_iter();
            sources
                .any(|(other_day, other_month)| same(*day, other_day) && same(*month, other_month))
        });
        let quarter = match (self.quarter, source.quarter, source.month) {
            (Some(quarter), None, Some(month)) => quarter == month.div_ceil(3),
            (quarter, other, _) => same(quarter, other),
        };
        let only_year = self
            .day
            .or(self.month)
            .or(self.quarter)
            .or(self.weekday)
            .is_none();
        year && date
            && quarter
            && same(self.weekday, source.weekday)
            && (!only_year || source.year.is_some())
    }

    /// Whether both state the same part of a date.
    pub(super) fn rivals(&self, other: &Day) -> bool {
        self.weekday.is_some() == other.weekday.is_some()
            && self.day.is_some() == other.day.is_some()
            && self.month.is_some() == other.month.is_some()
    }
}

pub(super) fn times(text: &str) -> Vec<Time> {
    // "1 to 4 pm" is in the afternoon both.
    static FROM: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)\b(?P<from>[12]?\d(?::[0-5]\d)?)(?: ?(?:to|until|and|-|–) ?)[12]?\d(?::[0-5]\d)?\s?(?P<half>[ap]\.?m\b|o'clock)",
        )
    });
    let mut found = written_times(text);
    for capture in FROM.captures_iter(text) {
        if let (Some(from), Some(half)) = (capture.name("from"), capture.name("half")) {
            let whole = format!("{} {}", from.as_str(), half.as_str());
            found.extend(written_times(&whole).into_iter().map(|time| Time {
                at: from.range(),
                ..time
            }));
        }
    }
    found.sort_by_key(|time| time.at.start);
    found
}

fn written_times(text: &str) -> Vec<Time> {
    static TIME: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?i)\b(?:(?P<hour>[01]?\d|2[0-4])(?::(?P<minute>[0-5]\d)(?::[0-5]\d)?)?(?P<half>\s?[ap]\.?m\b\.?)|(?P<hour24>[01]?\d|2[0-4]):(?P<minute24>[0-5]\d)(?::[0-5]\d)?\b|(?P<clock>1?\d|2[0-4]) o'clock|(?P<word>noon|midday|midnight)\b)",
        )
    });
    let number = |capture: &regex::Captures, name: &str| -> Option<u32> {
        capture.name(name)?.as_str().parse().ok()
    };
    TIME.captures_iter(text)
        .filter_map(|capture| {
            let at = capture.get(0)?.range();
            if goes_on(text, &at) {
                return None;
            }
            let minute = if let Some(word) = capture.name("word") {
                if word.as_str().eq_ignore_ascii_case("midnight") {
                    0
                } else {
                    720
                }
            } else if let Some(half) = capture.name("half") {
                let afternoon = half.as_str().trim().to_lowercase().starts_with('p');
                let hour = number(&capture, "hour")? % 12 + if afternoon { 12 } else { 0 };
                hour * 60 + number(&capture, "minute").unwrap_or_default()
            } else if let Some(hour) = number(&capture, "clock") {
                hour % 24 * 60
            } else {
                number(&capture, "hour24")? % 24 * 60 + number(&capture, "minute24")?
            };
            Some(Time { at, minute })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_day_in_another_form_is_the_same() {
        let check = |claim: &str, source: &str, expected: bool| {
            let (claim, source) = (&days(claim)[0], &days(source)[0]);
            assert_eq!(claim.is_in(source), expected, "{claim:?} {source:?}");
        };
        check("3 March 2026", "2026-03-03", true);
        check("March 3rd, 2026", "on 03.03.2026", true);
        check("3 March", "Mar 3", true);
        check("in March", "2026-03-03", true);
        check("the third quarter of 2026", "Q3 2026", true);
        check("Q1", "12 February 2026", true);
        check("4 March 2026", "2026-03-03", false);
        check("3 March 2025", "2026-03-03", false);
        check("every Tuesday", "on Mondays", false);
        check("in 2025", "12 February 2026", false);
        check("in 2026", "12 February", false);
    }

    #[test]
    fn what_only_looks_like_a_day_is_none() {
        for text in [
            "You may ask",
            "May I ask?",
            "ORD-2026-1",
            "2000 EUR",
            "version 2.2026",
            "v2026",
        ] {
            assert_eq!(days(text), [], "{text}");
        }
    }

    #[test]
    fn times_of_day_are_read_in_both_clocks() {
        let check = |text: &str, expected: u32| {
            let minutes: Vec<u32> = times(text).iter().map(|time| time.minute).collect();
            assert_eq!(minutes, [expected], "{text}");
        };
        check("at 5 pm", 1020);
        check("17:00", 1020);
        check("9:30 a.m.", 570);
        check("at noon", 720);
        check("12 am", 0);
    }
}
