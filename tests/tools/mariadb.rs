//! MariaDB, for MySQL's dialect: the walls behind the gate.

use super::{
    queries::free_query,
    server::{LIMITS, bypasses, entry, statements, try_all},
};
use chrono::{DateTime, Utc};
use lorekeeper::{
    config::Config,
    domain::{Access, GapClass, PersonId, ToolCall},
    ports::{Caller, Clock, Tools},
    tools::{
        Toolbox,
        sql::{
            Argument, Database, Limits, OpenError,
            dump::read_dump,
            schema::{Column, Table, read_schema},
        },
    },
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, Row};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::sleep;
use uuid::Uuid;

/// A schema of its own on the throw-away server, with an account that can only
/// read. Both go with the server at the latest.
pub struct SpySchema {
    server: String,
    name: String,
    account: String,
}

impl SpySchema {
    pub async fn new() -> Self {
        let id = Uuid::now_v7().simple().to_string();
        let schema = Self {
            server: server(),
            name: format!("tools_{id}"),
            account: format!("reader_{id}"),
        };
        let (name, account) = (&schema.name, &schema.account);
        run(&schema.server, &format!("CREATE DATABASE {name}")).await;
        schema
            .as_admin(&format!(
                "CREATE TABLE spy (id int PRIMARY KEY, note text); \
                 INSERT INTO spy VALUES (1, 'one'), (2, 'two'); \
                 CREATE SEQUENCE spy_seq; \
                 CREATE PROCEDURE spy_procedure() DELETE FROM spy; \
                 CREATE FUNCTION spy_function() RETURNS int BEGIN \
                    UPDATE spy SET note = CONCAT(note, '!'); RETURN 1; END; \
                 CREATE SQL SECURITY DEFINER VIEW spy_trap AS SELECT spy_function() AS n; \
                 CREATE USER {account}; GRANT SELECT, SHOW VIEW ON {name}.* TO {account}"
            ))
            .await;
        schema
    }

    pub async fn as_admin(&self, sql: &str) {
        run(&format!("{}{}", self.server, self.name), sql).await;
    }

    pub fn reader_url(&self) -> String {
        let (_, address) = self.server.split_once('@').expect("names an account");
        format!("mariadb://{}@{address}{}", self.account, self.name)
    }

    async fn open(&self) -> Result<Database, OpenError> {
        self.open_with(LIMITS).await
    }

    async fn open_with(&self, limits: Limits) -> Result<Database, OpenError> {
        Database::open(&entry("spy", &self.reader_url()), limits).await
    }

    /// Everything that a bypass could have changed, in one text.
    pub async fn state(&self) -> String {
        let sql = format!(
            "SELECT CONCAT_WS(' | ', \
                (SELECT GROUP_CONCAT(id, ' ', note ORDER BY id) FROM {name}.spy), \
                (SELECT GROUP_CONCAT(table_name ORDER BY table_name) FROM information_schema.tables \
                    WHERE table_schema = '{name}'), \
                (SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = '{name}'), \
                (SELECT COUNT(*) FROM information_schema.routines WHERE routine_schema = '{name}'), \
                (SELECT next_not_cached_value FROM {name}.spy_seq), \
                (SELECT COUNT(*) FROM mysql.global_priv WHERE user = '{account}'), \
                (SELECT GROUP_CONCAT(privilege_type ORDER BY privilege_type) \
                    FROM information_schema.schema_privileges WHERE table_schema = '{name}'), \
                (SELECT COUNT(*) FROM mysql.func), IS_USED_LOCK('x'))",
            name = self.name,
            account = self.account
        );
        let is_written = Path::new("/tmp/lorekeeper-spy").exists();
        format!("{} {is_written}", text(&self.server, &sql).await)
    }

    /// Statements of the reader that the server is still working on.
    async fn running(&self) -> bool {
        let sql = format!(
            "SELECT CAST(COUNT(*) AS CHAR) FROM information_schema.processlist \
             WHERE user = '{}' AND command <> 'Sleep'",
            self.account
        );
        text(&self.server, &sql).await != "0"
    }

    pub async fn remove(self) {
        run(&self.server, &format!("DROP DATABASE {}", self.name)).await;
        run(&self.server, &format!("DROP USER {}", self.account)).await;
    }
}

/// The throw-away server. Without one the test fails: a test that skips itself proves nothing.
fn server() -> String {
    std::env::var("LOREKEEPER_TEST_MARIADB").unwrap_or_else(|_| {
        panic!("LOREKEEPER_TEST_MARIADB is not set; run the tests as `tests/with-mariadb cargo nextest run`")
    })
}

async fn run(url: &str, sql: &str) {
    let mut connection = connect(url).await;
    let outcome = connection
        .execute(sqlx::raw_sql(AssertSqlSafe(sql.to_string())))
        .await;
    outcome.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

async fn text(url: &str, sql: &str) -> String {
    let mut connection = connect(url).await;
    let row = connection.fetch_one(AssertSqlSafe(sql.to_string())).await;
    row.expect("is read").get_unchecked(0)
}

async fn connect(url: &str) -> MySqlConnection {
    MySqlConnection::connect(url)
        .await
        .expect("the throw-away server answers")
}

/// The gate is left out here: account and READ ONLY transaction stand alone.
#[tokio::test]
async fn bypasses_have_no_effect_even_without_the_gate() {
    let spy = SpySchema::new().await;
    let before = spy.state().await;
    for sql in bypasses(include_str!("bypasses-mysql.sql")) {
        let database = spy.open().await.expect("the account can only read");
        let _ = database.run(sql, &[]).await;
        assert_eq!(spy.state().await, before, "{sql}");
    }
    spy.remove().await;
}

#[tokio::test]
async fn no_attempt_has_an_effect_through_the_gate() {
    let spy = SpySchema::new().await;
    let database = spy.open().await.expect("the account can only read");
    let look = async || spy.state().await;
    let bypasses = bypasses(include_str!("bypasses-mysql.sql"));
    let (refused, ran) = try_all(bypasses, &database, look).await;
    assert!((refused > 100, ran) == (true, 0), "{refused} {ran}");
    let detours = statements(include_str!("detours-mysql.sql"));
    let (refused, ran) = try_all(detours, &database, look).await;
    assert!((refused, ran > 30) == (0, true), "{refused} {ran}");
    let hidden = vec![
        "SELECT 'a\0'; DELETE FROM spy",
        "SELECT 1 --\u{1}; DELETE FROM spy",
        "SELECT 1\u{a0}FROM spy",
        "SELECT 1 # \r DELETE",
    ];
    assert_eq!(try_all(hidden, &database, look).await, (3, 1));
    spy.remove().await;
}

/// The other tests would prove nothing with a spy that sees nothing.
#[tokio::test]
async fn spy_notices_what_the_owner_does() {
    let spy = SpySchema::new().await;
    for effect in [
        "UPDATE spy SET note = 'x'",
        "SELECT * FROM spy_trap",
        "SELECT NEXTVAL(spy_seq)",
        "CREATE TABLE loot AS SELECT * FROM spy",
        "ALTER TABLE spy ADD COLUMN x int",
        "CREATE FUNCTION f() RETURNS int RETURN 1",
        &format!("GRANT INSERT ON {}.* TO {}", spy.name, spy.account),
    ] {
        let before = spy.state().await;
        spy.as_admin(effect).await;
        assert_ne!(spy.state().await, before, "{effect}");
    }
    spy.remove().await;
}

#[tokio::test]
async fn account_with_one_write_right_is_refused_and_the_right_is_named() {
    let spy = SpySchema::new().await;
    let (name, account) = (spy.name.clone(), spy.account.clone());
    let check = async |give: &str, right: &str| {
        let fill = |text: &str| text.replace("SPIES", &name).replace("READER", &account);
        spy.as_admin(&format!("GRANT {}", fill(give))).await;
        let Err(OpenError::CanWrite { rights, .. }) = spy.open().await else {
            panic!("accepted: {give}");
        };
        assert!(rights.starts_with(&fill(right)), "{give}: {rights}");
        let (_, remedy) = rights
            .split_once("take it away with `")
            .expect("has a remedy");
        let (remedy, _) = remedy.split_once(";`").expect("is a statement");
        spy.as_admin(remedy).await;
        assert!(spy.open().await.is_ok(), "the remedy is enough: {remedy}");
    };
    check(
        "INSERT, UPDATE ON SPIES.* TO READER",
        "INSERT, UPDATE on `SPIES`.*",
    )
    .await;
    check("DELETE ON SPIES.spy TO READER", "DELETE on `SPIES`.`spy`").await;
    check(
        "UPDATE (note) ON SPIES.spy TO READER",
        "UPDATE (`note`) on `SPIES`.`spy`",
    )
    .await;
    check("FILE ON *.* TO READER", "FILE on *.*").await;
    check("SUPER ON *.* TO READER", "SUPER").await;
    check("EXECUTE ON SPIES.* TO READER", "EXECUTE on `SPIES`.*").await;
    check(
        "CREATE TEMPORARY TABLES ON SPIES.* TO READER",
        "CREATE TEMPORARY TABLES on `SPIES`.*",
    )
    .await;
    check(
        "LOCK TABLES ON SPIES.* TO READER",
        "LOCK TABLES on `SPIES`.*",
    )
    .await;
    check("TRIGGER ON SPIES.spy TO READER", "TRIGGER on `SPIES`.`spy`").await;
    check("PROCESS ON *.* TO READER", "PROCESS on *.*").await;
    check(
        "EXECUTE ON PROCEDURE SPIES.spy_procedure TO READER",
        "EXECUTE on PROCEDURE `SPIES`.`spy_procedure`",
    )
    .await;
    check(
        "SELECT ON SPIES.* TO READER WITH GRANT OPTION",
        "GRANT OPTION on `SPIES`.*",
    )
    .await;
    spy.remove().await;
}

#[tokio::test]
async fn right_that_comes_through_a_role_or_public_is_found() {
    let spy = SpySchema::new().await;
    let (name, account) = (&spy.name, &spy.account);
    let (outer, inner) = (
        name.replace("tools", "outer"),
        name.replace("tools", "inner"),
    );
    spy.as_admin(&format!(
        "CREATE ROLE {outer}; CREATE ROLE {inner}; GRANT UPDATE ON {name}.spy TO {inner}; \
         GRANT {inner} TO {outer}; GRANT {outer} TO {account}"
    ))
    .await;
    let error = spy
        .open()
        .await
        .err()
        .expect("SET ROLE would give it the right");
    assert!(error.to_string().contains("UPDATE on `"), "{error}");
    spy.as_admin(&format!("REVOKE UPDATE ON {name}.spy FROM {inner}"))
        .await;
    assert!(spy.open().await.is_ok(), "a role that reads is no fault");
    spy.as_admin(&format!("GRANT INSERT ON {name}.* TO PUBLIC"))
        .await;
    let error = spy.open().await.err().expect("everybody may write");
    assert!(error.to_string().contains("INSERT on `"), "{error}");
    assert!(error.to_string().contains("FROM PUBLIC"), "{error}");
    spy.as_admin(&format!(
        "REVOKE INSERT ON {name}.* FROM PUBLIC; DROP ROLE {outer}; DROP ROLE {inner}"
    ))
    .await;
    assert!(spy.open().await.is_ok());
    spy.remove().await;
}

#[tokio::test]
async fn slow_statement_ends_at_the_limit_and_at_the_server() {
    let spy = SpySchema::new().await;
    let database = spy.open().await.expect("the account can only read");
    for slow in ["SELECT SLEEP(600)", ENDLESS] {
        let started = Instant::now();
        let error = database
            .run(slow, &[])
            .await
            .expect_err("takes ten minutes");
        assert_eq!(error.class(), GapClass::Timeout, "{slow}: {error:?}");
        while spy.running().await {
            assert!(
                started.elapsed() < LIMITS.timeout + Duration::from_secs(10),
                "{slow}"
            );
            sleep(Duration::from_millis(20)).await;
        }
    }
    spy.remove().await;
}

const ENDLESS: &str = "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r, r s, r t";

#[tokio::test]
async fn statement_whose_caller_has_gone_ends_at_the_server() {
    let spy = SpySchema::new().await;
    let limits = Limits {
        timeout: Duration::from_secs(300),
        ..LIMITS
    };
    let database = Arc::new(
        spy.open_with(limits)
            .await
            .expect("the account can only read"),
    );
    let asked = database.clone();
    let caller = tokio::spawn(async move { asked.run("SELECT SLEEP(600)", &[]).await });
    while !spy.running().await {
        sleep(Duration::from_millis(20)).await;
    }
    caller.abort();
    let gone = Instant::now();
    while spy.running().await {
        assert!(gone.elapsed() < Duration::from_secs(10), "still running");
        sleep(Duration::from_millis(20)).await;
    }
    let rows = database.run("SELECT 1", &[]).await.expect("is free again");
    assert_eq!(rows.rows, [[json!(1)]]);
    spy.remove().await;
}

#[tokio::test]
async fn rows_and_bytes_are_capped_and_the_statement_ends() {
    let spy = SpySchema::new().await;
    let limits = Limits {
        timeout: Duration::from_secs(20),
        rows: 10,
        bytes: 10_000,
    };
    let database = spy
        .open_with(limits)
        .await
        .expect("the account can only read");
    let many = "SELECT seq FROM seq_1_to_2000000000";
    let rows = database.run(many, &[]).await.expect("ten rows come");
    assert_eq!((rows.rows.len(), rows.truncated), (10, true));
    let wide = "SELECT REPEAT('x', 4000) FROM seq_1_to_9";
    let rows = database.run(wide, &[]).await.expect("two rows fit");
    assert_eq!((rows.rows.len(), rows.truncated), (2, true));
    let rows = database.run("SELECT 1", &[]).await.expect("is free again");
    assert_eq!((rows.rows, rows.truncated), (vec![vec![json!(1)]], false));
    let stopped = Instant::now();
    while spy.running().await {
        assert!(stopped.elapsed() < Duration::from_secs(10), "still running");
        sleep(Duration::from_millis(20)).await;
    }
    spy.remove().await;
}

#[tokio::test]
async fn values_keep_their_meaning() {
    let spy = SpySchema::new().await;
    spy.as_admin(
        "CREATE TABLE v (tiny tinyint, flag boolean, big bigint unsigned, money decimal(40,10), \
            f float, d double, day date, at datetime(3), ts timestamp NULL, span time, y year, bits bit(9), \
            doc json, kind enum('a','b'), kinds set('a','b'), name varchar(20) COLLATE utf8mb4_bin, \
            raw blob, zero date); \
         SET time_zone = '+02:00', sql_mode = ''; \
         INSERT INTO v VALUES (-5, true, 18446744073709551615, 12.50, 0.1, 1e300, '2026-02-28', \
            '2026-02-28 09:30:00.250', '2026-02-28 09:30:00', '-27:05:09', 2026, b'100000001', \
            '{\"a\": [1]}', 'b', 'a,b', 'größe', x'00ff', '0000-00-00')",
    )
    .await;
    let database = spy.open().await.expect("the account can only read");
    let cases = [
        ("tiny FROM v", json!(-5)),
        ("flag FROM v", json!(true)),
        ("big FROM v", json!(18_446_744_073_709_551_615_u64)),
        ("money FROM v", json!(12.5)),
        ("-9223372036854775808", json!(i64::MIN)),
        (
            "123456789012345678901234567890.5",
            json!("123456789012345678901234567890.5"),
        ),
        ("f FROM v", json!(0.1)),
        ("d FROM v", json!(1e300)),
        ("day FROM v", json!("2026-02-28")),
        ("at FROM v", json!("2026-02-28T09:30:00.250")),
        ("ts FROM v", json!("2026-02-28T07:30:00Z")),
        ("span FROM v", json!("-27:05:09")),
        ("CAST('09:30' AS TIME)", json!("09:30:00")),
        ("y FROM v", json!(2026)),
        ("bits FROM v", json!(257)),
        ("doc FROM v", json!("{\"a\": [1]}")),
        ("CONCAT(kind, kinds) FROM v", json!("ba,b")),
        ("kind FROM v", json!("b")),
        ("name FROM v", json!("größe")),
        ("raw FROM v", json!("(blob not shown)")),
        ("zero FROM v", json!(null)),
        ("NULL", json!(null)),
        ("SUM(id) FROM spy", json!(3)),
        ("AVG(id) FROM spy", json!(1.5)),
        ("COUNT(*) FROM spy", json!(2)),
        ("HEX('a')", json!("61")),
    ];
    for (sql, expected) in cases {
        let rows = database.run(&format!("SELECT {sql}"), &[]).await;
        let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        assert_eq!(rows.rows[0][0], expected, "{sql}");
    }
    spy.remove().await;
}

#[tokio::test]
async fn arguments_are_bound_not_pasted() {
    let spy = SpySchema::new().await;
    let database = spy.open().await.expect("the account can only read");
    let sql = "SELECT id FROM spy WHERE note = ? AND id < ? AND (? IS NULL OR note = ?)";
    let run = async |note: &str| {
        let arguments = [
            Argument::Text(Some(note.into())),
            Argument::Integer(Some(10)),
            Argument::Text(None),
            Argument::Text(None),
        ];
        database.run(sql, &arguments).await.expect("runs").rows
    };
    assert_eq!(run("two").await, [[json!(2)]]);
    assert!(run("' OR true; DELETE FROM spy; -- ").await.is_empty());
    assert!(run("\\' OR true; DELETE FROM spy; -- ").await.is_empty());
    let columns = database.columns(sql, &[]);
    assert_eq!(columns.await.expect("is prepared"), ["id"]);
    let second = database.run("SELECT 1; SELECT 2", &[]).await;
    assert_eq!(
        second.expect_err("is refused by the server").class(),
        GapClass::SourceDown
    );
    spy.remove().await;
}

/// What the gate takes for a string is one to the server too, whatever its own mode.
#[tokio::test]
async fn strings_are_read_as_the_gate_reads_them() {
    let spy = SpySchema::new().await;
    spy.as_admin("SET GLOBAL sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'")
        .await;
    let database = spy.open().await.expect("the account can only read");
    let rows = database.run(r#"SELECT "note", 'a\'b'"#, &[]).await;
    spy.as_admin("SET GLOBAL sql_mode = DEFAULT").await;
    assert_eq!(
        rows.expect("are strings").rows,
        [[json!("note"), json!("a'b")]]
    );
    spy.remove().await;
}

#[tokio::test]
async fn errors_have_their_class() {
    let spy = SpySchema::new().await;
    let database = spy.open().await.expect("the account can only read");
    let check = async |sql: &str, class: GapClass| {
        let error = database.run(sql, &[]).await.expect_err(sql);
        assert_eq!(error.class(), class, "{sql}: {error:?}");
    };
    check("SELECT * FROM mysql.global_priv", GapClass::NotAllowed).await;
    check("SELECT * FROM nowhere", GapClass::SourceDown).await;
    check("SELECT JSON_EXTRACT(", GapClass::SourceDown).await;
    let opened = async |url: String| {
        let database = Database::open(&entry("spy", &url), LIMITS)
            .await
            .expect("may come back");
        database
            .run("SELECT 1", &[])
            .await
            .expect_err("can't connect")
    };
    let url = spy.reader_url();
    let wrong = opened(url.replace("reader", "nobody")).await;
    assert_eq!(wrong.class(), GapClass::NotAllowed, "{wrong:?}");
    let missing = opened(url.replace("/tools", "/nowhere")).await;
    assert_eq!(missing.class(), GapClass::NotAllowed, "{missing:?}");
    spy.remove().await;
}

#[tokio::test]
async fn database_that_is_down_is_no_fault_of_the_start() {
    let url = "mysql://reader@127.0.0.1:1/nowhere";
    let database = Database::open(&entry("orders", url), LIMITS).await;
    let database = database.expect("may come back later");
    let error = database
        .run("SELECT 1", &[])
        .await
        .expect_err("nobody listens there");
    assert_eq!(error.class(), GapClass::SourceDown);
    assert!(
        error.to_string().contains("`orders` can't be reached"),
        "{error}"
    );
}

#[tokio::test]
async fn free_statement_that_costs_too_much_is_refused_before_it_runs() {
    let spy = SpySchema::new().await;
    spy.as_admin("INSERT INTO spy SELECT seq, 'x' FROM seq_3_to_2000; ANALYZE TABLE spy")
        .await;
    let check = async |sql: &str, expected: &str| {
        let answer = free_query(&spy.reader_url(), sql).await;
        assert!(answer.contains(expected), "{sql}: {answer}");
    };
    check("SELECT count(*) FROM spy", "1 row.").await;
    check(
        "SELECT count(*) FROM spy a JOIN spy b USING (id) JOIN spy c USING (id)",
        "1 row.",
    )
    .await;
    check(
        "SELECT count(*) FROM spy a, spy b, spy c WHERE a.note < b.note AND b.note < c.note",
        "would cost about",
    )
    .await;
    check("SELECT * FROM spy_seq", "not among the tables").await;
    spy.remove().await;
}

struct Noon;

impl Clock for Noon {
    fn now(&self) -> DateTime<Utc> {
        "2026-11-21T12:00:00Z".parse().expect("is a time")
    }
}

const QUERY: &str = r#"
[[query]]
name = "large_sales"
database = "shop"
description = "Large sales in a period"
sql = "SELECT id, region, revenue FROM sales WHERE revenue >= :minimum AND sold_at >= :since AND sold_at < :until AND (:region IS NULL OR region = :region) ORDER BY revenue DESC"
lead = "{rows} sales of at least {minimum} EUR {period}, the largest {revenue} EUR."
empty = "No sale of at least {minimum} EUR {period}."
[[query.parameters]]
name = "period"
type = "window"
default = "24h"
[[query.parameters]]
name = "minimum"
type = "number"
default = 10000
[[query.parameters]]
name = "region"
type = "choice"
values_sql = "SELECT DISTINCT region FROM sales"
optional = true
"#;

/// Every use of a name is bound, where the dialect does not number placeholders.
#[tokio::test]
async fn named_query_is_answered_with_a_sentence_of_its_rows() {
    let spy = SpySchema::new().await;
    spy.as_admin(
        "CREATE TABLE sales (id int, region varchar(20), revenue decimal(12,2), sold_at datetime); \
         INSERT INTO sales VALUES (1, 'DACH', 12500.5, '2026-11-21 09:00:00'), \
            (2, 'UKI', 30000, '2026-11-20 18:00:00'), (3, 'UKI', 400, '2026-11-20 10:00:00')",
    )
    .await;
    let url = spy.reader_url();
    let config = format!("[[database]]\nname = \"shop\"\nurl = \"{url}\"\n{QUERY}");
    let config: Config = toml::from_str(&config).expect("is a configuration");
    let toolbox = Toolbox::open(&config, Arc::new(Noon)).await;
    let toolbox = toolbox.unwrap_or_else(|faults| panic!("{faults}"));
    let check = async |args: Value, lead: &str, shown: &str| {
        let call = ToolCall {
            name: "large_sales".into(),
            args: args.as_object().cloned().unwrap_or_default(),
        };
        let caller = Caller {
            person: PersonId::new("local:mara"),
            access: Access::everyone(),
        };
        let result = toolbox.call(&call, &caller).await;
        let result = result.unwrap_or_else(|error| panic!("{args}: {error:?}"));
        assert_eq!(result.lead, lead, "{args}");
        assert_eq!(
            result.statement.matches(shown).count(),
            1,
            "{}",
            result.statement
        );
    };
    check(
        json!({}),
        "2 sales of at least 10,000 EUR in the last 24 hours, the largest 30,000 EUR.",
        "-- :region = NULL",
    )
    .await;
    check(
        json!({"period": "yesterday", "minimum": "20k", "region": "uki"}),
        "1 sales of at least 20,000 EUR yesterday, the largest 30,000 EUR (region UKI).",
        "-- :region = 'UKI'",
    )
    .await;
    spy.remove().await;
}

const SHOP: &str = "
CREATE TABLE `customers` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `region` enum('DACH','it''s far') DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Those who pay;
all of them';
CREATE TABLE `orders` (
  `number` varchar(20) NOT NULL,
  `customer` int(11) NOT NULL,
  `total` decimal(12,2) DEFAULT NULL COMMENT 'in EUR',
  PRIMARY KEY (`number`),
  KEY `by_customer` (`customer`),
  CONSTRAINT `of_customer` FOREIGN KEY (`customer`) REFERENCES `customers` (`id`)
) ENGINE=InnoDB;
/*!50001 CREATE VIEW `spent` AS SELECT 1 AS `number`, 1 AS `worth` */;
/*!50001 DROP VIEW IF EXISTS `spent`*/;
/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50013 SQL SECURITY INVOKER */
/*!50001 VIEW `spent` AS select `o`.`number` AS `number`,`o`.`total` AS `worth`,`c`.`region` AS `region` from (`orders` `o` join `customers` `c` on(`c`.`id` = `o`.`customer`)) */;
";

#[tokio::test]
async fn live_schema_and_its_dump_tell_the_same() {
    let spy = SpySchema::new().await;
    spy.as_admin(SHOP).await;
    let limits = Limits {
        timeout: Duration::from_secs(10),
        rows: 10_000,
        bytes: 1 << 20,
    };
    let database = spy.open_with(limits).await.expect("it opens");
    let mut live = read_schema(&database).await.expect("it is read");
    live.retain(|table| !table.name.starts_with("spy"));
    let column = |name: &str, kind: &str| Column {
        name: name.into(),
        kind: kind.into(),
        ..Column::default()
    };
    let key = |name: &str, kind: &str| Column {
        primary: true,
        ..column(name, kind)
    };
    let expected = [
        Table {
            name: "customers".into(),
            comment: "Those who pay; all of them".into(),
            columns: vec![
                key("id", "int(11)"),
                Column {
                    values: ["DACH", "it's far"].map(String::from).to_vec(),
                    ..column("region", "enum")
                },
            ],
            ..Table::default()
        },
        Table {
            name: "orders".into(),
            columns: vec![
                key("number", "varchar(20)"),
                Column {
                    references: Some("customers.id".into()),
                    ..column("customer", "int(11)")
                },
                Column {
                    comment: "in EUR".into(),
                    ..column("total", "decimal(12,2)")
                },
            ],
            ..Table::default()
        },
    ];
    let told = |table: Option<Table>| {
        let table = table.expect("the view is there");
        let columns = table.columns.into_iter();
        let columns: Vec<(String, String)> = columns.map(|c| (c.name, c.kind)).collect();
        (table.name, table.view, columns)
    };
    let live_view = told(live.pop());
    assert_eq!(live, expected);
    spy.remove().await;

    let file = tempfile::NamedTempFile::new().expect("a file");
    let dump = format!(
        "/*!40101 SET NAMES utf8 */;\n{SHOP}\nINSERT INTO `orders` VALUES ('a\\';',1,2);\n"
    );
    std::fs::write(file.path(), dump).expect("is written");
    let mut dumped = read_dump(file.path(), None).await.expect("it is read");
    assert_eq!(told(dumped.tables.pop()), live_view);
    assert_eq!(
        (dumped.tables.as_slice(), dumped.unread),
        (expected.as_slice(), 0)
    );
}
