//! A search over passages that a line of input brings along.

use crate::{
    domain::{Access, DocumentId, SourceKind},
    pipeline::{
        dot,
        reader::{Candidate, RankFeatures, meet, rank_features},
    },
    ports::{
        EmbedError, Embedder, Encoded, Hit, Met, Search, SearchError, SearchRequest, TextRole,
    },
};
use async_trait::async_trait;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Clone, Debug, Deserialize)]
pub struct Passage {
    pub id: String,
    #[serde(default)]
    pub title: String,
    pub text: String,
}

pub struct PassageSearch {
    embedder: Arc<dyn Embedder>,
    passages: Vec<Passage>,
    encoded: Vec<Encoded>,
}

impl PassageSearch {
    pub async fn new(
        embedder: Arc<dyn Embedder>,
        passages: Vec<Passage>,
    ) -> Result<Self, EmbedError> {
        let texts = passages
            .iter()
            .map(|passage| format!("{} {}", passage.title, passage.text))
            .collect();
        let encoded = embedder.encode(texts, TextRole::Passage).await?;
        Ok(Self {
            embedder,
            passages,
            encoded,
        })
    }
}

#[async_trait]
impl Search for PassageSearch {
    /// Every passage, best first: there are few, and the caller chose them.
    async fn search(&self, request: &SearchRequest) -> Result<Vec<Hit>, SearchError> {
        let texts = vec![request.text.clone()];
        let asked = self.embedder.encode(texts, TextRole::Query).await?;
        let asked = asked.into_iter().next().unwrap_or_default();
        let mut candidates: Vec<Candidate> = self
            .passages
            .iter()
            .zip(&self.encoded)
            .enumerate()
            .map(|(position, (passage, encoded))| Candidate {
                hit: hit(passage, position, dot(&asked.vector, &encoded.vector)),
                tokens: encoded.tokens.clone(),
            })
            .collect();
        meet(&request.text, &asked, &mut candidates);
        let scores = rank_features(&request.text, &candidates);
        let mut hits: Vec<Hit> = candidates
            .into_iter()
            .zip(scores.iter().map(RankFeatures::score))
            .map(|(candidate, score)| Hit {
                score,
                ..candidate.hit
            })
            .collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score));
        hits.truncate(request.top_k.max(1));
        Ok(hits)
    }

    async fn count(&self, _source: &str, _access: &Access) -> Result<usize, SearchError> {
        Ok(self.passages.len())
    }

    async fn document(&self, _id: &DocumentId, _access: &Access) -> Result<Vec<Hit>, SearchError> {
        Ok(Vec::new())
    }
}

fn hit(passage: &Passage, position: usize, similarity: f32) -> Hit {
    Hit {
        document: DocumentId::new(passage.id.clone()),
        source: "given".into(),
        kind: SourceKind::Documents,
        title: passage.title.clone(),
        locator: passage.id.clone(),
        section: String::new(),
        version: String::new(),
        date: None,
        owner: None,
        superseded: false,
        edition: None,
        timeless: false,
        copies: Vec::new(),
        text: passage.text.clone(),
        position,
        score: similarity,
        similarity,
        met: Met::default(),
    }
}
