//! What one call may cost, and the rows that are kept of it.

use crate::{config::LimitsSection, domain::Rows};
use serde_json::Value;
use std::time::Duration;

/// What one call may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub timeout: Duration,
    pub rows: usize,
    pub bytes: usize,
}

impl From<&LimitsSection> for Limits {
    fn from(section: &LimitsSection) -> Self {
        Self {
            timeout: Duration::from_millis(section.tool_timeout_ms),
            rows: section.tool_rows,
            bytes: section.tool_bytes,
        }
    }
}

/// Takes rows until a cap is reached.
pub(super) struct CappedRows {
    limits: Limits,
    bytes: usize,
    rows: Rows,
}

impl CappedRows {
    pub(super) fn new(limits: Limits, columns: Vec<String>) -> Self {
        let rows = Rows {
            columns,
            ..Rows::default()
        };
        Self {
            limits,
            bytes: 0,
            rows,
        }
    }

    /// False where this row, and any further one, is over a cap.
    pub(super) fn take(&mut self, row: Vec<Value>) -> bool {
        let bytes: usize = row.iter().map(value_bytes).sum();
        if self.rows.rows.len() == self.limits.rows || self.bytes + bytes > self.limits.bytes {
            self.rows.truncated = true;
            return false;
        }
        self.bytes += bytes;
        self.rows.rows.push(row);
        true
    }

    pub(super) fn finish(self) -> Rows {
        self.rows
    }
}

fn value_bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len(),
        Value::Array(_) | Value::Object(_) => value.to_string().len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_end_at_the_cap() {
        let limits = Limits {
            timeout: Duration::from_secs(1),
            rows: 2,
            bytes: 10,
        };
        let check = |rows: &[&str], kept: usize, truncated: bool| {
            let mut capped = CappedRows::new(limits, vec!["a".into()]);
            let taken = rows
                .iter()
                .take_while(|row| capped.take(vec![json!(row)]))
                .count();
            let rows = capped.finish();
            assert_eq!(
                (taken, rows.rows.len(), rows.truncated),
                (kept, kept, truncated)
            );
        };
        check(&["a", "b"], 2, false);
        check(&["a", "b", "c"], 2, true);
        check(&["aaaaa", "bbbbbb"], 1, true);
        check(&["aaaaaaaaaaa"], 0, true);
    }
}
