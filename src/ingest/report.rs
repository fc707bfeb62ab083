//! What a run did, together and source by source.

use crate::knowledge::redact::Redacted;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::{fmt, time::Duration};

/// What one run did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct IngestReport {
    pub added: usize,
    pub changed: usize,
    pub unchanged: usize,
    pub removed: usize,
    /// Documents that nobody may see, and that are left out for it.
    pub withheld: usize,
    /// Places where secrets or personal data were taken out.
    pub redacted: usize,
    /// The same by kind.
    pub redacted_kinds: Redacted,
    /// Passages that say what another one says; one of them is shown.
    pub merged: usize,
    pub chunks: usize,
    pub seconds: f64,
    /// One sentence each: what could not be read, and where.
    pub faults: Vec<String>,
    pub sources: Vec<SourceReport>,
    /// The embedding model whose index this run replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced: Option<String>,
    /// Sources that the new index still lacks; the former one stays in use until then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub awaited: Vec<String>,
    /// Sources of which this run did not see everything.
    #[serde(skip)]
    pub unseen: Vec<String>,
}

/// The part of one source.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SourceReport {
    pub source: String,
    pub added: usize,
    pub changed: usize,
    pub unchanged: usize,
    pub removed: usize,
    pub withheld: usize,
    pub redacted: usize,
    pub chunks: usize,
    pub faults: usize,
    pub seconds: f64,
    #[serde(skip)]
    pub end: ReadingEnd,
}

/// How the reading of a source ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadingEnd {
    /// All of it was seen that there was to see.
    pub complete: bool,
    /// When the last reading began that also read who may see what.
    pub permissions_at: Option<DateTime<Utc>>,
    /// Documents that the index has of it now.
    pub documents: usize,
    /// Why not everything was seen.
    pub lost: Option<String>,
    /// The first thing that could not be read.
    pub first_fault: Option<String>,
}

impl IngestReport {
    pub(super) fn count(&mut self, is_known: bool, chunks: usize, redacted: Redacted) {
        for (kind, places) in redacted {
            self.redacted += places;
            *self.redacted_kinds.entry(kind).or_default() += places;
        }
        match is_known {
            true => self.changed += 1,
            false => self.added += 1,
        }
        self.chunks += chunks;
    }

    /// What came to it since `before`.
    pub(super) fn since(&self, before: &Self, source: &str, took: Duration) -> SourceReport {
        SourceReport {
            source: source.into(),
            added: self.added - before.added,
            changed: self.changed - before.changed,
            unchanged: self.unchanged - before.unchanged,
            removed: self.removed - before.removed,
            withheld: self.withheld - before.withheld,
            redacted: self.redacted - before.redacted,
            chunks: self.chunks - before.chunks,
            faults: self.faults.len() - before.faults.len(),
            seconds: took.as_secs_f64(),
            end: ReadingEnd::default(),
        }
    }
}

impl fmt::Display for SourceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} added, {} changed, {} unchanged, {} removed, {} withheld, {} faults; {:.1} s",
            self.source,
            self.added,
            self.changed,
            self.unchanged,
            self.removed,
            self.withheld,
            self.faults,
            self.seconds
        )
    }
}
