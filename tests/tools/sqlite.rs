//! SQLite: the walls behind the gate.

use super::server::{LIMITS, bypasses, entry};
use lorekeeper::{
    domain::GapClass,
    tools::sql::{Argument, Database, Limits},
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use std::{fs, path::PathBuf, time::Duration};
use tempfile::TempDir;

pub struct SpyFile {
    _folder: TempDir,
    pub path: PathBuf,
}

impl SpyFile {
    pub async fn new(setup: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("spy.db");
        let url = format!("sqlite:{}?mode=rwc", path.display());
        let mut connection = SqliteConnection::connect(&url)
            .await
            .expect("a new file opens");
        sqlx::raw_sql(AssertSqlSafe(setup.to_string()))
            .execute(&mut connection)
            .await
            .expect("is set up");
        connection.close().await.expect("closes");
        Self {
            _folder: folder,
            path,
        }
    }

    pub fn url(&self) -> String {
        format!("sqlite:{}", self.path.display())
    }

    async fn open(&self, limits: Limits) -> Database {
        let database = Database::open(&entry("spy", &self.url()), limits).await;
        database.expect("is a file")
    }
}

const SPY: &str = "CREATE TABLE spy (id INTEGER PRIMARY KEY, note TEXT); INSERT INTO spy VALUES (1, 'one'), (2, 'two')";

/// The gate is left out here: the file is open for reading only.
#[tokio::test]
async fn bypasses_have_no_effect_even_without_the_gate() {
    let spy = SpyFile::new(SPY).await;
    let before = fs::read(&spy.path).expect("is read");
    for sql in bypasses(include_str!("bypasses-sqlite.sql")) {
        let database = spy.open(LIMITS).await;
        let _ = database.run(sql, &[]).await;
        assert_eq!(fs::read(&spy.path).expect("is read"), before, "{sql}");
    }
}

#[tokio::test]
async fn endless_statement_ends_at_the_limit() {
    let spy = SpyFile::new(SPY).await;
    let database = spy.open(LIMITS).await;
    let endless =
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r";
    let error = database.run(endless, &[]).await.expect_err("has no end");
    assert_eq!(error.class(), GapClass::Timeout);
    let rows = database
        .run("SELECT count(*) FROM spy", &[])
        .await
        .expect("is free again");
    assert_eq!(rows.rows, [[json!(2)]]);
}

#[tokio::test]
async fn rows_and_bytes_are_capped() {
    let spy = SpyFile::new(SPY).await;
    let limits = Limits {
        timeout: Duration::from_secs(20),
        rows: 10,
        bytes: 10_000,
    };
    let database = spy.open(limits).await;
    let many = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r";
    let rows = database.run(many, &[]).await.expect("ten rows come");
    assert_eq!((rows.rows.len(), rows.truncated), (10, true));
    let wide = "SELECT hex(zeroblob(2000)) FROM spy, spy AS s";
    let rows = database.run(wide, &[]).await.expect("two rows fit");
    assert_eq!((rows.rows.len(), rows.truncated), (2, true));
}

#[tokio::test]
async fn values_keep_their_meaning() {
    let spy = SpyFile::new("CREATE TABLE t (i INTEGER, r REAL, s TEXT, b BLOB, d DATETIME, n NUMERIC); INSERT INTO t VALUES (1, 2.5, 'x', x'00', '2026-01-01 10:00:00', '12.50'), (NULL, NULL, NULL, NULL, 1700000000, 'text')").await;
    let database = spy.open(LIMITS).await;
    let rows = database.run("SELECT * FROM t", &[]).await.expect("runs");
    assert_eq!(rows.columns, ["i", "r", "s", "b", "d", "n"]);
    let first = json!([
        1,
        2.5,
        "x",
        "(bytes not shown)",
        "2026-01-01 10:00:00",
        12.5
    ]);
    let second = json!([null, null, null, null, 1_700_000_000, "text"]);
    let found: Vec<Value> = rows.rows.into_iter().map(Value::from).collect();
    assert_eq!(found, [first, second]);
}

#[tokio::test]
async fn arguments_are_bound_not_pasted() {
    let spy = SpyFile::new(SPY).await;
    let database = spy.open(LIMITS).await;
    let sql = "SELECT id FROM spy WHERE note = ?1 AND (?2 IS NULL OR id = ?2) AND note = ?1";
    for (note, expected) in [("two", vec![vec![json!(2)]]), ("' OR 1=1 --", vec![])] {
        let arguments = [Argument::Text(Some(note.into())), Argument::Integer(None)];
        let rows = database.run(sql, &arguments).await.expect("runs");
        assert_eq!(rows.rows, expected, "{note}");
    }
}

#[tokio::test]
async fn missing_file_is_a_database_that_is_down_and_is_not_made() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("none.db");
    let entry = entry("orders", &format!("sqlite:{}", path.display()));
    let database = Database::open(&entry, LIMITS)
        .await
        .expect("may appear later");
    let error = database
        .run("SELECT 1", &[])
        .await
        .expect_err("is not there");
    assert_eq!(error.class(), GapClass::SourceDown, "{error:?}");
    assert!(!path.exists());
}

#[tokio::test]
async fn file_that_is_no_database_is_down() {
    let spy = SpyFile::new(SPY).await;
    fs::write(&spy.path, "no database ".repeat(1000)).expect("is written");
    let database = spy.open(LIMITS).await;
    let error = database
        .run("SELECT * FROM spy", &[])
        .await
        .expect_err("is none");
    assert_eq!(error.class(), GapClass::SourceDown, "{error:?}");
}
