//! What was found, and what could not be found out.

use super::{DocumentId, Relation, SourceKind};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One piece of evidence, numbered as it is cited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// 1-based, the number in `[1]`.
    pub n: usize,
    pub kind: EvidenceKind,
    pub document: DocumentId,
    pub title: String,
    /// Where a person opens it: a path, an address, a ticket key, a query.
    pub locator: String,
    /// The heading path inside the document, outermost first, joined by ` > `.
    pub section: String,
    pub version: String,
    pub date: Option<NaiveDate>,
    pub owner: Option<String>,
    pub text: String,
    /// How well it answers the question, at most 1.
    pub score: f32,
    /// Sentences of the text that give orders to a bot. They are not passed on.
    #[serde(default, skip_serializing_if = "is_none")]
    pub orders: usize,
    pub rows: Option<ToolResult>,
    /// The relations of this passage that were followed to the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relations: Vec<Relation>,
    /// Other places that say the same, of those that the asker may see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<Duplicate>,
}

/// Where the same text stands as well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicate {
    pub document: DocumentId,
    pub source: String,
    pub title: String,
    pub locator: String,
    pub date: Option<NaiveDate>,
}

impl Evidence {
    /// A tool's result as evidence.
    pub fn of_result(n: usize, result: ToolResult) -> Self {
        Self {
            n,
            kind: EvidenceKind::Rows,
            document: DocumentId::new(result.tool.clone()),
            title: result.tool.replace('_', " "),
            locator: format!("{}:{}", result.source, result.tool),
            section: String::new(),
            version: result.as_of.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            date: Some(result.as_of.date_naive()),
            owner: None,
            text: result.lead.clone(),
            score: 1.0,
            orders: 0,
            rows: Some(result),
            relations: Vec::new(),
            copies: Vec::new(),
        }
    }
}

/// Serde hands over a reference.
fn is_none(count: &usize) -> bool {
    *count == 0
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    Document,
    Ticket,
    Rows,
}

impl From<SourceKind> for EvidenceKind {
    fn from(kind: SourceKind) -> Self {
        match kind {
            SourceKind::Documents => EvidenceKind::Document,
            SourceKind::Tickets => EvidenceKind::Ticket,
            SourceKind::Business => EvidenceKind::Rows,
        }
    }
}

/// The result of one tool call, with what a person needs to trust it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolResult {
    pub tool: String,
    pub source: String,
    /// The statement that ran, shown on demand.
    pub statement: String,
    pub rows: Rows,
    /// The result in one sentence, every figure taken from `rows` or the arguments.
    pub lead: String,
    pub as_of: DateTime<Utc>,
    /// An API's answer as it came, a body a page, for a call that is asked
    /// with what it found. Kept no longer than that.
    #[serde(skip)]
    pub bodies: Vec<Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rows {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Value>>,
    /// More rows existed than the cap let through.
    pub truncated: bool,
}

/// Something that was looked for and not had. The answer names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    pub source: String,
    pub class: GapClass,
    /// A sentence for the asker, from `reply.rs`; never an internal error text.
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapClass {
    SourceDown,
    Timeout,
    NotAllowed,
    NoData,
    BadQuestion,
    ModelFailed,
}

impl GapClass {
    pub const ALL: [Self; 6] = [
        GapClass::SourceDown,
        GapClass::Timeout,
        GapClass::NotAllowed,
        GapClass::NoData,
        GapClass::BadQuestion,
        GapClass::ModelFailed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            GapClass::SourceDown => "source_down",
            GapClass::Timeout => "timeout",
            GapClass::NotAllowed => "not_allowed",
            GapClass::NoData => "no_data",
            GapClass::BadQuestion => "bad_question",
            GapClass::ModelFailed => "model_failed",
        }
    }
}
