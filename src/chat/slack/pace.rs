//! How fast Slack lets us call.
//!
//! Three rules: a method's tier, one message a second in a channel, and the
//! pause that a 429 asks for. Each holds up only the method (and, for posts,
//! the channel) that it is about. Edits of one message stand three seconds
//! apart and never overtake each other; one that waits gives way to a newer one.

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed, keyed::DefaultKeyedStateStore},
};
use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Mutex as AsyncMutex, OwnedMutexGuard},
    time::{Instant, sleep, sleep_until},
};

/// Slack's advice for messages that grow.
const EDIT_SPACING: Duration = Duration::from_secs(3);

/// Slack allows "short bursts" over one post a second.
const POST_BURST: u32 = 3;

/// Calls a minute, by Slack's tiers (docs.slack.dev, `rate_limit_tiers.json`).
const TIERS: [(&str, u32); 11] = [
    ("chat.update", 50),
    ("reactions.add", 50),
    ("reactions.remove", 20),
    ("conversations.info", 50),
    ("conversations.replies", 50),
    ("conversations.history", 50),
    ("conversations.open", 50),
    ("files.getUploadURLExternal", 100),
    ("files.completeUploadExternal", 100),
    ("users.info", 100),
    ("apps.connections.open", 50),
];

/// A method, with the channel where Slack counts by channel.
type Bucket = (&'static str, String);

type Limiter<Key, State> =
    RateLimiter<Key, State, TokioClock, NoOpMiddleware<<TokioClock as Clock>::Instant>>;

pub struct Pace {
    tiers: HashMap<&'static str, Limiter<NotKeyed, InMemoryState>>,
    posts: Limiter<String, DefaultKeyedStateStore<String>>,
    pauses: Mutex<HashMap<Bucket, Instant>>,
    edits: Mutex<HashMap<String, EditSlot>>,
    clock: TokioClock,
}

/// The runtime's clock, so that tests can move it.
#[derive(Clone)]
struct TokioClock(Instant);

impl Clock for TokioClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

struct EditSlot {
    newest: u64,
    /// Held while an edit is written; knows when the last one was.
    gate: Gate,
}

type Gate = Arc<AsyncMutex<Option<Instant>>>;

/// Whether an edit is still worth writing.
pub enum Turn {
    /// It is, and no other edit of the message is written until this is dropped.
    Write(EditTurn),
    Superseded,
}

pub struct EditTurn(OwnedMutexGuard<Option<Instant>>);

impl Drop for EditTurn {
    fn drop(&mut self) {
        *self.0 = Some(Instant::now());
    }
}

impl Pace {
    pub fn new() -> Self {
        let clock = TokioClock(Instant::now());
        let tier = |&(method, calls): &(&'static str, u32)| {
            let quota = Quota::per_minute(NonZeroU32::new(calls).unwrap_or(NonZeroU32::MIN));
            (method, RateLimiter::direct_with_clock(quota, clock.clone()))
        };
        let burst = NonZeroU32::new(POST_BURST).unwrap_or(NonZeroU32::MIN);
        let posts = Quota::per_second(NonZeroU32::MIN).allow_burst(burst);
        Self {
            tiers: TIERS.iter().map(tier).collect(),
            posts: RateLimiter::dashmap_with_clock(posts, clock.clone()),
            pauses: Mutex::default(),
            edits: Mutex::default(),
            clock,
        }
    }

    /// Returns when the call may be made.
    pub async fn ready(&self, method: &'static str, channel: &str) {
        while let Some(wait) = self.wait_for(method, channel) {
            sleep(wait).await;
        }
    }

    /// A 429 for this method was received.
    pub fn pause(&self, method: &'static str, channel: &str, pause: Duration) {
        let mut pauses = lock(&self.pauses);
        let now = Instant::now();
        pauses.retain(|_, until| *until > now);
        pauses.insert(bucket(method, channel), now + pause);
    }

    fn wait_for(&self, method: &'static str, channel: &str) -> Option<Duration> {
        let pause = lock(&self.pauses).get(&bucket(method, channel)).copied();
        if let Some(left) = pause.map(|until| until.saturating_duration_since(Instant::now()))
            && !left.is_zero()
        {
            return Some(left);
        }
        let refused = if method == "chat.postMessage" {
            self.posts.check_key(&channel.to_string()).err()
        } else {
            self.tiers.get(method).and_then(|tier| tier.check().err())
        };
        refused.map(|not_yet| not_yet.wait_time_from(self.clock.now()))
    }

    /// Waits until this message may be edited again. Of several edits that
    /// wait, only the newest is written.
    pub async fn edit_turn(&self, message: &str) -> Turn {
        let (ticket, gate) = self.take_ticket(message);
        let last_write = gate.lock_owned().await;
        if !self.is_newest(message, ticket) {
            return Turn::Superseded;
        }
        if let Some(at) = *last_write {
            sleep_until(at + EDIT_SPACING).await;
        }
        if !self.is_newest(message, ticket) {
            return Turn::Superseded;
        }
        Turn::Write(EditTurn(last_write))
    }

    fn take_ticket(&self, message: &str) -> (u64, Gate) {
        let mut edits = lock(&self.edits);
        edits.retain(|_, slot| slot.is_needed());
        let slot = edits.entry(message.to_string()).or_insert(EditSlot {
            newest: 0,
            gate: Gate::default(),
        });
        slot.newest += 1;
        (slot.newest, slot.gate.clone())
    }

    fn is_newest(&self, message: &str, ticket: u64) -> bool {
        let edits = lock(&self.edits);
        edits.get(message).is_none_or(|slot| slot.newest == ticket)
    }
}

impl EditSlot {
    /// Somebody waits, or the next edit would have to.
    fn is_needed(&self) -> bool {
        let waits = Arc::strong_count(&self.gate) > 1;
        let last_write = self.gate.try_lock().map(|at| *at);
        waits || !matches!(last_write, Ok(Some(at)) if at.elapsed() > EDIT_SPACING)
    }
}

fn bucket(method: &'static str, channel: &str) -> Bucket {
    let by_channel = method == "chat.postMessage";
    (
        method,
        if by_channel {
            channel.into()
        } else {
            String::new()
        },
    )
}

/// A panic elsewhere leaves times behind, which are valid whatever happened.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;

    async fn waited(pace: &Pace, method: &'static str, channel: &str) -> Duration {
        let start = Instant::now();
        pace.ready(method, channel).await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn posts_of_one_channel_settle_at_one_a_second() {
        let pace = Pace::new();
        for _ in 0..POST_BURST {
            assert_eq!(
                waited(&pace, "chat.postMessage", "C1").await,
                Duration::ZERO
            );
        }
        let wait = waited(&pace, "chat.postMessage", "C1").await;
        assert!(wait > Duration::from_millis(900), "{wait:?}");
        assert_eq!(
            waited(&pace, "chat.postMessage", "C2").await,
            Duration::ZERO
        );
    }

    /// R31.
    #[tokio::test(start_paused = true)]
    async fn retry_after_holds_up_its_own_method_and_channel_only() {
        let pace = Pace::new();
        pace.pause("chat.postMessage", "C1", Duration::from_secs(7));
        pace.pause("chat.update", "C1", Duration::from_secs(9));
        assert_eq!(
            waited(&pace, "chat.postMessage", "C2").await,
            Duration::ZERO
        );
        assert_eq!(waited(&pace, "reactions.add", "C1").await, Duration::ZERO);
        assert!(waited(&pace, "chat.postMessage", "C1").await >= Duration::from_secs(7));
        assert!(waited(&pace, "chat.update", "C2").await >= Duration::from_secs(2));
    }

    /// Takes a turn and writes at once. True if it was written.
    async fn edit(pace: &Pace, message: &str) -> bool {
        matches!(pace.edit_turn(message).await, Turn::Write(_))
    }

    /// R29.
    #[tokio::test(start_paused = true)]
    async fn edits_of_one_message_stand_three_seconds_apart() {
        let pace = Pace::new();
        let start = Instant::now();
        assert!(edit(&pace, "C1:1").await);
        assert!(edit(&pace, "C1:2").await);
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert!(edit(&pace, "C1:1").await);
        assert!(start.elapsed() >= EDIT_SPACING);
    }

    /// R29, R30: five hundred edits at once are two writes, and the last one is among them.
    #[tokio::test(start_paused = true)]
    async fn waiting_edit_gives_way_to_a_newer_one() {
        let pace = Pace::new();
        let written = join_all((0..500).map(|_| edit(&pace, "C1:1"))).await;
        assert_eq!(written.iter().filter(|written| **written).count(), 2);
        assert_eq!(written.last(), Some(&true));
    }

    /// R30: what is held up by a rate limit must not land on top of a newer text.
    #[tokio::test(start_paused = true)]
    async fn newer_edit_waits_until_the_older_one_is_written() {
        let pace = Pace::new();
        let Turn::Write(held_up) = pace.edit_turn("C1:1").await else {
            panic!("the first edit has its turn");
        };
        let newer = async {
            edit(&pace, "C1:1").await;
            Instant::now()
        };
        let older = async {
            sleep(Duration::from_secs(20)).await;
            drop(held_up);
            Instant::now()
        };
        let (newer_at, older_at) = tokio::join!(newer, older);
        assert!(newer_at >= older_at + EDIT_SPACING);
    }
}
