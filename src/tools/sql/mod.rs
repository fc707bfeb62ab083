//! SQL on the company's databases: the gate, the connection, named queries.

pub mod database;
pub mod guard;
mod lexer;
mod postgres;
pub mod queries;
mod role;
mod sqlite;
pub mod template;

pub use database::{Argument, Database, Limits, OpenError};
