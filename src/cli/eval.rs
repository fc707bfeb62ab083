//! `lorekeeper eval`: the gold questions, asked and marked.

use super::{ask::lone_question, eval_written::Writing};
use crate::{
    app::App,
    config::Config,
    directory::local_person,
    domain::plain::plain_text,
    learning::evaluation::{GoldQuestion, Marks, Report, Suite, mark, report},
};
use anyhow::{Context, bail};
use chrono::Utc;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use secrecy::ExposeSecret;
use serde_json::Value;
use sqlx::{Column, Connection, Row, SqliteConnection, TypeInfo, ValueRef};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Suites: a name in tests/eval, or a file; a `.jsonl` file of training data is
    /// given to the language model itself [default: gold and aside]
    #[arg(value_name = "SUITE")]
    suites: Vec<String>,
    /// Folder of the language model that a `.jsonl` suite is given to [default: `generator.model_dir`]
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Adapter to compare with its base on a `.jsonl` suite: NAME, NAME@VERSION or a folder
    #[arg(long = "adapter", value_name = "NAME")]
    adapters: Vec<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// List the questions that were answered wrongly
    #[arg(long)]
    wrong: bool,
}

impl EvalArgs {
    pub async fn run(self, config: Config, data_dir: &Path) -> anyhow::Result<()> {
        let names = if self.suites.is_empty() {
            vec!["gold".into(), "aside".into()]
        } else {
            self.suites.clone()
        };
        let (written, names): (Vec<String>, Vec<String>) =
            names.into_iter().partition(|name| name.ends_with(".jsonl"));
        for file in &written {
            let writing = Writing {
                file: Path::new(file),
                model: self.model.clone(),
                adapters: &self.adapters,
            };
            writing.run(&config, self.json).await?;
        }
        if names.is_empty() {
            return Ok(());
        }
        let suites: Vec<(String, Suite)> = names
            .into_iter()
            .map(|name| Ok((name.clone(), Suite::read(&suite_file(&name))?)))
            .collect::<anyhow::Result<_>>()?;
        let app = App::open(config, data_dir).await?;
        let mut reports = Vec::new();
        for (name, suite) in suites {
            reports.push(ask_all(&app, &name, suite).await?);
        }
        if self.json {
            println!("{}", serde_json::to_string(&reports)?);
            return Ok(());
        }
        for report in &reports {
            println!("{}\n", plain_text(&[report.table(), report.times()]));
            if self.wrong {
                report.wrong.iter().for_each(print_wrong);
                println!();
            }
        }
        Ok(())
    }
}

/// `gold` is `tests/eval/gold.toml`; anything with a dot or a slash is a file.
fn suite_file(name: &str) -> PathBuf {
    if name.contains(['/', '.']) {
        PathBuf::from(name)
    } else {
        Path::new("tests/eval").join(format!("{name}.toml"))
    }
}

async fn ask_all(app: &App, name: &str, suite: Suite) -> anyhow::Result<Report> {
    let progress = ProgressBar::new(suite.questions.len() as u64);
    progress.set_style(ProgressStyle::with_template(
        "{prefix} {bar:30} {pos}/{len} {eta}",
    )?);
    progress.set_prefix(name.to_string());
    let mut marks = Vec::new();
    for gold in &suite.questions {
        let person = local_person(gold.asker.as_deref().unwrap_or("somebody"));
        let question = lone_question(
            gold.text.clone(),
            Vec::new(),
            app.directory.access_of(&person),
        );
        let answer = app.pipeline.answer(&question).await;
        marks.push(mark(gold, &answer, &expected_numbers(app, gold).await?));
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(report(name, marks))
}

fn print_wrong(marks: &Marks) {
    let mut wrong = Vec::new();
    let mut note = |is_wrong: bool, what: &'static str| {
        if is_wrong {
            wrong.push(what);
        }
    };
    note(marks.facts == Some(false), "facts");
    note(!marks.abstention, "abstention");
    note(!marks.plan, "plan");
    note(marks.leaked, "leaked");
    println!("{:8} {:12} {}", marks.id, marks.category, wrong.join(", "));
}

/// The row of `numbers_sql`, read from the database by a way of its own, not by the tools under test.
async fn expected_numbers(app: &App, gold: &GoldQuestion) -> anyhow::Result<Vec<Value>> {
    let Some(sql) = &gold.numbers_sql else {
        return Ok(Vec::new());
    };
    let url = app
        .config
        .databases
        .first()
        .map(|database| database.url.expose_secret().to_string());
    let Some(path) = url.as_deref().and_then(|url| url.strip_prefix("sqlite:")) else {
        bail!(
            "{}: `numbers_sql` needs a SQLite database in the configuration",
            gold.id
        );
    };
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(path)
        .read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    // A bare `?1` for the one parameter that gold questions know.
    let today = Utc::now().format("%Y-%m-%d").to_string();
    let sql = sql.replace(":today", "?1");
    let query = sqlx::query(sqlx::AssertSqlSafe(sql.clone()));
    let query = if sql.contains("?1") {
        query.bind(today)
    } else {
        query
    };
    let row = query
        .fetch_one(&mut connection)
        .await
        .with_context(|| format!("{}: numbers_sql", gold.id))?;
    row.columns()
        .iter()
        .map(|column| value_of(&row, column.ordinal()))
        .collect()
}

fn value_of(row: &sqlx::sqlite::SqliteRow, at: usize) -> anyhow::Result<Value> {
    let raw = row.try_get_raw(at)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    Ok(match raw.type_info().name() {
        "INTEGER" => Value::from(row.try_get::<i64, _>(at)?),
        "REAL" => Value::from(row.try_get::<f64, _>(at)?),
        _ => Value::from(row.try_get::<String, _>(at)?),
    })
}
