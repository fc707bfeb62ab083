//! Writes what was found into the file, around the words of people.

use super::{
    check::{Change, differs},
    file::{CatalogueError, CatalogueFile, Version, log_label, table_label, tool_label},
    found::Found,
};
use chrono::NaiveDate;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, value};

const HEADER: &str = "\
# What the company's systems have, and how people speak of it.
#
# `found` is written by `lorekeeper catalogue build`. Everything else is yours
# and stays: `description`, `synonyms` (what people call it besides),
# `examples` (questions in the way people type them), of a tool also
# `parameters = { name = \"what it means\" }`, and every comment.

[catalogue]
";

/// A list longer than this stands on several lines.
const LINE: usize = 100;

/// A file that was built anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    pub text: String,
    pub version: Version,
    pub changes: Vec<Change>,
    /// People changed words since the last build.
    pub edited: bool,
}

/// Builds the file from its text of before, `None` where there is none, and
/// what was found. The version rises where the content is another one.
pub fn build(
    name: &str,
    before: Option<&str>,
    found: &Found,
    today: NaiveDate,
) -> Result<Built, CatalogueError> {
    let invalid = |problem: String| CatalogueError::Invalid {
        file: name.into(),
        problem,
    };
    let text = before
        .filter(|text| !text.trim().is_empty())
        .unwrap_or(HEADER);
    let known = CatalogueFile::parse(name, text)?;
    let mut document: DocumentMut = text
        .parse()
        .map_err(|error: toml_edit::TomlError| invalid(error.to_string()))?;
    let changes = differs(&known, found);
    let edited = known.catalogue.version > 0 && known.version().hash != known.catalogue.hash;
    let today = today.to_string();
    let new = Entries::of(found);
    new.write(&mut document, &known, found, &today);
    let written = CatalogueFile::parse(name, &document.to_string())?;
    let mut version = written.version();
    if version.hash != known.catalogue.hash {
        version.number = known.catalogue.version.saturating_add(1);
        let table = document["catalogue"].or_insert(Item::Table(Table::new()));
        table["version"] = value(i64::from(version.number));
        table["hash"] = value(&version.hash);
        table["date"] = value(&today);
    }
    Ok(Built {
        text: document.to_string(),
        version,
        changes,
        edited,
    })
}

/// New entries by kind and label: their own keys, and what was found.
struct Entries([(&'static str, BTreeMap<String, Entry>); 3]);

struct Entry {
    keys: Vec<(&'static str, String)>,
    /// Places for people's words.
    lists: &'static [&'static str],
    part: Value,
}

impl Entries {
    fn of(found: &Found) -> Self {
        const ALL: &[&str] = &["synonyms", "examples"];
        let tools = found.tools.iter().map(|(name, tool)| {
            let entry = Entry {
                keys: vec![("name", name.clone())],
                lists: ALL,
                part: json!(tool),
            };
            (tool_label(name), entry)
        });
        let tables = found.tables.iter().map(|((database, name), table)| {
            let entry = Entry {
                keys: vec![("database", database.clone()), ("name", name.clone())],
                lists: ALL,
                part: json!(table),
            };
            (table_label(database, name), entry)
        });
        let logs = found.logs.iter().map(|(name, log)| {
            let entry = Entry {
                keys: vec![("name", name.clone())],
                lists: &["synonyms"],
                part: json!(log),
            };
            (log_label(name), entry)
        });
        Self([
            ("tool", tools.collect()),
            ("table", tables.collect()),
            ("log", logs.collect()),
        ])
    }

    fn write(self, document: &mut DocumentMut, known: &CatalogueFile, found: &Found, today: &str) {
        let rows: [Vec<Row>; 3] = [
            known
                .tools
                .iter()
                .map(|entry| Row::new(entry.label(), entry.has_words()))
                .collect(),
            known
                .tables
                .iter()
                .map(|entry| Row {
                    is_elsewhere: entry.is_elsewhere(found),
                    ..Row::new(entry.label(), entry.has_words())
                })
                .collect(),
            known
                .logs
                .iter()
                .map(|entry| Row::new(entry.label(), entry.has_words()))
                .collect(),
        ];
        for ((kind, mut entries), rows) in self.0.into_iter().zip(rows) {
            let old = document.remove_entry(kind);
            let (key, item) = old.unwrap_or((kind.into(), Item::None));
            // `tool = []` and `tool = [{ … }]` are the same to TOML.
            let tables = item.into_array_of_tables().unwrap_or_default();
            let mut kept = ArrayOfTables::new();
            for (mut table, row) in tables.into_iter().zip(rows) {
                match entries.remove(&row.label) {
                    Some(entry) => {
                        table.remove("gone");
                        table.insert("found", Item::Table(part_table(&entry.part)));
                    }
                    None if row.is_elsewhere => {}
                    None if row.has_words || has_comments(&table) => {
                        if !table.contains_key("gone") {
                            table.insert("gone", value(today));
                        }
                    }
                    None => continue,
                }
                kept.push(table);
            }
            for entry in entries.into_values() {
                kept.push(entry.into_table());
            }
            if !kept.is_empty() {
                document.insert_formatted(&key, Item::ArrayOfTables(kept));
            }
        }
    }
}

/// An entry that the file has, in the order of the file.
struct Row {
    label: String,
    has_words: bool,
    is_elsewhere: bool,
}

impl Row {
    fn new(label: String, has_words: bool) -> Self {
        Self {
            label,
            has_words,
            is_elsewhere: false,
        }
    }
}

impl Entry {
    fn into_table(self) -> Table {
        let mut table = Table::new();
        table.decor_mut().set_prefix("\n");
        for (key, text) in self.keys {
            table.insert(key, value(text));
        }
        table.insert("description", value(""));
        for list in self.lists {
            table.insert(list, value(Array::new()));
        }
        table.insert("found", Item::Table(part_table(&self.part)));
        table
    }
}

/// Whether people wrote a comment at an entry, `found` aside.
fn has_comments(table: &Table) -> bool {
    let mut own = table.clone();
    own.remove("found");
    let above = own.decor().prefix().and_then(|prefix| prefix.as_str());
    above.is_some_and(|text| text.contains('#')) || own.to_string().contains('#')
}

fn part_table(part: &Value) -> Table {
    let mut table = Table::new();
    for (key, part) in part.as_object().into_iter().flatten() {
        if let Some(part) = toml_value(part) {
            table.insert(key, Item::Value(part));
        }
    }
    table
}

/// TOML knows no null.
fn toml_value(part: &Value) -> Option<toml_edit::Value> {
    Some(match part {
        Value::Null => return None,
        Value::Bool(truth) => (*truth).into(),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None => number.as_f64()?.into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => list(items).into(),
        Value::Object(fields) => {
            let mut table = InlineTable::new();
            for (key, field) in fields {
                if let Some(field) = toml_value(field) {
                    table.insert(key, field);
                }
            }
            table.into()
        }
    })
}

fn list(items: &[Value]) -> Array {
    let mut list: Array = items.iter().filter_map(toml_value).collect();
    let is_long = list.to_string().len() > LINE || items.iter().any(Value::is_object);
    if is_long {
        for item in list.iter_mut() {
            item.decor_mut().set_prefix("\n  ");
        }
        list.set_trailing("\n");
        list.set_trailing_comma(true);
    }
    list
}
