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
        // through a power failure; FULL costs one fsync a commit and keeps both.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(PATIENCE);
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(PATIENCE)
        .connect_with(options.clone())
        .await
        .map_err(failed)?;
    SQLITE
        .run(&writer)
        .await
        .map_err(|error| StoreError::from_migration(error, &site))?;
    let readers = SqlitePoolOptions::new()
        .max_connections(4)
        .acquire_timeout(PATIENCE)
        .connect_lazy_with(options);
    Ok(Pool::Sqlite {
        writer,
        readers,
        site,
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
