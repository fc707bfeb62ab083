//! "The bot is typing", kept up while a question is worked on.

use super::{
    failure::Failure,
    rest::{Call, Rest, RestError},
};
use crate::ports::ChatError;
use serenity::all::ChannelId;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Discord shows it for ten seconds.
const RENEWAL: Duration = Duration::from_secs(8);
/// A sign that nobody takes away ends by itself after four minutes.
const RENEWALS: usize = 30;

pub struct Typing {
    rest: Arc<Rest>,
    /// By the message that asks. Dropping a guard ends its renewal.
    signs: Arc<Mutex<HashMap<u64, DropGuard>>>,
}

impl Typing {
    pub fn new(rest: Arc<Rest>) -> Self {
        Self {
            rest,
            signs: Arc::default(),
        }
    }

    /// The first sign is in the channel, where the asker looks; the next ones
    /// in the thread, which exists by then.
    pub async fn start(
        &self,
        question: u64,
        channel: ChannelId,
        thread: ChannelId,
    ) -> Result<(), ChatError> {
        let stop = CancellationToken::new();
        signs(&self.signs).insert(question, stop.clone().drop_guard());
        tokio::spawn(renew(
            self.rest.clone(),
            self.signs.clone(),
            question,
            thread,
            stop,
        ));
        match show(&self.rest, channel).await {
            Err(error) => Err(Failure {
                call: Call::Typing(channel).name(),
                error,
            }
            .of_repeatable()),
            Ok(()) => Ok(()),
        }
    }

    pub fn stop(&self, question: u64) {
        signs(&self.signs).remove(&question);
    }
}

async fn renew(
    rest: Arc<Rest>,
    all: Arc<Mutex<HashMap<u64, DropGuard>>>,
    question: u64,
    thread: ChannelId,
    stop: CancellationToken,
) {
    let mut ticks = interval(RENEWAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    for _ in 0..RENEWALS {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        // A missed renewal costs a moment of silence and nothing else.
        let _ = show(&rest, thread).await;
    }
    signs(&all).remove(&question);
}

async fn show(rest: &Rest, channel: ChannelId) -> Result<(), RestError> {
    rest.send(&Call::Typing(channel), None).await.map(|_| ())
}

fn signs(signs: &Mutex<HashMap<u64, DropGuard>>) -> MutexGuard<'_, HashMap<u64, DropGuard>> {
    signs.lock().unwrap_or_else(PoisonError::into_inner)
}
