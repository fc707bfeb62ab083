//! Why a server did not begin an answer, and what that calls for.
//!
//! What a server says about an error may hold the question, or a part of the
//! key, so only its short names for the error are kept.

use crate::ports::{BoxError, EmbedError, GenerateError, with_causes};
use chrono::{DateTime, Utc};
use reqwest::{Response, StatusCode, header::RETRY_AFTER};
use serde_json::Value;
use std::time::Duration;

/// Bytes of an error's body that are read.
const LONGEST_BODY: usize = 64 * 1024;

#[derive(Debug)]
pub(super) enum Refusal {
    /// Nothing was sent.
    Unreachable(BoxError),
    /// It was sent, and no answer came.
    Lost(BoxError),
    Status(Status),
}

#[derive(Debug)]
pub(super) struct Status {
    code: StatusCode,
    /// The server's name for the error: `context_length_exceeded`.
    kind: String,
    too_long: bool,
    retry_after: Option<Duration>,
}

impl Refusal {
    pub(super) async fn of(response: Response) -> Self {
        let code = response.status();
        let header = response.headers().get(RETRY_AFTER);
        let retry_after = header.and_then(|value| pause_of(value.to_str().ok()?, Utc::now()));
        let body = read(response).await;
        let value: Value = serde_json::from_slice(&body).unwrap_or_default();
        Refusal::Status(Status {
            code,
            kind: kind_of(&value),
            too_long: says_too_long(&String::from_utf8_lossy(&body)),
            retry_after,
        })
    }

    /// How long to wait before the same is sent again; none where that can't
    /// help, or where the first may have had its effect.
    pub(super) fn pause(&self, backoff: Duration, patience: Duration) -> Option<Duration> {
        let pause = match self {
            Refusal::Unreachable(_) => backoff,
            Refusal::Lost(_) => return None,
            Refusal::Status(status) => match status.code {
                StatusCode::TOO_MANY_REQUESTS => status.retry_after?,
                StatusCode::SERVICE_UNAVAILABLE => status.retry_after.unwrap_or(backoff),
                _ => return None,
            },
        };
        (pause <= patience).then_some(pause)
    }

    /// As [`Refusal::pause`], where sending the same twice does no harm.
    pub(super) fn pause_if_harmless(
        &self,
        backoff: Duration,
        patience: Duration,
    ) -> Option<Duration> {
        let pause = match self {
            Refusal::Unreachable(_) | Refusal::Lost(_) => backoff,
            // No pause brings back what was paid for.
            Refusal::Status(status) if status.kind == "insufficient_quota" => return None,
            Refusal::Status(status) => match status.code {
                StatusCode::TOO_MANY_REQUESTS => status.retry_after.unwrap_or(backoff),
                code if code.is_server_error() && code != StatusCode::NOT_IMPLEMENTED => {
                    status.retry_after.unwrap_or(backoff)
                }
                _ => return None,
            },
        };
        (pause <= patience).then_some(pause)
    }

    /// What the person who runs it can do about it, of a request for vectors.
    pub(super) fn into_embed_error(self, model: String) -> EmbedError {
        let source: BoxError = match self {
            Refusal::Unreachable(source) | Refusal::Lost(source) => source,
            Refusal::Status(status) if status.too_long => {
                "a text is longer than the model takes; lower `retrieval.chunk_tokens`".into()
            }
            Refusal::Status(status) => {
                let Status { code, kind, .. } = status;
                format!("server answered {}: {kind}{}", code.as_u16(), remedy(code)).into()
            }
        };
        EmbedError::Failed { model, source }
    }

    /// Whether a request with fewer wishes may be taken.
    pub(super) fn dislikes_a_field(&self) -> bool {
        let refused = [StatusCode::BAD_REQUEST, StatusCode::UNPROCESSABLE_ENTITY];
        matches!(self, Refusal::Status(status) if refused.contains(&status.code) && !status.too_long)
    }

    pub(super) fn model_is_unknown(&self) -> bool {
        matches!(self, Refusal::Status(status) if status.code == StatusCode::NOT_FOUND)
    }

    /// `tokens` is the estimate of the prompt's, `limit` what the model takes.
    pub(super) fn into_error(self, model: String, tokens: usize, limit: usize) -> GenerateError {
        let status = match self {
            Refusal::Unreachable(source) | Refusal::Lost(source) => {
                return GenerateError::Failed { model, source };
            }
            Refusal::Status(status) => status,
        };
        if status.too_long {
            return GenerateError::TooLong {
                model,
                tokens,
                limit,
            };
        }
        let text = format!("server answered {}: {}", status.code.as_u16(), status.kind);
        match status.code {
            StatusCode::TOO_MANY_REQUESTS => GenerateError::Busy { model },
            StatusCode::SERVICE_UNAVAILABLE => GenerateError::Loading { model },
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
                GenerateError::BadRequest {
                    what: "request to the language model server",
                    problem: text,
                }
            }
            code => GenerateError::Failed {
                model,
                source: format!("{text}{}", remedy(code)).into(),
            },
        }
    }
}

fn remedy(code: StatusCode) -> &'static str {
    match code {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "; check the key",
        StatusCode::NOT_FOUND => {
            "; check the model's name, and the base URL, which mostly ends in /v1"
        }
        code if code.is_redirection() => "; redirects are not followed, give the final base URL",
        _ => "",
    }
}

/// What went wrong below HTTP, in words: the error itself knows the address.
pub(super) fn cause(error: reqwest::Error) -> BoxError {
    with_causes(&error.without_url()).into()
}

async fn read(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_BODY {
            break;
        }
    }
    body.truncate(LONGEST_BODY);
    body
}

/// Seconds or a date (RFC 9110, 10.2.3).
fn pause_of(header: &str, now: DateTime<Utc>) -> Option<Duration> {
    if let Ok(seconds) = header.trim().parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = DateTime::parse_from_rfc2822(header.trim()).ok()?;
    Some((at.with_timezone(&Utc) - now).to_std().unwrap_or_default())
}

/// The names that a server gives an error, never its free text.
pub(super) fn kind_of(body: &Value) -> String {
    let places = [
        &body["error"]["code"],
        &body["error"]["type"],
        &body["error_type"],
        &body["code"],
        &body["type"],
    ];
    let name = places.into_iter().find_map(|value| match value {
        Value::String(name) => is_name(name).then(|| name.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    });
    name.unwrap_or_else(|| "no reason given".into())
}

fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    (1..=60).contains(&text.len()) && text.chars().all(fits)
}

/// In the words of OpenAI and vLLM, llama.cpp, and TGI.
fn says_too_long(body: &str) -> bool {
    let signs = [
        "context_length_exceeded",
        "maximum context length",
        "exceed_context_size",
        "exceeds the available context size",
        "`inputs` tokens + `max_new_tokens`",
    ];
    signs.iter().any(|sign| body.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;
    use serde_json::json;

    const BACKOFF: Duration = Duration::from_millis(300);
    const PATIENCE: Duration = Duration::from_secs(10);

    fn status(code: u16, retry_after: Option<u64>) -> Refusal {
        Refusal::Status(Status {
            code: StatusCode::from_u16(code).expect("a status"),
            kind: "x".into(),
            too_long: false,
            retry_after: retry_after.map(Duration::from_secs),
        })
    }

    #[test]
    fn only_what_was_not_begun_is_sent_again() {
        let pause = |refusal: Refusal| refusal.pause(BACKOFF, PATIENCE);
        assert_eq!(pause(Refusal::Unreachable("refused".into())), Some(BACKOFF));
        assert_eq!(pause(status(503, None)), Some(BACKOFF));
        assert_eq!(pause(status(503, Some(2))), Some(Duration::from_secs(2)));
        assert_eq!(pause(status(429, Some(2))), Some(Duration::from_secs(2)));
        assert_eq!(pause(status(429, Some(11))), None);
        for refusal in [
            status(429, None),
            status(500, Some(1)),
            status(400, None),
            Refusal::Lost("reset".into()),
        ] {
            assert_eq!(pause(refusal), None);
        }
    }

    #[test]
    fn what_does_no_harm_is_sent_again_wherever_that_may_help() {
        let pause = |refusal: Refusal| refusal.pause_if_harmless(BACKOFF, PATIENCE);
        for refusal in [
            Refusal::Lost("reset".into()),
            status(429, None),
            status(500, None),
            status(504, None),
        ] {
            assert_eq!(pause(refusal), Some(BACKOFF));
        }
        assert_eq!(pause(status(429, Some(2))), Some(Duration::from_secs(2)));
        for refusal in [status(429, Some(11)), status(501, None), status(401, None)] {
            assert_eq!(pause(refusal), None);
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Utc
            .with_ymd_and_hms(2015, 10, 21, 7, 27, 50)
            .single()
            .expect("a time");
        let check = |header, expected: Option<u64>| {
            assert_eq!(
                pause_of(header, now),
                expected.map(Duration::from_secs),
                "{header}"
            );
        };
        check(" 7 ", Some(7));
        check("Wed, 21 Oct 2015 07:28:00 GMT", Some(10));
        check("Wed, 21 Oct 2015 07:00:00 GMT", Some(0));
        for nonsense in ["-1", "soon", "", "NaN", "1e300"] {
            check(nonsense, None);
        }
    }

    #[test]
    fn name_of_an_error_is_told_and_its_text_is_not() {
        let check = |body: Value, expected| assert_eq!(kind_of(&body), expected, "{body}");
        check(
            json!({ "error": { "message": "key sk-123", "type": "auth", "code": "invalid_api_key" } }),
            "invalid_api_key",
        );
        check(
            json!({ "error": { "message": "key sk-123", "type": "auth", "code": null } }),
            "auth",
        );
        check(
            json!({ "error": "the question", "error_type": "validation" }),
            "validation",
        );
        check(json!({ "object": "error", "code": 404 }), "404");
        check(
            json!({ "error": { "code": "what the asker wrote" } }),
            "no reason given",
        );
        check(json!("the question"), "no reason given");
    }

    #[test]
    fn statuses_become_what_the_caller_decides_by() {
        let error = |refusal: Refusal| refusal.into_error("m".into(), 9, 8);
        assert!(matches!(
            error(status(429, None)),
            GenerateError::Busy { .. }
        ));
        assert!(matches!(
            error(status(503, None)),
            GenerateError::Loading { .. }
        ));
        assert!(matches!(
            error(status(400, None)),
            GenerateError::BadRequest { .. }
        ));
        assert!(matches!(
            error(status(500, None)),
            GenerateError::Failed { .. }
        ));
        let GenerateError::Failed { source, .. } = error(status(401, None)) else {
            panic!("a failure");
        };
        assert_eq!(source.to_string(), "server answered 401: x; check the key");
    }

    #[test]
    fn prompts_that_are_too_long_are_recognised() {
        for body in [
            r#"{"error":{"message":"This model's maximum context length is 4096 tokens."}}"#,
            r#"{"error":{"code":400,"type":"exceed_context_size_error"}}"#,
            r#"{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048","error_type":"validation"}"#,
        ] {
            assert!(says_too_long(body), "{body}");
        }
    }
}
