//! The index in PostgreSQL, with pgvector: a row a passage, an hnsw index over
//! the vectors, and a table of postings for keyword search.
//!
//! Promise: a batch is written whole or not at all. One process fills it at a
//! time, any number search in it.
//!
//! Postings, not pgvector's `sparsevec`: a term id has 32 bits and `sparsevec`
//! ends at a billion dimensions, its index takes 1,000 elements at most, and
//! the weight of a term changes with every passage and with who asks. Rows of
//! (term, passage, weight, audience) in one b-tree are exact, and how rare a
//! term is to the asker is a count of them.

mod open;
mod rows;
mod site;

use super::{
    Found, IndexEntry, IndexError, IndexRecipe, KnowledgeIndex, Known, KnownFields, PassageId,
    Purpose, Replaced, Scope, rarity::VisibleCounts,
};
use crate::{
    domain::{Access, DocumentId},
    knowledge::{passage::IndexedPassage, terms::TermVector},
};
use async_trait::async_trait;
use futures::future::BoxFuture;
use open::Generation;
use rows::{Batch, PassageRow, push_scope, storable};
use secrecy::SecretString;
use site::Site;
use sqlx::{
    AssertSqlSafe, Error, PgPool, Postgres, QueryBuilder,
    postgres::{PgConnectOptions, PgConnection},
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::timeout;
use uuid::Uuid;

/// Where the index lies, and how long a search waits for it.
#[derive(Clone, Debug)]
pub struct PgOptions {
    /// `postgres://USER@HOST:PORT/DATABASE`
    pub url: SecretString,
    pub schema: String,
    pub timeout: Duration,
}

pub struct PgIndex {
    site: Site,
    recipe: IndexRecipe,
    purpose: Purpose,
    connecting: PgConnectOptions,
    pool: PgPool,
    patience: Duration,
    /// None before the first answer of the server, and after its tables were gone.
    generation: Mutex<Option<Arc<Generation>>>,
    visible: VisibleCounts,
    /// Holds the lock of whoever fills the index.
    _filling: Mutex<Option<PgConnection>>,
}

impl PgIndex {
    /// The work on the server, within the time that one call has.
    async fn answer<T>(
        &self,
        doing: &'static str,
        work: BoxFuture<'_, Result<T, Error>>,
    ) -> Result<T, IndexError> {
        let outcome = timeout(self.patience, work).await;
        outcome
            .unwrap_or(Err(Error::PoolTimedOut))
            .map_err(|error| {
                let error = self.site.error(error, doing);
                if matches!(error, IndexError::Missing { .. }) {
                    *self.current() = None;
                }
                error
            })
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Option<Arc<Generation>>> {
        self.generation
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Scored ids of a query that ends in its filter: best first, of equal ones the smaller id.
    async fn found(
        &self,
        mut query: QueryBuilder<Postgres>,
        doing: &'static str,
    ) -> Result<Vec<Found>, IndexError> {
        let rows = query.build_query_as::<(Uuid, f32)>().fetch_all(&self.pool);
        let rows = self.answer(doing, Box::pin(rows)).await?;
        let found = |(id, score)| Found { id, score };
        Ok(rows.into_iter().map(found).collect())
    }

    async fn delete(
        &self,
        doing: &'static str,
        mut query: QueryBuilder<Postgres>,
    ) -> Result<(), IndexError> {
        let gone = query.build().execute(&self.pool);
        self.answer(doing, Box::pin(gone)).await?;
        self.visible.clear();
        Ok(())
    }

    /// Passages that there are to see with these rights.
    async fn count_visible(
        &self,
        generation: &Generation,
        access: &Access,
    ) -> Result<usize, IndexError> {
        if let Some(count) = self.visible.get(access, None) {
            return Ok(count);
        }
        let mut query = QueryBuilder::new(format!(
            "SELECT count(*) FROM {} passage WHERE ",
            generation.passages
        ));
        push_scope(&mut query, &Scope::of(access));
        let count = query.build_query_scalar::<i64>().fetch_one(&self.pool);
        let count = self.answer("count passages", Box::pin(count)).await? as usize;
        self.visible.put(access, None, count);
        Ok(count)
    }
}

#[async_trait]
impl KnowledgeIndex for PgIndex {
    fn place(&self) -> String {
        self.site.place.clone()
    }

    async fn known(&self, source: &str) -> Result<HashMap<DocumentId, Known>, IndexError> {
        let generation = self.generation().await?;
        let sql = format!(
            "SELECT record::text, superseded_by::text FROM {} WHERE source = $1 AND position = 0",
            generation.passages
        );
        let rows = sqlx::query_as::<_, (String, Option<String>)>(AssertSqlSafe(sql))
            .bind(storable(source))
            .fetch_all(&self.pool);
        let rows = self.answer("list documents", Box::pin(rows)).await?;
        let fields: Result<Vec<KnownFields>, _> = rows
            .into_iter()
            .map(|(record, superseded_by)| rows::parse(&record, superseded_by.as_deref()))
            .collect();
        Ok(KnownFields::by_document(fields?))
    }

    async fn sources(&self) -> Result<BTreeSet<String>, IndexError> {
        let generation = self.generation().await?;
        let sql = format!("SELECT DISTINCT source FROM {}", generation.passages);
        let names = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&self.pool);
        Ok(self
            .answer("list sources", Box::pin(names))
            .await?
            .into_iter()
            .collect())
    }

    async fn write(&self, entries: Vec<IndexEntry>) -> Result<(), IndexError> {
        if entries.is_empty() {
            return Ok(());
        }
        let generation = self.generation().await?;
        let batch = Batch::of(entries)?;
        let work = async {
            let mut tx = self.pool.begin().await?;
            batch.write(&generation, &mut tx).await?;
            tx.commit().await
        };
        self.answer("write passages", Box::pin(work)).await?;
        self.visible.clear();
        Ok(())
    }

    async fn remove(&self, source: &str, documents: &[DocumentId]) -> Result<(), IndexError> {
        if documents.is_empty() {
            return Ok(());
        }
        let generation = self.generation().await?;
        let mut query = QueryBuilder::new(format!("DELETE FROM {}", generation.passages));
        query.push(" WHERE source = ").push_bind(storable(source));
        let documents: Vec<String> = documents.iter().map(|id| storable(id.as_str())).collect();
        query
            .push(" AND document = ANY(")
            .push_bind(documents)
            .push(")");
        self.delete("delete passages", query).await
    }

    async fn set_superseded(
        &self,
        source: &str,
        document: &DocumentId,
        by: Option<&DocumentId>,
    ) -> Result<(), IndexError> {
        let generation = self.generation().await?;
        let sql = format!(
            "UPDATE {} SET superseded_by = $1::json WHERE source = $2 AND document = $3",
            generation.passages
        );
        let by = by.map(rows::json).transpose()?;
        let work = sqlx::query(AssertSqlSafe(sql))
            .bind(by)
            .bind(storable(source))
            .bind(storable(document.as_str()))
            .execute(&self.pool);
        self.answer("note a newer document", Box::pin(work)).await?;
        Ok(())
    }

    /// A commit returns only after it is on disk.
    async fn flush(&self) -> Result<(), IndexError> {
        Ok(())
    }

    async fn nearest(
        &self,
        vector: &[f32],
        scope: &Scope,
        limit: usize,
    ) -> Result<Vec<Found>, IndexError> {
        let generation = self.generation().await?;
        let mut query = QueryBuilder::new("SELECT id, (1 - (embedding <=> ");
        query.push_bind(vector.to_vec());
        query.push(format!(
            "::vector))::real FROM {} passage WHERE ",
            generation.passages
        ));
        push_scope(&mut query, scope);
        query.push(" ORDER BY embedding <=> ");
        query.push_bind(vector.to_vec());
        query.push("::vector LIMIT ").push_bind(limit as i64);
        self.found(query, "search by meaning").await
    }

    async fn matching(
        &self,
        terms: &TermVector,
        scope: &Scope,
        limit: usize,
    ) -> Result<Vec<Found>, IndexError> {
        if terms.indices.is_empty() {
            return Ok(Vec::new());
        }
        let generation = self.generation().await?;
        let total = self.count_visible(&generation, &scope.access).await?;
        let Generation {
            passages,
            postings,
            audiences,
            ..
        } = &*generation;
        let ids: Vec<i32> = terms.indices.iter().map(|&term| term as i32).collect();
        // What `weigh` does for the other indexes, where the postings lie: read
        // once, counted and added up.
        let mut query = QueryBuilder::new("WITH asked AS (SELECT * FROM unnest(");
        query.push_bind(ids).push(", ");
        query.push_bind(terms.values.clone());
        query.push(format!(
            ") AS asked (term, weight)),
            seen AS MATERIALIZED (SELECT term, posting.passage, posting.weight * asked.weight AS weight
                FROM asked JOIN {postings} posting USING (term)
                WHERE posting.audience IN (SELECT key FROM {audiences} WHERE groups && "
        ));
        let groups: Vec<String> = scope.access.groups().map(storable).collect();
        query.push_bind(groups);
        query.push(
            ")),
            counted AS (SELECT term, count(*)::float8 AS n FROM seen GROUP BY term),
            scored AS (SELECT passage, sum(weight * ln((greatest(",
        );
        query.push_bind(total as f64);
        query.push(format!(
            ", n) - n + 0.5) / (n + 0.5) + 1))::real AS score
                FROM seen JOIN counted USING (term) GROUP BY passage)
            SELECT passage.id, scored.score
            FROM scored JOIN {passages} passage ON passage.key = scored.passage WHERE "
        ));
        push_scope(&mut query, scope);
        query
            .push(" ORDER BY scored.score DESC, passage.id LIMIT ")
            .push_bind(limit as i64);
        self.found(query, "search by words").await
    }

    async fn similarities(
        &self,
        vector: &[f32],
        ids: &[PassageId],
    ) -> Result<Vec<Found>, IndexError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let generation = self.generation().await?;
        // Ordered by the alias: by the distance itself, the index over all passages would be asked.
        let mut query = QueryBuilder::new("SELECT id, (1 - (embedding <=> ");
        query.push_bind(vector.to_vec());
        query.push(format!(
            "::vector))::real AS score FROM {} WHERE id = ANY(",
            generation.passages
        ));
        query.push_bind(ids.to_vec());
        query.push(") ORDER BY score DESC, id");
        self.found(query, "compare passages").await
    }

    async fn passages(
        &self,
        ids: &[PassageId],
        with_tokens: bool,
    ) -> Result<Vec<(PassageId, IndexedPassage)>, IndexError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let generation = self.generation().await?;
        let tokens = if with_tokens { "tokens" } else { "''::bytea" };
        let sql = format!(
            "SELECT id, record::text, text::text, superseded_by::text, {tokens} FROM {} WHERE id = ANY($1)",
            generation.passages
        );
        let rows = sqlx::query_as::<_, PassageRow>(AssertSqlSafe(sql))
            .bind(ids)
            .fetch_all(&self.pool);
        let rows = self.answer("read passages", Box::pin(rows)).await?;
        rows.into_iter().map(PassageRow::into_passage).collect()
    }

    async fn document(
        &self,
        id: &DocumentId,
        access: &Access,
    ) -> Result<Vec<IndexedPassage>, IndexError> {
        let generation = self.generation().await?;
        let mut query = QueryBuilder::new(format!(
            "SELECT id, record::text, text::text, superseded_by::text, ''::bytea FROM {} passage WHERE ",
            generation.passages
        ));
        push_scope(&mut query, &Scope::of(access));
        query
            .push(" AND document = ")
            .push_bind(storable(id.as_str()));
        query.push(" ORDER BY source COLLATE \"C\", position");
        let rows = query.build_query_as::<PassageRow>().fetch_all(&self.pool);
        let rows = self.answer("read a document", Box::pin(rows)).await?;
        rows.into_iter()
            .map(|row| row.into_passage().map(|(_, passage)| passage))
            .collect()
    }

    async fn related(
        &self,
        keys: &[String],
        access: &Access,
        limit: usize,
    ) -> Result<Vec<IndexedPassage>, IndexError> {
        let generation = self.generation().await?;
        let mut query = QueryBuilder::new(format!(
            "SELECT id, record::text, text::text, superseded_by::text, ''::bytea FROM {} passage WHERE ",
            generation.passages
        ));
        push_scope(&mut query, &Scope::of(access));
        let keys: Vec<String> = keys.iter().map(|name| storable(name)).collect();
        query.push(" AND passage.relation_keys && ").push_bind(keys);
        query.push(" ORDER BY source COLLATE \"C\", document COLLATE \"C\", position LIMIT ");
        query.push_bind(limit as i64);
        let rows = query.build_query_as::<PassageRow>().fetch_all(&self.pool);
        let rows = self.answer("look up relations", Box::pin(rows)).await?;
        rows.into_iter()
            .map(|row| row.into_passage().map(|(_, passage)| passage))
            .collect()
    }

    async fn count_passages(&self) -> Result<usize, IndexError> {
        let generation = self.generation().await?;
        let sql = format!("SELECT count(*) FROM {}", generation.passages);
        let count = sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql)).fetch_one(&self.pool);
        Ok(self.answer("count passages", Box::pin(count)).await? as usize)
    }

    async fn count_documents(&self, scope: &Scope) -> Result<usize, IndexError> {
        let generation = self.generation().await?;
        let mut query = QueryBuilder::new(format!(
            "SELECT count(*) FROM {} passage WHERE ",
            generation.passages
        ));
        push_scope(&mut query, scope);
        query.push(" AND position = 0");
        let count = query.build_query_scalar::<i64>().fetch_one(&self.pool);
        Ok(self.answer("count documents", Box::pin(count)).await? as usize)
    }

    async fn replaces(&self) -> Result<Option<Replaced>, IndexError> {
        let generation = self.generation().await?;
        let sql = format!(
            "SELECT id, embedder FROM {} WHERE in_use AND id <> $1",
            generation.table
        );
        let other = sqlx::query_as::<_, (i64, String)>(AssertSqlSafe(sql))
            .bind(generation.id)
            .fetch_optional(&self.pool);
        let doing = "find the generation in use";
        let Some((id, embedder)) = self.answer(doing, Box::pin(other)).await? else {
            return Ok(None);
        };
        let former = self.site.generation(id);
        let sql = format!("SELECT DISTINCT source FROM {}", former.passages);
        let names = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&self.pool);
        let sources = self
            .answer(doing, Box::pin(names))
            .await?
            .into_iter()
            .collect();
        Ok(Some(Replaced { embedder, sources }))
    }

    async fn take_over(&self) -> Result<(), IndexError> {
        let generation = self.generation().await?;
        let set = |value: &str, which: &str| {
            AssertSqlSafe(format!(
                "UPDATE {} SET in_use = {value} WHERE {which}",
                generation.table
            ))
        };
        let (former, this) = (
            set("false", "in_use"),
            set("true", &format!("id = {}", generation.id)),
        );
        let work = async {
            let mut tx = self.pool.begin().await?;
            sqlx::query(former).execute(&mut *tx).await?;
            sqlx::query(this).execute(&mut *tx).await?;
            tx.commit().await
        };
        self.answer("switch to the new generation", Box::pin(work))
            .await
    }
}
