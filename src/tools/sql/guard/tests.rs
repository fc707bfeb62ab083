//! What passes the gate and what does not. The bypasses are also run on real
//! databases with the gate left out: `tests/tools`.

use super::*;

const POSTGRES_BYPASSES: &str = include_str!("../../../../tests/tools/bypasses-postgres.sql");
const SQLITE_BYPASSES: &str = include_str!("../../../../tests/tools/bypasses-sqlite.sql");
const MYSQL_BYPASSES: &str = include_str!("../../../../tests/tools/bypasses-mysql.sql");

/// Statements with a part of the reason why they are refused.
fn bypasses(file: &'static str) -> Vec<(&'static str, &'static str)> {
    let blocks = file.split("\n\n").skip(1);
    let pairs = blocks.map(|block| block.split_once("\n--> ").expect("has a reason"));
    pairs
        .map(|(sql, reason)| (sql.trim(), reason.trim()))
        .collect()
}

fn reason(sql: &str, dialect: Dialect, policy: &Policy) -> Option<String> {
    match check(sql, dialect, policy) {
        Verdict::Allow { .. } => None,
        Verdict::Refuse { reason } => Some(reason),
    }
}

fn refused_because(file: &'static str, dialect: Dialect) {
    for (sql, expected) in bypasses(file) {
        let reason = reason(sql, dialect, &Policy::any_table());
        let reason = reason.unwrap_or_else(|| panic!("passed: {sql}"));
        assert!(reason.contains(expected), "{sql}\n  {reason}\n  {expected}");
    }
}

#[test]
fn bypasses_are_refused_on_postgres() {
    assert!(bypasses(POSTGRES_BYPASSES).len() >= 60);
    refused_because(POSTGRES_BYPASSES, Dialect::Postgres);
}

#[test]
fn bypasses_are_refused_on_sqlite() {
    assert!(bypasses(SQLITE_BYPASSES).len() >= 30);
    refused_because(SQLITE_BYPASSES, Dialect::Sqlite);
}

#[test]
fn bypasses_are_refused_on_mysql() {
    assert!(bypasses(MYSQL_BYPASSES).len() >= 60);
    refused_because(MYSQL_BYPASSES, Dialect::MySql);
}

#[test]
fn reads_pass_on_postgres() {
    for sql in [
        "SELECT 1",
        "SELECT 1;",
        "select * from orders where action = 'DELETE'",
        "SELECT \"update\", \"drop\" FROM \"insert\"",
        "SELECT 'DROP TABLE orders; --'",
        "SELECT $$; DELETE FROM orders$$",
        "-- DELETE\nSELECT 1 /* ; DROP */",
        "VALUES (1, 'a'), (2, 'b')",
        "TABLE orders",
        "WITH o AS (SELECT * FROM orders) SELECT count(*) FROM o",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 9) SELECT * FROM r",
        "SELECT region, sum(total) OVER (PARTITION BY region ORDER BY day ROWS 6 PRECEDING) FROM sales",
        "SELECT rank() OVER w FROM sales WINDOW w AS (ORDER BY total)",
        "SELECT a FROM x UNION ALL SELECT b FROM y INTERSECT SELECT c FROM z EXCEPT SELECT d FROM w",
        "SELECT '2026-01-01'::date + interval '1 day', CAST(total AS numeric(10, 2)) FROM orders",
        "SELECT data ->> 'a', data #> '{b}', data ? 'c', data @> '{}' FROM events",
        "SELECT jsonb_path_query(data, '$.a') FROM events, LATERAL jsonb_array_elements(data -> 'x') e",
        "SELECT json_object('a' : 1, 'b' : 2), json_array(1, 2)",
        "SELECT * FROM json_table('[1]', '$[*]' COLUMNS (n int PATH '$'))",
        "SELECT count(*) FILTER (WHERE paid), string_agg(DISTINCT name, ', ' ORDER BY name) FROM orders",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total) FROM orders",
        "SELECT region, sku, sum(total) FROM sales GROUP BY ROLLUP (region, sku)",
        "SELECT * FROM orders o LEFT JOIN customers c USING (customer_id) WHERE o.total > ALL (SELECT 1)",
        "SELECT extract(year FROM day), date_trunc('month', day), day AT TIME ZONE 'UTC' FROM sales",
        "SELECT now(), current_date, current_user, random()",
        "SELECT CASE WHEN total > 1 THEN 'a' ELSE 'b' END, coalesce(a, b), nullif(a, b), greatest(a, b) FROM t",
        "SELECT (ARRAY[1, 2])[1], ARRAY(SELECT id FROM orders), unnest('{1,2}'::int[])",
        "SELECT * FROM generate_series(1, 10) AS g(n)",
        "SELECT name FROM customers WHERE name ILIKE '%a%' ESCAPE '!' AND name ~ '^b' AND name SIMILAR TO 'c'",
        "SELECT * FROM sales TABLESAMPLE system (10) REPEATABLE (1)",
        "SELECT substring('abc' FROM 2), overlay('abc' PLACING 'x' FROM 1), position('a' IN 'b'), trim(both FROM x) FROM t",
        "SELECT xmlelement(name a, xmlattributes(1 AS b)), xmlserialize(content '<a/>' AS text)",
        "SELECT (c.address).city, o.* FROM orders o, customers c",
        "SELECT * FROM orders ORDER BY total DESC NULLS LAST FETCH FIRST 5 ROWS WITH TIES",
        "SELECT company_margin(total) FROM orders",
        "SELECT ts_rewrite('a'::tsquery, 'SELECT t, s FROM aliases')",
        "EXPLAIN SELECT * FROM orders",
        "EXPLAIN (ANALYZE, BUFFERS) SELECT * FROM orders",
        "SHOW server_version",
        "SELECT * FROM orders WHERE day >= $1 AND day < $2",
    ] {
        assert_eq!(
            reason(sql, Dialect::Postgres, &Policy::any_table()),
            None,
            "{sql}"
        );
    }
}

#[test]
fn reads_pass_on_sqlite() {
    for sql in [
        "SELECT 1",
        "SELECT 1;",
        "SELECT * FROM orders WHERE action = 'DELETE'",
        "SELECT [update], `drop`, \"insert\" FROM main.orders AS o",
        "SELECT 'a; DROP TABLE orders' -- ;",
        "VALUES (1), (2)",
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 9) SELECT * FROM r",
        "SELECT region, sum(total) OVER (PARTITION BY region ORDER BY day ROWS 6 PRECEDING) FROM sales",
        "SELECT date('now', '-7 days'), strftime('%Y', day), julianday(day) FROM sales",
        "SELECT json_extract(data, '$.a'), data ->> 'b', j.value FROM events, json_each(data) j",
        "SELECT count(*) FILTER (WHERE paid), group_concat(name, ', ') FROM orders GROUP BY 1 HAVING count(*) > 1",
        "SELECT CASE WHEN total > 1 THEN 'a' ELSE 'b' END, CAST(total AS INTEGER), ifnull(a, b) FROM t",
        "SELECT * FROM orders o LEFT JOIN customers USING (id) WHERE o.id IN (1, 2) AND EXISTS (SELECT 1)",
        "SELECT name FROM customers WHERE name LIKE 'a%' ESCAPE '!' OR name GLOB 'b*' COLLATE NOCASE",
        "SELECT a FROM x UNION SELECT b FROM y ORDER BY 1 LIMIT 5 OFFSET 2",
        "SELECT * FROM orders WHERE day >= ?1 AND (?2 IS NULL OR region = ?2)",
        "EXPLAIN QUERY PLAN SELECT * FROM orders",
    ] {
        assert_eq!(
            reason(sql, Dialect::Sqlite, &Policy::any_table()),
            None,
            "{sql}"
        );
    }
}

#[test]
fn reads_pass_on_mysql() {
    for sql in [
        "SELECT 1",
        "SELECT 1;",
        "SELECT * FROM orders WHERE action = 'DELETE'",
        "SELECT `update`, `drop` FROM `insert` WHERE note = \"it's; fine\"",
        "SELECT 'a\\'; DROP TABLE orders; -- '",
        "SELECT 1 -- ; DROP TABLE orders",
        "SELECT 1 # ; DROP TABLE orders",
        "SELECT 1--1, 2 - -3",
        "VALUES ROW(1, 'a'), ROW(2, 'b')",
        "SELECT 1 FROM DUAL WHERE 1 = 1",
        "WITH o AS (SELECT * FROM orders) SELECT count(*) FROM o",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 9) SELECT * FROM r",
        "SELECT region, SUM(total) OVER (PARTITION BY region ORDER BY day ROWS 6 PRECEDING) FROM sales",
        "SELECT RANK() OVER w FROM sales WINDOW w AS (ORDER BY total)",
        "SELECT a FROM x UNION ALL SELECT b FROM y UNION SELECT c FROM z ORDER BY 1 LIMIT 5, 10",
        "(SELECT a FROM x LIMIT 1) UNION (SELECT b FROM y) LIMIT 5 OFFSET 2",
        "SELECT day + INTERVAL 1 DAY, DATE_ADD(day, INTERVAL -1 MONTH), DATE_FORMAT(day, '%Y-%m') FROM sales",
        "SELECT DATE '2026-01-01', TIMESTAMP '2026-01-01 10:00:00', TIMESTAMPDIFF(DAY, a, b) FROM t",
        "SELECT EXTRACT(YEAR FROM day), YEAR(day), QUARTER(day), LAST_DAY(day), CURDATE(), NOW(), CURRENT_DATE FROM sales",
        "SELECT CAST(total AS DECIMAL(10, 2)), CAST(a AS SIGNED), CAST(a AS CHAR), CONVERT(name USING utf8mb4) FROM t",
        "SELECT data->'$.a', data->>'$.b', JSON_EXTRACT(data, '$.c') FROM events",
        "SELECT j.a FROM events, JSON_TABLE(data, '$[*]' COLUMNS (a INT PATH '$.a')) AS j",
        "SELECT COUNT(DISTINCT region, sku), GROUP_CONCAT(DISTINCT name ORDER BY name DESC SEPARATOR ', ') FROM orders",
        "SELECT region, SUM(total) FROM sales GROUP BY region WITH ROLLUP HAVING SUM(total) > 1",
        "SELECT * FROM orders o LEFT JOIN customers c USING (id) WHERE o.total > ALL (SELECT 1) AND o.id IN (1, 2)",
        "SELECT * FROM orders o JOIN shop.customers c ON c.id = o.id, regions r STRAIGHT_JOIN x NATURAL JOIN y",
        "SELECT * FROM orders USE INDEX (i) WHERE name LIKE 'a\\_%' OR name REGEXP '^b' OR name RLIKE 'c'",
        "SELECT SQL_NO_CACHE HIGH_PRIORITY name FROM customers WHERE MATCH (name) AGAINST ('x' IN BOOLEAN MODE)",
        "SELECT CASE WHEN a <=> b THEN 'x' ELSE \"y\" END, IF(a, b, c), IFNULL(a, 0), NULLIF(a, b), COALESCE(a, b) FROM t",
        "SELECT a DIV b, a % b, a XOR b, a && b, NOT a, ~a, a << 2, a | b FROM t",
        "SELECT SUBSTRING(a, 2), SUBSTRING(a FROM 2 FOR 3), TRIM(BOTH 'x' FROM a), POSITION('a' IN b), LEFT(a, 1), CHAR(65) FROM t",
        "SELECT BINARY a = b, a COLLATE utf8mb4_bin, _utf8mb4'x', x'41', 0x41, N'x' FROM t",
        "SELECT REPLACE(a, 'b', 'c'), INSERT(a, 1, 2, 'x'), FORMAT(total, 2), ROUND(total, 2), TRUNCATE(total, 1) FROM t",
        "SELECT 'a' 'b', NULL, TRUE, -1.5e3",
        "SELECT * FROM orders WHERE (a, b) IN ((1, 2)) AND EXISTS (SELECT 1) AND day BETWEEN ? AND ? AND (? IS NULL OR region = ?)",
        "SELECT größe FROM waren",
        "SELECT 1a FROM 2t",
        "SELECT VERSION(), USER(), DATABASE(), CONNECTION_ID()",
    ] {
        assert_eq!(
            reason(sql, Dialect::MySql, &Policy::any_table()),
            None,
            "{sql}"
        );
    }
}

#[test]
fn list_of_tables_holds_on_mysql() {
    let policy = Policy::only(&["orders".into(), "crm.leads".into(), "sys.version".into()]);
    for sql in [
        "SELECT * FROM orders",
        "SELECT * FROM `orders` JOIN crm.leads USING (id)",
        "SELECT * FROM sys.version",
        "WITH o AS (SELECT * FROM orders) SELECT * FROM o",
    ] {
        assert_eq!(reason(sql, Dialect::MySql, &policy), None, "{sql}");
    }
    let check = |sql: &str, expected: &str| {
        let reason =
            reason(sql, Dialect::MySql, &policy).unwrap_or_else(|| panic!("passed: {sql}"));
        assert!(reason.contains(expected), "{sql}\n  {reason}\n  {expected}");
    };
    let outside = "not among the tables";
    check("SELECT * FROM salaries", outside);
    check("SELECT * FROM leads", outside);
    check("SELECT * FROM hr.orders", outside);
    check("SELECT * FROM Orders", outside);
    check("SELECT * FROM `crm.leads`", outside);
    check("SELECT * FROM `orders `", outside);
    check(
        "SELECT (SELECT MAX(pay) FROM salaries) FROM orders",
        outside,
    );
    check(
        "SELECT 1 FROM orders WHERE id IN (SELECT id FROM salaries)",
        outside,
    );
    check("SELECT 1 UNION SELECT pay FROM salaries", outside);
    check("SELECT * FROM orders, (SELECT * FROM salaries) s", outside);
    check("SELECT * FROM (orders JOIN salaries USING (id))", outside);
    check(
        "SELECT * FROM orders o JOIN salaries s ON s.id = o.id",
        outside,
    );
    check(
        "SELECT * FROM orders ORDER BY (SELECT MAX(pay) FROM salaries)",
        outside,
    );
    check(
        "SELECT * FROM orders LIMIT 1 OFFSET 1 UNION SELECT * FROM salaries",
        "",
    );
    check(
        "WITH a AS (SELECT * FROM salaries) SELECT * FROM a",
        outside,
    );
    check(
        "WITH salaries AS (SELECT * FROM salaries) SELECT * FROM salaries",
        outside,
    );
    check(
        "WITH Salaries AS (SELECT 1) SELECT * FROM salaries",
        outside,
    );
    check(
        "SELECT * FROM (WITH salaries AS (SELECT 1) SELECT * FROM salaries) x, salaries",
        outside,
    );
    check("WITH a AS (SELECT 1) SELECT * FROM hr.a", outside);
    check("SELECT * FROM sys.processlist", outside);
    check(
        "SELECT * FROM information_schema.tables",
        "belongs to the server",
    );
    check("SELECT * FROM a.b.c", "such a name");
    check("SELECT VERSION()", "tells of the server");
    check(
        "SELECT COUNT(*) OVER (ORDER BY (SELECT 1 FROM salaries)) FROM orders",
        outside,
    );
}

fn shop() -> Policy {
    Policy::only(&[
        "orders".into(),
        "public.customers".into(),
        "crm.leads".into(),
    ])
}

#[test]
fn list_of_tables_admits_what_it_names() {
    for sql in [
        "SELECT * FROM orders",
        "SELECT * FROM public.orders JOIN customers USING (id)",
        "SELECT * FROM crm.leads",
        "WITH leads AS (SELECT * FROM orders) SELECT * FROM leads",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION SELECT n + 1 FROM r) SELECT * FROM r, orders",
        "SELECT sum(total), date_trunc('month', day) FROM orders GROUP BY 2",
        "SELECT o.total FROM orders o, generate_series(1, 3) g WHERE o.id = g",
        "SELECT e.value FROM orders, jsonb_array_elements(data) AS e",
        "SELECT e.key, g.n FROM orders, jsonb_each(data) AS e, generate_series(1, 3) AS g(n)",
    ] {
        assert_eq!(reason(sql, Dialect::Postgres, &shop()), None, "{sql}");
    }
}

#[test]
fn list_of_tables_refuses_everything_else() {
    let check = |sql: &str, expected: &str| {
        let reason = reason(sql, Dialect::Postgres, &shop());
        let reason = reason.unwrap_or_else(|| panic!("passed: {sql}"));
        assert!(reason.contains(expected), "{sql}\n  {reason}\n  {expected}");
    };
    let outside = "not among the tables";
    check("SELECT * FROM salaries", outside);
    check("SELECT * FROM leads", outside);
    check("SELECT * FROM private.orders", outside);
    check("SELECT * FROM pg_catalog.pg_authid", outside);
    check("SELECT * FROM pg_shadow", outside);
    check("SELECT * FROM information_schema.tables", outside);
    check("SELECT * FROM \"Orders\"", outside);
    check("TABLE salaries", outside);
    check(
        "SELECT 1 FROM orders WHERE EXISTS (SELECT 1 FROM salaries)",
        outside,
    );
    check(
        "SELECT (SELECT max(pay) FROM salaries) FROM orders",
        outside,
    );
    check("SELECT 1 UNION SELECT pay FROM salaries", outside);
    check(
        "SELECT * FROM orders, LATERAL (SELECT * FROM salaries) s",
        outside,
    );
    check(
        "WITH a AS (SELECT * FROM salaries) SELECT * FROM a",
        outside,
    );
    // Not recursive: inside its own query the name is the table.
    check(
        "WITH salaries AS (SELECT * FROM salaries) SELECT * FROM salaries",
        outside,
    );
    // The later expression is not in scope yet.
    check(
        "WITH a AS (SELECT * FROM salaries), salaries AS (SELECT 1) SELECT * FROM a",
        outside,
    );
    // The inner scope has ended.
    check(
        "SELECT * FROM (WITH salaries AS (SELECT 1) SELECT * FROM salaries) x, salaries",
        outside,
    );
    check(
        "SELECT * FROM public.r, (WITH r AS (SELECT 1) SELECT * FROM r) x",
        outside,
    );
    check("SELECT * FROM elsewhere.public.orders", "another database");
    check(
        "SELECT current_setting('data_directory')",
        "tells of the server",
    );
    check(
        "SELECT pg_get_viewdef('salaries'::regclass)",
        "tells of the server",
    );
    check(
        "SELECT has_table_privilege('salaries', 'SELECT')",
        "tells of the server",
    );
    check("SHOW data_directory", "SHOW");
    check(
        "SELECT company_margin(total) FROM orders",
        "not a known plain function",
    );
    check(
        "SELECT * FROM read_salaries()",
        "not a known plain function",
    );
    check(
        "SELECT x.read_salary FROM unnest(ARRAY['mara']) x",
        "may call another one",
    );
    check(
        "SELECT unnest.read_salary FROM unnest(ARRAY['mara'])",
        "may call another one",
    );
    check("SELECT ('mara'::text).read_salary", "may call a function");
    check("SELECT * FROM ts_stat('SELECT v FROM salaries')", outside);
    check(
        "SELECT * FROM crosstab('SELECT a, b, c FROM salaries') AS c(a int)",
        outside,
    );
}

#[test]
fn list_of_tables_holds_on_sqlite() {
    let policy = Policy::only(&["Orders".into(), "main.customers".into()]);
    for sql in [
        "SELECT * FROM ORDERS",
        "SELECT * FROM [main].[Customers]",
        "WITH o AS (SELECT 1) SELECT * FROM O",
    ] {
        assert_eq!(reason(sql, Dialect::Sqlite, &policy), None, "{sql}");
    }
    for sql in [
        "SELECT * FROM salaries",
        "SELECT * FROM sqlite_master",
        "SELECT * FROM sqlite_schema",
        "SELECT * FROM temp.orders",
        "SELECT * FROM orders WHERE id IN salaries",
        "SELECT * FROM orders JOIN (SELECT * FROM salaries) USING (id)",
        "SELECT * FROM (orders CROSS JOIN salaries)",
        "SELECT (SELECT max(pay) FROM \"salaries\")",
        "SELECT * FROM orders UNION ALL SELECT * FROM `salaries`",
    ] {
        let reason =
            reason(sql, Dialect::Sqlite, &policy).unwrap_or_else(|| panic!("passed: {sql}"));
        assert!(reason.contains("not among the tables"), "{sql}\n  {reason}");
    }
}

#[test]
fn tables_that_are_read_are_named() {
    let sql = "WITH o AS (SELECT * FROM orders) SELECT * FROM o JOIN crm.leads l ON l.id = o.id";
    let tables = ["crm.leads", "orders"].map(String::from).into();
    assert_eq!(
        check(sql, Dialect::Postgres, &Policy::any_table()),
        Verdict::Allow { tables }
    );
}

#[test]
fn hostile_texts_are_refused_and_harm_nobody() {
    let nested = |open: &str, close: &str, n: usize| {
        format!("SELECT {}1{}", open.repeat(n), close.repeat(n))
    };
    let texts = [
        String::new(),
        ";".into(),
        "-- nothing".into(),
        "SELECT 'a\0b'".into(),
        format!("SELECT '{}'", "x".repeat(1_000_000)),
        nested("(", ")", 10_000),
        nested("(SELECT ", ")", 5_000),
        nested("abs(", ")", 10_000),
        nested("-", "", 30_000).replace("--", "- -"),
        nested("NOT ", "", 10_000),
        nested("CASE WHEN 1=1 THEN ", " END", 1_000),
        format!("SELECT {}", "/*".repeat(20_000)),
        format!("SELECT 1{}", "+1".repeat(20_000)),
        format!(
            "SELECT 1{}",
            " UNION SELECT abs(readfile('x'))".repeat(1_000)
        ),
        "\u{feff}SELECT 1 \u{202e} FROM".into(),
        "SELECT \"".into(),
        "SELECT [".into(),
        "SELECT 1 FROM \"a\"\"".into(),
        "DROP FUNCTION f".into(),
        "🦀".repeat(1_000),
    ];
    for text in texts {
        for dialect in [Dialect::Postgres, Dialect::Sqlite, Dialect::MySql] {
            let start: String = text.chars().take(40).collect();
            let reason = reason(&text, dialect, &Policy::any_table());
            assert!(
                reason.is_some_and(|reason| !reason.is_empty()),
                "{dialect:?} {start}"
            );
        }
    }
}

proptest::proptest! {
    /// Whatever passes reads on: a statement put behind it never passes with it.
    #[test]
    fn any_text_is_judged_and_nothing_rides_behind(text in "[ -~]{0,60}") {
        for dialect in [Dialect::Postgres, Dialect::Sqlite, Dialect::MySql] {
            let policy = Policy::any_table();
            if let Verdict::Allow { .. } = check(&text, dialect, &policy) {
                let both = format!("{text}\n; DELETE FROM orders");
                let is_refused = matches!(check(&both, dialect, &policy), Verdict::Refuse { .. });
                proptest::prop_assert!(is_refused);
            }
        }
    }
}
