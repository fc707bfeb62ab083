//! Fake platforms, with the platforms' own refusals.

pub mod slack;
