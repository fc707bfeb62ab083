//! SQLite: the walls behind the gate.

use super::{
    queries::free_query,
    server::{LIMITS, bypasses, entry, statements, try_all},
};
use lorekeeper::{
    domain::GapClass,
    tools::sql::{Argument, Database, Limits},
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use std::{
    fs,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::time::sleep;

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

    /// Runs statements that change the file, as its owner does.
    pub async fn run(&self, sql: &str) {
        let mut connection = SqliteConnection::connect(&self.url())
            .await
            .expect("it opens");
        sqlx::raw_sql(AssertSqlSafe(sql.to_string()))
            .execute(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        connection.close().await.expect("closes");
    }

    pub fn url(&self) -> String {
        format!("sqlite:{}", self.path.display())
    }

    /// Everything in the folder: names and contents.
    pub fn state(&self) -> String {
        let folder = self.path.parent().expect("is in a folder");
        let entries = fs::read_dir(folder).expect("is read");
        let mut files: Vec<_> = entries
            .map(|entry| {
                let path = entry.expect("is read").path();
                let content = fs::read(&path).expect("is read");
                format!("{} {}", path.display(), hex::encode(content))
            })
            .collect();
        files.sort();
        files.join("\n")
    }

    async fn as_owner(&self, sql: &str) -> Result<(), sqlx::Error> {
        let url = format!("sqlite:{}?mode=rw", self.path.display());
        let mut connection = SqliteConnection::connect(&url).await?;
        let busy = sqlx::raw_sql("PRAGMA busy_timeout = 0");
        busy.execute(&mut connection).await?;
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_string()));
        sql.execute(&mut connection).await?;
        connection.close().await
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
        // Without the gate VACUUM INTO does write a file, which goes with the folder.
        let folder = spy.path.parent().expect("is in a folder").display();
        let sql = sql.replace("/tmp/", &format!("{folder}/"));
        let _ = database.run(&sql, &[]).await;
        assert_eq!(fs::read(&spy.path).expect("is read"), before, "{sql}");
    }
}

const TRAPS: &str = "
    CREATE VIEW spy_trap AS SELECT load_extension('/tmp/lorekeeper-spy');
    CREATE VIEW spy_file AS SELECT readfile('/etc/passwd') AS n;
    CREATE VIEW spy_shadow AS SELECT * FROM pragma_table_info('spy')";

#[tokio::test]
async fn no_attempt_has_an_effect_through_the_gate() {
    let spy = SpyFile::new(&format!("{SPY};{TRAPS}")).await;
    let database = spy.open(LIMITS).await;
    let look = async || {
        let is_written = ["/tmp/lorekeeper-spy", "/tmp/lorekeeper-spy.db"];
        let is_written = is_written.map(|path| fs::exists(path).unwrap_or(true));
        format!("{} {is_written:?}", spy.state())
    };
    let bypasses = bypasses(include_str!("bypasses-sqlite.sql"));
    let (refused, ran) = try_all(bypasses, &database, look).await;
    assert!((refused > 75, ran) == (true, 0), "{refused} {ran}");
    let detours = statements(include_str!("detours-sqlite.sql"));
    let (refused, ran) = try_all(detours, &database, look).await;
    assert!((refused, ran > 20) == (0, true), "{refused} {ran}");
    let zero = try_all(vec!["SELECT 'a\0'; DELETE FROM spy"], &database, look);
    assert_eq!(zero.await, (1, 0));
}

/// The other tests would prove nothing with a spy that sees nothing.
#[tokio::test]
async fn spy_notices_what_the_owner_does() {
    let spy = SpyFile::new(SPY).await;
    let copy = spy.path.with_extension("copy");
    for effect in [
        "UPDATE spy SET note = 'x'".to_string(),
        "CREATE TABLE loot AS SELECT * FROM spy".to_string(),
        format!("VACUUM INTO '{}'", copy.display()),
    ] {
        let before = spy.state();
        spy.as_owner(&effect).await.expect("may write");
        assert_ne!(spy.state(), before, "{effect}");
    }
}

/// A reader that is still at work keeps the file from being written.
#[tokio::test]
async fn statement_whose_caller_has_gone_ends() {
    let spy = SpyFile::new(SPY).await;
    let limits = Limits {
        timeout: Duration::from_secs(300),
        ..LIMITS
    };
    let database = Arc::new(spy.open(limits).await);
    let asked = database.clone();
    let caller = tokio::spawn(async move {
        let endless = "WITH RECURSIVE r(n) AS (SELECT id FROM spy UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r, spy";
        asked.run(endless, &[]).await
    });
    while spy.as_owner("DELETE FROM spy WHERE id = 7").await.is_ok() {
        sleep(Duration::from_millis(20)).await;
    }
    caller.abort();
    let gone = Instant::now();
    while spy.as_owner("DELETE FROM spy WHERE id = 7").await.is_err() {
        assert!(gone.elapsed() < Duration::from_secs(10), "still running");
        sleep(Duration::from_millis(20)).await;
    }
    let rows = database.run("SELECT count(*) FROM spy", &[]).await;
    assert_eq!(rows.expect("is free again").rows, [[json!(2)]]);
}

#[tokio::test]
async fn free_statement_that_costs_too_much_is_refused_before_it_runs() {
    let spy = SpyFile::new(
        "CREATE TABLE spy (id INTEGER PRIMARY KEY, note TEXT); \
         WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 2000) \
         INSERT INTO spy SELECT n, 'x' FROM r",
    )
    .await;
    let check = async |sql: &str, expected: &str| {
        let answer = free_query(&spy.url(), sql).await;
        assert!(answer.contains(expected), "{sql}: {answer}");
    };
    check("SELECT count(*) FROM spy", "1 row.").await;
    check(
        "SELECT count(*) FROM spy a JOIN spy b USING (id) JOIN spy c USING (id)",
        "1 row.",
    )
    .await;
    check(
        "SELECT count(*) FROM spy a, json_each('[1, 2]') j",
        "1 row.",
    )
    .await;
    check(
        "WITH big AS (SELECT * FROM spy LIMIT 10) SELECT count(*) FROM big, spy",
        "1 row.",
    )
    .await;
    check(
        "SELECT count(*) FROM spy a, spy b, spy c WHERE a.note < b.note AND b.note < c.note",
        "would cost about 8,000,000,000 rows to go through",
    )
    .await;
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
