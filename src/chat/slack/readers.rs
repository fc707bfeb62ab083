//! Who would read a reply, as Slack tells it.
//!
//! Answers are kept for [`KEPT`], so that the check before the lookup and the
//! one before the post cost little; an event that says otherwise drops them at
//! once. Any failure is [`Readers::Unknown`].
//!
//! Not known here: guests among the other members of a channel. Slack tells
//! only by listing every member.

use super::{
    Identity,
    events::Changed,
    web::{CallError, WebApi},
};
use crate::domain::{Actor, Membership, PersonId, Place, PlaceKind, Readers};
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;
use tracing::warn;

/// The bound on what an unseen change costs.
const KEPT: Duration = Duration::from_secs(60);

const CAPACITY: usize = 10_000;

pub struct ReaderCache {
    web: Arc<WebApi>,
    me: Identity,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    channels: HashMap<String, (Instant, ChannelKind)>,
    people: HashMap<String, (Instant, Membership)>,
    /// Counts changes: what was asked before a change is not kept after it.
    changes: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ChannelKind {
    Direct,
    Internal,
    Shared,
}

impl ReaderCache {
    pub fn new(web: Arc<WebApi>, me: Identity) -> Self {
        Self {
            web,
            me,
            known: Mutex::default(),
        }
    }

    pub async fn readers(&self, place: &Place, asker: &Actor) -> Readers {
        if asker.membership == Membership::External {
            return Readers::External;
        }
        let found = async {
            // What a command shows to its asker alone, nobody else of the channel reads.
            let is_for_asker = place.kind == PlaceKind::Direct && place.callback.is_some();
            let channel = match is_for_asker {
                true => ChannelKind::Direct,
                false => self.channel(place.channel.as_str()).await?,
            };
            let person = self.person(&asker.person).await?;
            Ok::<_, CallError>((channel, person))
        };
        match found.await {
            Ok((ChannelKind::Shared, _)) | Ok((_, Membership::External)) => Readers::External,
            Ok((_, Membership::Unknown)) => Readers::Unknown,
            Ok((_, Membership::Guest)) => Readers::WithGuests,
            Ok((ChannelKind::Direct, Membership::Member)) => Readers::AskerOnly,
            Ok((ChannelKind::Internal, Membership::Member)) => Readers::Internal,
            Err(error) => {
                warn!(
                    slack.channel = %place.channel,
                    error = %error,
                    "Could not find out who reads channel {}", place.channel
                );
                Readers::Unknown
            }
        }
    }

    pub fn forget(&self, changed: &Changed) {
        let mut known = self.lock();
        known.changes += 1;
        match changed {
            Changed::Channel(channel) => drop(known.channels.remove(channel)),
            Changed::Person(user) => drop(known.people.remove(user)),
        }
    }

    async fn channel(&self, id: &str) -> Result<ChannelKind, CallError> {
        if let Some(kind) = fresh(&self.lock().channels, id) {
            return Ok(kind);
        }
        let asked_at = self.lock().changes;
        let answer = self
            .web
            .read("conversations.info", &[("channel", id)])
            .await?;
        let kind = channel_kind(&answer["channel"])
            .ok_or_else(|| CallError::Refused("channel without flags".into()))?;
        let mut known = self.lock();
        if known.changes == asked_at {
            keep(&mut known.channels, id, kind);
        }
        Ok(kind)
    }

    async fn person(&self, person: &PersonId) -> Result<Membership, CallError> {
        let user = person.as_str().strip_prefix("slack:").unwrap_or_default();
        if let Some(membership) = fresh(&self.lock().people, user) {
            return Ok(membership);
        }
        let asked_at = self.lock().changes;
        let answer = self.web.read("users.info", &[("user", user)]).await?;
        let membership = membership(&answer["user"], &self.me);
        let mut known = self.lock();
        if known.changes == asked_at {
            keep(&mut known.people, user, membership);
        }
        Ok(membership)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `is_shared` also covers sharing inside the organisation, and the id's first
/// letter means nothing; `is_ext_shared` decides. A channel that is about to
/// be shared counts as shared, because the newcomers will read its history.
fn channel_kind(channel: &Value) -> Option<ChannelKind> {
    let flag = |name: &str| channel[name].as_bool().unwrap_or(false);
    channel["id"].as_str()?;
    Some(if flag("is_ext_shared") || flag("is_pending_ext_shared") {
        ChannelKind::Shared
    } else if flag("is_im") {
        ChannelKind::Direct
    } else {
        ChannelKind::Internal
    })
}

fn membership(user: &Value, me: &Identity) -> Membership {
    let flag = |name: &str| user[name].as_bool().unwrap_or(false);
    let team = user["team_id"].as_str();
    let enterprise = user["enterprise_user"]["enterprise_id"].as_str();
    let same_team = team == Some(me.team.as_str());
    let same_enterprise = me.enterprise.is_some() && enterprise == me.enterprise.as_deref();
    if team.is_none() || flag("is_bot") {
        Membership::Unknown
    } else if flag("deleted") || flag("is_stranger") || !(same_team || same_enterprise) {
        Membership::External
    } else if flag("is_restricted") || flag("is_ultra_restricted") {
        Membership::Guest
    } else {
        Membership::Member
    }
}

fn fresh<T: Copy>(known: &HashMap<String, (Instant, T)>, id: &str) -> Option<T> {
    let (at, value) = known.get(id)?;
    (at.elapsed() < KEPT).then_some(*value)
}

fn keep<T>(known: &mut HashMap<String, (Instant, T)>, id: &str, value: T) {
    if known.len() >= CAPACITY {
        known.retain(|_, (at, _)| at.elapsed() < KEPT);
    }
    known.insert(id.to_string(), (Instant::now(), value));
}
