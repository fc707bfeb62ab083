//! The company's databases, APIs and logs, read only.

mod catalogue;
mod free;
mod http;
mod logs;
mod logs_measured;
mod logs_peer;
mod logs_servers;
mod mariadb;
mod postgres;
mod queries;
mod server;
mod sqlite;
