//! Keeps a running language model at what the registry says: a promotion, a
//! canary or a roll-back takes effect within seconds, without a restart.
//!
//! Promise: an adapter writes for nobody before it was checked: its base, its
//! names, shapes and values, and the golden tokens that were recorded with it.
//! Where one fails, what served before goes on serving.

use super::registry::{AdapterId, Base, Registry, RegistryError, Serving};
use crate::{
    domain::{GenerationRequest, Prompt, Question},
    model::{LanguageModel, ModelError},
    pipeline::ChooseAdapter,
    ports::{GenerateError, Generator},
};
use serde::Deserialize;
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// How often the registry is looked at.
const EVERY: Duration = Duration::from_secs(2);
/// Golden prompts replayed at load, each of at most 32 tokens: well under a
/// second on a small model, and a wrong adapter differs on the first.
const REPLAYED: usize = 8;

#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error("{}: {source}", path.display())]
    Golden { path: PathBuf, source: io::Error },
    #[error("adapter `{id}` does not write its golden tokens: line {line} of {} differs", path.display())]
    Differs {
        id: AdapterId,
        path: PathBuf,
        line: usize,
    },
    #[error("golden tokens of `{id}` could not be replayed: {source}")]
    Replay {
        id: AdapterId,
        source: GenerateError,
    },
}

pub struct Follower {
    registry: Registry,
    model: Arc<LanguageModel>,
    base: Base,
    serving: SharedServing,
}

/// What serves now, as the registry said when it was last looked at.
pub type SharedServing = Arc<RwLock<Serving>>;

#[derive(Deserialize)]
struct GoldenLine {
    prompt: String,
    tokens: Vec<u32>,
}

/// Which adapter writes the answer to a question, as of the last look.
pub fn chooser(serving: SharedServing) -> ChooseAdapter {
    Arc::new(move |question: &Question| {
        let serving = serving.read().unwrap_or_else(PoisonError::into_inner);
        let thread = question.place.thread.as_str();
        serving.choose(thread).map(ToString::to_string)
    })
}

impl Follower {
    /// Looks for the first time. An adapter that fails is an error here: a
    /// daemon that starts with another model than the one promoted would
    /// surprise everybody.
    pub async fn start(
        registry: Registry,
        model: Arc<LanguageModel>,
        folder: &Path,
        serving: SharedServing,
    ) -> Result<Self, FollowError> {
        let follower = Self {
            registry,
            model,
            base: Base::of(folder)?,
            serving,
        };
        follower.look().await?;
        Ok(follower)
    }

    /// Looks again and again until told to stop. A fault is logged once.
    pub async fn run(&self, stop: CancellationToken) {
        let mut told = String::new();
        while stop
            .run_until_cancelled(tokio::time::sleep(EVERY))
            .await
            .is_some()
        {
            match self.look().await {
                Ok(()) => told.clear(),
                Err(error) => {
                    let problem = error.to_string();
                    if problem != told {
                        tracing::error!(
                            error = problem,
                            "The registry asks for an adapter that can't serve; what served before goes on"
                        );
                        told = problem;
                    }
                }
            }
        }
    }

    /// Loads what the registry wants, switches, and drops what it no longer wants.
    async fn look(&self) -> Result<(), FollowError> {
        let wanted = self.registry.serving()?;
        if wanted == *self.serving.read().unwrap_or_else(PoisonError::into_inner) {
            return Ok(());
        }
        let loaded = self.model.adapters();
        for id in wanted.wanted() {
            if !loaded.contains(&id.to_string()) {
                self.load(id).await?;
            }
        }
        tracing::info!(
            production = wanted.production.as_ref().map(ToString::to_string),
            canary = wanted.canary.as_ref().map(|c| c.adapter.to_string()),
            "Switched adapters"
        );
        let keep: Vec<String> = wanted.wanted().iter().map(ToString::to_string).collect();
        *self.serving.write().unwrap_or_else(PoisonError::into_inner) = wanted;
        for name in loaded.iter().filter(|name| !keep.contains(name)) {
            self.model.drop_adapter(name);
        }
        Ok(())
    }

    async fn load(&self, id: &AdapterId) -> Result<(), FollowError> {
        let (_, manifest) = self.registry.find(&id.to_string())?;
        manifest.fits(&self.base)?;
        let (model, name, folder) = (
            self.model.clone(),
            id.to_string(),
            self.registry.folder_of(id),
        );
        // Reading and checking the weights would hold up the async threads.
        let loading = tokio::task::spawn_blocking(move || model.load_adapter(&name, &folder));
        match loading.await {
            Ok(loaded) => loaded?,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
        if let Some(path) = self.registry.golden_of(id)
            && let Err(error) = self.replay(id, &path).await
        {
            self.model.drop_adapter(&id.to_string());
            return Err(error);
        }
        Ok(())
    }

    async fn replay(&self, id: &AdapterId, path: &Path) -> Result<(), FollowError> {
        let unreadable = |source| FollowError::Golden {
            path: path.to_path_buf(),
            source,
        };
        let text = fs::read_to_string(path).map_err(unreadable)?;
        for (n, line) in text.lines().take(REPLAYED).enumerate() {
            let golden: GoldenLine =
                serde_json::from_str(line).map_err(|error| unreadable(error.into()))?;
            let request = GenerationRequest {
                adapter: Some(id.to_string()),
                ..GenerationRequest::greedy(Prompt::Raw(golden.prompt), golden.tokens.len().max(1))
            };
            let written =
                self.model
                    .generate(request, None)
                    .await
                    .map_err(|source| FollowError::Replay {
                        id: id.clone(),
                        source,
                    })?;
            if written.text != self.model.text_of(&golden.tokens) {
                return Err(FollowError::Differs {
                    id: id.clone(),
                    path: path.to_path_buf(),
                    line: n + 1,
                });
            }
        }
        Ok(())
    }
}
