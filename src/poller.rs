//! The poller: while the daemon runs, it keeps the index at the state of the
//! sources.
//!
//! Promise: each source is read when its interval is over, one source at a
//! time, whatever the number of daemons on one store. What was deleted or
//! revoked there by then is used by no answer after that reading. Questions go
//! first: passages reach the embedding model a few at a time. A source that
//! fails is tried again later and later, up to an hour; the others go on. A
//! reading that is cut off goes on with the next one.

use crate::{
    config::{Every, SourceEntry},
    domain::{Freshness, FreshnessBoard},
    ingest::{Ingestor, SourceReport, Unwatched, synchronise},
    knowledge::IndexError,
    metrics,
    ports::{Clock, with_causes},
    store::{Completed, ReadingLease, ReadingOutcome, SourceState, Store, StoreError},
};
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use rand::RngExt;
use std::{sync::Arc, time::Duration};
use tokio::{pin, select, time::interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How often it looks whether a source is due.
const TICK: Duration = Duration::from_secs(1);

/// A reader that was not heard of for so long is taken for dead.
const LEASE: Duration = Duration::from_secs(30);

/// After the first failure, and twice as long after each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);

/// Of an interval; what is read at the same moment every time meets what others do every time.
const JITTER: f64 = 0.1;

/// A daemon that starts has other things to do, and a restart is no reason to read everything at once.
const LONGEST_START: Duration = Duration::from_secs(60);

/// Of what a source's last reading could not do.
const PROBLEM_CHARS: usize = 300;

/// Passages that reach the embedding model at once: what a question may have to wait for.
pub const AT_ONCE: usize = 8;

/// Opens what a reading works with, for this reading.
pub type OpenIngestor = Box<dyn Fn() -> BoxFuture<'static, anyhow::Result<Ingestor>> + Send + Sync>;

pub struct Poller {
    pub store: Store,
    pub sources: Vec<SourceEntry>,
    pub open: OpenIngestor,
    pub clock: Arc<dyn Clock>,
    pub board: FreshnessBoard,
    /// Names this process, different from every other one that runs.
    pub worker: String,
}

impl Poller {
    /// Until `stop`; a reading that runs then is cut off.
    pub async fn run(self, stop: CancellationToken) {
        let mut ticks = interval(TICK);
        let mut scheduled = false;
        loop {
            select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let turn = async {
                if !scheduled {
                    self.schedule().await?;
                    scheduled = true;
                }
                self.show().await?;
                self.poll(&stop).await
            };
            if let Err(error) = turn.await {
                // The store tells its own failures to whoever asks for its health.
                warn!(
                    error = with_causes(&error),
                    "the poller can't reach the store"
                );
                scheduled = false;
            }
        }
    }

    /// When each source is read first: within its interval, however short.
    pub async fn schedule(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let due: Vec<(String, DateTime<Utc>)> = self
            .polled()
            .map(|(entry, every)| {
                let within = every.mul_f64(JITTER).min(LONGEST_START);
                (entry.name.clone(), now + random_part(within))
            })
            .collect();
        self.store.sources().schedule(&due, now).await
    }

    /// Reads the source that is due for longest, if one is.
    pub async fn poll(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        let names: Vec<String> = self.polled().map(|(entry, _)| entry.name.clone()).collect();
        let now = self.clock.now();
        let sources = self.store.sources();
        let Some(lease) = sources.claim(&names, &self.worker, LEASE, now).await? else {
            return Ok(());
        };
        let entry = self.sources.iter().find(|entry| entry.name == lease.source);
        let Some(entry) = entry else {
            return Ok(());
        };
        let Some(outcome) = self.read(entry, &lease, stop).await? else {
            warn!(source = entry.name, "another daemon took over a reading");
            return Ok(());
        };
        let next_at = self.clock.now() + pause_after(entry.every, lease.failures, &outcome);
        sources.settle(&lease, &outcome, next_at).await?;
        self.show().await
    }

    /// `None`: the right to read was lost.
    async fn read(
        &self,
        entry: &SourceEntry,
        lease: &ReadingLease,
        stop: &CancellationToken,
    ) -> Result<Option<ReadingOutcome>, StoreError> {
        let reading = self.read_once(entry);
        pin!(reading);
        let mut ticks = interval(LEASE / 6);
        loop {
            select! {
                outcome = &mut reading => return Ok(Some(outcome)),
                () = stop.cancelled() => return Ok(Some(ReadingOutcome::PutOff)),
                _ = ticks.tick() => {
                    let now = self.clock.now();
                    if !self.store.sources().renew(lease, LEASE, now).await? {
                        return Ok(None);
                    }
                    self.show().await?;
                }
            }
        }
    }

    async fn read_once(&self, entry: &SourceEntry) -> ReadingOutcome {
        let began = self.clock.now();
        let name = &entry.name;
        let ingestor = match (self.open)().await {
            Ok(ingestor) => ingestor,
            Err(error) => return failed_to_open(name, error),
        };
        match synchronise(&ingestor, std::slice::from_ref(entry), &Unwatched).await {
            Ok(report) => match report.sources.first() {
                Some(source) => of_report(source, began),
                None => ReadingOutcome::PutOff,
            },
            Err(error) => {
                let problem = with_causes(&error);
                warn!(source = name, error = problem, "a source could not be read");
                failed(&problem)
            }
        }
    }

    /// Shows how fresh the sources are to those who speak of it.
    async fn show(&self) -> Result<(), StoreError> {
        let states = self.store.sources().all().await?;
        let states: Vec<SourceState> = states
            .into_iter()
            .filter(|state| self.sources.iter().any(|entry| entry.name == state.source))
            .collect();
        metrics::record_sources(&states, self.clock.now());
        show(&self.board, &states);
        Ok(())
    }

    fn polled(&self) -> impl Iterator<Item = (&SourceEntry, Duration)> {
        let entries = self.sources.iter();
        entries.filter_map(|entry| Some((entry, entry.every.after()?)))
    }
}

/// What was read, for those who ask for the sources.
pub fn show(board: &FreshnessBoard, states: &[SourceState]) {
    let all = states.iter().map(|state| {
        let freshness = Freshness {
            synchronised_at: state.synchronised_at,
            failing: state.failures > 0,
        };
        (state.source.clone(), freshness)
    });
    board.show(all.collect());
}

/// A reading as the store notes it.
pub fn completed(source: &SourceReport, began: DateTime<Utc>) -> Completed {
    Completed {
        began,
        permissions_at: source.end.permissions_at,
        documents: source.end.documents,
        withheld: source.withheld,
        faults: source.faults,
        took: Duration::from_secs_f64(source.seconds.max(0.0)),
        problem: source.end.first_fault.as_deref().map(shortened),
    }
}

fn of_report(source: &SourceReport, began: DateTime<Utc>) -> ReadingOutcome {
    let name = &source.source;
    info!(
        source = name,
        added = source.added,
        changed = source.changed,
        removed = source.removed,
        withheld = source.withheld,
        faults = source.faults,
        seconds = source.seconds,
        complete = source.end.complete,
        "Read the source {name}"
    );
    match &source.end.lost {
        Some(problem) => failed(problem),
        None => ReadingOutcome::Complete(completed(source, began)),
    }
}

fn failed_to_open(source: &str, error: anyhow::Error) -> ReadingOutcome {
    if let Some(IndexError::BeingFilled { .. }) = error.downcast_ref() {
        info!(source, "A person fills the index; the source waits");
        return ReadingOutcome::PutOff;
    }
    let problem = format!("{error:#}");
    warn!(source, error = problem, "the index can't be written to");
    failed(&problem)
}

fn failed(problem: &str) -> ReadingOutcome {
    ReadingOutcome::Failed {
        problem: shortened(problem),
    }
}

fn shortened(problem: &str) -> String {
    problem.chars().take(PROBLEM_CHARS).collect()
}

/// How long a source rests now. The interval is a bound: jitter only shortens it.
fn pause_after(every: Every, failures: u32, outcome: &ReadingOutcome) -> TimeDelta {
    let pause = match outcome {
        ReadingOutcome::Complete(_) => every.after().unwrap_or(LONGEST_PAUSE),
        ReadingOutcome::Failed { .. } => FIRST_PAUSE
            .saturating_mul(1 << failures.min(6))
            .min(LONGEST_PAUSE),
        ReadingOutcome::PutOff => FIRST_PAUSE.min(every.after().unwrap_or(FIRST_PAUSE)),
    };
    let least = pause.mul_f64(1.0 - JITTER);
    delta(least) + random_part(pause - least)
}

fn random_part(of: Duration) -> TimeDelta {
    let millis = u64::try_from(of.as_millis()).unwrap_or(u64::MAX);
    delta(Duration::from_millis(rand::rng().random_range(0..=millis)))
}

fn delta(pause: Duration) -> TimeDelta {
    TimeDelta::from_std(pause).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_that_fails_is_tried_later_and_later_and_never_later_than_hourly() {
        let check = |failures: u32, expected: i64| {
            let pause = pause_after(Every::default(), failures, &failed("down")).num_seconds();
            assert!(
                (expected * 9 / 10..=expected).contains(&pause),
                "{failures}: {pause}"
            );
        };
        check(0, 60);
        check(1, 120);
        check(3, 480);
        check(6, 3_600);
        check(u32::MAX, 3_600);
    }

    #[test]
    fn interval_is_kept_as_a_bound() {
        let every = Every::After(Duration::from_secs(1_000));
        let complete = ReadingOutcome::Complete(Completed::default());
        for _ in 0..100 {
            let pause = pause_after(every, 0, &complete).num_seconds();
            assert!((900..=1_000).contains(&pause), "{pause}");
            let pause = pause_after(every, 0, &ReadingOutcome::PutOff).num_seconds();
            assert!(pause <= 60, "{pause}");
        }
    }
}
