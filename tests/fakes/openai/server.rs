//! The server's paths, its refusals, and the streams that it writes.

use super::{
    ADAPTER, Answer, Asked, EMBEDDER, KEY, LONGEST_TEXT, MODEL, MOST_TEXTS, State, lock, vector,
};
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::State as Shared,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use std::{io, pin::Pin, sync::Arc, time::Duration};
use tokio::time::sleep;

type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, io::Error>> + Send>>;

pub fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(complete))
        .route("/v1/completions", post(complete))
        .route("/v1/embeddings", post(embed))
        .route("/v1/models", get(models))
        .with_state(state)
}

async fn models() -> Json<Value> {
    Json(json!({ "object": "list", "data": [{ "id": MODEL }, { "id": ADAPTER }] }))
}

async fn complete(
    Shared(state): Shared<Arc<State>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = note(&state, &uri, &headers, &body);
    let (authorization, body) = (asked.authorization.as_deref(), &asked.body);
    if let Some(refusal) = refusal(&state, authorization, &[MODEL, ADAPTER], body) {
        return refusal;
    }
    let next = lock(&state.answers).pop_front();
    let chat = uri.path().ends_with("chat/completions");
    answer(
        state,
        chat,
        next.unwrap_or_else(|| super::write(["Hello", " there."])),
    )
    .await
}

fn note(state: &State, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Asked {
    let authorization = headers.get(header::AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok());
    let asked = Asked {
        path: uri.path().to_string(),
        authorization: authorization.map(str::to_string),
        body: serde_json::from_slice(body).unwrap_or_default(),
    };
    lock(&state.asked).push(asked.clone());
    asked
}

async fn embed(
    Shared(state): Shared<Arc<State>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = note(&state, &uri, &headers, &body);
    let (authorization, body) = (asked.authorization.as_deref(), &asked.body);
    if let Some(refusal) = refusal(&state, authorization, &[EMBEDDER], body) {
        return refusal;
    }
    let texts: Vec<&str> = match &body["input"] {
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if let Some(refusal) = unfit(&texts) {
        return refusal;
    }
    let next = lock(&state.answers).pop_front();
    if let Some(next) = next {
        return answer(state, false, next).await;
    }
    // Last first: a client must go by `index`.
    let vectors = texts.iter().enumerate().rev();
    let data: Vec<Value> = vectors
        .map(|(n, text)| json!({ "object": "embedding", "index": n, "embedding": vector(text) }))
        .collect();
    Json(json!({ "object": "list", "model": EMBEDDER, "data": data })).into_response()
}

/// What OpenAI refuses of texts to be embedded, in its words.
fn unfit(texts: &[&str]) -> Option<Response> {
    let kind = "invalid_request_error";
    if texts.is_empty() || texts.iter().any(|text| text.is_empty()) {
        return refuse(400, "'$.input' is invalid.", kind);
    }
    if texts.len() > MOST_TEXTS {
        return refuse(400, "'$.input' is too long.", kind);
    }
    let longest = texts.iter().map(|text| text.chars().count()).max()?;
    (longest > LONGEST_TEXT).then(|| {
        let message = format!(
            "This model's maximum context length is 1000 tokens, however you requested {} tokens",
            longest / 4
        );
        refuse(400, &message, kind)
    })?
}

fn refuse(status: u16, message: &str, kind: &str) -> Option<Response> {
    let error = json!({ "error": { "message": message, "type": kind, "code": status } });
    let status = StatusCode::from_u16(status).expect("a status");
    Some((status, Json(error)).into_response())
}

/// What vLLM refuses before it begins.
fn refusal(
    state: &State,
    authorization: Option<&str>,
    models: &[&str],
    body: &Value,
) -> Option<Response> {
    // As OpenAI does it, the key is repeated in part.
    if authorization.is_some_and(|given| given != format!("Bearer {KEY}")) {
        return refuse(
            401,
            &format!("Incorrect API key provided: {authorization:?}"),
            "invalid_request_error",
        );
    }
    if !models.contains(&body["model"].as_str().unwrap_or_default()) {
        return refuse(404, "The model does not exist", "NotFoundError");
    }
    if *lock(&state.knows_no_schema) && body.get("response_format").is_some() {
        return refuse(
            400,
            &format!("extra fields not permitted: {body}"),
            "BadRequestError",
        );
    }
    None
}

async fn answer(state: Arc<State>, chat: bool, answer: Answer) -> Response {
    let said = move |piece: String| event(&said(chat, &piece));
    let pieces =
        move |pieces: Vec<String>| -> Vec<Vec<u8>> { pieces.into_iter().map(said).collect() };
    match answer {
        Answer::Write { pieces: texts, pause, finish } => {
            let tokens = texts.len();
            let mut chunks = pieces(texts);
            chunks.push(event(&json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": finish }] })));
            chunks.push(event(&json!({
                "choices": [], "usage": { "prompt_tokens": 7, "completion_tokens": tokens, "total_tokens": 7 + tokens },
            })));
            chunks.push(b"data: [DONE]\n\n".to_vec());
            let slow = stream::iter(chunks).then(move |chunk| async move {
                sleep(pause).await;
                Ok(Bytes::from(chunk))
            });
            streamed(state, slow.boxed())
        }
        Answer::Cut(texts) => {
            let broken = stream::once(async {
                // Otherwise the pieces before it never leave.
                sleep(Duration::from_millis(20)).await;
                Err(io::Error::other("cut"))
            });
            streamed(state, chunks(pieces(texts)).chain(broken).boxed())
        }
        Answer::EndEarly(texts) => streamed(state, chunks(pieces(texts)).boxed()),
        Answer::BreakOff(texts, error) => {
            let mut all = pieces(texts);
            all.push(event(&error));
            streamed(state, chunks(all).boxed())
        }
        Answer::Stall(texts) => {
            let pings = stream::unfold((), |()| async {
                sleep(Duration::from_millis(10)).await;
                Some((Ok(Bytes::from_static(b": ping\n\n")), ()))
            });
            streamed(state, chunks(pieces(texts)).chain(pings).boxed())
        }
        Answer::Hang => std::future::pending().await,
        Answer::Refuse { status, retry_after, body } => {
            let status = StatusCode::from_u16(status).expect("a status");
            let pause = retry_after.map(|pause| [(header::RETRY_AFTER, pause)]);
            match pause {
                Some(pause) => (status, pause, Json(body)).into_response(),
                None => (status, Json(body)).into_response(),
            }
        }
        Answer::Raw(raw) => streamed(state, chunks(raw).boxed()),
        Answer::Whole(text) => Json(json!({
            "choices": [{ "index": 0, "message": { "role": "assistant", "content": text }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 7, "completion_tokens": 3 },
        }))
        .into_response(),
        Answer::Document(document) => Json(document).into_response(),
        Answer::Redirect(to) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response(),
    }
}

fn said(chat: bool, piece: &str) -> Value {
    if chat {
        json!({ "choices": [{ "index": 0, "delta": { "content": piece }, "finish_reason": null }] })
    } else {
        json!({ "choices": [{ "index": 0, "text": piece, "finish_reason": null }] })
    }
}

fn event(value: &Value) -> Vec<u8> {
    format!("data: {value}\n\n").into_bytes()
}

fn chunks(raw: Vec<Vec<u8>>) -> impl Stream<Item = Result<Bytes, io::Error>> + Send {
    stream::iter(raw).map(|chunk| Ok(Bytes::from(chunk)))
}

/// Counts in `left` when the reader goes before the end.
struct UntilTheEnd {
    state: Arc<State>,
    ended: bool,
}

impl Drop for UntilTheEnd {
    fn drop(&mut self) {
        if !self.ended {
            *lock(&self.state.left) += 1;
        }
    }
}

fn streamed(state: Arc<State>, chunks: Chunks) -> Response {
    let watch = UntilTheEnd {
        state,
        ended: false,
    };
    let watched = stream::unfold((chunks, watch), |(mut chunks, mut watch)| async {
        let next = chunks.next().await;
        watch.ended = !matches!(next, Some(Ok(_)));
        next.map(|chunk| (chunk, (chunks, watch)))
    });
    (
        [(header::CONTENT_TYPE, "text/event-stream")],
        Body::from_stream(watched),
    )
        .into_response()
}
