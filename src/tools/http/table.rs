//! JSON as rows: where the list is, and which fields become columns.

use crate::{
    domain::Rows,
    tools::limits::{CappedRows, Limits},
};
use serde_json::{Map, Value};

/// Columns that are taken where the configuration names none.
const MAX_COLUMNS: usize = 16;

/// How far down the list is looked for, and fields are taken from.
const MAX_DEPTH: usize = 3;

/// Fields of an object that is small enough for the columns of its holder.
const SMALL: usize = 8;

/// Values of a list that is short enough for one cell.
const SHORT: usize = 20;

/// Fields that say: this is one record, and its lists are its own.
const IDENTITIES: [&str; 6] = ["id", "_id", "uuid", "key", "slug", "login"];

/// Parts of the names of fields that stand around a list.
const ENVELOPE: [&str; 24] = [
    "ok", "success", "status", "code", "message", "error", "warning", "total", "count", "size",
    "limit", "offset", "page", "next", "prev", "href", "self", "url", "kind", "object", "etag",
    "more", "cursor", "took",
];

/// What the records of a response are.
#[derive(Debug, PartialEq)]
pub(super) enum Found<'a> {
    /// The list, with the objects around it, the nearest first.
    List {
        records: &'a [Value],
        holders: Vec<&'a Value>,
    },
    One(&'a Value),
    Nothing,
}

/// Finds the records: where `path` leads, or where a list is.
pub(super) fn find<'a>(body: &'a Value, path: Option<&str>) -> Found<'a> {
    if let Some(path) = path {
        let mut holders = vec![body];
        let mut at = body;
        for key in path.split('.').filter(|key| !key.is_empty()) {
            match at.get(key) {
                Some(inner) => at = inner,
                None => return Found::Nothing,
            }
            holders.insert(0, at);
        }
        return match at {
            Value::Array(records) => Found::List { records, holders },
            Value::Null => Found::Nothing,
            one => Found::One(one),
        };
    }
    match body {
        Value::Array(records) => Found::List {
            records,
            holders: vec![body],
        },
        Value::Null => Found::Nothing,
        Value::Object(fields) if fields.is_empty() => Found::Nothing,
        Value::Object(_) if is_record(body) => Found::One(body),
        Value::Object(_) => list_below(body).unwrap_or_else(|| Found::One(sole_record(body))),
        one => Found::One(one),
    }
}

/// The first list of records, of the upper levels before the lower.
fn list_below(body: &Value) -> Option<Found<'_>> {
    // Each an object with those around it, the nearest first.
    let mut level: Vec<Vec<&Value>> = vec![vec![body]];
    for _ in 0..MAX_DEPTH {
        let mut lists: Vec<(&[Value], &Vec<&Value>)> = Vec::new();
        let mut below: Vec<Vec<&Value>> = Vec::new();
        for holders in &level {
            let fields = holders.first().and_then(|holder| holder.as_object());
            for value in fields.into_iter().flat_map(Map::values) {
                match value {
                    Value::Array(records) => lists.push((records, holders)),
                    Value::Object(_) if !is_record(value) => {
                        below.push([&[value], holders.as_slice()].concat());
                    }
                    _ => {}
                }
            }
        }
        let of_objects =
            |(records, _): &&(&[Value], _)| records.first().is_some_and(Value::is_object);
        let in_envelope = |(_, holders): &&(_, &Vec<&Value>)| {
            holders.first().is_some_and(|holder| is_envelope(holder))
        };
        let chosen = lists
            .iter()
            .find(of_objects)
            .or_else(|| lists.iter().find(in_envelope));
        if let Some((records, holders)) = chosen {
            return Some(Found::List {
                records,
                holders: holders.to_vec(),
            });
        }
        level = below;
    }
    None
}

/// One record, whose lists are its own.
fn is_record(value: &Value) -> bool {
    IDENTITIES
        .iter()
        .any(|name| value.get(name).is_some_and(is_scalar))
}

/// Whether its fields speak of a list and not of a thing.
fn is_envelope(value: &Value) -> bool {
    let scalars = value
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| is_scalar(value));
    scalars.map(|(name, _)| name).all(|name| {
        let name = name.to_lowercase();
        ENVELOPE.iter().any(|part| name.contains(part))
    })
}

/// The record in `{"ok": true, "user": {…}}`.
fn sole_record(body: &Value) -> &Value {
    let mut objects = body
        .as_object()
        .into_iter()
        .flat_map(Map::values)
        .filter(|value| value.is_object());
    match (objects.next(), objects.next()) {
        (Some(record), None) if is_record(record) && is_envelope(body) => record,
        _ => body,
    }
}

/// Records as rows. Without `columns`, every field that holds one value.
pub(super) fn rows(records: &[Value], columns: &[String], limits: Limits) -> Rows {
    let named: Vec<String> = if columns.is_empty() {
        columns_of(records)
    } else {
        columns.to_vec()
    };
    let mut capped = CappedRows::new(limits, named.clone());
    for record in records {
        let row = named.iter().map(|column| cell(record, column)).collect();
        if !capped.take(row) {
            break;
        }
    }
    capped.finish()
}

/// The column of records that are no objects.
const VALUE: &str = "value";

/// Fields in the order of their first appearance, the upper level first;
/// those that are empty everywhere are left out.
fn columns_of(records: &[Value]) -> Vec<String> {
    let mut columns: Vec<(usize, String)> = Vec::new();
    for record in records {
        let mut found = Vec::new();
        fields("", record, 0, &mut found);
        for (depth, name, _) in found.into_iter().filter(|(_, _, filled)| *filled) {
            if columns.len() < 10 * MAX_COLUMNS && !columns.iter().any(|(_, known)| *known == name)
            {
                columns.push((depth, name));
            }
        }
    }
    columns.sort_by_key(|(depth, _)| *depth);
    let mut names: Vec<String> = columns.into_iter().map(|(_, name)| name).collect();
    names.truncate(MAX_COLUMNS);
    if names.is_empty() && !records.is_empty() {
        names.push(VALUE.into());
    }
    names
}

/// Depth, dotted path, and whether there is a value, of each field that fits a cell.
fn fields(prefix: &str, record: &Value, depth: usize, found: &mut Vec<(usize, String, bool)>) {
    let Value::Object(object) = record else {
        found.push((depth, VALUE.into(), !record.is_null()));
        return;
    };
    for (key, value) in object {
        let name = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        match value {
            Value::Object(inner) if inner.len() <= SMALL && depth + 1 < MAX_DEPTH => {
                fields(&name, value, depth + 1, found)
            }
            Value::Object(_) => {}
            Value::Array(values) => {
                let short = values.len() <= SHORT && values.iter().all(is_scalar);
                if short {
                    found.push((depth, name, !values.is_empty()));
                }
            }
            scalar => found.push((
                depth,
                name,
                !scalar.is_null() && scalar.as_str() != Some(""),
            )),
        }
    }
}

/// What a dotted path leads to: a key may have dots itself.
fn cell(record: &Value, path: &str) -> Value {
    if path == VALUE && !record.is_object() {
        return shown(record);
    }
    let mut at = record;
    let mut rest = path;
    loop {
        if let Some(value) = at.get(rest) {
            return shown(value);
        }
        let Some((key, after)) = rest.split_once('.') else {
            return Value::Null;
        };
        let Some(inner) = at.get(key) else {
            return Value::Null;
        };
        at = inner;
        rest = after;
    }
}

fn shown(value: &Value) -> Value {
    match value {
        Value::Array(values) if values.iter().all(is_scalar) => {
            let texts: Vec<String> = values
                .iter()
                .filter_map(super::schema::scalar_text)
                .collect();
            texts.join(", ").into()
        }
        Value::Array(_) | Value::Object(_) => value.to_string().into(),
        scalar => scalar.clone(),
    }
}

fn is_scalar(value: &Value) -> bool {
    !value.is_array() && !value.is_object() && !value.is_null()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::Duration;

    const LIMITS: Limits = Limits {
        timeout: Duration::from_secs(1),
        rows: 3,
        bytes: 1_000,
    };

    #[test]
    fn list_is_found_where_responses_have_it() {
        let check = |body: Value, path: Option<&str>, expected: Option<Value>| {
            let found = match find(&body, path) {
                Found::List { records, .. } => Some(Value::from(records.to_vec())),
                Found::One(one) => Some(one.clone()),
                Found::Nothing => None,
            };
            assert_eq!(found, expected, "{body}");
        };
        let list = || Some(json!([{"a": 1}]));
        check(json!([{"a": 1}]), None, list());
        check(json!({"ok": true, "items": [{"a": 1}]}), None, list());
        check(json!({"tags": ["x"], "items": [{"a": 1}]}), None, list());
        check(
            json!({"albums": {"href": "/x", "items": [{"a": 1}]}}),
            None,
            list(),
        );
        check(
            json!({"data": {"list": [{"a": 1}]}, "meta": {}}),
            None,
            list(),
        );
        check(json!({"items": []}), None, Some(json!([])));
        check(json!({"names": ["x", "y"]}), None, Some(json!(["x", "y"])));
        check(
            json!({"id": 7, "images": [{"url": "u"}]}),
            None,
            Some(json!({"id": 7, "images": [{"url": "u"}]})),
        );
        check(
            json!({"temperature": 7}),
            None,
            Some(json!({"temperature": 7})),
        );
        check(
            json!({"id": 7, "x": {"y": [{"a": 1}]}}),
            Some("x.y"),
            list(),
        );
        check(json!({"a": [1]}), Some(""), Some(json!({"a": [1]})));
        check(json!({"a": [1]}), Some("b.c"), None);
        check(json!({}), None, None);
        check(json!(null), None, None);
        check(json!(5), None, Some(json!(5)));
    }

    #[test]
    fn fields_become_columns() {
        let check =
            |records: Value, columns: &[&str], expected_columns: &[&str], expected: Value| {
                let columns: Vec<String> =
                    columns.iter().map(|column| column.to_string()).collect();
                let rows = rows(records.as_array().expect("is a list"), &columns, LIMITS);
                assert_eq!(rows.columns, expected_columns, "{records}");
                assert_eq!(json!(rows.rows), expected, "{records}");
            };
        check(
            json!([{"id": 1, "owner": {"name": "Ann", "big": {"a": {"b": {"c": 1}}}}, "tags": ["x", "y"], "none": null}, {"late": true}]),
            &[],
            &["id", "tags", "late", "owner.name"],
            json!([[1, "x, y", null, "Ann"], [null, null, true, null]]),
        );
        check(
            json!(["x", 2, null]),
            &[],
            &["value"],
            json!([["x"], [2], [null]]),
        );
        check(
            json!([[1, 2], {"a": 1}]),
            &[],
            &["value", "a"],
            json!([["1, 2", null], [null, 1]]),
        );
        check(
            json!([{"a": {"b.c": 1, "d": [{}]}}]),
            &["a.b.c", "a.d", "a.e"],
            &["a.b.c", "a.d", "a.e"],
            json!([[1, "[{}]", null]]),
        );
        check(json!([{}]), &[], &["value"], json!([[null]]));
        check(json!([]), &[], &[], json!([]));
    }

    #[test]
    fn rows_and_columns_are_capped() {
        let wide: Map<String, Value> = (0..500).map(|i| (format!("c{i}"), json!(i))).collect();
        let records = vec![Value::Object(wide); 5];
        let rows = rows(&records, &[], LIMITS);
        assert_eq!(
            (rows.columns.len(), rows.rows.len(), rows.truncated),
            (MAX_COLUMNS, 3, true)
        );
    }
}
