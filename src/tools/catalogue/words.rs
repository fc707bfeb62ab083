//! What people wrote into the catalogue, put into what the planner reads.

use super::file::{CatalogueError, CatalogueFile, said};
use crate::{
    config::{Config, LogEntry},
    domain::{SchemaTable, ToolKind, ToolSpec},
    tools::{free::of_table, sql::schema::Table},
};

/// The words of the configured file; none where there is no file.
#[derive(Default)]
pub struct Words {
    file: Option<CatalogueFile>,
}

impl Words {
    /// A file that is configured and not there yet is no fault: a build writes it.
    pub fn read(config: &Config) -> Result<Self, CatalogueError> {
        let file = match &config.catalogue {
            Some(path) => CatalogueFile::open(path)?,
            None => None,
        };
        Ok(Self { file })
    }

    /// Names the content of the file, such as `3-9f2c11ab`.
    pub fn version(&self) -> Option<String> {
        self.file.as_ref().map(|file| file.version().to_string())
    }

    /// The source with the description that people gave it.
    pub fn of_log(&self, entry: &LogEntry) -> LogEntry {
        let mut entry = entry.clone();
        let mut entries = self.file.iter().flat_map(|file| &file.logs);
        let known = entries.find(|known| known.name == entry.name);
        if let Some(known) = known.filter(|known| !known.description.trim().is_empty()) {
            entry.description = known.description.trim().to_string();
        }
        entry
    }

    /// The tables of a database, with what people say of them.
    pub(in crate::tools) fn tables_of(&self, database: &str) -> Vec<SchemaTable> {
        let tables = self.file.iter().flat_map(|file| &file.tables);
        let own = tables.filter(|entry| entry.database == database && entry.gone.is_none());
        own.map(|entry| {
            let named = Table {
                name: entry.name.clone(),
                ..entry.found.table.clone()
            };
            let mut said: Vec<&str> = vec![entry.description.trim()];
            let synonyms = super::file::said(&entry.synonyms).join(", ");
            said.push(&synonyms);
            said.retain(|text| !text.is_empty());
            of_table(&named, &said.join("; "))
        })
        .collect()
    }

    /// Puts the words for a tool of `source` into it.
    pub fn enrich(&self, spec: &mut ToolSpec, source: &str) {
        let Some(file) = &self.file else {
            return;
        };
        if let Some(entry) = file.tools.iter().find(|entry| entry.name == spec.name) {
            if !entry.description.trim().is_empty() {
                spec.description = entry.description.trim().to_string();
            }
            add(&mut spec.examples, &entry.examples);
            add(&mut spec.synonyms, &entry.synonyms);
            for parameter in &mut spec.parameters {
                let said = entry.parameters.get(&parameter.name);
                if let Some(said) = said.filter(|said| !said.trim().is_empty()) {
                    parameter.description = said.trim().to_string();
                }
            }
        }
        if spec.kind == ToolKind::Logs
            && let Some(log) = file.logs.iter().find(|log| log.name == source)
        {
            add(&mut spec.synonyms, &log.synonyms);
        }
    }
}

/// Those that are not there yet.
fn add(words: &mut Vec<String>, more: &[String]) {
    for word in said(more) {
        if !words.iter().any(|known| known.eq_ignore_ascii_case(word)) {
            words.push(word.to_string());
        }
    }
}
