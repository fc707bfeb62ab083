//! Reads what a source holds, one document at a time.
//!
//! Promise: what can't be read is named with its file and line, and the rest
//! goes on. Whatever could not be looked at is said to be hidden, so that
//! nobody takes its documents for deleted ones.

mod archive;
mod attached;
mod confluence_export;
mod converted;
mod files;
mod front_matter;
#[cfg(test)]
mod fuzz_tests;
mod jira_export;
mod jira_xml;
mod ocr;
mod page;
mod records;
mod restricted;
mod scratch;
mod slack_export;
mod ticket;

use super::document::Document;
use crate::{
    config::{LimitsSection, OcrSection, SiteSource, SourceEntry},
    domain::DocumentId,
};
pub use attached::read_attached;
pub use converted::{ConvertError, Converted, convert};
use files::FileKind;
pub use files::{SourceFile, Stamp};
pub use ocr::{OcrError, check as check_ocr};
pub use records::{NO_SHARED_GROUP, record};
pub use restricted::{Restriction, audience};
use std::{fmt, ops::ControlFlow, path::Path};
pub use ticket::{Comment, Ticket, with_comments};

/// What reading a source comes upon.
#[derive(Clone, Debug)]
pub enum Reading {
    Document(Box<Document>),
    Fault(SourceFault),
    /// A document that nobody may see, and that must not stay where it was.
    Withheld {
        id: DocumentId,
        /// The same words for all documents of one reason.
        why: String,
    },
    /// A file without anything to index, read to its end.
    Passed {
        bytes: u64,
    },
    /// A file whose document is as it was, without being read.
    Unchanged {
        file: String,
        bytes: u64,
    },
}

/// What files are read with.
#[derive(Clone, Copy)]
pub struct ReadWith<'a> {
    pub limits: &'a LimitsSection,
    /// This program: `PROGRAM convert FILE` runs for each file that is no text.
    pub program: &'a Path,
    pub ocr: &'a OcrSection,
    /// Whether somebody still waits for what is read.
    pub wanted: &'a dyn Fn() -> bool,
    /// Whether a file, which it would take a process to read, is as it was.
    pub unchanged: &'a dyn Fn(&SourceFile) -> bool,
}

impl<'a> ReadWith<'a> {
    /// Reads everything to its end.
    pub fn new(limits: &'a LimitsSection, ocr: &'a OcrSection, program: &'a Path) -> Self {
        Self {
            limits,
            program,
            ocr,
            wanted: &|| true,
            unchanged: &|_| false,
        }
    }
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFault {
    /// Relative to the source where it lies in it.
    pub file: String,
    pub line: Option<usize>,
    pub problem: String,
    pub hides: Hidden,
}

/// Documents that may still exist although they were not seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hidden {
    Nothing,
    /// Those read from the fault's file.
    File,
    /// Any of the source.
    Source,
}

impl fmt::Display for SourceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.problem),
            None => write!(f, "{}: {}", self.file, self.problem),
        }
    }
}

impl SourceFault {
    pub fn new(file: impl Into<String>, problem: impl Into<String>, hides: Hidden) -> Self {
        Self {
            file: file.into(),
            line: None,
            problem: problem.into(),
            hides,
        }
    }

    fn at(self, line: usize) -> Self {
        Self {
            line: Some(line),
            ..self
        }
    }
}

/// Hands every document and fault of a source to `visit`, until it breaks off.
pub fn read_source(
    source: &SourceEntry,
    with: ReadWith<'_>,
    visit: &mut dyn FnMut(Reading) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let limits = with.limits;
    if let Some(export) = &source.remote.slack_export {
        return slack_export::read(source, export, limits, visit);
    }
    let exported = |site: &'_ Option<SiteSource>| {
        let site = site.as_ref()?;
        Some((site.clone(), site.export.clone()?))
    };
    if let Some((site, export)) = exported(&source.remote.jira) {
        let is_xml = export
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("xml"));
        return match is_xml {
            true => jira_xml::read(source, &site, &export, limits, visit),
            false => jira_export::read(source, &site, &export, limits, visit),
        };
    }
    if let Some((site, export)) = exported(&source.remote.confluence) {
        return confluence_export::read(source, &site, &export, with, visit);
    }
    if slack_export::is_one(&source.path) {
        let problem = "is a Slack export: its text is read where a `[source.slack_export]` says so";
        let place = source.path.display().to_string();
        return visit(Reading::Fault(SourceFault::new(
            place,
            problem,
            Hidden::Source,
        )));
    }
    let (files, faults) = files::list(&source.path);
    for fault in faults {
        visit(Reading::Fault(fault))?;
    }
    for file in &files {
        match file.kind {
            FileKind::Picture if !with.ocr.is_on() => {}
            FileKind::Converted | FileKind::Picture if (with.unchanged)(file) => {
                let (file, bytes) = (file.name.clone(), file.bytes);
                visit(Reading::Unchanged { file, bytes })?;
            }
            FileKind::Markdown | FileKind::Text | FileKind::Converted | FileKind::Picture => {
                let reading = match page::read(source, file, with) {
                    Ok(Some(document)) => Reading::Document(Box::new(document)),
                    Ok(None) => Reading::Passed { bytes: file.bytes },
                    Err(fault) => Reading::Fault(fault),
                };
                visit(reading)?;
            }
            FileKind::Lines | FileKind::Json | FileKind::Table(_) => {
                records::read(source, file, limits, visit)?
            }
        }
    }
    ControlFlow::Continue(())
}

/// Bytes that a source's files have together, for a progress bar.
pub fn source_bytes(source: &SourceEntry) -> u64 {
    let place = source.remote.export().unwrap_or(&source.path);
    if place.is_file() && source.remote.export().is_some() {
        return place.metadata().map_or(0, |about| about.len());
    }
    files::list(place)
        .0
        .iter()
        .filter(|file| file.kind != FileKind::Picture)
        .map(|file: &SourceFile| file.bytes)
        .sum()
}
