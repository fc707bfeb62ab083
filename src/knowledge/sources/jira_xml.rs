//! Issues as Jira exports them for a list of issues: XML (RSS), bodies in HTML.
//!
//! An issue's security level stands in it only where it has one, and an export
//! of some fields has none at all: issues without a level are read only where
//! the configuration says that nothing else in it is restricted. A comment that
//! only a role or a group may see is never read.

use super::{Comment, Hidden, Reading, SourceFault, Ticket, restricted::Restriction};
use crate::{
    config::{LimitsSection, SiteSource, SourceEntry},
    knowledge::markup::storage,
};
use chrono::{DateTime, NaiveDate};
use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};
use std::{collections::HashMap, fs::File, io::BufReader, ops::ControlFlow, path::Path};

/// Elements within one another; an export has six.
const DEPTH: usize = 32;

type Visit<'a> = &'a mut dyn FnMut(Reading) -> ControlFlow<()>;

pub fn read(
    source: &SourceEntry,
    site: &SiteSource,
    export: &Path,
    limits: &LimitsSection,
    visit: Visit,
) -> ControlFlow<()> {
    let name = export.file_name().unwrap_or_default();
    let name = name.to_string_lossy().into_owned();
    let whole = |problem: String| {
        let fault = SourceFault::new(name.clone(), problem, Hidden::Source);
        Reading::Fault(fault)
    };
    let file = match File::open(export) {
        Ok(file) => BufReader::new(file),
        Err(error) => return visit(whole(format!("can't be read: {error}"))),
    };
    let mut items = Items::new(file, limits.file_bytes);
    let mut found = false;
    loop {
        let item = match items.next() {
            Ok(Some(item)) => item,
            Ok(None) => break,
            Err(problem) => return visit(whole(format!("can't be read to its end: {problem}"))),
        };
        found = true;
        let bytes = item.bytes;
        let ticket = item.ticket(site);
        let reading = match ticket.key.is_empty() {
            true => Reading::Passed { bytes },
            false => ticket.into_reading(source, &name, bytes),
        };
        visit(reading)?;
    }
    match found {
        true => ControlFlow::Continue(()),
        false => visit(whole(
            "is no export of Jira's issues as XML: it has no `item`".into(),
        )),
    }
}

/// The `item` elements of a file, one at a time.
struct Items<R: std::io::BufRead> {
    reader: Reader<R>,
    limit: u64,
}

/// What stands in an `item`, by the names of elements.
#[derive(Default)]
struct Item {
    fields: HashMap<String, Vec<String>>,
    comments: Vec<GivenComment>,
    bytes: u64,
}

#[derive(Default)]
struct GivenComment {
    author: String,
    created: String,
    restricted: bool,
    html: String,
}

impl<R: std::io::BufRead> Items<R> {
    fn new(file: R, limit: u64) -> Self {
        let mut reader = Reader::from_reader(file);
        reader.config_mut().check_end_names = false;
        Self { reader, limit }
    }

    /// The error is what is wrong with the file.
    fn next(&mut self) -> Result<Option<Item>, String> {
        let mut buffer = Vec::new();
        loop {
            buffer.clear();
            match self.reader.read_event_into(&mut buffer) {
                Err(error) => return Err(error.to_string()),
                Ok(Event::Eof) => return Ok(None),
                Ok(Event::Start(start)) if start.local_name().as_ref() == "item" => {
                    return self.item().map(Some);
                }
                Ok(_) => {}
            }
        }
    }

    fn item(&mut self) -> Result<Item, String> {
        let began = self.reader.buffer_position();
        let mut item = Item::default();
        let mut open: Vec<String> = Vec::new();
        let mut text = String::new();
        let mut buffer = Vec::new();
        loop {
            buffer.clear();
            let event = self.reader.read_event_into(&mut buffer);
            item.bytes = self.reader.buffer_position() - began;
            if item.bytes > self.limit {
                return Err(format!(
                    "an issue is larger than limits.file_bytes = {}",
                    self.limit
                ));
            }
            match event.map_err(|error| error.to_string())? {
                Event::Eof => return Err("it ends in the middle of an issue".into()),
                Event::Start(start) => {
                    if open.len() == DEPTH {
                        return Err(format!("elements lie more than {DEPTH} deep"));
                    }
                    let name = name_of(&start);
                    if name == "comment" {
                        item.comments.push(comment(&start));
                    }
                    open.push(name);
                    text.clear();
                }
                Event::Text(piece) => {
                    text.push_str(&piece.xml_content(XmlVersion::Implicit1_0));
                }
                Event::CData(piece) => text.push_str(&piece),
                Event::GeneralRef(reference) => text.push_str(&resolved(&reference)),
                Event::End(_) => {
                    let Some(name) = open.pop() else {
                        return Ok(item);
                    };
                    item.take(&name, std::mem::take(&mut text));
                }
                _ => {}
            }
        }
    }
}

fn name_of(start: &BytesStart<'_>) -> String {
    start.local_name().as_ref().to_string()
}

/// `&lt;` and the like; what is none of XML's own stays as it is written.
fn resolved(reference: &quick_xml::events::BytesRef<'_>) -> String {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return character.to_string();
    }
    match &**reference {
        "lt" => "<".into(),
        "gt" => ">".into(),
        "amp" => "&".into(),
        "quot" => "\"".into(),
        "apos" => "'".into(),
        other => format!("&{other};"),
    }
}

fn comment(start: &BytesStart<'_>) -> GivenComment {
    let mut comment = GivenComment::default();
    for attribute in start.attributes().flatten() {
        let value = attribute.value.to_string();
        match attribute.key.local_name().as_ref() {
            "author" => comment.author = value,
            "created" => comment.created = value,
            "grouplevel" | "rolelevel" => comment.restricted |= !value.is_empty(),
            _ => {}
        }
    }
    comment
}

impl Item {
    fn take(&mut self, name: &str, text: String) {
        if name == "comment" {
            if let Some(comment) = self.comments.last_mut() {
                comment.html = text;
            }
            return;
        }
        let text = text.trim();
        if !text.is_empty() {
            let values = self.fields.entry(name.to_string()).or_default();
            values.push(text.to_string());
        }
    }

    fn one(&self, name: &str) -> String {
        let values = self.fields.get(name);
        values
            .and_then(|values| values.first())
            .cloned()
            .unwrap_or_default()
    }

    fn several(&self, name: &str) -> String {
        self.fields
            .get(name)
            .map_or(String::new(), |values| values.join(", "))
    }

    fn ticket(self, site: &SiteSource) -> Ticket {
        let key = self.one("key");
        let date = |name: &str| {
            let day = day(&self.one(name));
            day.map(|day| day.to_string()).unwrap_or_default()
        };
        let (assignee, reporter) = (person(self.one("assignee")), person(self.one("reporter")));
        let level = self.one("security");
        Ticket {
            title: self.one("summary"),
            description: storage::to_markdown(&self.one("description")),
            owner: [assignee.clone(), reporter.clone()]
                .into_iter()
                .find(|name| !name.is_empty()),
            fields: vec![
                ("status", self.one("status")),
                ("type", self.one("type")),
                ("priority", self.one("priority")),
                ("resolution", self.one("resolution")),
                ("reporter", reporter),
                ("assignee", assignee),
                ("labels", self.several("label")),
                ("components", self.several("component")),
                ("versions", self.several("fixVersion")),
                ("created", date("created")),
                ("updated", date("updated")),
            ],
            updated: day(&self.one("updated")).or(day(&self.one("created"))),
            locator: match &site.url {
                Some(url) => format!("{}/browse/{key}", url.trim_end_matches('/')),
                None => key.clone(),
            },
            restrictions: match (level.is_empty(), site.unrestricted) {
                (false, _) => Ok(vec![Restriction::from([level])]),
                (true, true) => Ok(Vec::new()),
                (true, false) => Err(
                    "an export as XML may leave their security level out: say that `audience` \
                     may see all that has none with `unrestricted = true`"
                        .into(),
                ),
            },
            comments: match site.unrestricted {
                true => self.comments.into_iter().filter_map(shown).collect(),
                false => Vec::new(),
            },
            key,
        }
    }
}

/// `None` for one that only a role or a group may see.
fn shown(given: GivenComment) -> Option<Comment> {
    (!given.restricted).then(|| Comment {
        author: given.author,
        date: day(&given.created)
            .map(|day| day.to_string())
            .unwrap_or_default(),
        text: storage::to_markdown(&given.html),
    })
}

/// Jira writes `Unassigned` where nobody is.
fn person(name: String) -> String {
    match name.as_str() {
        "Unassigned" | "-1" => String::new(),
        _ => name,
    }
}

/// `Sat, 2 May 2026 22:07:00 +0200`, or ISO 8601.
fn day(text: &str) -> Option<NaiveDate> {
    let time = DateTime::parse_from_rfc2822(text.trim()).ok();
    time.map(|time| time.date_naive())
        .or_else(|| super::front_matter::parse_date(text))
}
