//! The decoder: a language model that writes in this process.
//!
//! A request is made into tokens where it is asked for (`prompting`), waits in
//! a `fair_queue`, and is written on the one thread that owns the model
//! (`thread`, `scheduler`, `writer`): rows of all requests run together through
//! the graph (`session`, `graph`), which keeps what it has read in a cache
//! (`slots`, `shared_cache`, `grown_cache`), each with its own adapter (`lora`,
//! `lora_batch`). Which tokens may be chosen and what text they are say
//! `sampling`, `constraint`, `text` and `template`.

mod caller;
mod constraint;
mod control_tokens;
mod fair_queue;
mod folder;
#[cfg(test)]
mod fuzz_tests;
mod graph;
mod grown_cache;
mod jinja;
mod jinja_bounds;
mod logits;
mod lora;
mod lora_batch;
mod lora_inputs;
mod options;
mod peft;
mod prompting;
mod pulse;
mod python;
mod sampling;
mod scheduler;
mod session;
mod shared_cache;
mod slots;
mod template;
mod text;
mod thread;
#[cfg(test)]
mod tokenizers_for_tests;
mod vocabulary;
mod writer;

pub use folder::{LostWindow, ModelFolder};
pub use options::{BeforeRun, DecoderOptions};

use self::{
    caller::Caller,
    constraint::Grammars,
    fair_queue::{FairQueue, Full},
    lora::Adapter,
    lora_inputs::LoraInputs,
    prompting::Prompting,
    scheduler::Work,
    session::DecoderSession,
    template::ChatTemplate,
    text::TextStream,
    thread::{ModelThread, OpenSession},
};
use super::{ModelError, runtime};
use crate::{
    domain::{Generation, GenerationRequest, Prompt, Sampling},
    ports::{GenerateError, Generator},
};
use async_trait::async_trait;
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, PoisonError, RwLock, atomic::AtomicU64},
};
use tokio::sync::mpsc;
use tracing::{info, warn};

/// A language model of the decoder family, running here, with its adapters.
///
/// Greedy decoding gives the tokens that transformers gives with the same
/// weights, whatever else runs in the same batch.
pub struct LanguageModel {
    prompting: Arc<Prompting>,
    work: Arc<Work>,
    sampling: Sampling,
    lora: Option<LoraInputs>,
    adapters: RwLock<BTreeMap<String, Arc<Adapter>>>,
    /// Ends with the model.
    _thread: ModelThread,
}

impl LanguageModel {
    /// Opens a model folder, takes the memory of its cache, and runs a token
    /// through it. Takes as long as reading the weights.
    pub fn open(options: DecoderOptions) -> Result<Self, ModelError> {
        let folder = Arc::new(ModelFolder::open(&options.folder)?);
        let (tokenizer, tokenizer_json) = folder.open_tokenizer()?;
        let tokenizer = Arc::new(tokenizer);
        let template = ChatTemplate::open(&folder.path)?;
        let grammars = Grammars::new(&tokenizer_json, tokenizer.clone(), &folder.eos)?;
        let environment = runtime::load(options.onnxruntime.as_deref())?;

        let open: OpenSession = {
            let (folder, options) = (folder.clone(), options.clone());
            Arc::new(move || DecoderSession::open(&environment, &folder, &options))
        };
        let session = open()?;
        let model = options.name.clone().unwrap_or_else(|| folder.name());
        let size = session.size();
        if let Some(window) = folder.window_lost_at(options.context_tokens) {
            warn!("Language model {model}: {window}");
        }
        info!(
            slots = size.slots,
            context_tokens = size.context,
            cache_bytes = session.cache_bytes(),
            "Opened language model {model}: {} conversations of {} tokens, {} MiB of cache",
            size.slots,
            size.context,
            session.cache_bytes() >> 20
        );
        let prompting = Prompting {
            model: model.clone(),
            tokenizer,
            template,
            grammars,
            context: size.context,
            forced_tokens: options.forced_tokens,
        };
        let lora = session.lora_inputs().cloned();
        let work = Arc::new(Work {
            queue: FairQueue::new(options.waiting),
            model,
            eos: folder.eos.clone(),
            prefill_tokens: options.prefill_tokens,
            before_run: options.before_run.clone(),
            runs: AtomicU64::new(0),
        });
        let thread = ModelThread::start(work.clone(), session, open, options.run_limit).map_err(
            |error| ModelError::Unusable {
                file: folder.graph.clone(),
                source: error.into(),
            },
        )?;
        Ok(Self {
            prompting: Arc::new(prompting),
            work,
            sampling: folder.sampling.clone(),
            lora,
            adapters: RwLock::default(),
            _thread: thread,
        })
    }

    /// How the model's makers would have its tokens chosen.
    pub fn sampling(&self) -> &Sampling {
        &self.sampling
    }

    /// Reads a PEFT folder; requests may then name the adapter. One of the same
    /// name is replaced: requests that are being written end with the old one.
    pub fn load_adapter(&self, name: &str, folder: &Path) -> Result<(), ModelError> {
        let inputs = self.lora.as_ref().ok_or_else(|| ModelError::Adapter {
            folder: folder.to_path_buf(),
            problem: format!(
                "{} takes no adapters: export it with LoRA inputs",
                self.work.model
            ),
        })?;
        let adapter = Arc::new(Adapter::open(name, folder, inputs)?);
        info!(
            rank = adapter.rank,
            "Loaded adapter {name} of {}", self.work.model
        );
        let mut adapters = self
            .adapters
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        adapters.insert(name.into(), adapter);
        Ok(())
    }

    /// False where there was none. Requests that are being written go on with it.
    pub fn drop_adapter(&self, name: &str) -> bool {
        let mut adapters = self
            .adapters
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        adapters.remove(name).is_some()
    }

    pub fn adapters(&self) -> Vec<String> {
        let adapters = self.adapters.read().unwrap_or_else(PoisonError::into_inner);
        adapters.keys().cloned().collect()
    }

    /// The text of these tokens as [`Generation::text`] would have it.
    pub fn text_of(&self, tokens: &[u32]) -> String {
        let mut text = TextStream::new(self.prompting.tokenizer.clone(), &[]);
        for token in tokens {
            text.push(*token);
        }
        text.finish();
        text.text().to_string()
    }

    fn adapter(&self, name: &str) -> Result<Arc<Adapter>, GenerateError> {
        let adapters = self.adapters.read().unwrap_or_else(PoisonError::into_inner);
        let found = adapters.get(name).cloned();
        found.ok_or_else(|| GenerateError::UnknownAdapter {
            adapter: name.into(),
            known: adapters.keys().cloned().collect(),
        })
    }
}

#[async_trait]
impl Generator for LanguageModel {
    fn name(&self) -> String {
        self.work.model.clone()
    }

    fn context_tokens(&self) -> usize {
        self.prompting.context
    }

    fn count_tokens(&self, prompt: &Prompt) -> usize {
        let tokens = self.prompting.tokens(prompt).map(|tokens| tokens.len());
        // What can't be counted can't be written either, and the request says why.
        tokens.unwrap_or(usize::MAX)
    }

    async fn generate(
        &self,
        request: GenerationRequest,
        pieces: Option<mpsc::UnboundedSender<String>>,
    ) -> Result<Generation, GenerateError> {
        let adapter = match &request.adapter {
            Some(name) => Some(self.adapter(name)?),
            None => None,
        };
        let person = request.person.clone();
        let (caller, outcome) = Caller::new();
        let prompting = self.prompting.clone();
        // A long prompt, or a schema not seen before, takes some milliseconds.
        let job =
            tokio::task::spawn_blocking(move || prompting.job(&request, adapter, caller, pieces))
                .await
                .map_err(|error| self.work.failed(error))??;
        self.work
            .queue
            .push(person, job, |job| job.caller.waits())
            .map_err(|Full(_)| GenerateError::Busy {
                model: self.work.model.clone(),
            })?;
        let ended = |_| Err(self.work.failed("the model thread has ended"));
        outcome.await.unwrap_or_else(ended)
    }
}
