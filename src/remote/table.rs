//! Rows of a database as documents.
//!
//! Promise: the statements go through the gate and run as every other one
//! does: read only, under a role that is proven to be unable to write. Rows
//! are paged by their id, so that a table of any size is read in small
//! statements and one that changes meanwhile is read without gaps. Values are
//! bound, never pasted into the text.
//!
//! Where a column says when a row was changed, only rows are read that are as
//! new as the newest one was when the last reading began, less five minutes:
//! a long transaction shows its rows late.

use super::{Batch, Begin, Remote, RemoteError};
use crate::{
    config::{DatabaseEntry, LimitsSection, SourceEntry, SourceLayout, TableSource},
    domain::{DocumentId, Rows},
    knowledge::{Reading, record},
    ports::ToolError,
    tools::sql::{
        Argument, Database, Limits,
        guard::{self, Dialect, Policy, Verdict},
    },
};
use async_trait::async_trait;
use chrono::{Duration as Span, NaiveDateTime};
use serde_json::{Map, Value, json};
use std::{collections::HashSet, time::Duration};

/// Rows of one statement.
const PAGE: usize = 500;
/// Ids of one statement.
const IDS: usize = 5_000;
/// For one statement: a first page may have to sort the table.
const STATEMENT: Duration = Duration::from_secs(120);
/// Rows that a slow transaction wrote appear late.
const OVERLAP_SECONDS: i64 = 300;

pub struct Table {
    entry: SourceEntry,
    layout: TableSource,
    database: Database,
    /// What is selected from, with a name.
    from: String,
    /// The types of `id` and `updated`, where values have to be cast.
    types: Types,
    begin: Begin,
    last: Value,
    newest: Value,
    ended: bool,
}

#[derive(Clone, Debug, Default)]
struct Types {
    id: String,
    updated: String,
}

impl Table {
    pub async fn open(
        entry: &SourceEntry,
        layout: &TableSource,
        database: &DatabaseEntry,
        limits: &LimitsSection,
        begin: Begin,
    ) -> Result<Self, RemoteError> {
        let limits = Limits {
            timeout: STATEMENT,
            rows: IDS.max(PAGE) + 1,
            bytes: usize::try_from(limits.file_bytes).unwrap_or(usize::MAX),
        };
        let opened = Database::open(database, limits).await;
        let database = opened.map_err(|error| RemoteError::Unusable(error.to_string()))?;
        let mut table = Self {
            entry: entry.clone(),
            from: from(layout, database.dialect()),
            layout: layout.clone(),
            database,
            types: Types::default(),
            last: match &begin {
                Begin::Whole(Some(mark)) => mark["id"].clone(),
                _ => Value::Null,
            },
            newest: match &begin {
                Begin::Whole(Some(mark)) => mark["newest"].clone(),
                _ => Value::Null,
            },
            begin,
            ended: false,
        };
        table.types = table.find_types().await?;
        if table.newest.is_null() {
            table.newest = table.find_newest().await?;
        }
        Ok(table)
    }

    /// PostgreSQL compares nothing with a text but texts.
    async fn find_types(&self) -> Result<Types, RemoteError> {
        if self.database.dialect() != Dialect::Postgres {
            return Ok(Types::default());
        }
        let id = self.quoted(&self.layout.id);
        let updated = self.layout.updated.as_ref();
        let updated = updated.map_or(id.clone(), |column| self.quoted(column));
        let sql = format!(
            "SELECT CAST(pg_typeof({id}) AS text), CAST(pg_typeof({updated}) AS text) FROM {} LIMIT 1",
            self.from
        );
        let rows = self.run(&sql, &[]).await?;
        let types = rows.rows.first().map(|row| Types {
            id: text(row.first()),
            updated: text(row.get(1)),
        });
        Ok(types.unwrap_or_default())
    }

    /// Rows that change while this reading goes on are newer, and come next time.
    async fn find_newest(&self) -> Result<Value, RemoteError> {
        let Some(updated) = &self.layout.updated else {
            return Ok(Value::Null);
        };
        let sql = format!("SELECT MAX({}) FROM {}", self.quoted(updated), self.from);
        let rows = self.run(&sql, &[]).await?;
        let newest = rows.rows.first().and_then(|row| row.first());
        Ok(newest.cloned().unwrap_or_default())
    }

    /// What is read after `last`, `limit` at a time.
    async fn page(&self, columns: &str, last: &Value, limit: usize) -> Result<Rows, RemoteError> {
        // There were no rows to tell their types.
        if self.database.dialect() == Dialect::Postgres && self.types.id.is_empty() {
            return Ok(Rows::default());
        }
        let id = self.quoted(&self.layout.id);
        let (mut conditions, mut arguments) = (vec![format!("{id} IS NOT NULL")], Vec::new());
        let mut bind = |value: &Value, kind: &str| {
            arguments.push(argument(value, self.database.dialect()));
            match self.database.dialect() {
                Dialect::Postgres => format!("CAST(${} AS {kind})", arguments.len()),
                Dialect::Sqlite => format!("?{}", arguments.len()),
                Dialect::MySql => "?".into(),
            }
        };
        if let (Begin::Since(mark), Some(updated)) = (&self.begin, &self.layout.updated)
            && columns == "*"
            && !mark["newest"].is_null()
        {
            let since = bind(&overlapping(&mark["newest"]), &self.types.updated);
            conditions.push(format!("{} >= {since}", self.quoted(updated)));
        }
        if !last.is_null() {
            let last = bind(last, &self.types.id);
            conditions.push(format!("{id} > {last}"));
        }
        let sql = format!(
            "SELECT {columns} FROM {} WHERE {} ORDER BY {id} LIMIT {limit}",
            self.from,
            conditions.join(" AND ")
        );
        self.run(&sql, &arguments).await
    }

    async fn run(&self, sql: &str, arguments: &[Argument]) -> Result<Rows, RemoteError> {
        let verdict = guard::check(sql, self.database.dialect(), &Policy::any_table());
        if let Verdict::Refuse { reason } = verdict {
            return Err(ToolError::Refused { reason }.into());
        }
        Ok(self.database.run(sql, arguments).await?)
    }

    fn quoted(&self, column: &str) -> String {
        quoted(column, self.database.dialect())
    }

    fn origin(&self) -> &str {
        self.layout.table.as_deref().unwrap_or("sql")
    }

    /// The reading of a row.
    fn reading(&self, columns: &[String], row: Vec<Value>) -> Reading {
        let layout = &self.layout;
        let mut fields: Map<String, Value> = columns.iter().cloned().zip(row).collect();
        let id = text(fields.get(&layout.id));
        let withheld = |why: &str| Reading::Withheld {
            id: DocumentId::new(&id),
            why: why.into(),
        };
        if let Some(column) = &layout.audience {
            match fields.shift_remove(column) {
                Some(Value::String(groups)) if groups.split(',').any(|g| !g.trim().is_empty()) => {
                    fields.insert("audience".into(), groups.into());
                }
                Some(groups @ Value::Array(_)) if groups != json!([]) => {
                    fields.insert("audience".into(), groups);
                }
                _ => return withheld("their column of the audience is empty"),
            }
        }
        match layout.url.as_deref() {
            Some(template) if template.contains('{') => {
                let url = filled(template, &fields);
                fields.insert("url".into(), url.into());
            }
            Some(column) => rename(&mut fields, column, "url"),
            None => {}
        }
        if let Some(column) = &layout.author {
            rename(&mut fields, column, "owner");
        }
        let entry = SourceEntry {
            layout: SourceLayout {
                id: Some(layout.id.clone()),
                title: layout.title.clone(),
                text: layout.text.clone(),
                date: layout.date.clone().or(layout.updated.clone()),
            },
            ..self.entry.clone()
        };
        match record(&entry, self.origin(), fields, 0, 1) {
            Ok(reading) => reading,
            // Who may see it could not be read.
            Err(problem) => withheld(&problem),
        }
    }

    fn id_of(&self, rows: &Rows, row: &[Value]) -> Result<Value, RemoteError> {
        let at = rows.columns.iter().position(|c| *c == self.layout.id);
        let id = at.and_then(|at| row.get(at)).cloned();
        id.filter(|id| matches!(id, Value::Number(_) | Value::String(_)))
            .ok_or_else(|| {
                let id = &self.layout.id;
                RemoteError::Unusable(format!(
                    "`table.id` is `{id}`, and the rows have no such column of numbers or texts"
                ))
            })
    }
}

#[async_trait]
impl Remote for Table {
    async fn next(&mut self) -> Result<Option<Batch>, RemoteError> {
        if self.ended {
            return Ok(None);
        }
        let rows = self.page("*", &self.last, PAGE).await?;
        let Some(last) = rows.rows.last() else {
            if rows.truncated {
                return Err(RemoteError::Unusable(format!(
                    "a row after {} is larger than limits.file_bytes",
                    text(Some(&self.last))
                )));
            }
            self.ended = true;
            return Ok(Some(Batch {
                readings: Vec::new(),
                mark: Some(json!({"newest": self.newest})),
            }));
        };
        self.last = self.id_of(&rows, last)?;
        let Rows { columns, rows, .. } = rows;
        let readings = rows.into_iter().map(|row| self.reading(&columns, row));
        Ok(Some(Batch {
            readings: readings.collect(),
            // An increment is short, and is begun again where it was cut off.
            mark: matches!(self.begin, Begin::Whole(_))
                .then(|| json!({"id": self.last, "newest": self.newest})),
        }))
    }

    async fn ids(&mut self) -> Result<HashSet<DocumentId>, RemoteError> {
        let column = self.quoted(&self.layout.id);
        let (mut ids, mut last) = (HashSet::new(), Value::Null);
        loop {
            let rows = self.page(&column, &last, IDS).await?;
            let Some(row) = rows.rows.last() else {
                return Ok(ids);
            };
            last = self.id_of(&rows, row)?;
            let found = rows.rows.iter().map(|row| text(row.first()));
            ids.extend(found.map(DocumentId::new));
        }
    }
}

fn from(layout: &TableSource, dialect: Dialect) -> String {
    match (&layout.table, &layout.sql) {
        (Some(table), _) => {
            let parts: Vec<String> = table.split('.').map(|part| quoted(part, dialect)).collect();
            format!("{} documents", parts.join("."))
        }
        (None, sql) => {
            let sql = sql.as_deref().unwrap_or_default().trim();
            format!("({}) documents", sql.trim_end_matches(';'))
        }
    }
}

fn quoted(name: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::MySql => format!("`{}`", name.replace('`', "``")),
        Dialect::Postgres | Dialect::Sqlite => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

fn argument(value: &Value, dialect: Dialect) -> Argument {
    match value {
        // What they are is said by the cast.
        value if dialect == Dialect::Postgres => Argument::Text(Some(text(Some(value)))),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Argument::Integer(Some(integer)),
            None => Argument::Number(number.as_f64()),
        },
        value if dialect == Dialect::MySql => {
            // It takes neither the letter between day and hour nor that of UTC.
            let text = text(Some(value));
            Argument::Text(Some(match moment(&text) {
                Some(_) => text.trim_end_matches('Z').replacen('T', " ", 1),
                None => text,
            }))
        }
        value => Argument::Text(Some(text(Some(value)))),
    }
}

/// The beginning of a text that is a time, down to the second.
fn moment(text: &str) -> Option<NaiveDateTime> {
    let head = text.get(..19)?;
    NaiveDateTime::parse_from_str(head, "%Y-%m-%dT%H:%M:%S")
        .or_else(|_| NaiveDateTime::parse_from_str(head, "%Y-%m-%d %H:%M:%S"))
        .ok()
}

/// Five minutes earlier, in the way in which it is written. What is no time (a
/// version, a day) stays as it is.
fn overlapping(newest: &Value) -> Value {
    match newest {
        Value::String(text) => {
            let Some(time) = moment(text) else {
                return newest.clone();
            };
            let earlier = time - Span::seconds(OVERLAP_SECONDS);
            let (between, rest) = (&text[10..11], &text[19..]);
            let (day, hour) = (earlier.format("%Y-%m-%d"), earlier.format("%H:%M:%S"));
            format!("{day}{between}{hour}{rest}").into()
        }
        Value::Number(number) => match number.as_i64() {
            // Milliseconds since 1970, then seconds; both of this century.
            Some(ms) if ms > 1_000_000_000_000 => (ms - OVERLAP_SECONDS * 1_000).into(),
            Some(seconds) if seconds > 1_000_000_000 => (seconds - OVERLAP_SECONDS).into(),
            _ => newest.clone(),
        },
        _ => newest.clone(),
    }
}

fn rename(fields: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = fields.shift_remove(from) {
        fields.insert(to.into(), value);
    }
}

/// `{column}` as the row has it.
fn filled(template: &str, fields: &Map<String, Value>) -> String {
    let mut url = template.to_string();
    for (name, value) in fields {
        let place = format!("{{{name}}}");
        if url.contains(&place) {
            let value = text(Some(value));
            let value =
                percent_encoding::utf8_percent_encode(&value, percent_encoding::NON_ALPHANUMERIC);
            url = url.replace(&place, &value.to_string().replace("%2D", "-"));
        }
    }
    url
}

fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => String::new(),
        Some(value) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn increments_overlap_by_five_minutes() {
        let check = |newest: Value, expected: Value| assert_eq!(overlapping(&newest), expected);
        check(
            json!("2026-05-02T10:02:00.5Z"),
            json!("2026-05-02T09:57:00.5Z"),
        );
        check(json!("2026-01-01 00:00:00"), json!("2025-12-31 23:55:00"));
        check(json!("2026-05-02"), json!("2026-05-02"));
        check(json!(1_760_000_000), json!(1_759_999_700));
        check(json!(1_760_000_000_000_i64), json!(1_759_999_700_000_i64));
        check(json!(17), json!(17));
        check(json!("äöü äöü äöü äöü äöü"), json!("äöü äöü äöü äöü äöü"));
    }

    #[test]
    fn names_are_quoted_as_the_database_wants_it() {
        let check = |table: &str, dialect: Dialect, expected: &str| {
            let layout = TableSource {
                table: Some(table.into()),
                ..TableSource::default()
            };
            assert_eq!(from(&layout, dialect), expected);
        };
        check("requests", Dialect::Postgres, "\"requests\" documents");
        check(
            "help.Requests",
            Dialect::Sqlite,
            "\"help\".\"Requests\" documents",
        );
        check("a`b", Dialect::MySql, "`a``b` documents");
        check("a\" b", Dialect::Postgres, "\"a\"\" b\" documents");
    }
}
