//! The company's databases and APIs: real ones, read only.

mod http;
mod mariadb;
mod postgres;
mod queries;
mod server;
mod sqlite;
