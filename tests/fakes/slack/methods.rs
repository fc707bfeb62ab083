//! The methods of the Web API that the bot may call, and their refusals.

use super::{
    files,
    state::{BOT_ID, BOT_USER, Channel, State, Stored, TEAM},
    validate,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub enum Answer {
    Ok(Value),
    Refused(&'static str, String),
}

pub fn no(code: &'static str) -> Answer {
    Answer::Refused(code, String::new())
}

pub fn writes(method: &str) -> bool {
    matches!(
        method,
        "apps.connections.open"
            | "chat.postMessage"
            | "chat.update"
            | "reactions.add"
            | "reactions.remove"
            | "conversations.open"
            | "files.completeUploadExternal"
    )
}

pub fn call(state: &mut State, address: &str, method: &str, arguments: &Value) -> Answer {
    match method {
        "auth.test" => Answer::Ok(json!({
            "url": "https://acme.slack.com/", "team": "Acme", "user": "lore",
            "team_id": TEAM, "user_id": BOT_USER, "bot_id": BOT_ID, "is_enterprise_install": false,
        })),
        "apps.connections.open" => {
            let ticket = state.next_id("ticket-");
            state.tickets.insert(ticket.clone());
            Answer::Ok(json!({ "url": format!("ws://{address}/link?ticket={ticket}") }))
        }
        "chat.postMessage" => post(state, arguments),
        "chat.update" => update(state, arguments),
        "reactions.add" => react(state, arguments, true),
        "reactions.remove" => react(state, arguments, false),
        "conversations.info" => conversation(state, arguments),
        "conversations.replies" => replies(state, arguments),
        "conversations.history" => history(state, arguments),
        "conversations.open" => open(state, arguments),
        "files.getUploadURLExternal" => files::ask(state, address, arguments),
        "files.completeUploadExternal" => files::complete(state, arguments),
        "users.info" => user(state, arguments),
        _ => no("unknown_method"),
    }
}

pub fn text(arguments: &Value, name: &str) -> String {
    arguments[name].as_str().unwrap_or_default().to_string()
}

pub fn writable<'a>(state: &'a State, channel: &str) -> Result<&'a Channel, &'static str> {
    match state.channels.get(channel) {
        None => Err("channel_not_found"),
        Some(channel) if channel.archived => Err("is_archived"),
        Some(channel) if channel.bot_is_out => Err("not_in_channel"),
        Some(channel) => Ok(channel),
    }
}

fn post(state: &mut State, arguments: &Value) -> Answer {
    let channel = text(arguments, "channel");
    let thread_ts = arguments["thread_ts"].as_str().map(str::to_string);
    match writable(state, &channel) {
        Err(code) => return no(code),
        Ok(place) => {
            let root = thread_ts
                .as_ref()
                .map(|ts| place.messages.iter().find(|m| m.ts == *ts));
            match root {
                Some(None) => return no("thread_not_found"),
                // A reply is no root: the parent's ts is asked for.
                Some(Some(root)) if root.thread_ts.is_some() => return no("invalid_thread_ts"),
                _ => {}
            }
        }
    }
    if let Err((code, why)) = validate::message(arguments, &validate::POST) {
        return Answer::Refused(code, why);
    }
    let ts = state.next_ts();
    let metadata = arguments["metadata"].clone();
    let stored = Stored {
        ts: ts.clone(),
        thread_ts: thread_ts.clone(),
        user: BOT_USER.into(),
        text: text(arguments, "text"),
        blocks: arguments["blocks"].clone(),
        metadata: metadata.clone(),
        by_bot: true,
        versions: vec![text(arguments, "text")],
        reactions: BTreeMap::new(),
        pings: validate::pings(arguments),
        unfurls: unfurls(arguments),
        files: Vec::new(),
    };
    let event = own_message(&channel, &stored, state);
    if let Some(place) = state.channels.get_mut(&channel) {
        place.messages.push(stored);
    }
    let message = event.clone();
    state.emit(event);
    Answer::Ok(json!({ "channel": channel, "ts": ts, "message": message }))
}

/// How our own message comes back as an event.
pub fn own_message(channel: &str, stored: &Stored, state: &State) -> Value {
    let direct = state
        .channels
        .get(channel)
        .is_some_and(|c| c.direct_with.is_some());
    let mut event = json!({
        "type": "message", "user": BOT_USER, "bot_id": BOT_ID, "app_id": "A1", "team": TEAM,
        "bot_profile": { "id": BOT_ID, "app_id": "A1", "name": "lore", "team_id": TEAM },
        "text": stored.text, "blocks": stored.blocks, "ts": stored.ts,
        "channel": channel, "event_ts": stored.ts,
        "channel_type": if direct { "im" } else { "channel" },
    });
    if let Some(thread) = &stored.thread_ts {
        event["thread_ts"] = thread.clone().into();
    }
    if !stored.metadata.is_null() {
        event["metadata"] = json!({ "event_type": stored.metadata["event_type"] });
    }
    event
}

fn unfurls(arguments: &Value) -> bool {
    let suppressed = arguments["unfurl_links"] == Value::Bool(false)
        && arguments["unfurl_media"] == Value::Bool(false);
    let shown = format!("{} {}", arguments["text"], arguments["blocks"]);
    !suppressed && shown.contains("<http")
}

fn update(state: &mut State, arguments: &Value) -> Answer {
    let channel = text(arguments, "channel");
    if let Err(code) = writable(state, &channel) {
        return no(code);
    }
    let ts = text(arguments, "ts");
    match state.message(&channel, &ts) {
        None => return no("message_not_found"),
        Some(message) if !message.by_bot => return no("cant_update_message"),
        Some(_) => {}
    }
    if let Err((code, why)) = validate::message(arguments, &validate::UPDATE) {
        return Answer::Refused(code, why);
    }
    let edited = state.next_ts();
    let pings = validate::pings(arguments);
    let Some(message) = state.message(&channel, &ts) else {
        return no("message_not_found");
    };
    let before = message.clone();
    message.text = text(arguments, "text");
    message.blocks = arguments["blocks"].clone();
    message.versions.push(message.text.clone());
    message.pings.extend(pings);
    let after = message.clone();
    let mut now = own_message(&channel, &after, state);
    now["edited"] = json!({ "user": BOT_ID, "ts": edited });
    let was = own_message(&channel, &before, state);
    state.emit(json!({
        "type": "message", "subtype": "message_changed", "hidden": true, "channel": channel,
        "message": now, "previous_message": was, "ts": edited, "event_ts": edited,
        "channel_type": was["channel_type"],
    }));
    Answer::Ok(json!({ "channel": channel, "ts": ts, "text": after.text, "message": now }))
}

fn react(state: &mut State, arguments: &Value, add: bool) -> Answer {
    let channel = text(arguments, "channel");
    let (ts, name) = (text(arguments, "timestamp"), text(arguments, "name"));
    if let Err(code) = writable(state, &channel) {
        return no(code);
    }
    let Some(message) = state.message(&channel, &ts) else {
        return no("message_not_found");
    };
    let author = message.user.clone();
    let users = message.reactions.entry(name.clone()).or_default();
    let held = users.iter().position(|user| user == BOT_USER);
    match (add, held) {
        (true, Some(_)) => return no("already_reacted"),
        (false, None) => return no("no_reaction"),
        (true, None) => users.push(BOT_USER.into()),
        (false, Some(at)) => drop(users.remove(at)),
    }
    let event = reaction_event(state, BOT_USER, &channel, &ts, &name, &author, add);
    state.emit(event);
    Answer::Ok(json!({}))
}

pub fn reaction_event(
    state: &mut State,
    user: &str,
    channel: &str,
    ts: &str,
    name: &str,
    author: &str,
    add: bool,
) -> Value {
    json!({
        "type": if add { "reaction_added" } else { "reaction_removed" },
        "user": user, "reaction": name, "item_user": author,
        "item": { "type": "message", "channel": channel, "ts": ts },
        "event_ts": state.next_ts(),
    })
}

fn conversation(state: &State, arguments: &Value) -> Answer {
    let id = text(arguments, "channel");
    let Some(channel) = state.channels.get(&id) else {
        return no("channel_not_found");
    };
    let direct = channel.direct_with.is_some();
    let mut answer = json!({
        "id": id, "created": 1_700_000_000, "is_archived": channel.archived,
        "is_im": direct, "is_channel": !direct, "is_group": false, "is_mpim": false,
        "is_private": false, "is_member": !channel.bot_is_out,
        "is_shared": channel.ext_shared, "is_org_shared": false, "is_ext_shared": channel.ext_shared,
        "is_pending_ext_shared": false, "context_team_id": TEAM,
    });
    match &channel.direct_with {
        Some(user) => answer["user"] = user.clone().into(),
        None => answer["name"] = id.to_lowercase().into(),
    }
    Answer::Ok(json!({ "channel": answer }))
}

/// The person's direct conversation, made where there was none.
fn open(state: &mut State, arguments: &Value) -> Answer {
    let user = text(arguments, "users");
    match state.people.get(&user) {
        None => return no("user_not_found"),
        Some(person) if person.deleted => return no("user_disabled"),
        Some(_) => {}
    }
    let channel = user.replace('U', "D");
    let was_open = state.channels.contains_key(&channel);
    let direct = state.channels.entry(channel.clone()).or_default();
    direct.direct_with = Some(user);
    Answer::Ok(json!({ "no_op": was_open, "already_open": was_open, "channel": { "id": channel } }))
}

/// The newest first.
fn history(state: &State, arguments: &Value) -> Answer {
    let Some(channel) = state.channels.get(&text(arguments, "channel")) else {
        return no("channel_not_found");
    };
    if channel.bot_is_out {
        return no("not_in_channel");
    }
    let with_metadata = arguments["include_all_metadata"] == "true";
    let limit = text(arguments, "limit").parse().unwrap_or(100);
    let messages = channel
        .messages
        .iter()
        .rev()
        .filter(|m| m.thread_ts.is_none());
    let page: Vec<Value> = messages
        .take(limit)
        .map(|m| seen(m, with_metadata))
        .collect();
    Answer::Ok(json!({ "messages": page, "has_more": false }))
}

fn seen(m: &Stored, with_metadata: bool) -> Value {
    let mut message = json!({ "type": "message", "user": m.user, "text": m.text, "ts": m.ts });
    if m.by_bot {
        message["bot_id"] = BOT_ID.into();
    }
    if with_metadata && !m.metadata.is_null() {
        message["metadata"] = m.metadata.clone();
    }
    if !m.files.is_empty() {
        message["files"] = m.files.clone().into();
    }
    message
}

fn replies(state: &State, arguments: &Value) -> Answer {
    let (id, root) = (text(arguments, "channel"), text(arguments, "ts"));
    let Some(channel) = state.channels.get(&id) else {
        return no("channel_not_found");
    };
    if !channel.messages.iter().any(|m| m.ts == root) {
        return no("thread_not_found");
    }
    let oldest = text(arguments, "oldest");
    let with_metadata = arguments["include_all_metadata"] == "true";
    let limit = text(arguments, "limit").parse().unwrap_or(1000).min(1000);
    let from: usize = text(arguments, "cursor").parse().unwrap_or(0);
    let thread: Vec<&Stored> = channel
        .messages
        .iter()
        .filter(|m| m.ts == root || m.thread_ts.as_ref() == Some(&root))
        .filter(|m| m.ts == root || m.ts > oldest)
        .collect();
    let page: Vec<Value> = thread
        .iter()
        .skip(from)
        .take(limit)
        .map(|m| {
            let mut message = seen(m, with_metadata);
            message["thread_ts"] = root.as_str().into();
            message
        })
        .collect();
    let more = from + page.len() < thread.len();
    let next = if more {
        (from + page.len()).to_string()
    } else {
        String::new()
    };
    Answer::Ok(json!({
        "messages": page, "has_more": more, "response_metadata": { "next_cursor": next },
    }))
}

fn user(state: &State, arguments: &Value) -> Answer {
    let id = text(arguments, "user");
    let Some(person) = state.people.get(&id) else {
        return no("user_not_found");
    };
    Answer::Ok(json!({ "user": {
        "id": id, "team_id": person.team.unwrap_or(TEAM), "name": id.to_lowercase(),
        "deleted": person.deleted, "is_bot": person.bot, "is_app_user": false,
        "is_restricted": person.restricted, "is_ultra_restricted": false,
        "is_stranger": person.team.is_some(), "tz": "Europe/Berlin",
        "profile": { "real_name": id, "team": person.team.unwrap_or(TEAM) },
    }}))
}
