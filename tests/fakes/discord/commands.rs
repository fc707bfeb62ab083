//! Commands: registered by the bot, used by people, answered through their interaction.

use super::{
    FakeDiscord, payload,
    rest::Upload,
    validate::{self, Refusal, invalid_form, refusal},
    world::{APPLICATION, Interaction, InteractionKind, Message, World, kind},
};
use serde_json::{Value, json};
use std::time::Duration;

/// How long an interaction's token is good.
const TOKEN_LIFETIME: Duration = Duration::from_secs(15 * 60);
const EPHEMERAL: u64 = 1 << 6;
const FILE_LIMIT: usize = 10 * 1024 * 1024;

const UNKNOWN_WEBHOOK: (u16, i64, &str) = (404, 10015, "Unknown Webhook");

/// A file of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentFile {
    pub name: String,
    pub description: String,
    pub text: String,
}

impl FakeDiscord {
    /// Uses `/lore name` with these options, and gives the interaction's id.
    pub fn command(&self, person: u64, channel: u64, name: &str, options: Value) -> u64 {
        self.interact(InteractionKind::Command, person, channel, name, options)
    }

    /// Is still typing the option that has `focused`.
    pub fn type_option(&self, person: u64, channel: u64, name: &str, options: Value) -> u64 {
        self.interact(InteractionKind::Typing, person, channel, name, options)
    }

    fn interact(
        &self,
        kind: InteractionKind,
        person: u64,
        channel: u64,
        name: &str,
        options: Value,
    ) -> u64 {
        self.shared.change(|world| {
            let place = world.channel(channel).clone();
            let id = world.new_id();
            let token = format!("aW50ZXJhY3Rpb246{}", world.interactions.len());
            let options: Vec<Value> = options.as_object().into_iter().flatten().map(|(name, value)| {
                let focused = value.get("focused").is_some();
                let value = value.get("focused").unwrap_or(value);
                let kind = match value {
                    Value::Bool(_) => 5,
                    Value::Number(number) if number.is_i64() => 4,
                    Value::Number(_) => 10,
                    _ => 3,
                };
                let mut option = json!({ "name": name, "type": kind, "value": value });
                if focused {
                    option["focused"] = true.into();
                }
                option
            }).collect();
            let mut data = json!({
                "id": id.to_string(),
                "application_id": APPLICATION.to_string(),
                "type": if kind == InteractionKind::Typing { 4 } else { 2 },
                "token": token,
                "version": 1,
                "channel_id": channel.to_string(),
                "channel": {
                    "id": channel.to_string(), "type": place.kind.number(), "name": place.name, "permissions": "0",
                    "parent_id": place.parent.map(|parent| parent.to_string()),
                },
                "data": {
                    "id": "700", "name": "lore", "type": 1,
                    "options": [{ "name": name, "type": 1, "options": options }],
                },
                "app_permissions": "2248473465835073",
                "locale": "en-US",
                "entitlements": [],
                "authorizing_integration_owners": {},
                "context": if place.guild.is_some() { 0 } else { 1 },
                "attachment_size_limit": FILE_LIMIT,
            });
            match place.guild {
                Some(guild) => {
                    data["guild_id"] = guild.to_string().into();
                    data["member"] = payload::member(world.user(person));
                    data["member"]["permissions"] = "0".into();
                }
                None => data["user"] = payload::user(world.user(person)),
            }
            let at = world.now();
            world.interactions.insert(id, Interaction {
                token, at, callbacks: Vec::new(), kind, user: person, channel, original: None,
            });
            world.dispatch("INTERACTION_CREATE", data, None);
            id
        })
    }

    /// What only this person sees in a channel, oldest first.
    pub fn ephemerals(&self, person: u64, channel: u64) -> Vec<super::VisibleMessage> {
        let world = self.shared.world();
        let here = world
            .messages
            .values()
            .filter(|message| message.channel == channel);
        here.filter(|message| message.ephemeral_for == Some(person) && !message.thinking)
            .map(super::VisibleMessage::of)
            .collect()
    }

    /// The commands that are registered everywhere, or in a guild.
    pub fn registered(&self, guild: Option<u64>) -> Vec<Value> {
        let world = self.shared.world();
        world.commands.get(&guild).cloned().unwrap_or_default()
    }

    /// A command that somebody else registered under the same application.
    pub fn register_foreign(&self, guild: Option<u64>, command: Value) {
        self.shared
            .change(|world| world.commands.entry(guild).or_default().push(command));
    }

    pub fn interaction_tokens(&self) -> Vec<String> {
        let world = self.shared.world();
        world
            .interactions
            .values()
            .map(|one| one.token.clone())
            .collect()
    }
}

impl World {
    /// A callback to a command or to somebody who types.
    pub(super) fn command_callback(&mut self, id: u64, body: &Value) -> Result<(), Refusal> {
        let interaction = &self.interactions[&id];
        let (user, channel) = (interaction.user, interaction.channel);
        match (interaction.kind, body["type"].as_u64()) {
            (InteractionKind::Typing, Some(8)) => choices(&body["data"]["choices"]),
            (InteractionKind::Command, Some(4)) => {
                let flags = body["data"]["flags"].as_u64().unwrap_or(0);
                let mut data = body["data"].clone();
                data["flags"] = (flags & !EPHEMERAL).into();
                let content = validate::message(&data)?;
                let original = self.respond(user, channel, flags & EPHEMERAL != 0, false);
                self.change_message(original, |message| message.content = content);
                self.set_original(id, original);
                Ok(())
            }
            (InteractionKind::Command, Some(5)) => {
                let flags = body["data"]["flags"].as_u64().unwrap_or(0);
                if flags & !EPHEMERAL != 0 {
                    return Err(wrong("flags", "MESSAGE_FLAGS_INVALID"));
                }
                let original = self.respond(user, channel, flags & EPHEMERAL != 0, true);
                self.set_original(id, original);
                Ok(())
            }
            _ => Err(wrong("type", "INTERACTION_CALLBACK_TYPE_INVALID")),
        }
    }

    fn set_original(&mut self, interaction: u64, message: u64) {
        if let Some(interaction) = self.interactions.get_mut(&interaction) {
            interaction.original = Some(message);
        }
    }

    fn change_message(&mut self, id: u64, change: impl FnOnce(&mut Message)) {
        if let Some(message) = self.messages.get_mut(&id) {
            change(message);
        }
    }

    /// A message of the bot that answers an interaction.
    fn respond(&mut self, user: u64, channel: u64, ephemeral: bool, thinking: bool) -> u64 {
        let mut message = Message::of_bot(self.new_id(), channel, self.now());
        message.kind = kind::COMMAND;
        message.ephemeral_for = ephemeral.then_some(user);
        message.thinking = thinking;
        let id = message.id;
        self.messages.insert(id, message);
        id
    }

    /// The interaction of a token that is still good.
    fn by_token(&self, application: &str, token: &str) -> Result<u64, Refusal> {
        let found = self.interactions.iter().find(|(_, one)| one.token == token);
        let (id, interaction) = found.ok_or(UNKNOWN_WEBHOOK)?;
        if self.now() > interaction.at + TOKEN_LIFETIME {
            return Err(validate::INVALID_WEBHOOK_TOKEN.into());
        }
        // Before it is acknowledged, there is nothing to write to.
        if application != APPLICATION.to_string() || interaction.callbacks.is_empty() {
            return Err(UNKNOWN_WEBHOOK.into());
        }
        Ok(*id)
    }

    pub(super) fn edit_original(
        &mut self,
        application: &str,
        token: &str,
        body: &Value,
        files: &[Upload],
    ) -> Result<Value, Refusal> {
        let id = self.by_token(application, token)?;
        let original = self.interactions[&id].original;
        self.write_response(original.ok_or(validate::UNKNOWN_MESSAGE)?, body, files)
    }

    pub(super) fn follow_up(
        &mut self,
        application: &str,
        token: &str,
        body: &Value,
        files: &[Upload],
    ) -> Result<Value, Refusal> {
        let id = self.by_token(application, token)?;
        let (user, channel) = (self.interactions[&id].user, self.interactions[&id].channel);
        let original = self.interactions[&id].original;
        let thinking = original.filter(|id| self.messages.get(id).is_some_and(|m| m.thinking));
        // The first one takes the place of "is thinking", and keeps who sees it.
        let target = match thinking {
            Some(original) => original,
            None => {
                let ephemeral = body["flags"].as_u64().unwrap_or(0) & EPHEMERAL != 0;
                self.respond(user, channel, ephemeral, false)
            }
        };
        self.write_response(target, body, files)
    }

    pub(super) fn edit_follow_up(
        &mut self,
        application: &str,
        token: &str,
        message: u64,
        body: &Value,
    ) -> Result<Value, Refusal> {
        self.by_token(application, token)?;
        self.write_response(message, body, &[])
    }

    fn write_response(
        &mut self,
        id: u64,
        body: &Value,
        files: &[Upload],
    ) -> Result<Value, Refusal> {
        let mut checked = body.clone();
        checked["flags"] = (body["flags"].as_u64().unwrap_or(0) & !EPHEMERAL).into();
        let content = validate::message(&checked)?;
        let files = attached(body, files)?;
        let now = self.now();
        let message = self
            .messages
            .get_mut(&id)
            .ok_or(validate::UNKNOWN_MESSAGE)?;
        message.pings.extend(validate::pings(&content, body));
        message.content = content;
        message.components = body.get("components").cloned().unwrap_or_else(|| json!([]));
        message.flags = body["flags"].as_u64().unwrap_or(0);
        message.files = files;
        if !message.thinking {
            message.edited = Some(now);
        }
        message.thinking = false;
        let message = message.clone();
        Ok(payload::message(self, &message))
    }

    pub(super) fn open_direct(&self, body: &Value) -> Result<Value, Refusal> {
        let person = body["recipient_id"].as_str().and_then(|id| id.parse().ok());
        let person = person.filter(|id| self.users.contains_key(id));
        let person = person.ok_or(refusal(400, 50033, "Invalid Recipient(s)"))?;
        Ok(payload::channel(self.channel(Self::direct(person))))
    }

    pub(super) fn set_commands(
        &mut self,
        guild: Option<u64>,
        body: &Value,
    ) -> Result<Value, Refusal> {
        let commands = body
            .as_array()
            .ok_or_else(|| wrong("body", "LIST_TYPE_CONVERT"))?;
        commands.iter().try_for_each(command)?;
        let next = self.new_id();
        let kept: Vec<Value> = commands
            .iter()
            .enumerate()
            .map(|(at, command)| as_kept(command, next + at as u64, guild))
            .collect();
        self.commands.insert(guild, kept.clone());
        Ok(kept.into())
    }
}

/// Discord adds fields, and leaves out what is as it is by default.
fn as_kept(command: &Value, id: u64, guild: Option<u64>) -> Value {
    let mut kept = without_defaults(command);
    kept["id"] = id.to_string().into();
    kept["application_id"] = APPLICATION.to_string().into();
    kept["version"] = id.to_string().into();
    kept["default_member_permissions"] = Value::Null;
    kept["nsfw"] = false.into();
    if let Some(guild) = guild {
        kept["guild_id"] = guild.to_string().into();
    }
    kept
}

fn without_defaults(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| **value != Value::Bool(false))
            .map(|(name, value)| (name.clone(), without_defaults(value)))
            .collect(),
        Value::Array(values) => values.iter().map(without_defaults).collect(),
        other => other.clone(),
    }
}

fn wrong(field: &str, code: &str) -> Refusal {
    invalid_form(&[field], code, "This is not as it should be.")
}

fn command(command: &Value) -> Result<(), Refusal> {
    if characters(command) > 8_000 {
        return Err(wrong("options", "APPLICATION_COMMAND_TOO_LARGE"));
    }
    named(command)?;
    options(&command["options"])
}

fn options(list: &Value) -> Result<(), Refusal> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    if list.len() > 25 {
        return Err(wrong("options", "BASE_TYPE_MAX_LENGTH"));
    }
    let mut names = std::collections::HashSet::new();
    let mut optional_before = false;
    for option in list {
        named(option)?;
        if !names.insert(option["name"].to_string()) {
            return Err(wrong(
                "options",
                "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS",
            ));
        }
        let required = option["required"] == true;
        if required && optional_before {
            return Err(wrong(
                "options",
                "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
            ));
        }
        optional_before |= !required;
        let has_choices = option["choices"]
            .as_array()
            .is_some_and(|list| !list.is_empty());
        if has_choices && option["autocomplete"] == true {
            return Err(wrong("options", "APPLICATION_COMMAND_AUTOCOMPLETE_INVALID"));
        }
        choices(&option["choices"])?;
        options(&option["options"])?;
    }
    Ok(())
}

fn named(value: &Value) -> Result<(), Refusal> {
    let name = value["name"].as_str().unwrap_or_default();
    let allowed = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let is_name = (1..=32).contains(&name.chars().count())
        && name.chars().all(allowed)
        && name.to_lowercase() == name;
    if !is_name {
        return Err(wrong("name", "APPLICATION_COMMAND_INVALID_NAME"));
    }
    let description = value["description"].as_str().unwrap_or_default();
    match description.chars().count() {
        1..=100 => Ok(()),
        _ => Err(wrong("description", "BASE_TYPE_BAD_LENGTH")),
    }
}

fn choices(list: &Value) -> Result<(), Refusal> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    if list.len() > 25 {
        return Err(wrong("choices", "BASE_TYPE_MAX_LENGTH"));
    }
    for choice in list {
        for field in ["name", "value"] {
            let length = choice[field].as_str().unwrap_or_default().chars().count();
            if !(1..=100).contains(&length) {
                return Err(wrong("choices", "BASE_TYPE_BAD_LENGTH"));
            }
        }
    }
    Ok(())
}

fn characters(value: &Value) -> usize {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| match (name.as_str(), value) {
                ("name" | "description" | "value", Value::String(text)) => text.chars().count(),
                (_, value) => characters(value),
            })
            .sum(),
        Value::Array(values) => values.iter().map(characters).sum(),
        _ => 0,
    }
}

/// The files of a message, as its `attachments` name them.
pub fn attached(body: &Value, files: &[Upload]) -> Result<Vec<SentFile>, Refusal> {
    if files.iter().any(|file| file.bytes.len() > FILE_LIMIT) {
        return Err(refusal(413, 40005, "Request entity too large"));
    }
    let listed = body["attachments"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let named = |(at, file): (usize, &Upload)| {
        let entry = listed.iter().find(|entry| entry["id"] == at);
        let entry = entry.ok_or_else(|| wrong("attachments", "ATTACHMENT_NOT_FOUND"))?;
        let description = entry["description"].as_str().unwrap_or_default();
        if description.chars().count() > 1024 {
            return Err(wrong("attachments", "BASE_TYPE_MAX_LENGTH"));
        }
        Ok(SentFile {
            name: file.name.clone(),
            description: description.into(),
            text: String::from_utf8_lossy(&file.bytes).into_owned(),
        })
    };
    files.iter().enumerate().map(named).collect()
}
