//! A reply as Slack messages. Pure.
//!
//! Promise: every part keeps Slack's limits; all text is escaped, so that it
//! can't ping or link; `text` holds the whole part in words, because screen
//! readers read nothing else; nothing is lost and no grapheme is cut.

use super::{
    blocks::{context, section},
    mrkdwn::{self, cost, escape, is_blank, length},
    pack::{Piece, finish, pack},
    split, table,
};
use crate::{
    domain::{
        Block, Inline, Message, Rows, SourceLine,
        csv::{CsvFile, FILE_LIMIT, csv_file},
        reply::{
            self,
            command::{FilePlace, rows_in_file},
        },
    },
    ports::{Part, PartFile},
};
use serde_json::{Value, json};
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// Slack's limit for the text of a section or context.
const BLOCK_TEXT: usize = 3_000;

/// Text that one block is first tried with; styles add to it.
const PIECE_TEXT: usize = 2_800;

/// Rows shown of those that are in a file.
const PREVIEW_ROWS: usize = 15;

/// What is shown of an overlong title, section or locator.
const LABEL: usize = 300;

const LINK: usize = 1_500;

pub fn render(message: &Message) -> Vec<Part> {
    render_with(message, FilePlace::Here)
}

/// For the asker alone. A file can't be, so it goes to them directly.
pub fn render_alone(message: &Message) -> Vec<Part> {
    let alone = |part| Part {
        alone: true,
        ..part
    };
    let parts = render_with(message, FilePlace::DirectMessages);
    parts.into_iter().map(alone).collect()
}

fn render_with(message: &Message, files_go: FilePlace) -> Vec<Part> {
    let mut pieces = Vec::new();
    let mut files = Vec::new();
    let mut feedback = None;
    for block in message {
        match block {
            Block::FeedbackControl { question } => feedback = Some(*question),
            Block::Rows { name, rows } => match table_of(rows) {
                Some(table) => pieces.extend(table),
                None => {
                    let csv = csv_file(rows, FILE_LIMIT);
                    let told = rows_in_file(rows.rows.len(), csv.rows, files_go);
                    pieces.extend(flow(&[Run::plain(told)], Frame::Plain));
                    pieces.extend(preview(rows));
                    files.push(file_part(name, csv));
                }
            },
            block => pieces.extend(render_block(block)),
        }
    }
    let mut parts = finish(pack(pieces), feedback);
    parts.extend(files);
    parts
}

/// All rows as one table, where one takes them.
fn table_of(rows: &Rows) -> Option<Vec<Piece>> {
    let (header, shown) = (rows.header(), rows.shown(rows.rows.len()));
    let chunks = table::chunks(&header, &shown, PIECE_TEXT)?;
    (chunks.len() == 1).then(|| render_table("", &header, &shown))
}

/// The first rows, to see what the file holds.
fn preview(rows: &Rows) -> Vec<Piece> {
    let first: Vec<_> = rows.rows.iter().take(PREVIEW_ROWS).cloned().collect();
    let caption = reply::command::first_rows(first.len());
    let shown = Rows {
        columns: rows.columns.clone(),
        rows: first,
        truncated: false,
    };
    let Some(table) = table_of(&shown) else {
        return Vec::new();
    };
    heading(&caption).into_iter().chain(table).collect()
}

fn file_part(name: &str, csv: CsvFile) -> Part {
    let title = reply::command::file_title(name, csv.rows);
    Part {
        payload: json!({ "file": name, "title": title }),
        plain: title.clone(),
        alone: false,
        file: Some(PartFile {
            name: format!("{name}.csv"),
            title,
            text: csv.text,
        }),
    }
}

fn render_block(block: &Block) -> Vec<Piece> {
    match block {
        Block::Paragraph { text } => flow(&runs(text), Frame::Plain),
        Block::Heading { text } => heading(text),
        Block::List { ordered, items } => flow(&list(*ordered, items), Frame::Plain),
        Block::Quote { text } => flow(&runs(text), Frame::Quote),
        Block::Code { text, .. } => flow(&[Run::plain(text)], Frame::Code),
        Block::Table {
            caption,
            header,
            rows,
        } => render_table(caption, header, rows),
        Block::Rows { .. } => Vec::new(),
        Block::Sources { lines } => sources(lines),
        Block::Notice { text } | Block::Disclaimer { text } => {
            flow(&[Run::plain(text)], Frame::Small)
        }
        Block::FeedbackControl { .. } => Vec::new(),
    }
}

/// Text in one style.
struct Run {
    style: Style,
    text: String,
}

#[derive(Clone, Copy)]
enum Style {
    Plain,
    Strong,
    Code,
}

impl Run {
    fn plain(text: impl Into<String>) -> Self {
        Self {
            style: Style::Plain,
            text: text.into(),
        }
    }

    fn mrkdwn(&self, range: Range<usize>) -> String {
        let text = &self.text[range];
        let words = text.trim();
        let mark = match self.style {
            Style::Strong if !words.contains(['*', '\n']) => "*",
            Style::Code if !words.contains(['`', '\n']) => "`",
            _ => "",
        };
        if mark.is_empty() || words.is_empty() {
            return escape(text);
        }
        // Slack formats only where the mark touches the word.
        let before = &text[..text.len() - text.trim_start().len()];
        let after = &text[text.trim_end().len()..];
        format!("{before}{mark}{}{mark}{after}", escape(words))
    }
}

fn runs(inlines: &[Inline]) -> Vec<Run> {
    inlines
        .iter()
        .map(|inline| match inline {
            Inline::Text { text } => Run::plain(text),
            Inline::Strong { text } => Run {
                style: Style::Strong,
                text: text.clone(),
            },
            Inline::Code { text } => Run {
                style: Style::Code,
                text: text.clone(),
            },
            Inline::Cite { n } => Run::plain(format!("[{n}]")),
        })
        .collect()
}

fn list(ordered: bool, items: &[Vec<Inline>]) -> Vec<Run> {
    let mut lines = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let mark = if ordered {
            format!("{}. ", at + 1)
        } else {
            "• ".to_string()
        };
        let line_break = if at == 0 { "" } else { "\n" };
        lines.push(Run::plain(format!("{line_break}{mark}")));
        lines.extend(runs(item));
    }
    lines
}

/// What stands around flowing text.
#[derive(Clone, Copy)]
enum Frame {
    Plain,
    Quote,
    Code,
    Small,
}

impl Frame {
    fn mrkdwn(self, text: String) -> String {
        match self {
            Frame::Plain | Frame::Small => text,
            Frame::Quote => format!("> {}", text.replace('\n', "\n> ")),
            // Three backticks in the text would end the fence early.
            Frame::Code => format!("```\n{}\n```", text.replace("```", "``\u{200B}`")),
        }
    }

    fn block(self, mrkdwn: String) -> Value {
        match self {
            Frame::Small => context(mrkdwn),
            _ => section(mrkdwn),
        }
    }
}

/// Runs of text, cut into as many pieces as their blocks need.
fn flow(runs: &[Run], frame: Frame) -> Vec<Piece> {
    let text: String = runs.iter().map(|run| run.text.as_str()).collect();
    let mut budget = PIECE_TEXT;
    loop {
        let cut: Vec<(Range<usize>, String)> = split::ranges(&text, budget)
            .into_iter()
            .map(|range| (range.clone(), frame.mrkdwn(mrkdwn_of(runs, &range))))
            .collect();
        // Marks, fences and quote signs come on top of the text.
        if budget > 16 && cut.iter().any(|(_, mrkdwn)| length(mrkdwn) > BLOCK_TEXT) {
            budget /= 2;
            continue;
        }
        return cut
            .into_iter()
            .map(|(range, mrkdwn)| Piece {
                block: (!is_blank(&text[range.clone()])).then(|| frame.block(mrkdwn)),
                joint: if range.start == 0 { "\n\n" } else { "" },
                text: text[range].to_string(),
                is_heading: false,
                is_table: false,
            })
            .collect();
    }
}

fn mrkdwn_of(runs: &[Run], range: &Range<usize>) -> String {
    let mut mrkdwn = String::new();
    let mut start = 0;
    for run in runs {
        let end = start + run.text.len();
        let (from, to) = (range.start.max(start), range.end.min(end));
        if from < to {
            mrkdwn.push_str(&run.mrkdwn(from - start..to - start));
        }
        start = end;
    }
    mrkdwn
}

fn heading(text: &str) -> Vec<Piece> {
    let strong = Run {
        style: Style::Strong,
        text: text.to_string(),
    };
    let mut pieces = flow(&[strong], Frame::Plain);
    for piece in &mut pieces {
        piece.is_heading = true;
    }
    pieces
}

fn render_table(caption: &str, header: &[String], rows: &[Vec<String>]) -> Vec<Piece> {
    let mut pieces = heading(caption);
    match table::chunks(header, rows, PIECE_TEXT) {
        Some(chunks) => pieces.extend(chunks.into_iter().map(|chunk| Piece {
            block: Some(chunk.block),
            text: chunk.text,
            joint: "\n",
            is_heading: false,
            is_table: true,
        })),
        None => pieces.extend(flow(&[Run::plain(table::lines(header, rows))], Frame::Code)),
    }
    pieces
}

/// Sources share small blocks, as many lines in each as it takes.
fn sources(lines: &[SourceLine]) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut open = (String::new(), String::new());
    for line in lines {
        let (mrkdwn, text) = source(line);
        let full = length(&open.0) + length(&mrkdwn) >= BLOCK_TEXT
            || cost(&open.1) + cost(&text) >= PIECE_TEXT;
        if full && !open.0.is_empty() {
            pieces.push(source_piece(std::mem::take(&mut open)));
        }
        if !open.0.is_empty() {
            open.0.push('\n');
            open.1.push('\n');
        }
        open.0.push_str(&mrkdwn);
        open.1.push_str(&text);
    }
    if !open.0.is_empty() {
        pieces.push(source_piece(open));
    }
    pieces
}

fn source_piece((mrkdwn, text): (String, String)) -> Piece {
    Piece {
        block: Some(context(mrkdwn)),
        text,
        joint: "\n\n",
        is_heading: false,
        is_table: false,
    }
}

/// One source as Slack shows it, and in words.
fn source(line: &SourceLine) -> (String, String) {
    let title = clip(&line.title);
    let link = mrkdwn::link(&line.locator, &title).filter(|link| length(link) <= LINK);
    let mut details = String::new();
    if !line.section.is_empty() {
        details.push_str(&format!(" › {}", clip(&line.section)));
    }
    if !line.version.is_empty() {
        details.push_str(&format!(" · {}", clip(&line.version)));
    }
    let locator = clip(&line.locator);
    let place = if locator.is_empty() || locator == title {
        String::new()
    } else {
        format!(" ({locator})")
    };
    let n = line.n;
    let text = format!("[{n}] {title}{details}{place}");
    let mrkdwn = match link {
        Some(link) => format!("[{n}] {link}{}", escape(&details)),
        None => escape(&text),
    };
    (mrkdwn, text)
}

/// One line of at most [`LABEL`] characters.
fn clip(text: &str) -> String {
    let line = text.trim().replace(['\n', '\r'], " ");
    if cost(&line) <= LABEL {
        return line;
    }
    let mut clipped = String::new();
    let mut used = 0;
    for grapheme in line.graphemes(true) {
        used += cost(grapheme);
        if used >= LABEL {
            break;
        }
        clipped.push_str(grapheme);
    }
    clipped + "…"
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
