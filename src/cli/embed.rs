//! `lorekeeper embed`: texts in, vectors out.

use super::knowledge::json_lines;
use crate::{app, config::Config, ports::TextRole};
use clap::Args;
use serde::Deserialize;
use std::io::{BufWriter, Write, stdout};

/// Lines embedded together.
const BATCH: usize = 32;

#[derive(Args, Debug)]
pub struct EmbedArgs {
    /// Read {"id","text"} lines from standard input, print {"id","vector"} lines
    #[arg(long, required = true)]
    lines: bool,
    /// The output is JSON lines with or without this
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct Line {
    id: serde_json::Value,
    text: String,
}

impl EmbedArgs {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let embedder = app::open_embedder(config)?.embedder;
        let mut out = BufWriter::new(stdout().lock());
        let mut lines = json_lines::<Line>();
        loop {
            let batch = lines
                .by_ref()
                .take(BATCH)
                .collect::<anyhow::Result<Vec<Line>>>()?;
            if batch.is_empty() {
                return Ok(out.flush()?);
            }
            let (ids, texts): (Vec<_>, Vec<_>) =
                batch.into_iter().map(|line| (line.id, line.text)).unzip();
            let vectors = embedder.embed(texts, TextRole::Passage).await?;
            for (id, vector) in ids.iter().zip(vectors) {
                writeln!(out, "{}", serde_json::json!({ "id": id, "vector": vector }))?;
            }
        }
    }
}
