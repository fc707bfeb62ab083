//! From files on disk to hits, through the real index and the real model.

mod access;
mod converted;
mod indexes;
mod ingestion;
mod ocr;
mod on_pgvector;
mod on_qdrant;
mod polling;
mod redaction;
mod relations;
mod retrieval;
mod servers;
pub mod world;
