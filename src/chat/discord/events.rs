//! What a gateway event means to us. Pure: whatever must be asked is passed in.

use super::{
    places::{ChannelKind, Places},
    render::parse_button_id,
    result::Token,
};
use crate::domain::{
    Actor, ActorKind, Addressed, Callback, ChannelId, Feedback, FeedbackChange, FeedbackTarget,
    Incoming, IncomingQuestion, Membership, MessageId, PersonId, Place, PlaceKind, Platform,
    Signal, TenantId, ThreadId,
    command::{Verb, compose},
};
use chrono::{DateTime, Utc};
use serenity::all::{
    CommandData, CommandDataOptionValue, CommandInteraction, ComponentInteraction, GuildId,
    Interaction, Message, MessageType, Reaction, ReactionType, UserId,
};

/// Discord's own name, in addresses, for the conversations outside any guild.
const DIRECT: &str = "@me";

/// Who we are, and where.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    pub bot: UserId,
    pub places: &'a Places,
}

impl Reader<'_> {
    /// Why a message is none of ours, as far as that needs no look at its channel.
    pub fn passes_over(&self, message: &Message) -> Option<&'static str> {
        let author = &message.author;
        if author.id == self.bot {
            Some("our own message")
        } else if author.bot || author.system || message.webhook_id.is_some() {
            Some("a machine's message")
        } else if !matches!(
            message.kind,
            MessageType::Regular | MessageType::InlineReply
        ) {
            Some("a system message")
        } else {
            None
        }
    }

    pub fn message(&self, message: &Message, channel: ChannelKind) -> Incoming {
        if let Some(reason) = self.passes_over(message) {
            return Incoming::Ignored(reason);
        }
        let mentioned = message.mentions.iter().any(|user| user.id == self.bot);
        let addressed = match channel {
            ChannelKind::Direct => Addressed::Direct,
            _ if mentioned => Addressed::Mention,
            ChannelKind::Thread { .. } => Addressed::Thread,
            ChannelKind::Plain => return Incoming::Ignored("not addressed to us"),
        };
        Incoming::Question(IncomingQuestion {
            // A replay after a lost connection, and a second session, carry the same id.
            delivery: message.id.to_string(),
            subject: message.id.to_string(),
            alias: None,
            asker: Actor {
                person: person(message.author.id),
                kind: ActorKind::Human,
                membership: self.membership(message.guild_id),
            },
            place: place(message, channel),
            text: self.without_mention(&message.content),
            addressed,
            asked_at: DateTime::from_timestamp(message.timestamp.unix_timestamp(), 0)
                .unwrap_or_else(Utc::now),
        })
    }

    fn membership(&self, guild: Option<GuildId>) -> Membership {
        match guild {
            Some(guild) if self.places.serves(guild) => Membership::Member,
            Some(_) => Membership::External,
            None => Membership::Unknown,
        }
    }

    fn without_mention(&self, text: &str) -> String {
        let names = [format!("<@{}>", self.bot), format!("<@!{}>", self.bot)];
        let words = |line: &str| {
            let line = names
                .iter()
                .fold(line.to_string(), |line, name| line.replace(name, " "));
            line.split(' ')
                .filter(|word| !word.is_empty())
                .collect::<Vec<_>>()
                .join(" ")
        };
        let mentions = |line: &str| names.iter().any(|name| line.contains(name));
        // Lines without a mention are left as they are: they may be code.
        let line = |line: &str| {
            if mentions(line) {
                words(line)
            } else {
                line.to_string()
            }
        };
        text.lines()
            .map(line)
            .collect::<Vec<_>>()
            .join("\n")
            .trim()
            .to_string()
    }

    /// A reaction; `at_us` is when it reached us, because Discord does not say
    /// when it was made.
    pub fn reaction(
        &self,
        reaction: &Reaction,
        change: FeedbackChange,
        channel: ChannelKind,
        at_us: i64,
    ) -> Incoming {
        if let Some(reason) = self.passes_over_reaction(reaction) {
            return Incoming::Ignored(reason);
        }
        let Some(user) = reaction.user_id else {
            return Incoming::Ignored("a reaction of nobody");
        };
        Incoming::Feedback(Feedback {
            target: FeedbackTarget::Message {
                platform: Platform::Discord,
                channel: ChannelId::new(channel.channel(reaction.channel_id).to_string()),
                message: MessageId::new(reaction.message_id.to_string()),
            },
            person: person(user),
            signal: Signal::Reaction {
                emoji: emoji(&reaction.emoji),
                burst: reaction.burst,
            },
            change,
            at_us,
            reason: None,
        })
    }

    /// Why a reaction is none of ours, as far as that needs no look at its channel.
    pub fn passes_over_reaction(&self, reaction: &Reaction) -> Option<&'static str> {
        let by_machine = reaction
            .member
            .as_ref()
            .is_some_and(|member| member.user.bot);
        let on_ours = reaction
            .message_author_id
            .is_none_or(|author| author == self.bot);
        if reaction.user_id == Some(self.bot) {
            Some("our own reaction")
        } else if by_machine {
            Some("a machine's reaction")
        } else if !on_ours {
            Some("a reaction to somebody else's message")
        } else if reaction
            .guild_id
            .is_some_and(|guild| !self.places.serves(guild))
        {
            Some("a reaction from outside the company")
        } else {
            None
        }
    }

    pub fn interaction(&self, interaction: &Interaction, at_us: i64) -> Incoming {
        match interaction {
            Interaction::Component(press) => self.press(press, at_us),
            other => Incoming::Unknown {
                kind: format!("interaction {:?}", other.kind()),
            },
        }
    }

    /// A command, not yet promised to anybody.
    pub fn command(&self, command: &CommandInteraction) -> IncomingQuestion {
        let own = command.id.to_string();
        let typed_in = command.channel_id;
        // What Discord tells along knows more than what we heard when we connected.
        let channel = match (&command.channel, command.guild_id) {
            (_, None) => ChannelKind::Direct,
            (Some(channel), _) => ChannelKind::of_partial(channel),
            (None, _) => self.places.kind(typed_in).unwrap_or(ChannelKind::Plain),
        };
        let text = match given_options(&command.data) {
            Some(given) => {
                let options = given.options.iter();
                let options: Vec<(&str, String)> = options
                    .map(|(name, text)| (name.as_str(), text.clone()))
                    .collect();
                compose(given.verb, &options)
            }
            None => String::new(),
        };
        let person = person(command.user.id);
        IncomingQuestion {
            delivery: format!("command:{own}"),
            subject: format!("command:{own}"),
            alias: None,
            asker: Actor {
                person: person.clone(),
                kind: ActorKind::Human,
                membership: self.membership(command.guild_id),
            },
            place: Place {
                platform: Platform::Discord,
                tenant: tenant(command.guild_id),
                channel: ChannelId::new(channel.channel(typed_in).to_string()),
                // A command stands by itself, whatever is said around it.
                thread: ThreadId::new(&own),
                message: MessageId::new(&own),
                kind: match channel {
                    ChannelKind::Direct => PlaceKind::Direct,
                    ChannelKind::Thread { .. } => PlaceKind::Thread,
                    ChannelKind::Plain => PlaceKind::Channel,
                },
                callback: Some(Callback {
                    secret: Token::write(command.application_id, &command.token, typed_in),
                    person,
                    promised: None,
                }),
            },
            text,
            addressed: Addressed::Command,
            asked_at: Utc::now(),
        }
    }

    fn press(&self, press: &ComponentInteraction, at_us: i64) -> Incoming {
        let Some((verdict, question)) = parse_button_id(&press.data.custom_id) else {
            return Incoming::Unknown {
                kind: "button".into(),
            };
        };
        if press
            .guild_id
            .is_some_and(|guild| !self.places.serves(guild))
        {
            return Incoming::Ignored("a button pressed outside the company");
        }
        Incoming::Feedback(Feedback {
            target: FeedbackTarget::Answer(question),
            person: person(press.user.id),
            signal: Signal::Button(verdict),
            change: FeedbackChange::Added,
            at_us,
            reason: None,
        })
    }
}

/// The options of a subcommand, as texts.
pub struct Given {
    pub verb: Verb,
    pub options: Vec<(String, String)>,
    /// The option that is still being typed.
    pub typing: Option<(String, String)>,
}

/// `None`: a command that is none of ours, or no longer.
pub fn given_options(data: &CommandData) -> Option<Given> {
    use CommandDataOptionValue as Value;
    let subcommand = data.options.first()?;
    let Value::SubCommand(options) = &subcommand.value else {
        return None;
    };
    let mut given = Given {
        verb: Verb::called(&subcommand.name)?,
        options: Vec::new(),
        typing: None,
    };
    for option in options {
        let text = match &option.value {
            Value::String(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Boolean(flag) => if *flag { "yes" } else { "no" }.to_string(),
            Value::Autocomplete { value, .. } => {
                given.typing = Some((option.name.clone(), value.clone()));
                continue;
            }
            _ => continue,
        };
        given.options.push((option.name.clone(), text));
    }
    Some(given)
}

fn tenant(guild: Option<GuildId>) -> TenantId {
    TenantId::new(guild.map_or(DIRECT.into(), |guild| guild.to_string()))
}

fn person(user: UserId) -> PersonId {
    PersonId::new(format!("discord:{user}"))
}

/// Inside a thread, `channel` is the thread's parent: there the conversation
/// is found by people, configuration and feedback alike.
fn place(message: &Message, channel: ChannelKind) -> Place {
    let (thread, kind) = match channel {
        ChannelKind::Direct => (message.channel_id.get(), PlaceKind::Direct),
        ChannelKind::Thread { .. } => (message.channel_id.get(), PlaceKind::Thread),
        // The thread that will be made from the message has the message's id.
        ChannelKind::Plain => (message.id.get(), PlaceKind::Channel),
    };
    Place {
        platform: Platform::Discord,
        tenant: tenant(message.guild_id),
        channel: ChannelId::new(channel.channel(message.channel_id).to_string()),
        thread: ThreadId::new(thread.to_string()),
        message: MessageId::new(message.id.to_string()),
        kind,
        callback: None,
    }
}

/// A character, or the name of a guild's own emoji.
fn emoji(reaction: &ReactionType) -> String {
    match reaction {
        ReactionType::Unicode(character) => character.clone(),
        ReactionType::Custom { id, name, .. } => name.clone().unwrap_or_else(|| id.to_string()),
        _ => String::new(),
    }
}
