//! A fake Discord: HTTP API and gateway on one port of this machine.
//!
//! It refuses what Discord refuses, with Discord's codes, and keeps a log of
//! everything said. It lives on a thread of its own until it is dropped, so
//! that a test may start the bot in itself or as another process, kill it, and
//! start it again. Its clock runs by itself and can be moved ahead.

mod commands;
mod gateway;
mod limits;
mod payload;
mod rest;
mod sessions;
mod validate;
mod wire;
mod world;

pub use commands::SentFile;
pub use limits::{Fault, Scope};
pub use wire::{Entry, Request, What};
pub use world::{
    ALICE, APPLICATION, BOB, BOT, FORUM_POST, GENERAL, GUILD, OTHER_GENERAL, Permission, ROBOT,
    STRANGER, SUPPORT,
};

use axum::{Router, routing::any};
use lorekeeper::config::{CommandScope, DiscordSection};
use serde_json::{Value, json};
use sessions::Frame;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};
use tokio::sync::{oneshot, watch};
use world::{Interaction, InteractionKind, Message, World, kind};

/// The only token that is let in.
pub const TOKEN: &str = "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs";
/// What a test waits for must happen within this.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct FakeDiscord {
    shared: Arc<Shared>,
    url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the server's tasks and the test both hold.
struct Shared {
    world: Mutex<World>,
    changes: watch::Sender<u64>,
}

impl Shared {
    fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let outcome = change(&mut self.world());
        self.changes.send_modify(|n| *n += 1);
        outcome
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A message as a person in the channel sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisibleMessage {
    pub id: u64,
    pub author: u64,
    pub content: String,
    /// The emoji on its buttons.
    pub buttons: Vec<String>,
    pub reply_to: Option<u64>,
    pub edited: bool,
    /// Everybody who was ever notified by it: `@everyone`, `<@1>`.
    pub pings: Vec<String>,
    /// Whether links unfold into previews.
    pub previews: bool,
    pub files: Vec<SentFile>,
}

impl FakeDiscord {
    pub fn start() -> Self {
        let (started, address) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || serve(&started, stopped));
        let (shared, url) = address.recv().expect("the fake Discord starts");
        Self {
            shared,
            url,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// For `discord.api_url`.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// A configuration that leads here.
    pub fn section(&self) -> DiscordSection {
        DiscordSection {
            bot_token: TOKEN.into(),
            api_url: Some(self.url()),
            guilds: vec![GUILD.to_string()],
            commands: CommandScope::Global,
        }
    }

    // WHAT PEOPLE DO

    /// Says something to the bot, and gives the message's id: the id, too, of
    /// the thread that is made from it.
    pub fn mention(&self, person: u64, channel: u64, text: &str) -> u64 {
        let text = format!("<@{BOT}> {text}");
        self.publish(person, channel, |message| {
            message.content = text;
            message.mentions = vec![BOT];
        })
    }

    /// Says something without naming the bot.
    pub fn say(&self, person: u64, channel: u64, text: &str) -> u64 {
        self.publish(person, channel, |message| message.content = text.into())
    }

    /// Answers a message, naming nobody; the author is pinged as Discord does by default.
    pub fn reply(&self, person: u64, to: u64, text: &str) -> u64 {
        let (channel, author) = {
            let world = self.shared.world();
            let to = &world.messages[&to];
            (to.channel, to.author)
        };
        self.publish(person, channel, |message| {
            message.kind = kind::REPLY;
            message.content = text.into();
            message.mentions = vec![author];
            message.reference = Some((channel, to));
        })
    }

    pub fn dm(&self, person: u64, text: &str) -> u64 {
        self.say(person, self.direct(person), text)
    }

    /// The channel of a person's direct conversation with the bot.
    pub fn direct(&self, person: u64) -> u64 {
        World::direct(person)
    }

    /// A message of a webhook that names the bot.
    pub fn webhook(&self, channel: u64, text: &str) -> u64 {
        let text = format!("<@{BOT}> {text}");
        self.publish(ROBOT, channel, |message| {
            message.content = text;
            message.mentions = vec![BOT];
            message.webhook = true;
        })
    }

    /// A message of Discord itself: somebody joined, pinned, boosted.
    pub fn system(&self, person: u64, channel: u64, kind: u8) -> u64 {
        self.publish(person, channel, |message| {
            message.kind = kind;
            message.mentions = vec![BOT];
        })
    }

    fn publish(&self, author: u64, channel: u64, fill: impl FnOnce(&mut Message)) -> u64 {
        self.shared.change(|world| {
            let mut message = Message::of_bot(world.new_id(), channel, world.now());
            message.author = author;
            fill(&mut message);
            world.publish(message)
        })
    }

    pub fn change_text(&self, message: u64, text: &str) {
        self.shared.change(|world| {
            let now = world.now();
            let message = world.messages.get_mut(&message).expect("a message");
            message.content = text.into();
            message.edited = Some(now);
            let message = message.clone();
            let data = payload::gateway_message(world, &message);
            let guild = world.channel(message.channel).guild;
            world.dispatch("MESSAGE_UPDATE", data, guild);
        });
    }

    pub fn delete(&self, message: u64) {
        self.shared.change(|world| {
            let gone = world.messages.remove(&message).expect("a message");
            let data = json!({ "id": gone.id.to_string(), "channel_id": gone.channel.to_string() });
            let guild = world.channel(gone.channel).guild;
            world.dispatch("MESSAGE_DELETE", data, guild);
        });
    }

    pub fn react(&self, person: u64, message: u64, emoji: &str) {
        self.reaction(
            "MESSAGE_REACTION_ADD",
            person,
            message,
            json!({ "id": null, "name": emoji }),
            false,
        );
    }

    pub fn super_react(&self, person: u64, message: u64, emoji: &str) {
        self.reaction(
            "MESSAGE_REACTION_ADD",
            person,
            message,
            json!({ "id": null, "name": emoji }),
            true,
        );
    }

    pub fn unreact(&self, person: u64, message: u64, emoji: &str) {
        self.reaction(
            "MESSAGE_REACTION_REMOVE",
            person,
            message,
            json!({ "id": null, "name": emoji }),
            false,
        );
    }

    /// With an emoji of the guild's own.
    pub fn react_custom(&self, person: u64, message: u64, name: &str) {
        let emoji = json!({ "id": "41771983429993937", "name": name, "animated": false });
        self.reaction("MESSAGE_REACTION_ADD", person, message, emoji, false);
    }

    fn reaction(&self, event: &'static str, person: u64, message: u64, emoji: Value, burst: bool) {
        self.shared.change(|world| {
            let target = &world.messages[&message];
            let guild = world.channel(target.channel).guild;
            let mut data = json!({
                "user_id": person.to_string(),
                "channel_id": target.channel.to_string(),
                "message_id": message.to_string(),
                "emoji": emoji,
                "burst": burst,
                "type": u8::from(burst),
            });
            if let Some(guild) = guild {
                data["guild_id"] = guild.to_string().into();
            }
            // A removal says neither who wrote the message nor who the member is.
            if event == "MESSAGE_REACTION_ADD" {
                data["message_author_id"] = target.author.to_string().into();
                if guild.is_some() {
                    data["member"] = payload::member(world.user(person));
                }
            }
            world.dispatch(event, data, guild);
        });
    }

    /// Presses the button with this emoji, and gives the interaction's id.
    pub fn press(&self, person: u64, message: u64, emoji: &str) -> u64 {
        self.shared.change(|world| {
            let target = world.messages[&message].clone();
            let button = buttons(&target.components).into_iter().find(|button| button["emoji"]["name"] == emoji);
            let button = button.unwrap_or_else(|| panic!("message {message} has no button {emoji}"));
            let channel = world.channel(target.channel).clone();
            let (id, token) = (world.new_id(), format!("interaction-token-{}", world.interactions.len()));
            let mut data = json!({
                "id": id.to_string(),
                "application_id": world::APPLICATION.to_string(),
                "type": 3,
                "token": token,
                "version": 1,
                "channel_id": channel.id.to_string(),
                "channel": { "id": channel.id.to_string(), "type": channel.kind.number(), "name": channel.name, "permissions": "0" },
                "message": payload::message(world, &target),
                "data": { "custom_id": button["custom_id"], "component_type": 2 },
                "app_permissions": "2248473465835073",
                "locale": "en-US",
                "entitlements": [],
                "authorizing_integration_owners": {},
                "attachment_size_limit": 10_485_760,
            });
            match channel.guild {
                Some(guild) => {
                    data["guild_id"] = guild.to_string().into();
                    data["member"] = payload::member(world.user(person));
                    data["member"]["permissions"] = "0".into();
                }
                None => data["user"] = payload::user(world.user(person)),
            }
            let at = world.now();
            world.interactions.insert(id, Interaction {
                token,
                at,
                callbacks: Vec::new(),
                kind: InteractionKind::Press,
                user: person,
                channel: target.channel,
                original: None,
            });
            world.dispatch("INTERACTION_CREATE", data, None);
            id
        })
    }

    // WHAT PEOPLE SEE

    /// The messages of a channel or thread, oldest first, without Discord's own.
    pub fn visible(&self, channel: u64) -> Vec<VisibleMessage> {
        let world = self.shared.world();
        let here = world
            .messages
            .values()
            .filter(|message| message.channel == channel);
        here.filter(|message| message.is_seen_by_all())
            .map(VisibleMessage::of)
            .collect()
    }

    /// What the bot said in a channel or thread.
    pub fn answers(&self, channel: u64) -> Vec<VisibleMessage> {
        self.visible(channel)
            .into_iter()
            .filter(|message| message.author == BOT)
            .collect()
    }

    /// The bot's newest message anywhere.
    pub fn last_reply(&self) -> Option<VisibleMessage> {
        let world = self.shared.world();
        let ours = |message: &&Message| message.author == BOT && message.is_seen_by_all();
        world
            .messages
            .values()
            .rev()
            .find(ours)
            .map(VisibleMessage::of)
    }

    pub fn thread_name(&self, thread: u64) -> Option<String> {
        self.shared
            .world()
            .channels
            .get(&thread)
            .map(|thread| thread.name.clone())
    }

    /// Where the bot was seen typing.
    pub fn typing(&self) -> Vec<u64> {
        self.shared
            .world()
            .typing
            .iter()
            .map(|(channel, _)| *channel)
            .collect()
    }

    /// The answers that an interaction got.
    pub fn callbacks(&self, interaction: u64) -> Vec<Value> {
        self.shared.world().interactions[&interaction]
            .callbacks
            .clone()
    }

    // WHAT WENT OVER THE WIRE

    /// The requests of a method to paths with this ending.
    pub fn requests(&self, method: &str, ending: &str) -> Vec<Request> {
        let entries = self.wire().into_iter();
        let request = |entry: Entry| match entry.what {
            What::Request(request) if request.is(method, ending) => Some(request),
            _ => None,
        };
        entries.filter_map(request).collect()
    }

    pub fn wire(&self) -> Vec<Entry> {
        self.shared.world().wire.clone()
    }

    /// The whole log as text.
    pub fn wire_text(&self) -> String {
        self.wire()
            .iter()
            .map(|entry| format!("{entry}\n"))
            .collect()
    }

    /// The gateway frames from the bot with this opcode.
    pub fn received(&self, op: u64) -> Vec<Value> {
        let frame = |entry: Entry| match entry.what {
            What::Received(frame) if frame["op"] == op => Some(frame),
            _ => None,
        };
        self.wire().into_iter().filter_map(frame).collect()
    }

    // WAITING

    /// Waits until `look` finds something. A test that waits in vain shows the log.
    pub async fn until<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let mut changes = self.shared.changes.subscribe();
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                changes.borrow_and_update();
                if let Some(found) = look(self) {
                    return found;
                }
                changes.changed().await.expect("the fake Discord lives");
            }
        });
        found
            .await
            .unwrap_or_else(|_| panic!("waited in vain for {what}; the log:\n{}", self.wire_text()))
    }

    /// Until this many sockets are identified.
    pub async fn connected(&self, sockets: usize) {
        self.until("the bot to connect", |discord| {
            (discord.shared.world().sessions.connected() >= sockets).then_some(())
        })
        .await;
    }

    pub fn sockets_open(&self) -> usize {
        self.shared.world().sessions.connected()
    }

    // WHAT GOES WRONG

    /// The next request of this method to a path with this ending goes wrong.
    /// Several faults for the same request happen one after the other.
    pub fn fail(&self, method: &str, ending: &str, fault: Fault) {
        self.shared.change(|world| {
            world
                .faults
                .push_back((method.into(), ending.into(), fault))
        });
    }

    /// What was to go wrong and did not, no longer will.
    pub fn stop_failing(&self) {
        self.shared.change(|world| world.faults.clear());
    }

    /// The connection breaks without a word.
    pub fn drop_socket(&self) {
        self.shared
            .change(|world| world.sessions.send(&Frame::Drop));
    }

    pub fn close_socket(&self, code: u16) {
        self.shared
            .change(|world| world.sessions.send(&Frame::Close(code)));
    }

    /// Opcode 7: "connect again and resume".
    pub fn ask_to_reconnect(&self) {
        self.shared.change(|world| {
            world.sessions.send(&Frame::Json(
                json!({ "op": 7, "t": null, "s": null, "d": null }),
            ))
        });
    }

    /// Opcode 9: the session is over, or can be resumed.
    pub fn invalidate_session(&self, resumable: bool) {
        self.shared.change(|world| {
            world.sessions.send(&Frame::Json(
                json!({ "op": 9, "t": null, "s": null, "d": resumable }),
            ));
            if !resumable {
                world
                    .sessions
                    .all
                    .iter_mut()
                    .for_each(|session| session.ended = true);
            }
        });
    }

    /// Sends again every event after `seq`, as after a resume from there.
    pub fn replay(&self, seq: u64) {
        self.shared.change(|world| {
            world
                .sessions
                .all
                .iter()
                .for_each(|session| session.replay(seq))
        });
    }

    /// Turns "Message Content Intent" off, as it is for a new application.
    pub fn forbid_message_content(&self) {
        self.shared.change(|world| world.message_content = false);
    }

    pub fn leave_sessions(&self, left: u32) {
        self.shared.change(|world| world.sessions_left = left);
    }

    pub fn deny(&self, channel: u64, permission: Permission) {
        self.shared.change(|world| {
            world
                .channels
                .get_mut(&channel)
                .expect("a channel")
                .denied
                .insert(permission)
        });
    }

    pub fn archive(&self, thread: u64) {
        self.shared
            .change(|world| world.channels.get_mut(&thread).expect("a thread").archived = true);
    }

    pub fn lock(&self, thread: u64) {
        self.shared
            .change(|world| world.channels.get_mut(&thread).expect("a thread").locked = true);
    }

    /// Moves the server's clock: nonces, interactions, limits.
    pub fn advance(&self, time: Duration) {
        self.shared.change(|world| world.skip(time));
    }
}

impl VisibleMessage {
    fn of(message: &Message) -> Self {
        Self {
            id: message.id,
            author: message.author,
            content: message.content.clone(),
            buttons: buttons(&message.components)
                .iter()
                .filter_map(|button| Some(button["emoji"]["name"].as_str()?.into()))
                .collect(),
            reply_to: message.reference.map(|(_, id)| id),
            edited: message.edited.is_some(),
            pings: message.pings.clone(),
            previews: message.flags & (1 << 2) == 0,
            files: message.files.clone(),
        }
    }
}

fn buttons(components: &Value) -> Vec<Value> {
    let rows = components.as_array().into_iter().flatten();
    rows.filter_map(|row| row["components"].as_array())
        .flatten()
        .cloned()
        .collect()
}

fn serve(started: &mpsc::Sender<(Arc<Shared>, String)>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared {
            world: Mutex::new(World::new(url.clone())),
            changes: watch::Sender::new(0),
        });
        let app = Router::new()
            .route("/gateway", any(gateway::connect))
            .fallback(rest::answer)
            .with_state(shared.clone());
        started.send((shared, url)).expect("the test waits");
        tokio::select! {
            _ = async { axum::serve(listener, app).await } => {}
            _ = stopped => {}
        }
    });
}

impl Drop for FakeDiscord {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
