//! Claims: the right to work on one question for a while.
//!
//! Promise: a claim is a lease, committed at once. Two workers never hold the
//! same question, and a thread has one running question: an index holds that,
//! so a follow-up never interleaves with the question before it. Who lost the
//! lease changes nothing any more.

use super::{
    AuditRecord, Inbox, Result, StoreError, audit, callback,
    sql::{Row, Tx, Value},
};
use crate::domain::{IncomingQuestion, Platform, QuestionId};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// Who claims, and for how long.
#[derive(Clone, Debug)]
pub struct Claimant {
    /// Names the process and the task, different from every other one that runs.
    pub worker: String,
    /// Only questions of these platforms: the worker must be able to reply there.
    pub platforms: Vec<Platform>,
    pub lease: Duration,
}

/// The right to work on one question, until it expires or is given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub question: QuestionId,
    worker: String,
    /// Grows whenever a lease is taken back, which tells an old holder from a new one.
    attempts: i64,
}

#[derive(Clone, Debug)]
pub struct Claimed {
    pub lease: Lease,
    pub incoming: IncomingQuestion,
    pub stage: Stage,
    /// How often it was claimed before and not finished. Past a limit of the
    /// worker's choice it should be given up.
    pub attempts: u32,
}

/// What is left to do with a claimed question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Answer,
    /// The answer is saved; its parts are to be posted.
    Deliver,
}

impl Inbox<'_> {
    /// Takes the oldest question that waits, leaving threads alone in which
    /// one is already running. `None`: there is nothing to do.
    pub async fn claim(&self, claimant: &Claimant, now: DateTime<Utc>) -> Result<Option<Claimed>> {
        self.claim_where(claimant, None, now).await
    }

    /// Takes this very question, if it waits and nothing before it in its
    /// thread is unsettled. For a process that answers only what it asked.
    pub async fn claim_question(
        &self,
        claimant: &Claimant,
        id: QuestionId,
        now: DateTime<Utc>,
    ) -> Result<Option<Claimed>> {
        self.claim_where(claimant, Some(id), now).await
    }

    async fn claim_where(
        &self,
        claimant: &Claimant,
        only: Option<QuestionId>,
        now: DateTime<Utc>,
    ) -> Result<Option<Claimed>> {
        loop {
            match self.try_claim(claimant, only, now).await {
                Ok(Attempt::Claimed(claimed)) => return Ok(Some(*claimed)),
                Ok(Attempt::NothingWaits) => return Ok(None),
                // Another worker took a question of the same thread in this
                // very moment; the next look sees it.
                Err(error) if error.is_unique_violation() => {}
                Ok(Attempt::SetAside) => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn try_claim(
        &self,
        claimant: &Claimant,
        only: Option<QuestionId>,
        now: DateTime<Utc>,
    ) -> Result<Attempt> {
        let mut tx = self.0.pool.write("claim question").await?;
        let sql = if tx.is_postgres() {
            CLAIM_POSTGRES
        } else {
            CLAIM_SQLITE
        };
        let values = [
            (&claimant.worker).into(),
            (now + claimant.lease).into(),
            now.into(),
            platform_list(&claimant.platforms).into(),
            only.map_or(Value::Text(None), Value::from),
        ];
        let Some(row) = tx.fetch_optional(sql, values).await? else {
            return Ok(Attempt::NothingWaits);
        };
        let question = row.question()?;
        // What its last holder was sending may or may not have arrived.
        tx.execute(
            "UPDATE outbox SET state = 'in_doubt', changed_at = $2 WHERE question = $1 AND state = 'sending'",
            [question.into(), now.into()],
        )
        .await?;
        let attempt = match claimed(&row, question, claimant) {
            Ok(claimed) => Attempt::Claimed(Box::new(claimed)),
            // A row that nobody can read would be the oldest one for ever.
            Err(StoreError::Unreadable { .. }) => {
                set_aside(&mut tx, question, now).await?;
                Attempt::SetAside
            }
            Err(error) => return Err(error),
        };
        tx.commit().await?;
        Ok(attempt)
    }

    /// Keeps the question for another `lease`, counted from now. `false`: it
    /// is lost, stop working on it.
    pub async fn renew(
        &self,
        lease: &Lease,
        duration: Duration,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let mut tx = self.0.pool.write("renew lease").await?;
        let renewed = tx
            .execute(
                "UPDATE inbox SET lease_until = $4
                 WHERE question = $1 AND worker = $2 AND attempts = $3 AND state IN ('claimed', 'answered')",
                [
                    lease.question.into(),
                    (&lease.worker).into(),
                    lease.attempts.into(),
                    (now + duration).into(),
                ],
            )
            .await?;
        tx.commit().await?;
        Ok(renewed == 1)
    }

    /// Gives the question back as it was, for a process that stops.
    pub async fn release(&self, lease: &Lease) -> Result<()> {
        let mut tx = self.0.pool.write("release question").await?;
        let released = tx
            .execute(
                "UPDATE inbox SET worker = NULL, lease_until = NULL,
                        state = CASE state WHEN 'claimed' THEN 'received' ELSE state END
                 WHERE question = $1 AND worker = $2 AND attempts = $3 AND state IN ('claimed', 'answered')",
                held_by(lease),
            )
            .await?;
        lease.must_hold(&tx, released)?;
        tx.commit().await
    }

    /// Gives the question back until `not_before`, as after a platform's
    /// outage. Counts as an attempt.
    pub async fn retry_later(&self, lease: &Lease, not_before: DateTime<Utc>) -> Result<()> {
        let mut tx = self.0.pool.write("put question off").await?;
        let [question, worker, attempts] = held_by(lease);
        let released = tx
            .execute(
                "UPDATE inbox SET worker = NULL, lease_until = NULL, attempts = attempts + 1, not_before = $4,
                        state = CASE state WHEN 'claimed' THEN 'received' ELSE state END
                 WHERE question = $1 AND worker = $2 AND attempts = $3 AND state IN ('claimed', 'answered')",
                [question, worker, attempts, not_before.into()],
            )
            .await?;
        lease.must_hold(&tx, released)?;
        tx.commit().await
    }

    /// Takes back the leases that have expired by `now`; their questions wait
    /// again with one attempt more. Returns how many. A process that is alone
    /// with its store may call it at start with a time after every lease.
    pub async fn sweep(&self, now: DateTime<Utc>) -> Result<u64> {
        let mut tx = self.0.pool.write("take back expired leases").await?;
        let swept = tx
            .execute(
                "UPDATE inbox SET worker = NULL, lease_until = NULL, attempts = attempts + 1,
                        state = CASE state WHEN 'claimed' THEN 'received' ELSE state END
                 WHERE worker IS NOT NULL AND lease_until <= $1 AND state IN ('claimed', 'answered')",
                [now.into()],
            )
            .await?;
        tx.commit().await?;
        Ok(swept)
    }
}

impl Lease {
    /// `changed` is the count of rows that a statement bound to this lease changed.
    pub(super) fn must_hold(&self, tx: &Tx, changed: u64) -> Result<()> {
        if changed == 1 {
            return Ok(());
        }
        Err(StoreError::LeaseLost {
            doing: tx.doing,
            question: self.question,
        })
    }
}

/// Fails where the lease is lost, and holds the row until the transaction ends.
pub(super) async fn check_held(tx: &mut Tx, lease: &Lease) -> Result<()> {
    let held = tx
        .execute(
            "UPDATE inbox SET attempts = attempts
             WHERE question = $1 AND worker = $2 AND attempts = $3 AND state IN ('claimed', 'answered')",
            held_by(lease),
        )
        .await?;
    lease.must_hold(tx, held)
}

/// The values of `question = $1 AND worker = $2 AND attempts = $3`.
pub(super) fn held_by(lease: &Lease) -> [Value; 3] {
    [
        lease.question.into(),
        (&lease.worker).into(),
        lease.attempts.into(),
    ]
}

enum Attempt {
    Claimed(Box<Claimed>),
    NothingWaits,
    SetAside,
}

/// One UPDATE, so that no lock outlives it. On PostgreSQL, workers pass over a
/// row that another one is just taking.
macro_rules! claim_sql {
    ($lock:literal) => {
        concat!(
            "UPDATE inbox SET worker = $1, lease_until = $2,
                    state = CASE state WHEN 'received' THEN 'claimed' ELSE state END
             WHERE worker IS NULL AND state IN ('received', 'answered') AND seq = (
                SELECT seq FROM inbox AS waiting
                WHERE waiting.state IN ('received', 'answered') AND waiting.worker IS NULL
                  AND waiting.not_before <= $3
                  AND $4 LIKE '%,' || waiting.platform || ',%'
                  AND ($5 IS NULL OR waiting.question = $5)
                  AND NOT EXISTS (
                    SELECT 1 FROM inbox AS other
                    WHERE other.platform = waiting.platform AND other.tenant = waiting.tenant
                      AND other.conversation = waiting.conversation
                      AND other.state IN ('received', 'claimed', 'answered')
                      AND (other.seq < waiting.seq OR other.worker IS NOT NULL))
                ORDER BY waiting.seq LIMIT 1 ",
            $lock,
            ")
             RETURNING question, event, callback, state, attempts"
        )
    };
}

const CLAIM_SQLITE: &str = claim_sql!("");
const CLAIM_POSTGRES: &str = claim_sql!("FOR UPDATE OF waiting SKIP LOCKED");

fn claimed(row: &Row, question: QuestionId, claimant: &Claimant) -> Result<Claimed> {
    let attempts: i64 = row.get("attempts")?;
    let mut incoming: IncomingQuestion = row.json("event")?;
    incoming.place.callback = callback::read(row)?;
    Ok(Claimed {
        lease: Lease {
            question,
            worker: claimant.worker.clone(),
            attempts,
        },
        incoming,
        stage: match row.get::<String>("state")?.as_str() {
            "answered" => Stage::Deliver,
            _ => Stage::Answer,
        },
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
    })
}

async fn set_aside(tx: &mut Tx, question: QuestionId, now: DateTime<Utc>) -> Result<()> {
    const REASON: &str = "the stored event can't be read";
    tx.execute(
        "UPDATE inbox SET state = 'given_up', worker = NULL, lease_until = NULL, callback = NULL, settled_at = $2, reason = $3
         WHERE question = $1 AND state IN ('claimed', 'answered')",
        [question.into(), now.into(), REASON.into()],
    )
    .await?;
    audit::append(tx, &AuditRecord::given_up(question, REASON), now).await
}

/// `,slack,discord,`: one text, so that the statement stays the same for any number.
fn platform_list(platforms: &[Platform]) -> String {
    platforms.iter().fold(",".to_string(), |list, platform| {
        format!("{list}{platform},")
    })
}
