//! A folder for files that a program is to read.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// It is gone when this is.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> io::Result<Self> {
        let name = format!("lorekeeper-page-{}", uuid::Uuid::new_v4().as_simple());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder)?;
        Ok(Self(folder))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays behind lies in the system's folder for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}
