//! What Discord's refusals mean to whoever asked for a post.

use super::rest::RestError;
use crate::ports::ChatError;

/// Discord's error codes that decide something here.
pub mod code {
    pub const UNKNOWN_CHANNEL: i64 = 10003;
    pub const UNKNOWN_MEMBER: i64 = 10007;
    pub const UNKNOWN_MESSAGE: i64 = 10008;
    pub const UNKNOWN_USER: i64 = 10013;
    pub const TOO_LARGE: i64 = 40005;
    pub const NO_ACCESS: i64 = 50001;
    pub const NO_PERMISSION: i64 = 50013;
    pub const WRONG_CHANNEL_TYPE: i64 = 50024;
    pub const THREAD_EXISTS: i64 = 160004;
    pub const THREAD_LOCKED: i64 = 160005;
    pub const TOO_MANY_THREADS: i64 = 160006;
    pub const TOO_MANY_NEWS_THREADS: i64 = 160007;
}

/// A call that did not succeed.
pub struct Failure {
    pub call: &'static str,
    pub error: RestError,
}

impl Failure {
    pub fn has<const N: usize>(&self, codes: [i64; N]) -> bool {
        matches!(self.error, RestError::Refused { code, .. } if codes.contains(&code))
    }

    pub fn is_no_member(&self) -> bool {
        self.has([code::UNKNOWN_MEMBER, code::UNKNOWN_USER])
    }

    pub fn is_no_place_for_threads(&self) -> bool {
        self.has([
            code::NO_ACCESS,
            code::NO_PERMISSION,
            code::WRONG_CHANNEL_TYPE,
            code::TOO_MANY_THREADS,
            code::TOO_MANY_NEWS_THREADS,
        ])
    }

    pub fn is_closed_thread(&self) -> bool {
        self.has([
            code::UNKNOWN_CHANNEL,
            code::NO_ACCESS,
            code::NO_PERMISSION,
            code::THREAD_LOCKED,
        ])
    }

    /// The interaction takes no more answers: too old, never acknowledged, or
    /// its message is gone. A message of the wrong shape (400) is none of these.
    pub fn is_end_of_interaction(&self) -> bool {
        matches!(self.error, RestError::Refused { status, .. } if matches!(status, 401 | 403 | 404))
    }

    pub fn is_elsewhere(&self) -> bool {
        self.has([code::UNKNOWN_CHANNEL, code::UNKNOWN_MESSAGE])
    }

    /// Of a call that may have had its effect although its response was lost.
    pub fn of_create(self) -> ChatError {
        match self.error {
            RestError::Lost(source) => ChatError::InDoubt {
                call: self.call,
                source,
            },
            _ => self.of_repeatable(),
        }
    }

    /// Of a call that is harmless to repeat.
    pub fn of_repeatable(self) -> ChatError {
        match self.error {
            RestError::RateLimited { retry_after } => ChatError::RateLimited { retry_after },
            RestError::Unauthorized => ChatError::Unauthorized { code: "401".into() },
            RestError::Refused { status, code } => {
                let code = if code == 0 {
                    format!("status {status}")
                } else {
                    code.to_string()
                };
                ChatError::Permanent {
                    call: self.call,
                    code,
                }
            }
            RestError::Lost(source) | RestError::Unreachable(source) => {
                ChatError::Unavailable(source)
            }
        }
    }
}
