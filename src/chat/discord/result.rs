//! The result of a command, on its way to who asked.
//!
//! Promise: what is for the asker alone goes to a message that Discord shows
//! to them alone, or to their direct conversation with us, and nowhere else.
//! The interaction takes answers for a quarter of an hour; what comes later
//! goes the other way. The first part replaces "is thinking", which is
//! harmless to repeat.
//!
//! Not promised: a single copy of a second or later part whose response was
//! lost. Discord recognises none of them.

use super::{
    client::{Discord, Post, guarded, parse},
    failure::Failure,
    rest::Call,
};
use crate::{
    domain::{Callback, MessageId, PersonId, Place, PlaceKind, Showing},
    ports::{ChatError, Part, PostKey},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use serenity::all::{ApplicationId, ChannelId, MessageId as DiscordMessageId};

const SUPPRESS_EMBEDS: u64 = 1 << 2;
const EPHEMERAL: u64 = 1 << 6;

/// What a callback holds: whose interaction it is, its token, and the channel
/// or thread in which the command was typed.
pub struct Token {
    pub application: ApplicationId,
    pub token: SecretString,
    pub channel: ChannelId,
}

impl Token {
    pub fn write(application: ApplicationId, token: &str, channel: ChannelId) -> SecretString {
        format!("{application}/{channel}/{token}").into()
    }

    fn read(callback: &Callback) -> Result<Self, ChatError> {
        let broken = || ChatError::Permanent {
            call: "read callback",
            code: "not as it was written".into(),
        };
        let mut fields = callback.secret.expose_secret().splitn(3, '/');
        match (fields.next(), fields.next(), fields.next()) {
            (Some(application), Some(channel), Some(token)) => Ok(Self {
                application: parse(application)?.into(),
                channel: parse(channel)?.into(),
                token: token.to_string().into(),
            }),
            _ => Err(broken()),
        }
    }
}

impl Discord {
    pub(super) async fn send_result(
        &self,
        place: &Place,
        callback: &Callback,
        part: &Part,
        key: &PostKey,
    ) -> Result<MessageId, ChatError> {
        let token = Token::read(callback)?;
        if let Ok(interaction) = parse(place.message.as_str()) {
            self.deferrals.settled(interaction.get()).await;
        }
        if fits_promise(callback, part) {
            match self.answer_interaction(&token, part, key).await {
                Ok(message) => return Ok(message),
                Err(failure) if failure.is_end_of_interaction() => {}
                Err(failure) if key.part == 0 => return Err(failure.of_repeatable()),
                Err(failure) => return Err(failure.of_create()),
            }
        }
        let channel = self
            .channel_of_result(place, callback, &token, part)
            .await?;
        let post = Post {
            part,
            key,
            question: None,
        };
        self.create(channel, &post)
            .await
            .map_err(Failure::of_create)
    }

    async fn answer_interaction(
        &self,
        token: &Token,
        part: &Part,
        key: &PostKey,
    ) -> Result<MessageId, Failure> {
        let mut body = guarded(&part.payload);
        let call = match key.part {
            0 => Call::EditOriginal(token.application, token.token.clone()),
            _ => {
                let alone = if part.alone { EPHEMERAL } else { 0 };
                body["flags"] = (SUPPRESS_EMBEDS | alone).into();
                Call::FollowUp(token.application, token.token.clone())
            }
        };
        let sent = self.call_with(call, Some(body), part.file.as_ref()).await?;
        Ok(MessageId::new(sent["id"].as_str().unwrap_or_default()))
    }

    pub(super) async fn edit_result(
        &self,
        place: &Place,
        callback: &Callback,
        message: &MessageId,
        part: &Part,
    ) -> Result<(), ChatError> {
        let token = Token::read(callback)?;
        let id = DiscordMessageId::from(parse(message.as_str())?);
        let call = Call::EditFollowUp(token.application, token.token.clone(), id);
        let body = guarded(&part.payload);
        let file = part.file.as_ref();
        match self.call_with(call, Some(body.clone()), file).await {
            Ok(_) => return Ok(()),
            Err(failure) if failure.is_end_of_interaction() => {}
            Err(failure) => return Err(failure.of_repeatable()),
        }
        let channel = self
            .channel_of_result(place, callback, &token, part)
            .await?;
        let call = Call::EditMessage(channel, id);
        let edited = self.call_with(call, Some(body), file).await;
        edited.map(drop).map_err(Failure::of_repeatable)
    }

    async fn channel_of_result(
        &self,
        place: &Place,
        callback: &Callback,
        token: &Token,
        part: &Part,
    ) -> Result<ChannelId, ChatError> {
        match part.alone || place.kind == PlaceKind::Direct {
            true => self.direct_channel(&callback.person).await,
            false => Ok(token.channel),
        }
    }

    async fn direct_channel(&self, person: &PersonId) -> Result<ChannelId, ChatError> {
        let user = person.as_str().trim_start_matches("discord:");
        let body = json!({ "recipient_id": user });
        let opened = self.call(Call::OpenDirect, Some(body)).await;
        let opened = opened.map_err(Failure::of_repeatable)?;
        Ok(parse(opened["id"].as_str().unwrap_or_default())?.into())
    }
}

/// A message that everybody was promised never holds what is for one.
fn fits_promise(callback: &Callback, part: &Part) -> bool {
    !(part.alone && callback.promised == Some(Showing::Channel))
}
