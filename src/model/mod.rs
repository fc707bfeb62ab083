//! Models that run in this process, on ONNX Runtime, and those behind a server.
//!
//! A session belongs to one thread of its own, and callers queue for it. What
//! is said to a caller is an enum of the ports; no type of `ort` or
//! `tokenizers` leaves this module.

mod decoder;
mod embedding;
mod files;
mod onnx_file;
mod openai;
mod queue;
mod runtime;
mod safe_text;
mod token_basis;
mod tokenizer;
mod until_warm;

pub use decoder::{BeforeRun, DecoderOptions, LanguageModel, LostWindow, ModelFolder};
pub use embedding::{CountTokens, EmbeddingModel, OnnxEmbedder};
pub use files::ModelError;
pub use openai::{OpenAiEmbedder, OpenAiError, OpenAiGenerator, OpenAiOptions};
pub use runtime::{RuntimeError, load as load_runtime};
pub use until_warm::UntilWarm;
