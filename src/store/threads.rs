//! What the inbox knows of threads and people: was the bot asked here, what
//! was said, how much did someone ask.

use super::{Inbox, Result, inbox::conversation};
use crate::domain::{Answer, IncomingQuestion, PersonId, Place, Role, Turn};
use chrono::{DateTime, Utc};

impl Inbox<'_> {
    /// Whether the bot was asked in the thread of `place` since then, and did
    /// not refuse: then a reply there needs no mention.
    pub async fn thread_known(&self, place: &Place, since: DateTime<Utc>) -> Result<bool> {
        let mut tx = self.0.pool.read("look up thread").await?;
        let row = tx
            .fetch_optional(
                "SELECT 1 AS known FROM inbox
                 WHERE platform = $1 AND tenant = $2 AND conversation = $3 AND refused = 0 AND accepted_at >= $4
                 LIMIT 1",
                [
                    place.platform.as_str().into(),
                    place.tenant.as_str().into(),
                    conversation(place).into(),
                    since.into(),
                ],
            )
            .await?;
        Ok(row.is_some())
    }

    /// How many questions the person asked since then, refused ones left out.
    /// Counts no further than `up_to`, so that it costs at most so many rows.
    pub async fn asked_since(
        &self,
        person: &PersonId,
        since: DateTime<Utc>,
        up_to: u32,
    ) -> Result<u64> {
        let mut tx = self.0.pool.read("count a person's questions").await?;
        let row = tx
            .fetch_optional(
                "SELECT count(*) AS n FROM (
                     SELECT 1 FROM inbox WHERE person = $1 AND refused = 0 AND accepted_at >= $2 LIMIT $3
                 ) AS asked",
                [person.as_str().into(), since.into(), i64::from(up_to).into()],
            )
            .await?;
        row.map_or(Ok(0), |row| Ok(row.count("n")? as u64))
    }

    /// The last `questions` that were answered in the thread of `place` and
    /// asked before `before`, each with the plain text of its answer; oldest first.
    pub async fn thread_turns(
        &self,
        place: &Place,
        before: DateTime<Utc>,
        questions: usize,
    ) -> Result<Vec<Turn>> {
        let mut tx = self.0.pool.read("read thread").await?;
        let rows = tx
            .fetch_all(
                "SELECT inbox.event, answers.plain_text FROM inbox JOIN answers ON answers.question = inbox.question
                 WHERE platform = $1 AND tenant = $2 AND conversation = $3 AND refused = 0 AND asked_at < $4
                 ORDER BY seq DESC LIMIT $5",
                [
                    place.platform.as_str().into(),
                    place.tenant.as_str().into(),
                    conversation(place).into(),
                    before.into(),
                    questions.into(),
                ],
            )
            .await?;
        let mut turns = Vec::with_capacity(rows.len() * 2);
        for row in rows.iter().rev() {
            let incoming: IncomingQuestion = row.json("event")?;
            turns.push(Turn {
                role: Role::User,
                text: incoming.text,
            });
            turns.push(Turn {
                role: Role::Assistant,
                text: row.get("plain_text")?,
            });
        }
        Ok(turns)
    }

    /// The answers to the last `questions` of the thread of `place` that were
    /// asked before `before`, newest first.
    pub async fn thread_answers(
        &self,
        place: &Place,
        before: DateTime<Utc>,
        questions: usize,
    ) -> Result<Vec<Answer>> {
        let mut tx = self.0.pool.read("read answers of a thread").await?;
        let rows = tx
            .fetch_all(
                "SELECT answers.answer FROM inbox JOIN answers ON answers.question = inbox.question
                 WHERE platform = $1 AND tenant = $2 AND conversation = $3 AND refused = 0 AND asked_at < $4
                 ORDER BY seq DESC LIMIT $5",
                [
                    place.platform.as_str().into(),
                    place.tenant.as_str().into(),
                    conversation(place).into(),
                    before.into(),
                    questions.into(),
                ],
            )
            .await?;
        rows.iter().map(|row| row.json("answer")).collect()
    }
}
