//! The gateway's side of the socket: hello, identify, resume, heartbeats.

use super::{
    Shared, TOKEN, payload,
    sessions::{Frame, MESSAGE_CONTENT},
    wire::What,
    world::{APPLICATION, BOT, World},
};
use axum::{
    extract::{
        State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket},
    },
    http::Uri,
    response::Response,
};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

mod op {
    pub const DISPATCH: u64 = 0;
    pub const HEARTBEAT: u64 = 1;
    pub const IDENTIFY: u64 = 2;
    pub const PRESENCE: u64 = 3;
    pub const VOICE: u64 = 4;
    pub const RESUME: u64 = 6;
    pub const INVALID_SESSION: u64 = 9;
    pub const HELLO: u64 = 10;
    pub const ACK: u64 = 11;
}

mod close {
    pub const UNKNOWN_OPCODE: u16 = 4001;
    pub const DECODE_ERROR: u16 = 4002;
    pub const NOT_AUTHENTICATED: u16 = 4003;
    pub const AUTHENTICATION_FAILED: u16 = 4004;
    pub const ALREADY_AUTHENTICATED: u16 = 4005;
    pub const INVALID_SEQ: u16 = 4007;
    pub const INVALID_VERSION: u16 = 4012;
    pub const DISALLOWED_INTENTS: u16 = 4014;
}

/// The most that a bot may send in one frame.
const PAYLOAD_LIMIT: usize = 4096;

pub async fn connect(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    upgrade: WebSocketUpgrade,
) -> Response {
    let v10 = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .any(|pair| pair == "v=10");
    upgrade.on_upgrade(move |socket| converse(shared, socket, v10))
}

async fn converse(shared: Arc<Shared>, mut socket: WebSocket, v10: bool) {
    let (sender, mut outgoing) = unbounded_channel();
    let id = shared.change(|world| {
        world.sessions.sockets += 1;
        world.log(What::Connected {
            session: world.sessions.sockets,
        });
        world.sessions.sockets
    });
    let _ = sender.send(if v10 {
        hello()
    } else {
        Frame::Close(close::INVALID_VERSION)
    });
    let mut talk = Talk {
        shared: shared.clone(),
        id,
        sender,
        identified: false,
    };
    let (ended, why) = loop {
        tokio::select! {
            frame = outgoing.recv() => match frame {
                Some(Frame::Json(value)) => {
                    if socket.send(Message::Text(value.to_string().into())).await.is_err() {
                        break (false, "broken".to_string());
                    }
                }
                Some(Frame::Close(code)) => {
                    let frame = CloseFrame { code, reason: "".into() };
                    let _ = socket.send(Message::Close(Some(frame))).await;
                    break (false, format!("we closed with {code}"));
                }
                Some(Frame::Drop) | None => break (false, "dropped".to_string()),
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => talk.hear(text.as_bytes()),
                Some(Ok(Message::Binary(bytes))) => talk.hear(&bytes),
                Some(Ok(Message::Close(frame))) => {
                    let code = frame.map_or(1005, |frame| frame.code);
                    // These two tell Discord that the bot does not come back.
                    break (matches!(code, 1000 | 1001), format!("bot closed with {code}"));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break (false, "gone".to_string()),
            },
        }
    };
    shared.change(|world| {
        world.sessions.disconnect(id, ended);
        world.log(What::Disconnected { session: id, why });
    });
}

fn hello() -> Frame {
    Frame::Json(
        json!({ "op": op::HELLO, "t": null, "s": null, "d": { "heartbeat_interval": 41_250 } }),
    )
}

struct Talk {
    shared: Arc<Shared>,
    id: usize,
    sender: UnboundedSender<Frame>,
    identified: bool,
}

impl Talk {
    fn hear(&mut self, bytes: &[u8]) {
        let frame: Value = match serde_json::from_slice(bytes) {
            Ok(frame) if bytes.len() <= PAYLOAD_LIMIT => frame,
            _ => return self.close(close::DECODE_ERROR),
        };
        let shared = self.shared.clone();
        shared.change(|world| {
            world.log(What::Received(frame.clone()));
            match frame["op"].as_u64() {
                Some(op::HEARTBEAT) => {
                    self.send(json!({ "op": op::ACK, "t": null, "s": null, "d": null }))
                }
                Some(op::IDENTIFY | op::RESUME) if self.identified => {
                    self.close(close::ALREADY_AUTHENTICATED)
                }
                Some(op::IDENTIFY) => self.identify(world, &frame["d"]),
                Some(op::RESUME) => self.resume(world, &frame["d"]),
                Some(op::PRESENCE | op::VOICE) if self.identified => {}
                Some(op::PRESENCE | op::VOICE) => self.close(close::NOT_AUTHENTICATED),
                _ => self.close(close::UNKNOWN_OPCODE),
            }
        });
    }

    fn identify(&mut self, world: &mut World, data: &Value) {
        let intents = data["intents"].as_u64().unwrap_or(0);
        if !is_token(&data["token"]) {
            return self.close(close::AUTHENTICATION_FAILED);
        }
        if intents & MESSAGE_CONTENT != 0 && !world.message_content {
            return self.close(close::DISALLOWED_INTENTS);
        }
        world.sessions_left = world.sessions_left.saturating_sub(1);
        self.identified = true;
        let bot = payload::user(world.user(BOT));
        let guilds: Vec<u64> = world
            .members
            .iter()
            .filter(|(_, members)| members.contains(&BOT))
            .map(|(&id, _)| id)
            .collect();
        let details: Vec<Value> = guilds.iter().map(|&id| payload::guild(world, id)).collect();
        let resume_at = world.url.replace("http://", "ws://") + "/gateway";
        let session = world.sessions.open(intents, self.id, self.sender.clone());
        let ready = json!({
            "v": 10,
            "user": bot,
            "guilds": guilds.iter().map(|id| json!({ "id": id.to_string(), "unavailable": true })).collect::<Vec<_>>(),
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": resume_at,
            "shard": data["shard"],
            "application": { "id": APPLICATION.to_string(), "flags": 0 },
            "private_channels": [],
            "presences": [],
            "relationships": [],
            "_trace": [],
        });
        let mut frames = vec![session.tell("READY", ready)];
        frames.extend(
            details
                .into_iter()
                .map(|guild| session.tell("GUILD_CREATE", guild)),
        );
        frames
            .into_iter()
            .for_each(|frame| world.log(What::Sent(frame)));
    }

    fn resume(&mut self, world: &mut World, data: &Value) {
        if !is_token(&data["token"]) {
            return self.close(close::AUTHENTICATION_FAILED);
        }
        let seq = data["seq"].as_u64().unwrap_or(0);
        let Some(session) = world
            .sessions
            .resumable(data["session_id"].as_str().unwrap_or_default())
        else {
            return self
                .send(json!({ "op": op::INVALID_SESSION, "t": null, "s": null, "d": false }));
        };
        if seq > session.seq {
            return self.close(close::INVALID_SEQ);
        }
        self.identified = true;
        session.socket = Some((self.id, self.sender.clone()));
        session.replay(seq);
        let resumed = session.tell("RESUMED", json!({ "_trace": [] }));
        debug_assert_eq!(resumed["op"], op::DISPATCH);
        world.log(What::Sent(resumed));
    }

    fn send(&self, frame: Value) {
        let _ = self.sender.send(Frame::Json(frame));
    }

    fn close(&self, code: u16) {
        let _ = self.sender.send(Frame::Close(code));
    }
}

fn is_token(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|token| token.trim_start_matches("Bot ") == TOKEN)
}
