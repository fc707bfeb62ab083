//! Free LogQL expressions: checked before, made into rows after.

use super::{
    line::harmless,
    logql::{Expression, LogqlError, Sample},
};
use crate::{domain::Rows, ports::ToolError};
use serde_json::Value;
use std::collections::BTreeSet;

/// Characters of a line that a row holds.
pub const MESSAGE_CHARS: usize = 2_000;
/// Characters of a label.
const LABEL_CHARS: usize = 200;

/// Refuses what can't be read, and what looks back further than `max_hours`.
pub fn checked(
    read: Result<Expression, LogqlError>,
    max_hours: u32,
) -> Result<Expression, ToolError> {
    let refused = |reason: String| ToolError::Refused { reason };
    let expression = read.map_err(|error| refused(error.to_string()))?;
    let hours = expression.reach() as f64 / 3_600e9;
    if hours > max_hours.into() {
        return Err(refused(format!(
            "its range looks back {hours:.1} hours, and `max_hours` is {max_hours}"
        )));
    }
    Ok(expression)
}

/// A column for each label, then the value.
pub fn sample_rows(samples: Vec<Sample>, limit: usize) -> Rows {
    let labels: BTreeSet<&String> = samples.iter().flat_map(|s| s.labels.keys()).collect();
    let row = |sample: &Sample| {
        let of_label = |label: &&String| match sample.labels.get(*label) {
            Some(text) => Value::from(harmless(text, LABEL_CHARS)),
            None => Value::Null,
        };
        let mut row: Vec<Value> = labels.iter().map(of_label).collect();
        row.push(number(sample.value));
        row
    };
    let mut columns: Vec<String> = labels.iter().map(|label| label.to_string()).collect();
    columns.push("value".into());
    Rows {
        columns,
        rows: samples.iter().take(limit).map(row).collect(),
        truncated: samples.len() > limit,
    }
}

/// A whole number as one; what is no number as null.
pub fn number(value: f64) -> Value {
    match value.fract() == 0.0 && value.abs() < 9e15 {
        true => Value::from(value as i64),
        false => serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number),
    }
}
