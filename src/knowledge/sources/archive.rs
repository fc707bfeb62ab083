//! An export as a folder or as the zip file that it came in.
//!
//! Promise: an entry is read up to a limit, whatever the archive says of its
//! size, and nothing is written anywhere.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};
use zip::ZipArchive;

/// More entries are no export of a company.
const ENTRIES: usize = 2_000_000;
const DEPTH: usize = 12;

pub enum Archive {
    Folder { root: PathBuf, names: Vec<String> },
    Zip(Box<ZipArchive<BufReader<File>>>),
}

impl Archive {
    pub fn open(path: &Path) -> io::Result<Self> {
        if fs::metadata(path)?.is_dir() {
            let mut names = Vec::new();
            walk(path, "", 0, &mut names)?;
            names.sort();
            let root = path.to_path_buf();
            return Ok(Archive::Folder { root, names });
        }
        let file = BufReader::new(File::open(path)?);
        let zip = ZipArchive::new(file).map_err(io::Error::other)?;
        Ok(Archive::Zip(Box::new(zip)))
    }

    /// The files in it, by their names with `/`, sorted.
    pub fn names(&self) -> Vec<String> {
        match self {
            Archive::Folder { names, .. } => names.clone(),
            Archive::Zip(zip) => {
                let names = zip.file_names().take(ENTRIES);
                let names = names.filter_map(|name| name.ok().map(|name| name.into_owned()));
                let mut names: Vec<String> = names.filter(|name| !name.ends_with('/')).collect();
                names.sort();
                names
            }
        }
    }

    /// A whole file, if it is no larger than that.
    pub fn read(&mut self, name: &str, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let more = limit.saturating_add(1);
        match self {
            // The name came from `names`, so it does not lead out of the folder.
            Archive::Folder { root, .. } => {
                File::open(root.join(name))?
                    .take(more)
                    .read_to_end(&mut bytes)?;
            }
            Archive::Zip(zip) => {
                let file = zip.by_name(name).map_err(io::Error::other)?;
                file.take(more).read_to_end(&mut bytes)?;
            }
        }
        if bytes.len() as u64 > limit {
            let problem = format!("is larger than limits.file_bytes = {limit}");
            return Err(io::Error::other(problem));
        }
        Ok(bytes)
    }
}

fn walk(root: &Path, below: &str, depth: usize, names: &mut Vec<String>) -> io::Result<()> {
    if depth > DEPTH || names.len() > ENTRIES {
        return Ok(());
    }
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let name = match below {
            "" => name,
            below => format!("{below}/{name}"),
        };
        // Links are not followed.
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(root, &name, depth + 1, names)?;
        } else if kind.is_file() {
            names.push(name);
        }
    }
    Ok(())
}
