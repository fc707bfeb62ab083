//! Rows as Slack tables, or as lines where they do not fit one.

use super::mrkdwn::cost;
use serde_json::{Value, json};
use std::ops::Range;

/// Slack's limits are 100 rows with the header, 20 cells a row and 10,000
/// characters; the text beside a table is shorter than that anyway.
const MAX_ROWS: usize = 100;
const MAX_CELLS: usize = 20;

/// One table block with the same rows as lines, for readers who do not see it.
pub struct TableChunk {
    pub block: Value,
    pub text: String,
}

/// The rows in tables of at most `budget` text each, the header on every one.
/// `None` where a row is too wide for any table.
pub fn chunks(header: &[String], rows: &[Vec<String>], budget: usize) -> Option<Vec<TableChunk>> {
    let width = rows.iter().map(Vec::len).chain([header.len()]).max()?;
    if width == 0 || width > MAX_CELLS {
        return None;
    }
    let head = line(header);
    let room = budget.checked_sub(cost(&head) + 1)?;
    let chunk = |range: Range<usize>| TableChunk {
        block: block(header, &rows[range.clone()], width),
        text: lines(header, &rows[range]),
    };
    let mut chunks = Vec::new();
    let mut start = 0;
    let mut used = 0;
    for (at, row) in rows.iter().enumerate() {
        let row_cost = cost(&line(row)) + 1;
        if row_cost > room {
            return None;
        }
        if used + row_cost > room || at - start == MAX_ROWS - 1 {
            chunks.push(chunk(start..at));
            start = at;
            used = 0;
        }
        used += row_cost;
    }
    chunks.push(chunk(start..rows.len()));
    Some(chunks)
}

/// Header and rows, a line each.
pub fn lines(header: &[String], rows: &[Vec<String>]) -> String {
    let header = (!header.is_empty()).then(|| line(header));
    let lines: Vec<String> = header
        .into_iter()
        .chain(rows.iter().map(|row| line(row)))
        .collect();
    lines.join("\n")
}

fn line(cells: &[String]) -> String {
    cells.join(" | ").replace(['\n', '\r'], " ")
}

fn block(header: &[String], rows: &[Vec<String>], width: usize) -> Value {
    let header = (!header.is_empty()).then_some(header);
    let rows: Vec<Value> = header
        .into_iter()
        .chain(rows.iter().map(Vec::as_slice))
        .map(|row| {
            (0..width)
                .map(|at| cell(row.get(at).map_or("", String::as_str)))
                .collect()
        })
        .collect();
    json!({ "type": "table", "rows": rows })
}

/// Cells are raw text, which Slack does not parse. A zero-width space still
/// parts `<` from the sign behind it, so that no control sequence leaves us.
fn cell(text: &str) -> Value {
    let mut safe = text.to_string();
    for sign in ['!', '@', '#'] {
        safe = safe.replace(&format!("<{sign}"), &format!("<\u{200B}{sign}"));
    }
    if safe.is_empty() {
        safe.push(' ');
    }
    json!({ "type": "raw_text", "text": safe })
}
