//! `lorekeeper convert`: a web page, an office document or a PDF as Markdown.
//! `ingest` runs it for each such file, because a broken one may end its reader.

use crate::{config::OcrSection, knowledge::convert};
use anyhow::Context;
use clap::Args;
use rustix::process::{Resource, Rlimit, nice, setrlimit};
use std::{io::Write, path::PathBuf};

/// More memory than that ends the process.
const MEMORY: u64 = 1 << 30;

#[derive(Args, Debug)]
pub struct ConvertArgs {
    /// The file: html, docx, xlsx, pptx or pdf; with --ocr also a picture
    file: PathBuf,
    /// Languages of pictures and scanned pages, such as eng+deu
    #[arg(long, value_name = "LANGUAGES")]
    ocr: Option<String>,
    /// The program that reads pictures
    #[arg(long, default_value = "tesseract")]
    tesseract: PathBuf,
    /// The program that draws pages of a PDF
    #[arg(long, default_value = "pdftoppm")]
    pdftoppm: PathBuf,
    /// Scanned pages of one PDF that are read
    #[arg(long, default_value_t = 50)]
    ocr_pages: usize,
}

/// Questions go first.
const NICE: i32 = 10;

impl ConvertArgs {
    /// Prints {"title","markdown"}.
    pub fn run(self) -> anyhow::Result<()> {
        let limit = Rlimit {
            current: Some(MEMORY),
            maximum: Some(MEMORY),
        };
        // A system that knows no such limit is no reason not to read.
        let _ = setrlimit(Resource::Data, limit);
        let _ = nice(NICE);
        let ocr = OcrSection {
            languages: self.ocr,
            tesseract: self.tesseract,
            pdftoppm: self.pdftoppm,
            pages: self.ocr_pages,
            ..OcrSection::default()
        };
        let converted =
            convert(&self.file, &ocr).with_context(|| self.file.display().to_string())?;
        let mut out = std::io::stdout().lock();
        serde_json::to_writer(&mut out, &converted)?;
        Ok(writeln!(out)?)
    }
}
