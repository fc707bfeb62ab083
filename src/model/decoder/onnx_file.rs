//! The files beside a graph that hold its weights.
//!
//! ONNX keeps weights above two gigabytes, and the exporters keep nearly all
//! of them, in files that the graph names. ONNX Runtime says that one is
//! missing only deep inside a load; here it is known before. Of the graph's
//! protobuf only the way to those names is read: `ModelProto.graph` (7),
//! `GraphProto.initializer` (5), `TensorProto.external_data` (13) with its
//! entries `location`, `offset` and `length` (onnx.proto3).

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufReader, Read, Seek},
    path::Path,
};

/// Longer names and numbers are no external data of any exporter.
const LONGEST_TEXT: u64 = 4096;

/// File name, as the graph gives it, to the bytes that the file must have at
/// least. An error of kind `InvalidData` says that this is no ONNX graph.
pub(super) fn external_files(graph: &Path) -> io::Result<BTreeMap<String, u64>> {
    let file = File::open(graph)?;
    let end = file.metadata()?.len();
    let mut walk = Walk {
        source: BufReader::new(file),
        at: 0,
    };
    let mut files = BTreeMap::new();
    let mut graphs = 0;
    while let Some(field) = walk.field(end)? {
        match field {
            (7, Some(end)) => {
                graphs += 1;
                walk.graph(end, &mut files)?;
            }
            (_, Some(end)) => walk.skip_to(end)?,
            _ => {}
        }
    }
    if graphs == 0 {
        return Err(not_onnx("it holds no graph"));
    }
    Ok(files)
}

/// A reader of protobuf messages, one field after the other.
struct Walk<R> {
    source: R,
    at: u64,
}

impl<R: Read + Seek> Walk<R> {
    fn graph(&mut self, end: u64, files: &mut BTreeMap<String, u64>) -> io::Result<()> {
        while let Some(field) = self.field(end)? {
            match field {
                (5, Some(end)) => self.tensor(end, files)?,
                (_, Some(end)) => self.skip_to(end)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn tensor(&mut self, end: u64, files: &mut BTreeMap<String, u64>) -> io::Result<()> {
        let mut entries = BTreeMap::new();
        while let Some(field) = self.field(end)? {
            match field {
                (13, Some(end)) => {
                    let (key, value) = self.entry(end)?;
                    entries.insert(key, value);
                }
                (_, Some(end)) => self.skip_to(end)?,
                _ => {}
            }
        }
        if let Some(location) = entries.remove("location") {
            let number = |key: &str| entries.get(key).and_then(|text| text.parse::<u64>().ok());
            let bytes = number("offset")
                .unwrap_or(0)
                .saturating_add(number("length").unwrap_or(0));
            let needed = files.entry(location).or_insert(0);
            *needed = bytes.max(*needed);
        }
        Ok(())
    }

    /// A `StringStringEntryProto`.
    fn entry(&mut self, end: u64) -> io::Result<(String, String)> {
        let (mut key, mut value) = (String::new(), String::new());
        while let Some(field) = self.field(end)? {
            match field {
                (1, Some(end)) => key = self.text(end)?,
                (2, Some(end)) => value = self.text(end)?,
                (_, Some(end)) => self.skip_to(end)?,
                _ => {}
            }
        }
        Ok((key, value))
    }

    /// The next field before `end`: its number, and where it ends if it is
    /// length-delimited. Fields of other kinds are passed over.
    fn field(&mut self, end: u64) -> io::Result<Option<(u64, Option<u64>)>> {
        if self.at >= end {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = tag >> 3;
        match tag & 7 {
            0 => {
                self.varint()?;
            }
            1 => self.skip_to(self.at.saturating_add(8))?,
            2 => {
                let length = self.varint()?;
                let field_end = self.at.saturating_add(length);
                if field_end > end {
                    return Err(not_onnx("it is cut off"));
                }
                return Ok(Some((number, Some(field_end))));
            }
            5 => self.skip_to(self.at.saturating_add(4))?,
            _ => return Err(not_onnx("it is no protobuf")),
        }
        if self.at > end {
            return Err(not_onnx("it is cut off"));
        }
        Ok(Some((number, None)))
    }

    fn varint(&mut self) -> io::Result<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let mut byte = [0];
            self.source
                .read_exact(&mut byte)
                .map_err(|_| not_onnx("it is cut off"))?;
            self.at += 1;
            value |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(not_onnx("it is no protobuf"))
    }

    fn text(&mut self, end: u64) -> io::Result<String> {
        let length = end.saturating_sub(self.at);
        if length > LONGEST_TEXT {
            return Err(not_onnx(
                "it names external data with a text that is too long",
            ));
        }
        let mut text = String::new();
        self.source
            .by_ref()
            .take(length)
            .read_to_string(&mut text)?;
        self.at = end;
        Ok(text)
    }

    fn skip_to(&mut self, end: u64) -> io::Result<()> {
        let distance = i64::try_from(end.saturating_sub(self.at))
            .map_err(|_| not_onnx("it is no protobuf"))?;
        self.source.seek_relative(distance)?;
        self.at = end;
        Ok(())
    }
}

fn not_onnx(problem: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("it is not a whole ONNX graph: {problem}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2, content.len() as u8];
        bytes.extend_from_slice(content);
        bytes
    }

    fn entry(key: &str, value: &str) -> Vec<u8> {
        let pair = [field(1, key.as_bytes()), field(2, value.as_bytes())].concat();
        field(13, &pair)
    }

    fn read(bytes: &[u8]) -> io::Result<BTreeMap<String, u64>> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), bytes)?;
        external_files(file.path())
    }

    fn graph_with_one_external_tensor() -> Vec<u8> {
        let tensor = [
            field(8, b"weight"),
            entry("location", "model.onnx.data"),
            entry("offset", "64"),
            entry("length", "16"),
        ]
        .concat();
        field(7, &field(5, &tensor))
    }

    #[test]
    fn external_file_is_found_with_the_bytes_it_must_have() {
        let files = read(&graph_with_one_external_tensor()).expect("a whole graph");
        assert_eq!(files, BTreeMap::from([("model.onnx.data".into(), 80)]));
    }

    #[test]
    fn graph_that_is_cut_off_is_refused() {
        let whole = graph_with_one_external_tensor();
        for length in 0..whole.len() {
            let error = read(&whole[..length]).expect_err("must be refused");
            assert_eq!(
                error.kind(),
                io::ErrorKind::InvalidData,
                "{length}: {error}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }
    }
}
