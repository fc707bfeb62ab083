//! A database with something worth spying on, and roles to spy with.

use lorekeeper::{
    config::DatabaseEntry,
    domain::EVERYONE,
    tools::sql::{
        Database, Limits, OpenError,
        guard::{self, Policy, Verdict},
    },
};
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use std::time::Duration;
use uuid::Uuid;

pub const LIMITS: Limits = Limits {
    timeout: Duration::from_millis(500),
    rows: 100,
    bytes: 10_000,
};

/// A database of its own on the throw-away server, with a role that can only
/// read. Both go with the server at the latest.
pub struct SpyDatabase {
    server: String,
    name: String,
    pub role: String,
}

impl SpyDatabase {
    pub async fn new() -> Self {
        let id = Uuid::now_v7().simple();
        let database = Self {
            server: server(),
            name: format!("tools_{id}"),
            role: format!("reader_{id}"),
        };
        let (name, role) = (&database.name, &database.role);
        run(&database.server, &format!("CREATE ROLE {role} LOGIN")).await;
        run(&database.server, &format!("CREATE DATABASE {name}")).await;
        database
            .as_admin(&format!(
                "REVOKE ALL ON DATABASE {name} FROM PUBLIC; \
                 GRANT CONNECT ON DATABASE {name} TO {role}; \
                 REVOKE CREATE ON SCHEMA public FROM PUBLIC; \
                 CREATE TABLE spy (id int PRIMARY KEY, note text); \
                 INSERT INTO spy VALUES (1, 'one'), (2, 'two'); \
                 CREATE SEQUENCE spy_seq; \
                 CREATE MATERIALIZED VIEW spy_view AS SELECT * FROM spy; \
                 CREATE PROCEDURE spy_procedure() LANGUAGE sql AS 'DELETE FROM spy'; \
                 {TRAPS} \
                 GRANT SELECT ON spy, spy_view, spy_trap TO {role}"
            ))
            .await;
        database
    }

    pub fn reader_url(&self) -> String {
        self.url_of(&self.role)
    }

    pub async fn as_admin(&self, sql: &str) {
        run(&self.url_of("postgres"), sql).await;
    }

    pub async fn open(&self) -> Result<Database, OpenError> {
        self.open_with(LIMITS).await
    }

    pub async fn open_with(&self, limits: Limits) -> Result<Database, OpenError> {
        Database::open(&entry("spy", &self.url_of(&self.role)), limits).await
    }

    /// Everything that a bypass could have changed, in one text.
    pub async fn state(&self) -> String {
        let mut connection = connect(&self.url_of("postgres")).await;
        let sql = "SELECT format('%s | %s | %s | %s | %s | %s | %s', \
            (SELECT string_agg(format('%s %s', id, note), ', ' ORDER BY id) FROM spy), \
            (SELECT format('%s %s', last_value, is_called) FROM spy_seq), \
            (SELECT count(*) FROM pg_class WHERE relnamespace >= 'public'::regnamespace::oid), \
            (SELECT count(*) FROM pg_proc), \
            (SELECT count(*) FROM pg_largeobject_metadata), \
            (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' \
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())), \
            (SELECT relacl FROM pg_class WHERE relname = 'spy'))";
        let row = connection.fetch_one(sql).await.expect("state is read");
        row.get(0)
    }

    /// Statements of the reader that the server is still working on.
    pub async fn running(&self) -> i64 {
        let mut connection = connect(&self.url_of("postgres")).await;
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = '{}' AND state = 'active'",
            self.role
        );
        let row = connection.fetch_one(AssertSqlSafe(sql)).await;
        row.expect("activity is read").get(0)
    }

    /// Waits until the server works on none any more.
    pub async fn at_rest(&self) {
        for _ in 0..200 {
            if self.running().await == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the server still works on a statement that was to end");
    }

    pub async fn remove(self) {
        run(
            &self.server,
            &format!("DROP DATABASE {} WITH (FORCE)", self.name),
        )
        .await;
        run(&self.server, &format!("DROP ROLE {}", self.role)).await;
    }

    fn url_of(&self, role: &str) -> String {
        let (_, address) = self
            .server
            .rsplit_once('@')
            .expect("the server's url names a role");
        let (address, _) = address
            .split_once('/')
            .expect("the server's url ends in a database");
        format!("postgres://{role}@{address}/{}", self.name)
    }
}

/// Harmless names that write when a statement uses them.
const TRAPS: &str = "
    CREATE FUNCTION spy_write() RETURNS int LANGUAGE plpgsql AS
        'BEGIN UPDATE public.spy SET note = note || ''!''; RETURN 1; END';
    CREATE FUNCTION spy_plus(int, int) RETURNS int LANGUAGE sql AS 'SELECT public.spy_write()';
    CREATE FUNCTION public.lower(text) RETURNS text LANGUAGE sql AS 'SELECT public.spy_write()::text';
    CREATE OPERATOR public.@+@ (LEFTARG = int, RIGHTARG = int, FUNCTION = spy_plus);
    CREATE DOMAIN spy_checked AS text CHECK (spy_write() > 0);
    CREATE AGGREGATE spy_sum(int) (SFUNC = spy_plus, STYPE = int, INITCOND = '0');
    CREATE VIEW spy_trap AS SELECT spy_write() AS n;";

/// Statements of a file, without its first paragraph.
pub fn statements(file: &'static str) -> Vec<&'static str> {
    file.split("\n\n").skip(1).map(str::trim).collect()
}

/// Tries every statement as the program would: through the gate, then in the
/// read-only session. `look` brings all that an effect would show in. The
/// result is how many the gate refused, and how many ran.
pub async fn try_all(
    attempts: Vec<&str>,
    database: &Database,
    look: impl AsyncFn() -> String,
) -> (usize, usize) {
    let before = look().await;
    let (mut refused, mut ran) = (0, 0);
    for sql in attempts {
        match guard::check(sql, database.dialect(), &Policy::any_table()) {
            Verdict::Refuse { .. } => refused += 1,
            Verdict::Allow { .. } => {
                ran += 1;
                // Whether it fails or reads something does not matter here.
                let _ = database.run(sql, &[]).await;
            }
        }
        assert_eq!(look().await, before, "{sql}");
    }
    (refused, ran)
}

pub fn entry(name: &str, url: &str) -> DatabaseEntry {
    DatabaseEntry {
        name: name.into(),
        url: SecretString::from(url.to_string()),
        tables: Vec::new(),
        audience: vec![EVERYONE.into()],
        samples: false,
        sql_by_model: false,
    }
}

/// Statements of a file of bypasses, with the reasons left out.
pub fn bypasses(file: &'static str) -> Vec<&'static str> {
    let blocks = file.split("\n\n").skip(1);
    let statements = blocks.filter_map(|block| block.split_once("\n--> "));
    statements.map(|(sql, _)| sql.trim()).collect()
}

/// The throw-away server. Without one the test fails: a test that skips itself proves nothing.
fn server() -> String {
    std::env::var("LOREKEEPER_TEST_POSTGRES").unwrap_or_else(|_| {
        panic!("LOREKEEPER_TEST_POSTGRES is not set; run the tests as `tests/with-postgres cargo nextest run`")
    })
}

async fn run(url: &str, sql: &str) {
    let mut connection = connect(url).await;
    let outcome = connection
        .execute(sqlx::raw_sql(AssertSqlSafe(sql.to_string())))
        .await;
    outcome.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url)
        .await
        .expect("the throw-away server answers")
}
