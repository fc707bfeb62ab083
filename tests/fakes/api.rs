//! An HTTP API that answers as it is told, slowly or wrongly too, and a socket
//! that nobody should reach.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::{StreamExt, stream};
use serde_json::Value;
use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{net::TcpListener, task::JoinHandle, time::sleep};

/// One way to answer.
#[derive(Clone, Debug)]
pub enum Reply {
    Json(Value),
    /// Status, headers, body.
    Raw(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// JSON after a while.
    Late(Duration, Value),
    /// A byte now and then, without end.
    Drip,
    /// Bytes as fast as they are taken, without end and without a length.
    Flood,
    Hang,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        let json = vec![("content-type", "application/json".to_string())];
        Reply::Raw(status, json, b"{\"error\": \"no\"}".to_vec())
    }

    pub fn redirect(target: impl Into<String>) -> Self {
        Reply::Raw(302, vec![("location", target.into())], Vec::new())
    }

    pub fn linked(body: Value, link: impl Into<String>) -> Self {
        let headers = vec![
            ("content-type", "application/json".into()),
            ("link", link.into()),
        ];
        Reply::Raw(200, headers, body.to_string().into_bytes())
    }
}

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    /// Path and query, as they were on the wire.
    pub target: String,
    pub headers: HashMap<String, String>,
}

#[derive(Default)]
struct Script {
    replies: Mutex<HashMap<String, Reply>>,
    /// Each for one request, before those above.
    once: Mutex<HashMap<String, Reply>>,
    asked: Mutex<Vec<Asked>>,
}

pub struct FakeApi {
    pub address: SocketAddr,
    script: Arc<Script>,
    server: JoinHandle<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl FakeApi {
    pub async fn start() -> Self {
        Self::start_on("127.0.0.1".parse().expect("is an address")).await
    }

    pub async fn start_on(address: IpAddr) -> Self {
        let script = Arc::new(Script::default());
        let router = Router::new().fallback(answer).with_state(script.clone());
        let (address, server) = super::serve_on(address, router).await;
        Self {
            address,
            script,
            server,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What this path and query, or else this path, is answered with.
    pub fn on(&self, target: &str, reply: Reply) {
        lock(&self.script.replies).insert(target.into(), reply);
    }

    /// What the next request of this path and query is answered with.
    pub fn once(&self, target: &str, reply: Reply) {
        lock(&self.script.once).insert(target.into(), reply);
    }

    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.script.asked).clone()
    }

    /// Path and query of every request since the last time.
    pub fn take_targets(&self) -> Vec<String> {
        lock(&self.script.asked)
            .drain(..)
            .map(|asked| asked.target)
            .collect()
    }
}

impl Drop for FakeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(script): State<Arc<Script>>, request: Request) -> Response {
    let target = request.uri().to_string();
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| {
        (
            name.to_string(),
            String::from_utf8_lossy(value.as_bytes()).into_owned(),
        )
    });
    lock(&script.asked).push(Asked {
        method: request.method().to_string(),
        target: target.clone(),
        headers: headers.collect(),
    });
    let once = lock(&script.once).remove(&target);
    let reply = once.or_else(|| {
        let replies = lock(&script.replies);
        let known = replies.get(&target);
        known.or_else(|| replies.get(request.uri().path())).cloned()
    });
    let json = |value: Value| {
        (
            [(header::CONTENT_TYPE, "application/json")],
            value.to_string(),
        )
            .into_response()
    };
    let streamed =
        |body: Body| ([(header::CONTENT_TYPE, "application/json")], body).into_response();
    match reply {
        None => (StatusCode::NOT_FOUND, "no such path").into_response(),
        Some(Reply::Json(value)) => json(value),
        Some(Reply::Raw(status, headers, body)) => {
            let mut response =
                (StatusCode::from_u16(status).expect("a status"), body).into_response();
            response.headers_mut().clear();
            for (name, value) in headers {
                let value = HeaderValue::from_str(&value).expect("a value of a header");
                response
                    .headers_mut()
                    .append(HeaderName::from_static(name), value);
            }
            response
        }
        Some(Reply::Late(pause, value)) => {
            sleep(pause).await;
            json(value)
        }
        Some(Reply::Drip) => streamed(Body::from_stream(stream::repeat(()).then(|()| async {
            sleep(Duration::from_millis(20)).await;
            Ok::<_, std::io::Error>(Bytes::from_static(b" "))
        }))),
        Some(Reply::Flood) => {
            streamed(Body::from_stream(stream::repeat(()).map(|()| {
                Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 16_384]))
            })))
        }
        Some(Reply::Hang) => std::future::pending().await,
    }
}

/// A socket on every address of this machine that counts who comes.
pub struct SpySocket {
    pub port: u16,
    reached: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl SpySocket {
    pub async fn listen() -> Self {
        let listener = match TcpListener::bind("[::]:0").await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind("0.0.0.0:0").await.expect("a free port"),
        };
        Self::on(listener)
    }

    pub async fn listen_on(address: SocketAddr) -> Self {
        Self::on(TcpListener::bind(address).await.expect("the port is free"))
    }

    fn on(listener: TcpListener) -> Self {
        let port = listener.local_addr().expect("is bound").port();
        let reached = Arc::new(AtomicUsize::new(0));
        let count = reached.clone();
        let task = tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self {
            port,
            reached,
            task,
        }
    }

    pub fn reached(&self) -> usize {
        self.reached.load(Ordering::SeqCst)
    }
}

impl Drop for SpySocket {
    fn drop(&mut self) {
        self.task.abort();
    }
}
