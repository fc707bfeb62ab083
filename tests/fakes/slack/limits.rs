//! Slack's rate limits: one post a second in a channel with short bursts, and
//! a tier for every other method.

use std::{collections::HashMap, time::Duration};

const POST_BURST: f64 = 5.0;

fn calls_a_minute(method: &str) -> usize {
    match method {
        "reactions.remove" => 20,
        "users.info" => 100,
        "auth.test" => 600,
        _ => 50,
    }
}

#[derive(Default)]
pub struct Buckets {
    posts: HashMap<String, (f64, Duration)>,
    calls: HashMap<String, Vec<Duration>>,
}

impl Buckets {
    /// Seconds to wait, if the call is too much.
    pub fn take(&mut self, method: &str, channel: &str, now: Duration) -> Option<u64> {
        if method == "chat.postMessage" {
            let (tokens, at) = self
                .posts
                .entry(channel.into())
                .or_insert((POST_BURST, now));
            *tokens = (*tokens + (now - *at).as_secs_f64()).min(POST_BURST);
            *at = now;
            if *tokens < 1.0 {
                return Some(1);
            }
            *tokens -= 1.0;
            return None;
        }
        let minute = Duration::from_secs(60);
        let calls = self.calls.entry(method.into()).or_default();
        calls.retain(|at| now.saturating_sub(*at) < minute);
        // Slack lets short bursts through; twice the tier is beyond every reading.
        if calls.len() >= 2 * calls_a_minute(method) {
            let oldest = calls.first().copied().unwrap_or(now);
            return Some((minute - now.saturating_sub(oldest)).as_secs().max(1));
        }
        calls.push(now);
        None
    }
}
