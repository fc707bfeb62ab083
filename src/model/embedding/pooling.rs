//! From the hidden states of a text's tokens to one vector.

use serde_json::Value;
use std::collections::BTreeMap;

/// As sentence-transformers names them (Reimers and Gurevych, 2019).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pooling {
    /// Of all tokens. With `mean_sqrt_len_tokens` only the length differs, which is 1 here.
    Mean,
    /// The first token's.
    Cls,
    /// The last token's.
    Last,
}

impl Pooling {
    /// Reads `1_Pooling/config.json`: `pooling_mode` since version 5, before
    /// that one switch for each.
    pub fn read(fields: &BTreeMap<String, Value>) -> Result<Self, String> {
        let named = match fields.get("pooling_mode") {
            Some(Value::String(mode)) => vec![mode.as_str()],
            Some(Value::Array(modes)) => modes.iter().filter_map(Value::as_str).collect(),
            _ => fields
                .iter()
                .filter(|(_, value)| **value == Value::Bool(true))
                .filter_map(|(name, _)| name.strip_prefix("pooling_mode_"))
                .collect(),
        };
        match named[..] {
            ["mean" | "mean_tokens" | "mean_sqrt_len_tokens"] => Ok(Self::Mean),
            ["cls" | "cls_token"] => Ok(Self::Cls),
            ["lasttoken"] => Ok(Self::Last),
            _ => Err(format!(
                "pooling is `{}`, expected mean, cls or lasttoken",
                named.join("` and `")
            )),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Cls => "cls",
            Self::Last => "last",
        }
    }

    /// The vector of the first `tokens` states, of length 1.
    pub fn pool(self, states: &[f32], dimension: usize, tokens: usize) -> Vec<f32> {
        let mut states = states.chunks_exact(dimension).take(tokens);
        let pooled = match self {
            Self::Mean => {
                // The scale of the mean falls out, so the sum will do.
                let mut sum = vec![0f32; dimension];
                for state in states {
                    for (total, value) in sum.iter_mut().zip(state) {
                        *total += value;
                    }
                }
                sum
            }
            Self::Cls => states.take(1).flatten().copied().collect(),
            Self::Last => states.next_back().unwrap_or_default().to_vec(),
        };
        of_unit_length(pooled)
    }
}

/// An all-zero vector stays zero instead of becoming NaN.
pub(crate) fn of_unit_length(mut vector: Vec<f32>) -> Vec<f32> {
    let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    vector
        .iter_mut()
        .for_each(|value| *value /= norm.max(f32::MIN_POSITIVE));
    vector
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_takes_no_part() {
        let states = [3.0, 0.0, 0.0, 2.0, 3.0, 2.0, 100.0, 100.0];
        assert_eq!(
            Pooling::Mean.pool(&states, 2, 3),
            of_unit_length(vec![6.0, 4.0])
        );
        assert_eq!(Pooling::Cls.pool(&states, 2, 3), vec![1.0, 0.0]);
        assert_eq!(Pooling::Last.pool(&states, 2, 2), vec![0.0, 1.0]);
        assert_eq!(Pooling::Mean.pool(&[0.0, 0.0], 2, 1), vec![0.0, 0.0]);
        assert_eq!(Pooling::Last.pool(&[], 2, 0), Vec::<f32>::new());
    }

    #[test]
    fn pooling_is_read_as_old_and_new_versions_write_it() {
        let check = |text: &str, expected: Result<Pooling, &str>| {
            let fields = serde_json::from_str(text).expect("an object");
            match (Pooling::read(&fields), expected) {
                (Err(problem), Err(expected)) => assert!(problem.contains(expected), "{problem}"),
                (found, expected) => assert_eq!(found, expected.map_err(String::from), "{text}"),
            }
        };
        check(r#"{"pooling_mode": "mean"}"#, Ok(Pooling::Mean));
        check(r#"{"pooling_mode": ["lasttoken"]}"#, Ok(Pooling::Last));
        check(
            r#"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}"#,
            Ok(Pooling::Cls),
        );
        check(
            r#"{"pooling_mode_mean_sqrt_len_tokens": true}"#,
            Ok(Pooling::Mean),
        );
        check(
            r#"{"pooling_mode_cls_token": true, "pooling_mode_max_tokens": true}"#,
            Err("`cls_token` and `max_tokens`"),
        );
        check("{}", Err("expected mean"));
    }
}
