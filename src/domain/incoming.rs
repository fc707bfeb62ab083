//! What a platform event means to us, and what intake says to it.

use super::{Actor, Feedback, Place, QuestionId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Platform {
    Slack,
    Discord,
    /// The terminal chat and the one-shot commands.
    Terminal,
}

impl Platform {
    pub fn as_str(self) -> &'static str {
        match self {
            Platform::Slack => "slack",
            Platform::Discord => "discord",
            Platform::Terminal => "terminal",
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An event after parsing. Parsing is pure: it never asks the platform anything.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    Question(IncomingQuestion),
    Feedback(Feedback),
    /// Understood and not for us: our own message, another bot's, an edit, a
    /// join, a reaction without a target. The text says which, for the log.
    Ignored(&'static str),
    /// An event of a kind that we do not know. Acknowledged, counted, logged.
    Unknown {
        kind: String,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IncomingQuestion {
    /// One delivery of one event: Slack's `event_id`, Discord's message id.
    /// A retry carries the same key.
    pub delivery: String,
    /// The gesture itself, however many events tell of it: channel and
    /// timestamp on Slack, the message id on Discord.
    pub subject: String,
    /// A second name of the same gesture: Slack's `client_msg_id`.
    pub alias: Option<String>,
    pub asker: Actor,
    pub place: Place,
    /// The text with the mention of the bot taken out.
    pub text: String,
    pub addressed: Addressed,
    pub asked_at: DateTime<Utc>,
}

/// Why we may think that the message is meant for the bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Addressed {
    /// It mentions the bot.
    Mention,
    /// It was written to the bot alone.
    Direct,
    /// It stands in a thread and mentions nobody: ours only if the bot was
    /// asked in that thread before.
    Thread,
    /// It was typed as a command.
    Command,
}

/// What intake did with a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// Its row is committed.
    Accepted(QuestionId),
    /// The same gesture was accepted before.
    Duplicate,
    /// It will not be answered; where a person should hear of it, a refusal is
    /// committed to the outbox.
    Refused(Refusal),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A thread message in a thread that the bot has no part in.
    NotAddressed,
    /// Nothing is left of the text once the mention is taken out.
    Empty,
    /// The author is a bot.
    Machine,
    /// The person asked more than their quota allows.
    OverQuota,
}
