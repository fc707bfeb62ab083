//! Who is who, and so what a reply may draw on.

use crate::{
    config::{Config, PersonEntry},
    domain::{Access, Actor, Group, PersonId, Place, PlaceKind},
};
use std::collections::HashMap;

/// The configured people and channels.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    groups_of: HashMap<PersonId, Vec<Group>>,
    channels: HashMap<String, Vec<Group>>,
}

impl Directory {
    pub fn new(config: &Config) -> Self {
        let mut groups_of = HashMap::new();
        for person in &config.people {
            let groups = groups_of_person(person);
            for id in platform_ids(person) {
                groups_of.insert(PersonId::new(id), groups.clone());
            }
            groups_of.insert(local_person(&person.name), groups);
        }
        let channels = config
            .channels
            .iter()
            .map(|channel| (channel.id.clone(), channel.groups.clone()))
            .collect();
        Self {
            groups_of,
            channels,
        }
    }

    /// What the person may see by themselves, also where nobody configured them.
    pub fn access_of(&self, person: &PersonId) -> Access {
        let groups = self.groups_of.get(person).cloned().unwrap_or_default();
        Access::member_of(groups.into_iter().chain([person.as_str().to_string()]))
    }

    /// What a reply at this place may use. Where only the asker reads, that is
    /// what the asker may see; elsewhere, what every reader of the channel may
    /// see and the asker too. A channel that is not configured is everyone's.
    pub fn access_at(&self, place: &Place, asker: &Actor) -> Access {
        let own = self.access_of(&asker.person);
        match place.kind {
            PlaceKind::Direct => own,
            PlaceKind::Channel | PlaceKind::Thread => {
                let readers = self
                    .channels
                    .get(place.channel.as_str())
                    .cloned()
                    .unwrap_or_default();
                own.shared_with(&Access::member_of(readers))
            }
        }
    }
}

/// The groups of a configured person. Each is a group of their own too, on
/// every platform, for documents that name who may see them: `slack:U1`.
pub fn groups_of_person(person: &PersonEntry) -> Vec<Group> {
    let groups = person.groups.iter().cloned();
    groups.chain(platform_ids(person)).collect()
}

fn platform_ids(person: &PersonEntry) -> impl Iterator<Item = String> {
    let slack = person.slack.iter().map(|id| format!("slack:{id}"));
    slack.chain(person.discord.iter().map(|id| format!("discord:{id}")))
}

/// The id of a person named on the command line.
pub fn local_person(name: &str) -> PersonId {
    PersonId::new(format!("local:{}", name.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::ChannelEntry,
        domain::{Audience, ChannelId, MessageId, Platform, TenantId, ThreadId},
    };

    fn place(channel: &str, kind: PlaceKind) -> Place {
        Place {
            platform: Platform::Slack,
            tenant: TenantId::new("T1"),
            channel: ChannelId::new(channel),
            thread: ThreadId::new("1.1"),
            message: MessageId::new("1.1"),
            kind,
            callback: None,
        }
    }

    #[test]
    fn channel_answer_uses_only_what_every_reader_may_see() {
        let person = PersonEntry {
            name: "mara".into(),
            groups: vec!["finance".into(), "board".into()],
            slack: Some("U1".into()),
            discord: None,
        };
        let channel = ChannelEntry {
            id: "C-FIN".into(),
            groups: vec!["finance".into()],
        };
        let config = Config {
            people: vec![person],
            channels: vec![channel],
            ..Config::default()
        };
        let directory = Directory::new(&config);
        let mara = Actor::member(PersonId::new("slack:U1"));
        let other = Actor::member(PersonId::new("slack:U2"));
        let check = |actor: &Actor, place: &Place, group: &str, expected: bool| {
            assert_eq!(
                Audience::of([group]).admits(&directory.access_at(place, actor)),
                expected,
                "{group} {place:?}"
            );
        };
        check(&mara, &place("D1", PlaceKind::Direct), "board", true);
        check(&mara, &place("D1", PlaceKind::Direct), "slack:U1", true);
        check(&mara, &place("D1", PlaceKind::Direct), "slack:U2", false);
        check(&other, &place("D2", PlaceKind::Direct), "slack:U2", true);
        check(
            &mara,
            &place("C-FIN", PlaceKind::Channel),
            "slack:U1",
            false,
        );
        check(&mara, &place("C-FIN", PlaceKind::Channel), "finance", true);
        check(&mara, &place("C-FIN", PlaceKind::Thread), "board", false);
        check(&mara, &place("C-ALL", PlaceKind::Channel), "finance", false);
        check(
            &other,
            &place("C-FIN", PlaceKind::Channel),
            "finance",
            false,
        );
        check(
            &other,
            &place("C-ALL", PlaceKind::Channel),
            "everyone",
            true,
        );
    }
}
