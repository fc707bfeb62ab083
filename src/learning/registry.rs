//! The registry of LoRA adapters: `adapters/NAME/VERSION/` and who serves.
//!
//! ```text
//! adapters/
//!   serving.toml                    which adapter writes, which is tried on a share of threads
//!   answers/1/adapter.toml          where it comes from: base, hashes, data, recipe, metrics
//!   answers/1/adapter_config.json   as PEFT writes it
//!   answers/1/adapter_model.safetensors
//!   answers/1/golden.jsonl          prompts and the tokens that must come out, replayed at load
//! ```
//!
//! Promise: an adapter's folder never changes once it was added, and
//! `serving.toml` is replaced in one step, so a running daemon that reads it
//! sees the old state or the new one.

use super::fingerprint::{file_hash, folder_fingerprint};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

const SERVING: &str = "serving.toml";
const MANIFEST: &str = "adapter.toml";
const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";
const GOLDEN: &str = "golden.jsonl";

#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{}: {problem}", path.display())]
    Invalid { path: PathBuf, problem: String },
    #[error("`{0}` is no adapter; write NAME or NAME@VERSION, such as `answers@2`")]
    BadName(String),
    #[error("there is no adapter `{wanted}`; `lorekeeper adapters list` shows what there is")]
    Unknown { wanted: String },
    #[error("adapter `{id}` was made for another {part} than the configured model's")]
    OtherBase { id: AdapterId, part: &'static str },
    #[error("nothing to go back to: no adapter served before this one")]
    NothingBefore,
    #[error("a share is 1 to 99 percent, not {0}")]
    BadShare(u8),
}

/// One version of an adapter, written `NAME@VERSION`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AdapterId {
    pub name: String,
    pub version: u32,
}

/// Where an adapter comes from. Written once, when it is added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub name: String,
    pub version: u32,
    pub added_at: String,
    /// SHA-256 of the weights.
    pub weights: String,
    /// The base model that it was trained on, and must be served with.
    pub base: Base,
    pub rank: usize,
    pub targets: Vec<String>,
    /// SHA-256 of the training data, as the recipe wrote it down.
    pub data: Option<String>,
    pub recipe: Option<String>,
    #[serde(default)]
    pub metrics: BTreeMap<String, f64>,
}

/// What of a base model an adapter depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    pub name: String,
    /// Fingerprint of the graph and its weights.
    pub graph: String,
    pub tokenizer: String,
    pub template: Option<String>,
}

/// Who writes answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Serving {
    pub production: Option<AdapterId>,
    /// Served before, the last one last. `None` stands for the base model.
    pub before: Vec<Before>,
    pub canary: Option<Canary>,
}

/// What served before a promotion; without an adapter, the base model did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Before {
    pub adapter: Option<AdapterId>,
}

/// An adapter that is tried on a share of the threads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canary {
    pub adapter: AdapterId,
    /// 1 to 99.
    pub percent: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Candidate,
    Canary,
    Production,
    Retired,
}

pub struct Registry {
    folder: PathBuf,
}

impl Registry {
    /// The registry in this folder, which need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// Copies a trained adapter in as the next version of `name`.
    pub fn add(
        &self,
        name: &str,
        trained: &Path,
        base: Base,
        added_at: String,
    ) -> Result<Manifest, RegistryError> {
        let id = AdapterId {
            name: name.parse::<AdapterId>()?.name,
            version: self.versions(name)?.last().unwrap_or(&0) + 1,
        };
        let config: PeftConfig = read_json(&trained.join(CONFIG))?;
        let training: Training = match trained.join("training.json") {
            path if path.exists() => read_json(&path)?,
            _ => Training::default(),
        };
        let manifest = Manifest {
            name: id.name.clone(),
            version: id.version,
            added_at,
            weights: file_hash(&trained.join(WEIGHTS)).map_err(at(&trained.join(WEIGHTS)))?,
            base,
            rank: config.r,
            targets: config.target_modules,
            data: training.data.map(|data| data.sha256),
            recipe: training.recipe,
            metrics: training.metrics,
        };
        let folder = self.folder_of(&id);
        // Made aside and moved, so that half an adapter is never seen.
        let half = folder.with_extension("half");
        fs::create_dir_all(&half).map_err(at(&half))?;
        for file in [CONFIG, WEIGHTS, GOLDEN] {
            let from = trained.join(file);
            if file != GOLDEN || from.exists() {
                fs::copy(&from, half.join(file)).map_err(at(&from))?;
            }
        }
        let text = toml::to_string(&manifest).map_err(invalid(&folder))?;
        fs::write(half.join(MANIFEST), text).map_err(at(&half))?;
        fs::rename(&half, &folder).map_err(at(&folder))?;
        Ok(manifest)
    }

    /// All adapters by name and version.
    pub fn list(&self) -> Result<Vec<(Manifest, Status)>, RegistryError> {
        let serving = self.serving()?;
        let mut found = Vec::new();
        for name in subfolders(&self.folder)? {
            for version in self.versions(&name)? {
                let id = AdapterId {
                    name: name.clone(),
                    version,
                };
                let status = serving.status(&id);
                found.push((self.manifest(&id)?, status));
            }
        }
        Ok(found)
    }

    /// `NAME@VERSION`, or the newest version of `NAME`.
    pub fn find(&self, wanted: &str) -> Result<(AdapterId, Manifest), RegistryError> {
        let unknown = || RegistryError::Unknown {
            wanted: wanted.to_string(),
        };
        let mut id: AdapterId = wanted.parse()?;
        if !wanted.contains('@') {
            id.version = *self.versions(&id.name)?.last().ok_or_else(unknown)?;
        }
        if !self.folder_of(&id).join(MANIFEST).exists() {
            return Err(unknown());
        }
        let manifest = self.manifest(&id)?;
        Ok((id, manifest))
    }

    /// The folder that a model loads the adapter from.
    pub fn folder_of(&self, id: &AdapterId) -> PathBuf {
        self.folder.join(&id.name).join(id.version.to_string())
    }

    /// Prompts with the tokens that must come out, where the adapter has them.
    pub fn golden_of(&self, id: &AdapterId) -> Option<PathBuf> {
        Some(self.folder_of(id).join(GOLDEN)).filter(|path| path.exists())
    }

    pub fn serving(&self) -> Result<Serving, RegistryError> {
        let path = self.folder.join(SERVING);
        match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(invalid(&path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Serving::default()),
            Err(source) => Err(RegistryError::File { path, source }),
        }
    }

    /// From now on this adapter writes the answers.
    pub fn promote(&self, id: &AdapterId) -> Result<Serving, RegistryError> {
        self.change(|serving| {
            if serving.production.as_ref() != Some(id) {
                let adapter = serving.production.replace(id.clone());
                serving.before.push(Before { adapter });
            }
            serving.canary.take_if(|canary| canary.adapter == *id);
            Ok(())
        })
    }

    /// Tries an adapter on a share of the threads.
    pub fn canary(&self, id: &AdapterId, percent: u8) -> Result<Serving, RegistryError> {
        if !(1..=99).contains(&percent) {
            return Err(RegistryError::BadShare(percent));
        }
        self.change(|serving| {
            serving.canary = Some(Canary {
                adapter: id.clone(),
                percent,
            });
            Ok(())
        })
    }

    /// Ends a canary, if there is one; else what served before serves again.
    pub fn roll_back(&self) -> Result<Serving, RegistryError> {
        self.change(|serving| {
            if serving.canary.take().is_none() {
                let before = serving.before.pop().ok_or(RegistryError::NothingBefore)?;
                serving.production = before.adapter;
            }
            Ok(())
        })
    }

    fn change(
        &self,
        change: impl FnOnce(&mut Serving) -> Result<(), RegistryError>,
    ) -> Result<Serving, RegistryError> {
        let mut serving = self.serving()?;
        change(&mut serving)?;
        let path = self.folder.join(SERVING);
        let text = toml::to_string(&serving).map_err(invalid(&path))?;
        let half = self.folder.join("serving.toml.half");
        fs::write(&half, text).map_err(at(&half))?;
        fs::rename(&half, &path).map_err(at(&path))?;
        Ok(serving)
    }

    fn manifest(&self, id: &AdapterId) -> Result<Manifest, RegistryError> {
        let path = self.folder_of(id).join(MANIFEST);
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        toml::from_str(&text).map_err(invalid(&path))
    }

    /// Versions of a name, in order.
    fn versions(&self, name: &str) -> Result<Vec<u32>, RegistryError> {
        let mut versions: Vec<u32> = subfolders(&self.folder.join(name))?
            .iter()
            .filter_map(|version| version.parse().ok())
            .collect();
        versions.sort_unstable();
        Ok(versions)
    }
}

impl Base {
    /// What the model in this folder offers to an adapter.
    pub fn of(model: &Path) -> Result<Self, RegistryError> {
        let hash = |file: &str| {
            let path = model.join(file);
            file_hash(&path).map_err(at(&path))
        };
        let template = ["chat_template.jinja", "tokenizer_config.json"]
            .into_iter()
            .find(|file| model.join(file).exists());
        Ok(Self {
            name: model
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            graph: folder_fingerprint(model).map_err(at(model))?,
            tokenizer: hash("tokenizer.json")?,
            template: template.map(hash).transpose()?,
        })
    }
}

impl Manifest {
    pub fn id(&self) -> AdapterId {
        AdapterId {
            name: self.name.clone(),
            version: self.version,
        }
    }

    /// Refuses a base that the adapter was not trained on.
    pub fn fits(&self, base: &Base) -> Result<(), RegistryError> {
        let parts = [
            ("graph", self.base.graph == base.graph),
            ("tokenizer", self.base.tokenizer == base.tokenizer),
            ("chat template", self.base.template == base.template),
        ];
        match parts.into_iter().find(|(_, same)| !same) {
            Some((part, _)) => Err(RegistryError::OtherBase {
                id: self.id(),
                part,
            }),
            None => Ok(()),
        }
    }
}

impl Serving {
    /// The adapter for a thread. A thread keeps its adapter, so that one
    /// conversation is written by one model.
    pub fn choose(&self, thread: &str) -> Option<&AdapterId> {
        let in_canary = |canary: &&Canary| {
            let hash = Sha256::digest(thread.as_bytes());
            u16::from_be_bytes([hash[0], hash[1]]) % 100 < u16::from(canary.percent)
        };
        match self.canary.as_ref().filter(in_canary) {
            Some(canary) => Some(&canary.adapter),
            None => self.production.as_ref(),
        }
    }

    /// The adapters that must be in memory.
    pub fn wanted(&self) -> Vec<&AdapterId> {
        let canary = self.canary.as_ref().map(|canary| &canary.adapter);
        self.production.iter().chain(canary).collect()
    }

    fn status(&self, id: &AdapterId) -> Status {
        if self.production.as_ref() == Some(id) {
            Status::Production
        } else if self.canary.as_ref().is_some_and(|c| c.adapter == *id) {
            Status::Canary
        } else if self.before.iter().any(|b| b.adapter.as_ref() == Some(id)) {
            Status::Retired
        } else {
            Status::Candidate
        }
    }
}

impl fmt::Display for AdapterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

impl FromStr for AdapterId {
    type Err = RegistryError;

    /// A bare name is version 0, which no adapter has.
    fn from_str(text: &str) -> Result<Self, RegistryError> {
        let bad = || RegistryError::BadName(text.to_string());
        let (name, version) = match text.split_once('@') {
            Some((name, version)) => (name, version.parse().map_err(|_| bad())?),
            None => (text, 0),
        };
        // The name becomes a folder's.
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
            return Err(bad());
        }
        Ok(Self {
            name: name.to_string(),
            version,
        })
    }
}

impl TryFrom<String> for AdapterId {
    type Error = RegistryError;

    fn try_from(text: String) -> Result<Self, RegistryError> {
        text.parse()
    }
}

impl From<AdapterId> for String {
    fn from(id: AdapterId) -> Self {
        id.to_string()
    }
}

/// What the registry reads of PEFT's file.
#[derive(Deserialize)]
struct PeftConfig {
    r: usize,
    #[serde(default, deserialize_with = "one_or_many")]
    target_modules: Vec<String>,
}

/// PEFT writes a list, or one regular expression.
fn one_or_many<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Targets {
        One(String),
        Many(Vec<String>),
    }
    let mut targets = match Targets::deserialize(from)? {
        Targets::One(target) => vec![target],
        Targets::Many(targets) => targets,
    };
    targets.sort();
    Ok(targets)
}

/// What a recipe wrote down of its run.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Training {
    data: Option<TrainingData>,
    recipe: Option<String>,
    metrics: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct TrainingData {
    sha256: String,
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, RegistryError> {
    let text = fs::read(path).map_err(at(path))?;
    serde_json::from_slice(&text).map_err(invalid(path))
}

/// Names of the folders in a folder, sorted; none where there is no such folder.
fn subfolders(folder: &Path) -> Result<Vec<String>, RegistryError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(at(folder)(source)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(at(folder))?;
        if entry.path().is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn at(path: &Path) -> impl Fn(io::Error) -> RegistryError {
    let path = path.to_path_buf();
    move |source| RegistryError::File {
        path: path.clone(),
        source,
    }
}

fn invalid<E: fmt::Display>(path: &Path) -> impl Fn(E) -> RegistryError {
    let path = path.to_path_buf();
    move |problem| RegistryError::Invalid {
        path: path.clone(),
        problem: problem.to_string(),
    }
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
