//! A dump of SQLite: its tables and views are made in an empty file of our own, and
//! SQLite says what they are.

use super::{
    super::{Limits, guard::Dialect, schema},
    DumpError, Dumped,
};
use crate::{config::DatabaseEntry, tools::sql::Database};
use secrecy::SecretString;
use sqlite3_parser::{
    Bump, FallibleIterator,
    ast::{Cmd, CreateTableBody, Stmt},
    lexer::sql::Parser,
};
use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection};
use std::{path::PathBuf, time::Duration};

const LIMITS: Limits = Limits {
    timeout: Duration::from_secs(30),
    rows: 100_000,
    bytes: 64 << 20,
};

/// A folder that is gone when dropped.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays behind lies in the system's folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(super) async fn read(statements: &[String]) -> Result<Dumped, DumpError> {
    let name = format!("lorekeeper-dump-{}", uuid::Uuid::new_v4().as_simple());
    let folder = Folder(std::env::temp_dir().join(name));
    std::fs::create_dir_all(&folder.0)?;
    let failed = |error: sqlx::Error| DumpError::SetUp(error.to_string());
    let file = folder.0.join("schema.db");
    let url = format!("sqlite:{}", file.display());
    let mut connection = SqliteConnection::connect(&format!("{url}?mode=rwc"))
        .await
        .map_err(failed)?;
    let mut unread = 0;
    for statement in statements {
        let made = match creates(statement) {
            true => connection
                .execute(sqlx::raw_sql(AssertSqlSafe(statement.clone())))
                .await
                .is_ok(),
            false => false,
        };
        if !made {
            unread += 1;
        }
    }
    connection.close().await.map_err(failed)?;
    let entry = DatabaseEntry {
        name: "dump".into(),
        url: SecretString::from(url),
        tables: Vec::new(),
        audience: Vec::new(),
        samples: false,
        sql_by_model: false,
    };
    let database = Database::open(&entry, LIMITS)
        .await
        .map_err(|error| DumpError::SetUp(error.to_string()))?;
    debug_assert_eq!(database.dialect(), Dialect::Sqlite);
    let tables = schema::read_schema(&database)
        .await
        .map_err(|error| DumpError::SetUp(error.to_string()))?;
    Ok(Dumped { tables, unread })
}

/// One statement that makes a table from columns or a view, and nothing else.
/// Of a view SQLite keeps the text; nothing in it runs.
fn creates(statement: &str) -> bool {
    let arena = Bump::new();
    let mut parser = Parser::new(&arena, statement.as_bytes());
    let first = matches!(
        parser.next(),
        Ok(Some(Cmd::Stmt(
            Stmt::CreateTable {
                body: CreateTableBody::ColumnsAndConstraints { .. },
                ..
            } | Stmt::CreateView { .. }
        )))
    );
    first && matches!(parser.next(), Ok(None))
}
