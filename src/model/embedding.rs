//! Sentence embeddings: texts in, unit vectors out.
//!
//! Promise: one thread owns the session; callers queue for it, and a full
//! queue answers [`EmbedError::Busy`] at once. A caller who has gone costs
//! nothing but the batch that is running. Vectors come back in the order of
//! the texts, whatever order they were computed in.

use super::{
    bert::{Bert, Row, open_tokenizer, unusable},
    files::{EmbeddingFiles, ModelError},
    queue::{ModelQueue, QueueError},
    runtime,
    token_basis::TokenBasis,
};
use crate::{
    config::ModelSection,
    domain::TokenVectors,
    ports::{BoxError, EmbedError, Embedder, Encoded, TextRole},
};
use async_trait::async_trait;
use std::{ops::Range, sync::Arc};
use tokenizers::{Encoding, Tokenizer, TruncationStrategy};

/// Counts a text's tokens, without the two that mark start and end.
pub type CountTokens = Arc<dyn Fn(&str) -> usize + Send + Sync>;

/// A sentence embedder of the BERT family, mean-pooled and L2-normalised
/// (Reimers and Gurevych, 2019).
pub struct OnnxEmbedder {
    name: String,
    dimension: usize,
    tokenizer: Arc<Tokenizer>,
    queue: ModelQueue<Texts, Vec<Encoded>>,
}

struct Texts {
    texts: Vec<String>,
    with_tokens: bool,
}

impl OnnxEmbedder {
    /// Opens the configured model, or the one that the set-up made, and runs
    /// one text through it, so that a wrong file is found now.
    pub fn open(section: &ModelSection) -> Result<Self, ModelError> {
        let files = EmbeddingFiles::find(section)?;
        let environment = runtime::load(section.onnxruntime.as_deref())?;
        let tokenizer = Arc::new(open_tokenizer(
            &files.tokenizer,
            files.max_tokens,
            TruncationStrategy::LongestFirst,
        )?);
        let basis = TokenBasis::shipped(&files.name, files.dimension)
            .map_err(|source| unusable(&files.graph, source))?;
        let mut model = Model {
            bert: Bert::open(
                &environment,
                &files.graph,
                files.precision,
                section.threads,
            )?,
            tokenizer: tokenizer.clone(),
            dimension: files.dimension,
            basis,
        };
        let ready = Texts {
            texts: vec!["ready".into()],
            with_tokens: true,
        };
        model
            .encode(&ready, &|| true)
            .map_err(|source| unusable(&files.graph, source))?;
        let queue = ModelQueue::start("embedding", move |texts, wanted| {
            model.encode(&texts, wanted)
        })
        .map_err(|error| unusable(&files.graph, error))?;
        Ok(Self {
            name: files.name,
            dimension: files.dimension,
            tokenizer,
            queue,
        })
    }

    pub fn count_tokens(&self) -> CountTokens {
        let mut tokenizer = Tokenizer::clone(&self.tokenizer);
        // A count must not stop at the length that the model would cut at. Taking
        // the limit away can't fail; if it did, long texts would count as short.
        let _ = tokenizer.with_truncation(None);
        Arc::new(move |text| {
            tokenizer
                .encode_fast(text, false)
                .map_or(usize::MAX, |encoding| encoding.len())
        })
    }

    async fn run(&self, texts: Vec<String>, with_tokens: bool) -> Result<Vec<Encoded>, EmbedError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let asked = self.queue.ask(Texts { texts, with_tokens }).await;
        asked.map_err(|error| match error {
            QueueError::Full => EmbedError::Busy,
            QueueError::Failed(source) => EmbedError::Failed {
                model: self.name.clone(),
                source,
            },
        })
    }
}

#[async_trait]
impl Embedder for OnnxEmbedder {
    fn dimension(&self) -> usize {
        self.dimension
    }

    fn name(&self) -> &str {
        &self.name
    }

    async fn embed(
        &self,
        texts: Vec<String>,
        _role: TextRole,
    ) -> Result<Vec<Vec<f32>>, EmbedError> {
        let encoded = self.run(texts, false).await?;
        Ok(encoded.into_iter().map(|text| text.vector).collect())
    }

    async fn encode(
        &self,
        texts: Vec<String>,
        _role: TextRole,
    ) -> Result<Vec<Encoded>, EmbedError> {
        self.run(texts, true).await
    }
}

/// What the thread owns.
struct Model {
    bert: Bert,
    tokenizer: Arc<Tokenizer>,
    dimension: usize,
    basis: Option<TokenBasis>,
}

impl Model {
    fn encode(
        &mut self,
        Texts { texts, with_tokens }: &Texts,
        wanted: &dyn Fn() -> bool,
    ) -> Result<Vec<Encoded>, BoxError> {
        let encodings = self.tokenizer.encode_batch(texts.clone(), true)?;
        let mut encoded = vec![Encoded::default(); encodings.len()];
        let basis = self.basis.as_ref().filter(|_| *with_tokens);
        let dimension = self.dimension;
        self.bert.run(&encodings, wanted, |row| {
            encoded[row.at] = read_states(&row, dimension, basis)?;
            Ok(())
        })?;
        Ok(encoded)
    }
}

/// The last hidden states of one text, as its vectors.
fn read_states(
    row: &Row,
    dimension: usize,
    basis: Option<&TokenBasis>,
) -> Result<Encoded, BoxError> {
    let expected = [row.padded_tokens as i64, dimension as i64];
    if row.shape != expected {
        return Err(format!(
            "each text gives {:?}, expected {expected:?}: model and config.json differ",
            row.shape
        )
        .into());
    }
    let (tokens, spans) = basis.map_or_else(Default::default, |basis| {
        token_vectors(row.encoding, row.output, dimension, basis)
    });
    Ok(Encoded {
        vector: mean_of_unit_length(row.output, dimension, row.encoding.len()),
        tokens,
        spans,
    })
}

/// The tokens that stand for something in the text: not those of start and end.
fn token_vectors(
    row: &Encoding,
    states: &[f32],
    dimension: usize,
    basis: &TokenBasis,
) -> (TokenVectors, Vec<Range<usize>>) {
    let words = || {
        row.get_special_tokens_mask()
            .iter()
            .zip(row.get_offsets())
            .zip(states.chunks_exact(dimension))
            .filter(|((special, _), _)| **special == 0)
    };
    let spans = words().map(|((_, &(start, end)), _)| start..end).collect();
    (basis.project(words().map(|(_, state)| state)), spans)
}

/// The mean of the first `tokens` states, scaled to length 1.
fn mean_of_unit_length(states: &[f32], dimension: usize, tokens: usize) -> Vec<f32> {
    let mut sum = vec![0f32; dimension];
    for state in states.chunks_exact(dimension).take(tokens) {
        for (total, value) in sum.iter_mut().zip(state) {
            *total += value;
        }
    }
    let norm = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
    // The scale of the mean falls out; an all-zero sum stays zero instead of becoming NaN.
    sum.iter_mut()
        .for_each(|value| *value /= norm.max(f32::MIN_POSITIVE));
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_takes_no_part_in_the_mean() {
        let states = [3.0, 0.0, 3.0, 8.0, 100.0, 100.0];
        assert_eq!(mean_of_unit_length(&states, 2, 2), vec![0.6, 0.8]);
        assert_eq!(mean_of_unit_length(&[0.0, 0.0], 2, 1), vec![0.0, 0.0]);
    }
}
