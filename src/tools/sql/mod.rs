//! SQL on the company's databases: the gate, the cost, the connection, named queries.

pub mod cost;
pub mod database;
pub mod dump;
pub mod guard;
pub(super) mod lexer;
mod mysql;
mod postgres;
pub mod queries;
mod role;
mod rows;
mod running;
pub(super) mod samples;
pub mod schema;
mod sqlite;

pub use super::{arguments::Argument, limits::Limits};
pub use database::{Database, OpenError};
