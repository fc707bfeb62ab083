//! What a decoder graph wants and gives, read from its inputs and outputs.
//!
//! Every exporter names them alike: `input_ids` and `attention_mask`, the cache
//! as `past_key_values.N.key|value` in and `present.N.key|value` out, `logits`.
//! Some add `position_ids`, ours adds LoRA inputs. Nothing is known of the
//! architecture behind them, and nothing needs to be.

use super::{
    folder::ModelFolder,
    lora_inputs::{LORA_MASK, LoraInputs},
};
use ort::{
    session::Session,
    value::{TensorElementType, ValueType},
};

pub(super) const INPUT_IDS: &str = "input_ids";
pub(super) const ATTENTION_MASK: &str = "attention_mask";
pub(super) const POSITION_IDS: &str = "position_ids";
pub(super) const LOGITS: &str = "logits";

#[derive(Debug, PartialEq)]
pub(super) struct Graph {
    pub layers: usize,
    pub kv_heads: usize,
    pub head_size: usize,
    /// Float32, Float16 or Bfloat16.
    pub cache_type: TensorElementType,
    pub wants_positions: bool,
    pub lora: Option<LoraInputs>,
}

/// An input or output. Dimensions that are not fixed are negative.
#[derive(Debug)]
pub(super) struct Port {
    pub name: String,
    pub element: TensorElementType,
    pub shape: Vec<i64>,
}

impl Port {
    #[cfg(test)]
    pub fn new(name: &str, element: TensorElementType, shape: &[i64]) -> Self {
        Port {
            name: name.into(),
            element,
            shape: shape.to_vec(),
        }
    }

    fn read(name: &str, kind: &ValueType) -> Option<Self> {
        match kind {
            ValueType::Tensor { ty, shape, .. } => Some(Port {
                name: name.into(),
                element: *ty,
                shape: shape.to_vec(),
            }),
            _ => None,
        }
    }

    pub fn expect(&self, rank: usize, elements: &[TensorElementType]) -> Result<(), String> {
        if self.shape.len() != rank {
            return Err(format!(
                "`{}` of the graph has {} dimensions, expected {rank}",
                self.name,
                self.shape.len()
            ));
        }
        if !elements.contains(&self.element) {
            return Err(format!(
                "`{}` of the graph holds {}, expected {}",
                self.name,
                self.element,
                elements
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(" or ")
            ));
        }
        Ok(())
    }

    /// A fixed dimension must be what the folder's configuration says.
    fn expect_size(
        &self,
        dimension: usize,
        what: &str,
        size: usize,
        config: &str,
    ) -> Result<(), String> {
        match self.shape.get(dimension) {
            Some(&fixed) if fixed >= 0 && fixed != size as i64 => Err(format!(
                "{what} is {fixed} in the graph's `{}`, and {size} in {config}",
                self.name
            )),
            _ => Ok(()),
        }
    }
}

pub(super) const FLOATS: [TensorElementType; 3] = [
    TensorElementType::Float32,
    TensorElementType::Float16,
    TensorElementType::Bfloat16,
];

impl Graph {
    /// An error says what of the graph does not fit the folder.
    pub fn read(session: &Session, folder: &ModelFolder) -> Result<Self, String> {
        let port = |outlet: &ort::value::Outlet| Port::read(outlet.name(), outlet.dtype());
        let mut inputs: Vec<Port> = session.inputs().iter().filter_map(port).collect();
        // LoRA inputs may have an empty default, which makes them constants that can be replaced.
        let optional = session.overridable_initializers();
        inputs.extend(
            optional
                .iter()
                .filter_map(|input| Port::read(input.name(), input.dtype())),
        );
        let outputs: Vec<Port> = session.outputs().iter().filter_map(port).collect();
        Self::from_ports(&inputs, &outputs, folder)
    }

    fn from_ports(inputs: &[Port], outputs: &[Port], folder: &ModelFolder) -> Result<Self, String> {
        let input = |name: &str| find(inputs, name, "input");
        for name in [INPUT_IDS, ATTENTION_MASK] {
            input(name)?.expect(2, &[TensorElementType::Int64])?;
        }
        let logits = find(outputs, LOGITS, "output")?;
        logits.expect(3, &FLOATS)?;
        logits.expect_size(2, "the vocabulary", folder.vocabulary, folder.config)?;

        let layers = count_layers(inputs);
        if layers != folder.layers {
            return Err(format!(
                "the graph has {layers} layers of cache, and {} says {}",
                folder.config, folder.layers
            ));
        }
        let cache_type = input(&past(0, "key"))?.element;
        for layer in 0..layers {
            for part in ["key", "value"] {
                let past = input(&past(layer, part))?;
                let present = find(outputs, &present(layer, part), "output")?;
                for port in [past, present] {
                    port.expect(4, &FLOATS)?;
                    port.expect(4, &[cache_type])?;
                    let (heads, size) = (folder.kv_heads, folder.head_size);
                    port.expect_size(1, "the number of key-value heads", heads, folder.config)?;
                    port.expect_size(3, "the head size", size, folder.config)?;
                }
            }
        }

        let unknown = inputs.iter().find(|port| !is_known(&port.name));
        if let Some(port) = unknown {
            return Err(format!(
                "the graph wants the input `{}`, which no text decoder has",
                port.name
            ));
        }
        Ok(Self {
            layers,
            kv_heads: folder.kv_heads,
            head_size: folder.head_size,
            cache_type,
            wants_positions: inputs.iter().any(|port| port.name == POSITION_IDS),
            lora: LoraInputs::find(inputs, folder)?,
        })
    }

    /// Names of the cache's inputs and outputs, key and value of each layer in turn.
    pub fn cache_names(&self) -> Vec<(String, String)> {
        (0..self.layers)
            .flat_map(|layer| {
                ["key", "value"].map(|part| (past(layer, part), present(layer, part)))
            })
            .collect()
    }
}

fn past(layer: usize, part: &str) -> String {
    format!("past_key_values.{layer}.{part}")
}

fn present(layer: usize, part: &str) -> String {
    format!("present.{layer}.{part}")
}

pub(super) fn find<'a>(ports: &'a [Port], name: &str, kind: &str) -> Result<&'a Port, String> {
    ports
        .iter()
        .find(|port| port.name == name)
        .ok_or_else(|| format!("the graph has no {kind} `{name}`"))
}

fn count_layers(inputs: &[Port]) -> usize {
    inputs
        .iter()
        .filter(|port| port.name.starts_with("past_key_values.") && port.name.ends_with(".key"))
        .count()
}

fn is_known(name: &str) -> bool {
    [INPUT_IDS, ATTENTION_MASK, POSITION_IDS, LORA_MASK].contains(&name)
        || name.starts_with("past_key_values.")
        || name.ends_with(".lora_A")
        || name.ends_with(".lora_B")
}

#[cfg(test)]
mod tests {
    use super::*;
    use TensorElementType::{Float16, Float32, Int64};

    fn inputs() -> Vec<Port> {
        vec![
            Port::new("input_ids", Int64, &[-1, -1]),
            Port::new("attention_mask", Int64, &[-1, -1]),
            Port::new("past_key_values.0.key", Float32, &[-1, 2, -1, 16]),
            Port::new("past_key_values.0.value", Float32, &[-1, 2, -1, -1]),
        ]
    }

    fn outputs() -> Vec<Port> {
        vec![
            Port::new("logits", Float32, &[-1, 1, 512]),
            Port::new("present.0.key", Float32, &[-1, 2, -1, 16]),
            Port::new("present.0.value", Float32, &[-1, 2, -1, -1]),
        ]
    }

    fn check(change: impl Fn(&mut Vec<Port>, &mut Vec<Port>, &mut ModelFolder), expected: &str) {
        let (mut inputs, mut outputs, mut folder) = (inputs(), outputs(), ModelFolder::tiny());
        change(&mut inputs, &mut outputs, &mut folder);
        let error =
            Graph::from_ports(&inputs, &outputs, &folder).expect_err("must not fit the folder");
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn head_size_that_the_graph_leaves_open_is_the_folders() {
        let graph = Graph::from_ports(&inputs(), &outputs(), &ModelFolder::tiny()).expect("fits");
        assert_eq!((graph.layers, graph.kv_heads, graph.head_size), (1, 2, 16));
        assert!(!graph.wants_positions);
        assert_eq!(graph.lora, None);
    }

    #[test]
    fn graph_that_does_not_fit_its_folder_is_told_what_differs() {
        check(|_, _, folder| folder.layers = 4, "1 layers of cache");
        check(|_, _, folder| folder.head_size = 32, "the head size is 16");
        check(|_, _, folder| folder.kv_heads = 4, "key-value heads is 2");
        check(
            |_, _, folder| folder.vocabulary = 1000,
            "the vocabulary is 512",
        );
        check(
            |inputs, _, _| inputs.truncate(3),
            "`past_key_values.0.value`",
        );
        check(|_, outputs, _| outputs.truncate(2), "`present.0.value`");
        check(
            |inputs, _, _| inputs[3].element = Float16,
            "`past_key_values.0.value` of the graph holds f16",
        );
        check(
            |inputs, _, _| inputs.push(Port::new("pixel_values", Float32, &[-1])),
            "`pixel_values`",
        );
        check(
            |inputs, _, _| {
                inputs.push(Port::new("layers.0.attn.o_proj.lora_A", Float32, &[64, -1]))
            },
            "`layers.0.attn.o_proj.lora_B`",
        );
    }
}
