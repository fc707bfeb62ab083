//! Reads what a source holds, one document at a time.
//!
//! Promise: what can't be read is named with its file and line, and the rest
//! goes on. Whatever could not be looked at is said to be hidden, so that
//! nobody takes its documents for deleted ones.

mod converted;
mod files;
mod front_matter;
mod page;
mod records;

use super::document::Document;
use crate::config::{LimitsSection, SourceEntry};
pub use converted::{ConvertError, Converted, convert};
use files::{FileKind, SourceFile};
use std::{fmt, ops::ControlFlow, path::Path};

/// What reading a source comes upon.
#[derive(Clone, Debug)]
pub enum Reading {
    Document(Box<Document>),
    Fault(SourceFault),
    /// A file without anything to index, read to its end.
    Passed {
        bytes: u64,
    },
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
    fn new(file: impl Into<String>, problem: impl Into<String>, hides: Hidden) -> Self {
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
/// `program` is this program: `PROGRAM convert FILE` runs for each file that is
/// no text.
pub fn read_source(
    source: &SourceEntry,
    limits: &LimitsSection,
    program: &Path,
    visit: &mut dyn FnMut(Reading) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let (files, faults) = files::list(&source.path);
    for fault in faults {
        visit(Reading::Fault(fault))?;
    }
    for file in &files {
        match file.kind {
            FileKind::Markdown | FileKind::Text | FileKind::Converted => {
                let reading = match page::read(source, file, limits, program) {
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
    files::list(&source.path)
        .0
        .iter()
        .map(|file: &SourceFile| file.bytes)
        .sum()
}
