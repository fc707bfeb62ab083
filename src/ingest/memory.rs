//! Which files were already converted, and into what: a daemon that looks at a
//! folder every few minutes need not convert it every few minutes.
//!
//! What is forgotten costs time and nothing else.

use crate::knowledge::{SourceFile, Stamp};
use chrono::{Duration as Span, Utc};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A file may be written twice within one tick of its folder's clock.
const SETTLED_SECONDS: i64 = 2;

#[derive(Clone, Debug, Default)]
pub struct FileMemory {
    entries: Arc<Mutex<HashMap<Key, Entry>>>,
    /// `None`: kept for as long as this program runs.
    file: Option<PathBuf>,
    /// What files are converted with; what another recipe made is forgotten.
    recipe: String,
}

/// As it is written down: by source and file.
#[derive(Default, Serialize, Deserialize)]
struct Written {
    recipe: String,
    sources: BTreeMap<String, BTreeMap<String, Entry>>,
}

/// Source and file.
type Key = (String, String);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    stamp: Stamp,
    /// Of the document that it became; `None` while it is being read.
    hash: Option<String>,
}

impl FileMemory {
    pub fn open(file: &Path, recipe: &str) -> Self {
        let text = fs::read(file).unwrap_or_default();
        let written: Written = serde_json::from_slice(&text).unwrap_or_default();
        let sources = written.sources.into_iter();
        let entries = sources
            .filter(|_| written.recipe == recipe)
            .flat_map(|(source, files)| {
                let entries = files.into_iter();
                entries.map(move |(file, entry)| ((source.clone(), file), entry))
            });
        Self {
            entries: Arc::new(Mutex::new(entries.collect())),
            file: Some(file.into()),
            recipe: recipe.into(),
        }
    }

    /// Whole or not at all.
    pub(super) fn save(&self) -> io::Result<()> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let mut written = Written {
            recipe: self.recipe.clone(),
            ..Written::default()
        };
        for ((source, file), entry) in self.entries().iter() {
            let files = written.sources.entry(source.clone()).or_default();
            files.insert(file.clone(), entry.clone());
        }
        if written.sources.is_empty() && !file.exists() {
            return Ok(());
        }
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let new = file.with_extension("new");
        fs::write(
            &new,
            serde_json::to_vec(&written).map_err(io::Error::other)?,
        )?;
        fs::rename(&new, file)
    }

    /// The hash of the document that the file became, if the file is as it
    /// was then. If not, what it becomes now is about to be told.
    pub(super) fn recall(&self, source: &str, file: &SourceFile) -> Option<String> {
        let key = (source.to_string(), file.name.clone());
        let mut entries = self.entries();
        let stamp = file
            .stamp
            .filter(|stamp| stamp.changed + Span::seconds(SETTLED_SECONDS) < Utc::now());
        let Some(stamp) = stamp else {
            entries.remove(&key);
            return None;
        };
        if let Some(entry) = entries.get(&key).filter(|entry| entry.stamp == stamp) {
            return entry.hash.clone();
        }
        entries.insert(key, Entry { stamp, hash: None });
        None
    }

    /// What the file became that was asked about before.
    pub(super) fn tell(&self, source: &str, file: &str, hash: &str) {
        let key = (source.to_string(), file.to_string());
        if let Some(entry) = self.entries().get_mut(&key) {
            entry.hash = Some(hash.into());
        }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Key, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_is_remembered_until_it_changes_or_is_converted_otherwise() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("files.json");
        let stamp = |inode: u64| -> Stamp {
            let told = format!(r#"{{"inode":{inode},"bytes":5,"changed":"2026-01-01T00:00:00Z"}}"#);
            serde_json::from_str(&told).expect("a stamp")
        };
        let scan = |stamp: Stamp| SourceFile::seen("scan.pdf", stamp);
        let memory = FileMemory::open(&file, "one");
        assert_eq!(memory.recall("docs", &scan(stamp(1))), None);
        memory.tell("docs", "scan.pdf", "hash");
        memory.save().expect("saved");
        let recalled = |recipe: &str, source: &str, inode: u64| {
            FileMemory::open(&file, recipe).recall(source, &scan(stamp(inode)))
        };
        assert_eq!(recalled("one", "docs", 1).as_deref(), Some("hash"));
        assert_eq!(recalled("one", "docs", 2), None);
        assert_eq!(recalled("one", "other", 1), None);
        assert_eq!(recalled("two", "docs", 1), None);
        let mut now = stamp(1);
        now.changed = Utc::now();
        let just_now = SourceFile::seen("scan.pdf", now);
        memory.tell("docs", "scan.pdf", "hash");
        assert_eq!(memory.recall("docs", &just_now), None);
    }
}
