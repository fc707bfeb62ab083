//! The index of passages: dense vectors, term vectors, and what is shown.
//!
//! Promise: what was written before [`KnowledgeIndex::flush`] returned
//! survives a kill; one process at a time; a passage outside the asker's
//! access is left out by the query itself, not taken out of its result.

mod edge;
mod filter;
mod lock;

pub use edge::KnowledgeIndex;
pub use filter::Scope;

use crate::domain::DocumentId;
use crate::ports::BoxError;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

use super::{passage::IndexedPassage, terms::TermVector};

/// What the vectors of an index were made with. Vectors of two models can't be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexRecipe {
    pub embedder: String,
    pub dimension: usize,
    /// What a passage's record holds; an index without this field is of format 1.
    #[serde(default = "first_format")]
    pub format: u32,
}

/// 2: passages have token vectors.
pub const FORMAT: u32 = 2;

fn first_format() -> u32 {
    1
}

/// A document in the index, as ingestion compares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub hash: String,
    pub origin: String,
    pub supersedes: Vec<String>,
    pub superseded_by: Option<DocumentId>,
}

/// A passage with its vectors.
#[derive(Clone, Debug)]
pub struct IndexEntry {
    pub passage: IndexedPassage,
    pub dense: Vec<f32>,
    pub terms: TermVector,
}

/// A passage that one of the two searches found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    pub id: PassageId,
    pub score: f32,
}

/// The index's own name of a passage.
pub type PassageId = uuid::Uuid;

#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error(
        "the data folder {} is used by another lorekeeper (pid {pid}): stop that one, \
         or name another folder with --data-dir", folder.display())]
    InUse { folder: PathBuf, pid: String },
    #[error(
        "the index in {} was made with the embedding model `{was}`, and `{now}` is configured: \
         remove that folder and ingest again, or configure the former model", folder.display())]
    OtherModel {
        folder: PathBuf,
        was: String,
        now: String,
    },
    #[error(
        "the index in {} was made by another version of lorekeeper (format {was}, this one has {now}): \
         remove that folder and ingest again", folder.display())]
    OtherFormat { folder: PathBuf, was: u32, now: u32 },
    #[error("data folder {} can't be used", folder.display())]
    Folder {
        folder: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the index in {} can't be opened; if it is damaged, remove that folder and ingest again", folder.display())]
    Open {
        folder: PathBuf,
        #[source]
        source: BoxError,
    },
    #[error("index failed to {doing}")]
    Failed {
        doing: &'static str,
        #[source]
        source: BoxError,
    },
}
