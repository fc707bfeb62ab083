//! How fresh what is known of each source is, and whose turn it is to read one.
//!
//! Promise: one source is read at a time, by one process, whatever the number
//! of daemons on this store: an index of the table holds that. The right to
//! read is a lease, committed at once; who lost it notes nothing any more.

use super::{
    Result, Store,
    sql::{Row, Tx, Value},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::time::Duration;

/// How long a source waits that a process did not survive a second time.
const AFTER_THE_END: Duration = Duration::from_secs(60);

pub struct Sources<'a>(pub(super) &'a Store);

/// A source as its last readings left it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SourceState {
    pub source: String,
    /// When the last reading began that came to its end; `None`: none did yet.
    /// What was deleted before it is gone.
    pub synchronised_at: Option<DateTime<Utc>>,
    /// When the last reading began that also read who may see what.
    pub permissions_at: Option<DateTime<Utc>>,
    /// When a daemon reads it again; `None`: only people do.
    pub next_at: Option<DateTime<Utc>>,
    pub documents: usize,
    /// Documents that nobody may see.
    pub withheld: usize,
    /// Documents and files that could not be read.
    pub faults: usize,
    pub milliseconds: i64,
    /// Readings in a row that failed as a whole.
    pub failures: u32,
    /// The first thing that the last reading could not do, for those who run this.
    pub problem: Option<String>,
    /// A daemon reads it just now.
    pub being_read: bool,
}

/// The right to read a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadingLease {
    pub source: String,
    /// Readings that failed before this one.
    pub failures: u32,
    worker: String,
}

/// What became of a reading.
#[derive(Clone, Debug, PartialEq)]
pub enum ReadingOutcome {
    Complete(Completed),
    /// What was not seen may still be there.
    Failed {
        problem: String,
    },
    /// It did not begin, and that is nobody's fault.
    PutOff,
}

/// A reading that came to its end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Completed {
    pub began: DateTime<Utc>,
    pub permissions_at: Option<DateTime<Utc>>,
    pub documents: usize,
    pub withheld: usize,
    pub faults: usize,
    pub took: Duration,
    pub problem: Option<String>,
}

impl Sources<'_> {
    /// Sources that this process reads, each with its interval. One that is
    /// new, or whose interval became shorter, is due by then; one that is not
    /// among them waits for people.
    pub async fn schedule(
        &self,
        due_by: &[(String, DateTime<Utc>)],
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.0.pool.write("schedule sources").await?;
        for (source, by) in due_by {
            tx.execute(
                "INSERT INTO sources (source, next_at) VALUES ($1, $2)
                 ON CONFLICT (source) DO UPDATE SET next_at = excluded.next_at
                 WHERE sources.next_at IS NULL OR sources.next_at > excluded.next_at",
                [source.into(), (*by).into()],
            )
            .await?;
        }
        free_expired(&mut tx, now).await?;
        tx.commit().await
    }

    /// Takes the right to read the source that is due for longest, of these.
    /// `None`: none is due, or one is being read.
    pub async fn claim(
        &self,
        names: &[String],
        worker: &str,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<Option<ReadingLease>> {
        match self.try_claim(names, worker, lease, now).await {
            // Another process was faster.
            Err(error) if error.is_unique_violation() => Ok(None),
            outcome => outcome,
        }
    }

    async fn try_claim(
        &self,
        names: &[String],
        worker: &str,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<Option<ReadingLease>> {
        let mut tx = self.0.pool.write("claim source").await?;
        free_expired(&mut tx, now).await?;
        let due = tx
            .fetch_all(
                "SELECT source, failures FROM sources
                 WHERE worker IS NULL AND next_at <= $1 ORDER BY next_at, source",
                [now.into()],
            )
            .await?;
        for row in &due {
            let source: String = row.get("source")?;
            if !names.contains(&source) {
                continue;
            }
            let taken = tx
                .execute(
                    "UPDATE sources SET worker = $2, lease_until = $3 WHERE source = $1 AND worker IS NULL",
                    [(&source).into(), worker.into(), (now + lease).into()],
                )
                .await?;
            tx.commit().await?;
            return Ok((taken == 1).then(|| ReadingLease {
                failures: failures(row).unwrap_or(0),
                worker: worker.into(),
                source,
            }));
        }
        tx.commit().await?;
        Ok(None)
    }

    /// Keeps the right for another `lease`. `false`: it is lost, stop reading.
    pub async fn renew(
        &self,
        held: &ReadingLease,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let mut tx = self.0.pool.write("renew reading").await?;
        let renewed = tx
            .execute(
                "UPDATE sources SET lease_until = $3 WHERE source = $1 AND worker = $2",
                [
                    (&held.source).into(),
                    (&held.worker).into(),
                    (now + lease).into(),
                ],
            )
            .await?;
        tx.commit().await?;
        Ok(renewed == 1)
    }

    /// Notes what became of a reading and gives the right back. `false`: it was lost.
    pub async fn settle(
        &self,
        held: &ReadingLease,
        outcome: &ReadingOutcome,
        next_at: DateTime<Utc>,
    ) -> Result<bool> {
        let mut tx = self.0.pool.write("settle reading").await?;
        let given_back = tx
            .execute(
                "UPDATE sources SET worker = NULL, lease_until = NULL, next_at = $3
                 WHERE source = $1 AND worker = $2",
                [(&held.source).into(), (&held.worker).into(), next_at.into()],
            )
            .await?;
        if given_back == 0 {
            return Ok(false);
        }
        match outcome {
            ReadingOutcome::Complete(completed) => {
                note(&mut tx, &held.source, completed).await?;
            }
            ReadingOutcome::Failed { problem } => {
                tx.execute(
                    "UPDATE sources SET failures = failures + 1, problem = $2 WHERE source = $1",
                    [(&held.source).into(), problem.into()],
                )
                .await?;
            }
            ReadingOutcome::PutOff => {}
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Notes a reading that a person began, without a lease.
    pub async fn completed(&self, source: &str, completed: &Completed) -> Result<()> {
        let mut tx = self.0.pool.write("note reading").await?;
        tx.execute(
            "INSERT INTO sources (source) VALUES ($1) ON CONFLICT (source) DO NOTHING",
            [source.into()],
        )
        .await?;
        note(&mut tx, source, completed).await?;
        tx.commit().await
    }

    /// Every source that was ever scheduled or read, by name.
    pub async fn all(&self) -> Result<Vec<SourceState>> {
        let mut tx = self.0.pool.read("list sources").await?;
        let rows = tx
            .fetch_all("SELECT * FROM sources ORDER BY source", [])
            .await?;
        rows.iter().map(state).collect()
    }
}

/// A process that ended in the middle of a reading may have ended because of
/// it, so the second time that source waits.
async fn free_expired(tx: &mut Tx, now: DateTime<Utc>) -> Result<()> {
    tx.execute(
        "UPDATE sources SET worker = NULL, lease_until = NULL, failures = failures + 1,
                next_at = CASE failures WHEN 0 THEN next_at ELSE $2 END,
                problem = 'a daemon ended while it read this source'
         WHERE worker IS NOT NULL AND lease_until <= $1",
        [now.into(), (now + AFTER_THE_END).into()],
    )
    .await?;
    Ok(())
}

/// What an increment did not look at stays as the last whole reading left it.
async fn note(tx: &mut Tx, source: &str, completed: &Completed) -> Result<()> {
    let read_whole = completed.permissions_at >= Some(completed.began);
    let milliseconds = i64::try_from(completed.took.as_millis()).unwrap_or(i64::MAX);
    tx.execute(
        "UPDATE sources SET synchronised_at = $2, permissions_at = $3, documents = $4,
                withheld = CASE WHEN $5 = 1 THEN $6 ELSE withheld END,
                faults = $7, milliseconds = $8, failures = 0, problem = $9
         WHERE source = $1",
        [
            source.into(),
            completed.began.into(),
            completed.permissions_at.into(),
            completed.documents.into(),
            read_whole.into(),
            completed.withheld.into(),
            completed.faults.into(),
            milliseconds.into(),
            completed
                .problem
                .as_deref()
                .map_or(Value::Text(None), Value::from),
        ],
    )
    .await?;
    Ok(())
}

fn failures(row: &Row) -> Result<u32> {
    Ok(u32::try_from(row.count("failures")?).unwrap_or(u32::MAX))
}

fn state(row: &Row) -> Result<SourceState> {
    let time = |column: &'static str| -> Result<Option<DateTime<Utc>>> {
        let micros: Option<i64> = row.get(column)?;
        Ok(micros.and_then(DateTime::from_timestamp_micros))
    };
    let worker: Option<String> = row.get("worker")?;
    Ok(SourceState {
        source: row.get("source")?,
        synchronised_at: time("synchronised_at")?,
        permissions_at: time("permissions_at")?,
        next_at: time("next_at")?,
        documents: row.count("documents")?,
        withheld: row.count("withheld")?,
        faults: row.count("faults")?,
        milliseconds: row.get("milliseconds")?,
        failures: failures(row)?,
        problem: row.get("problem")?,
        being_read: worker.is_some(),
    })
}
