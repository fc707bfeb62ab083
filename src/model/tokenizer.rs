//! Tokenizers, as `tokenizer.json` describes them.

use crate::ports::BoxError;
use serde::de::IgnoredAny;
use std::panic::catch_unwind;
use tokenizers::Tokenizer;

/// Reads the contents of a `tokenizer.json`.
pub(super) fn parse_tokenizer(json: &[u8]) -> Result<Tokenizer, BoxError> {
    // The library panics on some broken files; this says where they are broken.
    serde_json::from_slice::<IgnoredAny>(json)?;
    match catch_unwind(|| Tokenizer::from_bytes(json)) {
        Ok(parsed) => parsed,
        Err(_) => Err("it describes no tokenizer that this program knows".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This one made the library panic.
    #[test]
    fn broken_json_inside_a_decoder_is_an_error_with_its_place() {
        let text = r#"{"version":"1.0","decoder":{"type":"Sequence","decoders":[{"type":"Fuse",]}"#;
        let error = parse_tokenizer(text.as_bytes()).expect_err("refused");
        assert!(error.to_string().contains("line 1"), "{error}");
    }
}
