//! All integration tests in one program: linking it once is most of the cost.

mod layout;
mod store;
mod fakes;
mod slack;
