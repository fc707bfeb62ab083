//! Lines as messages, each within the platform's limit.

use super::{lines::Line, markdown::length};
use crate::ports::Part;
use serde_json::{Value, json};

/// Characters in one message.
pub const CONTENT_LIMIT: usize = 2_000;
/// What is left for text when every part carries its number.
pub const PAGE_LIMIT: usize = CONTENT_LIMIT - 32;

/// The text of one message while it grows.
#[derive(Default)]
pub struct Page {
    markup: String,
    plain: String,
    fence: Option<String>,
}

pub fn paginate(lines: Vec<Line>) -> Vec<Page> {
    let mut pages = Vec::new();
    let mut page = Page::default();
    for line in lines {
        if !page.takes(&line) {
            pages.push(std::mem::take(&mut page));
        }
        page.add(&line);
    }
    pages.push(page);
    pages.retain(|page| !page.plain.trim().is_empty());
    if pages.is_empty() {
        pages.push(Page {
            markup: "…".into(),
            plain: "…".into(),
            fence: None,
        });
    }
    pages
}

impl Page {
    fn takes(&self, line: &Line) -> bool {
        let closing = line.fence.as_ref().map_or(0, |_| "\n```".len());
        self.markup.is_empty()
            || length(&self.markup) + length(&self.before(line)) + length(&line.markup) + closing
                <= PAGE_LIMIT
    }

    fn add(&mut self, line: &Line) {
        self.markup += &self.before(line);
        self.markup += &line.markup;
        self.fence.clone_from(&line.fence);
        if !self.plain.is_empty() && !line.continues {
            self.plain.push('\n');
        }
        self.plain += &line.plain;
    }

    /// What must stand between the page so far and this line.
    fn before(&self, line: &Line) -> String {
        let mut text = String::new();
        let same_block = !line.starts_block && self.fence == line.fence;
        if self.fence.is_some() && !same_block {
            text += "\n```";
        }
        if !self.markup.is_empty() && !line.continues {
            text += if line.starts_block && self.fence.is_none() {
                "\n\n"
            } else {
                "\n"
            };
        }
        if let Some(language) = line
            .fence
            .as_ref()
            .filter(|_| !same_block || self.markup.is_empty())
        {
            text += &format!("```{language}\n");
        }
        text
    }

    pub fn into_part(mut self, n: usize, count: usize, components: Option<Value>) -> Part {
        if self.fence.is_some() {
            self.markup += "\n```";
        }
        if count > 1 {
            self.markup += &format!("\n-# {n}/{count}");
            self.plain += &format!("\n{n}/{count}");
        }
        Part {
            // Components are always named: an edit that leaves them out keeps the old ones.
            payload: json!({ "content": self.markup, "components": components.unwrap_or(json!([])) }),
            plain: self.plain,
            alone: false,
            file: None,
        }
    }
}
