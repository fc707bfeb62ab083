//! Files that hold one document a record: JSON lines, JSON, CSV.
//!
//! `id`, `_id` or `key` names the record, `title` and `text` (or the columns
//! that the source names) are its words, and every other field is shown in one
//! line above them and searched with them. Line by line formats are streamed:
//! the size limit holds for a record there, not for the file.

use super::{
    Hidden, Reading, SourceFault,
    files::{FileKind, SourceFile},
    front_matter::parse_date,
    page::read_text,
};
use crate::{
    config::{LimitsSection, SourceEntry},
    domain::{DocumentId, SourceKind},
    knowledge::{
        document::{Body, Document, narrowed},
        passage::Standing,
    },
};
use serde_json::{Map, Value};
use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    ops::ControlFlow,
};

type Fields = Map<String, Value>;
type Visit<'a> = &'a mut dyn FnMut(Reading) -> ControlFlow<()>;

const IDS: &[&str] = &["id", "_id", "key"];
const TITLES: &[&str] = &["title", "summary", "subject", "name"];
const TEXTS: &[&str] = &["text", "description", "body", "content"];
const DATES: &[&str] = &["date", "updated", "updated_at", "created", "created_at"];
/// A record with one of these is a ticket.
const TICKET_FIELDS: &[&str] = &["status", "priority", "assignee", "resolution"];
/// Fields of their own in a document, or of the source's machinery.
const NOT_SHOWN: &[&str] = &["audience", "supersedes", "url"];
/// A longer value is a paragraph of its own, not a fact in a line.
const FACT_CHARS: usize = 120;

pub fn read(
    source: &SourceEntry,
    file: &SourceFile,
    limits: &LimitsSection,
    visit: Visit,
) -> ControlFlow<()> {
    let mut reader = Reader {
        source,
        file,
        visit,
    };
    match file.kind {
        FileKind::Lines => reader.lines(limits),
        FileKind::Table(delimiter) => reader.table(delimiter, limits),
        _ => reader.json(limits),
    }
}

struct Reader<'a> {
    source: &'a SourceEntry,
    file: &'a SourceFile,
    visit: Visit<'a>,
}

impl Reader<'_> {
    fn lines(&mut self, limits: &LimitsSection) -> ControlFlow<()> {
        let mut input = match File::open(&self.file.path) {
            Ok(file) => BufReader::new(file),
            Err(error) => return self.fault(None, format!("can't be read: {error}")),
        };
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            let limit = limits.file_bytes.saturating_add(1);
            match input.by_ref().take(limit).read_until(b'\n', &mut line) {
                Ok(0) => break,
                Ok(n) if n as u64 > limits.file_bytes => {
                    return self.fault(
                        Some(number),
                        format!(
                            "record is larger than limits.file_bytes = {}",
                            limits.file_bytes
                        ),
                    );
                }
                Ok(_) => {}
                Err(error) => return self.fault(Some(number), format!("can't be read: {error}")),
            }
            let bytes = line.len() as u64;
            if line.iter().all(u8::is_ascii_whitespace) {
                (self.visit)(Reading::Passed { bytes })?;
                continue;
            }
            match serde_json::from_slice::<Value>(&line) {
                Ok(Value::Object(fields)) => self.record(fields, number, bytes)?,
                Ok(_) => self.fault(Some(number), "is not a JSON object".into())?,
                Err(error) => self.fault(Some(number), format!("is not JSON: {error}"))?,
            }
        }
        ControlFlow::Continue(())
    }

    fn json(&mut self, limits: &LimitsSection) -> ControlFlow<()> {
        let text = match read_text(self.file, limits) {
            Ok(text) => text,
            Err(fault) => return (self.visit)(Reading::Fault(fault)),
        };
        let records = match serde_json::from_str::<Value>(&text) {
            Ok(Value::Array(records)) => records,
            Ok(record @ Value::Object(_)) => vec![record],
            Ok(_) => return self.fault(None, "expected an array of objects".into()),
            Err(error) => return self.fault(Some(error.line()), format!("is not JSON: {error}")),
        };
        let bytes = self.file.bytes / records.len().max(1) as u64;
        for (n, record) in records.into_iter().enumerate() {
            match record {
                Value::Object(fields) => self.record(fields, n + 1, bytes)?,
                _ => self.fault(None, format!("entry {} is not an object", n + 1))?,
            }
        }
        ControlFlow::Continue(())
    }

    fn table(&mut self, delimiter: u8, limits: &LimitsSection) -> ControlFlow<()> {
        let input = match File::open(&self.file.path) {
            Ok(file) => file,
            Err(error) => return self.fault(None, format!("can't be read: {error}")),
        };
        let mut table = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .from_reader(BufReader::new(input));
        let columns: Vec<String> = match table.headers() {
            Ok(header) => header
                .iter()
                .map(|name| name.trim_start_matches('\u{feff}').trim().to_string())
                .collect(),
            Err(error) => return self.fault(Some(1), format!("header can't be read: {error}")),
        };
        for row in table.records() {
            let row = match row {
                Ok(row) => row,
                Err(error) => {
                    let line = error.position().map(|position| position.line() as usize);
                    self.fault(line, format!("row can't be read: {error}"))?;
                    if error.is_io_error() {
                        break;
                    }
                    continue;
                }
            };
            let line = row
                .position()
                .map_or(0, |position| position.line() as usize);
            let bytes = row.as_slice().len() as u64;
            if bytes > limits.file_bytes {
                self.fault(
                    Some(line),
                    format!(
                        "record is larger than limits.file_bytes = {}",
                        limits.file_bytes
                    ),
                )?;
                continue;
            }
            let values = row.iter().map(|value| Value::String(value.to_string()));
            let fields = columns.iter().cloned().zip(values).collect();
            self.record(fields, line, bytes)?;
        }
        ControlFlow::Continue(())
    }

    fn record(&mut self, fields: Fields, line: usize, bytes: u64) -> ControlFlow<()> {
        match record(self.source, &self.file.name, fields, line, bytes) {
            Ok(reading) => (self.visit)(reading),
            Err(problem) => self.fault(Some(line), problem),
        }
    }

    fn fault(&mut self, line: Option<usize>, problem: String) -> ControlFlow<()> {
        let fault = SourceFault {
            line,
            ..SourceFault::new(&self.file.name, problem, Hidden::File)
        };
        (self.visit)(Reading::Fault(fault))
    }
}

/// Why a document is withheld whose groups are not those of its source.
pub const NO_SHARED_GROUP: &str = "its audience has no group in common with its source's";

/// What a record is: a document, one that nobody may see, or nothing where
/// every field is empty.
pub fn record(
    source: &SourceEntry,
    origin: &str,
    fields: Fields,
    line: usize,
    bytes: u64,
) -> Result<Reading, String> {
    let mut record = Record::flat(fields);
    let layout = &source.layout;
    let id = record
        .take(layout.id.as_deref(), IDS)
        .unwrap_or_else(|| format!("{origin}#{line}"));
    let ticket = looks_like_key(&id) || TICKET_FIELDS.iter().any(|name| record.has(name));
    let kind = source.kind.unwrap_or(if ticket {
        SourceKind::Tickets
    } else {
        SourceKind::Documents
    });
    let title = record
        .take(layout.title.as_deref(), TITLES)
        .unwrap_or_default();
    let text = record.take_texts(&layout.text);
    let date = record
        .first(layout.date.as_deref(), DATES)
        .and_then(|date| parse_date(&date));
    let groups = record.take_list("audience")?;
    let Some(audience) = narrowed(&source.audience, &groups) else {
        return Ok(Reading::Withheld {
            id: DocumentId::new(id),
            why: NO_SHARED_GROUP.into(),
        });
    };
    let locator = record.first(None, &["url"]).unwrap_or_else(|| id.clone());
    let owner = record.first(None, &["owner", "assignee"]);
    let supersedes = record.take_list("supersedes")?;

    let (facts, paragraphs) = record.rest();
    let body: Vec<String> = text.into_iter().chain(paragraphs).collect();
    if title.is_empty() && body.is_empty() && facts.is_empty() {
        return Ok(Reading::Passed { bytes });
    }
    // A bare number says nothing to a reader, a key such as REQ-1234 does.
    let named = if looks_like_key(&id) || !facts.is_empty() {
        vec![id.clone()]
    } else {
        Vec::new()
    };
    let facts: Vec<String> = named.into_iter().chain(facts).collect();
    Ok(Reading::Document(Box::new(Document {
        title: if title.is_empty() { id.clone() } else { title },
        id: DocumentId::new(id),
        source: source.name.clone(),
        origin: origin.into(),
        kind,
        locator,
        facts: facts.join(" · "),
        body: Body::Plain(body.join("\n\n")),
        date,
        owner,
        audience,
        supersedes,
        standing: Standing::default(),
        bytes,
    })))
}

/// The fields of a record that are not used yet.
struct Record(Vec<(String, Value)>);

impl Record {
    /// Fields of objects inside, such as `metadata`, stand beside the others.
    fn flat(fields: Fields) -> Self {
        let mut flat = Vec::new();
        for (name, value) in fields {
            match value {
                Value::Object(inner) => flat.extend(inner),
                value => flat.push((name, value)),
            }
        }
        Self(flat)
    }

    fn has(&self, name: &str) -> bool {
        self.0
            .iter()
            .any(|(field, _)| field.eq_ignore_ascii_case(name))
    }

    /// The value of the configured field, or of the first usual one that has a value.
    fn first(&self, configured: Option<&str>, usual: &[&str]) -> Option<String> {
        self.position(configured, usual)
            .and_then(|i| text_of(&self.0[i].1))
    }

    fn take(&mut self, configured: Option<&str>, usual: &[&str]) -> Option<String> {
        let i = self.position(configured, usual)?;
        text_of(&self.0.remove(i).1)
    }

    fn position(&self, configured: Option<&str>, usual: &[&str]) -> Option<usize> {
        let names: Vec<&str> = configured.map_or_else(|| usual.to_vec(), |name| vec![name]);
        names.iter().find_map(|name| {
            self.0.iter().position(|(field, value)| {
                field.eq_ignore_ascii_case(name) && text_of(value).is_some()
            })
        })
    }

    /// The configured columns, or the usual one.
    fn take_texts(&mut self, configured: &[String]) -> Vec<String> {
        if configured.is_empty() {
            return self.take(None, TEXTS).into_iter().collect();
        }
        configured
            .iter()
            .filter_map(|column| self.take(Some(column), &[]))
            .collect()
    }

    fn take_list(&mut self, name: &str) -> Result<Vec<String>, String> {
        let Some(i) = self
            .0
            .iter()
            .position(|(field, _)| field.eq_ignore_ascii_case(name))
        else {
            return Ok(Vec::new());
        };
        match self.0.remove(i).1 {
            Value::Null => Ok(Vec::new()),
            Value::String(text) => Ok(text
                .split(',')
                .map(str::trim)
                .filter(|t| !t.is_empty())
                .map(Into::into)
                .collect()),
            Value::Array(values) => values
                .iter()
                .map(|value| {
                    text_of(value).ok_or_else(|| format!("`{name}` is not a list of texts"))
                })
                .collect(),
            _ => Err(format!("`{name}` is neither a text nor a list of texts")),
        }
    }

    /// What is left, as facts of a line and as paragraphs.
    fn rest(self) -> (Vec<String>, Vec<String>) {
        let (mut facts, mut paragraphs) = (Vec::new(), Vec::new());
        for (name, value) in self.0 {
            if NOT_SHOWN
                .iter()
                .any(|hidden| name.eq_ignore_ascii_case(hidden))
            {
                continue;
            }
            let Some(text) = text_of(&value) else {
                continue;
            };
            if text.chars().count() <= FACT_CHARS && !text.contains('\n') {
                facts.push(format!("{name}: {text}"));
            } else {
                paragraphs.push(format!("{name}: {text}"));
            }
        }
        (facts, paragraphs)
    }
}

/// A value as people read it; `None` for what has nothing to read.
fn text_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_string(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Array(values) => values
            .iter()
            .filter_map(text_of)
            .collect::<Vec<_>>()
            .join(", "),
        Value::Object(fields) => fields
            .iter()
            .filter_map(|(name, value)| Some(format!("{name}: {}", text_of(value)?)))
            .collect::<Vec<_>>()
            .join(", "),
        Value::Null => String::new(),
    };
    (!text.is_empty()).then_some(text)
}

/// `REQ-1234`: letters, a hyphen, digits.
fn looks_like_key(id: &str) -> bool {
    id.split_once('-').is_some_and(|(project, number)| {
        project.starts_with(|c: char| c.is_ascii_alphabetic())
            && project
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !number.is_empty()
            && number.chars().all(|c| c.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{DatePolicy, Every, RemoteSource, SourceLayout},
        domain::RedactionPolicy,
    };
    use serde_json::json;
    use std::path::PathBuf;

    fn read_one(given: Value, layout: SourceLayout) -> Document {
        let source = SourceEntry {
            name: "tickets".into(),
            path: PathBuf::new(),
            kind: None,
            audience: Vec::new(),
            layout,
            redact: RedactionPolicy::default(),
            dates: DatePolicy::default(),
            every: Every::Off,
            remote: RemoteSource::default(),
        };
        let Value::Object(fields) = given else {
            panic!("a record is an object")
        };
        match record(&source, "t.jsonl", fields, 3, 10) {
            Ok(Reading::Document(document)) => *document,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn ticket_shows_its_key_and_fields() {
        let ticket = read_one(
            json!({"date": "2024-05-02T10:00:00Z", "key": "REQ-1234", "labels": ["vpn", "mac"], "status": "resolved", "text": "Every hour.", "title": "VPN drops"}),
            SourceLayout::default(),
        );
        assert_eq!(ticket.id.as_str(), "REQ-1234");
        assert_eq!(ticket.kind, SourceKind::Tickets);
        assert_eq!(
            ticket.facts,
            "REQ-1234 · date: 2024-05-02T10:00:00Z · labels: vpn, mac · status: resolved"
        );
        assert_eq!(ticket.body, Body::Plain("Every hour.".into()));
        assert_eq!(
            ticket.date.map(|date| date.to_string()).as_deref(),
            Some("2024-05-02")
        );
    }

    #[test]
    fn record_of_a_collection_is_its_title_and_text_alone() {
        let record = read_one(
            json!({"_id": "4983", "title": "Water", "text": "Boils.", "metadata": {}}),
            SourceLayout::default(),
        );
        assert_eq!(
            (record.id.as_str(), record.facts.as_str(), record.kind),
            ("4983", "", SourceKind::Documents)
        );
    }

    #[test]
    fn configured_columns_are_the_text() {
        let layout = SourceLayout {
            id: Some("nr".into()),
            title: Some("betreff".into()),
            text: vec!["frage".into(), "antwort".into()],
            date: None,
        };
        let record = read_one(
            json!({"nr": 7, "betreff": "Urlaub", "frage": "Wann?", "antwort": "Immer."}),
            layout,
        );
        assert_eq!((record.id.as_str(), record.title.as_str()), ("7", "Urlaub"));
        assert_eq!(record.body, Body::Plain("Wann?\n\nImmer.".into()));
    }

    #[test]
    fn record_without_an_id_is_named_by_its_line() {
        assert_eq!(
            read_one(json!({"text": "hello"}), SourceLayout::default())
                .id
                .as_str(),
            "t.jsonl#3"
        );
    }

    #[test]
    fn only_keys_look_like_keys() {
        let check = |id: &str, expected: bool| assert_eq!(looks_like_key(id), expected, "{id}");
        check("REQ-1234", true);
        check("MAPREDUCE-7386", true);
        check("4983", false);
        check("a-b", false);
        check("2024-05", false);
        check("page.md", false);
    }
}
