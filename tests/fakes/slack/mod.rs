//! A fake Slack: sockets, Web API, and people who type.
//!
//! It runs on a thread of its own, so that it outlives the runtime, and even
//! the process, of the bot that talks to it. It refuses what Slack refuses,
//! with Slack's codes, and writes down everything that crosses the wire.
//!
//! Retries are made by command (`redeliver`, `retry_unacked`), never by time;
//! events that no open socket took are sent again as soon as one opens, as
//! Slack does after a restart.

#![allow(
    dead_code,
    unused_imports,
    reason = "each test uses the part of Slack that it needs"
)]

mod commands;
mod faults;
mod files;
mod limits;
mod methods;
mod people;
mod server;
mod state;
mod validate;
mod view;
mod wire;

pub use faults::{Fault, Faults};
pub use files::File;
pub use people::{Asked, Events};
pub use state::{APP_TOKEN, BOT_TOKEN, BOT_USER, TEAM};
pub use view::VisibleMessage;
pub use wire::{Call, Entry, What};

use lorekeeper::config::SlackSection;
use state::{Frame, State};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
};

/// Longer than anything the bot waits for; a test that reaches it has failed.
const PATIENCE: Duration = Duration::from_secs(40);

pub struct FakeSlack {
    world: Arc<World>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct World {
    state: Mutex<State>,
    address: SocketAddr,
    changes: watch::Sender<u64>,
}

impl World {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changes.send_modify(|n| *n += 1);
    }

    /// Deliveries go elsewhere, and the peer finds out only by its own pings.
    async fn frozen(&self, socket: usize) {
        self.lock().close_socket(socket);
        self.changed();
        std::future::pending::<()>().await;
    }

    fn address(&self) -> String {
        self.address.to_string()
    }
}

impl FakeSlack {
    /// A workspace with the people U7 and U8, their direct conversations D7
    /// and D8, and the channels C1, C2 and C3, which the bot is in.
    pub fn start() -> Self {
        let (ready, started) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime can be made");
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0")
                    .await
                    .expect("a local port is free");
                let world = Arc::new(World {
                    state: Mutex::new(State::new()),
                    address: listener.local_addr().expect("the port is bound"),
                    changes: watch::Sender::new(0),
                });
                ready.send(world.clone()).expect("the test waits");
                tokio::select! {
                    served = axum::serve(listener, server::router(world)) => {
                        served.expect("the fake serves until it is stopped");
                    }
                    _ = stopped => {}
                }
            });
        });
        Self {
            world: started.recv().expect("the fake starts"),
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// For `slack.api_url` in the configuration.
    pub fn api_url(&self) -> String {
        format!("http://{}/api", self.world.address)
    }

    pub fn section(&self) -> SlackSection {
        SlackSection {
            bot_token: BOT_TOKEN.into(),
            app_token: APP_TOKEN.into(),
            api_url: Some(self.api_url()),
            sockets: 2,
        }
    }

    /// Waits until `look` finds something. Panics with the wire log if it never does.
    pub async fn until<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let mut changes = self.world.changes.subscribe();
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(found) = look(self) {
                    return found;
                }
                changes.changed().await.expect("the fake lives");
            }
        });
        match found.await {
            Ok(found) => found,
            Err(_) => panic!("never happened: {what}\n{}", self.wire()),
        }
    }

    pub async fn connected(&self, sockets: usize) {
        self.until("sockets are open", |slack| {
            (slack.open_sockets() >= sockets).then_some(())
        })
        .await;
    }

    pub fn open_sockets(&self) -> usize {
        self.lock().open_sockets().len()
    }

    /// How often a socket was opened since the start.
    pub fn sockets_ever(&self) -> usize {
        self.lock().sockets.len()
    }

    /// Waits until every event of a gesture is acknowledged.
    pub async fn acked(&self, asked: &Asked) {
        self.until("event is acknowledged", |slack| {
            slack.is_acked(asked).then_some(())
        })
        .await;
    }

    pub fn is_acked(&self, asked: &Asked) -> bool {
        let state = self.lock();
        asked.events.iter().all(|event| {
            let delivery = state.deliveries.iter().find(|d| d.event == *event);
            delivery.is_some_and(|d| d.acked)
        })
    }

    /// From sending to acknowledgement, for every acknowledged envelope.
    pub fn ack_times(&self) -> Vec<Duration> {
        let state = self.lock();
        let attempts = state.deliveries.iter().flat_map(|d| &d.attempts);
        attempts
            .filter_map(|attempt| Some(attempt.acked?.saturating_sub(attempt.sent)))
            .collect()
    }

    /// How often an event was acknowledged.
    pub fn acks_of(&self, asked: &Asked) -> usize {
        let state = self.lock();
        let deliveries = state.deliveries.iter();
        deliveries
            .filter(|d| asked.events.contains(&d.event))
            .flat_map(|d| &d.attempts)
            .filter(|attempt| attempt.acked.is_some())
            .count()
    }

    pub fn unacked(&self) -> usize {
        self.lock().deliveries.iter().filter(|d| !d.acked).count()
    }

    /// Sends every unacknowledged event once more.
    pub fn retry_unacked(&self) -> usize {
        self.change(|state| state.resend(|_, _| true))
    }

    /// Sends all events of a gesture again, acknowledged or not: a new
    /// envelope, the same `event_id`.
    pub fn redeliver(&self, asked: &Asked) {
        self.change(|state| {
            for at in 0..state.deliveries.len() {
                if asked.events.contains(&state.deliveries[at].event) {
                    state.send(at);
                }
            }
        });
    }

    /// The next events leave Slack but never arrive; only their retries do.
    pub fn lose_deliveries(&self, count: usize) {
        self.change(|state| state.lose_next = count);
    }

    pub fn fail(&self, method: &str, fault: Fault) {
        self.fail_times(method, fault, 1);
    }

    pub fn fail_times(&self, method: &str, fault: Fault, times: usize) {
        self.change(|state| state.faults.plan(method, None, fault, times));
    }

    pub fn fail_in(&self, channel: &str, method: &str, fault: Fault) {
        self.change(|state| state.faults.plan(method, Some(channel), fault, 1));
    }

    /// What was to go wrong and did not, no longer will.
    pub fn stop_failing(&self) {
        self.change(|state| state.faults = Faults::default());
    }

    /// Sends a disconnect frame to every open socket.
    pub fn disconnect(&self, reason: &str) {
        self.change(|state| {
            for socket in state.open_sockets() {
                state.disconnect(socket, reason);
            }
        });
    }

    /// Sends a disconnect frame to one open socket.
    pub fn disconnect_one(&self, reason: &str) {
        self.change(|state| {
            if let Some(&socket) = state.open_sockets().first() {
                state.disconnect(socket, reason);
            }
        });
    }

    /// Breaks every connection without a word.
    pub fn drop_sockets(&self) {
        self.change(|state| {
            for socket in state.open_sockets() {
                let _ = state.sockets[socket].frames.send(Frame::Drop);
            }
        });
    }

    /// One connection stays open and dead: half open, as after a lost route.
    pub fn freeze_one(&self) {
        self.change(|state| {
            if let Some(&socket) = state.open_sockets().first() {
                let _ = state.sockets[socket].frames.send(Frame::Freeze);
            }
        });
    }

    /// Sends a frame as it is to one open socket.
    pub fn send_frame(&self, frame: serde_json::Value) {
        self.change(|state| {
            if let Some(&socket) = state.open_sockets().first() {
                state.put(socket, frame.to_string());
            }
        });
    }

    pub fn revoke(&self, token: &'static str) {
        self.change(|state| state.revoked.insert(token));
    }

    pub fn advance(&self, by: Duration) {
        self.change(|state| state.advance(by));
    }

    pub fn calls(&self, method: &str) -> Vec<Call> {
        self.lock().wire.calls(method)
    }

    pub fn wire_entries(&self) -> Vec<Entry> {
        self.lock().wire.entries.clone()
    }

    pub fn wire(&self) -> String {
        self.lock().wire.to_string()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.world.lock()
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let outcome = change(&mut self.lock());
        self.world.changed();
        outcome
    }
}

impl Drop for FakeSlack {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
