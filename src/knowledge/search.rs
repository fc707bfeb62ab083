//! Hybrid search: by meaning and by words, fused, then ordered by the reader.
//!
//! Promise: passages outside the asker's access are never fetched; of passages
//! that say the same, one is returned; a page that a newer one replaces comes
//! after that newer one.

use super::{
    fusion::{Fused, fuse},
    index::{Found, IndexError, KnowledgeIndex, PassageId, Scope},
    passage::IndexedPassage,
    terms,
};
use crate::{
    config::{DatePolicy, SourceEntry},
    domain::{Access, Alike, DocumentId, Duplicate, Likeness, SourceKind, TokenVectors},
    pipeline::reader::{Candidate, POOL, RankFeatures, meet, rank_features},
    ports::{Embedder, Encoded, Hit, Related, Search, SearchError, SearchRequest, TextRole},
};
use async_trait::async_trait;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};
use tokio::task::spawn_blocking;
use tracing::Span;

/// How far a page that a newer one replaces is put back.
const SUPERSEDED: f32 = 1.0;

/// Puts the older page right behind the newer one where that is still not enough.
const JUST_BELOW: f32 = 0.001;

pub struct HybridSearch {
    index: Arc<dyn KnowledgeIndex>,
    embedder: Arc<dyn Embedder>,
    /// Passages that each of the two searches brings to the fusion.
    candidates: usize,
    /// Whether relations are followed.
    relations: bool,
    /// Sources whose documents replace none by being later.
    timeless: HashSet<String>,
}

/// Passages that one look-up of relations brings at most.
const MOST_RELATED: usize = 64;

impl HybridSearch {
    pub fn new(
        index: Arc<dyn KnowledgeIndex>,
        embedder: Arc<dyn Embedder>,
        candidates: usize,
    ) -> Self {
        Self {
            index,
            embedder,
            candidates,
            relations: true,
            timeless: HashSet::new(),
        }
    }

    /// As the sources are configured.
    pub fn with_sources(self, sources: &[SourceEntry]) -> Self {
        let timeless = sources.iter().filter(|s| s.dates == DatePolicy::Record);
        Self {
            timeless: timeless.map(|source| source.name.clone()).collect(),
            ..self
        }
    }

    /// Without it every look-up of relations finds none.
    pub fn following_relations(self, relations: bool) -> Self {
        Self { relations, ..self }
    }

    /// What a search finds, with what the reader saw in it; best first.
    pub async fn read(&self, request: &SearchRequest) -> Result<Vec<Read>, SearchError> {
        if request.top_k == 0 || request.text.trim().is_empty() {
            return Ok(Vec::new());
        }
        let texts = vec![request.text.clone()];
        let encoded = self.embedder.encode(texts, TextRole::Query).await?;
        let asked = encoded.into_iter().next().unwrap_or_default();
        let candidates = self.candidates.max(request.top_k);
        let found = find(self.index.as_ref(), request, &asked, candidates).await?;
        // Comparing token vectors takes milliseconds, so it must not hold up
        // the async threads; the span goes along, so that its logs stay in place.
        let (text, span) = (request.text.clone(), Span::current());
        let placed = spawn_blocking(move || {
            span.in_scope(|| without_repetitions(put_back_superseded(read(&text, &asked, found))))
        });
        let mut placed = placed
            .await
            .map_err(|error| SearchError::Unavailable(error.into()))?;
        for Read { hit, .. } in &mut placed {
            hit.timeless = self.timeless.contains(&hit.source);
        }
        Ok(placed)
    }
}

/// A hit, and what put it in its place; none beyond the passages that are read.
#[derive(Clone, Debug)]
pub struct Read {
    pub hit: Hit,
    pub features: Option<RankFeatures>,
}

impl From<IndexError> for SearchError {
    fn from(error: IndexError) -> Self {
        SearchError::Unavailable(error.into())
    }
}

#[async_trait]
impl Search for HybridSearch {
    async fn search(&self, request: &SearchRequest) -> Result<Vec<Hit>, SearchError> {
        let read = self.read(request).await?;
        Ok(read
            .into_iter()
            .map(|read| read.hit)
            .take(request.top_k)
            .collect())
    }

    async fn count(&self, source: &str, access: &Access) -> Result<usize, SearchError> {
        let scope = Scope {
            source: Some(source.into()),
            ..Scope::of(access)
        };
        Ok(self.index.count_documents(&scope).await?)
    }

    async fn document(&self, id: &DocumentId, access: &Access) -> Result<Vec<Hit>, SearchError> {
        let mut passages = self.index.document(id, access).await?;
        if passages.is_empty() {
            // People type `req-1234` for REQ-1234.
            let upper = DocumentId::new(id.as_str().to_uppercase());
            passages = self.index.document(&upper, access).await?;
        }
        Ok(passages
            .into_iter()
            .map(|passage| passage.into_hit(1.0, 1.0))
            .collect())
    }

    async fn related(&self, keys: &[String], access: &Access) -> Result<Vec<Related>, SearchError> {
        if !self.relations {
            return Ok(Vec::new());
        }
        let found = self.index.related(keys, access, MOST_RELATED).await?;
        Ok(found.into_iter().filter_map(into_related).collect())
    }
}

/// An older page tells what held before.
fn into_related(passage: IndexedPassage) -> Option<Related> {
    let mut passage = passage;
    let relations = std::mem::take(&mut passage.relations);
    let hit = passage.into_hit(1.0, 1.0);
    (!hit.superseded).then_some(Related { hit, relations })
}

/// What the two searches bring, fused, best first.
async fn find(
    index: &dyn KnowledgeIndex,
    request: &SearchRequest,
    asked: &Encoded,
    candidates: usize,
) -> Result<Vec<(Fused, IndexedPassage)>, IndexError> {
    let scope = Scope {
        access: request.access.clone(),
        kinds: request.kinds.clone(),
        source: request.source.clone(),
        exclude: request.exclude.clone(),
    };
    let vector = &asked.vector;
    let terms = terms::query_vector(&request.text);
    let (nearest, keyword) = futures::try_join!(
        index.nearest(vector, &scope, candidates),
        index.matching(&terms, &scope, candidates),
    )?;
    let others = only_in(&keyword, &nearest);
    let others = index.similarities(vector, &others).await?;
    let fused = fuse(&nearest, &others, &keyword);

    // Some of these fall away as repetitions, so more are read than are wanted.
    let wanted = POOL.max(request.top_k * 2 + 10);
    let ids: Vec<PassageId> = fused.iter().map(|f| f.id).take(wanted).collect();
    let (first, beyond) = ids.split_at(POOL.min(ids.len()));
    let mut passages: HashMap<PassageId, IndexedPassage> =
        index.passages(first, true).await?.into_iter().collect();
    passages.extend(index.passages(beyond, false).await?);
    Ok(fused
        .into_iter()
        .filter_map(|f| passages.remove(&f.id).map(|passage| (f, passage)))
        .collect())
}

/// A passage on its way to becoming a hit.
struct Placed {
    read: Read,
    superseded_by: Option<DocumentId>,
    fingerprint: String,
}

/// The first passages in the reader's order, the others behind them.
fn read(question: &str, asked: &Encoded, found: Vec<(Fused, IndexedPassage)>) -> Vec<Placed> {
    let dimension = asked.tokens.dimension();
    let marks: Vec<(Option<DocumentId>, String)> = found
        .iter()
        .map(|(_, passage)| (passage.superseded_by.clone(), passage.fingerprint.clone()))
        .collect();
    let mut pool: Vec<Candidate> = found
        .into_iter()
        .map(|(f, passage)| Candidate {
            tokens: TokenVectors::from_hex(dimension, &passage.tokens).unwrap_or_default(),
            hit: passage.into_hit(f.score, f.similarity),
        })
        .collect();
    let beyond = pool.split_off(POOL.min(pool.len()));
    meet(question, asked, &mut pool);
    let features = rank_features(question, &pool);
    let last = features.iter().map(RankFeatures::score).fold(0.0, f32::min);
    let first = pool.into_iter().zip(features).map(|(candidate, features)| {
        let score = features.score();
        (
            Hit {
                score,
                ..candidate.hit
            },
            Some(features),
        )
    });
    let others = beyond.into_iter().map(|candidate| {
        let score = last - 1.0 + candidate.hit.score;
        (
            Hit {
                score,
                ..candidate.hit
            },
            None,
        )
    });
    first
        .chain(others)
        .zip(marks)
        .map(|((hit, features), (superseded_by, fingerprint))| Placed {
            read: Read { hit, features },
            superseded_by,
            fingerprint,
        })
        .collect()
}

/// Best first, an older page after the one that replaces it.
fn put_back_superseded(mut placed: Vec<Placed>) -> Vec<Placed> {
    let mut best: HashMap<DocumentId, f32> = HashMap::new();
    for Placed { read, .. } in &placed {
        let score = best.entry(read.hit.document.clone()).or_insert(f32::MIN);
        *score = score.max(read.hit.score);
    }
    for Placed {
        read,
        superseded_by,
        ..
    } in &mut placed
    {
        if read.hit.superseded {
            let below = superseded_by
                .as_ref()
                .and_then(|newer| best.get(newer))
                .map_or(f32::INFINITY, |score| score - JUST_BELOW);
            read.hit.score = (read.hit.score - SUPERSEDED).min(below);
        }
    }
    placed.sort_by(|a, b| b.read.hit.score.total_cmp(&a.read.hit.score));
    placed
}

fn only_in(these: &[Found], others: &[Found]) -> Vec<PassageId> {
    let others: HashSet<PassageId> = others.iter().map(|found| found.id).collect();
    these
        .iter()
        .map(|found| found.id)
        .filter(|id| !others.contains(id))
        .collect()
}

/// Of passages that say the same the first stays, with the places of the
/// others: all of them are passages that this search may see. Two people
/// reporting the same are two tickets; one ticket in two exports is one.
fn without_repetitions(placed: Vec<Placed>) -> Vec<Read> {
    let mut kept: Vec<(Marks, Read)> = Vec::new();
    for placed in placed {
        let marks = Marks::of(&placed);
        let hit = placed.read.hit;
        let first = kept
            .iter_mut()
            .find(|(first, read)| marks.repeats(&hit, first, &read.hit));
        match first {
            Some((_, first)) => note_copy(&mut first.hit, hit),
            None => kept.push((
                marks,
                Read {
                    hit,
                    features: placed.read.features,
                },
            )),
        }
    }
    kept.into_iter().map(|(_, read)| read).collect()
}

/// What a passage is compared by.
struct Marks {
    /// None where the index holds an unreadable one.
    fingerprint: Option<u64>,
    likeness: Likeness,
}

impl Marks {
    fn of(placed: &Placed) -> Self {
        Self {
            fingerprint: u64::from_str_radix(&placed.fingerprint, 16).ok(),
            likeness: Likeness::of(&placed.read.hit.text),
        }
    }

    fn repeats(&self, hit: &Hit, other: &Self, first: &Hit) -> bool {
        let tickets = [hit, first].map(|hit| hit.kind == SourceKind::Tickets);
        match tickets {
            [true, true] => {
                let same_key = hit
                    .document
                    .as_str()
                    .eq_ignore_ascii_case(first.document.as_str());
                same_key && hit.source != first.source && self.is_near(other)
            }
            [false, false] => self.is_near(other),
            _ => false,
        }
    }

    /// The same words by their fingerprint; nearly the same by the words themselves.
    fn is_near(&self, other: &Self) -> bool {
        let equal = self.fingerprint.is_some() && self.fingerprint == other.fingerprint;
        equal || self.likeness.to(&other.likeness) == Alike::Same
    }
}

fn note_copy(first: &mut Hit, copy: Hit) {
    let is_known = |source: &str, document: &DocumentId| {
        (source, document) == (first.source.as_str(), &first.document)
            || first
                .copies
                .iter()
                .any(|known| (source, document) == (known.source.as_str(), &known.document))
    };
    if copy.superseded != first.superseded || is_known(&copy.source, &copy.document) {
        return;
    }
    first.copies.push(Duplicate {
        document: copy.document,
        source: copy.source,
        title: copy.title,
        locator: copy.locator,
        date: copy.date,
    });
}
