//! What is learned from people, and how it is measured.

pub mod evaluation;
mod fingerprint;
pub mod following;
pub mod pairs;
pub mod planner;
pub mod registry;
pub mod written;
