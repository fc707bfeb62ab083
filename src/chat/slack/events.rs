//! Slack's frames, read into what they mean to us.
//!
//! Pure, and made from the raw JSON: the typed events of slack-morphism lack
//! `bot_id` on mentions, `is_restricted` on senders and the retry counter.
//! Nothing here fails: what can't be read is [`Incoming::Unknown`].

use super::{Identity, mrkdwn};
use crate::domain::{
    Actor, ActorKind, Addressed, Callback, ChannelId, Feedback, FeedbackChange, FeedbackTarget,
    Incoming, IncomingQuestion, Membership, MessageId, PersonId, Place, PlaceKind, Platform,
    QuestionId, Signal, ThreadId, Verdict,
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

/// One frame of a socket.
#[derive(Debug)]
pub enum Frame {
    Hello { connections: u32 },
    Disconnect { reason: String },
    Envelope(Envelope),
    Unreadable,
}

#[derive(Debug, Deserialize)]
pub struct Envelope {
    pub envelope_id: String,
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default)]
    pub payload: Value,
    /// 0 for the first delivery. A retry may be the first that reaches us.
    #[serde(default)]
    pub retry_attempt: u32,
    /// Whether the acknowledgement may say something to the person.
    #[serde(default)]
    pub accepts_response_payload: bool,
}

const SLASH_COMMANDS: &str = "slash_commands";

/// What an envelope asks of us.
#[derive(Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one is made for an event, and taken apart at once"
)]
pub enum Meaning {
    Incoming(Incoming),
    /// What we know about the readers of a channel, or about a person, is out of date.
    Changed(Changed),
    /// The workspace took our token away.
    Revoked,
}

#[derive(Debug, PartialEq)]
pub enum Changed {
    Channel(String),
    Person(String),
}

pub fn read_frame(text: &str) -> Frame {
    let Ok(frame) = serde_json::from_str::<Value>(text) else {
        return Frame::Unreadable;
    };
    match frame["type"].as_str() {
        Some("hello") => Frame::Hello {
            connections: frame["num_connections"]
                .as_u64()
                .and_then(|n| n.try_into().ok())
                .unwrap_or(1),
        },
        Some("disconnect") => Frame::Disconnect {
            reason: text_of(&frame["reason"]),
        },
        _ => serde_json::from_value(frame).map_or(Frame::Unreadable, Frame::Envelope),
    }
}

pub fn read(envelope: &Envelope, me: &Identity) -> Meaning {
    match envelope.kind.as_str() {
        "events_api" => read_event(&envelope.payload, me),
        "interactive" => Meaning::Incoming(read_interaction(&envelope.payload, me)),
        SLASH_COMMANDS => Meaning::Incoming(read_command(&envelope.payload, me)),
        other => unknown(other),
    }
}

fn read_event(payload: &Value, me: &Identity) -> Meaning {
    let event = &payload["event"];
    let kind = text_of(&event["type"]);
    match kind.as_str() {
        "app_mention" | "message" => match MessageEvent::deserialize(event) {
            Ok(message) => Meaning::Incoming(read_message(payload, message, me)),
            Err(_) => unknown(&kind),
        },
        "reaction_added" => read_reaction(event, FeedbackChange::Added, me),
        "reaction_removed" => read_reaction(event, FeedbackChange::Removed, me),
        "channel_shared" | "channel_unshared" => {
            Meaning::Changed(Changed::Channel(text_of(&event["channel"])))
        }
        "channel_id_changed" => {
            Meaning::Changed(Changed::Channel(text_of(&event["old_channel_id"])))
        }
        "user_change" => Meaning::Changed(Changed::Person(text_of(&event["user"]["id"]))),
        "tokens_revoked" if lists(&event["tokens"]["bot"], &me.user) => Meaning::Revoked,
        "app_uninstalled" => Meaning::Revoked,
        "tokens_revoked"
        | "app_home_opened"
        | "app_context_changed"
        | "member_joined_channel"
        | "member_left_channel"
        | "channel_archive"
        | "channel_unarchive"
        | "channel_rename"
        | "channel_deleted"
        | "subteam_updated"
        | "subteam_members_changed"
        | "team_join" => ignored("an event that changes nothing for us"),
        other => unknown(other),
    }
}

/// The fields of `message` and `app_mention` that we read.
#[derive(Deserialize)]
struct MessageEvent {
    #[serde(rename = "type")]
    kind: String,
    channel: String,
    ts: String,
    user: Option<String>,
    text: Option<String>,
    subtype: Option<String>,
    bot_id: Option<String>,
    channel_type: Option<String>,
    thread_ts: Option<String>,
    client_msg_id: Option<String>,
    hidden: Option<bool>,
    edited: Option<Value>,
    user_team: Option<String>,
    user_profile: Option<SenderProfile>,
}

#[derive(Deserialize)]
struct SenderProfile {
    is_restricted: Option<bool>,
    is_ultra_restricted: Option<bool>,
}

fn read_message(payload: &Value, message: MessageEvent, me: &Identity) -> Incoming {
    if let Some(reason) = not_a_question(&message, me) {
        return Incoming::Ignored(reason);
    }
    let delivery = text_of(&payload["event_id"]);
    let (Some(user), Some(at_us), false) =
        (&message.user, micros(&message.ts), delivery.is_empty())
    else {
        return Incoming::Unknown { kind: message.kind };
    };
    let text = mrkdwn::read(message.text.as_deref().unwrap_or_default(), &me.user);
    let kind = place_kind(&message);
    let addressed = match kind {
        PlaceKind::Direct => Addressed::Direct,
        _ if text.mentions_us || message.kind == "app_mention" => Addressed::Mention,
        PlaceKind::Thread => Addressed::Thread,
        PlaceKind::Channel => return Incoming::Ignored("a message to nobody in particular"),
    };
    Incoming::Question(IncomingQuestion {
        delivery,
        // Our own team, not the payload's: in a shared channel the two events
        // of one mention may name different teams.
        subject: format!("{}:{}:{}", me.team, message.channel, message.ts),
        asker: Actor {
            person: person(user),
            kind: ActorKind::Human,
            membership: membership(&message, me),
        },
        place: Place {
            platform: Platform::Slack,
            tenant: me.team.clone(),
            channel: ChannelId::new(&message.channel),
            thread: ThreadId::new(message.thread_ts.as_ref().unwrap_or(&message.ts)),
            message: MessageId::new(&message.ts),
            kind,
            callback: None,
        },
        text: text.text,
        addressed,
        asked_at: DateTime::from_timestamp_micros(at_us).unwrap_or_default(),
        alias: message.client_msg_id.filter(|id| !id.is_empty()),
    })
}

/// Why a message is nobody's question, if it is none.
fn not_a_question(message: &MessageEvent, me: &Identity) -> Option<&'static str> {
    if message.user.as_ref() == Some(&me.user)
        || (message.bot_id.is_some() && message.bot_id == me.bot)
    {
        return Some("our own message");
    }
    if message.bot_id.is_some() || message.user.as_deref() == Some("USLACKBOT") {
        return Some("a message of a bot");
    }
    match message.subtype.as_deref() {
        None | Some("file_share" | "thread_broadcast") => {}
        Some("message_changed") => return Some("an edit"),
        Some("message_deleted") => return Some("a deletion"),
        Some(_) => return Some("a message of the system"),
    }
    if message.hidden == Some(true) {
        return Some("a hidden message");
    }
    if message.edited.is_some() {
        return Some("an edit");
    }
    None
}

fn place_kind(message: &MessageEvent) -> PlaceKind {
    let direct = match message.channel_type.as_deref() {
        Some(kind) => kind == "im",
        None => message.channel.starts_with('D'),
    };
    match &message.thread_ts {
        _ if direct => PlaceKind::Direct,
        Some(thread) if *thread != message.ts => PlaceKind::Thread,
        _ => PlaceKind::Channel,
    }
}

fn membership(message: &MessageEvent, me: &Identity) -> Membership {
    let is_guest = message.user_profile.as_ref().is_some_and(|profile| {
        profile.is_restricted == Some(true) || profile.is_ultra_restricted == Some(true)
    });
    match &message.user_team {
        Some(team) if team != me.team.as_str() && Some(team) != me.enterprise.as_ref() => {
            Membership::External
        }
        _ if is_guest => Membership::Guest,
        _ => Membership::Unknown,
    }
}

#[derive(Deserialize)]
struct ReactionEvent {
    user: String,
    reaction: String,
    item: ReactionItem,
    item_user: Option<String>,
    event_ts: String,
}

#[derive(Deserialize)]
struct ReactionItem {
    #[serde(rename = "type")]
    kind: String,
    channel: Option<String>,
    ts: Option<String>,
}

fn read_reaction(event: &Value, change: FeedbackChange, me: &Identity) -> Meaning {
    let Ok(reaction) = ReactionEvent::deserialize(event) else {
        return unknown(&text_of(&event["type"]));
    };
    if reaction.user == me.user {
        return ignored("our own reaction");
    }
    if reaction.user == "USLACKBOT" {
        return ignored("a reaction of a bot");
    }
    // Missing on messages of webhooks; then the store decides whose it is.
    if reaction.item_user.is_some_and(|author| author != me.user) {
        return ignored("a reaction to another's message");
    }
    let item = reaction.item;
    let (true, Some(channel), Some(ts)) = (item.kind == "message", item.channel, item.ts) else {
        return ignored("a reaction to something that is no message");
    };
    let Some(at_us) = micros(&reaction.event_ts) else {
        return unknown("reaction without a time");
    };
    Meaning::Incoming(Incoming::Feedback(Feedback {
        target: FeedbackTarget::Message {
            platform: Platform::Slack,
            channel: ChannelId(channel),
            message: MessageId(ts),
        },
        person: person(&reaction.user),
        signal: Signal::Reaction {
            emoji: reaction.reaction,
            burst: false,
        },
        change,
        at_us,
        reason: None,
    }))
}

/// The fields of a slash command that we read.
#[derive(Deserialize)]
struct SlashCommand {
    user_id: String,
    channel_id: String,
    trigger_id: String,
    response_url: String,
    #[serde(default)]
    text: String,
    team_id: Option<String>,
    enterprise_id: Option<String>,
}

/// A command that was typed. Slack delivers it once and names no time.
fn read_command(payload: &Value, me: &Identity) -> Incoming {
    let Ok(command) = SlashCommand::deserialize(payload) else {
        return Incoming::Unknown {
            kind: "slash command of another shape".into(),
        };
    };
    let team = command.team_id.as_deref();
    let is_ours = team.is_none_or(|team| team == me.team.as_str())
        || (me.enterprise.is_some() && command.enterprise_id == me.enterprise);
    // A command stands in no thread; its own id keeps it apart from every other one.
    let own = &command.trigger_id;
    Incoming::Question(IncomingQuestion {
        delivery: format!("command:{own}"),
        subject: format!("command:{own}"),
        alias: None,
        asker: Actor {
            person: person(&command.user_id),
            kind: ActorKind::Human,
            membership: match is_ours {
                true => Membership::Unknown,
                false => Membership::External,
            },
        },
        place: Place {
            platform: Platform::Slack,
            tenant: me.team.clone(),
            channel: ChannelId::new(&command.channel_id),
            thread: ThreadId::new(own),
            message: MessageId::new(own),
            kind: match command.channel_id.starts_with('D') {
                true => PlaceKind::Direct,
                false => PlaceKind::Channel,
            },
            callback: Some(Callback {
                secret: command.response_url.into(),
                person: person(&command.user_id),
                promised: None,
            }),
        },
        text: command_text(&command.text),
        addressed: Addressed::Command,
        asked_at: Utc::now(),
    })
}

/// What was typed behind the command, Slack's escapes undone.
fn command_text(text: &str) -> String {
    const NOBODY: &str = "";
    mrkdwn::read(text, NOBODY).text
}

/// The line of a command, for its echo.
pub fn typed_command(envelope: &Envelope) -> Option<String> {
    (envelope.kind == SLASH_COMMANDS)
        .then(|| command_text(envelope.payload["text"].as_str().unwrap_or_default()))
}

fn read_interaction(payload: &Value, me: &Identity) -> Incoming {
    let kind = text_of(&payload["type"]);
    let action = &payload["actions"][0];
    if kind != "block_actions" || action["type"] != "feedback_buttons" {
        return Incoming::Unknown {
            kind: short(&format!("interactive {kind}")),
        };
    }
    let user = &payload["user"];
    match user["team_id"].as_str() {
        Some(team) if team != me.team.as_str() => {
            return Incoming::Ignored("a button pressed by another organisation");
        }
        _ => {}
    }
    let pressed = action["value"].as_str().and_then(read_button);
    let at_us = action["action_ts"].as_str().and_then(micros);
    let (Some(user), Some((verdict, question)), Some(at_us)) =
        (user["id"].as_str(), pressed, at_us)
    else {
        return Incoming::Unknown {
            kind: "feedback button of another shape".into(),
        };
    };
    Incoming::Feedback(Feedback {
        target: FeedbackTarget::Answer(question),
        person: person(user),
        signal: Signal::Button(verdict),
        change: FeedbackChange::Added,
        at_us,
        reason: None,
    })
}

/// The value of a feedback button: which one it is, and an opaque id. Values
/// are readable by every app of the workspace.
pub fn button_value(verdict: Verdict, question: QuestionId) -> String {
    format!("{}:{question}", verdict.as_str())
}

fn read_button(value: &str) -> Option<(Verdict, QuestionId)> {
    let (verdict, question) = value.split_once(':')?;
    let verdict = match verdict {
        "positive" => Verdict::Positive,
        "negative" => Verdict::Negative,
        _ => return None,
    };
    Some((verdict, QuestionId::parse(question)?))
}

/// `1700000000.000100` in microseconds since 1970.
pub fn micros(ts: &str) -> Option<i64> {
    let (seconds, fraction) = ts.split_once('.').unwrap_or((ts, ""));
    let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let seconds: i64 = seconds.parse().ok()?;
    seconds
        .checked_mul(1_000_000)?
        .checked_add(digits.parse::<u32>().ok()?.into())
}

fn person(user: &str) -> PersonId {
    PersonId(format!("slack:{user}"))
}

fn ignored(why: &'static str) -> Meaning {
    Meaning::Incoming(Incoming::Ignored(why))
}

fn unknown(kind: &str) -> Meaning {
    Meaning::Incoming(Incoming::Unknown { kind: short(kind) })
}

/// Kinds go to the log, so they are kept short, whatever was sent.
fn short(kind: &str) -> String {
    kind.chars().take(64).collect()
}

fn lists(list: &Value, entry: &str) -> bool {
    list.as_array()
        .is_some_and(|list| list.iter().any(|v| v == entry))
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
