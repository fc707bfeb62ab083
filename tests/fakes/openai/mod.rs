//! A fake chat server of OpenAI's protocol, as vLLM speaks it, that goes wrong
//! on demand and writes down what it is asked.

mod server;

use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::task::JoinHandle;

pub const MODEL: &str = "base-7b";
pub const ADAPTER: &str = "support-v2";
pub const KEY: &str = "sk-of-the-fake";
pub const EMBEDDER: &str = "embed-small";

/// Length of the vectors that the fake gives.
pub const DIMENSION: usize = 16;

/// Characters of a text that it takes, and texts of one request.
pub const LONGEST_TEXT: usize = 4_000;
pub const MOST_TEXTS: usize = 2_048;

/// What the server does with the next request that it takes.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Writes these pieces, a pause before each, and ends.
    Write {
        pieces: Vec<String>,
        pause: Duration,
        finish: &'static str,
    },
    /// Writes the pieces; then the connection breaks.
    Cut(Vec<String>),
    /// Writes the pieces; then the stream ends as if that were all.
    EndEarly(Vec<String>),
    /// Writes the pieces; then an error in the middle of the stream.
    BreakOff(Vec<String>, Value),
    /// Writes the pieces; then says only that it is still there.
    Stall(Vec<String>),
    /// Never begins to answer.
    Hang,
    Refuse {
        status: u16,
        retry_after: Option<&'static str>,
        body: Value,
    },
    /// Sends these chunks as the body of a stream.
    Raw(Vec<Vec<u8>>),
    /// Answers in one piece, whatever was asked.
    Whole(String),
    /// Answers with this document.
    Document(Value),
    Redirect(String),
}

pub fn write<const N: usize>(pieces: [&str; N]) -> Answer {
    Answer::Write {
        pieces: strings(pieces),
        pause: Duration::ZERO,
        finish: "stop",
    }
}

pub fn refuse(status: u16) -> Answer {
    Answer::Refuse {
        status,
        retry_after: None,
        body: json!({ "error": { "message": "no", "type": "refused" } }),
    }
}

/// The vector that the fake gives a text: another one for each, not of length 1.
pub fn vector(text: &str) -> Vec<f32> {
    let seed = text.bytes().fold(7u32, |hash, byte| {
        hash.wrapping_mul(31).wrapping_add(byte.into())
    });
    (0..DIMENSION as u32)
        .map(|n| seed.wrapping_mul(0x9e37_79b1).wrapping_mul(2 * n + 1) >> 16)
        .map(|number| number as f32 / 1e4)
        .collect()
}

pub fn strings<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_string).to_vec()
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub path: String,
    pub authorization: Option<String>,
    pub body: Value,
}

pub struct FakeOpenAi {
    state: Arc<State>,
    address: String,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    answers: Mutex<VecDeque<Answer>>,
    asked: Mutex<Vec<Asked>>,
    knows_no_schema: Mutex<bool>,
    /// Streams that were closed before they ended.
    left: Mutex<usize>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeOpenAi {
    pub async fn start() -> Self {
        let state = Arc::new(State::default());
        let router = server::router(state.clone());
        let (address, serving) = crate::fakes::serve(router).await;
        Self {
            state,
            address: address.to_string(),
            serving,
        }
    }

    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The next answer, once those before it are used up. Without any it says "Hello there."
    pub fn then(&self, answer: Answer) -> &Self {
        lock(&self.state.answers).push_back(answer);
        self
    }

    /// From now on `response_format` is an error.
    pub fn know_no_schema(&self) {
        *lock(&self.state.knows_no_schema) = true;
    }

    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.state.asked).clone()
    }

    pub fn left(&self) -> usize {
        *lock(&self.state.left)
    }
}

impl Drop for FakeOpenAi {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
