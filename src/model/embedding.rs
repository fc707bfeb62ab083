//! Sentence embeddings: texts in, unit vectors out.
//!
//! Promise: one thread owns the session; callers queue for it, and a full
//! queue answers [`EmbedError::Busy`] at once. A caller who has gone costs
//! nothing but the batch that is running. Vectors come back in the order of
//! the texts, whatever order they were computed in.

use super::{
    files::{EmbeddingFiles, ModelError},
    runtime,
    token_basis::TokenBasis,
    tokenizer::parse_tokenizer,
};
use crate::{
    config::ModelSection,
    domain::TokenVectors,
    ports::{BoxError, EmbedError, Embedder, Encoded, TextRole},
};
use async_trait::async_trait;
use ndarray::Array2;
use ort::{
    environment::Environment,
    session::{Session, builder::GraphOptimizationLevel},
    value::Tensor,
};
use std::{
    fs,
    ops::Range,
    path::Path,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
};
use tokenizers::{Encoding, Tokenizer, TruncationParams};
use tokio::sync::oneshot;

/// Counts a text's tokens, without the two that mark start and end.
pub type CountTokens = Arc<dyn Fn(&str) -> usize + Send + Sync>;

/// Requests that may wait. Each is answered within a fraction of a second, so
/// a longer queue would only hold answers that nobody waits for any more.
const QUEUE: usize = 64;

/// Texts run together. More gains nothing on a processor and delays the next caller.
const BATCH: usize = 16;

/// A sentence embedder of the BERT family, mean-pooled and L2-normalised
/// (Reimers and Gurevych, 2019).
pub struct OnnxEmbedder {
    name: String,
    dimension: usize,
    tokenizer: Arc<Tokenizer>,
    queue: SyncSender<Job>,
}

struct Job {
    texts: Vec<String>,
    with_tokens: bool,
    reply: oneshot::Sender<Result<Vec<Encoded>, BoxError>>,
}

impl OnnxEmbedder {
    /// Opens the configured model, or the one that the set-up made, and runs
    /// one text through it, so that a wrong file is found now.
    pub fn open(section: &ModelSection) -> Result<Self, ModelError> {
        let files = EmbeddingFiles::find(section)?;
        let environment = runtime::load(section.onnxruntime.as_deref())?;
        let tokenizer = Arc::new(open_tokenizer(&files)?);
        let basis = TokenBasis::shipped(&files.name, files.dimension)
            .map_err(|source| unusable(&files.graph, source))?;
        let mut model = Model {
            session: open_session(&environment, &files.graph, section.threads)?,
            tokenizer: tokenizer.clone(),
            dimension: files.dimension,
            basis,
        };
        model
            .encode(&["ready".into()], true, &|| true)
            .map_err(|source| unusable(&files.graph, source))?;

        let (queue, jobs) = sync_channel(QUEUE);
        thread::Builder::new()
            .name("embedding".into())
            .spawn(move || model.serve(&jobs))
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
        let (reply, answer) = oneshot::channel();
        let job = Job {
            texts,
            with_tokens,
            reply,
        };
        self.queue.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => EmbedError::Busy,
            TrySendError::Disconnected(_) => self.failed("embedding thread has ended"),
        })?;
        match answer.await {
            Ok(encoded) => encoded.map_err(|source| self.failed(source)),
            Err(_) => Err(self.failed("embedding thread has ended")),
        }
    }

    fn failed(&self, source: impl Into<BoxError>) -> EmbedError {
        EmbedError::Failed {
            model: self.name.clone(),
            source: source.into(),
        }
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

fn unusable(file: &Path, source: impl Into<BoxError>) -> ModelError {
    ModelError::Unusable {
        file: file.to_path_buf(),
        source: source.into(),
    }
}

fn open_tokenizer(files: &EmbeddingFiles) -> Result<Tokenizer, ModelError> {
    let mut tokenizer = fs::read(&files.tokenizer)
        .map_err(BoxError::from)
        .and_then(|json| parse_tokenizer(&json))
        .map_err(|source| unusable(&files.tokenizer, source))?;
    let truncation = TruncationParams {
        max_length: files.max_tokens,
        ..TruncationParams::default()
    };
    tokenizer
        .with_truncation(Some(truncation))
        .map_err(|source| unusable(&files.tokenizer, source))?;
    // Rows are padded here, to the longest of their batch, not to a fixed length.
    tokenizer.with_padding(None);
    Ok(tokenizer)
}

fn open_session(
    environment: &Environment,
    graph: &Path,
    threads: usize,
) -> Result<Session, ModelError> {
    // The builder's own error carries the builder, which can't cross threads.
    let open = || -> ort::Result<Session> {
        Session::builder(environment)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(threads.max(1))?
            .with_inter_threads(1)?
            // A spinning thread takes the core that the others need.
            .with_intra_op_spinning(false)?
            .commit_from_file(graph)
    };
    open().map_err(|error| unusable(graph, error.to_string()))
}

/// What the thread owns.
struct Model {
    session: Session,
    tokenizer: Arc<Tokenizer>,
    dimension: usize,
    basis: Option<TokenBasis>,
}

impl Model {
    fn serve(mut self, jobs: &Receiver<Job>) {
        while let Ok(job) = jobs.recv() {
            let result = self.encode(&job.texts, job.with_tokens, &|| !job.reply.is_closed());
            // The caller may have gone in the meantime.
            let _ = job.reply.send(result);
        }
    }

    /// Texts of like length run together, so that little of a batch is padding.
    fn encode(
        &mut self,
        texts: &[String],
        with_tokens: bool,
        wanted: &dyn Fn() -> bool,
    ) -> Result<Vec<Encoded>, BoxError> {
        let encodings = self.tokenizer.encode_batch(texts.to_vec(), true)?;
        let mut order: Vec<usize> = (0..encodings.len()).collect();
        order.sort_by_key(|&i| encodings[i].len());
        let mut encoded = vec![Encoded::default(); encodings.len()];
        for batch in order.chunks(BATCH) {
            if !wanted() {
                return Err("nobody waits for these vectors".into());
            }
            let rows: Vec<&Encoding> = batch.iter().map(|&i| &encodings[i]).collect();
            for (&i, text) in batch.iter().zip(self.run(&rows, with_tokens)?) {
                encoded[i] = text;
            }
        }
        Ok(encoded)
    }

    fn run(&mut self, rows: &[&Encoding], with_tokens: bool) -> Result<Vec<Encoded>, BoxError> {
        let tokens = rows.iter().map(|row| row.len()).max().unwrap_or(0);
        let mut ids = Array2::<i64>::zeros((rows.len(), tokens));
        let mut mask = Array2::<i64>::zeros((rows.len(), tokens));
        for (r, row) in rows.iter().enumerate() {
            for (t, &id) in row.get_ids().iter().enumerate() {
                ids[[r, t]] = i64::from(id);
                mask[[r, t]] = 1;
            }
        }
        let types = Array2::<i64>::zeros((rows.len(), tokens));
        let outputs = self.session.run(ort::inputs! {
            "input_ids" => Tensor::from_array(ids)?,
            "attention_mask" => Tensor::from_array(mask)?,
            "token_type_ids" => Tensor::from_array(types)?,
        })?;
        let (shape, hidden) = outputs[0].try_extract_tensor::<f32>()?;
        let expected = [rows.len() as i64, tokens as i64, self.dimension as i64];
        if shape[..] != expected {
            return Err(format!(
                "output has shape {shape:?}, expected {expected:?}: model and config.json differ"
            )
            .into());
        }
        let basis = self.basis.as_ref().filter(|_| with_tokens);
        let row_size = tokens * self.dimension;
        Ok(rows
            .iter()
            .zip(hidden.chunks_exact(row_size.max(1)))
            .map(|(row, states)| {
                let (tokens, spans) = basis.map_or_else(Default::default, |basis| {
                    token_vectors(row, states, self.dimension, basis)
                });
                Encoded {
                    vector: mean_of_unit_length(states, self.dimension, row.len()),
                    tokens,
                    spans,
                }
            })
            .collect())
    }
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
