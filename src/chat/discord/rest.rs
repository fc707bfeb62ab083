//! Discord's HTTP API: one call, its limits, its refusals.
//!
//! Paths and requests are serenity's. Sending them is ours, because serenity's
//! own client hides the response's headers, waits without bound inside a call,
//! and leaves its rate limiter out when a test points it elsewhere: tests and
//! production must take the same path.
//!
//! Promise: a bucket that is known to be empty is not asked; a 429 pauses its
//! bucket alone, or everything where Discord says so; after a 401 nothing is
//! sent any more, because invalid requests lead to a ban. No error text holds
//! an address, because addresses hold tokens.

use super::limits::{Bucket, Limits};
use crate::ports::{BoxError, PartFile};
use reqwest::{Response, StatusCode, header::HeaderMap};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use serenity::{
    all::{ApplicationId, ChannelId, CreateAttachment, GuildId, InteractionId, MessageId, UserId},
    http::{LightMethod, Multipart, MultipartUpload, Request, Route},
};
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio::time::sleep;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// A shorter pause is waited for here, a longer one is the caller's to plan.
const PATIENCE: Duration = Duration::from_secs(2);
const ATTEMPTS: usize = 3;

pub struct Rest {
    http: reqwest::Client,
    token: SecretString,
    /// Another address of the API, for tests.
    base: Option<String>,
    limits: Limits,
    rejected: AtomicBool,
}

#[derive(Clone, Debug)]
pub enum Call {
    Gateway,
    Me,
    MyGuilds,
    Member(GuildId, UserId),
    Channel(ChannelId),
    Message(ChannelId, MessageId),
    /// At most a hundred messages after this one.
    Messages(ChannelId, MessageId),
    CreateMessage(ChannelId),
    EditMessage(ChannelId, MessageId),
    CreateThread(ChannelId, MessageId),
    Typing(ChannelId),
    Acknowledge(InteractionId, SecretString),
    /// The first answer to an interaction, which is "thinking" until then.
    EditOriginal(ApplicationId, SecretString),
    FollowUp(ApplicationId, SecretString),
    EditFollowUp(ApplicationId, SecretString, MessageId),
    OpenDirect,
    Application,
    /// Of a guild, or those for everywhere.
    Commands(ApplicationId, Option<GuildId>),
    SetCommands(ApplicationId, Option<GuildId>),
}

#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// Nothing was done.
    #[error("rate limited for {retry_after:?}")]
    RateLimited { retry_after: Duration },
    /// Discord answered, and it won't.
    #[error("status {status}, code {code}")]
    Refused { status: u16, code: i64 },
    #[error("token is rejected")]
    Unauthorized,
    /// It was sent, and whether it was done is not known.
    #[error("response was lost")]
    Lost(#[source] BoxError),
    /// It was not sent.
    #[error("can't be reached")]
    Unreachable(#[source] BoxError),
}

impl Rest {
    pub fn new(token: SecretString, base: Option<String>) -> Result<Self, BoxError> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .build()?;
        Ok(Self {
            http,
            token,
            base,
            limits: Limits::default(),
            rejected: AtomicBool::new(false),
        })
    }

    /// The response's body, or `null` where there is none.
    pub async fn send(&self, call: &Call, body: Option<Value>) -> Result<Value, RestError> {
        self.send_with(call, body, None).await
    }

    /// The same with a file, which takes the place of every one that the message has.
    pub async fn send_with(
        &self,
        call: &Call,
        body: Option<Value>,
        file: Option<&PartFile>,
    ) -> Result<Value, RestError> {
        let mut attempt = 1;
        loop {
            self.wait_for(&call.bucket()).await?;
            match self.send_once(call, body.as_ref(), file).await {
                Err(RestError::RateLimited { retry_after })
                    if retry_after <= PATIENCE && attempt < ATTEMPTS =>
                {
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn wait_for(&self, bucket: &Bucket) -> Result<(), RestError> {
        while let Some(pause) = self.limits.pause(bucket) {
            if pause > PATIENCE {
                return Err(RestError::RateLimited { retry_after: pause });
            }
            sleep(pause + jitter()).await;
        }
        Ok(())
    }

    async fn send_once(
        &self,
        call: &Call,
        body: Option<&Value>,
        file: Option<&PartFile>,
    ) -> Result<Value, RestError> {
        if self.rejected.load(Ordering::Relaxed) {
            return Err(RestError::Unauthorized);
        }
        let request = self
            .request(call, body, file)
            .map_err(RestError::Unreachable)?;
        let response = self.http.execute(request).await.map_err(|error| {
            let connecting = error.is_connect() || error.is_builder();
            let source = error.without_url().into();
            if connecting {
                RestError::Unreachable(source)
            } else {
                RestError::Lost(source)
            }
        })?;
        self.read(call, response).await
    }

    fn request(
        &self,
        call: &Call,
        body: Option<&Value>,
        file: Option<&PartFile>,
    ) -> Result<reqwest::Request, BoxError> {
        let token = format!("Bot {}", self.token.expose_secret());
        let request = Request::new(call.route(), call.method()).params(call.params());
        let request = match file {
            None => request.body(body.map(serde_json::to_vec).transpose()?),
            Some(file) => request.multipart(Some(with_file(body, file)?)),
        };
        Ok(request
            .build(&self.http, &token, self.base.as_deref())?
            .build()?)
    }

    async fn read(&self, call: &Call, response: Response) -> Result<Value, RestError> {
        let status = response.status();
        let headers = response.headers().clone();
        self.limits.note(&call.bucket(), &headers);
        let body = response
            .bytes()
            .await
            .map_err(|error| RestError::Lost(error.without_url().into()));
        if status.is_success() {
            let body = body?;
            return Ok(if body.is_empty() {
                Value::Null
            } else {
                serde_json::from_slice(&body).map_err(|error| RestError::Lost(error.into()))?
            });
        }
        // Cloudflare answers in front of Discord, and not in JSON.
        let problem: Value = serde_json::from_slice(&body.unwrap_or_default()).unwrap_or_default();
        Err(self.refusal(call, status, &headers, &problem))
    }

    fn refusal(
        &self,
        call: &Call,
        status: StatusCode,
        headers: &HeaderMap,
        problem: &Value,
    ) -> RestError {
        match status {
            StatusCode::TOO_MANY_REQUESTS => {
                let retry_after = self.limits.refused(&call.bucket(), headers, problem);
                RestError::RateLimited { retry_after }
            }
            StatusCode::UNAUTHORIZED if call.proves_the_token() => {
                self.rejected.store(true, Ordering::Relaxed);
                RestError::Unauthorized
            }
            status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                RestError::Lost(format!("status {}", status.as_u16()).into())
            }
            status => RestError::Refused {
                status: status.as_u16(),
                code: problem["code"].as_i64().unwrap_or(0),
            },
        }
    }
}

fn with_file(body: Option<&Value>, file: &PartFile) -> Result<Multipart, BoxError> {
    let mut body = body.cloned().unwrap_or_default();
    body["attachments"] =
        serde_json::json!([{ "id": 0, "filename": file.name, "description": file.title }]);
    let attachment = CreateAttachment::bytes(file.text.as_bytes(), &file.name);
    Ok(Multipart {
        upload: MultipartUpload::Attachments(vec![attachment]),
        fields: Vec::new(),
        payload_json: Some(serde_json::to_string(&body)?),
    })
}

/// Many bots that wait for the same bucket must not all come back at once.
fn jitter() -> Duration {
    Duration::from_millis(rand::random_range(5..50))
}

impl Call {
    /// For errors and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Call::Gateway => "get gateway",
            Call::Me => "get current user",
            Call::MyGuilds => "get current user guilds",
            Call::Member(..) => "get guild member",
            Call::Channel(_) => "get channel",
            Call::Message(..) => "get message",
            Call::Messages(..) => "get messages",
            Call::CreateMessage(_) => "create message",
            Call::EditMessage(..) => "edit message",
            Call::CreateThread(..) => "create thread",
            Call::Typing(_) => "trigger typing",
            Call::Acknowledge(..) => "acknowledge interaction",
            Call::EditOriginal(..) => "edit original response",
            Call::FollowUp(..) => "create follow-up message",
            Call::EditFollowUp(..) => "edit follow-up message",
            Call::OpenDirect => "open direct conversation",
            Call::Application => "get application",
            Call::Commands(..) => "get commands",
            Call::SetCommands(..) => "set commands",
        }
    }

    fn method(&self) -> LightMethod {
        match self {
            Call::CreateMessage(_)
            | Call::CreateThread(..)
            | Call::Typing(_)
            | Call::Acknowledge(..)
            | Call::FollowUp(..)
            | Call::OpenDirect => LightMethod::Post,
            Call::EditMessage(..) | Call::EditOriginal(..) | Call::EditFollowUp(..) => {
                LightMethod::Patch
            }
            Call::SetCommands(..) => LightMethod::Put,
            _ => LightMethod::Get,
        }
    }

    fn route(&self) -> Route<'_> {
        match self {
            Call::Gateway => Route::GatewayBot,
            Call::Me => Route::UserMe,
            Call::MyGuilds => Route::UserMeGuilds,
            &Call::Member(guild_id, user_id) => Route::GuildMember { guild_id, user_id },
            &Call::Channel(channel_id) => Route::Channel { channel_id },
            &Call::Message(channel_id, message_id) | &Call::EditMessage(channel_id, message_id) => {
                Route::ChannelMessage {
                    channel_id,
                    message_id,
                }
            }
            &Call::Messages(channel_id, _) | &Call::CreateMessage(channel_id) => {
                Route::ChannelMessages { channel_id }
            }
            &Call::CreateThread(channel_id, message_id) => Route::ChannelMessageThreads {
                channel_id,
                message_id,
            },
            &Call::Typing(channel_id) => Route::ChannelTyping { channel_id },
            Call::Acknowledge(interaction_id, token) => Route::InteractionResponse {
                interaction_id: *interaction_id,
                token: token.expose_secret(),
            },
            Call::EditOriginal(application_id, token) => {
                Route::WebhookOriginalInteractionResponse {
                    application_id: *application_id,
                    token: token.expose_secret(),
                }
            }
            Call::FollowUp(application_id, token) => Route::WebhookFollowupMessages {
                application_id: *application_id,
                token: token.expose_secret(),
            },
            Call::EditFollowUp(application_id, token, message_id) => {
                Route::WebhookFollowupMessage {
                    application_id: *application_id,
                    token: token.expose_secret(),
                    message_id: *message_id,
                }
            }
            Call::OpenDirect => Route::UserMeDmChannels,
            Call::Application => Route::Oauth2ApplicationCurrent,
            &Call::Commands(application_id, guild) | &Call::SetCommands(application_id, guild) => {
                match guild {
                    Some(guild_id) => Route::GuildCommands {
                        application_id,
                        guild_id,
                    },
                    None => Route::Commands { application_id },
                }
            }
        }
    }

    fn params(&self) -> Option<Vec<(&'static str, String)>> {
        match self {
            Call::Messages(_, after) => {
                Some(vec![("after", after.to_string()), ("limit", "100".into())])
            }
            _ => None,
        }
    }

    /// Discord counts by route, method and the channel or guild in the path.
    fn bucket(&self) -> Bucket {
        let major = match self {
            Call::Gateway | Call::Me | Call::MyGuilds | Call::OpenDirect | Call::Application => 0,
            Call::Commands(_, guild) | Call::SetCommands(_, guild) => guild.map_or(0, GuildId::get),
            // Discord counts by interaction, which is told apart by its token.
            Call::EditOriginal(_, token)
            | Call::FollowUp(_, token)
            | Call::EditFollowUp(_, token, _) => {
                let mut hasher = DefaultHasher::new();
                token.expose_secret().hash(&mut hasher);
                hasher.finish()
            }
            Call::Member(guild, _) => guild.get(),
            Call::Channel(channel)
            | Call::Message(channel, _)
            | Call::Messages(channel, _)
            | Call::CreateMessage(channel)
            | Call::EditMessage(channel, _)
            | Call::CreateThread(channel, _)
            | Call::Typing(channel) => channel.get(),
            Call::Acknowledge(interaction, _) => interaction.get(),
        };
        Bucket {
            call: self.name(),
            major,
        }
    }

    /// An interaction has a token of its own, which says nothing about ours.
    fn proves_the_token(&self) -> bool {
        !matches!(
            self,
            Call::Acknowledge(..)
                | Call::EditOriginal(..)
                | Call::FollowUp(..)
                | Call::EditFollowUp(..)
        )
    }
}
