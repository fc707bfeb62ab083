//! Hybrid search: by meaning and by words, fused.
//!
//! Promise: passages outside the asker's access are never fetched; of passages
//! that say the same, one is returned; a page that a newer one replaces comes
//! after that newer one.

use super::{
    fingerprint::are_near,
    fusion::{Fused, fuse},
    index::{Found, IndexError, KnowledgeIndex, PassageId, Scope},
    passage::IndexedPassage,
    terms,
};
use crate::{
    domain::{Access, DocumentId, SourceKind},
    ports::{BoxError, Embedder, Hit, Search, SearchError, SearchRequest, TextRole},
};
use async_trait::async_trait;
use std::{collections::{HashMap, HashSet}, sync::Arc};
use tokio::task::spawn_blocking;
use tracing::Span;

/// What is left of the score of a page that a newer one replaces.
const SUPERSEDED: f32 = 0.5;

pub struct HybridSearch {
    index: Arc<KnowledgeIndex>,
    embedder: Arc<dyn Embedder>,
    /// Passages that each of the two searches brings to the fusion.
    candidates: usize,
}

impl HybridSearch {
    pub fn new(index: Arc<KnowledgeIndex>, embedder: Arc<dyn Embedder>, candidates: usize) -> Self {
        Self { index, embedder, candidates }
    }

    /// The index is synchronous; the span goes along, so that its logs stay in place.
    async fn on_index<T: Send + 'static>(
        &self,
        work: impl FnOnce(&KnowledgeIndex) -> Result<T, IndexError> + Send + 'static,
    ) -> Result<T, SearchError> {
        let (index, span) = (self.index.clone(), Span::current());
        let done = spawn_blocking(move || span.in_scope(|| work(&index))).await;
        done.map_err(|error| unavailable(error.into()))?.map_err(|error| unavailable(error.into()))
    }
}

fn unavailable(source: BoxError) -> SearchError {
    SearchError::Unavailable(source)
}

#[async_trait]
impl Search for HybridSearch {
    async fn search(&self, request: &SearchRequest) -> Result<Vec<Hit>, SearchError> {
        if request.top_k == 0 || request.text.trim().is_empty() {
            return Ok(Vec::new());
        }
        let vectors = self.embedder.embed(vec![request.text.clone()], TextRole::Query).await?;
        let vector = vectors.into_iter().next().unwrap_or_default();
        let (request, candidates) = (request.clone(), self.candidates.max(request.top_k));
        self.on_index(move |index| find(index, &request, vector, candidates)).await
    }

    async fn document(&self, id: &DocumentId, access: &Access) -> Result<Vec<Hit>, SearchError> {
        let (id, access) = (id.clone(), access.clone());
        let passages = self
            .on_index(move |index| {
                let passages = index.document(&id, &access)?;
                if !passages.is_empty() {
                    return Ok(passages);
                }
                // People type `req-1234` for REQ-1234.
                index.document(&DocumentId::new(id.as_str().to_uppercase()), &access)
            })
            .await?;
        Ok(passages.into_iter().map(|passage| passage.into_hit(1.0, 1.0)).collect())
    }
}

fn find(
    index: &KnowledgeIndex,
    request: &SearchRequest,
    vector: Vec<f32>,
    candidates: usize,
) -> Result<Vec<Hit>, IndexError> {
    let scope = Scope {
        access: request.access.clone(),
        kinds: request.kinds.clone(),
        source: request.source.clone(),
        exclude: request.exclude.clone(),
    };
    let mut cosines = index.nearest(vector.clone(), &scope, candidates)?;
    let keyword = index.matching(terms::query_vector(&request.text), &scope, candidates)?;
    cosines.extend(index.similarities(vector, &only_in(&keyword, &cosines))?);
    let fused = fuse(&cosines, &keyword);

    // Some of these fall away as repetitions, so more are read than are wanted.
    let ids: Vec<PassageId> = fused.iter().map(|f| f.id).take(request.top_k * 2 + 10).collect();
    let passages: HashMap<PassageId, IndexedPassage> = index.passages(&ids)?.into_iter().collect();
    let ranked = rank(fused, passages);
    Ok(ranked.into_iter().take(request.top_k).map(|(f, passage)| passage.into_hit(f.score, f.similarity)).collect())
}

fn only_in(these: &[Found], others: &[Found]) -> Vec<PassageId> {
    let others: HashSet<PassageId> = others.iter().map(|found| found.id).collect();
    these.iter().map(|found| found.id).filter(|id| !others.contains(id)).collect()
}

fn rank(fused: Vec<Fused>, mut passages: HashMap<PassageId, IndexedPassage>) -> Vec<(Fused, IndexedPassage)> {
    let mut ranked: Vec<(Fused, IndexedPassage)> = fused
        .into_iter()
        .filter_map(|f| passages.remove(&f.id).map(|passage| (f, passage)))
        .map(|(f, passage)| {
            let factor = if passage.superseded_by.is_some() { SUPERSEDED } else { 1.0 };
            (Fused { score: f.score * factor, ..f }, passage)
        })
        .collect();
    ranked.sort_by(|(a, _), (b, _)| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
    without_repetitions(ranked)
}

/// Of near-identical passages of documents the first stays. Tickets stay all:
/// two people reporting the same are two tickets.
fn without_repetitions(ranked: Vec<(Fused, IndexedPassage)>) -> Vec<(Fused, IndexedPassage)> {
    let mut seen: Vec<u64> = Vec::new();
    ranked
        .into_iter()
        .filter(|(_, passage)| {
            let Ok(fingerprint) = u64::from_str_radix(&passage.fingerprint, 16) else {
                return true;
            };
            let repeated = passage.kind != SourceKind::Tickets && seen.iter().any(|&s| are_near(s, fingerprint));
            seen.push(fingerprint);
            !repeated
        })
        .collect()
}
