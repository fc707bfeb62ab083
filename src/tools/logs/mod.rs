//! The company's logs, read only: Loki, Elasticsearch or OpenSearch, and files.
//!
//! Promise: nothing is asked without a span of time, and none longer than
//! `max_hours`; what a person types is never read as a query; a line that is
//! shown is cut and made harmless; every figure of a sentence comes from the
//! rows below it. An empty result says that there is no data.

mod ask;
mod backend;
mod elastic;
mod expressed;
mod files;
mod http;
mod level;
mod line;
pub mod logql;
mod loki;
mod patterns;
mod source;
mod stamp;
pub mod templates;
mod tools;

pub use source::{LogHealth, LogSource};
pub use tools::log_tools;
