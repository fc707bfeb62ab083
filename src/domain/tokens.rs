//! One small vector a token, and how one text's tokens meet another's.

use std::ops::RangeInclusive;

/// The token vectors of one text, in reading order, at four bits a dimension:
/// on the tuning questions that moved no measure by more than .02.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenVectors {
    dimension: usize,
    /// Token after token, each value within [`LEVELS`].
    levels: Vec<i8>,
    /// One over the length of each token's levels; 0 for an all-zero one.
    scales: Vec<f32>,
}

const LEVELS: RangeInclusive<i8> = -7..=7;

/// Width of a level. Values of a unit vector of 96 dimensions are about 0.1.
const STEP: f32 = 0.035;

impl TokenVectors {
    /// From vectors of any length, one token after the other, each of `dimension` values.
    pub fn quantize(dimension: usize, values: &[f32]) -> Self {
        let levels = values
            .chunks_exact(dimension.max(1))
            .flat_map(|token| {
                let norm = token.iter().map(|v| v * v).sum::<f32>().sqrt();
                let scale = 1.0 / (norm.max(f32::MIN_POSITIVE) * STEP);
                token.iter().map(move |value| {
                    let level = (value * scale).round();
                    level.clamp(f32::from(*LEVELS.start()), f32::from(*LEVELS.end())) as i8
                })
            })
            .collect();
        Self::of_levels(dimension, levels)
    }

    fn of_levels(dimension: usize, levels: Vec<i8>) -> Self {
        let scales = levels
            .chunks_exact(dimension.max(1))
            .map(|token| {
                let square: i32 = token.iter().map(|&v| i32::from(v) * i32::from(v)).sum();
                if square == 0 {
                    0.0
                } else {
                    1.0 / (square as f32).sqrt()
                }
            })
            .collect();
        Self {
            dimension,
            levels,
            scales,
        }
    }

    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.scales.len()
    }

    pub fn is_empty(&self) -> bool {
        self.scales.is_empty()
    }

    /// One hexadecimal digit a value.
    pub fn to_hex(&self) -> String {
        self.levels
            .iter()
            .map(|level| char::from_digit((level - LEVELS.start()) as u32, 16).unwrap_or('7'))
            .collect()
    }

    /// What [`TokenVectors::to_hex`] wrote; none where the text is something else.
    pub fn from_hex(dimension: usize, text: &str) -> Option<Self> {
        if dimension == 0 || !text.len().is_multiple_of(dimension) {
            return None;
        }
        let level = |digit: char| {
            let level = digit.to_digit(16)? as i8 + LEVELS.start();
            LEVELS.contains(&level).then_some(level)
        };
        let levels = text.chars().map(level).collect::<Option<Vec<i8>>>()?;
        Some(Self::of_levels(dimension, levels))
    }

    /// Late interaction (Khattab and Zaharia, 2020, "ColBERT"): for each of
    /// these tokens the cosine of the nearest token of `passage`, -1 to 1.
    /// None where either has no tokens or they are of different models.
    pub fn nearest_in(&self, passage: &TokenVectors) -> Option<Vec<f32>> {
        if self.is_empty() || passage.is_empty() || self.dimension != passage.dimension {
            return None;
        }
        let nearest = |(token, scale): (&[i8], &f32)| {
            passage
                .tokens()
                .map(|(other, other_scale)| {
                    let product: i32 = token
                        .iter()
                        .zip(other)
                        .map(|(&a, &b)| i32::from(a) * i32::from(b))
                        .sum();
                    product as f32 * scale * other_scale
                })
                .fold(-1.0, f32::max)
                .min(1.0)
        };
        Some(self.tokens().map(nearest).collect())
    }

    fn tokens(&self) -> impl Iterator<Item = (&[i8], &f32)> {
        self.levels.chunks_exact(self.dimension).zip(&self.scales)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors(values: &[f32]) -> TokenVectors {
        TokenVectors::quantize(2, values)
    }

    #[test]
    fn token_meets_the_one_that_points_its_way() {
        let question = vectors(&[1.0, 0.0, 0.0, 1.0]);
        let passage = vectors(&[0.0, 5.0, 0.0, -1.0]);
        assert_eq!(question.nearest_in(&passage), Some(vec![0.0, 1.0]));
    }

    #[test]
    fn hex_brings_the_same_vectors_back() {
        let tokens = vectors(&[0.3, -0.2, 0.0, 0.0]);
        let text = tokens.to_hex();
        assert_eq!(text.len(), 4);
        assert_eq!(TokenVectors::from_hex(2, &text), Some(tokens));
    }

    #[test]
    fn damaged_text_is_no_vectors() {
        assert_eq!(TokenVectors::from_hex(2, "777"), None);
        assert_eq!(TokenVectors::from_hex(2, "7x"), None);
        assert_eq!(TokenVectors::from_hex(2, "ff"), None);
        assert_eq!(TokenVectors::from_hex(0, ""), None);
    }

    #[test]
    fn vectors_of_other_models_do_not_meet() {
        let three = TokenVectors::quantize(3, &[1.0, 0.0, 0.0]);
        assert_eq!(three.nearest_in(&vectors(&[1.0, 0.0])), None);
        assert_eq!(three.nearest_in(&TokenVectors::default()), None);
    }
}
