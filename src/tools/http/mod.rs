//! HTTP APIs as read-only tools, from their OpenAPI 3 or Swagger 2 documents.
//!
//! Promise: only GET is sent. A request goes to the API's own host, or where
//! a redirect or a next page leads to one that is listed, and only to public
//! addresses or listed networks: the address that was checked is the one that
//! is connected to. The secret goes to the API's own host alone and into no
//! record. Time, bytes, rows, pages and redirects are bounded.

mod address;
mod aliases;
mod api;
mod bounded;
mod call;
mod client;
mod document;
mod failure;
mod item;
mod naming;
mod operation;
mod paging;
mod parameter;
mod places;
mod records;
mod request;
mod resolver;
mod schema;
mod service;
mod table;
mod words;

pub use address::is_public;
pub use api::{Api, ApiHealth, OpenApi};
pub(super) use naming::snake_case;
pub use resolver::SystemResolver;
pub use service::{PATIENT, Service, ServiceAddress, ServiceError};
