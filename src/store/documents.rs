//! What the index holds, so that a synchronisation touches only what changed.
//!
//! The rows follow the index: recorded after a document is indexed, removed
//! after it left. A crash in between costs a second indexing, never a document
//! that is thought to be there and is not.

use super::{
    Result, Store,
    sql::{Row, Tx},
};
use crate::domain::DocumentId;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use std::collections::BTreeMap;

pub struct Documents<'a>(pub(super) &'a Store);

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KnownDocument {
    pub document: DocumentId,
    /// Hash of content and metadata, in whatever form the ingestion compares.
    pub hash: String,
    /// The embedder that made its vectors; another one means indexing again.
    pub embedder: String,
    pub chunks: usize,
    pub title: String,
    pub date: Option<NaiveDate>,
    pub superseded: bool,
}

/// A source as it stood at its last synchronisation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceState {
    pub source: String,
    pub documents: usize,
    pub chunks: usize,
    /// `None`: its first synchronisation has not come to its end.
    pub synchronised_at: Option<DateTime<Utc>>,
}

impl Documents<'_> {
    /// Every document of the source that the index holds.
    pub async fn known(&self, source: &str) -> Result<BTreeMap<DocumentId, KnownDocument>> {
        let mut tx = self.0.pool.read("list known documents").await?;
        let rows = tx
            .fetch_all(
                "SELECT document, hash, embedder, chunks, title, date, superseded FROM documents WHERE source = $1",
                [source.into()],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let known = known_document(row)?;
                Ok((known.document.clone(), known))
            })
            .collect()
    }

    /// Records documents that were indexed, or seen again, in one transaction.
    pub async fn record(
        &self,
        source: &str,
        documents: &[KnownDocument],
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut tx = self.0.pool.write("record documents").await?;
        for document in documents {
            record_one(&mut tx, source, document, now).await?;
        }
        tx.commit().await
    }

    /// Forgets documents that left the index. Returns how many were known.
    pub async fn remove(&self, source: &str, documents: &[DocumentId]) -> Result<u64> {
        let mut tx = self.0.pool.write("remove documents").await?;
        let mut removed = 0;
        for document in documents {
            removed += tx
                .execute(
                    "DELETE FROM documents WHERE source = $1 AND document = $2",
                    [source.into(), document.as_str().into()],
                )
                .await?;
        }
        tx.commit().await?;
        Ok(removed)
    }

    /// The source was read to its end.
    pub async fn synchronised(&self, source: &str, now: DateTime<Utc>) -> Result<()> {
        let mut tx = self.0.pool.write("note synchronisation").await?;
        tx.execute(
            "INSERT INTO sources (source, synchronised_at) VALUES ($1, $2)
             ON CONFLICT (source) DO UPDATE SET synchronised_at = excluded.synchronised_at",
            [source.into(), now.into()],
        )
        .await?;
        tx.commit().await
    }

    /// Forgets a source with all its documents, as when it is no longer configured.
    pub async fn remove_source(&self, source: &str) -> Result<()> {
        let mut tx = self.0.pool.write("remove source").await?;
        tx.execute("DELETE FROM documents WHERE source = $1", [source.into()])
            .await?;
        tx.execute("DELETE FROM sources WHERE source = $1", [source.into()])
            .await?;
        tx.commit().await
    }

    /// Every source that has documents or was synchronised, by name.
    pub async fn sources(&self) -> Result<Vec<SourceState>> {
        let mut tx = self.0.pool.read("list sources").await?;
        let rows = tx
            .fetch_all(
                "SELECT named.source, sources.synchronised_at,
                        (SELECT count(*) FROM documents WHERE documents.source = named.source) AS documents,
                        (SELECT CAST(coalesce(sum(chunks), 0) AS BIGINT) FROM documents WHERE documents.source = named.source) AS chunks
                 FROM (SELECT source FROM documents UNION SELECT source FROM sources) AS named
                 LEFT JOIN sources ON sources.source = named.source
                 ORDER BY named.source",
                [],
            )
            .await?;
        rows.iter().map(source_state).collect()
    }
}

async fn record_one(
    tx: &mut Tx,
    source: &str,
    document: &KnownDocument,
    now: DateTime<Utc>,
) -> Result<()> {
    let date = document.date.map(|date| date.to_string());
    tx.execute(
        "INSERT INTO documents (source, document, hash, embedder, chunks, title, date, superseded, seen_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (source, document) DO UPDATE SET
            hash = excluded.hash, embedder = excluded.embedder, chunks = excluded.chunks, title = excluded.title,
            date = excluded.date, superseded = excluded.superseded, seen_at = excluded.seen_at",
        [
            source.into(),
            document.document.as_str().into(),
            (&document.hash).into(),
            (&document.embedder).into(),
            document.chunks.into(),
            (&document.title).into(),
            date.as_deref().into(),
            document.superseded.into(),
            now.into(),
        ],
    )
    .await?;
    Ok(())
}

fn known_document(row: &Row) -> Result<KnownDocument> {
    let date: Option<String> = row.get("date")?;
    Ok(KnownDocument {
        document: DocumentId(row.get("document")?),
        hash: row.get("hash")?,
        embedder: row.get("embedder")?,
        chunks: row.count("chunks")?,
        title: row.get("title")?,
        date: date
            .map(|text| text.parse().map_err(|error| row.unreadable("date", error)))
            .transpose()?,
        superseded: row.flag("superseded")?,
    })
}

fn source_state(row: &Row) -> Result<SourceState> {
    let synchronised_at: Option<i64> = row.get("synchronised_at")?;
    Ok(SourceState {
        source: row.get("source")?,
        documents: row.count("documents")?,
        chunks: row.count("chunks")?,
        synchronised_at: synchronised_at.and_then(DateTime::from_timestamp_micros),
    })
}
