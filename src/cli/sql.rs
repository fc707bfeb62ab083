//! `lorekeeper sql`: the gate alone, a named query, a free SELECT.

use super::tool_call::{self, CallArgs};
use crate::{
    config::Config,
    ports::{SystemClock, Tools},
    tools::{
        Toolbox,
        sql::guard::{self, Dialect, Policy, Verdict},
    },
};
use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufWriter, Write},
    sync::Arc,
};

#[derive(Debug, Subcommand)]
pub enum SqlCommand {
    /// Judge statements without a database: `{"id","sql"}` lines in, `{"id","allow","reason"}` lines out
    Check(CheckArgs),
    /// Run a named query of the configuration
    Run(CallArgs),
    /// Run a SELECT through the gate, on the tables that the database lists
    Query(QueryArgs),
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Read JSON lines from standard input
    #[arg(long, required = true)]
    lines: bool,
    #[arg(long, value_enum, default_value_t = DialectName::Postgres)]
    dialect: DialectName,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DialectName {
    Postgres,
    Sqlite,
    /// MySQL and MariaDB
    #[value(alias = "mariadb")]
    Mysql,
}

impl From<DialectName> for Dialect {
    fn from(name: DialectName) -> Self {
        match name {
            DialectName::Postgres => Dialect::Postgres,
            DialectName::Sqlite => Dialect::Sqlite,
            DialectName::Mysql => Dialect::MySql,
        }
    }
}

#[derive(Debug, Args)]
pub struct QueryArgs {
    #[arg(value_name = "SELECT")]
    statement: String,
    /// The configured name of the database
    #[arg(long, value_name = "NAME")]
    source: String,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl SqlCommand {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        match self {
            SqlCommand::Check(args) => check(
                std::io::stdin().lock(),
                &mut BufWriter::new(std::io::stdout().lock()),
                args.dialect.into(),
            ),
            SqlCommand::Run(args) => run_named(args, config).await,
            SqlCommand::Query(args) => run_free(args, config).await,
        }
    }
}

#[derive(Deserialize)]
struct CheckLine {
    id: Value,
    sql: String,
}

/// Judges one statement a line under the policy of configured queries.
fn check(input: impl BufRead, output: &mut impl Write, dialect: Dialect) -> anyhow::Result<()> {
    let policy = Policy::any_table();
    for (number, line) in input.lines().enumerate() {
        let line = line.context("read standard input")?;
        if line.trim().is_empty() {
            continue;
        }
        let CheckLine { id, sql } = serde_json::from_str(&line)
            .with_context(|| format!("line {}: expected {{\"id\",\"sql\"}}", number + 1))?;
        let (allow, reason) = match guard::check(&sql, dialect, &policy) {
            Verdict::Allow { .. } => (true, Value::Null),
            Verdict::Refuse { reason } => (false, reason.into()),
        };
        writeln!(
            output,
            "{}",
            json!({"id": id, "allow": allow, "reason": reason})
        )?;
    }
    output.flush().context("write standard output")
}

async fn run_named(args: CallArgs, config: &Config) -> anyhow::Result<()> {
    let toolbox = Toolbox::open(config, Arc::new(SystemClock)).await?;
    let operations: Vec<&String> = toolbox
        .apis()
        .iter()
        .flat_map(|api| api.operations())
        .collect();
    let tools = toolbox.catalogue().tools.iter().map(|tool| &tool.name);
    let known: Vec<&str> = tools
        .filter(|name| !operations.contains(name))
        .map(String::as_str)
        .collect();
    args.run(&toolbox, "query", &known).await
}

async fn run_free(args: QueryArgs, config: &Config) -> anyhow::Result<()> {
    let toolbox = Toolbox::open(config, Arc::new(SystemClock)).await?;
    let access = toolbox.operator_access();
    let result = toolbox.query(&args.source, &args.statement, &access).await;
    tool_call::print(result?, args.json)
}
