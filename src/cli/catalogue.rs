//! `lorekeeper catalogue`: builds the catalogue file, and says whether it still fits.

use crate::{
    config::Config,
    ports::{Clock, SystemClock},
    tools::catalogue::{Built, Change, Dump, Found, build, look, read},
};
use anyhow::{Context, ensure};
use chrono::Utc;
use clap::{Args, Subcommand};
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Where the file is written that no configuration names.
const USUAL: &str = "catalogue.toml";

#[derive(Debug, Subcommand)]
pub enum CatalogueCommand {
    /// Write tables, operations, log fields and tools into the catalogue file, around people's words
    Build(BuildArgs),
}

#[derive(Debug, Args)]
pub struct BuildArgs {
    /// The catalogue file [default: `catalogue` of the configuration, or catalogue.toml beside it]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// A SQL dump that tells the tables of a database, in place of the database itself;
    /// without a name, the file's
    #[arg(long = "dump", value_name = "[NAME=]FILE", value_parser = parse_dump)]
    dumps: Vec<Dump>,
    /// Exit with status 1 where the file does not fit the systems any more; write nothing
    #[arg(long)]
    check: bool,
    /// Print the file; write nothing
    #[arg(long, conflicts_with = "check")]
    dry_run: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

fn parse_dump(text: &str) -> Result<Dump, String> {
    let (name, file) = match text.split_once('=') {
        Some((name, file)) => (name.to_string(), PathBuf::from(file)),
        None => {
            let file = PathBuf::from(text);
            let name = file.file_stem().unwrap_or_default();
            (name.to_string_lossy().into_owned(), file)
        }
    };
    match name.is_empty() || file.as_os_str().is_empty() {
        true => Err("expected FILE, or NAME=FILE".into()),
        false => Ok(Dump {
            database: name,
            file,
        }),
    }
}

impl CatalogueCommand {
    /// `config_file` is where the configuration was read from.
    pub async fn run(self, config: &Config, config_file: Option<&Path>) -> anyhow::Result<()> {
        let Self::Build(args) = self;
        args.run(config, config_file).await
    }
}

impl BuildArgs {
    async fn run(self, config: &Config, config_file: Option<&Path>) -> anyhow::Result<()> {
        let beside = || {
            config_file
                .and_then(Path::parent)
                .unwrap_or(Path::new(""))
                .join(USUAL)
        };
        let file = self
            .file
            .clone()
            .or(config.catalogue.clone())
            .unwrap_or_else(beside);
        let name = file.display().to_string();
        let before = read(&file)?;
        let found = look(config, &self.dumps, Arc::new(SystemClock)).await?;
        let zone = config.chat.time_zone;
        let today = SystemClock.now().with_timezone(&zone).date_naive();
        let built = build(&name, before.as_deref(), &found, today)?;
        let is_written = !self.check && !self.dry_run && before.as_deref() != Some(&built.text);
        if is_written {
            write(&file, &built.text).with_context(|| format!("write {name}"))?;
        }
        match self.json {
            true => println!("{}", self.document(&name, &built, &found, is_written)),
            false => self.print(config, &name, &built, &found),
        }
        let changes = built.changes.len();
        ensure!(
            !self.check || changes == 0,
            "{name} does not fit the systems any more ({}): run `lorekeeper catalogue build`",
            counted(changes, "change")
        );
        Ok(())
    }

    fn document(&self, name: &str, built: &Built, found: &Found, is_written: bool) -> String {
        json!({
            "file": name,
            "version": built.version.number,
            "hash": built.version.hash,
            "written": is_written,
            "edited": built.edited,
            "tools": found.tools.len(),
            "tables": found.tables.len(),
            "logs": found.logs.len(),
            "changes": built.changes,
        })
        .to_string()
    }

    fn print(&self, config: &Config, name: &str, built: &Built, found: &Found) {
        if self.dry_run {
            print!("{}", built.text);
        }
        let lines = built.changes.iter().map(Change::to_string);
        for line in lines {
            eprintln!("{line}");
        }
        if built.edited {
            eprintln!("edited   words of people since the last build");
        }
        eprintln!(
            "{name}: version {}, {}, {}, {}",
            built.version,
            counted(found.tools.len(), "tool"),
            counted(found.tables.len(), "table"),
            counted(found.logs.len(), "log source")
        );
        if config.catalogue.is_none() && !self.check && !self.dry_run {
            eprintln!(
                "the planner reads it once the configuration names it: `catalogue = \"{USUAL}\"`"
            );
        }
    }
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

/// All of the file or nothing: people's words are in it.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    // A link stays a link.
    let real = fs::canonicalize(file);
    let file = real.as_deref().unwrap_or(file);
    let stamp = Utc::now().timestamp_micros();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let beside = file.with_file_name(format!(".{name}.{}.{stamp}", std::process::id()));
    fs::write(&beside, text)?;
    fs::rename(&beside, file).inspect_err(|_| {
        // It holds nothing that the old file does not.
        let _ = fs::remove_file(&beside);
    })
}
