//! Models that run in this process, on ONNX Runtime.
//!
//! A session belongs to one thread of its own, and callers queue for it. What
//! is said to a caller is an enum of the ports; no type of `ort` or
//! `tokenizers` leaves this module.

mod embedding;
mod files;
mod runtime;
mod token_basis;

pub use embedding::{CountTokens, OnnxEmbedder};
pub use files::{EmbeddingFiles, ModelError};
pub use runtime::{RuntimeError, load as load_runtime};
pub use token_basis::TOKEN_DIMENSION;
