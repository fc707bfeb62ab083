//! A question with everything that its answer depends on.

use super::{Access, ChannelId, MessageId, PersonId, Platform, QuestionId, TenantId, ThreadId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    pub id: QuestionId,
    pub asker: Actor,
    pub place: Place,
    pub text: String,
    /// What was said before in the same thread, oldest first.
    pub thread: Vec<Turn>,
    pub asked_at: DateTime<Utc>,
    pub access: Access,
}

/// The author of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    pub person: PersonId,
    pub kind: ActorKind,
    pub membership: Membership,
}

impl Actor {
    pub fn member(person: PersonId) -> Self {
        Self {
            person,
            kind: ActorKind::Human,
            membership: Membership::Member,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    Human,
    /// This bot itself, another bot, or a webhook. None of them starts an answer.
    Machine,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Membership {
    Member,
    Guest,
    External,
    /// The event did not say; the platform is asked before anything is looked up.
    Unknown,
}

/// Where a question was asked, and so where its reply goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub platform: Platform,
    pub tenant: TenantId,
    pub channel: ChannelId,
    /// The conversation that the reply belongs to. On Discord, a mention in a
    /// plain channel names its own message here: the thread made from a
    /// message has that message's id.
    pub thread: ThreadId,
    /// The message that asks.
    pub message: MessageId,
    pub kind: PlaceKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceKind {
    /// A conversation with one person.
    Direct,
    /// A message in a channel, outside any thread.
    Channel,
    /// A reply in a thread or forum post.
    Thread,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    pub role: Role,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    User,
    Assistant,
}
