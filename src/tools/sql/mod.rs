//! SQL on the company's databases: gate, connection, named queries.

pub mod guard;
pub mod lexer;
