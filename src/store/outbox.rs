//! The outbox: one row for each message of a question, and what the platform
//! knows of it.
//!
//! Promise: before a message is sent, its row says so; a message whose response
//! was lost is `in_doubt`, and is looked up before it is sent again. An edit
//! needs no such care, it is harmless to repeat.
//!
//! States: `planned -> sending -> posted`; `sending` of a worker that died or
//! lost the response is `in_doubt`; what the platform refuses for ever is
//! `failed`. A new payload for a posted part makes it `planned` again and keeps
//! its message, which is then edited.

use super::{
    Lease, Result, Store, StoreError,
    audit::canonical,
    claim::check_held,
    feedback,
    sql::{Row, Tx, json},
};
use crate::{
    domain::{MessageId, QuestionId},
    ports::Part,
};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

pub struct Outbox<'a>(pub(super) &'a Store);

#[derive(Clone, Debug, PartialEq)]
pub struct OutboxPart {
    pub question: QuestionId,
    /// 0 is the placeholder that becomes the first part of the answer.
    pub part: usize,
    pub payload: Part,
    pub state: OutboxState,
    pub message: Option<MessageId>,
    shown_hash: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutboxState {
    Planned,
    Sending,
    InDoubt,
    Posted,
    Failed,
}

/// What the worker does next with a part.
#[derive(Clone, Debug, PartialEq)]
pub enum NextStep {
    /// `start_sending`, post, then `posted`.
    Post,
    /// Ask the platform whether it has the message: if it has, `posted` and
    /// edit; if not, `start_sending` and post.
    LookUp,
    /// Edit this message, then `posted`.
    Edit(MessageId),
    /// The platform shows it as it is, or refuses it for ever.
    Nothing,
}

impl OutboxPart {
    pub fn next_step(&self) -> NextStep {
        match (&self.message, self.state) {
            (_, OutboxState::Failed) => NextStep::Nothing,
            (Some(_), _) if self.is_shown() => NextStep::Nothing,
            (Some(message), _) => NextStep::Edit(message.clone()),
            (None, OutboxState::InDoubt | OutboxState::Sending) => NextStep::LookUp,
            (None, _) => NextStep::Post,
        }
    }

    /// Whether the platform shows this payload already.
    pub fn is_shown(&self) -> bool {
        self.shown_hash.as_deref() == Some(body_hash(&self.payload).as_str())
    }
}

impl Outbox<'_> {
    /// Plans the parts of a question, from 0 on. A part that was planned
    /// before takes the new payload and keeps its message; parts beyond the
    /// last that were never sent are dropped.
    pub async fn plan_parts(
        &self,
        lease: &Lease,
        parts: &[Part],
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.0.pool.write("plan parts").await?;
        check_held(&mut tx, lease).await?;
        plan(&mut tx, lease.question, parts, now).await?;
        tx.commit().await
    }

    /// Says that the part will be posted now. From here until [`Outbox::posted`]
    /// a crash leaves it in doubt.
    pub async fn start_sending(
        &self,
        lease: &Lease,
        part: usize,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.0.pool.write("start sending").await?;
        check_held(&mut tx, lease).await?;
        let started = tx
            .execute(
                "UPDATE outbox SET state = 'sending', changed_at = $3
                 WHERE question = $1 AND part = $2 AND message IS NULL AND state IN ('planned', 'in_doubt')",
                [lease.question.into(), part.into(), now.into()],
            )
            .await?;
        must_change(&tx, started, lease.question, part)?;
        tx.commit().await
    }

    /// The platform has the message and shows `shown`: after a post, an edit,
    /// or a look-up. Feedback that came before we knew the message finds its
    /// answer in the same transaction. True also for a worker that has lost
    /// its lease, so none is asked for.
    pub async fn posted(
        &self,
        question: QuestionId,
        part: usize,
        message: &MessageId,
        shown: Shown<'_>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.0.pool.write("record message").await?;
        feedback::lock_message(&mut tx, message).await?;
        let hash = match shown {
            Shown::Payload(part) => Some(body_hash(part)),
            Shown::Unknown => None,
        };
        let changed = tx
            .execute(
                "UPDATE outbox SET state = 'posted', message = $3, shown_hash = $4, changed_at = $5
                 WHERE question = $1 AND part = $2",
                [
                    question.into(),
                    part.into(),
                    message.as_str().into(),
                    hash.as_deref().into(),
                    now.into(),
                ],
            )
            .await?;
        must_change(&tx, changed, question, part)?;
        feedback::join_parked(&mut tx, question, message, now).await?;
        tx.commit().await
    }

    /// The response to a post was lost.
    pub async fn in_doubt(
        &self,
        question: QuestionId,
        part: usize,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.leave_sending(question, part, OutboxState::InDoubt, now)
            .await
    }

    /// Nothing was sent, as after a rate limit: the part may be posted again.
    pub async fn not_sent(
        &self,
        question: QuestionId,
        part: usize,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.leave_sending(question, part, OutboxState::Planned, now)
            .await
    }

    /// The platform refuses the part for ever, whether posted or edited.
    pub async fn failed(
        &self,
        question: QuestionId,
        part: usize,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.leave_sending(question, part, OutboxState::Failed, now)
            .await
    }

    /// The parts of a question, in order.
    pub async fn parts(&self, question: QuestionId) -> Result<Vec<OutboxPart>> {
        let mut tx = self.0.pool.read("read parts").await?;
        let rows = tx
            .fetch_all(
                "SELECT question, part, payload, state, message, shown_hash FROM outbox
                 WHERE question = $1 ORDER BY part",
                [question.into()],
            )
            .await?;
        rows.iter().map(part_of).collect()
    }

    pub async fn message_of(&self, question: QuestionId, part: usize) -> Result<Option<MessageId>> {
        let parts = self.parts(question).await?;
        Ok(parts
            .into_iter()
            .find(|sent| sent.part == part)
            .and_then(|sent| sent.message))
    }

    async fn leave_sending(
        &self,
        question: QuestionId,
        part: usize,
        to: OutboxState,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.0.pool.write("record outcome of a post").await?;
        // An edit that fails for ever leaves `planned`; a post leaves `sending`.
        let changed = tx
            .execute(
                "UPDATE outbox SET state = $3, changed_at = $4
                 WHERE question = $1 AND part = $2
                   AND (state = 'sending' OR ($3 = 'failed' AND state IN ('planned', 'in_doubt')))",
                [question.into(), part.into(), to.as_str().into(), now.into()],
            )
            .await?;
        must_change(&tx, changed, question, part)?;
        tx.commit().await
    }
}

/// What a message on the platform looks like now.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'a> {
    Payload(&'a Part),
    /// It was found by a look-up and may show an older payload: edit it.
    Unknown,
}

impl OutboxState {
    fn as_str(self) -> &'static str {
        match self {
            OutboxState::Planned => "planned",
            OutboxState::Sending => "sending",
            OutboxState::InDoubt => "in_doubt",
            OutboxState::Posted => "posted",
            OutboxState::Failed => "failed",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [
            OutboxState::Planned,
            OutboxState::Sending,
            OutboxState::InDoubt,
            OutboxState::Posted,
            OutboxState::Failed,
        ]
        .into_iter()
        .find(|state| state.as_str() == text)
    }
}

/// Plans parts within a transaction of the caller's.
pub(super) async fn plan(
    tx: &mut Tx,
    question: QuestionId,
    parts: &[Part],
    now: DateTime<Utc>,
) -> Result<()> {
    for (number, part) in parts.iter().enumerate() {
        tx.execute(
            // What is being sent stays so: its message will be found, and then edited.
            "INSERT INTO outbox (question, part, payload, state, changed_at) VALUES ($1, $2, $3, 'planned', $4)
             ON CONFLICT (question, part) DO UPDATE SET payload = excluded.payload, changed_at = excluded.changed_at,
                state = CASE WHEN outbox.state IN ('sending', 'in_doubt') THEN outbox.state ELSE 'planned' END
             WHERE outbox.payload <> excluded.payload OR outbox.state = 'failed'",
            [
                question.into(),
                number.into(),
                json(part, "part")?.into(),
                now.into(),
            ],
        )
        .await?;
    }
    tx.execute(
        "DELETE FROM outbox WHERE question = $1 AND part >= $2 AND message IS NULL AND state IN ('planned', 'failed')",
        [question.into(), parts.len().into()],
    )
    .await?;
    Ok(())
}

fn part_of(row: &Row) -> Result<OutboxPart> {
    let state: String = row.get("state")?;
    Ok(OutboxPart {
        question: row.question()?,
        part: row.count("part")?,
        payload: row.json("payload")?,
        state: OutboxState::parse(&state)
            .ok_or_else(|| row.unreadable("state", "unknown state"))?,
        message: row.get::<Option<String>>("message")?.map(MessageId),
        shown_hash: row.get("shown_hash")?,
    })
}

fn must_change(tx: &Tx, changed: u64, question: QuestionId, part: usize) -> Result<()> {
    if changed == 1 {
        return Ok(());
    }
    Err(StoreError::WrongState {
        doing: tx.doing,
        question,
        part,
    })
}

fn body_hash(part: &Part) -> String {
    hex::encode(Sha256::digest(canonical(&part.payload)))
}
