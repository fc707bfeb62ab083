//! Documents of other programs, as Markdown: web pages, office documents, PDF.
//!
//! Promise: each file is converted in a process of its own, so that one that
//! is broken or hostile ends that process and nothing else, within a time and
//! within memory. What a file looks like is lost, as are its pictures.

use super::{
    Hidden, ReadWith, SourceFault,
    files::SourceFile,
    ocr::{self, OcrError},
};
use crate::config::OcrSection;
use encoding_rs::{Encoding, UTF_8};
use htmd::HtmlToMarkdown;
use regex::Regex;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::Read,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::LazyLock,
    thread,
    time::{Duration, Instant},
};
use undoc::render::RenderOptions;

/// A converted file: what the child process prints as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Converted {
    /// As the document itself names it.
    pub title: Option<String>,
    pub markdown: String,
}

#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    #[error("can't be read")]
    Io(#[from] std::io::Error),
    #[error("is no office document that can be read")]
    Office(#[from] undoc::Error),
    #[error("is no PDF that can be read")]
    Pdf(#[from] pdf_extract::OutputError),
    #[error(transparent)]
    Ocr(#[from] OcrError),
    #[error("files of the kind `.{0}` can't be converted")]
    Kind(String),
}

/// Converts in this process: for the child alone. May not return for a hostile file.
pub fn convert(path: &Path, ocr: &OcrSection) -> Result<Converted, ConvertError> {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    match ending.to_lowercase().as_str() {
        "html" | "htm" | "xhtml" => Ok(web_page(&fs::read(path)?)?),
        "docx" | "xlsx" | "pptx" => office(path),
        "pdf" => pdf(path, ocr),
        "png" | "jpg" | "jpeg" | "tif" | "tiff" | "bmp" | "webp" if ocr.is_on() => Ok(Converted {
            title: None,
            markdown: ocr::read_picture(path, ocr)?,
        }),
        other => Err(ConvertError::Kind(other.into())),
    }
}

/// What stands around a page's own text, and what is no text.
const NOT_TEXT: [&str; 10] = [
    "script", "style", "noscript", "template", "svg", "nav", "footer", "aside", "form", "iframe",
];

static TITLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?is)<title[^>]*>(.{0,1000}?)</title\s*>").expect("is a pattern")
});

static CHARSET: LazyLock<regex::bytes::Regex> = LazyLock::new(|| {
    regex::bytes::Regex::new(r#"(?i-u)<meta[^>]{0,200}charset\s*=\s*["']?([\w-]{1,40})"#)
        .expect("is a pattern")
});

pub(super) fn web_page(bytes: &[u8]) -> Result<Converted, std::io::Error> {
    let head = &bytes[..bytes.len().min(4096)];
    let named = CHARSET
        .captures(head)
        .and_then(|parts| Encoding::for_label(&parts[1]));
    let (html, _, _) = named.unwrap_or(UTF_8).decode(bytes);
    let converter = HtmlToMarkdown::builder()
        .skip_tags([NOT_TEXT.as_slice(), &["title"]].concat())
        .build();
    let title = TITLE
        .captures(&html)
        .map(|parts| converter.convert(&parts[1]));
    let title = title.transpose()?;
    Ok(Converted {
        title: title
            .map(|title| one_line(&title))
            .filter(|title| !title.is_empty()),
        markdown: converter.convert(&html)?,
    })
}

fn office(path: &Path) -> Result<Converted, ConvertError> {
    let document = undoc::parse_file(path)?;
    let options = RenderOptions::default().with_cleanup();
    let markdown = undoc::render::to_markdown(&document, &options)?;
    let title = document.metadata.title.map(|title| one_line(&title));
    Ok(Converted {
        title: title.filter(|title| !title.is_empty()),
        markdown: PICTURE.replace_all(&markdown, "").into_owned(),
    })
}

static PICTURE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"!\[[^\]\n]*\]\([^)\n]*\)").expect("is a pattern"));

/// A page with fewer letters than that is a picture with a number below it.
const LETTERS: usize = 12;

/// Every page is a section, so that an answer names the page.
fn pdf(path: &Path, ocr: &OcrSection) -> Result<Converted, ConvertError> {
    let pages = pdf_extract::extract_text_by_pages(path)?;
    let mut markdown = String::new();
    let mut read = 0;
    for (n, page) in pages.iter().enumerate() {
        let letters = page.chars().filter(|c| c.is_alphabetic()).take(LETTERS);
        let scanned = letters.count() < LETTERS && ocr.is_on() && read < ocr.pages;
        let drawn = match scanned {
            true => {
                read += 1;
                ocr::read_page(path, n + 1, ocr)?
            }
            false => String::new(),
        };
        let text = if drawn.is_empty() {
            page.trim()
        } else {
            &drawn
        };
        if text.is_empty() {
            continue;
        }
        if pages.len() > 1 {
            markdown.push_str(&format!("## Page {}\n\n", n + 1));
        }
        markdown.push_str(text);
        markdown.push_str("\n\n");
    }
    Ok(Converted {
        title: None,
        markdown,
    })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Converts a file in a child process: `PROGRAM convert FILE`.
pub fn read(file: &SourceFile, with: ReadWith<'_>) -> Result<Converted, SourceFault> {
    let limits = with.limits;
    let fault = |problem: String| SourceFault::new(&file.name, problem, Hidden::File);
    file.fits(limits)?;
    let mut command = Command::new(with.program);
    command.arg("convert").arg(&file.path);
    let mut limit = ("limits.convert_timeout_ms", limits.convert_timeout_ms);
    if let Some(languages) = &with.ocr.languages {
        command.arg("--ocr").arg(languages);
        command.arg("--tesseract").arg(&with.ocr.tesseract);
        command.arg("--pdftoppm").arg(&with.ocr.pdftoppm);
        command.arg("--ocr-pages").arg(with.ocr.pages.to_string());
        if with.ocr.timeout_ms > limit.1 {
            limit = ("ocr.timeout_ms", with.ocr.timeout_ms);
        }
    }
    // A group of its own: what it started ends with it.
    let child = command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let child = child.map_err(|error| fault(format!("can't be converted: {error}")))?;
    let (printed, told) = finish(child, limit, limits.file_bytes, with.wanted).map_err(fault)?;
    serde_json::from_slice(&printed).map_err(|_| {
        let told = one_line(&String::from_utf8_lossy(&told));
        // The child names the whole path; people know the file by its place in the source.
        let told = told
            .strip_prefix(&format!("{}: ", file.path.display()))
            .unwrap_or(&told);
        fault(match told {
            "" => "could not be converted: its reader ended without a word".into(),
            told => told.into(),
        })
    })
}

/// What the child printed and told, once it has ended by itself in time.
fn finish(
    mut child: Child,
    (key, limit): (&str, u64),
    bytes: u64,
    wanted: &dyn Fn() -> bool,
) -> Result<(Vec<u8>, Vec<u8>), String> {
    let printed = drain(child.stdout.take(), bytes.saturating_mul(4));
    let told = drain(child.stderr.take(), 4096);
    let until = Instant::now() + Duration::from_millis(limit);
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < until && wanted() => {
                thread::sleep(Duration::from_millis(2))
            }
            Ok(None) | Err(_) => {
                end(&mut child);
                return Err(format!("was not converted within {key} = {}", limit));
            }
        }
    };
    let (printed, told) = (printed.join(), told.join());
    let (Ok(printed), Ok(told)) = (printed, told) else {
        return Err("could not be converted: its reader could not be heard".into());
    };
    match status.code() {
        Some(0 | 1) => Ok((printed, told)),
        _ => Err(format!(
            "could not be converted: its reader ended with {status}"
        )),
    }
}

/// Ends the child and what it started.
fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Reads on beyond the limit without keeping it, so that the child can end.
fn drain(pipe: Option<impl Read + Send + 'static>, limit: u64) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut kept = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.by_ref().take(limit).read_to_end(&mut kept);
            let _ = std::io::copy(&mut pipe, &mut std::io::sink());
        }
        kept
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_page_keeps_its_structure_and_loses_what_stands_around() {
        let page = "<html><head><title>Heron &amp;\n gateway</title><style>p{}</style></head><body>\
            <nav>Home | Login</nav><h1>Gateway</h1><p>Hold <b>reset</b> for 5 s.</p>\
            <ul><li>one</li><li>two</li></ul>\
            <table><tr><th>Light</th><th>Means</th></tr><tr><td>red</td><td>down</td></tr></table>\
            <script>alert(1)</script><footer>(c)</footer></body></html>";
        let page = web_page(page.as_bytes()).expect("is HTML");
        assert_eq!(page.title.as_deref(), Some("Heron & gateway"));
        for kept in [
            "# Gateway",
            "Hold **reset** for 5 s.",
            "one",
            "| red",
            "down",
        ] {
            assert!(
                page.markdown.contains(kept),
                "`{kept}` is not in\n{}",
                page.markdown
            );
        }
        for lost in ["Login", "alert", "(c)", "p{}", "Heron"] {
            assert!(
                !page.markdown.contains(lost),
                "`{lost}` is in\n{}",
                page.markdown
            );
        }
    }

    #[test]
    fn web_page_is_read_in_its_own_encoding() {
        let page = b"<meta charset=iso-8859-1><p>gr\xfc\xdfe</p>";
        let page = web_page(page).expect("is HTML");
        assert_eq!(page.markdown.trim(), "gr\u{fc}\u{df}e");
    }
}
