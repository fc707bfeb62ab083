//! The way to a server of OpenAI's protocol: address, key, one request.

use super::{
    OpenAiError,
    refusal::{Refusal, cause},
};
use reqwest::{
    Client, RequestBuilder, Response, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
    redirect::Policy,
};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

/// The first pause before another attempt; doubled each time.
const BACKOFF: Duration = Duration::from_millis(250);

/// Servers of Python close a connection that rested for five seconds. One that
/// is closed while a request is on its way would leave that request in doubt.
const REST: Duration = Duration::from_secs(3);

pub(super) struct Link {
    pub http: Client,
    base: Url,
}

impl Link {
    pub fn new(
        base: &str,
        key: Option<&SecretString>,
        connect_timeout: Duration,
    ) -> Result<Self, OpenAiError> {
        let base = parse_base(base)?;
        let http = Client::builder()
            .connect_timeout(connect_timeout)
            .pool_idle_timeout(REST)
            .default_headers(authorization(key)?)
            // Key and question go to the configured place alone.
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map_err(|error| OpenAiError::Client(cause(error)))?;
        Ok(Self { http, base })
    }

    /// The address of a path below the base.
    pub fn below(&self, path: &str) -> Result<Url, OpenAiError> {
        self.base
            .join(path)
            .map_err(|_| OpenAiError::BadUrl("has no path"))
    }
}

pub(super) async fn send(request: RequestBuilder) -> Result<Response, Refusal> {
    request.send().await.map_err(|error| {
        let connecting = error.is_connect();
        let source = cause(error);
        if connecting {
            Refusal::Unreachable(source)
        } else {
            Refusal::Lost(source)
        }
    })
}

/// The pause before an attempt after this one, where the server names none.
pub(super) fn backoff(attempt: u32) -> Duration {
    BACKOFF * 2u32.saturating_pow(attempt)
}

/// Many that wait for the same server must not all come back at once.
pub(super) fn with_jitter(pause: Duration) -> Duration {
    pause.mul_f64(rand::random_range(1.0..1.5))
}

fn parse_base(text: &str) -> Result<Url, OpenAiError> {
    // A path is joined below the last slash, and in place of anything behind it.
    let text = format!("{}/", text.trim().trim_end_matches('/'));
    let url = Url::parse(&text).map_err(|_| OpenAiError::BadUrl("can't be read"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(OpenAiError::BadUrl("is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(OpenAiError::BadUrl(
            "holds a password: that belongs into the key",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(OpenAiError::BadUrl("has a `?` or a `#`"));
    }
    Ok(url)
}

fn authorization(key: Option<&SecretString>) -> Result<HeaderMap, OpenAiError> {
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        let value = format!("Bearer {}", key.expose_secret());
        let mut value = HeaderValue::from_str(&value).map_err(|_| OpenAiError::BadKey)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_makes_a_pause_longer_and_never_shorter() {
        let pause = Duration::from_secs(2);
        for _ in 0..100 {
            let with_jitter = with_jitter(pause);
            assert!(with_jitter >= pause && with_jitter < pause * 2);
        }
    }
}
