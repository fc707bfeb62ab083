//! Fake platforms and servers, with their own refusals.

pub mod api;
pub mod discord;
pub mod openai;
pub mod slack;
