//! An answer in the making, out of the events that a server streams.

use super::{refusal::kind_of, sse::SseError};
use crate::{domain::Finish, model::safe_text::SafeText, ports::BoxError};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// Bytes of an answer; far beyond what any `max_tokens` allows.
const LONGEST: usize = 4 << 20;

#[derive(Debug, thiserror::Error)]
pub(super) enum ReplyError {
    #[error("event of the stream is not what the protocol says")]
    Malformed,
    #[error("server broke off: {kind}")]
    Server { kind: String },
    #[error("answer was cut in the middle")]
    Cut,
    #[error("answer is longer than {LONGEST} bytes")]
    TooLong,
    #[error("model wrote nothing for {0:?}")]
    Silent(Duration),
    #[error("connection was lost in the middle of an answer")]
    Lost(#[source] BoxError),
    #[error(transparent)]
    Stream(#[from] SseError),
}

pub(super) struct Reply {
    text: SafeText,
    finish: Option<Finish>,
    usage: Option<Usage>,
    /// The server said that nothing follows.
    done: bool,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    pub prompt_tokens: usize,
    pub completion_tokens: usize,
}

/// What one event gave.
pub(super) struct Progress {
    /// The text that can be shown now.
    pub piece: String,
    /// Whether the model wrote something, if only a thought that is not shown.
    pub wrote: bool,
}

#[derive(Deserialize)]
struct Event {
    choices: Option<Vec<Choice>>,
    usage: Option<Usage>,
    error: Option<Value>,
    object: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    /// Of a chat, streamed.
    delta: Option<Delta>,
    /// Of a chat, from a server that does not stream.
    message: Option<Delta>,
    /// Of a completion.
    text: Option<String>,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Delta {
    content: Option<String>,
    reasoning_content: Option<String>,
    reasoning: Option<String>,
}

impl Reply {
    pub(super) fn new(stop: &[String]) -> Self {
        Self {
            text: SafeText::new(stop),
            finish: None,
            usage: None,
            done: false,
        }
    }

    /// Takes the data of one event, or the body of a server that does not stream.
    pub(super) fn take(&mut self, data: &str) -> Result<Progress, ReplyError> {
        if data.trim() == "[DONE]" {
            self.done = true;
            return Ok(Progress {
                piece: String::new(),
                wrote: false,
            });
        }
        let value: Value = serde_json::from_str(data).map_err(|_| ReplyError::Malformed)?;
        let event = Event::deserialize(&value).map_err(|_| ReplyError::Malformed)?;
        let failed = event.error.is_some_and(|error| !error.is_null());
        if failed || event.object.is_some_and(|object| object == "error") {
            return Err(ReplyError::Server {
                kind: kind_of(&value),
            });
        }
        self.usage = event.usage.or(self.usage);
        // One answer is asked for; what else a server may send is not ours.
        match event.choices.into_iter().flatten().next() {
            Some(choice) => self.add(choice),
            None => Ok(Progress {
                piece: String::new(),
                wrote: false,
            }),
        }
    }

    fn add(&mut self, choice: Choice) -> Result<Progress, ReplyError> {
        let delta = choice.delta.or(choice.message).unwrap_or_default();
        let text = delta.content.or(choice.text).unwrap_or_default();
        let thought = delta
            .reasoning_content
            .or(delta.reasoning)
            .unwrap_or_default();
        if self.text.text().len() + text.len() > LONGEST {
            return Err(ReplyError::TooLong);
        }
        if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
            self.finish = Some(finish_of(&reason)?);
        }
        Ok(Progress {
            piece: self.text.push(&text),
            wrote: !text.is_empty() || !thought.is_empty(),
        })
    }

    /// The server said so, or a stop string is there that it did not know.
    pub(super) fn is_over(&self) -> bool {
        self.done || self.text.stopped()
    }

    /// Whether the text is complete, though its count of tokens may follow.
    pub(super) fn has_end(&self) -> bool {
        self.is_over() || self.finish.is_some()
    }

    /// The last piece, once no event follows.
    pub(super) fn rest(&mut self) -> String {
        self.text.finish()
    }

    /// Text, why it ended, and the count of tokens where the server told it.
    pub(super) fn into_parts(self) -> Result<(String, Finish, Option<Usage>), ReplyError> {
        let finish = match self.finish {
            _ if self.text.stopped() => Finish::Stop,
            Some(finish) => finish,
            None if self.done => Finish::Stop,
            None => return Err(ReplyError::Cut),
        };
        Ok((self.text.text().to_string(), finish, self.usage))
    }
}

/// In the words of OpenAI, vLLM, TGI, llama.cpp and Ollama.
fn finish_of(reason: &str) -> Result<Finish, ReplyError> {
    match reason {
        "length" | "max_tokens" => Ok(Finish::Length),
        "content_filter" | "abort" | "error" | "cancelled" => Err(ReplyError::Server {
            kind: reason.to_string(),
        }),
        _ => Ok(Finish::Stop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn said(content: &str) -> String {
        json!({ "choices": [{ "index": 0, "delta": { "content": content }, "finish_reason": null }] }).to_string()
    }

    fn ended(reason: &str) -> String {
        json!({ "choices": [{ "delta": {}, "finish_reason": reason }] }).to_string()
    }

    fn read(
        events: &[String],
        stop: &[&str],
    ) -> Result<(String, Finish, Option<Usage>), ReplyError> {
        let stop: Vec<String> = stop.iter().map(|stop| stop.to_string()).collect();
        let mut reply = Reply::new(&stop);
        let mut shown = String::new();
        for event in events {
            shown += &reply.take(event)?.piece;
        }
        shown += &reply.rest();
        let parts = reply.into_parts()?;
        assert_eq!(shown, parts.0);
        Ok(parts)
    }

    #[test]
    fn pieces_make_the_answer() {
        let usage =
            json!({ "choices": [], "usage": { "prompt_tokens": 7, "completion_tokens": 2 } });
        let events = [
            said("Hel"),
            said("lo"),
            ended("stop"),
            usage.to_string(),
            "[DONE]".into(),
        ];
        let (text, finish, usage) = read(&events, &[]).expect("an answer");
        assert_eq!((text.as_str(), finish), ("Hello", Finish::Stop));
        assert_eq!(
            usage.map(|usage| (usage.prompt_tokens, usage.completion_tokens)),
            Some((7, 2))
        );
    }

    #[test]
    fn reasons_of_all_servers_are_understood() {
        for (reason, finish) in [
            ("stop", Finish::Stop),
            ("eos_token", Finish::Stop),
            ("stop_sequence", Finish::Stop),
            ("length", Finish::Length),
            ("max_tokens", Finish::Length),
        ] {
            assert_eq!(
                read(&[said("a"), ended(reason)], &[]).expect("an answer").1,
                finish
            );
        }
        let filtered = read(&[said("a"), ended("content_filter")], &[]);
        assert!(filtered.is_err_and(|error| error.to_string().contains("content_filter")));
    }

    #[test]
    fn answer_without_an_end_is_an_error() {
        assert!(matches!(read(&[said("Hel")], &[]), Err(ReplyError::Cut)));
        assert!(matches!(read(&[], &[]), Err(ReplyError::Cut)));
        assert!(read(&[said("Hel"), "[DONE]".into()], &[]).is_ok());
    }

    #[test]
    fn error_within_the_stream_is_told_by_its_kind_alone() {
        for event in [
            json!({ "error": { "message": "my secret question", "type": "overloaded" } }),
            json!({ "error": "my secret question", "error_type": "overloaded" }),
            json!({ "object": "error", "message": "my secret question", "type": "overloaded" }),
        ] {
            let error = read(&[said("a"), event.to_string()], &[])
                .expect_err("an error")
                .to_string();
            assert_eq!(error, "server broke off: overloaded");
        }
    }

    #[test]
    fn stop_string_ends_the_answer_though_the_server_goes_on() {
        let (text, finish, _) = read(&[said("a\nEN"), said("D b")], &["\nEND"]).expect("an answer");
        assert_eq!((text.as_str(), finish), ("a", Finish::Stop));
    }

    #[test]
    fn whole_answers_and_plain_completions_are_read_too() {
        let whole = json!({ "choices": [{ "message": { "role": "assistant", "content": "Hi" }, "finish_reason": "stop" }] });
        assert_eq!(read(&[whole.to_string()], &[]).expect("an answer").0, "Hi");
        let plain = json!({ "choices": [{ "text": "Hi", "finish_reason": "length" }] });
        assert_eq!(read(&[plain.to_string()], &[]).expect("an answer").0, "Hi");
    }

    #[test]
    fn thoughts_count_as_progress_and_are_not_shown() {
        let thought =
            json!({ "choices": [{ "delta": { "content": null, "reasoning_content": "hm" } }] });
        let mut reply = Reply::new(&[]);
        let progress = reply.take(&thought.to_string()).expect("an event");
        assert!(progress.wrote && progress.piece.is_empty());
    }

    #[test]
    fn answer_without_measure_is_an_error() {
        let part = said(&"x".repeat(LONGEST / 2));
        let events = [part.clone(), part.clone(), part];
        assert!(matches!(read(&events, &[]), Err(ReplyError::TooLong)));
    }

    proptest! {
        #[test]
        fn no_event_makes_it_panic(data in "\\PC{0,60}|\\{\"choices\": ?\\[?\\{?[\"a-z:0-9{}\\[\\], ]{0,40}") {
            let _ = Reply::new(&[]).take(&data);
        }
    }
}
