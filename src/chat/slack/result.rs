//! The result of a command, on its way to who asked.
//!
//! Promise: what is for the asker alone goes to an ephemeral message or to
//! their direct conversation with us, and nowhere else. The address that came
//! with the command takes five messages within half an hour; what comes later
//! goes to the direct conversation, or to the channel where it is for everybody.
//!
//! Not promised: a single message where Slack's answer to an ephemeral one was
//! lost. There is no way to look it up, and twice is better than never.

use super::{
    client::{
        SlackChat, chat_error, is_payload_refusal, is_token_death, opaque, posted_with, read_error,
    },
    mrkdwn,
    render::render,
    web::CallError,
};
use crate::{
    domain::{Callback, MessageId, PersonId, Place, PlaceKind, reply},
    ports::{ChatError, Part, PartFile, PostKey},
};
use serde_json::{Value, json};
use tracing::warn;

/// Uses of a command's address, as Slack allows them.
const RESPONSES: usize = 5;

/// Begins the id of a message that only its reader and Slack can see.
const RESPONSE: &str = "response.";

pub fn is_response(message: &MessageId) -> bool {
    message.as_str().starts_with(RESPONSE)
}

impl SlackChat {
    pub(super) async fn send_result(
        &self,
        place: &Place,
        callback: &Callback,
        part: &Part,
        key: &PostKey,
    ) -> Result<MessageId, ChatError> {
        let notice;
        let mut part = part;
        if let Some(file) = &part.file {
            match self
                .send_result_file(place, callback, part, file, key)
                .await
            {
                Err(ChatError::Permanent { code, .. }) => {
                    notice = instead_of_file(part, &code);
                    part = &notice;
                }
                outcome => return outcome,
            }
        }
        if key.part < RESPONSES {
            match self.respond(callback, part).await {
                Ok(()) => return Ok(MessageId::new(format!("{RESPONSE}{}", opaque(key)))),
                // Used up, too old, or gone.
                Err(ChatError::Permanent { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let channel = self.channel_of_result(place, callback, part).await?;
        self.post_message(&channel, None, part, key).await
    }

    /// One message through the address that came with the command.
    pub(super) async fn respond(&self, callback: &Callback, part: &Part) -> Result<(), ChatError> {
        const CALL: &str = "respond to command";
        let mut body = json!({
            "response_type": if part.alone { "ephemeral" } else { "in_channel" },
            "replace_original": false,
            "text": part.payload["text"],
            "blocks": part.payload["blocks"],
            "unfurl_links": false,
            "unfurl_media": false,
        });
        let outside = &self.web.outside;
        let outcome = match outside.respond(&callback.secret, &body).await {
            Err(CallError::Refused(code)) if is_payload_refusal(&code) => {
                body["text"] = mrkdwn::escape(&part.plain).into();
                body["blocks"] = json!([]);
                outside.respond(&callback.secret, &body).await
            }
            outcome => outcome,
        };
        outcome.map_err(|error| match error {
            // The address is refused, which says nothing about our tokens.
            CallError::Refused(code) => ChatError::Permanent { call: CALL, code },
            error => chat_error(CALL, error),
        })
    }

    async fn channel_of_result(
        &self,
        place: &Place,
        callback: &Callback,
        part: &Part,
    ) -> Result<String, ChatError> {
        match part.alone || place.kind == PlaceKind::Direct {
            true => self.direct_channel(&callback.person).await,
            false => Ok(place.channel.to_string()),
        }
    }

    /// Our direct conversation with a person, opened where there is none.
    pub(super) async fn direct_channel(&self, person: &PersonId) -> Result<String, ChatError> {
        const METHOD: &str = "conversations.open";
        let user = person.as_str().trim_start_matches("slack:");
        let opened = self.web.write(METHOD, "", &json!({ "users": user })).await;
        let opened = opened.map_err(|error| read_error(METHOD, error))?;
        match opened["channel"]["id"].as_str() {
            Some(channel) => Ok(channel.to_string()),
            None => Err(ChatError::Permanent {
                call: METHOD,
                code: "no channel".into(),
            }),
        }
    }

    /// A file can't be ephemeral, so one for the asker alone goes to their
    /// direct conversation.
    async fn send_result_file(
        &self,
        place: &Place,
        callback: &Callback,
        part: &Part,
        file: &PartFile,
        key: &PostKey,
    ) -> Result<MessageId, ChatError> {
        let channel = self.channel_of_result(place, callback, part).await?;
        match self.send_file(&channel, None, file, key).await {
            // A command may be typed where we are no member.
            Err(ChatError::Permanent { code, .. })
                if !part.alone
                    && matches!(code.as_str(), "not_in_channel" | "channel_not_found") =>
            {
                let direct = self.direct_channel(&callback.person).await?;
                self.send_file(&direct, None, file, key).await
            }
            outcome => outcome,
        }
    }

    pub(super) async fn send_file(
        &self,
        channel: &str,
        thread: Option<&str>,
        file: &PartFile,
        key: &PostKey,
    ) -> Result<MessageId, ChatError> {
        const ASK: &str = "files.getUploadURLExternal";
        const PUT: &str = "upload file";
        const SHARE: &str = "files.completeUploadExternal";
        let (name, length) = (unique_name(file, key), file.text.len().to_string());
        let arguments = [("filename", name.as_str()), ("length", &length)];
        let room = self.web.read(ASK, &arguments).await;
        let room = room.map_err(|error| read_error(ASK, error))?;
        let (Some(address), Some(id)) = (room["upload_url"].as_str(), room["file_id"].as_str())
        else {
            return Err(ChatError::Permanent {
                call: ASK,
                code: "no address".into(),
            });
        };
        // Until it is shared, nobody sees it: repeating is harmless.
        let put = self.web.outside.upload(address, &file.text).await;
        put.map_err(|error| match error {
            CallError::Refused(code) => ChatError::Permanent { call: PUT, code },
            error => read_error(PUT, error),
        })?;
        let mut body = json!({
            "files": [{ "id": id, "title": file.title }],
            "channel_id": channel,
        });
        if let Some(thread) = thread {
            body["thread_ts"] = thread.into();
        }
        let shared = self.web.write(SHARE, channel, &body).await;
        shared.map_err(|error| chat_error(SHARE, error))?;
        Ok(MessageId::new(format!("file.{id}")))
    }

    /// What an earlier attempt left in the direct conversation or the channel.
    pub(super) async fn find_result(
        &self,
        place: &Place,
        callback: &Callback,
        key: &PostKey,
    ) -> Result<Option<MessageId>, ChatError> {
        let direct = self.direct_channel(&callback.person).await?;
        let elsewhere = (place.kind != PlaceKind::Direct).then(|| place.channel.to_string());
        for channel in [Some(direct), elsewhere].into_iter().flatten() {
            if let Some(found) = self.find_in_history(&channel, key).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    async fn find_in_history(
        &self,
        channel: &str,
        key: &PostKey,
    ) -> Result<Option<MessageId>, ChatError> {
        const METHOD: &str = "conversations.history";
        // The newest hundred: what we look for was sent a moment ago.
        let arguments = [
            ("channel", channel),
            ("include_all_metadata", "true"),
            ("limit", "100"),
        ];
        let page = match self.web.read(METHOD, &arguments).await {
            Ok(page) => page,
            // Where we may not read we have not written.
            Err(CallError::Refused(code)) if !is_token_death(&code) => return Ok(None),
            Err(error) => return Err(read_error(METHOD, error)),
        };
        let posted = posted_with(&page, &opaque(key)).map(MessageId::new);
        Ok(posted.or_else(|| shared_with(&page, key)))
    }
}

/// Words for a file that Slack does not take from us, so that the answer
/// around it stands all the same.
pub fn instead_of_file(part: &Part, code: &str) -> Part {
    warn!(
        slack.error = code,
        "Slack takes no file from us; the app needs the scope files:write"
    );
    let mut notice = render(&reply::command::file_not_shared()).remove(0);
    notice.alone = part.alone;
    notice
}

/// The file that an earlier attempt shared.
pub fn shared_with(page: &Value, key: &PostKey) -> Option<MessageId> {
    let messages = page["messages"].as_array()?.iter();
    let mut files = messages.flat_map(|message| message["files"].as_array().into_iter().flatten());
    let mark = mark_of(key);
    let ours = files.find(|file| {
        file["name"]
            .as_str()
            .is_some_and(|name| name.contains(&mark))
    })?;
    Some(MessageId::new(format!("file.{}", ours["id"].as_str()?)))
}

/// The file's name with a mark by which it is recognised.
fn unique_name(file: &PartFile, key: &PostKey) -> String {
    let (stem, ending) = file.name.rsplit_once('.').unwrap_or((&file.name, "csv"));
    format!("{stem}-{}.{ending}", mark_of(key))
}

/// The random end of the question's id, and the part.
fn mark_of(key: &PostKey) -> String {
    let id = key.question.to_string();
    let end = id.get(id.len().saturating_sub(12)..).unwrap_or(&id);
    format!("{end}-{}", key.part)
}
