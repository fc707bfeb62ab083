//! Logs in files, from configuration to sentence.

use chrono::{DateTime, Utc};
use lorekeeper::{
    config::{self, Config},
    domain::{Access, GapClass, ParameterKind, PersonId, ToolCall, ToolResult},
    ports::{Caller, Clock, ToolError, Tools},
    tools::Toolbox,
};
use serde_json::{Value, json};
use std::{fs, io::Write, os::unix::fs::symlink, path::Path, sync::Arc};
use tempfile::TempDir;

pub struct Noon;

impl Clock for Noon {
    fn now(&self) -> DateTime<Utc> {
        "2026-11-21T12:00:00Z".parse().expect("is a time")
    }
}

/// A folder of logs, and the configuration beside it.
pub struct World {
    folder: TempDir,
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("logs")).expect("a folder");
        Self { folder }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self, name: &str, text: &str) -> &Self {
        fs::write(self.folder.path().join("logs").join(name), text).expect("is written");
        self
    }

    pub fn config(&self, text: &str) -> Result<Config, Vec<String>> {
        let file = self.folder.path().join("lorekeeper.toml");
        fs::write(&file, text).expect("is written");
        config::load(Some(&file)).map_err(|error| error.0.into_iter().map(|f| f.0).collect())
    }

    pub async fn open(&self, text: &str) -> Toolbox {
        let config = self
            .config(text)
            .unwrap_or_else(|faults| panic!("{faults:?}"));
        let toolbox = Toolbox::open(&config, Arc::new(Noon)).await;
        toolbox.unwrap_or_else(|faults| panic!("{faults}"))
    }
}

pub async fn call(toolbox: &Toolbox, tool: &str, args: Value) -> Result<ToolResult, ToolError> {
    let call = ToolCall {
        name: tool.into(),
        args: args.as_object().cloned().unwrap_or_default(),
    };
    let caller = Caller {
        person: PersonId::new("local:mara"),
        access: Access::everyone(),
    };
    toolbox.call(&call, &caller).await
}

pub async fn free(toolbox: &Toolbox, expression: &str) -> Result<ToolResult, ToolError> {
    let access = toolbox.operator_access();
    toolbox
        .log_lines("app", expression, "24h", None, &access)
        .await
}

const FILES: &str = r#"
[[log]]
name = "app"
kind = "files"
paths = ["logs/*"]
description = "Logs of the services"
[log.examples]
counts = ["how many errors did payments log"]
"#;

const PAYMENTS: &str = r#"{"ts":"2026-11-21T09:00:00Z","level":"error","message":"bank nordbank timed out after 501 ms","trace":"a1"}
{"ts":"2026-11-21T09:30:00Z","level":"ERROR","message":"bank nordbank timed out after 7 ms","trace":"a2"}
{"ts":"2026-11-21T09:40:00Z","level":"error","message":"no route to 10.0.0.1:80","trace":"a3"}
{"ts":"2026-11-21T10:00:00Z","level":"info","message":"approved","trace":"a4","duration_ms":12}
{"ts":"2026-11-19T10:00:00Z","level":"error","message":"long ago","trace":"a5"}
"#;

const FLEET: &str = "2026-11-21 08:00:00,500 WARN [main] till: paper low\n\
    2026-11-21 08:00:01 ERROR [main] till: no paper\n  at Till.print(Till.java:5)\nCaused by: TimeoutException\n\
    2026-11-21 08:00:02 INFO [main] till: paper \u{1b}[31mthere\n";

fn world() -> World {
    let world = World::new();
    world
        .file("payments.jsonl", PAYMENTS)
        .file("fleet.log", FLEET);
    world
}

/// The folder goes with the world, so both are kept.
async fn opened() -> (World, Toolbox) {
    let world = world();
    let toolbox = world.open(FILES).await;
    (world, toolbox)
}

#[tokio::test]
async fn lines_are_counted_by_service_and_level() {
    let (_world, toolbox) = opened().await;
    let check = async |args: Value, lead: &str, rows: Value| {
        let result = call(&toolbox, "app_counts", args.clone()).await;
        let result = result.unwrap_or_else(|error| panic!("{args}: {error:?}"));
        assert_eq!(
            (result.lead.as_str(), json!(result.rows.rows)),
            (lead, rows),
            "{args}"
        );
    };
    check(
        json!({}),
        "The services logged 7 lines in the last 24 hours, among them 4 errors and 1 warning.",
        json!([
            ["payments", "error", 3],
            ["fleet", "error", 1],
            ["fleet", "info", 1],
            ["fleet", "warning", 1],
            ["payments", "info", 1]
        ]),
    )
    .await;
    check(
        json!({"level": "error"}),
        "The services logged 4 errors in the last 24 hours; the most, 3, from payments.",
        json!([["payments", "error", 3], ["fleet", "error", 1]]),
    )
    .await;
    check(
        json!({"level": "error", "service": "Payments", "period": "today"}),
        "payments logged 3 errors today.",
        json!([["2026-11-21T09:00:00Z", "payments", "error", 3]]),
    )
    .await;
    check(
        json!({"pattern": "NORDBANK timed", "period": "7d"}),
        "The services logged 2 lines with “NORDBANK timed” in the last 7 days.",
        json!([["2026-11-21T00:00:00Z", "payments", "error", 2]]),
    )
    .await;
    // A trace is one line with the one before it.
    check(
        json!({"pattern": "TimeoutException"}),
        "The services logged 1 line with “TimeoutException” in the last 24 hours.",
        json!([["2026-11-21T08:00:00Z", "fleet", "error", 1]]),
    )
    .await;
    check(
        json!({"service": "fleet", "level": "fatal", "period": "yesterday"}),
        "No data: fleet logged no fatal lines yesterday.",
        json!([]),
    )
    .await;
}

#[tokio::test]
async fn most_frequent_messages_come_with_their_newest_line() {
    let (_world, toolbox) = opened().await;
    let result = call(&toolbox, "app_patterns", json!({"level": "error"})).await;
    let result = result.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(
        result.lead,
        "The services logged 4 errors in the last 24 hours; the most frequent, 2 of them: \
         “bank nordbank timed out after <*> ms”."
    );
    assert_eq!(
        result.rows.columns,
        ["lines", "level", "service", "pattern", "newest", "time"]
    );
    assert_eq!(
        json!(result.rows.rows[0]),
        json!([
            2,
            "error",
            "payments",
            "bank nordbank timed out after <*> ms",
            "bank nordbank timed out after 7 ms",
            "2026-11-21T09:30:00Z"
        ])
    );
    let lines: u64 = result
        .rows
        .rows
        .iter()
        .filter_map(|row| row[0].as_u64())
        .sum();
    assert_eq!(lines, 4);
}

#[tokio::test]
async fn newest_lines_are_harmless_and_few() {
    let (_world, toolbox) = opened().await;
    let result = call(&toolbox, "app_lines", json!({"service": "fleet"})).await;
    let result = result.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(
        result.lead,
        "fleet logged 3 lines in the last 24 hours, the newest first."
    );
    assert_eq!(
        json!(result.rows.rows[0]),
        json!([
            "2026-11-21T08:00:02.000Z",
            "fleet",
            "info",
            "[main] till: paper  [31mthere"
        ])
    );
    let world = World::new();
    let lines: String = (0..50)
        .map(|n| format!("2026-11-21 08:00:{n:02} INFO {}\n", "long ".repeat(1_000)))
        .collect();
    world.file("app.log", &lines);
    let result = call(&world.open(FILES).await, "app_lines", json!({})).await;
    let result = result.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(result.rows.rows.len(), 20);
    assert!(result.rows.truncated);
    assert_eq!(result.rows.rows[0][0], "2026-11-21T08:00:49.000Z");
    let longest = result.rows.rows.iter().filter_map(|row| row[3].as_str());
    assert_eq!(longest.map(|text| text.chars().count()).max(), Some(501));
}

#[tokio::test]
async fn each_source_is_three_tools_with_a_span_of_time() {
    let (_world, toolbox) = opened().await;
    let tools = &toolbox.catalogue().tools;
    let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["app_counts", "app_patterns", "app_lines"]);
    assert_eq!(tools[0].examples, ["how many errors did payments log"]);
    for tool in tools {
        let period = tool
            .parameters
            .iter()
            .find(|p| p.kind == ParameterKind::Window);
        let period = period.expect("a window");
        assert_eq!(
            (&period.default, period.optional),
            (&Some(json!("24h")), false)
        );
        let services = ParameterKind::Choice {
            values: vec!["fleet".into(), "payments".into()],
        };
        assert_eq!(tool.parameters[0].kind, services);
    }
}

#[tokio::test]
async fn longer_span_than_allowed_is_refused() {
    let (_world, toolbox) = opened().await;
    let check = async |period: &str, class: Option<GapClass>| {
        let found = call(&toolbox, "app_counts", json!({"period": period})).await;
        assert_eq!(found.err().map(|error| error.class()), class, "{period}");
    };
    check("7d", None).await;
    check("this week", None).await;
    check("last week", None).await;
    check("30d", Some(GapClass::BadQuestion)).await;
    check("2020-01-01..2020-12-31", Some(GapClass::BadQuestion)).await;
    check("for ever", Some(GapClass::BadQuestion)).await;
}

#[tokio::test]
async fn source_of_others_looks_like_none() {
    let world = world();
    let toolbox = world
        .open(&FILES.replace("description", "audience = [\"ops\"]\ndescription"))
        .await;
    let refused = call(&toolbox, "app_counts", json!({})).await;
    assert!(
        matches!(refused, Err(ToolError::Unknown { .. })),
        "{refused:?}"
    );
    let outsider = toolbox
        .log_lines(
            "app",
            r#"{service="fleet"}"#,
            "1h",
            None,
            &Access::everyone(),
        )
        .await;
    assert!(
        matches!(outsider, Err(ToolError::Unknown { .. })),
        "{outsider:?}"
    );
    assert!(free(&toolbox, r#"{service="fleet"}"#).await.is_ok());
}

#[tokio::test]
async fn logql_works_on_files() {
    let (_world, toolbox) = opened().await;
    let check = async |expression: &str, rows: Value| {
        let result = free(&toolbox, expression).await;
        let result = result.unwrap_or_else(|error| panic!("{expression}: {error}"));
        assert_eq!(json!(result.rows.rows), rows, "{expression}");
    };
    check(
        r#"sum(count_over_time({service="payments"} |= "nordbank" [24h]))"#,
        json!([[2]]),
    )
    .await;
    check(
        r#"sum by (level) (count_over_time({service=~"pay.*"} [24h]))"#,
        json!([["ERROR", 1], ["error", 2], ["info", 1]]),
    )
    .await;
    check(
        r#"topk(1, sum by (service) (count_over_time({service!=""} [24h])))"#,
        json!([["payments", 4]]),
    )
    .await;
    check(
        r#"max_over_time({service="payments"} | json | unwrap duration_ms [24h]) by (service)"#,
        json!([["payments", 12]]),
    )
    .await;
    check(r#"sum(count_over_time({service="payments"} | json | trace="a3" or duration_ms > 10 [24h]))"#, json!([[2]])).await;
    check(
        r#"sum(count_over_time({service="payments"} |= ip("10.0.0.0/8") [24h]))"#,
        json!([[1]]),
    )
    .await;
    check(
        r#"sum(count_over_time({filename="fleet.log"} !~ "(?i)paper" [24h])) or vector(0)"#,
        json!([[0]]),
    )
    .await;
    check(r#"sum by (bank) (count_over_time({service="payments"} | regexp "bank (?P<bank>\\w+) timed" | bank!="" [24h])) > 1"#, json!([["nordbank", 2]])).await;
    check(r#"sum(rate({service="payments"} [1h])) * 3600"#, json!([])).await;
    check(
        r#"{service="payments"} | json | duration_ms > 10 | line_format "{{.trace}} took {{.duration_ms}}""#,
        json!([["2026-11-21T10:00:00.000Z", "payments", "info", "a4 took 12"]]),
    )
    .await;
    check(
        r#"{service="fleet"} | pattern "<_> [<thread>] <logger>: <_>" | logger="till" |= "no paper""#,
        json!([["2026-11-21T08:00:01.000Z", "fleet", "error", "[main] till: no paper"]]),
    )
    .await;
}

#[tokio::test]
async fn mistakes_in_an_expression_are_named() {
    let (_world, toolbox) = opened().await;
    let check = async |expression: &str, expected: &str| {
        let error = free(&toolbox, expression).await.err();
        let error = error.unwrap_or_else(|| panic!("{expression}"));
        assert!(matches!(error, ToolError::Refused { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(expected), "{expression}\n{text}");
    };
    check("error", "`error` is no function").await;
    check("{}", "takes everything").await;
    check(r#"{service=~".*"}"#, "takes everything").await;
    check(r#"{service="a""#, "expected `,`").await;
    check(r#"{service="a"} | jsno"#, "did you mean `json`?").await;
    check(
        r#"{service="a"} |~ "(""#,
        "at character 18: is no regular expression",
    )
    .await;
    check(
        r#"count_over_time({service="a"})"#,
        "expected a range such as `[5m]`",
    )
    .await;
    check(
        r#"count_over_tme({service="a"}[5m])"#,
        "did you mean `count_over_time`?",
    )
    .await;
    check(
        r#"sum_over_time({service="a"}[5m])"#,
        "needs `| unwrap label`",
    )
    .await;
    check(r#"topk({service="a"})"#, "expected how many").await;
    check(r#"{service="a"} | unwrap x"#, "belongs into a function").await;
    check(r#"{service="a"} + 1"#, "expected the end of the expression").await;
    check(
        r#"{app="a"}"#,
        "no label `app`, only service, level, filename",
    )
    .await;
    check(
        r#"count_over_time({service="a"}[30d])"#,
        "looks back 720.0 hours, and `max_hours` is 168",
    )
    .await;
    check(
        r#"sum(count_over_time({service="fleet"} | json [24h]))"#,
        "3 lines could not be read (JSONParserErr)",
    )
    .await;
    check(
        r#"{service="a"} | line_format "{{ .a | ToUpper }}""#,
        "can't be evaluated on files",
    )
    .await;
    check(&"(".repeat(9_000), "longer than").await;
    check(
        &format!("{}1{}", "(".repeat(100), ")".repeat(100)),
        "levels of brackets",
    )
    .await;
    check(&format!("1{}", " + 1".repeat(500)), "parts are joined").await;
}

#[tokio::test]
async fn rotated_packed_and_foreign_files_are_read_and_links_out_are_not() {
    let world = world();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed
        .write_all(b"2026-11-21 07:00:00 ERROR in the packed one\n")
        .expect("is packed");
    let logs = world.path().join("logs");
    fs::write(
        logs.join("fleet.log.1.gz"),
        packed.finish().expect("is packed"),
    )
    .expect("is written");
    world.file(
        "fleet.log.2",
        "2026-11-21 06:00:00 ERROR \u{fffd} in the older one",
    );
    world.file("noise.bin", "\0\0\0\n\n\nno time here\n");
    fs::write(
        world.path().join("secret.log"),
        "2026-11-21 06:00:00 ERROR secret\n",
    )
    .expect("is written");
    symlink(world.path().join("secret.log"), logs.join("fleet.log.3")).expect("a link");
    let toolbox = world.open(FILES).await;
    let result = free(
        &toolbox,
        r#"sum(count_over_time({service="fleet"} |= "ERROR" [24h]))"#,
    )
    .await;
    assert_eq!(json!(result.expect("is evaluated").rows.rows), json!([[3]]));
    let result = free(
        &toolbox,
        r#"sum(count_over_time({service=~".+"} |= "secret" [24h]))"#,
    )
    .await;
    assert_eq!(json!(result.expect("is evaluated").rows.rows), json!([]));
}

#[tokio::test]
async fn service_is_read_from_the_lines_where_they_name_it() {
    let world = World::new();
    world.file(
        "all.jsonl",
        "{\"ts\":\"2026-11-21T09:00:00Z\",\"app\":\"heron\",\"msg\":\"a\"}\n\
         {\"ts\":\"2026-11-21T09:00:01Z\",\"app\":\"ferryman\",\"msg\":\"b\"}\n",
    );
    let toolbox = world
        .open(&format!("{FILES}[log.fields]\nservice = \"app\"\n"))
        .await;
    let services = ParameterKind::Choice {
        values: vec!["ferryman".into(), "heron".into()],
    };
    assert_eq!(toolbox.catalogue().tools[0].parameters[0].kind, services);
    let result = call(&toolbox, "app_lines", json!({"service": "heron"})).await;
    assert_eq!(result.expect("is read").rows.rows.len(), 1);
}

#[tokio::test]
async fn missing_folder_is_down_and_unreadable_one_is_not_allowed() {
    let world = World::new();
    let toolbox = world.open(&FILES.replace("logs/*", "nowhere/*")).await;
    let error = call(&toolbox, "app_counts", json!({})).await.err();
    assert!(matches!(error, Some(ToolError::Down { .. })), "{error:?}");
    let health = toolbox.log_health().await;
    assert!(
        !health[0].answers && health[0].state.contains("can't be reached"),
        "{health:?}"
    );
}

#[tokio::test]
async fn search_that_takes_too_long_is_given_up() {
    let world = World::new();
    let line = format!("2026-11-21 07:00:00 ERROR {}\n", "x".repeat(200));
    world.file("big.log", &line.repeat(400_000));
    let toolbox = world
        .open(&format!("[limits]\ntool_timeout_ms = 100\n{FILES}"))
        .await;
    let begun = std::time::Instant::now();
    let error = call(&toolbox, "app_patterns", json!({})).await.err();
    assert!(
        matches!(error, Some(ToolError::Timeout { .. })),
        "{error:?}"
    );
    assert!(begun.elapsed().as_secs() < 3, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn doctor_tells_services_and_the_newest_line() {
    let (_world, toolbox) = opened().await;
    let health = toolbox.log_health().await;
    assert_eq!(
        health[0].state,
        "answers, 2 services (fleet, payments), newest line 2026-11-21T10:00:00Z"
    );
    let world = World::new();
    world.file("app.log", "no time at all\n");
    let health = world.open(FILES).await.log_health().await;
    assert!(
        health[0]
            .state
            .contains("no line with a time in the last 168 hours"),
        "{health:?}"
    );
}

#[test]
fn every_fault_of_a_log_section_is_named() {
    let faults = World::new()
        .config(
            "[[log]]\nname = \"My Logs\"\nkind = \"files\"\nurl = \"http://h\"\nmax_hours = 0\ndescription = \"\"\nlevles = []\n\
             [log.auth]\nkind = \"query\"\nname = \"key\"\nsecret = \"hunter2\"\n\
             [[log]]\nname = \"b\"\nkind = \"loki\"\nindex = \"x\"\ndescription = \"\"\n\
             [[log]]\nname = \"b\"\nkind = \"elasticsearch\"\nurl = \"http://h\"\ndescription = \"\"\n\
             [[log]]\nname = \"c\"\nkind = \"syslog\"\ndescription = \"\"\n",
        )
        .expect_err("must be refused");
    for expected in [
        "unknown key `log.levles`, did you mean `levels`?",
        "`[[log]]` My Logs: `name` has other signs than",
        "`[[log]]` My Logs: `url` has no meaning for this kind",
        "`[[log]]` My Logs: `paths` is missing",
        "`[[log]]` My Logs: `max_hours` is 0, expected 1 to 876000",
        "`[[log]]` My Logs: `auth` has no meaning for this kind",
        "`[[log]]` My Logs: `auth`: no log server takes its secret in the address",
        "`[[log]]` b: `url` is missing",
        "`[[log]]` b: `index` has no meaning for this kind",
        "`[[log]]` b: `index` is missing",
        "`[[log]]` b is there twice",
        "`[[log]]` c: unknown variant `syslog`",
    ] {
        assert!(
            faults.iter().any(|fault| fault.contains(expected)),
            "{expected}\n{faults:#?}"
        );
    }
    assert!(
        !faults.iter().any(|fault| fault.contains("hunter2")),
        "{faults:#?}"
    );
}

#[tokio::test]
async fn source_that_can_not_be_meant_is_a_fault_at_start() {
    let check = async |section: &str, expected: &str| {
        let config = World::new()
            .config(section)
            .unwrap_or_else(|faults| panic!("{faults:?}"));
        let faults = Toolbox::open(&config, Arc::new(Noon)).await.err();
        let faults = faults.unwrap_or_else(|| panic!("{section}"));
        assert!(faults.to_string().contains(expected), "{faults}");
    };
    let section = |more: &str| format!("[[log]]\nname = \"app\"\ndescription = \"\"\n{more}");
    check(
        &section("kind = \"files\"\npaths = [\"a**b\"]\n"),
        "log `app`: `paths`: `a**b` is no pattern",
    )
    .await;
    check(
        &section("kind = \"loki\"\nurl = \"http://u:secret@h\"\n"),
        "log `app`: `url` holds a password",
    )
    .await;
    check(
        &section("kind = \"elasticsearch\"\nurl = \"http://h\"\nindex = \"_all\"\n"),
        "log `app`: `index` is no name",
    )
    .await;
    check(
        &section("kind = \"loki\"\nurl = \"http://h\"\nfields = { level = \"log.level\" }\n"),
        "log `app`: `fields`",
    )
    .await;
}

#[test]
fn command_brings_one_json_document() {
    let world = World::new();
    let now = Utc::now().format("%Y-%m-%dT%H:%M:%SZ");
    world.file("app.log", &format!("{now} ERROR no paper\n"));
    let config = world.path().join("lorekeeper.toml");
    fs::write(&config, FILES).expect("is written");
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lorekeeper"));
        command
            .arg("--config")
            .arg(&config)
            .arg("logs")
            .args(arguments);
        command.output().expect("the program starts")
    };
    let output = run(&["app", r#"{service="app"} |= "paper""#, "--json"]);
    assert!(output.status.success(), "{output:?}");
    let found: Value = serde_json::from_slice(&output.stdout).expect("one document");
    assert_eq!(
        found["rows"]["columns"],
        json!(["time", "service", "level", "message"])
    );
    assert_eq!(found["rows"]["rows"][0][3], "no paper");
    assert_eq!(found["statement"], r#"{service="app"} |= "paper""#);
    let output = run(&[
        "app",
        r#"sum(count_over_time({service="app"} [24h]))"#,
        "--since",
        "24h",
        "--limit",
        "5",
    ]);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).lines().next(),
        Some("1 row.")
    );
    for wrong in [
        &["nowhere", "{a=\"b\"}"][..],
        &["app", "{"],
        &["app", r#"{service="app"}"#, "--since", "for ever"],
        &["app", r#"{service="app"}"#, "--since", "30d"],
        &["app", r#"{service="app"}"#, "--limit", "0"],
    ] {
        let output = run(wrong);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(
            !output.stderr.is_empty() && output.stdout.is_empty(),
            "{output:?}"
        );
    }
}
