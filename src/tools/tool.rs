//! One read-only tool of the catalogue, whatever system it asks.

use super::arguments::Arguments;
use crate::{
    domain::{Audience, Rows, ToolSpec},
    ports::ToolError,
};
use async_trait::async_trait;
use serde_json::Value;

#[async_trait]
pub trait Tool: Send + Sync {
    fn spec(&self) -> &ToolSpec;

    /// The same with all that a call may hold, where that is more than the
    /// catalogue offers: several values where a planner picks one.
    fn accepts(&self) -> &ToolSpec {
        self.spec()
    }

    /// The configured name of the system that it asks.
    fn source(&self) -> &str;

    fn audience(&self) -> &Audience;

    /// What it reads there: tables, a path. Empty where that is not known.
    fn reads(&self) -> Vec<String> {
        Vec::new()
    }

    /// Asks, within the limits of time, rows and bytes. The arguments were
    /// checked against [`Tool::accepts`].
    async fn run(&self, arguments: &Arguments) -> Result<Outcome, ToolError>;
}

pub struct Outcome {
    /// What was asked, in the words of the system: a statement, an address, a query.
    pub statement: String,
    pub rows: Rows,
    /// The result in one sentence, every figure taken from `rows` or the arguments.
    pub lead: String,
    /// An API's answer as it came, a body a page.
    pub bodies: Vec<Value>,
}
