//! PostgreSQL: the walls behind the gate.

use super::{
    queries::free_query,
    server::{LIMITS, SpyDatabase, bypasses, entry, statements, try_all},
};
use lorekeeper::{
    domain::GapClass,
    tools::sql::{Argument, Database, Limits, OpenError},
};
use serde_json::json;
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// The gate is left out here: role and READ ONLY transaction stand alone.
#[tokio::test]
async fn bypasses_have_no_effect_even_without_the_gate() {
    let spy = SpyDatabase::new().await;
    let database = spy.open().await.expect("the role can only read");
    let before = spy.state().await;
    for sql in bypasses(include_str!("bypasses-postgres.sql")) {
        // Whether it fails or reads something does not matter here.
        let _ = database.run(sql, &[]).await;
        assert_eq!(spy.state().await, before, "{sql}");
    }
    spy.remove().await;
}

#[tokio::test]
async fn no_attempt_has_an_effect_through_the_gate() {
    let spy = SpyDatabase::new().await;
    let database = spy.open().await.expect("the role can only read");
    let look = async || {
        let is_written = Path::new("/tmp/lorekeeper-spy").exists();
        format!("{} {is_written}", spy.state().await)
    };
    let bypasses = bypasses(include_str!("bypasses-postgres.sql"));
    let (refused, ran) = try_all(bypasses, &database, look).await;
    assert!((refused > 150, ran) == (true, 0), "{refused} {ran}");
    let detours = statements(include_str!("detours-postgres.sql"));
    let (refused, ran) = try_all(detours, &database, look).await;
    assert!((refused, ran > 40) == (0, true), "{refused} {ran}");
    let zero = try_all(
        vec![
            "SELECT 'a\0'; DELETE FROM spy",
            "SELECT 1 --\r; DELETE FROM spy",
        ],
        &database,
        look,
    );
    assert_eq!(zero.await, (2, 0));
    spy.remove().await;
}

/// The other tests would prove nothing with a spy that sees nothing.
#[tokio::test]
async fn spy_notices_what_the_owner_does() {
    let spy = SpyDatabase::new().await;
    for effect in [
        "UPDATE spy SET note = 'x'",
        "SELECT spy_write()",
        "SELECT * FROM spy_trap",
        "SELECT 1 @+@ 2",
        "SELECT 'x'::spy_checked",
        "SELECT spy_sum(id) FROM spy",
        "SELECT public.lower('X')",
        "SELECT nextval('spy_seq')",
        "SELECT setval('spy_seq', 4711)",
        "SELECT lo_create(0)",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SELECT * INTO loot FROM spy",
        "GRANT ALL ON spy TO PUBLIC",
    ] {
        let before = spy.state().await;
        spy.as_admin(effect).await;
        assert_ne!(spy.state().await, before, "{effect}");
    }
    spy.remove().await;
}

#[tokio::test]
async fn statement_whose_caller_has_gone_ends_at_the_server() {
    let spy = SpyDatabase::new().await;
    let limits = Limits {
        timeout: Duration::from_secs(300),
        ..LIMITS
    };
    let database = Arc::new(spy.open_with(limits).await.expect("the role can only read"));
    let asked = database.clone();
    let caller = tokio::spawn(async move { asked.run("SELECT pg_sleep(600)", &[]).await });
    while spy.running().await == 0 {
        sleep(Duration::from_millis(20)).await;
    }
    caller.abort();
    let gone = Instant::now();
    while spy.running().await > 0 {
        assert!(gone.elapsed() < Duration::from_secs(10), "still running");
        sleep(Duration::from_millis(20)).await;
    }
    let rows = database.run("SELECT 1", &[]).await.expect("is free again");
    assert_eq!(rows.rows, [[json!(1)]]);
    spy.remove().await;
}

#[tokio::test]
async fn free_statement_that_costs_too_much_is_refused_before_it_runs() {
    let spy = SpyDatabase::new().await;
    let url = spy.reader_url();
    assert_eq!(free_query(&url, "SELECT count(*) FROM spy").await, "1 row.");
    let refused = free_query(
        &url,
        "SELECT count(*) FROM spy, generate_series(1, 1000000) a, generate_series(1, 1000000) b",
    )
    .await;
    assert!(refused.contains("would cost about"), "{refused}");
    assert!(refused.contains("narrow the period"), "{refused}");
    let refused = free_query(&url, "EXPLAIN ANALYZE SELECT * FROM spy").await;
    assert!(refused.contains("is EXPLAIN"), "{refused}");
    spy.remove().await;
}

#[tokio::test]
async fn role_with_one_write_right_is_refused_and_the_right_is_named() {
    let spy = SpyDatabase::new().await;
    let role = spy.role.clone();
    let check = async |give: &str, take: &str, right: &str, remedy: &str| {
        spy.as_admin(&give.replace("reader", &role)).await;
        let Err(OpenError::CanWrite { rights, .. }) = spy.open().await else {
            panic!("accepted: {give}");
        };
        let remedy = remedy.replace("reader", &role);
        let right = right.replace("reader", &role);
        assert_eq!(rights, format!("{right} (take it away with `{remedy};`)"));
        let take = if take.is_empty() {
            remedy
        } else {
            take.replace("reader", &role)
        };
        spy.as_admin(&take).await;
        assert!(spy.open().await.is_ok(), "the remedy is enough: {take}");
    };
    check(
        "GRANT UPDATE ON spy TO reader",
        "",
        "UPDATE on table public.spy",
        "REVOKE UPDATE ON public.spy FROM reader",
    )
    .await;
    check(
        "GRANT INSERT, DELETE ON spy TO PUBLIC",
        "",
        "DELETE, INSERT on table public.spy",
        "REVOKE DELETE, INSERT ON public.spy FROM PUBLIC",
    )
    .await;
    check(
        "GRANT UPDATE (note) ON spy TO reader",
        "",
        "UPDATE on column note of public.spy",
        "REVOKE UPDATE (note) ON public.spy FROM reader",
    )
    .await;
    check(
        "GRANT USAGE ON SEQUENCE spy_seq TO reader",
        "",
        "USAGE on sequence public.spy_seq",
        "REVOKE USAGE ON SEQUENCE public.spy_seq FROM reader",
    )
    .await;
    check(
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        "",
        "CREATE in schema public",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    )
    .await;
    check(
        "ALTER TABLE spy OWNER TO reader",
        "ALTER TABLE spy OWNER TO postgres",
        "ownership of table public.spy",
        "ALTER TABLE public.spy OWNER TO another_role",
    )
    .await;
    check(
        "GRANT pg_write_all_data TO reader",
        "",
        "membership in pg_write_all_data",
        "REVOKE pg_write_all_data FROM reader",
    )
    .await;
    check(
        "ALTER ROLE reader CREATEROLE",
        "",
        "attribute CREATEROLE of role reader",
        "ALTER ROLE reader NOCREATEROLE",
    )
    .await;
    check(
        "ALTER ROLE reader SUPERUSER",
        "",
        "attribute SUPERUSER of role reader",
        "ALTER ROLE reader NOSUPERUSER",
    )
    .await;
    check(
        "CREATE FUNCTION sudo() RETURNS void SECURITY DEFINER LANGUAGE sql AS 'DELETE FROM spy'",
        "",
        "EXECUTE on sudo(), which runs with the rights of its owner",
        "REVOKE EXECUTE ON FUNCTION sudo() FROM PUBLIC",
    )
    .await;
    spy.remove().await;
}

#[tokio::test]
async fn right_that_comes_through_another_role_is_found() {
    let spy = SpyDatabase::new().await;
    let writers = spy.role.replace("reader", "writers");
    let role = spy.role.clone();
    spy.as_admin(&format!(
        "CREATE ROLE {writers}; GRANT UPDATE ON spy TO {writers}; \
         ALTER ROLE {role} NOINHERIT; GRANT {writers} TO {role}"
    ))
    .await;
    let error = spy
        .open()
        .await
        .err()
        .expect("SET ROLE would give it the right");
    assert!(
        error.to_string().contains("UPDATE on table public.spy"),
        "{error}"
    );
    spy.as_admin(&format!("DROP OWNED BY {writers}; DROP ROLE {writers}"))
        .await;
    assert!(spy.open().await.is_ok());
    spy.remove().await;
}

#[tokio::test]
async fn slow_statement_ends_at_the_limit_and_at_the_server() {
    let spy = SpyDatabase::new().await;
    let database = spy.open().await.expect("the role can only read");
    let error = database
        .run("SELECT pg_sleep(60)", &[])
        .await
        .expect_err("takes a minute");
    assert_eq!(error.class(), GapClass::Timeout);
    spy.at_rest().await;
    spy.remove().await;
}

#[tokio::test]
async fn rows_and_bytes_are_capped_and_the_statement_ends() {
    let spy = SpyDatabase::new().await;
    let limits = Limits {
        timeout: Duration::from_secs(20),
        rows: 10,
        bytes: 10_000,
    };
    let database = spy.open_with(limits).await.expect("the role can only read");
    let many = "SELECT generate_series(1, 2000000000)";
    let rows = database.run(many, &[]).await.expect("ten rows come");
    assert_eq!((rows.rows.len(), rows.truncated), (10, true));
    let wide = "SELECT repeat('x', 4000) FROM generate_series(1, 9)";
    let rows = database.run(wide, &[]).await.expect("two rows fit");
    assert_eq!((rows.rows.len(), rows.truncated), (2, true));
    // The next statement does not wait for the rest of the first.
    let rows = database
        .run("SELECT 1 AS one", &[])
        .await
        .expect("is free again");
    assert_eq!((rows.rows, rows.truncated), (vec![vec![json!(1)]], false));
    spy.remove().await;
}

#[tokio::test]
async fn values_keep_their_meaning() {
    let spy = SpyDatabase::new().await;
    let database = spy.open().await.expect("the role can only read");
    let check = async |sql: &str, expected: serde_json::Value| {
        let rows = database.run(&format!("SELECT {sql}"), &[]).await;
        let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        assert_eq!(rows.rows[0][0], expected, "{sql}");
    };
    check("1::smallint", json!(1)).await;
    check("9223372036854775807", json!(9_223_372_036_854_775_807_i64)).await;
    check("12.50::numeric", json!(12.5)).await;
    check("-0.0001::numeric", json!(-0.0001)).await;
    check("10000::numeric", json!(10000)).await;
    check("100000000.01::numeric", json!(100_000_000.01)).await;
    check("0::numeric(10,2)", json!(0.0)).await;
    check(
        "123456789012345678901234567890.5",
        json!("123456789012345678901234567890.5"),
    )
    .await;
    check("'NaN'::numeric", json!("NaN")).await;
    check("0.1::real", json!(0.1)).await;
    check("1e300::float8", json!(1e300)).await;
    check("true", json!(true)).await;
    check("NULL::int", json!(null)).await;
    check("'größe'::varchar", json!("größe")).await;
    check("'2026-02-28'::date", json!("2026-02-28")).await;
    check(
        "'2026-02-28 09:30'::timestamp",
        json!("2026-02-28T09:30:00"),
    )
    .await;
    check(
        "'2026-02-28 09:30+02'::timestamptz",
        json!("2026-02-28T07:30:00Z"),
    )
    .await;
    check(
        "interval '1 month 2 days 03:04:05'",
        json!("1 months 2 days 03:04:05"),
    )
    .await;
    check("'{\"a\": [1]}'::jsonb", json!({"a": [1]})).await;
    check("ARRAY[1, NULL]", json!([1, null])).await;
    check("'\\x00'::bytea", json!("(bytea not shown)")).await;
    spy.remove().await;
}

#[tokio::test]
async fn arguments_are_bound_not_pasted() {
    let spy = SpyDatabase::new().await;
    let database = spy.open().await.expect("the role can only read");
    let sql = "SELECT id FROM spy WHERE note = $1 AND id < $2 AND ($3 IS NULL OR note = $3)";
    let run = async |note: &str| {
        let arguments = [
            Argument::Text(Some(note.into())),
            Argument::Integer(Some(10)),
            Argument::Text(None),
        ];
        database.run(sql, &arguments).await.expect("runs").rows
    };
    assert_eq!(run("two").await, [[json!(2)]]);
    assert!(run("' OR true; DELETE FROM spy; --").await.is_empty());
    let columns = database.columns(
        sql,
        &[
            Argument::Text(None),
            Argument::Integer(None),
            Argument::Text(None),
        ],
    );
    assert_eq!(columns.await.expect("is prepared"), ["id"]);
    spy.remove().await;
}

#[tokio::test]
async fn errors_have_their_class() {
    let spy = SpyDatabase::new().await;
    let database = spy.open().await.expect("the role can only read");
    let check = async |sql: &str, class: GapClass| {
        let error = database.run(sql, &[]).await.expect_err(sql);
        assert_eq!(error.class(), class, "{sql}: {error:?}");
    };
    check("SELECT * FROM spy_seq", GapClass::NotAllowed).await;
    check("SELECT 1 / 0", GapClass::SourceDown).await;
    spy.remove().await;
}

#[tokio::test]
async fn database_that_is_down_is_no_fault_of_the_start() {
    let url = "postgres://reader@127.0.0.1:1/nowhere";
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
