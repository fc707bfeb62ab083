//! Everything that crossed the wire, in order, with times. No tokens.

use serde_json::Value;
use std::{fmt, time::Duration};

#[derive(Clone, Debug)]
pub struct Entry {
    /// Since the start of the fake, by its own clock.
    pub at: Duration,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    Call(Call),
    SocketOpened {
        socket: usize,
    },
    SocketClosed {
        socket: usize,
    },
    Sent {
        socket: usize,
        envelope: String,
        event: String,
        retry: u32,
    },
    Disconnect {
        socket: usize,
        reason: String,
    },
    Acked {
        socket: usize,
        envelope: String,
        /// What rides along for the person.
        payload: Value,
    },
    Strange {
        socket: usize,
        frame: String,
    },
}

/// One call of the Web API.
#[derive(Clone, Debug)]
pub struct Call {
    pub at: Duration,
    pub method: String,
    pub arguments: Value,
    /// `ok`, an error code, `status 500`, `response lost`, …
    pub outcome: String,
}

#[derive(Default)]
pub struct Wire {
    pub entries: Vec<Entry>,
}

impl Wire {
    pub fn write(&mut self, at: Duration, what: What) {
        self.entries.push(Entry { at, what });
    }

    pub fn calls(&self, method: &str) -> Vec<Call> {
        self.entries
            .iter()
            .filter_map(|entry| match &entry.what {
                What::Call(call) if call.method == method => Some(call.clone()),
                _ => None,
            })
            .collect()
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in &self.entries {
            write!(f, "{:>9.3}s ", entry.at.as_secs_f64())?;
            match &entry.what {
                What::Call(call) => writeln!(
                    f,
                    "call {} {} -> {}",
                    call.method, call.arguments, call.outcome
                )?,
                other => writeln!(f, "{other:?}")?,
            }
        }
        Ok(())
    }
}
