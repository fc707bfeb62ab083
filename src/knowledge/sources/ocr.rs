//! The text of pictures, by two programs that people keep for it: tesseract
//! reads a picture, poppler's pdftoppm makes pictures of the pages of a PDF.
//!
//! Promise: nothing of it runs unless it is configured. It runs below the
//! process that converts, within that one's time and memory; a page is drawn
//! no larger than a sheet that was scanned well.

use super::scratch::Scratch;
use crate::config::OcrSection;
use std::{
    fs::canonicalize,
    io,
    path::Path,
    process::{Command, Output, Stdio},
};

/// The longer side of a page that is drawn: 300 dots an inch of a sheet of A4.
const PAGE_PIXELS: &str = "3508";

/// Of what a program says went wrong.
const TOLD_CHARS: usize = 200;

#[derive(Debug, thiserror::Error)]
pub enum OcrError {
    #[error(
        "`{program}` can't be started: {source}; install it, or correct `ocr` in the configuration"
    )]
    Missing {
        program: String,
        #[source]
        source: io::Error,
    },
    #[error("`{program}` can't read it: {told}")]
    Failed { program: String, told: String },
    #[error("can't be read")]
    Io(#[from] io::Error),
}

/// The text of a picture.
pub fn read_picture(path: &Path, ocr: &OcrSection) -> Result<String, OcrError> {
    let mut command = Command::new(&ocr.tesseract);
    command
        .arg(canonicalize(path)?)
        .arg("stdout")
        .args(["-l", ocr.languages.as_deref().unwrap_or_default()])
        // Threads of its own would take the processor from those who ask.
        .env("OMP_THREAD_LIMIT", "1");
    let output = run(command, &ocr.tesseract)?;
    // A form feed ends a page.
    Ok(String::from_utf8_lossy(&output.stdout)
        .replace('\u{c}', "\n")
        .trim()
        .to_string())
}

/// The text of a page of a PDF, drawn and then read. Pages count from 1.
pub fn read_page(pdf: &Path, page: usize, ocr: &OcrSection) -> Result<String, OcrError> {
    let scratch = Scratch::new()?;
    let drawn = scratch.path().join("page");
    let number = page.to_string();
    let mut command = Command::new(&ocr.pdftoppm);
    command
        .args(["-f", &number, "-l", &number, "-singlefile"])
        .args(["-gray", "-png", "-scale-to", PAGE_PIXELS])
        .arg(canonicalize(pdf)?)
        .arg(&drawn);
    run(command, &ocr.pdftoppm)?;
    read_picture(&drawn.with_extension("png"), ocr)
}

/// What the two programs are, and whether they have the languages; for those who run this.
pub fn check(ocr: &OcrSection) -> Result<String, OcrError> {
    let mut listing = Command::new(&ocr.tesseract);
    listing.arg("--list-langs");
    let listed = run(listing, &ocr.tesseract)?;
    let listed = String::from_utf8_lossy(&listed.stdout);
    let known: Vec<&str> = listed.lines().skip(1).map(str::trim).collect();
    let wanted = ocr.languages.as_deref().unwrap_or_default();
    if let Some(missing) = wanted.split('+').find(|wanted| !known.contains(wanted)) {
        return Err(OcrError::Failed {
            program: ocr.tesseract.display().to_string(),
            told: format!(
                "it has no language `{missing}`, it has {}; on Debian, install `tesseract-ocr-{missing}`",
                known.join(", ")
            ),
        });
    }
    let mut version = Command::new(&ocr.pdftoppm);
    version.arg("-v");
    run(version, &ocr.pdftoppm)?;
    Ok(format!("reads pictures and scanned pages in {wanted}"))
}

fn run(mut command: Command, program: &Path) -> Result<Output, OcrError> {
    let program = program.display().to_string();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|source| OcrError::Missing {
        program: program.clone(),
        source,
    })?;
    if output.status.success() {
        return Ok(output);
    }
    let told = String::from_utf8_lossy(&output.stderr);
    let told: Vec<&str> = told.split_whitespace().collect();
    let told = match told.is_empty() {
        true => output.status.to_string(),
        false => told.join(" "),
    };
    Err(OcrError::Failed {
        program,
        told: told.chars().take(TOLD_CHARS).collect(),
    })
}
