//! What is sent: a generation request in the words of OpenAI's protocol.

use crate::domain::{GenerationRequest, Prompt, Said};
use serde_json::{Value, json};

/// In front of the conversation where a server knows no `response_format`.
const SCHEMA_RULE: &str =
    "Answer with one JSON document and nothing else. It satisfies this JSON schema: ";

/// The body. `plain` leaves out what not every server knows.
pub(super) fn body(request: &GenerationRequest, model: &str, plain: bool) -> Value {
    let sampling = &request.sampling;
    let mut body = json!({
        "model": model,
        "stream": true,
        "max_tokens": request.max_tokens,
        "temperature": rounded(sampling.temperature),
        // Servers read a signed number.
        "seed": sampling.seed & i64::MAX as u64,
    });
    if sampling.temperature > 0.0 {
        if sampling.top_p < 1.0 {
            body["top_p"] = rounded(sampling.top_p);
        }
        if sampling.top_k > 0 {
            body["top_k"] = sampling.top_k.into();
        }
        if sampling.min_p > 0.0 {
            body["min_p"] = rounded(sampling.min_p);
        }
    }
    if sampling.repetition_penalty != 1.0 {
        body["repetition_penalty"] = rounded(sampling.repetition_penalty);
    }
    if !request.stop.is_empty() {
        body["stop"] = request.stop.clone().into();
    }
    if !plain {
        body["stream_options"] = json!({ "include_usage": true });
        if let Some(schema) = &request.schema {
            body["response_format"] = json!({
                "type": "json_schema",
                "json_schema": { "name": "answer", "strict": true, "schema": schema },
            });
        }
    }
    let rule = request
        .schema
        .as_ref()
        .filter(|_| plain)
        .map(|schema| format!("{SCHEMA_RULE}{schema}"));
    match &request.prompt {
        Prompt::Conversation(turns) => body["messages"] = messages(rule, turns),
        Prompt::Raw(text) => body["prompt"] = text.as_str().into(),
    }
    body
}

fn messages(rule: Option<String>, turns: &[Said]) -> Value {
    let rule = rule.map(|rule| json!({ "role": "system", "content": rule }));
    rule.into_iter()
        .chain(turns.iter().map(|turn| json!(turn)))
        .collect()
}

/// 0.7 as 0.7 and not as 0.699999988079071, which `f32` becomes in JSON.
fn rounded(number: f32) -> Value {
    let shortest: Option<f64> = number.to_string().parse().ok();
    shortest.map_or(Value::Null, Value::from)
}

/// Tokens that a prompt fills at most, as far as that can be said without its
/// tokenizer: English has four characters a token, tables and numbers three,
/// other scripts up to two tokens a character.
pub(super) fn estimate(prompt: &Prompt) -> usize {
    const TURN: usize = 8;
    match prompt {
        Prompt::Conversation(turns) => {
            let turns = turns.iter().map(|turn| TURN + estimate_text(&turn.text));
            TURN + turns.sum::<usize>()
        }
        Prompt::Raw(text) => estimate_text(text),
    }
}

pub(super) fn estimate_text(text: &str) -> usize {
    let plain = text.bytes().filter(u8::is_ascii).count();
    let others = text.chars().filter(|c| !c.is_ascii()).count();
    plain.div_ceil(3) + 2 * others
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Sampling, Speaker};

    fn request() -> GenerationRequest {
        let said = Said {
            role: Speaker::User,
            text: "Hi".into(),
        };
        GenerationRequest::greedy(Prompt::Conversation(vec![said]), 5)
    }

    #[test]
    fn plain_question_needs_few_words() {
        assert_eq!(
            body(&request(), "m", false),
            json!({
                "model": "m", "stream": true, "max_tokens": 5, "temperature": 0.0, "seed": 0,
                "messages": [{ "role": "user", "content": "Hi" }],
                "stream_options": { "include_usage": true },
            })
        );
    }

    #[test]
    fn wishes_are_sent_in_the_words_of_the_protocol() {
        let request = GenerationRequest {
            sampling: Sampling {
                temperature: 0.7,
                top_k: 40,
                top_p: 0.9,
                min_p: 0.05,
                repetition_penalty: 1.1,
                seed: 3,
            },
            stop: vec!["\n\n".into()],
            schema: Some(json!({ "type": "object" })),
            ..request()
        };
        let body = body(&request, "m", false);
        let wishes = [
            "temperature",
            "top_k",
            "top_p",
            "min_p",
            "repetition_penalty",
            "seed",
        ];
        assert_eq!(
            wishes.map(|wish| body[wish].to_string()),
            ["0.7", "40", "0.9", "0.05", "1.1", "3"]
        );
        assert_eq!(body["stop"], json!(["\n\n"]));
        assert_eq!(
            body["response_format"]["json_schema"]["schema"],
            json!({ "type": "object" })
        );
    }

    #[test]
    fn server_without_response_format_is_told_the_schema_in_words() {
        let request = GenerationRequest {
            schema: Some(json!({ "type": "object" })),
            ..request()
        };
        let body = body(&request, "m", true);
        assert!(body.get("response_format").is_none() && body.get("stream_options").is_none());
        assert_eq!(body["messages"][0]["role"], "system");
        assert!(
            body["messages"][0]["content"]
                .to_string()
                .contains("object")
        );
        assert_eq!(body["messages"][1]["content"], "Hi");
    }

    #[test]
    fn raw_prompt_is_sent_as_it_stands() {
        let request = GenerationRequest {
            prompt: Prompt::Raw("Once".into()),
            ..request()
        };
        assert_eq!(body(&request, "m", false)["prompt"], "Once");
    }

    #[test]
    fn estimate_is_rather_too_high() {
        let english = "The quick brown fox jumps over the lazy dog.";
        assert!((10..20).contains(&estimate_text(english)));
        assert!(estimate_text("你好吗") >= 3);
        assert_eq!(estimate_text(""), 0);
    }
}
