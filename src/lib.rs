//! Lorekeeper answers the people of a company in the thread where they ask,
//! from the company's documents, tickets and live systems.
//!
//! The modules are listed in reading order. A module uses only modules above
//! it; the neighbours `store`, `model`, `knowledge` and `tools` do not use one
//! another. `tests/layout.rs` holds this.

pub mod domain;
pub mod ports;

pub mod config;
pub mod directory;
pub mod prompts;

pub mod pipeline;

pub mod commands;

pub mod store;

pub mod model;

pub mod knowledge;

pub mod tools;

pub mod remote;

pub mod ingest;

pub mod learning;

pub mod chat;
pub mod intake;
pub mod metrics;
pub mod poller;
pub mod worker;

pub mod web;

pub mod app;
pub mod cli;
pub mod telemetry;
