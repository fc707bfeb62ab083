//! `lorekeeper sql`: the gate alone, a named query, a free SELECT.

use crate::{
    config::Config,
    domain::{PersonId, ToolCall, ToolResult, plain::table_text},
    ports::{Caller, SystemClock, ToolError, Tools},
    tools::{
        Toolbox,
        sql::{
            guard::{self, Dialect, Policy, Verdict},
            template::readable,
        },
    },
};
use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{
    io::{BufRead, BufWriter, Write},
    sync::Arc,
};

#[derive(Debug, Subcommand)]
pub enum SqlCommand {
    /// Judge statements without a database: `{"id","sql"}` lines in, `{"id","allow","reason"}` lines out
    Check(CheckArgs),
    /// Run a named query of the configuration
    Run(RunArgs),
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
}

impl From<DialectName> for Dialect {
    fn from(name: DialectName) -> Self {
        match name {
            DialectName::Postgres => Dialect::Postgres,
            DialectName::Sqlite => Dialect::Sqlite,
        }
    }
}

#[derive(Debug, Args)]
pub struct RunArgs {
    name: String,
    /// An argument, such as `period=last month`; once for each
    #[arg(long = "arg", value_name = "K=V", value_parser = key_value)]
    arguments: Vec<(String, String)>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
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

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.trim().into(), value.into()))
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

async fn run_named(args: RunArgs, config: &Config) -> anyhow::Result<()> {
    let toolbox = Toolbox::open(config, Arc::new(SystemClock)).await?;
    let arguments = args.arguments.into_iter();
    let call = ToolCall {
        name: args.name,
        args: arguments
            .map(|(key, value)| (key, Value::String(value)))
            .collect::<Map<_, _>>(),
    };
    let caller = Caller {
        person: PersonId::new("local:operator"),
        access: toolbox.operator_access(),
    };
    let result = toolbox.call(&call, &caller).await;
    print(
        result.map_err(|error| with_known_names(error, &toolbox))?,
        args.json,
    )
}

async fn run_free(args: QueryArgs, config: &Config) -> anyhow::Result<()> {
    let toolbox = Toolbox::open(config, Arc::new(SystemClock)).await?;
    let access = toolbox.operator_access();
    let result = toolbox.query(&args.source, &args.statement, &access).await;
    print(result?, args.json)
}

fn with_known_names(error: ToolError, toolbox: &Toolbox) -> anyhow::Error {
    let tools = &toolbox.catalogue().tools;
    let known: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    match error {
        ToolError::Unknown { tool } => {
            anyhow::anyhow!("there is no query `{tool}`; there are {}", known.join(", "))
        }
        other => other.into(),
    }
}

fn print(result: ToolResult, as_json: bool) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    if as_json {
        writeln!(output, "{}", serde_json::to_string(&result)?)?;
        return Ok(());
    }
    let columns = &result.rows.columns;
    let row_text = |row: &Vec<Value>| {
        let cells = columns.iter().zip(row);
        cells
            .map(|(column, value)| readable(column, value))
            .collect()
    };
    let rows: Vec<Vec<String>> = result.rows.rows.iter().map(row_text).collect();
    writeln!(output, "{}", result.lead)?;
    if !rows.is_empty() {
        writeln!(output, "\n{}", table_text("", columns, &rows))?;
    }
    Ok(())
}
