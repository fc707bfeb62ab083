//! The catalogue file: what the company's systems have, and how people speak of it.
//!
//! Promise: `found` of each entry is written by the build, everything else by
//! people; a rebuild loses not one of their words, nor a comment of theirs.
//! What is gone stays, marked, as long as it has words. The version is a
//! number and a hash of the content, so that a record names what was planned with.

mod build;
mod check;
mod differences;
mod file;
mod found;
pub mod lint;
mod looking;
mod words;

pub use build::{Built, build};
pub use check::{Change, ChangeKind, differs};
pub use file::{CatalogueError, CatalogueFile, Version, read};
pub use found::{Found, FoundLog, FoundParameter, FoundTable, FoundTool};
pub use looking::{Dump, LookError, look};
pub(super) use words::Words;
