//! All integration tests in one program: linking it once is most of the cost.

mod discord;
mod fakes;
mod layout;
mod slack;
mod store;
