//! What people say about an answer, as state: the newest word of a person counts.

use super::{ChannelId, MessageId, PersonId, Platform, QuestionId};
use serde::{Deserialize, Serialize};

/// One act of a person upon an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feedback {
    pub target: FeedbackTarget,
    pub person: PersonId,
    pub signal: Signal,
    pub change: FeedbackChange,
    /// The platform's own time of the act, in microseconds since 1970. Acts
    /// arrive in any order; this orders them.
    pub at_us: i64,
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedbackTarget {
    /// Any message; it may turn out not to be ours, or not to be ours yet.
    Message {
        platform: Platform,
        channel: ChannelId,
        message: MessageId,
    },
    Answer(QuestionId),
}

/// What the person used to say it. One person may hold several; each is kept apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// The emoji as the platform names it, before [`normalize_emoji`].
    Reaction { emoji: String, burst: bool },
    /// A button or command that says the verdict itself.
    Button(Verdict),
}

impl Signal {
    pub fn verdict(&self) -> Verdict {
        match self {
            Signal::Reaction { emoji, .. } => normalize_emoji(emoji).1,
            Signal::Button(verdict) => *verdict,
        }
    }

    /// Identifies the signal among those of one person on one answer. The two
    /// buttons share a key: pressing one replaces the other.
    pub fn key(&self) -> String {
        match self {
            Signal::Reaction {
                emoji,
                burst: false,
            } => format!("reaction:{}", normalize_emoji(emoji).0),
            Signal::Reaction { emoji, burst: true } => {
                format!("burst:{}", normalize_emoji(emoji).0)
            }
            Signal::Button(_) => "button".into(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedbackChange {
    Added,
    Removed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Positive,
    Negative,
    /// An emoji that says neither. Kept, not counted.
    Other,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Positive => "positive",
            Verdict::Negative => "negative",
            Verdict::Other => "other",
        }
    }
}

/// The plain name of an emoji and what it says.
///
/// Slack sends names with aliases and skin tones (`thumbsup`, `+1::skin-tone-3`),
/// Discord sends characters with modifiers (`👍🏽`). Each becomes one name.
pub fn normalize_emoji(emoji: &str) -> (String, Verdict) {
    let name = emoji
        .trim_matches(':')
        .split("::")
        .next()
        .unwrap_or_default();
    let plain: String = name.chars().filter(|&c| !is_modifier(c)).collect();
    let (name, verdict) = match plain.as_str() {
        "+1" | "thumbsup" | "👍" => ("+1", Verdict::Positive),
        "white_check_mark" | "heavy_check_mark" | "✅" | "✔" => {
            ("white_check_mark", Verdict::Positive)
        }
        "heart" | "❤" => ("heart", Verdict::Positive),
        "tada" | "🎉" => ("tada", Verdict::Positive),
        "100" | "💯" => ("100", Verdict::Positive),
        "-1" | "thumbsdown" | "👎" => ("-1", Verdict::Negative),
        "x" | "❌" => ("x", Verdict::Negative),
        other => (other, Verdict::Other),
    };
    (name.to_string(), verdict)
}

/// Skin tones (U+1F3FB to U+1F3FF) and the variation selector that asks for a coloured form.
fn is_modifier(c: char) -> bool {
    matches!(c, '\u{1F3FB}'..='\u{1F3FF}' | '\u{FE0F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emoji_of_both_platforms_become_one_name() {
        let check = |emoji: &str, name: &str, verdict| {
            assert_eq!(
                normalize_emoji(emoji),
                (name.to_string(), verdict),
                "{emoji}"
            );
        };
        for thumb in [
            "+1",
            "thumbsup",
            ":+1:",
            "+1::skin-tone-3",
            "thumbsup::skin-tone-6",
            "👍",
            "👍🏽",
        ] {
            check(thumb, "+1", Verdict::Positive);
        }
        check("-1::skin-tone-2", "-1", Verdict::Negative);
        check("👎🏿", "-1", Verdict::Negative);
        check("❤️", "heart", Verdict::Positive);
        check("eyes", "eyes", Verdict::Other);
        check("", "", Verdict::Other);
    }
}
