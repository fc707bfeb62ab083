//! Calls of Slack's Web API, on slack-morphism's connection.
//!
//! Promise: an error says whether the call may have had its effect. No body,
//! token or message text gets into an error. A call that Slack holds up is
//! made again after the pause, up to [`PATIENCE`].

use super::{outside::Outside, pace::Pace};
use crate::{config::SlackSection, ports::BoxError};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Error as HyperError, connect::HttpConnector};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use slack_morphism::{
    SlackApiToken, SlackClient, SlackClientHttpApiUri, errors::SlackClientError,
    hyper_tokio::SlackClientHyperConnector,
};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

pub type Connector = SlackClientHyperConnector<HttpsConnector<HttpConnector>>;

pub const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// A pause up to this long is waited out here; a longer one is the caller's to plan.
const PATIENCE: Duration = Duration::from_secs(30);

const ATTEMPTS: usize = 4;

pub struct WebApi {
    pub client: Arc<SlackClient<Connector>>,
    pub app_token: SlackApiToken,
    bot_token: SlackApiToken,
    pub pace: Pace,
    pub outside: Outside,
}

#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("rate limited for {0:?}")]
    RateLimited(Duration),
    /// Slack read the call and said no.
    #[error("{0}")]
    Refused(String),
    #[error("connection could not be made")]
    NotSent(#[source] BoxError),
    /// Sent; whether it had its effect is unknown.
    #[error("response was lost")]
    Lost(#[source] BoxError),
}

impl WebApi {
    pub fn new(config: &SlackSection) -> Result<Self, BoxError> {
        let address = config
            .api_url
            .as_deref()
            .unwrap_or(SlackClientHttpApiUri::SLACK_API_URI_STR);
        let connector = Connector::with_connector(https(address)?).with_slack_api_url(address);
        Ok(Self {
            client: Arc::new(SlackClient::new(connector)),
            app_token: token(&config.app_token),
            bot_token: token(&config.bot_token),
            pace: Pace::new(),
            outside: Outside::new(config.api_url.as_deref())?,
        })
    }

    /// Calls a method that changes something. `channel` is the rate bucket.
    pub async fn write(
        &self,
        method: &'static str,
        channel: &str,
        body: &Value,
    ) -> Result<Value, CallError> {
        let arguments = Arguments::Body(body);
        self.call(method, channel, &self.bot_token, arguments).await
    }

    /// Calls a method that only reads. Slack takes its arguments from the query.
    pub async fn read(
        &self,
        method: &'static str,
        arguments: &[(&str, &str)],
    ) -> Result<Value, CallError> {
        let arguments = Arguments::Query(arguments);
        self.call(method, "", &self.bot_token, arguments).await
    }

    /// Asks for a socket address and leaves it unused: shows that the app
    /// token works.
    pub async fn open_connection(&self) -> Result<(), CallError> {
        let nothing = Value::Object(Map::new());
        let arguments = Arguments::Body(&nothing);
        self.call("apps.connections.open", "", &self.app_token, arguments)
            .await
            .map(drop)
    }

    async fn call(
        &self,
        method: &'static str,
        channel: &str,
        token: &SlackApiToken,
        arguments: Arguments<'_>,
    ) -> Result<Value, CallError> {
        let mut attempt = 1;
        loop {
            self.pace.ready(method, channel).await;
            let error = match timeout(CALL_TIMEOUT, self.send(method, token, arguments)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => CallError::from(error),
                Err(elapsed) => CallError::Lost(elapsed.into()),
            };
            let CallError::RateLimited(pause) = error else {
                return Err(error);
            };
            self.pace.pause(method, channel, pause);
            if attempt == ATTEMPTS || pause > PATIENCE {
                return Err(error);
            }
            attempt += 1;
        }
    }

    async fn send(
        &self,
        method: &'static str,
        token: &SlackApiToken,
        arguments: Arguments<'_>,
    ) -> Result<Value, SlackClientError> {
        let api = self.client.open_session(token).http_session_api;
        match arguments {
            Arguments::Body(body) => api.http_post(method, body, None).await,
            Arguments::Query(query) => {
                let query: Vec<(&str, Option<&str>)> = query
                    .iter()
                    .map(|(name, value)| (*name, Some(*value)))
                    .collect();
                api.http_get(method, &query, None).await
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Arguments<'a> {
    Body(&'a Value),
    Query(&'a [(&'a str, &'a str)]),
}

/// Errors of slack-morphism carry whole bodies, message text included; what is
/// kept of them here is the code alone.
impl From<SlackClientError> for CallError {
    fn from(error: SlackClientError) -> Self {
        match error {
            SlackClientError::RateLimitError(limit) => {
                CallError::RateLimited(limit.retry_after.unwrap_or(Duration::from_secs(1)))
            }
            SlackClientError::ApiError(refusal) => match refusal.code.as_str() {
                "ratelimited" | "rate_limited" => CallError::RateLimited(Duration::from_secs(1)),
                // "It's possible some aspect of the operation succeeded."
                "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" => {
                    CallError::Lost(refusal.code.into())
                }
                _ => CallError::Refused(refusal.code),
            },
            SlackClientError::HttpError(http) if http.status_code.is_client_error() => {
                CallError::Refused(format!("http_{}", http.status_code.as_u16()))
            }
            SlackClientError::HttpError(http) => {
                CallError::Lost(format!("status {}", http.status_code.as_u16()).into())
            }
            SlackClientError::HttpProtocolError(broken) => {
                let cause = broken.cause.unwrap_or_else(|| "connection broke".into());
                match cause.downcast_ref::<HyperError>() {
                    Some(error) if error.is_connect() => CallError::NotSent(cause),
                    _ => CallError::Lost(cause),
                }
            }
            SlackClientError::ProtocolError(_) => CallError::Lost("answer is not JSON".into()),
            _ => CallError::Lost("connection broke".into()),
        }
    }
}

/// TLS with the system's certificates. An `http` address, as in tests, needs none.
fn https(address: &str) -> Result<HttpsConnector<HttpConnector>, BoxError> {
    let provider = ring::default_provider();
    // The sockets take the process's default; a second installation is refused, and harmless.
    let _ = provider.clone().install_default();
    let builder = HttpsConnectorBuilder::new();
    if address.starts_with("http://") {
        let no_roots = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let builder = builder.with_tls_config(no_roots).https_or_http();
        return Ok(builder.enable_http1().build());
    }
    let builder = builder
        .with_provider_and_native_roots(provider)?
        .https_only();
    Ok(builder.enable_http1().build())
}

fn token(secret: &SecretString) -> SlackApiToken {
    SlackApiToken::new(secret.expose_secret().into())
}
