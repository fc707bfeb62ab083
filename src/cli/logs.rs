//! `lorekeeper logs`: a free expression on one log source.

use super::tool_call::print;
use crate::{
    config::Config,
    ports::{SystemClock, ToolError},
    tools::Toolbox,
};
use clap::Args;
use std::sync::Arc;

#[derive(Debug, Args)]
pub struct LogsArgs {
    /// The configured name of the log source
    source: String,
    /// LogQL such as `{service="payments"} |= "timeout"` for Loki and files; for Elasticsearch a
    /// query string such as `level:error AND timeout`
    expression: String,
    /// The span of time: `24h`, `yesterday`, `2026-01-01..2026-01-31`. A function such as
    /// `count_over_time({…} [5m])` looks back from its end by its own range
    #[arg(long, value_name = "SPAN", default_value = "1h")]
    since: String,
    /// At most so many lines or series [default: 100]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl LogsArgs {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let toolbox = Toolbox::open(config, Arc::new(SystemClock)).await?;
        let access = toolbox.operator_access();
        let result = toolbox
            .log_lines(
                &self.source,
                &self.expression,
                &self.since,
                self.limit,
                &access,
            )
            .await;
        match result {
            Ok(result) => print(result, self.json),
            Err(ToolError::Unknown { tool }) => match toolbox.log_names().as_slice() {
                [] => anyhow::bail!("no log source is configured: write a `[[log]]` section"),
                known => anyhow::bail!(
                    "there is no log source `{tool}`; there are {}",
                    known.join(", ")
                ),
            },
            // What the expression lacks, without the words for SQL.
            Err(ToolError::Refused { reason }) => anyhow::bail!("expression refused: {reason}"),
            Err(error) => Err(error.into()),
        }
    }
}
