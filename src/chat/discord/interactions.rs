//! Commands and their completion: answered within three seconds, or not at all.
//!
//! Promise: a command is stored before it is acknowledged, and acknowledged
//! once. Who will see its result is told to Discord in the acknowledgement and
//! can't be changed later, so a result that might not be for everybody is
//! promised to the asker alone. What could not be stored in time is said so.

use super::{
    events::{Reader, given_options},
    places::Places,
    rest::{Call, Rest, RestError},
};
use crate::{
    commands::Commands,
    domain::{
        Actor, Incoming, IncomingQuestion, PersonId, Showing,
        command::{OptionKind, Typing},
        reply,
    },
    ports::SharedSink,
};
use serde_json::{Value, json};
use serenity::all::{CommandInteraction, InteractionId, UserId};
use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, time::timeout};
use tracing::{debug, error, info, warn};

/// Discord waits three seconds; a store that takes longer than this has not stored it.
const STORE_LIMIT: Duration = Duration::from_millis(2_000);
const ANSWER_LIMIT: Duration = Duration::from_secs(3);
/// Commands that a resumed session may tell of again.
const REMEMBERED: usize = 1_000;

const EPHEMERAL: u64 = 1 << 6;

/// The kinds of answers to an interaction.
mod answer {
    pub const MESSAGE: u8 = 4;
    pub const DEFERRED: u8 = 5;
    pub const CHOICES: u8 = 8;
}

pub struct Interactions {
    pub bot: UserId,
    pub places: Arc<Places>,
    pub rest: Arc<Rest>,
    pub sink: SharedSink,
    pub commands: Arc<Commands>,
    pub deferrals: Arc<Deferrals>,
    pub heard: Mutex<VecDeque<u64>>,
}

impl Interactions {
    /// Stores a command and tells Discord that its result will follow.
    pub async fn take(&self, interaction: Box<CommandInteraction>) {
        let id = interaction.id;
        if !self.is_new(id) {
            return debug!("Heard a command again");
        }
        let incoming = self.read(&interaction);
        let promised = incoming
            .place
            .callback
            .as_ref()
            .and_then(|callback| callback.promised);
        let _deferring = self.deferrals.begin(id.get());
        let accepted = self.sink.accept(Incoming::Question(incoming));
        let body = match timeout(STORE_LIMIT, accepted).await {
            Ok(Ok(())) => json!({ "type": answer::DEFERRED, "data": { "flags": flags(promised) } }),
            not_stored => {
                match not_stored {
                    Ok(Err(error)) => warn!(error = &*error, "Could not store a command"),
                    _ => warn!("Storing a command took too long"),
                }
                json!({
                    "type": answer::MESSAGE,
                    "data": {
                        "content": reply::command::NOT_TAKEN,
                        "flags": EPHEMERAL,
                        "allowed_mentions": { "parse": [] },
                    },
                })
            }
        };
        self.answer(id, &interaction.token, body).await;
    }

    /// Offers what somebody may mean who is still typing.
    pub async fn complete(&self, interaction: Box<CommandInteraction>) {
        let choices: Vec<Value> = match self.is_one_of_us(&interaction).await {
            true => self.choices(&interaction),
            false => Vec::new(),
        };
        let body = json!({ "type": answer::CHOICES, "data": { "choices": choices } });
        self.answer(interaction.id, &interaction.token, body).await;
    }

    fn choices(&self, interaction: &CommandInteraction) -> Vec<Value> {
        let Some(given) = given_options(&interaction.data) else {
            return Vec::new();
        };
        let Some((option, text)) = given.typing else {
            return Vec::new();
        };
        let tool_option = given
            .verb
            .definition()
            .options
            .iter()
            .find(|option| option.kind == OptionKind::Tool);
        let tool = given
            .options
            .iter()
            .find(|(name, _)| tool_option.is_some_and(|option| option.name == name));
        let typing = Typing {
            verb: given.verb,
            option: &option,
            text: &text,
            tool: tool.map(|(_, name)| name.as_str()),
        };
        let access = self.commands.access_of(&actor(interaction.user.id));
        let suggestions = self.commands.suggest(&typing, &access).into_iter();
        suggestions
            .map(|found| json!({ "name": found.label, "value": found.value }))
            .collect()
    }

    /// What is offered names what exists, so only to the people of the company.
    async fn is_one_of_us(&self, interaction: &CommandInteraction) -> bool {
        if let Some(guild) = interaction.guild_id {
            return self.places.serves(guild);
        }
        for guild in self.places.served() {
            let member = Call::Member(guild, interaction.user.id);
            if self.rest.send(&member, None).await.is_ok() {
                return true;
            }
        }
        false
    }

    fn read(&self, interaction: &CommandInteraction) -> IncomingQuestion {
        let reader = Reader {
            bot: self.bot,
            places: &self.places,
        };
        let mut incoming = reader.command(interaction);
        let asker = incoming.asker.clone();
        let own = self.commands.access_of(&asker);
        let is_served = interaction
            .guild_id
            .is_some_and(|guild| self.places.serves(guild));
        let showing = match self.commands.read(&incoming.text, &own) {
            Ok(line) if is_served => self.commands.showing(&line, &incoming.place, &asker).0,
            _ => Showing::AskerAlone,
        };
        if let Some(callback) = &mut incoming.place.callback {
            callback.promised = Some(showing);
        }
        incoming
    }

    async fn answer(&self, id: InteractionId, token: &str, body: Value) {
        let call = Call::Acknowledge(id, token.to_string().into());
        let sending = async {
            loop {
                match self.rest.send(&call, Some(body.clone())).await {
                    // It never left, or may not have: a second answer is refused, and harmless.
                    Err(RestError::Unreachable(_) | RestError::Lost(_)) => {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                    outcome => return outcome,
                }
            }
        };
        match timeout(ANSWER_LIMIT, sending).await {
            Ok(Ok(_)) => info!(interaction.id = %id, "Answered an interaction"),
            Ok(Err(error)) => warn!(
                error = &error as &dyn std::error::Error,
                "Could not answer an interaction"
            ),
            Err(_) => error!("Answering an interaction took longer than three seconds"),
        }
    }

    fn is_new(&self, id: InteractionId) -> bool {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.contains(&id.get()) {
            return false;
        }
        if heard.len() >= REMEMBERED {
            heard.pop_front();
        }
        heard.push_back(id.get());
        true
    }
}

fn flags(promised: Option<Showing>) -> u64 {
    match promised {
        Some(Showing::Channel) => 0,
        Some(Showing::AskerAlone) | None => EPHEMERAL,
    }
}

fn actor(user: UserId) -> Actor {
    Actor::member(PersonId::new(format!("discord:{user}")))
}

/// Acknowledgements on their way. A result must not overtake its own: Discord
/// knows the interaction only after it.
#[derive(Default)]
pub struct Deferrals(watch::Sender<HashSet<u64>>);

impl Deferrals {
    /// Until the guard is dropped, the interaction's acknowledgement is on its way.
    fn begin(self: &Arc<Self>, interaction: u64) -> Deferring {
        self.0.send_modify(|all| {
            all.insert(interaction);
        });
        Deferring {
            all: self.clone(),
            interaction,
        }
    }

    /// Returns once the interaction was acknowledged, or never will be.
    pub async fn settled(&self, interaction: u64) {
        let mut all = self.0.subscribe();
        let over = all.wait_for(|all| !all.contains(&interaction));
        let _ = timeout(STORE_LIMIT + ANSWER_LIMIT, over).await;
    }
}

struct Deferring {
    all: Arc<Deferrals>,
    interaction: u64,
}

impl Drop for Deferring {
    fn drop(&mut self) {
        let gone = |all: &mut HashSet<u64>| {
            all.remove(&self.interaction);
        };
        self.all.0.send_modify(gone);
    }
}
