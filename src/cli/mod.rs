//! The commands of the program, one file each: arguments in, lines out.

pub mod embed;
pub mod ingest;
mod knowledge;
pub mod search;
