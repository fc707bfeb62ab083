//! Looks at the systems: tools, tables, fields of logs.
//!
//! Promise: all of it or nothing. A catalogue without the tables of a database
//! that happened to be down would call them gone.

use super::found::{Found, FoundLog, FoundTable, FoundTool};
use crate::{
    config::{Config, DatabaseEntry, LogKind},
    ports::{Clock, with_causes},
    tools::{
        LIVE_SCHEMA, Toolbox,
        sql::{
            Database,
            dump::read_dump,
            guard::Dialect,
            samples::add_samples,
            schema::{Table, read_schema},
        },
    },
};
use std::{path::PathBuf, sync::Arc};

/// A file that tells the tables of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    /// Of a configured database, whose tables are then not read live, or of another one.
    pub database: String,
    pub file: PathBuf,
}

/// Everything that can't be looked at.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct LookError(pub Vec<String>);

/// Looks at every configured system, and at these dumps.
pub async fn look(
    config: &Config,
    dumps: &[Dump],
    clock: Arc<dyn Clock>,
) -> Result<Found, LookError> {
    // What people wrote into the file is not what the systems have.
    let bare = Config {
        catalogue: None,
        ..config.clone()
    };
    let toolbox = Toolbox::open(&bare, clock).await;
    let toolbox = toolbox.map_err(|faults| LookError(vec![faults.to_string()]))?;
    let mut found = Found::default();
    let mut problems = Vec::new();
    for tool in toolbox.tools.values() {
        let spec = tool.spec();
        let tool = FoundTool::of(spec, tool.source(), tool.reads());
        found.tools.insert(spec.name.clone(), tool);
    }
    for entry in &config.databases {
        if dumps.iter().any(|dump| dump.database == entry.name) {
            continue;
        }
        match read_live(entry).await {
            Ok(tables) => found.add_tables(&entry.name, "", tables),
            Err(problem) => problems.push(format!(
                "the tables of database `{}` can't be read: {problem}",
                entry.name
            )),
        }
    }
    for dump in dumps {
        let file = dump.file.display().to_string();
        match read_dump(&dump.file, dialect_of(config, &dump.database)).await {
            Ok(read) => {
                if read.unread > 0 {
                    tracing::warn!(
                        dump = file,
                        statements = read.unread,
                        "Some statements about tables are not understood"
                    );
                }
                let name = dump.file.file_name().unwrap_or_default().to_string_lossy();
                found.add_tables(&dump.database, &name, read.tables);
            }
            Err(error) => problems.push(format!("dump `{file}` {error}")),
        }
    }
    for (name, source) in &toolbox.logs {
        match source.fields().await {
            Ok(fields) => {
                let mut services = source.services.clone();
                services.sort();
                let log = FoundLog {
                    kind: kind_name(source.entry.kind).into(),
                    says: source.entry.description.clone(),
                    levels: source.entry.levels.clone(),
                    services,
                    fields,
                };
                found.logs.insert(name.clone(), log);
            }
            Err(error) => problems.push(format!(
                "the fields of log `{name}` can't be read: {}",
                with_causes(&error)
            )),
        }
    }
    match problems.is_empty() {
        true => Ok(found),
        false => Err(LookError(problems)),
    }
}

impl Found {
    fn add_tables(&mut self, database: &str, dump: &str, tables: Vec<Table>) {
        self.databases.insert(database.into());
        for table in tables {
            let key = (database.to_string(), table.name.clone());
            let dump = dump.to_string();
            self.tables.insert(key, FoundTable { dump, table });
        }
    }
}

async fn read_live(entry: &DatabaseEntry) -> Result<Vec<Table>, String> {
    let database = Database::open(entry, LIVE_SCHEMA).await;
    let database = database.map_err(|error| error.to_string())?;
    let tables = read_schema(&database).await;
    let mut tables = tables.map_err(|error| with_causes(&error))?;
    if entry.samples {
        for table in &mut tables {
            if let Err(error) = add_samples(&database, table).await {
                tracing::warn!(
                    database = entry.name,
                    table = table.name,
                    error = %with_causes(&error),
                    "No samples of a table"
                );
            }
        }
    }
    Ok(tables)
}

fn dialect_of(config: &Config, database: &str) -> Option<Dialect> {
    let entry = config
        .databases
        .iter()
        .find(|entry| entry.name == database)?;
    Database::dialect_of(entry)
}

fn kind_name(kind: LogKind) -> &'static str {
    match kind {
        LogKind::Loki => "loki",
        LogKind::Elasticsearch => "elasticsearch",
        LogKind::Files => "files",
    }
}
