//! A reply as structure, before any platform's markup.
//!
//! Pings and foreign links can't be expressed: there is no block for them, and
//! renderers escape all text.

use super::{QuestionId, Rows};
use serde::{Deserialize, Serialize};

pub type Message = Vec<Block>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "block", rename_all = "snake_case")]
pub enum Block {
    Paragraph {
        text: Vec<Inline>,
    },
    Heading {
        text: String,
    },
    List {
        ordered: bool,
        items: Vec<Vec<Inline>>,
    },
    /// Words taken from a source as they stand there.
    Quote {
        text: Vec<Inline>,
    },
    Code {
        language: String,
        text: String,
    },
    Table {
        caption: String,
        header: Vec<String>,
        rows: Vec<Vec<String>>,
    },
    /// All rows of a result: a table where it fits the message, a file where not.
    Rows {
        /// Names the file.
        name: String,
        rows: Rows,
    },
    /// The numbered sources of the answer.
    Sources {
        lines: Vec<SourceLine>,
    },
    /// A remark about the answer: low confidence, a gap, a time of data.
    Notice {
        text: String,
    },
    /// "Made by a machine, check the sources."
    Disclaimer {
        text: String,
    },
    /// Thumbs up and down. On the last part of an answer, once.
    FeedbackControl {
        question: QuestionId,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "inline", rename_all = "snake_case")]
pub enum Inline {
    Text {
        text: String,
    },
    Strong {
        text: String,
    },
    Code {
        text: String,
    },
    /// Refers to the source with this number.
    Cite {
        n: usize,
    },
}

impl Inline {
    pub fn text(text: impl Into<String>) -> Self {
        Inline::Text { text: text.into() }
    }

    pub fn strong(text: impl Into<String>) -> Self {
        Inline::Strong { text: text.into() }
    }

    pub fn code(text: impl Into<String>) -> Self {
        Inline::Code { text: text.into() }
    }
}

impl Block {
    pub fn paragraph(text: impl Into<String>) -> Self {
        Block::Paragraph {
            text: vec![Inline::text(text)],
        }
    }

    pub fn notice(text: impl Into<String>) -> Self {
        Block::Notice { text: text.into() }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceLine {
    pub n: usize,
    pub title: String,
    pub section: String,
    /// A path, ticket key or query name. Rendered as a link only if it is an
    /// `http` or `https` address.
    pub locator: String,
    /// Date or version, as a person reads it.
    pub version: String,
}
