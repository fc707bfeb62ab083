//! Connects, makes the tables, and finds the generation to work with.

use super::{PgIndex, PgOptions, Site};
use crate::knowledge::index::{IndexError, IndexRecipe, Purpose, rarity::VisibleCounts};
use secrecy::ExposeSecret;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Error,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgConnection, PgPoolOptions},
};
use std::{
    str::FromStr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tracing::warn;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/pgvector");

/// The tables of a generation, and what was added to them later.
const GENERATION: [&str; 3] = [
    include_str!("../../../../migrations/pgvector/generation.sql"),
    include_str!("../../../../migrations/pgvector/generation-2.sql"),
    include_str!("../../../../migrations/pgvector/generation-3.sql"),
];

/// A batch of passages, or taking a generation away, may take its time.
const INGEST_PATIENCE: Duration = Duration::from_secs(120);

/// The server ends a statement itself; this is for a server that does not answer at all.
const GRACE: Duration = Duration::from_secs(1);

/// A process that is just ending still holds its lock for a moment.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// Iterative scans, without which a filter takes away what hnsw found, came with 0.8.
const LEAST_VERSION: (u32, u32) = (0, 8);

/// What pgvector's hnsw takes of its type `vector`.
const MOST_DIMENSIONS: usize = 2_000;

const DOING: &str = "open the index";

/// Passages of one embedding model.
#[derive(Clone, Debug)]
pub struct Generation {
    pub id: i64,
    /// The table of generations. Its column `passages` is of formats up to 2.
    pub table: String,
    pub passages: String,
    pub postings: String,
    /// Sets of groups, each with a key that postings name.
    pub audiences: String,
}

impl PgIndex {
    /// Opens the index, and makes what is missing. To search, a server that
    /// can't be reached is no error yet: it is asked again by every call.
    pub async fn open(
        options: &PgOptions,
        recipe: &IndexRecipe,
        purpose: Purpose,
    ) -> Result<Self, IndexError> {
        let index = Self::new(options, recipe, purpose)?;
        if recipe.dimension > MOST_DIMENSIONS {
            return Err(IndexError::Unsuited {
                place: index.site.place.clone(),
                problem: format!(
                    "`{}` gives vectors of {} dimensions, and pgvector's index takes up to {MOST_DIMENSIONS}",
                    recipe.embedder, recipe.dimension
                ),
                remedy: "choose another model, or another `index.kind`".into(),
            });
        }
        if !purpose.only_searches() {
            let lock = index.take_lock().await?;
            *index
                ._filling
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(lock);
        }
        match index.generation().await {
            Err(error @ IndexError::Unreachable { .. }) if purpose.only_searches() => {
                warn!("{error}; going on without it until it answers");
            }
            outcome => drop(outcome?),
        }
        Ok(index)
    }

    fn new(
        options: &PgOptions,
        recipe: &IndexRecipe,
        purpose: Purpose,
    ) -> Result<Self, IndexError> {
        let bad = |problem: &str| IndexError::BadUrl {
            problem: problem.into(),
            expected: "postgres://USER@HOST:PORT/DATABASE",
        };
        // The parser's own message may repeat the password, so it is left out.
        let parsed = PgConnectOptions::from_str(options.url.expose_secret())
            .map_err(|_| bad("it can't be read"))?;
        let database = parsed
            .get_database()
            .ok_or_else(|| bad("it names no database"))?;
        let site = Site {
            place: format!(
                "the index in PostgreSQL, database `{database}` at {}:{}, schema `{}`",
                parsed.get_host(),
                parsed.get_port(),
                options.schema
            ),
            schema: options.schema.clone(),
        };
        let limit = match purpose {
            Purpose::Search => options.timeout,
            Purpose::Update | Purpose::Ingest => INGEST_PATIENCE,
        };
        let connecting = parsed.application_name("lorekeeper").options([
            (
                "search_path",
                // The type `vector` lies where whoever installed it put it.
                format!("{},public,extensions", options.schema).as_str(),
            ),
            ("statement_timeout", limit.as_millis().to_string().as_str()),
            ("synchronous_commit", "on"),
            // The best plan depends on how many passages the scope holds.
            ("plan_cache_mode", "force_custom_plan"),
            // Looks on where the filter took passages away, in the order of distance.
            ("hnsw.iterative_scan", "strict_order"),
            ("hnsw.ef_search", "200"),
            ("hnsw.max_scan_tuples", "200000"),
            ("hnsw.scan_mem_multiplier", "4"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(8)
            .acquire_timeout(limit)
            .connect_lazy_with(connecting.clone());
        Ok(Self {
            site,
            recipe: recipe.clone(),
            purpose,
            connecting,
            pool,
            patience: limit + GRACE,
            generation: Mutex::new(None),
            visible: VisibleCounts::default(),
            _filling: Mutex::new(None),
        })
    }

    /// The generation that fits our model. Asked of the server once, and again
    /// after its tables were gone.
    pub(super) async fn generation(&self) -> Result<Arc<Generation>, IndexError> {
        if let Some(generation) = &*self.current() {
            return Ok(generation.clone());
        }
        let generation = Arc::new(self.resolve().await?);
        *self.current() = Some(generation.clone());
        Ok(generation)
    }

    async fn resolve(&self) -> Result<Generation, IndexError> {
        let mut connection = self.connect().await?;
        let table = format!("{}.generation", self.site.schema);
        let made = sqlx::query_scalar::<_, bool>("SELECT to_regclass($1) IS NOT NULL")
            .bind(&table)
            .fetch_one(&mut connection);
        if !self.answer(DOING, Box::pin(made)).await? || self.purpose.may_replace() {
            self.make_tables(&mut connection).await?;
        }
        self.check_version(&mut connection).await?;
        let found = self.choose(&mut connection).await?;
        let _ = connection.close().await;
        Ok(found)
    }

    /// A plain connection: a pool reports every failure as a time-out.
    async fn connect(&self) -> Result<PgConnection, IndexError> {
        self.answer(DOING, Box::pin(self.connecting.connect()))
            .await
    }

    async fn make_tables(&self, connection: &mut PgConnection) -> Result<(), IndexError> {
        let schema = &self.site.schema;
        let work = async {
            let mut tx = connection.begin().await?;
            take_turn(&mut tx).await?;
            let missing = "SELECT to_regnamespace($1) IS NULL, \
                NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector')";
            let (no_schema, no_extension): (bool, bool) = sqlx::query_as(missing)
                .bind(schema)
                .fetch_one(&mut *tx)
                .await?;
            // Asked for only where it is missing: the right to make it may be missing too.
            if no_schema {
                sqlx::query(AssertSqlSafe(format!("CREATE SCHEMA {schema}")))
                    .execute(&mut *tx)
                    .await?;
            }
            if no_extension {
                sqlx::query("CREATE EXTENSION vector SCHEMA public")
                    .execute(&mut *tx)
                    .await?;
            }
            tx.commit().await
        };
        self.answer("make the index's schema", Box::pin(work))
            .await?;
        // `run` would be the usual call, and its future is not `Send` here.
        let migrated = MIGRATIONS.run_direct(None, connection, false).await;
        migrated.map_err(|error| match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                self.site.error(error, "make the index's tables")
            }
            MigrateError::VersionMissing(version) => IndexError::Unsuited {
                place: self.site.place.clone(),
                problem: format!("it was made by a newer Lorekeeper (migration {version})"),
                remedy: "run that version".into(),
            },
            other => IndexError::failed("make the index's tables")(other),
        })
    }

    async fn check_version(&self, connection: &mut PgConnection) -> Result<(), IndexError> {
        let version = sqlx::query_scalar::<_, String>(
            "SELECT extversion FROM pg_extension WHERE extname = 'vector'",
        )
        .fetch_optional(connection);
        let version = self
            .answer(DOING, Box::pin(version))
            .await?
            .unwrap_or_default();
        let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
        let (major, minor) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        if (major, minor) >= LEAST_VERSION {
            return Ok(());
        }
        Err(IndexError::Unsuited {
            place: self.site.place.clone(),
            problem: format!("its pgvector is of version `{version}`, expected 0.8 or newer"),
            remedy: "update it on the server, then `ALTER EXTENSION vector UPDATE`".into(),
        })
    }

    /// The generation of our recipe; made where it is missing and may be made.
    async fn choose(&self, connection: &mut PgConnection) -> Result<Generation, IndexError> {
        let work = async {
            let mut tx = connection.begin().await?;
            take_turn(&mut tx).await?;
            let all = sqlx::query_as::<_, (i64, String, i32, i32, bool)>(
                "SELECT id, embedder, dimension, format, in_use FROM generation ORDER BY id",
            );
            let all = all.fetch_all(&mut *tx).await?;
            let of = |(id, embedder, dimension, format, in_use): (i64, String, i32, i32, bool)| {
                let recipe = IndexRecipe {
                    embedder,
                    dimension: dimension as usize,
                    format: format as u32,
                };
                (id, recipe, in_use)
            };
            let all: Vec<(i64, IndexRecipe, bool)> = all.into_iter().map(of).collect();
            let other = all
                .iter()
                .find(|(_, recipe, in_use)| *in_use && *recipe != self.recipe);
            if let (Some((_, recipe, _)), false) = (other, self.purpose.may_replace()) {
                return Ok(Err(recipe.refusal(self.site.place.clone(), &self.recipe)));
            }
            let ours = all.iter().find(|(_, recipe, _)| *recipe == self.recipe);
            let ours = match ours {
                Some((id, _, _)) => *id,
                None => self.make_generation(&mut tx, other.is_none()).await?,
            };
            if self.purpose.may_replace() {
                let leftovers = all.iter().filter(|(id, _, in_use)| !in_use && *id != ours);
                for (id, _, _) in leftovers {
                    self.drop_generation(&mut tx, *id).await?;
                }
            }
            tx.commit().await?;
            Ok::<_, Error>(Ok(self.site.generation(ours)))
        };
        self.answer(DOING, Box::pin(work)).await?
    }

    async fn make_generation(
        &self,
        connection: &mut PgConnection,
        in_use: bool,
    ) -> Result<i64, Error> {
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO generation (embedder, dimension, format, in_use) VALUES ($1, $2, $3, $4) RETURNING id",
        )
        .bind(&self.recipe.embedder)
        .bind(self.recipe.dimension as i32)
        .bind(self.recipe.format as i32)
        .bind(in_use)
        .fetch_one(&mut *connection)
        .await?;
        let tables = GENERATION
            .concat()
            .replace("{id}", &id.to_string())
            .replace("{dimension}", &self.recipe.dimension.to_string());
        sqlx::raw_sql(AssertSqlSafe(tables))
            .execute(connection)
            .await?;
        Ok(id)
    }

    async fn drop_generation(&self, connection: &mut PgConnection, id: i64) -> Result<(), Error> {
        let gone = self.site.generation(id);
        let sql = format!(
            "DROP TABLE IF EXISTS {}, {}, {}; DELETE FROM {} WHERE id = {id}",
            gone.postings, gone.passages, gone.audiences, gone.table
        );
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(connection)
            .await?;
        Ok(())
    }

    /// Held as long as the connection: one process fills the index at a time.
    async fn take_lock(&self) -> Result<PgConnection, IndexError> {
        let mut connection = self.connect().await?;
        let began = Instant::now();
        loop {
            let free = sqlx::query_scalar::<_, bool>(
                "SELECT pg_try_advisory_lock(hashtextextended('lorekeeper fills ' || $1, 0))",
            );
            let free = free.bind(&self.site.schema).fetch_one(&mut connection);
            if self.answer(DOING, Box::pin(free)).await? {
                return Ok(connection);
            }
            if began.elapsed() > LOCK_PATIENCE {
                let place = self.site.place.clone();
                return Err(IndexError::BeingFilled { place });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Two processes that meet an empty database must not both make the tables, or
/// the extension, which all schemas share.
async fn take_turn(connection: &mut PgConnection) -> Result<(), Error> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('lorekeeper opens an index', 0))")
        .execute(connection)
        .await?;
    Ok(())
}
