//! The markup of other systems as Markdown.
//!
//! Promise: any text is read without a panic, in bounded time and depth.
//! Pictures and the look of things are lost.

pub mod adf;
pub mod storage;
pub mod wiki;

/// Deeper than people nest anything.
const DEPTH: usize = 60;

/// A Markdown table; the first row is its head.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    if columns == 0 {
        return String::new();
    }
    let line = |row: &Vec<String>| {
        let cells = (0..columns).map(|at| row.get(at).map_or("", String::as_str));
        let cells: Vec<String> = cells
            .map(|cell| {
                let words: Vec<&str> = cell.split_whitespace().collect();
                words.join(" ").replace('|', "\\|")
            })
            .collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    lines.insert(1, format!("|{}\n", " --- |".repeat(columns)));
    lines.concat()
}

/// A code block that its own text can't end.
fn fenced(language: &str, code: &str) -> String {
    let longest = code
        .split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    let language: String = language
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '#' | '-'))
        .collect();
    format!("{fence}{language}\n{}\n{fence}", code.trim_matches('\n'))
}

/// Every line of it quoted.
fn quoted(text: &str) -> String {
    let lines = text.trim().lines().map(|line| format!("> {line}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// An item of a list; what follows its first line belongs to it.
fn item(mark: &str, text: &str) -> String {
    let indent = " ".repeat(mark.len());
    let mut lines = text.trim().lines();
    let mut item = format!("{mark}{}", lines.next().unwrap_or_default());
    for line in lines {
        item.push('\n');
        if !line.is_empty() {
            item.push_str(&indent);
            item.push_str(line);
        }
    }
    item
}
