//! Fake platforms and servers, with their own refusals.

pub mod api;
pub mod discord;
pub mod logs;
pub mod openai;
pub mod slack;
