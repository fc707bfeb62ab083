//! What exists on the fake Discord, and the rules by which it changes.

use super::{
    commands::{SentFile, attached},
    limits::{Buckets, Fault},
    payload,
    rest::Upload,
    sessions::Sessions,
    validate::{self, Refusal},
    wire::{Entry, What},
};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    time::{Duration, Instant},
};

pub const BOT: u64 = 900_000_000_000_000_018;
pub const APPLICATION: u64 = 900_000_000_000_000_019;
pub const ALICE: u64 = 80_351_110_224_678_912;
pub const BOB: u64 = 80_351_110_224_678_913;
/// Another bot in the guild.
pub const ROBOT: u64 = 80_351_110_224_678_914;
/// Shares no guild of the company with us.
pub const STRANGER: u64 = 80_351_110_224_678_915;
pub const GUILD: u64 = 81_384_788_765_712_384;
/// A guild of somebody else, that the bot was taken into.
pub const OTHER_GUILD: u64 = 81_384_788_765_712_385;
pub const GENERAL: u64 = 381_870_553_235_193_857;
pub const SUPPORT: u64 = 381_870_553_235_193_858;
pub const FORUM: u64 = 381_870_553_235_193_859;
/// A post in the forum.
pub const FORUM_POST: u64 = 381_870_553_235_193_860;
pub const OTHER_GENERAL: u64 = 381_870_553_235_193_861;
/// The direct conversation of a person is this plus the end of their id.
const DIRECT: u64 = 481_870_553_235_193_000;

/// How long a nonce is remembered: "the past few minutes".
const NONCE_MEMORY: Duration = Duration::from_secs(300);
const INTERACTION_DEADLINE: Duration = Duration::from_secs(3);
const HOUR: Duration = Duration::from_secs(3600);
/// Edits that a message older than an hour may still have.
const LATE_EDITS: u32 = 30;

pub mod kind {
    pub const REGULAR: u8 = 0;
    pub const REPLY: u8 = 19;
    pub const COMMAND: u8 = 20;
    pub const THREAD_STARTER: u8 = 21;
}

#[derive(Clone, Debug)]
pub struct User {
    pub id: u64,
    pub name: String,
    pub bot: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelKind {
    Text,
    Direct,
    Thread,
    Forum,
}

impl ChannelKind {
    pub fn number(self) -> u8 {
        match self {
            ChannelKind::Text => 0,
            ChannelKind::Direct => 1,
            ChannelKind::Thread => 11,
            ChannelKind::Forum => 15,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    View,
    Send,
    SendInThreads,
    CreateThreads,
    ReadHistory,
}

#[derive(Clone, Debug)]
pub struct Channel {
    pub id: u64,
    pub kind: ChannelKind,
    pub guild: Option<u64>,
    pub parent: Option<u64>,
    pub name: String,
    pub owner: u64,
    pub archived: bool,
    pub locked: bool,
    /// What the bot may not do here.
    pub denied: BTreeSet<Permission>,
}

#[derive(Clone, Debug)]
pub struct Message {
    pub id: u64,
    pub channel: u64,
    pub author: u64,
    pub kind: u8,
    pub content: String,
    pub components: Value,
    pub flags: u64,
    pub mentions: Vec<u64>,
    pub reference: Option<(u64, u64)>,
    pub nonce: Option<String>,
    pub webhook: bool,
    pub at: Duration,
    pub edited: Option<Duration>,
    pub late_edits: u32,
    /// Everybody who was ever notified by it.
    pub pings: Vec<String>,
    pub files: Vec<SentFile>,
    /// The one person who sees it.
    pub ephemeral_for: Option<u64>,
    /// "Lorekeeper is thinking…"
    pub thinking: bool,
}

impl Message {
    /// An empty one.
    pub fn of_bot(id: u64, channel: u64, at: Duration) -> Self {
        Self {
            id,
            channel,
            author: BOT,
            kind: kind::REGULAR,
            content: String::new(),
            components: json!([]),
            flags: 0,
            mentions: Vec::new(),
            reference: None,
            nonce: None,
            webhook: false,
            at,
            edited: None,
            late_edits: 0,
            pings: Vec::new(),
            files: Vec::new(),
            ephemeral_for: None,
            thinking: false,
        }
    }

    /// Written by somebody, and done.
    pub fn is_seen_by_all(&self) -> bool {
        matches!(self.kind, kind::REGULAR | kind::REPLY | kind::COMMAND)
            && self.ephemeral_for.is_none()
            && !self.thinking
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InteractionKind {
    Press,
    Command,
    /// Somebody types an option.
    Typing,
}

pub struct Interaction {
    pub token: String,
    pub at: Duration,
    pub callbacks: Vec<Value>,
    pub kind: InteractionKind,
    pub user: u64,
    pub channel: u64,
    /// The message that answers it.
    pub original: Option<u64>,
}

pub struct World {
    pub url: String,
    pub users: BTreeMap<u64, User>,
    pub members: BTreeMap<u64, BTreeSet<u64>>,
    pub channels: BTreeMap<u64, Channel>,
    pub messages: BTreeMap<u64, Message>,
    pub interactions: HashMap<u64, Interaction>,
    pub typing: Vec<(u64, Duration)>,
    /// By guild; those for everywhere under none.
    pub commands: BTreeMap<Option<u64>, Vec<Value>>,
    pub sessions: Sessions,
    pub buckets: Buckets,
    /// By method and end of the path; each happens once.
    pub faults: VecDeque<(String, String, Fault)>,
    pub wire: Vec<Entry>,
    /// The switch "Message Content Intent".
    pub message_content: bool,
    pub sessions_left: u32,
    started: Instant,
    skipped: Duration,
    next_id: u64,
}

impl World {
    pub fn new(url: String) -> Self {
        let user = |id, name: &str, bot| {
            (
                id,
                User {
                    id,
                    name: name.into(),
                    bot,
                },
            )
        };
        let people = [ALICE, BOB, ROBOT, BOT];
        let mut world = Self {
            url,
            users: BTreeMap::from([
                user(BOT, "lorekeeper", true),
                user(ALICE, "alice", false),
                user(BOB, "bob", false),
                user(ROBOT, "robot", true),
                user(STRANGER, "stranger", false),
            ]),
            members: BTreeMap::from([
                (GUILD, BTreeSet::from(people)),
                (OTHER_GUILD, BTreeSet::from([STRANGER, BOT])),
            ]),
            channels: BTreeMap::new(),
            messages: BTreeMap::new(),
            interactions: HashMap::new(),
            typing: Vec::new(),
            commands: BTreeMap::new(),
            sessions: Sessions::default(),
            buckets: Buckets::default(),
            faults: VecDeque::new(),
            wire: Vec::new(),
            message_content: true,
            sessions_left: 1000,
            started: Instant::now(),
            skipped: Duration::ZERO,
            next_id: 1_400_000_000_000_000_000,
        };
        world.add_channel(GENERAL, ChannelKind::Text, Some(GUILD), None, "general");
        world.add_channel(SUPPORT, ChannelKind::Text, Some(GUILD), None, "support");
        world.add_channel(FORUM, ChannelKind::Forum, Some(GUILD), None, "questions");
        world.add_channel(
            FORUM_POST,
            ChannelKind::Thread,
            Some(GUILD),
            Some(FORUM),
            "How do refunds work?",
        );
        world.add_channel(
            OTHER_GENERAL,
            ChannelKind::Text,
            Some(OTHER_GUILD),
            None,
            "general",
        );
        for person in [ALICE, BOB, STRANGER] {
            world.add_channel(Self::direct(person), ChannelKind::Direct, None, None, "");
        }
        world
    }

    pub fn direct(person: u64) -> u64 {
        DIRECT + person % 1000
    }

    fn add_channel(
        &mut self,
        id: u64,
        kind: ChannelKind,
        guild: Option<u64>,
        parent: Option<u64>,
        name: &str,
    ) {
        let channel = Channel {
            id,
            kind,
            guild,
            parent,
            name: name.into(),
            owner: ALICE,
            archived: false,
            locked: false,
            denied: BTreeSet::new(),
        };
        self.channels.insert(id, channel);
    }

    // TIME AND NAMES

    pub fn now(&self) -> Duration {
        self.started.elapsed() + self.skipped
    }

    pub fn skip(&mut self, time: Duration) {
        self.skipped += time;
    }

    pub fn timestamp(&self, at: Duration) -> String {
        let birth: DateTime<Utc> = "2026-09-21T09:00:00Z".parse().expect("a date");
        let at = birth + TimeDelta::from_std(at).expect("a short test");
        at.to_rfc3339_opts(SecondsFormat::Micros, false)
    }

    /// Ids grow with time, as snowflakes do.
    pub fn new_id(&mut self) -> u64 {
        self.next_id += 1 << 22;
        self.next_id
    }

    pub fn log(&mut self, what: What) {
        let at = self.now();
        self.wire.push(Entry { at, what });
    }

    pub fn user(&self, id: u64) -> &User {
        self.users
            .get(&id)
            .unwrap_or_else(|| panic!("no user {id}"))
    }

    pub fn channel(&self, id: u64) -> &Channel {
        self.channels
            .get(&id)
            .unwrap_or_else(|| panic!("no channel {id}"))
    }

    /// The faults that a test asked for, at the request that they are for.
    pub fn fault(&mut self, method: &str, path: &str) -> Option<Fault> {
        let path = path.split('?').next().unwrap_or_default();
        let here = |(m, ending, _): &(String, String, Fault)| {
            m == method && path.ends_with(ending.as_str())
        };
        let at = self.faults.iter().position(here)?;
        self.faults.remove(at).map(|(_, _, fault)| fault)
    }

    // WHAT THE BOT MAY DO

    pub fn visible_channel(&self, id: u64) -> Result<&Channel, Refusal> {
        let channel = self.channels.get(&id).ok_or(validate::UNKNOWN_CHANNEL)?;
        self.may(channel, Permission::View)
            .then_some(channel)
            .ok_or(validate::MISSING_ACCESS.into())
    }

    /// A thread inherits from its parent.
    fn may(&self, channel: &Channel, permission: Permission) -> bool {
        let parent = channel.parent.and_then(|parent| self.channels.get(&parent));
        !channel.denied.contains(&permission)
            && parent.is_none_or(|parent| !parent.denied.contains(&permission))
    }

    fn require(&self, channel: &Channel, permission: Permission) -> Result<(), Refusal> {
        self.may(channel, permission)
            .then_some(())
            .ok_or(validate::MISSING_PERMISSIONS.into())
    }

    // WHAT THE BOT DOES

    pub fn create_message(
        &mut self,
        channel: u64,
        body: &Value,
        uploads: &[Upload],
    ) -> Result<Value, Refusal> {
        let place = self.visible_channel(channel)?.clone();
        match place.kind {
            ChannelKind::Forum => return Err(validate::NOT_IN_FORUM.into()),
            ChannelKind::Thread => self.require(&place, Permission::SendInThreads)?,
            _ => self.require(&place, Permission::Send)?,
        }
        if place.locked {
            return Err(validate::THREAD_LOCKED.into());
        }
        let content = validate::message(body)?;
        let files = attached(body, uploads)?;
        let nonce = body["nonce"].as_str().map(str::to_string);
        if let Some(known) = self.known_by_nonce(nonce.as_deref(), body) {
            return Ok(payload::message(self, &known));
        }
        let reference = self.reference(&place, body)?;
        let message = Message {
            kind: if reference.is_some() {
                kind::REPLY
            } else {
                kind::REGULAR
            },
            pings: validate::pings(&content, body),
            content,
            components: body.get("components").cloned().unwrap_or_else(|| json!([])),
            flags: body["flags"].as_u64().unwrap_or(0),
            reference,
            nonce,
            files,
            ..Message::of_bot(self.new_id(), channel, self.now())
        };
        // Writing in an archived thread opens it again.
        self.channels
            .entry(channel)
            .and_modify(|place| place.archived = false);
        let mut response = payload::message(self, &message);
        if let Some(nonce) = &message.nonce {
            response["nonce"] = nonce.as_str().into();
        }
        self.publish(message);
        Ok(response)
    }

    fn known_by_nonce(&self, nonce: Option<&str>, body: &Value) -> Option<Message> {
        let nonce = nonce.filter(|_| body["enforce_nonce"] == true)?;
        let since = self.now().saturating_sub(NONCE_MEMORY);
        let same = |message: &&Message| {
            message.author == BOT && message.at >= since && message.nonce.as_deref() == Some(nonce)
        };
        self.messages.values().find(same).cloned()
    }

    fn reference(&self, place: &Channel, body: &Value) -> Result<Option<(u64, u64)>, Refusal> {
        let reference = &body["message_reference"];
        let Some(id) = reference["message_id"].as_str() else {
            return Ok(None);
        };
        self.require(place, Permission::ReadHistory)?;
        let target = id.parse().ok().and_then(|id| self.messages.get(&id));
        match target.filter(|target| target.channel == place.id) {
            Some(target) => Ok(Some((place.id, target.id))),
            None if reference["fail_if_not_exists"] == false => Ok(None),
            None => Err(validate::invalid_form(
                &["message_reference"],
                "MESSAGE_REFERENCE_UNKNOWN_MESSAGE",
                "Unknown message",
            )),
        }
    }

    pub fn edit_message(
        &mut self,
        channel: u64,
        id: u64,
        body: &Value,
        uploads: &[Upload],
    ) -> Result<Value, Refusal> {
        let archived = self.visible_channel(channel)?.archived;
        let now = self.now();
        let message = self
            .messages
            .get(&id)
            .filter(|message| message.channel == channel)
            .ok_or(validate::UNKNOWN_MESSAGE)?;
        if message.author != BOT {
            return Err(validate::NOT_THE_AUTHOR.into());
        }
        if archived {
            return Err(validate::THREAD_ARCHIVED.into());
        }
        let late = now > message.at + HOUR;
        if late && message.late_edits >= LATE_EDITS {
            return Err(validate::OLD_EDITS.into());
        }
        let mut merged = body.clone();
        if merged.get("content").is_none() {
            merged["content"] = message.content.as_str().into();
        }
        let content = validate::message(&merged)?;
        let files = attached(body, uploads)?;
        let mut message = message.clone();
        message.pings.extend(validate::pings(&content, body));
        message.content = content;
        if body.get("attachments").is_some() {
            message.files = files;
        }
        message.edited = Some(now);
        message.late_edits += u32::from(late);
        if let Some(components) = body.get("components") {
            message.components = components.clone();
        }
        if let Some(flags) = body["flags"].as_u64() {
            message.flags = flags;
        }
        self.messages.insert(id, message.clone());
        self.dispatch_message("MESSAGE_UPDATE", &message);
        Ok(payload::message(self, &message))
    }

    pub fn create_thread(
        &mut self,
        channel: u64,
        message: u64,
        body: &Value,
    ) -> Result<Value, Refusal> {
        let place = self.visible_channel(channel)?.clone();
        if place.kind != ChannelKind::Text {
            return Err(validate::WRONG_CHANNEL_TYPE.into());
        }
        let source = self
            .messages
            .get(&message)
            .filter(|source| source.channel == channel);
        let source = source.cloned().ok_or(validate::UNKNOWN_MESSAGE)?;
        self.require(&place, Permission::CreateThreads)?;
        let name = body["name"].as_str().unwrap_or_default();
        if !(1..=100).contains(&name.chars().count()) {
            return Err(validate::invalid_form(
                &["name"],
                "BASE_TYPE_BAD_LENGTH",
                "Must be between 1 and 100 in length.",
            ));
        }
        let archive = body["auto_archive_duration"].as_u64().unwrap_or(4320);
        if ![60, 1440, 4320, 10080].contains(&archive) {
            return Err(validate::invalid_form(
                &["auto_archive_duration"],
                "BASE_TYPE_CHOICES",
                "Value must be one of (60, 1440, 4320, 10080).",
            ));
        }
        if self.channels.contains_key(&message) {
            return Err(validate::THREAD_EXISTS.into());
        }
        // The thread has the id of the message that it is made from.
        self.add_channel(
            message,
            ChannelKind::Thread,
            place.guild,
            Some(channel),
            name,
        );
        self.channels
            .entry(message)
            .and_modify(|thread| thread.owner = BOT);
        let thread = payload::channel(self.channel(message));
        let mut created = thread.clone();
        created["newly_created"] = true.into();
        self.dispatch("THREAD_CREATE", created, place.guild);
        self.dispatch_message("MESSAGE_UPDATE", &source);
        let starter = Message {
            kind: kind::THREAD_STARTER,
            reference: Some((channel, message)),
            ..Message::of_bot(self.new_id(), message, self.now())
        };
        self.publish(starter);
        Ok(thread)
    }

    pub fn history(&self, channel: u64, after: u64, limit: usize) -> Result<Value, Refusal> {
        let place = self.visible_channel(channel)?;
        if !self.may(place, Permission::ReadHistory) {
            // Discord gives an empty list rather than an error.
            return Ok(json!([]));
        }
        let later = self.messages.range(after + 1..).map(|(_, message)| message);
        let mut page: Vec<Value> = later
            .filter(|message| message.channel == channel && message.ephemeral_for.is_none())
            .take(limit)
            .map(|message| payload::message(self, message))
            .collect();
        page.reverse();
        Ok(page.into())
    }

    pub fn message_in(&self, channel: u64, id: u64) -> Result<Value, Refusal> {
        let place = self.visible_channel(channel)?;
        self.require(place, Permission::ReadHistory)?;
        let message = self
            .messages
            .get(&id)
            .filter(|message| message.channel == channel);
        message
            .map(|message| payload::message(self, message))
            .ok_or(validate::UNKNOWN_MESSAGE.into())
    }

    pub fn type_in(&mut self, channel: u64) -> Result<Value, Refusal> {
        self.visible_channel(channel)?;
        let now = self.now();
        self.typing.push((channel, now));
        Ok(Value::Null)
    }

    pub fn member(&self, guild: u64, user: u64) -> Result<Value, Refusal> {
        let members =
            self.members
                .get(&guild)
                .ok_or(validate::refusal(404, 10004, "Unknown Guild"))?;
        members
            .contains(&user)
            .then(|| payload::member(self.user(user)))
            .ok_or(validate::UNKNOWN_MEMBER.into())
    }

    pub fn callback(&mut self, id: u64, token: &str, body: &Value) -> Result<Value, Refusal> {
        let now = self.now();
        let interaction = self
            .interactions
            .get_mut(&id)
            .ok_or(validate::UNKNOWN_INTERACTION)?;
        if interaction.token != token {
            return Err(validate::INVALID_WEBHOOK_TOKEN.into());
        }
        if !interaction.callbacks.is_empty() {
            return Err(validate::ALREADY_ACKNOWLEDGED.into());
        }
        if now > interaction.at + INTERACTION_DEADLINE {
            return Err(validate::UNKNOWN_INTERACTION.into());
        }
        if interaction.kind != InteractionKind::Press {
            self.command_callback(id, body)?;
        } else if !matches!(body["type"].as_u64(), Some(4..=9)) {
            return Err(validate::invalid_form(
                &["type"],
                "BASE_TYPE_CHOICES",
                "Value must be one of (4, 5, 6, 7, 8, 9).",
            ));
        }
        if let Some(interaction) = self.interactions.get_mut(&id) {
            interaction.callbacks.push(body.clone());
        }
        Ok(Value::Null)
    }

    // WHAT HAPPENS

    /// A message appears: it is kept, and told to every session.
    pub fn publish(&mut self, message: Message) -> u64 {
        let id = message.id;
        self.messages.insert(id, message.clone());
        self.dispatch_message("MESSAGE_CREATE", &message);
        id
    }

    fn dispatch_message(&mut self, event: &'static str, message: &Message) {
        let guild = self.channel(message.channel).guild;
        let full = payload::gateway_message(self, message);
        // Without the intent, only what concerns the bot keeps its content.
        let ours = message.author == BOT || guild.is_none() || message.mentions.contains(&BOT);
        let now = self.now();
        let frames = self.sessions.dispatch(event, guild, |content_intent| {
            let mut data = full.clone();
            if !content_intent && !ours {
                data["content"] = "".into();
                for list in ["embeds", "attachments", "components"] {
                    data[list] = json!([]);
                }
            }
            data
        });
        self.wire.extend(frames.into_iter().map(|frame| Entry {
            at: now,
            what: What::Sent(frame),
        }));
    }

    pub fn dispatch(&mut self, event: &'static str, data: Value, guild: Option<u64>) {
        let now = self.now();
        let frames = self.sessions.dispatch(event, guild, |_| data.clone());
        self.wire.extend(frames.into_iter().map(|frame| Entry {
            at: now,
            what: What::Sent(frame),
        }));
    }
}
