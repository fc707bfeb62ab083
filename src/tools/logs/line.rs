//! One line of a log file: its time, level, service and message.

use super::{
    level,
    logql::logfmt,
    stamp::{Nanos, Stamp, StampReader, since_epoch, since_epoch_whole},
};
use crate::config::LogFields;
use serde_json::{Map, Value};

/// What a line says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// Without one it belongs to the line before.
    pub time: Option<Nanos>,
    /// It stands for itself even without a time.
    pub is_record: bool,
    /// As it is spelt there; empty where none is found.
    pub level: String,
    pub service: Option<String>,
    pub message: String,
}

/// Reads lines as the configuration names their fields.
#[derive(Clone, Debug)]
pub struct LineParser {
    pub fields: LogFields,
    pub stamps: StampReader,
}

const TIMES: [&str; 5] = ["ts", "time", "timestamp", "@timestamp", "date"];
const LEVELS: [&str; 5] = ["level", "severity", "lvl", "log.level", "levelname"];
const MESSAGES: [&str; 4] = ["message", "msg", "log", "event"];
/// Words behind the time among which a level is looked for.
const HEADER_WORDS: usize = 5;

impl LineParser {
    pub fn parse(&self, line: &str) -> Parsed {
        if line.starts_with('{')
            && let Ok(Value::Object(record)) = serde_json::from_str(line)
        {
            return self.record(&record, line);
        }
        match self.stamps.leading(line) {
            Some(stamp) => self.plain(line, stamp),
            None => self.pairs(line).unwrap_or_else(|| Parsed {
                message: line.to_string(),
                ..Parsed::default()
            }),
        }
    }

    fn record(&self, record: &Map<String, Value>, line: &str) -> Parsed {
        let text = |key: &Option<String>, usual: &[&str]| {
            field(record, key, usual).map(|value| match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            })
        };
        let time = field(record, &self.fields.time, &TIMES);
        Parsed {
            time: time.and_then(|value| self.time_of(value)),
            is_record: true,
            level: text(&self.fields.level, &LEVELS).unwrap_or_default(),
            service: self.fields.service.as_ref().and_then(|key| {
                let value = text(&Some(key.clone()), &[]);
                value.filter(|service| !service.is_empty())
            }),
            message: text(&self.fields.message, &MESSAGES).unwrap_or_else(|| line.to_string()),
        }
    }

    fn time_of(&self, value: &Value) -> Option<Nanos> {
        match value {
            Value::String(text) => self.stamps.whole(text),
            Value::Number(number) => match number.as_i64() {
                Some(whole) => since_epoch_whole(whole),
                None => since_epoch(number.as_f64()?),
            },
            _ => None,
        }
    }

    /// `ts=2026-01-02T03:04:05Z level=info msg="started"`
    fn pairs(&self, line: &str) -> Option<Parsed> {
        let first = line.split_whitespace().next()?;
        if !first.contains('=') {
            return None;
        }
        let record: Map<String, Value> = logfmt(line)
            .into_iter()
            .map(|(key, value)| (key, Value::String(value)))
            .collect();
        let parsed = self.record(&record, line);
        parsed.time.is_some().then_some(parsed)
    }

    /// Time, then a host and a tag, or a level and a logger, then the message.
    fn plain(&self, line: &str, stamp: Stamp) -> Parsed {
        let mut rest = &line[stamp.end..];
        if stamp.is_syslog {
            rest = after_tag(rest);
        }
        let mut level = "";
        let mut at = 0;
        for _ in 0..HEADER_WORDS {
            let tail = &rest[at..];
            let begin = at + tail.len() - tail.trim_start().len();
            let word = rest[begin..].split_whitespace().next().unwrap_or("");
            if word.is_empty() {
                break;
            }
            let end = begin + word.len();
            if let Some(found) = level::in_word(word) {
                level = found;
                // `error: Received disconnect` is a message of its own.
                if !stamp.is_syslog {
                    rest = after_logger(rest[end..].trim_start_matches([' ', '\t', '-', '|']));
                }
                break;
            }
            at = end;
        }
        Parsed {
            time: Some(stamp.time),
            is_record: false,
            level: level.into(),
            service: None,
            message: rest.trim_end().to_string(),
        }
    }
}

/// The names of a line's fields, where it is JSON or logfmt.
pub fn keys(line: &str) -> Vec<String> {
    if line.starts_with('{') {
        return match serde_json::from_str(line) {
            Ok(Value::Object(record)) => record.into_iter().map(|(key, _)| key).collect(),
            _ => Vec::new(),
        };
    }
    match line.split_whitespace().next() {
        Some(first) if first.contains('=') => {
            logfmt(line).into_iter().map(|(key, _)| key).collect()
        }
        _ => Vec::new(),
    }
}

/// `host sshd[24200]: text` -> `text`
fn after_tag(rest: &str) -> &str {
    let Some((_host, tail)) = rest.split_once(' ') else {
        return rest;
    };
    // A tag may have blanks in it, but not many.
    match tail.split_once(": ") {
        Some((tag, text)) if tag.split(' ').count() <= 3 => text,
        _ => match tail.split_once(':') {
            Some((tag, text)) if !tag.contains(' ') => text.trim_start(),
            _ => tail,
        },
    }
}

/// `dfs.DataNode$PacketResponder: text` -> `text`
fn after_logger(rest: &str) -> &str {
    match rest.split_once(' ') {
        Some((logger, text)) if logger.len() > 1 && logger.ends_with(':') => text.trim_start(),
        _ => rest,
    }
}

/// The configured field, or the first of the usual ones that is there.
fn field<'a>(
    record: &'a Map<String, Value>,
    key: &Option<String>,
    usual: &[&str],
) -> Option<&'a Value> {
    match key {
        Some(key) => dotted(record, key),
        None => usual.iter().find_map(|key| dotted(record, key)),
    }
}

/// `log.level`, as one key or as a path.
pub fn dotted<'a>(record: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = record.get(path) {
        return Some(value);
    }
    let (first, rest) = path.split_once('.')?;
    dotted(record.get(first)?.as_object()?, rest)
}

/// The text of a line as it may be shown: on one line, without signs that act
/// on a terminal or turn the reading direction, and not longer than this.
pub fn harmless(text: &str, max_chars: usize) -> String {
    let acts = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let mut shown = String::new();
    for (count, c) in text.trim().chars().enumerate() {
        if count == max_chars {
            shown.push('…');
            break;
        }
        shown.push(if acts(c) { ' ' } else { c });
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Tz;

    fn parser(fields: LogFields) -> LineParser {
        let now = "2026-11-21T12:00:00Z".parse().expect("is a time");
        let stamps = StampReader { zone: Tz::UTC, now };
        LineParser { fields, stamps }
    }

    #[test]
    fn level_and_message_are_told_from_the_header() {
        let check = |line: &str, level: &str, message: &str| {
            let parsed = parser(LogFields::default()).parse(line);
            assert!(parsed.time.is_some(), "{line}");
            assert_eq!(
                (parsed.level.as_str(), parsed.message.as_str()),
                (level, message),
                "{line}"
            );
        };
        check(
            r#"{"ts":"2026-11-20T10:00:00Z","level":"warn","message":"late","n":1}"#,
            "warn",
            "late",
        );
        check(
            r#"{"@timestamp":1763730245123,"log":{"level":"error"},"msg":"a"}"#,
            "error",
            "a",
        );
        check("2026-11-20T10:00:00Z level=info msg=a", "info", "msg=a");
        check(
            r#"ts=2026-11-20T10:00:00Z level=info msg="a b""#,
            "info",
            "a b",
        );
        check(
            "Nov 20 06:55:46 LabSZ sshd[24200]: Invalid user a from 1.2.3.4",
            "",
            "Invalid user a from 1.2.3.4",
        );
        check(
            "Nov 20 06:55:46 LabSZ sshd[24200]: error: Received disconnect",
            "error",
            "error: Received disconnect",
        );
        check(
            "[Sun Dec 04 04:47:44 2005] [error] mod_jk child",
            "error",
            "mod_jk child",
        );
        check(
            "081109 203615 148 INFO dfs.DataNode$PacketResponder: PacketResponder 1 for block",
            "info",
            "PacketResponder 1 for block",
        );
        check(
            "2026-11-20 10:00:00,123 ERROR [main] com.example.Till: no paper",
            "error",
            "[main] com.example.Till: no paper",
        );
        check("2026-11-20 10:00:00 all is well", "", "all is well");
    }

    #[test]
    fn configured_fields_go_before_the_usual_ones() {
        let fields = LogFields {
            time: Some("meta.at".into()),
            level: Some("kind".into()),
            service: Some("app".into()),
            message: Some("text".into()),
        };
        let line = r#"{"ts":"2020-01-01T00:00:00Z","meta":{"at":"2026-11-20T10:00:00Z"},"kind":"bad","app":"till","text":"a","message":"b"}"#;
        let parsed = parser(fields).parse(line);
        assert_eq!(
            (parsed.level, parsed.service, parsed.message),
            ("bad".into(), Some("till".into()), "a".into())
        );
    }

    #[test]
    fn signs_that_act_are_made_harmless() {
        let check = |text: &str, expected: &str| assert_eq!(harmless(text, 10), expected);
        check("a\u{1b}[31mb\nc", "a [31mb c");
        check("\u{202e}abc", " abc");
        check("0123456789", "0123456789");
        check("0123456789a", "0123456789…");
    }
}
