//! `lorekeeper plan`: the planner alone.

use super::{ask::lone_question, knowledge::json_lines};
use crate::{
    app::App,
    config::Config,
    domain::{Access, Catalogue, Function},
};
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{io::Write, path::Path};

#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The question
    #[arg(required_unless_present = "lines")]
    question: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Read `{"id","question","tools"?}` lines from standard input
    #[arg(long, conflicts_with = "question")]
    lines: bool,
}

#[derive(Deserialize)]
struct Line {
    id: Value,
    question: String,
    /// Functions in JSON-schema form, in place of the catalogue.
    tools: Option<Vec<Function>>,
}

impl PlanArgs {
    pub async fn run(self, config: Config, data_dir: &Path) -> anyhow::Result<()> {
        let app = App::open(config, data_dir).await?;
        match self.question {
            Some(text) => {
                let plan = app
                    .pipeline
                    .planner
                    .plan(
                        &lone_question(text, Vec::new(), Access::everyone()),
                        any_tool,
                        app.clock.now(),
                    )
                    .await;
                match self.json {
                    true => println!("{}", serde_json::to_string(&plan)?),
                    false => println!("{}", serde_json::to_string_pretty(&plan)?),
                }
            }
            None => plan_lines(&app).await?,
        }
        Ok(())
    }
}

/// The operator sees the whole catalogue.
fn any_tool(_name: &str) -> bool {
    true
}

async fn plan_lines(app: &App) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in json_lines::<Line>() {
        let line = line?;
        let question = lone_question(line.question, Vec::new(), Access::everyone());
        let plan = match line.tools {
            None => {
                app.pipeline
                    .planner
                    .plan(&question, any_tool, app.clock.now())
                    .await
            }
            Some(functions) => {
                let planner = app
                    .pipeline
                    .planner
                    .with_catalogue(catalogue(functions))
                    .await?;
                planner.plan(&question, any_tool, app.clock.now()).await
            }
        };
        writeln!(out, "{}", json!({ "id": line.id, "plan": plan }))?;
    }
    Ok(())
}

fn catalogue(functions: Vec<Function>) -> Catalogue {
    Catalogue {
        tools: functions.into_iter().map(Function::into_tool).collect(),
        schemas: Vec::new(),
        version: None,
    }
}
