//! A message as plain text: for the terminal, the audit record, and screen readers.

use super::{Block, Inline, Rows, SourceLine, reply};
use unicode_segmentation::UnicodeSegmentation;

/// Rows of a result that plain text shows.
const SHOWN_ROWS: usize = 100;

/// The whole message in reading order, a blank line between blocks. Controls
/// such as feedback buttons have no words and leave nothing.
pub fn plain_text(message: &[Block]) -> String {
    message
        .iter()
        .map(block)
        .filter(|text| !text.is_empty())
        .collect::<Vec<_>>()
        .join("\n\n")
}

fn block(block: &Block) -> String {
    match block {
        Block::Paragraph { text } => inline_text(text),
        Block::Heading { text } | Block::Notice { text } | Block::Disclaimer { text } => {
            text.clone()
        }
        Block::Quote { text } => inline_text(text)
            .lines()
            .map(|line| format!("> {line}"))
            .collect::<Vec<_>>()
            .join("\n"),
        Block::List { ordered, items } => items
            .iter()
            .enumerate()
            .map(|(i, item)| match ordered {
                true => format!("{}. {}", i + 1, inline_text(item)),
                false => format!("- {}", inline_text(item)),
            })
            .collect::<Vec<_>>()
            .join("\n"),
        Block::Code { language, text } => format!("```{language}\n{text}\n```"),
        Block::Table {
            caption,
            header,
            rows,
        } => table_text(caption, header, rows),
        Block::Rows { rows, .. } => rows_text(rows),
        Block::Sources { lines } => lines.iter().map(source_text).collect::<Vec<_>>().join("\n"),
        Block::FeedbackControl { .. } => String::new(),
    }
}

fn rows_text(rows: &Rows) -> String {
    let shown = rows.shown(SHOWN_ROWS);
    let table = table_text("", &rows.header(), &shown);
    if shown.len() == rows.rows.len() {
        return table;
    }
    format!("{table}\n\n{}", reply::rows_cut(shown.len()))
}

pub fn inline_text(text: &[Inline]) -> String {
    text.iter()
        .map(|inline| match inline {
            Inline::Text { text } | Inline::Strong { text } => text.clone(),
            Inline::Code { text } => format!("`{text}`"),
            Inline::Cite { n } => format!(" [{n}]"),
        })
        .collect::<String>()
        .replace("  [", " [")
}

pub fn source_text(line: &SourceLine) -> String {
    let section = if line.section.is_empty() {
        String::new()
    } else {
        format!(" › {}", line.section)
    };
    format!(
        "[{}] {}{section} · {} · {}",
        line.n, line.title, line.locator, line.version
    )
}

/// Columns aligned by spaces, a rule under the header.
pub fn table_text(caption: &str, header: &[String], rows: &[Vec<String>]) -> String {
    let columns = rows
        .iter()
        .map(Vec::len)
        .chain([header.len()])
        .max()
        .unwrap_or(0);
    let width = |column: usize| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .chain(header.get(column));
        cells
            .map(|cell| cell.graphemes(true).count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &[String]| {
        let cells = widths.iter().enumerate().map(|(column, width)| {
            let cell = row.get(column).map_or("", String::as_str);
            format!("{cell}{}", " ".repeat(width - cell.graphemes(true).count()))
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_string()
    };
    let mut lines = Vec::new();
    if !caption.is_empty() {
        lines.push(caption.to_string());
    }
    lines.push(line(header));
    lines.push(
        widths
            .iter()
            .map(|width| "-".repeat(*width))
            .collect::<Vec<_>>()
            .join("  "),
    );
    lines.extend(rows.iter().map(|row| line(row)));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_columns_line_up() {
        let rows = vec![
            vec!["Nordics".to_string(), "1,200".to_string()],
            vec!["DACH".to_string()],
        ];
        let text = table_text("", &["region".to_string(), "revenue".to_string()], &rows);
        assert_eq!(
            text,
            "region   revenue\n-------  -------\nNordics  1,200\nDACH"
        );
    }

    #[test]
    fn citation_stands_after_the_words() {
        let text = [Inline::text("Thirty days."), Inline::Cite { n: 1 }];
        assert_eq!(inline_text(&text), "Thirty days. [1]");
    }
}
