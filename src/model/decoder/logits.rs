//! What a run says of the next token.

use half::{bf16, f16};
use ort::{
    Error,
    value::{DynValue, TensorElementType},
};

/// Of logits `[rows, positions, vocabulary]` the last position of each row.
/// Graphs with a pruned head give only that one.
pub(super) fn read_last_positions(
    value: &DynValue,
    rows: usize,
    vocabulary: usize,
    into: &mut Vec<f32>,
) -> ort::Result<()> {
    match value.dtype().tensor_type() {
        Some(TensorElementType::Float16) => {
            let (shape, numbers) = value.try_extract_tensor::<f16>()?;
            let last = last_positions(shape, rows, vocabulary, numbers)?;
            into.extend(last.flatten().map(|number| number.to_f32()));
        }
        Some(TensorElementType::Bfloat16) => {
            let (shape, numbers) = value.try_extract_tensor::<bf16>()?;
            let last = last_positions(shape, rows, vocabulary, numbers)?;
            into.extend(last.flatten().map(|number| number.to_f32()));
        }
        _ => {
            let (shape, numbers) = value.try_extract_tensor::<f32>()?;
            let last = last_positions(shape, rows, vocabulary, numbers)?;
            last.for_each(|row| into.extend_from_slice(row));
        }
    }
    Ok(())
}

fn last_positions<'a, T>(
    shape: &[i64],
    rows: usize,
    vocabulary: usize,
    numbers: &'a [T],
) -> ort::Result<impl Iterator<Item = &'a [T]>> {
    let fits = shape.len() == 3
        && shape[0] == rows as i64
        && shape[1] > 0
        && shape[2] == vocabulary as i64;
    if !fits {
        return Err(Error::new(format!(
            "logits have the shape {shape:?}, expected [{rows}, tokens, {vocabulary}]"
        )));
    }
    let positions = shape[1] as usize;
    Ok(numbers
        .chunks_exact(vocabulary)
        .skip(positions - 1)
        .step_by(positions))
}
