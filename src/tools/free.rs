//! Databases that a language model may ask in statements of its own.
//!
//! Promise: off unless the configuration says otherwise, for listed tables
//! alone, and only for those who may see the database. What a statement may do
//! is decided by the gate and the cost, not by who wrote it.

use super::{
    LIVE_SCHEMA,
    catalogue::Words,
    http::snake_case,
    sql::{
        Database,
        guard::Dialect,
        schema::{Column, Table, read_schema},
    },
    template,
};
use crate::{
    config::DatabaseEntry,
    domain::{Rows, Schema, SchemaColumn, SchemaTable},
    ports::with_causes,
};
use std::fmt::Write;

/// Cells of a result that are said in a sentence.
const SAID: usize = 3;

/// What a model is told of a database: the catalogue's tables that are listed,
/// or the database's own where there is no catalogue of it yet. None where
/// neither is to be had.
pub(super) async fn schema_of(entry: &DatabaseEntry, words: &Words) -> Option<Schema> {
    let mut tables = words.tables_of(&entry.name);
    if tables.is_empty() {
        tables = read_live(entry).await?;
    }
    tables.retain(|table| is_listed(&entry.tables, &table.name));
    let dialect = match Database::dialect_of(entry)? {
        Dialect::Postgres => "PostgreSQL",
        Dialect::Sqlite => "SQLite",
        Dialect::MySql => "MySQL",
    };
    (!tables.is_empty()).then(|| Schema {
        tool: tool_name(&entry.name),
        database: entry.name.clone(),
        dialect: dialect.into(),
        tables: tables
            .into_iter()
            .map(|mut table| {
                if !entry.samples {
                    // They may be left from when they were allowed.
                    table
                        .columns
                        .iter_mut()
                        .for_each(|column| column.values.clear());
                }
                table
            })
            .collect(),
    })
}

pub(super) fn tool_name(database: &str) -> String {
    format!("{}_sql", snake_case(database))
}

async fn read_live(entry: &DatabaseEntry) -> Option<Vec<SchemaTable>> {
    let database = Database::open(entry, LIVE_SCHEMA).await.ok()?;
    match read_schema(&database).await {
        Ok(tables) => Some(tables.iter().map(|table| of_table(table, "")).collect()),
        Err(error) => {
            tracing::warn!(
                database = entry.name,
                error = %with_causes(&error),
                "A language model can't be told what `{}` has; build the catalogue, or start again once it answers",
                entry.name
            );
            None
        }
    }
}

/// A table as the catalogue has it, with what people say of it.
pub(super) fn of_table(table: &Table, said: &str) -> SchemaTable {
    let about = [said, &table.comment];
    let about: Vec<&str> = about.into_iter().filter(|text| !text.is_empty()).collect();
    SchemaTable {
        name: table.name.clone(),
        about: about.join("; "),
        columns: table.columns.iter().map(of_column).collect(),
    }
}

fn of_column(column: &Column) -> SchemaColumn {
    let mut kind = column.kind.clone();
    if column.primary {
        kind.push_str(" primary key");
    }
    if let Some(other) = &column.references {
        kind.push_str(&format!(" references {other}"));
    }
    let values = match column.values.is_empty() {
        true => &column.samples,
        false => &column.values,
    };
    SchemaColumn {
        name: column.name.clone(),
        kind: kind.trim().to_string(),
        about: column.comment.clone(),
        values: values.clone(),
    }
}

/// `table` names it in any schema, as in the gate's list.
fn is_listed(listed: &[String], table: &str) -> bool {
    let bare = table.rsplit('.').next().unwrap_or(table);
    listed.iter().any(|name| {
        let own = name.rsplit('.').next().unwrap_or(name);
        name.eq_ignore_ascii_case(table)
            || own.eq_ignore_ascii_case(bare) && (!name.contains('.') || !table.contains('.'))
    })
}

/// The result in a sentence, every figure a cell of it or the count of its rows.
pub(super) fn lead(rows: &Rows) -> Option<String> {
    let [row] = rows.rows.as_slice() else {
        return None;
    };
    if rows.truncated || row.len() > SAID {
        return None;
    }
    let mut said = String::new();
    for (column, value) in rows.columns.iter().zip(row) {
        let between = if said.is_empty() { "" } else { ", " };
        // Writing to a String has no way to fail.
        let _ = write!(
            said,
            "{between}{}: {}",
            column.replace('_', " "),
            template::readable(column, value)
        );
    }
    said.push('.');
    Some(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn listed_tables_are_told_whatever_their_schema() {
        let check = |listed: &str, table: &str, expected: bool| {
            assert_eq!(
                is_listed(&[listed.to_string()], table),
                expected,
                "{listed} {table}"
            );
        };
        check("deals", "deals", true);
        check("Deals", "deals", true);
        check("deals", "sales.deals", true);
        check("public.deals", "deals", true);
        check("sales.deals", "crm.deals", false);
        check("deals", "visits", false);
    }

    #[test]
    fn one_row_is_said_in_a_sentence() {
        let rows = |columns: &[&str], rows: serde_json::Value| Rows {
            columns: columns.iter().map(|column| column.to_string()).collect(),
            rows: serde_json::from_value(rows).expect("rows"),
            truncated: false,
        };
        let check = |rows: Rows, expected: Option<&str>| {
            assert_eq!(lead(&rows).as_deref(), expected);
        };
        check(
            rows(&["open_deals"], json!([[1204]])),
            Some("open deals: 1,204."),
        );
        check(
            rows(&["region", "total"], json!([["DACH", 2.5]])),
            Some("region: DACH, total: 2.5."),
        );
        check(rows(&["a"], json!([[1], [2]])), None);
        check(rows(&["a"], json!([])), None);
    }
}
