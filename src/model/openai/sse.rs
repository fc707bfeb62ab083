//! Server-sent events (WHATWG HTML, 9.2), as far as chat servers use them:
//! the data of each event, out of chunks that are cut anywhere.

/// Bytes of one event. A token of text has a few hundred.
const LONGEST: usize = 1 << 20;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SseError {
    #[error("event of the stream is longer than {LONGEST} bytes")]
    TooLong,
    #[error("stream is not UTF-8")]
    NotText,
}

#[derive(Default)]
pub(super) struct EventStream {
    /// The line that is not complete yet.
    line: Vec<u8>,
    /// A carriage return ended the last line; a line feed behind it belongs to it.
    after_return: bool,
    begun: bool,
    data: Option<String>,
}

impl EventStream {
    /// The data of the events that this chunk completes.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Result<Vec<String>, SseError> {
        let mut events = Vec::new();
        for &byte in chunk {
            match byte {
                b'\n' if self.after_return => self.after_return = false,
                b'\n' | b'\r' => {
                    self.after_return = byte == b'\r';
                    events.extend(self.end_line()?);
                }
                _ => {
                    self.after_return = false;
                    self.line.push(byte);
                    self.check_length()?;
                }
            }
        }
        Ok(events)
    }

    /// The event that the end of the stream completes. The standard drops it;
    /// servers that forget the last empty line are more frequent than events
    /// cut exactly there, and such an event is read as JSON anyway.
    pub(super) fn finish(&mut self) -> Result<Option<String>, SseError> {
        self.end_line()?;
        Ok(self.data.take())
    }

    /// An empty line completes the event before it.
    fn end_line(&mut self) -> Result<Option<String>, SseError> {
        let line =
            String::from_utf8(std::mem::take(&mut self.line)).map_err(|_| SseError::NotText)?;
        let line = if self.begun {
            line.as_str()
        } else {
            line.trim_start_matches('\u{feff}')
        };
        self.begun = true;
        if line.is_empty() {
            return Ok(self.data.take());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        if field == "data" {
            let value = value.strip_prefix(' ').unwrap_or(value);
            match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_string()),
            }
        }
        Ok(None)
    }

    fn check_length(&self) -> Result<(), SseError> {
        let waiting = self.data.as_ref().map_or(0, String::len);
        if self.line.len() + waiting > LONGEST {
            return Err(SseError::TooLong);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<String>, SseError> {
        let mut stream = EventStream::default();
        let mut events = Vec::new();
        for chunk in chunks {
            events.extend(stream.push(chunk)?);
        }
        events.extend(stream.finish()?);
        Ok(events)
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(
            read([text.as_bytes()]).expect("a stream"),
            expected,
            "{text:?}"
        );
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(
            read(bytes).expect("a stream"),
            expected,
            "{text:?} by bytes"
        );
    }

    #[test]
    fn events_end_at_empty_lines_of_every_kind() {
        check("data: a\n\ndata: b\n\n", &["a", "b"]);
        check("data: a\r\n\r\ndata: b\r\n\r\n", &["a", "b"]);
        check("data: a\r\rdata:b\r\r", &["a", "b"]);
    }

    #[test]
    fn comments_and_other_fields_are_passed_over() {
        check(
            ": ping\n\nevent: message\nid: 7\nretry: 10\ndata: a\n\n\n\n",
            &["a"],
        );
        check("\u{feff}data: a\n\ndatum: b\n\ndata\n\n", &["a", ""]);
    }

    #[test]
    fn data_of_several_lines_is_joined() {
        check(
            "data: {\ndata:  \"a\": 1\ndata: }\n\n",
            &["{\n \"a\": 1\n}"],
        );
    }

    #[test]
    fn event_without_its_empty_line_is_completed_by_the_end() {
        check("data: a\n\ndata: [DONE]", &["a", "[DONE]"]);
        check("", &[]);
    }

    #[test]
    fn line_without_end_is_an_error_and_not_memory() {
        let long = vec![b'x'; LONGEST + 1];
        assert_eq!(read([&long[..]]), Err(SseError::TooLong));
        let lines = "data: 0123456789\n".repeat(LONGEST / 10);
        assert_eq!(read([lines.as_bytes()]), Err(SseError::TooLong));
    }

    #[test]
    fn bytes_that_are_no_text_are_an_error() {
        assert_eq!(read([&b"data: \xff\n\n"[..]]), Err(SseError::NotText));
    }

    proptest! {
        #[test]
        fn cuts_make_no_difference(
            data in prop::collection::vec("[^\r\n]{0,12}", 0..8),
            ending in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let events = data.iter().map(|data| format!("data: {data}{ending}{ending}"));
            let text = events.collect::<String>();
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
            prop_assert_eq!(read(chunks), Ok(data));
        }

        #[test]
        fn no_bytes_make_it_panic(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..8)) {
            let _ = read(chunks.iter().map(Vec::as_slice));
        }
    }
}
