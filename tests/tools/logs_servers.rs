//! Logs behind servers: fakes of ours that speak Loki's and Elasticsearch's
//! published interfaces, and refuse what those refuse.

use super::logs::{Noon, World, call, free};
use crate::fakes::logs::{
    Trouble,
    elastic::{FakeElastic, error},
    loki::FakeLoki,
};
use lorekeeper::{
    domain::ParameterKind,
    ports::{ToolError, Tools, with_causes},
    tools::{Toolbox, catalogue::look},
};
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

async fn loki() -> FakeLoki {
    let loki = FakeLoki::start().await;
    for (minute, level, text) in [
        (0, "error", "bank nordbank timed out after 501 ms"),
        (30, "error", "bank nordbank timed out after 7 ms"),
        (40, "info", "approved \u{1b}[31m"),
    ] {
        let time = format!("2026-11-21T09:{minute:02}:00Z");
        loki.line(&time, &format!("service_name=payments,level={level}"), text);
    }
    loki.line(
        "2026-11-21T08:00:00Z",
        "service_name=fleet,level=warn",
        "paper low",
    );
    loki.line(
        "2026-11-21T12:00:00Z",
        "service_name=fleet,level=warn",
        "too new",
    );
    loki.line(
        "2026-11-20T12:00:00Z",
        "service_name=fleet,level=warn",
        "the first of the window",
    );
    loki
}

fn loki_section(loki: &FakeLoki, more: &str) -> String {
    let url = loki.url();
    format!(
        "[limits]\ntool_timeout_ms = 600\n[[log]]\nname = \"app\"\nkind = \"loki\"\nurl = \"{url}\"\ndescription = \"Logs\"\n{more}"
    )
}

async fn over_loki(loki: &FakeLoki, more: &str) -> Toolbox {
    World::new().open(&loki_section(loki, more)).await
}

async fn elastic() -> FakeElastic {
    let elastic = FakeElastic::start().await;
    elastic
        .line(
            "2026-11-21T09:00:00Z",
            "payments",
            "ERROR",
            "bank nordbank timed out after 501 ms",
        )
        .line(
            "2026-11-21T09:30:00Z",
            "payments",
            "error",
            "bank nordbank timed out after 7 ms",
        )
        .line("2026-11-21T09:40:00Z", "payments", "info", "approved")
        .line("2026-11-21T08:00:00Z", "fleet", "warn", "paper low")
        .line("2026-11-21T12:00:00Z", "fleet", "warn", "too new")
        .line(
            "2026-11-20T12:00:00Z",
            "fleet",
            "warn",
            "the first of the window",
        );
    elastic
}

fn elastic_section(elastic: &FakeElastic, more: &str) -> String {
    let url = elastic.url();
    format!(
        "[limits]\ntool_timeout_ms = 600\n[[log]]\nname = \"app\"\nkind = \"elasticsearch\"\nurl = \"{url}\"\nindex = \"logs-*\"\ndescription = \"Logs\"\n{more}"
    )
}

async fn over_elastic(elastic: &FakeElastic, more: &str) -> Toolbox {
    World::new().open(&elastic_section(elastic, more)).await
}

#[tokio::test]
async fn catalogue_has_the_fields_and_services_of_both_servers() {
    let found = async |section: String| {
        let config = World::new().config(&section).expect("is a configuration");
        let found = look(&config, &[], Arc::new(Noon)).await;
        found.unwrap_or_else(|error| panic!("{error}")).logs["app"].clone()
    };
    let of_loki = found(loki_section(&loki().await, "")).await;
    assert_eq!(of_loki.fields, ["level", "service_name"]);
    assert_eq!((of_loki.kind.as_str(), of_loki.services.len()), ("loki", 2));
    let of_elastic = found(elastic_section(&elastic().await, "")).await;
    assert_eq!(
        of_elastic.fields,
        ["@timestamp", "log.level", "message", "service.name"]
    );
    assert_eq!(of_elastic.services, ["fleet", "payments"]);
}

#[tokio::test]
async fn log_server_that_is_down_loses_nothing_of_the_catalogue() {
    let section = loki_section(&loki().await, "services = [\"payments\"]");
    let config = World::new().config(&section).expect("is a configuration");
    let error = look(&config, &[], Arc::new(Noon))
        .await
        .expect_err("the fake is gone");
    assert!(
        error
            .to_string()
            .contains("the fields of log `app` can't be read"),
        "{error}"
    );
}

/// Both servers hold the same lines, so the tools say the same of them.
async fn check_tools(toolbox: &Toolbox) {
    let check = async |tool: &str, args: Value, lead: &str, rows: Value| {
        let result = call(toolbox, tool, args.clone()).await;
        let result = result.unwrap_or_else(|error| panic!("{args}: {}", with_causes(&error)));
        assert_eq!(
            (result.lead.as_str(), json!(result.rows.rows)),
            (lead, rows),
            "{args}"
        );
    };
    let services = ParameterKind::Choice {
        values: vec!["fleet".into(), "payments".into()],
    };
    let mut found = toolbox.catalogue().tools[0].parameters[0].kind.clone();
    if let ParameterKind::Choice { values } = &mut found {
        values.sort();
    }
    assert_eq!(found, services);
    check(
        "app_counts",
        json!({}),
        "The services logged 5 lines in the last 24 hours, among them 2 errors and 2 warnings.",
        json!([
            ["fleet", "warning", 2],
            ["payments", "error", 2],
            ["payments", "info", 1]
        ]),
    )
    .await;
    check(
        "app_counts",
        json!({"service": "payments", "level": "error"}),
        "payments logged 2 errors in the last 24 hours.",
        json!([["2026-11-21T09:00:00Z", "payments", "error", 2]]),
    )
    .await;
    check(
        "app_counts",
        json!({"level": "warning"}),
        "The services logged 2 warnings in the last 24 hours; the most, 1, from 21 November, 08:00 UTC on.",
        json!([["2026-11-20T12:00:00Z", "fleet", "warning", 1], ["2026-11-21T08:00:00Z", "fleet", "warning", 1]]),
    )
    .await;
    check(
        "app_patterns",
        json!({"pattern": "nordbank OUT"}),
        "The services logged 2 lines with “nordbank OUT” in the last 24 hours; the most frequent, 2 of them: \
         “bank nordbank timed out after <*> ms”.",
        json!([[2, "error", "payments", "bank nordbank timed out after <*> ms", "bank nordbank timed out after 7 ms", "2026-11-21T09:30:00Z"]]),
    )
    .await;
    check(
        "app_lines",
        json!({"service": "fleet"}),
        "fleet logged 2 lines in the last 24 hours, the newest first.",
        json!([
            ["2026-11-21T08:00:00.000Z", "fleet", "warn", "paper low"],
            [
                "2026-11-20T12:00:00.000Z",
                "fleet",
                "warn",
                "the first of the window"
            ],
        ]),
    )
    .await;
    check(
        "app_lines",
        json!({"pattern": "nowhere"}),
        "No data: the services logged no lines with “nowhere” in the last 24 hours.",
        json!([]),
    )
    .await;
}

#[tokio::test]
async fn loki_answers_in_sentences() {
    let loki = loki().await;
    check_tools(&over_loki(&loki, "").await).await;
}

#[tokio::test]
async fn elasticsearch_answers_in_sentences() {
    let elastic = elastic().await;
    check_tools(&over_elastic(&elastic, "").await).await;
}

#[tokio::test]
async fn loki_is_asked_as_its_interface_wants_it() {
    let loki = loki().await;
    let toolbox = over_loki(&loki, "").await;
    let started = loki.asked();
    assert_eq!(started[0].path, "/loki/api/v1/label/service_name/values");
    let args = json!({"service": "payments", "level": "error", "pattern": "time \"}"});
    call(&toolbox, "app_counts", args.clone())
        .await
        .expect("is counted");
    call(&toolbox, "app_lines", args).await.expect("is read");
    let asked = &loki.asked()[1..];
    assert_eq!(asked[0].path, "/loki/api/v1/query");
    assert_eq!(
        asked[0].parameter("query"),
        Some(
            r#"sum by (service_name, level) (count_over_time({service_name="payments"} |~ "(?i)time" |~ `(?i)"\}` | level=~"(?i)(error|err|severe)" [24h]))"#
        )
    );
    // One nanosecond before the end: LogQL's ranges take in their end.
    assert_eq!(asked[0].parameter("time"), Some("1795262399999999999"));
    assert_eq!(asked[1].path, "/loki/api/v1/query_range");
    assert_eq!(
        asked[1].parameter("query"),
        Some(
            r#"{service_name="payments"} |~ "(?i)time" |~ `(?i)"\}` | level=~"(?i)(error|err|severe)""#
        )
    );
    assert_eq!(asked[1].parameter("start"), Some("1795176000000000000"));
    assert_eq!(asked[1].parameter("end"), Some("1795262400000000000"));
    assert_eq!(asked[1].parameter("limit"), Some("21"));
    assert_eq!(asked[1].parameter("direction"), Some("backward"));
}

#[tokio::test]
async fn elasticsearch_is_asked_in_parts_that_nothing_can_leave() {
    let elastic = elastic().await;
    let toolbox = over_elastic(&elastic, "").await;
    let hostile = r#"x"}} , "script": {"source":"1"} * OR _exists_:a"#;
    let args = json!({"service": "payments", "level": "error", "pattern": hostile});
    call(&toolbox, "app_lines", args).await.expect("is read");
    let asked = elastic.asked();
    let last = asked.last().expect("was asked");
    assert_eq!(last.path, "/logs-*/_search");
    assert_eq!(
        last.parameter("allow_partial_search_results"),
        Some("false")
    );
    let words = hostile.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        last.body["query"],
        json!({"bool": {"filter": [
            {"range": {"@timestamp": {
                "gte": "2026-11-20T12:00:00.000000000Z", "lt": "2026-11-21T12:00:00.000000000Z",
                "format": "strict_date_optional_time_nanos",
            }}},
            {"term": {"service.name": "payments"}},
            {"terms": {"log.level": ["ERROR", "Error", "error", "ERR", "Err", "err", "SEVERE", "Severe", "severe"]}},
            {"match": {"message": {"query": words, "operator": "and"}}},
        ]}})
    );
}

#[tokio::test]
async fn free_expressions_are_checked_before_they_are_sent() {
    let loki = loki().await;
    let toolbox = over_loki(&loki, "").await;
    let result = free(
        &toolbox,
        r#"sum by (level) (count_over_time({service_name="payments"}[24h]))"#,
    )
    .await;
    let result = result.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(json!(result.rows.rows), json!([["error", 2], ["info", 1]]));
    let result = free(&toolbox, r#"{service_name="payments"} |= "approved""#).await;
    let result = result.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        json!(result.rows.rows),
        json!([[
            "2026-11-21T09:40:00.000Z",
            "payments",
            "info",
            "approved  [31m"
        ]])
    );
    let before = loki.asked().len();
    for wrong in [
        "{}",
        "rate({a=\"b\"})",
        "{a=\"b\"} | json | jsno",
        "count_over_time({a=\"b\"}[9999h])",
    ] {
        let refused = free(&toolbox, wrong).await;
        assert!(
            matches!(refused, Err(ToolError::Refused { .. })),
            "{wrong}: {refused:?}"
        );
    }
    assert_eq!(loki.asked().len(), before);

    let elastic = elastic().await;
    let toolbox = over_elastic(&elastic, "").await;
    let result = free(&toolbox, "log.level:error AND nordbank").await;
    let result = result.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(result.rows.rows.len(), 2, "{:?}", result.rows);
    let refused = free(&toolbox, "*bank").await;
    assert!(
        matches!(refused, Err(ToolError::Refused { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn level_is_read_from_the_line_where_it_stands_there() {
    let loki = FakeLoki::start().await;
    loki.line(
        "2026-11-21T09:00:00Z",
        "service_name=payments",
        r#"{"lvl":"error","msg":"no paper"}"#,
    );
    loki.line(
        "2026-11-21T09:01:00Z",
        "service_name=payments",
        "not JSON at all",
    );
    let more = "parser = \"json\"\nfields = { level = \"lvl\" }\n";
    let toolbox = over_loki(&loki, more).await;
    let result = call(&toolbox, "app_counts", json!({}))
        .await
        .expect("is counted");
    assert_eq!(
        json!(result.rows.rows),
        json!([["payments", "(none)", 1], ["payments", "error", 1]])
    );
    let result = call(&toolbox, "app_lines", json!({"level": "error"}))
        .await
        .expect("is read");
    assert_eq!(
        json!(result.rows.rows),
        json!([["2026-11-21T09:00:00.000Z", "payments", "error", "no paper"]])
    );
}

#[derive(Debug, PartialEq)]
enum Class {
    Refused,
    Timeout,
    Down,
    NotAllowed,
    Failed,
}

fn class(error: &ToolError) -> Class {
    match error {
        ToolError::Refused { .. } => Class::Refused,
        ToolError::Timeout { .. } => Class::Timeout,
        ToolError::Down { .. } => Class::Down,
        ToolError::NotAllowed { .. } => Class::NotAllowed,
        ToolError::Failed { .. } => Class::Failed,
        other => panic!("{other:?}"),
    }
}

/// The server's words repeat the question and the token; ours must not.
fn check_error(
    found: Result<lorekeeper::domain::ToolResult, ToolError>,
    expected: Class,
    why: &str,
) {
    let error = found.err().unwrap_or_else(|| panic!("{why}"));
    assert_eq!(class(&error), expected, "{why}: {error:?}");
    let text = with_causes(&error);
    for secret in ["hunter2", "nordbank", "127.0.0.1", "http://"] {
        assert!(!text.contains(secret), "{why}: {text}");
    }
}

#[tokio::test]
async fn lokis_refusals_are_told_apart() {
    let loki = loki().await;
    let toolbox = over_loki(&loki, "").await;
    let text = |text: &str| Value::String(format!("{text} nordbank hunter2"));
    for (trouble, expected) in [
        (
            Trouble::Refuse(400, text("parse error at line 1, col 5:")),
            Class::Failed,
        ),
        (
            Trouble::Refuse(
                400,
                text("maximum of series (500) reached for a single query"),
            ),
            Class::Refused,
        ),
        (
            Trouble::Refuse(
                400,
                text("the query time range exceeds the limit (query length: 9h)"),
            ),
            Class::Refused,
        ),
        (
            Trouble::Refuse(
                400,
                text("the query would read too many bytes (query: 1TB, limit: 1GB)"),
            ),
            Class::Refused,
        ),
        (Trouble::Refuse(401, text("")), Class::NotAllowed),
        (Trouble::Refuse(403, text("")), Class::NotAllowed),
        (Trouble::Refuse(404, text("page not found")), Class::Failed),
        (
            Trouble::Refuse(429, text("too many outstanding requests")),
            Class::Down,
        ),
        (
            Trouble::Refuse(500, text("context deadline exceeded")),
            Class::Timeout,
        ),
        (Trouble::Refuse(500, text("panic")), Class::Failed),
        (Trouble::Refuse(502, text("")), Class::Down),
        (Trouble::Refuse(503, text("")), Class::Down),
        (Trouble::Refuse(504, text("")), Class::Timeout),
        (
            Trouble::Redirect("http://127.0.0.1:1/nordbank".into()),
            Class::Failed,
        ),
        (Trouble::Say("<html>hunter2</html>".into()), Class::Failed),
        (
            Trouble::Say(
                r#"{"status":"success","data":{"resultType":"vector","result":[{}]}}"#.into(),
            ),
            Class::Failed,
        ),
        (Trouble::Say(r#"{"status":"error"}"#.into()), Class::Failed),
        (Trouble::Hang, Class::Timeout),
        (Trouble::Drip, Class::Timeout),
    ] {
        let why = format!("{trouble:?}");
        loki.then(trouble);
        let begun = Instant::now();
        let found = call(&toolbox, "app_counts", json!({"pattern": "nordbank"})).await;
        check_error(found, expected, &why);
        assert!(begun.elapsed() < Duration::from_secs(5), "{why}");
    }
}

#[tokio::test]
async fn elasticsearchs_refusals_are_told_apart() {
    let elastic = elastic().await;
    let toolbox = over_elastic(&elastic, "").await;
    let refuse =
        |status, kind: &str| Trouble::Refuse(status, error(status, kind, "nordbank hunter2"));
    let reply = |text: &str| Trouble::Say(text.into());
    for (trouble, expected) in [
        (refuse(400, "parsing_exception"), Class::Failed),
        (refuse(400, "too_many_buckets_exception"), Class::Refused),
        (refuse(401, "security_exception"), Class::NotAllowed),
        (refuse(403, "security_exception"), Class::NotAllowed),
        (refuse(404, "index_not_found_exception"), Class::Failed),
        (refuse(429, "es_rejected_execution_exception"), Class::Down),
        (refuse(429, "circuit_breaking_exception"), Class::Refused),
        (refuse(500, "null_pointer_exception"), Class::Failed),
        (refuse(503, "cluster_block_exception"), Class::Down),
        (reply(r#"{"timed_out":true,"hits":{}}"#), Class::Timeout),
        (
            reply(r#"{"timed_out":false,"_shards":{"failed":1},"hits":{}}"#),
            Class::Failed,
        ),
        (reply("{}"), Class::Failed),
        (reply("[1"), Class::Failed),
        (Trouble::Hang, Class::Timeout),
        (Trouble::Drip, Class::Timeout),
    ] {
        let why = format!("{trouble:?}");
        elastic.then(trouble);
        let found = call(&toolbox, "app_counts", json!({"pattern": "nordbank"})).await;
        check_error(found, expected, &why);
    }
    let text = over_elastic(&elastic, "fields = { service = \"message\" }\n").await;
    check_error(
        call(&text, "app_counts", json!({})).await,
        Class::Failed,
        "full text",
    );
}

#[tokio::test]
async fn endless_reply_is_not_kept() {
    let loki = loki().await;
    let section = loki_section(&loki, "").replace("= 600", "= 30000");
    let toolbox = World::new().open(&section).await;
    loki.then(Trouble::Flood);
    check_error(
        call(&toolbox, "app_counts", json!({})).await,
        Class::Failed,
        "flood",
    );
}

#[tokio::test]
async fn server_that_is_not_there_is_down_and_no_fault_at_start() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let section = format!(
        "[[log]]\nname = \"app\"\nkind = \"loki\"\nurl = \"http://{address}\"\ndescription = \"Logs\"\n"
    );
    let toolbox = World::new().open(&section).await;
    check_error(
        call(&toolbox, "app_counts", json!({})).await,
        Class::Down,
        "gone",
    );
    // Its services are not known, so any is asked for.
    check_error(
        call(&toolbox, "app_counts", json!({"service": "x"})).await,
        Class::Down,
        "gone",
    );
    let health = toolbox.log_health().await;
    assert!(!health[0].answers, "{health:?}");
    assert!(!health[0].state.contains("127.0.0.1"), "{health:?}");
}

#[tokio::test]
async fn credentials_are_sent_as_configured() {
    let loki = loki().await;
    loki.want_bearer("hunter2");
    loki.want_tenant();
    let bearer = |token: &str| format!("auth = {{ kind = \"bearer\", secret = \"{token}\" }}\n");
    let tenant = "tenant = \"shop\"\n";
    let good = over_loki(&loki, &(bearer("hunter2") + tenant)).await;
    call(&good, "app_counts", json!({}))
        .await
        .expect("is let in");
    let tenants = loki.asked().into_iter().map(|asked| asked.tenant);
    assert!(
        tenants
            .into_iter()
            .all(|tenant| tenant.as_deref() == Some("shop"))
    );
    let wrong = over_loki(&loki, &(bearer("hunter3") + tenant)).await;
    let found = call(&wrong, "app_counts", json!({})).await;
    check_error(found, Class::NotAllowed, "wrong token");
    loki.want_tenant();
    let lost = over_loki(&loki, &bearer("hunter2")).await;
    let error = call(&lost, "app_counts", json!({}))
        .await
        .expect_err("must fail");
    assert!(
        with_causes(&error).contains("it wants a tenant"),
        "{error:?}"
    );

    let elastic = elastic().await;
    elastic.want_basic("Basic bG9yZTpodW50ZXIy");
    let basic = "auth = { kind = \"basic\", user = \"lore\", secret = \"hunter2\" }\n";
    let good = over_elastic(&elastic, basic).await;
    call(&good, "app_counts", json!({}))
        .await
        .expect("is let in");
    let none = over_elastic(&elastic, "").await;
    let found = call(&none, "app_counts", json!({})).await;
    check_error(found, Class::NotAllowed, "no password");
    let key = "auth = { kind = \"header\", name = \"Authorization\", secret = \"Basic bG9yZTpodW50ZXIy\" }\n";
    let good = over_elastic(&elastic, key).await;
    call(&good, "app_counts", json!({}))
        .await
        .expect("is let in");
}

#[tokio::test]
async fn patterns_of_many_lines_are_those_of_the_newest() {
    let loki = FakeLoki::start().await;
    for n in 0..5_200 {
        let time = format!("2026-11-21T{:02}:{:02}:00Z", 1 + n / 600, n % 60);
        loki.line(
            &time,
            "service_name=payments,level=error",
            &format!("order {n} lost"),
        );
    }
    let section = loki_section(&loki, "").replace("= 600", "= 60000");
    let toolbox = World::new().open(&section).await;
    let result = call(&toolbox, "app_patterns", json!({})).await;
    assert_eq!(
        result.unwrap_or_else(|error| panic!("{error:?}")).lead,
        "Of the newest 5,000 lines that the services logged in the last 24 hours, the most frequent, 5,000 of them: “order <*> lost”."
    );
}
