//! Slack, over Socket Mode and the Web API.
//!
//! Promise: an event is acknowledged only after the [`Sink`](crate::ports::Sink)
//! has stored it; what the sink could not store is sent again by Slack. A
//! callback parses, stores and returns: nothing else happens before the
//! acknowledgement.
//!
//! Absent on purpose: HTTP events, native streaming, modals (no command needs a
//! form).

mod blocks;
mod client;
mod events;
mod mrkdwn;
mod outside;
mod pace;
mod pack;
mod readers;
mod render;
mod result;
mod socket;
mod split;
mod table;
mod web;

pub use render::render;

use crate::{
    config::SlackSection,
    domain::TenantId,
    ports::{BoxError, Chat, SharedSink},
};
use client::SlackChat;
use readers::ReaderCache;
use secrecy::{ExposeSecret, SecretString};
use socket::Socket;
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::info;
use web::{CallError, WebApi};

/// A running connection to one workspace.
pub struct SlackHandle {
    pub chat: Arc<dyn Chat>,
    /// Ends with `Ok` after `stop`, with an error once Slack refuses our tokens.
    pub task: JoinHandle<Result<(), SlackError>>,
}

#[derive(Debug, thiserror::Error)]
pub enum SlackError {
    #[error("`{key}` is refused by Slack ({code}): {advice}")]
    Token {
        key: &'static str,
        code: String,
        advice: &'static str,
    },
    #[error("Slack can't be reached: {0}")]
    Unreachable(String),
    #[error("no connection to Slack could be made")]
    Transport(#[source] BoxError),
}

const BOT_TOKEN: TokenKey = TokenKey {
    key: "slack.bot_token",
    prefix: "xoxb-",
    advice: "copy the Bot User OAuth Token (`xoxb-…`) from the app's page OAuth & Permissions",
};

const APP_TOKEN: TokenKey = TokenKey {
    key: "slack.app_token",
    prefix: "xapp-",
    advice: "make an app-level token (`xapp-…`) with the scope `connections:write` on the app's page Basic Information, and switch Socket Mode on",
};

/// A token as the configuration names it, and where a person gets one.
struct TokenKey {
    key: &'static str,
    prefix: &'static str,
    advice: &'static str,
}

impl TokenKey {
    fn refused(&self, code: impl Into<String>) -> SlackError {
        SlackError::Token {
            key: self.key,
            code: code.into(),
            advice: self.advice,
        }
    }

    fn check(&self, token: &SecretString) -> Result<(), SlackError> {
        if token.expose_secret().starts_with(self.prefix) {
            return Ok(());
        }
        Err(self.refused(format!("it does not start with `{}`", self.prefix)))
    }

    fn explain(&self, error: CallError) -> SlackError {
        match error {
            CallError::Refused(code) => self.refused(code),
            other => SlackError::Unreachable(other.to_string()),
        }
    }
}

/// Who we are in the workspace.
#[derive(Clone, Debug)]
pub struct Identity {
    pub user: String,
    pub bot: Option<String>,
    pub team: TenantId,
    pub enterprise: Option<String>,
}

/// Checks both tokens without connecting. Returns the workspace, for `doctor`.
pub async fn check(config: &SlackSection) -> Result<TenantId, SlackError> {
    let (_, me) = introduce(config).await?;
    Ok(me.team)
}

async fn introduce(config: &SlackSection) -> Result<(Arc<WebApi>, Identity), SlackError> {
    BOT_TOKEN.check(&config.bot_token)?;
    APP_TOKEN.check(&config.app_token)?;
    let web = Arc::new(WebApi::new(config).map_err(SlackError::Transport)?);
    let me = who_am_i(&web).await?;
    web.open_connection()
        .await
        .map_err(|e| APP_TOKEN.explain(e))?;
    Ok((web, me))
}

/// Checks both tokens, connects, and feeds events to `sink` until `stop`.
pub async fn start(
    config: &SlackSection,
    sink: SharedSink,
    stop: CancellationToken,
) -> Result<SlackHandle, SlackError> {
    let (web, me) = introduce(config).await?;
    let readers = Arc::new(ReaderCache::new(web.clone(), me.clone()));
    info!(
        slack.team = %me.team,
        slack.sockets = config.sockets.max(2),
        "Connecting to Slack workspace {}", me.team
    );
    let socket = Socket {
        me,
        sink,
        stop,
        web: web.clone(),
        readers: readers.clone(),
        // One socket alone would miss events while it is replaced.
        count: config.sockets.clamp(2, 10),
    };
    Ok(SlackHandle {
        chat: Arc::new(SlackChat::new(web, readers)),
        task: tokio::spawn(socket.run()),
    })
}

async fn who_am_i(web: &WebApi) -> Result<Identity, SlackError> {
    let answer = web
        .read("auth.test", &[])
        .await
        .map_err(|e| BOT_TOKEN.explain(e))?;
    let field = |name: &str| answer[name].as_str().map(str::to_string);
    match (field("user_id"), field("team_id")) {
        (Some(user), Some(team)) => Ok(Identity {
            user,
            bot: field("bot_id"),
            team: TenantId(team),
            enterprise: field("enterprise_id"),
        }),
        _ => Err(BOT_TOKEN.refused("it belongs to no user")),
    }
}
