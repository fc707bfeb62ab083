//! `lorekeeper search`: what the index finds, best first.

use super::knowledge::{Knowledge, access_of, json_lines};
use crate::{
    config::Config,
    domain::{Access, DocumentId},
    knowledge::{HybridSearch, Purpose},
    ports::{Hit, Search, SearchRequest},
};
use anyhow::bail;
use clap::Args;
use serde::{Deserialize, Serialize};
use std::{
    io::{BufWriter, Write, stdout},
    path::Path,
};

#[derive(Args, Debug)]
pub struct SearchArgs {
    /// What to look for
    #[arg(required_unless_present = "lines", conflicts_with = "lines")]
    query: Option<String>,
    /// Passages to bring
    #[arg(long, default_value_t = 5)]
    top_k: usize,
    /// Only this source
    #[arg(long)]
    source: Option<String>,
    /// Search as this person of the configuration
    #[arg(long = "as", value_name = "USER")]
    person: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Read {"id","query","exclude"?} lines from standard input, print {"id","hits"} lines
    #[arg(long)]
    lines: bool,
}

#[derive(Deserialize)]
struct Asked {
    id: serde_json::Value,
    query: String,
    #[serde(default)]
    exclude: Vec<DocumentId>,
}

/// A hit with its number, as people cite it.
#[derive(Serialize)]
struct Numbered<'a> {
    n: usize,
    #[serde(flatten)]
    hit: &'a Hit,
}

impl SearchArgs {
    pub async fn run(self, config: &Config, data_dir: &Path) -> anyhow::Result<()> {
        let access = access_of(config, self.person.as_deref())?;
        let knowledge = Knowledge::open(config, data_dir, Purpose::Search).await?;
        let search = HybridSearch::new(
            knowledge.index,
            knowledge.model.embedder,
            config.retrieval.candidates,
        );
        let mut out = BufWriter::new(stdout().lock());
        if self.lines {
            for asked in json_lines::<Asked>() {
                let Asked { id, query, exclude } = asked?;
                let hits = search
                    .search(&self.request(&query, exclude, &access))
                    .await?;
                writeln!(
                    out,
                    "{}",
                    serde_json::json!({ "id": id, "hits": numbered(&hits) })
                )?;
            }
        } else {
            let Some(query) = &self.query else {
                bail!("nothing to search for")
            };
            let hits = search
                .search(&self.request(query, Vec::new(), &access))
                .await?;
            if self.json {
                writeln!(out, "{}", serde_json::json!({ "hits": numbered(&hits) }))?;
            } else {
                print_hits(&hits, &mut out)?;
            }
        }
        Ok(out.flush()?)
    }

    fn request(&self, query: &str, exclude: Vec<DocumentId>, access: &Access) -> SearchRequest {
        SearchRequest {
            text: query.to_string(),
            top_k: self.top_k,
            kinds: Vec::new(),
            source: self.source.clone(),
            access: access.clone(),
            exclude,
        }
    }
}

fn numbered(hits: &[Hit]) -> Vec<Numbered<'_>> {
    hits.iter()
        .enumerate()
        .map(|(i, hit)| Numbered { n: i + 1, hit })
        .collect()
}

fn print_hits(hits: &[Hit], out: &mut impl Write) -> std::io::Result<()> {
    if hits.is_empty() {
        writeln!(out, "Nothing found.")?;
    }
    for (i, hit) in hits.iter().enumerate() {
        let section = if hit.section.is_empty() {
            String::new()
        } else {
            format!(" > {}", hit.section)
        };
        let replaced = if hit.superseded {
            " (a newer document replaces this one)"
        } else {
            ""
        };
        writeln!(
            out,
            "[{}] {}{section}{replaced}\n    {}, score {:.3}",
            i + 1,
            hit.title,
            hit.locator,
            hit.score
        )?;
        for line in hit.text.lines() {
            writeln!(out, "    {line}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}
