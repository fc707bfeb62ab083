//! `lorekeeper feedback`: what people say about answers now.

use crate::{
    app::open_store,
    config::Config,
    domain::Verdict,
    store::{FeedbackFilter, FeedbackRow},
};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use std::{
    io::Write,
    path::{Path, PathBuf},
};

#[derive(Debug, Subcommand)]
pub enum FeedbackCommand {
    /// The standing verdicts, newest first
    List(ListArgs),
    /// All standing verdicts as JSON lines
    Export {
        /// Write here instead of to standard output
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub struct ListArgs {
    #[arg(long, value_enum)]
    verdict: Option<VerdictName>,
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Print JSON lines
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum VerdictName {
    Positive,
    Negative,
}

impl FeedbackCommand {
    pub async fn run(self, config: &Config, data_dir: &Path) -> anyhow::Result<()> {
        let store = open_store(config, data_dir).await?;
        match self {
            FeedbackCommand::List(args) => {
                let verdict = args.verdict.map(|name| match name {
                    VerdictName::Positive => Verdict::Positive,
                    VerdictName::Negative => Verdict::Negative,
                });
                let filter = FeedbackFilter { verdict, limit: args.limit, ..FeedbackFilter::default() };
                let rows = store.feedback().list(&filter).await?;
                let mut out = std::io::stdout().lock();
                match args.json {
                    true => write_lines(&mut out, &rows)?,
                    false => write_table(&mut out, &rows)?,
                }
            }
            FeedbackCommand::Export { out } => {
                let rows = store.feedback().list(&FeedbackFilter { limit: usize::MAX, ..FeedbackFilter::default() }).await?;
                match out {
                    Some(file) => write_lines(&mut std::fs::File::create(file)?, &rows)?,
                    None => write_lines(&mut std::io::stdout().lock(), &rows)?,
                }
            }
        }
        Ok(())
    }
}

fn write_lines(out: &mut impl Write, rows: &[FeedbackRow]) -> std::io::Result<()> {
    for row in rows {
        let line = json!({
            "question": row.question, "person": row.person, "verdict": row.verdict,
            "signal": row.signal, "reason": row.reason, "at": row.at,
        });
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn write_table(out: &mut impl Write, rows: &[FeedbackRow]) -> std::io::Result<()> {
    for row in rows {
        let reason = row.reason.as_deref().unwrap_or_default();
        writeln!(out, "{}  {}  {:8}  {}  {reason}", row.at.format("%Y-%m-%d %H:%M"), row.question, row.verdict.as_str(), row.person)?;
    }
    Ok(())
}
