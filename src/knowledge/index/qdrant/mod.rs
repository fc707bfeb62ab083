//! The index on a Qdrant server or cluster: a collection a generation, an
//! alias that names the one in use.
//!
//! Promise: a call that the server could not take is made again a few times
//! with growing pauses; all of them may be repeated without harm. Not
//! promised: one filler at a time, since Qdrant has no locks; two that read
//! the same sources write the same passages.

mod calls;
mod open;
mod points;

use super::{
    Found, IndexEntry, IndexError, IndexRecipe, KnowledgeIndex, Known, KnownFields, PassageId,
    Purpose, Replaced, Scope, SourceField, in_reading_order,
    rarity::{VisibleCounts, weigh},
};
use crate::{
    domain::{Access, DocumentId},
    knowledge::{passage::IndexedPassage, terms::TermVector},
};
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use points::{
    all, any_of, at_position, batches, found, has_term, of_access, of_documents, of_scope, parse,
    point,
};
use qdrant_client::{
    Payload, Qdrant,
    qdrant::{
        Condition, CountPointsBuilder, CreateAlias, DeletePointsBuilder, Filter, GetPointsBuilder,
        PayloadExcludeSelector, PayloadIncludeSelector, PointId, PointStruct,
        QuantizationSearchParamsBuilder, Query, QueryPointsBuilder, ScrollPointsBuilder,
        SearchParamsBuilder, SetPayloadPointsBuilder, UpsertPointsBuilder, VectorInput,
        with_payload_selector::SelectorOptions,
    },
};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
    time::Duration,
};

const DENSE: &str = "dense";
/// The sparse vector, and the field that has its terms, so that they can be counted.
const TERMS: &str = "terms";

/// Terms that are counted at a time, for one search.
const COUNTS: usize = 16;

/// Passages fetched at a time when many are listed.
const PAGE: u32 = 1000;

/// Passages looked at in the graph for one search; more find more of the nearest.
const BREADTH: u64 = 256;

/// Where the index lies, how it is made, and how long a search waits for it.
#[derive(Clone, Debug)]
pub struct QdrantOptions {
    /// Of its gRPC interface: `http://HOST:6334`, or `https://…` for TLS.
    pub url: SecretString,
    pub key: Option<SecretString>,
    /// The alias of the collection in use; each collection's name begins with it.
    pub name: String,
    pub timeout: Duration,
    /// Of collections that are made from now on; None leaves it to the server.
    pub shards: Option<u32>,
    pub replicas: Option<u32>,
    pub quantize: bool,
}

pub struct QdrantIndex {
    client: Qdrant,
    options: QdrantOptions,
    place: String,
    recipe: IndexRecipe,
    purpose: Purpose,
    /// Whether the server said that our collection is there to be worked with.
    ready: Mutex<bool>,
    visible: VisibleCounts,
}

impl QdrantIndex {
    fn ready(&self) -> std::sync::MutexGuard<'_, bool> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn search(
        &self,
        doing: &'static str,
        query: VectorInput,
        using: &str,
        filter: Filter,
        limit: usize,
        exact: bool,
    ) -> Result<Vec<Found>, IndexError> {
        let mut params = SearchParamsBuilder::default()
            .exact(exact)
            .hnsw_ef(BREADTH.max(limit as u64));
        if self.options.quantize {
            let whole = QuantizationSearchParamsBuilder::default()
                .rescore(true)
                .oversampling(2.0);
            params = params.quantization(whole);
        }
        let request = QueryPointsBuilder::new(self.collection().await?)
            .query(Query::new_nearest(query))
            .using(using)
            .filter(filter)
            .limit(limit as u64)
            .params(params)
            .with_payload(false)
            .build();
        let reply = self.call(doing, || self.client.query(request.clone()));
        Ok(reply.await?.result.into_iter().filter_map(found).collect())
    }

    /// Every passage that fits the filter, with these fields; no field named
    /// means all but token vectors.
    async fn list<T: DeserializeOwned>(
        &self,
        collection: &str,
        filter: Filter,
        fields: &[&str],
    ) -> Result<Vec<T>, IndexError> {
        let payload = if fields.is_empty() {
            without(&[TERMS, "tokens"])
        } else {
            let fields = fields.iter().map(ToString::to_string).collect();
            SelectorOptions::Include(PayloadIncludeSelector { fields })
        };
        let (mut rows, mut offset) = (Vec::new(), None);
        loop {
            let mut request = ScrollPointsBuilder::new(collection)
                .filter(filter.clone())
                .limit(PAGE)
                .with_payload(payload.clone())
                .with_vectors(false);
            if let Some(offset) = offset {
                request = request.offset::<PointId>(offset);
            }
            let request = request.build();
            let reply = self
                .call("list passages", || self.client.scroll(request.clone()))
                .await?;
            for point in reply.result {
                rows.push(parse(point.payload)?);
            }
            offset = reply.next_page_offset;
            if offset.is_none() {
                return Ok(rows);
            }
        }
    }

    async fn sources_of(&self, collection: &str) -> Result<BTreeSet<String>, IndexError> {
        let firsts = all([at_position(0)]);
        let firsts: Vec<SourceField> = self.list(collection, firsts, &["source"]).await?;
        Ok(firsts.into_iter().map(|first| first.source).collect())
    }

    async fn delete(&self, filter: Filter) -> Result<(), IndexError> {
        let request = DeletePointsBuilder::new(self.collection().await?)
            .points(filter)
            .wait(true)
            .build();
        let reply = self.call("delete passages", || {
            self.client.delete_points(request.clone())
        });
        self.visible.clear();
        reply.await.map(drop)
    }

    /// Writes points; a batch that the server finds too large goes in halves.
    async fn upsert(&self, points: Vec<PointStruct>) -> Result<(), IndexError> {
        let collection = self.collection().await?;
        self.visible.clear();
        let mut waiting = vec![points];
        while let Some(points) = waiting.pop() {
            let request = UpsertPointsBuilder::new(collection.as_str(), points)
                .wait(true)
                .build();
            let sent = self
                .try_call("write passages", || {
                    self.client.upsert_points(request.clone())
                })
                .await;
            match sent {
                Ok(_) => {}
                Err(error) if error.is_too_large() && request.points.len() > 1 => {
                    let mut points = request.points;
                    let half = points.split_off(points.len() / 2);
                    waiting.extend([points, half]);
                }
                Err(error) => return Err(self.sorted(error, "write passages")),
            }
        }
        Ok(())
    }

    /// Passages that one may see, or those of them that have a term.
    async fn count_visible(&self, access: &Access, term: Option<u32>) -> Result<usize, IndexError> {
        if let Some(count) = self.visible.get(access, term) {
            return Ok(count);
        }
        let filter = all(term.map(has_term).into_iter().chain([of_access(access)]));
        let count = self.count("count passages", filter).await?;
        self.visible.put(access, term, count);
        Ok(count)
    }

    async fn count(&self, doing: &'static str, filter: Filter) -> Result<usize, IndexError> {
        let request = CountPointsBuilder::new(self.collection().await?)
            .filter(filter)
            .exact(true)
            .build();
        let reply = self
            .call(doing, || self.client.count(request.clone()))
            .await?;
        Ok(reply.result.map_or(0, |result| result.count as usize))
    }
}

/// All fields but these.
fn without(fields: &[&str]) -> SelectorOptions {
    let fields = fields.iter().map(ToString::to_string).collect();
    SelectorOptions::Exclude(PayloadExcludeSelector { fields })
}

#[async_trait]
impl KnowledgeIndex for QdrantIndex {
    fn place(&self) -> String {
        self.place.clone()
    }

    async fn known(&self, source: &str) -> Result<HashMap<DocumentId, Known>, IndexError> {
        let firsts = all([any_of("source", [source]), at_position(0)]);
        let collection = self.collection().await?;
        let rows = self.list(&collection, firsts, &KnownFields::NAMES);
        Ok(KnownFields::by_document(rows.await?))
    }

    async fn sources(&self) -> Result<BTreeSet<String>, IndexError> {
        let collection = self.collection().await?;
        self.sources_of(&collection).await
    }

    async fn write(&self, entries: Vec<IndexEntry>) -> Result<(), IndexError> {
        let versions: HashMap<(String, DocumentId), String> = entries
            .iter()
            .map(|entry| {
                let passage = &entry.passage;
                let document = (passage.source.clone(), passage.document.clone());
                (document, passage.hash.clone())
            })
            .collect();
        let points = entries.into_iter().map(point);
        for batch in batches(points.collect::<Result<_, _>>()?) {
            self.upsert(batch).await?;
        }
        for ((source, document), hash) in versions {
            let older = Filter {
                must_not: vec![any_of("hash", [hash.as_str()])],
                ..of_documents(&source, &[document])
            };
            self.delete(older).await?;
        }
        Ok(())
    }

    async fn remove(&self, source: &str, documents: &[DocumentId]) -> Result<(), IndexError> {
        if documents.is_empty() {
            return Ok(());
        }
        self.delete(of_documents(source, documents)).await
    }

    async fn set_superseded(
        &self,
        source: &str,
        document: &DocumentId,
        by: Option<&DocumentId>,
    ) -> Result<(), IndexError> {
        let doing = "note a newer document";
        let payload =
            Payload::try_from(json!({ "superseded_by": by })).map_err(IndexError::failed(doing))?;
        let request = SetPayloadPointsBuilder::new(self.collection().await?, payload)
            .points_selector(of_documents(source, std::slice::from_ref(document)))
            .wait(true)
            .build();
        let reply = self.call(doing, || self.client.set_payload(request.clone()));
        reply.await.map(drop)
    }

    /// The server answers a write only after it is in its log on disk.
    async fn flush(&self) -> Result<(), IndexError> {
        Ok(())
    }

    async fn nearest(
        &self,
        vector: &[f32],
        scope: &Scope,
        limit: usize,
    ) -> Result<Vec<Found>, IndexError> {
        let vector = VectorInput::new_dense(vector);
        let filter = of_scope(scope);
        self.search("search by meaning", vector, DENSE, filter, limit, false)
            .await
    }

    async fn matching(
        &self,
        terms: &TermVector,
        scope: &Scope,
        limit: usize,
    ) -> Result<Vec<Found>, IndexError> {
        if terms.indices.is_empty() {
            return Ok(Vec::new());
        }
        let passages = self.count_visible(&scope.access, None).await?;
        let having = terms.indices.clone().into_iter();
        let having = having.map(|term| self.count_visible(&scope.access, Some(term)));
        let having: Vec<usize> = stream::iter(having).buffered(COUNTS).try_collect().await?;
        let TermVector { indices, values } = weigh(terms, passages, &having);
        let terms = VectorInput::new_sparse(indices, values);
        let filter = of_scope(scope);
        self.search("search by words", terms, TERMS, filter, limit, false)
            .await
    }

    async fn similarities(
        &self,
        vector: &[f32],
        ids: &[PassageId],
    ) -> Result<Vec<Found>, IndexError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let these = all([Condition::has_id(ids.iter().copied())]);
        let vector = VectorInput::new_dense(vector);
        self.search("compare passages", vector, DENSE, these, ids.len(), true)
            .await
    }

    async fn passages(
        &self,
        ids: &[PassageId],
        with_tokens: bool,
    ) -> Result<Vec<(PassageId, IndexedPassage)>, IndexError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let points: Vec<PointId> = ids.iter().map(|&id| id.into()).collect();
        let payload = if with_tokens {
            without(&[TERMS])
        } else {
            without(&[TERMS, "tokens"])
        };
        let request = GetPointsBuilder::new(self.collection().await?, points)
            .with_payload(payload)
            .with_vectors(false)
            .build();
        let reply = self.call("read passages", || self.client.get_points(request.clone()));
        let points = reply.await?.result.into_iter();
        points
            .filter_map(|point| Some((points::id_of(point.id)?, point.payload)))
            .map(|(id, payload)| parse(payload).map(|passage| (id, passage)))
            .collect()
    }

    async fn document(
        &self,
        id: &DocumentId,
        access: &Access,
    ) -> Result<Vec<IndexedPassage>, IndexError> {
        let mut filter = of_scope(&Scope::of(access));
        filter.must.push(any_of("document", [id.as_str()]));
        let collection = self.collection().await?;
        let mut passages: Vec<IndexedPassage> = self.list(&collection, filter, &[]).await?;
        passages.sort_by(in_reading_order);
        Ok(passages)
    }

    async fn related(
        &self,
        keys: &[String],
        access: &Access,
        limit: usize,
    ) -> Result<Vec<IndexedPassage>, IndexError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut filter = of_scope(&Scope::of(access));
        let named = any_of("relation_keys", keys.iter().map(String::as_str));
        filter.must.push(named);
        let request = ScrollPointsBuilder::new(self.collection().await?)
            .filter(filter)
            .limit(limit.min(PAGE as usize) as u32)
            .with_payload(without(&[TERMS, "tokens"]))
            .with_vectors(false)
            .build();
        let reply = self.call("look up relations", || self.client.scroll(request.clone()));
        let passages = reply.await?.result.into_iter();
        let mut passages = passages
            .map(|point| parse(point.payload))
            .collect::<Result<Vec<IndexedPassage>, _>>()?;
        passages.sort_by(in_reading_order);
        Ok(passages)
    }

    async fn count_passages(&self) -> Result<usize, IndexError> {
        self.count("count passages", Filter::default()).await
    }

    async fn count_documents(&self, scope: &Scope) -> Result<usize, IndexError> {
        let mut filter = of_scope(scope);
        filter.must.push(at_position(0));
        self.count("count documents", filter).await
    }

    async fn replaces(&self) -> Result<Option<Replaced>, IndexError> {
        let ours = self.collection().await?;
        let Some(in_use) = self.in_use().await?.filter(|name| *name != ours) else {
            return Ok(None);
        };
        Ok(Some(Replaced {
            sources: self.sources_of(&in_use).await?,
            embedder: self
                .recipe_of(&in_use)
                .map_or(in_use, |recipe| recipe.embedder),
        }))
    }

    async fn take_over(&self) -> Result<(), IndexError> {
        // An alias that exists is moved in one step, under the server's lock.
        let request = CreateAlias {
            collection_name: self.collection().await?,
            alias_name: self.options.name.clone(),
        };
        let reply = self.call("switch to the new collection", || {
            self.client.create_alias(request.clone())
        });
        reply.await.map(drop)
    }
}
