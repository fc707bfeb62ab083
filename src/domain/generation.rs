//! Text to be written by a language model: what is asked for, what came out.

use super::PersonId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One turn of a conversation with a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    pub role: Speaker,
    #[serde(rename = "content")]
    pub text: String,
}

/// Who speaks, in the words of chat templates and of the OpenAI protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    System,
    User,
    Assistant,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Prompt {
    /// Put through the model's chat template.
    Conversation(Vec<Said>),
    /// Given to the model as it stands.
    Raw(String),
}

/// How the next token is chosen. `temperature` 0 is greedy and ignores the
/// rest but the repetition penalty.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    pub temperature: f32,
    /// 0: every token may be chosen.
    pub top_k: usize,
    /// 1.0: no limit (Holtzman et al., 2020).
    pub top_p: f32,
    /// Least probability, as a share of the likeliest token's. 0: no limit.
    pub min_p: f32,
    /// 1.0: none; above, tokens already seen become less likely (Keskar et al., 2019).
    pub repetition_penalty: f32,
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            repetition_penalty: 1.0,
            seed: 0,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct GenerationRequest {
    pub prompt: Prompt,
    /// The adapter's name; without one, the base model writes.
    pub adapter: Option<String>,
    pub max_tokens: usize,
    pub sampling: Sampling,
    /// Writing ends before the first of these.
    pub stop: Vec<String>,
    /// A JSON schema that the text must satisfy.
    pub schema: Option<Value>,
    /// On whose behalf: waiting requests are taken from one person after the other.
    pub person: Option<PersonId>,
}

impl GenerationRequest {
    /// The base model's likeliest tokens, in no schema and for nobody.
    pub fn greedy(prompt: Prompt, max_tokens: usize) -> Self {
        Self {
            prompt,
            adapter: None,
            max_tokens,
            sampling: Sampling::default(),
            stop: Vec::new(),
            schema: None,
            person: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Generation {
    pub text: String,
    pub prompt_tokens: usize,
    /// Tokens written, the end-of-sequence token not counted.
    pub tokens: usize,
    pub finish: Finish,
    /// Until the first token was chosen, time in the queue left out.
    pub prefill_ms: f64,
    pub decode_ms: f64,
    /// The model that wrote, as an answer's record shows it.
    pub generator: String,
    pub adapter: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// End of sequence, a stop string, or a complete document of the schema.
    Stop,
    /// `max_tokens`, or the model's context, was used up.
    Length,
}
