//! Asking a log server over HTTP.
//!
//! Promise: a call ends at the time limit also where the server drips, a reply
//! is never read past its cap, credentials go to the configured address alone,
//! and no error shows an address, a credential or what was asked.

use crate::{config::ApiAuth, ports::ToolError, tools::limits::Limits};
use reqwest::{
    Client, RequestBuilder, Response, StatusCode, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue},
    redirect::Policy,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::time::Duration;

/// Bytes of a reply that are read; more is an error.
const REPLY_BYTES: usize = 32 * 1024 * 1024;
/// Bytes of an error that are read.
const ERROR_BYTES: usize = 64 * 1024;

pub struct LogServer {
    name: String,
    http: Client,
    base: Url,
    user: Option<(String, SecretString)>,
    limits: Limits,
}

/// What a server says of a request that it does not answer.
pub struct Refusal {
    pub status: StatusCode,
    pub body: String,
}

impl LogServer {
    /// The error completes "log `name`: …".
    pub fn new(
        name: &str,
        url: &str,
        auth: Option<&ApiAuth>,
        tenant: Option<&str>,
        limits: Limits,
    ) -> Result<Self, String> {
        let http = Client::builder()
            .connect_timeout(limits.timeout)
            .default_headers(headers(auth, tenant)?)
            .redirect(Policy::none())
            .build()
            .map_err(|error| format!("no client: {}", error.without_url()))?;
        Ok(Self {
            name: name.into(),
            http,
            base: parse_base(url)?,
            user: match auth {
                Some(ApiAuth::Basic { user, secret }) => Some((user.clone(), secret.clone())),
                _ => None,
            },
            limits,
        })
    }

    pub fn timeout(&self) -> Duration {
        self.limits.timeout
    }

    /// A GET of a path below the base. `meanings` says what a refusal means.
    pub async fn get(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        meanings: Meanings,
    ) -> Result<Value, ToolError> {
        let url = self.below(path)?;
        self.ask(self.http.get(url).query(query), meanings).await
    }

    /// A POST of JSON that only asks.
    pub async fn post(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        body: &Value,
        meanings: Meanings,
    ) -> Result<Value, ToolError> {
        let url = self.below(path)?;
        let request = self.http.post(url).query(query).json(body);
        self.ask(request, meanings).await
    }

    async fn ask(&self, request: RequestBuilder, meanings: Meanings) -> Result<Value, ToolError> {
        let request = match &self.user {
            Some((user, password)) => request.basic_auth(user, Some(password.expose_secret())),
            None => request,
        };
        let limit = self.limits.timeout;
        let asked = tokio::time::timeout(limit, self.answer(request, meanings)).await;
        asked.unwrap_or_else(|_| Err(self.timed_out()))
    }

    async fn answer(
        &self,
        request: RequestBuilder,
        meanings: Meanings,
    ) -> Result<Value, ToolError> {
        let response = request.send().await.map_err(|error| self.lost(error))?;
        let status = response.status();
        if !status.is_success() {
            let body = self.read(response, ERROR_BYTES).await.unwrap_or_default();
            let body = String::from_utf8_lossy(&body).into_owned();
            return Err(self.refused(&Refusal { status, body }, meanings));
        }
        let body = self.read(response, REPLY_BYTES).await?;
        serde_json::from_slice(&body).map_err(|_| self.failed("the reply is no JSON"))
    }

    async fn read(&self, mut response: Response, cap: usize) -> Result<Vec<u8>, ToolError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.lost(error))? {
            if body.len() + chunk.len() > cap {
                return Err(self.failed("the reply is too large; ask for less time"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn below(&self, path: &[&str]) -> Result<Url, ToolError> {
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => segments.pop_if_empty().extend(path),
            Err(()) => return Err(self.failed("the address takes no path")),
        };
        Ok(url)
    }

    fn lost(&self, error: reqwest::Error) -> ToolError {
        // The address may hold what was asked.
        let error = error.without_url();
        let source_name = self.name.clone();
        if error.is_timeout() {
            return self.timed_out();
        }
        ToolError::Down {
            source_name,
            source: Box::new(error),
        }
    }

    fn refused(&self, refusal: &Refusal, meanings: Meanings) -> ToolError {
        let status = refusal.status;
        let source_name = self.name.clone();
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return ToolError::NotAllowed {
                source_name,
                source: format!("status {status}").into(),
            };
        }
        let mut known = meanings.iter();
        let found = known.find(|(text, _)| refusal.body.contains(text));
        match (found.map(|(_, meaning)| *meaning), status) {
            (Some(Meaning::Refused(reason)), _) => ToolError::Refused {
                reason: reason.into(),
            },
            (Some(Meaning::Timeout), _)
            | (_, StatusCode::GATEWAY_TIMEOUT | StatusCode::REQUEST_TIMEOUT) => self.timed_out(),
            (
                _,
                StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE,
            ) => ToolError::Down {
                source_name,
                source: format!("status {status}").into(),
            },
            (Some(Meaning::Failed(what)), _) => self.failed(&format!("status {status}: {what}")),
            (None, _) => self.failed(&format!("status {status}")),
        }
    }

    pub fn timed_out(&self) -> ToolError {
        ToolError::Timeout {
            source_name: self.name.clone(),
            limit: self.limits.timeout,
        }
    }

    pub fn failed(&self, what: &str) -> ToolError {
        ToolError::Failed {
            source_name: self.name.clone(),
            source: what.into(),
        }
    }
}

/// What a refusal means by a text that it holds, the first that fits.
pub type Meanings = &'static [(&'static str, Meaning)];

/// In words of ours: the server's may repeat the question.
#[derive(Clone, Copy)]
pub enum Meaning {
    /// The question asks for too much.
    Refused(&'static str),
    Timeout,
    Failed(&'static str),
}

fn parse_base(text: &str) -> Result<Url, String> {
    let wrong = |problem: &str| Err(format!("`url` {problem}"));
    let Ok(url) = Url::parse(text.trim()) else {
        return wrong("can't be read");
    };
    if !matches!(url.scheme(), "http" | "https") {
        return wrong("is neither http nor https");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("holds a password: that belongs into `auth`");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return wrong("has a `?` or a `#`");
    }
    Ok(url)
}

fn headers(auth: Option<&ApiAuth>, tenant: Option<&str>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    match auth {
        Some(ApiAuth::Bearer { secret }) => {
            let value = format!("Bearer {}", secret.expose_secret());
            headers.insert(AUTHORIZATION, header(&value, "`auth`: `secret`")?);
        }
        Some(ApiAuth::Header { name, secret }) => {
            let name = HeaderName::try_from(name.as_str())
                .map_err(|_| format!("`auth`: `{name}` is no name of a header"))?;
            headers.insert(name, header(secret.expose_secret(), "`auth`: `secret`")?);
        }
        // Basic is put on each request; the configuration refuses the last kind.
        Some(ApiAuth::Basic { .. } | ApiAuth::Query { .. }) | None => {}
    }
    if let Some(tenant) = tenant {
        headers.insert("X-Scope-OrgID", header(tenant, "`tenant`")?);
    }
    Ok(headers)
}

fn header(text: &str, key: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| format!("{key} has signs that no header can carry"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(url: &str, secret: Option<&str>) -> Result<LogServer, String> {
        let limits = Limits {
            timeout: Duration::from_secs(1),
            rows: 10,
            bytes: 1_000,
        };
        let auth = secret.map(|secret| ApiAuth::Bearer {
            secret: secret.into(),
        });
        LogServer::new("logs", url, auth.as_ref(), Some("shop"), limits)
    }

    #[test]
    fn address_that_can_not_be_meant_is_refused_without_being_shown() {
        let check = |url: &str, expected: &str| {
            let error = open(url, None).err();
            let error = error.unwrap_or_else(|| panic!("{url}"));
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("secret"), "{error}");
        };
        check("", "can't be read");
        check("ftp://h", "neither http nor https");
        check("http://user:secret@h", "password");
        check("http://h/?key=secret", "`?`");
    }

    #[test]
    fn path_is_put_below_the_base() {
        let check = |base: &str, expected: &str| {
            let server = open(base, None).unwrap_or_else(|e| panic!("{e}"));
            let url = server.below(&["a", "b/c?d"]).expect("a path");
            assert_eq!(url.as_str(), expected);
        };
        check("http://h:1", "http://h:1/a/b%2Fc%3Fd");
        check("http://h:1/loki/", "http://h:1/loki/a/b%2Fc%3Fd");
    }

    #[test]
    fn credentials_are_never_printed() {
        let server = open("http://h", Some("hunter2")).unwrap_or_else(|error| panic!("{error}"));
        let shown = format!("{:?}", server.http);
        assert!(!shown.contains("hunter"), "{shown}");
        let error = open("http://h", Some("hunter2\n"))
            .err()
            .unwrap_or_default();
        assert!(
            error.contains("`secret`") && !error.contains("hunter"),
            "{error}"
        );
    }
}
