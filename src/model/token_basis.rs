//! The directions in which a token vector is kept: `adapters/reader/basis.safetensors`.
//!
//! The first principal directions of the embedding model's last hidden states,
//! found by `adapters/reader/basis.py`. Another embedding model has no basis
//! here; its texts have no token vectors, and passages are judged without.

use crate::{domain::TokenVectors, ports::BoxError};
use half::f16;
use safetensors::{Dtype, SafeTensors};

const SHIPPED: &[u8] = include_bytes!("../../adapters/reader/basis.safetensors");

/// Dimensions of a kept token vector.
const TOKEN_DIMENSION: usize = 96;

/// A matrix of [hidden, TOKEN_DIMENSION], row after row.
pub struct TokenBasis {
    rows: Vec<f32>,
}

impl TokenBasis {
    /// The basis that ships, if it was made for this model.
    pub fn shipped(model: &str, hidden: usize) -> Result<Option<Self>, BoxError> {
        Self::read(SHIPPED, model, hidden)
    }

    fn read(file: &[u8], model: &str, hidden: usize) -> Result<Option<Self>, BoxError> {
        let (_, header) = SafeTensors::read_metadata(file)?;
        let base = header.metadata().as_ref().and_then(|m| m.get("base"));
        let base = base.ok_or("token basis does not say which model it was made for")?;
        let precision = model.strip_prefix(base.as_str());
        if !precision.is_some_and(|rest| rest.is_empty() || rest.starts_with('-')) {
            return Ok(None);
        }
        let tensors = SafeTensors::deserialize(file)?;
        let basis = tensors.tensor("basis")?;
        if basis.dtype() != Dtype::F16 || basis.shape() != [hidden, TOKEN_DIMENSION] {
            return Err(format!(
                "token basis is {:?} of {:?}, expected F16 of [{hidden}, {TOKEN_DIMENSION}]",
                basis.shape(),
                basis.dtype()
            )
            .into());
        }
        let rows = basis
            .data()
            .chunks_exact(2)
            .map(|two| f16::from_le_bytes([two[0], two[1]]).to_f32())
            .collect();
        Ok(Some(Self { rows }))
    }

    /// Hidden states, token after token, as kept vectors.
    pub fn project<'a>(&self, states: impl Iterator<Item = &'a [f32]>) -> TokenVectors {
        let mut values = Vec::new();
        for state in states {
            let mut kept = [0f32; TOKEN_DIMENSION];
            for (value, row) in state.iter().zip(self.rows.chunks_exact(TOKEN_DIMENSION)) {
                for (sum, weight) in kept.iter_mut().zip(row) {
                    *sum += value * weight;
                }
            }
            values.extend(kept);
        }
        TokenVectors::quantize(TOKEN_DIMENSION, &values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_basis_fits_its_model_in_any_precision_and_no_other() {
        let of = |model: &str| TokenBasis::shipped(model, 384).map(|basis| basis.is_some());
        assert!(of("all-MiniLM-L6-v2-int8").is_ok_and(|fits| fits));
        assert!(of("all-MiniLM-L6-v2").is_ok_and(|fits| fits));
        assert!(of("all-MiniLM-L12-v2-int8").is_ok_and(|fits| !fits));
        assert!(TokenBasis::shipped("all-MiniLM-L6-v2", 768).is_err());
    }

    #[test]
    fn truncated_basis_is_an_error() {
        for end in [0, 7, 40, SHIPPED.len() - 1] {
            assert!(TokenBasis::read(&SHIPPED[..end], "all-MiniLM-L6-v2", 384).is_err());
        }
    }
}
