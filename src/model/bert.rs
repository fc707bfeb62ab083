//! An encoder of the BERT family: texts, or pairs of texts, through a graph.

use super::{
    files::{ModelError, Precision},
    tokenizer::parse_tokenizer,
};
use crate::ports::BoxError;
use ndarray::Array2;
use ort::{
    environment::Environment,
    session::{Session, builder::GraphOptimizationLevel},
    value::Tensor,
};
use std::{fs, path::Path};
use tokenizers::{Encoding, Tokenizer, TruncationParams, TruncationStrategy};

/// Rows run together. More gains nothing on a processor and delays the next caller.
const BATCH: usize = 16;

pub(super) struct Bert {
    session: Session,
    /// Rows run together.
    rows: usize,
}

/// One row of a batch, and what the graph made of it.
pub(super) struct Row<'a> {
    /// Place of the row among those that were given.
    pub at: usize,
    pub encoding: &'a Encoding,
    /// The row's part of the output, of shape `shape`.
    pub output: &'a [f32],
    /// The output's shape without its first dimension.
    pub shape: &'a [i64],
    /// Tokens of the longest row of the batch; this one is padded to it.
    pub padded_tokens: usize,
}

impl Bert {
    /// `graph` takes input_ids, attention_mask and token_type_ids of [rows, tokens].
    pub fn open(
        environment: &Environment,
        graph: &Path,
        precision: Precision,
        threads: usize,
    ) -> Result<Self, ModelError> {
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
        match open() {
            Ok(session) => Ok(Self {
                session,
                rows: match precision {
                    // The scale of an 8-bit product is found over the whole
                    // batch: with others in it, a text's vector would tell of
                    // them, even where they are not for the reader's eyes. One
                    // by one is faster too.
                    Precision::Int8 => 1,
                    Precision::Float => BATCH,
                },
            }),
            Err(error) => Err(unusable(graph, error.to_string())),
        }
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
        for batch in order.chunks(self.rows) {
            if !wanted() {
                return Err("nobody waits for this any more".into());
            }
            self.run_batch(batch, encodings, &mut take)?;
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
        let [ids, mask, types] = inputs(&rows, tokens);
        let outputs = self.session.run(ort::inputs! {
            "input_ids" => Tensor::from_array(ids)?,
            "attention_mask" => Tensor::from_array(mask)?,
            "token_type_ids" => Tensor::from_array(types)?,
        })?;
        let (shape, output) = outputs[0].try_extract_tensor::<f32>()?;
        if shape.first() != Some(&(rows.len() as i64)) {
            return Err(format!("output has shape {shape:?} for {} rows", rows.len()).into());
        }
        let size = output.len() / rows.len().max(1);
        for (n, &at) in batch.iter().enumerate() {
            take(Row {
                at,
                encoding: &encodings[at],
                output: &output[n * size..(n + 1) * size],
                shape: &shape[1..],
                padded_tokens: tokens,
            })?;
        }
        Ok(())
    }
}

/// Token ids, attention mask and token types, each of [rows, tokens].
fn inputs(rows: &[&Encoding], tokens: usize) -> [Array2<i64>; 3] {
    let of = |values: &dyn Fn(&Encoding, usize) -> i64| {
        let mut filled = Array2::<i64>::zeros((rows.len(), tokens));
        for (r, row) in rows.iter().enumerate() {
            for t in 0..row.len() {
                filled[[r, t]] = values(row, t);
            }
        }
        filled
    };
    [
        of(&|row, t| i64::from(row.get_ids()[t])),
        of(&|_, _| 1),
        of(&|row, t| i64::from(row.get_type_ids()[t])),
    ]
}

/// The tokenizer of a model's folder, cutting at `max_tokens`; of a pair, only
/// the second text is cut.
pub(super) fn open_tokenizer(
    file: &Path,
    max_tokens: usize,
    strategy: TruncationStrategy,
) -> Result<Tokenizer, ModelError> {
    let mut tokenizer = fs::read(file)
        .map_err(BoxError::from)
        .and_then(|json| parse_tokenizer(&json))
        .map_err(|source| unusable(file, source))?;
    let truncation = TruncationParams {
        max_length: max_tokens,
        strategy,
        ..TruncationParams::default()
    };
    tokenizer
        .with_truncation(Some(truncation))
        .map_err(|source| unusable(file, source))?;
    // Rows are padded here, to the longest of their batch, not to a fixed length.
    tokenizer.with_padding(None);
    Ok(tokenizer)
}

pub(super) fn unusable(file: &Path, source: impl Into<BoxError>) -> ModelError {
    ModelError::Unusable {
        file: file.to_path_buf(),
        source: source.into(),
    }
}
