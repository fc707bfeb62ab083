//! What kind of place each channel is, and whose people are ours.
//!
//! A message names its channel and not the channel's kind, so the kinds that
//! Discord tells at connecting are kept. They are a cache: a channel that is
//! missing here is asked for.

use crate::config::DiscordSection;
use serenity::all::{ChannelId, ChannelType, Event, GuildChannel, GuildId, PartialChannel};
use std::{
    collections::{HashMap, HashSet},
    sync::RwLock,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelKind {
    /// A conversation with one person.
    Direct,
    /// A channel in which threads are made from messages, or none at all.
    Plain,
    /// A thread or forum post.
    Thread { parent: ChannelId },
}

impl ChannelKind {
    pub fn of(channel: &GuildChannel) -> Self {
        use ChannelType::{NewsThread, PrivateThread, PublicThread};
        match (channel.kind, channel.parent_id) {
            (NewsThread | PublicThread | PrivateThread, Some(parent)) => {
                ChannelKind::Thread { parent }
            }
            _ => ChannelKind::Plain,
        }
    }

    /// As an interaction tells it.
    pub fn of_partial(channel: &PartialChannel) -> Self {
        use ChannelType::{NewsThread, PrivateThread, PublicThread};
        match (channel.kind, channel.parent_id) {
            (NewsThread | PublicThread | PrivateThread, Some(parent)) => {
                ChannelKind::Thread { parent }
            }
            (ChannelType::Private | ChannelType::GroupDm, _) => ChannelKind::Direct,
            _ => ChannelKind::Plain,
        }
    }

    /// The channel that people would name as the place of the conversation.
    pub fn channel(self, id: ChannelId) -> ChannelId {
        match self {
            ChannelKind::Thread { parent } => parent,
            ChannelKind::Direct | ChannelKind::Plain => id,
        }
    }
}

#[derive(Default)]
pub struct Places {
    /// Guilds named in the configuration. Empty: every guild that we are in.
    configured: HashSet<GuildId>,
    joined: RwLock<HashSet<GuildId>>,
    kinds: RwLock<HashMap<ChannelId, ChannelKind>>,
}

impl Places {
    pub fn new(config: &DiscordSection) -> Self {
        let parse = |guild: &String| guild.parse().ok().map(GuildId::new);
        Self {
            configured: config.guilds.iter().filter_map(parse).collect(),
            ..Self::default()
        }
    }

    pub fn kind(&self, channel: ChannelId) -> Option<ChannelKind> {
        read(&self.kinds).get(&channel).copied()
    }

    pub fn learn(&self, channel: ChannelId, kind: ChannelKind) {
        write(&self.kinds).insert(channel, kind);
    }

    /// Whether the members of this guild are the people of the company.
    pub fn serves(&self, guild: GuildId) -> bool {
        self.configured.is_empty() || self.configured.contains(&guild)
    }

    /// The guilds whose members are the people of the company.
    pub fn served(&self) -> Vec<GuildId> {
        if self.configured.is_empty() {
            read(&self.joined).iter().copied().collect()
        } else {
            self.configured.iter().copied().collect()
        }
    }

    pub fn join(&self, guilds: impl IntoIterator<Item = GuildId>) {
        write(&self.joined).extend(guilds);
    }

    /// Takes from an event what it says about channels and guilds.
    pub fn note(&self, event: &Event) {
        let learn = |channel: &GuildChannel| self.learn(channel.id, ChannelKind::of(channel));
        match event {
            Event::Ready(event) => self.join(event.ready.guilds.iter().map(|guild| guild.id)),
            Event::GuildCreate(event) => {
                self.join([event.guild.id]);
                event.guild.channels.values().for_each(learn);
                event.guild.threads.iter().for_each(learn);
            }
            Event::GuildDelete(event) if !event.guild.unavailable => {
                write(&self.joined).remove(&event.guild.id);
            }
            Event::ChannelCreate(event) => learn(&event.channel),
            Event::ChannelUpdate(event) => learn(&event.channel),
            Event::ChannelDelete(event) => self.forget(event.channel.id),
            Event::ThreadCreate(event) => learn(&event.thread),
            Event::ThreadUpdate(event) => learn(&event.thread),
            Event::ThreadListSync(event) => event.threads.iter().for_each(learn),
            Event::ThreadDelete(event) => self.forget(event.thread.id),
            _ => {}
        }
    }

    fn forget(&self, channel: ChannelId) {
        write(&self.kinds).remove(&channel);
    }
}

// A poisoned lock only says that another thread panicked; the maps are whole.
fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}
