//! What the planner decided to do about a question.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub intent: Intent,
    /// Where to look. Empty where nothing is to be looked up. What is out of
    /// scope and has sources all the same is looked up before it is refused.
    pub sources: Vec<SourceKind>,
    /// How many passages to bring: 10 for analytical questions, 5 for others.
    pub top_k: usize,
    pub style: Style,
    /// The text to search for: the question, made to stand alone.
    pub search: String,
    pub tools: Vec<ToolCall>,
    /// Where there are any, the tools are called one after the other, each
    /// with what those before it found; the last one answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// 0 to 1: how sure the planner is of intent and tools.
    pub confidence: f32,
    /// What the asker must still say, so that a tool could answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<Ask>,
}

/// A value of one call that the answer of an earlier one gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// Place of the earlier call in [`Plan::tools`].
    pub from: usize,
    /// Place of the call that needs it.
    pub to: usize,
    pub parameter: String,
    /// The keys that lead to the records of the earlier answer, through lists.
    pub path: Vec<String>,
    /// The field of the record that is the value.
    pub field: String,
    /// What such a record is called: `artist`.
    pub kind: String,
    pub which: Which,
    /// Other names of the question. They tell records of one name apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

/// Which of the records is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// The only one.
    Only,
    /// The one of this name.
    Named(String),
    /// By its place in the answer, from 0.
    At(usize),
    Newest,
    Oldest,
}

/// A value that a tool needs and the question does not name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    pub tool: String,
    pub parameter: String,
    /// What it may be, where only few values can be.
    pub values: Vec<String>,
}

impl Plan {
    /// The fixed plan that takes the place of one that can't be made.
    pub fn search_only(search: impl Into<String>) -> Self {
        Self {
            intent: Intent::Knowledge,
            sources: vec![SourceKind::Documents, SourceKind::Tickets],
            top_k: 5,
            style: Style::Explanation,
            search: search.into(),
            tools: Vec::new(),
            links: Vec::new(),
            confidence: 0.0,
            ask: None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// Something that a document or ticket says.
    Knowledge,
    /// A comparison, ranking or total over business data.
    Analytical,
    /// What is true now, in a live system.
    Live,
    /// One record, by its id.
    Status,
    /// A greeting, thanks, or a question about the bot.
    SmallTalk,
    /// Something that the bot does not do: writing, or the world outside.
    OutOfScope,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    Documents,
    Tickets,
    Business,
}

impl SourceKind {
    pub fn as_str(self) -> &'static str {
        match self {
            SourceKind::Documents => "documents",
            SourceKind::Tickets => "tickets",
            SourceKind::Business => "business",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    Brief,
    List,
    Table,
    Explanation,
}

/// A read-only tool with typed arguments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    pub name: String,
    pub args: Map<String, Value>,
}
