//! Which files a configured pattern names.
//!
//! Promise: only plain files below the folder that the pattern itself names; a
//! symbolic link out of it is passed over, and so are pipes and devices.

use glob::{MatchOptions, Pattern, glob_with};
use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
    time::SystemTime,
};

/// Files that one pattern may name.
const MAX_FILES: usize = 10_000;

/// A pattern such as `logs/*.jsonl*`, from the folder of the configuration.
#[derive(Clone, Debug)]
pub struct LogPattern {
    /// The part without wildcards.
    base: PathBuf,
    pattern: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    pub path: PathBuf,
    /// Without folders.
    pub name: String,
    pub modified: SystemTime,
}

impl LogPattern {
    /// The error completes "`paths`: …".
    pub fn new(folder: &Path, text: &str) -> Result<Self, String> {
        Pattern::new(text).map_err(|error| format!("`{text}` is no pattern: {error}"))?;
        let given = Path::new(text);
        let fixed: PathBuf = given
            .components()
            .take_while(|part| !part.as_os_str().to_string_lossy().contains(['*', '?', '[']))
            .collect();
        // A pattern without wildcards names one file in its folder.
        let fixed = match fixed.as_path() == given {
            true => fixed.parent().map(Path::to_path_buf).unwrap_or_default(),
            false => fixed,
        };
        let pattern = if given.is_absolute() {
            text.to_string()
        } else {
            let folder = Pattern::escape(&folder.to_string_lossy());
            match folder.as_str() {
                "" => text.to_string(),
                folder => format!("{}/{text}", folder.trim_end_matches('/')),
            }
        };
        let mut base = folder.join(fixed);
        if base.components().next().is_none() {
            base.push(Component::CurDir);
        }
        Ok(Self { base, pattern })
    }

    /// Only those that were written to since then; the newest first. The error
    /// is the folder's: it is not there, or may not be read.
    pub fn files(&self, since: Option<SystemTime>) -> std::io::Result<Vec<LogFile>> {
        let base = self.base.canonicalize()?;
        base.read_dir()?;
        let options = MatchOptions {
            require_literal_separator: true,
            require_literal_leading_dot: true,
            ..MatchOptions::new()
        };
        let found = glob_with(&self.pattern, options).map_err(std::io::Error::other)?;
        let mut files = BTreeMap::new();
        for path in found.flatten().take(MAX_FILES) {
            // Gone meanwhile, or a link that leads nowhere.
            let Ok(real) = path.canonicalize() else {
                continue;
            };
            let Ok(about) = real.metadata() else {
                continue;
            };
            if !real.starts_with(&base) || !about.is_file() {
                continue;
            }
            let modified = about.modified()?;
            if since.is_some_and(|since| modified < since) {
                continue;
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let file = LogFile {
                path: real.clone(),
                name: name.into_owned(),
                modified,
            };
            files.insert(real, file);
        }
        let mut files: Vec<LogFile> = files.into_values().collect();
        files.sort_by_key(|file| std::cmp::Reverse(file.modified));
        Ok(files)
    }
}

/// The service that a file's name says: `payments.jsonl.2.gz`, `payments-2026-11-20.log`.
pub fn service_of(name: &str) -> String {
    let stem = name.split('.').find(|part| !part.is_empty());
    let stem = stem.unwrap_or(name);
    let rotation = |c: char| c.is_ascii_digit() || c == '-' || c == '_' || c == 'T';
    let bare = stem.trim_end_matches(rotation);
    // `node-1` is a name, `till-20261120` a day.
    let cut = stem.len() - bare.len();
    if cut >= 8 && !bare.is_empty() {
        bare.to_string()
    } else {
        stem.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fs,
        os::unix::fs::symlink,
        time::{Duration, SystemTime},
    };

    #[test]
    fn service_is_the_name_without_what_rotation_adds() {
        let check = |name: &str, expected: &str| assert_eq!(service_of(name), expected);
        check("payments.jsonl", "payments");
        check("payments.jsonl.2.gz", "payments");
        check("payments-2026-11-20.log", "payments");
        check("payments_20261120.log.gz", "payments");
        check("node-1.log", "node-1");
        check(".hidden", "hidden");
        check("20261120.log", "20261120");
    }

    #[test]
    fn only_plain_files_below_the_folder_are_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let logs = folder.path().join("logs [1]");
        fs::create_dir_all(logs.join("old")).expect("a folder");
        let write = |path: PathBuf| fs::write(path, "a").expect("is written");
        write(logs.join("a.log"));
        write(logs.join("a.log.1"));
        write(logs.join("old/b.log"));
        write(logs.join(".c.log"));
        write(folder.path().join("secret.log"));
        symlink(folder.path().join("secret.log"), logs.join("link.log")).expect("a link");
        symlink(logs.join("a.log"), logs.join("same.log")).expect("a link");
        symlink(logs.join("nowhere"), logs.join("dead.log")).expect("a link");
        symlink(folder.path(), logs.join("up")).expect("a link");
        std::process::Command::new("mkfifo")
            .arg(logs.join("pipe.log"))
            .status()
            .expect("a pipe is made");
        let check = |pattern: &str, expected: &[&str]| {
            let pattern = LogPattern::new(&logs, pattern).expect("is a pattern");
            let files = pattern.files(None).expect("is read");
            let mut names: Vec<String> = files
                .iter()
                .map(|file| {
                    file.path
                        .file_name()
                        .unwrap_or_default()
                        .to_string_lossy()
                        .into()
                })
                .collect();
            names.sort();
            assert_eq!(names, expected, "{pattern:?}");
        };
        check("*.log*", &["a.log", "a.log.1"]);
        check("**/*.log", &["a.log", "b.log"]);
        check("a.log", &["a.log"]);
        check("*/secret.log", &[]);
        check("none*", &[]);
        let missing = LogPattern::new(&logs, "missing/*.log").expect("is a pattern");
        assert!(missing.files(None).is_err());
        assert!(LogPattern::new(&logs, "a**b").is_err());
    }

    #[test]
    fn files_that_were_not_written_to_since_are_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a.log"), "a").expect("is written");
        let pattern = LogPattern::new(folder.path(), "*.log").expect("is a pattern");
        let now = SystemTime::now();
        let count = |since| pattern.files(Some(since)).expect("is read").len();
        assert_eq!(count(now - Duration::from_secs(60)), 1);
        assert_eq!(count(now + Duration::from_secs(60)), 0);
    }
}
