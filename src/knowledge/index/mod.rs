//! The index of passages: dense vectors, term vectors, and what is shown.
//! Three keep it, behind one trait: qdrant-edge in this process, a Qdrant
//! server, PostgreSQL with pgvector.
//!
//! Promise: what was written before [`KnowledgeIndex::flush`] returned
//! survives a kill; a passage outside the asker's access is left out by the
//! query itself, not taken out of its result. Vectors of two models never lie
//! in one index: with another model a new one, a generation, is built beside
//! the one in use and [takes over](KnowledgeIndex::take_over) at once.

mod edge;
mod error;
mod pgvector;
mod qdrant;
mod rarity;
mod scope;

pub use edge::EdgeIndex;
pub use error::IndexError;
pub use pgvector::{PgIndex, PgOptions};
pub use qdrant::{QdrantIndex, QdrantOptions};
pub use scope::Scope;

use super::{
    passage::{IndexedPassage, Standing},
    terms::TermVector,
};
use crate::domain::{Access, DocumentId};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    cmp::Ordering,
    collections::{BTreeSet, HashMap},
};

/// Keeps passages, and finds those that a [`Scope`] holds.
///
/// Every call that a server did not answer is [`IndexError::Unreachable`], and
/// the same call works again once the server is back.
#[async_trait]
pub trait KnowledgeIndex: Send + Sync {
    /// Where it lies, for the person who runs it: no secrets.
    fn place(&self) -> String;

    /// The documents of a source, by id. A document of which two versions lie
    /// here, because a write was cut short, has no hash.
    async fn known(&self, source: &str) -> Result<HashMap<DocumentId, Known>, IndexError>;

    /// The names of all sources.
    async fn sources(&self) -> Result<BTreeSet<String>, IndexError>;

    /// Writes documents, all passages of each, and then takes away what they had before.
    async fn write(&self, entries: Vec<IndexEntry>) -> Result<(), IndexError>;

    /// Takes documents out of the index.
    async fn remove(&self, source: &str, documents: &[DocumentId]) -> Result<(), IndexError>;

    /// Notes which newer document replaces this one, or that none does any more.
    async fn set_superseded(
        &self,
        source: &str,
        document: &DocumentId,
        by: Option<&DocumentId>,
    ) -> Result<(), IndexError>;

    /// Returns once everything written so far is on disk.
    async fn flush(&self) -> Result<(), IndexError>;

    /// Passages nearest to the vector by cosine, best first.
    async fn nearest(
        &self,
        vector: &[f32],
        scope: &Scope,
        limit: usize,
    ) -> Result<Vec<Found>, IndexError>;

    /// Passages that share terms with the question, by BM25, best first. How rare
    /// a term is counts over what the scope's access may see, whatever else the
    /// scope leaves out.
    async fn matching(
        &self,
        terms: &TermVector,
        scope: &Scope,
        limit: usize,
    ) -> Result<Vec<Found>, IndexError>;

    /// The cosine between a vector and each of these passages.
    async fn similarities(
        &self,
        vector: &[f32],
        ids: &[PassageId],
    ) -> Result<Vec<Found>, IndexError>;

    /// The passages with these ids. Token vectors are most of a passage's
    /// record, so they are read only where they are wanted.
    async fn passages(
        &self,
        ids: &[PassageId],
        with_tokens: bool,
    ) -> Result<Vec<(PassageId, IndexedPassage)>, IndexError>;

    /// Every passage of a document that this access may see, in reading order;
    /// token vectors may be left out.
    async fn document(
        &self,
        id: &DocumentId,
        access: &Access,
    ) -> Result<Vec<IndexedPassage>, IndexError>;

    /// Passages that tell a relation with one of these keys, as far as this access
    /// may see them: `limit` at most, in the order of source, document and
    /// position. Token vectors are left out.
    async fn related(
        &self,
        keys: &[String],
        access: &Access,
        limit: usize,
    ) -> Result<Vec<IndexedPassage>, IndexError>;

    /// How many passages there are.
    async fn count_passages(&self) -> Result<usize, IndexError>;

    /// How many documents the scope holds. Each has a first passage.
    async fn count_documents(&self, scope: &Scope) -> Result<usize, IndexError>;

    /// The generation that is searched while this one is being filled; none
    /// where this is the one.
    async fn replaces(&self) -> Result<Option<Replaced>, IndexError>;

    /// From now on this generation is the one that is searched, whatever
    /// happens to this process. Harmless to repeat.
    async fn take_over(&self) -> Result<(), IndexError>;
}

/// What an index is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// An index of another model is refused.
    Search,
    /// As [`Purpose::Search`], and to write into it, for one process at a time.
    Update,
    /// An index of another model stays in use while a new one is filled beside
    /// it. What earlier generations left behind is removed.
    Ingest,
}

impl Purpose {
    /// For this alone a server that can't be reached is no error yet.
    fn only_searches(self) -> bool {
        self == Purpose::Search
    }

    fn may_replace(self) -> bool {
        self == Purpose::Ingest
    }
}

/// What the vectors of an index were made with. Vectors of two models can't be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexRecipe {
    pub embedder: String,
    pub dimension: usize,
    /// What a passage's record holds; an index without this field is of format 1.
    #[serde(default = "first_format")]
    pub format: u32,
}

/// 2: passages have token vectors. 3: passages tell relations and how their document
/// stands. 4: a term's passages can be counted by who may see them.
pub const FORMAT: u32 = 4;

fn first_format() -> u32 {
    1
}

impl IndexRecipe {
    /// Why an index of this recipe can't be searched with another one.
    fn refusal(&self, place: String, now: &IndexRecipe) -> IndexError {
        if self.format == now.format {
            IndexError::OtherModel {
                place,
                was: self.embedder.clone(),
                now: now.embedder.clone(),
            }
        } else {
            IndexError::OtherFormat {
                place,
                was: self.format,
                now: now.format,
            }
        }
    }
}

/// A generation that another one is about to replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    pub embedder: String,
    pub sources: BTreeSet<String>,
}

/// A document in the index, as ingestion compares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub hash: String,
    pub origin: String,
    pub supersedes: Vec<String>,
    pub standing: Standing,
    pub superseded_by: Option<DocumentId>,
}

/// The fields of a first passage that make its document's [`Known`].
#[derive(Deserialize)]
struct KnownFields {
    document: DocumentId,
    hash: String,
    origin: String,
    supersedes: Vec<String>,
    #[serde(default)]
    standing: Standing,
    superseded_by: Option<DocumentId>,
}

impl KnownFields {
    const NAMES: [&str; 6] = [
        "document",
        "hash",
        "origin",
        "supersedes",
        "standing",
        "superseded_by",
    ];

    fn by_document(rows: Vec<Self>) -> HashMap<DocumentId, Known> {
        let mut known: HashMap<DocumentId, Known> = HashMap::new();
        for row in rows {
            let entry = Known {
                hash: row.hash,
                origin: row.origin,
                supersedes: row.supersedes,
                standing: row.standing,
                superseded_by: row.superseded_by,
            };
            // Two versions of a document lie here only after a kill between
            // writing one and deleting the other; no hash matches then.
            known
                .entry(row.document)
                .and_modify(|existing| existing.hash.clear())
                .or_insert(entry);
        }
        known
    }
}

/// The one field of a first passage that is asked for when sources are listed.
#[derive(Deserialize)]
struct SourceField {
    source: String,
}

/// A passage with its vectors.
#[derive(Clone, Debug)]
pub struct IndexEntry {
    pub passage: IndexedPassage,
    pub dense: Vec<f32>,
    pub terms: TermVector,
}

/// What Qdrant keeps of a passage beside its vectors: its terms too, because
/// those of a sparse vector can't be counted by a filter.
#[derive(Serialize)]
struct Record<'a> {
    #[serde(flatten)]
    passage: &'a IndexedPassage,
    terms: &'a [u32],
}

impl<'a> Record<'a> {
    fn of(passage: &'a IndexedPassage, terms: &'a TermVector) -> Self {
        Self {
            passage,
            terms: &terms.indices,
        }
    }
}

/// A passage that one of the two searches found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    pub id: PassageId,
    pub score: f32,
}

/// The index's own name of a passage.
pub type PassageId = uuid::Uuid;

/// One document after the other, each as it is read.
fn in_reading_order(a: &IndexedPassage, b: &IndexedPassage) -> Ordering {
    (&a.source, &a.document, a.position).cmp(&(&b.source, &b.document, b.position))
}

/// The same passage of the same version has the same id, so writing it twice is harmless.
fn passage_id(passage: &IndexedPassage) -> PassageId {
    let name = serde_json::json!([
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
