//! Opens the store and brings its tables up to date.

use super::{
    Store, StoreError,
    sql::{Pool, Site},
};
use fs2::FileExt;
use sqlx::{
    ConnectOptions, Connection, Error,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::Path, str::FromStr, sync::Arc, time::Duration};
use tokio::sync::Semaphore;

static SQLITE: Migrator = sqlx::migrate!("./migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("./migrations/postgres");

/// How long one caller waits for a connection, or for another process to let go of the file.
const PATIENCE: Duration = Duration::from_secs(10);

impl Store {
    /// Opens the database of `url` (`postgres://…`), or without one the file
    /// `lorekeeper.db` in `data_dir`, which is made where it is missing.
    /// Several processes may open the same store; its tables are brought up to
    /// date once.
    pub async fn open(url: Option<&str>, data_dir: &Path) -> Result<Self, StoreError> {
        let pool = match url {
            Some(url) => open_postgres(url).await?,
            None => open_sqlite(data_dir).await?,
        };
        Ok(Self { pool })
    }
}

async fn open_sqlite(data_dir: &Path) -> Result<Pool, StoreError> {
    let folder = |error| StoreError::folder(data_dir, error);
    tokio::fs::create_dir_all(data_dir).await.map_err(folder)?;
    let file = data_dir.join("lorekeeper.db");
    let site = Arc::new(Site {
        name: format!("`{}`", file.display()),
        user: String::new(),
        folder: data_dir.display().to_string(),
    });
    let failed = |error| StoreError::from_sqlx(error, "open the store", &site);

    // Two processes that meet an empty folder must not both make the tables.
    let _guard = lock_for_migration(data_dir).await?;
    let options = SqliteConnectOptions::new()
        .filename(&file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // An event is acknowledged once its row is committed, and then nobody
        // sends it again. NORMAL would keep the row through `kill -9`, but not
        // through a power failure; FULL waits for the disk once a commit and keeps both.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(PATIENCE);
    let writer = sqlite_pool(1)
        .connect_with(options.clone())
        .await
        .map_err(failed)?;
    SQLITE
        .run(&writer)
        .await
        .map_err(|error| StoreError::from_migration(error, &site))?;
    let readers = sqlite_pool(4).connect_lazy_with(options);
    Ok(Pool::Sqlite {
        writer,
        readers,
        accepting: Arc::default(),
        turn: Arc::new(Semaphore::new(1)),
        site,
    })
}

/// A full disk makes SQLite roll a transaction back by itself. The driver still
/// counts it as open and would refuse every later one on that connection, so
/// such a connection is closed and a new one takes its place.
fn sqlite_pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .before_acquire(|connection, _| {
            let usable = !connection.is_in_transaction();
            Box::pin(async move { Ok(usable) })
        })
}

/// Held until it is dropped; the system lets go of it when the process dies.
async fn lock_for_migration(data_dir: &Path) -> Result<std::fs::File, StoreError> {
    let path = data_dir.join("migrate.lock");
    let locked = tokio::task::spawn_blocking(move || {
        let file = std::fs::File::create(path)?;
        FileExt::lock_exclusive(&file)?;
        Ok(file)
    });
    locked
        .await
        .unwrap_or_else(|stopped| Err(std::io::Error::other(stopped)))
        .map_err(|error| StoreError::folder(data_dir, error))
}

async fn open_postgres(url: &str) -> Result<Pool, StoreError> {
    let bad = |problem: &str| StoreError::BadUrl {
        problem: problem.to_string(),
    };
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(bad("it does not start with `postgres://`"));
    }
    // The parser's own message may repeat the password, so it is left out.
    let options = PgConnectOptions::from_str(url).map_err(|_| bad("it can't be read"))?;
    let Some(database) = options.get_database().map(str::to_string) else {
        return Err(bad("it names no database"));
    };
    let site = Arc::new(Site {
        name: format!(
            "PostgreSQL database `{database}` at {}:{}",
            options.get_host(),
            options.get_port()
        ),
        user: options.get_username().to_string(),
        folder: String::new(),
    });
    let options = options
        .application_name("lorekeeper")
        // Acknowledged means on disk, whatever the server's default says.
        .options([("synchronous_commit", "on")]);

    // One plain connection first: a pool reports every failure as a time-out.
    let failed = |error| StoreError::from_sqlx(error, "open the store", &site);
    let mut first = tokio::time::timeout(PATIENCE, options.connect())
        .await
        .unwrap_or(Err(Error::PoolTimedOut))
        .map_err(failed)?;
    POSTGRES
        .run(&mut first)
        .await
        .map_err(|error| StoreError::from_migration(error, &site))?;
    first.close().await.map_err(failed)?;
    let pool = PgPoolOptions::new()
        .max_connections(10)
        .acquire_timeout(PATIENCE)
        .connect_lazy_with(options);
    Ok(Pool::Postgres { pool, site })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::{
        Actor, Addressed, ChannelId, IncomingQuestion, MessageId, PersonId, Place, PlaceKind,
        Platform, QuestionId, Receipt, TenantId, ThreadId,
    };
    use chrono::DateTime;

    pub fn question(n: usize) -> IncomingQuestion {
        IncomingQuestion {
            delivery: n.to_string(),
            subject: n.to_string(),
            alias: None,
            asker: Actor::member(PersonId::new("local:mara")),
            place: Place {
                platform: Platform::Terminal,
                tenant: TenantId::new("local"),
                channel: ChannelId::new("terminal"),
                thread: ThreadId::new(n.to_string()),
                message: MessageId::new(n.to_string()),
                kind: PlaceKind::Direct,
                callback: None,
            },
            text: "how long is a page? ".repeat(200),
            addressed: Addressed::Direct,
            asked_at: DateTime::UNIX_EPOCH,
        }
    }

    async fn allow_pages(store: &Store, pages: &'static str) {
        let mut tx = store.pool.write("limit the file").await.unwrap();
        tx.fetch_all(pages, []).await.unwrap();
        tx.commit().await.unwrap();
    }

    #[tokio::test]
    async fn full_disk_is_named_and_what_was_accepted_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(None, folder.path()).await.unwrap();
        let accept = async |n| {
            let incoming = question(n);
            store
                .inbox()
                .accept(&incoming, QuestionId::new(), DateTime::UNIX_EPOCH)
                .await
        };
        // SQLite's own limit answers as the disk would.
        allow_pages(&store, "PRAGMA max_page_count = 60").await;
        let mut accepted = 0;
        let full = loop {
            match accept(accepted).await {
                Ok(_) => accepted += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(full, StoreError::DiskFull { .. }), "{full:?}");
        assert!(
            full.to_string()
                .contains(&folder.path().display().to_string())
        );
        assert_eq!(
            store.inbox().counts().await.unwrap().received,
            accepted as u64
        );
        // Space was made: the event that was refused comes again.
        allow_pages(&store, "PRAGMA max_page_count = 100000").await;
        assert!(matches!(accept(accepted).await, Ok(Receipt::Accepted(_))));
    }

    #[tokio::test]
    async fn transaction_that_sqlite_ended_by_itself_leaves_the_store_usable() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(None, folder.path()).await.unwrap();
        let mut tx = store.pool.write("meet a fault").await.unwrap();
        tx.execute("ROLLBACK", []).await.unwrap();
        drop(tx);
        store
            .inbox()
            .accept(&question(1), QuestionId::new(), DateTime::UNIX_EPOCH)
            .await
            .unwrap();
    }
}
