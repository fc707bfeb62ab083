//! Which files were already converted, and into what: a daemon that looks at a
//! folder every few minutes need not convert it every few minutes.
//!
//! Kept for as long as the process runs: what is forgotten costs time and
//! nothing else.

use crate::knowledge::{SourceFile, Stamp};
use chrono::{Duration as Span, Utc};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A file may be written twice within one tick of its folder's clock.
const SETTLED_SECONDS: i64 = 2;

#[derive(Clone, Debug, Default)]
pub struct FileMemory(Arc<Mutex<HashMap<Key, Entry>>>);

/// Source and file.
type Key = (String, String);

#[derive(Debug)]
struct Entry {
    stamp: Stamp,
    /// Of the document that it became; `None` while it is being read.
    hash: Option<String>,
}

impl FileMemory {
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
