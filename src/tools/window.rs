//! Spans of time as people name them: `24h`, `last month`, `Q3 2026`.
//!
//! Days, weeks and months begin at midnight in the company's time zone; weeks
//! begin on Monday. A span that is still running ends where it would end, so
//! that "this week" holds what is planned for Friday; a span counted back from
//! now ends now.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// From `since` up to, not including, `until`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    pub since: DateTime<Utc>,
    pub until: DateTime<Utc>,
    /// Completes "12 sales …": `in the last 24 hours`, `last month`.
    pub words: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    #[error(
        "`{0}` is no span of time; try `24h`, `7d`, `last month`, `Q3 2026` or `2026-01-01..2026-01-31`"
    )]
    NotUnderstood(String),
    #[error("`{0}` ends before it begins")]
    Reversed(String),
}

/// Longer spans are slips of the hand; dates far off also break the databases' own.
const MAX_YEARS: i32 = 200;

impl Window {
    pub fn parse(text: &str, now: DateTime<Utc>, zone: Tz) -> Result<Self, WindowError> {
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let today = now.with_timezone(&zone).date_naive();
        let found = counted_back(&words, now)
            .or_else(|| calendar(&words, today)?.into_window(zone))
            .or_else(|| since(&words, now, zone));
        let window = found.ok_or_else(|| WindowError::NotUnderstood(text.into()))?;
        if window.until <= window.since {
            return Err(WindowError::Reversed(text.into()));
        }
        if window.until.year() - window.since.year() > MAX_YEARS {
            return Err(WindowError::NotUnderstood(text.into()));
        }
        Ok(window)
    }
}

/// `24h`, `7 days`, `last 3 months`.
fn counted_back(words: &[&str], now: DateTime<Utc>) -> Option<Window> {
    let words = match words {
        ["in", "the", "last" | "past", rest @ ..]
        | ["the", "last" | "past", rest @ ..]
        | ["last" | "past", rest @ ..] => rest,
        all => all,
    };
    let (count, unit) = match words {
        [one] => {
            let digits = one.find(|c: char| !c.is_ascii_digit())?;
            (one[..digits].parse().ok()?, &one[digits..])
        }
        [count, unit] => (count.parse().ok()?, *unit),
        _ => return None,
    };
    let (unit, since) = match unit {
        "m" | "min" | "minute" | "minutes" => {
            ("minute", back(now, TimeDelta::try_minutes(count)?)?)
        }
        "h" | "hour" | "hours" => ("hour", back(now, TimeDelta::try_hours(count)?)?),
        "d" | "day" | "days" => ("day", back(now, TimeDelta::try_days(count)?)?),
        "w" | "week" | "weeks" => ("week", back(now, TimeDelta::try_weeks(count)?)?),
        "mo" | "month" | "months" => ("month", months_back(now, count)?),
        "y" | "year" | "years" => ("year", months_back(now, count.checked_mul(12)?)?),
        _ => return None,
    };
    let words = match count {
        1 => format!("in the last {unit}"),
        _ => format!("in the last {count} {unit}s"),
    };
    Some(Window {
        since,
        until: now,
        words,
    })
}

fn back(now: DateTime<Utc>, by: TimeDelta) -> Option<DateTime<Utc>> {
    now.checked_sub_signed(by)
}

fn months_back(now: DateTime<Utc>, count: i64) -> Option<DateTime<Utc>> {
    now.checked_sub_months(Months::new(u32::try_from(count).ok()?))
}

/// `since 2026-03-01`, until now.
fn since(words: &[&str], now: DateTime<Utc>, zone: Tz) -> Option<Window> {
    let ["since", start] = words else {
        return None;
    };
    let (day, words) = match *start {
        "yesterday" => {
            let yesterday = now.with_timezone(&zone).date_naive().pred_opt()?;
            (yesterday, "since yesterday".to_string())
        }
        date => (parse_date(date)?, format!("since {date}")),
    };
    Some(Window {
        since: midnight(day, zone)?,
        until: now,
        words,
    })
}

/// Whole days, from the first to the one before `end`.
struct Span {
    first: NaiveDate,
    end: NaiveDate,
    words: String,
}

impl Span {
    fn into_window(self, zone: Tz) -> Option<Window> {
        Some(Window {
            since: midnight(self.first, zone)?,
            until: midnight(self.end, zone)?,
            words: self.words,
        })
    }
}

fn calendar(words: &[&str], today: NaiveDate) -> Option<Span> {
    let span = |first: NaiveDate, end: NaiveDate, words: &str| {
        Some(Span {
            first,
            end,
            words: words.into(),
        })
    };
    let week = today.week(chrono::Weekday::Mon).first_day();
    let month = today.with_day(1)?;
    let quarter = first_of(today.year(), today.month0() / 3 * 3 + 1)?;
    let year = first_of(today.year(), 1)?;
    match words {
        ["today"] => span(today, after_days(today, 1)?, "today"),
        ["yesterday"] => span(before_days(today, 1)?, today, "yesterday"),
        ["this", "week"] => span(week, after_days(week, 7)?, "this week"),
        ["last" | "previous", "week"] => span(before_days(week, 7)?, week, "last week"),
        ["this", "month"] => span(month, after_months(month, 1)?, "this month"),
        ["last" | "previous", "month"] => span(before_months(month, 1)?, month, "last month"),
        ["this", "quarter"] => span(quarter, after_months(quarter, 3)?, "this quarter"),
        ["last" | "previous", "quarter"] => {
            span(before_months(quarter, 3)?, quarter, "last quarter")
        }
        ["this", "year"] => span(year, after_months(year, 12)?, "this year"),
        ["last" | "previous", "year"] => span(before_months(year, 12)?, year, "last year"),
        [one] => one_word(one, today),
        [name, year] => named(name, plausible_year(year)?),
        _ => None,
    }
}

/// `q3`, `october`, `2026`, `2026-10`, `2026-10-05`, `2026-10-01..2026-10-05`.
fn one_word(word: &str, today: NaiveDate) -> Option<Span> {
    if let Some((first, last)) = word.split_once("..") {
        let (from, to) = (parse_date(first)?, parse_date(last)?);
        return Some(Span {
            first: from,
            end: after_days(to, 1)?,
            words: format!("from {first} to {last}"),
        });
    }
    if let Some(day) = parse_date(word) {
        return Some(Span {
            first: day,
            end: after_days(day, 1)?,
            words: format!("on {word}"),
        });
    }
    if let Some((year, month)) = word.split_once('-') {
        let first = first_of(plausible_year(year)?, month.parse().ok()?)?;
        return Some(Span {
            first,
            end: after_months(first, 1)?,
            words: format!("in {word}"),
        });
    }
    if let Some(year) = plausible_year(word) {
        let first = first_of(year, 1)?;
        return Some(Span {
            first,
            end: after_months(first, 12)?,
            words: format!("in {word}"),
        });
    }
    // Without a year, the latest one that has begun is meant.
    let this_year = named(word, today.year())?;
    if this_year.first <= today {
        Some(this_year)
    } else {
        named(word, today.year() - 1)
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A quarter or a month of a year.
fn named(name: &str, year: i32) -> Option<Span> {
    if let Some(quarter) = name.strip_prefix('q') {
        let quarter: u32 = quarter
            .parse()
            .ok()
            .filter(|quarter| (1..=4).contains(quarter))?;
        let first = first_of(year, quarter * 3 - 2)?;
        return Some(Span {
            first,
            end: after_months(first, 3)?,
            words: format!("in Q{quarter} {year}"),
        });
    }
    let month = MONTHS.iter().position(|month| {
        month.eq_ignore_ascii_case(name) || month[..3].eq_ignore_ascii_case(name)
    })?;
    let first = first_of(year, u32::try_from(month).ok()? + 1)?;
    Some(Span {
        first,
        end: after_months(first, 1)?,
        words: format!("in {} {year}", MONTHS[month]),
    })
}

/// Four digits of our time.
fn plausible_year(text: &str) -> Option<i32> {
    let year = text.parse().ok()?;
    (1900..2200).contains(&year).then_some(year)
}

fn first_of(year: i32, month: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, month, 1)
}

fn after_days(day: NaiveDate, days: u64) -> Option<NaiveDate> {
    day.checked_add_days(Days::new(days))
}

fn before_days(day: NaiveDate, days: u64) -> Option<NaiveDate> {
    day.checked_sub_days(Days::new(days))
}

fn after_months(day: NaiveDate, months: u32) -> Option<NaiveDate> {
    day.checked_add_months(Months::new(months))
}

fn before_months(day: NaiveDate, months: u32) -> Option<NaiveDate> {
    day.checked_sub_months(Months::new(months))
}

/// `2026-10-05` and nothing shorter.
fn parse_date(text: &str) -> Option<NaiveDate> {
    (text.len() == 10).then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())?
}

/// The first moment of a day. Where clocks skip midnight, the day begins later.
fn midnight(day: NaiveDate, zone: Tz) -> Option<DateTime<Utc>> {
    (0..4).find_map(|hour| {
        let time = day.and_hms_opt(hour, 0, 0)?;
        let local = zone.from_local_datetime(&time).earliest()?;
        Some(local.with_timezone(&Utc))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Saturday afternoon.
    fn now() -> DateTime<Utc> {
        "2026-11-21T14:30:00Z".parse().expect("is a time")
    }

    fn check_in(zone: Tz, text: &str, expected: &str) {
        let window = Window::parse(text, now(), zone).unwrap_or_else(|error| panic!("{error}"));
        let format = "%Y-%m-%d %H:%M";
        let found = format!(
            "{} to {}, {}",
            window.since.format(format),
            window.until.format(format),
            window.words
        );
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn spans_are_read_as_people_name_them() {
        let check = |text: &str, expected: &str| check_in(Tz::UTC, text, expected);
        check(
            "24h",
            "2026-11-20 14:30 to 2026-11-21 14:30, in the last 24 hours",
        );
        check(
            "1h",
            "2026-11-21 13:30 to 2026-11-21 14:30, in the last hour",
        );
        check(
            "90m",
            "2026-11-21 13:00 to 2026-11-21 14:30, in the last 90 minutes",
        );
        check(
            "7d",
            "2026-11-14 14:30 to 2026-11-21 14:30, in the last 7 days",
        );
        check(
            "2w",
            "2026-11-07 14:30 to 2026-11-21 14:30, in the last 2 weeks",
        );
        check(
            "last 3 months",
            "2026-08-21 14:30 to 2026-11-21 14:30, in the last 3 months",
        );
        check("today", "2026-11-21 00:00 to 2026-11-22 00:00, today");
        check(
            "Yesterday",
            "2026-11-20 00:00 to 2026-11-21 00:00, yesterday",
        );
        check(
            "this week",
            "2026-11-16 00:00 to 2026-11-23 00:00, this week",
        );
        check(
            "last week",
            "2026-11-09 00:00 to 2026-11-16 00:00, last week",
        );
        check(
            "this month",
            "2026-11-01 00:00 to 2026-12-01 00:00, this month",
        );
        check(
            "last month",
            "2026-10-01 00:00 to 2026-11-01 00:00, last month",
        );
        check(
            "this quarter",
            "2026-10-01 00:00 to 2027-01-01 00:00, this quarter",
        );
        check(
            "last quarter",
            "2026-07-01 00:00 to 2026-10-01 00:00, last quarter",
        );
        check(
            "this year",
            "2026-01-01 00:00 to 2027-01-01 00:00, this year",
        );
        check(
            "last year",
            "2025-01-01 00:00 to 2026-01-01 00:00, last year",
        );
        check("Q1", "2026-01-01 00:00 to 2026-04-01 00:00, in Q1 2026");
        check(
            "q4 2025",
            "2025-10-01 00:00 to 2026-01-01 00:00, in Q4 2025",
        );
        check(
            "December",
            "2025-12-01 00:00 to 2026-01-01 00:00, in December 2025",
        );
        check(
            "oct",
            "2026-10-01 00:00 to 2026-11-01 00:00, in October 2026",
        );
        check("2025", "2025-01-01 00:00 to 2026-01-01 00:00, in 2025");
        check(
            "2026-02",
            "2026-02-01 00:00 to 2026-03-01 00:00, in 2026-02",
        );
        check(
            "2026-02-28",
            "2026-02-28 00:00 to 2026-03-01 00:00, on 2026-02-28",
        );
        check(
            "since 2026-11-02",
            "2026-11-02 00:00 to 2026-11-21 14:30, since 2026-11-02",
        );
        check(
            "since yesterday",
            "2026-11-20 00:00 to 2026-11-21 14:30, since yesterday",
        );
        check(
            "2026-11-01..2026-11-05",
            "2026-11-01 00:00 to 2026-11-06 00:00, from 2026-11-01 to 2026-11-05",
        );
    }

    #[test]
    fn days_begin_at_midnight_of_the_company() {
        check_in(
            Tz::Europe__Berlin,
            "today",
            "2026-11-20 23:00 to 2026-11-21 23:00, today",
        );
        // Clocks change within October.
        check_in(
            Tz::Europe__Berlin,
            "last month",
            "2026-09-30 22:00 to 2026-10-31 23:00, last month",
        );
        // In Auckland it is the 22nd already.
        check_in(
            Tz::Pacific__Auckland,
            "today",
            "2026-11-21 11:00 to 2026-11-22 11:00, today",
        );
    }

    #[test]
    fn day_without_a_midnight_begins_later() {
        // In Santiago, clocks went from 00:00 to 01:00 on that day.
        check_in(
            Tz::America__Santiago,
            "2026-09-06",
            "2026-09-06 04:00 to 2026-09-07 03:00, on 2026-09-06",
        );
    }

    #[test]
    fn other_texts_are_no_spans() {
        for text in [
            "",
            " ",
            "soon",
            "h",
            "-5d",
            "5 apples",
            "Q5",
            "Q0",
            "q1 99",
            "2026-13",
            "2026-02-30",
            "since",
            "since forever",
            "2026-11-05..",
            "99999999999999999999h",
            "9999999999d",
            "9999y",
            "last",
            "💥",
            "2026-1-1",
            "0001",
            "today; DROP TABLE orders",
        ] {
            assert_eq!(
                Window::parse(text, now(), Tz::UTC)
                    .map_err(|error| error.to_string())
                    .ok(),
                None,
                "{text}"
            );
        }
    }

    #[test]
    fn span_that_ends_before_it_begins_is_refused() {
        for text in ["2026-11-05..2026-11-01", "since 2027-01-01", "0h"] {
            let reversed = WindowError::Reversed(text.into());
            assert_eq!(Window::parse(text, now(), Tz::UTC), Err(reversed));
        }
    }
}
