//! The few traits behind which something can be exchanged, and their errors.
//!
//! A port exists where two implementations ship, where time must be faked, or
//! where two neighbours must not know each other. No type of a database,
//! model or platform library crosses a port.

use crate::domain::{
    Access, Actor, Catalogue, DocumentId, Duplicate, GapClass, Generation, GenerationRequest,
    Message, MessageId, PersonId, Place, Platform, Prompt, QuestionId, Readers, Relation,
    SourceKind, TokenVectors, ToolCall, ToolResult,
};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::{ops::Range, sync::Arc, time::Duration};
use tokio::sync::mpsc;

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// An error with its causes, in one line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// The time of day. Tests move it.
pub trait Clock: Send + Sync {
    fn now(&self) -> DateTime<Utc>;

    /// Lets so much time pass.
    fn sleep(&self, pause: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(pause))
    }
}

pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// Turns texts into unit vectors.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// Length of every vector.
    fn dimension(&self) -> usize;

    /// Names the model and its precision; an index made with another name is not usable.
    fn name(&self) -> &str;

    /// One vector a text, in the same order, each of L2 norm 1.
    async fn embed(&self, texts: Vec<String>, role: TextRole) -> Result<Vec<Vec<f32>>, EmbedError>;

    /// As [`Embedder::embed`], with the vector of every token.
    async fn encode(&self, texts: Vec<String>, role: TextRole) -> Result<Vec<Encoded>, EmbedError>;
}

/// A text as the model reads it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Encoded {
    /// Of the whole text, L2 norm 1.
    pub vector: Vec<f32>,
    /// Of its tokens, without the two that mark start and end; empty where
    /// the model has none to give.
    pub tokens: TokenVectors,
    /// The bytes of the text that each token stands for.
    pub spans: Vec<Range<usize>>,
}

/// Some models want a different prefix for what is asked and what is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextRole {
    Query,
    Passage,
}

#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    #[error("embedding queue is full")]
    Busy,
    #[error("embedding model `{model}` failed")]
    Failed {
        model: String,
        #[source]
        source: BoxError,
    },
}

/// Writes text: the decoder in this process, or a server that speaks OpenAI's protocol.
#[async_trait]
pub trait Generator: Send + Sync {
    /// Names the model, as an answer's record shows it.
    fn name(&self) -> String;

    /// Tokens that a prompt and its answer may fill together.
    fn context_tokens(&self) -> usize;

    /// Tokens that a prompt fills, chat template included. Where the model's
    /// tokenizer is not known, an estimate that is rather too high.
    fn count_tokens(&self, prompt: &Prompt) -> usize;

    /// Writes until the end, a stop, or the limit. What is decided is sent to
    /// `pieces` at once, never part of a grapheme. Dropping the future ends
    /// the work at the next token.
    async fn generate(
        &self,
        request: GenerationRequest,
        pieces: Option<mpsc::UnboundedSender<String>>,
    ) -> Result<Generation, GenerateError>;
}

#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    #[error("language model `{model}` has too many requests waiting")]
    Busy { model: String },
    #[error("prompt has {tokens} tokens, and `{model}` takes {limit}")]
    TooLong {
        model: String,
        tokens: usize,
        limit: usize,
    },
    #[error("adapter `{adapter}` is not loaded; there are: {}", .known.join(", "))]
    UnknownAdapter { adapter: String, known: Vec<String> },
    #[error("{what}: {problem}")]
    BadRequest { what: &'static str, problem: String },
    #[error("language model `{model}` is not ready")]
    Loading { model: String },
    #[error("language model `{model}` failed")]
    Failed {
        model: String,
        #[source]
        source: BoxError,
    },
}

/// Finds passages that the asker may see.
#[async_trait]
pub trait Search: Send + Sync {
    /// Best first. Passages outside `request.access` are never fetched.
    async fn search(&self, request: &SearchRequest) -> Result<Vec<Hit>, SearchError>;

    /// How many documents of a source may be seen.
    async fn count(&self, source: &str, access: &Access) -> Result<usize, SearchError>;

    /// All passages of the document with this id or ticket key, in reading
    /// order; empty where it does not exist or may not be seen, alike.
    async fn document(&self, id: &DocumentId, access: &Access) -> Result<Vec<Hit>, SearchError>;

    /// Passages that tell a relation with one of these keys, as
    /// [`crate::domain::RelationKind::key`] makes them; a bounded number, of
    /// what may be seen alone.
    async fn related(
        &self,
        _keys: &[String],
        _access: &Access,
    ) -> Result<Vec<Related>, SearchError> {
        Ok(Vec::new())
    }
}

/// A passage, and what it tells of things.
#[derive(Clone, Debug, PartialEq)]
pub struct Related {
    pub hit: Hit,
    pub relations: Vec<Relation>,
}

#[derive(Clone, Debug)]
pub struct SearchRequest {
    pub text: String,
    pub top_k: usize,
    /// Empty: every kind.
    pub kinds: Vec<SourceKind>,
    /// Only this source, by its configured name.
    pub source: Option<String>,
    pub access: Access,
    pub exclude: Vec<DocumentId>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    pub document: DocumentId,
    /// The configured name of the source.
    pub source: String,
    pub kind: SourceKind,
    pub title: String,
    pub locator: String,
    /// Heading path, outermost first, joined by ` > `.
    pub section: String,
    /// The first hex digits of the content's hash.
    pub version: String,
    pub date: Option<NaiveDate>,
    pub owner: Option<String>,
    /// True where a newer document says that it replaces this one, or this one
    /// says that it no longer holds.
    pub superseded: bool,
    /// The version that the document says it is, such as `2.1`.
    pub edition: Option<String>,
    /// A newer document of its name does not replace it: its source keeps
    /// records, each true for its day.
    pub timeless: bool,
    /// Other places that say the same, of those that this search may see.
    pub copies: Vec<Duplicate>,
    /// The passage as it stands in the document, Markdown kept.
    pub text: String,
    /// Order of the passage in its document, from 0.
    pub position: usize,
    /// Higher is better, comparable within one search only.
    pub score: f32,
    /// Cosine between question and passage, -1 to 1.
    pub similarity: f32,
    /// How the question's tokens are met here.
    pub met: Met,
}

/// How the tokens of a question are met by those of a passage: cosines of the
/// nearest ones, -1 to 1. Without token vectors the cosine of the whole texts
/// stands for all three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Met {
    /// The mean over the question's tokens.
    pub mean: f32,
    /// The same, with words counting more that few of the found passages have.
    pub weighted: f32,
    /// The telling word that is met worst.
    pub weakest: f32,
    /// The question names something that no passage of this search mentions.
    pub unknown_name: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    #[error("index is not available")]
    Unavailable(#[source] BoxError),
    #[error("search could not be embedded")]
    Embed(#[from] EmbedError),
}

/// The read-only tools of the company.
#[async_trait]
pub trait Tools: Send + Sync {
    fn catalogue(&self) -> &Catalogue;

    /// Whether this tool exists for everyone who would read the answer.
    fn allowed(&self, tool: &str, access: &Access) -> bool;

    /// The configured name of the system that a tool asks.
    fn system(&self, tool: &str) -> Option<&str>;

    /// What one call may take; calls that lead to one another take no longer together.
    fn time_limit(&self) -> Duration {
        Duration::from_secs(10)
    }

    /// Runs one call. Arguments are checked against the catalogue first. A
    /// tool that the caller may not use is [`ToolError::Unknown`], as one that
    /// does not exist.
    async fn call(&self, call: &ToolCall, caller: &Caller) -> Result<ToolResult, ToolError>;
}

/// On whose behalf a tool runs. The person goes into the record, the access decides.
#[derive(Clone, Debug)]
pub struct Caller {
    pub person: PersonId,
    pub access: Access,
}

#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    #[error("tool `{tool}` does not exist")]
    Unknown { tool: String },
    #[error("argument `{argument}` of `{tool}`: {problem}")]
    BadArgument {
        tool: String,
        argument: String,
        problem: String,
    },
    #[error("statement refused: {reason}")]
    Refused { reason: String },
    #[error("`{source_name}` did not answer within {limit:?}")]
    Timeout {
        source_name: String,
        limit: Duration,
    },
    #[error("`{source_name}` can't be reached")]
    Down {
        source_name: String,
        #[source]
        source: BoxError,
    },
    #[error("`{source_name}` denied access")]
    NotAllowed {
        source_name: String,
        #[source]
        source: BoxError,
    },
    #[error("`{source_name}` failed")]
    Failed {
        source_name: String,
        #[source]
        source: BoxError,
    },
}

impl ToolError {
    pub fn class(&self) -> GapClass {
        match self {
            ToolError::Unknown { .. }
            | ToolError::BadArgument { .. }
            | ToolError::Refused { .. } => GapClass::BadQuestion,
            ToolError::Timeout { .. } => GapClass::Timeout,
            ToolError::Down { .. } | ToolError::Failed { .. } => GapClass::SourceDown,
            ToolError::NotAllowed { .. } => GapClass::NotAllowed,
        }
    }
}

/// A platform, as the worker needs it: say that we work, post, edit, look up.
#[async_trait]
pub trait Chat: Send + Sync {
    fn platform(&self) -> Platform;

    /// Who would read a reply here. Asked before any lookup and again before
    /// the answer is posted; a failure is [`Readers::Unknown`], not an error.
    async fn readers(&self, place: &Place, asker: &Actor) -> Readers;

    /// The first visible sign, within a second; renewed by the adapter as the
    /// platform needs it, until [`Chat::finished`].
    async fn working(&self, place: &Place) -> Result<(), ChatError>;

    /// Takes the sign away. Harmless to repeat.
    async fn finished(&self, place: &Place) -> Result<(), ChatError>;

    /// Cuts a message into parts that the platform takes. Pure, so that a part
    /// stored today is the part posted after a restart. Never empty.
    fn render(&self, message: &Message) -> Vec<Part>;

    /// The same for the asker alone.
    fn render_alone(&self, message: &Message) -> Vec<Part> {
        let alone = |part| Part {
            alone: true,
            ..part
        };
        self.render(message).into_iter().map(alone).collect()
    }

    /// Posts a part in the thread of `place`. `key` names this one post: the
    /// platform, or [`Chat::find`], recognises it when it is sent again.
    async fn post(&self, place: &Place, part: &Part, key: &PostKey)
    -> Result<MessageId, ChatError>;

    /// The message that an earlier [`Chat::post`] with this key made, if it did.
    async fn find(&self, place: &Place, key: &PostKey) -> Result<Option<MessageId>, ChatError>;

    /// Replaces a message that we posted. Harmless to repeat.
    async fn edit(&self, place: &Place, message: &MessageId, part: &Part) -> Result<(), ChatError>;
}

/// One platform message, ready to send.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The platform's own fields: `text` and `blocks`, or `content` and `components`.
    pub payload: serde_json::Value,
    /// The same as plain text, for a payload that the platform refuses.
    pub plain: String,
    /// Nobody but the asker may ever see it, whichever way it has to go.
    #[serde(default)]
    pub alone: bool,
    /// Goes along with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PartFile>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartFile {
    pub name: String,
    /// What a screen reader says of it.
    pub title: String,
    pub text: String,
}

/// Names one post of one question: opaque to every reader of the channel.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PostKey {
    pub question: QuestionId,
    /// 0 is the placeholder that becomes the first part of the answer.
    pub part: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// Nothing was sent; the same call may be made after the pause.
    #[error("rate limited for {retry_after:?}")]
    RateLimited { retry_after: Duration },
    /// The response was lost: the call may or may not have had its effect.
    #[error("response to `{call}` was lost")]
    InDoubt {
        call: &'static str,
        #[source]
        source: BoxError,
    },
    /// The platform will refuse this for ever: channel gone, not a member, archived.
    #[error("platform refuses `{call}`: {code}")]
    Permanent { call: &'static str, code: String },
    /// The credentials no longer work; every further call would fail too.
    #[error("platform rejects our credentials: {code}")]
    Unauthorized { code: String },
    /// The platform is down or unreachable; nothing was sent.
    #[error("platform is unavailable")]
    Unavailable(#[source] BoxError),
}

/// Where a platform's events go. Returns only after the event is committed.
#[async_trait]
pub trait Sink: Send + Sync {
    /// An error means: not stored, do not acknowledge, let the platform send it again.
    async fn accept(&self, incoming: crate::domain::Incoming) -> Result<(), BoxError>;
}

pub type SharedSink = Arc<dyn Sink>;
