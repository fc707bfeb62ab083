//! The store, on SQLite and on a real PostgreSQL: every test body runs on both.

mod answers;
mod audit;
mod feedback;
mod fixtures;
mod harness;
pub use harness::TestStore;
mod inbox;
mod open;
mod outbox;
mod sources;
mod threads;
