//! What the worker asks of Discord: say that we work, post, edit, look up.
//!
//! Every create and edit switches mentions off and previews away, because
//! Discord falls back to its own defaults on each of them anew.
//!
//! A post carries its key as a nonce, by which Discord recognises it for some
//! minutes. After that [`Chat::find`] recognises it by its place among our
//! replies to the same question. Not promised: one single post where Discord
//! forgot the nonce and a moderator deleted an earlier part of the answer.

use super::{
    failure::{Failure, code},
    interactions::Deferrals,
    markdown::length,
    pacer::Pacer,
    page::CONTENT_LIMIT,
    places::Places,
    render,
    rest::{Call, Rest, RestError},
    thread_name::thread_name,
    typing::Typing,
};
use crate::{
    domain::{
        Actor, Message, MessageId, Place, PlaceKind, Platform, Readers, plain::plain_text, reply,
    },
    ports::{Chat, ChatError, Part, PartFile, PostKey},
};
use async_trait::async_trait;
use serde_json::{Value, json};
use serenity::all::{ChannelId, GuildId, MessageId as DiscordMessageId, UserId};
use std::{num::NonZeroU64, sync::Arc};

const SUPPRESS_EMBEDS: u64 = 1 << 2;
/// Types of messages that somebody wrote.
const REGULAR: u64 = 0;
const REPLY: u64 = 19;

pub struct Discord {
    rest: Arc<Rest>,
    places: Arc<Places>,
    bot: UserId,
    pacer: Pacer,
    typing: Typing,
    pub(super) deferrals: Arc<Deferrals>,
}

impl Discord {
    pub fn new(
        rest: Arc<Rest>,
        places: Arc<Places>,
        bot: UserId,
        deferrals: Arc<Deferrals>,
    ) -> Self {
        let typing = Typing::new(rest.clone());
        Self {
            rest,
            places,
            bot,
            pacer: Pacer::default(),
            typing,
            deferrals,
        }
    }
}

#[async_trait]
impl Chat for Discord {
    fn platform(&self) -> Platform {
        Platform::Discord
    }

    /// In a guild we serve, the guild's members are the people of the company.
    /// A direct conversation names no guild, so its person is looked up there.
    async fn readers(&self, place: &Place, asker: &Actor) -> Readers {
        if place.kind != PlaceKind::Direct {
            return match parse(place.tenant.as_str()).map(GuildId::from) {
                Ok(guild) if self.places.serves(guild) => Readers::Internal,
                Ok(_) => Readers::External,
                Err(_) => Readers::Unknown,
            };
        }
        let person = asker.person.as_str().trim_start_matches("discord:");
        match parse(person).map(UserId::from) {
            Ok(user) => self.readers_of_direct(user).await,
            Err(_) => Readers::Unknown,
        }
    }

    async fn working(&self, place: &Place) -> Result<(), ChatError> {
        let target = Target::of(place)?;
        self.typing
            .start(target.question.get(), target.channel, target.thread)
            .await
    }

    async fn finished(&self, place: &Place) -> Result<(), ChatError> {
        self.typing.stop(Target::of(place)?.question.get());
        Ok(())
    }

    fn render(&self, message: &Message) -> Vec<Part> {
        render::render(message)
    }

    async fn post(
        &self,
        place: &Place,
        part: &Part,
        key: &PostKey,
    ) -> Result<MessageId, ChatError> {
        if let Some(callback) = &place.callback {
            return self.send_result(place, callback, part, key).await;
        }
        let target = Target::of(place)?;
        let reply = Post {
            part,
            key,
            question: Some(target.question),
        };
        if place.kind != PlaceKind::Channel {
            return self
                .create(target.thread, &reply)
                .await
                .map_err(Failure::of_create);
        }
        if key.part == 0 && !self.open_thread(&target).await? {
            return self
                .create(target.channel, &reply)
                .await
                .map_err(Failure::of_create);
        }
        let in_thread = Post {
            question: None,
            ..reply
        };
        match self.create(target.thread, &in_thread).await {
            // No thread, or none that we may write in: then next to the question.
            Err(failure) if failure.is_closed_thread() => self
                .create(target.channel, &reply)
                .await
                .map_err(Failure::of_create),
            outcome => outcome.map_err(Failure::of_create),
        }
    }

    async fn find(&self, place: &Place, key: &PostKey) -> Result<Option<MessageId>, ChatError> {
        // The first part is harmless to send again, and what goes to a channel has its nonce.
        if place.callback.is_some() {
            return Ok(None);
        }
        let target = Target::of(place)?;
        let mut found = self.own_replies(target.thread, &target, place.kind).await?;
        if found.is_empty() && place.kind == PlaceKind::Channel {
            found = self
                .own_replies(target.channel, &target, PlaceKind::Thread)
                .await?;
        }
        Ok(found.into_iter().nth(key.part).map(MessageId::new))
    }

    async fn edit(&self, place: &Place, message: &MessageId, part: &Part) -> Result<(), ChatError> {
        if let Some(callback) = &place.callback {
            return self.edit_result(place, callback, message, part).await;
        }
        let target = Target::of(place)?;
        let id = parse(message.as_str())?;
        let write = async || match self.replace(target.thread, id, part).await {
            Err(failure) if place.kind == PlaceKind::Channel && failure.is_elsewhere() => {
                self.replace(target.channel, id, part).await
            }
            outcome => outcome,
        };
        self.pacer
            .edit(id.get(), write)
            .await
            .map_err(Failure::of_repeatable)
    }
}

impl Discord {
    async fn readers_of_direct(&self, user: UserId) -> Readers {
        for guild in self.places.served() {
            match self.call(Call::Member(guild, user), None).await {
                Ok(_) => return Readers::AskerOnly,
                Err(failure) if failure.is_no_member() => {}
                Err(_) => return Readers::Unknown,
            }
        }
        Readers::External
    }

    /// False where threads can't be made here. A thread that exists is ours too.
    async fn open_thread(&self, target: &Target) -> Result<bool, ChatError> {
        let question = match self
            .call(Call::Message(target.channel, target.question), None)
            .await
        {
            Ok(question) => question,
            // The name may stay plain where the history may not be read.
            Err(failure) if failure.has([code::NO_ACCESS, code::NO_PERMISSION]) => Value::Null,
            Err(failure) => return Err(failure.of_repeatable()),
        };
        let name = thread_name(question["content"].as_str().unwrap_or_default());
        let body = json!({ "name": name, "auto_archive_duration": 1440 });
        match self
            .call(
                Call::CreateThread(target.channel, target.question),
                Some(body),
            )
            .await
        {
            Ok(_) => Ok(true),
            Err(failure) if failure.has([code::THREAD_EXISTS]) => Ok(true),
            Err(failure) if failure.is_no_place_for_threads() => Ok(false),
            Err(failure) => Err(failure.of_repeatable()),
        }
    }

    pub(super) async fn create(
        &self,
        channel: ChannelId,
        post: &Post<'_>,
    ) -> Result<MessageId, Failure> {
        let mut body = guarded(&post.part.payload);
        body["nonce"] = nonce(post.key).into();
        body["enforce_nonce"] = true.into();
        if let Some(question) = post.question {
            body["message_reference"] = json!({
                "message_id": question.to_string(),
                "fail_if_not_exists": false,
            });
        }
        let call = Call::CreateMessage(channel);
        let file = post.part.file.as_ref();
        let created = self.call_with(call, Some(body), file).await?;
        Ok(MessageId::new(created["id"].as_str().unwrap_or_default()))
    }

    async fn replace(
        &self,
        channel: ChannelId,
        message: NonZeroU64,
        part: &Part,
    ) -> Result<(), Failure> {
        let call = Call::EditMessage(channel, DiscordMessageId::from(message));
        let body = guarded(&part.payload);
        self.call_with(call, Some(body), part.file.as_ref())
            .await
            .map(|_| ())
    }

    /// Our messages that answer this question, oldest first. In a thread made
    /// from the question they are those that reply to no other one.
    async fn own_replies(
        &self,
        channel: ChannelId,
        target: &Target,
        kind: PlaceKind,
    ) -> Result<Vec<String>, ChatError> {
        let messages = match self
            .call(Call::Messages(channel, target.question), None)
            .await
        {
            Ok(Value::Array(messages)) => messages,
            Ok(_) => Vec::new(),
            Err(failure) if failure.has([code::UNKNOWN_CHANNEL]) => Vec::new(),
            Err(failure) => return Err(failure.of_repeatable()),
        };
        let (bot, question) = (self.bot.to_string(), target.question.to_string());
        let is_ours = |message: &&Value| {
            let replies_to = message["message_reference"]["message_id"].as_str();
            message["author"]["id"] == bot.as_str()
                // The note that opens a thread names its question too.
                && matches!(message["type"].as_u64(), Some(REGULAR | REPLY))
                && (replies_to == Some(question.as_str())
                    || (kind == PlaceKind::Channel && replies_to.is_none()))
        };
        let id = |message: &Value| message["id"].as_str().map(str::to_string);
        let mut ids: Vec<String> = messages.iter().filter(is_ours).filter_map(id).collect();
        // Discord gives the newest first. Ids grow with time, and in length.
        ids.sort_by_key(|id| id.parse::<u64>().unwrap_or(u64::MAX));
        Ok(ids)
    }

    pub(super) async fn call(&self, call: Call, body: Option<Value>) -> Result<Value, Failure> {
        self.call_with(call, body, None).await
    }

    pub(super) async fn call_with(
        &self,
        call: Call,
        body: Option<Value>,
        file: Option<&PartFile>,
    ) -> Result<Value, Failure> {
        let mut outcome = self.rest.send_with(&call, body.clone(), file).await;
        // Without the right to attach, the answer stands all the same.
        if let (Some(_), Err(RestError::Refused { code, .. })) = (file, &outcome)
            && [code::NO_PERMISSION, code::TOO_LARGE].contains(code)
        {
            let body = body.map(without_file);
            outcome = self.rest.send_with(&call, body, None).await;
        }
        outcome.map_err(|error| Failure {
            call: call.name(),
            error,
        })
    }
}

/// A place in Discord's own ids.
struct Target {
    channel: ChannelId,
    thread: ChannelId,
    question: DiscordMessageId,
}

impl Target {
    fn of(place: &Place) -> Result<Self, ChatError> {
        Ok(Self {
            channel: parse(place.channel.as_str())?.into(),
            thread: parse(place.thread.as_str())?.into(),
            question: parse(place.message.as_str())?.into(),
        })
    }
}

pub(super) struct Post<'a> {
    pub part: &'a Part,
    pub key: &'a PostKey,
    /// The message that it replies to.
    pub question: Option<DiscordMessageId>,
}

/// Words for a file that Discord does not take, as far as there is room for them.
fn without_file(mut body: Value) -> Value {
    let content = body["content"].as_str().unwrap_or_default();
    let notice = plain_text(&reply::command::file_not_shared());
    let told = format!("{content}\n\n{notice}");
    if length(&told) <= CONTENT_LIMIT {
        body["content"] = told.into();
    }
    body
}

/// The payload with everything that must stand on every create and edit.
pub(super) fn guarded(payload: &Value) -> Value {
    let mut body = payload.clone();
    body["allowed_mentions"] = json!({ "parse": [] });
    body["flags"] = SUPPRESS_EMBEDS.into();
    body
}

/// The key in base 62, because a nonce has at most 25 characters: 22 for the
/// question's 128 bits, and the rest for the part.
fn nonce(key: &PostKey) -> String {
    format!(
        "{:0>22}{}",
        base62(key.question.0.as_u128()),
        base62(key.part as u128)
    )
}

fn base62(mut number: u128) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut digits = Vec::new();
    loop {
        digits.push(char::from(DIGITS[(number % 62) as usize]));
        number /= 62;
        if number == 0 {
            return digits.iter().rev().collect();
        }
    }
}

pub(super) fn parse(id: &str) -> Result<NonZeroU64, ChatError> {
    id.parse().map_err(|_| ChatError::Permanent {
        call: "read id",
        code: "not a Discord id".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::QuestionId;
    use std::collections::HashSet;
    use uuid::Uuid;

    #[test]
    fn a_nonce_fits_and_differs_for_every_part() {
        let questions = [
            Uuid::nil(),
            Uuid::max(),
            Uuid::from_u128(62),
            Uuid::now_v7(),
        ];
        let keys = questions.into_iter().flat_map(|question| {
            (0..200).map(move |part| PostKey {
                question: QuestionId(question),
                part,
            })
        });
        let nonces: Vec<String> = keys.map(|key| nonce(&key)).collect();
        assert!(nonces.iter().all(|nonce| nonce.len() <= 25));
        assert_eq!(nonces.iter().collect::<HashSet<_>>().len(), 800);
    }
}
