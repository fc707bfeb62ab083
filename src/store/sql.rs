//! One text of SQL for two databases.
//!
//! Every access is a transaction of this module: `Tx` hides which database it
//! is, `Value` and `Row` carry the three types that both know alike (text,
//! 64-bit integer, null). Placeholders are `$1`; times are microseconds; JSON
//! is text. Where the databases differ, the caller sees it by [`Tx::lock`] or
//! picks one of two texts with [`Tx::is_postgres`].

use super::{StoreError, group_commit::GroupCommit};
use crate::domain::QuestionId;
use chrono::{DateTime, Utc};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{
    Decode, PgPool, Postgres, Row as _, Sqlite, SqlitePool, Transaction, Type, postgres::PgRow,
    sqlite::SqliteRow,
};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

type Result<T> = std::result::Result<T, StoreError>;

#[derive(Clone, Debug)]
pub(super) enum Pool {
    /// SQLite has one writer at a time. A pool of one makes the others wait in
    /// line, where the file's own lock would make them sleep and try again.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
        accepting: Arc<GroupCommit>,
        /// One place in the writer's line for everybody but acceptance, which
        /// so waits for one transaction at most, however many workers write.
        turn: Arc<Semaphore>,
        site: Arc<Site>,
    },
    Postgres {
        pool: PgPool,
        site: Arc<Site>,
    },
}

/// Where the data lies, in words for an error message.
#[derive(Debug)]
pub(super) struct Site {
    /// `PostgreSQL database "x" at host:5432`, or the file's path.
    pub name: String,
    pub user: String,
    /// Empty for PostgreSQL.
    pub folder: String,
}

impl Site {
    pub fn is_file(&self) -> bool {
        !self.folder.is_empty()
    }
}

impl Pool {
    pub fn site(&self) -> &Arc<Site> {
        match self {
            Pool::Sqlite { site, .. } | Pool::Postgres { site, .. } => site,
        }
    }

    /// A transaction that may write. `doing` begins every error message: `accept question`.
    pub async fn write(&self, doing: &'static str) -> Result<Tx> {
        let turn = match self {
            Pool::Sqlite { turn, .. } => turn.clone().acquire_owned().await.ok(),
            Pool::Postgres { .. } => None,
        };
        Ok(Tx {
            _turn: turn,
            ..self.write_at_once(doing).await?
        })
    }

    /// Ahead of every other writer, for events that wait for their acknowledgement.
    pub async fn write_at_once(&self, doing: &'static str) -> Result<Tx> {
        let begun = match self {
            // Takes the write lock now: a transaction that read first could not take it later.
            Pool::Sqlite { writer, .. } => writer
                .begin_with("BEGIN IMMEDIATE")
                .await
                .map(Inner::Sqlite),
            Pool::Postgres { pool, .. } => pool.begin().await.map(Inner::Postgres),
        };
        self.started(begun, doing)
    }

    /// A transaction that reads, all of it as of one moment.
    pub async fn read(&self, doing: &'static str) -> Result<Tx> {
        let begun = match self {
            Pool::Sqlite { readers, .. } => readers.begin().await.map(Inner::Sqlite),
            Pool::Postgres { pool, .. } => pool
                .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                .await
                .map(Inner::Postgres),
        };
        self.started(begun, doing)
    }

    fn started(&self, begun: sqlx::Result<Inner>, doing: &'static str) -> Result<Tx> {
        let site = self.site().clone();
        match begun {
            Ok(inner) => Ok(Tx {
                inner,
                doing,
                site,
                _turn: None,
            }),
            Err(error) => Err(StoreError::from_sqlx(error, doing, &site)),
        }
    }
}

enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// A transaction on either database. Dropped without [`Tx::commit`], it leaves nothing.
pub(super) struct Tx {
    inner: Inner,
    pub doing: &'static str,
    site: Arc<Site>,
    /// Given back when the transaction ends.
    _turn: Option<OwnedSemaphorePermit>,
}

macro_rules! on_either {
    ($tx:expr, $sql:expr, $values:expr, $method:ident) => {
        match &mut $tx.inner {
            Inner::Sqlite(tx) => {
                let mut query = sqlx::query::<Sqlite>($sql);
                for value in $values {
                    query = match value {
                        Value::Text(text) => query.bind(text),
                        Value::Int(int) => query.bind(int),
                    };
                }
                query.$method(&mut **tx).await.map(Either::Sqlite)
            }
            Inner::Postgres(tx) => {
                let mut query = sqlx::query::<Postgres>($sql);
                for value in $values {
                    query = match value {
                        Value::Text(text) => query.bind(text),
                        Value::Int(int) => query.bind(int),
                    };
                }
                query.$method(&mut **tx).await.map(Either::Postgres)
            }
        }
        .map_err(|error| StoreError::from_sqlx(error, $tx.doing, &$tx.site))?
    };
}

enum Either<S, P> {
    Sqlite(S),
    Postgres(P),
}

impl Tx {
    pub fn is_postgres(&self) -> bool {
        matches!(self.inner, Inner::Postgres(_))
    }

    /// Runs a statement; returns how many rows it changed.
    pub async fn execute<const N: usize>(
        &mut self,
        sql: &'static str,
        values: [Value; N],
    ) -> Result<u64> {
        Ok(match on_either!(self, sql, values, execute) {
            Either::Sqlite(done) => done.rows_affected(),
            Either::Postgres(done) => done.rows_affected(),
        })
    }

    pub async fn fetch_all<const N: usize>(
        &mut self,
        sql: &'static str,
        values: [Value; N],
    ) -> Result<Vec<Row>> {
        let doing = self.doing;
        Ok(match on_either!(self, sql, values, fetch_all) {
            Either::Sqlite(rows) => rows.into_iter().map(|r| Row::sqlite(r, doing)).collect(),
            Either::Postgres(rows) => rows.into_iter().map(|r| Row::postgres(r, doing)).collect(),
        })
    }

    pub async fn fetch_optional<const N: usize>(
        &mut self,
        sql: &'static str,
        values: [Value; N],
    ) -> Result<Option<Row>> {
        let doing = self.doing;
        Ok(match on_either!(self, sql, values, fetch_optional) {
            Either::Sqlite(row) => row.map(|r| Row::sqlite(r, doing)),
            Either::Postgres(row) => row.map(|r| Row::postgres(r, doing)),
        })
    }

    /// Holds others who name the same thing back until this transaction ends.
    /// On SQLite every writer is held back already.
    pub async fn lock(&mut self, thing: String) -> Result<()> {
        if self.is_postgres() {
            self.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
                [thing.into()],
            )
            .await?;
        }
        Ok(())
    }

    pub async fn commit(self) -> Result<()> {
        match self.inner {
            Inner::Sqlite(tx) => tx.commit().await,
            Inner::Postgres(tx) => tx.commit().await,
        }
        .map_err(|error| StoreError::from_sqlx(error, self.doing, &self.site))
    }
}

/// A bound value.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(Option<String>),
    Int(Option<i64>),
}

impl From<String> for Value {
    /// PostgreSQL can't store the character NUL; nobody misses it.
    fn from(text: String) -> Self {
        Value::Text(Some(if text.contains('\0') {
            text.replace('\0', "\u{FFFD}")
        } else {
            text
        }))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        text.to_string().into()
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Value::Text(None), Value::from)
    }
}

impl From<i64> for Value {
    fn from(int: i64) -> Self {
        Value::Int(Some(int))
    }
}

impl From<usize> for Value {
    fn from(int: usize) -> Self {
        i64::try_from(int).unwrap_or(i64::MAX).into()
    }
}

impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        i64::from(yes).into()
    }
}

impl From<DateTime<Utc>> for Value {
    fn from(at: DateTime<Utc>) -> Self {
        at.timestamp_micros().into()
    }
}

impl From<Option<DateTime<Utc>>> for Value {
    fn from(at: Option<DateTime<Utc>>) -> Self {
        Value::Int(at.map(|at| at.timestamp_micros()))
    }
}

impl From<QuestionId> for Value {
    fn from(id: QuestionId) -> Self {
        id.to_string().into()
    }
}

/// A row of either database.
pub(super) struct Row {
    row: Either<SqliteRow, PgRow>,
    doing: &'static str,
}

impl Row {
    fn sqlite(row: SqliteRow, doing: &'static str) -> Self {
        Self {
            row: Either::Sqlite(row),
            doing,
        }
    }

    fn postgres(row: PgRow, doing: &'static str) -> Self {
        Self {
            row: Either::Postgres(row),
            doing,
        }
    }

    /// A column as `String`, `i64`, or an `Option` of these.
    pub fn get<T>(&self, column: &'static str) -> Result<T>
    where
        T: for<'r> Decode<'r, Sqlite>
            + Type<Sqlite>
            + for<'r> Decode<'r, Postgres>
            + Type<Postgres>,
    {
        match &self.row {
            Either::Sqlite(row) => row.try_get(column),
            Either::Postgres(row) => row.try_get(column),
        }
        .map_err(|error| self.unreadable(column, error))
    }

    pub fn flag(&self, column: &'static str) -> Result<bool> {
        Ok(self.get::<i64>(column)? != 0)
    }

    pub fn count(&self, column: &'static str) -> Result<usize> {
        let count: i64 = self.get(column)?;
        usize::try_from(count).map_err(|error| self.unreadable(column, error))
    }

    pub fn time(&self, column: &'static str) -> Result<DateTime<Utc>> {
        let micros: i64 = self.get(column)?;
        DateTime::from_timestamp_micros(micros)
            .ok_or_else(|| self.unreadable(column, "time out of range"))
    }

    pub fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T> {
        let text: String = self.get(column)?;
        serde_json::from_str(&text).map_err(|error| self.unreadable(column, error))
    }

    pub fn question(&self) -> Result<QuestionId> {
        let text: String = self.get("question")?;
        QuestionId::parse(&text).ok_or_else(|| self.unreadable("question", "not a question's id"))
    }

    pub fn unreadable(
        &self,
        what: &'static str,
        source: impl Into<crate::ports::BoxError>,
    ) -> StoreError {
        StoreError::Unreadable {
            doing: self.doing,
            what,
            source: source.into(),
        }
    }
}

/// JSON as it is stored. Our own types serialize; an error here names the type at fault.
pub(super) fn json<T: Serialize>(value: &T, what: &'static str) -> Result<String> {
    serde_json::to_string(value).map_err(|source| StoreError::Unreadable {
        doing: "write",
        what,
        source: source.into(),
    })
}
