//! A Jira and a Confluence, cloud or server, with their own paging and refusals.

pub mod confluence;
pub mod jira;

use crate::fakes::serve;
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
    response::{IntoResponse, Response},
};
use reqwest::Url;
use serde_json::{Value, json};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::task::JoinHandle;

/// `Basic base64(me@example.com:token)` and a personal access token.
pub const BASIC: &str = "Basic bWVAZXhhbXBsZS5jb206dG9rZW4=";
pub const BEARER: &str = "Bearer token";

/// Answers that come before the real ones: status and `Retry-After`.
pub type Faults = VecDeque<(u16, Option<&'static str>)>;

/// A fake on a port of its own, until it is dropped.
pub struct Served<S> {
    url: String,
    state: Arc<Mutex<S>>,
    task: JoinHandle<()>,
}

impl<S: Send + 'static> Served<S> {
    async fn serving(state: S, routes: Router<Arc<Mutex<S>>>) -> Self {
        let state = Arc::new(Mutex::new(state));
        let (address, task) = serve(routes.with_state(state.clone())).await;
        let url = format!("http://{address}");
        Self { url, state, task }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    fn state(&self) -> MutexGuard<'_, S> {
        self.state.lock().expect("nobody panicked")
    }
}

impl<S> Drop for Served<S> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A request as the fakes look at it.
pub struct Asked {
    pub path: Vec<String>,
    pub query: HashMap<String, String>,
    pub known: bool,
}

impl Asked {
    pub fn read(request: &Request<Body>) -> Self {
        let url = Url::parse(&format!("http://fake{}", request.uri())).expect("is an address");
        let segments = url.path_segments().into_iter().flatten();
        Self {
            path: segments.map(String::from).collect(),
            query: url.query_pairs().into_owned().collect(),
            known: is_known(request.headers()),
        }
    }

    pub fn parts(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    pub fn number(&self, key: &str, default: usize) -> usize {
        let text = self.query.get(key);
        text.and_then(|text| text.parse().ok()).unwrap_or(default)
    }

    pub fn text(&self, key: &str) -> &str {
        self.query.get(key).map_or("", String::as_str)
    }
}

fn is_known(headers: &HeaderMap) -> bool {
    let given = headers.get(header::AUTHORIZATION);
    given.is_some_and(|given| given == BASIC || given == BEARER)
}

pub fn answer(status: u16, body: Value) -> Response {
    let status = StatusCode::from_u16(status).expect("is a status");
    let headers = [(header::CONTENT_TYPE, "application/json;charset=UTF-8")];
    (status, headers, body.to_string()).into_response()
}

/// A file as it is downloaded; a stranger gets none.
pub fn download(asked: &Asked, bytes: Option<Vec<u8>>) -> Response {
    match (asked.known, bytes) {
        (false, _) => answer(403, json!({"message": "not permitted"})),
        (true, None) => answer(404, json!({"message": "Not Found"})),
        (true, Some(bytes)) => {
            let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
            (StatusCode::OK, kind, bytes).into_response()
        }
    }
}

pub fn fault((status, wait): (u16, Option<&'static str>)) -> Response {
    let mut response = answer(status, json!({"message": "not now"}));
    if let Some(wait) = wait {
        let wait = wait.parse().expect("is a header");
        response.headers_mut().insert(header::RETRY_AFTER, wait);
    }
    response
}

/// The texts in quotation marks after `word`, up to the closing bracket.
pub fn quoted_after(text: &str, word: &str) -> Vec<String> {
    let Some((_, rest)) = text.split_once(word) else {
        return Vec::new();
    };
    let list = rest.split(')').next().unwrap_or_default();
    let texts = list.split('"').skip(1).step_by(2);
    texts.map(String::from).collect()
}

/// The text in quotation marks that follows `word`.
pub fn value_after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(word)?;
    rest.split('"').nth(1)
}
