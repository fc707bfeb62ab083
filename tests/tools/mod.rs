//! The company's databases: real ones, read only.

mod postgres;
mod queries;
mod server;
mod sqlite;
