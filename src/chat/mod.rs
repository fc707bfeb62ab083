//! The platforms: events in by pure parsing, a client out, rendering.

pub mod terminal;
