//! A database of the company, read only.
//!
//! Promise: a statement runs in a read-only transaction with a role that can't
//! write, ends at the time limit on the server too, and brings no more rows
//! and bytes than the caps. Values are bound, never pasted into the text.
//! A database that is down is an error of each call, not of the start.

use super::{
    cost::{self, Cost},
    guard::Dialect,
    mysql::MySqlDatabase,
    postgres::PostgresDatabase,
    sqlite::SqliteDatabase,
};
use crate::{
    config::DatabaseEntry,
    domain::Rows,
    ports::{BoxError, ToolError},
    tools::{arguments::Argument, limits::Limits},
};
use secrecy::ExposeSecret;
use sqlx::mysql::MySqlDatabaseError;
use std::collections::BTreeSet;

const PLAN_ROWS: usize = 2_000;
const PLAN_BYTES: usize = 4 * 1024 * 1024;

pub struct Database {
    pub name: String,
    limits: Limits,
    backend: Backend,
}

enum Backend {
    Postgres(PostgresDatabase),
    Sqlite(SqliteDatabase),
    MySql(MySqlDatabase),
}

/// Why a database may not be used at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "database `{name}`: `url` is none of `postgres://…`, `mysql://…`, `mariadb://…` and `sqlite:PATH`"
    )]
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
            Some(("mysql" | "mariadb", _)) => {
                let database = MySqlDatabase::new(&name, url, limits).map_err(|_| bad_url())?;
                database.refuse_writers().await?;
                Backend::MySql(database)
            }
            _ => return Err(bad_url()),
        };
        Ok(Self {
            name,
            limits,
            backend,
        })
    }

    /// What the address of a database says, whether it can be reached or not.
    pub fn dialect_of(entry: &DatabaseEntry) -> Option<Dialect> {
        match entry.url.expose_secret().split_once(':')?.0 {
            "postgres" | "postgresql" => Some(Dialect::Postgres),
            "sqlite" => Some(Dialect::Sqlite),
            "mysql" | "mariadb" => Some(Dialect::MySql),
            _ => None,
        }
    }

    pub fn dialect(&self) -> Dialect {
        match self.backend {
            Backend::Postgres(_) => Dialect::Postgres,
            Backend::Sqlite(_) => Dialect::Sqlite,
            Backend::MySql(_) => Dialect::MySql,
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
            Backend::MySql(database) => database.columns(sql).await,
        }
    }

    /// Runs a statement that passed the gate, with the driver's placeholders.
    pub async fn run(&self, sql: &str, arguments: &[Argument]) -> Result<Rows, ToolError> {
        self.run_within(sql, arguments, self.limits).await
    }

    /// What a statement without placeholders would cost that reads `tables`, as
    /// far as the server can tell.
    pub async fn cost(
        &self,
        sql: &str,
        tables: &BTreeSet<String>,
    ) -> Result<Option<Cost>, ToolError> {
        cost::estimate(self, sql, tables).await
    }

    /// A plan, which is larger than the rows that a person is shown.
    pub(super) async fn plan(&self, sql: &str) -> Result<Rows, ToolError> {
        let limits = Limits {
            rows: PLAN_ROWS,
            bytes: PLAN_BYTES,
            ..self.limits
        };
        self.run_within(sql, &[], limits).await
    }

    async fn run_within(
        &self,
        sql: &str,
        arguments: &[Argument],
        limits: Limits,
    ) -> Result<Rows, ToolError> {
        match &self.backend {
            Backend::Postgres(database) => database.run(sql, arguments, limits).await,
            Backend::Sqlite(database) => database.run(sql, arguments, limits).await,
            Backend::MySql(database) => database.run(sql, arguments, limits).await,
        }
    }
}

/// Which error of a call a driver's error is.
pub(super) fn tool_error(name: &str, limits: Limits, error: sqlx::Error) -> ToolError {
    let source_name = name.to_string();
    let code = code_of(&error);
    match (&error, code.as_deref()) {
        // 57014: statement_timeout; 55P03: lock_timeout; 9: SQLite's interrupt; 5: its lock;
        // MySQL's and MariaDB's limit, an interrupt, a lock.
        (_, Some("57014" | "55P03" | "9" | "5" | "3024" | "1969" | "1317" | "1205")) => {
            ToolError::Timeout {
                source_name,
                limit: limits.timeout,
            }
        }
        // Insufficient privilege, wrong password, role that may not connect.
        (_, Some("42501" | "28P01" | "28000")) => not_allowed(source_name, error),
        (_, Some("1044" | "1045" | "1142" | "1143" | "1227" | "1370" | "1698" | "3118")) => {
            not_allowed(source_name, error)
        }
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

/// SQLSTATE, or the number where MySQL's SQLSTATE says less.
fn code_of(error: &sqlx::Error) -> Option<String> {
    let sqlx::Error::Database(database) = error else {
        return None;
    };
    match database.try_downcast_ref::<MySqlDatabaseError>() {
        Some(database) => Some(database.number().to_string()),
        None => database.code().map(|code| code.into_owned()),
    }
}

fn is_down(code: &str) -> bool {
    code.starts_with("08")
        || matches!(
            code,
            "57P01" | "57P02" | "57P03" | "3D000" | "53300" | "14" | "26"
        )
        // MySQL: too many connections, no such database, shutting down, host
        // blocked or not allowed, connection killed, lost, or idle for too long.
        || matches!(
            code,
            "1040" | "1049" | "1053" | "1129" | "1130" | "1158" | "1159" | "1160" | "1161" | "1203"
                | "1226" | "1927" | "4031"
        )
}

fn not_allowed(source_name: String, error: impl Into<BoxError>) -> ToolError {
    ToolError::NotAllowed {
        source_name,
        source: error.into(),
    }
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
