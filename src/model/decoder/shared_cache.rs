//! The key-value cache that the graph writes in place.
//!
//! One buffer for the keys and one for the values of each layer, of shape
//! `[slots, kv_heads, context, head_size]`, on the device that the graph runs
//! on. A slot is a contiguous slice, so any run of slots is itself a tensor:
//! a prompt is fed through a view of its one row, and rows decode together
//! through a view of all of them. The same view is bound as past and as
//! present, and GroupQueryAttention writes each row's new tokens behind that
//! row's own length, which it takes from the attention mask. Nothing is copied
//! or cleared: what lies behind a row's length is never read.

use super::graph::Graph;
use half::{bf16, f16};
use ort::{
    AsPointer, Error,
    memory::Allocator,
    session::IoBinding,
    value::{DynTensor, PrimitiveTensorElementType, TensorElementType, Value},
};
use std::{
    ops::Range,
    ptr::{self, NonNull},
};

pub(super) struct SharedCache {
    /// Keys and values of each layer in turn.
    buffers: Vec<DynTensor>,
    /// Input and output of the graph for each buffer.
    names: Vec<(String, String)>,
    size: CacheSize,
    element: TensorElementType,
    allocator: Allocator,
}

/// `[slots, kv_heads, context, head_size]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CacheSize {
    pub slots: usize,
    pub kv_heads: usize,
    pub context: usize,
    pub head_size: usize,
}

impl CacheSize {
    /// Bytes that one slot takes in all layers, keys and values together.
    pub fn slot_bytes(graph: &Graph, context: usize) -> u64 {
        let element = if graph.cache_type == TensorElementType::Float32 {
            4
        } else {
            2
        };
        [graph.layers, graph.kv_heads, context, graph.head_size]
            .into_iter()
            .map(|size| size as u64)
            .fold(2 * element, u64::saturating_mul)
    }

    /// Numbers in one slot of one buffer.
    fn row(&self) -> usize {
        self.kv_heads * self.context * self.head_size
    }
}

impl SharedCache {
    /// Takes all of its memory now.
    pub fn allocate(graph: &Graph, size: CacheSize, allocator: Allocator) -> ort::Result<Self> {
        let names = graph.cache_names();
        let shape = [size.slots, size.kv_heads, size.context, size.head_size];
        let buffers = names
            .iter()
            .map(|_| DynTensor::new(&allocator, graph.cache_type, shape))
            .collect::<ort::Result<_>>()?;
        Ok(Self {
            buffers,
            names,
            size,
            element: graph.cache_type,
            allocator,
        })
    }

    /// Makes these slots the rows of the graph's next runs with `binding`,
    /// which must not be run after this cache is gone.
    pub fn bind(&mut self, slots: Range<usize>, binding: &mut IoBinding) -> ort::Result<()> {
        for buffer in 0..self.buffers.len() {
            let mut view = self.view(buffer, &slots)?;
            let (input, output) = &self.names[buffer];
            binding.bind_input(input, &view)?;
            binding.bind_output(output, &mut view)?;
        }
        Ok(())
    }

    /// A tensor on some slots of one buffer. It borrows the buffer's memory
    /// without a lifetime that says so: `bind` alone may call this.
    fn view(&mut self, buffer: usize, slots: &Range<usize>) -> ort::Result<DynTensor> {
        let CacheSize {
            kv_heads,
            context,
            head_size,
            ..
        } = self.size;
        if slots.is_empty() || slots.end > self.size.slots {
            return Err(Error::new(format!("the cache has no slots {slots:?}")));
        }
        let row_bytes = self
            .element
            .byte_size(self.size.row())
            .ok_or_else(|| Error::new("the cache's numbers have no size"))?;
        let shape = [slots.len(), kv_heads, context, head_size].map(|size| size as i64);
        let buffer = &mut self.buffers[buffer];
        let start = buffer.data_ptr_mut().cast::<u8>();
        let info = buffer.memory_info();
        let mut view = ptr::null_mut();
        // SAFETY: the buffer holds `size.slots` rows of `row_bytes`, and the
        // slots were checked to be among them, so the bytes handed over lie
        // inside of it; `info` describes the device they are on. ONNX Runtime
        // neither copies nor frees memory that it is given in this way. It
        // reads and writes it only while a run is going on: such a run is
        // started through the binding, by the session that owns both the
        // binding and this cache and needs itself exclusively for it, so the
        // buffer is alive then, and nobody else looks at it.
        let status = unsafe {
            (ort::api().CreateTensorWithDataAsOrtValue)(
                info.ptr(),
                start.add(slots.start * row_bytes).cast(),
                slots.len() * row_bytes,
                shape.as_ptr(),
                shape.len(),
                self.element.into(),
                &mut view,
            )
        };
        // SAFETY: the status was returned by the call above and is used once.
        unsafe { Error::result_from_status(status) }?;
        let view = NonNull::new(view).ok_or_else(|| Error::new("ONNX Runtime made no tensor"))?;
        // SAFETY: the tensor was just made, and nothing else owns it. Its
        // memory needs no allocator; the one given is only kept alive by it.
        Ok(unsafe { Value::from_ptr(view, Some(&self.allocator)) })
    }

    /// Whether [`SharedCache::copy`] works: on a device of its own it does not.
    pub fn can_copy(&self) -> bool {
        self.allocator.memory_info().is_cpu_accessible()
    }

    /// Copies tokens of one slot to the same place in another.
    pub fn copy(&mut self, from: usize, to: usize, tokens: Range<usize>) -> ort::Result<()> {
        let size = self.size;
        let inside = tokens.start <= tokens.end && tokens.end <= size.context;
        if from >= size.slots || to >= size.slots || !inside {
            return Err(Error::new(format!(
                "the cache can't copy the tokens {tokens:?} from slot {from} to slot {to}"
            )));
        }
        for buffer in &mut self.buffers {
            match self.element {
                TensorElementType::Float16 => copy_row::<f16>(buffer, size, from, to, &tokens)?,
                TensorElementType::Bfloat16 => copy_row::<bf16>(buffer, size, from, to, &tokens)?,
                _ => copy_row::<f32>(buffer, size, from, to, &tokens)?,
            }
        }
        Ok(())
    }
}

fn copy_row<T: PrimitiveTensorElementType + Copy>(
    buffer: &mut DynTensor,
    size: CacheSize,
    from: usize,
    to: usize,
    tokens: &Range<usize>,
) -> ort::Result<()> {
    let (_, numbers) = buffer.try_extract_tensor_mut::<T>()?;
    for head in 0..size.kv_heads {
        let start =
            |slot| slot * size.row() + (head * size.context + tokens.start) * size.head_size;
        let (source, target) = (start(from), start(to));
        numbers.copy_within(source..source + tokens.len() * size.head_size, target);
    }
    Ok(())
}
