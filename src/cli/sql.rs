//! `lorekeeper sql`: the gate alone, a named query, a free SELECT.

use crate::tools::sql::guard::{self, Dialect, Policy, Verdict};
use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::{BufRead, BufWriter, Write};

#[derive(Debug, Subcommand)]
pub enum SqlCommand {
    /// Judge statements without a database: `{"id","sql"}` lines in, `{"id","allow","reason"}` lines out.
    Check(CheckArgs),
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Read JSON lines from standard input.
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

impl SqlCommand {
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            SqlCommand::Check(args) => check(
                std::io::stdin().lock(),
                &mut BufWriter::new(std::io::stdout().lock()),
                match args.dialect {
                    DialectName::Postgres => Dialect::Postgres,
                    DialectName::Sqlite => Dialect::Sqlite,
                },
            ),
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
