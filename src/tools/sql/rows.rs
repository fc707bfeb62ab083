//! What the three kinds of databases do alike with their rows.

use super::Limits;
use crate::{domain::Rows, tools::limits::CappedRows};
use futures::{Stream, TryStreamExt};
use serde_json::Value;
use sqlx::Column;

pub fn column_names(columns: &[impl Column]) -> Vec<String> {
    let columns = columns.iter();
    columns.map(|column| column.name().to_string()).collect()
}

/// Reads until the end or a cap.
pub async fn read_rows<R>(
    mut rows: impl Stream<Item = Result<R, sqlx::Error>> + Unpin,
    columns: Vec<String>,
    limits: Limits,
    decode: impl Fn(&R) -> Result<Vec<Value>, sqlx::Error>,
) -> Result<Rows, sqlx::Error> {
    let mut capped = CappedRows::new(limits, columns);
    while let Some(row) = rows.try_next().await? {
        if !capped.take(decode(&row)?) {
            break;
        }
    }
    Ok(capped.finish())
}

/// A number of arbitrary precision as JSON: a number where a double holds it
/// exactly as written, text otherwise.
pub fn exact_number(text: &str) -> Value {
    let digits = text.chars().filter(char::is_ascii_digit);
    let significant = digits.skip_while(|c| *c == '0').count();
    if let Ok(integer) = text.parse::<i64>() {
        return integer.into();
    }
    match text.parse::<f64>() {
        // Fifteen decimal digits survive the way through a double.
        Ok(number) if significant <= 15 && number.is_finite() => number.into(),
        _ => text.into(),
    }
}

/// A double by the shortest text of its own width: 0.1 stays 0.1, be it four
/// bytes wide. Text where JSON has no such number.
pub fn shortest_number(text: String) -> Value {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => number.into(),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_stay_exact() {
        let check = |text: &str, expected: Value| assert_eq!(exact_number(text), expected);
        check("0", json!(0));
        check("-17", json!(-17));
        check("12.50", json!(12.5));
        check("0.1", json!(0.1));
        check("9223372036854775807", json!(9_223_372_036_854_775_807_i64));
        check("9223372036854775808", json!("9223372036854775808"));
        check("1234567890123.4567", json!("1234567890123.4567"));
        check("NaN", json!("NaN"));
        check("Infinity", json!("Infinity"));
    }
}
