//! The reading thread: documents in, from files or from elsewhere; passages of
//! those that are new or changed out.

use super::FileMemory;
use crate::{
    config::{Every, LimitsSection, OcrSection, SourceEntry},
    domain::DocumentId,
    knowledge::{
        Chunker, Cursor, Cursors, Document, Hidden, Known, Passage, RELATIONS_EDITION, ReadWith,
        Reading, SourceFault, read_source,
        redact::{Redacted, Redactor},
    },
    ports::with_causes,
    remote::{Begin, RemoteError, Remotes},
};
use chrono::{DateTime, Duration as Span, Utc};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::ControlFlow,
    path::PathBuf,
    sync::Arc,
};
use tokio::{runtime::Handle, sync::mpsc};

/// How often a source that is read by increments is read as a whole.
const FULL_EVERY_HOURS: u32 = 24;

/// A document that is new or changed, cut into passages.
pub(super) struct Prepared {
    pub document: Document,
    pub hash: String,
    pub passages: Vec<Passage>,
    pub redacted: Redacted,
}

pub(super) enum Step {
    Changed(Box<Prepared>),
    Unchanged {
        bytes: u64,
    },
    Passed {
        bytes: u64,
    },
    Withheld,
    Fault(SourceFault),
    /// A reading that goes on from here has all documents before this step.
    Reached(Cursor),
    Done(Seen),
}

/// What the reading of a source came upon.
#[derive(Default)]
pub(super) struct Seen {
    /// Each document's id and the file that it was read from.
    pub documents: HashMap<DocumentId, String>,
    /// Ids that the source says it has, beside those that were read.
    pub listed: HashSet<DocumentId>,
    pub withheld: HashSet<DocumentId>,
    pub hidden_files: HashSet<String>,
    pub hidden_source: bool,
    /// Why.
    pub lost: Option<String>,
    /// When the last reading began that also read who may see what; of several
    /// entries the earliest.
    pub permissions_at: Option<DateTime<Utc>>,
}

/// What the reading thread works with.
pub(super) struct Cutting {
    pub limits: LimitsSection,
    pub ocr: OcrSection,
    pub redactor: Arc<Redactor>,
    pub program: PathBuf,
    pub chunker: Chunker,
    pub known: Arc<HashMap<DocumentId, Known>>,
    pub remotes: Remotes,
    pub cursors: Cursors,
    pub files: FileMemory,
    /// For what is asked of other systems.
    pub runtime: Handle,
}

impl Cutting {
    pub fn read_and_cut(&self, entries: &[SourceEntry], steps: &mpsc::Sender<Step>) {
        let mut seen = Seen::default();
        let mut oldest = Some(self.remotes.now());
        for entry in entries {
            let began = self.remotes.now();
            let redaction = self.redactor.recipe(&entry.redact);
            let mut entry = EntryRun {
                cutting: self,
                entry,
                recipe: format!("{} {RELATIONS_EDITION} {redaction}", self.chunker.recipe()),
                steps,
                seen: &mut seen,
                whole_at: None,
                withheld: BTreeMap::new(),
            };
            let outcome = match entry.entry.remote.is_asked() {
                true => entry.read_remote(),
                false => entry.read_files(),
            };
            if outcome.is_break() || entry.tell_withheld().is_break() {
                return;
            }
            let permissions_at = match entry.entry.remote.is_asked() {
                true => entry.whole_at,
                false => Some(began),
            };
            oldest = oldest.min(permissions_at);
        }
        seen.permissions_at = oldest.filter(|_| !seen.hidden_source);
        let _ = steps.blocking_send(Step::Done(seen));
    }
}

/// The reading of one entry of a source.
struct EntryRun<'a> {
    cutting: &'a Cutting,
    entry: &'a SourceEntry,
    /// What its documents are made with.
    recipe: String,
    steps: &'a mpsc::Sender<Step>,
    seen: &'a mut Seen,
    /// When the last reading of everything began, of what is asked elsewhere.
    whole_at: Option<DateTime<Utc>>,
    /// How many documents are withheld for which reason.
    withheld: BTreeMap<String, usize>,
}

impl EntryRun<'_> {
    fn read_files(&mut self) -> ControlFlow<()> {
        let (entry, cutting, steps) = (self.entry, self.cutting, self.steps);
        let with = ReadWith {
            wanted: &|| !steps.is_closed(),
            unchanged: &|file| {
                let known = cutting.known.get(&DocumentId::new(&file.name));
                let before = cutting.files.recall(&entry.name, file);
                before.is_some_and(|hash| known.is_some_and(|known| known.hash == hash))
            },
            ..ReadWith::new(&cutting.limits, &cutting.ocr, &cutting.program)
        };
        read_source(entry, with, &mut |reading| self.hear(reading, false))
    }

    /// Batch after batch, from where the last run came to.
    fn read_remote(&mut self) -> ControlFlow<()> {
        let (begin, mut cursor) = self.begin();
        let opening = self.cutting.remotes.open(self.entry, begin);
        let mut remote = match self.wait(opening)? {
            Ok(remote) => remote,
            Err(error) => return self.lost(&error),
        };
        loop {
            let batch = match self.wait(remote.next())? {
                Ok(Some(batch)) => batch,
                Ok(None) => break,
                Err(error) => return self.lost(&error),
            };
            for reading in batch.readings {
                self.hear(reading, true)?;
            }
            if let Some(mark) = batch.mark {
                cursor.mark = mark;
                self.send(Step::Reached(cursor.clone()))?;
            }
        }
        // Also after a reading of everything: what moved while it was read may
        // not have been seen, and is not gone.
        if !self.cutting.known.is_empty() {
            match self.wait(remote.ids())? {
                Ok(listed) => self.seen.listed.extend(listed),
                Err(error) => return self.lost(&error),
            }
        }
        cursor.whole_at = cursor.began_at.take().or(cursor.whole_at);
        self.whole_at = cursor.whole_at;
        self.send(Step::Reached(cursor))
    }

    /// Waits for an answer while somebody waits for what is read.
    fn wait<T>(&self, answer: impl Future<Output = T>) -> ControlFlow<(), T> {
        self.cutting.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.steps.closed() => ControlFlow::Break(()),
                answer = answer => ControlFlow::Continue(answer),
            }
        })
    }

    /// The hash is that of the document as its source has it, so that an
    /// unchanged one is not looked through again.
    fn cut(&self, mut document: Document) -> Step {
        let (cutting, entry) = (self.cutting, self.entry);
        let hash = hex_digest(&format!("{} {}", self.recipe, document.hash()));
        cutting.files.tell(&entry.name, &document.origin, &hash);
        let known = cutting.known.get(&document.id);
        if known.is_some_and(|known| known.hash == hash) {
            return Step::Unchanged {
                bytes: document.bytes,
            };
        }
        let mut redacted = Redacted::new();
        cutting
            .redactor
            .redact_document(&mut document, &entry.redact, &mut redacted);
        Step::Changed(Box::new(Prepared {
            passages: cutting.chunker.passages(&document),
            document,
            hash,
            redacted,
        }))
    }

    /// Where this run begins, and the cursor that it moves.
    fn begin(&self) -> (Begin, Cursor) {
        let now = self.cutting.remotes.now();
        // Settings count too: another list of projects is another source.
        // How often it is read makes no difference.
        let entry = SourceEntry {
            every: Every::Off,
            ..self.entry.clone()
        };
        let recipe = hex_digest(&format!("{} {entry:?}", self.recipe));
        let anew = Cursor {
            recipe: recipe.clone(),
            began_at: Some(now),
            ..Cursor::default()
        };
        let cursor = self.cutting.cursors.read(&self.entry.name);
        // An index that knows nothing was made anew, whatever the cursor says.
        let cursor = cursor.filter(|c| c.recipe == recipe && !self.cutting.known.is_empty());
        let Some(cursor) = cursor else {
            return (Begin::Whole(None), anew);
        };
        if cursor.began_at.is_some() && !cursor.mark.is_null() {
            return (Begin::Whole(Some(cursor.mark.clone())), cursor);
        }
        let hours = self.entry.remote.full_every_hours;
        let bound = Span::hours(hours.unwrap_or(FULL_EVERY_HOURS).into());
        match cursor.whole_at {
            Some(whole_at) if now - whole_at < bound => (Begin::Since(cursor.mark.clone()), cursor),
            whole_at => (Begin::Whole(None), Cursor { whole_at, ..anew }),
        }
    }

    /// The source could not be read to its end: what was not seen may still be there.
    fn lost(&mut self, error: &RemoteError) -> ControlFlow<()> {
        let problem = with_causes(error);
        let fault = SourceFault::new(&self.entry.name, problem, Hidden::Source);
        self.hear(Reading::Fault(fault), true)
    }

    /// A system may give a document twice, where it changes while it is read.
    fn hear(&mut self, reading: Reading, may_repeat: bool) -> ControlFlow<()> {
        match reading {
            Reading::Passed { bytes } => self.send(Step::Passed { bytes }),
            Reading::Unchanged { file, bytes } => {
                let id = DocumentId::new(&file);
                self.seen.documents.insert(id, file);
                self.send(Step::Unchanged { bytes })
            }
            Reading::Fault(fault) => {
                match fault.hides {
                    Hidden::Nothing => {}
                    Hidden::File => drop(self.seen.hidden_files.insert(fault.file.clone())),
                    Hidden::Source => {
                        self.seen.hidden_source = true;
                        self.seen.lost.get_or_insert_with(|| fault.to_string());
                    }
                }
                self.send(Step::Fault(fault))
            }
            Reading::Withheld { id, why } => {
                *self.withheld.entry(why).or_default() += 1;
                self.seen.withheld.insert(id);
                self.send(Step::Withheld)
            }
            Reading::Document(document) => {
                let first = self.seen.documents.get(&document.id);
                if let Some(first) = first.filter(|_| !may_repeat) {
                    return self.send(Step::Fault(same_id_twice(&document, first)));
                }
                self.seen.withheld.remove(&document.id);
                let origin = document.origin.clone();
                self.seen.documents.insert(document.id.clone(), origin);
                let cut = self.cut(*document);
                self.send(cut)
            }
        }
    }

    /// One sentence for each reason: what is withheld may be much.
    fn tell_withheld(&mut self) -> ControlFlow<()> {
        for (why, count) in std::mem::take(&mut self.withheld) {
            let documents = if count == 1 {
                "document is"
            } else {
                "documents are"
            };
            let problem = format!(
                "{count} {documents} left out, so that nobody sees more than they may: {why}"
            );
            let fault = SourceFault::new(&self.entry.name, problem, Hidden::Nothing);
            self.send(Step::Fault(fault))?;
        }
        ControlFlow::Continue(())
    }

    fn send(&self, step: Step) -> ControlFlow<()> {
        match self.steps.blocking_send(step) {
            Ok(()) => ControlFlow::Continue(()),
            // Nobody listens any more.
            Err(_) => ControlFlow::Break(()),
        }
    }
}

fn same_id_twice(document: &Document, first: &str) -> SourceFault {
    let problem = format!(
        "document `{}` is left out: {first} already has one of that id",
        document.id
    );
    SourceFault::new(&document.origin, problem, Hidden::Nothing)
}

fn hex_digest(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}
