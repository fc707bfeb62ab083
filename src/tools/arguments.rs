//! The arguments of a call, checked against the catalogue.

use super::{template, window::Window};
use crate::{
    domain::{Parameter, ParameterKind, ToolCall, ToolSpec},
    ports::ToolError,
};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeMap;

/// What a person may write into a text parameter.
const MAX_TEXT_CHARS: usize = 500;

/// A value to bind, NULL where it is `None`. The type stays known then too.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    Text(Option<String>),
    Integer(Option<i64>),
    Number(Option<f64>),
    Boolean(Option<bool>),
    Time(Option<DateTime<Utc>>),
}

/// Checked values: by placeholder to bind, by parameter to read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments {
    pub bound: BTreeMap<String, Argument>,
    /// Only those that were given or have a default; `period` is the window in words.
    pub shown: BTreeMap<String, String>,
}

/// Checks a call, fills in defaults, and turns windows into times.
pub fn check_arguments(
    tool: &ToolSpec,
    call: &ToolCall,
    now: DateTime<Utc>,
    zone: Tz,
) -> Result<Arguments, ToolError> {
    let bad = |argument: &str, problem: String| ToolError::BadArgument {
        tool: tool.name.clone(),
        argument: argument.into(),
        problem,
    };
    let is_known = |name: &String| tool.parameters.iter().any(|known| known.name == *name);
    if let Some(unknown) = call.args.keys().find(|name| !is_known(name)) {
        return Err(bad(unknown, "is no parameter of it".into()));
    }
    let mut arguments = Arguments::default();
    for parameter in &tool.parameters {
        let given = call
            .args
            .get(&parameter.name)
            .filter(|value| !is_absent(value));
        match given.or(parameter.default.as_ref()) {
            Some(value) => arguments
                .add(parameter, value, now, zone)
                .map_err(|problem| bad(&parameter.name, problem))?,
            None if parameter.optional => arguments.add_null(parameter),
            None => return Err(bad(&parameter.name, "is missing".into())),
        }
    }
    Ok(arguments)
}

fn is_absent(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

impl Arguments {
    /// Checks one value. The error completes "argument `region` …".
    pub fn add(
        &mut self,
        parameter: &Parameter,
        value: &Value,
        now: DateTime<Utc>,
        zone: Tz,
    ) -> Result<(), String> {
        let name = parameter.name.clone();
        let (argument, shown) = match &parameter.kind {
            ParameterKind::Window => {
                let text = text_of(value).ok_or("is no span of time")?;
                let window = Window::parse(&text, now, zone).map_err(|e| e.to_string())?;
                self.bound
                    .insert("since".into(), Argument::Time(Some(window.since)));
                self.bound
                    .insert("until".into(), Argument::Time(Some(window.until)));
                self.shown.insert("period".into(), window.words.clone());
                self.shown.insert(name, window.words);
                return Ok(());
            }
            ParameterKind::Integer => {
                let number = number_of(value).filter(|number| number.fract() == 0.0);
                let number = number.filter(|number| number.abs() < 9e15);
                let whole = number.ok_or("is no whole number")? as i64;
                (
                    Argument::Integer(Some(whole)),
                    readable(&name, whole.into()),
                )
            }
            ParameterKind::Number => {
                let number = number_of(value).ok_or("is no number")?;
                let shown = match number.fract() == 0.0 && number.abs() < 9e15 {
                    true => readable(&name, (number as i64).into()),
                    false => readable(&name, number.into()),
                };
                (Argument::Number(Some(number)), shown)
            }
            ParameterKind::Boolean => {
                let flag = boolean_of(value).ok_or("is neither yes nor no")?;
                (Argument::Boolean(Some(flag)), readable(&name, flag.into()))
            }
            ParameterKind::Choice { values } => {
                let choice = choice_of(value, values)?;
                (Argument::Text(Some(choice.clone())), choice)
            }
            ParameterKind::Id { pattern } => {
                let id = id_of(value, pattern)?;
                (Argument::Text(Some(id.clone())), id)
            }
            ParameterKind::Text => {
                let text = text_of(value).ok_or("is no text")?;
                if text.chars().count() > MAX_TEXT_CHARS {
                    return Err(format!("is longer than {MAX_TEXT_CHARS} characters"));
                }
                (Argument::Text(Some(text.clone())), text)
            }
            // As JSON, which SQL's own functions take apart.
            ParameterKind::List { .. } | ParameterKind::Object { .. } => {
                let fits = match &parameter.kind {
                    ParameterKind::List { .. } => value.is_array(),
                    _ => value.is_object(),
                };
                if !fits {
                    return Err("has another form than the catalogue gives it".into());
                }
                let text = value.to_string();
                if text.chars().count() > MAX_TEXT_CHARS {
                    return Err(format!("is longer than {MAX_TEXT_CHARS} characters"));
                }
                (Argument::Text(Some(text.clone())), text)
            }
        };
        self.shown.insert(name.clone(), shown);
        self.bound.insert(name, argument);
        Ok(())
    }

    /// A parameter without a value still has its type.
    pub fn add_null(&mut self, parameter: &Parameter) {
        let null = match parameter.kind {
            ParameterKind::Window => {
                self.bound.insert("since".into(), Argument::Time(None));
                self.bound.insert("until".into(), Argument::Time(None));
                return;
            }
            ParameterKind::Integer => Argument::Integer(None),
            ParameterKind::Number => Argument::Number(None),
            ParameterKind::Boolean => Argument::Boolean(None),
            ParameterKind::Choice { .. }
            | ParameterKind::Id { .. }
            | ParameterKind::Text
            | ParameterKind::List { .. }
            | ParameterKind::Object { .. } => Argument::Text(None),
        };
        self.bound.insert(parameter.name.clone(), null);
    }
}

fn readable(name: &str, value: Value) -> String {
    template::readable(name, &value)
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// `20000`, `"20,000"`, `"20k"`.
fn number_of(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => {
            let text = text.trim().to_lowercase().replace([',', '_', ' '], "");
            let (digits, factor) = match text.strip_suffix(['k', 'm']) {
                Some(digits) if text.ends_with('k') => (digits, 1e3),
                Some(digits) => (digits, 1e6),
                None => (text.as_str(), 1.0),
            };
            digits.parse::<f64>().ok()? * factor
        }
        _ => return None,
    };
    number.is_finite().then_some(number)
}

fn boolean_of(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => match text.trim().to_lowercase().as_str() {
            "true" | "yes" => Some(true),
            "false" | "no" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// The value as the data spells it. No values are known of a database that was
/// down at start; it will say itself that it has no such one.
fn choice_of(value: &Value, values: &[String]) -> Result<String, String> {
    let text = text_of(value).ok_or("is no text")?;
    if values.is_empty() {
        return Ok(text);
    }
    let exact = values.iter().find(|value| **value == text);
    let folded = || {
        let text = text.to_lowercase();
        values.iter().find(|value| value.to_lowercase() == text)
    };
    exact.or_else(folded).cloned().ok_or_else(|| {
        let known: Vec<&str> = values.iter().take(12).map(String::as_str).collect();
        format!("`{text}` is none of {}", known.join(", "))
    })
}

fn id_of(value: &Value, pattern: &str) -> Result<String, String> {
    let text = text_of(value).ok_or("is no text")?;
    let whole = whole_pattern(pattern).map_err(|_| "has a pattern that can't be read")?;
    [text.clone(), text.to_uppercase(), text.to_lowercase()]
        .into_iter()
        .find(|text| whole.is_match(text))
        .ok_or_else(|| format!("`{text}` does not have the form `{pattern}`"))
}

/// The pattern for the whole of an id, not for a part of it.
pub fn whole_pattern(pattern: &str) -> Result<Regex, regex::Error> {
    Regex::new(&format!("^(?:{pattern})$"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parameter(kind: ParameterKind) -> Parameter {
        Parameter {
            name: "x".into(),
            kind,
            default: None,
            optional: false,
            description: String::new(),
        }
    }

    fn add(
        kind: &ParameterKind,
        value: Value,
    ) -> Result<(Option<Argument>, Option<String>), String> {
        let mut arguments = Arguments::default();
        let now = "2026-11-21T14:30:00Z".parse().expect("is a time");
        arguments.add(&parameter(kind.clone()), &value, now, Tz::UTC)?;
        Ok((arguments.bound.remove("x"), arguments.shown.remove("x")))
    }

    #[test]
    fn values_are_read_as_their_kind() {
        let check = |kind: &ParameterKind, value: Value, argument: Argument, shown: &str| {
            let found = add(kind, value.clone());
            assert_eq!(found, Ok((Some(argument), Some(shown.into()))), "{value}");
        };
        let text = |text: &str| Argument::Text(Some(text.into()));
        check(
            &ParameterKind::Integer,
            json!(5),
            Argument::Integer(Some(5)),
            "5",
        );
        check(
            &ParameterKind::Integer,
            json!("1,500"),
            Argument::Integer(Some(1500)),
            "1,500",
        );
        check(
            &ParameterKind::Number,
            json!("20k"),
            Argument::Number(Some(20000.0)),
            "20,000",
        );
        check(
            &ParameterKind::Number,
            json!(0.5),
            Argument::Number(Some(0.5)),
            "0.5",
        );
        check(
            &ParameterKind::Boolean,
            json!("yes"),
            Argument::Boolean(Some(true)),
            "yes",
        );
        let regions = ParameterKind::Choice {
            values: vec!["DACH".into(), "UKI".into()],
        };
        check(&regions, json!("dach"), text("DACH"), "DACH");
        let id = ParameterKind::Id {
            pattern: "ORD-[0-9]{5}".into(),
        };
        check(&id, json!("ord-12345"), text("ORD-12345"), "ORD-12345");
        check(&ParameterKind::Text, json!(" it's "), text("it's"), "it's");
    }

    #[test]
    fn other_values_are_refused_with_the_reason() {
        let check = |kind: ParameterKind, value: Value, problem: &str| {
            assert_eq!(add(&kind, value), Err(problem.into()));
        };
        check(ParameterKind::Integer, json!(1.5), "is no whole number");
        check(ParameterKind::Integer, json!("five"), "is no whole number");
        check(ParameterKind::Number, json!("inf"), "is no number");
        check(ParameterKind::Number, json!([1]), "is no number");
        check(
            ParameterKind::Boolean,
            json!("perhaps"),
            "is neither yes nor no",
        );
        check(
            ParameterKind::Text,
            json!("x".repeat(501)),
            "is longer than 500 characters",
        );
        let regions = ParameterKind::Choice {
            values: vec!["DACH".into(), "UKI".into()],
        };
        check(regions, json!("Mars"), "`Mars` is none of DACH, UKI");
        let id = || ParameterKind::Id {
            pattern: "A[0-9]|B".into(),
        };
        check(
            id(),
            json!("A1 or 1=1"),
            "`A1 or 1=1` does not have the form `A[0-9]|B`",
        );
        check(id(), json!("xB"), "`xB` does not have the form `A[0-9]|B`");
    }
}
