//! An adapter's folder as PEFT writes it: how it was trained, and its matrices.
//!
//! Of every module it tunes there is `lora_A` of shape `[rank, input]` and
//! `lora_B` of shape `[output, rank]`, named by the module's path in the model.
//! Not read: DoRA, tuned biases, embeddings and heads.

use half::{bf16, f16};
use regex::Regex;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, fs, ops::Range, path::Path};

pub(super) const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";

/// What a folder holds; nothing of it is compared with a graph yet.
pub(super) struct PeftFolder {
    pub scales: Scales,
    /// At least one.
    pub modules: Vec<Module>,
}

impl PeftFolder {
    /// An error names the file.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let read =
            |file: &str| fs::read(folder.join(file)).map_err(|error| format!("{file}: {error}"));
        let config: Config =
            serde_json::from_slice(&read(CONFIG)?).map_err(|error| format!("{CONFIG}: {error}"))?;
        Ok(Self {
            scales: config
                .scales()
                .map_err(|problem| format!("{CONFIG}: {problem}"))?,
            modules: read_modules(&read(WEIGHTS)?)
                .map_err(|problem| format!("{WEIGHTS}: {problem}"))?,
        })
    }
}

/// `adapter_config.json`, as far as it changes the weights.
#[derive(Deserialize)]
struct Config {
    r: usize,
    lora_alpha: f64,
    #[serde(default)]
    use_rslora: bool,
    #[serde(default)]
    use_dora: bool,
    #[serde(default)]
    fan_in_fan_out: bool,
    #[serde(default)]
    lora_bias: bool,
    #[serde(default)]
    bias: Option<String>,
    #[serde(default)]
    rank_pattern: Option<BTreeMap<String, usize>>,
    #[serde(default)]
    alpha_pattern: Option<BTreeMap<String, f64>>,
    #[serde(default)]
    modules_to_save: Option<Value>,
}

impl Config {
    fn scales(self) -> Result<Scales, String> {
        let refused = [
            ("use_dora", self.use_dora),
            ("fan_in_fan_out", self.fan_in_fan_out),
            ("lora_bias", self.lora_bias),
            ("bias", self.bias.is_some_and(|bias| bias != "none")),
            (
                "modules_to_save",
                self.modules_to_save
                    .is_some_and(|saved| !saved.is_null() && saved != Value::Array(Vec::new())),
            ),
        ];
        if let Some((key, _)) = refused.iter().find(|(_, set)| *set) {
            return Err(format!(
                "`{key}` is set, and only plain LoRA can be added to a running model: \
                 train without it, or merge the adapter and export the whole model"
            ));
        }
        Ok(Scales {
            rank: self.r,
            alpha: self.lora_alpha,
            rank_stabilised: self.use_rslora,
            ranks: patterns(self.rank_pattern.unwrap_or_default())?,
            alphas: patterns(self.alpha_pattern.unwrap_or_default())?,
        })
    }
}

/// Rank and factor of each module.
pub(super) struct Scales {
    rank: usize,
    alpha: f64,
    rank_stabilised: bool,
    ranks: Vec<(Regex, usize)>,
    alphas: Vec<(Regex, f64)>,
}

/// PEFT's patterns name the end of a module's path, as regular expressions.
fn patterns<T>(table: BTreeMap<String, T>) -> Result<Vec<(Regex, T)>, String> {
    table
        .into_iter()
        .map(|(pattern, value)| {
            let whole = Regex::new(&format!(r"^(?:.*\.)?(?:{pattern})$"))
                .map_err(|_| format!("`{pattern}` is no regular expression"))?;
            Ok((whole, value))
        })
        .collect()
}

impl Scales {
    pub fn rank_of(&self, path: &str) -> usize {
        let own = self
            .ranks
            .iter()
            .find(|(pattern, _)| pattern.is_match(path));
        own.map_or(self.rank, |(_, rank)| *rank)
    }

    /// What B is multiplied with.
    pub fn factor_of(&self, path: &str, rank: usize) -> f64 {
        let own = self
            .alphas
            .iter()
            .find(|(pattern, _)| pattern.is_match(path));
        let alpha = own.map_or(self.alpha, |(_, alpha)| *alpha);
        let rank = rank as f64;
        alpha
            / if self.rank_stabilised {
                rank.sqrt()
            } else {
                rank
            }
    }
}

/// A tuned module: its path without PEFT's prefix, and its two matrices.
pub(super) struct Module {
    pub path: String,
    pub layer: usize,
    pub projection: String,
    pub a: Matrix,
    pub b: Matrix,
}

pub(super) struct Matrix {
    pub rows: usize,
    pub columns: usize,
    /// Row by row.
    numbers: Vec<f32>,
}

fn read_modules(file: &[u8]) -> Result<Vec<Module>, String> {
    let tensors = SafeTensors::deserialize(file).map_err(|error| error.to_string())?;
    let mut halves: BTreeMap<String, [Option<Matrix>; 2]> = BTreeMap::new();
    for (key, tensor) in tensors.tensors() {
        let (path, half) = split_key(&key)
            .ok_or_else(|| format!("`{key}` is no weight of a LoRA on a layer's projection"))?;
        let matrix = Matrix::read(&tensor).map_err(|problem| format!("`{key}` {problem}"))?;
        halves.entry(path.into()).or_default()[half] = Some(matrix);
    }
    if halves.is_empty() {
        return Err("it has no tensors".into());
    }
    let whole = halves.into_iter().map(|(path, halves)| {
        let [Some(a), Some(b)] = halves else {
            return Err(format!("`{path}` has only one of lora_A and lora_B"));
        };
        let (layer, projection) = locate(&path)
            .ok_or_else(|| format!("`{path}` is not a projection of a numbered layer"))?;
        Ok(Module {
            path,
            layer,
            projection,
            a,
            b,
        })
    });
    whole.collect()
}

/// `base_model.model.PATH.lora_A.weight`, with or without the adapter's name
/// before `weight`: the path, and 0 for A, 1 for B.
fn split_key(key: &str) -> Option<(&str, usize)> {
    let key = key.strip_prefix("base_model.model.").unwrap_or(key);
    let key = key.strip_suffix(".weight")?;
    let key = key.strip_suffix(".default").unwrap_or(key);
    match key.strip_suffix(".lora_A") {
        Some(path) => Some((path, 0)),
        None => Some((key.strip_suffix(".lora_B")?, 1)),
    }
}

/// `model.layers.3.self_attn.q_proj` is `q_proj` of layer 3.
fn locate(path: &str) -> Option<(usize, String)> {
    let (_, rest) = path.split_once("layers.")?;
    let (layer, module) = rest.split_once('.')?;
    let projection = module.rsplit('.').next()?;
    Some((layer.parse().ok()?, projection.into()))
}

impl Matrix {
    fn read(tensor: &TensorView) -> Result<Self, String> {
        let &[rows, columns] = tensor.shape() else {
            return Err(format!("has the shape {:?}", tensor.shape()));
        };
        if rows == 0 || columns == 0 {
            return Err("is empty".into());
        }
        let data = tensor.data();
        let numbers: Vec<f32> = match tensor.dtype() {
            Dtype::F32 => numbers(data, f32::from_le_bytes),
            Dtype::F16 => numbers(data, |bytes| f16::from_le_bytes(bytes).to_f32()),
            Dtype::BF16 => numbers(data, |bytes| bf16::from_le_bytes(bytes).to_f32()),
            other => return Err(format!("holds {other:?}, expected F32, F16 or BF16")),
        };
        if numbers.iter().any(|number| !number.is_finite()) {
            return Err("holds numbers that are not finite".into());
        }
        Ok(Self {
            rows,
            columns,
            numbers,
        })
    }

    /// The transpose of some of its rows, each number times `factor`, as
    /// columns `at..` of the rows of `target`, which have `width` numbers.
    pub fn transpose_into(
        &self,
        rows: Range<usize>,
        factor: f64,
        target: &mut [f32],
        width: usize,
        at: usize,
    ) {
        let own_rows = self.numbers.chunks_exact(self.columns.max(1));
        for (column, row) in own_rows.skip(rows.start).take(rows.len()).enumerate() {
            for (target, &number) in target.chunks_exact_mut(width).zip(row) {
                // The product of two f32 is exact in f64, so this rounds once.
                target[at + column] = (f64::from(number) * factor) as f32;
            }
        }
    }
}

fn numbers<const N: usize>(data: &[u8], read: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (chunks, _) = data.as_chunks::<N>();
    chunks.iter().map(|&bytes| read(bytes)).collect()
}
