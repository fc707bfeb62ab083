//! `lorekeeper ingest`: brings the index to the state of the sources.

use super::knowledge::Knowledge;
use crate::{
    app,
    config::{Config, RemoteSource, SourceEntry},
    ingest::{Coverage, Extent, IngestReport, Ingestor, Progress, ingest},
    knowledge::Purpose,
    poller,
};
use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    path::{Path, PathBuf},
    sync::Mutex,
};

#[derive(Args, Debug)]
pub struct IngestArgs {
    /// Folders or files; without one, the configured sources
    paths: Vec<PathBuf>,
    /// With paths: the name of the source they become. Without: only this configured source
    #[arg(long)]
    source: Option<String>,
    /// Read and compare everything, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

impl IngestArgs {
    pub async fn run(self, config: &Config, data_dir: &Path) -> anyhow::Result<()> {
        let sources = self.sources(config)?;
        let purpose = match self.dry_run {
            // Nothing is made that was not there.
            true => Purpose::Search,
            false => Purpose::Ingest,
        };
        let knowledge = Knowledge::open(config, data_dir, purpose).await?;
        let index = knowledge.index.clone();
        let ingestor = Ingestor {
            dry_run: self.dry_run,
            ..app::open_ingestor(config, data_dir, &knowledge.model, index)?
        };
        let coverage = match (&self.source, self.paths.is_empty()) {
            (None, true) => Coverage::Everything,
            _ => Coverage::Part,
        };
        if let Some(former) = knowledge.index.replaces().await? {
            eprintln!(
                "another embedding model than `{}`, whose index stays in use until the new one is complete",
                former.embedder
            );
        }
        let began = Utc::now();
        let report = ingest(&ingestor, &sources, coverage, &Bar::default()).await?;
        if self.paths.is_empty() && !self.dry_run {
            let noted = note(&report, began, config, data_dir).await;
            noted.unwrap_or_else(|error| {
                eprintln!("when the sources were read can't be noted: {error:#}")
            });
        }
        for fault in &report.faults {
            eprintln!("{fault}");
        }
        if self.json {
            println!("{}", serde_json::to_string(&report)?);
        } else {
            print_report(&report, self.dry_run);
        }
        Ok(())
    }

    fn sources(&self, config: &Config) -> anyhow::Result<Vec<SourceEntry>> {
        if !self.paths.is_empty() {
            return Ok(self
                .paths
                .iter()
                .map(|path| self.entry(path, config))
                .collect());
        }
        let wanted =
            |source: &&SourceEntry| self.source.as_ref().is_none_or(|name| source.name == *name);
        let sources: Vec<SourceEntry> = config.sources.iter().filter(wanted).cloned().collect();
        match &self.source {
            _ if !sources.is_empty() => Ok(sources),
            Some(name) => bail!("no [[source]] of the configuration is named `{name}`"),
            None => bail!(
                "nothing to ingest: name a folder or file, or add a [[source]] to the configuration"
            ),
        }
    }

    /// A path given here is read as the configured source of that name would be.
    fn entry(&self, path: &Path, config: &Config) -> SourceEntry {
        let last = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let last = last
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        let name = self
            .source
            .clone()
            .or(last)
            .unwrap_or_else(|| "documents".into());
        match config.sources.iter().find(|source| source.name == name) {
            Some(configured) => SourceEntry {
                path: path.to_path_buf(),
                remote: RemoteSource::default(),
                ..configured.clone()
            },
            None => SourceEntry::new(&name, path),
        }
    }
}

/// Notes how fresh the sources are, for the daemon and `lorekeeper sources`.
async fn note(
    report: &IngestReport,
    began: DateTime<Utc>,
    config: &Config,
    data_dir: &Path,
) -> anyhow::Result<()> {
    let store = app::open_store(config, data_dir).await?;
    for source in report.sources.iter().filter(|source| source.end.complete) {
        let completed = poller::completed(source, began);
        store
            .sources()
            .completed(&source.source, &completed)
            .await?;
    }
    store.close().await;
    Ok(())
}

fn print_report(report: &IngestReport, dry_run: bool) {
    if report.sources.len() > 1 {
        for part in &report.sources {
            println!("{part}");
        }
    }
    let would = if dry_run { "without --dry-run: " } else { "" };
    println!(
        "{would}{} added, {} changed, {} unchanged, {} removed; {} passages, {} of them repeated; {} places redacted; {:.1} s",
        report.added,
        report.changed,
        report.unchanged,
        report.removed,
        report.chunks,
        report.merged,
        report.redacted,
        report.seconds
    );
    if report.withheld > 0 {
        println!(
            "{} are seen by nobody, and so left out: see above",
            report.withheld
        );
    }
    if let Some(former) = &report.replaced {
        println!(
            "the new index replaces that of `{former}`: restart what runs with the former configuration"
        );
    }
    if !report.awaited.is_empty() {
        println!(
            "the new index still lacks {}: the former one stays in use until `lorekeeper ingest` has read it",
            report.awaited.join(", ")
        );
    }
    if !report.faults.is_empty() {
        println!("{} could not be read: see above", report.faults.len());
    }
}

/// A bar on standard error; indicatif draws none where that is no terminal.
#[derive(Default)]
struct Bar(Mutex<Option<ProgressBar>>);

impl Bar {
    fn with(&self, act: impl FnOnce(&mut Option<ProgressBar>)) {
        if let Ok(mut bar) = self.0.lock() {
            act(&mut bar);
        }
    }
}

impl Progress for Bar {
    fn begin(&self, source: &str, extent: Extent) {
        let (bar, template) = match extent {
            Extent::Bytes(bytes) => (
                ProgressBar::new(bytes),
                "{msg:20} {bar:40} {bytes}/{total_bytes} {eta}",
            ),
            Extent::Documents => (
                ProgressBar::new_spinner(),
                "{msg:20} {spinner} {pos} documents, {elapsed}",
            ),
        };
        let style = ProgressStyle::with_template(template);
        let bar = bar.with_message(source.to_string());
        let bar = match style {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        };
        self.with(|current| *current = Some(bar));
    }

    fn advance(&self, steps: u64) {
        self.with(|bar| {
            if let Some(bar) = bar {
                bar.inc(steps);
            }
        });
    }

    fn end(&self) {
        self.with(|bar| {
            if let Some(bar) = bar.take() {
                bar.finish_and_clear();
            }
        });
    }
}
