//! The platforms: events in, replies out.
//!
//! An adapter parses events (pure), hands them to a [`crate::ports::Sink`],
//! and implements [`crate::ports::Chat`]. It knows nothing of intake, worker
//! or store.

pub mod discord;
pub mod slack;
pub mod terminal;
