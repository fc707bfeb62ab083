//! Reads log files line by line, plain or gzip, and puts the lines of one
//! record together.
//!
//! Promise: memory is bounded by the length of a record, whatever the file
//! holds; every loop looks at the deadline.

use crate::tools::logs::{
    line::{LineParser, Parsed},
    stamp::Nanos,
};
use flate2::bufread::MultiGzDecoder;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    time::Instant,
};

/// Bytes of one line that are kept; the rest is passed over.
const LINE_BYTES: usize = 64 * 1024;
/// Bytes of one record, with the lines that belong to it.
const RECORD_BYTES: usize = 256 * 1024;
const BUFFER: usize = 128 * 1024;

/// A line, with those behind it that have no time of their own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogRecord {
    pub time: Nanos,
    pub level: String,
    pub service: Option<String>,
    /// Of the first line.
    pub message: String,
    /// All lines.
    pub text: String,
}

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("time is up")]
    TimeUp,
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What the visitor said.
    #[error("{0}")]
    Ended(String),
}

/// Brings every record of a file to `visit`, in the order of the file.
pub fn read_records(
    path: &Path,
    parser: &LineParser,
    deadline: Instant,
    visit: &mut dyn FnMut(&LogRecord) -> Result<(), String>,
) -> Result<(), ReadError> {
    let mut reader = open(path)?;
    let mut records = Records::default();
    let mut line = Vec::new();
    while next_line(&mut *reader, &mut line, deadline)? {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']);
        if let Some(done) = records.take(text, parser) {
            visit(&done).map_err(ReadError::Ended)?;
        }
    }
    match records.open {
        Some(last) => visit(&last).map_err(ReadError::Ended),
        None => Ok(()),
    }
}

/// Gzip is told by its first two bytes: rotated files keep many names.
fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let mut plain = BufReader::with_capacity(BUFFER, File::open(path)?);
    let is_gzip = plain.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    Ok(match is_gzip {
        true => Box::new(BufReader::with_capacity(
            BUFFER,
            Forgiving(MultiGzDecoder::new(plain)),
        )),
        false => Box::new(plain),
    })
}

/// A gzip file that is cut off ends where it was cut: it is being written.
struct Forgiving<R>(R);

impl<R: Read> Read for Forgiving<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            other => other,
        }
    }
}

/// The next line, cut at its cap; false at the end of the file.
fn next_line(
    reader: &mut dyn BufRead,
    line: &mut Vec<u8>,
    deadline: Instant,
) -> Result<bool, ReadError> {
    line.clear();
    let mut is_there = false;
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(is_there);
        }
        is_there = true;
        let newline = buffer.iter().position(|byte| *byte == b'\n');
        let length = newline.map_or(buffer.len(), |at| at + 1);
        let room = LINE_BYTES.saturating_sub(line.len());
        line.extend_from_slice(&buffer[..length.min(room)]);
        reader.consume(length);
        if Instant::now() > deadline {
            return Err(ReadError::TimeUp);
        }
        if newline.is_some() {
            return Ok(true);
        }
    }
}

#[derive(Default)]
struct Records {
    open: Option<LogRecord>,
}

impl Records {
    /// Takes a line, and gives back the record that it ends.
    fn take(&mut self, line: &str, parser: &LineParser) -> Option<LogRecord> {
        if line.trim().is_empty() {
            return None;
        }
        let parsed = parser.parse(line);
        let time = match (parsed.time, &mut self.open) {
            (Some(time), _) => time,
            // A record without a time has that of the one before.
            (None, Some(open)) if parsed.is_record => open.time,
            (None, Some(open)) => {
                if open.text.len() + line.len() < RECORD_BYTES {
                    open.text.push('\n');
                    open.text.push_str(line);
                }
                return None;
            }
            // Nothing is known of the time of what a file begins with.
            (None, None) => return None,
        };
        let Parsed {
            level,
            service,
            message,
            ..
        } = parsed;
        self.open.replace(LogRecord {
            time,
            level,
            service,
            message,
            text: line.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::LogFields, tools::logs::stamp::StampReader};
    use chrono_tz::Tz;
    use std::{io::Write, time::Duration};

    fn parser() -> LineParser {
        let now = "2026-11-21T12:00:00Z".parse().expect("is a time");
        LineParser {
            fields: LogFields::default(),
            stamps: StampReader { zone: Tz::UTC, now },
        }
    }

    fn read(bytes: &[u8]) -> Vec<LogRecord> {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(bytes).expect("is written");
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut found = Vec::new();
        let outcome = read_records(file.path(), &parser(), deadline, &mut |record| {
            found.push(record.clone());
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{error}"));
        found
    }

    #[test]
    fn lines_without_a_time_belong_to_the_one_before() {
        let found = read(
            b"  tail of a trace\n2026-11-20 10:00:00 ERROR no paper\n  at Till.print\nCaused by: x\n\n2026-11-20 10:00:01 INFO b\n",
        );
        let texts: Vec<&str> = found.iter().map(|record| record.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "2026-11-20 10:00:00 ERROR no paper\n  at Till.print\nCaused by: x",
                "2026-11-20 10:00:01 INFO b"
            ]
        );
        assert_eq!(found[0].message, "no paper");
    }

    #[test]
    fn json_record_without_a_time_stands_for_itself() {
        let found = read(b"{\"ts\":1763730245,\"msg\":\"a\"}\n{\"msg\":\"b\"}\n");
        let found: Vec<(&str, Nanos)> = found
            .iter()
            .map(|record| (record.message.as_str(), record.time))
            .collect();
        let time = 1_763_730_245_000_000_000;
        assert_eq!(found, [("a", time), ("b", time)]);
    }

    #[test]
    fn gzip_is_read_whatever_its_name_and_where_it_is_cut() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        for second in 10..59 {
            writeln!(encoder, "2026-11-20 10:00:{second} INFO line {second}").expect("written");
        }
        let mut bytes = encoder.finish().expect("is packed");
        assert_eq!(read(&bytes).len(), 49);
        bytes.truncate(bytes.len() - 8);
        assert_eq!(read(&bytes).len(), 49);
    }

    #[test]
    fn endless_line_and_foreign_bytes_are_no_trouble() {
        let mut bytes = b"2026-11-20 10:00:00 INFO \xff\xfe ".to_vec();
        bytes.extend(std::iter::repeat_n(b'x', 3_000_000));
        bytes.extend(b"\n2026-11-20 10:00:01 INFO b");
        let found = read(&bytes);
        assert_eq!(found.len(), 2);
        assert!(found[0].text.len() <= LINE_BYTES + 8);
        assert!(found[0].message.starts_with("\u{fffd}"));
    }

    #[test]
    fn reading_ends_at_the_deadline() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "2026-11-20 10:00:00 a\n".repeat(10)).expect("is written");
        let deadline = Instant::now() - Duration::from_millis(1);
        let outcome = read_records(file.path(), &parser(), deadline, &mut |_| Ok(()));
        assert!(matches!(outcome, Err(ReadError::TimeUp)), "{outcome:?}");
    }
}
