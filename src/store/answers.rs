//! Answers, and the moment in which a question has one.
//!
//! Promise: answer, planned parts, the question's new state and the audit
//! record are committed together or not at all.

use super::{
    AuditRecord, Lease, Result, Store, audit,
    claim::held_by,
    outbox,
    sql::{Row, json},
};
use crate::{
    domain::{Answer, IncomingQuestion, Question, QuestionId},
    ports::Part,
};
use chrono::{DateTime, Utc};

pub struct Answers<'a>(pub(super) &'a Store);

/// Everything that is saved when a question is answered.
#[derive(Clone, Copy, Debug)]
pub struct Saving<'a> {
    pub question: &'a Question,
    pub answer: &'a Answer,
    /// What the asker reads, without markup: the memory of the thread.
    pub plain_text: &'a str,
    pub parts: &'a [Part],
}

#[derive(Clone, Debug, PartialEq)]
pub struct SavedAnswer {
    pub question: QuestionId,
    /// Who asked what, where.
    pub incoming: IncomingQuestion,
    pub answer: Answer,
    pub plain_text: String,
    pub saved_at: DateTime<Utc>,
}

impl Answers<'_> {
    /// `claimed -> answered`. The lease stays: its holder goes on to post the parts.
    pub async fn save(&self, lease: &Lease, saving: &Saving<'_>, now: DateTime<Utc>) -> Result<()> {
        let Saving {
            question,
            answer,
            plain_text,
            parts,
        } = saving;
        let mut tx = self.0.pool.write("save answer").await?;
        let answered = tx
            .execute(
                "UPDATE inbox SET state = 'answered'
                 WHERE question = $1 AND worker = $2 AND attempts = $3 AND state = 'claimed'",
                held_by(lease),
            )
            .await?;
        lease.must_hold(&tx, answered)?;
        outbox::plan(&mut tx, lease.question, parts, now).await?;
        tx.execute(
            "INSERT INTO answers (question, answer, plain_text, saved_at) VALUES ($1, $2, $3, $4)",
            [
                lease.question.into(),
                json(answer, "answer")?.into(),
                (*plain_text).into(),
                now.into(),
            ],
        )
        .await?;
        let record = AuditRecord::answered(lease.question, question, answer, plain_text);
        audit::append(&mut tx, &record, now).await?;
        tx.commit().await
    }

    /// `answered -> posted`: every part is on the platform, the question is done.
    pub async fn settle_posted(&self, lease: &Lease, now: DateTime<Utc>) -> Result<()> {
        let mut tx = self.0.pool.write("settle question").await?;
        let [question, worker, attempts] = held_by(lease);
        let settled = tx
            .execute(
                "UPDATE inbox SET state = 'posted', worker = NULL, lease_until = NULL, callback = NULL, settled_at = $4
                 WHERE question = $1 AND worker = $2 AND attempts = $3 AND state = 'answered'",
                [question, worker, attempts, now.into()],
            )
            .await?;
        lease.must_hold(&tx, settled)?;
        tx.commit().await
    }

    pub async fn answer(&self, question: QuestionId) -> Result<Option<SavedAnswer>> {
        let mut tx = self.0.pool.read("read answer").await?;
        let row = tx
            .fetch_optional(
                "SELECT answers.question, event, answer, plain_text, saved_at
                 FROM answers JOIN inbox ON inbox.question = answers.question WHERE answers.question = $1",
                [question.into()],
            )
            .await?;
        row.as_ref().map(saved_answer).transpose()
    }

    /// The newest answers, newest first.
    pub async fn recent(&self, rows: usize) -> Result<Vec<SavedAnswer>> {
        let mut tx = self.0.pool.read("read answers").await?;
        let rows = tx
            .fetch_all(
                "SELECT answers.question, event, answer, plain_text, saved_at
                 FROM answers JOIN inbox ON inbox.question = answers.question
                 ORDER BY saved_at DESC, answers.question DESC LIMIT $1",
                [rows.into()],
            )
            .await?;
        rows.iter().map(saved_answer).collect()
    }
}

fn saved_answer(row: &Row) -> Result<SavedAnswer> {
    Ok(SavedAnswer {
        question: row.question()?,
        incoming: row.json("event")?,
        answer: row.json("answer")?,
        plain_text: row.get("plain_text")?,
        saved_at: row.time("saved_at")?,
    })
}
