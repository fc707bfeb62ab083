//! `lorekeeper sources`: how fresh what is known of each source is.
//!
//! Works beside a running daemon, whose index nobody else may open: it looks
//! at what the daemon noted in the store.

use crate::{
    app,
    config::{Config, Every},
    store::SourceState,
};
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use serde::Serialize;
use std::path::Path;

#[derive(Debug, Args)]
pub struct SourcesArgs {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// A source may be late by so many intervals, and by so many seconds, before
/// anybody need look: a reading takes its time, and others go first.
const LATE_INTERVALS: i32 = 3;
const LATE_SECONDS: i64 = 600;

impl SourcesArgs {
    pub async fn run(self, config: &Config, data_dir: &Path) -> anyhow::Result<()> {
        let listed = list(config, data_dir).await?;
        if self.json {
            println!("{}", serde_json::to_string(&listed)?);
            return Ok(());
        }
        for line in &listed {
            println!("{}", line.told());
        }
        if listed.is_empty() {
            println!("no [[source]] is configured");
        }
        Ok(())
    }
}

/// A source as it is configured, and as its last readings left it.
#[derive(Debug, Serialize)]
pub struct SourceLine {
    every: String,
    age_seconds: Option<i64>,
    permissions_age_seconds: Option<i64>,
    #[serde(flatten)]
    state: SourceState,
    #[serde(skip)]
    interval: Every,
}

pub async fn list(config: &Config, data_dir: &Path) -> anyhow::Result<Vec<SourceLine>> {
    let store = app::open_store(config, data_dir).await?;
    let states = store.sources().all().await?;
    store.close().await;
    let now = Utc::now();
    let age = |since: Option<DateTime<Utc>>| since.map(|since| (now - since).num_seconds().max(0));
    let lines = config.sources.iter().map(|entry| {
        let state = states.iter().find(|state| state.source == entry.name);
        let state = state.cloned().unwrap_or_else(|| SourceState {
            source: entry.name.clone(),
            ..SourceState::default()
        });
        SourceLine {
            every: entry.every.to_string(),
            age_seconds: age(state.synchronised_at),
            permissions_age_seconds: age(state.permissions_at),
            interval: entry.every,
            state,
        }
    });
    Ok(lines.collect())
}

impl SourceLine {
    /// `handbook: read 4 minutes ago`
    pub fn age(&self) -> String {
        let name = &self.state.source;
        match self.age_seconds {
            Some(age) => format!("{name}: read {} ago", span(age)),
            None => format!("{name}: not read yet"),
        }
    }

    /// What is wrong with it, if anything is, and what to do.
    pub fn fault(&self) -> Option<String> {
        let SourceState {
            failures, problem, ..
        } = &self.state;
        if *failures > 0 {
            let problem = problem
                .as_deref()
                .unwrap_or("for a reason that was not noted");
            return Some(format!(
                "{}, and could not be read {failures} times since: {problem}",
                self.age()
            ));
        }
        let Every::After(interval) = self.interval else {
            return None;
        };
        let interval = TimeDelta::from_std(interval).unwrap_or(TimeDelta::MAX);
        let late = interval
            .checked_mul(LATE_INTERVALS)
            .unwrap_or(TimeDelta::MAX)
            .num_seconds()
            .max(LATE_SECONDS);
        let age = self.age_seconds?;
        (age > late).then(|| {
            format!(
                "{}, which is more than every {}: check that the daemon runs, or run `lorekeeper ingest`",
                self.age(),
                self.every
            )
        })
    }

    fn told(&self) -> String {
        let state = &self.state;
        let mut parts = vec![self.age()];
        if let Some(age) = self.permissions_age_seconds {
            parts.push(format!("who may see what {} ago", span(age)));
        }
        parts.push(match self.every.as_str() {
            "off" => "by hand".into(),
            every => format!("every {every}"),
        });
        parts.push(format!(
            "{} documents, {} withheld, {} faults, {:.1} s",
            state.documents,
            state.withheld,
            state.faults,
            state.milliseconds as f64 / 1e3
        ));
        if state.being_read {
            parts.push("being read".into());
        }
        if state.failures > 0 {
            parts.push(format!("failed {} times since", state.failures));
        }
        let mut told = parts.join(", ");
        if let Some(problem) = &state.problem {
            told.push_str(&format!("\n  {problem}"));
        }
        told
    }
}

/// In the largest unit that leaves a number worth reading.
fn span(seconds: i64) -> String {
    let units = [(86_400, "days"), (3_600, "hours"), (60, "minutes")];
    let found = units.into_iter().find(|(length, _)| seconds >= 2 * length);
    let (length, unit) = found.unwrap_or((1, "seconds"));
    format!("{} {unit}", seconds / length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn line(age: Option<i64>, failures: u32, interval: Every) -> SourceLine {
        SourceLine {
            every: interval.to_string(),
            age_seconds: age,
            permissions_age_seconds: age,
            state: SourceState {
                source: "wiki".into(),
                failures,
                problem: (failures > 0).then(|| "can't be reached".into()),
                ..SourceState::default()
            },
            interval,
        }
    }

    #[test]
    fn source_that_is_late_or_failing_is_a_fault() {
        let every = Every::After(Duration::from_secs(3_600));
        let check = |age: Option<i64>, failures: u32, every: Every, expected: Option<&str>| {
            let found = line(age, failures, every).fault();
            let fits = match (&found, expected) {
                (Some(found), Some(expected)) => found.contains(expected),
                (found, expected) => found.is_none() && expected.is_none(),
            };
            assert!(fits, "{found:?} {expected:?}");
        };
        check(Some(7_000), 0, every, None);
        check(
            Some(11_000),
            0,
            every,
            Some("read 3 hours ago, which is more than every 1h"),
        );
        check(Some(500), 0, Every::After(Duration::from_secs(5)), None);
        check(Some(1_000_000), 0, Every::Off, None);
        check(None, 0, every, None);
        check(
            None,
            2,
            every,
            Some("not read yet, and could not be read 2 times since: can't be reached"),
        );
    }
}
