//! A Qdrant server's gRPC interface, as far as Lorekeeper asks it.
//!
//! It serves the traits that `qdrant-client` carries, so what arrives has gone
//! through the real client, HTTP/2 and protobuf. Behind them is no Qdrant, of
//! which there is none for tests, but a plain exact search in memory with the
//! server's formulas (cosine; sparse products with the logarithm of
//! 1 + (N - n + 0.5) / (n + 0.5)) and its refusals, in its words: unknown
//! collection, vector of another length, wrong key, a message too large, not
//! available. What it can't show:
//! recall of a graph, quantisation, shards and replicas; it only notes that
//! they were asked for. A condition that it does not know is refused, so that
//! no filter is passed over in silence.

mod collection;
mod services;

use collection::Collection;
use qdrant_client::qdrant::{
    CreateCollection, collections_server::CollectionsServer, points_server::PointsServer,
};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::{net::TcpListener, task::JoinHandle};
use tonic::{
    Request, Status,
    transport::{Server, server::TcpIncoming},
};

/// What the server holds, and how it feels.
#[derive(Default)]
pub struct State {
    pub collections: BTreeMap<String, Collection>,
    pub aliases: BTreeMap<String, String>,
    /// How each collection was asked for.
    pub created: Vec<CreateCollection>,
    pub key: Option<String>,
    /// So many calls are answered with `Unavailable` first.
    pub unavailable: usize,
    /// Every call, by its name.
    pub calls: Vec<&'static str>,
}

#[derive(Clone)]
pub struct FakeQdrant {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    serving: Arc<JoinHandle<()>>,
}

impl FakeQdrant {
    pub async fn start() -> Self {
        Self::with_message_limit(4 << 20).await
    }

    /// A server that takes messages of so many bytes.
    pub async fn with_message_limit(bytes: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("is bound");
        let state = Arc::new(Mutex::new(State::default()));
        let service = services::Service(state.clone());
        let serving = Server::builder()
            .add_service(CollectionsServer::new(service.clone()))
            .add_service(PointsServer::new(service).max_decoding_message_size(bytes))
            .serve_with_incoming(TcpIncoming::from(listener));
        let serving = tokio::spawn(async move { serving.await.expect("served") });
        Self {
            address,
            state,
            serving: Arc::new(serving),
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panicked with it")
    }
}

impl Drop for FakeQdrant {
    fn drop(&mut self) {
        if Arc::strong_count(&self.serving) == 1 {
            self.serving.abort();
        }
    }
}

impl State {
    /// What the real server looks at before it looks at a call.
    fn admit<T>(&mut self, call: &'static str, request: &Request<T>) -> Result<(), Status> {
        self.calls.push(call);
        if self.unavailable > 0 {
            self.unavailable -= 1;
            return Err(Status::unavailable("the server is starting"));
        }
        let given = request.metadata().get("api-key");
        let given = given.and_then(|key| key.to_str().ok());
        match &self.key {
            Some(_) if given.is_none() => Err(Status::unauthenticated(
                "Must provide an API key or an Authorization bearer token",
            )),
            Some(key) if given != Some(key) => {
                Err(Status::permission_denied("Invalid API key or JWT"))
            }
            _ => Ok(()),
        }
    }

    /// By its name or by an alias of it.
    fn collection(&mut self, name: &str) -> Result<&mut Collection, Status> {
        let name = self.aliases.get(name).map_or(name, String::as_str);
        self.collections.get_mut(name).ok_or_else(|| {
            Status::not_found(format!("Not found: Collection `{name}` doesn't exist!"))
        })
    }
}
