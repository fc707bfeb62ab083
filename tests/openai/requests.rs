//! What is asked for, and what comes back when all goes well.

use super::{ask, generator, options, question, told};
use crate::fakes::openai::{ADAPTER, Answer, FakeOpenAi, KEY, MODEL, strings, write};
use lorekeeper::{
    domain::{Finish, GenerationRequest, Prompt},
    model::OpenAiOptions,
    ports::{GenerateError, Generator},
};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn answer_is_shown_while_it_is_written() {
    let server = FakeOpenAi::start().await;
    server.then(write(["The refund", " takes", " five days."]));
    let (answer, pieces) = ask(&generator(options(&server)), question()).await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.text, "The refund takes five days.");
    assert_eq!(pieces.concat(), answer.text);
    assert!(pieces.len() >= 3, "{pieces:?}");
    assert_eq!(answer.finish, Finish::Stop);
    assert_eq!((answer.prompt_tokens, answer.tokens), (7, 3));
    assert_eq!((answer.generator.as_str(), answer.adapter), (MODEL, None));
    let asked = &server.asked()[0];
    assert_eq!(asked.path, "/v1/chat/completions");
    assert_eq!(asked.authorization, Some(format!("Bearer {KEY}")));
    assert_eq!(asked.body["model"], MODEL);
    assert_eq!(asked.body["max_tokens"], 100);
}

#[tokio::test]
async fn answer_that_used_up_its_tokens_says_so() {
    let server = FakeOpenAi::start().await;
    server.then(Answer::Write {
        pieces: strings(["The refund"]),
        pause: Duration::ZERO,
        finish: "length",
    });
    let (answer, _) = ask(&generator(options(&server)), question()).await;
    assert_eq!(answer.expect("an answer").finish, Finish::Length);
}

#[tokio::test]
async fn raw_prompt_goes_to_completions() {
    let server = FakeOpenAi::start().await;
    let request = GenerationRequest {
        prompt: Prompt::Raw("Once upon".into()),
        ..question()
    };
    let (answer, _) = ask(&generator(options(&server)), request).await;
    assert_eq!(answer.expect("an answer").text, "Hello there.");
    assert_eq!(server.asked()[0].path, "/v1/completions");
    assert_eq!(server.asked()[0].body["prompt"], "Once upon");
}

#[tokio::test]
async fn stop_string_that_the_server_writes_all_the_same_is_cut_off() {
    let server = FakeOpenAi::start().await;
    server.then(Answer::Stall(strings([
        "five days.",
        "\nQues",
        "tion: next",
    ])));
    let request = GenerationRequest {
        stop: strings(["\nQuestion:"]),
        ..question()
    };
    let (answer, pieces) = ask(&generator(options(&server)), request).await;
    assert_eq!(answer.expect("an answer").text, "five days.");
    assert_eq!(pieces.concat(), "five days.");
    assert_eq!(server.asked()[0].body["stop"], json!(["\nQuestion:"]));
}

#[tokio::test]
async fn emoji_in_parts_is_shown_whole() {
    let server = FakeOpenAi::start().await;
    server.then(write(["ok 👩", "\u{200d}", "💻", " done"]));
    let (answer, pieces) = ask(&generator(options(&server)), question()).await;
    assert_eq!(answer.expect("an answer").text, "ok 👩\u{200d}💻 done");
    let cut = |piece: &String| piece.ends_with('👩') || piece.ends_with('\u{200d}');
    assert!(!pieces.iter().any(cut), "{pieces:?}");
}

#[tokio::test]
async fn characters_cut_by_chunks_and_other_line_ends_are_read() {
    let server = FakeOpenAi::start().await;
    let events = "\u{feff}: welcome\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"Grüße 你\"}}]}\r\n\r\n\
                  data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n\r\ndata: [DONE]\r\n\r\n";
    server.then(Answer::Raw(
        events.as_bytes().chunks(1).map(<[u8]>::to_vec).collect(),
    ));
    let (answer, _) = ask(&generator(options(&server)), question()).await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.text, "Grüße 你");
    // Nothing was told about tokens, so they are estimated.
    assert!(answer.tokens > 0 && answer.prompt_tokens > 0);
}

#[tokio::test]
async fn server_that_does_not_stream_is_understood() {
    let server = FakeOpenAi::start().await;
    server.then(Answer::Whole("Five days.".into()));
    let (answer, pieces) = ask(&generator(options(&server)), question()).await;
    assert_eq!(answer.expect("an answer").text, "Five days.");
    assert_eq!(pieces.concat(), "Five days.");
}

fn with_schema() -> GenerationRequest {
    GenerationRequest {
        schema: Some(json!({ "type": "object" })),
        ..question()
    }
}

#[tokio::test]
async fn schema_is_asked_for_and_held() {
    let server = FakeOpenAi::start().await;
    server.then(write(["{\"a\"", ": 1}"]));
    let (answer, _) = ask(&generator(options(&server)), with_schema()).await;
    assert_eq!(answer.expect("an answer").text, "{\"a\": 1}");
    let format = &server.asked()[0].body["response_format"];
    assert_eq!(format["json_schema"]["schema"], json!({ "type": "object" }));
}

#[tokio::test]
async fn server_that_refuses_the_schema_is_asked_once_without() {
    let server = FakeOpenAi::start().await;
    server.know_no_schema();
    server.then(write(["```json\n{\"a\"", ": 1}\n```"]));
    let (answer, _) = ask(&generator(options(&server)), with_schema()).await;
    assert_eq!(answer.expect("an answer").text, "{\"a\": 1}");
    assert_eq!(server.asked().len(), 2);
    assert!(server.asked()[1].body.get("response_format").is_none());
}

#[tokio::test]
async fn text_that_ignores_the_schema_is_an_error() {
    let server = FakeOpenAi::start().await;
    server.then(write(["Sure! Here you are"]));
    let (answer, _) = ask(&generator(options(&server)), with_schema()).await;
    assert!(told(&answer.expect_err("no JSON")).contains("not the JSON"));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn adapter_is_sent_as_the_model() {
    let server = FakeOpenAi::start().await;
    let adapted = |adapter: &str| GenerationRequest {
        adapter: Some(adapter.into()),
        ..question()
    };
    let generator = generator(options(&server));
    let (answer, _) = ask(&generator, adapted(ADAPTER)).await;
    let answer = answer.expect("an answer");
    assert_eq!(server.asked()[0].body["model"], ADAPTER);
    assert_eq!(
        (answer.generator.as_str(), answer.adapter.as_deref()),
        (MODEL, Some(ADAPTER))
    );

    let (answer, _) = ask(&generator, adapted("sales-v1")).await;
    match answer {
        Err(GenerateError::UnknownAdapter { adapter, known }) => {
            assert_eq!((adapter.as_str(), known), ("sales-v1", strings([ADAPTER])));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn question_that_nobody_waits_for_any_more_is_broken_off() {
    let server = FakeOpenAi::start().await;
    server.then(Answer::Stall(strings(["Well"])));
    let generator = generator(options(&server));
    let asking = generator.generate(question(), None);
    let gone = tokio::time::timeout(Duration::from_millis(300), asking).await;
    assert!(gone.is_err());
    for _ in 0..200 {
        if server.left() > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the server still writes");
}

#[tokio::test]
async fn generator_tells_its_name_and_limits() {
    let server = FakeOpenAi::start().await;
    let generator = generator(OpenAiOptions {
        context_tokens: 4_000,
        ..options(&server)
    });
    assert_eq!(
        (generator.name().as_str(), generator.context_tokens()),
        (MODEL, 4_000)
    );
    assert!(generator.count_tokens(&question().prompt) >= 5);
}
