//! `lorekeeper doctor`: checks everything that the configuration names, and says what to do.

use super::sources::{SourceLine, list};
use crate::{
    app,
    config::Config,
    domain::{GenerationRequest, Prompt},
    knowledge::{Purpose, check_ocr},
    learning::following::SharedServing,
    model::{EmbeddingModel, LostWindow, ModelFolder},
    ports::{Clock, Embedder, SystemClock, Tools},
    remote::Remotes,
    store::Verification,
    tools::{
        Toolbox,
        catalogue::{
            CatalogueFile, differs,
            lint::{Hint, lint},
            look,
        },
    },
};
use clap::Args;
use serde::Serialize;
use std::{fmt::Write, path::Path, sync::Arc};
use tokio_util::sync::CancellationToken;

#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Nothing to check, and nothing wrong with that.
const NOT_CONFIGURED: &str = "not configured";

/// An API of hundreds of operations would fill the screen.
const SHOWN_HINTS: usize = 12;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    check: String,
    ok: bool,
    /// What was found; where it is not well, what to do.
    detail: String,
    /// What could be better, without being a fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hints: Vec<Hint>,
}

impl Finding {
    fn of(check: &str, outcome: anyhow::Result<String>) -> Self {
        let check = check.to_string();
        match outcome {
            Ok(detail) => Self {
                check,
                ok: true,
                detail,
                hints: Vec::new(),
            },
            Err(error) => Self {
                check,
                ok: false,
                detail: format!("{error:#}"),
                hints: Vec::new(),
            },
        }
    }
}

impl DoctorArgs {
    /// Every check runs, whatever the others found. Exit status 1 where one is not well.
    pub async fn run(self, config: &Config, data_dir: &Path) -> anyhow::Result<()> {
        let embedder = app::open_embedder(config);
        let mut findings = vec![Finding::of("store", store(config, data_dir).await)];
        match embedder {
            Ok(model) => {
                findings.push(Finding::of("embedding model", embedding(&model).await));
                findings.push(Finding::of(
                    "index",
                    index(config, model.embedder.as_ref(), data_dir).await,
                ));
            }
            Err(error) => findings.push(Finding::of("embedding model", Err(error))),
        }
        findings.push(Finding::of("sources", sources(config)));
        findings.push(Finding::of("freshness", freshness(config, data_dir).await));
        findings.push(Finding::of("ocr", ocr(config)));
        findings.extend(asked_sources(config).await);
        match Toolbox::open(config, Arc::new(SystemClock)).await {
            Ok(toolbox) => {
                findings.push(Finding::of(
                    "databases and queries",
                    Ok(databases(config, &toolbox).await),
                ));
                findings.extend(apis(&toolbox).await);
                findings.extend(logs(&toolbox).await);
                findings.push(words(config, &toolbox));
            }
            Err(faults) => {
                findings.push(Finding::of("databases and queries", Err(faults.into())));
            }
        }
        if config.catalogue.is_some() {
            findings.push(Finding::of("catalogue", catalogue(config).await));
        }
        findings.push(Finding::of("language model", language_model(config).await));
        findings.push(Finding::of("slack", slack(config).await));
        findings.push(Finding::of("discord", discord(config).await));
        let sick = findings.iter().filter(|finding| !finding.ok).count();
        if self.json {
            println!("{}", serde_json::to_string(&findings)?);
        } else {
            for finding in &findings {
                println!(
                    "{}  {:22} {}",
                    if finding.ok { "ok  " } else { "FAIL" },
                    finding.check,
                    finding.detail
                );
                print_hints(&finding.hints);
            }
        }
        anyhow::ensure!(
            sick == 0,
            "{sick} of {} checks found something to mend",
            findings.len()
        );
        Ok(())
    }
}

async fn store(config: &Config, data_dir: &Path) -> anyhow::Result<String> {
    let store = app::open_store(config, data_dir).await?;
    let counts = store.inbox().counts().await?;
    let audit = match store.audit().verify().await? {
        Verification::Intact { rows, .. } => format!("{rows} audit records, chain whole"),
        Verification::Broken { sequence, what } => {
            anyhow::bail!("the audit log is broken at record {sequence}: {what}")
        }
    };
    let waiting = counts.received + counts.claimed + counts.answered;
    Ok(format!(
        "{}: {waiting} questions wait, {} posted, {} given up; {audit}",
        store.site(),
        counts.posted,
        counts.given_up
    ))
}

async fn embedding(model: &EmbeddingModel) -> anyhow::Result<String> {
    let embedder = &model.embedder;
    let vectors = embedder
        .embed(vec!["a check".into()], crate::ports::TextRole::Query)
        .await?;
    let norm: f32 = vectors.first().map_or(0.0, |vector| {
        vector.iter().map(|x| x * x).sum::<f32>().sqrt()
    });
    anyhow::ensure!(
        (norm - 1.0).abs() < 0.01,
        "`{}` gives vectors of length {norm}, expected 1: run `make setup` again",
        embedder.name()
    );
    Ok(format!(
        "{}, {} dimensions, {}",
        embedder.name(),
        embedder.dimension(),
        model.about
    ))
}

async fn index(
    config: &Config,
    embedder: &dyn Embedder,
    data_dir: &Path,
) -> anyhow::Result<String> {
    let index = app::open_index(config, embedder, data_dir, Purpose::Search).await?;
    let passages = index.count_passages().await?;
    let place = index.place();
    anyhow::ensure!(passages > 0, "{place} is empty: run `lorekeeper ingest`");
    Ok(format!("{passages} passages in {place}"))
}

/// Loads the model, the adapters that serve, and lets it write a few tokens.
async fn language_model(config: &Config) -> anyhow::Result<String> {
    let running = CancellationToken::new();
    let _ended = running.clone().drop_guard();
    let opened = app::open_generator(config, &SharedServing::default(), &running).await?;
    let Some(generator) = opened else {
        return Ok(NOT_CONFIGURED.into());
    };
    let request = GenerationRequest::greedy(Prompt::Raw("A check".into()), 8);
    let written = generator.generate(request, None).await?;
    let mut health = format!(
        "{}, {} tokens of context, first token after {:.0} ms",
        written.generator,
        generator.context_tokens(),
        written.prefill_ms
    );
    if let Some(lost) = lost_window(config)? {
        write!(health, "; {lost}")?;
    }
    Ok(health)
}

/// A context that is shorter than configured must not surprise anybody later.
fn lost_window(config: &Config) -> anyhow::Result<Option<LostWindow>> {
    let section = &config.generator;
    let Some(folder) = &section.model_dir else {
        return Ok(None);
    };
    Ok(ModelFolder::open(folder)?.window_lost_at(section.context_tokens))
}

fn sources(config: &Config) -> anyhow::Result<String> {
    let missing: Vec<String> = config
        .sources
        .iter()
        .filter(|source| !source.remote.is_asked())
        .map(|source| (source, source.remote.export().unwrap_or(&source.path)))
        .filter(|(_, path)| !path.exists())
        .map(|(source, path)| format!("`{}` ({})", source.name, path.display()))
        .collect();
    anyhow::ensure!(
        missing.is_empty(),
        "not there: {}; correct `path` or create it",
        missing.join(", ")
    );
    Ok(format!("{} configured", config.sources.len()))
}

fn ocr(config: &Config) -> anyhow::Result<String> {
    match config.ocr.is_on() {
        true => Ok(check_ocr(&config.ocr)?),
        false => Ok(NOT_CONFIGURED.into()),
    }
}

/// Whether the daemon reads each source as often as it should.
async fn freshness(config: &Config, data_dir: &Path) -> anyhow::Result<String> {
    if config.sources.is_empty() {
        return Ok(NOT_CONFIGURED.into());
    }
    let listed = list(config, data_dir).await?;
    let late: Vec<String> = listed.iter().filter_map(SourceLine::fault).collect();
    anyhow::ensure!(
        late.is_empty(),
        "{}; `lorekeeper sources` tells more",
        late.join("; ")
    );
    let lines: Vec<String> = listed.iter().map(SourceLine::age).collect();
    Ok(lines.join("; "))
}

/// Whether what is asked for documents answers, and what it says otherwise.
async fn asked_sources(config: &Config) -> Vec<Finding> {
    let remotes = Remotes::new(config);
    let mut findings = Vec::new();
    for source in config.sources.iter().filter(|s| s.remote.is_asked()) {
        let outcome = remotes.check(source).await;
        let outcome = outcome.map(|()| "answers, can be read".to_string());
        findings.push(Finding::of(
            &format!("source {}", source.name),
            outcome.map_err(anyhow::Error::from),
        ));
    }
    findings
}

async fn databases(config: &Config, toolbox: &Toolbox) -> String {
    let mut lines = Vec::new();
    for health in toolbox.databases().await {
        let free = config
            .databases
            .iter()
            .find(|entry| entry.name == health.name && entry.sql_by_model)
            .map(|entry| statements(&entry.name, config, toolbox));
        let free = free.unwrap_or_default();
        lines.push(format!("{}: {}{free}", health.name, health.state));
    }
    if lines.is_empty() {
        "none configured".into()
    } else {
        lines.join("; ")
    }
}

/// What becomes of `sql_by_model`.
fn statements(database: &str, config: &Config, toolbox: &Toolbox) -> String {
    let schemas = &toolbox.catalogue().schemas;
    let schema = schemas.iter().find(|schema| schema.database == database);
    match schema {
        _ if !config.generator.plans => {
            ", `sql_by_model` does nothing without `generator.plans`".into()
        }
        Some(schema) => format!(
            ", a language model may write statements on {} tables",
            schema.tables.len()
        ),
        None => {
            ", none of its `tables` was found for `sql_by_model`: run `lorekeeper catalogue build`"
                .into()
        }
    }
}

async fn apis(toolbox: &Toolbox) -> Vec<Finding> {
    let found = toolbox.api_health().await.into_iter();
    found
        .map(|api| Finding {
            check: format!("api {}", api.name),
            ok: api.reachable,
            detail: api.state,
            hints: Vec::new(),
        })
        .collect()
}

async fn logs(toolbox: &Toolbox) -> Vec<Finding> {
    let found = toolbox.log_health().await.into_iter();
    found
        .map(|log| Finding {
            check: format!("log {}", log.name),
            ok: log.answers,
            detail: log.state,
            hints: Vec::new(),
        })
        .collect()
}

/// Whether the catalogue file is there, and fits.
async fn catalogue(config: &Config) -> anyhow::Result<String> {
    let Some(path) = &config.catalogue else {
        return Ok(NOT_CONFIGURED.into());
    };
    let name = path.display();
    let Some(file) = CatalogueFile::open(path)? else {
        anyhow::bail!("{name} is not there: run `lorekeeper catalogue build`");
    };
    let found = look(config, &[], Arc::new(SystemClock)).await?;
    let changes = differs(&file, &found);
    if let Some(first) = changes.first() {
        anyhow::bail!(
            "{name} does not fit the systems any more in {} of its entries, such as `{}`: run `lorekeeper catalogue build`",
            changes.len(),
            first.entry
        );
    }
    Ok(format!("version {}, fits the systems", file.version()))
}

/// Whether the planner has words for each tool. What it lacks is a hint: the
/// tool can be called by a command all the same.
fn words(config: &Config, toolbox: &Toolbox) -> Finding {
    let path = config.catalogue.as_deref();
    // A file that can't be read is the toolbox's fault already.
    let file = path.and_then(|path| CatalogueFile::open(path).ok().flatten());
    let hints = lint(toolbox.catalogue(), file.as_ref(), SystemClock.now());
    let tools = toolbox.catalogue().tools.len();
    let detail = match hints.len() {
        0 => format!("{tools} tools, each has what the planner needs"),
        1 => format!("{tools} tools, 1 hint"),
        n => format!("{tools} tools, {n} hints"),
    };
    Finding {
        check: "words".into(),
        ok: true,
        detail,
        hints,
    }
}

fn print_hints(hints: &[Hint]) {
    for hint in hints.iter().take(SHOWN_HINTS) {
        println!("hint  {:22} {hint}", "");
    }
    if hints.len() > SHOWN_HINTS {
        let more = hints.len() - SHOWN_HINTS;
        println!("hint  {:22} {more} more, all of them with --json", "");
    }
}

async fn slack(config: &Config) -> anyhow::Result<String> {
    let Some(section) = &config.slack else {
        return Ok(NOT_CONFIGURED.into());
    };
    let team = crate::chat::slack::check(section).await?;
    Ok(format!("both tokens work, workspace {team}"))
}

async fn discord(config: &Config) -> anyhow::Result<String> {
    let Some(section) = &config.discord else {
        return Ok(NOT_CONFIGURED.into());
    };
    let guilds = crate::chat::discord::check(section).await?;
    Ok(format!("the token works, in {guilds} guilds"))
}
