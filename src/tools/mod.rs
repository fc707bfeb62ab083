//! The company's live systems, read only.

pub mod sql;
