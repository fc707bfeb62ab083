//! `lorekeeper dataset build planner`: questions and plans, from the catalogue.

use crate::{
    app,
    config::Config,
    learning::planner::{PairOptions, make_pairs},
    pipeline::IntentExamples,
    ports::{Clock, SystemClock, Tools},
    prompts::PlanPrompt,
    tools::Toolbox,
};
use anyhow::ensure;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::Args;
use std::{
    io::{BufWriter, Write, stdout},
    sync::Arc,
};

#[derive(Debug, Args)]
pub struct PlannerArgs {
    /// Pairs to make
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    /// Another seed makes others; the same seed makes the same
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The day that "last month" is counted from [default: today]
    #[arg(long, value_name = "DATE")]
    day: Option<NaiveDate>,
}

impl PlannerArgs {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let toolbox = Toolbox::open(config, Arc::new(SystemClock)).await?;
        let IntentExamples {
            knowledge,
            small_talk,
            out_of_scope,
        } = app::intent_examples()?;
        let options = PairOptions {
            count: self.count as usize,
            seed: self.seed,
            now: self.now(),
            knowledge,
            small_talk,
            out_of_scope,
        };
        let made = make_pairs(toolbox.catalogue(), &PlanPrompt::shipped()?, &options)?;
        let mut out = BufWriter::new(stdout().lock());
        for pair in &made.pairs {
            writeln!(out, "{}", pair.record())?;
        }
        out.flush()?;
        let kinds: Vec<String> = made
            .counts()
            .iter()
            .map(|(about, count)| format!("{} {count}", serde_json::json!(about)))
            .collect();
        eprintln!(
            "{} pairs: {}; {} were made before, {} not allowed",
            made.pairs.len(),
            kinds.join(", ").replace('"', ""),
            made.repeated,
            made.refused
        );
        ensure!(
            made.pairs.len() == options.count,
            "only {} different pairs could be made: write more `examples` and `synonyms` (`lorekeeper doctor` says where), or ask for fewer",
            made.pairs.len()
        );
        Ok(())
    }

    /// Noon: whatever the hour, the same day gives the same pairs.
    fn now(&self) -> DateTime<Utc> {
        let day = self.day.unwrap_or(SystemClock.now().date_naive());
        let noon = NaiveTime::from_hms_opt(12, 0, 0).unwrap_or_default();
        day.and_time(noon).and_utc()
    }
}
