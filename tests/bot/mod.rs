//! The built program as a child process, on the sample company, with the fake
//! platforms around it. Nothing here knows the bot from inside: what is
//! proven is what people and platforms see.

mod bad_input;
mod commands;
mod conversations;
mod durability;
mod harness;
mod polling;
mod terminal;
mod web;
