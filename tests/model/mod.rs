//! The decoder on the tiny models of `tests/fixtures`.

mod adapters;
mod batching;
mod command;
mod containment;
mod embedders;
mod folders;
mod golden;
mod harness;
mod requests;
