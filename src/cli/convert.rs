//! `lorekeeper convert`: a web page, an office document or a PDF as Markdown.
//! `ingest` runs it for each such file, because a broken one may end its reader.

use crate::knowledge::convert;
use anyhow::Context;
use clap::Args;
use rustix::process::{Resource, Rlimit, setrlimit};
use std::{io::Write, path::PathBuf};

/// More memory than that ends the process.
const MEMORY: u64 = 1 << 30;

#[derive(Args, Debug)]
pub struct ConvertArgs {
    /// The file: html, docx, xlsx, pptx or pdf
    file: PathBuf,
}

impl ConvertArgs {
    /// Prints {"title","markdown"}.
    pub fn run(self) -> anyhow::Result<()> {
        let limit = Rlimit {
            current: Some(MEMORY),
            maximum: Some(MEMORY),
        };
        // A system that knows no such limit is no reason not to read.
        let _ = setrlimit(Resource::Data, limit);
        let converted = convert(&self.file).with_context(|| self.file.display().to_string())?;
        let mut out = std::io::stdout().lock();
        serde_json::to_writer(&mut out, &converted)?;
        Ok(writeln!(out)?)
    }
}
