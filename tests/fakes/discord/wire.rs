//! Everything that went over the wire, in order.

use serde_json::Value;
use std::{fmt, time::Duration};

#[derive(Clone, Debug)]
pub struct Entry {
    /// Since the server started, by its own clock.
    pub at: Duration,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    Request(Request),
    /// A gateway frame from the bot.
    Received(Value),
    /// A gateway frame to the bot.
    Sent(Value),
    Connected {
        session: usize,
    },
    Disconnected {
        session: usize,
        why: String,
    },
}

#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// After `/api/v10`, with the query.
    pub path: String,
    pub body: Value,
    /// Names of the files that came along.
    pub files: Vec<String>,
    pub status: u16,
    pub response: Value,
    /// The response was thrown away.
    pub lost: bool,
}

impl Request {
    pub fn is(&self, method: &str, ending: &str) -> bool {
        let path = self.path.split('?').next().unwrap_or_default();
        self.method == method && path.ends_with(ending)
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>8.3}s ", self.at.as_secs_f64())?;
        match &self.what {
            What::Request(request) => write!(
                f,
                "{} {} {} {:?} -> {} {}{}",
                request.method,
                request.path,
                request.body,
                request.files,
                request.status,
                request.response,
                if request.lost { " (lost)" } else { "" }
            ),
            What::Received(frame) => write!(f, "bot -> gateway {frame}"),
            What::Sent(frame) => write!(f, "gateway -> bot {frame}"),
            What::Connected { session } => write!(f, "socket {session} opened"),
            What::Disconnected { session, why } => write!(f, "socket {session} closed: {why}"),
        }
    }
}
