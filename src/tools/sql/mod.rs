//! SQL on the company's databases: the gate, the connection, named queries.

pub mod database;
pub mod guard;
mod lexer;
mod postgres;
pub mod queries;
mod role;
mod sqlite;

pub use super::{arguments::Argument, limits::Limits};
pub use database::{Database, OpenError};
