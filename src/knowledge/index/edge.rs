//! The index on qdrant-edge, in this process.

use super::{
    Found, IndexEntry, IndexError, IndexRecipe, Known, PassageId,
    filter::{Scope, all, any_of, at_position, path},
    lock::FolderLock,
};
use crate::{
    domain::{Access, DocumentId},
    knowledge::{passage::IndexedPassage, terms::TermVector},
    ports::BoxError,
};
use qdrant_edge::{
    Condition, CreateIndex, Distance, EdgeConfig, EdgeShard, EdgeSparseVectorParamsBuilder,
    EdgeVectorParamsBuilder, FieldIndexOperations, Filter, Modifier, NamedQuery, NamedVectors,
    OperationResult, Payload, PayloadFieldSchema, PayloadOps, PayloadSchemaType, PayloadSelector,
    PayloadSelectorExclude, PayloadSelectorInclude, PointId, PointInsertOperations,
    PointOperations, PointStruct, QueryEnum, ScrollRequest, SearchParams, SearchRequest,
    SetPayloadOp, UpdateOperation, Vector, VectorInternal, WithPayloadInterface, WithVector,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Mutex, PoisonError},
};

const DENSE: &str = "dense";
const TERMS: &str = "terms";
/// Passages fetched at a time when many are listed.
const PAGE: usize = 1000;

pub struct KnowledgeIndex {
    shard: EdgeShard,
    /// Held by whoever writes: flushing during a write makes the engine panic.
    writer: Mutex<()>,
    // Last, so that it is given back only after the shard was closed.
    _lock: FolderLock,
}

impl KnowledgeIndex {
    /// Opens the index in a folder, or makes an empty one.
    pub fn open(folder: &Path, recipe: &IndexRecipe) -> Result<Self, IndexError> {
        let failed = |source| IndexError::Folder {
            folder: folder.to_path_buf(),
            source,
        };
        fs::create_dir_all(folder).map_err(failed)?;
        let lock = FolderLock::take(folder)?;
        check_recipe(folder, recipe)?;
        let shard =
            open_shard(&folder.join("shard"), recipe).map_err(|source| IndexError::Open {
                folder: folder.to_path_buf(),
                source,
            })?;
        Ok(Self {
            shard,
            writer: Mutex::new(()),
            _lock: lock,
        })
    }

    /// The documents of a source, by id.
    pub fn known(&self, source: &str) -> Result<HashMap<DocumentId, Known>, IndexError> {
        #[derive(Deserialize)]
        struct Row {
            document: DocumentId,
            hash: String,
            origin: String,
            supersedes: Vec<String>,
            superseded_by: Option<DocumentId>,
        }
        let fields = ["document", "hash", "origin", "supersedes", "superseded_by"];
        let firsts = all(vec![any_of("source", [source]), at_position(0)]);
        let mut known: HashMap<DocumentId, Known> = HashMap::new();
        for row in self.list::<Row>(firsts, &fields)? {
            let Row {
                document,
                hash,
                origin,
                supersedes,
                superseded_by,
            } = row;
            let entry = Known {
                hash,
                origin,
                supersedes,
                superseded_by,
            };
            // Two versions of a document lie here only after a kill between
            // writing one and deleting the other; no hash matches then.
            known
                .entry(document)
                .and_modify(|existing| existing.hash.clear())
                .or_insert(entry);
        }
        Ok(known)
    }

    /// Writes documents, all passages of each, and then takes away what they had before.
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

    /// Takes documents out of the index.
    pub fn remove(&self, source: &str, documents: &[DocumentId]) -> Result<(), IndexError> {
        if documents.is_empty() {
            return Ok(());
        }
        let _writing = self.writing();
        self.delete(of_documents(source, documents))
    }

    /// Notes which newer document replaces this one, or that none does any more.
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

    /// Returns once everything written so far is on disk.
    pub fn flush(&self) -> Result<(), IndexError> {
        let _writing = self.writing();
        // The engine panics where the disk is full or gone.
        catch_unwind(AssertUnwindSafe(|| self.shard.flush())).map_err(|_| IndexError::Failed {
            doing: "flush",
            source: "the disk may be full or read-only".into(),
        })
    }

    /// Passages nearest to the vector by cosine, best first.
    pub fn nearest(
        &self,
        vector: Vec<f32>,
        scope: &Scope,
        limit: usize,
    ) -> Result<Vec<Found>, IndexError> {
        self.search(
            QueryEnum::Nearest(NamedQuery::new(VectorInternal::Dense(vector), DENSE)),
            scope.filter(),
            limit,
        )
    }

    /// Passages that share terms with the question, by BM25, best first.
    pub fn matching(
        &self,
        terms: TermVector,
        scope: &Scope,
        limit: usize,
    ) -> Result<Vec<Found>, IndexError> {
        if terms.indices.is_empty() {
            return Ok(Vec::new());
        }
        let vector = sparse(terms)?.0;
        self.search(
            QueryEnum::Nearest(NamedQuery::new(vector, TERMS)),
            scope.filter(),
            limit,
        )
    }

    /// The cosine between a vector and each of these passages.
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

    /// The passages with these ids, in the same order. Token vectors are most
    /// of a passage's record, so they are read only where they are wanted.
    pub fn passages(
        &self,
        ids: &[PassageId],
        with_tokens: bool,
    ) -> Result<Vec<(PassageId, IndexedPassage)>, IndexError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let payload = if with_tokens {
            WithPayloadInterface::Bool(true)
        } else {
            let exclude = vec![path("tokens")];
            WithPayloadInterface::Selector(PayloadSelector::Exclude(PayloadSelectorExclude {
                exclude,
            }))
        };
        let points: Vec<PointId> = ids.iter().map(|&id| PointId::Uuid(id)).collect();
        let records = self
            .shard
            .retrieve(&points, Some(payload), Some(WithVector::Bool(false)))
            .map_err(failed("read passages"))?;
        records
            .into_iter()
            .filter_map(|record| match record.id {
                PointId::Uuid(id) => Some(parse(record.payload).map(|passage| (id, passage))),
                PointId::NumId(_) => None,
            })
            .collect()
    }

    /// Every passage of a document that this access may see.
    pub fn document(
        &self,
        id: &DocumentId,
        access: &Access,
    ) -> Result<Vec<IndexedPassage>, IndexError> {
        let mut filter = Scope::of(access).filter();
        filter
            .must
            .get_or_insert_default()
            .push(any_of("document", [id.as_str()]));
        let mut passages: Vec<IndexedPassage> = self.list(filter, &[])?;
        passages.sort_by(|a, b| (&a.source, a.position).cmp(&(&b.source, b.position)));
        Ok(passages)
    }

    /// How many passages there are.
    pub fn len(&self) -> Result<usize, IndexError> {
        let everything = qdrant_edge::CountRequest {
            filter: None,
            exact: true,
        };
        self.shard
            .count(everything)
            .map_err(failed("count passages"))
    }

    /// How many documents the scope holds. Each has a first passage.
    pub fn count_documents(&self, scope: &Scope) -> Result<usize, IndexError> {
        let mut filter = scope.filter();
        filter.must.get_or_insert_default().push(at_position(0));
        let documents = qdrant_edge::CountRequest {
            filter: Some(filter),
            exact: true,
        };
        self.shard
            .count(documents)
            .map_err(failed("count documents"))
    }

    pub fn is_empty(&self) -> Result<bool, IndexError> {
        Ok(self.len()? == 0)
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
        let points = self.shard.search(request).map_err(failed("search"))?;
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
            WithPayloadInterface::Bool(true)
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
                .map_err(failed("list passages"))?;
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
        self.shard.update(operation).map_err(failed(doing))
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
    for field in ["document", "source", "kind", "audience", "hash"] {
        create_field_index(&shard, field, PayloadSchemaType::Keyword)?;
    }
    create_field_index(&shard, "position", PayloadSchemaType::Integer)?;
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
            EdgeSparseVectorParamsBuilder::new()
                .modifier(Modifier::Idf)
                .build(),
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

/// The recipe lies beside the index; another one is refused before anything is read.
fn check_recipe(folder: &Path, recipe: &IndexRecipe) -> Result<(), IndexError> {
    let file = folder.join("recipe.json");
    let failed = |source| IndexError::Folder {
        folder: folder.to_path_buf(),
        source,
    };
    match fs::read(&file) {
        Ok(text) => match serde_json::from_slice::<IndexRecipe>(&text) {
            Ok(was) if was == *recipe => Ok(()),
            Ok(was) if was.format != recipe.format => Err(IndexError::OtherFormat {
                folder: folder.to_path_buf(),
                was: was.format,
                now: recipe.format,
            }),
            Ok(was) => Err(IndexError::OtherModel {
                folder: folder.to_path_buf(),
                was: was.embedder,
                now: recipe.embedder.clone(),
            }),
            Err(source) => Err(IndexError::Open {
                folder: folder.to_path_buf(),
                source: source.into(),
            }),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let text = serde_json::to_vec(recipe).map_err(|error| failed(error.into()))?;
            fs::write(&file, text).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}

fn point(entry: IndexEntry) -> Result<PointStruct, IndexError> {
    let IndexEntry {
        passage,
        dense,
        terms,
    } = entry;
    let id = passage_id(&passage);
    let payload = serde_json::to_value(&passage).map_err(|error| IndexError::Failed {
        doing: "write passages",
        source: error.into(),
    })?;
    let mut vectors = NamedVectors::default().add_vector(DENSE, Vector::new_dense(dense));
    if !terms.indices.is_empty() {
        vectors = vectors.add_vector(TERMS, sparse(terms)?);
    }
    Ok(PointStruct::new(PointId::Uuid(id), vectors, payload))
}

/// The same passage of the same version has the same id, so writing it twice is harmless.
fn passage_id(passage: &IndexedPassage) -> PassageId {
    let name = json!([
        passage.source,
        passage.document,
        passage.hash,
        passage.position
    ])
    .to_string();
    let digest = Sha256::digest(name);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

fn sparse(terms: TermVector) -> Result<Vector, IndexError> {
    Vector::new_sparse(terms.indices, terms.values).map_err(failed("use a term vector"))
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

fn failed<E: Into<BoxError>>(doing: &'static str) -> impl Fn(E) -> IndexError {
    move |source| IndexError::Failed {
        doing,
        source: source.into(),
    }
}
