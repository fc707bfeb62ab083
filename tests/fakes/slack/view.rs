//! What people see.

use super::{FakeSlack, state::Stored};
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub struct VisibleMessage {
    pub channel: String,
    pub ts: String,
    pub thread: Option<String>,
    pub user: String,
    pub by_bot: bool,
    /// The top-level text, as a screen reader speaks it.
    pub text: String,
    /// The blocks as they look, or the text where there are none.
    pub shown: String,
    pub blocks: Value,
    pub metadata: Value,
    /// The texts that stood here before, oldest first, and the present one.
    pub versions: Vec<String>,
    pub reactions: BTreeMap<String, Vec<String>>,
    /// Whom it notified.
    pub pings: Vec<String>,
    pub unfurls: bool,
}

impl FakeSlack {
    /// The root and its replies, oldest first.
    pub fn visible_thread(&self, channel: &str, root: &str) -> Vec<VisibleMessage> {
        self.seen_where(channel, |m| {
            m.ts == root || m.thread_ts.as_deref() == Some(root)
        })
    }

    /// Everything in a channel, oldest first.
    pub fn messages(&self, channel: &str) -> Vec<VisibleMessage> {
        self.seen_where(channel, |_| true)
    }

    /// Chosen before they are rendered, for a channel grows long.
    fn seen_where(&self, channel: &str, chosen: impl Fn(&Stored) -> bool) -> Vec<VisibleMessage> {
        let state = self.lock();
        let messages = state.channels.get(channel).map(|c| &c.messages);
        messages
            .into_iter()
            .flatten()
            .filter(|m| chosen(m))
            .map(|m| see(channel, m))
            .collect()
    }

    /// What a person alone sees in a channel, oldest first.
    pub fn ephemerals(&self, user: &str, channel: &str) -> Vec<VisibleMessage> {
        let state = self.lock();
        let here = state.ephemerals.iter();
        here.filter(|(place, ephemeral)| place == channel && ephemeral.user == user)
            .map(|(place, ephemeral)| see(place, &ephemeral.message))
            .collect()
    }

    /// Every message of the bot, oldest first.
    pub fn replies(&self) -> Vec<VisibleMessage> {
        let channels: Vec<String> = self.lock().channels.keys().cloned().collect();
        let mut replies: Vec<VisibleMessage> = channels
            .iter()
            .flat_map(|channel| self.messages(channel))
            .filter(|m| m.by_bot)
            .collect();
        replies.sort_by(|a, b| a.ts.cmp(&b.ts));
        replies
    }

    /// The newest message of the bot.
    pub fn last_reply(&self) -> VisibleMessage {
        match self.replies().pop() {
            Some(reply) => reply,
            None => panic!("the bot said nothing\n{}", self.wire()),
        }
    }

    /// The people who put this emoji on a message.
    pub fn reactions(&self, channel: &str, ts: &str, emoji: &str) -> Vec<String> {
        let messages = self.messages(channel);
        let message = messages.iter().find(|m| m.ts == ts);
        message
            .and_then(|m| m.reactions.get(emoji).cloned())
            .unwrap_or_default()
    }
}

fn see(channel: &str, stored: &Stored) -> VisibleMessage {
    VisibleMessage {
        channel: channel.into(),
        ts: stored.ts.clone(),
        thread: stored.thread_ts.clone(),
        user: stored.user.clone(),
        by_bot: stored.by_bot,
        text: plain(&stored.text),
        shown: shown(stored),
        blocks: stored.blocks.clone(),
        metadata: stored.metadata.clone(),
        versions: stored.versions.iter().map(|text| plain(text)).collect(),
        reactions: stored.reactions.clone(),
        pings: stored.pings.clone(),
        unfurls: stored.unfurls,
    }
}

fn shown(stored: &Stored) -> String {
    let blocks = stored.blocks.as_array().filter(|blocks| !blocks.is_empty());
    let Some(blocks) = blocks else {
        return plain(&stored.text);
    };
    let shown: Vec<String> = blocks.iter().map(block).collect();
    shown.join("\n\n")
}

fn block(block: &Value) -> String {
    let text = |value: &Value| plain(value["text"].as_str().unwrap_or_default());
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    match block["type"].as_str().unwrap_or_default() {
        "section" => text(&block["text"]),
        "context" => list(&block["elements"])
            .iter()
            .map(text)
            .collect::<Vec<_>>()
            .join(" "),
        "table" => {
            let row = |row: &Value| {
                let cells: Vec<String> = list(row)
                    .iter()
                    .map(|cell| cell["text"].as_str().unwrap_or_default().into())
                    .collect();
                cells.join(" | ")
            };
            list(&block["rows"])
                .iter()
                .map(row)
                .collect::<Vec<_>>()
                .join("\n")
        }
        "context_actions" => list(&block["elements"])
            .iter()
            .map(|element| {
                let label = |name: &str| text(&element[name]["text"]);
                format!(
                    "[{}] [{}]",
                    label("positive_button"),
                    label("negative_button")
                )
            })
            .collect::<Vec<_>>()
            .join(" "),
        other => format!("<{other}>"),
    }
}

/// Links show their label; the three entities show their sign.
fn plain(mrkdwn: &str) -> String {
    let mut plain = String::new();
    let mut rest = mrkdwn;
    while let Some((before, after)) = rest.split_once('<') {
        plain.push_str(before);
        let Some((entity, after)) = after.split_once('>') else {
            rest = after;
            break;
        };
        plain.push_str(entity.split_once('|').map_or(entity, |(_, label)| label));
        rest = after;
    }
    plain.push_str(rest);
    plain
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}
