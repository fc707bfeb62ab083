//! Fake platforms, with the platforms' own refusals.

pub mod discord;
pub mod slack;
