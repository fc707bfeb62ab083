//! Cuts a document into passages.
//!
//! Promise: a passage belongs to one section and fits the budget, counted in
//! the embedding model's own tokens, title and heading path included. Tables,
//! lists and code stay whole where they fit. Where a section is cut, the next
//! passage begins with the last sentences of the one before.

use super::{
    blocks::{Block, BlockKind, markdown_blocks, pieces, plain_blocks, sentences, with_text},
    document::{Body, Document},
    passage::Passage,
};
use crate::config::RetrievalSection;
use std::{collections::HashSet, sync::Arc};

pub type CountTokens = Arc<dyn Fn(&str) -> usize + Send + Sync>;

/// Changes with every change of the cutting, so that documents are cut again.
const EDITION: u32 = 1;

/// A passage never gets less room than this, however long title and headings are.
const LEAST_ROOM: usize = 48;

pub struct Chunker {
    count: CountTokens,
    budget: usize,
    overlap: usize,
}

impl Chunker {
    pub fn new(count: CountTokens, retrieval: &RetrievalSection) -> Self {
        let budget = retrieval.chunk_tokens.max(LEAST_ROOM);
        Self {
            count,
            budget,
            overlap: retrieval.overlap_tokens.min(budget / 3),
        }
    }

    /// Names how documents are cut; another name means that they are to be cut again.
    pub fn recipe(&self) -> String {
        format!("{EDITION}/{}/{}", self.budget, self.overlap)
    }

    pub fn passages(&self, document: &Document) -> Vec<Passage> {
        let mut blocks = match &document.body {
            Body::Markdown(text) => markdown_blocks(text),
            Body::Plain(text) => plain_blocks(text),
        };
        for block in &mut blocks {
            block.path.retain(|heading| *heading != document.title);
        }
        let mut passages = Vec::new();
        for section in blocks.chunk_by(|a, b| a.path == b.path) {
            self.cut_section(&document.title, section, &mut passages);
        }
        if passages.is_empty() && !document.title.is_empty() {
            passages.push(passage("", &document.title, &document.title));
        }
        if let Some(first) = passages.first_mut().filter(|_| !document.facts.is_empty()) {
            first.text = format!("{}\n\n{}", document.facts, first.text);
            first.plain = format!("{}\n{}", document.facts, first.plain);
        }
        numbered_once(passages)
    }

    fn cut_section(&self, title: &str, blocks: &[Block], passages: &mut Vec<Passage>) {
        let section = blocks
            .first()
            .map(|block| block.path.join(" > "))
            .unwrap_or_default();
        let heading = (self.count)(title) + (self.count)(&section);
        let room = self.budget.saturating_sub(heading).max(LEAST_ROOM);
        let mut open = Open::new(room);
        for block in blocks {
            for part in self.fitting(block, room) {
                let tokens = (self.count)(&part.plain);
                if !open.fits(tokens) {
                    let carried = self.carried(&open, room.saturating_sub(tokens));
                    passages.extend(open.close(&section));
                    for part in carried {
                        let tokens = (self.count)(&part.plain);
                        open.add(part, tokens);
                    }
                }
                open.add(part, tokens);
            }
        }
        passages.extend(open.close(&section));
    }

    /// The block, or parts of it that each fit.
    fn fitting(&self, block: &Block, room: usize) -> Vec<Block> {
        if (self.count)(&block.plain) <= room {
            return vec![block.clone()];
        }
        let parts = pieces(block);
        if parts.len() > 1 {
            return parts
                .iter()
                .flat_map(|part| self.fitting(part, room))
                .collect();
        }
        if block.kind != BlockKind::Prose {
            // One list item, row or stretch of code that is too long: by its sentences.
            let prose = Block {
                kind: BlockKind::Prose,
                ..block.clone()
            };
            return self.fitting(&prose, room);
        }
        self.by_words(block, room)
    }

    /// One endless sentence: cut between words, and inside a word that is itself too long.
    fn by_words(&self, block: &Block, room: usize) -> Vec<Block> {
        let (mut parts, mut text) = (Vec::new(), String::new());
        let mut tokens = 0;
        for word in block
            .text
            .split_inclusive(char::is_whitespace)
            .flat_map(short_runs)
        {
            let more = (self.count)(word).max(1);
            if tokens + more > room && !text.is_empty() {
                parts.extend(with_text(block, std::mem::take(&mut text)));
                tokens = 0;
            }
            text.push_str(word);
            tokens += more;
        }
        parts.extend(with_text(block, text));
        parts
    }

    /// What the next passage repeats of this one: its last sentences, or the
    /// sentence that leads to a list ("You need:").
    fn carried(&self, open: &Open, room: usize) -> Vec<Block> {
        let Some(last) = open
            .parts
            .last()
            .filter(|last| last.kind == BlockKind::Prose)
        else {
            return Vec::new();
        };
        let limit = self.overlap.min(room);
        let (mut kept, mut tokens) = (Vec::new(), 0);
        for sentence in sentences(&last.text).into_iter().rev() {
            tokens += (self.count)(&sentence);
            if tokens > limit {
                break;
            }
            kept.push(sentence);
        }
        kept.reverse();
        with_text(last, kept.join(" ")).into_iter().collect()
    }
}

/// The passage that is being filled.
struct Open {
    parts: Vec<Block>,
    tokens: usize,
    room: usize,
    /// Whether it holds more than what was repeated from the one before.
    fresh: bool,
}

impl Open {
    fn new(room: usize) -> Self {
        Self {
            parts: Vec::new(),
            tokens: 0,
            room,
            fresh: false,
        }
    }

    fn fits(&self, tokens: usize) -> bool {
        self.parts.is_empty() || self.tokens + tokens <= self.room
    }

    fn add(&mut self, part: Block, tokens: usize) {
        self.parts.push(part);
        self.tokens += tokens;
        self.fresh = true;
    }

    fn close(&mut self, section: &str) -> Option<Passage> {
        let parts = std::mem::take(&mut self.parts);
        self.tokens = 0;
        if parts.is_empty() || !std::mem::take(&mut self.fresh) {
            return None;
        }
        let join = |of: fn(&Block) -> &str| {
            let mut joined = String::new();
            for (i, part) in parts.iter().enumerate() {
                let tight =
                    part.kind == BlockKind::List && i > 0 && parts[i - 1].kind == BlockKind::List;
                joined.push_str(if i == 0 {
                    ""
                } else if tight {
                    "\n"
                } else {
                    "\n\n"
                });
                joined.push_str(of(part));
            }
            joined
        };
        Some(passage(
            section,
            &join(|part| &part.text),
            &join(|part| &part.plain),
        ))
    }
}

fn passage(section: &str, text: &str, plain: &str) -> Passage {
    Passage {
        section: section.into(),
        text: text.into(),
        plain: plain.into(),
        position: 0,
    }
}

/// A passage that a document repeats word for word in one section is kept once.
fn numbered_once(passages: Vec<Passage>) -> Vec<Passage> {
    let mut seen = HashSet::new();
    let mut kept: Vec<Passage> = passages
        .into_iter()
        .filter(|p| seen.insert((p.section.clone(), p.plain.clone())))
        .collect();
    for (position, passage) in kept.iter_mut().enumerate() {
        passage.position = position;
    }
    kept
}

/// A word in runs of at most 40 characters: longer ones are encoded data.
fn short_runs(word: &str) -> Vec<&str> {
    let mut runs = Vec::new();
    let mut rest = word;
    while let Some((cut, _)) = rest.char_indices().nth(40) {
        let (run, tail) = rest.split_at(cut);
        runs.push(run);
        rest = tail;
    }
    runs.push(rest);
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Audience, DocumentId, SourceKind};
    use crate::knowledge::Standing;

    /// Words stand for tokens, so that the expectations can be counted by eye.
    fn chunker(budget: usize, overlap: usize) -> Chunker {
        let retrieval = RetrievalSection {
            chunk_tokens: budget,
            overlap_tokens: overlap,
            ..RetrievalSection::default()
        };
        Chunker::new(Arc::new(|text| text.split_whitespace().count()), &retrieval)
    }

    fn markdown(text: &str) -> Document {
        Document {
            id: DocumentId::new("page.md"),
            source: "docs".into(),
            origin: "page.md".into(),
            kind: SourceKind::Documents,
            title: "Travel".into(),
            locator: "page.md".into(),
            facts: String::new(),
            body: Body::Markdown(text.into()),
            date: None,
            owner: None,
            audience: Audience::everyone(),
            supersedes: Vec::new(),
            standing: Standing::default(),
            bytes: 0,
        }
    }

    fn words(n: usize) -> String {
        (0..n).map(|i| format!("word{i} ")).collect()
    }

    #[test]
    fn passage_never_spans_two_sections() {
        let passages = chunker(200, 0).passages(&markdown(
            "# Travel\n\nBook early.\n\n## Hotels\n\nNear the office.",
        ));
        let seen: Vec<_> = passages
            .iter()
            .map(|p| (p.section.as_str(), p.text.as_str()))
            .collect();
        assert_eq!(seen, [("", "Book early."), ("Hotels", "Near the office.")]);
    }

    #[test]
    fn every_passage_fits_the_budget() {
        let check = |text: String| {
            for passage in chunker(60, 10).passages(&markdown(&text)) {
                let tokens = passage.plain.split_whitespace().count();
                assert!(tokens <= 60, "{tokens} tokens: {}", passage.plain);
            }
        };
        check(words(500));
        check("A short sentence stands here. ".repeat(60));
        check(format!("- {}\n- {}\n", words(90), words(40)));
        check(format!(
            "| a | b |\n|---|---|\n{}",
            "| one two | three four |\n".repeat(40)
        ));
        check(format!("```\n{}\n```", words(300)));
        check("x".repeat(100_000));
    }

    #[test]
    fn table_that_fits_is_kept_whole() {
        let table = "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |";
        let passages = chunker(60, 0).passages(&markdown(&format!("{}\n\n{table}\n", words(50))));
        assert!(passages.iter().any(|p| p.text == table), "{passages:?}");
    }

    #[test]
    fn cut_section_goes_on_with_the_sentences_before() {
        let text = "The first sentence stands here. ".repeat(20);
        let passages = chunker(60, 12).passages(&markdown(&text));
        assert!(passages.len() > 1);
        assert!(
            passages[1].text.starts_with("The first sentence"),
            "{}",
            passages[1].text
        );
    }

    #[test]
    fn record_shows_its_facts_with_its_first_passage() {
        let document = Document {
            facts: "REQ-1 · status: open".into(),
            ..markdown("The door is stuck.")
        };
        let passages = chunker(200, 0).passages(&document);
        assert_eq!(
            passages[0].text,
            "REQ-1 · status: open\n\nThe door is stuck."
        );
    }

    #[test]
    fn document_without_text_is_found_by_its_title() {
        let passages = chunker(200, 0).passages(&markdown(""));
        assert_eq!(passages[0].text, "Travel");
    }
}
