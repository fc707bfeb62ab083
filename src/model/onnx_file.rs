//! What a graph's file says before ONNX Runtime loads it.
//!
//! The weights: ONNX keeps those above two gigabytes, and the exporters keep
//! nearly all of them, in files that the graph names. ONNX Runtime says that
//! one is missing only deep inside a load. And the windows of attention, and
//! whether it computes in 8 bits, which ONNX Runtime does not tell at all. Of
//! the protobuf only the way to these is
//! read: `ModelProto.graph` (7); `GraphProto.initializer` (5),
//! `TensorProto.external_data` (13) with its entries `location`, `offset` and
//! `length`; `GraphProto.node` (1), `NodeProto.op_type` (4) and `attribute` (5),
//! `AttributeProto.name` (1) and `i` (3) (onnx.proto3).

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufReader, Read, Seek},
    path::Path,
};

/// Longer names and numbers are of no exporter.
const LONGEST_TEXT: u64 = 4096;

const ATTENTION: &str = "GroupQueryAttention";
const WINDOW: &str = "local_window_size";

/// Operators that find the scale of 8-bit products while they run.
const DYNAMIC_SCALES: [&str; 3] = [
    "DynamicQuantizeLinear",
    "DynamicQuantizeMatMul",
    "DynamicQuantizeLSTM",
];

#[derive(Debug, Default, PartialEq)]
pub(super) struct OnnxFile {
    /// Files with weights, as the graph names them, to the bytes that each must
    /// have at least.
    pub external_files: BTreeMap<String, u64>,
    /// Tokens that each GroupQueryAttention looks back; `None` is all of them.
    pub attention_windows: Vec<Option<u64>>,
    /// Whether the scale of 8-bit products is found while it runs, over all that runs together.
    pub has_dynamic_scales: bool,
}

impl OnnxFile {
    /// An error of kind `InvalidData` says that this is no ONNX graph.
    pub fn read(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let end = file.metadata()?.len();
        let mut walk = Walk {
            source: BufReader::new(file),
            at: 0,
        };
        let mut found = Self::default();
        let mut graphs = 0;
        while let Some(field) = walk.field(end)? {
            match field {
                (7, Content::Until(end)) => {
                    graphs += 1;
                    walk.graph(end, &mut found)?;
                }
                (_, content) => walk.pass(content)?,
            }
        }
        if graphs == 0 {
            return Err(not_onnx("it holds no graph"));
        }
        Ok(found)
    }
}

/// A reader of protobuf messages, one field after the other.
struct Walk<R> {
    source: R,
    at: u64,
}

enum Content {
    Number(u64),
    /// Of a length-delimited field: where it ends.
    Until(u64),
    /// Passed over already.
    Fixed,
}

impl<R: Read + Seek> Walk<R> {
    fn graph(&mut self, end: u64, found: &mut OnnxFile) -> io::Result<()> {
        while let Some(field) = self.field(end)? {
            match field {
                (1, Content::Until(end)) => self.node(end, found)?,
                (5, Content::Until(end)) => self.tensor(end, &mut found.external_files)?,
                (_, content) => self.pass(content)?,
            }
        }
        Ok(())
    }

    /// What a node tells: the window of an attention, or what it computes in.
    fn node(&mut self, end: u64, found: &mut OnnxFile) -> io::Result<()> {
        let (mut operator, mut window) = (String::new(), None);
        while let Some(field) = self.field(end)? {
            match field {
                (4, Content::Until(end)) => operator = self.text(end)?,
                (5, Content::Until(end)) => window = self.window(end)?.or(window),
                (_, content) => self.pass(content)?,
            }
        }
        if operator == ATTENTION {
            found.attention_windows.push(window);
        }
        found.has_dynamic_scales |= DYNAMIC_SCALES.contains(&operator.as_str());
        Ok(())
    }

    /// What an attribute says of the window. Numbers below 0 say that there is none.
    fn window(&mut self, end: u64) -> io::Result<Option<u64>> {
        let (mut is_window, mut number) = (false, 0);
        while let Some(field) = self.field(end)? {
            match field {
                (1, Content::Until(end)) => is_window = self.text(end)? == WINDOW,
                (3, Content::Number(i)) => number = i,
                (_, content) => self.pass(content)?,
            }
        }
        let positive = i64::try_from(number).is_ok_and(|number| number > 0);
        Ok((is_window && positive).then_some(number))
    }

    fn tensor(&mut self, end: u64, files: &mut BTreeMap<String, u64>) -> io::Result<()> {
        let mut entries = BTreeMap::new();
        while let Some(field) = self.field(end)? {
            match field {
                (13, Content::Until(end)) => {
                    let (key, value) = self.entry(end)?;
                    entries.insert(key, value);
                }
                (_, content) => self.pass(content)?,
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
                (1, Content::Until(end)) => key = self.text(end)?,
                (2, Content::Until(end)) => value = self.text(end)?,
                (_, content) => self.pass(content)?,
            }
        }
        Ok((key, value))
    }

    /// The next field before `end`, by its number.
    fn field(&mut self, end: u64) -> io::Result<Option<(u64, Content)>> {
        if self.at >= end {
            return Ok(None);
        }
        let tag = self.varint()?;
        let content = match tag & 7 {
            0 => Content::Number(self.varint()?),
            1 => {
                self.skip_to(self.at.saturating_add(8))?;
                Content::Fixed
            }
            2 => {
                let length = self.varint()?;
                let field_end = self.at.saturating_add(length);
                if field_end > end {
                    return Err(not_onnx("it is cut off"));
                }
                Content::Until(field_end)
            }
            5 => {
                self.skip_to(self.at.saturating_add(4))?;
                Content::Fixed
            }
            _ => return Err(not_onnx("it is no protobuf")),
        };
        if self.at > end {
            return Err(not_onnx("it is cut off"));
        }
        Ok(Some((tag >> 3, content)))
    }

    fn pass(&mut self, content: Content) -> io::Result<()> {
        match content {
            Content::Until(end) => self.skip_to(end),
            Content::Number(_) | Content::Fixed => Ok(()),
        }
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
            return Err(not_onnx("it has a name that is too long"));
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
        let length = content.len();
        let length = match length {
            0..128 => vec![length as u8],
            _ => vec![length as u8 | 0x80, (length >> 7) as u8],
        };
        let mut bytes = [vec![number << 3 | 2], length].concat();
        bytes.extend_from_slice(content);
        bytes
    }

    fn entry(key: &str, value: &str) -> Vec<u8> {
        let pair = [field(1, key.as_bytes()), field(2, value.as_bytes())].concat();
        field(13, &pair)
    }

    fn read(bytes: &[u8]) -> io::Result<OnnxFile> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), bytes)?;
        OnnxFile::read(file.path())
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
        let read = read(&graph_with_one_external_tensor()).expect("a whole graph");
        let files = BTreeMap::from([("model.onnx.data".into(), 80)]);
        assert_eq!(read.external_files, files);
    }

    #[test]
    fn window_of_each_attention_is_found() {
        let node = |kind: &str, attributes: &[Vec<u8>]| {
            let node = [field(4, kind.as_bytes()), attributes.concat()].concat();
            field(1, &node)
        };
        let attribute = |name: &str, number: &[u8]| {
            field(
                5,
                &[&field(1, name.as_bytes())[..], &[3 << 3], number].concat(),
            )
        };
        // -1 is a number of ten bytes.
        let none = [&[0xff; 9][..], &[1]].concat();
        let (size, heads) = ("local_window_size", attribute("num_heads", &[8]));
        let nodes = [
            node(ATTENTION, &[attribute(size, &[24]), heads.clone()]),
            node(ATTENTION, &[heads.clone(), attribute(size, &none)]),
            node(ATTENTION, &[heads]),
            node("MatMul", &[attribute(size, &[24])]),
        ];
        let read = read(&field(7, &nodes.concat())).expect("a whole graph");
        assert_eq!(read.attention_windows, [Some(24), None, None]);
    }

    #[test]
    fn graph_that_scales_while_it_runs_is_told_from_others() {
        let check = |operator: &str, expected: bool| {
            let node = field(1, &field(4, operator.as_bytes()));
            let read = read(&field(7, &node)).expect("a whole graph");
            assert_eq!(read.has_dynamic_scales, expected, "{operator}");
        };
        check("DynamicQuantizeLinear", true);
        check("MatMul", false);
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
