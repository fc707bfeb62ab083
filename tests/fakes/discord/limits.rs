//! Rate limits, and the failures that a test asks for.

use serde_json::json;
use std::{collections::HashMap, time::Duration};

/// Requests of one route with one channel or guild in its path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Bucket {
    pub route: &'static str,
    pub major: u64,
}

#[derive(Default)]
pub struct Buckets(HashMap<Bucket, (Duration, u32)>);

/// What the response's headers say.
pub struct Count {
    pub limit: u32,
    pub remaining: u32,
    pub reset_after: Duration,
    pub exceeded: bool,
}

impl Buckets {
    pub fn take(&mut self, bucket: &Bucket, now: Duration) -> Count {
        let (limit, window) = match bucket.route {
            "create message" | "edit message" => (5, Duration::from_secs(5)),
            _ => (50, Duration::from_secs(1)),
        };
        let (started, used) = self.0.entry(bucket.clone()).or_insert((now, 0));
        if now >= *started + window {
            (*started, *used) = (now, 0);
        }
        let exceeded = *used >= limit;
        if !exceeded {
            *used += 1;
        }
        Count {
            limit,
            remaining: limit - *used,
            reset_after: *started + window - now,
            exceeded,
        }
    }
}

/// What goes wrong with a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It is done, and the connection breaks before the response is sent.
    LoseResponse,
    /// It is not done, and answered with this status.
    Status(u16),
    /// It is not done: 429.
    RateLimit { retry_after: Duration, scope: Scope },
    /// It is done after this time.
    Delay(Duration),
    /// It is refused with this code, whatever it says.
    Refuse { status: u16, code: i64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    User,
    Shared,
    Global,
}

impl Scope {
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::User => "user",
            Scope::Shared => "shared",
            Scope::Global => "global",
        }
    }
}

pub fn too_many(retry_after: Duration, scope: Scope) -> serde_json::Value {
    json!({
        "message": "You are being rate limited.",
        "retry_after": retry_after.as_secs_f64(),
        "global": scope == Scope::Global,
    })
}
