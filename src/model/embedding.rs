//! Sentence embeddings: texts in, unit vectors out.
//!
//! Promise: one thread owns the session; callers queue for it, and a full
//! queue answers [`EmbedError::Busy`] at once. A caller who has gone costs
//! nothing but the batch that is running. Vectors come back in the order of
//! the texts, whatever order they were computed in.

mod encoder;
mod layout;
mod pooling;

pub(super) use layout::Prefixes;
pub(super) use pooling::of_unit_length;

use super::{
    files::{ModelError, unusable},
    openai::OpenAiEmbedder,
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
use encoder::{Encoder, Made, Row, open_tokenizer};
use layout::Layout;
use pooling::Pooling;
use std::{ops::Range, sync::Arc};
use tokenizers::{Encoding, Tokenizer};

/// Counts a text's tokens, without the two that mark start and end.
pub type CountTokens = Arc<dyn Fn(&str) -> usize + Send + Sync>;

/// The embedding model as it is configured: in this process, or behind a server.
#[derive(Clone)]
pub struct EmbeddingModel {
    pub embedder: Arc<dyn Embedder>,
    pub count_tokens: CountTokens,
    /// How it reads texts, for the person who runs it.
    pub about: String,
}

impl EmbeddingModel {
    pub fn open(section: &ModelSection) -> Result<Self, ModelError> {
        if let Some(server) = &section.server {
            let embedder = OpenAiEmbedder::new(server, section)?;
            return Ok(Self {
                count_tokens: OpenAiEmbedder::count_tokens(),
                about: embedder.about(),
                embedder: Arc::new(embedder),
            });
        }
        let embedder = OnnxEmbedder::open(section)?;
        Ok(Self {
            count_tokens: embedder.count_tokens(),
            about: embedder.about.clone(),
            embedder: Arc::new(embedder),
        })
    }
}

/// A sentence embedder on ONNX Runtime, of any architecture whose folder says
/// how it is run.
pub struct OnnxEmbedder {
    name: String,
    about: String,
    dimension: usize,
    tokenizer: Arc<Tokenizer>,
    queue: ModelQueue<Texts, Vec<Encoded>>,
}

struct Texts {
    texts: Vec<String>,
    role: TextRole,
    with_tokens: bool,
}

impl OnnxEmbedder {
    /// Opens the configured model, or the one that the set-up made, and runs
    /// one text through it, so that a wrong file is found now.
    pub fn open(section: &ModelSection) -> Result<Self, ModelError> {
        let layout = Layout::find(section)?;
        let environment = runtime::load(section.onnxruntime.as_deref())?;
        let tokenizer = Arc::new(open_tokenizer(&layout.tokenizer, layout.max_tokens)?);
        let basis = TokenBasis::shipped(&layout.name, layout.hidden)
            .map_err(|source| unusable(&layout.graph, source))?;
        let encoder = Encoder::open(&environment, &layout, section.threads)?;
        let (name, graph, about) = (layout.name.clone(), layout.graph.clone(), about(&layout));
        let mut model = Model {
            encoder,
            tokenizer: tokenizer.clone(),
            layout,
            basis,
        };
        let ready = Texts {
            texts: vec!["ready".into()],
            role: TextRole::Query,
            with_tokens: true,
        };
        let vectors = model
            .encode(&ready, &|| true)
            .map_err(|source| unusable(&graph, source))?;
        let dimension = vectors.first().map_or(0, |text| text.vector.len());
        let queue = ModelQueue::start("embedding", move |texts, wanted| {
            model.encode(&texts, wanted)
        })
        .map_err(|error| unusable(&graph, error))?;
        Ok(Self {
            name,
            about,
            dimension,
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

    async fn run(&self, texts: Texts) -> Result<Vec<Encoded>, EmbedError> {
        if texts.texts.is_empty() {
            return Ok(Vec::new());
        }
        let asked = self.queue.ask(texts).await;
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

    async fn embed(&self, texts: Vec<String>, role: TextRole) -> Result<Vec<Vec<f32>>, EmbedError> {
        let with_tokens = false;
        let texts = Texts {
            texts,
            role,
            with_tokens,
        };
        let encoded = self.run(texts).await?;
        Ok(encoded.into_iter().map(|text| text.vector).collect())
    }

    async fn encode(&self, texts: Vec<String>, role: TextRole) -> Result<Vec<Encoded>, EmbedError> {
        let with_tokens = true;
        self.run(Texts {
            texts,
            role,
            with_tokens,
        })
        .await
    }
}

/// How it reads texts, in words.
fn about(layout: &Layout) -> String {
    let pooling = match &layout.pooling {
        Ok(Pooling::Mean) => "mean of the tokens",
        Ok(Pooling::Cls) => "first token",
        Ok(Pooling::Last) => "last token",
        Err(_) => "pooled by the graph",
    };
    let Prefixes { query, passage } = &layout.prefixes;
    let prefixes = match query.is_empty() && passage.is_empty() {
        true => "no prefixes".into(),
        false => format!("prefixes {query:?} and {passage:?}"),
    };
    format!("{pooling}, up to {} tokens, {prefixes}", layout.max_tokens)
}

/// What the thread owns.
struct Model {
    encoder: Encoder,
    tokenizer: Arc<Tokenizer>,
    layout: Layout,
    basis: Option<TokenBasis>,
}

impl Model {
    fn encode(
        &mut self,
        texts: &Texts,
        wanted: &dyn Fn() -> bool,
    ) -> Result<Vec<Encoded>, BoxError> {
        let layout = &self.layout;
        let prefix = layout.prefixes.of(texts.role);
        let prefixed = texts.texts.iter().map(|text| match layout.lower_case {
            true => format!("{prefix}{text}").to_lowercase(),
            false => format!("{prefix}{text}"),
        });
        let encodings = self.tokenizer.encode_batch(prefixed.collect(), true)?;
        let mut encoded = vec![Encoded::default(); encodings.len()];
        let basis = self.basis.as_ref().filter(|_| texts.with_tokens);
        self.encoder.run(&encodings, wanted, |row| {
            encoded[row.at] = read(&row, layout, prefix.len(), basis)?;
            Ok(())
        })?;
        Ok(encoded)
    }
}

/// What the graph made of one text, as its vectors.
fn read(
    row: &Row,
    layout: &Layout,
    prefix: usize,
    basis: Option<&TokenBasis>,
) -> Result<Encoded, BoxError> {
    let (states, pooling) = match (&row.made, &layout.pooling) {
        (Made::Sentence(vector), _) => {
            return Ok(Encoded {
                vector: of_unit_length(vector.to_vec()),
                ..Encoded::default()
            });
        }
        (Made::States(states), Ok(pooling)) => (states, pooling),
        (Made::States(_), Err(problem)) => return Err(problem.as_str().into()),
    };
    let (hidden, tokens) = (layout.hidden, row.encoding.len());
    let (vectors, spans) = basis.map_or_else(Default::default, |basis| {
        token_vectors(row.encoding, states, hidden, prefix, basis)
    });
    Ok(Encoded {
        vector: pooling.pool(states, hidden, tokens),
        tokens: vectors,
        spans,
    })
}

/// The tokens that stand for something in the text: not those of start and
/// end, and not the prefix's.
fn token_vectors(
    row: &Encoding,
    states: &[f32],
    dimension: usize,
    prefix: usize,
    basis: &TokenBasis,
) -> (TokenVectors, Vec<Range<usize>>) {
    let words = || {
        row.get_special_tokens_mask()
            .iter()
            .zip(row.get_offsets())
            .zip(states.chunks_exact(dimension))
            .filter(|((special, (start, _)), _)| **special == 0 && *start >= prefix)
    };
    let spans = words()
        .map(|((_, &(start, end)), _)| start - prefix..end - prefix)
        .collect();
    (basis.project(words().map(|(_, state)| state)), spans)
}
