//! A store of its own for every test, removed at its end.

use futures::FutureExt;
use lorekeeper::store::Store;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use std::panic::{AssertUnwindSafe, resume_unwind};
use tempfile::TempDir;
use uuid::Uuid;

/// Makes two tests of each function: `name::on_sqlite` and `name::on_postgres`.
macro_rules! on_both_stores {
    ($($(#[$meta:meta])* async fn $name:ident($db:ident: &TestStore) $body:block)+) => {$(
        mod $name {
            #[allow(unused_imports, reason = "not every body needs every name")]
            use super::*;

            $(#[$meta])*
            async fn test($db: &TestStore) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                TestStore::on_sqlite().await.run(async |db| test(db).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                TestStore::on_postgres().await.run(async |db| test(db).await).await;
            }
        }
    )+};
}
pub(crate) use on_both_stores;

pub struct TestStore {
    pub store: Store,
    pub folder: TempDir,
    /// Of the test's own database; `None` on SQLite.
    pub url: Option<String>,
}

impl TestStore {
    pub async fn on_sqlite() -> Self {
        Self::open(None).await
    }

    pub async fn on_postgres() -> Self {
        let name = format!("test_{}", Uuid::now_v7().simple());
        let server = postgres_server();
        admin(&server, &format!("CREATE DATABASE {name}")).await;
        Self::open(Some(on_database(&server, &name))).await
    }

    async fn open(url: Option<String>) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let store = Store::open(url.as_deref(), folder.path())
            .await
            .expect("a fresh store opens");
        Self { store, folder, url }
    }

    /// Another process with the same store, or this one after a restart.
    pub async fn reopen(&self) -> Store {
        Store::open(self.url.as_deref(), self.folder.path())
            .await
            .expect("the store opens again")
    }

    /// Runs the test, and removes what it made, whatever becomes of it.
    pub async fn run(self, test: impl AsyncFnOnce(&TestStore)) {
        let outcome = AssertUnwindSafe(test(&self)).catch_unwind().await;
        self.store.close().await;
        if let Some(url) = &self.url {
            let name = url.rsplit('/').next().expect("a url ends in the database");
            admin(
                &postgres_server(),
                &format!("DROP DATABASE {name} WITH (FORCE)"),
            )
            .await;
        }
        if let Err(panic) = outcome {
            resume_unwind(panic);
        }
    }

    /// Statements that go around the store: what a tamperer or a fault does.
    pub async fn behind_its_back(&self, sql: &str) {
        self.try_behind_its_back(sql)
            .await
            .expect("statement behind the store's back");
    }

    pub async fn try_behind_its_back(&self, sql: &str) -> sqlx::Result<()> {
        match &self.url {
            Some(url) => run_sql::<PgConnection>(url, sql).await,
            None => {
                let file = self.folder.path().join("lorekeeper.db");
                run_sql::<SqliteConnection>(&format!("sqlite:{}", file.display()), sql).await
            }
        }
    }

    pub fn is_postgres(&self) -> bool {
        self.url.is_some()
    }
}

/// The throw-away server. Without one the test fails: a test that skips itself proves nothing.
pub fn postgres_server() -> String {
    std::env::var("LOREKEEPER_TEST_POSTGRES").unwrap_or_else(|_| {
        panic!("LOREKEEPER_TEST_POSTGRES is not set; run the tests as `tests/with-postgres cargo nextest run`")
    })
}

pub fn on_database(server: &str, name: &str) -> String {
    let (head, _) = server
        .rsplit_once('/')
        .expect("the server's url ends in a database");
    format!("{head}/{name}")
}

async fn admin(server: &str, sql: &str) {
    run_sql::<PgConnection>(server, sql)
        .await
        .expect("statement on the throw-away server");
}

async fn run_sql<C>(url: &str, sql: &str) -> sqlx::Result<()>
where
    C: Connection,
    for<'c> &'c mut C: Executor<'c, Database = C::Database>,
{
    let mut connection = C::connect(url).await?;
    let text = sqlx::raw_sql(AssertSqlSafe(sql.to_string()));
    (&mut connection).execute(text).await?;
    connection.close().await
}
