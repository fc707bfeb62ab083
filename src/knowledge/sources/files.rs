//! The files of a source, and what each of them is.
//!
//! A `.gitignore` inside the folder counts, so a checkout may be named as it
//! is. Hidden files are left out and links are not followed.

use super::{Hidden, SourceFault};
use crate::config::LimitsSection;
use chrono::{DateTime, Utc};
use ignore::WalkBuilder;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

#[derive(Clone, Debug)]
pub struct SourceFile {
    pub path: PathBuf,
    /// Relative to the source, with `/` between its parts.
    pub name: String,
    pub kind: FileKind,
    pub bytes: u64,
    /// `None` where the system does not tell.
    pub stamp: Option<Stamp>,
}

/// What is another one once a file was written, as its folder tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    inode: u64,
    bytes: u64,
    /// When the file or what is known of it changed, which nobody can set back.
    pub changed: DateTime<Utc>,
}

impl Stamp {
    fn of(about: &fs::Metadata) -> Option<Self> {
        let nanoseconds = u32::try_from(about.ctime_nsec()).ok()?;
        Some(Self {
            inode: about.ino(),
            bytes: about.len(),
            changed: DateTime::from_timestamp(about.ctime(), nanoseconds)?,
        })
    }
}

impl SourceFile {
    /// One that was seen with this stamp, without its content.
    #[cfg(test)]
    pub fn seen(name: &str, stamp: Stamp) -> Self {
        Self {
            path: name.into(),
            name: name.into(),
            kind: FileKind::Converted,
            bytes: stamp.bytes,
            stamp: Some(stamp),
        }
    }

    /// A fault where it is larger than files may be.
    pub fn fits(&self, limits: &LimitsSection) -> Result<(), SourceFault> {
        if self.bytes <= limits.file_bytes {
            return Ok(());
        }
        let problem = format!(
            "{} bytes, more than limits.file_bytes = {}",
            self.bytes, limits.file_bytes
        );
        Err(SourceFault::new(&self.name, problem, Hidden::File))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    Markdown,
    Text,
    /// A web page, an office document or a PDF.
    Converted,
    /// Text for those who have `[ocr]`, and nothing for others.
    Picture,
    /// One JSON object a line.
    Lines,
    /// A JSON array of objects.
    Json,
    /// Columns, parted by this byte.
    Table(u8),
}

impl FileKind {
    pub fn of(path: &Path) -> Option<Self> {
        Some(match extension(path).as_str() {
            "md" | "markdown" | "mdx" => FileKind::Markdown,
            "txt" | "text" | "rst" | "adoc" | "org" => FileKind::Text,
            "html" | "htm" | "xhtml" | "docx" | "xlsx" | "pptx" | "pdf" => FileKind::Converted,
            "png" | "jpg" | "jpeg" | "tif" | "tiff" | "bmp" | "webp" => FileKind::Picture,
            "jsonl" | "ndjson" => FileKind::Lines,
            "json" => FileKind::Json,
            "csv" => FileKind::Table(b','),
            "tsv" => FileKind::Table(b'\t'),
            _ => return None,
        })
    }
}

/// The file or folder that an error of the walk is about.
fn place_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            place_of(err)
        }
        _ => None,
    }
}

/// Kinds of documents that people expect to be read and that are not read yet.
const NOT_YET: &[&str] = &["doc", "ppt", "xls", "odt", "odp", "ods", "rtf", "epub"];

/// The files that can be read, in order of their names, and what can't be.
pub fn list(root: &Path) -> (Vec<SourceFile>, Vec<SourceFault>) {
    let whole =
        |problem: String| SourceFault::new(root.display().to_string(), problem, Hidden::Source);
    match fs::metadata(root) {
        Err(error) => (Vec::new(), vec![whole(format!("can't be read: {error}"))]),
        Ok(about) if about.is_file() => match FileKind::of(root) {
            Some(kind) => {
                let name = root
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                (
                    vec![SourceFile {
                        path: root.to_path_buf(),
                        name,
                        kind,
                        bytes: about.len(),
                        stamp: Stamp::of(&about),
                    }],
                    Vec::new(),
                )
            }
            None => (
                Vec::new(),
                vec![whole(format!(
                    "files of the kind `.{}` can't be read",
                    extension(root)
                ))],
            ),
        },
        Ok(_) => walk(root),
    }
}

fn walk(root: &Path) -> (Vec<SourceFile>, Vec<SourceFault>) {
    let (mut files, mut faults) = (Vec::new(), Vec::new());
    let mut not_yet: BTreeMap<String, usize> = BTreeMap::new();
    let walk = WalkBuilder::new(root)
        .parents(false)
        .git_global(false)
        .git_exclude(false)
        .require_git(false)
        .sort_by_file_path(Path::cmp)
        .build();
    for entry in walk {
        let entry = match entry {
            Ok(entry) => entry,
            // A folder that can't be opened may hold anything.
            Err(error) => {
                let place = place_of(&error).unwrap_or(root).display().to_string();
                let cause = error
                    .io_error()
                    .map_or_else(|| error.to_string(), ToString::to_string);
                let problem = format!("can't be read: {cause}");
                faults.push(SourceFault::new(place, problem, Hidden::Source));
                continue;
            }
        };
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let path = entry.path();
        let Some(kind) = FileKind::of(path) else {
            let extension = extension(path);
            if NOT_YET.contains(&extension.as_str()) {
                *not_yet.entry(extension).or_default() += 1;
            }
            continue;
        };
        let about = entry.metadata().ok();
        files.push(SourceFile {
            path: path.to_path_buf(),
            name: name_in(root, path),
            kind,
            bytes: about.as_ref().map_or(0, fs::Metadata::len),
            stamp: about.as_ref().and_then(Stamp::of),
        });
    }
    faults.extend(not_yet.into_iter().map(|(extension, n)| {
        let problem =
            format!("{n} files of the kind `.{extension}` are left out: this kind is not read yet");
        SourceFault::new(root.display().to_string(), problem, Hidden::Nothing)
    }));
    (files, faults)
}

fn name_in(root: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = relative
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts.join("/")
}

fn extension(path: &Path) -> String {
    path.extension()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase()
}
