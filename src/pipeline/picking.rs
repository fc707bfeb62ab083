//! Which record of an answer is meant, and its value for the next call.
//!
//! Promise: nothing is guessed. Of several equally good records none is
//! taken, and the value is one scalar of the answer, which the next call
//! checks against its own description as it would one that a person typed.

use crate::domain::{Link, Which};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde_json::Value;
use unicode_segmentation::UnicodeSegmentation;

/// Records that are looked at.
const MAX_RECORDS: usize = 2_000;
/// A longer value names no record.
const MAX_VALUE_CHARS: usize = 200;
/// Records that are named where several are equally good.
const NAMED: usize = 4;

/// Fields that records are called by, the surest first.
const NAMES: [&str; 22] = [
    "name",
    "title",
    "display_name",
    "displayname",
    "full_name",
    "fullname",
    "label",
    "login",
    "username",
    "user_name",
    "subject",
    "headline",
    "summary",
    "original_title",
    "original_name",
    "short_name",
    "slug",
    "key",
    "code",
    "number",
    "email",
    "sku",
];

/// Parts of the names of fields that say when a record came to be.
const TIMES: [&str; 14] = [
    "release", "publish", "issu", "creat", "start", "order", "opened", "sent", "date", "time",
    "_at", "_on", "updat", "year",
];

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Picked {
    pub value: Value,
    /// What the record is called in the answer, where it has a name.
    pub name: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Unpicked {
    /// There is no such record, or it lacks the field.
    None,
    /// These are equally good, some of them named.
    Several(Vec<String>),
}

/// The value that `link` asks for, from the bodies of an answer.
pub(super) fn pick(bodies: &[Value], link: &Link) -> Result<Picked, Unpicked> {
    let mut records: Vec<&Value> = Vec::new();
    for body in bodies {
        collect(body, &link.path, &mut records);
    }
    records.retain(|record| value_of(record, link).is_some());
    let records = distinct(records, link);
    let chosen = match &link.which {
        Which::Named(name) => named(&records, name),
        Which::Only => records.clone(),
        Which::At(at) => records.get(*at).copied().into_iter().collect(),
        Which::Newest => extreme(&records, |a, b| a > b),
        Which::Oldest => extreme(&records, |a, b| a < b),
    };
    let hinted = chosen
        .iter()
        .copied()
        .filter(|record| link.hints.iter().any(|hint| mentions(record, hint, 4)));
    let hinted: Vec<&Value> = hinted.collect();
    let chosen = match chosen.len() > 1 && !hinted.is_empty() {
        true => hinted,
        false => chosen,
    };
    match chosen.as_slice() {
        [] => Err(Unpicked::None),
        [one] => Ok(Picked {
            value: value_of(one, link).cloned().unwrap_or_default(),
            name: name_of(one).map(String::from),
        }),
        several => Err(Unpicked::Several(
            several
                .iter()
                .take(NAMED)
                .map(|record| told(record, link))
                .collect(),
        )),
    }
}

/// The objects where the path leads, through every list on the way.
fn collect<'a>(at: &'a Value, path: &[String], found: &mut Vec<&'a Value>) {
    if found.len() >= MAX_RECORDS {
        return;
    }
    match (at, path) {
        (Value::Array(items), _) => items.iter().for_each(|item| collect(item, path, found)),
        (Value::Object(_), []) => found.push(at),
        (Value::Object(fields), [key, rest @ ..]) => {
            if let Some(below) = fields.get(key) {
                collect(below, rest, found);
            }
        }
        _ => {}
    }
}

/// A scalar that may name a record.
fn value_of<'a>(record: &'a Value, link: &Link) -> Option<&'a Value> {
    let value = record.get(&link.field)?;
    match value {
        Value::String(text) => {
            let fits = !text.trim().is_empty() && text.chars().count() <= MAX_VALUE_CHARS;
            fits.then_some(value)
        }
        Value::Number(_) => Some(value),
        _ => None,
    }
}

/// Each record once, by its value.
fn distinct<'a>(records: Vec<&'a Value>, link: &Link) -> Vec<&'a Value> {
    let mut kept: Vec<&Value> = Vec::new();
    for record in records {
        let value = value_of(record, link);
        if !kept.iter().any(|known| value_of(known, link) == value) {
            kept.push(record);
        }
    }
    kept
}

/// The words alone, without case: `Maroon 5` and `maroon-5`.
fn plain(text: &str) -> String {
    let words: Vec<String> = text.unicode_words().map(str::to_lowercase).collect();
    words.join(" ")
}

fn names_of(record: &Value) -> impl Iterator<Item = &str> {
    let fields = record.as_object();
    NAMES.iter().filter_map(move |name| {
        let mut fields = fields?.iter();
        let field = fields.find(|(key, _)| key.to_lowercase() == *name)?;
        field.1.as_str().filter(|text| !text.trim().is_empty())
    })
}

fn name_of(record: &Value) -> Option<&str> {
    names_of(record).next()
}

/// Those of exactly this name; else those that have all its words; else those
/// that are a slip of the finger away.
fn named<'a>(records: &[&'a Value], name: &str) -> Vec<&'a Value> {
    let wanted = plain(name);
    let by = |fits: &dyn Fn(&str) -> bool| -> Vec<&'a Value> {
        let fitting = records
            .iter()
            .filter(|record| names_of(record).any(|name| fits(&plain(name))));
        fitting.copied().collect()
    };
    let exact = by(&|name| name == wanted);
    if !exact.is_empty() || wanted.is_empty() {
        return exact;
    }
    let words: Vec<&str> = wanted.split(' ').collect();
    let all = by(&|name| {
        let own: Vec<&str> = name.split(' ').collect();
        words.iter().all(|word| own.contains(word))
    });
    if !all.is_empty() {
        return all;
    }
    let slips = 1 + wanted.chars().count() / 10;
    match wanted.chars().count() < 5 {
        true => Vec::new(),
        false => by(&|name| strsim::osa_distance(name, &wanted) <= slips),
    }
}

/// Those that are first in time by one field that all of them have.
fn extreme<'a>(
    records: &[&'a Value],
    before: impl Fn(DateTime<Utc>, DateTime<Utc>) -> bool,
) -> Vec<&'a Value> {
    let Some(field) = time_field(records) else {
        // Without times there is no telling, unless there is but one.
        return records.to_vec();
    };
    let time = |record: &Value| record.get(&field).and_then(instant);
    let Some(best) = records
        .iter()
        .filter_map(|record| time(record))
        .reduce(|a, b| if before(b, a) { b } else { a })
    else {
        return records.to_vec();
    };
    let first = records.iter().filter(|record| time(record) == Some(best));
    first.copied().collect()
}

/// The field that tells the time of most records.
fn time_field(records: &[&Value]) -> Option<String> {
    let first = records.first()?.as_object()?;
    let named = |name: &str| {
        let name = name.to_lowercase();
        TIMES.iter().position(|part| name.contains(part))
    };
    first
        .keys()
        .filter_map(|name| Some((named(name)?, name)))
        .filter(|(_, name)| {
            let timed = records
                .iter()
                .filter(|record| record.get(name.as_str()).and_then(instant).is_some());
            2 * timed.count() > records.len()
        })
        .min()
        .map(|(_, name)| name.clone())
}

/// A day, a moment or a year.
fn instant(value: &Value) -> Option<DateTime<Utc>> {
    let text = value.as_str()?.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    let day = text.get(..10).unwrap_or(text);
    let padded = match text.len() {
        4 => format!("{text}-01-01"),
        7 => format!("{text}-01"),
        _ => day.to_string(),
    };
    let day = NaiveDate::parse_from_str(&padded, "%Y-%m-%d").ok()?;
    Some(day.and_time(NaiveTime::MIN).and_utc())
}

/// Whether a text of the record, down to a depth, is this one.
fn mentions(value: &Value, hint: &str, depth: usize) -> bool {
    match value {
        Value::String(text) => plain(text) == plain(hint),
        Value::Array(items) if depth > 0 => {
            items.iter().any(|item| mentions(item, hint, depth - 1))
        }
        Value::Object(fields) if depth > 0 => fields
            .values()
            .any(|field| mentions(field, hint, depth - 1)),
        _ => false,
    }
}

/// The record's name with what tells it from others of that name.
fn told(record: &Value, link: &Link) -> String {
    let value = value_of(record, link).map(|value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    let value = value.unwrap_or_default();
    let mut words = match name_of(record) {
        Some(name) if name != value => format!("{name} ({value}"),
        _ => return value,
    };
    if let Some(field) = time_field(&[record])
        && let Some(time) = record.get(&field).and_then(Value::as_str)
    {
        words.push_str(&format!(", {time}"));
    }
    words + ")"
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn link(path: &[&str], which: Which) -> Link {
        Link {
            from: 0,
            to: 1,
            parameter: "id".into(),
            path: path.iter().map(|key| key.to_string()).collect(),
            field: "id".into(),
            kind: "artist".into(),
            which,
            hints: Vec::new(),
        }
    }

    fn named(name: &str) -> Which {
        Which::Named(name.into())
    }

    fn check(body: &Value, link: &Link, expected: Result<Value, Unpicked>) {
        let bodies = std::slice::from_ref(body);
        assert_eq!(
            pick(bodies, link).map(|picked| picked.value),
            expected,
            "{body}"
        );
    }

    #[test]
    fn record_is_known_by_its_name() {
        let body = json!({"artists": {"items": [
            {"id": "a1", "name": "Lana Del Rey"}, {"id": "a2", "name": "Lana"}, {"id": "a3", "name": "Lana del Rey Tribute"}]}});
        let at = |name: &str| link(&["artists", "items"], named(name));
        check(&body, &at("lana del rey"), Ok(json!("a1")));
        check(&body, &at("Lana"), Ok(json!("a2")));
        check(&body, &at("Rey Tribute"), Ok(json!("a3")));
        check(&body, &at("Lanna Del Rey"), Ok(json!("a1")));
        check(&body, &at("Cher"), Err(Unpicked::None));
        check(
            &body,
            &link(&["albums"], named("Lana")),
            Err(Unpicked::None),
        );
    }

    #[test]
    fn several_of_one_name_are_not_guessed_among() {
        let body = json!([
            {"id": 1, "title": "Believe", "by": [{"name": "Cher"}], "release_date": "1998-10-22"},
            {"id": 2, "title": "Believe", "by": [{"name": "Justin"}]},
            {"id": 1, "title": "Believe"}]);
        check(
            &body,
            &link(&[], named("Believe")),
            Err(Unpicked::Several(vec![
                "Believe (1, 1998-10-22)".into(),
                "Believe (2)".into(),
            ])),
        );
        let by_cher = Link {
            hints: vec!["cher".into()],
            ..link(&[], named("Believe"))
        };
        check(&body, &by_cher, Ok(json!(1)));
    }

    #[test]
    fn record_is_known_by_its_place_or_its_time() {
        let body = json!({"items": [
            {"id": 1, "created": "2024-05-01"}, {"id": 2, "created": "2026-01-31"}, {"id": 3, "created": "2020"}]});
        let at = |which: Which| link(&["items"], which);
        check(&body, &at(Which::At(0)), Ok(json!(1)));
        check(&body, &at(Which::At(3)), Err(Unpicked::None));
        check(&body, &at(Which::Newest), Ok(json!(2)));
        check(&body, &at(Which::Oldest), Ok(json!(3)));
        let timeless = json!({"items": [{"id": 1}, {"id": 2}]});
        let several = || Err(Unpicked::Several(vec!["1".into(), "2".into()]));
        check(&timeless, &at(Which::Newest), several());
        check(&timeless, &at(Which::Only), several());
        check(&json!({"items": {"id": 7}}), &at(Which::Only), Ok(json!(7)));
    }

    #[test]
    fn value_is_one_scalar() {
        for id in [
            json!(null),
            json!({"a": 1}),
            json!([1]),
            json!(true),
            json!(""),
            json!("x".repeat(201)),
        ] {
            check(
                &json!([{"id": id}]),
                &link(&[], Which::Only),
                Err(Unpicked::None),
            );
        }
        check(&json!("text"), &link(&[], Which::Only), Err(Unpicked::None));
        check(&json!([]), &link(&[], Which::Only), Err(Unpicked::None));
    }
}
