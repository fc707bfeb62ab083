//! The time that a log line bears, in the forms that programs write.
//!
//! RFC 3339 and its relatives (`2026-01-02 03:04:05,123`), syslog old and new,
//! Apache's and nginx's access and error logs, `081109 203615`, and seconds,
//! milliseconds, microseconds or nanoseconds since 1970.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// A time in nanoseconds since 1970.
pub type Nanos = i64;

/// What is needed to read times that say less than they mean.
#[derive(Clone, Copy, Debug)]
pub struct StampReader {
    /// Of times that name no offset.
    pub zone: Tz,
    /// Times without a year are the latest before this.
    pub now: DateTime<Utc>,
}

/// A time at the beginning of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub time: Nanos,
    /// The byte behind it, and behind what belongs to it.
    pub end: usize,
    /// The form of syslog: a host and a tag follow.
    pub is_syslog: bool,
}

/// How far into a line an access log's time may stand.
const ACCESS_REACH: usize = 256;

impl StampReader {
    /// The time at the beginning of a line, or in the brackets of an access log.
    pub fn leading(&self, line: &str) -> Option<Stamp> {
        let bytes = line.as_bytes();
        let blanks = bytes.iter().take_while(|b| **b == b' ').count();
        // A line that is drawn in belongs to the one before.
        if blanks > 1 {
            return None;
        }
        let start = blanks + priority(&bytes[blanks..]);
        let rest = &bytes[start..];
        let first = *rest.first()?;
        let found = match first {
            b'[' => self
                .timed(&rest[1..])
                .filter(|(_, length, _)| rest.get(1 + length) == Some(&b']'))
                .map(|(time, length, syslog)| (time, length + 2, syslog)),
            b'0'..=b'9' | b'A'..=b'Z' => self.timed(rest),
            _ => None,
        };
        let found = found.or_else(|| self.in_brackets(rest));
        let (time, length, is_syslog) = found?;
        let mut end = start + length;
        // What stands between the time and the text.
        while bytes.get(end).is_some_and(|b| b" \t:|".contains(b)) {
            end += 1;
        }
        Some(Stamp {
            time,
            end,
            is_syslog,
        })
    }

    /// The time that is the whole of a text, such as a JSON field's.
    pub fn whole(&self, text: &str) -> Option<Nanos> {
        let text = text.trim();
        let (time, length, _) = self.timed(text.as_bytes())?;
        (length == text.len()).then_some(time)
    }

    fn timed(&self, text: &[u8]) -> Option<(Nanos, usize, bool)> {
        let plain = |(time, length)| (time, length, false);
        if text.first()?.is_ascii_digit() {
            return self
                .iso(text)
                .or_else(|| self.access(text))
                .or_else(|| self.compact(text))
                .or_else(|| epoch(text))
                .map(plain);
        }
        self.named_day(text)
            .map(plain)
            .or_else(|| self.syslog(text).map(|(time, length)| (time, length, true)))
    }

    /// `2026-01-02T03:04:05.123+01:00`, `2026-01-02 03:04:05,123`, `2026/01/02 03:04:05`
    fn iso(&self, text: &[u8]) -> Option<(Nanos, usize)> {
        let separator = *text.get(4)?;
        if !b"-/".contains(&separator) || text.get(7) != Some(&separator) {
            return None;
        }
        let date = date(
            digits(text, 0, 4)?,
            digits(text, 5, 2)?,
            digits(text, 8, 2)?,
        )?;
        if !b"Tt _".contains(text.get(10)?) {
            return None;
        }
        let (time, mut end) = time_of_day(text, 11)?;
        let (fraction, length) = fraction(&text[end..]);
        end += length;
        let (offset, length) = offset(&text[end..]);
        let time = self.at(date, time, fraction, offset)?;
        Some((time, end + length))
    }

    /// `10/Oct/2000:13:55:36 -0700`
    fn access(&self, text: &[u8]) -> Option<(Nanos, usize)> {
        if text.get(2) != Some(&b'/') || text.get(6) != Some(&b'/') || text.get(11) != Some(&b':') {
            return None;
        }
        let date = date(
            digits(text, 7, 4)?,
            month(text.get(3..6)?)?,
            digits(text, 0, 2)?,
        )?;
        let (time, end) = time_of_day(text, 12)?;
        let (offset, length) = offset(&text[end..]);
        Some((self.at(date, time, 0, offset)?, end + length))
    }

    /// `081109 203615`, `20081109 203615`
    fn compact(&self, text: &[u8]) -> Option<(Nanos, usize)> {
        let day = text.iter().take_while(|b| b.is_ascii_digit()).count();
        if text.get(day) != Some(&b' ') || (day != 6 && day != 8) {
            return None;
        }
        let (year, rest) = match day {
            6 => (2000 + digits(text, 0, 2)?, 2),
            _ => (digits(text, 0, 4)?, 4),
        };
        let date = date(year, digits(text, rest, 2)?, digits(text, rest + 2, 2)?)?;
        let at = day + 1;
        let after = text.get(at + 6);
        if after.is_some_and(u8::is_ascii_digit) {
            return None;
        }
        let time = (
            digits(text, at, 2)?,
            digits(text, at + 2, 2)?,
            digits(text, at + 4, 2)?,
        );
        Some((self.at(date, time, 0, None)?, at + 6))
    }

    /// `Sun Dec 04 04:47:44.123 2005`, the year in the middle or at the end.
    fn named_day(&self, text: &[u8]) -> Option<(Nanos, usize)> {
        const DAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
        if !DAYS.contains(&text.get(..3)?) || text.get(3) != Some(&b' ') {
            return None;
        }
        let month = month(text.get(4..7)?)?;
        let day = padded(text, 8)?;
        let (time, mut end) = time_of_day(text, 11)?;
        let (fraction, length) = fraction(&text[end..]);
        end += length;
        if text.get(end) != Some(&b' ') {
            return None;
        }
        let year = digits(text, end + 1, 4)?;
        let time = self.at(date(year, month, day)?, time, fraction, None)?;
        Some((time, end + 5))
    }

    /// `Dec 10 06:55:46`, `Dec  9 06:55:46.123`: the latest one that has been.
    fn syslog(&self, text: &[u8]) -> Option<(Nanos, usize)> {
        let month = month(text.get(..3)?)?;
        if text.get(3) != Some(&b' ') {
            return None;
        }
        let day = padded(text, 4)?;
        let (time, mut end) = time_of_day(text, 7)?;
        let (fraction, length) = fraction(&text[end..]);
        end += length;
        let tomorrow = self.now + TimeDelta::days(1);
        let this_year = tomorrow.year();
        // Eight years back there was a 29 February for certain.
        let year = (this_year - 8..=this_year).rev().find_map(|year| {
            let date = NaiveDate::from_ymd_opt(year, month, day)?;
            let time = self.at(date, time, fraction, None)?;
            (time <= tomorrow.timestamp_nanos_opt()?).then_some(time)
        });
        Some((year?, end))
    }

    /// The first `[…]` near the beginning that holds a time: access logs.
    fn in_brackets(&self, text: &[u8]) -> Option<(Nanos, usize, bool)> {
        let reach = &text[..text.len().min(ACCESS_REACH)];
        let open = reach.iter().position(|b| *b == b'[')?;
        let (time, length) = self.access(&text[open + 1..])?;
        let closed = open + 1 + length;
        // The address before it is part of the text, so nothing is cut off.
        (text.get(closed) == Some(&b']')).then_some((time, 0, false))
    }

    fn at(
        &self,
        date: NaiveDate,
        (hour, minute, second): (u32, u32, u32),
        nanosecond: u32,
        offset_seconds: Option<i32>,
    ) -> Option<Nanos> {
        // A leap second is told as the one before it.
        let naive = date.and_hms_nano_opt(hour, minute, second.min(59), nanosecond)?;
        let time = match offset_seconds {
            Some(offset) => naive.and_utc() - TimeDelta::seconds(offset.into()),
            None if self.zone == Tz::UTC => naive.and_utc(),
            None => match self.zone.from_local_datetime(&naive).earliest() {
                Some(local) => local.with_timezone(&Utc),
                // A time that the clocks skip.
                None => naive.and_utc(),
            },
        };
        time.timestamp_nanos_opt()
    }
}

/// Since 1970, in the unit that makes it a time of ours.
pub fn since_epoch(number: f64) -> Option<Nanos> {
    let factor = match number.abs() {
        // 1973 to 5138 in seconds.
        1e8..1e11 => 1e9,
        1e11..1e14 => 1e6,
        1e14..1e17 => 1e3,
        1e17..9.2e18 => 1.0,
        _ => return None,
    };
    Some((number * factor) as Nanos)
}

/// As [`since_epoch`], to the nanosecond.
pub fn since_epoch_whole(number: i64) -> Option<Nanos> {
    let factor = match number.unsigned_abs() {
        100_000_000..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        100_000_000_000_000_000.. => 1,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// `1763730245`, `1763730245.123`, `1763730245123`
fn epoch(text: &[u8]) -> Option<(Nanos, usize)> {
    let whole = text.iter().take_while(|b| b.is_ascii_digit()).count();
    if !matches!(whole, 10 | 13 | 16 | 19) {
        return None;
    }
    let number: i64 = std::str::from_utf8(&text[..whole]).ok()?.parse().ok()?;
    let (fraction, length) = match whole {
        10 => fraction(&text[whole..]),
        _ => (0, 0),
    };
    let end = whole + length;
    let stands_alone = text.get(end).is_none_or(|b| !b.is_ascii_alphanumeric());
    let time = since_epoch_whole(number)?.checked_add(fraction.into())?;
    stands_alone.then_some((time, end))
}

/// `<34>1 ` or `<34>` before a line of syslog.
fn priority(text: &[u8]) -> usize {
    let number = text
        .iter()
        .skip(1)
        .take_while(|b| b.is_ascii_digit())
        .count();
    if text.first() != Some(&b'<')
        || !(1..=3).contains(&number)
        || text.get(number + 1) != Some(&b'>')
    {
        return 0;
    }
    let end = number + 2;
    match text.get(end..end + 2) {
        Some([b'1'..=b'9', b' ']) => end + 2,
        _ => end,
    }
}

fn digits(text: &[u8], at: usize, count: usize) -> Option<u32> {
    text.get(at..at + count)?.iter().try_fold(0, |number, b| {
        b.is_ascii_digit()
            .then(|| number * 10 + u32::from(b - b'0'))
    })
}

/// Two digits, the first one perhaps a blank.
fn padded(text: &[u8], at: usize) -> Option<u32> {
    match text.get(at) {
        Some(b' ') => digits(text, at + 1, 1),
        _ => digits(text, at, 2),
    }
}

fn date(year: u32, month: u32, day: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
}

fn month(name: &[u8]) -> Option<u32> {
    const NAMES: [&[u8]; 12] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    (1..)
        .zip(NAMES)
        .find_map(|(month, known)| (known == name).then_some(month))
}

/// `03:04:05` at this byte, and where it ends.
fn time_of_day(text: &[u8], at: usize) -> Option<((u32, u32, u32), usize)> {
    if text.get(at + 2) != Some(&b':') || text.get(at + 5) != Some(&b':') {
        return None;
    }
    let time = (
        digits(text, at, 2)?,
        digits(text, at + 3, 2)?,
        digits(text, at + 6, 2)?,
    );
    (time.2 <= 60).then_some((time, at + 8))
}

/// Nanoseconds of `.123` or `,123`, and its length.
fn fraction(text: &[u8]) -> (u32, usize) {
    if !matches!(text.first(), Some(b'.' | b',')) {
        return (0, 0);
    }
    let count = text[1..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut nanoseconds = 0;
    for place in 0..9 {
        let digit = text[1..].get(place).filter(|_| place < count);
        nanoseconds = nanoseconds * 10 + digit.map_or(0, |b| u32::from(b - b'0'));
    }
    match count {
        0 => (0, 0),
        count => (nanoseconds, count + 1),
    }
}

/// Seconds east of Greenwich of `Z`, `+01:00`, ` -0700`, ` UTC`, and its length.
fn offset(text: &[u8]) -> (Option<i32>, usize) {
    let blank = usize::from(text.first() == Some(&b' '));
    let rest = &text[blank..];
    if blank == 0 && matches!(rest.first(), Some(b'Z' | b'z')) {
        return (Some(0), 1);
    }
    if rest.starts_with(b"UTC") || rest.starts_with(b"GMT") {
        return (Some(0), blank + 3);
    }
    let sign = match rest.first() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return (None, 0),
    };
    let colon = usize::from(rest.get(3) == Some(&b':'));
    let hours = digits(rest, 1, 2).filter(|hours| *hours <= 23);
    let minutes = digits(rest, 3 + colon, 2).filter(|minutes| *minutes < 60);
    match (hours, minutes) {
        (Some(hours), Some(minutes)) => {
            let seconds = (hours * 3_600 + minutes * 60) as i32;
            (Some(sign * seconds), blank + 5 + colon)
        }
        // `2026-01-02T03:04:05+01`
        (Some(hours), None) if blank == 0 => (Some(sign * (hours * 3_600) as i32), 3),
        _ => (None, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(zone: Tz) -> StampReader {
        let now = "2026-11-21T12:00:00Z".parse().expect("is a time");
        StampReader { zone, now }
    }

    fn shown(time: Nanos) -> String {
        let time = DateTime::from_timestamp_nanos(time);
        time.format("%Y-%m-%d %H:%M:%S%.f").to_string()
    }

    #[test]
    fn times_are_read_as_programs_write_them() {
        let check = |line: &str, expected: &str, rest: &str| {
            let stamp = reader(Tz::UTC).leading(line);
            let stamp = stamp.unwrap_or_else(|| panic!("{line}"));
            assert_eq!(shown(stamp.time), expected, "{line}");
            assert_eq!(&line[stamp.end..], rest, "{line}");
        };
        check("2026-01-02T03:04:05Z hello", "2026-01-02 03:04:05", "hello");
        check(
            "2026-01-02T03:04:05.123456789+01:00 hello",
            "2026-01-02 02:04:05.123456789",
            "hello",
        );
        check(
            "2026-01-02 03:04:05,123 INFO a",
            "2026-01-02 03:04:05.123",
            "INFO a",
        );
        check("[2026-01-02 03:04:05] a", "2026-01-02 03:04:05", "a");
        check(
            "2026/01/02 03:04:05 [error] a",
            "2026-01-02 03:04:05",
            "[error] a",
        );
        check("2026-01-02 03:04:05 UTC: a", "2026-01-02 03:04:05", "a");
        check("Nov 20 06:55:46 host a", "2026-11-20 06:55:46", "host a");
        check("Dec  9 06:55:46 host a", "2025-12-09 06:55:46", "host a");
        check("Feb 29 06:55:46 host a", "2024-02-29 06:55:46", "host a");
        check(
            "<34>Nov 20 06:55:46 host a",
            "2026-11-20 06:55:46",
            "host a",
        );
        check(
            "<34>1 2003-10-11T22:14:15.003Z host a",
            "2003-10-11 22:14:15.003",
            "host a",
        );
        check(
            "[Sun Dec 04 04:47:44 2005] [error] a",
            "2005-12-04 04:47:44",
            "[error] a",
        );
        check(
            "[Sun Dec 04 04:47:44.123 2005] a",
            "2005-12-04 04:47:44.123",
            "a",
        );
        check(
            "127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] \"GET /\"",
            "2000-10-10 20:55:36",
            "127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] \"GET /\"",
        );
        check(
            "081109 203615 148 INFO a",
            "2008-11-09 20:36:15",
            "148 INFO a",
        );
        check("1763730245 a", "2025-11-21 13:04:05", "a");
        check("1763730245.5 a", "2025-11-21 13:04:05.500", "a");
        check("1763730245123 a", "2025-11-21 13:04:05.123", "a");
    }

    #[test]
    fn lines_without_a_time_have_none() {
        for line in [
            "",
            "    at com.example.Main(Main.java:5)",
            "Caused by: x",
            "2026-13-02T03:04:05Z",
            "2026-01-02",
            "Decimal 10",
            "Mon",
            "12345 a",
            "[error] a",
            "1763730245abc",
            "é",
            "[é",
            "99999999999999999999 a",
        ] {
            assert_eq!(reader(Tz::UTC).leading(line), None, "{line}");
        }
    }

    #[test]
    fn time_without_an_offset_is_of_the_configured_zone() {
        let stamp = reader(Tz::Europe__Berlin).leading("2026-07-01 12:00:00 a");
        assert_eq!(shown(stamp.expect("a time").time), "2026-07-01 10:00:00");
        let stamp = reader(Tz::Europe__Berlin).leading("2026-07-01T12:00:00Z a");
        assert_eq!(shown(stamp.expect("a time").time), "2026-07-01 12:00:00");
    }

    #[test]
    fn numbers_are_taken_in_the_unit_that_makes_sense() {
        let check = |number: i64| {
            let time = since_epoch_whole(number).expect("a time");
            assert_eq!(&shown(time)[..19], "2025-11-21 13:04:05", "{number}");
        };
        check(1_763_730_245);
        check(1_763_730_245_123);
        check(1_763_730_245_123_456);
        check(1_763_730_245_123_456_789);
        assert_eq!(since_epoch_whole(42), None);
        assert_eq!(since_epoch(f64::NAN), None);
    }
}
