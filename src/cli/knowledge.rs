//! What the commands over the knowledge index share.

use crate::{
    app,
    config::Config,
    directory::groups_of_person,
    domain::Access,
    knowledge::{KnowledgeIndex, Purpose},
    model::EmbeddingModel,
};
use anyhow::{Context, anyhow};
use serde::de::DeserializeOwned;
use std::{io::BufRead, path::Path, sync::Arc};

pub struct Knowledge {
    pub index: Arc<dyn KnowledgeIndex>,
    pub model: EmbeddingModel,
}

impl Knowledge {
    pub async fn open(config: &Config, data_dir: &Path, purpose: Purpose) -> anyhow::Result<Self> {
        let model = app::open_embedder(config)?;
        let index = app::open_index(config, model.embedder.as_ref(), data_dir, purpose).await?;
        Ok(Self { index, model })
    }
}

/// What a person of `[[person]]` may see; nobody named: what everyone may.
pub fn access_of(config: &Config, name: Option<&str>) -> anyhow::Result<Access> {
    let Some(name) = name else {
        return Ok(Access::everyone());
    };
    let person = config
        .people
        .iter()
        .find(|person| person.name == name)
        .ok_or_else(|| anyhow!("`{name}` is no [[person]] of the configuration"))?;
    Ok(Access::member_of(groups_of_person(person)))
}

/// The JSON objects of standard input, one a line. A line that is none is named.
pub fn json_lines<T: DeserializeOwned>() -> impl Iterator<Item = anyhow::Result<T>> {
    let lines = std::io::stdin().lock().lines().enumerate();
    lines
        .filter(|(_, line)| line.as_ref().map_or(true, |line| !line.trim().is_empty()))
        .map(|(n, line)| {
            let line =
                line.with_context(|| format!("line {} of standard input can't be read", n + 1))?;
            serde_json::from_str(&line).with_context(|| format!("line {} of standard input", n + 1))
        })
}
