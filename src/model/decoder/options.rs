//! How a language model is run.

use crate::{config::Device, ports::BoxError};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Called on the model's thread before each run, with the run's number. An
/// error, a panic, or not coming back is what the run itself would do: tests
/// show with it that nothing else is harmed.
pub type BeforeRun = Arc<dyn Fn(u64) -> Result<(), BoxError> + Send + Sync>;

#[derive(Clone)]
pub struct DecoderOptions {
    /// The model's folder: see [`super::ModelFolder`].
    pub folder: PathBuf,
    /// How an answer's record names the model; without one, the folder's name.
    pub name: Option<String>,
    /// ONNX Runtime's library; without one, where the set-up put it.
    pub onnxruntime: Option<PathBuf>,
    pub device: Device,
    /// Threads that one operator is spread over. Small models are fastest with one.
    pub threads: usize,
    /// Whether those threads wait busily for their next work. Faster where
    /// every thread has a core of its own, and much slower where not.
    pub spinning: bool,
    /// Requests that are decoded together.
    pub slots: usize,
    /// Tokens that a prompt and its answer may fill together. Never more than
    /// the model was made for.
    pub context_tokens: usize,
    /// The most that the caches of all slots may take together; there are
    /// fewer slots where they would take more.
    pub cache_bytes: u64,
    /// Requests that may wait for a slot.
    pub waiting: usize,
    /// Tokens of prompts fed before the others get their next token: a long
    /// prompt delays them by this much at most.
    pub prefill_tokens: usize,
    /// A run that takes longer is given up.
    pub run_limit: Duration,
    /// Whether what a schema leaves no choice about is written without the
    /// model. Not doing so is for measuring what it saves.
    pub forced_tokens: bool,
    pub before_run: Option<BeforeRun>,
}

impl DecoderOptions {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            name: None,
            onnxruntime: None,
            device: Device::Cpu,
            threads: 1,
            spinning: false,
            slots: 16,
            context_tokens: 4096,
            cache_bytes: 4 << 30,
            waiting: 64,
            prefill_tokens: 256,
            run_limit: Duration::from_secs(60),
            forced_tokens: true,
            before_run: None,
        }
    }
}
