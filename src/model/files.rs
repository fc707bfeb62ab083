//! Where a model's files lie, and what is said when one of them is wrong.

use super::RuntimeError;
use crate::{config::ModelSection, ports::BoxError};
use serde::Deserialize;
use std::{
    env, fs,
    path::{Path, PathBuf},
};

#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
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

/// How a graph computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    Float,
    /// Products in 8 bits, their scales found while it runs.
    Int8,
}

/// The files of one embedding model.
#[derive(Debug)]
pub struct EmbeddingFiles {
    pub graph: PathBuf,
    pub precision: Precision,
    pub tokenizer: PathBuf,
    pub name: String,
    pub dimension: usize,
    /// Longer texts are cut to this many tokens.
    pub max_tokens: usize,
}

#[derive(Deserialize)]
struct ModelConfig {
    hidden_size: usize,
    model_name: Option<String>,
    max_seq_length: Option<usize>,
    max_position_embeddings: Option<usize>,
}

impl EmbeddingFiles {
    /// The configured folder, or the one that the set-up made.
    pub fn find(section: &ModelSection) -> Result<Self, ModelError> {
        let folder = match &section.embedding_dir {
            Some(folder) => folder.clone(),
            None => setup_folders()
                .into_iter()
                .map(|folder| folder.join("minilm"))
                .find(|folder| folder.is_dir())
                .ok_or(ModelError::NoFolder)?,
        };
        Self::in_folder(&folder)
    }

    pub fn in_folder(folder: &Path) -> Result<Self, ModelError> {
        let incomplete = |problem: String| ModelError::Incomplete {
            folder: folder.to_path_buf(),
            problem,
        };
        if !folder.is_dir() {
            return Err(incomplete("there is no such folder".into()));
        }
        let graph = ["model_int8.onnx", "model.onnx"]
            .map(|name| folder.join(name))
            .into_iter()
            .find(|path| path.is_file())
            .ok_or_else(|| incomplete("model.onnx (or model_int8.onnx) is missing".into()))?;
        let tokenizer = folder.join("tokenizer.json");
        if !tokenizer.is_file() {
            return Err(incomplete("tokenizer.json is missing".into()));
        }
        let config = fs::read_to_string(folder.join("config.json"))
            .map_err(|error| incomplete(format!("config.json can't be read: {error}")))?;
        let config: ModelConfig = serde_json::from_str(&config)
            .map_err(|error| incomplete(format!("config.json: {error}")))?;
        let given = sentence_length(folder)
            .or(config.max_seq_length)
            .or(config.max_position_embeddings);
        let model = config.model_name.unwrap_or_else(|| name_of(folder));
        let (precision, spelt) = if graph.ends_with("model_int8.onnx") {
            (Precision::Int8, "int8")
        } else {
            (Precision::Float, "fp32")
        };
        Ok(Self {
            graph,
            precision,
            tokenizer,
            name: format!("{model}-{spelt}"),
            dimension: config.hidden_size,
            max_tokens: given.unwrap_or(256).clamp(8, 512),
        })
    }
}

/// `max_seq_length` as sentence-transformers writes it.
fn sentence_length(folder: &Path) -> Option<usize> {
    #[derive(Deserialize)]
    struct SentenceConfig {
        max_seq_length: Option<usize>,
    }
    let text = fs::read_to_string(folder.join("sentence_bert_config.json")).ok()?;
    serde_json::from_str::<SentenceConfig>(&text)
        .ok()?
        .max_seq_length
}

fn name_of(folder: &Path) -> String {
    folder.file_name().map_or_else(
        || "model".into(),
        |name| name.to_string_lossy().into_owned(),
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[(&str, &str)], expected: &str) {
        let folder = tempfile::tempdir().expect("temporary folder");
        for (name, text) in files {
            fs::write(folder.path().join(name), text).expect("write");
        }
        let error = EmbeddingFiles::in_folder(folder.path())
            .expect_err("must be refused")
            .to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn incomplete_model_folder_is_told_what_it_lacks() {
        check(&[], "model.onnx (or model_int8.onnx) is missing");
        check(&[("model.onnx", "")], "tokenizer.json is missing");
        check(
            &[("model.onnx", ""), ("tokenizer.json", "{}")],
            "config.json can't be read",
        );
        check(
            &[
                ("model.onnx", ""),
                ("tokenizer.json", "{}"),
                ("config.json", "{}"),
            ],
            "hidden_size",
        );
        let error = EmbeddingFiles::in_folder(Path::new("/nowhere")).expect_err("must be refused");
        assert!(error.to_string().contains("no such folder"), "{error}");
    }
}
