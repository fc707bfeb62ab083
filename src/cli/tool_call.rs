//! A call of one tool from the command line, and its rows as they are printed.

use crate::{
    domain::{PersonId, ToolCall, ToolResult, plain::table_text},
    ports::{Caller, Tools},
    tools::{Toolbox, template::readable},
};
use clap::Args;
use serde_json::{Map, Value};
use std::io::Write;

#[derive(Debug, Args)]
pub struct CallArgs {
    name: String,
    /// An argument, such as `period=last month`; once for each
    #[arg(long = "arg", value_name = "K=V", value_parser = key_value)]
    arguments: Vec<(String, String)>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.trim().into(), value.into()))
}

impl CallArgs {
    /// Calls one of the `known` tools; `kind` is what a person calls them.
    pub async fn run(self, toolbox: &Toolbox, kind: &str, known: &[&str]) -> anyhow::Result<()> {
        if !known.contains(&self.name.as_str()) {
            let name = self.name;
            match known {
                [] => anyhow::bail!("there is no {kind} `{name}`; none is configured"),
                known => anyhow::bail!(
                    "there is no {kind} `{name}`; there are {}",
                    known.join(", ")
                ),
            }
        }
        let arguments = self.arguments.into_iter();
        let call = ToolCall {
            name: self.name,
            args: arguments
                .map(|(key, value)| (key, Value::String(value)))
                .collect::<Map<_, _>>(),
        };
        let caller = Caller {
            person: PersonId::new("local:operator"),
            access: toolbox.operator_access(),
        };
        print(toolbox.call(&call, &caller).await?, self.json)
    }
}

pub fn print(result: ToolResult, as_json: bool) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    if as_json {
        writeln!(output, "{}", serde_json::to_string(&result)?)?;
        return Ok(());
    }
    let columns = &result.rows.columns;
    let row_text = |row: &Vec<Value>| {
        let cells = columns.iter().zip(row);
        cells
            .map(|(column, value)| readable(column, value))
            .collect()
    };
    let rows: Vec<Vec<String>> = result.rows.rows.iter().map(row_text).collect();
    writeln!(output, "{}", result.lead)?;
    if !rows.is_empty() {
        writeln!(output, "\n{}", table_text("", columns, &rows))?;
    }
    Ok(())
}
