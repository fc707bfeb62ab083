//! What people say about answers.
//!
//! Promise: the acts of a person are kept as a set, and what they say now is
//! read from that set (views `feedback_signals`, `feedback_verdicts`), so acts
//! that arrive late, twice or in any order end in the same state. An act upon a
//! message that we do not know is parked for a day: if the message turns out to
//! be ours, the act finds its answer in the transaction that records the message.

use super::{
    AuditRecord, Result, Store, audit,
    sql::{Row, Tx, json, limit},
};
use crate::domain::{
    Feedback, FeedbackChange, FeedbackTarget, MessageId, PersonId, Platform, QuestionId, Signal,
    Verdict,
};
use chrono::{DateTime, Utc};
use serde::Serialize;

pub struct FeedbackBook<'a>(pub(super) &'a Store);

/// What became of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is part of what the person says about this answer.
    New(QuestionId),
    /// The same act was recorded before.
    Known(QuestionId),
    /// It is about a message that we do not know, or do not know yet.
    Parked,
    /// It names a question that does not exist.
    NoSuchAnswer,
}

/// What one person says about one answer now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FeedbackRow {
    pub question: QuestionId,
    pub person: PersonId,
    pub verdict: Verdict,
    pub signal: Signal,
    /// The newest reason that the person gave for this verdict.
    pub reason: Option<String>,
    pub at: DateTime<Utc>,
}

/// One signal as it stands, withdrawn ones included.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeldSignal {
    pub person: PersonId,
    pub signal: Signal,
    pub standing: bool,
    pub at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub struct FeedbackFilter {
    pub question: Option<QuestionId>,
    pub person: Option<PersonId>,
    pub verdict: Option<Verdict>,
    pub since: Option<DateTime<Utc>>,
    pub limit: usize,
}

impl Default for FeedbackFilter {
    fn default() -> Self {
        Self {
            question: None,
            person: None,
            verdict: None,
            since: None,
            limit: 100,
        }
    }
}

impl FeedbackBook<'_> {
    /// Records an act. Harmless to repeat.
    pub async fn record(&self, act: &Feedback, now: DateTime<Utc>) -> Result<Recorded> {
        let mut tx = self.0.pool.write("record feedback").await?;
        let recorded = match &act.target {
            FeedbackTarget::Answer(question) => {
                if question_exists(&mut tx, *question).await? {
                    add(&mut tx, *question, act, now).await?
                } else {
                    Recorded::NoSuchAnswer
                }
            }
            FeedbackTarget::Message { message, .. } => {
                lock_message(&mut tx, message).await?;
                match question_behind(&mut tx, &act.target).await? {
                    Some(question) => add(&mut tx, question, act, now).await?,
                    None => park(&mut tx, act, now).await?,
                }
            }
        };
        tx.commit().await?;
        Ok(recorded)
    }

    /// What people say now, newest first; what was withdrawn is left out.
    pub async fn list(&self, filter: &FeedbackFilter) -> Result<Vec<FeedbackRow>> {
        let question = filter.question.map(|id| id.to_string());
        let mut tx = self.0.pool.read("list feedback").await?;
        let rows = tx
            .fetch_all(
                "SELECT question, person, signal, reason, at_us FROM feedback_verdicts
                 WHERE ($1 IS NULL OR question = $1) AND ($2 IS NULL OR person = $2)
                   AND ($3 IS NULL OR verdict = $3) AND at_us >= $4
                 ORDER BY at_us DESC, question, person LIMIT $5",
                [
                    question.as_deref().into(),
                    filter.person.as_ref().map(PersonId::as_str).into(),
                    filter.verdict.map(Verdict::as_str).into(),
                    filter
                        .since
                        .map_or(i64::MIN, |at| at.timestamp_micros())
                        .into(),
                    limit(filter.limit),
                ],
            )
            .await?;
        rows.iter().map(feedback_row).collect()
    }

    /// What the person says about the answer now, if anything.
    pub async fn verdict(
        &self,
        question: QuestionId,
        person: &PersonId,
    ) -> Result<Option<Verdict>> {
        let filter = FeedbackFilter {
            question: Some(question),
            person: Some(person.clone()),
            ..FeedbackFilter::default()
        };
        let rows = self.list(&filter).await?;
        Ok(rows.first().map(|row| row.verdict))
    }

    /// Every signal on one answer, oldest first.
    pub async fn signals(&self, question: QuestionId) -> Result<Vec<HeldSignal>> {
        let mut tx = self.0.pool.read("read feedback").await?;
        let rows = tx
            .fetch_all(
                "SELECT person, signal, removed, at_us FROM feedback_signals WHERE question = $1
                 ORDER BY at_us, person, signal_key",
                [question.into()],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(HeldSignal {
                    person: PersonId(row.get("person")?),
                    signal: row.json("signal")?,
                    standing: !row.flag("removed")?,
                    at: row.time("at_us")?,
                })
            })
            .collect()
    }

    /// Forgets acts that were parked before then: their message is not ours.
    pub async fn purge_parked(&self, older_than: DateTime<Utc>) -> Result<u64> {
        let mut tx = self.0.pool.write("purge parked feedback").await?;
        let purged = tx
            .execute(
                "DELETE FROM feedback_parked WHERE parked_at < $1",
                [older_than.into()],
            )
            .await?;
        tx.commit().await?;
        Ok(purged)
    }
}

/// Whoever records a message and whoever parks an act upon it wait for each
/// other: else each could miss what the other is just writing.
pub(super) async fn lock_message(tx: &mut Tx, message: &MessageId) -> Result<()> {
    tx.lock(format!("message {message}")).await
}

/// Gives parked acts upon a message to the answer that it turns out to be part
/// of. The caller holds [`lock_message`].
pub(super) async fn join_parked(
    tx: &mut Tx,
    question: QuestionId,
    message: &MessageId,
    now: DateTime<Utc>,
) -> Result<()> {
    let rows = tx
        .fetch_all(
            "DELETE FROM feedback_parked
             WHERE message = $2 AND EXISTS (
                SELECT 1 FROM inbox WHERE inbox.question = $1 AND inbox.platform = feedback_parked.platform
                  AND feedback_parked.channel IN (inbox.channel, inbox.thread))
             RETURNING act",
            [question.into(), message.as_str().into()],
        )
        .await?;
    for row in rows {
        // An older version's act that can't be read must not keep the message from being recorded.
        let Ok(act) = row.json::<Feedback>("act") else {
            continue;
        };
        add(tx, question, &act, now).await?;
    }
    Ok(())
}

async fn question_exists(tx: &mut Tx, question: QuestionId) -> Result<bool> {
    let row = tx
        .fetch_optional(
            "SELECT question FROM inbox WHERE question = $1",
            [question.into()],
        )
        .await?;
    Ok(row.is_some())
}

/// The question that a message of ours belongs to. On Discord our replies
/// stand in the thread, which is a channel with an id of its own.
async fn question_behind(tx: &mut Tx, target: &FeedbackTarget) -> Result<Option<QuestionId>> {
    let FeedbackTarget::Message {
        platform,
        channel,
        message,
    } = target
    else {
        return Ok(None);
    };
    let row = tx
        .fetch_optional(
            "SELECT inbox.question FROM outbox JOIN inbox ON inbox.question = outbox.question
             WHERE outbox.message = $1 AND inbox.platform = $2 AND $3 IN (inbox.channel, inbox.thread)",
            [
                message.as_str().into(),
                platform.as_str().into(),
                channel.as_str().into(),
            ],
        )
        .await?;
    row.map(|row| row.question()).transpose()
}

async fn add(
    tx: &mut Tx,
    question: QuestionId,
    act: &Feedback,
    now: DateTime<Utc>,
) -> Result<Recorded> {
    let added = tx
        .execute(
            "INSERT INTO feedback_acts (question, person, signal_key, at_us, removed, verdict, signal, reason)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
            [
                question.into(),
                act.person.as_str().into(),
                act.signal.key().into(),
                act.at_us.into(),
                is_removal(act).into(),
                act.signal.verdict().as_str().into(),
                json(&act.signal, "signal")?.into(),
                act.reason.as_deref().into(),
            ],
        )
        .await?;
    if added == 0 {
        return Ok(Recorded::Known(question));
    }
    audit::append(tx, &AuditRecord::feedback(question, act), now).await?;
    Ok(Recorded::New(question))
}

async fn park(tx: &mut Tx, act: &Feedback, now: DateTime<Utc>) -> Result<Recorded> {
    if let FeedbackTarget::Message {
        platform,
        channel,
        message,
    } = &act.target
    {
        tx.execute(
            "INSERT INTO feedback_parked (platform, channel, message, person, signal_key, at_us, removed, verdict, act, parked_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
            [
                Platform::as_str(*platform).into(),
                channel.as_str().into(),
                message.as_str().into(),
                act.person.as_str().into(),
                act.signal.key().into(),
                act.at_us.into(),
                is_removal(act).into(),
                act.signal.verdict().as_str().into(),
                json(act, "act")?.into(),
                now.into(),
            ],
        )
        .await?;
    }
    Ok(Recorded::Parked)
}

fn is_removal(act: &Feedback) -> bool {
    act.change == FeedbackChange::Removed
}

fn feedback_row(row: &Row) -> Result<FeedbackRow> {
    let signal: Signal = row.json("signal")?;
    Ok(FeedbackRow {
        question: row.question()?,
        person: PersonId(row.get("person")?),
        verdict: signal.verdict(),
        signal,
        reason: row.get("reason")?,
        at: row.time("at_us")?,
    })
}
