//! The store, on SQLite and on a real PostgreSQL: every test body runs on both.

mod answers;
mod audit;
mod documents;
mod feedback;
mod fixtures;
mod harness;
mod inbox;
mod open;
mod outbox;
mod threads;
