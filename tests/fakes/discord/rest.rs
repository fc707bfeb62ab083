//! The HTTP API: routes, limits, faults, log.

use super::{
    Shared, TOKEN,
    limits::{Bucket, Count, Fault, Scope, too_many},
    payload,
    validate::{self, Refusal, refusal},
    wire::{Request, What},
    world::{APPLICATION, BOT, World},
};
use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

pub async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response {
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    let Some(path) = path.strip_prefix("/api/v10").map(str::to_string) else {
        return (StatusCode::NOT_FOUND, "only version 10 is spoken here").into_response();
    };
    let fault = shared.change(|world| world.fault(method.as_str(), &path));
    if let Some(Fault::Delay(time)) = fault {
        tokio::time::sleep(time).await;
    }
    let (body, files) = read_body(&headers, &bytes);
    let authorization = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let (reply, lost) = shared.change(|world| {
        let call = Call {
            method: method.as_str(),
            path: &path,
            body: &body,
            files: &files,
            authorization,
        };
        let reply = call.reply(world, fault.as_ref());
        let lost = matches!(fault, Some(Fault::LoseResponse));
        world.log(What::Request(Request {
            method: method.to_string(),
            path: path.clone(),
            body: body.clone(),
            files: files.iter().map(|file| file.name.clone()).collect(),
            status: reply.status,
            response: reply.body.clone(),
            lost,
        }));
        (reply, lost)
    });
    if lost {
        // Unwinding ends this connection's task, and so the connection, without a word.
        std::panic::resume_unwind(Box::new("response lost"));
    }
    reply.into_response()
}

struct Reply {
    status: u16,
    body: Value,
    headers: Vec<(&'static str, String)>,
}

impl Reply {
    fn of(outcome: Result<Value, Refusal>) -> Self {
        let (status, body) = match outcome {
            Ok(Value::Null) => (204, Value::Null),
            Ok(body) => (200, body),
            Err(refusal) => (refusal.status, refusal.body),
        };
        Self {
            status,
            body,
            headers: Vec::new(),
        }
    }

    fn too_many(retry_after: Duration, scope: Scope) -> Self {
        let mut headers = vec![
            (
                "retry-after",
                format!("{}", retry_after.as_secs_f64().ceil()),
            ),
            ("x-ratelimit-scope", scope.as_str().to_string()),
        ];
        if scope == Scope::Global {
            headers.push(("x-ratelimit-global", "true".into()));
        }
        Self {
            status: 429,
            body: too_many(retry_after, scope),
            headers,
        }
    }

    fn counted(mut self, bucket: &Bucket, count: &Count) -> Self {
        let reset = format!("{:.3}", count.reset_after.as_secs_f64());
        self.headers.extend([
            ("x-ratelimit-limit", count.limit.to_string()),
            ("x-ratelimit-remaining", count.remaining.to_string()),
            ("x-ratelimit-reset-after", reset),
            ("x-ratelimit-bucket", bucket.route.replace(' ', "-")),
        ]);
        self
    }

    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).expect("a status");
        let mut response = match self.body {
            Value::Null => status.into_response(),
            body => (status, axum::Json(body)).into_response(),
        };
        for (name, value) in self.headers {
            response
                .headers_mut()
                .insert(name, value.parse().expect("a header"));
        }
        response
    }
}

struct Call<'a> {
    method: &'a str,
    path: &'a str,
    body: &'a Value,
    files: &'a [Upload],
    authorization: Option<&'a str>,
}

/// A file of a request.
pub struct Upload {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// JSON, or a form with JSON and files in it.
fn read_body(headers: &HeaderMap, bytes: &[u8]) -> (Value, Vec<Upload>) {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let Some((_, boundary)) = kind.split_once("boundary=") else {
        return (
            serde_json::from_slice(bytes).unwrap_or_default(),
            Vec::new(),
        );
    };
    let text = String::from_utf8_lossy(bytes);
    let mut body = Value::Null;
    let mut files = Vec::new();
    for part in text.split(&format!("--{boundary}")) {
        let Some((head, content)) = part.split_once("\r\n\r\n") else {
            continue;
        };
        let content = content.strip_suffix("\r\n").unwrap_or(content);
        let field = |name: &str| {
            let (_, rest) = head.split_once(&format!("{name}=\""))?;
            Some(rest.split('"').next().unwrap_or_default().to_string())
        };
        match field(" name").as_deref() {
            Some("payload_json") => body = serde_json::from_str(content).unwrap_or_default(),
            Some(name) if name.starts_with("files[") => files.push(Upload {
                name: field("filename").unwrap_or_default(),
                bytes: content.as_bytes().to_vec(),
            }),
            _ => {}
        }
    }
    (body, files)
}

impl Call<'_> {
    fn reply(&self, world: &mut World, fault: Option<&Fault>) -> Reply {
        match fault {
            Some(&Fault::RateLimit { retry_after, scope }) => {
                return Reply::too_many(retry_after, scope);
            }
            Some(&Fault::Status(status)) => return Reply::of(Err(refusal(status, 0, "fault"))),
            Some(&Fault::Refuse { status, code }) => {
                return Reply::of(Err(refusal(status, code, "fault")));
            }
            _ => {}
        }
        let (path, query) = self.path.split_once('?').unwrap_or((self.path, ""));
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        if let ("POST", ["interactions", id, token, "callback"]) =
            (self.method, segments.as_slice())
        {
            return Reply::of(number(id).and_then(|id| world.callback(id, token, self.body)));
        }
        if let Some(reply) = self.webhook(world, &segments) {
            return Reply::of(reply);
        }
        if self.authorization != Some(&format!("Bot {TOKEN}")) {
            return Reply::of(Err(refusal(401, 0, "401: Unauthorized")));
        }
        let bucket = Bucket {
            route: self.route(&segments),
            major: segments.get(1).and_then(|id| id.parse().ok()).unwrap_or(0),
        };
        let count = world.buckets.take(&bucket, world.now());
        if count.exceeded {
            return Reply::too_many(count.reset_after, Scope::User).counted(&bucket, &count);
        }
        Reply::of(self.perform(world, &segments, query)).counted(&bucket, &count)
    }

    /// The token is in the address, and nothing else is asked for.
    fn webhook(&self, world: &mut World, segments: &[&str]) -> Option<Result<Value, Refusal>> {
        Some(match (self.method, segments) {
            ("PATCH", ["webhooks", application, token, "messages", "@original"]) => {
                world.edit_original(application, token, self.body, self.files)
            }
            ("PATCH", ["webhooks", application, token, "messages", message]) => number(message)
                .and_then(|id| world.edit_follow_up(application, token, id, self.body)),
            ("POST", ["webhooks", application, token]) => {
                world.follow_up(application, token, self.body, self.files)
            }
            _ => return None,
        })
    }

    fn route(&self, segments: &[&str]) -> &'static str {
        match (self.method, segments) {
            ("POST", ["channels", _, "messages"]) => "create message",
            ("PATCH", ["channels", _, "messages", _]) => "edit message",
            ("POST", ["channels", _, "typing"]) => "typing",
            ("POST", ["channels", _, "messages", _, "threads"]) => "create thread",
            ("GET", ["channels", ..]) => "read channel",
            _ => "other",
        }
    }

    fn perform(&self, world: &mut World, segments: &[&str], query: &str) -> Result<Value, Refusal> {
        let gateway = world.url.replace("http://", "ws://") + "/gateway";
        match (self.method, segments) {
            ("GET", ["gateway"]) => Ok(json!({ "url": gateway })),
            ("GET", ["gateway", "bot"]) => Ok(json!({
                "url": gateway,
                "shards": 1,
                "session_start_limit": { "total": 1000, "remaining": world.sessions_left, "reset_after": 3_600_000, "max_concurrency": 1 },
            })),
            ("GET", ["users", "@me"]) => Ok(payload::user(world.user(BOT))),
            ("GET", ["users", "@me", "guilds"]) => {
                let ours = world
                    .members
                    .iter()
                    .filter(|(_, members)| members.contains(&BOT));
                let guild = |(id, _): (&u64, _)| json!({ "id": id.to_string(), "name": "guild", "owner": false, "permissions": "0", "features": [] });
                Ok(ours.map(guild).collect())
            }
            ("GET", ["guilds", guild, "members", user]) => {
                world.member(number(guild)?, number(user)?)
            }
            ("GET", ["channels", channel]) => world
                .visible_channel(number(channel)?)
                .map(payload::channel),
            ("GET", ["channels", channel, "messages"]) => {
                let after = parameter(query, "after").unwrap_or(0);
                let limit = parameter(query, "limit").unwrap_or(50);
                if !(1..=100).contains(&limit) {
                    return Err(validate::invalid_form(
                        &["limit"],
                        "NUMBER_TYPE_MAX",
                        "int value should be less than or equal to 100.",
                    ));
                }
                world.history(number(channel)?, after, limit as usize)
            }
            ("GET", ["channels", channel, "messages", message]) => {
                world.message_in(number(channel)?, number(message)?)
            }
            ("POST", ["channels", channel, "messages"]) => {
                world.create_message(number(channel)?, self.body, self.files)
            }
            ("PATCH", ["channels", channel, "messages", message]) => {
                world.edit_message(number(channel)?, number(message)?, self.body, self.files)
            }
            ("POST", ["channels", channel, "messages", message, "threads"]) => {
                world.create_thread(number(channel)?, number(message)?, self.body)
            }
            ("GET", ["oauth2", "applications", "@me"]) => {
                Ok(json!({ "id": APPLICATION.to_string(), "name": "lorekeeper" }))
            }
            ("POST", ["users", "@me", "channels"]) => world.open_direct(self.body),
            ("GET", ["applications", _, "commands"]) => Ok(commands_of(world, None)),
            ("GET", ["applications", _, "guilds", guild, "commands"]) => {
                Ok(commands_of(world, Some(number(guild)?)))
            }
            ("PUT", ["applications", _, "commands"]) => world.set_commands(None, self.body),
            ("PUT", ["applications", _, "guilds", guild, "commands"]) => {
                world.set_commands(Some(number(guild)?), self.body)
            }
            ("POST", ["channels", channel, "typing"]) => world.type_in(number(channel)?),
            _ => Err(refusal(404, 0, "404: Not Found")),
        }
    }
}

fn commands_of(world: &World, guild: Option<u64>) -> Value {
    world
        .commands
        .get(&guild)
        .cloned()
        .unwrap_or_default()
        .into()
}

fn number(segment: &str) -> Result<u64, Refusal> {
    let wrong =
        |_| validate::invalid_form(&["id"], "NUMBER_TYPE_COERCE", "Value is not snowflake.");
    segment.parse().map_err(wrong)
}

fn parameter(query: &str, name: &str) -> Option<u64> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(key, _)| *key == name)
        .find_map(|(_, value)| value.parse().ok())
}
