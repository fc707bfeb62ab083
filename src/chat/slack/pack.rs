//! Pieces into messages: as many in each as Slack takes, numbered.

use super::{
    blocks::{context, feedback_buttons, section},
    mrkdwn::{cost, escape, is_blank},
};
use crate::{domain::QuestionId, ports::Part};
use serde_json::{Value, json};

/// `chat.update` refuses more than 4,000 characters of text; the rest of that is for `(12/34) `.
const PART_TEXT: usize = 3_960;

/// Slack's limit is 50; number, feedback and a spare are kept free.
const PART_BLOCKS: usize = 47;

/// A message that says nothing at all.
const NOTHING: &str = "…";

/// Something that stays in one part.
pub struct Piece {
    pub block: Option<Value>,
    pub text: String,
    /// What stands between the text before and this.
    pub joint: &'static str,
    pub is_heading: bool,
    pub is_table: bool,
}

/// The pieces of one Slack message.
#[derive(Default)]
pub struct Draft {
    pieces: Vec<Piece>,
}

impl Draft {
    fn takes(&self, piece: &Piece) -> bool {
        let blocks = self.pieces.iter().filter(|p| p.block.is_some()).count();
        // Slack takes one table a message.
        let second_table = piece.is_table && self.pieces.iter().any(|p| p.is_table);
        let text: usize = self.pieces.iter().chain([piece]).map(Piece::cost).sum();
        blocks < PART_BLOCKS && text <= PART_TEXT && !second_table
    }

    /// A heading moves along with what it heads.
    fn take_headings(&mut self) -> Vec<Piece> {
        let body = self.pieces.iter().rposition(|p| !p.is_heading);
        body.map_or(Vec::new(), |body| self.pieces.split_off(body + 1))
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (at, piece) in self.pieces.iter().enumerate() {
            if at > 0 {
                text.push_str(piece.joint);
            }
            text.push_str(&piece.text);
        }
        text
    }
}

impl Piece {
    fn cost(&self) -> usize {
        cost(&self.text) + self.joint.len()
    }
}

pub fn pack(pieces: Vec<Piece>) -> Vec<Draft> {
    let mut full = Vec::new();
    let mut open = Draft::default();
    for piece in pieces {
        if !open.takes(&piece) {
            let headings = open.take_headings();
            full.push(std::mem::replace(&mut open, Draft { pieces: headings }));
            // A heading as long as a message is left where it was.
            if !open.takes(&piece) {
                full.push(std::mem::take(&mut open));
            }
        }
        open.pieces.push(piece);
    }
    full.push(open);
    full
}

pub fn finish(drafts: Vec<Draft>, feedback: Option<QuestionId>) -> Vec<Part> {
    let count = drafts.len();
    let mut parts = Vec::with_capacity(count);
    for (at, draft) in drafts.into_iter().enumerate() {
        let mut text = draft.text();
        let mut blocks: Vec<Value> = draft.pieces.into_iter().filter_map(|p| p.block).collect();
        if is_blank(&text) {
            text = NOTHING.into();
            blocks = vec![section(NOTHING.into())];
        }
        if count > 1 {
            let number = format!("({}/{count})", at + 1);
            text = format!("{number} {text}");
            blocks.insert(0, context(number));
        }
        if let Some(question) = feedback.filter(|_| at + 1 == count) {
            blocks.push(feedback_buttons(question));
        }
        parts.push(Part {
            payload: json!({ "text": escape(&text), "blocks": blocks }),
            plain: text,
            alone: false,
            file: None,
        });
    }
    parts
}
