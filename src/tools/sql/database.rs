//! A database of the company, read only.
//!
//! Promise: a statement runs in a read-only transaction with a role that can't
//! write, ends at the time limit on the server too, and brings no more rows
//! and bytes than the caps. Values are bound, never pasted into the text.
//! A database that is down is an error of each call, not of the start.

use super::{guard::Dialect, postgres::PostgresDatabase, sqlite::SqliteDatabase};
use crate::{
    config::DatabaseEntry,
    domain::Rows,
    ports::{BoxError, ToolError},
    tools::{arguments::Argument, limits::Limits},
};
use secrecy::ExposeSecret;
use serde_json::Value;

pub struct Database {
    pub name: String,
    backend: Backend,
}

enum Backend {
    Postgres(PostgresDatabase),
    Sqlite(SqliteDatabase),
}

/// Why a database may not be used at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("database `{name}`: `url` is neither `postgres://…` nor `sqlite:PATH`")]
    BadUrl { name: String },
    #[error("database `{name}`: role `{role}` can write: it has {rights}")]
    CanWrite {
        name: String,
        role: String,
        rights: String,
    },
}

impl Database {
    /// Connects and proves that the role can't write. A database that can't be
    /// reached now is proven at the first call that reaches it.
    pub async fn open(entry: &DatabaseEntry, limits: Limits) -> Result<Self, OpenError> {
        let name = entry.name.clone();
        let url = entry.url.expose_secret();
        let bad_url = || OpenError::BadUrl { name: name.clone() };
        let backend = match url.split_once(':') {
            Some(("postgres" | "postgresql", _)) => {
                let database = PostgresDatabase::new(&name, url, limits).map_err(|_| bad_url())?;
                database.refuse_writers().await?;
                Backend::Postgres(database)
            }
            Some(("sqlite", _)) => {
                Backend::Sqlite(SqliteDatabase::new(&name, url, limits).map_err(|_| bad_url())?)
            }
            _ => return Err(bad_url()),
        };
        Ok(Self { name, backend })
    }

    pub fn dialect(&self) -> Dialect {
        match self.backend {
            Backend::Postgres(_) => Dialect::Postgres,
            Backend::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// The columns that a statement would bring; faults in its text show here.
    pub async fn columns(
        &self,
        sql: &str,
        arguments: &[Argument],
    ) -> Result<Vec<String>, ToolError> {
        match &self.backend {
            Backend::Postgres(database) => database.columns(sql, arguments).await,
            Backend::Sqlite(database) => database.columns(sql).await,
        }
    }

    /// Runs a statement that passed the gate, with numbered placeholders.
    pub async fn run(&self, sql: &str, arguments: &[Argument]) -> Result<Rows, ToolError> {
        match &self.backend {
            Backend::Postgres(database) => database.run(sql, arguments).await,
            Backend::Sqlite(database) => database.run(sql, arguments).await,
        }
    }
}

/// A number of arbitrary precision as JSON: a number where a double holds it
/// exactly as written, text otherwise.
pub(super) fn exact_number(text: &str) -> Value {
    let digits = text.chars().filter(char::is_ascii_digit);
    let significant = digits.skip_while(|c| *c == '0').count();
    if let Ok(integer) = text.parse::<i64>() {
        return integer.into();
    }
    match text.parse::<f64>() {
        // Fifteen decimal digits survive the way through a double.
        Ok(number) if significant <= 15 && number.is_finite() => number.into(),
        _ => text.into(),
    }
}

/// Which error of a call a driver's error is.
pub(super) fn tool_error(name: &str, limits: Limits, error: sqlx::Error) -> ToolError {
    let source_name = name.to_string();
    let code = match &error {
        sqlx::Error::Database(database) => database.code().map(|code| code.into_owned()),
        _ => None,
    };
    match (&error, code.as_deref()) {
        // 57014: statement_timeout; 55P03: lock_timeout; 9: SQLite's interrupt; 5: its lock.
        (_, Some("57014" | "55P03" | "9" | "5")) => ToolError::Timeout {
            source_name,
            limit: limits.timeout,
        },
        // Insufficient privilege, wrong password, role that may not connect.
        (_, Some("42501" | "28P01" | "28000")) => ToolError::NotAllowed {
            source_name,
            source: Box::new(error),
        },
        // Connection lost, server starting or stopping, no such database, no
        // connection left; SQLite's file that can't be opened, or is none.
        (_, Some(code)) if is_down(code) => down(source_name, error),
        (sqlx::Error::Database(_), _) => failed(source_name, error),
        (
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_),
            _,
        ) => down(source_name, error),
        _ => failed(source_name, error),
    }
}

fn is_down(code: &str) -> bool {
    code.starts_with("08")
        || matches!(
            code,
            "57P01" | "57P02" | "57P03" | "3D000" | "53300" | "14" | "26"
        )
}

fn down(source_name: String, error: impl Into<BoxError>) -> ToolError {
    ToolError::Down {
        source_name,
        source: error.into(),
    }
}

fn failed(source_name: String, error: impl Into<BoxError>) -> ToolError {
    ToolError::Failed {
        source_name,
        source: error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_stay_exact() {
        let check = |text: &str, expected: Value| assert_eq!(exact_number(text), expected);
        check("0", json!(0));
        check("-17", json!(-17));
        check("12.50", json!(12.5));
        check("0.1", json!(0.1));
        check("9223372036854775807", json!(9_223_372_036_854_775_807_i64));
        check("9223372036854775808", json!("9223372036854775808"));
        check("1234567890123.4567", json!("1234567890123.4567"));
        check("NaN", json!("NaN"));
        check("Infinity", json!("Infinity"));
    }
}
