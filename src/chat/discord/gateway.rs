//! The gateway: serenity's connection, kept in order and handed on.
//!
//! serenity hands each event to a task of its own, and on a runtime with
//! several threads these tasks run in any order: a reaction that was added and
//! removed could count as added. A runtime of one thread polls them in the
//! order they were made, and the first poll puts the event into the queue; so
//! the connection lives on a thread of its own.
//!
//! Resuming, heartbeats and reconnecting are serenity's. It resumes at the
//! gateway's first address rather than the one that READY names, which Discord
//! accepts. What Discord will never accept ends the task with an error.

use super::{
    DiscordError,
    delivery::{Arrival, Heard, Queue},
    interactions::Interactions,
    places::Places,
    rest::{Call, Rest},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use serenity::{
    all::{Context, Event, GatewayIntents, HttpBuilder, Interaction},
    async_trait,
    cache::Settings,
    client::{ClientBuilder, RawEventHandler},
    gateway::GatewayError,
};
use std::{sync::Arc, thread, time::Duration};
use tokio::{runtime, sync::oneshot, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

/// 46593: what mentions, threads, direct conversations and votes need.
pub const INTENTS: GatewayIntents = GatewayIntents::GUILDS
    .union(GatewayIntents::GUILD_MESSAGES)
    .union(GatewayIntents::GUILD_MESSAGE_REACTIONS)
    .union(GatewayIntents::DIRECT_MESSAGES)
    .union(GatewayIntents::DIRECT_MESSAGE_REACTIONS)
    .union(GatewayIntents::MESSAGE_CONTENT);

/// serenity waits five seconds for a shard to say goodbye.
const GOODBYE: Duration = Duration::from_secs(7);

pub struct Gateway {
    pub token: SecretString,
    /// Another address of the API, for tests.
    pub api_url: Option<String>,
    /// The address of the socket, as the API told.
    pub socket_url: String,
    pub listener: Listener,
}

impl Gateway {
    /// Receives events until `stop`, or until Discord lets us in no more.
    pub async fn run(self, stop: CancellationToken) -> Result<(), DiscordError> {
        let (done, outcome) = oneshot::channel();
        let until = stop.clone();
        thread::Builder::new()
            .name("discord-gateway".into())
            .spawn(move || {
                let outcome = runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .map_err(|error| DiscordError::Gateway(error.into()))
                    .and_then(|runtime| runtime.block_on(self.connect(until)));
                // Nobody listens any more where the goodbye took too long.
                let _ = done.send(outcome);
            })
            .map_err(|error| DiscordError::Gateway(error.into()))?;
        tokio::select! {
            outcome = outcome => outcome.unwrap_or_else(|_| Err(DiscordError::Gateway("thread ended".into()))),
            () = overdue(&stop) => {
                warn!("Left the gateway without a goodbye");
                Ok(())
            }
        }
    }

    async fn connect(self, stop: CancellationToken) -> Result<(), DiscordError> {
        // serenity's rate limiter would leave the test address out; this client
        // asks for the gateway's address once and nothing else.
        let mut http = HttpBuilder::new(self.token.expose_secret()).ratelimiter_disabled(true);
        if let Some(url) = &self.api_url {
            http = http.proxy(url);
        }
        let mut client = ClientBuilder::new_with_http(http.build(), INTENTS)
            .raw_event_handler(self.listener)
            .cache_settings(no_cache())
            .await
            .map_err(|error| DiscordError::Gateway(error.into()))?;
        // Where serenity got no address it falls back to the real Discord.
        *client.ws_url.lock().await = self.socket_url;
        let shards = client.shard_manager.clone();
        tokio::select! {
            outcome = client.start() => match outcome {
                Ok(()) if stop.is_cancelled() => Ok(()),
                Ok(()) => Err(DiscordError::Gateway("gateway ended by itself".into())),
                Err(error) => Err(fatal(error)),
            },
            () = async { stop.cancelled().await; shards.shutdown_all().await } => Ok(()),
        }
    }
}

async fn overdue(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(GOODBYE).await;
}

/// We read events and keep what we need in [`Places`].
fn no_cache() -> Settings {
    let mut settings = Settings::default();
    settings.max_messages = 0;
    settings.cache_guilds = false;
    settings.cache_channels = false;
    settings.cache_users = false;
    settings
}

fn fatal(error: serenity::Error) -> DiscordError {
    match error {
        serenity::Error::Gateway(GatewayError::InvalidAuthentication) => DiscordError::BadToken,
        serenity::Error::Gateway(GatewayError::DisallowedGatewayIntents) => {
            DiscordError::MessageContentIntent
        }
        error => DiscordError::Gateway(error.into()),
    }
}

/// Takes each event into the queue, in the order of their arrival.
pub struct Listener {
    pub queue: Queue,
    pub places: Arc<Places>,
    pub rest: Arc<Rest>,
    pub interactions: Arc<Interactions>,
    /// Where calls run: the gateway's own thread only listens.
    pub calls: runtime::Handle,
}

#[async_trait]
impl RawEventHandler for Listener {
    async fn raw_event(&self, _: Context, event: Event) {
        self.hear(event);
    }
}

impl Listener {
    fn hear(&self, event: Event) {
        self.places.note(&event);
        let heard = match event {
            Event::MessageCreate(event) => Heard::Message(Box::new(event.message)),
            Event::ReactionAdd(event) => Heard::ReactionAdded(Box::new(event.reaction)),
            Event::ReactionRemove(event) => Heard::ReactionRemoved(Box::new(event.reaction)),
            Event::InteractionCreate(event) => match event.interaction {
                // These do not wait in line: their person waits, for three seconds.
                Interaction::Command(command) => {
                    let interactions = self.interactions.clone();
                    self.calls
                        .spawn(async move { interactions.take(Box::new(command)).await });
                    return;
                }
                Interaction::Autocomplete(command) => {
                    let interactions = self.interactions.clone();
                    self.calls
                        .spawn(async move { interactions.complete(Box::new(command)).await });
                    return;
                }
                other => {
                    self.acknowledge(&other);
                    Heard::Interaction(Box::new(other))
                }
            },
            Event::Ready(event) => {
                return info!(guilds = event.ready.guilds.len(), "Connected to Discord");
            }
            Event::Resumed(_) => return info!("Resumed the connection to Discord"),
            other => return debug!(event = other.name(), "Passed over a gateway event"),
        };
        self.queue.put(heard);
    }

    /// Within three seconds and before any work, or the person reads "failed".
    fn acknowledge(&self, interaction: &Interaction) {
        const DEFERRED_UPDATE: u8 = 6;
        let Interaction::Component(press) = interaction else {
            return;
        };
        let call = Call::Acknowledge(press.id, press.token.clone().into());
        let rest = self.rest.clone();
        self.calls.spawn(async move {
            let body = json!({ "type": DEFERRED_UPDATE });
            match timeout(Duration::from_secs(3), rest.send(&call, Some(body))).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => warn!(
                    error = &error as &dyn std::error::Error,
                    "Could not acknowledge a button"
                ),
                Err(_) => error!("Acknowledging a button took longer than three seconds"),
            }
        });
    }
}

impl Queue {
    fn put(&self, heard: Heard) {
        self.push(Arrival {
            heard,
            at_us: self.now_us(),
        });
    }
}
