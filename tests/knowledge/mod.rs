//! From files on disk to hits, through the real index and the real model.

mod ingestion;
mod retrieval;
pub mod world;
