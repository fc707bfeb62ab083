//! Fake log servers: Loki's and Elasticsearch's interfaces, with their refusals.
//!
//! They are fakes of ours, written after the published interfaces: neither
//! server can run beside these tests.

pub mod elastic;
pub mod loki;

use axum::{
    Json,
    body::{Body, Bytes},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::{StreamExt, stream};
use serde_json::Value;
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::sleep;

/// What a server does with the next request, in place of an answer.
#[derive(Clone, Debug)]
pub enum Trouble {
    Refuse(u16, Value),
    /// A byte every ten milliseconds, for ever.
    Drip,
    /// Never begins to answer.
    Hang,
    Redirect(String),
    /// This text, with status 200.
    Say(String),
    /// Megabytes without an end.
    Flood,
}

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub path: String,
    pub authorization: Option<String>,
    pub tenant: Option<String>,
    /// Parameters of the address.
    pub parameters: Vec<(String, String)>,
    pub body: Value,
}

impl Asked {
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
pub struct Desk {
    troubles: Mutex<VecDeque<Trouble>>,
    asked: Mutex<Vec<Asked>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    pub fn then(&self, trouble: Trouble) {
        lock(&self.troubles).push_back(trouble);
    }

    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.asked).clone()
    }

    fn note(&self, asked: Asked) {
        lock(&self.asked).push(asked);
    }

    /// The trouble that is due, as a response.
    async fn trouble(&self) -> Option<Response> {
        let trouble = lock(&self.troubles).pop_front()?;
        let endless = |bytes: Bytes, pause: Duration| {
            let drops = stream::repeat(bytes).then(move |bytes| async move {
                sleep(pause).await;
                Ok::<_, std::io::Error>(bytes)
            });
            Body::from_stream(drops).into_response()
        };
        Some(match trouble {
            Trouble::Refuse(status, body) => {
                let status = StatusCode::from_u16(status).expect("a status");
                match body {
                    // Loki's refusals are plain text.
                    Value::String(text) => (status, text).into_response(),
                    body => (status, Json(body)).into_response(),
                }
            }
            Trouble::Drip => endless(Bytes::from_static(b" "), Duration::from_millis(10)),
            Trouble::Flood => endless(Bytes::from(vec![b' '; 1 << 20]), Duration::ZERO),
            Trouble::Hang => std::future::pending().await,
            Trouble::Redirect(to) => {
                (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response()
            }
            Trouble::Say(text) => text.into_response(),
        })
    }
}
