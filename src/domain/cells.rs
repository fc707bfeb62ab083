//! Values of a result as people read them.

use super::Rows;
use serde_json::Value;

impl Rows {
    /// Column names in words.
    pub fn header(&self) -> Vec<String> {
        let words = self.columns.iter().map(|column| column.replace('_', " "));
        words.collect()
    }

    /// The first rows, as text.
    pub fn shown(&self, first: usize) -> Vec<Vec<String>> {
        let row = |row: &Vec<Value>| {
            let cells = row.iter().enumerate();
            cells
                .map(|(at, value)| cell(self.columns.get(at).map_or("", String::as_str), value))
                .collect()
        };
        self.rows.iter().take(first).map(row).collect()
    }
}

/// A value as a person reads it: thousands apart, an empty cell as a dash.
pub fn cell(column: &str, value: &Value) -> String {
    match value {
        Value::Null => "–".into(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        // Numbers that name something have no thousands.
        Value::Number(number) if is_label(column) => number.to_string(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => grouped(&whole.to_string()),
            (None, Some(real)) => {
                let text = format!("{real:.2}");
                let (whole, rest) = text.split_once('.').unwrap_or((&text, "00"));
                format!("{}.{rest}", grouped(whole))
            }
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

fn is_label(column: &str) -> bool {
    let column = column.to_lowercase();
    ["year", "id", "number", "no", "nr"]
        .iter()
        .any(|label| column == *label || column.ends_with(&format!("_{label}")))
}

/// `1234567` as `1,234,567`. Four digits stay together only in years, which
/// come as text or as a number below 10,000: those are left alone.
fn grouped(whole: &str) -> String {
    let (sign, digits) = whole
        .strip_prefix('-')
        .map_or(("", whole), |digits| ("-", digits));
    if digits.len() < 5 {
        return whole.to_string();
    }
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{sign}{text}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_shown_as_people_read_them() {
        let check = |value: Value, expected: &str| assert_eq!(cell("amount", &value), expected);
        check(json!(1234567), "1,234,567");
        check(json!(2026), "2026");
        check(json!(-54321.5), "-54,321.50");
        check(json!(null), "–");
        check(json!("ORD-1"), "ORD-1");
        assert_eq!(cell("customer_id", &json!(1234567)), "1234567");
    }
}
