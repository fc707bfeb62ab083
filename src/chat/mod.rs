//! The platforms that people talk to us on: events in, replies out.

pub mod discord;
