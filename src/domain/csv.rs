//! Rows as a CSV file (RFC 4180) that a spreadsheet may open.
//!
//! Promise: no cell is a formula. A text that a spreadsheet would compute gets
//! an apostrophe in front, which spreadsheets take for "this is text".

use super::Rows;
use serde_json::Value;

/// The least that every platform takes: ten mebibytes (Discord).
pub const FILE_LIMIT: usize = 10 * 1024 * 1024;

/// A file made of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvFile {
    pub text: String,
    /// How many rows it holds: the first ones, as many as the limit lets through.
    pub rows: usize,
}

/// Header and rows, at most `limit` bytes of them, whole rows only.
pub fn csv_file(rows: &Rows, limit: usize) -> CsvFile {
    let mut file = CsvFile {
        text: record(rows.columns.iter().map(|column| harmless(column))),
        rows: 0,
    };
    for row in &rows.rows {
        let line = record(row.iter().map(cell));
        if file.text.len() + line.len() > limit {
            break;
        }
        file.text.push_str(&line);
        file.rows += 1;
    }
    file
}

fn record(cells: impl Iterator<Item = String>) -> String {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .flexible(true)
        .from_writer(Vec::new());
    // Writing to memory has no way to fail.
    let _ = writer.write_record(cells);
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => harmless(text),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => harmless(&value.to_string()),
    }
}

/// Spreadsheets skip space in front, and take wide signs for narrow ones.
fn harmless(text: &str) -> String {
    let seen = text.trim_start();
    let computes = seen.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    // Decimals come from databases as text.
    let is_number =
        text.starts_with('-') && text[1..].bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if (computes && !is_number) || text.starts_with(['\t', '\r', '\n']) {
        format!("'{text}")
    } else {
        text.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rows(values: Vec<Vec<Value>>) -> Rows {
        Rows {
            columns: vec!["name".into(), "=amount".into()],
            rows: values,
            truncated: false,
        }
    }

    #[test]
    fn cells_are_quoted_and_compute_nothing() {
        let check = |value: Value, expected: &str| {
            let file = csv_file(&rows(vec![vec![value]]), 1_000);
            assert_eq!(file.text, format!("name,'=amount\r\n{expected}\r\n"));
        };
        check(json!("plain"), "plain");
        check(json!("a,b"), "\"a,b\"");
        check(json!("say \"hi\"\nnow"), "\"say \"\"hi\"\"\nnow\"");
        check(json!("=1+1"), "'=1+1");
        check(json!("+49 170"), "'+49 170");
        check(json!("-1+cmd|' /C calc'!A0"), "'-1+cmd|' /C calc'!A0");
        check(json!("@SUM(A1)"), "'@SUM(A1)");
        check(json!(" =1"), "' =1");
        check(json!("\t=1"), "'\t=1");
        check(json!("-12.50"), "-12.50");
        check(json!(-3), "-3");
        check(json!(null), "\"\"");
        check(json!({"a": [1]}), "\"{\"\"a\"\":[1]}\"");
    }

    #[test]
    fn file_ends_with_a_whole_row() {
        let many = (0..100).map(|n| vec![json!("row"), json!(n)]).collect();
        let file = csv_file(&rows(many), 60);
        assert!(file.text.len() <= 60 && file.text.ends_with("\r\n"));
        assert_eq!(file.rows, file.text.lines().count() - 1);
        assert!(file.rows > 0);
    }
}
