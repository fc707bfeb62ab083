//! One call of the server: made again where that may help, and its error
//! sorted by what a person can do about it.

use super::QdrantIndex;
use crate::knowledge::index::{IndexError, Purpose};
use qdrant_client::QdrantError;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Pauses before a call is made again: nobody waits longer for an answer in a chat.
const SEARCHING: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_millis(900),
];

/// Nobody waits for ingestion, and beginning again costs more than a restart of the server.
const INGESTING: [Duration; 6] = [
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(6),
    Duration::from_secs(12),
];

/// A server that names a pause is waited for so long at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Of gRPC.
mod code {
    pub const CANCELLED: i32 = 1;
    pub const UNKNOWN: i32 = 2;
    pub const INVALID_ARGUMENT: i32 = 3;
    pub const DEADLINE_EXCEEDED: i32 = 4;
    pub const NOT_FOUND: i32 = 5;
    pub const PERMISSION_DENIED: i32 = 7;
    pub const RESOURCE_EXHAUSTED: i32 = 8;
    pub const ABORTED: i32 = 10;
    pub const OUT_OF_RANGE: i32 = 11;
    pub const INTERNAL: i32 = 13;
    pub const UNAVAILABLE: i32 = 14;
    pub const UNAUTHENTICATED: i32 = 16;
}

/// Why a call failed.
#[derive(Debug)]
pub enum CallError {
    /// No answer within this time.
    Late(Duration),
    Refused(QdrantError),
}

impl CallError {
    fn code(&self) -> Option<i32> {
        match self {
            CallError::Late(_) => Some(code::DEADLINE_EXCEEDED),
            CallError::Refused(
                QdrantError::ResponseError { status }
                | QdrantError::ResourceExhaustedError { status, .. },
            ) => Some(status.code() as i32),
            CallError::Refused(_) => None,
        }
    }

    fn message(&self) -> &str {
        match self {
            CallError::Refused(
                QdrantError::ResponseError { status }
                | QdrantError::ResourceExhaustedError { status, .. },
            ) => status.message(),
            _ => "",
        }
    }

    /// The client calls a refused connection an internal error, and a call
    /// whose connection broke a cancelled one.
    fn is_unreachable(&self) -> bool {
        let broken = ["Failed to connect", "transport error", "h2 protocol error"];
        match self.code() {
            Some(code::CANCELLED | code::UNAVAILABLE | code::DEADLINE_EXCEEDED) => true,
            Some(code::INTERNAL | code::UNKNOWN) => {
                broken.iter().any(|sign| self.message().contains(sign))
            }
            _ => false,
        }
    }

    /// More bytes than the server, or a proxy before it, takes at once.
    pub fn is_too_large(&self) -> bool {
        matches!(
            self.code(),
            Some(code::OUT_OF_RANGE | code::RESOURCE_EXHAUSTED)
        ) && self.message().contains("message length too large")
    }

    /// How long to wait before the same call may work; none where it never will.
    fn pause(&self, usual: Duration) -> Option<Duration> {
        match self {
            CallError::Refused(QdrantError::ResourceExhaustedError {
                retry_after_seconds,
                ..
            }) => Some(Duration::from_secs(*retry_after_seconds).min(LONGEST_PAUSE)),
            // Who waited once for the whole time does not wait again.
            CallError::Late(_) => None,
            _ if self.code() == Some(code::DEADLINE_EXCEEDED) => None,
            _ if self.code() == Some(code::ABORTED) || self.is_unreachable() => Some(usual),
            _ => None,
        }
    }

    fn into_source(self) -> crate::ports::BoxError {
        match self {
            CallError::Late(limit) => format!("no answer within {limit:?}").into(),
            // The client's own text repeats the headers of the reply.
            CallError::Refused(
                QdrantError::ResponseError { status }
                | QdrantError::ResourceExhaustedError { status, .. },
            ) => format!("{:?}: {}", status.code(), status.message()).into(),
            CallError::Refused(other) => other.into(),
        }
    }
}

impl QdrantIndex {
    /// Makes the call until it works or nothing is left to hope for.
    pub(super) async fn call<T, F>(
        &self,
        doing: &'static str,
        make: impl Fn() -> F,
    ) -> Result<T, IndexError>
    where
        F: Future<Output = Result<T, QdrantError>>,
    {
        self.try_call(doing, make)
            .await
            .map_err(|error| self.sorted(error, doing))
    }

    pub(super) async fn try_call<T, F>(
        &self,
        doing: &'static str,
        make: impl Fn() -> F,
    ) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, QdrantError>>,
    {
        let pauses: &[Duration] = match self.purpose {
            Purpose::Search => &SEARCHING,
            Purpose::Update | Purpose::Ingest => &INGESTING,
        };
        let limit = self.patience();
        let mut pauses = pauses.iter();
        loop {
            let error = match timeout(limit, make()).await {
                Ok(Ok(reply)) => return Ok(reply),
                Ok(Err(error)) => CallError::Refused(error),
                Err(_) => CallError::Late(limit),
            };
            let Some(pause) = pauses.next().and_then(|usual| error.pause(*usual)) else {
                return Err(error);
            };
            tracing::debug!(
                doing,
                code = error.code(),
                "asking the index again in {pause:?}"
            );
            sleep(pause).await;
        }
    }

    pub(super) fn sorted(&self, error: CallError, doing: &'static str) -> IndexError {
        let place = self.place.clone();
        if error.is_unreachable() {
            let source = error.into_source();
            return IndexError::Unreachable { place, source };
        }
        match error.code() {
            Some(code::UNAUTHENTICATED | code::PERMISSION_DENIED) => IndexError::Unauthorised {
                place,
                remedy: "`index.key`, which must be allowed to read and, for `lorekeeper ingest`, to write",
                source: error.into_source(),
            },
            Some(code::NOT_FOUND) => {
                // Asked anew which collections there are.
                *self.ready() = false;
                IndexError::Missing { place }
            }
            Some(code::INVALID_ARGUMENT) if error.message().contains("imension") => {
                IndexError::WrongDimension {
                    place,
                    source: error.into_source(),
                }
            }
            _ => IndexError::failed(doing)(error.into_source()),
        }
    }
}
