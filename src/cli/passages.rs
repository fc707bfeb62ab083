//! A search over passages that a line of input brings along.

use crate::{
    domain::{Access, DocumentId, SourceKind},
    pipeline::dot,
    ports::{EmbedError, Embedder, Hit, Search, SearchError, SearchRequest, TextRole},
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
    vectors: Vec<Vec<f32>>,
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
        let vectors = embedder.embed(texts, TextRole::Passage).await?;
        Ok(Self {
            embedder,
            passages,
            vectors,
        })
    }
}

#[async_trait]
impl Search for PassageSearch {
    /// Every passage, nearest first: there are few, and the caller chose them.
    async fn search(&self, request: &SearchRequest) -> Result<Vec<Hit>, SearchError> {
        let question = self
            .embedder
            .embed(vec![request.text.clone()], TextRole::Query)
            .await?;
        let similarity = |vector: &[f32]| {
            question
                .first()
                .map_or(0.0, |question| dot(question, vector))
        };
        let mut hits: Vec<Hit> = self
            .passages
            .iter()
            .zip(&self.vectors)
            .enumerate()
            .map(|(position, (passage, vector))| hit(passage, position, similarity(vector)))
            .collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score));
        hits.truncate(request.top_k.max(1));
        Ok(hits)
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
        text: passage.text.clone(),
        position,
        score: similarity,
        similarity,
    }
}
