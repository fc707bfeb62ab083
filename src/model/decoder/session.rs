//! One opened decoder graph: tokens of some rows in, logits out.
//!
//! The session, its cache and the adapters at work live and run on one thread.
//! Rows that run together lie in neighbouring slots and are fed equally many
//! tokens: one each for any number of rows, or many for one row alone.

use super::{
    DecoderOptions, ModelFolder,
    graph::{ATTENTION_MASK, Graph, INPUT_IDS, LOGITS, POSITION_IDS},
    grown_cache::GrownCache,
    logits::read_last_positions,
    lora::Adapter,
    lora_batch::LoraBatch,
    lora_inputs::LoraInputs,
    shared_cache::{CacheSize, SharedCache},
};
use crate::{config::Device, model::ModelError};
use ort::{
    Error,
    environment::Environment,
    ep,
    memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType},
    session::{IoBinding, RunOptions, Session, builder::GraphOptimizationLevel},
    value::Tensor,
};
use std::{ops::Range, sync::Arc};
use tracing::{info, warn};

/// The number of the card that is used.
const GRAPHICS_CARD: i32 = 0;

pub(super) struct DecoderSession {
    // What is bound goes before what it is bound to.
    binding: IoBinding,
    cache: Cache,
    session: Session,
    graph: Graph,
    size: CacheSize,
    vocabulary: usize,
    lora: Option<LoraBatch>,
    /// Slots that are bound as rows.
    rows: Option<Range<usize>>,
    /// Rows and tokens that the logits were last bound for.
    logits_shape: (usize, usize),
    /// Of the last run: the last position of each row.
    logits: Vec<f32>,
    stop: Arc<RunOptions>,
}

enum Cache {
    Shared(SharedCache),
    Grown(GrownCache),
}

/// What one row is fed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    pub slot: usize,
    /// Tokens of the slot that are kept; the new ones follow them.
    pub past: usize,
    pub tokens: &'a [u32],
    /// The [`Adapter::id`]; `None` is the base model.
    pub adapter: Option<u64>,
}

impl DecoderSession {
    /// Loads the graph, takes the memory of the cache, and runs a token or two
    /// through it, so that a wrong file is found now.
    pub fn open(
        environment: &Environment,
        folder: &ModelFolder,
        options: &DecoderOptions,
    ) -> Result<Self, ModelError> {
        let unusable = |error: Error| ModelError::Unusable {
            file: folder.graph.clone(),
            source: error.into(),
        };
        let session = open_session(environment, folder, options)?;
        let graph = Graph::read(&session, folder).map_err(|problem| folder.misfit(problem))?;
        if graph.logits_of_all {
            info!(
                "The graph computes logits for every token of a prompt, and only the last ones are \
                 used: an export with prune_lm_head=true reads prompts faster"
            );
        }
        let size = cache_size(&graph, folder, options)?;
        let lora = match &graph.lora {
            Some(inputs) => Some(LoraBatch::pack(inputs, Vec::new()).map_err(unusable)?),
            None => None,
        };
        let cache = if folder.shares_cache {
            SharedCache::allocate(
                &graph,
                size,
                allocator(&session, options).map_err(unusable)?,
            )
            .map(Cache::Shared)
        } else {
            GrownCache::new(
                &graph,
                size.slots,
                allocator(&session, options).map_err(unusable)?,
            )
            .map(Cache::Grown)
        };
        let mut opened = Self {
            binding: session.create_binding().map_err(unusable)?,
            cache: cache.map_err(unusable)?,
            session,
            graph,
            size,
            vocabulary: folder.vocabulary,
            lora,
            rows: None,
            logits_shape: (0, 0),
            logits: Vec::new(),
            stop: Arc::new(RunOptions::new().map_err(unusable)?),
        };
        opened.bind_adapters().map_err(unusable)?;
        if let Err(error) = opened.warm_up(folder) {
            if !folder.shares_cache {
                return Err(unusable(error));
            }
            warn!(
                "The graph does not share its cache, though {} says so; it will be slower: {error}",
                folder.config
            );
            opened.grow_cache(options).map_err(unusable)?;
            opened.warm_up(folder).map_err(unusable)?;
        }
        Ok(opened)
    }

    fn grow_cache(&mut self, options: &DecoderOptions) -> ort::Result<()> {
        let allocator = allocator(&self.session, options)?;
        self.binding = self.session.create_binding()?;
        self.cache = Cache::Grown(GrownCache::new(&self.graph, self.size.slots, allocator)?);
        self.bind_adapters()
    }

    fn warm_up(&mut self, folder: &ModelFolder) -> ort::Result<()> {
        let tokens = &folder.eos[..1];
        for past in 0..2 {
            let row = Row {
                slot: 0,
                past,
                tokens,
                adapter: None,
            };
            self.run(&[row])?;
        }
        Ok(())
    }

    pub fn size(&self) -> CacheSize {
        self.size
    }

    /// What the caches of all slots take together.
    pub fn cache_bytes(&self) -> u64 {
        CacheSize::slot_bytes(&self.graph, self.size.context) * self.size.slots as u64
    }

    pub fn lora_inputs(&self) -> Option<&LoraInputs> {
        self.graph.lora.as_ref()
    }

    /// Numbers that [`DecoderSession::run`] gives for each row.
    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// Whether rows of different length run together faster than one by one.
    pub fn runs_rows_together(&self) -> bool {
        matches!(self.cache, Cache::Shared(_))
    }

    /// Ends a run that is going on, from another thread, after its current operator.
    pub fn stop_handle(&self) -> Arc<RunOptions> {
        self.stop.clone()
    }

    /// Makes these the adapters that rows may name. Cheap where they are so already.
    pub fn use_adapters(&mut self, adapters: Vec<Arc<Adapter>>) -> ort::Result<()> {
        let (Some(inputs), Some(lora)) = (&self.graph.lora, &self.lora) else {
            return Ok(());
        };
        if lora.holds(&adapters) {
            return Ok(());
        }
        self.lora = Some(LoraBatch::pack(inputs, adapters)?);
        self.bind_adapters()
    }

    fn bind_adapters(&mut self) -> ort::Result<()> {
        match &self.lora {
            Some(lora) => lora.bind(&mut self.binding),
            None => Ok(()),
        }
    }

    /// Makes slot `to` hold the tokens of slot `from` up to the range's end, as
    /// far as the cache allows it: returns how many it holds. Those before the
    /// range it holds already, and none behind it are kept.
    pub fn keep(&mut self, from: usize, to: usize, range: Range<usize>) -> ort::Result<usize> {
        let tokens = range.end;
        let kept = match &mut self.cache {
            Cache::Shared(_) if from == to => tokens,
            Cache::Shared(cache) if cache.can_copy() => {
                cache.copy(from, to, range)?;
                tokens
            }
            Cache::Shared(_) => range.start,
            Cache::Grown(cache) => {
                let kept = if cache.can_copy() { tokens } else { 0 };
                cache.copy(from, to, kept)?;
                kept
            }
        };
        Ok(kept)
    }

    /// Whether one slot can take over what another holds.
    pub fn can_copy(&self) -> bool {
        match &self.cache {
            Cache::Shared(cache) => cache.can_copy(),
            Cache::Grown(cache) => cache.can_copy(),
        }
    }

    /// Feeds neighbouring slots and gives the logits behind each row's last
    /// token, `[rows, vocabulary]`.
    pub fn run(&mut self, rows: &[Row]) -> ort::Result<&mut [f32]> {
        self.logits.clear();
        if self.runs_rows_together() {
            self.run_together(rows)?;
        } else {
            for row in rows {
                self.run_together(std::slice::from_ref(row))?;
            }
        }
        Ok(&mut self.logits)
    }

    fn run_together(&mut self, rows: &[Row]) -> ort::Result<()> {
        let Some(first) = rows.first() else {
            return Ok(());
        };
        let slots = first.slot..first.slot + rows.len();
        match &mut self.cache {
            Cache::Grown(cache) => cache.bind(first.slot, &mut self.binding)?,
            Cache::Shared(cache) => {
                if self.rows.as_ref() != Some(&slots) {
                    self.rows = None;
                    cache.bind(slots.clone(), &mut self.binding)?;
                    self.rows = Some(slots);
                }
            }
        }
        self.bind_tokens(rows)?;
        if let Some(lora) = &self.lora {
            let adapters: Vec<_> = rows.iter().map(|row| row.adapter).collect();
            lora.bind_mask(&adapters, &mut self.binding)?;
        }
        // The binding keeps the last run's tensor, which fits the same shape only.
        let logits_shape = (rows.len(), first.tokens.len());
        if self.logits_shape != logits_shape {
            self.binding.bind_output_to_device(LOGITS, &host()?)?;
            self.logits_shape = logits_shape;
        }
        let mut outputs = self
            .session
            .run_binding_with_options(&self.binding, &self.stop)?;
        self.binding.synchronize_outputs()?;
        let logits = outputs
            .get(LOGITS)
            .ok_or_else(|| Error::new("the run gave no logits"))?;
        read_last_positions(logits, rows.len(), self.vocabulary, &mut self.logits)?;
        if let Cache::Grown(cache) = &mut self.cache {
            cache.take(first.slot, &mut outputs)?;
        }
        Ok(())
    }

    /// Each row's mask has ones as far as its tokens reach, past and new ones:
    /// from them the graph takes the row's length.
    fn bind_tokens(&mut self, rows: &[Row]) -> ort::Result<()> {
        let tokens = rows.first().map_or(0, |row| row.tokens.len());
        let reach = |row: &Row| row.past + tokens;
        let width = rows.iter().map(reach).max().unwrap_or(0);
        let uneven = rows.iter().any(|row| row.tokens.len() != tokens);
        if uneven || tokens == 0 || width > self.size.context {
            return Err(Error::new(format!(
                "rows of {tokens} tokens that reach to {width} don't fit the cache"
            )));
        }
        let ids = rows.iter().flat_map(|row| row.tokens).map(|&id| id.into());
        self.bind_integers(INPUT_IDS, [rows.len(), tokens], ids.collect())?;
        let mut mask = vec![1; rows.len() * width];
        for (row, mask) in rows.iter().zip(mask.chunks_exact_mut(width)) {
            mask[reach(row)..].fill(0);
        }
        self.bind_integers(ATTENTION_MASK, [rows.len(), width], mask)?;
        if self.graph.wants_positions {
            let positions = rows
                .iter()
                .flat_map(|row| (row.past..reach(row)).map(|at| at as i64));
            self.bind_integers(POSITION_IDS, [rows.len(), tokens], positions.collect())?;
        }
        Ok(())
    }

    fn bind_integers(
        &mut self,
        name: &str,
        shape: [usize; 2],
        numbers: Vec<i64>,
    ) -> ort::Result<()> {
        self.binding
            .bind_input(name, &Tensor::from_array((shape, numbers))?)
    }
}

/// As many slots as are asked for and as fit.
fn cache_size(
    graph: &Graph,
    folder: &ModelFolder,
    options: &DecoderOptions,
) -> Result<CacheSize, ModelError> {
    let context = options
        .context_tokens
        .clamp(2, folder.usable_context().max(2));
    let slot_bytes = CacheSize::slot_bytes(graph, context);
    let fitting = options.cache_bytes / slot_bytes.max(1);
    if fitting == 0 {
        return Err(ModelError::CacheTooSmall {
            context,
            slot_bytes,
            allowed_bytes: options.cache_bytes,
        });
    }
    let fitting = usize::try_from(fitting).unwrap_or(usize::MAX);
    Ok(CacheSize {
        slots: options.slots.max(1).min(fitting),
        kv_heads: graph.kv_heads,
        context,
        head_size: graph.head_size,
    })
}

fn open_session(
    environment: &Environment,
    folder: &ModelFolder,
    options: &DecoderOptions,
) -> Result<Session, ModelError> {
    // The builder's own error carries the builder, which can't cross threads.
    let open = || -> ort::Result<Session> {
        let mut builder = Session::builder(environment)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(options.threads.max(1))?
            .with_inter_threads(1)?
            .with_intra_op_spinning(options.spinning)?
            // Plans memory for every shape that it has seen, and a growing text has ever new ones.
            .with_memory_pattern(false)?;
        if options.device == Device::Cuda {
            let cuda = ep::CUDA::default().with_device_id(GRAPHICS_CARD).build();
            builder = builder.with_execution_providers([cuda.error_on_failure()])?;
        }
        builder.commit_from_file(&folder.graph)
    };
    open().map_err(|error| ModelError::Unusable {
        file: folder.graph.clone(),
        source: error.to_string().into(),
    })
}

/// Of the memory that the graph's cache lies in.
fn allocator(session: &Session, options: &DecoderOptions) -> ort::Result<Allocator> {
    match options.device {
        Device::Cpu => Ok(Allocator::default()),
        Device::Cuda => Allocator::new(
            session,
            MemoryInfo::new(
                AllocationDevice::CUDA,
                GRAPHICS_CARD,
                AllocatorType::Device,
                MemoryType::Default,
            )?,
        ),
    }
}

fn host() -> ort::Result<MemoryInfo<'static>> {
    MemoryInfo::new(
        AllocationDevice::CPU,
        0,
        AllocatorType::Device,
        MemoryType::CPUOutput,
    )
}
