//! One value of a parameter: its kind, its form, and how it is written.

use crate::{
    domain::{Parameter, ParameterKind},
    tools::arguments::{Argument, Arguments},
};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    pub kind: ParameterKind,
    pub form: Form,
    pub minimum: Option<f64>,
    pub maximum: Option<f64>,
}

/// What a text must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Any,
    Date,
    DateTime,
}

impl Item {
    pub(super) fn text() -> Self {
        Self::plain(ParameterKind::Text)
    }

    pub(super) fn plain(kind: ParameterKind) -> Self {
        Self {
            kind,
            form: Form::Any,
            minimum: None,
            maximum: None,
        }
    }

    /// One of several values that were given as one text, in the form that the
    /// API wants. The error completes "argument `status` …".
    pub(super) fn read(&self, text: &str) -> Result<String, String> {
        let parameter = Parameter {
            name: "item".into(),
            kind: self.kind.clone(),
            default: None,
            optional: false,
            description: String::new(),
        };
        let mut arguments = Arguments::default();
        // No kind of a parameter here depends on the time.
        arguments.add(
            &parameter,
            &Value::from(text),
            DateTime::<Utc>::UNIX_EPOCH,
            Tz::UTC,
        )?;
        match arguments.bound.get("item") {
            Some(argument) => self.written(argument).map(Option::unwrap_or_default),
            None => Err("has no value".into()),
        }
    }

    /// A checked value as it is written in an address; `None`: not given.
    pub(super) fn written(&self, argument: &Argument) -> Result<Option<String>, String> {
        let within = |number: f64| match (self.minimum, self.maximum) {
            (Some(minimum), _) if number < minimum => Err(format!("is less than {minimum}")),
            (_, Some(maximum)) if number > maximum => Err(format!("is more than {maximum}")),
            _ => Ok(()),
        };
        Ok(match argument {
            Argument::Text(text) => {
                if let Some(text) = text {
                    self.check_text(text)?;
                }
                text.clone()
            }
            Argument::Integer(Some(whole)) => {
                within(*whole as f64)?;
                Some(whole.to_string())
            }
            Argument::Number(Some(number)) => {
                within(*number)?;
                Some(number.to_string())
            }
            Argument::Boolean(Some(flag)) => Some(flag.to_string()),
            Argument::Time(Some(time)) => Some(time.to_rfc3339()),
            Argument::Integer(None)
            | Argument::Number(None)
            | Argument::Boolean(None)
            | Argument::Time(None) => None,
        })
    }

    fn check_text(&self, text: &str) -> Result<(), String> {
        if text.chars().any(char::is_control) {
            return Err("has control characters".into());
        }
        let (fits, form) = match self.form {
            Form::Any => (true, ""),
            Form::Date => (
                NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok(),
                "2026-11-21",
            ),
            Form::DateTime => (
                DateTime::parse_from_rfc3339(text).is_ok(),
                "2026-11-21T09:00:00Z",
            ),
        };
        if fits {
            Ok(())
        } else {
            Err(format!("`{text}` does not have the form `{form}`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        document::Document,
        schema::{Shape, shape},
    };
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_held_to_their_form() {
        let document = Document::parse(r#"{"openapi": "3.0.0", "paths": {}}"#);
        let document = document.unwrap_or_else(|error| panic!("{error}"));
        let check = |schema: Value, text: &str, expected: Result<&str, &str>| {
            let (Ok(Shape::One(item)) | Ok(Shape::List(item))) = shape(&document, &schema) else {
                panic!("{schema}");
            };
            let found = item.read(text);
            let found = found.as_deref().map_err(String::as_str);
            assert_eq!(found, expected, "{schema}");
        };
        let date = json!({"type": "string", "format": "date"});
        check(date.clone(), "2026-02-28", Ok("2026-02-28"));
        check(
            date,
            "2026-02-30",
            Err("`2026-02-30` does not have the form `2026-11-21`"),
        );
        let time = json!({"type": "string", "format": "date-time"});
        check(
            time.clone(),
            "2026-02-28T09:00:00+01:00",
            Ok("2026-02-28T09:00:00+01:00"),
        );
        check(
            time,
            "yesterday",
            Err("`yesterday` does not have the form `2026-11-21T09:00:00Z`"),
        );
        let count = json!({"type": "integer", "minimum": 1, "maximum": "50"});
        check(count.clone(), "50", Ok("50"));
        check(count.clone(), "0", Err("is less than 1"));
        check(count, "51", Err("is more than 50"));
        check(json!({"enum": ["Open", "Closed"]}), "open", Ok("Open"));
        check(
            json!({"type": "array", "items": {"type": "boolean"}}),
            "yes",
            Ok("true"),
        );
        check(
            json!({"type": "string"}),
            "a\u{7}b",
            Err("has control characters"),
        );
        check(
            json!({"format": "uuid"}),
            "0F8FAD5B-D9CB-469F-A165-70867728950E",
            Ok("0f8fad5b-d9cb-469f-a165-70867728950e"),
        );
    }
}
