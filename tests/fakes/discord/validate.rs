//! The refusals of Discord for what is in a message.

use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// Status and body of an error response.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub status: u16,
    pub body: Value,
}

pub fn refusal(status: u16, code: i64, message: &str) -> Refusal {
    Refusal {
        status,
        body: json!({ "message": message, "code": code }),
    }
}

pub const UNKNOWN_CHANNEL: (u16, i64, &str) = (404, 10003, "Unknown Channel");
pub const UNKNOWN_MEMBER: (u16, i64, &str) = (404, 10007, "Unknown Member");
pub const UNKNOWN_MESSAGE: (u16, i64, &str) = (404, 10008, "Unknown Message");
pub const UNKNOWN_INTERACTION: (u16, i64, &str) = (404, 10062, "Unknown interaction");
pub const OLD_EDITS: (u16, i64, &str) = (
    429,
    30046,
    "Maximum number of edits to messages older than 1 hour reached. Try again later",
);
pub const ALREADY_ACKNOWLEDGED: (u16, i64, &str) =
    (400, 40060, "Interaction has already been acknowledged.");
pub const MISSING_ACCESS: (u16, i64, &str) = (403, 50001, "Missing Access");
pub const NOT_THE_AUTHOR: (u16, i64, &str) =
    (403, 50005, "Cannot edit a message authored by another user");
pub const EMPTY_MESSAGE: (u16, i64, &str) = (400, 50006, "Cannot send an empty message");
pub const NOT_IN_FORUM: (u16, i64, &str) =
    (400, 50008, "Cannot send messages in a non-text channel");
pub const MISSING_PERMISSIONS: (u16, i64, &str) = (403, 50013, "Missing Permissions");
pub const WRONG_CHANNEL_TYPE: (u16, i64, &str) =
    (400, 50024, "Cannot execute action on this channel type");
pub const INVALID_WEBHOOK_TOKEN: (u16, i64, &str) = (401, 50027, "Invalid Webhook Token");
pub const THREAD_ARCHIVED: (u16, i64, &str) = (400, 50083, "Thread is archived");
pub const THREAD_EXISTS: (u16, i64, &str) = (
    400,
    160004,
    "A thread has already been created for this message",
);
pub const THREAD_LOCKED: (u16, i64, &str) = (403, 160005, "Thread is locked");

impl From<(u16, i64, &str)> for Refusal {
    fn from((status, code, message): (u16, i64, &str)) -> Self {
        refusal(status, code, message)
    }
}

/// 50035 with what is wrong at which path.
pub fn invalid_form(path: &[&str], code: &str, message: &str) -> Refusal {
    let leaf = json!({ "_errors": [{ "code": code, "message": message }] });
    let errors = path
        .iter()
        .rev()
        .fold(leaf, |inner, key| json!({ *key: inner }));
    Refusal {
        status: 400,
        body: json!({ "message": "Invalid Form Body", "code": 50035, "errors": errors }),
    }
}

fn too_long(field: &str, limit: usize) -> Refusal {
    invalid_form(
        &[field],
        "BASE_TYPE_MAX_LENGTH",
        &format!("Must be {limit} or fewer in length."),
    )
}

/// Checks a message as it is created or edited; gives the content as Discord keeps it.
pub fn message(body: &Value) -> Result<String, Refusal> {
    let body = body
        .as_object()
        .ok_or_else(|| refusal(400, 50109, "The request body contains invalid JSON."))?;
    let content = content(body)?;
    nonce(body)?;
    flags(body)?;
    allowed_mentions(body)?;
    components(body)?;
    if content.is_empty() {
        return Err(EMPTY_MESSAGE.into());
    }
    Ok(content)
}

fn content(body: &Map<String, Value>) -> Result<String, Refusal> {
    let content = match body.get("content") {
        None | Some(Value::Null) => "",
        Some(Value::String(content)) => content.as_str(),
        Some(_) => {
            return Err(invalid_form(
                &["content"],
                "STRING_TYPE_CONVERT",
                "Could not interpret as string.",
            ));
        }
    };
    if content.chars().count() > 2_000 {
        return Err(too_long("content", 2_000));
    }
    Ok(content.trim().to_string())
}

fn nonce(body: &Map<String, Value>) -> Result<(), Refusal> {
    match body.get("nonce") {
        Some(Value::String(nonce)) if nonce.len() > 25 => Err(too_long("nonce", 25)),
        None if body.get("enforce_nonce") == Some(&Value::Bool(true)) => Err(invalid_form(
            &["nonce"],
            "BASE_TYPE_REQUIRED",
            "This field is required",
        )),
        _ => Ok(()),
    }
}

fn flags(body: &Map<String, Value>) -> Result<(), Refusal> {
    const SETTABLE: u64 = 1 << 2 | 1 << 12 | 1 << 15;
    let flags = body.get("flags").and_then(Value::as_u64).unwrap_or(0);
    if flags & !SETTABLE != 0 {
        return Err(invalid_form(
            &["flags"],
            "MESSAGE_FLAGS_INVALID",
            "Invalid flags.",
        ));
    }
    Ok(())
}

fn allowed_mentions(body: &Map<String, Value>) -> Result<(), Refusal> {
    let Some(parse) = body
        .get("allowed_mentions")
        .and_then(|allowed| allowed.get("parse"))
    else {
        return Ok(());
    };
    let known = |kind: &Value| {
        ["users", "roles", "everyone"]
            .iter()
            .any(|known| kind == known)
    };
    match parse.as_array() {
        Some(kinds) if kinds.iter().all(known) => Ok(()),
        _ => Err(invalid_form(
            &["allowed_mentions", "parse"],
            "BASE_TYPE_CHOICES",
            "Value must be one of ('users', 'roles', 'everyone').",
        )),
    }
}

fn components(body: &Map<String, Value>) -> Result<(), Refusal> {
    let wrong = |code: &str, message: &str| Err(invalid_form(&["components"], code, message));
    let rows = match body.get("components") {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Array(rows)) => rows,
        Some(_) => {
            return wrong(
                "LIST_TYPE_CONVERT",
                "Only iterables may be used in a ListType",
            );
        }
    };
    if rows.len() > 5 {
        return wrong("BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.");
    }
    let mut ids = HashSet::new();
    for row in rows {
        let buttons = row["components"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        if row["type"] != 1 || buttons.is_empty() || buttons.len() > 5 {
            return wrong("BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.");
        }
        for button in buttons {
            let id = button["custom_id"].as_str().unwrap_or_default();
            let label = button["label"].as_str().unwrap_or_default();
            if button["type"] != 2 || !(1..=100).contains(&id.chars().count()) {
                return wrong(
                    "BASE_TYPE_BAD_LENGTH",
                    "Must be between 1 and 100 in length.",
                );
            }
            if !ids.insert(id) {
                return wrong(
                    "COMPONENT_CUSTOM_ID_DUPLICATED",
                    "Component custom id cannot be duplicated",
                );
            }
            if label.chars().count() > 80 || (label.is_empty() && button["emoji"].is_null()) {
                return wrong(
                    "BUTTON_COMPONENT_LABEL",
                    "A button needs a label of at most 80 or an emoji.",
                );
            }
        }
    }
    Ok(())
}

/// Whom a message notifies: what its text names and its settings allow.
pub fn pings(content: &str, body: &Value) -> Vec<String> {
    // Without settings, on a create and on every edit alike, all of them count.
    let parse = body["allowed_mentions"]["parse"].as_array();
    let allows = |kind: &str| parse.is_none_or(|kinds| kinds.iter().any(|allowed| allowed == kind));
    let mut pings = Vec::new();
    for name in ["@everyone", "@here"] {
        if content.contains(name) && allows("everyone") {
            pings.push(name.to_string());
        }
    }
    for (opening, kind) in [("<@&", "roles"), ("<@", "users")] {
        let named = content
            .split(opening)
            .skip(1)
            .filter_map(|rest| rest.split_once('>'));
        let id = |(id, _): (&str, &str)| {
            let id = id.trim_start_matches('!');
            (!id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()))
                .then(|| format!("{opening}{id}>"))
        };
        pings.extend(named.filter_map(id).filter(|_| allows(kind)));
    }
    pings
}
