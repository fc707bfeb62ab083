//! The schema of a database: tables, columns, types, keys, comments.
//!
//! Promise: only the database's own catalogue is read, and only what the
//! role may select. A dialect is two statements that bring the same columns.

mod mysql;
mod postgres;
mod sqlite;

use super::{Database, guard::Dialect};
use crate::{
    domain::Rows,
    ports::{BoxError, ToolError},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A table or view that may be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Table {
    /// With its schema in front where that is not the usual one.
    #[serde(skip)]
    pub name: String,
    #[serde(skip_serializing_if = "is_false")]
    pub view: bool,
    /// What the database says of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub comment: String,
    pub columns: Vec<Column>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Column {
    pub name: String,
    /// As the database writes it: `numeric(12,2)`.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// It is the primary key, or part of it.
    #[serde(skip_serializing_if = "is_false")]
    pub primary: bool,
    /// `customers.id`, of a foreign key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub references: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// Of an enumerated type: all that may stand there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Values that stand there now; they come and go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<String>,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// What a dialect is asked.
struct Statements {
    /// Schema, table, kind (`table` or `view`), its comment, column, type,
    /// its comment, place in the primary key from 1 (0: none), the values of
    /// an enumerated type as a JSON list; by table, in the order of columns.
    columns: &'static str,
    /// Schema, table, column, schema, table and column that it refers to;
    /// the last is null where it is the primary key.
    references: &'static str,
    /// The schema whose tables are named without it.
    usual: &'static str,
}

fn statements(dialect: Dialect) -> Statements {
    match dialect {
        Dialect::Postgres => postgres::STATEMENTS,
        Dialect::Sqlite => sqlite::STATEMENTS,
        Dialect::MySql => mysql::STATEMENTS,
    }
}

/// Every table and view of a database, by name. The database is to be opened
/// with limits that its whole schema keeps within; a part would be no schema.
pub async fn read_schema(database: &Database) -> Result<Vec<Table>, ToolError> {
    let asked = statements(database.dialect());
    let columns = whole(database, asked.columns).await?;
    let references = whole(database, asked.references).await?;
    let mut tables = tables_of(&columns, asked.usual);
    refer(&mut tables, &references, asked.usual);
    Ok(tables)
}

async fn whole(database: &Database, sql: &str) -> Result<Rows, ToolError> {
    let rows = database.run(sql, &[]).await?;
    match rows.truncated {
        false => Ok(rows),
        true => Err(ToolError::Failed {
            source_name: database.name.clone(),
            source: BoxError::from(format!(
                "its schema has more than {} columns",
                rows.rows.len()
            )),
        }),
    }
}

fn tables_of(rows: &Rows, usual: &str) -> Vec<Table> {
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for row in &rows.rows {
        let [
            schema,
            table,
            kind,
            about,
            column,
            type_name,
            comment,
            key,
            values,
        ] = row.as_slice()
        else {
            continue;
        };
        let name = qualified(&text(schema), &text(table), usual);
        let table = tables.entry(name.clone()).or_insert_with(|| Table {
            name,
            view: text(kind) == "view",
            comment: one_line(&text(about)),
            columns: Vec::new(),
        });
        let mut column = Column {
            name: text(column),
            kind: text(type_name),
            primary: key.as_f64().is_some_and(|place| place > 0.0),
            comment: one_line(&text(comment)),
            values: list(values),
            ..Column::default()
        };
        if let Some(values) = enumeration(&column.kind) {
            column.kind = "enum".into();
            column.values = values;
        }
        table.columns.push(column);
    }
    tables.into_values().collect()
}

fn refer(tables: &mut [Table], rows: &Rows, usual: &str) {
    for row in &rows.rows {
        let [schema, table, column, to_schema, to_table, to_column] = row.as_slice() else {
            continue;
        };
        let own = qualified(&text(schema), &text(table), usual);
        let other = qualified(&text(to_schema), &text(to_table), usual);
        let target = match to_column {
            Value::String(column) => Some(column.clone()),
            _ => primary_key(tables, &other),
        };
        let target = target.map_or(other.clone(), |column| format!("{other}.{column}"));
        let column = text(column);
        let column = tables
            .iter_mut()
            .filter(|table| table.name == own)
            .flat_map(|table| &mut table.columns)
            .find(|known| known.name.eq_ignore_ascii_case(&column));
        if let Some(column) = column {
            column.references.get_or_insert(target);
        }
    }
}

/// The one column that is the primary key.
fn primary_key(tables: &[Table], name: &str) -> Option<String> {
    let table = tables
        .iter()
        .find(|table| table.name.eq_ignore_ascii_case(name))?;
    let mut keys = table.columns.iter().filter(|column| column.primary);
    let first = keys.next()?;
    keys.next().is_none().then(|| first.name.clone())
}

/// The values of `enum('open','it''s done')`.
pub(super) fn enumeration(kind: &str) -> Option<Vec<String>> {
    let begin = kind.get(..5)?;
    let list = kind.get(5..)?.strip_suffix(')')?;
    if !begin.eq_ignore_ascii_case("enum(") {
        return None;
    }
    let mut values = Vec::new();
    let mut rest = list.trim();
    while let Some(inside) = rest.strip_prefix('\'') {
        let mut value = String::new();
        let mut letters = inside.char_indices().peekable();
        let mut end = inside.len();
        while let Some((at, letter)) = letters.next() {
            if letter != '\'' {
                value.push(letter);
                continue;
            }
            if letters.next_if(|(_, next)| *next == '\'').is_none() {
                end = at + 1;
                break;
            }
            value.push(letter);
        }
        values.push(value);
        rest = inside[end..].trim_start_matches([',', ' ']);
    }
    Some(values)
}

/// `sales.orders`, or `orders` in the usual schema.
pub(super) fn qualified(schema: &str, table: &str, usual: &str) -> String {
    match schema {
        "" => table.to_string(),
        schema if schema == usual => table.to_string(),
        schema => format!("{schema}.{table}"),
    }
}

/// Comments are read in one line of the catalogue.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

/// A JSON list of texts, as a list or as the text of one.
fn list(value: &Value) -> Vec<String> {
    let parsed = match value {
        Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
        other => other.clone(),
    };
    let items = parsed.as_array().into_iter().flatten();
    items
        .filter_map(|item| item.as_str().map(String::from))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_an_enumeration_are_read() {
        let check = |kind: &str, expected: Option<&[&str]>| {
            let expected = expected.map(|values| values.iter().map(|v| v.to_string()).collect());
            assert_eq!(enumeration(kind), expected, "{kind}");
        };
        check("enum('open','done')", Some(&["open", "done"]));
        check("ENUM('it''s, here', 'b')", Some(&["it's, here", "b"]));
        check("enum('')", Some(&[""]));
        check("enum('open", None);
        check("enumerated(3)", None);
        check("varchar(20)", None);
        check("é", None);
    }
}
