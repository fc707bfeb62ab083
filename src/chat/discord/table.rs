//! A table in a medium that has none.

use super::lines::{Lead, Line, fenced, one_line, text_lines};
use crate::domain::Inline;
use unicode_segmentation::UnicodeSegmentation;

/// Wider tables wrap in Discord's narrow column and can't be read.
const TABLE_COLUMNS: usize = 60;

/// All rows as aligned columns, where they are narrow enough to be read.
pub fn aligned(header: &[String], rows: &[Vec<String>]) -> Option<Vec<Line>> {
    let widths = widths(header, rows);
    let total = widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
    (total <= TABLE_COLUMNS).then(|| aligned_lines(header, rows, &widths))
}

fn aligned_lines(header: &[String], rows: &[Vec<String>], widths: &[usize]) -> Vec<Line> {
    let rule: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
    let lines: Vec<String> = [header, &rule]
        .into_iter()
        .chain(rows.iter().map(Vec::as_slice))
        .map(|row| align(row, widths))
        .collect();
    fenced("", lines.iter().map(String::as_str))
}

/// Aligned columns where they fit a phone or a side panel; otherwise one list
/// item a row, every value with its column's name.
pub fn table_lines(caption: &str, header: &[String], rows: &[Vec<String>]) -> Vec<Line> {
    let mut lines = text_lines(&[Inline::strong(one_line(caption))], Lead::NONE);
    match aligned(header, rows) {
        Some(table) => lines.extend(table),
        None => lines.extend(rows.iter().flat_map(|row| row_as_item(header, row))),
    }
    lines
}

fn widths(header: &[String], rows: &[Vec<String>]) -> Vec<usize> {
    let columns = rows
        .iter()
        .map(Vec::len)
        .chain([header.len()])
        .max()
        .unwrap_or(0);
    let width = |cell: &String| one_line(cell).graphemes(true).count();
    let widest = |column: usize| {
        let cells = rows
            .iter()
            .map(Vec::as_slice)
            .chain([header])
            .filter_map(|row| row.get(column));
        cells.map(width).max().unwrap_or(0)
    };
    (0..columns).map(widest).collect()
}

fn align(row: &[String], widths: &[usize]) -> String {
    let cell = |(column, &width): (usize, &usize)| {
        let text = row
            .get(column)
            .map(|cell| one_line(cell))
            .unwrap_or_default();
        let gap = width.saturating_sub(text.graphemes(true).count());
        text + &" ".repeat(gap)
    };
    let cells: Vec<String> = widths.iter().enumerate().map(cell).collect();
    cells.join("  ").trim_end().to_string()
}

fn row_as_item(header: &[String], row: &[String]) -> Vec<Line> {
    let cell = |(column, value): (usize, &String)| match header.get(column) {
        Some(name) => format!("{}: {}", one_line(name), one_line(value)),
        None => one_line(value),
    };
    let cells: Vec<String> = row.iter().enumerate().map(cell).collect();
    text_lines(
        &[Inline::text(cells.join("; "))],
        Lead {
            first: "- ",
            rest: "  ",
        },
    )
}
