//! Runs statements on a SQLite file, opened read only.

use super::{
    Argument, Limits,
    database::tool_error,
    rows::{column_names, read_rows},
    running::Running,
};
use crate::{domain::Rows, ports::ToolError};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{
    Arguments, AssertSqlSafe, Executor, Row, SqlSafeStr, SqliteConnection, SqlitePool, Statement,
    TypeInfo, ValueRef,
    pool::PoolConnection,
    sqlite::{Sqlite, SqliteArguments, SqliteConnectOptions, SqlitePoolOptions, SqliteRow},
};
use std::{
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::time::timeout;

/// SQLite asks after this many steps of its machine whether to go on.
const STEPS_BETWEEN_LOOKS: i32 = 1_000;

/// The file's engine ends a statement itself; this is for a disk that does not answer.
const GRACE: Duration = Duration::from_secs(1);

pub struct SqliteDatabase {
    name: String,
    limits: Limits,
    pool: SqlitePool,
}

impl SqliteDatabase {
    pub fn new(name: &str, url: &str, limits: Limits) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::from_str(url)?
            .read_only(true)
            .create_if_missing(false)
            .immutable(false)
            .busy_timeout(limits.timeout)
            // Neither a statement nor a view or trigger of the file writes or
            // calls anything that acts.
            .pragma("query_only", "on")
            .pragma("trusted_schema", "off");
        let pool = SqlitePoolOptions::new()
            .max_connections(2)
            .acquire_timeout(limits.timeout)
            .idle_timeout(Duration::from_secs(60))
            .connect_lazy_with(options);
        Ok(Self {
            name: name.into(),
            limits,
            pool,
        })
    }

    pub async fn columns(&self, sql: &str) -> Result<Vec<String>, ToolError> {
        let mut connection = self.connection().await?;
        let sql = AssertSqlSafe(sql.to_string()).into_sql_str();
        let statement = connection
            .prepare(sql)
            .await
            .map_err(|error| self.error(error))?;
        Ok(column_names(statement.columns()))
    }

    pub async fn run(
        &self,
        sql: &str,
        arguments: &[Argument],
        limits: Limits,
    ) -> Result<Rows, ToolError> {
        let mut running = Running::new(self.connection().await?);
        let work = read(&mut running, sql, arguments, limits);
        let outcome = timeout(limits.timeout + GRACE, work).await;
        running.settle(outcome, &self.name, limits)
    }

    async fn connection(&self) -> Result<PoolConnection<Sqlite>, ToolError> {
        self.pool.acquire().await.map_err(|error| self.error(error))
    }

    fn error(&self, error: sqlx::Error) -> ToolError {
        tool_error(&self.name, self.limits, error)
    }
}

async fn read(
    running: &mut Running<Sqlite>,
    sql: &str,
    arguments: &[Argument],
    limits: Limits,
) -> Result<Rows, sqlx::Error> {
    let deadline = Instant::now() + limits.timeout;
    let gone = Arc::new(AtomicBool::new(false));
    let caller_gone = gone.clone();
    running.ends_by(move || caller_gone.store(true, Ordering::Relaxed));
    running
        .lock_handle()
        .await?
        .set_progress_handler(STEPS_BETWEEN_LOOKS, move || {
            Instant::now() < deadline && !gone.load(Ordering::Relaxed)
        });
    let rows = fetch(running, sql, arguments, limits).await;
    running.lock_handle().await?.remove_progress_handler();
    rows
}

async fn fetch(
    connection: &mut SqliteConnection,
    sql: &str,
    arguments: &[Argument],
    limits: Limits,
) -> Result<Rows, sqlx::Error> {
    let sql = AssertSqlSafe(sql.to_string()).into_sql_str();
    let statement = connection.prepare(sql).await?;
    let columns = column_names(statement.columns());
    let rows = statement.query_with(bind(arguments)?).fetch(connection);
    read_rows(rows, columns, limits, decode_row).await
}

fn bind(arguments: &[Argument]) -> Result<SqliteArguments, sqlx::Error> {
    let mut bound = SqliteArguments::default();
    for argument in arguments {
        match argument.clone() {
            Argument::Text(value) => bound.add(value),
            Argument::Integer(value) => bound.add(value),
            Argument::Number(value) => bound.add(value),
            Argument::Boolean(value) => bound.add(value),
            Argument::Time(value) => bound.add(value.map(time_text)),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(bound)
}

/// SQLite has no type for times; its functions and most files write them so.
fn time_text(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// By what is stored, not by what the column was declared as.
fn decode_row(row: &SqliteRow) -> Result<Vec<Value>, sqlx::Error> {
    (0..row.len())
        .map(|index| {
            let value = row.try_get_raw(index)?;
            if value.is_null() {
                return Ok(Value::Null);
            }
            let kind = value.type_info().into_owned();
            Ok(match kind.name() {
                "INTEGER" => row.try_get_unchecked::<i64, _>(index)?.into(),
                "REAL" => row.try_get_unchecked::<f64, _>(index)?.into(),
                "TEXT" => row.try_get_unchecked::<String, _>(index)?.into(),
                _ => "(bytes not shown)".into(),
            })
        })
        .collect()
}
