//! Gateway sessions: who is connected, what each was told, what it missed.

use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

mod intent {
    pub const GUILDS: u64 = 1 << 0;
    pub const GUILD_MESSAGES: u64 = 1 << 9;
    pub const GUILD_REACTIONS: u64 = 1 << 10;
    pub const DIRECT_MESSAGES: u64 = 1 << 12;
    pub const DIRECT_REACTIONS: u64 = 1 << 13;
    pub const MESSAGE_CONTENT: u64 = 1 << 15;
}

pub const MESSAGE_CONTENT: u64 = intent::MESSAGE_CONTENT;

/// What goes down a socket.
#[derive(Clone, Debug)]
pub enum Frame {
    Json(Value),
    Close(u16),
    /// The connection breaks.
    Drop,
}

pub struct Session {
    pub id: String,
    pub intents: u64,
    pub seq: u64,
    /// Every event of this session, for a resume.
    pub told: Vec<Value>,
    /// Where it is connected at the moment.
    pub socket: Option<(usize, UnboundedSender<Frame>)>,
    pub ended: bool,
}

#[derive(Default)]
pub struct Sessions {
    pub all: Vec<Session>,
    pub sockets: usize,
}

impl Sessions {
    pub fn open(
        &mut self,
        intents: u64,
        socket: usize,
        sender: UnboundedSender<Frame>,
    ) -> &mut Session {
        let id = format!("session{}", self.all.len() + 1);
        self.all.push(Session {
            id,
            intents,
            seq: 0,
            told: Vec::new(),
            socket: Some((socket, sender)),
            ended: false,
        });
        self.all.last_mut().expect("one was pushed")
    }

    pub fn resumable(&mut self, id: &str) -> Option<&mut Session> {
        self.all
            .iter_mut()
            .find(|session| session.id == id && !session.ended)
    }

    pub fn connected(&self) -> usize {
        self.all
            .iter()
            .filter(|session| session.socket.is_some())
            .count()
    }

    pub fn disconnect(&mut self, socket: usize, ended: bool) {
        for session in &mut self.all {
            if session.socket.as_ref().is_some_and(|(id, _)| *id == socket) {
                session.socket = None;
                session.ended |= ended;
            }
        }
    }

    /// To every connected socket, outside the sequence.
    pub fn send(&mut self, frame: &Frame) {
        for (_, sender) in self
            .all
            .iter()
            .filter_map(|session| session.socket.as_ref())
        {
            let _ = sender.send(frame.clone());
        }
    }

    /// Tells an event to the sessions whose intents ask for it; gives the
    /// frames that went out.
    pub fn dispatch(
        &mut self,
        event: &'static str,
        guild: Option<u64>,
        data: impl Fn(bool) -> Value,
    ) -> Vec<Value> {
        let needed = intents_for(event, guild.is_some());
        let listening = |session: &&mut Session| {
            !session.ended && (needed == 0 || session.intents & needed != 0)
        };
        self.all
            .iter_mut()
            .filter(listening)
            .map(|session| {
                session.tell(event, data(session.intents & intent::MESSAGE_CONTENT != 0))
            })
            .collect()
    }
}

impl Session {
    pub fn tell(&mut self, event: &str, data: Value) -> Value {
        self.seq += 1;
        let frame = json!({ "op": 0, "t": event, "s": self.seq, "d": data });
        self.told.push(frame.clone());
        self.send(frame.clone());
        frame
    }

    /// Tells again what came after `seq`.
    pub fn replay(&self, seq: u64) {
        for frame in self
            .told
            .iter()
            .filter(|frame| frame["s"].as_u64() > Some(seq))
        {
            self.send(frame.clone());
        }
    }

    fn send(&self, frame: Value) {
        if let Some((_, sender)) = &self.socket {
            let _ = sender.send(Frame::Json(frame));
        }
    }
}

fn intents_for(event: &str, in_guild: bool) -> u64 {
    match event {
        "MESSAGE_CREATE" | "MESSAGE_UPDATE" | "MESSAGE_DELETE" if in_guild => {
            intent::GUILD_MESSAGES
        }
        "MESSAGE_CREATE" | "MESSAGE_UPDATE" | "MESSAGE_DELETE" => intent::DIRECT_MESSAGES,
        reaction if reaction.starts_with("MESSAGE_REACTION") && in_guild => intent::GUILD_REACTIONS,
        reaction if reaction.starts_with("MESSAGE_REACTION") => intent::DIRECT_REACTIONS,
        "THREAD_CREATE" | "GUILD_CREATE" => intent::GUILDS,
        _ => 0,
    }
}
