//! A LoRA adapter, made ready for the graph.
//!
//! A tuned module computes `W x + (alpha / rank) B A x` (Hu et al., 2021;
//! `alpha / sqrt(rank)` where rank-stabilised). Here A and B are turned to lie
//! as the graph multiplies them, the factor goes into B, and everything is
//! checked against the graph, so that a loaded adapter can't fail a run.
//! Nothing is rounded but to the graph's own type of number.

use super::{
    lora_inputs::{LoraInputs, LoraSite},
    peft::{CONFIG, Module, PeftFolder, Scales},
};
use crate::model::ModelError;
use half::{bf16, f16};
use ort::value::TensorElementType;
use std::{
    ops::Range,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

/// An adapter in memory, whole and checked.
#[derive(Debug)]
pub(super) struct Adapter {
    pub name: String,
    /// No two adapters of a process have the same, also if they share a name.
    pub id: u64,
    /// The largest of its modules; the smaller ones are filled up with zeros.
    pub rank: usize,
    /// For each site of the graph, in the graph's order.
    pub sites: Vec<SiteWeights>,
}

/// One block for each projection that the site packs; zeros where a projection
/// is not tuned.
#[derive(Debug)]
pub(super) struct SiteWeights {
    /// `[blocks, input, rank]`
    pub a: Vec<f32>,
    /// `[blocks, rank, output]`: each block is zero but in its own columns.
    pub b: Vec<f32>,
}

/// More is no low rank, and a damaged file could ask for any amount of memory.
const MAX_RANK: usize = 1024;

impl Adapter {
    /// Reads an adapter folder for the graph with these inputs.
    pub fn open(name: &str, folder: &Path, inputs: &LoraInputs) -> Result<Self, ModelError> {
        let fault = |problem| ModelError::Adapter {
            folder: folder.to_path_buf(),
            problem,
        };
        let read = PeftFolder::read(folder).map_err(fault)?;
        let (rank, sites) = place(&read, inputs).map_err(fault)?;
        Ok(Self {
            name: name.into(),
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            rank,
            sites,
        })
    }
}

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// Modules that some models fuse and the exporter takes apart again.
fn parts_of(projection: &str) -> &'static [&'static str] {
    match projection {
        "qkv_proj" => &["q_proj", "k_proj", "v_proj"],
        "gate_up_proj" => &["gate_proj", "up_proj"],
        _ => &[],
    }
}

/// Puts every module where the graph wants it.
fn place(folder: &PeftFolder, inputs: &LoraInputs) -> Result<(usize, Vec<SiteWeights>), String> {
    let PeftFolder { scales, modules } = folder;
    let rank = modules
        .iter()
        .map(|module| module.a.rows)
        .max()
        .unwrap_or(0);
    if rank > MAX_RANK {
        return Err(format!(
            "it has rank {rank}, and at most {MAX_RANK} is taken"
        ));
    }
    let mut sites: Vec<SiteWeights> = inputs
        .sites
        .iter()
        .map(|site| SiteWeights {
            a: vec![0.0; site.projections.len() * site.input * rank],
            b: vec![0.0; site.projections.len() * rank * site.output],
        })
        .collect();
    for module in modules {
        place_module(module, rank, scales, inputs, &mut sites)
            .map_err(|problem| format!("`{}` {problem}", module.path))?;
    }
    let fits = |number: &f32| match inputs.element {
        TensorElementType::Float16 => f16::from_f32(*number).is_finite(),
        TensorElementType::Bfloat16 => bf16::from_f32(*number).is_finite(),
        _ => number.is_finite(),
    };
    let mut numbers = sites.iter().flat_map(|site| site.a.iter().chain(&site.b));
    if !numbers.all(fits) {
        return Err(format!(
            "with alpha put in, it holds numbers too large for the graph's {}",
            inputs.element
        ));
    }
    Ok((rank, sites))
}

fn place_module(
    module: &Module,
    rank: usize,
    scales: &Scales,
    inputs: &LoraInputs,
    sites: &mut [SiteWeights],
) -> Result<(), String> {
    let Module { a, b, .. } = module;
    let own_rank = scales.rank_of(&module.path);
    if a.rows != own_rank || b.columns != own_rank || own_rank == 0 {
        return Err(format!(
            "has rank {} in lora_A, {} in lora_B and {own_rank} in {CONFIG}",
            a.rows, b.columns
        ));
    }
    let targets = targets_of(module, inputs)?;
    let outputs: usize = targets.iter().map(|target| target.columns.len()).sum();
    if outputs != b.rows {
        return Err(format!(
            "has {} outputs, and the graph's projection {outputs}",
            b.rows
        ));
    }
    let factor = scales.factor_of(&module.path, own_rank);
    let mut row = 0;
    for Target {
        index,
        block,
        columns,
    } in targets
    {
        let site = &inputs.sites[index];
        if site.input != a.columns {
            return Err(format!(
                "has {} inputs, and the graph's projection {}",
                a.columns, site.input
            ));
        }
        let weights = &mut sites[index];
        let (size_a, size_b) = (site.input * rank, rank * site.output);
        a.transpose_into(
            0..own_rank,
            1.0,
            &mut weights.a[block * size_a..][..size_a],
            rank,
            0,
        );
        b.transpose_into(
            row..row + columns.len(),
            factor,
            &mut weights.b[block * size_b..][..size_b],
            site.output,
            columns.start,
        );
        row += columns.len();
    }
    Ok(())
}

/// Where one projection enters the graph.
struct Target {
    /// Of the site.
    index: usize,
    /// Of the projection in its site.
    block: usize,
    /// Of the site's output.
    columns: Range<usize>,
}

fn targets_of(module: &Module, inputs: &LoraInputs) -> Result<Vec<Target>, String> {
    let find = |projection: &str| {
        let in_layer = inputs.sites.iter().enumerate();
        in_layer
            .filter(|(_, site)| site.layer == module.layer)
            .find_map(|(index, site)| target_in(site, index, projection))
    };
    let parts = parts_of(&module.projection);
    let targets: Option<Vec<Target>> = match find(&module.projection) {
        Some(target) => Some(vec![target]),
        None if parts.is_empty() => None,
        None => parts.iter().map(|part| find(part)).collect(),
    };
    targets.ok_or_else(|| "is not among the projections that the graph lets an adapter tune".into())
}

fn target_in(site: &LoraSite, index: usize, projection: &str) -> Option<Target> {
    let mut start = 0;
    for (block, part) in site.projections.iter().enumerate() {
        if part.name == projection {
            return Some(Target {
                index,
                block,
                columns: start..start + part.width,
            });
        }
        start += part.width;
    }
    None
}
