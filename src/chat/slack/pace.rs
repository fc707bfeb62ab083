//! How fast Slack lets us call.
//!
//! Three rules: a method's tier, one message a second in a channel, and the
//! pause that a 429 asks for. Each holds up only the method (and, for posts,
//! the channel) that it is about. Edits of one message stand three seconds
//! apart, and an edit that waits gives way to a newer one.

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed, keyed::DefaultKeyedStateStore},
};
use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep, sleep_until};

/// Slack's advice for messages that grow.
const EDIT_SPACING: Duration = Duration::from_secs(3);

/// Slack allows "short bursts" over one post a second.
const POST_BURST: u32 = 3;

/// Calls a minute, by Slack's tiers (docs.slack.dev, `rate_limit_tiers.json`).
const TIERS: [(&str, u32); 7] = [
    ("chat.update", 50),
    ("reactions.add", 50),
    ("reactions.remove", 20),
    ("conversations.info", 50),
    ("conversations.replies", 50),
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

#[derive(Clone, Copy)]
struct EditSlot {
    newest: u64,
    last_write: Option<Instant>,
    touched: Instant,
}

/// Whether an edit is still worth writing.
#[derive(Debug, PartialEq, Eq)]
pub enum Turn {
    Write,
    Superseded,
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
        let ticket = self.take_ticket(message);
        loop {
            let slot = lock(&self.edits).get(message).copied();
            let Some(slot) = slot else { return Turn::Write };
            if slot.newest != ticket {
                return Turn::Superseded;
            }
            match slot.last_write.map(|at| at + EDIT_SPACING) {
                Some(due) if due > Instant::now() => sleep_until(due).await,
                _ => break,
            }
        }
        if let Some(slot) = lock(&self.edits).get_mut(message) {
            slot.last_write = Some(Instant::now());
        }
        Turn::Write
    }

    fn take_ticket(&self, message: &str) -> u64 {
        let now = Instant::now();
        let mut edits = lock(&self.edits);
        edits.retain(|_, slot| now.duration_since(slot.touched) < 20 * EDIT_SPACING);
        let slot = edits.entry(message.to_string()).or_insert(EditSlot {
            newest: 0,
            last_write: None,
            touched: now,
        });
        slot.newest += 1;
        slot.touched = now;
        slot.newest
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

    /// R29.
    #[tokio::test(start_paused = true)]
    async fn edits_of_one_message_stand_three_seconds_apart() {
        let pace = Pace::new();
        let start = Instant::now();
        assert_eq!(pace.edit_turn("C1:1").await, Turn::Write);
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(pace.edit_turn("C1:2").await, Turn::Write);
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(pace.edit_turn("C1:1").await, Turn::Write);
        assert!(start.elapsed() >= EDIT_SPACING);
    }

    /// R29, R30: five hundred edits at once are two writes, and the last one is among them.
    #[tokio::test(start_paused = true)]
    async fn waiting_edit_gives_way_to_a_newer_one() {
        let pace = Pace::new();
        assert_eq!(pace.edit_turn("C1:1").await, Turn::Write);
        let turns = futures::future::join_all((0..500).map(|_| pace.edit_turn("C1:1"))).await;
        let written = turns.iter().filter(|turn| **turn == Turn::Write).count();
        assert_eq!(written, 1);
        assert_eq!(turns.last(), Some(&Turn::Write));
    }
}
