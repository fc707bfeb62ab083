//! The inbox: every question we acknowledged, until it is settled.
//!
//! Promise: a gesture has one row, however many events tell of it, to however
//! many processes, for as long as rows are kept (25 hours at least). A claim is
//! a lease, committed at once. A thread has one running question: an index
//! holds that, so a follow-up never interleaves with the question before it.
//! Every change of state names the state that it leaves; who lost the lease
//! changes nothing.
//!
//! States: `received -> claimed -> answered -> posted`, or `given_up`. A
//! refusal begins as `answered`: its text is known, it only has to be posted.

use super::{
    AuditRecord, Result, Store, StoreError, audit, outbox,
    sql::{Row, Tx, Value, json},
};
use crate::{
    domain::{IncomingQuestion, Place, Platform, QuestionId, Receipt},
    ports::Part,
};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// Two events of one gesture may bear different timestamps; Slack's have been
/// seen seconds apart. Later, the same words are a new question.
const SAME_GESTURE_US: i64 = 60 * 1_000_000;

/// Slack delivers events for up to a day after they happened.
const DEDUPE_MEMORY: Duration = Duration::from_secs(25 * 3600);

pub struct Inbox<'a>(pub(super) &'a Store);

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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateCounts {
    pub received: u64,
    pub claimed: u64,
    pub answered: u64,
    pub posted: u64,
    pub given_up: u64,
}

impl Inbox<'_> {
    /// Commits the question, unless its gesture was accepted before. Gives
    /// [`Receipt::Accepted`] or [`Receipt::Duplicate`].
    pub async fn accept(
        &self,
        incoming: &IncomingQuestion,
        id: QuestionId,
        now: DateTime<Utc>,
    ) -> Result<Receipt> {
        let mut tx = self.0.pool.write("accept question").await?;
        let receipt = insert(&mut tx, incoming, id, Begin::Received, now).await?;
        tx.commit().await?;
        Ok(receipt)
    }

    /// Commits a question that will not be answered, with the parts that tell
    /// its asker why. A worker claims and posts them like any answer. The
    /// question counts neither for a quota nor as part of its thread.
    pub async fn refuse(
        &self,
        incoming: &IncomingQuestion,
        id: QuestionId,
        parts: &[Part],
        reason: &'static str,
        now: DateTime<Utc>,
    ) -> Result<Receipt> {
        let mut tx = self.0.pool.write("refuse question").await?;
        let receipt = insert(&mut tx, incoming, id, Begin::Refused(reason), now).await?;
        if matches!(receipt, Receipt::Accepted(_)) {
            outbox::plan(&mut tx, id, parts, now).await?;
            audit::append(&mut tx, &AuditRecord::refused(id, incoming, reason), now).await?;
        }
        tx.commit().await?;
        Ok(receipt)
    }

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

    /// Ends the question without an answer. The asker should have been told
    /// before: this is the last time that anybody looks at it.
    pub async fn give_up(&self, lease: &Lease, reason: &str, now: DateTime<Utc>) -> Result<()> {
        let mut tx = self.0.pool.write("give up question").await?;
        let [question, worker, attempts] = held_by(lease);
        let given_up = tx
            .execute(
                "UPDATE inbox SET state = 'given_up', worker = NULL, lease_until = NULL, settled_at = $4, reason = $5
                 WHERE question = $1 AND worker = $2 AND attempts = $3 AND state IN ('claimed', 'answered')",
                [question, worker, attempts, now.into(), reason.into()],
            )
            .await?;
        lease.must_hold(&tx, given_up)?;
        audit::append(&mut tx, &AuditRecord::given_up(lease.question, reason), now).await?;
        tx.commit().await
    }

    /// Questions by state, for `doctor`.
    pub async fn counts(&self) -> Result<StateCounts> {
        let mut tx = self.0.pool.read("count questions").await?;
        let rows = tx
            .fetch_all("SELECT state, count(*) AS n FROM inbox GROUP BY state", [])
            .await?;
        let mut counts = StateCounts::default();
        for row in rows {
            let n = row.count("n")? as u64;
            match row.get::<String>("state")?.as_str() {
                "received" => counts.received = n,
                "claimed" => counts.claimed = n,
                "answered" => counts.answered = n,
                "posted" => counts.posted = n,
                "given_up" => counts.given_up = n,
                _ => {}
            }
        }
        Ok(counts)
    }

    /// Deletes settled questions that were accepted before `older_than`, with
    /// their answers, parts and feedback; the audit log keeps its records.
    /// Never those of the last 25 hours, which still ward off duplicates.
    pub async fn purge(&self, older_than: DateTime<Utc>, now: DateTime<Utc>) -> Result<u64> {
        let mut tx = self.0.pool.write("purge old questions").await?;
        let purged = tx
            .execute(
                "DELETE FROM inbox WHERE state IN ('posted', 'given_up') AND accepted_at < $1",
                [older_than.min(now - DEDUPE_MEMORY).into()],
            )
            .await?;
        tx.commit().await?;
        Ok(purged)
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
             RETURNING question, event, state, attempts"
        )
    };
}

const CLAIM_SQLITE: &str = claim_sql!("");
const CLAIM_POSTGRES: &str = claim_sql!("FOR UPDATE OF waiting SKIP LOCKED");

fn claimed(row: &Row, question: QuestionId, claimant: &Claimant) -> Result<Claimed> {
    let attempts: i64 = row.get("attempts")?;
    Ok(Claimed {
        lease: Lease {
            question,
            worker: claimant.worker.clone(),
            attempts,
        },
        incoming: row.json("event")?,
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
        "UPDATE inbox SET state = 'given_up', worker = NULL, lease_until = NULL, settled_at = $2, reason = $3
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

enum Begin {
    Received,
    Refused(&'static str),
}

/// One INSERT. It finds nothing to insert where delivery, subject or alias is known.
async fn insert(
    tx: &mut Tx,
    incoming: &IncomingQuestion,
    id: QuestionId,
    begin: Begin,
    now: DateTime<Utc>,
) -> Result<Receipt> {
    let IncomingQuestion { place, asker, .. } = incoming;
    if let Some(alias) = &incoming.alias {
        // Delivery and subject are unique by index. An alias is unique only
        // within a minute, so those who bring the same one wait for each other.
        tx.lock(format!("alias {alias} {}", asker.person)).await?;
    }
    let (state, refused, reason) = match begin {
        Begin::Received => ("received", false, None),
        Begin::Refused(reason) => ("answered", true, Some(reason)),
    };
    let asked_at = incoming.asked_at.timestamp_micros();
    let inserted = tx
        .execute(
            "INSERT INTO inbox (question, platform, tenant, delivery, subject, alias, channel, thread,
                                conversation, person, event, refused, state, reason, asked_at, accepted_at)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16
             WHERE NOT EXISTS (
                SELECT 1 FROM inbox AS known
                WHERE known.alias = $6 AND known.person = $10 AND known.platform = $2 AND known.tenant = $3
                  AND known.channel = $7 AND known.asked_at BETWEEN $17 AND $18)
             ON CONFLICT DO NOTHING",
            [
                id.into(),
                place.platform.as_str().into(),
                place.tenant.as_str().into(),
                (&incoming.delivery).into(),
                (&incoming.subject).into(),
                incoming.alias.as_deref().into(),
                place.channel.as_str().into(),
                place.thread.as_str().into(),
                conversation(place).into(),
                asker.person.as_str().into(),
                json(incoming, "event")?.into(),
                refused.into(),
                state.into(),
                reason.into(),
                asked_at.into(),
                now.into(),
                asked_at.saturating_sub(SAME_GESTURE_US).into(),
                asked_at.saturating_add(SAME_GESTURE_US).into(),
            ],
        )
        .await?;
    Ok(if inserted == 1 {
        Receipt::Accepted(id)
    } else {
        Receipt::Duplicate
    })
}

/// Names the thread within its tenant. A Slack thread is known only together
/// with its channel. On Discord the thread is a channel of its own, and a
/// message in it names no other.
pub(super) fn conversation(place: &Place) -> String {
    match place.platform {
        Platform::Discord => place.thread.to_string(),
        Platform::Slack | Platform::Terminal => format!("{}/{}", place.channel, place.thread),
    }
}
