//! What is different between two parts, in a few words each.

use serde_json::{Map, Value};

/// Values longer than this are not repeated.
const SHOWN: usize = 40;

/// Parts as JSON objects; lists of objects are compared by their `name`.
pub(super) fn differences(old: &Value, new: &Value) -> Vec<String> {
    let none = Map::new();
    let (old, new) = (
        old.as_object().unwrap_or(&none),
        new.as_object().unwrap_or(&none),
    );
    let mut found = Vec::new();
    for key in keys(old, new) {
        let (before, after) = (old.get(key), new.get(key));
        if before == after {
            continue;
        }
        match (before.and_then(named), after.and_then(named)) {
            (None, None) => found.push(change(key, before, after)),
            (before, after) => found.extend(between_lists(
                key.trim_end_matches('s'),
                &before.unwrap_or_default(),
                &after.unwrap_or_default(),
            )),
        }
    }
    found
}

type Named<'a> = Vec<(&'a str, &'a Map<String, Value>)>;

/// A list of objects with names.
fn named(value: &Value) -> Option<Named<'_>> {
    let list = value.as_array()?;
    list.iter()
        .map(|item| {
            let fields = item.as_object()?;
            Some((fields.get("name")?.as_str()?, fields))
        })
        .collect()
}

fn between_lists(what: &str, old: &Named<'_>, new: &Named<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (name, fields) in new {
        match old.iter().find(|(known, _)| known == name) {
            None => found.push(format!("{what} `{name}` is new")),
            Some((_, before)) => {
                for key in keys(before, fields) {
                    if before.get(key) != fields.get(key) {
                        let change = change(key, before.get(key), fields.get(key));
                        found.push(format!("{what} `{name}`: {change}"));
                    }
                }
            }
        }
    }
    let is_gone = |name: &str| !new.iter().any(|(known, _)| *known == name);
    let gone = old.iter().filter(|(name, _)| is_gone(name));
    found.extend(gone.map(|(name, _)| format!("{what} `{name}` is gone")));
    if found.is_empty() {
        found.push(format!("the order of each {what} changed"));
    }
    found
}

fn change(key: &str, old: Option<&Value>, new: Option<&Value>) -> String {
    match (old.and_then(shown), new.and_then(shown)) {
        (Some(old), Some(new)) => format!("`{key}` was {old}, is {new}"),
        (None, Some(new)) if old.is_none() => format!("`{key}` is {new}"),
        (Some(old), None) if new.is_none() => format!("`{key}` was {old}"),
        _ => format!("`{key}` changed"),
    }
}

fn shown(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        _ => return None,
    };
    (text.chars().count() <= SHOWN).then_some(text)
}

fn keys<'a>(old: &'a Map<String, Value>, new: &'a Map<String, Value>) -> Vec<&'a str> {
    let more = old.keys().filter(|key| !new.contains_key(*key));
    new.keys().chain(more).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn differences_name_what_changed() {
        let check = |old: Value, new: Value, expected: &[&str]| {
            assert_eq!(differences(&old, &new), expected);
        };
        check(json!({ "a": 1 }), json!({ "a": 1 }), &[]);
        check(
            json!({ "says": "Deals" }),
            json!({ "says": "Open deals" }),
            &["`says` was Deals, is Open deals"],
        );
        check(
            json!({ "says": "x".repeat(50) }),
            json!({ "says": "y" }),
            &["`says` changed"],
        );
        check(
            json!({ "columns": [{ "name": "a", "type": "int" }, { "name": "b" }] }),
            json!({ "columns": [{ "name": "a", "type": "text" }, { "name": "c" }] }),
            &[
                "column `a`: `type` was int, is text",
                "column `c` is new",
                "column `b` is gone",
            ],
        );
        check(
            json!({ "columns": [{ "name": "a" }, { "name": "b" }] }),
            json!({ "columns": [{ "name": "b" }, { "name": "a" }] }),
            &["the order of each column changed"],
        );
        check(json!({}), json!({ "reads": ["x"] }), &["`reads` changed"]);
        check(
            json!({ "parameters": [{ "name": "a" }] }),
            json!({}),
            &["parameter `a` is gone"],
        );
    }
}
