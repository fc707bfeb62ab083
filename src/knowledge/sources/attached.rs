//! A file that is attached to a page or a ticket, as text.

use super::{
    ReadWith,
    converted::{self, Converted},
    files::{FileKind, SourceFile},
    scratch::Scratch,
};
use std::{fs, path::Path};

/// The file as Markdown; `None` for one of a kind that holds no text. The
/// error completes "memo.docx: …".
pub fn read_attached(
    name: &str,
    bytes: &[u8],
    with: ReadWith<'_>,
) -> Result<Option<Converted>, String> {
    let kind = match FileKind::of(Path::new(name)) {
        None => return Ok(None),
        Some(FileKind::Picture) if !with.ocr.is_on() => return Ok(None),
        Some(kind @ (FileKind::Converted | FileKind::Picture)) => kind,
        Some(_) => {
            let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8")?;
            return Ok(Some(Converted {
                title: None,
                markdown: text.into(),
            }));
        }
    };
    let failed = |error: std::io::Error| format!("can't be converted: {error}");
    let scratch = Scratch::new().map_err(failed)?;
    // Its own name is somebody's text; only its ending says how it is read.
    let ending = Path::new(name).extension().unwrap_or_default();
    let path = scratch.path().join("file").with_extension(ending);
    fs::write(&path, bytes).map_err(failed)?;
    let file = SourceFile {
        path,
        name: name.into(),
        kind,
        bytes: bytes.len() as u64,
        stamp: None,
    };
    let converted = converted::read(&file, with).map_err(|fault| fault.problem)?;
    Ok((!converted.markdown.trim().is_empty()).then_some(converted))
}
