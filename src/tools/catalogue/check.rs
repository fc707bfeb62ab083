//! Whether the file still fits the systems.

use super::{
    differences::differences,
    file::{CatalogueFile, log_label, table_label, tool_label},
    found::{Found, Part},
};
use serde::Serialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt};

/// One entry that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `table orders of business`
    pub entry: String,
    pub kind: ChangeKind,
    /// Of one that changed: what, in a few words each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub what: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    New,
    Changed,
    /// The systems do not have it any more.
    Gone,
    /// It was gone, and is there again.
    Back,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ChangeKind::New => "new",
            ChangeKind::Changed => "changed",
            ChangeKind::Gone => "gone",
            ChangeKind::Back => "back",
        };
        write!(f, "{kind:8} {}", self.entry)?;
        match self.what.is_empty() {
            true => Ok(()),
            false => write!(f, ": {}", self.what.join("; ")),
        }
    }
}

/// What the file has of one entry.
struct Known {
    label: String,
    is_gone: bool,
    /// It lies where nobody looked.
    is_elsewhere: bool,
    part: Value,
}

/// How the systems differ from the file: what changed and is gone in the
/// order of the file, then what is new.
pub fn differs(file: &CatalogueFile, found: &Found) -> Vec<Change> {
    let new = parts(found);
    let mut changes = Vec::new();
    let known = known(file, found);
    for entry in &known {
        let change = |kind, what| Change {
            entry: entry.label.clone(),
            kind,
            what,
        };
        match new.get(&entry.label) {
            None if entry.is_gone || entry.is_elsewhere => {}
            None => changes.push(change(ChangeKind::Gone, Vec::new())),
            Some(part) if entry.is_gone => {
                changes.push(change(ChangeKind::Back, differences(&entry.part, part)));
            }
            Some(part) => {
                let what = differences(&entry.part, part);
                if !what.is_empty() {
                    changes.push(change(ChangeKind::Changed, what));
                }
            }
        }
    }
    let is_known = |label: &String| known.iter().any(|entry| entry.label == *label);
    changes.extend(
        new.keys()
            .filter(|label| !is_known(label))
            .map(|label| Change {
                entry: label.clone(),
                kind: ChangeKind::New,
                what: Vec::new(),
            }),
    );
    changes
}

fn known(file: &CatalogueFile, found: &Found) -> Vec<Known> {
    let tools = file.tools.iter().map(|entry| Known {
        label: entry.label(),
        is_gone: entry.gone.is_some(),
        is_elsewhere: false,
        part: json!(entry.found.settled()),
    });
    let tables = file.tables.iter().map(|entry| Known {
        label: entry.label(),
        is_gone: entry.gone.is_some(),
        is_elsewhere: entry.is_elsewhere(found),
        part: json!(entry.found.settled()),
    });
    let logs = file.logs.iter().map(|entry| Known {
        label: entry.label(),
        is_gone: entry.gone.is_some(),
        is_elsewhere: false,
        part: json!(entry.found.settled()),
    });
    tools.chain(tables).chain(logs).collect()
}

impl super::file::TableEntry {
    /// It came from a dump that was not read this time.
    pub(super) fn is_elsewhere(&self, found: &Found) -> bool {
        !self.found.dump.is_empty() && !found.databases.contains(&self.database)
    }
}

/// What the systems have, by label.
fn parts(found: &Found) -> BTreeMap<String, Value> {
    let tools = found
        .tools
        .iter()
        .map(|(name, tool)| (tool_label(name), json!(tool.settled())));
    let tables = found
        .tables
        .iter()
        .map(|((database, name), table)| (table_label(database, name), json!(table.settled())));
    let logs = found
        .logs
        .iter()
        .map(|(name, log)| (log_label(name), json!(log.settled())));
    tools.chain(tables).chain(logs).collect()
}
