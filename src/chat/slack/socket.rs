//! Events in, over several sockets.
//!
//! Connections are slack-morphism's; what happens to a frame is decided here,
//! because its own listener drops the fields that we need. A frame's
//! acknowledgement is what `on_message` returns: `None` lets Slack send the
//! event again.

use super::{
    APP_TOKEN, BOT_TOKEN, Identity, SlackError,
    client::is_token_death,
    events::{self, Envelope, Frame, Meaning},
    mrkdwn,
    readers::ReaderCache,
    web::{CallError, WebApi},
};
use crate::{
    domain::{Incoming, reply},
    ports::{BoxError, SharedSink},
};
use async_trait::async_trait;
use serde_json::json;
use slack_morphism::{
    SlackClientSocketModeConfig, SlackSocketModeClientListener, SlackSocketModeWssClientId,
    clients_manager::{SlackSocketModeClientsManager, SlackSocketModeClientsManagerFactory},
    listener::SlackClientEventsListenerEnvironment,
};
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

/// Slack sends an event again after three seconds. A store that takes longer
/// than this must not hold up the frames behind.
const STORE_LIMIT: Duration = Duration::from_millis(2_500);

/// How long a socket may be missing before we ask Slack whether our token still works.
const GRACE: Duration = Duration::from_secs(1);

const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// A socket without an answer to three pings is replaced within 50 seconds.
const PING_SECONDS: u64 = 10;
const PINGS_MISSED: u64 = 3;

pub struct Socket {
    pub me: Identity,
    pub sink: SharedSink,
    pub stop: CancellationToken,
    pub web: Arc<WebApi>,
    pub readers: Arc<ReaderCache>,
    pub count: u32,
}

type Manager = dyn SlackSocketModeClientsManager + Send + Sync;

impl Socket {
    pub async fn run(self) -> Result<(), SlackError> {
        let environment = Arc::new(SlackClientEventsListenerEnvironment::new(
            self.web.client.clone(),
        ));
        let connector = self.web.client.http_api.connector.clone();
        let manager = connector.new_clients_manager(environment);
        let listener = Arc::new(Listener::new(&self, &manager));
        manager
            .register_new_token(
                &socket_config(self.count),
                self.web.app_token.clone(),
                listener.clone(),
            )
            .await
            .map_err(|e| SlackError::Unreachable(e.to_string()))?;
        manager.start().await;
        let end = self.watch(&listener).await;
        manager.shutdown().await;
        info!("Disconnected from Slack");
        end
    }

    /// Returns on `stop`, or once Slack will never let us in again: the
    /// library itself would try for ever.
    async fn watch(&self, listener: &Listener) -> Result<(), SlackError> {
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return Ok(()),
                () = listener.revoked.notified() => {
                    return Err(BOT_TOKEN.refused("token_revoked"));
                }
                () = listener.lost.notified() => sleep(GRACE).await,
                () = sleep(LOOK_AGAIN) => {}
            }
            let open = listener.open().len();
            if open >= self.count as usize || self.stop.is_cancelled() {
                continue;
            }
            match self.web.open_connection().await {
                Err(CallError::Refused(code)) if is_token_death(&code) => {
                    return Err(APP_TOKEN.refused(code));
                }
                Err(error) => warn!(
                    slack.open = open,
                    error = %error,
                    "Only {open} of {} Slack sockets are open", self.count
                ),
                Ok(()) => debug!(slack.open = open, "Waiting for Slack sockets to open again"),
            }
        }
    }
}

fn socket_config(count: u32) -> SlackClientSocketModeConfig {
    SlackClientSocketModeConfig::new()
        .with_max_connections_count(count)
        // All at once: the library's default makes the second wait five seconds.
        .with_initial_backoff_in_seconds(0)
        // Spread, so that many bots do not come back in the same second.
        .with_reconnect_timeout_in_seconds(rand::random_range(8..14))
        .with_ping_interval_in_seconds(PING_SECONDS)
        .with_ping_failure_threshold_times(PINGS_MISSED)
}

struct Listener {
    me: Identity,
    sink: SharedSink,
    stop: CancellationToken,
    readers: Arc<ReaderCache>,
    count: u32,
    manager: Weak<Manager>,
    open: Mutex<HashSet<String>>,
    lost: Notify,
    revoked: Notify,
}

impl Listener {
    fn new(socket: &Socket, manager: &Arc<Manager>) -> Self {
        Self {
            me: socket.me.clone(),
            sink: socket.sink.clone(),
            stop: socket.stop.clone(),
            readers: socket.readers.clone(),
            count: socket.count,
            manager: Arc::downgrade(manager),
            open: Mutex::default(),
            lost: Notify::new(),
            revoked: Notify::new(),
        }
    }

    fn open(&self) -> MutexGuard<'_, HashSet<String>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn replace(&self, socket: &SlackSocketModeWssClientId) {
        self.open().remove(&socket.to_string());
        self.lost.notify_one();
        if self.stop.is_cancelled() {
            return;
        }
        if let Some(manager) = self.manager.upgrade() {
            manager.restart_client(socket).await;
        }
    }

    /// True: acknowledge it.
    async fn take(&self, envelope: &Envelope) -> bool {
        match events::read(envelope, &self.me) {
            Meaning::Incoming(incoming) => self.hand_over(incoming, envelope).await,
            Meaning::Changed(changed) => {
                self.readers.forget(&changed);
                true
            }
            Meaning::Revoked => {
                self.revoked.notify_one();
                true
            }
        }
    }

    async fn hand_over(&self, incoming: Incoming, envelope: &Envelope) -> bool {
        let must_be_stored = match &incoming {
            Incoming::Question(_) | Incoming::Feedback(_) => true,
            Incoming::Ignored(_) => false,
            Incoming::Unknown { kind } => {
                warn!(
                    slack.kind = kind,
                    "Slack sent an event of a kind that we do not know"
                );
                false
            }
        };
        let began = Instant::now();
        let stored = match timeout(STORE_LIMIT, self.sink.accept(incoming)).await {
            Ok(outcome) => outcome,
            Err(elapsed) => Err(elapsed.into()),
        };
        debug!(
            slack.envelope = envelope.envelope_id,
            store.micros = began.elapsed().as_micros() as u64,
            "Stored an event"
        );
        match stored {
            Ok(()) => true,
            Err(_) if !must_be_stored => true,
            Err(error) => {
                warn!(
                    slack.envelope = envelope.envelope_id,
                    slack.retry = envelope.retry_attempt,
                    error = %error,
                    "Event is not stored and not acknowledged, Slack will send it again"
                );
                false
            }
        }
    }
}

/// What Slack is told of an envelope; `None` lets it send the event again. A
/// command is never sent again, so its person is told at once in both cases,
/// and nobody but them.
fn acknowledgement(envelope: &Envelope, taken: bool) -> Option<String> {
    let mut answer = json!({ "envelope_id": envelope.envelope_id });
    match events::typed_command(envelope) {
        None if !taken => return None,
        Some(line) if envelope.accepts_response_payload => {
            let text = match taken {
                true => reply::command::taken(&line),
                false => reply::command::NOT_TAKEN.into(),
            };
            answer["payload"] = json!({
                "response_type": "ephemeral",
                "text": mrkdwn::escape(&text),
            });
        }
        _ => {}
    }
    Some(answer.to_string())
}

#[async_trait]
impl SlackSocketModeClientListener for Listener {
    async fn on_message(
        &self,
        socket: &SlackSocketModeWssClientId,
        body: String,
    ) -> Option<String> {
        let received = Instant::now();
        match events::read_frame(&body) {
            Frame::Hello { connections } => {
                self.open().insert(socket.to_string());
                info!(slack.connections = connections, "Slack socket is open");
                if connections > self.count {
                    warn!(
                        slack.connections = connections,
                        "Another process uses this app token and takes a share of the events"
                    );
                }
                None
            }
            Frame::Disconnect { reason } => {
                info!(
                    slack.reason = reason,
                    "Slack asks to replace a socket: {reason}"
                );
                self.replace(socket).await;
                None
            }
            // Stopping: what is not taken now is sent again to whoever comes next.
            Frame::Envelope(_) if self.stop.is_cancelled() => None,
            Frame::Envelope(envelope) => {
                let taken = self.take(&envelope).await;
                debug!(
                    slack.envelope = envelope.envelope_id,
                    slack.micros = received.elapsed().as_micros() as u64,
                    slack.acknowledged = taken,
                    "Took an envelope"
                );
                acknowledgement(&envelope, taken)
            }
            Frame::Unreadable => {
                warn!("Slack sent a frame that can't be read");
                None
            }
        }
    }

    /// Followed by `on_disconnect`, which acts. The error may quote a frame, so
    /// it is not logged.
    async fn on_error(&self, _error: BoxError) {
        debug!("Slack socket failed");
    }

    async fn on_disconnect(&self, socket: &SlackSocketModeWssClientId) {
        self.replace(socket).await;
    }
}
