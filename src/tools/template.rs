//! The sentence in front of a result: `{rows} refunds {period}, the largest {amount} EUR.`
//!
//! Promise: every figure that is put in comes from the rows or the arguments.

use crate::domain::{Parameter, Rows};
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Slot(String),
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("has a `{{` without a `}}`")]
    Unclosed,
    #[error("has a `}}` without a `{{`")]
    Unopened,
}

impl Template {
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or(TemplateError::Unclosed)?;
            parts.push(Part::Text(before.into()));
            parts.push(Part::Slot(name.trim().into()));
            rest = after;
        }
        parts.push(Part::Text(rest.into()));
        let is_stray = |part: &Part| matches!(part, Part::Text(text) if text.contains('}'));
        if parts.iter().any(is_stray) {
            return Err(TemplateError::Unopened);
        }
        Ok(Self { parts })
    }

    pub fn slots(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Slot(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// An argument goes before a column of the same name; columns are those of
    /// the first row.
    pub fn fill(&self, rows: &Rows, arguments: &BTreeMap<String, String>) -> String {
        let mut sentence = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => sentence.push_str(text),
                Part::Slot(name) => sentence.push_str(&value_of(name, rows, arguments)),
            }
        }
        sentence
    }
}

/// What is said of rows, and of none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentences {
    pub lead: Template,
    pub empty: Template,
}

impl Sentences {
    /// A result that is narrowed says so, whoever wrote the template: what
    /// `shown` has of the optional `parameters` is added where it is unsaid.
    pub fn fill<'a>(
        &self,
        rows: &Rows,
        shown: &BTreeMap<String, String>,
        parameters: impl IntoIterator<Item = &'a Parameter>,
    ) -> String {
        let template = if rows.rows.is_empty() {
            &self.empty
        } else {
            &self.lead
        };
        let said = |name: &str| template.slots().any(|slot| slot == name);
        let optional = parameters.into_iter().filter(|p| p.optional);
        let unsaid = optional.filter(|p| !said(&p.name));
        with_narrowing(template.fill(rows, shown), shown, unsaid)
    }
}

/// The sentence with the values that narrow the result: `3 rows (region UKI).`
pub fn with_narrowing<'a>(
    sentence: String,
    shown: &BTreeMap<String, String>,
    parameters: impl IntoIterator<Item = &'a Parameter>,
) -> String {
    let named = parameters.into_iter().filter_map(|parameter| {
        let value = shown.get(&parameter.name)?;
        Some(format!("{} {value}", parameter.name.replace('_', " ")))
    });
    let unsaid: Vec<String> = named.collect();
    if unsaid.is_empty() {
        return sentence;
    }
    let (body, stop) = match sentence.strip_suffix('.') {
        Some(body) => (body, "."),
        None => (sentence.as_str(), ""),
    };
    format!("{body} ({}){stop}", unsaid.join(", "))
}

/// How many rows there are: `1,200`, `more than 200`.
pub fn count_of(rows: &Rows) -> String {
    let count = integer(&rows.rows.len().to_string());
    if rows.truncated {
        format!("more than {count}")
    } else {
        count
    }
}

fn value_of(name: &str, rows: &Rows, arguments: &BTreeMap<String, String>) -> String {
    if name == "rows" {
        return count_of(rows);
    }
    if let Some(argument) = arguments.get(name) {
        return argument.clone();
    }
    let column = rows.columns.iter().position(|column| column == name);
    let value = column.and_then(|column| rows.rows.first()?.get(column));
    value.map_or_else(|| NOTHING.into(), |value| readable(name, value))
}

const NOTHING: &str = "–";

/// A value as people read it: `12345.678` as `12,345.68`.
pub fn readable(name: &str, value: &Value) -> String {
    match value {
        Value::Null => NOTHING.into(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        // Years and numbers that name something have no thousands.
        Value::Number(number) if is_label(name) => number.to_string(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => integer(&whole.to_string()),
            (None, Some(number)) => decimal(number),
            (None, None) => number.to_string(),
        },
        Value::String(text) => text.clone(),
        Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

fn is_label(name: &str) -> bool {
    let name = name.to_lowercase();
    ["year", "id", "number", "no", "nr"]
        .iter()
        .any(|label| name == *label || name.ends_with(&format!("_{label}")))
}

fn decimal(number: f64) -> String {
    let rounded = format!("{number:.2}");
    let (whole, fraction) = rounded.split_once('.').unwrap_or((&rounded, ""));
    let whole = integer(whole);
    match fraction.trim_end_matches('0') {
        "" if whole == "-0" => "0".into(),
        "" => whole,
        fraction => format!("{whole}.{fraction}"),
    }
}

/// Digits in groups of three.
fn integer(digits: &str) -> String {
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits),
    };
    let mut grouped = String::from(sign);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_written_for_people() {
        let check = |value: Value, expected: &str| assert_eq!(readable("total", &value), expected);
        check(json!(7), "7");
        check(json!(1234), "1,234");
        check(json!(-1234567), "-1,234,567");
        check(json!(0.5), "0.5");
        check(json!(1234.5678), "1,234.57");
        check(json!(-999.999), "-1,000");
        check(json!(-0.001), "0");
        check(json!(12.0), "12");
        check(json!(null), "–");
        check(json!(true), "yes");
        check(json!("DACH"), "DACH");
    }

    #[test]
    fn years_and_ids_are_not_grouped() {
        assert_eq!(readable("year", &json!(2026)), "2026");
        assert_eq!(readable("customer_id", &json!(10023)), "10023");
    }

    #[test]
    fn sentence_is_filled_from_rows_and_arguments() {
        let rows = Rows {
            columns: vec!["amount".into(), "region".into()],
            rows: vec![
                vec![json!(1500.25), json!("UKI")],
                vec![json!(3), json!("DACH")],
            ],
            truncated: false,
        };
        let arguments = BTreeMap::from([("period".to_string(), "last week".to_string())]);
        let check = |template: &str, rows: &Rows, expected: &str| {
            let template = Template::parse(template).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(template.fill(rows, &arguments), expected);
        };
        check("{rows} refunds {period}.", &rows, "2 refunds last week.");
        check(
            "The largest is {amount} in { region }.",
            &rows,
            "The largest is 1,500.25 in UKI.",
        );
        check("{amount}", &Rows::default(), "–");
        let truncated = Rows {
            truncated: true,
            ..rows.clone()
        };
        check("{rows} refunds", &truncated, "more than 2 refunds");
    }

    #[test]
    fn braces_must_match() {
        assert_eq!(Template::parse("{rows"), Err(TemplateError::Unclosed));
        assert_eq!(Template::parse("rows}"), Err(TemplateError::Unopened));
    }
}
