//! How far each source was read that is read by increments.
//!
//! Promise: a cursor is written after the documents before it are on disk, and
//! as a whole or not at all. A lost or unreadable one costs time and nothing
//! else: everything is read again, and what is unchanged stays.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// Where the next reading of a source begins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cursor {
    /// Of what the documents were made with; for another recipe it says nothing.
    pub recipe: String,
    /// When the last reading of everything that came to its end began.
    pub whole_at: Option<DateTime<Utc>>,
    /// When the reading of everything began that has not come to its end.
    pub began_at: Option<DateTime<Utc>>,
    /// The source's own: a time, a page, the last id.
    pub mark: Value,
}

/// The cursors of all sources, in one file.
#[derive(Clone, Debug)]
pub struct Cursors {
    /// `None`: kept for as long as this program runs.
    file: Option<PathBuf>,
    known: Arc<Mutex<BTreeMap<String, Cursor>>>,
}

impl Cursors {
    pub fn open(file: &Path) -> Self {
        let text = fs::read(file).unwrap_or_default();
        Self {
            file: Some(file.into()),
            known: Arc::new(Mutex::new(
                serde_json::from_slice(&text).unwrap_or_default(),
            )),
        }
    }

    pub fn in_memory() -> Self {
        Self {
            file: None,
            known: Arc::default(),
        }
    }

    pub fn read(&self, source: &str) -> Option<Cursor> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(source).cloned()
    }

    /// Returns once it is on disk.
    pub fn write(&self, source: &str, cursor: Cursor) -> io::Result<()> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(source.into(), cursor);
        let Some(file) = &self.file else {
            return Ok(());
        };
        let text = serde_json::to_vec_pretty(&*known).map_err(io::Error::other)?;
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let new = file.with_extension("new");
        let mut writing = File::create(&new)?;
        writing.write_all(&text)?;
        writing.sync_all()?;
        fs::rename(&new, file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn cursor_is_found_again_after_a_restart() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("cursors.json");
        let cursor = Cursor {
            recipe: "r".into(),
            mark: json!({"id": 7}),
            ..Cursor::default()
        };
        let cursors = Cursors::open(&file);
        assert_eq!(cursors.read("tickets"), None);
        cursors.write("tickets", cursor.clone()).expect("written");
        assert_eq!(Cursors::open(&file).read("tickets"), Some(cursor));
        assert_eq!(Cursors::open(&file).read("pages"), None);
    }

    #[test]
    fn damaged_file_counts_as_none() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("cursors.json");
        fs::write(&file, "{\"tickets\":").expect("written");
        assert_eq!(Cursors::open(&file).read("tickets"), None);
    }
}
