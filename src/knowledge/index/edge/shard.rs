//! One shard of qdrant-edge: the passages of one generation. Synchronous.

use super::filter::{all, any_of, at_position, has_number, of_access, of_scope, path};
use crate::{
    domain::{Access, DocumentId},
    knowledge::{
        index::{
            Found, IndexEntry, IndexError, IndexRecipe, Known, KnownFields, PassageId, Record,
            Scope, SourceField, in_reading_order, passage_id,
            rarity::{VisibleCounts, weigh},
        },
        passage::IndexedPassage,
        terms::TermVector,
    },
    ports::BoxError,
};
use qdrant_edge::{
    Condition, CreateIndex, Distance, EdgeConfig, EdgeShard, EdgeSparseVectorParamsBuilder,
    EdgeVectorParamsBuilder, FieldIndexOperations, Filter, NamedQuery, NamedVectors,
    OperationResult, Payload, PayloadFieldSchema, PayloadOps, PayloadSchemaType, PayloadSelector,
    PayloadSelectorExclude, PayloadSelectorInclude, PointId, PointInsertOperations,
    PointOperations, PointStruct, QueryEnum, ScrollRequest, SearchParams, SearchRequest,
    SetPayloadOp, UpdateOperation, Vector, VectorInternal, WithPayloadInterface, WithVector,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::{
    collections::{BTreeSet, HashMap},
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Mutex, PoisonError},
};

const DENSE: &str = "dense";
/// The sparse vector, and the field that has its terms, so that they can be counted.
const TERMS: &str = "terms";
/// Passages fetched at a time when many are listed.
const PAGE: usize = 1000;

pub struct Shard {
    shard: EdgeShard,
    /// Held by whoever writes: flushing during a write makes the engine panic.
    writer: Mutex<()>,
    visible: VisibleCounts,
}

impl Shard {
    /// Opens the shard in a folder, or makes an empty one.
    pub fn open(folder: &Path, recipe: &IndexRecipe) -> Result<Self, IndexError> {
        let shard = open_shard(folder, recipe).map_err(|source| IndexError::Open {
            folder: folder.to_path_buf(),
            source,
        })?;
        Ok(Self {
            shard,
            writer: Mutex::new(()),
            visible: VisibleCounts::default(),
        })
    }

    pub fn known(&self, source: &str) -> Result<HashMap<DocumentId, Known>, IndexError> {
        let firsts = all(vec![any_of("source", [source]), at_position(0)]);
        Ok(KnownFields::by_document(
            self.list(firsts, &KnownFields::NAMES)?,
        ))
    }

    pub fn sources(&self) -> Result<BTreeSet<String>, IndexError> {
        let firsts: Vec<SourceField> = self.list(all(vec![at_position(0)]), &["source"])?;
        Ok(firsts.into_iter().map(|first| first.source).collect())
    }

    pub fn write(&self, entries: Vec<IndexEntry>) -> Result<(), IndexError> {
        if entries.is_empty() {
            return Ok(());
        }
        let versions: HashMap<(String, DocumentId), String> = entries
            .iter()
            .map(|entry| {
                (
                    (entry.passage.source.clone(), entry.passage.document.clone()),
                    entry.passage.hash.clone(),
                )
            })
            .collect();
        let points = entries
            .into_iter()
            .map(point)
            .collect::<Result<Vec<_>, _>>()?;
        let _writing = self.writing();
        let points =
            PointInsertOperations::PointsList(points.into_iter().map(Into::into).collect());
        self.update(
            "write passages",
            UpdateOperation::PointOperation(PointOperations::UpsertPoints(points)),
        )?;
        for ((source, document), hash) in versions {
            let older = Filter {
                must_not: Some(vec![any_of("hash", [hash.as_str()])]),
                ..of_documents(&source, &[document])
            };
            self.delete(older)?;
        }
        Ok(())
    }

    pub fn remove(&self, source: &str, documents: &[DocumentId]) -> Result<(), IndexError> {
        if documents.is_empty() {
            return Ok(());
        }
        let _writing = self.writing();
        self.delete(of_documents(source, documents))
    }

    pub fn set_superseded(
        &self,
        source: &str,
        document: &DocumentId,
        by: Option<&DocumentId>,
    ) -> Result<(), IndexError> {
        let Value::Object(fields) = json!({ "superseded_by": by }) else {
            return Ok(());
        };
        let change = SetPayloadOp {
            payload: Payload(fields),
            points: None,
            filter: Some(of_documents(source, std::slice::from_ref(document))),
            key: None,
        };
        let _writing = self.writing();
        self.update(
            "note a newer document",
            UpdateOperation::PayloadOperation(PayloadOps::SetPayload(change)),
        )
    }

    pub fn flush(&self) -> Result<(), IndexError> {
        let _writing = self.writing();
        // The engine panics where the disk is full or gone.
        catch_unwind(AssertUnwindSafe(|| self.shard.flush())).map_err(|_| IndexError::Failed {
            doing: "flush",
            source: "the disk may be full or read-only".into(),
        })
    }

    pub fn nearest(
        &self,
        vector: Vec<f32>,
        scope: &Scope,
        limit: usize,
    ) -> Result<Vec<Found>, IndexError> {
        self.search(
            QueryEnum::Nearest(NamedQuery::new(VectorInternal::Dense(vector), DENSE)),
            of_scope(scope),
            limit,
        )
    }

    pub fn matching(
        &self,
        terms: TermVector,
        scope: &Scope,
        limit: usize,
    ) -> Result<Vec<Found>, IndexError> {
        if terms.indices.is_empty() {
            return Ok(Vec::new());
        }
        let passages = self.count_visible(&scope.access, None)?;
        let having = terms.indices.iter();
        let having = having
            .map(|&term| self.count_visible(&scope.access, Some(term)))
            .collect::<Result<Vec<usize>, _>>()?;
        let vector = sparse(weigh(&terms, passages, &having))?.0;
        self.search(
            QueryEnum::Nearest(NamedQuery::new(vector, TERMS)),
            of_scope(scope),
            limit,
        )
    }

    pub fn similarities(
        &self,
        vector: Vec<f32>,
        ids: &[PassageId],
    ) -> Result<Vec<Found>, IndexError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let these = Condition::HasId(ids.iter().map(|&id| PointId::Uuid(id)).collect());
        let query = QueryEnum::Nearest(NamedQuery::new(VectorInternal::Dense(vector), DENSE));
        self.search(query, all(vec![these]), ids.len())
    }

    pub fn passages(
        &self,
        ids: &[PassageId],
        with_tokens: bool,
    ) -> Result<Vec<(PassageId, IndexedPassage)>, IndexError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let unread: &[&str] = if with_tokens {
            &[TERMS]
        } else {
            &[TERMS, "tokens"]
        };
        let payload = WithPayloadInterface::Selector(without(unread));
        let points: Vec<PointId> = ids.iter().map(|&id| PointId::Uuid(id)).collect();
        let records = self
            .shard
            .retrieve(&points, Some(payload), Some(WithVector::Bool(false)))
            .map_err(IndexError::failed("read passages"))?;
        records
            .into_iter()
            .filter_map(|record| match record.id {
                PointId::Uuid(id) => Some(parse(record.payload).map(|passage| (id, passage))),
                PointId::NumId(_) => None,
            })
            .collect()
    }

    pub fn document(
        &self,
        id: &DocumentId,
        access: &Access,
    ) -> Result<Vec<IndexedPassage>, IndexError> {
        let mut filter = of_scope(&Scope::of(access));
        filter
            .must
            .get_or_insert_default()
            .push(any_of("document", [id.as_str()]));
        let mut passages: Vec<IndexedPassage> = self.list(filter, &[])?;
        passages.sort_by(in_reading_order);
        Ok(passages)
    }

    pub fn related(
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
        filter.must.get_or_insert_default().push(named);
        let without_tokens = WithPayloadInterface::Selector(without(&[TERMS, "tokens"]));
        let request = ScrollRequest {
            limit: Some(limit),
            filter: Some(filter),
            with_payload: Some(without_tokens),
            ..ScrollRequest::default()
        };
        let (records, _) = self
            .shard
            .scroll(request)
            .map_err(IndexError::failed("look up relations"))?;
        let passages = records.into_iter().map(|record| parse(record.payload));
        let mut passages = passages.collect::<Result<Vec<IndexedPassage>, _>>()?;
        passages.sort_by(in_reading_order);
        Ok(passages)
    }

    pub fn count_passages(&self) -> Result<usize, IndexError> {
        self.count(Filter::new())
    }

    pub fn count_documents(&self, scope: &Scope) -> Result<usize, IndexError> {
        let mut filter = of_scope(scope);
        filter.must.get_or_insert_default().push(at_position(0));
        self.count(filter)
    }

    /// Passages that one may see, or those of them that have a term.
    fn count_visible(&self, access: &Access, term: Option<u32>) -> Result<usize, IndexError> {
        if let Some(count) = self.visible.get(access, term) {
            return Ok(count);
        }
        let mut must = vec![of_access(access)];
        must.extend(term.map(|term| has_number(TERMS, term.into())));
        let count = self.count(all(must))?;
        self.visible.put(access, term, count);
        Ok(count)
    }

    fn count(&self, filter: Filter) -> Result<usize, IndexError> {
        let request = qdrant_edge::CountRequest {
            filter: Some(filter),
            exact: true,
        };
        self.shard
            .count(request)
            .map_err(IndexError::failed("count passages"))
    }

    fn search(
        &self,
        query: QueryEnum,
        filter: Filter,
        limit: usize,
    ) -> Result<Vec<Found>, IndexError> {
        let request = SearchRequest {
            query,
            filter: Some(filter),
            params: Some(SearchParams {
                exact: true,
                ..SearchParams::default()
            }),
            limit,
            offset: 0,
            with_payload: None,
            with_vector: None,
            score_threshold: None,
        };
        let points = self
            .shard
            .search(request)
            .map_err(IndexError::failed("search"))?;
        Ok(points
            .into_iter()
            .filter_map(|point| match point.id {
                PointId::Uuid(id) => Some(Found {
                    id,
                    score: point.score,
                }),
                PointId::NumId(_) => None,
            })
            .collect())
    }

    /// Every passage that fits the filter, with these fields; no field named means all.
    fn list<T: DeserializeOwned>(
        &self,
        filter: Filter,
        fields: &[&str],
    ) -> Result<Vec<T>, IndexError> {
        let payload = if fields.is_empty() {
            WithPayloadInterface::Selector(without(&[TERMS]))
        } else {
            let include = fields.iter().map(|field| path(field)).collect();
            WithPayloadInterface::Selector(PayloadSelector::Include(PayloadSelectorInclude {
                include,
            }))
        };
        let (mut rows, mut offset) = (Vec::new(), None);
        loop {
            let request = ScrollRequest {
                offset,
                limit: Some(PAGE),
                filter: Some(filter.clone()),
                with_payload: Some(payload.clone()),
                ..ScrollRequest::default()
            };
            let (records, next) = self
                .shard
                .scroll(request)
                .map_err(IndexError::failed("list passages"))?;
            for record in records {
                rows.push(parse(record.payload)?);
            }
            match next {
                Some(next) => offset = Some(next),
                None => return Ok(rows),
            }
        }
    }

    fn delete(&self, filter: Filter) -> Result<(), IndexError> {
        self.update(
            "delete passages",
            UpdateOperation::PointOperation(PointOperations::DeletePointsByFilter(filter)),
        )
    }

    fn update(&self, doing: &'static str, operation: UpdateOperation) -> Result<(), IndexError> {
        let done = self.shard.update(operation);
        self.visible.clear();
        done.map_err(IndexError::failed(doing))
    }

    fn writing(&self) -> std::sync::MutexGuard<'_, ()> {
        // The lock guards no data of ours, so a panic under it leaves nothing half done.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open_shard(folder: &Path, recipe: &IndexRecipe) -> Result<EdgeShard, BoxError> {
    fs::create_dir_all(folder)?;
    if folder.join("segments").is_dir() {
        return Ok(EdgeShard::load(folder, Some(shape(recipe)))?);
    }
    let shard = EdgeShard::new(folder, shape(recipe))?;
    for field in [
        "document",
        "source",
        "kind",
        "audience",
        "hash",
        "relation_keys",
    ] {
        create_field_index(&shard, field, PayloadSchemaType::Keyword)?;
    }
    for field in ["position", TERMS] {
        create_field_index(&shard, field, PayloadSchemaType::Integer)?;
    }
    shard.flush();
    Ok(shard)
}

fn shape(recipe: &IndexRecipe) -> EdgeConfig {
    EdgeConfig::builder()
        .vector(
            DENSE,
            EdgeVectorParamsBuilder::new(recipe.dimension, Distance::Cosine).build(),
        )
        .sparse_vector(
            TERMS,
            // No modifier: the engine's would count passages that the asker may not see.
            EdgeSparseVectorParamsBuilder::new().build(),
        )
        .on_disk_payload(true)
        .build()
}

fn create_field_index(
    shard: &EdgeShard,
    field: &str,
    kind: PayloadSchemaType,
) -> OperationResult<()> {
    let index = CreateIndex {
        field_name: path(field),
        field_schema: Some(PayloadFieldSchema::FieldType(kind)),
    };
    shard.update(UpdateOperation::FieldIndexOperation(
        FieldIndexOperations::CreateIndex(index),
    ))
}

fn point(entry: IndexEntry) -> Result<PointStruct, IndexError> {
    let IndexEntry {
        passage,
        dense,
        terms,
    } = entry;
    let id = passage_id(&passage);
    let payload = serde_json::to_value(Record::of(&passage, &terms))
        .map_err(IndexError::failed("write passages"))?;
    let mut vectors = NamedVectors::default().add_vector(DENSE, Vector::new_dense(dense));
    if !terms.indices.is_empty() {
        vectors = vectors.add_vector(TERMS, sparse(terms)?);
    }
    Ok(PointStruct::new(PointId::Uuid(id), vectors, payload))
}

/// All fields but these.
fn without(fields: &[&str]) -> PayloadSelector {
    let exclude = fields.iter().map(|field| path(field)).collect();
    PayloadSelector::Exclude(PayloadSelectorExclude { exclude })
}

fn sparse(terms: TermVector) -> Result<Vector, IndexError> {
    Vector::new_sparse(terms.indices, terms.values).map_err(IndexError::failed("use a term vector"))
}

fn of_documents(source: &str, documents: &[DocumentId]) -> Filter {
    all(vec![
        any_of("source", [source]),
        any_of("document", documents.iter().map(DocumentId::as_str)),
    ])
}

fn parse<T: DeserializeOwned>(payload: Option<Payload>) -> Result<T, IndexError> {
    let fields = payload.map(|payload| payload.0).unwrap_or_default();
    serde_json::from_value(Value::Object(fields)).map_err(|error| IndexError::Failed {
        doing: "read a passage",
        source: error.into(),
    })
}
