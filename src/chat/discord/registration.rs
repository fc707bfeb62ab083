//! Our command, made known to Discord.
//!
//! Promise: it is written only where it differs from what Discord has, so a
//! thousand starts cost one write (Discord allows 200 a day). Commands of
//! others under the same application are left as they are. What is registered
//! can be read by anybody, so only tools that are for everybody give it options.

use super::{
    DiscordError,
    rest::{Call, Rest, RestError},
};
use crate::{
    commands::Commands,
    config::{CommandScope, DiscordSection},
    domain::{
        Access, Parameter, ParameterKind, ToolSpec,
        command::{COMMANDS, CommandOption, Definition, NAME, OptionKind},
        reply,
    },
};
use serde_json::{Map, Value, json};
use serenity::all::{ApplicationId, GuildId};
use std::collections::BTreeMap;
use tracing::{info, warn};

/// Discord's limit over names, descriptions and values.
const CHARACTERS: usize = 8_000;
/// Arguments with an option of their own: those that most tools have.
const TYPED: usize = 10;
const CHOICES: usize = 25;
const DESCRIPTION: usize = 100;

mod kind {
    pub const SUBCOMMAND: u8 = 1;
    pub const STRING: u8 = 3;
    pub const INTEGER: u8 = 4;
    pub const BOOLEAN: u8 = 5;
    pub const NUMBER: u8 = 10;
}

/// Registers the command where the configuration wants it, and nowhere else.
/// Without it, mentions work all the same, so a failure ends nothing.
pub async fn register(rest: &Rest, config: &DiscordSection, commands: &Commands) {
    if let Err(error) = try_register(rest, config, commands).await {
        warn!(
            error = &error as &dyn std::error::Error,
            "Could not register /{NAME}. If Discord denies access, invite the bot again with the scope applications.commands"
        );
    }
}

async fn try_register(
    rest: &Rest,
    config: &DiscordSection,
    commands: &Commands,
) -> Result<(), DiscordError> {
    let application = super::ask(rest, Call::Application).await?;
    let application = super::id(&application["id"]).map(ApplicationId::new);
    let application = application.ok_or_else(|| super::unreadable(&Call::Application))?;
    let tools = commands.usable(&Access::everyone());
    let ours = command(&tools);
    let guilds = config.guilds.iter().filter_map(|guild| guild.parse().ok());
    let guilds: Vec<GuildId> = guilds.map(GuildId::new).collect();
    let is_global = config.commands == CommandScope::Global;
    let global = is_global.then(|| for_everywhere(&ours));
    sync(rest, application, None, global.as_ref()).await?;
    for guild in guilds {
        let here = (!is_global).then_some(&ours);
        sync(rest, application, Some(guild), here).await?;
    }
    Ok(())
}

/// One bulk write, and only if something differs.
async fn sync(
    rest: &Rest,
    application: ApplicationId,
    guild: Option<GuildId>,
    wanted: Option<&Value>,
) -> Result<(), DiscordError> {
    let there = super::ask(rest, Call::Commands(application, guild)).await?;
    let there = there.as_array().cloned().unwrap_or_default();
    let (own, others): (Vec<Value>, Vec<Value>) = there
        .into_iter()
        .partition(|command| command["name"] == NAME && command["type"] == 1);
    let is_there = match (wanted, own.as_slice()) {
        (None, []) => true,
        (Some(wanted), [own]) => same(wanted, own),
        _ => false,
    };
    if is_there {
        return Ok(());
    }
    let body: Value = others.into_iter().chain(wanted.cloned()).collect();
    let call = Call::SetCommands(application, guild);
    match rest.send(&call, Some(body)).await {
        Ok(_) => info!("Registered /{NAME}"),
        Err(RestError::Unauthorized) => return Err(DiscordError::BadToken),
        Err(error) => {
            return Err(DiscordError::Unreachable {
                call: call.name(),
                source: error.into(),
            });
        }
    }
    Ok(())
}

/// In guilds and in direct conversations with us.
fn for_everywhere(command: &Value) -> Value {
    let mut command = command.clone();
    command["contexts"] = json!([0, 1]);
    command["integration_types"] = json!([0]);
    command
}

/// The command with as many typed options as Discord's limit has room for.
fn command(tools: &[&ToolSpec]) -> Value {
    let made = (0..=TYPED).rev().map(|typed| command_with(tools, typed));
    let mut fitting = made.filter(|command| characters(command) <= CHARACTERS);
    fitting.next().unwrap_or_else(|| command_with(&[], 0))
}

fn command_with(tools: &[&ToolSpec], typed: usize) -> Value {
    let subcommands = COMMANDS.iter().map(|definition| {
        let mut options: Vec<Value> = definition.options.iter().map(option).collect();
        // Required options come first; what was typed by hand comes before `public`.
        let last = options.len().saturating_sub(1);
        options.splice(last..last, typed_options(definition, tools, typed));
        json!({
            "type": kind::SUBCOMMAND,
            "name": definition.name,
            "description": cut(definition.summary),
            "options": options,
        })
    });
    json!({
        "type": 1,
        "name": NAME,
        "description": cut(COMMANDS[0].summary),
        "options": subcommands.collect::<Vec<_>>(),
    })
}

fn option(option: &CommandOption) -> Value {
    let mut value = json!({
        "type": match option.kind {
            OptionKind::Public => kind::BOOLEAN,
            _ => kind::STRING,
        },
        "name": option.name,
        "description": cut(option.description),
        "required": option.required,
    });
    match option.kind {
        OptionKind::Tool | OptionKind::Arguments | OptionKind::Since => {
            value["autocomplete"] = true.into();
        }
        OptionKind::Verb => {
            let names = COMMANDS.iter().map(|definition| definition.name);
            let choice = |name| json!({ "name": name, "value": name });
            value["choices"] = names.map(choice).collect();
        }
        OptionKind::Question | OptionKind::Positional | OptionKind::Public => {}
    }
    value
}

/// The arguments that most of a command's tools have, each with its type.
fn typed_options(definition: &Definition, tools: &[&ToolSpec], most: usize) -> Vec<Value> {
    let kind = definition.verb.tools();
    let mut known: BTreeMap<&str, (usize, Parameter)> = BTreeMap::new();
    let of_kind = tools.iter().filter(|tool| Some(tool.kind) == kind);
    for parameter in of_kind.flat_map(|tool| &tool.parameters) {
        let is_taken = definition
            .options
            .iter()
            .any(|option| option.name == parameter.name);
        if is_taken || !is_option_name(&parameter.name) {
            continue;
        }
        known
            .entry(&parameter.name)
            .and_modify(|(count, first)| {
                *count += 1;
                first.kind = both(&first.kind, &parameter.kind);
            })
            .or_insert((1, parameter.clone()));
    }
    let mut known: Vec<(usize, Parameter)> = known.into_values().collect();
    known.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let parameters = known.into_iter().take(most);
    parameters.map(|(_, found)| typed_option(&found)).collect()
}

fn is_option_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    (1..=32).contains(&name.len()) && name.chars().all(allowed)
}

/// A kind whose values are those of both.
fn both(one: &ParameterKind, other: &ParameterKind) -> ParameterKind {
    use ParameterKind::{Choice, Text};
    match (one, other) {
        (Choice { values }, Choice { values: more }) if !values.is_empty() && !more.is_empty() => {
            let mut values = values.clone();
            values.extend(
                more.iter()
                    .filter(|new| !values.contains(new))
                    .cloned()
                    .collect::<Vec<_>>(),
            );
            Choice { values }
        }
        (one, other) if one == other => one.clone(),
        _ => Text,
    }
}

fn typed_option(parameter: &Parameter) -> Value {
    let description = match parameter.description.trim() {
        "" => reply::command::kind_of_value(&parameter.kind),
        description => description,
    };
    let mut option = json!({
        "name": parameter.name,
        "description": cut(description),
        "required": false,
        "type": match parameter.kind {
            ParameterKind::Integer => kind::INTEGER,
            ParameterKind::Number => kind::NUMBER,
            ParameterKind::Boolean => kind::BOOLEAN,
            _ => kind::STRING,
        },
    });
    match &parameter.kind {
        ParameterKind::Choice { values } if is_short(values) => {
            let choice = |value: &String| json!({ "name": value, "value": value });
            option["choices"] = values.iter().map(choice).collect();
        }
        ParameterKind::Choice { .. } | ParameterKind::Window => {
            option["autocomplete"] = true.into();
        }
        _ => {}
    }
    option
}

fn is_short(values: &[String]) -> bool {
    let fits = |value: &String| (1..=DESCRIPTION).contains(&value.chars().count());
    (1..=CHOICES).contains(&values.len()) && values.iter().all(fits)
}

fn cut(text: &str) -> String {
    if text.chars().count() <= DESCRIPTION {
        return text.to_string();
    }
    text.chars().take(DESCRIPTION - 1).chain(['…']).collect()
}

/// What Discord counts: names, descriptions and values of texts.
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

/// Whether what Discord tells of a command is what we would write. It adds
/// fields of its own, and leaves out what is as it is by default.
fn same(ours: &Value, theirs: &Value) -> bool {
    const FIELDS: [&str; 10] = [
        "type",
        "name",
        "description",
        "options",
        "choices",
        "value",
        "required",
        "autocomplete",
        "contexts",
        "integration_types",
    ];
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => FIELDS
            .iter()
            .all(|field| same(set(ours, field), set(theirs, field))),
        (Value::Array(ours), Value::Array(theirs)) => {
            let pairs = ours.iter().zip(theirs);
            ours.len() == theirs.len() && pairs.into_iter().all(|(ours, theirs)| same(ours, theirs))
        }
        (ours, theirs) => ours == theirs,
    }
}

/// A field that says something; `null` for one that is as it is by default.
fn set<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a Value {
    match fields.get(name) {
        None | Some(Value::Bool(false)) => &Value::Null,
        Some(Value::Array(values)) if values.is_empty() => &Value::Null,
        Some(value) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ToolKind;

    fn tool(name: &str, parameters: Vec<(&str, ParameterKind)>) -> ToolSpec {
        let parameter = |(name, kind): (&str, ParameterKind)| Parameter {
            name: name.into(),
            kind,
            default: None,
            optional: true,
            description: String::new(),
        };
        ToolSpec {
            name: name.into(),
            description: String::new(),
            kind: ToolKind::Query,
            parameters: parameters.into_iter().map(parameter).collect(),
            examples: Vec::new(),
            synonyms: Vec::new(),
            chain: None,
        }
    }

    fn choice(count: usize) -> ParameterKind {
        let values = (0..count).map(|n| format!("value {n}")).collect();
        ParameterKind::Choice { values }
    }

    fn option_named<'a>(command: &'a Value, name: &str) -> &'a Value {
        let sql = &command["options"][1];
        assert_eq!(sql["name"], "sql");
        let options = sql["options"].as_array().unwrap();
        options
            .iter()
            .find(|option| option["name"] == name)
            .unwrap_or(&Value::Null)
    }

    #[test]
    fn arguments_have_options_of_their_type() {
        let tools = [
            tool(
                "a",
                vec![
                    ("top", ParameterKind::Integer),
                    ("region", choice(3)),
                    ("name", ParameterKind::Text),
                ],
            ),
            tool(
                "b",
                vec![
                    ("region", choice(25)),
                    ("town", choice(26)),
                    ("Odd Name", ParameterKind::Text),
                ],
            ),
            tool(
                "c",
                vec![
                    ("minimum", ParameterKind::Number),
                    ("paid", ParameterKind::Boolean),
                    ("top", ParameterKind::Text),
                ],
            ),
        ];
        let command = command(&tools.iter().collect::<Vec<_>>());
        let check = |name: &str, expected: Value| {
            let found = option_named(&command, name);
            let found = json!([
                found["type"],
                found["autocomplete"],
                found["choices"].as_array().map(Vec::len)
            ]);
            assert_eq!(found, expected, "{name}");
        };
        check("minimum", json!([10, null, null]));
        check("paid", json!([5, null, null]));
        check("region", json!([3, null, 25]));
        check("town", json!([3, true, null]));
        // Two kinds under one name are text; the query's own name is not an argument.
        check("top", json!([3, null, null]));
        check("name", json!([3, true, null]));
        check("Odd Name", json!([null, null, null]));
        check("public", json!([5, null, null]));
    }

    #[test]
    fn limits_are_kept_however_many_tools_there_are() {
        let parameters = |n: usize| {
            let names: Vec<String> = (0..20).map(|p| format!("argument_{n}_{p}")).collect();
            tool(
                "t",
                names
                    .iter()
                    .map(|name| (name.as_str(), choice(25)))
                    .collect(),
            )
        };
        let tools: Vec<ToolSpec> = (0..30).map(parameters).collect();
        let command = command(&tools.iter().collect::<Vec<_>>());
        assert!(characters(&command) <= CHARACTERS);
        for subcommand in command["options"].as_array().unwrap() {
            assert!(subcommand["options"].as_array().unwrap().len() <= 25);
        }
    }

    #[test]
    fn what_discord_adds_is_no_difference() {
        let ours = for_everywhere(&command(&[]));
        let mut theirs = ours.clone();
        theirs["id"] = "1".into();
        theirs["nsfw"] = false.into();
        theirs["options"][4]["options"][0]
            .as_object_mut()
            .unwrap()
            .remove("required");
        assert!(same(&ours, &theirs));
        theirs["options"][1]["description"] = "Another".into();
        assert!(!same(&ours, &theirs));
    }
}
