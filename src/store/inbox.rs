//! The inbox: every question we acknowledged, until it is settled.
//!
//! Promise: a gesture has one row, however many events tell of it, to however
//! many processes, for as long as rows are kept (25 hours at least). Every
//! change of state names the state that it leaves, and checks that one row
//! changed.
//!
//! States: `received -> claimed -> answered -> posted`, or `given_up`. A
//! refusal begins as `answered`: its text is known, it only has to be posted.

use super::{
    AuditRecord, Lease, Result, Store, audit, callback,
    claim::held_by,
    group_commit, outbox,
    sql::{Pool, Tx, Value, json},
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
        let row = NewRow::new(incoming, id, Begin::Received, now)?;
        match &self.0.pool {
            pool @ Pool::Sqlite { accepting, .. } => accepting.accept(pool, row).await,
            pool @ Pool::Postgres { .. } => group_commit::insert_one(pool, row).await,
        }
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
        let row = NewRow::new(incoming, id, Begin::Refused(reason), now)?;
        let receipt = insert(&mut tx, row).await?;
        if matches!(receipt, Receipt::Accepted(_)) {
            outbox::plan(&mut tx, id, parts, now).await?;
            audit::append(&mut tx, &AuditRecord::refused(id, incoming, reason), now).await?;
        }
        tx.commit().await?;
        Ok(receipt)
    }

    /// Ends the question without an answer. The asker should have been told
    /// before: this is the last time that anybody looks at it.
    pub async fn give_up(&self, lease: &Lease, reason: &str, now: DateTime<Utc>) -> Result<()> {
        let mut tx = self.0.pool.write("give up question").await?;
        let [question, worker, attempts] = held_by(lease);
        let given_up = tx
            .execute(
                "UPDATE inbox SET state = 'given_up', worker = NULL, lease_until = NULL, callback = NULL, settled_at = $4, reason = $5
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

enum Begin {
    Received,
    Refused(&'static str),
}

/// A row of the inbox, before it is known whether its gesture is new.
#[derive(Clone, Debug)]
pub(super) struct NewRow {
    id: QuestionId,
    alias: Option<String>,
    values: [Value; 19],
}

impl NewRow {
    fn new(
        incoming: &IncomingQuestion,
        id: QuestionId,
        begin: Begin,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let IncomingQuestion { place, asker, .. } = incoming;
        let (state, refused, reason) = match begin {
            Begin::Received => ("received", false, None),
            Begin::Refused(reason) => ("answered", true, Some(reason)),
        };
        let asked_at = incoming.asked_at.timestamp_micros();
        Ok(Self {
            id,
            alias: incoming
                .alias
                .as_ref()
                .map(|alias| format!("alias {alias} {}", asker.person)),
            values: [
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
                callback::stored(place.callback.as_ref())?,
            ],
        })
    }
}

/// One INSERT. It finds nothing to insert where delivery, subject or alias is known.
pub(super) async fn insert(tx: &mut Tx, row: NewRow) -> Result<Receipt> {
    if let Some(alias) = row.alias {
        // Delivery and subject are unique by index. An alias is unique only
        // within a minute, so those who bring the same one wait for each other.
        tx.lock(alias).await?;
    }
    let inserted = tx
        .execute(
            "INSERT INTO inbox (question, platform, tenant, delivery, subject, alias, channel, thread,
                                conversation, person, event, refused, state, reason, asked_at, accepted_at, callback)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $19
             WHERE NOT EXISTS (
                SELECT 1 FROM inbox AS known
                WHERE known.alias = $6 AND known.person = $10 AND known.platform = $2 AND known.tenant = $3
                  AND known.channel = $7 AND known.asked_at BETWEEN $17 AND $18)
             ON CONFLICT DO NOTHING",
            row.values,
        )
        .await?;
    Ok(if inserted == 1 {
        Receipt::Accepted(row.id)
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
