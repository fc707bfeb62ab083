//! What one request may ask for, and what it gets.

use super::harness::{Goldens, failure, greedy, open, open_with, options, write};
use lorekeeper::{
    domain::{Finish, GenerationRequest, Prompt, Said, Sampling, Speaker},
    ports::{GenerateError, Generator},
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

#[tokio::test]
async fn pieces_joined_are_the_text() {
    let model = open("llama");
    for golden in Goldens::of_model("llama").all.iter().take(10) {
        let (pieces, mut shown) = mpsc::unbounded_channel();
        let written = model.generate(greedy(&golden.prompt), Some(pieces)).await;
        let mut joined = String::new();
        while let Some(piece) = shown.recv().await {
            assert!(!piece.is_empty());
            joined += &piece;
        }
        assert_eq!(joined, written.expect("it is written").text);
    }
}

#[tokio::test]
async fn token_limit_ends_the_text_and_says_so() {
    let model = open("llama");
    let golden = &Goldens::of_model("llama").all[0];
    let mut request = greedy(&golden.prompt);
    request.max_tokens = 3;
    let written = write(&model, request).await;
    assert_eq!((written.tokens, written.finish), (3, Finish::Length));
}

#[tokio::test]
async fn every_end_of_sequence_token_ends_the_text() {
    let goldens = Goldens::of_model("llama");
    let model = open("llama");
    let ended = goldens.all.iter().filter(|golden| golden.tokens.len() < 32);
    let mut any = false;
    for golden in ended {
        let written = write(&model, greedy(&golden.prompt)).await;
        assert_eq!(written.finish, Finish::Stop, "{}", golden.prompt);
        any = true;
    }
    assert!(any, "some golden texts end by themselves");
}

#[tokio::test]
async fn text_ends_before_a_stop_string() {
    let model = open("llama");
    let golden = &Goldens::of_model("llama").all[0];
    let whole = write(&model, greedy(&golden.prompt)).await;
    let stop: String = whole.text.chars().skip(6).take(2).collect();
    let mut request = greedy(&golden.prompt);
    request.stop = vec![stop.clone()];
    let written = write(&model, request).await;
    assert_eq!(written.finish, Finish::Stop);
    assert_eq!(Some(written.text.as_str()), whole.text.split(&stop).next());
}

#[tokio::test]
async fn prompt_longer_than_the_context_is_refused_with_both_lengths() {
    let model = open("llama");
    let error = failure(&model, greedy(&"parcel ".repeat(400))).await;
    let GenerateError::TooLong { tokens, limit, .. } = error else {
        panic!("{error}");
    };
    assert!(tokens > 400);
    assert_eq!(limit, 255);
}

#[tokio::test]
async fn text_ends_where_the_context_is_used_up() {
    let model = open("llama-int4");
    let prompt = "parcel ".repeat(60);
    let mut request = greedy(&prompt);
    request.max_tokens = 100_000;
    // So unlikely a token ends the text that the context does.
    request.sampling.repetition_penalty = 0.2;
    let written = write(&model, request).await;
    assert!(written.prompt_tokens + written.tokens <= model.context_tokens());
    assert_eq!(written.finish, Finish::Length);
}

#[tokio::test]
async fn request_that_makes_no_sense_is_refused_by_name() {
    let model = open("llama");
    async fn check(
        model: &lorekeeper::model::LanguageModel,
        change: impl FnOnce(&mut GenerationRequest),
        expected: &str,
    ) {
        let mut request = greedy("Where is it?");
        change(&mut request);
        let error = failure(model, request).await.to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    check(&model, |r| r.max_tokens = 0, "max_tokens: it is 0").await;
    check(
        &model,
        |r| r.sampling.temperature = f32::NAN,
        "temperature: ",
    )
    .await;
    check(&model, |r| r.schema = Some(json!({"type": 7})), "schema: ").await;
    check(
        &model,
        |r| r.adapter = Some("west".into()),
        "adapter `west` is not loaded",
    )
    .await;
}

#[tokio::test]
async fn conversation_goes_through_the_chat_template() {
    let model = open("llama");
    let chat = std::fs::read_to_string(super::harness::fixture("models/llama/chat.json"));
    let chat: Value = serde_json::from_str(&chat.expect("chat.json")).expect("JSON");
    let said: Vec<Said> = serde_json::from_value(chat["messages"].clone()).expect("messages");
    let ids = chat["ids"].as_array().expect("ids").len();
    assert_eq!(said[0].role, Speaker::System);
    assert_eq!(model.count_tokens(&Prompt::Conversation(said.clone())), ids);
    let mut request = greedy("");
    request.prompt = Prompt::Conversation(said);
    assert_eq!(write(&model, request).await.prompt_tokens, ids);
}

#[tokio::test]
async fn same_seed_writes_the_same_text_and_another_seed_another() {
    let model = open("llama");
    let sampled = |seed| {
        let mut request = greedy("Where is the parcel?");
        request.sampling = Sampling {
            temperature: 1.5,
            seed,
            ..Sampling::default()
        };
        request
    };
    let first = write(&model, sampled(1)).await.text;
    assert_eq!(write(&model, sampled(1)).await.text, first);
    assert_ne!(write(&model, sampled(2)).await.text, first);
}

fn plan_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "tool": {"enum": ["orders", "tickets"]},
            "limit": {"type": "integer", "minimum": 1, "maximum": 50},
        },
        "required": ["tool", "limit"],
        "additionalProperties": false,
    })
}

#[tokio::test]
async fn schema_is_satisfied_whatever_the_model_would_write() {
    for name in ["llama", "qwen2", "llama-optimum"] {
        let model = open(name);
        for golden in Goldens::of_model(name).all.iter().take(5) {
            let mut request = greedy(&golden.prompt);
            request.schema = Some(plan_schema());
            request.max_tokens = 100;
            let written = write(&model, request).await;
            let plan: Value = serde_json::from_str(&written.text).expect(&written.text);
            assert!(["orders", "tickets"].contains(&plan["tool"].as_str().expect("a tool")));
            assert!((1..=50).contains(&plan["limit"].as_i64().expect("a limit")));
            assert_eq!(written.finish, Finish::Stop);
        }
    }
}

#[tokio::test]
async fn document_without_a_choice_is_written_without_the_model() {
    let model = open("llama");
    let mut request = greedy("Where is it?");
    request.schema = Some(json!({"const": {"tool": "orders", "limit": 1}}));
    request.max_tokens = 100;
    let written = write(&model, request).await;
    let plan: Value = serde_json::from_str(&written.text).expect("JSON");
    assert_eq!(plan, json!({"tool": "orders", "limit": 1}));
}

/// Slower, and what forced tokens are measured against.
#[tokio::test]
async fn schema_is_satisfied_by_the_mask_alone() {
    let mut options = options("llama");
    options.forced_tokens = false;
    let model = open_with(options);
    for golden in Goldens::of_model("llama").all.iter().take(5) {
        let mut request = greedy(&golden.prompt);
        request.schema = Some(plan_schema());
        request.max_tokens = 100;
        let written = write(&model, request).await;
        let plan: Value = serde_json::from_str(&written.text).expect(&written.text);
        assert!((1..=50).contains(&plan["limit"].as_i64().expect("a limit")));
        assert_eq!(written.finish, Finish::Stop);
    }
}
