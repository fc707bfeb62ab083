//! A document's text as blocks: headings, paragraphs, lists, tables, code.
//!
//! Each block keeps its source as it stands and the words without markup.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Headings above it, outermost first.
    pub path: Vec<String>,
    pub kind: BlockKind,
    pub text: String,
    pub plain: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    Prose,
    List,
    Table,
    Code,
}

/// Blocks of Markdown in reading order. Headings become the path of what follows.
pub fn markdown_blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut path: Vec<(usize, String)> = Vec::new();
    let mut depth = 0;
    for (event, range) in Parser::new_ext(text, options()).into_offset_iter() {
        match event {
            Event::Start(tag) => {
                if depth == 0 {
                    match tag {
                        Tag::Heading { level, .. } => {
                            path.retain(|&(above, _)| above < level as usize);
                            let heading = plain_text(&text[range]);
                            path.push((level as usize, heading));
                        }
                        _ => blocks.extend(block(text, range, kind_of(&tag), &path)),
                    }
                }
                depth += 1;
            }
            Event::End(_) => depth -= 1,
            _ => {}
        }
    }
    blocks
}

/// Blocks of plain text: what blank lines part.
pub fn plain_blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().chain([""]) {
        if !line.trim().is_empty() {
            lines.push(line);
        } else if !lines.is_empty() {
            let text = lines.join("\n");
            let plain = text.clone();
            blocks.push(Block { path: Vec::new(), kind: BlockKind::Prose, text, plain });
            lines.clear();
        }
    }
    blocks
}

fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS
}

fn kind_of(tag: &Tag) -> BlockKind {
    match tag {
        Tag::List(_) => BlockKind::List,
        Tag::Table(_) => BlockKind::Table,
        Tag::CodeBlock(_) => BlockKind::Code,
        _ => BlockKind::Prose,
    }
}

fn block(text: &str, range: Range<usize>, kind: BlockKind, path: &[(usize, String)]) -> Option<Block> {
    // An indented block begins after its indentation, which is part of it.
    let start = text[..range.start].rfind('\n').map_or(0, |newline| newline + 1);
    let indented = text[start..range.start].trim().is_empty();
    let source = text[if indented { start } else { range.start }..range.end].trim_end();
    let source = source.trim_start_matches(['\n', '\r']);
    let plain = plain_text(source);
    (!plain.is_empty()).then(|| Block {
        path: path.iter().map(|(_, heading)| heading.clone()).collect(),
        kind,
        text: source.to_string(),
        plain,
    })
}

/// The words of Markdown without its markup: link texts without addresses,
/// table cells and list items apart, HTML tags gone.
pub fn plain_text(markdown: &str) -> String {
    let mut plain = String::new();
    for event in Parser::new_ext(markdown, options()) {
        match event {
            Event::Text(text) | Event::Code(text) => plain.push_str(&text),
            Event::Html(html) | Event::InlineHtml(html) => push_without_tags(&html, &mut plain),
            Event::SoftBreak | Event::HardBreak => plain.push('\n'),
            Event::End(TagEnd::TableCell) => plain.push_str(" | "),
            Event::End(TagEnd::Paragraph | TagEnd::Item | TagEnd::Heading(_) | TagEnd::TableRow | TagEnd::TableHead) => {
                plain.push('\n');
            }
            _ => {}
        }
    }
    let lines: Vec<&str> = plain.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

fn push_without_tags(html: &str, plain: &mut String) {
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => {
                inside = false;
                plain.push(' ');
            }
            _ if !inside => plain.push(c),
            _ => {}
        }
    }
}

/// A block that is too long, in pieces that still read alone: list items,
/// table rows under their header, lines of code in their fence, sentences.
pub fn pieces(block: &Block) -> Vec<Block> {
    let texts = match block.kind {
        BlockKind::List => list_items(&block.text),
        BlockKind::Table => table_rows(&block.text),
        BlockKind::Code => code_lines(&block.text),
        BlockKind::Prose => sentences(&block.text),
    };
    texts.into_iter().filter_map(|text| with_text(block, text)).collect()
}

/// The same block with another text.
pub fn with_text(block: &Block, text: String) -> Option<Block> {
    let plain = if block.text == block.plain { text.clone() } else { plain_text(&text) };
    (!plain.trim().is_empty()).then(|| Block { path: block.path.clone(), kind: block.kind, text, plain })
}

pub fn sentences(text: &str) -> Vec<String> {
    text.split_sentence_bounds().map(|s| s.trim_end().to_string()).filter(|s| !s.trim().is_empty()).collect()
}

fn list_items(text: &str) -> Vec<String> {
    let (mut items, mut depth) = (Vec::new(), 0);
    for (event, range) in Parser::new_ext(text, options()).into_offset_iter() {
        match event {
            Event::Start(Tag::Item) => {
                if depth == 1 {
                    items.push(text[range].trim_end().to_string());
                }
                depth += 1;
            }
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            _ => {}
        }
    }
    items
}

fn table_rows(text: &str) -> Vec<String> {
    let mut lines = text.lines();
    let head: Vec<&str> = lines.by_ref().take(2).collect();
    lines.map(|row| format!("{}\n{row}", head.join("\n"))).collect()
}

/// Ten lines at a time: one alone says little.
fn code_lines(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let fence: String = lines
        .first()
        .map(|line| line.trim_start().chars().take_while(|&c| c == '`' || c == '~').collect())
        .unwrap_or_default();
    if fence.len() < 3 {
        return lines.chunks(10).map(|part| part.join("\n")).collect();
    }
    let opening = lines[0];
    let inner: Vec<&str> = lines[1..].iter().copied().filter(|line| line.trim() != fence).collect();
    inner.chunks(10).map(|part| format!("{opening}\n{}\n{fence}", part.join("\n"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_carry_the_headings_above_them() {
        let blocks = markdown_blocks("# Travel\n\nBook early.\n\n## Hotels\n\n- cheap\n- near\n\n# Food\n\n| a | b |\n|--|--|\n| 1 | 2 |\n");
        let seen: Vec<(String, BlockKind, &str)> =
            blocks.iter().map(|b| (b.path.join(" > "), b.kind, b.plain.as_str())).collect();
        assert_eq!(
            seen,
            [
                ("Travel".into(), BlockKind::Prose, "Book early."),
                ("Travel > Hotels".into(), BlockKind::List, "cheap\nnear"),
                ("Food".into(), BlockKind::Table, "a | b |\n1 | 2 |"),
            ]
        );
    }

    #[test]
    fn markup_is_taken_from_the_words_and_kept_in_the_text() {
        let block = &markdown_blocks("See **the** [policy](https://example.org/p) and `E-4012`.")[0];
        assert_eq!(block.plain, "See the policy and E-4012.");
        assert!(block.text.contains("[policy](https://example.org/p)"));
    }

    #[test]
    fn long_table_keeps_its_header_over_every_row() {
        let block = &markdown_blocks("| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n")[0];
        let rows: Vec<String> = pieces(block).into_iter().map(|piece| piece.plain).collect();
        assert_eq!(rows, ["a | b |\n1 | 2 |", "a | b |\n3 | 4 |"]);
    }

    #[test]
    fn code_is_kept_as_code() {
        let block = &markdown_blocks("```sh\nmake test\n```\n")[0];
        assert_eq!((block.kind, block.plain.as_str()), (BlockKind::Code, "make test"));
    }
}
