//! The worker's side of Slack: sign of work, post, find, edit.

use super::{
    mrkdwn,
    pace::Turn,
    readers::ReaderCache,
    render::{render, render_alone},
    result::{instead_of_file, is_response, shared_with},
    web::{CallError, WebApi},
};
use crate::{
    domain::{Actor, Message, MessageId, Place, Platform, Readers},
    ports::{Chat, ChatError, Part, PostKey},
};
use async_trait::async_trait;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tracing::warn;

/// The reaction on a question that is being worked on.
const AT_WORK: &str = "eyes";

/// Marks our posts in message metadata, which every app of the workspace reads.
const POST_EVENT: &str = "lorekeeper_post";

/// Pages of a thread that [`Chat::find`] reads, of 200 messages each. Our post
/// follows the question closely, so more would be another conversation.
const FIND_PAGES: usize = 5;

const EDIT_ATTEMPTS: usize = 3;

pub struct SlackChat {
    pub(super) web: Arc<WebApi>,
    readers: Arc<ReaderCache>,
}

impl SlackChat {
    pub fn new(web: Arc<WebApi>, readers: Arc<ReaderCache>) -> Self {
        Self { web, readers }
    }

    async fn react(
        &self,
        method: &'static str,
        place: &Place,
        done_before: &str,
    ) -> Result<(), ChatError> {
        let body = json!({
            "channel": place.channel,
            "timestamp": place.message,
            "name": AT_WORK,
        });
        match self.web.write(method, "", &body).await {
            Ok(_) => Ok(()),
            Err(CallError::Refused(code)) if code == done_before => Ok(()),
            Err(error) => Err(chat_error(method, error)),
        }
    }

    /// Writes `body`, and once more as plain text where Slack refuses the blocks.
    async fn write_part(
        &self,
        method: &'static str,
        channel: &str,
        part: &Part,
        mut body: Value,
    ) -> Result<Value, CallError> {
        body["text"] = part.payload["text"].clone();
        body["blocks"] = part.payload["blocks"].clone();
        match self.web.write(method, channel, &body).await {
            Err(CallError::Refused(code)) if is_payload_refusal(&code) => {
                warn!(
                    slack.method = method,
                    slack.error = code,
                    "Slack refused a message's blocks, sending it as plain text"
                );
                body["text"] = mrkdwn::escape(&part.plain).into();
                body["blocks"] = json!([]);
                self.web.write(method, channel, &body).await
            }
            outcome => outcome,
        }
    }
}

#[async_trait]
impl Chat for SlackChat {
    fn platform(&self) -> Platform {
        Platform::Slack
    }

    async fn readers(&self, place: &Place, asker: &Actor) -> Readers {
        self.readers.readers(place, asker).await
    }

    async fn working(&self, place: &Place) -> Result<(), ChatError> {
        self.react("reactions.add", place, "already_reacted").await
    }

    async fn finished(&self, place: &Place) -> Result<(), ChatError> {
        self.react("reactions.remove", place, "no_reaction").await
    }

    fn render(&self, message: &Message) -> Vec<Part> {
        render(message)
    }

    fn render_alone(&self, message: &Message) -> Vec<Part> {
        render_alone(message)
    }

    async fn post(
        &self,
        place: &Place,
        part: &Part,
        key: &PostKey,
    ) -> Result<MessageId, ChatError> {
        let (channel, thread) = (place.channel.as_str(), Some(place.thread.as_str()));
        match (&place.callback, &part.file) {
            (Some(callback), _) => self.send_result(place, callback, part, key).await,
            (None, Some(file)) => match self.send_file(channel, thread, file, key).await {
                Err(ChatError::Permanent { code, .. }) => {
                    let notice = instead_of_file(part, &code);
                    self.post_message(channel, thread, &notice, key).await
                }
                outcome => outcome,
            },
            (None, None) => self.post_message(channel, thread, part, key).await,
        }
    }

    async fn find(&self, place: &Place, key: &PostKey) -> Result<Option<MessageId>, ChatError> {
        const METHOD: &str = "conversations.replies";
        if let Some(callback) = &place.callback {
            return self.find_result(place, callback, key).await;
        }
        let mark = opaque(key);
        let mut cursor = String::new();
        for _ in 0..FIND_PAGES {
            let arguments = [
                ("channel", place.channel.as_str()),
                ("ts", place.thread.as_str()),
                // A reply is younger than the message that it answers.
                ("oldest", place.message.as_str()),
                ("include_all_metadata", "true"),
                ("limit", "200"),
                ("cursor", &cursor),
            ];
            let page = match self.web.read(METHOD, &arguments).await {
                Ok(page) => page,
                Err(error) => return Err(read_error(METHOD, error)),
            };
            let posted = posted_with(&page, &mark).map(MessageId::new);
            if let Some(found) = posted.or_else(|| shared_with(&page, key)) {
                return Ok(Some(found));
            }
            match page["response_metadata"]["next_cursor"].as_str() {
                Some(next) if !next.is_empty() => cursor = next.to_string(),
                _ => break,
            }
        }
        Ok(None)
    }

    async fn edit(&self, place: &Place, message: &MessageId, part: &Part) -> Result<(), ChatError> {
        let channel = place.channel.as_str();
        match &place.callback {
            Some(callback) if is_response(message) => self.respond(callback, part).await,
            Some(callback) if part.alone => {
                let direct = self.direct_channel(&callback.person).await?;
                self.update_message(&direct, message, part).await
            }
            _ => self.update_message(channel, message, part).await,
        }
    }
}

impl SlackChat {
    pub(super) async fn post_message(
        &self,
        channel: &str,
        thread: Option<&str>,
        part: &Part,
        key: &PostKey,
    ) -> Result<MessageId, ChatError> {
        const METHOD: &str = "chat.postMessage";
        let mut body = json!({
            "channel": channel,
            "parse": "none",
            "unfurl_links": false,
            "unfurl_media": false,
            "metadata": { "event_type": POST_EVENT, "event_payload": { "key": opaque(key) } },
        });
        if let Some(thread) = thread {
            body["thread_ts"] = thread.into();
        }
        let answer = self
            .write_part(METHOD, channel, part, body)
            .await
            .map_err(|e| chat_error(METHOD, e))?;
        match answer["ts"].as_str() {
            Some(ts) => Ok(MessageId::new(ts)),
            None => Err(ChatError::InDoubt {
                call: METHOD,
                source: "answer names no message".into(),
            }),
        }
    }

    async fn update_message(
        &self,
        channel: &str,
        message: &MessageId,
        part: &Part,
    ) -> Result<(), ChatError> {
        const METHOD: &str = "chat.update";
        // A file is shown as it is; there are no words of ours to replace.
        if part.file.is_some() {
            return Ok(());
        }
        let slot = format!("{channel}:{message}");
        let Turn::Write(_turn) = self.web.pace.edit_turn(&slot).await else {
            return Ok(());
        };
        let body = json!({ "channel": channel, "ts": message, "parse": "none" });
        let mut attempt = 1;
        loop {
            match self.write_part(METHOD, channel, part, body.clone()).await {
                Ok(_) => return Ok(()),
                // The same edit twice shows the same message, so a lost answer is no doubt.
                Err(CallError::Lost(_) | CallError::NotSent(_)) if attempt < EDIT_ATTEMPTS => {
                    attempt += 1;
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                Err(error) => return Err(chat_error(METHOD, error)),
            }
        }
    }
}

/// Names a post to us, and tells nobody else anything.
pub(super) fn opaque(key: &PostKey) -> String {
    format!("{}.{}", key.question, key.part)
}

pub(super) fn posted_with<'a>(page: &'a Value, key: &str) -> Option<&'a str> {
    page["messages"].as_array()?.iter().find_map(|message| {
        let metadata = &message["metadata"];
        let ours = metadata["event_type"] == POST_EVENT && metadata["event_payload"]["key"] == key;
        ours.then(|| message["ts"].as_str())?
    })
}

/// Codes with which Slack refuses what a message is made of: nothing was posted.
pub(super) fn is_payload_refusal(code: &str) -> bool {
    matches!(
        code,
        "invalid_blocks"
            | "invalid_blocks_format"
            | "invalid_block_type"
            | "msg_blocks_too_long"
            | "msg_too_long"
            | "markdown_text_too_long"
            | "block_mismatch"
            | "invalid_attachments"
            | "no_text"
    )
}

pub(super) fn chat_error(call: &'static str, error: CallError) -> ChatError {
    match error {
        CallError::RateLimited(retry_after) => ChatError::RateLimited { retry_after },
        CallError::Refused(code) if is_token_death(&code) => ChatError::Unauthorized { code },
        CallError::Refused(code) => ChatError::Permanent { call, code },
        CallError::NotSent(source) => ChatError::Unavailable(source),
        CallError::Lost(source) => ChatError::InDoubt { call, source },
    }
}

/// A read has no effect that could be in doubt.
pub(super) fn read_error(call: &'static str, error: CallError) -> ChatError {
    match error {
        CallError::Lost(source) => ChatError::Unavailable(source),
        other => chat_error(call, other),
    }
}

/// The token is dead, whatever is called with it.
pub fn is_token_death(code: &str) -> bool {
    matches!(
        code,
        "not_authed"
            | "invalid_auth"
            | "account_inactive"
            | "token_revoked"
            | "token_expired"
            | "user_removed_from_team"
            | "team_disabled"
            | "http_401"
    )
}
