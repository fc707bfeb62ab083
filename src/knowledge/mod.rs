//! What the company knows: read from its sources, cut into passages, indexed,
//! found again by those who may see it.
//!
//! `sources` reads documents, `chunk` cuts them into passages, `index` keeps
//! the passages, `search` finds them. The index is also the list of what was
//! ingested: each passage carries its document's id and content hash, so no
//! second list can disagree with it.

mod blocks;
mod chunk;
mod cursors;
mod document;
mod fingerprint;
mod fusion;
mod index;
pub mod markup;
mod passage;
pub mod redact;
mod relations;
mod search;
mod sources;
mod supersede;
mod terms;

pub use chunk::{Chunker, CountTokens};
pub use cursors::{Cursor, Cursors};
pub use document::{Body, Document, narrowed};
pub use fingerprint::fingerprint;
pub use index::{
    EdgeIndex, FORMAT, Found, IndexEntry, IndexError, IndexRecipe, KnowledgeIndex, Known,
    PassageId, PgIndex, PgOptions, Purpose, QdrantIndex, QdrantOptions, Replaced, Scope,
};
pub use passage::{IndexedPassage, Passage, Standing, passage_terms, searchable_text};
pub use relations::{EDITION as RELATIONS_EDITION, relation_keys, relations};
pub use search::{HybridSearch, Read};
pub use sources::{
    Comment, ConvertError, Converted, Hidden, NO_SHARED_GROUP, OcrError, ReadWith, Reading,
    Restriction, SourceFault, SourceFile, Stamp, Ticket, audience, check_ocr, convert,
    read_attached, read_source, record, source_bytes, with_comments,
};
pub use supersede::superseded_by;
pub use terms::{TermVector, query_vector as query_terms};
