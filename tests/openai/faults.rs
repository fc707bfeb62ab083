//! What is asked again, what is not, and what an error tells.

use super::{ask, generator, options, question, told};
use crate::fakes::openai::{Answer, FakeOpenAi, refuse, strings, write};
use lorekeeper::{model::OpenAiOptions, ports::GenerateError};
use serde_json::json;
use std::time::{Duration, Instant};

fn busy(retry_after: Option<&'static str>) -> Answer {
    Answer::Refuse {
        status: 429,
        retry_after,
        body: json!({ "error": { "type": "rate_limited" } }),
    }
}

#[tokio::test]
async fn busy_server_is_asked_again_after_its_pause() {
    let server = FakeOpenAi::start().await;
    server.then(busy(Some("1"))).then(write(["Five", " days."]));
    let begun = Instant::now();
    let (answer, pieces) = ask(&generator(options(&server)), question()).await;
    assert_eq!(answer.expect("an answer").text, "Five days.");
    assert_eq!(pieces.concat(), "Five days.");
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn busy_server_that_names_no_pause_or_a_long_one_is_given_up() {
    for retry_after in [None, Some("3600")] {
        let server = FakeOpenAi::start().await;
        server.then(busy(retry_after));
        let (answer, _) = ask(&generator(options(&server)), question()).await;
        assert!(
            matches!(answer, Err(GenerateError::Busy { .. })),
            "{answer:?}"
        );
        assert_eq!(server.asked().len(), 1);
    }
}

#[tokio::test]
async fn loading_server_is_asked_a_bounded_number_of_times() {
    let server = FakeOpenAi::start().await;
    for _ in 0..9 {
        server.then(refuse(503));
    }
    let (answer, _) = ask(&generator(options(&server)), question()).await;
    assert!(
        matches!(answer, Err(GenerateError::Loading { .. })),
        "{answer:?}"
    );
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn server_that_comes_up_meanwhile_answers() {
    let server = FakeOpenAi::start().await;
    server.then(refuse(503)).then(write(["Up."]));
    let (answer, _) = ask(&generator(options(&server)), question()).await;
    assert_eq!(answer.expect("an answer").text, "Up.");
}

#[tokio::test]
async fn refused_connection_is_tried_again_and_then_told() {
    let gone = FakeOpenAi::start().await;
    let options = options(&gone);
    drop(gone);
    // The port is free once the task that listened has ended.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let begun = Instant::now();
    let (answer, _) = ask(&generator(options), question()).await;
    let error = answer.expect_err("nobody is there");
    assert!(matches!(error, GenerateError::Failed { .. }), "{error:?}");
    told(&error);
    // Two more attempts, after pauses of 250 and 500 ms and their jitter.
    assert!(begun.elapsed() >= Duration::from_millis(750));
}

/// An answer that fails for good: asked once, and told with this text.
async fn check_failure(answer: Answer, expected: &str) {
    let server = FakeOpenAi::start().await;
    server.then(answer.clone());
    let (outcome, pieces) = ask(&generator(options(&server)), question()).await;
    let error = outcome.expect_err("a failure");
    assert!(matches!(error, GenerateError::Failed { .. }), "{error:?}");
    let text = told(&error);
    assert!(text.contains(expected), "{text}");
    assert_eq!(server.asked().len(), 1, "{answer:?} is not asked again");
    assert!("Five days.".starts_with(&pieces.concat()), "{pieces:?}");
}

#[tokio::test]
async fn answer_cut_in_the_middle_is_an_error_and_no_short_answer() {
    check_failure(Answer::Cut(strings(["Five", " da"])), "lost in the middle").await;
    check_failure(
        Answer::EndEarly(strings(["Five", " da"])),
        "cut in the middle",
    )
    .await;
}

#[tokio::test]
async fn error_of_the_server_is_not_sent_again() {
    check_failure(refuse(500), "server answered 500: refused").await;
    let error = json!({ "error": { "message": "who earns what?", "type": "overloaded" } });
    check_failure(
        Answer::BreakOff(strings(["Five"]), error),
        "broke off: overloaded",
    )
    .await;
}

#[tokio::test]
async fn malformed_stream_is_an_error() {
    let raw = |text: &[u8]| Answer::Raw(vec![text.to_vec()]);
    check_failure(
        raw(b"data: {\"choices\": [}\n\n"),
        "not what the protocol says",
    )
    .await;
    check_failure(raw(b"data: [1, 2]\n\n"), "not what the protocol says").await;
    check_failure(raw(b"data: \xff\xfe\n\n"), "not UTF-8").await;
    check_failure(raw(b"<html>it works</html>\n"), "cut in the middle").await;
    check_failure(raw(&vec![b'x'; 2 << 20]), "longer than").await;
}

#[tokio::test]
async fn server_that_never_begins_is_given_up() {
    let begun = Instant::now();
    check_failure(Answer::Hang, "did not answer within 1.5s").await;
    assert!(begun.elapsed() < Duration::from_secs(8));
}

#[tokio::test]
async fn sign_of_life_is_no_token() {
    check_failure(Answer::Stall(vec![]), "wrote nothing for 1.5s").await;
    check_failure(Answer::Stall(strings(["Five"])), "wrote nothing for 1s").await;
}

#[tokio::test]
async fn slow_answer_may_take_longer_than_a_token_but_not_for_ever() {
    let drip = |pieces: usize| Answer::Write {
        pieces: vec!["x".into(); pieces],
        pause: Duration::from_millis(60),
        finish: "stop",
    };
    let server = FakeOpenAi::start().await;
    let options = OpenAiOptions {
        next_token_timeout: Duration::from_millis(700),
        total_timeout: Duration::from_secs(4),
        ..options(&server)
    };
    let generator = generator(options);
    server.then(drip(20)).then(drip(1_000));
    let (answer, _) = ask(&generator, question()).await;
    assert_eq!(answer.expect("an answer").text.len(), 20);
    let (answer, pieces) = ask(&generator, question()).await;
    let error = answer.expect_err("no end");
    assert!(told(&error).contains("not complete within 4s"), "{error:?}");
    assert!(!pieces.is_empty());
}

#[tokio::test]
async fn rejected_key_is_told_without_the_key() {
    let server = FakeOpenAi::start().await;
    let options = OpenAiOptions {
        key: Some("sk-wrong-one".into()),
        ..options(&server)
    };
    let (answer, _) = ask(&generator(options), question()).await;
    let error = answer.expect_err("refused");
    let text = told(&error);
    assert!(
        text.contains("check the key") && !format!("{error:?}").contains("sk-wrong"),
        "{text}"
    );
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn unknown_model_is_told_with_what_to_check() {
    let server = FakeOpenAi::start().await;
    let options = OpenAiOptions {
        model: "base-8b".into(),
        ..options(&server)
    };
    let (answer, _) = ask(&generator(options), question()).await;
    assert!(told(&answer.expect_err("refused")).contains("check the model's name"));
}

#[tokio::test]
async fn prompt_that_is_too_long_is_told_as_such() {
    let server = FakeOpenAi::start().await;
    server.then(Answer::Refuse {
        status: 400,
        retry_after: None,
        body: json!({ "error": { "message": "This model's maximum context length is 4096 tokens.", "code": 400 } }),
    });
    let (answer, _) = ask(&generator(options(&server)), question()).await;
    assert!(
        matches!(answer, Err(GenerateError::TooLong { limit: 8192, .. })),
        "{answer:?}"
    );
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn request_that_stays_refused_is_the_callers_fault() {
    let server = FakeOpenAi::start().await;
    server.then(refuse(400)).then(refuse(400)).then(refuse(400));
    let (answer, _) = ask(&generator(options(&server)), question()).await;
    assert!(
        matches!(answer, Err(GenerateError::BadRequest { .. })),
        "{answer:?}"
    );
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn key_and_question_do_not_follow_a_redirect() {
    let (server, elsewhere) = (FakeOpenAi::start().await, FakeOpenAi::start().await);
    server.then(Answer::Redirect(format!(
        "{}/chat/completions",
        elsewhere.base_url()
    )));
    let (answer, _) = ask(&generator(options(&server)), question()).await;
    assert!(told(&answer.expect_err("refused")).contains("redirects are not followed"));
    assert!(elsewhere.asked().is_empty());
}
