//! Where a model's files lie, and what is said when one of them is wrong.

use super::{OpenAiError, RuntimeError};
use crate::ports::BoxError;
use std::{
    env,
    path::{Path, PathBuf},
};

#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    #[error(transparent)]
    Server(#[from] OpenAiError),
    #[error(
        "no embedding model: run deploy/setup/models.sh, or name a folder with `model.embedding_dir`"
    )]
    NoFolder,
    #[error("model folder {}: {problem}", folder.display())]
    Incomplete { folder: PathBuf, problem: String },
    #[error("model file {} can't be used", file.display())]
    Unusable {
        file: PathBuf,
        #[source]
        source: BoxError,
    },
    #[error("adapter folder {}: {problem}", folder.display())]
    Adapter { folder: PathBuf, problem: String },
    #[error(
        "one conversation of {context} tokens takes {} MiB of cache, and {} MiB are allowed: \
         allow more, or a shorter context", slot_bytes >> 20, allowed_bytes >> 20
    )]
    CacheTooSmall {
        context: usize,
        slot_bytes: u64,
        allowed_bytes: u64,
    },
}

/// Folders that `deploy/setup/models.sh` may have filled: the one named by
/// `LOREKEEPER_SETUP`, then `.setup` here, then beside and above the program.
pub(super) fn setup_folders() -> Vec<PathBuf> {
    if let Some(named) = env::var_os("LOREKEEPER_SETUP").filter(|path| !path.is_empty()) {
        return vec![PathBuf::from(named)];
    }
    let exe = env::current_exe().unwrap_or_default();
    let above = exe.ancestors().skip(1).map(|folder| folder.join(".setup"));
    std::iter::once(PathBuf::from(".setup"))
        .chain(above)
        .collect()
}

pub(super) fn unusable(file: &Path, source: impl Into<BoxError>) -> ModelError {
    ModelError::Unusable {
        file: file.to_path_buf(),
        source: source.into(),
    }
}
