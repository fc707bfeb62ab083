//! Models behind a server that speaks OpenAI's protocol: vLLM, TGI, llama.cpp,
//! Ollama. A language model here, an embedding model in `embedding`.
//!
//! Promise: a request is sent again only where the server did not begin on it
//! (connection refused, 429 with a pause, 503, a field that it does not know),
//! and never once a byte of an answer came. An answer that is cut in the
//! middle is an error, not a short answer. Neither the key, nor the address,
//! nor what was asked is part of an error or of the log.
//!
//! An adapter is sent as the model's name, as vLLM serves LoRA adapters.

mod answer;
mod embedding;
mod link;
mod refusal;
mod reply;
mod request;
mod server;
mod sse;

pub use embedding::OpenAiEmbedder;

use crate::{
    domain::{Finish, Generation, GenerationRequest, Prompt},
    ports::{BoxError, GenerateError, Generator},
};
use answer::Answer;
use async_trait::async_trait;
use refusal::Refusal;
use secrecy::SecretString;
use serde::de::IgnoredAny;
use server::Server;
use std::time::Duration;
use tokio::{sync::mpsc::UnboundedSender, time::timeout};

#[derive(Clone, Debug)]
pub struct OpenAiOptions {
    /// As OpenAI's own clients take it: `http://host:8000/v1`.
    pub base_url: String,
    pub key: Option<SecretString>,
    /// The base model, as the server names it.
    pub model: String,
    /// Tokens that a prompt and its answer may fill together.
    pub context_tokens: usize,
    pub connect_timeout: Duration,
    /// From sending until the model wrote something.
    pub first_token_timeout: Duration,
    /// From one token to the next.
    pub next_token_timeout: Duration,
    /// For everything, further attempts included.
    pub total_timeout: Duration,
    /// Attempts after the first.
    pub retries: u32,
    /// A server that asks for a longer pause is given up at once.
    pub longest_pause: Duration,
}

impl OpenAiOptions {
    pub fn new(base_url: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            key: None,
            model: model.into(),
            context_tokens: 8192,
            connect_timeout: Duration::from_secs(5),
            first_token_timeout: Duration::from_secs(60),
            next_token_timeout: Duration::from_secs(20),
            total_timeout: Duration::from_secs(180),
            retries: 3,
            longest_pause: Duration::from_secs(10),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum OpenAiError {
    #[error("base URL of the model's server {0}; expected one like http://host:8000/v1")]
    BadUrl(&'static str),
    #[error("key of the model's server has a character that no HTTP header may have")]
    BadKey,
    #[error("HTTP client for the model's server can't be made")]
    Client(#[source] BoxError),
}

pub struct OpenAiGenerator {
    server: Server,
    options: OpenAiOptions,
}

impl OpenAiGenerator {
    /// Checks the options; the server is not asked yet.
    pub fn new(options: OpenAiOptions) -> Result<Self, OpenAiError> {
        Ok(Self {
            server: Server::new(&options)?,
            options,
        })
    }

    async fn write(
        &self,
        request: GenerationRequest,
        pieces: Option<UnboundedSender<String>>,
    ) -> Result<Generation, GenerateError> {
        let model = request.adapter.as_deref().unwrap_or(&self.options.model);
        let answer = match self.server.open(&request, model).await {
            Ok(response) => response.read(&request.stop, pieces).await,
            Err(refusal) => return Err(self.explain(refusal, &request).await),
        };
        let answer = answer.map_err(|error| self.failed(error))?;
        self.complete(request, answer)
    }

    fn complete(
        &self,
        request: GenerationRequest,
        answer: Answer,
    ) -> Result<Generation, GenerateError> {
        let text = match answer.finish {
            Finish::Stop if request.schema.is_some() => {
                let document = json_document(&answer.text);
                document.ok_or_else(|| self.failed("answer is not the JSON that was asked for"))?
            }
            _ => answer.text.as_str(),
        };
        let (prompt_tokens, tokens) = match answer.usage {
            Some(usage) => (usage.prompt_tokens, usage.completion_tokens),
            None => (
                request::estimate(&request.prompt),
                request::estimate_text(&answer.text),
            ),
        };
        Ok(Generation {
            text: text.to_string(),
            prompt_tokens,
            tokens,
            finish: answer.finish,
            prefill_ms: answer.prefill.as_secs_f64() * 1000.0,
            decode_ms: answer.decode.as_secs_f64() * 1000.0,
            generator: self.name(),
            adapter: request.adapter,
        })
    }

    /// What the caller decides by.
    async fn explain(&self, refusal: Refusal, request: &GenerationRequest) -> GenerateError {
        if let (true, Some(adapter)) = (refusal.model_is_unknown(), &request.adapter) {
            let models = self.server.models().await;
            let adapters = models
                .into_iter()
                .filter(|model| *model != self.options.model);
            return GenerateError::UnknownAdapter {
                adapter: adapter.clone(),
                known: adapters.collect(),
            };
        }
        let tokens = request::estimate(&request.prompt);
        refusal.into_error(self.name(), tokens, self.options.context_tokens)
    }

    fn failed(&self, source: impl Into<BoxError>) -> GenerateError {
        GenerateError::Failed {
            model: self.name(),
            source: source.into(),
        }
    }
}

#[async_trait]
impl Generator for OpenAiGenerator {
    fn name(&self) -> String {
        self.options.model.clone()
    }

    fn context_tokens(&self) -> usize {
        self.options.context_tokens
    }

    fn count_tokens(&self, prompt: &Prompt) -> usize {
        request::estimate(prompt)
    }

    async fn generate(
        &self,
        request: GenerationRequest,
        pieces: Option<UnboundedSender<String>>,
    ) -> Result<Generation, GenerateError> {
        let limit = self.options.total_timeout;
        match timeout(limit, self.write(request, pieces)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.failed(format!("answer was not complete within {limit:?}"))),
        }
    }
}

/// The document within an answer: all of it, or what stands between the fences
/// that models like to put around it where the server holds no schema.
fn json_document(text: &str) -> Option<&str> {
    let text = text.trim();
    let fenced = text
        .strip_prefix("```")
        .and_then(|text| text.strip_suffix("```"));
    let inner = fenced.map(|text| text.strip_prefix("json").unwrap_or(text).trim());
    let documents = [Some(text), inner].into_iter().flatten();
    documents
        .into_iter()
        .find(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_is_found_with_and_without_fences() {
        assert_eq!(json_document(" {\"a\": 1}\n"), Some("{\"a\": 1}"));
        assert_eq!(
            json_document("```json\n{\"a\": 1}\n```"),
            Some("{\"a\": 1}")
        );
        assert_eq!(json_document("```\n[]\n```"), Some("[]"));
        for text in ["", "{", "Sure! {}", "```json\n```", "```"] {
            assert_eq!(json_document(text), None, "{text:?}");
        }
    }
}
