//! From the gateway to the sink: in order, and again until it is stored.
//!
//! Discord takes no acknowledgement and sends nothing twice, so an event that
//! the sink can't store yet waits here. Not promised: events beyond
//! [`CAPACITY`], or still waiting when the process ends, are lost; they are
//! counted and logged.

use super::{
    events::Reader,
    places::{ChannelKind, Places},
    rest::{Call, Rest, RestError},
};
use crate::{
    domain::{FeedbackChange, Incoming},
    ports::SharedSink,
};
use chrono::Utc;
use serenity::all::{Channel, ChannelId, Interaction, Message, Reaction, UserId};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::mpsc, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

/// An outage of the store of some minutes in a busy company.
const CAPACITY: usize = 10_000;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// What a store that does not answer is given once we stop.
const LAST_TRY: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// An event that may be for us, and when it arrived.
pub struct Arrival {
    pub heard: Heard,
    /// Microseconds since 1970, different for every event and in their order.
    pub at_us: i64,
}

pub enum Heard {
    Message(Box<Message>),
    ReactionAdded(Box<Reaction>),
    ReactionRemoved(Box<Reaction>),
    Interaction(Box<Interaction>),
}

pub fn queue() -> (Queue, mpsc::Receiver<Arrival>) {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    (
        Queue {
            sender,
            last_us: AtomicI64::new(0),
            lost: AtomicU64::new(0),
        },
        receiver,
    )
}

pub struct Queue {
    sender: mpsc::Sender<Arrival>,
    last_us: AtomicI64,
    lost: AtomicU64,
}

impl Queue {
    /// The time, or one microsecond after the last one that was given.
    pub fn now_us(&self) -> i64 {
        let now = Utc::now().timestamp_micros();
        let later = |last: i64| Some(now.max(last + 1));
        match self
            .last_us
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, later)
        {
            Ok(last) | Err(last) => now.max(last + 1),
        }
    }

    pub fn push(&self, arrival: Arrival) {
        if self.sender.try_send(arrival).is_err() {
            let lost = self.lost.fetch_add(1, Ordering::Relaxed) + 1;
            error!(
                lost,
                "Lost a Discord event, {lost} so far: the queue is full or closed"
            );
        }
    }
}

pub struct Delivery {
    pub bot: UserId,
    pub places: Arc<Places>,
    pub rest: Arc<Rest>,
    pub sink: SharedSink,
}

impl Delivery {
    pub async fn run(self, mut arrivals: mpsc::Receiver<Arrival>, stop: CancellationToken) {
        loop {
            let arrival = tokio::select! {
                biased;
                arrival = arrivals.recv() => arrival,
                () = stop.cancelled() => return,
            };
            let Some(arrival) = arrival else {
                return;
            };
            // A store that answers is still given what has arrived.
            tokio::select! {
                biased;
                () = self.deliver(arrival) => {}
                () = overdue(&stop) => {
                    let waiting = arrivals.len() + 1;
                    return error!(waiting, "Stopped with {waiting} Discord events not stored");
                }
            }
        }
    }

    async fn deliver(&self, arrival: Arrival) {
        let incoming = self.read(arrival).await;
        let mut pauses = Pauses::default();
        while let Err(error) = self.sink.accept(incoming.clone()).await {
            warn!(
                error = &*error,
                "Could not store a Discord event, trying again"
            );
            pauses.wait().await;
        }
    }

    async fn read(&self, Arrival { heard, at_us }: Arrival) -> Incoming {
        let reader = Reader {
            bot: self.bot,
            places: &self.places,
        };
        match heard {
            Heard::Message(message) => match reader.passes_over(&message) {
                Some(reason) => Incoming::Ignored(reason),
                None => match self
                    .kind(message.channel_id, message.guild_id.is_some())
                    .await
                {
                    Some(kind) => reader.message(&message, kind),
                    None => Incoming::Ignored("in a channel that we can't see"),
                },
            },
            Heard::ReactionAdded(reaction) => {
                self.read_reaction(reader, &reaction, FeedbackChange::Added, at_us)
                    .await
            }
            Heard::ReactionRemoved(reaction) => {
                self.read_reaction(reader, &reaction, FeedbackChange::Removed, at_us)
                    .await
            }
            Heard::Interaction(interaction) => reader.interaction(&interaction, at_us),
        }
    }

    async fn read_reaction(
        &self,
        reader: Reader<'_>,
        reaction: &Reaction,
        change: FeedbackChange,
        at_us: i64,
    ) -> Incoming {
        if let Some(reason) = reader.passes_over_reaction(reaction) {
            return Incoming::Ignored(reason);
        }
        match self
            .kind(reaction.channel_id, reaction.guild_id.is_some())
            .await
        {
            Some(kind) => reader.reaction(reaction, change, kind, at_us),
            None => Incoming::Ignored("in a channel that we can't see"),
        }
    }

    /// `None`: Discord won't tell us. While it can't be reached, this waits.
    async fn kind(&self, channel: ChannelId, in_guild: bool) -> Option<ChannelKind> {
        if !in_guild {
            return Some(ChannelKind::Direct);
        }
        if let Some(kind) = self.places.kind(channel) {
            return Some(kind);
        }
        let mut pauses = Pauses::default();
        loop {
            match self.rest.send(&Call::Channel(channel), None).await {
                Ok(body) => {
                    let Ok(Channel::Guild(found)) = serde_json::from_value(body) else {
                        return None;
                    };
                    let kind = ChannelKind::of(&found);
                    self.places.learn(channel, kind);
                    return Some(kind);
                }
                Err(error @ (RestError::Refused { .. } | RestError::Unauthorized)) => {
                    debug!(
                        error = &error as &dyn std::error::Error,
                        "Could not look at a channel"
                    );
                    return None;
                }
                Err(_) => pauses.wait().await,
            }
        }
    }
}

async fn overdue(stop: &CancellationToken) {
    stop.cancelled().await;
    sleep(LAST_TRY).await;
}

/// Longer and longer pauses, up to [`LONGEST_PAUSE`].
struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl Pauses {
    async fn wait(&mut self) {
        sleep(self.0).await;
        self.0 = (self.0 * 2).min(LONGEST_PAUSE);
    }
}
