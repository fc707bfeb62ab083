//! The generator and the embedder for OpenAI's protocol against a fake server: real HTTP.

mod embeddings;
mod faults;
mod requests;

use crate::fakes::openai::{FakeOpenAi, KEY, MODEL};
use lorekeeper::{
    domain::{Generation, GenerationRequest, Prompt, Said, Speaker},
    model::{OpenAiGenerator, OpenAiOptions},
    ports::{GenerateError, Generator, with_causes},
};
use std::time::Duration;
use tokio::sync::mpsc;

const QUESTION: &str = "who earns what?";

/// Short enough for tests, long enough for a busy machine.
fn options(server: &FakeOpenAi) -> OpenAiOptions {
    OpenAiOptions {
        key: Some(KEY.into()),
        first_token_timeout: Duration::from_millis(1_500),
        next_token_timeout: Duration::from_millis(1_000),
        total_timeout: Duration::from_secs(20),
        retries: 2,
        ..OpenAiOptions::new(server.base_url(), MODEL)
    }
}

fn question() -> GenerationRequest {
    let said = Said {
        role: Speaker::User,
        text: QUESTION.into(),
    };
    GenerationRequest::greedy(Prompt::Conversation(vec![said]), 100)
}

fn generator(options: OpenAiOptions) -> OpenAiGenerator {
    OpenAiGenerator::new(options).expect("a generator")
}

/// Asks; the outcome, and the pieces that were shown until then.
async fn ask(
    generator: &OpenAiGenerator,
    request: GenerationRequest,
) -> (Result<Generation, GenerateError>, Vec<String>) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let outcome = generator.generate(request, Some(sender)).await;
    let mut pieces = Vec::new();
    while let Some(piece) = receiver.recv().await {
        pieces.push(piece);
    }
    (outcome, pieces)
}

/// The error with all its causes, which must not hold what may not be told.
#[track_caller]
fn told(error: &GenerateError) -> String {
    let told = with_causes(error);
    let debug = format!("{error:?}");
    for secret in [KEY, QUESTION, "127.0.0.1"] {
        assert!(!told.contains(secret) && !debug.contains(secret), "{debug}");
    }
    told
}
