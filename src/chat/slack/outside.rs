//! Addresses that Slack hands out: where a command's result goes, and where a
//! file is put.
//!
//! Promise: nothing is sent anywhere but to Slack. An address is a secret, and
//! no error holds it.

use super::web::{CALL_TIMEOUT, CallError};
use crate::ports::BoxError;
use reqwest::{Client, Response, StatusCode, Url, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::time::Duration;

pub struct Outside {
    http: Client,
    /// Another address of Slack, for tests.
    instead: Option<Url>,
}

impl Outside {
    pub fn new(api_url: Option<&str>) -> Result<Self, BoxError> {
        let http = Client::builder()
            .timeout(CALL_TIMEOUT)
            .redirect(Policy::none())
            .build()?;
        Ok(Self {
            http,
            instead: api_url.map(Url::parse).transpose()?,
        })
    }

    /// Sends a message to the address that came with a command.
    pub async fn respond(&self, address: &SecretString, body: &Value) -> Result<(), CallError> {
        let request = self.http.post(self.checked(address.expose_secret())?);
        self.send(request.json(body)).await
    }

    /// Puts a file where Slack asked for it.
    pub async fn upload(&self, address: &str, text: &str) -> Result<(), CallError> {
        let request = self.http.post(self.checked(address)?);
        let request = request.header("content-type", "application/octet-stream");
        self.send(request.body(text.to_string())).await
    }

    fn checked(&self, address: &str) -> Result<Url, CallError> {
        let refused = || CallError::Refused("address is not Slack's".into());
        let url = Url::parse(address).map_err(|_| refused())?;
        let host = url.host_str().unwrap_or_default();
        let is_slacks = url.scheme() == "https" && host.ends_with(".slack.com");
        let is_instead = self
            .instead
            .as_ref()
            .is_some_and(|instead| instead.origin() == url.origin());
        match is_slacks || is_instead {
            true => Ok(url),
            false => Err(refused()),
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<(), CallError> {
        let response = request.send().await.map_err(|error| {
            let never_left = error.is_connect() || error.is_builder();
            let source = error.without_url().into();
            match never_left {
                true => CallError::NotSent(source),
                false => CallError::Lost(source),
            }
        })?;
        read(response).await
    }
}

async fn read(response: Response) -> Result<(), CallError> {
    let status = response.status();
    let pause = response
        .headers()
        .get("retry-after")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let body = response
        .text()
        .await
        .map_err(|error| CallError::Lost(error.without_url().into()))?;
    if status == StatusCode::TOO_MANY_REQUESTS {
        let pause = Duration::from_secs(pause.unwrap_or(1));
        return Err(CallError::RateLimited(pause));
    }
    if status.is_server_error() {
        return Err(CallError::Lost(
            format!("status {}", status.as_u16()).into(),
        ));
    }
    // Success is `ok` in plain words, a refusal is JSON.
    let said: Value = serde_json::from_str(&body).unwrap_or_default();
    match said["error"].as_str() {
        Some(code) => Err(CallError::Refused(code.into())),
        None if status.is_success() => Ok(()),
        None => Err(CallError::Refused(format!("http_{}", status.as_u16()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_sent_to_a_stranger() {
        let outside = Outside::new(None).unwrap();
        let check = |address: &str, expected: bool| {
            assert_eq!(outside.checked(address).is_ok(), expected, "{address}");
        };
        check("https://hooks.slack.com/commands/T1/1/x", true);
        check("https://files.slack.com/upload/v1/x", true);
        check("http://hooks.slack.com/commands/T1/1/x", false);
        check("https://hooks.slack.com.evil.example/", false);
        check("https://evilslack.com/", false);
        check("https://hooks.slack.com@evil.example/", false);
        check("http://127.0.0.1:80/commands", false);
        check("nothing", false);
        let tested = Outside::new(Some("http://127.0.0.1:4000/api")).unwrap();
        assert!(tested.checked("http://127.0.0.1:4000/commands/1").is_ok());
        assert!(tested.checked("http://127.0.0.1:4001/commands/1").is_err());
    }
}
