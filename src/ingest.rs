//! Brings the index to the state of the sources: what is new or changed is
//! read again, what is gone is removed, the rest is left alone.
//!
//! Promise: when this returns, the index is on disk. A document that could not
//! be read keeps its last version and is named; one that nobody may see any
//! more is removed. Stopped half-way, the next run finishes the work. With
//! another embedding model than that of the index in use, a new index is filled
//! beside it and takes over once it is complete.

mod cutting;
mod memory;
mod report;

pub use memory::FileMemory;
pub use report::{IngestReport, ReadingEnd, SourceReport};

use crate::{
    config::{LimitsSection, OcrSection, RetrievalSection, SourceEntry},
    domain::DocumentId,
    knowledge::{
        Chunker, CountTokens, Cursor, Cursors, Document, IndexEntry, IndexError, IndexedPassage,
        KnowledgeIndex, Known, Passage, fingerprint, passage_terms, redact::Redactor,
        relation_keys, relations, searchable_text, source_bytes, superseded_by,
    },
    ports::{EmbedError, Embedder, Encoded, TextRole},
    remote::Remotes,
};
use cutting::{Cutting, Prepared, Seen, Step};
use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{runtime::Handle, sync::mpsc, task::spawn_blocking};

/// Passages embedded together: enough to sort them by length, few enough for a smooth bar.
pub const BATCH: usize = 128;

/// How much work a kill may cost at most.
const FLUSH_EVERY: Duration = Duration::from_secs(5);

/// Documents that are cut while earlier ones are being embedded.
const AHEAD: usize = 64;

/// What ingestion works with.
pub struct Ingestor {
    pub index: Arc<dyn KnowledgeIndex>,
    pub embedder: Arc<dyn Embedder>,
    pub count_tokens: CountTokens,
    pub retrieval: RetrievalSection,
    pub limits: LimitsSection,
    pub ocr: OcrSection,
    pub redactor: Arc<Redactor>,
    /// This program, for what is converted in a process of its own.
    pub program: PathBuf,
    pub remotes: Remotes,
    pub cursors: Cursors,
    pub files: FileMemory,
    /// Passages that the model is given at once, up to [`BATCH`]; a question waits for so many.
    pub at_once: usize,
    /// Everything is read and compared, nothing is written.
    pub dry_run: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error("passages could not be embedded")]
    Embed(#[from] EmbedError),
    #[error("reading of the sources ended early")]
    Interrupted,
    #[error("how far a source was read can't be noted")]
    Cursor(#[source] std::io::Error),
}

/// Told how far it is.
pub trait Progress: Send + Sync {
    /// A source begins.
    fn begin(&self, source: &str, extent: Extent);
    fn advance(&self, steps: u64);
    fn end(&self);
}

/// What the steps of a source are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Files of so many bytes.
    Bytes(u64),
    /// Documents; how many is not known before the last one.
    Documents,
}

/// For whoever does not watch.
pub struct Unwatched;

impl Progress for Unwatched {
    fn begin(&self, _source: &str, _extent: Extent) {}
    fn advance(&self, _steps: u64) {}
    fn end(&self) {}
}

/// How much of the company's knowledge a run goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Every source there is: one that the index has beside them was given up.
    Everything,
    /// These sources; the others stay as they are.
    Part,
}

/// Synchronises the sources, and lets a new index take over where it has all
/// that the former one has.
pub async fn ingest(
    ingestor: &Ingestor,
    sources: &[SourceEntry],
    coverage: Coverage,
    progress: &dyn Progress,
) -> Result<IngestReport, IngestError> {
    let mut report = synchronise(ingestor, sources, progress).await?;
    let index = &ingestor.index;
    if ingestor.dry_run {
        return Ok(report);
    }
    let Some(former) = index.replaces().await? else {
        return Ok(report);
    };
    let has = index.sources().await?;
    let absent = former
        .sources
        .iter()
        .filter(|name| coverage == Coverage::Part && !has.contains(*name))
        .cloned();
    report.awaited = absent.chain(report.unseen.iter().cloned()).collect();
    report.awaited.sort();
    report.awaited.dedup();
    if report.awaited.is_empty() {
        index.take_over().await?;
        report.replaced = Some(former.embedder);
    }
    Ok(report)
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
        progress.begin(name, extent(&entries));
        let (before, since) = (report.clone(), Instant::now());
        let mut run = SourceRun::begin(ingestor, name, progress).await?;
        run.read_all(entries, &mut report).await?;
        let end = run.finish(&mut report).await?;
        progress.end();
        let end = ReadingEnd {
            first_fault: report.faults.get(before.faults.len()).cloned(),
            ..end
        };
        let part = report.since(&before, name, since.elapsed());
        report.sources.push(SourceReport { end, ..part });
    }
    report.seconds = began.elapsed().as_secs_f64();
    Ok(report)
}

fn extent(entries: &[SourceEntry]) -> Extent {
    match entries.iter().any(|entry| entry.remote.is_asked()) {
        true => Extent::Documents,
        false => Extent::Bytes(entries.iter().map(source_bytes).sum()),
    }
}

struct SourceRun<'a> {
    ingestor: &'a Ingestor,
    name: &'a str,
    known: Arc<HashMap<DocumentId, Known>>,
    progress: &'a dyn Progress,
    waiting: Vec<Prepared>,
    /// The cursor of the documents up to the last one that waits.
    reached: Option<Cursor>,
    /// The cursor of the documents that are written, perhaps not to the disk.
    written: Option<Cursor>,
    fingerprints: HashSet<u64>,
    flushed: Instant,
    seen: Seen,
}

impl<'a> SourceRun<'a> {
    async fn begin(
        ingestor: &'a Ingestor,
        name: &'a str,
        progress: &'a dyn Progress,
    ) -> Result<Self, IngestError> {
        let known = Arc::new(ingestor.index.known(name).await?);
        Ok(Self {
            ingestor,
            name,
            known,
            progress,
            waiting: Vec::new(),
            reached: None,
            written: None,
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
            ocr: ingestor.ocr.clone(),
            redactor: ingestor.redactor.clone(),
            program: ingestor.program.clone(),
            chunker: Chunker::new(ingestor.count_tokens.clone(), &ingestor.retrieval),
            known: self.known.clone(),
            remotes: ingestor.remotes.clone(),
            cursors: ingestor.cursors.clone(),
            files: ingestor.files.clone(),
            runtime: Handle::current(),
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
                Step::Withheld => {
                    report.withheld += 1;
                    self.progress.advance(1);
                }
                Step::Reached(cursor) => {
                    self.reached = Some(cursor);
                    if self.waiting.is_empty() {
                        self.written = self.reached.take();
                    }
                }
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
        if self.ingestor.dry_run {
            self.count_alone(documents, report);
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
        let encoded = self.encode(texts).await?;
        let mut encoded = encoded.into_iter();
        let mut entries = Vec::new();
        for Prepared {
            document,
            hash,
            passages,
            redacted,
        } in documents
        {
            let is_known = self.known.contains_key(&document.id);
            report.count(is_known, passages.len(), redacted);
            self.progress.advance(document.bytes);
            let told = relations(&document, &passages);
            for (passage, relations) in passages.into_iter().zip(told) {
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
                        relation_keys: relation_keys(&relations),
                        relations,
                        ..indexed(&document, &hash, passage, mark)
                    },
                });
            }
        }
        let index = &self.ingestor.index;
        index.write(entries).await?;
        self.written = self.reached.take().or(self.written.take());
        if self.flushed.elapsed() >= FLUSH_EVERY {
            index.flush().await?;
            self.flushed = Instant::now();
            self.note_cursor()?;
        }
        Ok(())
    }

    /// In parts: who asks in the meantime waits for one of them.
    async fn encode(&self, texts: Vec<String>) -> Result<Vec<Encoded>, EmbedError> {
        let Ingestor {
            embedder, at_once, ..
        } = self.ingestor;
        let mut encoded = Vec::with_capacity(texts.len());
        for part in texts.chunks((*at_once).max(1)) {
            encoded.extend(encode_patiently(embedder.as_ref(), part.to_vec()).await?);
        }
        Ok(encoded)
    }

    fn count_alone(&self, documents: Vec<Prepared>, report: &mut IngestReport) {
        for prepared in documents {
            let is_known = self.known.contains_key(&prepared.document.id);
            self.progress.advance(prepared.document.bytes);
            report.count(is_known, prepared.passages.len(), prepared.redacted);
        }
    }

    /// Notes how far the documents reach that are on disk.
    fn note_cursor(&mut self) -> Result<(), IngestError> {
        match self.written.take() {
            Some(cursor) => {
                let cursors = &self.ingestor.cursors;
                cursors
                    .write(self.name, cursor)
                    .map_err(IngestError::Cursor)
            }
            None => Ok(()),
        }
    }

    /// Removes what is gone, notes what is replaced, and puts everything on disk.
    async fn finish(mut self, report: &mut IngestReport) -> Result<ReadingEnd, IngestError> {
        let index = &self.ingestor.index;
        let gone: Vec<DocumentId> = self
            .known
            .iter()
            .filter(|(id, known)| self.is_gone(id, known))
            .map(|(id, _)| id.clone())
            .collect();
        report.removed += gone.len();
        let mut end = ReadingEnd {
            complete: !self.seen.hidden_source,
            permissions_at: self.seen.permissions_at,
            documents: self.known.len(),
            lost: self.seen.lost.take(),
            first_fault: None,
        };
        if self.ingestor.dry_run {
            return Ok(end);
        }
        index.remove(self.name, &gone).await?;
        // One that this run wrote before it was withheld is not among the known ones.
        let withheld: Vec<DocumentId> = self.seen.withheld.iter().cloned().collect();
        index.remove(self.name, &withheld).await?;

        let documents = index.known(self.name).await?;
        let replaced = superseded_by(&documents);
        for (id, known) in &documents {
            let newer = replaced.get(id);
            if known.superseded_by.as_ref() != newer {
                index.set_superseded(self.name, id, newer).await?;
            }
        }
        index.flush().await?;
        if self.seen.hidden_source {
            report.unseen.push(self.name.to_string());
        }
        end.documents = documents.len();
        self.ingestor.files.save().map_err(IngestError::Cursor)?;
        self.note_cursor()?;
        Ok(end)
    }

    /// What is attached to a document is given with it, and stays where that is
    /// still there and had not to be read.
    fn is_attached_to_unread(&self, id: &DocumentId) -> bool {
        let seen = &self.seen;
        id.attached_to().is_some_and(|parent| {
            seen.listed.contains(&parent)
                && !seen.documents.contains_key(&parent)
                && !seen.withheld.contains(&parent)
        })
    }

    fn is_gone(&self, id: &DocumentId, known: &Known) -> bool {
        let seen = &self.seen;
        seen.withheld.contains(id)
            || !seen.documents.contains_key(id)
                && !seen.listed.contains(id)
                && !self.is_attached_to_unread(id)
                && !seen.hidden_source
                && !seen.hidden_files.contains(&known.origin)
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
        standing: document.standing.clone(),
        text: passage.text,
        position: passage.position,
        fingerprint: format!("{fingerprint:016x}"),
        tokens: String::new(),
        relations: Vec::new(),
        relation_keys: Vec::new(),
    }
}
