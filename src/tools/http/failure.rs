//! Why a request brought no rows, and which error of a tool that is.
//!
//! No text here has an address in it: an address may hold a secret.

use super::{places::PlaceRefused, resolver::AddressRefused};
use crate::ports::ToolError;
use reqwest::StatusCode;
use std::{error::Error, time::Duration};

#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    #[error("it leads to a place that is not allowed")]
    Place(#[source] PlaceRefused),
    #[error("its redirect repeats the secret")]
    SecretInRedirect,
    #[error("it redirects more than {0} times")]
    Redirects(usize),
    #[error("it redirects to nowhere")]
    NoLocation,
    #[error("it answered {0}")]
    Status(StatusCode),
    /// It says how long it wants to be left alone.
    #[error("it answered {status}, and asks to wait")]
    Later { status: StatusCode, wait: Duration },
    #[error("its answer is larger than {0} bytes")]
    TooLarge(usize),
    #[error("its answer is compressed")]
    Compressed,
    #[error("its answer is `{0}`, not JSON")]
    NotJson(String),
    #[error("its answer can't be read as JSON")]
    BadJson(#[source] serde_json::Error),
    #[error("request failed")]
    Transport(#[source] reqwest::Error),
}

impl From<reqwest::Error> for CallError {
    fn from(error: reqwest::Error) -> Self {
        CallError::Transport(error.without_url())
    }
}

impl CallError {
    pub(super) fn into_tool_error(self, api: &str, limit: Duration) -> ToolError {
        let source_name = api.to_string();
        match self {
            CallError::Later { status, .. } => {
                CallError::Status(status).into_tool_error(api, limit)
            }
            CallError::Status(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
            | CallError::Place(_)
            | CallError::SecretInRedirect => ToolError::NotAllowed {
                source_name,
                source: Box::new(self),
            },
            CallError::Transport(error) if is_refused(&error) => ToolError::NotAllowed {
                source_name,
                source: Box::new(error),
            },
            CallError::Status(StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT) => {
                ToolError::Timeout { source_name, limit }
            }
            CallError::Status(
                StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE,
            ) => ToolError::Down {
                source_name,
                source: Box::new(self),
            },
            // It understood us, and does not want such a question.
            CallError::Status(status) if status.is_client_error() => ToolError::Refused {
                reason: format!("`{api}` answered {status}"),
            },
            CallError::Transport(error) if error.is_timeout() => {
                ToolError::Timeout { source_name, limit }
            }
            CallError::Transport(error) => ToolError::Down {
                source_name,
                source: Box::new(error),
            },
            _ => ToolError::Failed {
                source_name,
                source: Box::new(self),
            },
        }
    }
}

/// Whether the name led where we must not go.
fn is_refused(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<AddressRefused>() {
            return true;
        }
        cause = error.source();
    }
    false
}
