//! Files: asked for, put, and shared, in three steps.

use super::{
    FakeSlack, World,
    methods::{Answer, no, own_message, text, writable},
    state::{State, Stored},
    wire::{Call, What},
};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// A file from the moment that room was asked for.
#[derive(Clone, Debug, Default)]
pub struct File {
    pub id: String,
    pub name: String,
    pub title: String,
    pub length: usize,
    pub text: Option<String>,
    /// Where it is shared.
    pub channel: Option<String>,
}

impl FakeSlack {
    /// The files that are shared, oldest first.
    pub fn files(&self) -> Vec<File> {
        let state = self.lock();
        let shared = state.files.iter().filter(|file| file.channel.is_some());
        shared.cloned().collect()
    }
}

pub fn ask(state: &mut State, address: &str, arguments: &Value) -> Answer {
    let (name, length) = (text(arguments, "filename"), text(arguments, "length"));
    let Ok(length) = length.parse::<usize>() else {
        return no("invalid_arguments");
    };
    if name.is_empty() || length == 0 {
        return no("invalid_arguments");
    }
    let id = state.next_id("F");
    state.files.push(File {
        id: id.clone(),
        name,
        length,
        ..File::default()
    });
    let url = format!("http://{address}/upload/{id}");
    Answer::Ok(json!({ "upload_url": url, "file_id": id }))
}

pub fn put(world: &World, id: &str, bytes: &[u8]) -> Response {
    let mut state = world.lock();
    let file = state.files.iter_mut().find(|file| file.id == id);
    let (status, outcome) = match file {
        Some(file) if file.length == bytes.len() => {
            file.text = Some(String::from_utf8_lossy(bytes).into_owned());
            (StatusCode::OK, "ok")
        }
        Some(_) => (StatusCode::BAD_REQUEST, "length is not what was announced"),
        None => (StatusCode::NOT_FOUND, "no such upload"),
    };
    let at = state.now();
    let call = Call {
        at,
        method: "upload".into(),
        arguments: json!({ "file": id, "bytes": bytes.len() }),
        outcome: outcome.into(),
    };
    state.wire.write(at, What::Call(call));
    drop(state);
    world.changed();
    (status, format!("{outcome} - {}", bytes.len())).into_response()
}

pub fn complete(state: &mut State, arguments: &Value) -> Answer {
    let channel = text(arguments, "channel_id");
    if let Err(code) = writable(state, &channel) {
        return no(code);
    }
    let mut shown = Vec::new();
    for wanted in arguments["files"].as_array().into_iter().flatten() {
        let id = wanted["id"].as_str().unwrap_or_default();
        let Some(file) = state.files.iter_mut().find(|file| file.id == id) else {
            return no("file_not_found");
        };
        if file.text.is_none() {
            return no("file_not_found");
        }
        file.title = wanted["title"].as_str().unwrap_or_default().into();
        file.channel = Some(channel.clone());
        shown.push(json!({ "id": file.id, "name": file.name, "title": file.title, "mimetype": "text/csv" }));
    }
    if shown.is_empty() {
        return no("invalid_arguments");
    }
    let stored = Stored {
        thread_ts: arguments["thread_ts"].as_str().map(str::to_string),
        files: shown.clone(),
        ..Stored::of_bot(state.next_ts())
    };
    let mut event = own_message(&channel, &stored, state);
    event["subtype"] = "file_share".into();
    event["files"] = shown.clone().into();
    if let Some(place) = state.channels.get_mut(&channel) {
        place.messages.push(stored);
    }
    state.emit(event);
    Answer::Ok(json!({ "files": shown }))
}
