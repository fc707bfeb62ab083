//! The decoder: a language model in this process.

mod constraint;
mod control_tokens;
mod jinja;
mod python;
mod sampling;
mod template;
mod text;
#[cfg(test)]
mod tokenizers_for_tests;
mod vocabulary;
