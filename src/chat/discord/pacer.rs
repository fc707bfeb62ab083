//! Spaces the edits of one message, and leaves out those already overtaken.
//!
//! Promise: at most one edit of a message waits, edits are at least
//! [`SPACING`] apart, and the newest is always written. An edit that a newer
//! one overtakes counts as done: the reader sees the newer text.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep_until};

pub const SPACING: Duration = Duration::from_millis(1500);
/// Above this, messages that nobody edits at the moment are forgotten.
const REMEMBERED: usize = 200;

#[derive(Default)]
pub struct Pacer {
    slots: Mutex<HashMap<u64, Arc<Slot>>>,
}

#[derive(Default)]
struct Slot {
    newest: AtomicU64,
    /// When the last edit ended. Held while one is written.
    last: tokio::sync::Mutex<Option<Instant>>,
}

impl Pacer {
    /// Runs `write` when it is its turn, or not at all if a newer edit came.
    pub async fn edit<E>(
        &self,
        message: u64,
        write: impl AsyncFnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let slot = self.slot(message);
        let mine = slot.newest.fetch_add(1, Ordering::Relaxed) + 1;
        let overtaken = || slot.newest.load(Ordering::Relaxed) != mine;
        let mut last = slot.last.lock().await;
        if let Some(last) = *last
            && !overtaken()
        {
            sleep_until(last + SPACING).await;
        }
        if overtaken() {
            return Ok(());
        }
        let outcome = write().await;
        *last = Some(Instant::now());
        outcome
    }

    fn slot(&self, message: u64) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= REMEMBERED {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1 || !slot.is_rested());
        }
        slots.entry(message).or_default().clone()
    }
}

impl Slot {
    fn is_rested(&self) -> bool {
        let last = self.last.try_lock();
        last.is_ok_and(|last| last.is_none_or(|last| last.elapsed() >= SPACING))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    #[tokio::test(start_paused = true)]
    async fn a_storm_of_edits_becomes_few_and_ends_with_the_last() {
        let pacer = Pacer::default();
        let written = Mutex::new(Vec::new());
        let storm = (0..500).map(|chunk| {
            let (pacer, written) = (&pacer, &written);
            async move {
                tokio::time::sleep(Duration::from_millis(chunk * 10)).await;
                let write = async || {
                    written.lock().unwrap().push((chunk, Instant::now()));
                    Ok::<(), Infallible>(())
                };
                pacer.edit(7, write).await.unwrap();
            }
        });
        futures::future::join_all(storm).await;
        let written = written.into_inner().unwrap();
        assert_eq!(written.last().map(|(chunk, _)| *chunk), Some(499));
        assert!(
            written.len() <= 5,
            "{} edits in five seconds",
            written.len()
        );
        assert!(
            written
                .windows(2)
                .all(|pair| pair[1].1 - pair[0].1 >= SPACING)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn messages_do_not_wait_for_each_other() {
        let pacer = Pacer::default();
        let start = Instant::now();
        for message in 0..(2 * REMEMBERED as u64) {
            pacer
                .edit(message, async || Ok::<(), Infallible>(()))
                .await
                .unwrap();
        }
        assert_eq!(Instant::now(), start);
    }
}
