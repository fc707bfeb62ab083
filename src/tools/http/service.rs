//! A service that many documents are read from, with patience.
//!
//! Promise: only GET is sent, to the service's own host and those that it may lead to, under the rules of
//! [`super`]. A service that asks to wait (429, 503 with `Retry-After`) is
//! waited for, one that fails is asked again with growing pauses, and both
//! come to an end. What it refuses is not asked twice.

use super::{
    address::Admitted,
    client::{Client, Fetched},
    failure::CallError,
    places::Places,
};
use crate::{
    config::ApiAuth,
    ports::{BoxError, Clock},
};
use ipnet::IpNet;
use reqwest::{StatusCode, Url, dns::Resolve, header::HeaderMap};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// Times that one request is sent where nobody waits for it.
pub const PATIENT: u32 = 6;
/// Before the second one; each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// A service that wants to be left alone for longer is left to the next run.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Of one request: large pages take their time.
const TIMEOUT: Duration = Duration::from_secs(60);

pub struct Service {
    client: Client,
    base: Url,
    bytes: usize,
    attempts: u32,
    clock: Arc<dyn Clock>,
}

/// How a service is reached.
pub struct ServiceAddress<'a> {
    pub url: &'a str,
    pub auth: Option<&'a ApiAuth>,
    /// Hosts that it may lead to, beside its own; they get no secret.
    pub hosts: &'a [String],
    /// Blocks that may be connected to although they are not public.
    pub networks: &'a [IpNet],
    /// Bytes that one response may have.
    pub bytes: usize,
    /// Times that one request is sent, at most.
    pub attempts: u32,
}

#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error("{0}")]
    Address(String),
    #[error("does not accept the secret of `auth` (status 401)")]
    Unauthorized,
    #[error("denies this account what was asked for (status 403)")]
    Forbidden,
    #[error("does not accept the question (status {0}): check the keys that are configured")]
    Refused(StatusCode),
    #[error("asks to be left alone for {} s; the next run goes on here", .0.as_secs())]
    Later(Duration),
    #[error("did not answer ({attempts} of {attempts} attempts)")]
    Down {
        attempts: u32,
        #[source]
        source: BoxError,
    },
    #[error("answered with what can't be read")]
    Failed(#[source] BoxError),
}

impl Service {
    /// Nothing is asked yet.
    pub fn open(
        address: ServiceAddress<'_>,
        resolver: Arc<dyn Resolve>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ServiceError> {
        let base = Url::parse(address.url.trim())
            .map_err(|_| ServiceError::Address("`url` can't be read".into()))?;
        let admitted = Admitted(address.networks.to_vec());
        let places = Places::new(&base, address.hosts, admitted.clone());
        let client = places.and_then(|places| {
            Client::new(places, admitted, resolver, address.auth.cloned(), TIMEOUT)
        });
        Ok(Self {
            client: client.map_err(ServiceError::Address)?,
            base,
            bytes: address.bytes,
            attempts: address.attempts,
            clock,
        })
    }

    /// The address of a page for people.
    pub fn link(&self, path: &str) -> String {
        let base = self.base.as_str().trim_end_matches('/');
        format!("{base}/{}", path.trim_start_matches('/'))
    }

    /// The JSON at a path below the base; `None`: there is no such thing.
    pub async fn get(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Option<Value>, ServiceError> {
        let (url, no_headers) = (self.below(path, query)?, HeaderMap::new());
        let asked = || self.client.get(&url, &no_headers, self.bytes);
        Ok(match self.patiently(asked).await? {
            Fetched::Page(page) => Some(page.body),
            Fetched::Nothing => None,
        })
    }

    /// A file at an address that the service gave, or at a path below the base.
    pub async fn file(&self, link: &str) -> Result<Option<Vec<u8>>, ServiceError> {
        let url = Url::parse(link).or_else(|_| Url::parse(&self.link(link)));
        let url = url.map_err(|error| ServiceError::Failed(error.into()))?;
        let asked = || self.client.file(&url, self.bytes);
        self.patiently(asked).await
    }

    async fn patiently<T, F>(&self, ask: impl Fn() -> F) -> Result<T, ServiceError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let mut pause = FIRST_PAUSE;
        let mut last: BoxError = "no attempt".into();
        for attempt in 1..=self.attempts {
            let error = match timeout(TIMEOUT, ask()).await {
                Ok(Ok(fetched)) => return Ok(fetched),
                Ok(Err(error)) => error,
                Err(elapsed) => {
                    last = elapsed.into();
                    self.rest(attempt, pause).await;
                    pause *= 2;
                    continue;
                }
            };
            let wait = match &error {
                CallError::Later { wait, .. } if *wait > LONGEST_PAUSE => {
                    return Err(ServiceError::Later(*wait));
                }
                CallError::Later { wait, .. } => *wait,
                CallError::Status(status) if is_passing(*status) => pause,
                CallError::Transport(_) => pause,
                CallError::Status(StatusCode::UNAUTHORIZED) => {
                    return Err(ServiceError::Unauthorized);
                }
                CallError::Status(StatusCode::FORBIDDEN) => return Err(ServiceError::Forbidden),
                CallError::Status(status) if status.is_client_error() => {
                    return Err(ServiceError::Refused(*status));
                }
                _ => return Err(ServiceError::Failed(error.into())),
            };
            last = error.into();
            self.rest(attempt, wait).await;
            pause *= 2;
        }
        Err(ServiceError::Down {
            attempts: self.attempts,
            source: last,
        })
    }

    async fn rest(&self, attempt: u32, pause: Duration) {
        if attempt < self.attempts {
            self.clock.sleep(pause).await;
        }
    }

    fn below(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Url, ServiceError> {
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => segments.pop_if_empty().extend(path),
            Err(()) => return Err(ServiceError::Address("`url` takes no path".into())),
        };
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }
}

/// Asked again, it may answer.
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
        )
}
