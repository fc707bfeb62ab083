//! The key-value cache that the graph hands back one token longer.
//!
//! Exports without GroupQueryAttention take the past and give past and new
//! tokens concatenated, as new tensors. So every row has its own, and rows run
//! one after the other: slower, but such exports are run as they are.

use super::graph::Graph;
use ort::{
    Error,
    memory::Allocator,
    session::{IoBinding, SessionOutputs},
    value::{DynTensor, DynValue, Tensor, TensorElementType},
};

pub(super) struct GrownCache {
    /// By slot: keys and values of each layer in turn.
    rows: Vec<Vec<DynValue>>,
    /// Input and output of the graph for each of a row's tensors.
    names: Vec<(String, String)>,
    kv_heads: usize,
    head_size: usize,
    element: TensorElementType,
    allocator: Allocator,
}

impl GrownCache {
    pub fn new(graph: &Graph, slots: usize, allocator: Allocator) -> ort::Result<Self> {
        let mut cache = Self {
            rows: Vec::new(),
            names: graph.cache_names(),
            kv_heads: graph.kv_heads,
            head_size: graph.head_size,
            element: graph.cache_type,
            allocator,
        };
        cache.rows = (0..slots)
            .map(|_| cache.empty_row())
            .collect::<ort::Result<_>>()?;
        Ok(cache)
    }

    fn empty_row(&self) -> ort::Result<Vec<DynValue>> {
        let shape = [1, self.kv_heads, 0, self.head_size];
        self.names
            .iter()
            .map(|_| Ok(DynTensor::new(&self.allocator, self.element, shape)?.into_dyn()))
            .collect()
    }

    /// Binds one slot as the past, and fresh tensors as the present.
    pub fn bind(&self, slot: usize, binding: &mut IoBinding) -> ort::Result<()> {
        let row = self.rows.get(slot).ok_or_else(|| no_slot(slot))?;
        for ((input, output), past) in self.names.iter().zip(row) {
            binding.bind_input(input, past)?;
            binding.bind_output_to_device(output, self.allocator.memory_info())?;
        }
        Ok(())
    }

    /// Takes what the run gave as the slot's new past.
    pub fn take(&mut self, slot: usize, outputs: &mut SessionOutputs) -> ort::Result<()> {
        let row = self
            .names
            .iter()
            .map(|(_, output)| {
                let missing = || Error::new(format!("the run gave no `{output}`"));
                outputs.remove(output).ok_or_else(missing)
            })
            .collect::<ort::Result<Vec<_>>>()?;
        *self.rows.get_mut(slot).ok_or_else(|| no_slot(slot))? = row;
        Ok(())
    }

    /// Whether a part of a row can be kept: the tensors must be at hand.
    pub fn can_copy(&self) -> bool {
        self.element == TensorElementType::Float32
            && self.allocator.memory_info().is_cpu_accessible()
    }

    /// Makes a slot hold the first `tokens` tokens of another, or of itself.
    pub fn copy(&mut self, from: usize, to: usize, tokens: usize) -> ort::Result<()> {
        let row = if tokens == 0 {
            self.empty_row()?
        } else {
            let source = self.rows.get(from).ok_or_else(|| no_slot(from))?;
            source
                .iter()
                .map(|value| first_tokens(value, tokens))
                .collect::<ort::Result<_>>()?
        };
        *self.rows.get_mut(to).ok_or_else(|| no_slot(to))? = row;
        Ok(())
    }
}

/// Of a tensor `[1, heads, length, size]`, `[1, heads, tokens, size]`.
fn first_tokens(value: &DynValue, tokens: usize) -> ort::Result<DynValue> {
    let (shape, numbers) = value.try_extract_tensor::<f32>()?;
    let &[1, heads, length, size] = &shape[..] else {
        return Err(Error::new(format!("the cache has the shape {shape:?}")));
    };
    let (heads, length, size) = (heads as usize, length as usize, size as usize);
    if tokens > length || length * size == 0 {
        return Err(Error::new(format!(
            "the cache holds {length} tokens, and {tokens} were asked for"
        )));
    }
    let kept: Vec<f32> = numbers
        .chunks_exact(length * size)
        .flat_map(|head| &head[..tokens * size])
        .copied()
        .collect();
    Ok(Tensor::from_array(([1, heads, tokens, size], kept))?.into_dyn())
}

fn no_slot(slot: usize) -> Error {
    Error::new(format!("the cache has no slot {slot}"))
}
