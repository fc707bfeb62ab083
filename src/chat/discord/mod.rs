//! Discord: the gateway's events in, posts out.
//!
//! Promise: an event goes to the sink once it arrives, in the order of arrival,
//! and again until the sink has stored it. The members of the guilds we serve
//! are the people of the company; nobody else is answered.
//! Deliberately absent so far: modals (no command needs a form), forum posts of
//! our own, and catching up on what was said while no process ran.
//!
//! ```text
//! gateway -> delivery -> events -> sink          in
//! render -> client -> rest -> Discord            out
//! ```

mod client;
mod delivery;
mod events;
mod failure;
mod gateway;
mod interactions;
mod limits;
mod lines;
mod markdown;
mod pacer;
mod page;
mod places;
mod registration;
mod render;
mod rest;
mod result;
mod table;
mod thread_name;
mod typing;

use crate::{
    commands::Commands,
    config::DiscordSection,
    ports::{BoxError, Chat, SharedSink},
};
use client::Discord;
use delivery::{Delivery, queue};
use gateway::{Gateway, Listener};
use interactions::{Deferrals, Interactions};
use places::Places;
use rest::{Call, Rest, RestError};
use serde_json::Value;
use serenity::all::{GuildId, UserId};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{runtime::Handle, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tracing::info;

/// Below this many new sessions a day, Discord is close to resetting the token.
const SESSIONS_LEFT: u64 = 5;

/// A running connection.
pub struct DiscordHandle {
    pub chat: Arc<dyn Chat>,
    /// Ends with `Ok` after `stop`, and with an error where Discord will never
    /// let us in again.
    pub task: JoinHandle<Result<(), DiscordError>>,
}

/// What keeps us out. Every text says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum DiscordError {
    #[error(
        "Discord rejects `discord.bot_token`. Open https://discord.com/developers/applications, \
         choose your application, then Bot, Reset Token, and put the new token into the configuration"
    )]
    BadToken,
    #[error(
        "Discord refuses the intent MESSAGE_CONTENT. Open https://discord.com/developers/applications, \
         choose your application, then Bot, switch on \"Message Content Intent\" under \
         Privileged Gateway Intents, save, and start again"
    )]
    MessageContentIntent,
    #[error(
        "Discord allows {left} more sessions for the next {reset_after:?}; past that it resets the \
         token. Find out why the bot starts so often, wait, and start again"
    )]
    FewSessionsLeft { left: u64, reset_after: Duration },
    #[error(
        "Discord can't be reached for `{call}`. Check the network, `discord.api_url` and https://discordstatus.com"
    )]
    Unreachable {
        call: &'static str,
        #[source]
        source: BoxError,
    },
    #[error("Discord's gateway failed")]
    Gateway(#[source] BoxError),
}

/// Checks the token without connecting. Returns the number of guilds that the
/// bot is in, for `doctor`.
pub async fn check(config: &DiscordSection) -> Result<usize, DiscordError> {
    let rest = Rest::new(config.bot_token.clone(), config.api_url.clone())
        .map_err(DiscordError::Gateway)?;
    own_id(&rest).await?;
    Ok(own_guilds(&rest).await?.len())
}

/// Checks the token, connects, and receives events until `stop`.
pub async fn start(
    config: &DiscordSection,
    sink: SharedSink,
    commands: Arc<Commands>,
    stop: CancellationToken,
) -> Result<DiscordHandle, DiscordError> {
    let rest = Rest::new(config.bot_token.clone(), config.api_url.clone())
        .map(Arc::new)
        .map_err(DiscordError::Gateway)?;
    let bot = own_id(&rest).await?;
    let socket_url = socket_url(&rest).await?;
    let places = Arc::new(Places::new(config));
    places.join(own_guilds(&rest).await?);
    info!(bot.id = %bot, guilds = places.served().len(), "Discord knows us");

    registration::register(&rest, config, &commands).await;
    let deferrals = Arc::new(Deferrals::default());
    let interactions = Arc::new(Interactions {
        bot,
        places: places.clone(),
        rest: rest.clone(),
        sink: sink.clone(),
        commands,
        deferrals: deferrals.clone(),
        heard: Mutex::default(),
    });
    let (queue, arrivals) = queue();
    let listener = Listener {
        queue,
        places: places.clone(),
        rest: rest.clone(),
        interactions,
        calls: Handle::current(),
    };
    let gateway = Gateway {
        token: config.bot_token.clone(),
        api_url: config.api_url.clone(),
        socket_url,
        listener,
    };
    let delivery = Delivery {
        bot,
        places: places.clone(),
        rest: rest.clone(),
        sink,
    };
    let task = tokio::spawn(async move {
        let (outcome, ()) = tokio::join!(
            gateway.run(stop.clone()),
            delivery.run(arrivals, stop.clone())
        );
        outcome
    });
    Ok(DiscordHandle {
        chat: Arc::new(Discord::new(rest, places, bot, deferrals)),
        task,
    })
}

async fn own_id(rest: &Rest) -> Result<UserId, DiscordError> {
    let me = ask(rest, Call::Me).await?;
    id(&me["id"])
        .map(UserId::new)
        .ok_or_else(|| unreadable(&Call::Me))
}

/// A bot started before the guilds are known must know them all the same: a
/// direct question may wait in the inbox from the time before.
async fn own_guilds(rest: &Rest) -> Result<Vec<GuildId>, DiscordError> {
    let guilds = ask(rest, Call::MyGuilds).await?;
    let guilds = guilds
        .as_array()
        .ok_or_else(|| unreadable(&Call::MyGuilds))?;
    Ok(guilds
        .iter()
        .filter_map(|guild| id(&guild["id"]))
        .map(GuildId::new)
        .collect())
}

async fn socket_url(rest: &Rest) -> Result<String, DiscordError> {
    let gateway = ask(rest, Call::Gateway).await?;
    let limit = &gateway["session_start_limit"];
    let left = limit["remaining"].as_u64().unwrap_or(u64::MAX);
    if left < SESSIONS_LEFT {
        let reset_after = Duration::from_millis(limit["reset_after"].as_u64().unwrap_or_default());
        return Err(DiscordError::FewSessionsLeft { left, reset_after });
    }
    gateway["url"]
        .as_str()
        .map(str::to_string)
        .ok_or_else(|| unreadable(&Call::Gateway))
}

async fn ask(rest: &Rest, call: Call) -> Result<Value, DiscordError> {
    rest.send(&call, None).await.map_err(|error| match error {
        RestError::Unauthorized => DiscordError::BadToken,
        error => DiscordError::Unreachable {
            call: call.name(),
            source: error.into(),
        },
    })
}

fn id(value: &Value) -> Option<u64> {
    value.as_str()?.parse().ok().filter(|&id| id != 0)
}

fn unreadable(call: &Call) -> DiscordError {
    DiscordError::Unreachable {
        call: call.name(),
        source: "response is not Discord's".into(),
    }
}
