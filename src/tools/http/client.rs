//! One GET, with its redirects, within the caps.

use super::{
    address::Admitted, failure::CallError, places::Places, request::encode,
    resolver::CheckedResolver,
};
use crate::config::ApiAuth;
use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;
use reqwest::{
    Response, StatusCode, Url,
    dns::Resolve,
    header::{
        ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName,
        HeaderValue, LINK, LOCATION, RETRY_AFTER,
    },
    redirect::Policy,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::{sync::Arc, time::Duration};

const MAX_REDIRECTS: usize = 5;

/// Many servers close a connection that rested for five seconds. One that is
/// closed while a request is on its way would lose that request.
const REST: Duration = Duration::from_secs(3);

/// A shorter secret stands in any text by chance.
const TELLING_BYTES: usize = 6;

pub(super) struct Client {
    http: reqwest::Client,
    places: Places,
    auth: Option<ApiAuth>,
}

/// What came back.
#[derive(Debug)]
pub(super) enum Fetched {
    Page(Page),
    /// There is no such thing, or nothing in it.
    Nothing,
}

#[derive(Debug)]
pub(super) struct Page {
    pub body: Value,
    /// Where the body came from, after redirects.
    pub url: Url,
    /// The header `Link`, as it is.
    pub links: Vec<String>,
    pub bytes: usize,
}

impl Client {
    /// The error completes "api `x`: …".
    pub(super) fn new(
        places: Places,
        admitted: Admitted,
        resolver: Arc<dyn Resolve>,
        auth: Option<ApiAuth>,
        timeout: Duration,
    ) -> Result<Self, String> {
        if let Some(auth) = &auth {
            auth_header(auth)?;
        }
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        // What is not compressed can't unfold to more than the cap.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let http = reqwest::Client::builder()
            .user_agent(concat!("lorekeeper/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .dns_resolver(Arc::new(CheckedResolver::new(resolver, admitted)))
            // A proxy would connect to addresses that nobody checked.
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(timeout)
            .pool_idle_timeout(REST)
            .build()
            .map_err(|error| format!("no client can be made: {}", error.without_url()))?;
        Ok(Self { http, places, auth })
    }

    /// Reads at most `bytes`. The caller keeps the time.
    pub(super) async fn get(
        &self,
        url: &Url,
        arguments: &HeaderMap,
        bytes: usize,
    ) -> Result<Fetched, CallError> {
        let (response, url) = self.follow(url, arguments).await?;
        read(response, url, bytes, self.telling_secret()).await
    }

    /// A file of any kind, of at most `bytes`; `None`: there is no such thing.
    pub(super) async fn file(&self, url: &Url, bytes: usize) -> Result<Option<Vec<u8>>, CallError> {
        let anything = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("*/*"))]);
        let (response, _) = self.follow(url, &anything).await?;
        match content(response)? {
            Some(response) => body(response, bytes).await.map(Some),
            None => Ok(None),
        }
    }

    /// The response at the end of the redirects, and where it came from.
    async fn follow(&self, url: &Url, arguments: &HeaderMap) -> Result<(Response, Url), CallError> {
        let mut url = self.without_secret(url.clone());
        // Once it has led elsewhere, a way back is a stranger's choice.
        let mut at_home = true;
        for _ in 0..=MAX_REDIRECTS {
            self.places.check(&url).map_err(CallError::Place)?;
            at_home &= self.places.is_home(&url);
            let response = self.send(&url, arguments, at_home).await?;
            if !is_redirect(response.status()) {
                return Ok((response, url));
            }
            let target = response
                .headers()
                .get(LOCATION)
                .and_then(|target| target.to_str().ok());
            let target = target
                .and_then(|target| url.join(target).ok())
                .ok_or(CallError::NoLocation)?;
            let target = self.without_secret(target);
            if !self.places.is_home(&target) && self.has_secret(&target) {
                return Err(CallError::SecretInRedirect);
            }
            url = target;
        }
        Err(CallError::Redirects(MAX_REDIRECTS))
    }

    async fn send(
        &self,
        url: &Url,
        arguments: &HeaderMap,
        at_home: bool,
    ) -> Result<Response, CallError> {
        if !at_home {
            return Ok(self.http.get(url.clone()).send().await?);
        }
        let mut url = url.clone();
        let mut headers = arguments.clone();
        match &self.auth {
            Some(ApiAuth::Basic { user, secret }) => {
                let request = self.http.get(url).headers(headers);
                return Ok(request
                    .basic_auth(user, Some(secret.expose_secret()))
                    .send()
                    .await?);
            }
            Some(ApiAuth::Query { name, secret }) => {
                let pair = format!("{}={}", encode(name), encode(secret.expose_secret()));
                let query = match url.query() {
                    Some(query) if !query.is_empty() => format!("{query}&{pair}"),
                    _ => pair,
                };
                url.set_query(Some(&query));
            }
            Some(auth) => {
                if let Ok(Some((name, value))) = auth_header(auth) {
                    headers.insert(name, value);
                }
            }
            None => {}
        }
        Ok(self.http.get(url).headers(headers).send().await?)
    }

    /// An address that the API gave us may repeat the secret that we gave it.
    fn without_secret(&self, mut url: Url) -> Url {
        let Some(ApiAuth::Query { name, .. }) = &self.auth else {
            return url;
        };
        let is_secret = |pair: &&str| {
            let key = pair.split('=').next().unwrap_or_default().replace('+', " ");
            percent_decode_str(&key).decode_utf8_lossy() == name.as_str()
        };
        let Some(query) = url.query() else {
            return url;
        };
        let kept: Vec<&str> = query.split('&').filter(|pair| !is_secret(pair)).collect();
        let kept = kept.join("&");
        url.set_query((!kept.is_empty()).then_some(kept.as_str()));
        url
    }

    fn has_secret(&self, url: &Url) -> bool {
        let Some(secret) = self.telling_secret() else {
            return false;
        };
        let decoded = percent_decode_str(url.as_str())
            .decode_utf8_lossy()
            .into_owned();
        let secret = secret.expose_secret();
        decoded.contains(secret)
            || decoded.replace('+', " ").contains(secret)
            || url.as_str().contains(secret)
    }

    fn telling_secret(&self) -> Option<&SecretString> {
        let secret = match self.auth.as_ref()? {
            ApiAuth::Bearer { secret }
            | ApiAuth::Basic { secret, .. }
            | ApiAuth::Header { secret, .. }
            | ApiAuth::Query { secret, .. } => secret,
        };
        (secret.expose_secret().len() >= TELLING_BYTES).then_some(secret)
    }
}

/// The header that carries the secret, if one does. The error never repeats it.
fn auth_header(auth: &ApiAuth) -> Result<Option<(HeaderName, HeaderValue)>, String> {
    let (name, text) = match auth {
        ApiAuth::Bearer { secret } => (
            "authorization",
            format!("Bearer {}", secret.expose_secret()),
        ),
        ApiAuth::Basic { user, secret } => {
            // The client writes it, so there is nothing that it could not carry.
            return match user.contains(':')
                || format!("{user}{}", secret.expose_secret()).contains(char::is_control)
            {
                true => Err("`auth` has a user with a `:`, or control characters".into()),
                false => Ok(None),
            };
        }
        ApiAuth::Header { name, secret } => (name.as_str(), secret.expose_secret().to_string()),
        ApiAuth::Query { name, .. } => {
            return if name.is_empty() {
                Err("`auth.name` is empty".into())
            } else {
                Ok(None)
            };
        }
    };
    let name = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| "`auth.name` is no name of a header")?;
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| "`auth.secret` has characters that no header can carry")?;
    value.set_sensitive(true);
    Ok(Some((name, value)))
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// A response that has what was asked for; `None`: there is no such thing.
fn content(response: Response) -> Result<Option<Response>, CallError> {
    let status = response.status();
    if matches!(
        status,
        StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::NO_CONTENT
    ) {
        return Ok(None);
    }
    if !status.is_success() {
        return Err(match wait_of(&response) {
            Some(wait) => CallError::Later { status, wait },
            None => CallError::Status(status),
        });
    }
    let encoding = response.headers().get(CONTENT_ENCODING);
    if encoding
        .and_then(|encoding| encoding.to_str().ok())
        .is_some_and(|encoding| !encoding.trim().eq_ignore_ascii_case("identity"))
    {
        return Err(CallError::Compressed);
    }
    Ok(Some(response))
}

async fn body(mut response: Response, limit: usize) -> Result<Vec<u8>, CallError> {
    if response
        .content_length()
        .is_some_and(|length| length > limit as u64)
    {
        return Err(CallError::TooLarge(limit));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > limit {
            return Err(CallError::TooLarge(limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

async fn read(
    response: Response,
    url: Url,
    limit: usize,
    secret: Option<&SecretString>,
) -> Result<Fetched, CallError> {
    let Some(response) = content(response)? else {
        return Ok(Fetched::Nothing);
    };
    let header = |name: HeaderName| {
        response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let kind = header(CONTENT_TYPE).unwrap_or("nothing").to_string();
    if !is_json(&kind) {
        return Err(CallError::NotJson(
            kind.chars().filter(|c| !c.is_control()).take(80).collect(),
        ));
    }
    let links = response.headers().get_all(LINK).iter();
    let links = links
        .filter_map(|link| link.to_str().ok())
        .map(String::from)
        .collect();
    let bytes = body(response, limit).await?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Fetched::Nothing);
    }
    let size = bytes.len();
    let bytes = without(bytes, secret);
    let body = serde_json::from_slice(&bytes).map_err(CallError::BadJson)?;
    Ok(Fetched::Page(Page {
        body,
        url,
        links,
        bytes: size,
    }))
}

/// What a busy server asks for, in seconds or as a time (RFC 9110, 10.2.3).
fn wait_of(response: &Response) -> Option<Duration> {
    let status = response.status();
    if !matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    ) {
        return None;
    }
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let until = DateTime::parse_from_rfc2822(text).ok()?;
    Some((until.to_utc() - Utc::now()).to_std().unwrap_or_default())
}

/// Some APIs repeat what they are sent.
fn without(bytes: Vec<u8>, secret: Option<&SecretString>) -> Vec<u8> {
    let Some(secret) = secret else {
        return bytes;
    };
    match std::str::from_utf8(&bytes) {
        Ok(text) if text.contains(secret.expose_secret()) => text
            .replace(secret.expose_secret(), "[secret]")
            .into_bytes(),
        _ => bytes,
    }
}

/// `application/json`, `text/json`, `application/problem+json`.
fn is_json(kind: &str) -> bool {
    let kind = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    matches!(
        kind.as_str(),
        "application/json" | "text/json" | "application/x-json"
    ) || kind.ends_with("+json")
}
