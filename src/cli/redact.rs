//! `lorekeeper redact`: what would be found in texts, and what they become.

use super::knowledge::json_lines;
use crate::{
    app,
    config::Config,
    domain::{RedactionPolicy, Sensitive, Treatment},
    knowledge::redact::Redacted,
};
use anyhow::Context;
use clap::Args;
use serde::{Deserialize, Serialize};
use std::{
    io::{BufWriter, Write, stdout},
    path::Path,
};

#[derive(Args, Debug)]
pub struct RedactArgs {
    /// Read {"id","text"} lines from standard input, print {"id","text","found"} lines
    #[arg(long, required = true)]
    lines: bool,
    /// Treat the text as this configured source is treated; without it, everything is masked
    #[arg(long)]
    source: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    id: serde_json::Value,
    text: String,
}

#[derive(Serialize)]
struct Looked<'a> {
    id: serde_json::Value,
    text: &'a str,
    found: Vec<Place>,
}

/// In characters of the text as it was given.
#[derive(Serialize)]
struct Place {
    kind: Sensitive,
    start: usize,
    end: usize,
}

impl RedactArgs {
    pub async fn run(self, config: &Config, data_dir: &Path) -> anyhow::Result<()> {
        let redactor = app::open_redactor(config, data_dir)?;
        let policy = self.policy(config)?;
        let mut out = BufWriter::new(stdout().lock());
        for line in json_lines::<Line>() {
            let Line { id, text } = line?;
            let characters = |from: usize, to: usize| text[from..to].chars().count();
            let (mut at, mut counted) = (0, 0);
            let mut found = Vec::new();
            let places = redactor.find(&text);
            for place in &places {
                let start = counted + characters(at, place.span.start);
                let end = start + characters(place.span.start, place.span.end);
                (at, counted) = (place.span.end, end);
                let kind = place.kind;
                found.push(Place { kind, start, end });
            }
            let redacted = redactor.treat(&text, places, &policy, &mut Redacted::new());
            let looked = Looked {
                id,
                text: &redacted,
                found,
            };
            serde_json::to_writer(&mut out, &looked)?;
            writeln!(out)?;
        }
        Ok(out.flush()?)
    }

    fn policy(&self, config: &Config) -> anyhow::Result<RedactionPolicy> {
        let Some(name) = &self.source else {
            return Ok(RedactionPolicy::all(Treatment::Mask));
        };
        let mut sources = config.sources.iter();
        let source = sources
            .find(|source| source.name == *name)
            .with_context(|| format!("no [[source]] of the configuration is named `{name}`"))?;
        Ok(source.redact.clone())
    }
}
