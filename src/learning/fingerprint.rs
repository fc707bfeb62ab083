//! Hashes that tell one model from another.

use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

/// Read at each end of a large file.
const END: u64 = 1 << 20;

/// SHA-256 of a file, in hex digits.
pub fn file_hash(path: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    io::copy(&mut File::open(path)?, &mut Writer(&mut hash))?;
    Ok(hex::encode(hash.finalize()))
}

/// Tells the graphs and weights of a model folder (`*.onnx`, `*.onnx.data`,
/// `*.onnx_data`) from others': SHA-256 over names, sizes, and the first and
/// last mebibyte of each. Hashing all of many gigabytes would keep a daemon
/// from starting for a minute; weights of another training differ at both ends.
pub fn folder_fingerprint(folder: &Path) -> io::Result<String> {
    let mut files: Vec<_> = fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            name.ends_with(".onnx") || name.ends_with(".onnx.data") || name.ends_with(".onnx_data")
        })
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "no .onnx file in this folder",
        ));
    }
    let mut hash = Sha256::new();
    for path in files {
        let mut file = File::open(&path)?;
        let size = file.metadata()?.len();
        hash.update(path.file_name().unwrap_or_default().as_encoded_bytes());
        hash.update(size.to_be_bytes());
        io::copy(&mut file.by_ref().take(END), &mut Writer(&mut hash))?;
        if size > END {
            file.seek(SeekFrom::Start(size.saturating_sub(END).max(END)))?;
            io::copy(&mut file, &mut Writer(&mut hash))?;
        }
    }
    Ok(hex::encode(hash.finalize()))
}

struct Writer<'a>(&'a mut Sha256);

impl io::Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
