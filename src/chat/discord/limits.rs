//! Discord's rate limits, as its responses tell them.
//!
//! Nothing is hard-coded: each response says how much is left in its bucket
//! and when it fills again. A bucket that was never answered is open.

use reqwest::header::HeaderMap;
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// What to wait for where a 429 does not say.
const UNSPECIFIED: Duration = Duration::from_secs(1);
/// Above this, buckets that have filled again are forgotten.
const REMEMBERED: usize = 1_000;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Bucket {
    pub call: &'static str,
    /// The channel, guild or interaction in the path.
    pub major: u64,
}

#[derive(Default)]
pub struct Limits(Mutex<Pauses>);

#[derive(Default)]
struct Pauses {
    all: Option<Instant>,
    buckets: HashMap<Bucket, Instant>,
}

impl Limits {
    /// How long this bucket must be left alone from now on.
    pub fn pause(&self, bucket: &Bucket) -> Option<Duration> {
        let pauses = self.pauses();
        let until = pauses.all.max(pauses.buckets.get(bucket).copied())?;
        until
            .checked_duration_since(Instant::now())
            .filter(|pause| !pause.is_zero())
    }

    /// Reads what any response says about its bucket.
    pub fn note(&self, bucket: &Bucket, headers: &HeaderMap) {
        let empty = number(headers, "x-ratelimit-remaining") == Some(0.0);
        if let Some(pause) = seconds(number(headers, "x-ratelimit-reset-after")).filter(|_| empty) {
            self.pauses().close(bucket, pause);
        }
    }

    /// Reads a 429: for how long, and whether for this bucket or for all.
    pub fn refused(&self, bucket: &Bucket, headers: &HeaderMap, problem: &Value) -> Duration {
        let said = problem["retry_after"]
            .as_f64()
            .or_else(|| number(headers, "retry-after"));
        let pause = seconds(said).unwrap_or(UNSPECIFIED);
        let global = problem["global"] == true
            || headers
                .get("x-ratelimit-scope")
                .is_some_and(|scope| scope == "global");
        let mut pauses = self.pauses();
        if global {
            pauses.all = pauses.all.max(Some(Instant::now() + pause));
        } else {
            pauses.close(bucket, pause);
        }
        pause
    }

    fn pauses(&self) -> MutexGuard<'_, Pauses> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pauses {
    fn close(&mut self, bucket: &Bucket, pause: Duration) {
        let now = Instant::now();
        if self.buckets.len() >= REMEMBERED {
            self.buckets.retain(|_, until| *until > now);
        }
        let until = self.buckets.entry(bucket.clone()).or_insert(now);
        *until = (*until).max(now + pause);
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<f64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

/// No pause is longer than a day, whatever a proxy in between may say.
fn seconds(number: Option<f64>) -> Option<Duration> {
    let number = number.filter(|number| number.is_finite() && *number >= 0.0)?;
    Some(Duration::from_secs_f64(number.min(86_400.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn bucket(call: &'static str, major: u64) -> Bucket {
        Bucket { call, major }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_bucket_is_left_alone_until_it_fills_and_no_other_is() {
        let limits = Limits::default();
        let (here, elsewhere) = (bucket("create message", 1), bucket("create message", 2));
        limits.note(
            &here,
            &headers(&[
                ("x-ratelimit-remaining", "1"),
                ("x-ratelimit-reset-after", "5"),
            ]),
        );
        assert_eq!(limits.pause(&here), None);
        limits.note(
            &here,
            &headers(&[
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset-after", "1.5"),
            ]),
        );
        assert_eq!(limits.pause(&here), Some(Duration::from_millis(1500)));
        assert_eq!(limits.pause(&elsewhere), None);
        tokio::time::advance(Duration::from_millis(1500)).await;
        assert_eq!(limits.pause(&here), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_global_refusal_pauses_everything_and_a_shared_one_its_bucket() {
        let limits = Limits::default();
        let (here, elsewhere) = (bucket("edit message", 1), bucket("trigger typing", 2));
        let shared = headers(&[("x-ratelimit-scope", "shared"), ("retry-after", "3")]);
        assert_eq!(
            limits.refused(&here, &shared, &Value::Null),
            Duration::from_secs(3)
        );
        assert_eq!(limits.pause(&elsewhere), None);
        let problem = json!({"retry_after": 0.25, "global": true});
        limits.refused(&here, &HeaderMap::new(), &problem);
        assert_eq!(limits.pause(&elsewhere), Some(Duration::from_millis(250)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_that_makes_no_sense_is_waited_for_all_the_same() {
        let limits = Limits::default();
        let here = bucket("edit message", 1);
        for problem in [
            json!(null),
            json!({"retry_after": -1}),
            json!({"retry_after": "soon"}),
        ] {
            assert_eq!(
                limits.refused(&here, &HeaderMap::new(), &problem),
                UNSPECIFIED
            );
        }
        let endless = json!({"retry_after": 1e300});
        assert_eq!(
            limits.refused(&here, &HeaderMap::new(), &endless),
            Duration::from_secs(86_400)
        );
    }
}
