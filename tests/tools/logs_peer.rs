//! The same lines in files and behind a server that speaks Loki's interface
//! and was not written here (qryn): `make check-loki` starts one.

use super::logs::{World, call};
use chrono::{DateTime, TimeDelta, Utc};
use lorekeeper::{ports::with_causes, tools::Toolbox};
use serde_json::{Value, json};
use std::{fs, sync::Arc, time::Duration};

const TEXTS: [(&str, &str, &str); 6] = [
    ("payments", "error", "bank nordbank timed out after {n} ms"),
    ("payments", "error", "no route to 10.0.0.{n}:80"),
    ("payments", "info", "order {n} approved"),
    ("fleet", "warn", r#"a "quoted\ } line {n}"#),
    ("fleet", "info", "report {n} ` = {{.x}}"),
    ("sync", "error", "shard {n} | json | lost"),
];

#[tokio::test]
#[ignore = "wants LOREKEEPER_TEST_LOKI, the address of a server with Loki's interface: `make check-loki`"]
async fn server_and_files_say_the_same() {
    let url = std::env::var("LOREKEEPER_TEST_LOKI").expect("LOREKEEPER_TEST_LOKI is set");
    let run = uuid::Uuid::new_v4().simple().to_string();
    let now = Utc::now();
    let mut streams = Vec::new();
    let mut file = String::new();
    for n in 0..120 {
        let (service, level, text) = TEXTS[n % TEXTS.len()];
        let service = format!("{service}-{run}");
        let text = text.replace("{n}", &n.to_string());
        let time: DateTime<Utc> = now - TimeDelta::minutes(7 * n as i64 + 1);
        let nanos = time.timestamp_nanos_opt().expect("a time of ours");
        streams.push(json!({
            "stream": { "service_name": service, "level": level, "run": run },
            "values": [[nanos.to_string(), text]],
        }));
        let line = json!({ "ts": nanos, "service": service, "level": level, "message": text });
        file.push_str(&format!("{line}\n"));
    }
    let pushed = reqwest::Client::new()
        .post(format!("{url}/loki/api/v1/push"))
        .json(&json!({ "streams": streams }))
        .send()
        .await;
    assert!(pushed.expect("is pushed").status().is_success());
    tokio::time::sleep(Duration::from_secs(3)).await;

    let world = World::new();
    fs::write(world.path().join("logs/app.jsonl"), file).expect("is written");
    let services: Vec<String> = ["payments", "fleet", "sync"]
        .map(|name| format!("{name}-{run}"))
        .to_vec();
    let limits = "[limits]\ntool_timeout_ms = 30000\n";
    let section = |kind: &str| {
        format!(
            "{limits}[[log]]\nname = \"app\"\n{kind}\nservices = {}\ndescription = \"\"\n",
            json!(services)
        )
    };
    let files = "kind = \"files\"\npaths = [\"logs/*\"]\nfields = { service = \"service\" }";
    let of_files = open(&world, &section(files)).await;
    let of_server = open(
        &world,
        &section(&format!("kind = \"loki\"\nurl = \"{url}\"")),
    )
    .await;
    for service in &services {
        for narrowed in [
            json!({}),
            json!({"level": "error"}),
            json!({"level": "warning", "pattern": "\"QUOTED\\ }"}),
            json!({"pattern": "` {{.x}}"}),
            json!({"pattern": "| json"}),
            json!({"pattern": "10.0.0.1"}),
        ] {
            let mut args = narrowed.clone();
            args["service"] = json!(service);
            args["period"] = json!("today");
            for tool in ["app_counts", "app_lines", "app_patterns"] {
                let found = rows(&of_server, tool, &args).await;
                let expected = rows(&of_files, tool, &args).await;
                assert_eq!(found, expected, "{tool} {args}");
            }
        }
    }
}

async fn open(world: &World, text: &str) -> Toolbox {
    let config = world
        .config(text)
        .unwrap_or_else(|faults| panic!("{faults:?}"));
    let clock = Arc::new(lorekeeper::ports::SystemClock);
    let toolbox = Toolbox::open(&config, clock).await;
    toolbox.unwrap_or_else(|faults| panic!("{faults}"))
}

/// Rows in an order of their own: equal counts come as they come. The span of
/// a count over time is left out: qryn names it by its beginning, Loki by the
/// time that it looks back from.
async fn rows(toolbox: &Toolbox, tool: &str, args: &Value) -> (String, Vec<String>) {
    let found = call(toolbox, tool, args.clone()).await;
    let found = found.unwrap_or_else(|error| panic!("{tool} {args}: {}", with_causes(&error)));
    let is_over_time = found
        .rows
        .columns
        .first()
        .is_some_and(|column| column == "from");
    let shown = |row: &Vec<Value>| json!(row[usize::from(is_over_time)..]).to_string();
    let mut rows: Vec<String> = found.rows.rows.iter().map(shown).collect();
    rows.sort();
    // Where several patterns are equally frequent, either may be named first.
    let lead = match tool == "app_patterns" || is_over_time {
        true => found.lead.split(';').next().unwrap_or_default().into(),
        false => found.lead,
    };
    (lead, rows)
}
