//! The catalogue file as it is read: entries, words, version.

use super::found::{FoundLog, FoundTable, FoundTool, Part};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    fs::File,
    io::Read,
    path::Path,
};

/// Larger files are refused.
const MAX_BYTES: u64 = 32 << 20;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CatalogueFile {
    pub catalogue: Written,
    #[serde(rename = "tool")]
    pub tools: Vec<ToolEntry>,
    #[serde(rename = "table")]
    pub tables: Vec<TableEntry>,
    #[serde(rename = "log")]
    pub logs: Vec<LogEntry>,
}

/// When it was built last, and as what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Written {
    pub version: u32,
    /// Of the content at that time.
    pub hash: String,
    pub date: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolEntry {
    pub name: String,
    /// Takes the place of what the configuration or the document says.
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub synonyms: Vec<String>,
    /// Beside those of the configuration.
    #[serde(default)]
    pub examples: Vec<String>,
    /// What each parameter means.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// Since when the systems do not have it any more.
    #[serde(default)]
    pub gone: Option<String>,
    #[serde(default)]
    pub found: FoundTool,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableEntry {
    pub database: String,
    pub name: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub synonyms: Vec<String>,
    /// Questions that its rows answer.
    #[serde(default)]
    pub examples: Vec<String>,
    #[serde(default)]
    pub gone: Option<String>,
    #[serde(default)]
    pub found: FoundTable,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogEntry {
    pub name: String,
    #[serde(default)]
    pub description: String,
    /// Of the source, and so of each of its tools; examples belong to the tools.
    #[serde(default)]
    pub synonyms: Vec<String>,
    #[serde(default)]
    pub gone: Option<String>,
    #[serde(default)]
    pub found: FoundLog,
}

/// The error names the file.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    #[error("{file}: {source}")]
    Io {
        file: String,
        source: std::io::Error,
    },
    #[error("{file} is larger than {} MiB", MAX_BYTES >> 20)]
    TooLarge { file: String },
    #[error("{file}: {problem}")]
    Invalid { file: String, problem: String },
}

/// A number that a build raises, and a hash of what stands in the file now:
/// words that were edited since then change it too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Version {
    pub number: u32,
    /// SHA-256, in hex digits.
    pub hash: String,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.number, &self.hash[..8])
    }
}

/// The file's text; `None` where there is no file yet.
pub fn read(path: &Path) -> Result<Option<String>, CatalogueError> {
    let file = || path.display().to_string();
    let failed = |source| CatalogueError::Io {
        file: file(),
        source,
    };
    let opened = match File::open(path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut text = String::new();
    let read = opened.take(MAX_BYTES + 1).read_to_string(&mut text);
    match read.map_err(failed)? as u64 > MAX_BYTES {
        true => Err(CatalogueError::TooLarge { file: file() }),
        false => Ok(Some(text)),
    }
}

impl CatalogueFile {
    /// `name` is the file's, for errors.
    pub fn parse(name: &str, text: &str) -> Result<Self, CatalogueError> {
        let invalid = |problem: String| CatalogueError::Invalid {
            file: name.into(),
            problem,
        };
        let file: Self =
            toml::from_str(text).map_err(|error| invalid(error.to_string().trim_end().into()))?;
        let mut labels = BTreeSet::new();
        for label in file.labels() {
            if !labels.insert(label.clone()) {
                return Err(invalid(format!("{label} is there twice")));
            }
        }
        Ok(file)
    }

    /// Reads and parses a file; `None` where there is none.
    pub fn open(path: &Path) -> Result<Option<Self>, CatalogueError> {
        let name = path.display().to_string();
        let text = read(path)?;
        text.map(|text| Self::parse(&name, &text)).transpose()
    }

    /// Tools, tables, logs, each in the order of the file.
    fn labels(&self) -> impl Iterator<Item = String> {
        let tools = self.tools.iter().map(ToolEntry::label);
        let tables = self.tables.iter().map(TableEntry::label);
        tools
            .chain(tables)
            .chain(self.logs.iter().map(LogEntry::label))
    }

    pub fn version(&self) -> Version {
        Version {
            number: self.catalogue.version,
            hash: self.hash(),
        }
    }

    /// Of what is said and found, in one order; neither of comments nor of
    /// what the data has today, nor of what is gone.
    fn hash(&self) -> String {
        let mut parts: BTreeMap<String, serde_json::Value> = BTreeMap::new();
        for entry in self.tools.iter().filter(|entry| entry.gone.is_none()) {
            let words = (
                &entry.description,
                said(&entry.synonyms),
                said(&entry.examples),
                &entry.parameters,
            );
            parts.insert(
                entry.label(),
                serde_json::json!([words, entry.found.settled()]),
            );
        }
        for entry in self.tables.iter().filter(|entry| entry.gone.is_none()) {
            let words = (
                &entry.description,
                said(&entry.synonyms),
                said(&entry.examples),
            );
            parts.insert(
                entry.label(),
                serde_json::json!([words, entry.found.settled()]),
            );
        }
        for entry in self.logs.iter().filter(|entry| entry.gone.is_none()) {
            let words = (&entry.description, said(&entry.synonyms));
            parts.insert(
                entry.label(),
                serde_json::json!([words, entry.found.settled()]),
            );
        }
        let text = serde_json::json!(parts).to_string();
        hex::encode(Sha256::digest(text.as_bytes()))
    }
}

impl ToolEntry {
    pub(super) fn label(&self) -> String {
        tool_label(&self.name)
    }

    pub(super) fn has_words(&self) -> bool {
        let says = !self.description.trim().is_empty() || !self.parameters.is_empty();
        says || !said(&self.synonyms).is_empty() || !said(&self.examples).is_empty()
    }
}

impl TableEntry {
    pub(super) fn label(&self) -> String {
        table_label(&self.database, &self.name)
    }

    pub(super) fn has_words(&self) -> bool {
        let says = !self.description.trim().is_empty();
        says || !said(&self.synonyms).is_empty() || !said(&self.examples).is_empty()
    }
}

impl LogEntry {
    pub(super) fn label(&self) -> String {
        log_label(&self.name)
    }

    pub(super) fn has_words(&self) -> bool {
        !self.description.trim().is_empty() || !said(&self.synonyms).is_empty()
    }
}

pub(super) fn tool_label(name: &str) -> String {
    format!("tool {name}")
}

pub(super) fn table_label(database: &str, name: &str) -> String {
    format!("table {name} of {database}")
}

pub(super) fn log_label(name: &str) -> String {
    format!("log {name}")
}

/// Without the empty places that a build leaves for people.
pub(super) fn said(words: &[String]) -> Vec<&str> {
    let words = words.iter().map(|words| words.trim());
    words.filter(|words| !words.is_empty()).collect()
}
