//! The platforms: events in by pure parsing, a client out, rendering.

pub mod terminal;
//! The platforms: events in, replies out.
//!
//! An adapter parses events (pure), hands them to a [`crate::ports::Sink`],
//! and implements [`crate::ports::Chat`]. It knows nothing of intake, worker
//! or store.

pub mod slack;
//! The platforms that people talk to us on: events in, replies out.

pub mod discord;
