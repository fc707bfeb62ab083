//! `lorekeeper audit`: who asked what and got what, and whether the log is whole.

use crate::{
    app::open_store,
    config::Config,
    domain::QuestionId,
    store::{AuditEntry, AuditFilter, Verification},
};
use anyhow::{Context, bail};
use clap::Subcommand;
use std::{
    io::Write,
    path::{Path, PathBuf},
};

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// The newest records, a line each
    List {
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// Print JSON lines
        #[arg(long)]
        json: bool,
    },
    /// Everything about one question
    Show {
        id: String,
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// The whole log as JSON lines
    Export {
        /// Write here instead of to standard output
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Recompute the hash chain: exit status 1 where a record was changed, removed or moved
    Verify {
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
}

impl AuditCommand {
    pub async fn run(self, config: &Config, data_dir: &Path) -> anyhow::Result<()> {
        let store = open_store(config, data_dir).await?;
        let audit = store.audit();
        let mut out = std::io::stdout().lock();
        match self {
            AuditCommand::List { limit, json } => {
                let entries = audit.list(&AuditFilter { limit, ..AuditFilter::default() }).await?;
                for entry in &entries {
                    match json {
                        true => writeln!(out, "{}", serde_json::to_string(entry)?)?,
                        false => writeln!(out, "{}", line(entry))?,
                    }
                }
            }
            AuditCommand::Show { id, json } => {
                let question = QuestionId::parse(&id).with_context(|| format!("`{id}` is no id of a question; `audit list` shows them"))?;
                let entries = audit.show(question).await?;
                if entries.is_empty() {
                    bail!("the audit log has no record of question {id}");
                }
                match json {
                    true => writeln!(out, "{}", serde_json::to_string(&entries)?)?,
                    false => writeln!(out, "{}", serde_json::to_string_pretty(&entries)?)?,
                }
            }
            AuditCommand::Export { out: file } => {
                let entries = audit.list(&AuditFilter { limit: usize::MAX, ..AuditFilter::default() }).await?;
                match file {
                    Some(file) => write_lines(&mut std::fs::File::create(file)?, &entries)?,
                    None => write_lines(&mut out, &entries)?,
                }
            }
            AuditCommand::Verify { json } => verify(&audit.verify().await?, json)?,
        }
        Ok(())
    }
}

fn verify(verification: &Verification, json: bool) -> anyhow::Result<()> {
    match verification {
        Verification::Intact { rows, head } => match json {
            true => println!("{}", serde_json::json!({ "intact": true, "rows": rows, "head": head })),
            false => println!("The audit log is whole: {rows} records, head {head}"),
        },
        Verification::Broken { sequence, what } => {
            if json {
                println!("{}", serde_json::json!({ "intact": false, "sequence": sequence, "what": what.to_string() }));
            }
            bail!("the audit log is broken at record {sequence}: {what}");
        }
    }
    Ok(())
}

fn line(entry: &AuditEntry) -> String {
    let question = entry.question.map_or_else(String::new, |id| id.to_string());
    format!("{:>6}  {}  {:<10}  {question}", entry.sequence, entry.at.format("%Y-%m-%d %H:%M:%S"), entry.kind)
}

fn write_lines(out: &mut impl Write, entries: &[AuditEntry]) -> anyhow::Result<()> {
    for entry in entries {
        writeln!(out, "{}", serde_json::to_string(entry)?)?;
    }
    Ok(())
}
