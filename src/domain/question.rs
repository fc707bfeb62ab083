//! A question with everything that its answer depends on.

use super::{Access, ChannelId, MessageId, PersonId, Platform, QuestionId, TenantId, ThreadId};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::fmt;

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
    /// Where the platform takes the result of a command. Not written along
    /// with the rest: it is a secret, and the audit log keeps places.
    #[serde(skip)]
    pub callback: Option<Callback>,
}

impl Place {
    /// The place as it is where only the asker reads the reply.
    pub fn alone(&self) -> Self {
        Self {
            kind: PlaceKind::Direct,
            ..self.clone()
        }
    }
}

/// The platform's own way back to who typed a command, good for some minutes.
#[derive(Clone)]
pub struct Callback {
    /// In the platform's form: an address or a token. Whoever has it may post
    /// in our name.
    pub secret: SecretString,
    /// Who typed it: the way to them that is left once this one is closed.
    pub person: PersonId,
    /// Who will see the result, where the platform had to be told already.
    pub promised: Option<Showing>,
}

impl PartialEq for Callback {
    fn eq(&self, other: &Self) -> bool {
        self.person == other.person
            && self.promised == other.promised
            && self.secret.expose_secret() == other.secret.expose_secret()
    }
}

impl Eq for Callback {}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Callback({:?})", self.promised)
    }
}

/// Who sees the result of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Showing {
    AskerAlone,
    /// Everybody who reads the channel.
    Channel,
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
