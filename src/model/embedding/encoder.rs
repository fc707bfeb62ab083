//! An encoder on ONNX Runtime: texts through a graph, in batches of like length.
//!
//! Inputs and outputs are found by their names, so that graphs of all exporters
//! fit: `input_ids`, `attention_mask`, `token_type_ids` and `position_ids` in,
//! as far as the graph wants them; `last_hidden_state`, `token_embeddings` or
//! `sentence_embedding` out.

use super::layout::Layout;
use crate::{
    model::{
        files::{ModelError, unusable},
        tokenizer::parse_tokenizer,
    },
    ports::BoxError,
};
use half::f16;
use ndarray::Array2;
use ort::{
    environment::Environment,
    session::{Session, SessionInputValue, builder::GraphOptimizationLevel},
    value::{DynValue, Outlet, Tensor, TensorElementType, ValueType},
};
use std::{borrow::Cow, fs, path::Path};
use tokenizers::{Encoding, Tokenizer, TruncationParams, TruncationStrategy};

/// Rows run together. More gains nothing on a processor and delays the next caller.
const BATCH: usize = 16;

/// Tokens run together, padding included, where rows are long.
const BATCH_TOKENS: usize = 8_192;

/// Hidden states of tokens, [rows, tokens, hidden].
const STATES: [&str; 2] = ["last_hidden_state", "token_embeddings"];

/// Pooled by the graph, [rows, dimension].
const SENTENCE: &str = "sentence_embedding";

pub(super) struct Encoder {
    session: Session,
    inputs: Vec<Input>,
    output: Output,
    /// Rows run together.
    rows: usize,
    hidden: usize,
    pad_token: i64,
    first_position: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Ids,
    Mask,
    Types,
    Positions,
}

impl Input {
    const ALL: [Self; 4] = [Self::Ids, Self::Mask, Self::Types, Self::Positions];

    fn name(self) -> &'static str {
        match self {
            Self::Ids => "input_ids",
            Self::Mask => "attention_mask",
            Self::Types => "token_type_ids",
            Self::Positions => "position_ids",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Output {
    States(String),
    Sentence,
}

/// One row of a batch, and what the graph made of it.
pub(super) struct Row<'a> {
    /// Place of the row among those that were given.
    pub at: usize,
    pub encoding: &'a Encoding,
    pub made: Made<'a>,
}

pub(super) enum Made<'a> {
    /// Of each token, those of padding at the end.
    States(&'a [f32]),
    Sentence(&'a [f32]),
}

impl Encoder {
    pub fn open(
        environment: &Environment,
        layout: &Layout,
        threads: usize,
    ) -> Result<Self, ModelError> {
        let graph = &layout.graph;
        // The builder's own error carries the builder, which can't cross threads.
        let open = || -> ort::Result<Session> {
            Session::builder(environment)?
                .with_optimization_level(GraphOptimizationLevel::All)?
                .with_intra_threads(threads.max(1))?
                .with_inter_threads(1)?
                // A spinning thread takes the core that the others need.
                .with_intra_op_spinning(false)?
                .commit_from_file(graph)
        };
        let session = open().map_err(|error| unusable(graph, error.to_string()))?;
        Ok(Self {
            inputs: inputs_of(session.inputs()).map_err(|problem| unusable(graph, problem))?,
            output: output_of(session.outputs(), layout)
                .map_err(|problem| unusable(graph, problem))?,
            session,
            rows: match layout.has_dynamic_scales {
                // The scale of an 8-bit product is found over the whole batch:
                // with others in it, a text's vector would tell of them, even
                // where they are not for the reader's eyes. One by one is
                // faster too.
                true => 1,
                false => BATCH,
            },
            hidden: layout.hidden,
            pad_token: layout.pad_token,
            first_position: layout.first_position,
        })
    }

    /// Runs all rows, those of like length together, so that little of a
    /// batch is padding. Stops between two batches where nobody waits.
    pub fn run(
        &mut self,
        encodings: &[Encoding],
        wanted: &dyn Fn() -> bool,
        mut take: impl FnMut(Row) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        let mut order: Vec<usize> = (0..encodings.len()).collect();
        order.sort_by_key(|&i| encodings[i].len());
        let mut rest = &order[..];
        while !rest.is_empty() {
            if !wanted() {
                return Err("nobody waits for this any more".into());
            }
            let fits = |&(n, &at): &(usize, &usize)| {
                n < self.rows && (n + 1) * encodings[at].len() <= BATCH_TOKENS
            };
            let count = rest.iter().enumerate().take_while(fits).count().max(1);
            let (batch, later) = rest.split_at(count);
            self.run_batch(batch, encodings, &mut take)?;
            rest = later;
        }
        Ok(())
    }

    fn run_batch(
        &mut self,
        batch: &[usize],
        encodings: &[Encoding],
        take: &mut impl FnMut(Row) -> Result<(), BoxError>,
    ) -> Result<(), BoxError> {
        let rows: Vec<&Encoding> = batch.iter().map(|&i| &encodings[i]).collect();
        let tokens = rows.iter().map(|row| row.len()).max().unwrap_or(0);
        let mut given: Vec<(Cow<str>, SessionInputValue)> = Vec::new();
        for &input in &self.inputs {
            let filled = self.fill(input, &rows, tokens);
            given.push((input.name().into(), Tensor::from_array(filled)?.into()));
        }
        let outputs = self.session.run(given)?;
        let name = match &self.output {
            Output::States(name) => name,
            Output::Sentence => SENTENCE,
        };
        let (shape, output) = floats(&outputs[name])?;
        let size = output.len() / rows.len().max(1);
        let (count, hidden) = (rows.len() as i64, self.hidden as i64);
        let fits = match self.output {
            Output::States(_) => shape == [count, tokens as i64, hidden],
            Output::Sentence => matches!(shape[..], [rows, _] if rows == count),
        };
        if !fits {
            return Err(format!(
                "`{name}` has the shape {shape:?} for {count} texts of up to {tokens} tokens, \
                 and config.json has {hidden} dimensions: graph and config.json differ"
            )
            .into());
        }
        for (n, &at) in batch.iter().enumerate() {
            let output = &output[n * size..(n + 1) * size];
            take(Row {
                at,
                encoding: &encodings[at],
                made: match self.output {
                    Output::States(_) => Made::States(output),
                    Output::Sentence => Made::Sentence(output),
                },
            })?;
        }
        Ok(())
    }

    /// One input, [rows, tokens], padded on the right.
    fn fill(&self, input: Input, rows: &[&Encoding], tokens: usize) -> Array2<i64> {
        Array2::from_shape_fn((rows.len(), tokens), |(r, t)| {
            let row = rows[r];
            let inside = t < row.len();
            match input {
                Input::Ids if inside => i64::from(row.get_ids()[t]),
                Input::Ids => self.pad_token,
                Input::Mask => i64::from(inside),
                Input::Types if inside => i64::from(row.get_type_ids()[t]),
                Input::Types => 0,
                Input::Positions => self.first_position + t as i64,
            }
        })
    }
}

fn inputs_of(wanted: &[Outlet]) -> Result<Vec<Input>, String> {
    let mut inputs = Vec::new();
    for outlet in wanted {
        let name = outlet.name();
        let Some(input) = Input::ALL.into_iter().find(|input| input.name() == name) else {
            return Err(format!(
                "it wants an input `{name}`; expected are {}",
                Input::ALL
                    .map(|input| format!("`{}`", input.name()))
                    .join(", ")
            ));
        };
        match outlet.dtype() {
            ValueType::Tensor {
                ty: TensorElementType::Int64,
                ..
            } => inputs.push(input),
            other => return Err(format!("its input `{name}` is {other}, expected int64")),
        }
    }
    match inputs.contains(&Input::Ids) {
        true => Ok(inputs),
        false => Err("it has no input `input_ids`".into()),
    }
}

/// Hidden states where the folder's pooling is known: token vectors are made of
/// them too. Otherwise what the graph pooled itself.
fn output_of(given: &[Outlet], layout: &Layout) -> Result<Output, String> {
    let has = |name: &str| given.iter().any(|outlet| outlet.name() == name);
    let states = STATES.into_iter().find(|name| has(name));
    match (&layout.pooling, states) {
        (Ok(_), Some(states)) => Ok(Output::States(states.into())),
        _ if has(SENTENCE) => Ok(Output::Sentence),
        (Err(problem), _) => Err(format!(
            "{problem}; that works only where the graph gives `{SENTENCE}`"
        )),
        (Ok(_), None) => Err(format!(
            "it gives {}; expected is `{}`, `{}` or `{SENTENCE}`",
            given
                .iter()
                .map(|outlet| format!("`{}`", outlet.name()))
                .collect::<Vec<_>>()
                .join(", "),
            STATES[0],
            STATES[1]
        )),
    }
}

/// A tensor of floats of either length, with its shape.
fn floats(value: &DynValue) -> Result<(Vec<i64>, Cow<'_, [f32]>), BoxError> {
    if let Ok((shape, values)) = value.try_extract_tensor::<f32>() {
        return Ok((shape.to_vec(), values.into()));
    }
    let (shape, values) = value.try_extract_tensor::<f16>()?;
    Ok((
        shape.to_vec(),
        values.iter().map(|value| value.to_f32()).collect(),
    ))
}

/// The tokenizer of a model's folder, cutting at `max_tokens`.
pub(super) fn open_tokenizer(file: &Path, max_tokens: usize) -> Result<Tokenizer, ModelError> {
    let mut tokenizer = fs::read(file)
        .map_err(BoxError::from)
        .and_then(|json| parse_tokenizer(&json))
        .map_err(|source| unusable(file, source))?;
    let truncation = TruncationParams {
        max_length: max_tokens,
        strategy: TruncationStrategy::LongestFirst,
        ..TruncationParams::default()
    };
    tokenizer
        .with_truncation(Some(truncation))
        .map_err(|source| unusable(file, source))?;
    // Rows are padded here, to the longest of their batch, not to a fixed length.
    tokenizer.with_padding(None);
    Ok(tokenizer)
}
