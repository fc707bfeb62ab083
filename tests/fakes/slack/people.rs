//! What people do in the workspace.

use super::{
    FakeSlack,
    methods::reaction_event,
    state::{BOT_USER, Channel, Person, State, Stored, TEAM},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A message that a person sent, and the events that tell of it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub user: String,
    pub channel: String,
    pub ts: String,
    /// The root of the thread that a reply belongs to.
    pub thread: String,
    /// In the order in which they were sent.
    pub events: Vec<String>,
}

/// A mention in a channel makes two events; either may come first.
#[derive(Clone, Copy)]
pub enum Events {
    Both,
    MessageFirst,
    MentionOnly,
}

impl FakeSlack {
    /// `@lore text`, outside any thread.
    pub fn mention(&self, user: &str, channel: &str, text: &str) -> Asked {
        self.mention_as(Events::Both, user, channel, text)
    }

    pub fn mention_as(&self, events: Events, user: &str, channel: &str, text: &str) -> Asked {
        let text = format!("<@{BOT_USER}> {}", typed(text));
        self.change(|state| say(state, user, channel, None, &text, events))
    }

    /// `@lore text`, in the thread of an earlier message.
    pub fn mention_in(&self, asked: &Asked, user: &str, text: &str) -> Asked {
        let text = format!("<@{BOT_USER}> {}", typed(text));
        self.change(|state| {
            let thread = Some(asked.thread.as_str());
            say(state, user, &asked.channel, thread, &text, Events::Both)
        })
    }

    /// A message to nobody in particular.
    pub fn say(&self, user: &str, channel: &str, text: &str) -> Asked {
        let text = typed(text);
        self.change(|state| say(state, user, channel, None, &text, Events::Both))
    }

    /// A message in the thread of an earlier one, without a mention.
    pub fn reply(&self, user: &str, asked: &Asked, text: &str) -> Asked {
        let text = typed(text);
        self.change(|state| {
            let thread = Some(asked.thread.as_str());
            say(state, user, &asked.channel, thread, &text, Events::Both)
        })
    }

    /// A message in the person's direct conversation with the bot.
    pub fn dm(&self, user: &str, text: &str) -> Asked {
        let channel = user.replace('U', "D");
        let text = typed(text);
        self.change(|state| {
            state
                .channels
                .entry(channel.clone())
                .or_insert_with(|| Channel {
                    direct_with: Some(user.into()),
                    ..Channel::default()
                });
            say(state, user, &channel, None, &text, Events::Both)
        })
    }

    pub fn react(&self, user: &str, channel: &str, ts: &str, emoji: &str) -> Asked {
        self.change(|state| reaction(state, user, channel, ts, emoji, true))
    }

    pub fn unreact(&self, user: &str, channel: &str, ts: &str, emoji: &str) -> Asked {
        self.change(|state| reaction(state, user, channel, ts, emoji, false))
    }

    /// Presses a feedback button of a message of the bot.
    pub fn press(&self, user: &str, channel: &str, ts: &str, positive: bool) -> Asked {
        self.change(|state| press(state, user, channel, ts, positive))
    }

    /// Any event at all, as it would stand in `event`.
    pub fn event(&self, event: Value) -> Asked {
        self.change(|state| {
            let channel = event["channel"].as_str().unwrap_or_default().to_string();
            let ts = event["ts"].as_str().unwrap_or_default().to_string();
            Asked {
                user: event["user"].as_str().unwrap_or_default().into(),
                thread: ts.clone(),
                channel,
                ts,
                events: vec![state.emit(event)],
            }
        })
    }

    /// The text of a message is changed by its author.
    pub fn edit(&self, asked: &Asked, text: &str) -> Asked {
        let text = typed(text);
        self.change(|state| {
            let edited = state.next_ts();
            let event = json!({
                "type": "message", "subtype": "message_changed", "hidden": true,
                "channel": asked.channel, "ts": edited, "event_ts": edited, "channel_type": "channel",
                "message": { "type": "message", "user": asked.user, "text": text, "ts": asked.ts,
                             "edited": { "user": asked.user, "ts": edited } },
                "previous_message": { "type": "message", "user": asked.user, "ts": asked.ts },
            });
            let events = vec![state.emit(event)];
            Asked {
                events,
                ..asked.clone()
            }
        })
    }

    pub fn guest(&self, user: &str) {
        let guest = Person {
            restricted: true,
            ..Person::default()
        };
        self.change(|state| state.people.insert(user.into(), guest));
    }

    /// A person of another organisation, known through a shared channel.
    pub fn stranger(&self, user: &str) {
        let stranger = Person {
            team: Some("T2"),
            ..Person::default()
        };
        self.change(|state| state.people.insert(user.into(), stranger));
    }

    pub fn make_member(&self, user: &str) {
        self.change(|state| state.people.insert(user.into(), Person::default()));
    }

    /// Another organisation joins the channel. Slack tells the bot.
    pub fn share_channel(&self, channel: &str) -> Asked {
        self.share_silently(channel);
        let ts = self.change(State::next_ts);
        self.event(json!({
            "type": "channel_shared", "connected_team_id": "T2", "channel": channel, "event_ts": ts,
        }))
    }

    /// Another organisation joins the channel, and the event is lost.
    pub fn share_silently(&self, channel: &str) {
        self.change(|state| state.channels.entry(channel.into()).or_default().ext_shared = true);
    }

    pub fn archive(&self, channel: &str) {
        self.change(|state| state.channels.entry(channel.into()).or_default().archived = true);
    }

    pub fn remove_bot(&self, channel: &str) {
        self.change(|state| state.channels.entry(channel.into()).or_default().bot_is_out = true);
    }
}

/// What Slack makes of typed text.
pub fn typed(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn say(
    state: &mut State,
    user: &str,
    channel: &str,
    thread: Option<&str>,
    text: &str,
    events: Events,
) -> Asked {
    let ts = state.next_ts();
    let place = state.channels.entry(channel.into()).or_default();
    place.messages.push(Stored {
        ts: ts.clone(),
        thread_ts: thread.map(str::to_string),
        user: user.into(),
        text: text.into(),
        blocks: Value::Null,
        metadata: Value::Null,
        by_bot: false,
        versions: vec![text.into()],
        reactions: BTreeMap::new(),
        pings: Vec::new(),
        unfurls: false,
        files: Vec::new(),
    });
    let direct = place.direct_with.is_some();
    let hears = !place.bot_is_out;
    let mentioned = text.contains(&format!("<@{BOT_USER}>"));
    let mut message = json!({
        "type": "message", "client_msg_id": format!("client-{ts}"), "user": user, "text": text,
        "ts": ts, "team": TEAM, "channel": channel, "event_ts": ts,
        "blocks": [{ "type": "rich_text", "block_id": "b1", "elements": [] }],
        "channel_type": if direct { "im" } else { "channel" },
    });
    if let Some(thread) = thread {
        message["thread_ts"] = thread.into();
    }
    let mut mention = message.clone();
    mention["type"] = "app_mention".into();
    if let Some(fields) = mention.as_object_mut() {
        fields.remove("channel_type");
    }
    let told = match events {
        _ if !hears => vec![],
        _ if direct || !mentioned => vec![message],
        Events::Both => vec![mention, message],
        Events::MessageFirst => vec![message, mention],
        Events::MentionOnly => vec![mention],
    };
    Asked {
        user: user.into(),
        channel: channel.into(),
        thread: thread.unwrap_or(&ts).into(),
        ts,
        events: told.into_iter().map(|event| state.emit(event)).collect(),
    }
}

fn reaction(
    state: &mut State,
    user: &str,
    channel: &str,
    ts: &str,
    emoji: &str,
    add: bool,
) -> Asked {
    let message = state.message(channel, ts).expect("the message exists");
    let (author, thread) = (message.user.clone(), message.thread_ts.clone());
    let users = message.reactions.entry(emoji.into()).or_default();
    users.retain(|held| held != user);
    if add {
        users.push(user.into());
    }
    let event = reaction_event(state, user, channel, ts, emoji, &author, add);
    Asked {
        user: user.into(),
        channel: channel.into(),
        ts: ts.into(),
        thread: thread.unwrap_or_else(|| ts.into()),
        events: vec![state.emit(event)],
    }
}

fn press(state: &mut State, user: &str, channel: &str, ts: &str, positive: bool) -> Asked {
    let message = state
        .message(channel, ts)
        .expect("the message exists")
        .clone();
    let control = message
        .blocks
        .as_array()
        .into_iter()
        .flatten()
        .filter(|block| block["type"] == "context_actions")
        .flat_map(|block| block["elements"].as_array().into_iter().flatten())
        .find(|element| element["type"] == "feedback_buttons")
        .expect("the message has feedback buttons")
        .clone();
    let name = if positive {
        "positive_button"
    } else {
        "negative_button"
    };
    let button = &control[name];
    let team = state.people.get(user).and_then(|p| p.team).unwrap_or(TEAM);
    let thread = message.thread_ts.clone().unwrap_or_else(|| ts.into());
    let event = state.next_id("press-");
    let payload = json!({
        "type": "block_actions", "api_app_id": "A1", "token": "verification",
        "user": { "id": user, "username": user.to_lowercase(), "name": user.to_lowercase(), "team_id": team },
        "team": { "id": TEAM, "domain": "acme" }, "enterprise": null,
        "container": { "type": "message", "message_ts": ts, "channel_id": channel,
                       "is_ephemeral": false, "thread_ts": thread },
        "trigger_id": "1.2.abc", "channel": { "id": channel, "name": "general" },
        "message": { "type": "message", "user": BOT_USER, "ts": ts, "text": message.text, "thread_ts": thread },
        "state": { "values": {} }, "response_url": "https://hooks.slack.com/actions/T1/1/x",
        "actions": [{ "type": "feedback_buttons", "action_id": control["action_id"], "block_id": "b1",
                      "text": button["text"], "value": button["value"], "action_ts": state.next_ts() }],
    });
    state.queue(event.clone(), "interactive", payload);
    Asked {
        user: user.into(),
        channel: channel.into(),
        ts: ts.into(),
        thread,
        events: vec![event],
    }
}
