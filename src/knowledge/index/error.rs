//! What can go wrong with an index, for the person who runs it: what, where,
//! what next. No message holds a password, a key or a passage.

use crate::ports::BoxError;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error(
        "the data folder {} is used by another lorekeeper (pid {pid}): stop that one, \
         or name another folder with --data-dir", folder.display())]
    InUse { folder: PathBuf, pid: String },
    #[error("{place} is being filled by another `lorekeeper ingest`: wait for it, or stop it")]
    BeingFilled { place: String },
    #[error(
        "{place} was made with the embedding model `{was}`, and `{now}` is configured: \
         run `lorekeeper ingest`, which builds a new index beside it and then switches, or configure the former model"
    )]
    OtherModel {
        place: String,
        was: String,
        now: String,
    },
    #[error(
        "{place} was made by another version of lorekeeper (format {was}, this one has {now}): \
         run `lorekeeper ingest`, which builds a new index beside it and then switches"
    )]
    OtherFormat { place: String, was: u32, now: u32 },
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
    #[error("`index.url` is not usable: {problem}; expected `{expected}`")]
    BadUrl {
        problem: String,
        expected: &'static str,
    },
    #[error("{place} can't be reached; check that it runs and that `index.url` is right")]
    Unreachable {
        place: String,
        #[source]
        source: BoxError,
    },
    #[error("{place} refused our credentials; correct {remedy}")]
    Unauthorised {
        place: String,
        remedy: &'static str,
        #[source]
        source: BoxError,
    },
    #[error("{doing}: {place} denies it; {remedy}")]
    NotAllowed {
        doing: &'static str,
        place: String,
        remedy: &'static str,
    },
    #[error("{place} is not usable: {problem}; {remedy}")]
    Unsuited {
        place: String,
        problem: String,
        remedy: String,
    },
    #[error("{place} is not there any more; run `lorekeeper ingest`, and restart what searches")]
    Missing { place: String },
    #[error(
        "{place} holds vectors of another length than the embedding model gives; remove it and run `lorekeeper ingest`"
    )]
    WrongDimension {
        place: String,
        #[source]
        source: BoxError,
    },
    #[error("{doing}: no space left for {place}; free some, the last batch was not stored")]
    DiskFull { doing: &'static str, place: String },
    #[error("index failed to {doing}")]
    Failed {
        doing: &'static str,
        #[source]
        source: BoxError,
    },
}

impl IndexError {
    /// Another error of the engine below; what is known of it stays in the chain.
    pub(super) fn failed<E: Into<BoxError>>(doing: &'static str) -> impl Fn(E) -> Self {
        move |source| IndexError::Failed {
            doing,
            source: source.into(),
        }
    }
}
