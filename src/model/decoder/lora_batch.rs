//! The adapters of all requests at work, side by side in one batch.
//!
//! A of every adapter is concatenated along the rank axis, B likewise, and a
//! mask with ones at each row's own adapter makes the others' part of that row
//! exactly zero. Where a site packs query, key and value, its rank axis is
//! `[all of q | all of k | all of v]`, and the graph repeats the mask itself.

use super::{
    lora::Adapter,
    lora_inputs::{LORA_MASK, LoraInputs, LoraSite},
};
use half::{bf16, f16};
use ort::{
    session::IoBinding,
    value::{DynTensor, Tensor, TensorElementType},
};
use std::sync::Arc;

pub(super) struct LoraBatch {
    adapters: Vec<Arc<Adapter>>,
    /// Sum of the adapters' ranks.
    rank: usize,
    element: TensorElementType,
    /// By input of the graph.
    tensors: Vec<(String, DynTensor)>,
}

impl LoraBatch {
    /// Without adapters the rank is 0, and every row is the base model's.
    pub fn pack(inputs: &LoraInputs, adapters: Vec<Arc<Adapter>>) -> ort::Result<Self> {
        let rank = adapters.iter().map(|adapter| adapter.rank).sum();
        let mut tensors = Vec::with_capacity(2 * inputs.sites.len());
        for (index, site) in inputs.sites.iter().enumerate() {
            let blocks = site.projections.len();
            let a = concatenate_a(site, index, &adapters);
            let b = concatenate_b(site, index, &adapters);
            let shape_a = [site.input, blocks * rank];
            let shape_b = [blocks * rank, site.output];
            let element = inputs.element;
            tensors.push((
                format!("{}.lora_A", site.name),
                tensor(element, shape_a, a)?,
            ));
            tensors.push((
                format!("{}.lora_B", site.name),
                tensor(element, shape_b, b)?,
            ));
        }
        Ok(Self {
            adapters,
            rank,
            element: inputs.element,
            tensors,
        })
    }

    /// Whether these adapters, and no others, are packed.
    pub fn holds(&self, adapters: &[Arc<Adapter>]) -> bool {
        self.adapters.len() == adapters.len()
            && self
                .adapters
                .iter()
                .zip(adapters)
                .all(|(a, b)| a.id == b.id)
    }

    pub fn bind(&self, binding: &mut IoBinding) -> ort::Result<()> {
        for (name, tensor) in &self.tensors {
            binding.bind_input(name, tensor)?;
        }
        Ok(())
    }

    /// Binds the mask for rows with these adapters, `None` for the base model.
    pub fn bind_mask(&self, rows: &[Option<u64>], binding: &mut IoBinding) -> ort::Result<()> {
        let mask = rows.iter().flat_map(|row| {
            self.adapters.iter().flat_map(move |adapter| {
                let own = if *row == Some(adapter.id) { 1.0 } else { 0.0 };
                std::iter::repeat_n(own, adapter.rank)
            })
        });
        let shape = [rows.len(), 1, self.rank];
        let mask = tensor(self.element, shape, mask.collect())?;
        binding.bind_input(LORA_MASK, &mask)
    }
}

/// `[input, blocks * rank]`: for every input, the blocks, and in each block the
/// adapters' columns.
fn concatenate_a(site: &LoraSite, index: usize, adapters: &[Arc<Adapter>]) -> Vec<f32> {
    let mut numbers = Vec::new();
    for input in 0..site.input {
        for block in 0..site.projections.len() {
            for adapter in adapters {
                let row = (block * site.input + input) * adapter.rank;
                numbers.extend_from_slice(&adapter.sites[index].a[row..][..adapter.rank]);
            }
        }
    }
    numbers
}

/// `[blocks * rank, output]`: the blocks, and in each block the adapters' rows.
fn concatenate_b(site: &LoraSite, index: usize, adapters: &[Arc<Adapter>]) -> Vec<f32> {
    let mut numbers = Vec::new();
    for block in 0..site.projections.len() {
        for adapter in adapters {
            let size = adapter.rank * site.output;
            numbers.extend_from_slice(&adapter.sites[index].b[block * size..][..size]);
        }
    }
    numbers
}

fn tensor<const N: usize>(
    element: TensorElementType,
    shape: [usize; N],
    numbers: Vec<f32>,
) -> ort::Result<DynTensor> {
    Ok(match element {
        TensorElementType::Float16 => {
            let numbers: Vec<f16> = numbers.into_iter().map(f16::from_f32).collect();
            Tensor::from_array((shape, numbers))?.upcast()
        }
        TensorElementType::Bfloat16 => {
            let numbers: Vec<bf16> = numbers.into_iter().map(bf16::from_f32).collect();
            Tensor::from_array((shape, numbers))?.upcast()
        }
        _ => Tensor::from_array((shape, numbers))?.upcast(),
    })
}
