//! Slash commands: typed by people, answered in the acknowledgement and
//! through an address that is good for five messages and half an hour.

use super::{
    FakeSlack, World,
    people::{Asked, typed},
    state::{State, Stored, TEAM},
    validate,
    wire::{Call, What},
};
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::time::Duration;

const USES: usize = 5;
const LIFETIME: Duration = Duration::from_secs(30 * 60);
const ACK_LIMIT: Duration = Duration::from_secs(3);

/// Where a command's result may go.
pub struct ResponseUrl {
    pub secret: String,
    pub user: String,
    pub channel: String,
    pub at: Duration,
    pub uses: usize,
    pub closed: bool,
}

/// A message that one person sees.
#[derive(Clone, Debug)]
pub struct Ephemeral {
    pub user: String,
    pub message: Stored,
}

impl FakeSlack {
    /// `/lore text`. Slack writes names in place of ids, and escapes.
    pub fn slash(&self, user: &str, channel: &str, text: &str) -> Asked {
        let address = self.world.address();
        self.change(|state| slash(state, &address, user, channel, text))
    }

    /// The address of a command no longer takes anything.
    pub fn close_response_url(&self, asked: &Asked) {
        self.change(|state| {
            let response = state.responses.iter_mut().find(|r| r.secret == asked.ts);
            response.expect("it is a command").closed = true;
        });
    }

    /// The addresses that were handed out.
    pub fn response_urls(&self) -> Vec<String> {
        let state = self.lock();
        let secrets = state.responses.iter();
        secrets
            .map(|r| format!("/commands/{TEAM}/{}", r.secret))
            .collect()
    }
}

fn slash(state: &mut State, address: &str, user: &str, channel: &str, text: &str) -> Asked {
    let event = state.next_id("Cmd");
    let secret = format!("{}.{}.{event}", state.next_ts(), "5d41402a");
    let team = state.people.get(user).and_then(|p| p.team).unwrap_or(TEAM);
    let is_direct = channel.starts_with('D');
    let payload = json!({
        "token": "verification", "team_id": team, "team_domain": "acme",
        "channel_id": channel, "channel_name": if is_direct { "directmessage" } else { "general" },
        "user_id": user, "user_name": user.to_lowercase(),
        "command": "/lore", "text": escaped(state, text), "api_app_id": "A1",
        "is_enterprise_install": "false",
        "response_url": format!("http://{address}/commands/{TEAM}/{secret}"),
        "trigger_id": secret,
    });
    let at = state.now();
    state.responses.push(ResponseUrl {
        secret: secret.clone(),
        user: user.into(),
        channel: channel.into(),
        at,
        uses: 0,
        closed: false,
    });
    state.queue(event.clone(), "slash_commands", payload);
    Asked {
        user: user.into(),
        channel: channel.into(),
        ts: secret.clone(),
        thread: secret,
        events: vec![event],
    }
}

/// With `should_escape`: people and channels by id, and the three entities.
fn escaped(state: &State, text: &str) -> String {
    let names = state.people.keys();
    names.fold(typed(text), |text, id| {
        text.replace(&format!("@{id}"), &format!("<@{id}|{}>", id.to_lowercase()))
    })
}

impl State {
    /// What the acknowledgement of a command says to its person.
    pub fn command_acked(&mut self, event: &str, sent: Duration, payload: &Value) {
        let secret = self
            .deliveries
            .iter()
            .find(|d| d.event == event)
            .and_then(|d| d.payload["trigger_id"].as_str())
            .map(str::to_string);
        let Some((user, channel)) = self
            .responses
            .iter()
            .find(|r| Some(&r.secret) == secret.as_ref())
            .map(|r| (r.user.clone(), r.channel.clone()))
        else {
            return;
        };
        if self.now().saturating_sub(sent) > ACK_LIMIT {
            let text = "/lore failed with the error \"operation_timeout\"";
            self.show(&user, &channel, &json!({ "text": text }));
            return;
        }
        if payload["text"]
            .as_str()
            .is_some_and(|text| !text.is_empty())
        {
            self.say_as_response(&user, &channel, payload);
        }
    }

    fn say_as_response(&mut self, user: &str, channel: &str, body: &Value) {
        match body["response_type"].as_str() {
            Some("in_channel") => {
                let stored = self.stored(body);
                let place = self.channels.entry(channel.into()).or_default();
                place.messages.push(stored);
            }
            _ => self.show(user, channel, body),
        }
    }

    fn show(&mut self, user: &str, channel: &str, body: &Value) {
        let message = self.stored(body);
        self.ephemerals.push((
            channel.into(),
            Ephemeral {
                user: user.into(),
                message,
            },
        ));
    }

    fn stored(&mut self, body: &Value) -> Stored {
        let text = body["text"].as_str().unwrap_or_default();
        Stored {
            text: text.into(),
            blocks: body["blocks"].clone(),
            versions: vec![text.into()],
            pings: validate::pings(body),
            ..Stored::of_bot(self.next_ts())
        }
    }
}

/// A POST to the address of a command.
pub fn respond(world: &World, secret: &str, body: &Value) -> Response {
    let mut state = world.lock();
    let outcome = take(&mut state, secret, body);
    let at = state.now();
    let call = Call {
        at,
        method: "response_url".into(),
        arguments: body.clone(),
        outcome: outcome.err().unwrap_or("ok").into(),
    };
    state.wire.write(at, What::Call(call));
    drop(state);
    world.changed();
    match outcome {
        Ok(()) => "ok".into_response(),
        Err(code @ ("used_url" | "expired_url")) => refused(StatusCode::NOT_FOUND, code),
        Err(code) => refused(StatusCode::BAD_REQUEST, code),
    }
}

fn refused(status: StatusCode, code: &str) -> Response {
    (status, Json(json!({ "ok": false, "error": code }))).into_response()
}

fn take(state: &mut State, secret: &str, body: &Value) -> Result<(), &'static str> {
    let now = state.now();
    let response = state.responses.iter_mut().find(|r| r.secret == secret);
    let response = response.ok_or("expired_url")?;
    if response.closed || now.saturating_sub(response.at) > LIFETIME {
        return Err("expired_url");
    }
    if response.uses >= USES {
        return Err("used_url");
    }
    response.uses += 1;
    let (user, channel) = (response.user.clone(), response.channel.clone());
    let is_known = matches!(
        body["response_type"].as_str(),
        None | Some("ephemeral" | "in_channel")
    );
    if !is_known {
        return Err("invalid_payload");
    }
    validate::message(body, &validate::POST).map_err(|(code, _)| code)?;
    state.say_as_response(&user, &channel, body);
    Ok(())
}
