//! Where adapters enter a graph.

use super::{
    folder::ModelFolder,
    graph::{FLOATS, Port, find},
};
use ort::value::TensorElementType;

pub(super) const LORA_MASK: &str = "lora_mask";

/// Where adapters enter the graph: behind a projection `y = W x` it computes
/// `y + ((x A) * mask) B` (Hu et al., 2021), with A `[input, rank]`,
/// B `[rank, output]` and the mask `[rows, 1, rank]` for all of them alike.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LoraInputs {
    pub element: TensorElementType,
    pub sites: Vec<LoraSite>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct LoraSite {
    /// `layers.N.attn.qkv_proj`: the inputs are this with `.lora_A` and `.lora_B`.
    pub name: String,
    pub layer: usize,
    /// Three where query, key and value are packed into one: then the rank
    /// axis is `[all of q | all of k | all of v]`.
    pub projections: Vec<Projection>,
    pub input: usize,
    pub output: usize,
}

/// One projection of the model as it was trained, by the name of its module.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Projection {
    pub name: String,
    /// Columns of the site's output that belong to it.
    pub width: usize,
}

impl LoraInputs {
    /// `None` where the graph takes no adapters.
    pub fn find(inputs: &[Port], folder: &ModelFolder) -> Result<Option<Self>, String> {
        let mut sites = Vec::new();
        let mut element = None;
        for a in inputs {
            let Some(name) = a.name.strip_suffix(".lora_A") else {
                continue;
            };
            let b = find(inputs, &format!("{name}.lora_B"), "input")?;
            for port in [a, b] {
                port.expect(2, &FLOATS)?;
                port.expect(2, &[*element.get_or_insert(port.element)])?;
            }
            let size = |fixed: i64| {
                usize::try_from(fixed)
                    .ok()
                    .filter(|size| (1..1 << 24).contains(size))
            };
            let (Some(input), Some(output)) = (size(a.shape[0]), size(b.shape[1])) else {
                return Err(format!("`{name}` of the graph has no fixed sizes"));
            };
            sites.push(lora_site(name, input, output, folder)?);
        }
        let Some(element) = element else {
            return Ok(None);
        };
        // Without it, requests with different adapters could not run together.
        find(inputs, LORA_MASK, "input")?.expect(3, &[element])?;
        sites.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Some(LoraInputs { element, sites }))
    }
}

fn lora_site(
    name: &str,
    input: usize,
    output: usize,
    folder: &ModelFolder,
) -> Result<LoraSite, String> {
    let unexpected = || format!("`{name}` of the graph is no name of a LoRA input");
    let (layer, rest) = name
        .strip_prefix("layers.")
        .and_then(|rest| rest.split_once('.'))
        .ok_or_else(unexpected)?;
    let layer: usize = layer.parse().map_err(|_| unexpected())?;
    let module = rest.rsplit('.').next().unwrap_or(rest);
    let projection = |name: &str, width| Projection {
        name: name.into(),
        width,
    };
    let projections = if module == "qkv_proj" {
        let kv = folder.kv_heads * folder.head_size;
        let q = output
            .checked_sub(2 * kv)
            .filter(|&q| q > 0)
            .ok_or_else(|| format!("`{name}` of the graph has {output} outputs, too few"))?;
        vec![
            projection("q_proj", q),
            projection("k_proj", kv),
            projection("v_proj", kv),
        ]
    } else {
        vec![projection(module, output)]
    };
    Ok(LoraSite {
        name: name.into(),
        layer,
        projections,
        input,
        output,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use TensorElementType::Float32;

    #[test]
    fn packed_projection_is_split_by_the_width_of_its_parts() {
        let inputs = [
            Port::new("layers.0.attn.qkv_proj.lora_A", Float32, &[64, -1]),
            Port::new("layers.0.attn.qkv_proj.lora_B", Float32, &[-1, 128]),
            Port::new("lora_mask", Float32, &[-1, 1, -1]),
        ];
        let lora = LoraInputs::find(&inputs, &ModelFolder::tiny()).expect("fits");
        let site = &lora.expect("the graph takes adapters").sites[0];
        let widths: Vec<(&str, usize)> = site
            .projections
            .iter()
            .map(|part| (part.name.as_str(), part.width))
            .collect();
        assert_eq!(widths, [("q_proj", 64), ("k_proj", 32), ("v_proj", 32)]);
    }

    #[test]
    fn graph_that_can_mask_no_row_takes_no_adapters() {
        let inputs = [
            Port::new("layers.0.attn.o_proj.lora_A", Float32, &[64, -1]),
            Port::new("layers.0.attn.o_proj.lora_B", Float32, &[-1, 64]),
        ];
        let error = LoraInputs::find(&inputs, &ModelFolder::tiny()).expect_err("no mask");
        assert!(error.contains("lora_mask"), "{error}");
    }
}
