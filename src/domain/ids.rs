//! Ids are types, so that a channel is never passed where a message is meant.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

text_id! {
    /// A workspace or guild: `T024BE7LD`, `81384788765712384`, `local`.
    TenantId,
    /// A channel or direct conversation, in the platform's own form.
    ChannelId,
    /// The thread that a reply goes to. Slack: `thread_ts`. Discord: the id of
    /// the thread channel, which is the id of the message that started it.
    ThreadId,
    /// One message, in the platform's own form.
    MessageId,
    /// A person with the platform in front: `slack:U024`, `discord:80351`, `local:mara`.
    PersonId,
    /// A document as it was ingested: a path relative to its source, or a ticket key.
    DocumentId,
}

/// One accepted question and everything that follows from it.
///
/// A version 7 UUID: ordered by time, so that logs and tables sort by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QuestionId(pub Uuid);

impl QuestionId {
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    pub fn parse(text: &str) -> Option<Self> {
        Uuid::parse_str(text).ok().map(Self)
    }
}

impl Default for QuestionId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for QuestionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_simple().fmt(f)
    }
}

/// Between the id of a document and that of what is attached to it.
const ATTACHED: &str = "/attachments/";

impl DocumentId {
    /// The id of what is attached to this document.
    pub fn with_attached(&self, id: &str) -> Self {
        Self::new(format!("{self}{ATTACHED}{id}"))
    }

    /// The document that this one is attached to.
    pub fn attached_to(&self) -> Option<Self> {
        let (parent, _) = self.as_str().split_once(ATTACHED)?;
        Some(Self::new(parent))
    }
}
