//! Named queries, from configuration to sentence.

use super::sqlite::SpyFile;
use chrono::{DateTime, Utc};
use lorekeeper::{
    config::Config,
    domain::{Access, GapClass, ParameterKind, PersonId, ToolCall, ToolResult},
    ports::{Caller, Clock, ToolError, Tools, with_causes},
    tools::Toolbox,
};
use serde_json::{Value, json};
use std::sync::Arc;

struct Noon;

impl Clock for Noon {
    fn now(&self) -> DateTime<Utc> {
        "2026-11-21T12:00:00Z".parse().expect("is a time")
    }
}

const SALES: &str = "
CREATE TABLE sales (id INTEGER, region TEXT, revenue REAL, sold_at TEXT);
INSERT INTO sales VALUES
  (1, 'DACH', 12500.5, '2026-11-21 09:00:00'),
  (2, 'UKI', 30000, '2026-11-20 18:00:00'),
  (3, 'UKI', 400, '2026-11-20 10:00:00');
CREATE TABLE salaries (name TEXT, pay INTEGER);";

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

fn config(spy: &SpyFile, more: &str) -> Config {
    let database = format!(
        "[[database]]\nname = \"shop\"\nurl = \"{}\"\ntables = [\"sales\"]\n",
        spy.url()
    );
    toml::from_str(&format!("{database}{more}")).expect("is a configuration")
}

/// The sentence over the rows of a free SELECT on `spy`, or why there are none.
pub async fn free_query(url: &str, sql: &str) -> String {
    let config: Config = toml::from_str(&format!(
        "[[database]]\nname = \"spy\"\nurl = \"{url}\"\ntables = [\"spy\"]\n"
    ))
    .expect("is a configuration");
    let toolbox = Toolbox::open(&config, Arc::new(Noon)).await;
    let toolbox = toolbox.unwrap_or_else(|faults| panic!("{faults}"));
    match toolbox.query("spy", sql, &Access::everyone()).await {
        Ok(result) => result.lead,
        Err(error) => with_causes(&error),
    }
}

async fn faults(more: &str) -> Vec<String> {
    let spy = SpyFile::new(SALES).await;
    match Toolbox::open(&config(&spy, more), Arc::new(Noon)).await {
        Ok(_) => Vec::new(),
        Err(faults) => faults.0.into_iter().map(|fault| fault.0).collect(),
    }
}

async fn call(toolbox: &Toolbox, args: Value, access: Access) -> Result<ToolResult, ToolError> {
    let call = ToolCall {
        name: "large_sales".into(),
        args: args.as_object().cloned().unwrap_or_default(),
    };
    let caller = Caller {
        person: PersonId::new("local:mara"),
        access,
    };
    toolbox.call(&call, &caller).await
}

#[tokio::test]
async fn query_is_answered_with_a_sentence_of_its_rows() {
    let spy = SpyFile::new(SALES).await;
    let toolbox = Toolbox::open(&config(&spy, QUERY), Arc::new(Noon)).await;
    let toolbox = toolbox.unwrap_or_else(|faults| panic!("{faults}"));
    let check = async |args: Value, lead: &str, rows: usize| {
        let result = call(&toolbox, args.clone(), Access::everyone()).await;
        let result = result.unwrap_or_else(|error| panic!("{args}: {error:?}"));
        assert_eq!(
            (result.lead.as_str(), result.rows.rows.len()),
            (lead, rows),
            "{args}"
        );
    };
    check(
        json!({}),
        "2 sales of at least 10,000 EUR in the last 24 hours, the largest 30,000 EUR.",
        2,
    )
    .await;
    check(
        json!({"period": "today", "minimum": 100}),
        "1 sales of at least 100 EUR today, the largest 12,500.5 EUR.",
        1,
    )
    .await;
    check(
        json!({"period": "yesterday", "minimum": "20k", "region": "uki"}),
        "1 sales of at least 20,000 EUR yesterday, the largest 30,000 EUR (region UKI).",
        1,
    )
    .await;
    check(
        json!({"period": "last week"}),
        "No sale of at least 10,000 EUR last week.",
        0,
    )
    .await;
}

#[tokio::test]
async fn statement_is_shown_with_the_values_that_it_ran_with() {
    let spy = SpyFile::new(SALES).await;
    let toolbox = Toolbox::open(&config(&spy, QUERY), Arc::new(Noon))
        .await
        .expect("no faults");
    let result = call(&toolbox, json!({"period": "today"}), Access::everyone())
        .await
        .expect("runs");
    let statement = result.statement;
    assert!(statement.starts_with("SELECT id, region"), "{statement}");
    for line in [
        "-- :minimum = 10000",
        "-- :since = '2026-11-21 00:00:00'",
        "-- :region = NULL",
    ] {
        assert!(statement.contains(line), "{statement}");
    }
    assert_eq!((result.source.as_str(), result.as_of), ("shop", Noon.now()));
}

#[tokio::test]
async fn catalogue_knows_the_values_of_the_data() {
    let spy = SpyFile::new(SALES).await;
    let toolbox = Toolbox::open(&config(&spy, QUERY), Arc::new(Noon))
        .await
        .expect("no faults");
    let tool = toolbox.catalogue().tool("large_sales").expect("is there");
    let regions = ParameterKind::Choice {
        values: vec!["DACH".into(), "UKI".into()],
    };
    assert_eq!(tool.parameters[2].kind, regions);
}

#[tokio::test]
async fn wrong_arguments_are_named() {
    let spy = SpyFile::new(SALES).await;
    let toolbox = Toolbox::open(&config(&spy, QUERY), Arc::new(Noon))
        .await
        .expect("no faults");
    for (args, argument) in [
        (json!({"period": "soon"}), "period"),
        (json!({"minimum": "much"}), "minimum"),
        (json!({"region": "Mars"}), "region"),
        (json!({"colour": "red"}), "colour"),
    ] {
        let error = call(&toolbox, args, Access::everyone())
            .await
            .expect_err("is wrong");
        assert!(
            error.to_string().contains(&format!("`{argument}`")),
            "{error}"
        );
        assert_eq!(error.class(), GapClass::BadQuestion);
    }
}

#[tokio::test]
async fn forbidden_tool_looks_like_one_that_does_not_exist() {
    let spy = SpyFile::new(SALES).await;
    let mut config = config(&spy, QUERY);
    config.databases[0].audience = vec!["finance".into()];
    let toolbox = Toolbox::open(&config, Arc::new(Noon))
        .await
        .expect("no faults");
    let finance = Access::member_of(["finance"]);
    assert!(!toolbox.allowed("large_sales", &Access::everyone()));
    assert!(!toolbox.allowed("nothing", &finance));
    assert!(toolbox.allowed("large_sales", &finance));
    let error = call(&toolbox, json!({}), Access::everyone())
        .await
        .expect_err("is forbidden");
    assert!(matches!(error, ToolError::Unknown { .. }), "{error}");
    let error = toolbox.query("shop", "SELECT 1", &Access::everyone()).await;
    assert!(matches!(error, Err(ToolError::Unknown { .. })));
    assert!(call(&toolbox, json!({}), finance).await.is_ok());
}

#[tokio::test]
async fn free_statement_reads_the_listed_tables_only() {
    let spy = SpyFile::new(SALES).await;
    let toolbox = Toolbox::open(&config(&spy, ""), Arc::new(Noon))
        .await
        .expect("no faults");
    let run = async |sql: &str| toolbox.query("shop", sql, &Access::everyone()).await;
    let result = run("SELECT count(*) AS n FROM sales")
        .await
        .expect("is listed");
    assert_eq!(
        (result.rows.rows, result.lead.as_str()),
        (vec![vec![json!(3)]], "1 row.")
    );
    for sql in [
        "SELECT * FROM salaries",
        "SELECT * FROM sqlite_master",
        "DELETE FROM sales",
    ] {
        let error = run(sql).await.expect_err(sql);
        assert!(matches!(error, ToolError::Refused { .. }), "{sql}: {error}");
    }
}

#[tokio::test]
async fn every_fault_of_every_query_is_reported_at_once() {
    let query = |name: &str, sql: &str, lead: &str, parameters: &str| {
        format!(
            "[[query]]\nname = \"{name}\"\ndatabase = \"shop\"\ndescription = \"\"\nsql = \"{sql}\"\nlead = \"{lead}\"\nempty = \"none\"\n{parameters}\n"
        )
    };
    let parameter = |name: &str, kind: &str| {
        format!("[[query.parameters]]\nname = \"{name}\"\ntype = \"{kind}\"\n")
    };
    let text = [
        query("writes", "DELETE FROM sales", "", ""),
        query("undeclared", "SELECT id FROM sales WHERE id = :id", "", ""),
        query(
            "unused",
            "SELECT id FROM sales",
            "",
            &parameter("region", "text"),
        ),
        query("slot", "SELECT id FROM sales", "{revenue} EUR", ""),
        query("column", "SELECT colour FROM sales", "", ""),
        query(
            "kind",
            "SELECT id FROM sales",
            "",
            &parameter("region", "colour"),
        ),
        query(
            "pattern",
            "SELECT id FROM sales WHERE region = :region",
            "",
            &format!("{}pattern = \"(\"", parameter("region", "id")),
        ),
        query(
            "default",
            "SELECT id FROM sales WHERE sold_at > :since",
            "",
            &format!("{}default = \"soon\"", parameter("period", "window")),
        ),
        query(
            "choice",
            "SELECT id FROM sales WHERE region = :region",
            "",
            &parameter("region", "choice"),
        ),
        query(
            "values",
            "SELECT id FROM sales WHERE region = :region",
            "",
            &format!(
                "{}values_sql = \"DROP TABLE sales\"",
                parameter("region", "choice")
            ),
        ),
        query("brace", "SELECT id FROM sales", "{rows", ""),
        query("numbered", "SELECT id FROM sales WHERE id = ?1", "", ""),
    ]
    .concat();
    let faults = faults(&text).await;
    for expected in [
        "query `writes`: its statement is DELETE",
        "query `undeclared`: its statement uses `:id`, which is no parameter",
        "query `unused`: parameter `region` is not used in its statement",
        "query `slot`: `lead` has `{revenue}`, which is neither an argument nor a column",
        "query `column`: its statement: `shop` failed",
        "query `kind`: parameter `region` has the type `colour`",
        "query `pattern`: parameter `region`: `(` is no regular expression",
        "query `default`: the default of parameter `period` `soon` is no span of time",
        "query `choice`: parameter `region` is a choice without `values`",
        "query `values`: `values_sql` of parameter `region` is DROP TABLE",
        "query `brace`: `lead` has a `{` without a `}`",
        "query `numbered`: its statement uses the placeholder `?1`",
    ] {
        assert!(
            faults.iter().any(|fault| fault.starts_with(expected)),
            "{expected}\n{faults:#?}"
        );
    }
}

#[tokio::test]
async fn database_that_is_down_does_not_keep_the_bot_from_starting() {
    let text = format!("[[database]]\nname = \"shop\"\nurl = \"sqlite:/nowhere/shop.db\"\n{QUERY}");
    let config: Config = toml::from_str(&text).expect("is a configuration");
    let toolbox = Toolbox::open(&config, Arc::new(Noon)).await;
    let toolbox = toolbox.unwrap_or_else(|faults| panic!("{faults}"));
    let error = call(&toolbox, json!({}), Access::everyone())
        .await
        .expect_err("is down");
    assert_eq!(error.class(), GapClass::SourceDown);
    let health = toolbox.databases().await;
    assert!(
        !health[0].answers && health[0].state.contains("can't be reached"),
        "{health:?}"
    );
}
