//! All integration tests in one program: linking it once is most of the cost.

mod bot;
mod discord;
mod fakes;
mod knowledge;
mod layout;
mod learning;
mod model;
mod openai;
mod pipeline;
mod remote;
mod slack;
mod store;
mod tools;
