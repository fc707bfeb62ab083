//! Vectors from a server: what is asked, and what is made of its refusals.

use crate::fakes::openai::{
    Answer, DIMENSION, EMBEDDER, FakeOpenAi, KEY, LONGEST_TEXT, refuse, vector,
};
use lorekeeper::{
    config::{EmbeddingServer, ModelSection},
    model::OpenAiEmbedder,
    ports::{EmbedError, Embedder, TextRole, with_causes},
};
use serde_json::{Value, json};

const TEXT: &str = "who earns what?";

fn options(server: &FakeOpenAi) -> EmbeddingServer {
    EmbeddingServer {
        url: server.base_url(),
        key: Some(KEY.into()),
        model: EMBEDDER.into(),
        dimension: DIMENSION,
        batch: 3,
        timeout_ms: 1_500,
    }
}

fn embedder(server: &EmbeddingServer) -> OpenAiEmbedder {
    OpenAiEmbedder::new(server, &ModelSection::default()).expect("an embedder")
}

async fn ask(server: &EmbeddingServer, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
    let texts = texts.iter().map(ToString::to_string).collect();
    embedder(server).embed(texts, TextRole::Passage).await
}

/// What is said of a failure, which must not hold what may not be told.
async fn refusal(server: &EmbeddingServer, texts: &[&str]) -> String {
    let error = ask(server, texts).await.expect_err("must fail");
    let told = with_causes(&error);
    let debug = format!("{error:?}");
    for secret in [KEY, TEXT, "127.0.0.1"] {
        assert!(!told.contains(secret) && !debug.contains(secret), "{debug}");
    }
    told
}

fn unit(vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.into_iter().map(|x| x / length).collect()
}

fn refuse_with(status: u16, retry_after: Option<&'static str>, body: Value) -> Answer {
    Answer::Refuse {
        status,
        retry_after,
        body,
    }
}

#[tokio::test]
async fn vectors_come_back_in_the_order_of_the_texts_and_of_length_1() {
    let server = FakeOpenAi::start().await;
    let texts = ["a", "b", "c", "d", "e", "f", "g"];
    let vectors = ask(&options(&server), &texts).await.expect("vectors");
    let expected: Vec<Vec<f32>> = texts.iter().map(|text| unit(vector(text))).collect();
    assert_eq!(vectors, expected);
    let asked = server.asked();
    let mut sizes: Vec<usize> = asked
        .iter()
        .map(|asked| asked.body["input"].as_array().map_or(0, Vec::len))
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 3, 3]);
    assert_eq!(asked[0].path, "/v1/embeddings");
    assert_eq!(asked[0].authorization, Some(format!("Bearer {KEY}")));
    assert_eq!(asked[0].body["model"], EMBEDDER);
    assert_eq!(
        ask(&options(&server), &[]).await.expect("nothing"),
        Vec::<Vec<f32>>::new()
    );
}

#[tokio::test]
async fn prefix_stands_in_front_of_what_is_asked_and_an_empty_text_is_no_refusal() {
    let server = FakeOpenAi::start().await;
    let section = ModelSection {
        query_prefix: Some("query: ".into()),
        ..ModelSection::default()
    };
    let embedder = OpenAiEmbedder::new(&options(&server), &section).expect("an embedder");
    for role in [TextRole::Query, TextRole::Passage] {
        let texts = vec!["refunds".into(), String::new()];
        embedder.embed(texts, role).await.expect("vectors");
    }
    let inputs: Vec<Value> = server
        .asked()
        .iter()
        .map(|a| a.body["input"].clone())
        .collect();
    assert_eq!(
        inputs,
        [
            json!(["query: refunds", "query:  "]),
            json!(["refunds", " "])
        ]
    );
}

#[tokio::test]
async fn server_that_is_busy_is_asked_again() {
    for answer in [
        refuse_with(429, Some("0.1"), json!({})),
        refuse_with(503, None, json!({})),
        refuse(500),
        Answer::Hang,
    ] {
        let server = FakeOpenAi::start().await;
        server.then(answer.clone());
        let vectors = ask(&options(&server), &[TEXT]).await;
        assert!(vectors.is_ok(), "{answer:?}: {vectors:?}");
        assert_eq!(server.asked().len(), 2, "{answer:?}");
    }
}

#[tokio::test]
async fn refusal_that_stays_is_named_with_its_remedy_and_not_repeated() {
    let check = async |answer: Answer, expected: &str| {
        let server = FakeOpenAi::start().await;
        server.then(answer);
        let told = refusal(&options(&server), &[TEXT]).await;
        assert!(told.contains(expected), "{told}");
        assert_eq!(server.asked().len(), 1, "{expected}");
    };
    let quota = json!({ "error": { "type": "insufficient_quota", "message": TEXT } });
    check(refuse_with(429, None, quota), "429: insufficient_quota").await;
    check(
        refuse_with(429, Some("3600"), json!({})),
        "server answered 429",
    )
    .await;
    check(refuse(400), "server answered 400: refused").await;
    check(refuse(403), "check the key").await;
    let elsewhere = Answer::Redirect("http://127.0.0.1:1/v1/embeddings".into());
    check(elsewhere, "redirects are not followed").await;
}

#[tokio::test]
async fn wrong_key_or_model_is_named() {
    let server = FakeOpenAi::start().await;
    let wrong_key = EmbeddingServer {
        key: Some("sk-other".into()),
        ..options(&server)
    };
    assert!(refusal(&wrong_key, &[TEXT]).await.contains("check the key"));
    let wrong_model = EmbeddingServer {
        model: "unknown".into(),
        ..options(&server)
    };
    let told = refusal(&wrong_model, &[TEXT]).await;
    assert!(told.contains("check the model's name"), "{told}");
}

#[tokio::test]
async fn text_that_is_too_long_for_the_server_names_the_setting() {
    let server = FakeOpenAi::start().await;
    let long = "word ".repeat(LONGEST_TEXT);
    let told = refusal(&options(&server), &[TEXT, &long]).await;
    assert!(told.contains("`retrieval.chunk_tokens`"), "{told}");
}

#[tokio::test]
async fn answer_that_is_no_list_of_such_vectors_is_refused() {
    let check = async |document: Value, expected: &str| {
        let server = FakeOpenAi::start().await;
        server.then(Answer::Document(document));
        let told = refusal(&options(&server), &[TEXT, "b"]).await;
        assert!(told.contains(expected), "{told}");
    };
    let item = |index: usize, vector: Vec<f32>| json!({ "index": index, "embedding": vector });
    let right = || vector("a");
    check(json!({ "data": [] }), "0 vectors for 2 texts").await;
    check(json!({ "text": TEXT }), "no list of embeddings").await;
    let short = json!({ "data": [item(0, vec![1.0; 3]), item(1, right())] });
    check(
        short,
        "vectors have 3 dimensions, and `model.server.dimension` is 16",
    )
    .await;
    let same = json!({ "data": [item(1, right()), item(1, right())] });
    check(same, "numbers its vectors wrongly").await;
    let beyond = json!({ "data": [item(0, right()), item(7, right())] });
    check(beyond, "numbers its vectors wrongly").await;
    check(json!({ "data": "x".repeat(200_000) }), "longer than").await;
}

#[tokio::test]
async fn server_that_is_not_there_is_an_error_and_no_wait_without_end() {
    let server = EmbeddingServer {
        url: "http://127.0.0.1:1/v1".into(),
        ..options(&FakeOpenAi::start().await)
    };
    assert!(refusal(&server, &[TEXT]).await.contains("embed-small"));
}
