//! An embedding model behind `/v1/embeddings`.
//!
//! Promise: a vector is taken only with the configured length, of finite
//! numbers, and put to the text that it was made of. The same request may be
//! sent again without harm, so it is, wherever that may help. Neither the key,
//! nor the address, nor a text is part of an error or of the log.

use super::{
    OpenAiError,
    link::{Link, backoff, send, with_jitter},
    refusal::Refusal,
    request::estimate_text,
};
use crate::{
    config::{EmbeddingServer, ModelSection},
    model::embedding::{CountTokens, Prefixes, of_unit_length},
    ports::{BoxError, EmbedError, Embedder, Encoded, TextRole},
};
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::{Response, Url};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};
use tracing::info;

const CONNECT: Duration = Duration::from_secs(5);

/// Attempts after the first.
const RETRIES: u32 = 4;

/// A server that asks for a longer pause is given up at once.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Requests on their way at a time.
const AT_ONCE: usize = 4;

/// Of one number in JSON, with sign, digits, exponent and comma.
const NUMBER_BYTES: usize = 32;

/// Of a reply beside its vectors.
const OTHER_BYTES: usize = 64 * 1_024;

/// An empty text is refused by most servers.
const NOTHING: &str = " ";

pub struct OpenAiEmbedder {
    link: Link,
    url: Url,
    server: EmbeddingServer,
    prefixes: Prefixes,
    name: String,
}

#[derive(Deserialize)]
struct Reply {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: usize,
    embedding: Vec<f32>,
}

impl OpenAiEmbedder {
    /// Checks the options; the server is not asked yet.
    pub fn new(server: &EmbeddingServer, section: &ModelSection) -> Result<Self, OpenAiError> {
        let link = Link::new(&server.url, server.key.as_ref(), CONNECT)?;
        let url = link.below("embeddings")?;
        let prefixes = Prefixes::default().configured(section);
        let made_with = (url.as_str(), &server.model, server.dimension, &prefixes);
        let hash = Sha256::digest(format!("{made_with:?}"));
        Ok(Self {
            name: format!("{}-{}", server.model, hex::encode(&hash[..4])),
            link,
            url,
            server: server.clone(),
            prefixes,
        })
    }

    /// The server's tokenizer is not known: rather too many.
    pub fn count_tokens() -> CountTokens {
        Arc::new(estimate_text)
    }

    pub fn about(&self) -> String {
        let Prefixes { query, passage } = &self.prefixes;
        let prefixes = match query.is_empty() && passage.is_empty() {
            true => "no prefixes".into(),
            false => format!("prefixes {query:?} and {passage:?}"),
        };
        format!("behind `model.server`, {prefixes}")
    }

    /// Vectors of one request, which is sent again where that may help.
    async fn ask(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbedError> {
        let mut attempt = 0;
        loop {
            let refusal = match self.ask_once(&texts).await {
                Ok(response) => {
                    let vectors = self.read(response, texts.len()).await;
                    return vectors.map_err(|source| self.failed(source));
                }
                Err(refusal) => refusal,
            };
            match refusal.pause_if_harmless(backoff(attempt), LONGEST_PAUSE) {
                Some(pause) if attempt < RETRIES => {
                    attempt += 1;
                    info!(
                        attempt,
                        ?pause,
                        "Embedding server is not ready: asking again"
                    );
                    sleep(with_jitter(pause)).await;
                }
                _ => return Err(refusal.into_embed_error(self.name.clone())),
            }
        }
    }

    async fn ask_once(&self, texts: &[String]) -> Result<Response, Refusal> {
        let body = json!({ "model": self.server.model, "input": texts });
        let asked = self.link.http.post(self.url.clone()).json(&body);
        let limit = self.limit();
        let late = |_| Refusal::Lost(format!("server did not answer within {limit:?}").into());
        let response = timeout(limit, send(asked)).await.map_err(late)??;
        if response.status().is_success() {
            return Ok(response);
        }
        let refusal = timeout(limit, Refusal::of(response)).await;
        Err(refusal.unwrap_or_else(late))
    }

    async fn read(&self, response: Response, count: usize) -> Result<Vec<Vec<f32>>, BoxError> {
        let most = OTHER_BYTES + count * self.server.dimension * NUMBER_BYTES;
        let limit = self.limit();
        let body = timeout(limit, bounded(response, most))
            .await
            .map_err(|_| format!("answer was not complete within {limit:?}"))??;
        // The parser's own message may repeat a part of the answer.
        let reply: Reply =
            serde_json::from_slice(&body).map_err(|_| "answer is no list of embeddings")?;
        self.in_order(reply, count)
    }

    fn in_order(&self, reply: Reply, count: usize) -> Result<Vec<Vec<f32>>, BoxError> {
        let given = reply.data.len();
        if given != count {
            return Err(format!("answer has {given} vectors for {count} texts").into());
        }
        let mut vectors = vec![Vec::new(); count];
        for Item { index, embedding } in reply.data {
            let (length, expected) = (embedding.len(), self.server.dimension);
            if length != expected {
                return Err(format!(
                    "vectors have {length} dimensions, and `model.server.dimension` is {expected}"
                )
                .into());
            }
            if !embedding.iter().all(|value| value.is_finite()) {
                return Err("a vector has a number that is not finite".into());
            }
            match vectors.get_mut(index) {
                Some(vector) if vector.is_empty() => *vector = of_unit_length(embedding),
                _ => return Err("answer numbers its vectors wrongly".into()),
            }
        }
        Ok(vectors)
    }

    fn limit(&self) -> Duration {
        Duration::from_millis(self.server.timeout_ms)
    }

    fn failed(&self, source: BoxError) -> EmbedError {
        EmbedError::Failed {
            model: self.name.clone(),
            source,
        }
    }
}

async fn bounded(mut response: Response, most: usize) -> Result<Vec<u8>, BoxError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(super::refusal::cause)? {
        body.extend_from_slice(&chunk);
        if body.len() > most {
            return Err(format!("answer is longer than {most} bytes").into());
        }
    }
    Ok(body)
}

#[async_trait]
impl Embedder for OpenAiEmbedder {
    fn dimension(&self) -> usize {
        self.server.dimension
    }

    fn name(&self) -> &str {
        &self.name
    }

    async fn embed(&self, texts: Vec<String>, role: TextRole) -> Result<Vec<Vec<f32>>, EmbedError> {
        let prefix = self.prefixes.of(role);
        let texts: Vec<String> = texts
            .iter()
            .map(|text| match text.trim().is_empty() {
                true => format!("{prefix}{NOTHING}"),
                false => format!("{prefix}{text}"),
            })
            .collect();
        let batches: Vec<Vec<String>> =
            texts.chunks(self.server.batch).map(<[_]>::to_vec).collect();
        let asked = stream::iter(batches)
            .map(|batch| self.ask(batch))
            .buffered(AT_ONCE);
        let vectors: Vec<Vec<Vec<f32>>> = asked.try_collect().await?;
        Ok(vectors.concat())
    }

    async fn encode(&self, texts: Vec<String>, role: TextRole) -> Result<Vec<Encoded>, EmbedError> {
        let vectors = self.embed(texts, role).await?;
        Ok(vectors
            .into_iter()
            .map(|vector| Encoded {
                vector,
                ..Encoded::default()
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str, model: &str) -> EmbeddingServer {
        EmbeddingServer {
            url: url.into(),
            key: None,
            model: model.into(),
            dimension: 8,
            batch: 64,
            timeout_ms: 1_000,
        }
    }

    #[test]
    fn name_differs_with_address_model_dimension_and_prefix() {
        let name = |server: &EmbeddingServer, section: &ModelSection| {
            let embedder = OpenAiEmbedder::new(server, section).expect("an embedder");
            embedder.name().to_string()
        };
        let usual = ModelSection::default();
        let prefixed = ModelSection {
            query_prefix: Some("q: ".into()),
            ..ModelSection::default()
        };
        let longer = EmbeddingServer {
            dimension: 16,
            ..server("http://h/v1", "m")
        };
        let names = [
            name(&server("http://h/v1", "m"), &usual),
            name(&server("http://other/v1", "m"), &usual),
            name(&server("http://h/v1", "n"), &usual),
            name(&server("http://h/v1", "m"), &prefixed),
            name(&longer, &usual),
        ];
        let different: std::collections::BTreeSet<&String> = names.iter().collect();
        assert_eq!(different.len(), names.len(), "{names:?}");
        assert!(names[0].starts_with("m-") && !names[0].contains("http"));
        assert_eq!(names[0], name(&server("http://h/v1/", "m"), &usual));
    }
}
