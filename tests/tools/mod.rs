//! The company's databases, APIs and logs, read only.

mod catalogue;
mod free;
mod http;
mod logs;
mod logs_measured;
mod logs_peer;
mod logs_servers;
pub mod mariadb;
mod postgres;
mod queries;
pub mod server;
pub mod sqlite;
