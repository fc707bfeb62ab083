//! An index, and sources as the configuration names them.

use crate::knowledge::world::{embedder, recipe};
use chrono::{DateTime, Duration, Utc};
use futures::future::BoxFuture;
use lorekeeper::{
    config::{Config, OcrSection, RetrievalSection},
    domain::Access,
    ingest::{BATCH, FileMemory, IngestReport, Ingestor, Unwatched, synchronise},
    knowledge::{
        Cursors, EdgeIndex, HybridSearch, KnowledgeIndex, Purpose,
        redact::{Names, Redactor},
    },
    ports::{Clock, Hit, Search, SearchRequest},
    remote::Remotes,
};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

pub struct World {
    index: Arc<dyn KnowledgeIndex>,
    cursors: Cursors,
    pub config: Config,
    pub clock: Arc<HandClock>,
    // Last, so that the index is closed before its files are removed.
    _folder: TempDir,
}

impl World {
    pub fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let index = EdgeIndex::open(&folder.path().join("knowledge"), &recipe(), Purpose::Ingest);
        Self {
            index: Arc::new(index.expect("the index opens")),
            cursors: Cursors::open(&folder.path().join("cursors.json")),
            config: toml::from_str(config).unwrap_or_else(|e| panic!("{e}\n{config}")),
            clock: Arc::new(HandClock::at("2026-05-04T12:00:00Z")),
            _folder: folder,
        }
    }

    pub async fn ingest(&self) -> IngestReport {
        self.run(false).await
    }

    pub async fn dry_run(&self) -> IngestReport {
        self.run(true).await
    }

    async fn run(&self, dry_run: bool) -> IngestReport {
        let ingestor = Ingestor {
            index: self.index.clone(),
            embedder: embedder(),
            count_tokens: embedder().count_tokens(),
            retrieval: RetrievalSection::default(),
            limits: self.config.limits.clone(),
            ocr: OcrSection::default(),
            redactor: Arc::new(Redactor::new(Names::default(), b"salt")),
            program: env!("CARGO_BIN_EXE_lorekeeper").into(),
            remotes: Remotes::new(&self.config)
                .with_clock(self.clock.clone())
                .with_program(env!("CARGO_BIN_EXE_lorekeeper").into()),
            cursors: self.cursors.clone(),
            files: FileMemory::default(),
            at_once: BATCH,
            dry_run,
        };
        let report = synchronise(&ingestor, &self.config.sources, &Unwatched).await;
        report.expect("ingested")
    }

    /// The next run reads everything again.
    pub fn a_day_later(&self) {
        self.clock.advance(Duration::hours(25));
    }

    pub async fn find(&self, text: &str) -> Vec<Hit> {
        self.find_as(text, &[]).await
    }

    pub async fn find_as(&self, text: &str, groups: &[&str]) -> Vec<Hit> {
        let request = SearchRequest {
            text: text.into(),
            top_k: 10,
            kinds: Vec::new(),
            source: None,
            access: Access::member_of(groups.to_vec()),
            exclude: Vec::new(),
        };
        let search = HybridSearch::new(self.index.clone(), embedder(), 50);
        search.search(&request).await.expect("searched")
    }

    /// The documents that somebody of these groups may see at all.
    pub async fn seen_by(&self, groups: &[&str]) -> Vec<String> {
        let known = self.index.known(&self.config.sources[0].name).await;
        let search = HybridSearch::new(self.index.clone(), embedder(), 50);
        let mut seen = Vec::new();
        for id in known.expect("listed").into_keys() {
            let access = Access::member_of(groups.to_vec());
            if !search
                .document(&id, &access)
                .await
                .expect("looked up")
                .is_empty()
            {
                seen.push(id.as_str().to_string());
            }
        }
        seen.sort();
        seen
    }
}

/// Added, changed, unchanged, removed, withheld.
pub fn counts(report: &IngestReport) -> [usize; 5] {
    let report = report.clone();
    [
        report.added,
        report.changed,
        report.unchanged,
        report.removed,
        report.withheld,
    ]
}

/// Time that passes when a test says so. Whoever waits, waits for nothing, and
/// it is written down.
pub struct HandClock {
    now: Mutex<DateTime<Utc>>,
    pauses: Mutex<Vec<Duration>>,
}

impl HandClock {
    pub fn at(now: &str) -> Self {
        Self {
            now: Mutex::new(now.parse().expect("is a time")),
            pauses: Mutex::default(),
        }
    }

    pub fn advance(&self, by: Duration) {
        *self.now.lock().expect("nobody panicked") += by;
    }

    /// What was waited for since the last look, in seconds.
    pub fn pauses(&self) -> Vec<i64> {
        let mut pauses = self.pauses.lock().expect("nobody panicked");
        pauses.drain(..).map(|pause| pause.num_seconds()).collect()
    }
}

impl Clock for HandClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.lock().expect("nobody panicked")
    }

    fn sleep(&self, pause: std::time::Duration) -> BoxFuture<'static, ()> {
        let pause = Duration::from_std(pause).expect("is no age");
        self.pauses.lock().expect("nobody panicked").push(pause);
        Box::pin(std::future::ready(()))
    }
}
