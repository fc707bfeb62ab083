//! Values of columns, shown in the catalogue where the configuration allows it.
//!
//! Promise: only of columns that hold few different short values, as a
//! status or a region does, and never of one that looks personal: by its name,
//! by its table's, or by the values themselves.

use super::{
    Database,
    guard::Dialect,
    schema::{Column, Table},
};
use crate::ports::ToolError;
use regex::Regex;
use serde_json::Value;
use std::{collections::BTreeMap, sync::LazyLock};

/// Rows of a table that are looked at.
const ROWS: usize = 500;
/// A column with more different values is no category.
const DIFFERENT: usize = 12;
/// Values that are kept, and characters of one.
const KEPT: usize = 6;
const CHARS: usize = 40;

/// Words in the name of a column that speak of people or secrets.
#[rustfmt::skip]
const PERSONAL: [&str; 62] = [
    "account", "address", "age", "agent", "approver", "assignee", "author", "bank", "bic", "birth",
    "birthday", "birthdate", "buyer", "by", "card", "city", "client", "contact", "creator", "customer",
    "cvv", "dob", "driver", "email", "employee", "fax", "first", "firstname", "gender", "guest", "hash",
    "iban", "ip", "last", "lastname", "login", "mail", "manager", "member", "mobile", "name", "nationality",
    "owner", "passport", "password", "patient", "person", "phone", "postcode", "rep", "reporter", "salary",
    "secret", "seller", "signature", "ssn", "street", "surname", "tel", "token", "user", "zip",
];

/// Reads the samples of a table into its columns.
pub(in crate::tools) async fn add_samples(
    database: &Database,
    table: &mut Table,
) -> Result<(), ToolError> {
    let wanted: Vec<usize> = (0..table.columns.len())
        .filter(|at| may_be_shown(&table.columns[*at]))
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let quoted = |name: &str| quoted(name, database.dialect());
    let names: Vec<String> = wanted
        .iter()
        .map(|at| quoted(&table.columns[*at].name))
        .collect();
    let from: Vec<String> = table.name.splitn(2, '.').map(quoted).collect();
    let sql = format!(
        "SELECT {} FROM {} LIMIT {ROWS}",
        names.join(", "),
        from.join(".")
    );
    let rows = database.run(&sql, &[]).await?;
    for (place, at) in wanted.into_iter().enumerate() {
        let values = rows.rows.iter().filter_map(|row| row.get(place));
        table.columns[at].samples = samples_of(values);
    }
    Ok(())
}

/// The most frequent values of a category; nothing of what is none.
fn samples_of<'a>(values: impl Iterator<Item = &'a Value>) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut all = 0;
    for value in values {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Array(_) | Value::Object(_) => return Vec::new(),
        };
        let is_short = text.chars().count() <= CHARS && !text.contains(char::is_control);
        if !is_short || text.trim().is_empty() || looks_personal(&text) {
            return Vec::new();
        }
        all += 1;
        *counts.entry(text).or_default() += 1;
        if counts.len() > DIFFERENT {
            return Vec::new();
        }
    }
    // "Middle East" is written as a person is; "Freya Dahl" is seldom alone.
    let names = counts.keys().filter(|text| is_like_a_person(text)).count();
    if all < 2 * counts.len() || 2 * names > counts.len() {
        return Vec::new();
    }
    let mut found: Vec<(String, usize)> = counts.into_iter().collect();
    found.sort_by(|(a, many), (b, more)| more.cmp(many).then(a.cmp(b)));
    found.truncate(KEPT);
    found.into_iter().map(|(text, _)| text).collect()
}

/// Of an enumerated type all values are known; keys and times say nothing.
fn may_be_shown(column: &Column) -> bool {
    const DULL: [&str; 8] = [
        "date", "time", "json", "bytea", "blob", "uuid", "xml", "float",
    ];
    let kind = column.kind.to_lowercase();
    column.values.is_empty()
        && !column.primary
        && column.references.is_none()
        && !DULL.iter().any(|dull| kind.contains(dull))
        && !words_of(&column.name)
            .iter()
            .any(|word| PERSONAL.contains(&word.as_str()))
}

/// The words of `billing_e_mail`, `CustomerName`, `ip4`.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let begins = c.is_uppercase() && before.is_lowercase();
        if begins || !c.is_alphabetic() {
            words.push(String::new());
        }
        if c.is_alphabetic()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    // `customers` are people too.
    let singular = words.iter().filter_map(|word| word.strip_suffix('s'));
    let singular: Vec<String> = singular.map(String::from).collect();
    words.extend(singular);
    words
}

/// An address of mail, a number of telephone, card or account.
fn looks_personal(text: &str) -> bool {
    static FORMS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let forms = [
            r"\S@\S",
            r"^\+?[0-9][0-9 ()/.-]{7,}$",
            r"^[A-Z]{2}[0-9]{2}[A-Z0-9 ]{10,}$",
        ];
        Regex::new(&forms.join("|")).ok()
    });
    let forms = FORMS.as_ref();
    forms.is_none_or(|forms| forms.is_match(text.trim()))
}

/// Two or more words that begin with a capital, as names of people do.
fn is_like_a_person(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_name = |word: &&str| {
        let mut letters = word.chars();
        letters.next().is_some_and(char::is_uppercase)
            && letters.next().is_some_and(|c| c.is_lowercase() || c == '.')
    };
    words.len() > 1 && words.first().is_some_and(is_name) && words.last().is_some_and(is_name)
}

/// A name as its dialect quotes it.
fn quoted(name: &str, dialect: Dialect) -> String {
    let mark = match dialect {
        Dialect::MySql => "`",
        Dialect::Postgres | Dialect::Sqlite => "\"",
    };
    format!("{mark}{}{mark}", name.replace(mark, &mark.repeat(2)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_categories_have_samples() {
        let check = |values: Value, expected: &[&str]| {
            let values = values.as_array().expect("a list");
            assert_eq!(samples_of(values.iter()), expected, "{values:?}");
        };
        check(
            json!(["open", "open", null, "done", "open", "done"]),
            &["open", "done"],
        );
        check(json!([1, 2, 1, 2]), &["1", "2"]);
        check(json!(["a", "b", "c"]), &[]);
        check(json!([]), &[]);
        check(json!(["x".repeat(41), "x".repeat(41)]), &[]);
        check(json!(["a@b.example", "a@b.example"]), &[]);
        check(json!(["+31 6 1234 5678", "+31 6 1234 5678"]), &[]);
        check(json!(["NL91ABNA0417164300", "NL91ABNA0417164300"]), &[]);
        check(json!(["Freya Dahl", "Freya Dahl"]), &[]);
        check(json!(["Jan van Dijk", "Jan van Dijk"]), &[]);
        check(
            json!(["Middle East", "DACH", "Middle East", "DACH"]),
            &["DACH", "Middle East"],
        );
        check(json!([{ "a": 1 }, { "a": 1 }]), &[]);
    }

    #[test]
    fn personal_columns_have_no_samples() {
        let check = |name: &str, expected: bool| {
            let column = Column {
                name: name.into(),
                kind: "text".into(),
                ..Column::default()
            };
            assert_eq!(may_be_shown(&column), expected, "{name}");
        };
        for name in [
            "email",
            "e_mail",
            "billingEmail",
            "customer_name",
            "created_by",
            "iban",
            "rep",
            "first_name",
            "customers",
            "ip4",
            "PHONE",
        ] {
            check(name, false);
        }
        for name in ["region", "status", "carrier", "reason", "sku", "plan"] {
            check(name, true);
        }
    }
}
