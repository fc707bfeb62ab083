//! The audit log: who asked what and got what, as a chain of hashes.
//!
//! Each row's hash covers the hash before it and the row's own content, so a
//! row that was changed, removed or moved breaks the chain. The number and hash
//! of the last row are kept apart, in `audit_head`; without them a log cut off
//! at its end would look whole. Sequence numbers have no gaps: writers take
//! turns at the head row.
//!
//! What [`Audit::verify`] can't find: someone who may write to the database,
//! knows this file, and computes the whole chain and the head anew, or who puts
//! back an older copy of all of it. Against them, write down the head that
//! `verify` reports somewhere they can't reach.

mod chain;
mod record;

pub use chain::{Break, Verification};
pub use record::{AuditKind, AuditRecord};

pub(super) use record::canonical;

use super::{
    Result, Store, StoreError,
    sql::{Row, Tx, limit},
};
use crate::domain::QuestionId;
use chain::{Chain, Link};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

/// Rows read at a time.
const PAGE: usize = 500;

pub struct Audit<'a>(pub(super) &'a Store);

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AuditEntry {
    pub sequence: i64,
    pub at: DateTime<Utc>,
    pub kind: String,
    pub question: Option<QuestionId>,
    pub record: Value,
    pub previous: String,
    pub hash: String,
}

/// Which records to list. The default is the first 100.
#[derive(Clone, Copy, Debug)]
pub struct AuditFilter {
    /// Only records after this sequence number: the way to page on.
    pub after: i64,
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    pub kind: Option<AuditKind>,
    pub limit: usize,
}

impl Default for AuditFilter {
    fn default() -> Self {
        Self {
            after: 0,
            since: None,
            until: None,
            kind: None,
            limit: 100,
        }
    }
}

impl Audit<'_> {
    /// Appends a record by itself. What belongs to an answer or a reaction is
    /// appended together with it.
    pub async fn append(&self, record: &AuditRecord, now: DateTime<Utc>) -> Result<()> {
        let mut tx = self.0.pool.write("append to audit log").await?;
        append(&mut tx, record, now).await?;
        tx.commit().await
    }

    /// Records in order.
    pub async fn list(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
        let mut tx = self.0.pool.read("list audit log").await?;
        let rows = tx
            .fetch_all(
                "SELECT sequence, at_us, kind, question, record, previous, hash FROM audit
                 WHERE sequence > $1 AND at_us >= $2 AND at_us < $3 AND ($4 IS NULL OR kind = $4)
                 ORDER BY sequence LIMIT $5",
                [
                    filter.after.into(),
                    filter
                        .since
                        .map_or(i64::MIN, |at| at.timestamp_micros())
                        .into(),
                    filter
                        .until
                        .map_or(i64::MAX, |at| at.timestamp_micros())
                        .into(),
                    filter.kind.map(AuditKind::as_str).into(),
                    limit(filter.limit),
                ],
            )
            .await?;
        rows.iter().map(entry).collect()
    }

    /// Everything that the log holds about one question, in order.
    pub async fn show(&self, question: QuestionId) -> Result<Vec<AuditEntry>> {
        let mut tx = self.0.pool.read("show audit log").await?;
        let rows = tx
            .fetch_all(
                "SELECT sequence, at_us, kind, question, record, previous, hash FROM audit
                 WHERE question = $1 ORDER BY sequence",
                [question.into()],
            )
            .await?;
        rows.iter().map(entry).collect()
    }

    /// Walks the whole chain, as of one moment, while others go on writing.
    pub async fn verify(&self) -> Result<Verification> {
        let mut tx = self.0.pool.read("verify audit log").await?;
        let mut chain = Chain::default();
        loop {
            let rows = tx
                .fetch_all(
                    "SELECT sequence, at_us, kind, question, record, previous, hash FROM audit
                     WHERE sequence > $1 ORDER BY sequence LIMIT $2",
                    [chain.sequence().into(), PAGE.into()],
                )
                .await?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                let link = Link {
                    sequence: row.get("sequence")?,
                    at_us: row.get("at_us")?,
                    kind: row.get("kind")?,
                    question: row.get("question")?,
                    record: row.get("record")?,
                    previous: row.get("previous")?,
                    hash: row.get("hash")?,
                };
                if let Err(broken) = chain.follow(link) {
                    return Ok(broken);
                }
            }
        }
        let head = tx.fetch_optional(READ_HEAD, []).await?;
        Ok(chain.end(head.map(head_of).transpose()?))
    }
}

/// The end of the chain, as it is kept apart from it.
#[derive(Debug)]
struct Head {
    sequence: i64,
    hash: String,
}

/// Appends within a transaction of the caller's. It should be the last thing
/// that the transaction does: from here on, other writers wait.
pub(super) async fn append(tx: &mut Tx, record: &AuditRecord, now: DateTime<Utc>) -> Result<()> {
    let Some(head) = take_head(tx).await? else {
        return Err(StoreError::Unreadable {
            doing: tx.doing,
            what: "head of the audit log",
            source: "its row is missing".into(),
        });
    };
    let text = canonical(&record.body);
    let question = record.question.map(|id| id.to_string());
    let at_us = now.timestamp_micros();
    let hash = chain::hash(
        &head.hash,
        at_us,
        record.kind.as_str(),
        question.as_deref(),
        &text,
    );
    let sequence = head.sequence + 1;
    tx.execute(
        "INSERT INTO audit (sequence, at_us, kind, question, record, previous, hash) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        [
            sequence.into(),
            at_us.into(),
            record.kind.as_str().into(),
            question.as_deref().into(),
            (&text).into(),
            (&head.hash).into(),
            (&hash).into(),
        ],
    )
    .await?;
    tx.execute(
        "UPDATE audit_head SET sequence = $1, hash = $2 WHERE id = 1",
        [sequence.into(), hash.into()],
    )
    .await?;
    Ok(())
}

/// The head, held until the transaction ends: writers take turns here.
async fn take_head(tx: &mut Tx) -> Result<Option<Head>> {
    let sql = if tx.is_postgres() {
        "SELECT sequence, hash FROM audit_head WHERE id = 1 FOR UPDATE"
    } else {
        READ_HEAD
    };
    tx.fetch_optional(sql, []).await?.map(head_of).transpose()
}

const READ_HEAD: &str = "SELECT sequence, hash FROM audit_head WHERE id = 1";

fn head_of(row: Row) -> Result<Head> {
    Ok(Head {
        sequence: row.get("sequence")?,
        hash: row.get("hash")?,
    })
}

fn entry(row: &Row) -> Result<AuditEntry> {
    let question: Option<String> = row.get("question")?;
    Ok(AuditEntry {
        sequence: row.get("sequence")?,
        at: row.time("at_us")?,
        kind: row.get("kind")?,
        question: question.as_deref().and_then(QuestionId::parse),
        record: row.json("record")?,
        previous: row.get("previous")?,
        hash: row.get("hash")?,
    })
}
