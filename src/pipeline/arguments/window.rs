//! Spans of time, in one of the forms that every tool understands.

use super::words::{regex, word_in};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use regex::Regex;
use std::sync::LazyLock;

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
}
