//! From files on disk to hits, through the real index and the real model.

mod access;
mod converted;
mod ingestion;
mod redaction;
mod retrieval;
pub mod world;
