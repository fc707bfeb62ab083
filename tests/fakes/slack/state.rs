//! The workspace: people, channels, messages, reactions, and what went out.

use super::{
    commands::{Ephemeral, ResponseUrl},
    faults::Faults,
    files::File,
    limits::Buckets,
    wire::{What, Wire},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::sync::mpsc::UnboundedSender;

pub const TEAM: &str = "T1";
pub const BOT_USER: &str = "UBOT";
pub const BOT_ID: &str = "BBOT";
pub const BOT_TOKEN: &str = "xoxb-fake-bot-token";
pub const APP_TOKEN: &str = "xapp-fake-app-token";

pub struct State {
    started: Instant,
    /// Added to the real time by `advance`.
    offset: Duration,
    last_ts: u64,
    counter: u64,
    pub people: HashMap<String, Person>,
    pub channels: HashMap<String, Channel>,
    pub sockets: Vec<Socket>,
    next_socket: usize,
    pub tickets: HashSet<String>,
    pub deliveries: Vec<Delivery>,
    pub lose_next: usize,
    pub revoked: HashSet<&'static str>,
    pub faults: Faults,
    pub buckets: Buckets,
    pub wire: Wire,
    pub responses: Vec<ResponseUrl>,
    /// By channel.
    pub ephemerals: Vec<(String, Ephemeral)>,
    pub files: Vec<File>,
}

#[derive(Clone, Default)]
pub struct Person {
    pub team: Option<&'static str>,
    pub restricted: bool,
    pub deleted: bool,
    pub bot: bool,
}

#[derive(Default)]
pub struct Channel {
    pub direct_with: Option<String>,
    pub ext_shared: bool,
    pub bot_is_out: bool,
    pub archived: bool,
    pub messages: Vec<Stored>,
}

#[derive(Clone, Debug)]
pub struct Stored {
    pub ts: String,
    pub thread_ts: Option<String>,
    pub user: String,
    pub text: String,
    pub blocks: Value,
    pub metadata: Value,
    pub by_bot: bool,
    /// Every state that readers saw, the newest last.
    pub versions: Vec<String>,
    pub reactions: BTreeMap<String, Vec<String>>,
    pub pings: Vec<String>,
    pub unfurls: bool,
    pub files: Vec<Value>,
}

impl Stored {
    /// An empty message of the bot.
    pub fn of_bot(ts: String) -> Self {
        Self {
            ts,
            thread_ts: None,
            user: BOT_USER.into(),
            text: String::new(),
            blocks: Value::Null,
            metadata: Value::Null,
            by_bot: true,
            versions: Vec::new(),
            reactions: BTreeMap::new(),
            pings: Vec::new(),
            unfurls: false,
            files: Vec::new(),
        }
    }
}

pub struct Socket {
    pub open: bool,
    pub frames: UnboundedSender<Frame>,
}

pub enum Frame {
    Text(String),
    /// The connection breaks without a closing handshake.
    Drop,
    /// The connection stays open, and nothing is read or answered any more.
    Freeze,
}

/// One event, however often it was sent.
pub struct Delivery {
    pub event: String,
    pub kind: &'static str,
    pub payload: Value,
    pub attempts: Vec<Attempt>,
    pub acked: bool,
}

pub struct Attempt {
    pub envelope: String,
    /// `None`: it never left.
    pub socket: Option<usize>,
    pub sent: Duration,
    pub acked: Option<Duration>,
}

impl State {
    pub fn new() -> Self {
        let mut state = Self {
            started: Instant::now(),
            offset: Duration::ZERO,
            last_ts: 0,
            counter: 0,
            people: HashMap::new(),
            channels: HashMap::new(),
            sockets: Vec::new(),
            next_socket: 0,
            tickets: HashSet::new(),
            deliveries: Vec::new(),
            lose_next: 0,
            revoked: HashSet::new(),
            faults: Faults::default(),
            buckets: Buckets::default(),
            wire: Wire::default(),
            responses: Vec::new(),
            ephemerals: Vec::new(),
            files: Vec::new(),
        };
        for user in ["U7", "U8"] {
            state.people.insert(user.into(), Person::default());
            let direct = Channel {
                direct_with: Some(user.into()),
                ..Channel::default()
            };
            state.channels.insert(user.replace('U', "D"), direct);
        }
        let bot = Person {
            bot: true,
            ..Person::default()
        };
        state.people.insert(BOT_USER.into(), bot);
        for channel in ["C1", "C2", "C3"] {
            state.channels.insert(channel.into(), Channel::default());
        }
        state
    }

    pub fn now(&self) -> Duration {
        self.started.elapsed() + self.offset
    }

    pub fn advance(&mut self, by: Duration) {
        self.offset += by;
    }

    /// A timestamp as Slack writes it, later than every one before.
    pub fn next_ts(&mut self) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("the clock is past 1970")
            + self.offset;
        self.last_ts = (self.last_ts + 1).max(now.as_micros() as u64);
        format!(
            "{}.{:06}",
            self.last_ts / 1_000_000,
            self.last_ts % 1_000_000
        )
    }

    pub fn next_id(&mut self, prefix: &str) -> String {
        self.counter += 1;
        format!("{prefix}{:08}", self.counter)
    }

    pub fn message(&mut self, channel: &str, ts: &str) -> Option<&mut Stored> {
        self.channels
            .get_mut(channel)?
            .messages
            .iter_mut()
            .find(|m| m.ts == ts)
    }

    /// Puts an event into the queue and sends it. Returns its event id.
    pub fn emit(&mut self, event: Value) -> String {
        let event_id = self.next_id("Ev");
        let channel = event["channel"]
            .as_str()
            .or(event["item"]["channel"].as_str())
            .unwrap_or_default();
        let shared = self.channels.get(channel).is_some_and(|c| c.ext_shared);
        let payload = json!({
            "token": "verification",
            "team_id": TEAM,
            "context_team_id": TEAM,
            "context_enterprise_id": null,
            "api_app_id": "A1",
            "event": event,
            "type": "event_callback",
            "event_id": event_id,
            "event_time": self.last_ts / 1_000_000,
            "authorizations": [{
                "enterprise_id": null,
                "team_id": TEAM,
                "user_id": BOT_USER,
                "is_bot": true,
                "is_enterprise_install": false,
            }],
            "is_ext_shared_channel": shared,
            "event_context": format!("4-{event_id}"),
        });
        self.queue(event_id, "events_api", payload)
    }

    pub fn queue(&mut self, event: String, kind: &'static str, payload: Value) -> String {
        self.deliveries.push(Delivery {
            event: event.clone(),
            kind,
            payload,
            attempts: Vec::new(),
            acked: false,
        });
        let at = self.deliveries.len() - 1;
        if self.lose_next > 0 {
            self.lose_next -= 1;
            let sent = self.now();
            self.deliveries[at].attempts.push(Attempt {
                envelope: String::new(),
                socket: None,
                sent,
                acked: None,
            });
        } else {
            self.send(at);
        }
        event
    }

    /// Sends a delivery to any one open socket, in a new envelope.
    pub fn send(&mut self, at: usize) {
        let envelope = self.next_id("envelope-");
        let sent = self.now();
        let socket = self.any_socket();
        let delivery = &mut self.deliveries[at];
        let retry = delivery.attempts.len() as u32;
        delivery.attempts.push(Attempt {
            envelope: envelope.clone(),
            socket,
            sent,
            acked: None,
        });
        let Some(socket) = socket else { return };
        let mut frame = json!({
            "envelope_id": envelope,
            "type": delivery.kind,
            "accepts_response_payload": delivery.kind == "slash_commands",
            "payload": delivery.payload,
        });
        if retry > 0 {
            frame["retry_attempt"] = retry.into();
            frame["retry_reason"] = "timeout".into();
        }
        let event = delivery.event.clone();
        self.put(socket, frame.to_string());
        self.wire.write(
            sent,
            What::Sent {
                socket,
                envelope,
                event,
                retry,
            },
        );
    }

    pub fn put(&mut self, socket: usize, text: String) {
        // A socket that just closed loses the frame, as on a real wire.
        let _ = self.sockets[socket].frames.send(Frame::Text(text));
    }

    /// Round robin: the strictest reading of "to any one of them".
    fn any_socket(&mut self) -> Option<usize> {
        let open: Vec<usize> = self.open_sockets();
        let socket = *open.get(self.next_socket % open.len().max(1))?;
        self.next_socket += 1;
        Some(socket)
    }

    pub fn open_sockets(&self) -> Vec<usize> {
        (0..self.sockets.len())
            .filter(|&n| self.sockets[n].open)
            .collect()
    }

    pub fn open_socket(&mut self, frames: UnboundedSender<Frame>) -> usize {
        self.sockets.push(Socket { open: true, frames });
        let socket = self.sockets.len() - 1;
        let count = self.open_sockets().len();
        self.wire.write(self.now(), What::SocketOpened { socket });
        self.put(
            socket,
            json!({
                "type": "hello",
                "num_connections": count,
                "connection_info": { "app_id": "A1" },
                "debug_info": {
                    "host": "applink-1",
                    "started": "2026-01-01 00:00:00.000",
                    "build_number": 1,
                    "approximate_connection_time": 3600,
                },
            })
            .to_string(),
        );
        if count > 10 {
            self.disconnect(socket, "too_many_websockets");
        }
        self.resend(|state, delivery| {
            let last = delivery.attempts.last().and_then(|attempt| attempt.socket);
            delivery.attempts.is_empty() || last.is_none_or(|n| !state.sockets[n].open)
        });
        socket
    }

    pub fn close_socket(&mut self, socket: usize) {
        self.sockets[socket].open = false;
        self.wire.write(self.now(), What::SocketClosed { socket });
    }

    pub fn disconnect(&mut self, socket: usize, reason: &str) {
        self.wire.write(
            self.now(),
            What::Disconnect {
                socket,
                reason: reason.into(),
            },
        );
        let frame = json!({ "type": "disconnect", "reason": reason, "debug_info": { "host": "applink-1" } });
        self.put(socket, frame.to_string());
    }

    pub fn acked(&mut self, socket: usize, envelope: &str, payload: &Value) {
        let mut commands = Vec::new();
        let now = self.now();
        self.wire.write(
            now,
            What::Acked {
                socket,
                envelope: envelope.into(),
                payload: payload.clone(),
            },
        );
        for delivery in &mut self.deliveries {
            for attempt in &mut delivery.attempts {
                if attempt.envelope == envelope {
                    if delivery.kind == "slash_commands" && !delivery.acked {
                        commands.push((delivery.event.clone(), attempt.sent));
                    }
                    attempt.acked = Some(now);
                    delivery.acked = true;
                }
            }
        }
        for (event, sent) in commands {
            self.command_acked(&event, sent, payload);
        }
    }

    /// Sends unacknowledged deliveries again, as Slack does up to three times.
    pub fn resend(&mut self, which: impl Fn(&State, &Delivery) -> bool) -> usize {
        let due: Vec<usize> = (0..self.deliveries.len())
            .filter(|&at| {
                let delivery = &self.deliveries[at];
                !delivery.acked && which(self, delivery)
            })
            .collect();
        for &at in &due {
            self.send(at);
        }
        due.len()
    }
}
