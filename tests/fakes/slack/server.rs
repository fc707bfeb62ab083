//! The Web API and the sockets, over HTTP.

use super::{
    World, commands,
    faults::Fault,
    files,
    methods::{self, Answer},
    state::{APP_TOKEN, BOT_TOKEN, Frame},
    wire::{Call, What},
};
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{
        Path, Query, State as Shared,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
    routing::{any, post},
};
use serde_json::{Map, Value, json};
use std::{collections::HashMap, sync::Arc};
use tokio::sync::mpsc::unbounded_channel;

pub fn router(world: Arc<World>) -> Router {
    Router::new()
        .route("/api/{method}", any(call))
        .route("/link", any(open_socket))
        .route("/commands/{team}/{secret}", post(respond))
        .route("/upload/{file}", post(upload))
        .with_state(world)
}

async fn respond(
    Shared(world): Shared<Arc<World>>,
    Path((_, secret)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Response {
    let fault = world.lock().faults.next("response_url", "");
    match fault {
        Some(Fault::LoseResponse) => {
            drop(commands::respond(&world, &secret, &body));
            broken()
        }
        Some(Fault::LoseRequest) => broken(),
        Some(Fault::Status(status)) => StatusCode::from_u16(status)
            .expect("a fault names a real status")
            .into_response(),
        Some(Fault::RateLimited { seconds }) => too_many(seconds),
        Some(Fault::Refuse(code)) => (
            StatusCode::NOT_FOUND,
            Json(json!({ "ok": false, "error": code })),
        )
            .into_response(),
        Some(Fault::Delay(delay)) => {
            tokio::time::sleep(delay).await;
            commands::respond(&world, &secret, &body)
        }
        None => commands::respond(&world, &secret, &body),
    }
}

async fn upload(
    Shared(world): Shared<Arc<World>>,
    Path(file): Path<String>,
    bytes: Bytes,
) -> Response {
    files::put(&world, &file, &bytes)
}

async fn call(
    Shared(world): Shared<Arc<World>>,
    Path(method): Path<String>,
    verb: Method,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
    body: Bytes,
) -> Response {
    let arguments = arguments(&method, &verb, &headers, query, &body);
    let channel = arguments["channel"]
        .as_str()
        .unwrap_or_default()
        .to_string();
    let fault = world.lock().faults.next(&method, &channel);
    if let Some(Fault::Delay(delay)) = fault {
        tokio::time::sleep(delay).await;
    }
    let (outcome, response) = match fault {
        Some(Fault::LoseRequest) => ("request lost".to_string(), broken()),
        Some(Fault::Status(status)) => (
            format!("status {status}"),
            StatusCode::from_u16(status)
                .expect("a fault names a real status")
                .into_response(),
        ),
        Some(Fault::RateLimited { seconds }) => (format!("429 for {seconds} s"), too_many(seconds)),
        Some(Fault::Refuse(code)) => (code.to_string(), refused((code, String::new()))),
        Some(Fault::LoseResponse) => {
            let (outcome, _) = answer(&world, &method, &headers, &arguments);
            (format!("{outcome}, response lost"), broken())
        }
        Some(Fault::Delay(_)) | None => answer(&world, &method, &headers, &arguments),
    };
    let mut state = world.lock();
    let at = state.now();
    let call = Call {
        at,
        method,
        arguments,
        outcome,
    };
    state.wire.write(at, What::Call(call));
    drop(state);
    world.changed();
    response
}

fn answer(
    world: &World,
    method: &str,
    headers: &HeaderMap,
    arguments: &Value,
) -> (String, Response) {
    let mut state = world.lock();
    let wanted = if method == "apps.connections.open" {
        APP_TOKEN
    } else {
        BOT_TOKEN
    };
    let given = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let denied = match given {
        None => Some("not_authed"),
        Some(token) if state.revoked.contains(token) => Some("token_revoked"),
        Some(token) if token == wanted => None,
        Some(BOT_TOKEN | APP_TOKEN) => Some("not_allowed_token_type"),
        Some(_) => Some("invalid_auth"),
    };
    if let Some(code) = denied {
        return (code.into(), refused((code, String::new())));
    }
    let channel = arguments["channel"].as_str().unwrap_or_default();
    let now = state.now();
    if let Some(seconds) = state.buckets.take(method, channel, now) {
        return (format!("429 for {seconds} s"), too_many(seconds));
    }
    match methods::call(&mut state, &world.address(), method, arguments) {
        Answer::Ok(mut fields) => {
            fields["ok"] = true.into();
            ("ok".into(), Json(fields).into_response())
        }
        Answer::Refused(code, why) => (code.into(), refused((code, why))),
    }
}

/// Reading methods take their arguments from the query or a form; a JSON body
/// counts only where something is written.
fn arguments(
    method: &str,
    verb: &Method,
    headers: &HeaderMap,
    query: HashMap<String, String>,
    body: &Bytes,
) -> Value {
    let is_json = headers
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/json"));
    if verb == Method::POST && is_json && methods::writes(method) {
        return serde_json::from_slice(body).unwrap_or(Value::Null);
    }
    let fields: Map<String, Value> = query
        .into_iter()
        .map(|(name, value)| (name, Value::String(value)))
        .collect();
    Value::Object(fields)
}

fn refused((code, why): (&str, String)) -> Response {
    let mut answer = json!({ "ok": false, "error": code });
    if !why.is_empty() {
        answer["response_metadata"] = json!({ "messages": [format!("[ERROR] {why}")] });
    }
    Json(answer).into_response()
}

fn too_many(seconds: u64) -> Response {
    (
        StatusCode::TOO_MANY_REQUESTS,
        [("retry-after", seconds.to_string())],
        Json(json!({ "ok": false, "error": "ratelimited" })),
    )
        .into_response()
}

/// The connection ends in the middle of the response.
fn broken() -> Response {
    let failure = std::io::Error::other("the fake breaks the connection");
    let stream = futures::stream::once(async { Err::<Bytes, _>(failure) });
    Response::builder()
        .header("content-type", "application/json")
        .body(Body::from_stream(stream))
        .expect("the response is well formed")
}

async fn open_socket(
    Shared(world): Shared<Arc<World>>,
    Query(query): Query<HashMap<String, String>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    // A ticket is good for one connection.
    let ticket = query.get("ticket").cloned().unwrap_or_default();
    if !world.lock().tickets.remove(&ticket) {
        return StatusCode::FORBIDDEN.into_response();
    }
    upgrade.on_upgrade(move |socket| serve_socket(world, socket))
}

async fn serve_socket(world: Arc<World>, mut wire: WebSocket) {
    let (sender, mut frames) = unbounded_channel();
    let socket = world.lock().open_socket(sender);
    world.changed();
    loop {
        tokio::select! {
            frame = frames.recv() => match frame {
                Some(Frame::Text(text)) => {
                    if wire.send(Message::Text(text.into())).await.is_err() {
                        break;
                    }
                }
                Some(Frame::Freeze) => world.frozen(socket).await,
                Some(Frame::Drop) | None => break,
            },
            message = wire.recv() => match message {
                Some(Ok(Message::Text(text))) => received(&world, socket, &text),
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
        }
    }
    world.lock().close_socket(socket);
    world.changed();
}

fn received(world: &World, socket: usize, text: &str) {
    let frame: Value = serde_json::from_str(text).unwrap_or(Value::Null);
    let mut state = world.lock();
    match frame["envelope_id"].as_str() {
        Some(envelope) => state.acked(socket, envelope, &frame["payload"]),
        None => {
            let at = state.now();
            let frame = text.to_string();
            state.wire.write(at, What::Strange { socket, frame });
        }
    }
    drop(state);
    world.changed();
}
