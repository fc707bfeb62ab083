//! `lorekeeper adapters`: the registry of LoRA adapters, and who writes.

use crate::{
    config::Config,
    domain::{Block, plain::plain_text},
    learning::registry::{AdapterId, Base, Manifest, Registry, Serving, Status},
};
use anyhow::Context;
use chrono::{SecondsFormat, Utc};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct AdaptersArgs {
    #[command(subcommand)]
    act: Act,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// All adapters with their status
    List,
    /// Take a trained adapter in, as the next version of NAME
    Add {
        /// A folder as PEFT writes it
        folder: PathBuf,
        #[arg(long)]
        name: String,
        /// The base model's folder [default: `generator.model_dir`]
        #[arg(long)]
        model: Option<PathBuf>,
    },
    /// Where an adapter comes from
    Show {
        /// NAME or NAME@VERSION
        adapter: String,
    },
    /// Let an adapter write the answers
    Promote { adapter: String },
    /// Try an adapter on a share of the threads
    Canary {
        adapter: String,
        #[arg(long, default_value_t = 10)]
        percent: u8,
    },
    /// End a canary; without one, go back to what served before
    Rollback,
}

#[derive(Serialize)]
struct Entry {
    #[serde(flatten)]
    manifest: Manifest,
    status: Status,
}

impl AdaptersArgs {
    pub fn run(self, config: &Config) -> anyhow::Result<()> {
        let registry = Registry::new(&config.generator.adapters_dir);
        match &self.act {
            Act::List => self.list(&registry),
            Act::Add {
                folder,
                name,
                model,
            } => {
                let model = model
                    .as_ref()
                    .or(config.generator.model_dir.as_ref())
                    .context(
                        "no base model: name its folder with --model, or set `generator.model_dir`",
                    )?;
                let now = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
                let manifest = registry.add(name, folder, Base::of(model)?, now)?;
                self.say(&manifest, &format!("Added {}.", manifest.id()))
            }
            Act::Show { adapter } => {
                let (id, manifest) = registry.find(adapter)?;
                let status = status_of(&registry, &id)?;
                let text = toml::to_string(&manifest)?;
                self.say(
                    &Entry { manifest, status },
                    &format!("status = \"{}\"\n{text}", word(status)),
                )
            }
            Act::Promote { adapter } => {
                let (id, manifest) = registry.find(adapter)?;
                if let Some(model) = &config.generator.model_dir {
                    manifest.fits(&Base::of(model)?)?;
                }
                self.serves(&registry.promote(&id)?)
            }
            Act::Canary { adapter, percent } => {
                let (id, manifest) = registry.find(adapter)?;
                if let Some(model) = &config.generator.model_dir {
                    manifest.fits(&Base::of(model)?)?;
                }
                self.serves(&registry.canary(&id, *percent)?)
            }
            Act::Rollback => self.serves(&registry.roll_back()?),
        }
    }

    fn list(&self, registry: &Registry) -> anyhow::Result<()> {
        let entries: Vec<Entry> = registry
            .list()?
            .into_iter()
            .map(|(manifest, status)| Entry { manifest, status })
            .collect();
        let table = Block::Table {
            caption: String::new(),
            header: ["adapter", "status", "base", "rank", "data", "added"]
                .map(String::from)
                .to_vec(),
            rows: entries.iter().map(row).collect(),
        };
        let text = match entries.is_empty() {
            true => "No adapters yet: `lorekeeper adapters add FOLDER --name NAME`.".into(),
            false => plain_text(&[table]),
        };
        self.say(&entries, &text)
    }

    fn serves(&self, serving: &Serving) -> anyhow::Result<()> {
        let writes = match &serving.production {
            Some(id) => format!("{id} writes the answers"),
            None => "the base model writes the answers".into(),
        };
        let tried = match &serving.canary {
            Some(canary) => format!(
                ", and {} those of {} % of the threads",
                canary.adapter, canary.percent
            ),
            None => String::new(),
        };
        self.say(
            serving,
            &format!("From now on {writes}{tried}. A running daemon follows within seconds."),
        )
    }

    fn say(&self, document: &impl Serialize, text: &str) -> anyhow::Result<()> {
        match self.json {
            true => println!("{}", serde_json::to_string(document)?),
            false => println!("{}", text.trim_end()),
        }
        Ok(())
    }
}

fn row(entry: &Entry) -> Vec<String> {
    let manifest = &entry.manifest;
    vec![
        manifest.id().to_string(),
        word(entry.status).to_string(),
        manifest.base.name.clone(),
        manifest.rank.to_string(),
        manifest.data.clone().unwrap_or_else(|| "–".into()),
        manifest.added_at.clone(),
    ]
}

fn status_of(registry: &Registry, id: &AdapterId) -> anyhow::Result<Status> {
    let entries = registry.list()?;
    let found = entries.iter().find(|(manifest, _)| manifest.id() == *id);
    Ok(found.map_or(Status::Candidate, |(_, status)| *status))
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Candidate => "candidate",
        Status::Canary => "canary",
        Status::Production => "production",
        Status::Retired => "retired",
    }
}
