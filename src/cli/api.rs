//! `lorekeeper api`: one operation of a configured API.

use super::tool_call::CallArgs;
use crate::{config::Config, ports::SystemClock, tools::Toolbox};
use clap::Args;
use std::sync::Arc;

#[derive(Debug, Args)]
pub struct ApiArgs {
    #[command(flatten)]
    call: CallArgs,
}

impl ApiArgs {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let toolbox = Toolbox::open(config, Arc::new(SystemClock)).await?;
        let operations = toolbox.apis().iter().flat_map(|api| api.operations());
        let known: Vec<&str> = operations.map(String::as_str).collect();
        self.call.run(&toolbox, "operation", &known).await
    }
}
