//! Brings the index to the state of the sources: what is new or changed is
//! read again, what is gone is removed, the rest is left alone.
//!
//! Promise: when this returns, the index is on disk. A document that could not
//! be read keeps its last version and is named. Stopped half-way, the next run
//! finishes the work.

use crate::{
    config::{LimitsSection, RetrievalSection, SourceEntry},
    domain::{DocumentId, RedactionPolicy},
    knowledge::{
        Chunker, CountTokens, Document, Hidden, IndexEntry, IndexError, IndexedPassage,
        KnowledgeIndex, Known, Passage, Reading, SourceFault, fingerprint, passage_terms,
        read_source,
        redact::{Redacted, Redactor},
        searchable_text, source_bytes, superseded_by,
    },
    ports::{EmbedError, Embedder, Encoded, TextRole},
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::mpsc, task::spawn_blocking};

/// Passages embedded together: enough to sort them by length, few enough for a smooth bar.
const BATCH: usize = 128;

/// How much work a kill may cost at most.
const FLUSH_EVERY: Duration = Duration::from_secs(5);

/// Documents that are cut while earlier ones are being embedded.
const AHEAD: usize = 64;

/// What ingestion works with.
pub struct Ingestor {
    pub index: Arc<KnowledgeIndex>,
    pub embedder: Arc<dyn Embedder>,
    pub count_tokens: CountTokens,
    pub retrieval: RetrievalSection,
    pub limits: LimitsSection,
    pub redactor: Arc<Redactor>,
    /// This program, for what is converted in a process of its own.
    pub program: PathBuf,
}

/// What one run did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct IngestReport {
    pub added: usize,
    pub changed: usize,
    pub unchanged: usize,
    pub removed: usize,
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
}

#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error("passages could not be embedded")]
    Embed(#[from] EmbedError),
    #[error("reading of the sources ended early")]
    Interrupted,
}

/// Told how far it is.
pub trait Progress: Send + Sync {
    /// A source begins; it has so many bytes.
    fn begin(&self, source: &str, bytes: u64);
    fn advance(&self, bytes: u64);
    fn end(&self);
}

/// For whoever does not watch.
pub struct Unwatched;

impl Progress for Unwatched {
    fn begin(&self, _source: &str, _bytes: u64) {}
    fn advance(&self, _bytes: u64) {}
    fn end(&self) {}
}

/// Synchronises the sources, one after the other. Entries of the same name are one source.
pub async fn synchronise(
    ingestor: &Ingestor,
    sources: &[SourceEntry],
    progress: &dyn Progress,
) -> Result<IngestReport, IngestError> {
    let began = Instant::now();
    let mut report = IngestReport::default();
    let mut names: Vec<&str> = Vec::new();
    for source in sources {
        if !names.contains(&source.name.as_str()) {
            names.push(&source.name);
        }
    }
    for name in names {
        let entries: Vec<SourceEntry> = sources
            .iter()
            .filter(|source| source.name == name)
            .cloned()
            .collect();
        let bytes = entries.iter().map(source_bytes).sum();
        progress.begin(name, bytes);
        let mut run = SourceRun::begin(ingestor, name, progress)?;
        run.read_all(entries, &mut report).await?;
        run.finish(&mut report)?;
        progress.end();
    }
    report.seconds = began.elapsed().as_secs_f64();
    Ok(report)
}

/// A document that is new or changed, cut into passages.
struct Prepared {
    document: Document,
    hash: String,
    passages: Vec<Passage>,
    redacted: Redacted,
}

enum Step {
    Changed(Box<Prepared>),
    Unchanged { bytes: u64 },
    Passed { bytes: u64 },
    Fault(SourceFault),
    Done(Seen),
}

/// What the reading of a source came upon.
#[derive(Default)]
struct Seen {
    /// Each document's id and the file that it was read from.
    documents: HashMap<DocumentId, String>,
    hidden_files: HashSet<String>,
    hidden_source: bool,
}

struct SourceRun<'a> {
    ingestor: &'a Ingestor,
    name: &'a str,
    known: Arc<HashMap<DocumentId, Known>>,
    progress: &'a dyn Progress,
    waiting: Vec<Prepared>,
    fingerprints: HashSet<u64>,
    flushed: Instant,
    seen: Seen,
}

impl<'a> SourceRun<'a> {
    fn begin(
        ingestor: &'a Ingestor,
        name: &'a str,
        progress: &'a dyn Progress,
    ) -> Result<Self, IngestError> {
        let known = Arc::new(ingestor.index.known(name)?);
        Ok(Self {
            ingestor,
            name,
            known,
            progress,
            waiting: Vec::new(),
            fingerprints: HashSet::new(),
            flushed: Instant::now(),
            seen: Seen::default(),
        })
    }

    /// One thread reads and cuts while the model's thread embeds what was cut before.
    async fn read_all(
        &mut self,
        entries: Vec<SourceEntry>,
        report: &mut IngestReport,
    ) -> Result<(), IngestError> {
        let (steps, mut arriving) = mpsc::channel(AHEAD);
        let ingestor = self.ingestor;
        let cutting = Cutting {
            limits: ingestor.limits.clone(),
            redactor: ingestor.redactor.clone(),
            program: ingestor.program.clone(),
            chunker: Chunker::new(ingestor.count_tokens.clone(), &ingestor.retrieval),
            known: self.known.clone(),
        };
        let reading = spawn_blocking(move || cutting.read_and_cut(&entries, &steps));
        let mut done = false;
        while let Some(step) = arriving.recv().await {
            match step {
                Step::Changed(prepared) => {
                    self.waiting.push(*prepared);
                    if self.waiting.iter().map(|p| p.passages.len()).sum::<usize>() >= BATCH {
                        self.write_waiting(report).await?;
                    }
                }
                Step::Unchanged { bytes } => {
                    report.unchanged += 1;
                    self.progress.advance(bytes);
                }
                Step::Passed { bytes } => self.progress.advance(bytes),
                Step::Fault(fault) => report.faults.push(fault.to_string()),
                Step::Done(seen) => {
                    self.seen = seen;
                    done = true;
                }
            }
        }
        self.write_waiting(report).await?;
        // Without its last word the reader did not see everything, and nothing may count as deleted.
        if reading.await.is_err() || !done {
            return Err(IngestError::Interrupted);
        }
        Ok(())
    }

    async fn write_waiting(&mut self, report: &mut IngestReport) -> Result<(), IngestError> {
        let documents = std::mem::take(&mut self.waiting);
        if documents.is_empty() {
            return Ok(());
        }
        let texts = documents
            .iter()
            .flat_map(|p| {
                p.passages
                    .iter()
                    .map(|passage| searchable_text(&p.document.title, passage))
            })
            .collect();
        let encoded = encode_patiently(self.ingestor.embedder.as_ref(), texts).await?;
        let mut encoded = encoded.into_iter();
        let mut entries = Vec::new();
        for Prepared {
            document,
            hash,
            passages,
            redacted,
        } in documents
        {
            for (kind, places) in redacted {
                report.redacted += places;
                *report.redacted_kinds.entry(kind).or_default() += places;
            }
            match self.known.get(&document.id) {
                Some(_) => report.changed += 1,
                None => report.added += 1,
            }
            report.chunks += passages.len();
            self.progress.advance(document.bytes);
            for passage in passages {
                let mark = fingerprint(&passage.plain);
                if !self.fingerprints.insert(mark) {
                    report.merged += 1;
                }
                let Encoded { vector, tokens, .. } = encoded.next().unwrap_or_default();
                entries.push(IndexEntry {
                    terms: passage_terms(&document.title, &passage),
                    dense: vector,
                    passage: IndexedPassage {
                        tokens: tokens.to_hex(),
                        ..indexed(&document, &hash, passage, mark)
                    },
                });
            }
        }
        let index = self.ingestor.index.clone();
        let flush = self.flushed.elapsed() >= FLUSH_EVERY;
        if flush {
            self.flushed = Instant::now();
        }
        let written = spawn_blocking(move || {
            index.write(entries)?;
            if flush { index.flush() } else { Ok(()) }
        });
        Ok(written.await.map_err(|_| IngestError::Interrupted)??)
    }

    /// Removes what is gone, notes what is replaced, and puts everything on disk.
    fn finish(self, report: &mut IngestReport) -> Result<(), IngestError> {
        let index = &self.ingestor.index;
        let gone: Vec<DocumentId> = self
            .known
            .iter()
            .filter(|(id, known)| self.is_gone(id, known))
            .map(|(id, _)| id.clone())
            .collect();
        index.remove(self.name, &gone)?;
        report.removed += gone.len();

        let documents = index.known(self.name)?;
        let replaced = superseded_by(&documents);
        for (id, known) in &documents {
            let newer = replaced.get(id);
            if known.superseded_by.as_ref() != newer {
                index.set_superseded(self.name, id, newer)?;
            }
        }
        index.flush()?;
        Ok(())
    }

    fn is_gone(&self, id: &DocumentId, known: &Known) -> bool {
        !self.seen.documents.contains_key(id)
            && !self.seen.hidden_source
            && !self.seen.hidden_files.contains(&known.origin)
    }
}

/// What the reading thread works with.
struct Cutting {
    limits: LimitsSection,
    redactor: Arc<Redactor>,
    program: PathBuf,
    chunker: Chunker,
    known: Arc<HashMap<DocumentId, Known>>,
}

impl Cutting {
    fn read_and_cut(&self, entries: &[SourceEntry], steps: &mpsc::Sender<Step>) {
        let mut seen = Seen::default();
        let send = |step| match steps.blocking_send(step) {
            Ok(()) => ControlFlow::Continue(()),
            // Nobody listens any more.
            Err(_) => ControlFlow::Break(()),
        };
        for entry in entries {
            let redaction = self.redactor.recipe(&entry.redact);
            let recipe = format!("{} {redaction}", self.chunker.recipe());
            let outcome =
                read_source(
                    entry,
                    &self.limits,
                    &self.program,
                    &mut |reading| match reading {
                        Reading::Passed { bytes } => send(Step::Passed { bytes }),
                        Reading::Fault(fault) => {
                            match fault.hides {
                                Hidden::Nothing => {}
                                Hidden::File => drop(seen.hidden_files.insert(fault.file.clone())),
                                Hidden::Source => seen.hidden_source = true,
                            }
                            send(Step::Fault(fault))
                        }
                        Reading::Document(document) => {
                            if let Some(first) = seen.documents.get(&document.id) {
                                return send(Step::Fault(same_id_twice(&document, first)));
                            }
                            let origin = document.origin.clone();
                            seen.documents.insert(document.id.clone(), origin);
                            send(self.cut(*document, &recipe, &entry.redact))
                        }
                    },
                );
            if outcome.is_break() {
                return;
            }
        }
        let _ = send(Step::Done(seen));
    }

    /// The hash is that of the document as its source has it, so that an
    /// unchanged one is not looked through again.
    fn cut(&self, mut document: Document, recipe: &str, policy: &RedactionPolicy) -> Step {
        let hash = hex::encode(Sha256::digest(format!("{recipe} {}", document.hash())));
        let known = self.known.get(&document.id);
        if known.is_some_and(|known| known.hash == hash) {
            return Step::Unchanged {
                bytes: document.bytes,
            };
        }
        let mut redacted = Redacted::new();
        self.redactor
            .redact_document(&mut document, policy, &mut redacted);
        Step::Changed(Box::new(Prepared {
            passages: self.chunker.passages(&document),
            document,
            hash,
            redacted,
        }))
    }
}

fn same_id_twice(document: &Document, first: &str) -> SourceFault {
    SourceFault {
        file: document.origin.clone(),
        line: None,
        problem: format!(
            "document `{}` is left out: {first} already has one of that id",
            document.id
        ),
        hides: Hidden::Nothing,
    }
}

/// A full queue means that people are asking: they go first.
async fn encode_patiently(
    embedder: &dyn Embedder,
    texts: Vec<String>,
) -> Result<Vec<Encoded>, EmbedError> {
    loop {
        match embedder.encode(texts.clone(), TextRole::Passage).await {
            Err(EmbedError::Busy) => tokio::time::sleep(Duration::from_millis(200)).await,
            result => return result,
        }
    }
}

fn indexed(document: &Document, hash: &str, passage: Passage, fingerprint: u64) -> IndexedPassage {
    IndexedPassage {
        document: document.id.clone(),
        source: document.source.clone(),
        origin: document.origin.clone(),
        kind: document.kind,
        title: document.title.clone(),
        locator: document.locator.clone(),
        section: passage.section,
        hash: hash.to_string(),
        date: document.date,
        owner: document.owner.clone(),
        audience: document.audience.clone(),
        supersedes: document.supersedes.clone(),
        superseded_by: None,
        text: passage.text,
        position: passage.position,
        fingerprint: format!("{fingerprint:016x}"),
        tokens: String::new(),
    }
}
