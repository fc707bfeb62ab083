//! HTTP APIs, from the document to the rows.

mod arguments;
mod auth;
mod chains;
mod command;
mod documents;
mod fuzz;
mod limits;
mod pages;
mod places;
mod results;
mod world;
