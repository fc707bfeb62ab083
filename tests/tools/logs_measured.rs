//! Measured on public data that lies outside this project: questions with
//! LogQL (github.com/nl2logql/LogQLLM) and the labelled logs of Loghub (Zhu et
//! al., 2023). The figures stand in `benches/README.md`.

use super::logs::World;
use lorekeeper::tools::{
    Toolbox,
    logs::{
        logql::{Evaluation, Expression, Pipeline, parse},
        templates::{TemplateId, TemplateMiner},
    },
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

fn folder(variable: &str) -> PathBuf {
    let value = std::env::var(variable);
    PathBuf::from(value.unwrap_or_else(|_| panic!("{variable} is not set")))
}

#[test]
#[ignore = "wants LOREKEEPER_NL2LOGQL, a file with a `logql` a line"]
fn measured_queries_are_read() {
    let text = fs::read_to_string(folder("LOREKEEPER_NL2LOGQL")).expect("is read");
    let (mut all, mut read, mut evaluated) = (0, 0, 0);
    for line in text.lines() {
        let question: Value = serde_json::from_str(line).expect("is JSON");
        let logql = question["logql"].as_str().expect("a query");
        all += 1;
        let expression = match parse(logql) {
            Ok(expression) => expression,
            Err(error) => {
                println!("{}: {error}", question["id"]);
                continue;
            }
        };
        assert_eq!(parse(&expression.to_string()).as_ref(), Ok(&expression));
        read += 1;
        let ready = match &expression {
            Expression::Log(query) => Pipeline::new(query).map(|_| ()),
            Expression::Metric(metric) => Evaluation::new(metric, 0).map(|_| ()),
        };
        match ready {
            Ok(()) => evaluated += 1,
            Err(problem) => println!("{}: {problem}", question["id"]),
        }
    }
    println!("{all} queries, {read} read, {evaluated} can be evaluated on files");
    assert!(all > 0 && read * 100 >= all * 95);
}

/// A labelled log: the lines' own columns.
struct Labelled {
    name: &'static str,
    contents: Vec<String>,
    events: Vec<String>,
    templates: Vec<String>,
    levels: Option<Vec<String>>,
}

const LOGS: [&str; 4] = ["OpenSSH", "HDFS", "Apache", "Linux"];

fn labelled(name: &'static str, folder: &Path) -> Labelled {
    let file = folder.join(format!("{name}/{name}_2k.log_structured.csv"));
    let mut reader = csv::Reader::from_path(file).expect("is read");
    let header = reader.headers().expect("a header").clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
    let column = |wanted: &str| -> Option<Vec<String>> {
        let at = header.iter().position(|column| column == wanted)?;
        Some(rows.iter().map(|row| row[at].to_string()).collect())
    };
    Labelled {
        name,
        contents: column("Content").expect("a column"),
        events: column("EventId").expect("a column"),
        templates: column("EventTemplate").expect("a column"),
        // Linux names its host so.
        levels: column("Level").filter(|_| name != "Linux"),
    }
}

/// Share of lines whose group holds exactly the lines of their event (Zhu et al., 2019).
fn grouping_accuracy(log: &Labelled) -> f64 {
    let mut miner = TemplateMiner::default();
    let found: Vec<Option<TemplateId>> = log.contents.iter().map(|line| miner.add(line)).collect();
    let mut of_event: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut of_group: HashMap<Option<TemplateId>, Vec<usize>> = HashMap::new();
    for (line, (event, group)) in log.events.iter().zip(&found).enumerate() {
        of_event.entry(event).or_default().push(line);
        of_group.entry(*group).or_default().push(line);
    }
    let right = log.events.iter().zip(&found);
    let right = right.filter(|(event, group)| of_event[event.as_str()] == of_group[*group]);
    right.count() as f64 / log.events.len() as f64
}

async fn value(toolbox: &Toolbox, expression: &str) -> i64 {
    let access = toolbox.operator_access();
    let found = toolbox
        .log_lines("app", expression, "since 2000-01-01", None, &access)
        .await;
    let found = found.unwrap_or_else(|error| panic!("{expression}: {error}"));
    let first = found.rows.rows.first().and_then(|row| row.last());
    first.and_then(Value::as_i64).unwrap_or(0)
}

#[tokio::test]
#[ignore = "wants LOREKEEPER_LOGHUB, the folder of Loghub's samples"]
async fn measured_counts_are_those_of_the_labels() {
    let folder = folder("LOREKEEPER_LOGHUB");
    for name in LOGS {
        let log = labelled(name, &folder);
        let world = World::new();
        let source = folder.join(format!("{name}/{name}_2k.log"));
        fs::copy(&source, world.path().join("logs/app.log")).expect("is copied");
        let text = fs::read_to_string(source).expect("is read");
        let toolbox = world
            .open(
                "[limits]\ntool_timeout_ms = 60000\ntool_rows = 5000\ntool_bytes = 16000000\n\
                 [[log]]\nname = \"app\"\nkind = \"files\"\npaths = [\"logs/*\"]\nmax_hours = 876000\ndescription = \"\"\n",
            )
            .await;
        let range = "[230000h]";
        let total = value(
            &toolbox,
            &format!("sum(count_over_time({{service=\"app\"}}{range}))"),
        )
        .await;
        assert_eq!(total, log.contents.len() as i64, "{name}");
        // One question for the longest fixed words of each event.
        let mut templates = log.templates.clone();
        templates.sort();
        templates.dedup();
        let (mut asked, mut right, mut as_labelled) = (0, 0, 0);
        for template in &templates {
            let fixed = template
                .split("<*>")
                .map(str::trim)
                .max_by_key(|part| part.len());
            let fixed = fixed.filter(|part| part.len() > 3).unwrap_or_default();
            if fixed.is_empty() {
                continue;
            }
            // LogQL looks at the whole line, the labels at its text alone.
            let expected = text.lines().filter(|line| line.contains(fixed)).count() as i64;
            let labelled = log
                .contents
                .iter()
                .filter(|line| line.contains(fixed))
                .count() as i64;
            let quoted = json!(fixed);
            let query = format!("sum(count_over_time({{service=\"app\"}} |= {quoted} {range}))");
            let found = value(&toolbox, &query).await;
            asked += 1;
            as_labelled += usize::from(found == labelled);
            if found == expected {
                right += 1;
            } else {
                println!("{name}: {fixed}: {found}, expected {expected}");
            }
        }
        let access = toolbox.operator_access();
        let lines = toolbox
            .log_lines(
                "app",
                "{service=\"app\"}",
                "since 2000-01-01",
                Some(5_000),
                &access,
            )
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let mut messages: Vec<&str> = lines
            .rows
            .rows
            .iter()
            .filter_map(|row| row[3].as_str())
            .collect();
        let mut contents: Vec<&str> = log.contents.iter().map(|line| line.trim()).collect();
        messages.sort_unstable();
        contents.sort_unstable();
        let mut same = 0;
        for message in &messages {
            if let Ok(at) = contents.binary_search(message) {
                contents.remove(at);
                same += 1;
            }
        }
        let mut levels = 0;
        for level in log.levels.iter().flatten() {
            levels += i64::from(!level.is_empty());
        }
        let found_levels = value(
            &toolbox,
            &format!("sum(count_over_time({{service=\"app\", level!=\"\"}}{range}))"),
        )
        .await;
        println!(
            "{name}: {right} of {asked} counts right ({as_labelled} also for the text behind the header), {same} of {} messages told from their header, \
             levels {found_levels} (labelled {levels}), grouping accuracy {:.4}",
            messages.len(),
            grouping_accuracy(&log)
        );
        assert_eq!(right, asked, "{}", log.name);
        if let Some(labels) = &log.levels {
            for level in ["INFO", "WARN", "error", "notice"] {
                let expected = labels.iter().filter(|known| *known == level).count() as i64;
                let level = level.to_lowercase();
                let query =
                    format!("sum(count_over_time({{service=\"app\", level=\"{level}\"}}{range}))");
                assert_eq!(value(&toolbox, &query).await, expected, "{name} {level}");
            }
        }
    }
}

#[test]
#[ignore = "wants LOREKEEPER_LOGHUB, the folder of Loghub's samples"]
fn measured_templates_group_as_labelled() {
    let folder = folder("LOREKEEPER_LOGHUB");
    for (name, least) in LOGS.into_iter().zip([0.99, 0.99, 0.99, 0.75]) {
        let accuracy = grouping_accuracy(&labelled(name, &folder));
        assert!(accuracy >= least, "{name}: {accuracy}");
    }
}
