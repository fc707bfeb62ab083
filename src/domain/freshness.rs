//! How fresh what is known of each source is: written by whoever reads
//! sources, looked at by whoever speaks of them.

use chrono::{DateTime, Utc};
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

/// Of one source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    /// When the last reading began that came to its end.
    pub synchronised_at: Option<DateTime<Utc>>,
    /// The last reading failed.
    pub failing: bool,
}

/// Of all sources, by name; shared by all who hold a clone.
#[derive(Clone, Debug, Default)]
pub struct FreshnessBoard(Arc<RwLock<BTreeMap<String, Freshness>>>);

impl FreshnessBoard {
    pub fn show(&self, all: BTreeMap<String, Freshness>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = all;
    }

    /// `None`: nothing is known of it.
    pub fn of(&self, source: &str) -> Option<Freshness> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.get(source).copied()
    }
}
