//! Passages as rows, and rows as passages.

use super::open::Generation;
use crate::{
    domain::DocumentId,
    knowledge::{
        index::{IndexEntry, IndexError, Scope, passage_id},
        passage::IndexedPassage,
    },
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Error, FromRow, PgConnection, Postgres, QueryBuilder};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// Rows of one INSERT: PostgreSQL takes 65,535 parameters in one statement.
const ROWS: usize = 1_000;

/// Marks a half byte that no token vector wrote.
const FILLER: char = 'f';

/// A text for a column that queries choose by.
pub fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// The conditions of a scope, on a table that the query calls `passage`.
pub fn push_scope(query: &mut QueryBuilder<Postgres>, scope: &Scope) {
    let groups: Vec<String> = scope.access.groups().map(storable).collect();
    query.push("passage.audience && ").push_bind(groups);
    if !scope.kinds.is_empty() {
        let kinds: Vec<String> = scope.kinds.iter().map(|k| k.as_str().to_string()).collect();
        query.push(" AND passage.kind = ANY(").push_bind(kinds);
        query.push(")");
    }
    if let Some(source) = &scope.source {
        query
            .push(" AND passage.source = ")
            .push_bind(storable(source));
    }
    if !scope.exclude.is_empty() {
        let excluded: Vec<String> = scope
            .exclude
            .iter()
            .map(|id| storable(id.as_str()))
            .collect();
        query
            .push(" AND passage.document <> ALL(")
            .push_bind(excluded);
        query.push(")");
    }
}

/// Passages that are written in one transaction.
pub struct Batch {
    rows: Vec<Row>,
    /// Source, document and hash of each document.
    versions: BTreeSet<(String, String, String)>,
}

struct Row {
    id: Uuid,
    entry: IndexEntry,
    record: String,
    text: String,
    superseded_by: Option<String>,
    tokens: Vec<u8>,
}

impl Batch {
    pub fn of(entries: Vec<IndexEntry>) -> Result<Self, IndexError> {
        let version = |entry: &IndexEntry| {
            let passage = &entry.passage;
            (
                storable(&passage.source),
                storable(passage.document.as_str()),
                storable(&passage.hash),
            )
        };
        let versions = entries.iter().map(version).collect();
        // The same passage twice would be one row; the last one counts, as with an upsert.
        let mut rows: HashMap<Uuid, Row> = HashMap::new();
        for entry in entries {
            let row = Row::of(entry)?;
            rows.insert(row.id, row);
        }
        let rows = rows.into_values().collect();
        Ok(Self { rows, versions })
    }

    /// Writes the passages anew, and takes older versions away.
    pub async fn write(
        &self,
        generation: &Generation,
        connection: &mut PgConnection,
    ) -> Result<(), Error> {
        let passages = &generation.passages;
        let ids: Vec<Uuid> = self.rows.iter().map(|row| row.id).collect();
        let delete = format!("DELETE FROM {passages} WHERE id = ANY($1)");
        sqlx::query(AssertSqlSafe(delete))
            .bind(ids)
            .execute(&mut *connection)
            .await?;
        let audiences = self.audiences(generation, connection).await?;
        for rows in self.rows.chunks(ROWS) {
            insert(rows, &audiences, generation, connection).await?;
        }
        let delete = format!(
            "DELETE FROM {passages} passage USING unnest($1::text[], $2::text[], $3::text[])
                AS version (source, document, hash)
             WHERE passage.source = version.source AND passage.document = version.document
                AND passage.hash <> version.hash"
        );
        let column = |of: fn(&(String, String, String)) -> &String| -> Vec<String> {
            self.versions.iter().map(of).cloned().collect()
        };
        sqlx::query(AssertSqlSafe(delete))
            .bind(column(|version| &version.0))
            .bind(column(|version| &version.1))
            .bind(column(|version| &version.2))
            .execute(connection)
            .await?;
        Ok(())
    }

    /// The key of each audience that these passages have; a new one is noted.
    async fn audiences(
        &self,
        generation: &Generation,
        connection: &mut PgConnection,
    ) -> Result<HashMap<Vec<String>, i32>, Error> {
        let wanted: BTreeSet<Vec<String>> = self.rows.iter().map(Row::groups).collect();
        let table = &generation.audiences;
        let sql = format!(
            "WITH new AS (INSERT INTO {table} (groups) VALUES ($1) ON CONFLICT DO NOTHING RETURNING key)
             SELECT key FROM new UNION ALL SELECT key FROM {table} WHERE groups = $1"
        );
        let mut keys = HashMap::new();
        for groups in wanted {
            let key = sqlx::query_scalar(AssertSqlSafe(sql.as_str()))
                .bind(&groups)
                .fetch_one(&mut *connection)
                .await?;
            keys.insert(groups, key);
        }
        Ok(keys)
    }
}

impl Row {
    fn groups(&self) -> Vec<String> {
        let audience = &self.entry.passage.audience;
        audience.groups().map(storable).collect()
    }

    fn of(entry: IndexEntry) -> Result<Self, IndexError> {
        let mut passage = entry.passage.clone();
        let text = json(&std::mem::take(&mut passage.text))?;
        let superseded_by = passage
            .superseded_by
            .take()
            .as_ref()
            .map(json)
            .transpose()?;
        let tokens = pack(&std::mem::take(&mut passage.tokens))?;
        Ok(Self {
            id: passage_id(&entry.passage),
            record: json(&passage)?,
            text,
            superseded_by,
            tokens,
            entry,
        })
    }
}

async fn insert(
    rows: &[Row],
    audiences: &HashMap<Vec<String>, i32>,
    generation: &Generation,
    connection: &mut PgConnection,
) -> Result<(), Error> {
    let mut query = QueryBuilder::<Postgres>::new(format!(
        "INSERT INTO {} (id, document, source, kind, audience, hash, position, relation_keys, \
         record, text, superseded_by, tokens, embedding) ",
        generation.passages
    ));
    query.push_values(rows, |mut values, row| {
        let passage = &row.entry.passage;
        let relation_keys: Vec<String> = passage
            .relation_keys
            .iter()
            .map(|name| storable(name))
            .collect();
        values
            .push_bind(row.id)
            .push_bind(storable(passage.document.as_str()))
            .push_bind(storable(&passage.source))
            .push_bind(passage.kind.as_str().to_string())
            .push_bind(row.groups())
            .push_bind(storable(&passage.hash))
            .push_bind(passage.position as i32)
            .push_bind(relation_keys)
            .push_bind(row.record.clone())
            .push_unseparated("::json")
            .push_bind(row.text.clone())
            .push_unseparated("::json")
            .push_bind(row.superseded_by.clone())
            .push_unseparated("::json")
            .push_bind(row.tokens.clone())
            .push_bind(row.entry.dense.clone())
            .push_unseparated("::vector");
    });
    query.push(" RETURNING id, key");
    let keys: HashMap<Uuid, i64> = query
        .build_query_as::<(Uuid, i64)>()
        .fetch_all(&mut *connection)
        .await?
        .into_iter()
        .collect();

    let (mut terms, mut passages) = (Vec::<i32>::new(), Vec::<i64>::new());
    let (mut weights, mut whose) = (Vec::<f32>::new(), Vec::<i32>::new());
    for row in rows {
        let (Some(&key), Some(&audience)) = (keys.get(&row.id), audiences.get(&row.groups()))
        else {
            continue;
        };
        let vector = &row.entry.terms;
        terms.extend(vector.indices.iter().map(|&term| term as i32));
        passages.extend(vector.indices.iter().map(|_| key));
        weights.extend(&vector.values);
        whose.extend(vector.indices.iter().map(|_| audience));
    }
    let sql = format!(
        "INSERT INTO {} (term, passage, weight, audience)
         SELECT * FROM unnest($1::int4[], $2::int8[], $3::float4[], $4::int4[])",
        generation.postings
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(terms)
        .bind(passages)
        .bind(weights)
        .bind(whose)
        .execute(connection)
        .await?;
    Ok(())
}

/// A passage as it is read: id, record, text, the newer document, token vectors.
#[derive(FromRow)]
pub struct PassageRow(Uuid, String, String, Option<String>, Vec<u8>);

impl PassageRow {
    pub fn into_passage(self) -> Result<(Uuid, IndexedPassage), IndexError> {
        let Self(id, record, text, superseded_by, tokens) = self;
        let mut passage: IndexedPassage = parse(&record, superseded_by.as_deref())?;
        passage.text = serde_json::from_str(&text).map_err(unreadable)?;
        passage.tokens = unpack(&tokens);
        Ok((id, passage))
    }
}

/// A record, with the newer document that has a column of its own.
pub fn parse<T: DeserializeOwned>(
    record: &str,
    superseded_by: Option<&str>,
) -> Result<T, IndexError> {
    let mut record: Value = serde_json::from_str(record).map_err(unreadable)?;
    let newer: Option<DocumentId> = superseded_by
        .map(serde_json::from_str)
        .transpose()
        .map_err(unreadable)?;
    record["superseded_by"] = serde_json::to_value(newer).map_err(unreadable)?;
    serde_json::from_value(record).map_err(unreadable)
}

pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, IndexError> {
    serde_json::to_string(value).map_err(IndexError::failed("write passages"))
}

fn unreadable(error: serde_json::Error) -> IndexError {
    IndexError::failed("read a passage")(error)
}

/// Two of the hexadecimal digits a byte.
fn pack(tokens: &str) -> Result<Vec<u8>, IndexError> {
    let mut digits = tokens.to_string();
    if digits.len() % 2 == 1 {
        digits.push(FILLER);
    }
    hex::decode(digits).map_err(IndexError::failed("write token vectors"))
}

fn unpack(bytes: &[u8]) -> String {
    let mut digits = hex::encode(bytes);
    if digits.ends_with(FILLER) {
        digits.pop();
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_vectors_come_back_as_they_were() {
        for tokens in ["", "7", "0e", "777", "0123456789abcde"] {
            let packed = pack(tokens).unwrap();
            assert_eq!(unpack(&packed), tokens);
            assert_eq!(packed.len(), tokens.len().div_ceil(2));
        }
        assert!(pack("no digits").is_err());
    }
}
