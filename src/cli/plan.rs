//! `lorekeeper plan`: the planner alone.

use super::{ask::lone_question, knowledge::json_lines};
use crate::{
    app::App,
    config::Config,
    domain::{Access, Catalogue, Parameter, ParameterKind, ToolKind, ToolSpec},
};
use anyhow::bail;
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

#[derive(Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Value,
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
                    .with_catalogue(catalogue(functions)?)
                    .await?;
                planner.plan(&question, any_tool, app.clock.now()).await
            }
        };
        writeln!(out, "{}", json!({ "id": line.id, "plan": plan }))?;
    }
    Ok(())
}

fn catalogue(functions: Vec<Function>) -> anyhow::Result<Catalogue> {
    let tools = functions
        .into_iter()
        .map(tool)
        .collect::<anyhow::Result<_>>()?;
    Ok(Catalogue { tools })
}

fn tool(function: Function) -> anyhow::Result<ToolSpec> {
    let properties = match function.parameters.get("properties") {
        None => Default::default(),
        Some(Value::Object(properties)) => properties.clone(),
        Some(_) => bail!(
            "function `{}`: `properties` is not an object",
            function.name
        ),
    };
    let required: Vec<&str> = match function.parameters.get("required") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let parameters = properties
        .iter()
        .map(|(name, schema)| Parameter {
            name: name.clone(),
            kind: kind(schema),
            default: None,
            optional: !required.contains(&name.as_str()),
            description: schema
                .get("description")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_string(),
        })
        .collect();
    let words = function.name.replace(['_', '.'], " ");
    Ok(ToolSpec {
        name: function.name,
        description: function.description,
        kind: ToolKind::Query,
        parameters,
        examples: vec![words],
    })
}

fn kind(schema: &Value) -> ParameterKind {
    if let Some(Value::Array(values)) = schema.get("enum") {
        return ParameterKind::Choice {
            values: values
                .iter()
                .filter_map(Value::as_str)
                .map(String::from)
                .collect(),
        };
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("integer") => ParameterKind::Integer,
        Some("number" | "float") => ParameterKind::Number,
        Some("boolean") => ParameterKind::Boolean,
        _ => ParameterKind::Text,
    }
}
