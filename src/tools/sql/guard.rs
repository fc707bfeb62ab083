//! The gate: every statement passes it before a database sees it.
//!
//! Promise: what passes is one statement that reads. It is judged on the
//! syntax tree, with PostgreSQL's own grammar, SQLite's or one that knows
//! MySQL's: kinds of nodes that
//! are not known to be harmless are refused, and so are functions that reach
//! out of the query (files, settings, locks, sequences, other servers, SQL
//! given as text). Under [`Policy::only`] it names no relation outside the
//! list and calls no function that is not known to be a plain computation.
//!
//! Not promised: that functions a company wrote itself are harmless. Under
//! [`Policy::any_table`] they pass; the READ ONLY transaction and the role
//! that can't write hold them.

mod functions;
mod mysql;
mod postgres;
mod sqlite;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, thread};

/// Longer statements are no question of a person.
const MAX_BYTES: usize = 65_536;

/// The parsers and the walk recurse; this holds any tree that they accept.
const STACK_BYTES: usize = 16 * 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Postgres,
    Sqlite,
    /// MySQL and MariaDB.
    MySql,
}

/// What a statement may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    tables: Option<Vec<TableName>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct TableName {
    schema: Option<String>,
    table: String,
}

impl Policy {
    /// For statements that the company's own people wrote into the configuration.
    pub fn any_table() -> Self {
        Self { tables: None }
    }

    /// For statements that a model or an asker wrote: these tables and views,
    /// each `table` or `schema.table`, and plain functions.
    pub fn only(tables: &[String]) -> Self {
        let tables = tables
            .iter()
            .map(|name| match name.split_once('.') {
                Some((schema, table)) => TableName {
                    schema: Some(schema.into()),
                    table: table.into(),
                },
                None => TableName {
                    schema: None,
                    table: name.clone(),
                },
            })
            .collect();
        Self {
            tables: Some(tables),
        }
    }

    fn is_strict(&self) -> bool {
        self.tables.is_some()
    }

    /// The same list in lower case, for a dialect whose names know no case.
    fn folded(&self) -> Self {
        let fold = |entry: &TableName| TableName {
            schema: entry.schema.as_ref().map(|schema| schema.to_lowercase()),
            table: entry.table.to_lowercase(),
        };
        Self {
            tables: self
                .tables
                .as_ref()
                .map(|tables| tables.iter().map(fold).collect()),
        }
    }

    /// Whether an entry names this schema.
    fn names_schema(&self, schema: &str) -> bool {
        let tables = self.tables.iter().flatten();
        tables
            .filter_map(|entry| entry.schema.as_deref())
            .any(|known| known.eq_ignore_ascii_case(schema))
    }

    /// `default_schema` is where an entry without a schema lies.
    fn admits(&self, schema: Option<&str>, table: &str, default_schema: &str) -> bool {
        let Some(tables) = &self.tables else {
            return true;
        };
        let schema = schema.unwrap_or(default_schema);
        tables.iter().any(|entry| {
            entry.table == table && entry.schema.as_deref().unwrap_or(default_schema) == schema
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The relations that it reads, common table expressions left out.
    Allow { tables: BTreeSet<String> },
    /// Completes "The statement …".
    Refuse { reason: String },
}

/// Why a statement does not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal(String);

fn refuse<T>(reason: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(reason.into()))
}

/// The name of a refused node, as its `Debug` text begins: `CreateTableAsStmt(…` as
/// `CREATE TABLE AS`. A refused statement is short or seldom, so that the cost
/// of the text does not matter.
fn kind_of(debug: &str) -> String {
    let name: String = debug
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    let name = name.strip_suffix("Stmt").unwrap_or(&name);
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_uppercase());
    }
    words
}

/// Judges one statement. Never fails and never panics, whatever the text.
pub fn check(sql: &str, dialect: Dialect, policy: &Policy) -> Verdict {
    match judge(sql, dialect, policy) {
        Ok(tables) => Verdict::Allow { tables },
        Err(Refusal(reason)) => Verdict::Refuse { reason },
    }
}

fn judge(sql: &str, dialect: Dialect, policy: &Policy) -> Result<BTreeSet<String>, Refusal> {
    if sql.len() > MAX_BYTES {
        return refuse(format!("is longer than {MAX_BYTES} bytes"));
    }
    if sql.contains('\0') {
        return refuse("contains a zero byte");
    }
    on_deep_stack(|| match dialect {
        Dialect::Postgres => postgres::judge(sql, policy),
        Dialect::Sqlite => sqlite::judge(sql, policy),
        Dialect::MySql => mysql::judge(sql, policy),
    })
}

/// A parser that panics refuses its statement and harms nobody else.
fn on_deep_stack<T: Send>(work: impl FnOnce() -> Result<T, Refusal> + Send) -> Result<T, Refusal> {
    thread::scope(|scope| {
        let worker = thread::Builder::new()
            .name("sql-guard".into())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work);
        match worker.map(|worker| worker.join()) {
            Ok(Ok(judged)) => judged,
            Ok(Err(_)) => refuse("can't be parsed"),
            Err(_) => refuse("can't be judged now: no thread is left"),
        }
    })
}
