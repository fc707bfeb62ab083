//! Plain types and pure functions: no IO, no async.
//!
//! A question arrives as an [`Incoming`] event, becomes a [`Plan`], is looked
//! up as [`Evidence`] and [`Gap`]s, and leaves as an [`Answer`] made of
//! [`Block`]s, which each platform renders in its own way.

mod answer;
mod audience;
mod catalogue;
pub mod cells;
pub mod command;
pub mod csv;
mod evidence;
mod feedback;
mod freshness;
mod function;
mod generation;
mod ids;
mod incoming;
mod likeness;
mod message;
pub mod plain;
mod plan;
mod question;
mod redaction;
mod relation;
pub mod reply;
mod tokens;
mod words;

pub use answer::{Answer, Confidence, CutClaim, CutReason, Provenance, StageTimings};
pub use audience::{Access, Audience, EVERYONE, Group, Readers};
pub use catalogue::{
    Catalogue, Chain, Given, Parameter, ParameterKind, Schema, SchemaColumn, SchemaTable, Taken,
    ToolKind, ToolSpec,
};
pub use evidence::{Duplicate, Evidence, EvidenceKind, Gap, GapClass, Rows, ToolResult};
pub use feedback::{Feedback, FeedbackChange, FeedbackTarget, Signal, Verdict, normalize_emoji};
pub use freshness::{Freshness, FreshnessBoard};
pub use function::Function;
pub use generation::{Finish, Generation, GenerationRequest, Prompt, Said, Sampling, Speaker};
pub use ids::{ChannelId, DocumentId, MessageId, PersonId, QuestionId, TenantId, ThreadId};
pub use incoming::{Addressed, Incoming, IncomingQuestion, Platform, Receipt, Refusal};
pub use likeness::{Alike, Likeness};
pub use message::{Block, Inline, Message, SourceLine};
pub use plan::{Ask, Intent, Link, Plan, SourceKind, Style, ToolCall, Which};
pub use question::{
    Actor, ActorKind, Callback, Membership, Place, PlaceKind, Question, Role, Showing, Turn,
};
pub use redaction::{RedactionPolicy, Sensitive, Treatment};
pub use relation::{Relation, RelationKind, Toward, entity_key};
pub use tokens::TokenVectors;
pub use words::{bare_words, kind_of_record, singular};
