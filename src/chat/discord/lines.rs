//! Text as lines of Discord's Markdown, none of them longer than a page takes.

use super::{
    markdown::{NOTHING_VISIBLE, code_line, code_span, cut, escape, language, length, printable},
    page::PAGE_LIMIT,
};
use crate::domain::Inline;

/// Escaping at most doubles a piece of this length, so it fits a page.
const PIECE_LIMIT: usize = 900;

/// One line as it is written, and as a person would read it aloud.
#[derive(Debug, Default)]
pub struct Line {
    pub markup: String,
    pub plain: String,
    /// The fenced block that it stands in, by its language.
    pub fence: Option<String>,
    /// It starts a block, and so a blank line goes before it.
    pub starts_block: bool,
    /// It is the rest of the line before, with no break between.
    pub continues: bool,
}

/// What stands at the front of a block's lines.
#[derive(Clone, Copy)]
pub struct Lead<'a> {
    pub first: &'a str,
    pub rest: &'a str,
}

impl<'a> Lead<'a> {
    pub const NONE: Lead<'static> = Lead::every("");

    pub const fn every(lead: &'a str) -> Self {
        Lead {
            first: lead,
            rest: lead,
        }
    }
}

pub fn text_lines(text: &[Inline], lead: Lead) -> Vec<Line> {
    let mut writer = Writer::new(lead);
    for inline in text {
        match inline {
            Inline::Text { text } => writer.text(text, escape),
            Inline::Strong { text } => writer.text(text, |text| format!("**{}**", escape(text))),
            Inline::Code { text } => writer.text(text, code_span),
            Inline::Cite { n } => writer.text(&format!("[{n}]"), escape),
        }
    }
    writer.finish()
}

pub fn fenced<'a>(name: &str, text: impl Iterator<Item = &'a str>) -> Vec<Line> {
    let line = |text: &str| Line {
        markup: code_line(text),
        plain: printable(text),
        fence: Some(language(name).to_string()),
        ..Line::default()
    };
    text.flat_map(|text| cut(text, PIECE_LIMIT))
        .map(line)
        .collect()
}

pub fn one_line(text: &str) -> String {
    text.split(['\n', '\r'])
        .filter(|line| !line.trim().is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Puts runs of text into lines, none of them longer than a page takes.
pub struct Writer<'a> {
    lead: Lead<'a>,
    lines: Vec<Line>,
    line: Line,
}

impl<'a> Writer<'a> {
    pub fn new(lead: Lead<'a>) -> Self {
        let line = Line {
            markup: lead.first.into(),
            ..Line::default()
        };
        Self {
            lead,
            lines: Vec::new(),
            line,
        }
    }

    pub fn text(&mut self, text: &str, write: impl Fn(&str) -> String) {
        for (i, line) in text.split('\n').enumerate() {
            if i > 0 {
                self.end_line(false);
            }
            for piece in cut(line, PIECE_LIMIT)
                .into_iter()
                .filter(|piece| !piece.is_empty())
            {
                self.whole(&write(piece), &printable(piece));
            }
        }
    }

    pub fn whole(&mut self, markup: &str, plain: &str) {
        if length(&self.line.markup) + length(markup) > PAGE_LIMIT {
            self.end_line(true);
        }
        let (before, after) = (self.line.markup.chars().last(), markup.chars().next());
        if before == after && matches!(after, Some('`' | '*')) {
            // Two fences in a row would be read as one longer fence.
            self.line.markup.push(NOTHING_VISIBLE);
        }
        self.line.markup += markup;
        self.line.plain += plain;
    }

    fn end_line(&mut self, continues: bool) {
        // A line that goes on needs its lead again only where a lead is repeated
        // on every line; there it can't be joined to what went before.
        let joined = continues && self.lead.rest.trim().is_empty();
        let markup = if joined {
            String::new()
        } else {
            self.lead.rest.to_string()
        };
        let next = Line {
            markup,
            continues: joined,
            ..Line::default()
        };
        self.lines.push(std::mem::replace(&mut self.line, next));
    }

    pub fn finish(mut self) -> Vec<Line> {
        self.lines.push(self.line);
        while self
            .lines
            .last()
            .is_some_and(|line| line.plain.trim().is_empty())
        {
            self.lines.pop();
        }
        self.lines
    }
}
