//! Passages as points, points as passages, and what a query may find as
//! Qdrant's own filter.

use super::{DENSE, TERMS};
use crate::{
    domain::{Access, DocumentId},
    knowledge::index::{Found, IndexEntry, IndexError, PassageId, Record, Scope, passage_id},
};
use qdrant_client::{
    Payload,
    qdrant::{
        Condition, Filter, NamedVectors, PointId, PointStruct, ScoredPoint, Value, Vector,
        point_id::PointIdOptions,
    },
};
use serde::de::DeserializeOwned;
use std::collections::HashMap;

/// What one message carries: gRPC takes four MiB where nobody said otherwise.
const MESSAGE_BYTES: usize = 2 << 20;

/// Of one term in the field that they are counted by.
const TERM_BYTES: usize = 12;

/// Of a point beside its texts and vectors.
const OVERHEAD_BYTES: usize = 1_024;

pub fn of_scope(scope: &Scope) -> Filter {
    let mut must = vec![of_access(&scope.access)];
    if !scope.kinds.is_empty() {
        must.push(any_of("kind", scope.kinds.iter().map(|kind| kind.as_str())));
    }
    let source = scope.source.as_deref();
    must.extend(source.map(|source| any_of("source", [source])));
    let excluded = scope.exclude.iter().map(DocumentId::as_str);
    let must_not = if scope.exclude.is_empty() {
        Vec::new()
    } else {
        vec![any_of("document", excluded)]
    };
    Filter {
        must,
        must_not,
        ..Filter::default()
    }
}

/// True where the field has one of the values. No value at all is true nowhere.
pub fn any_of<'a>(field: &str, values: impl IntoIterator<Item = &'a str>) -> Condition {
    let values: Vec<String> = values.into_iter().map(ToString::to_string).collect();
    Condition::matches(field, values)
}

/// What this access may see.
pub fn of_access(access: &Access) -> Condition {
    any_of("audience", access.groups())
}

pub fn has_term(term: u32) -> Condition {
    Condition::matches(TERMS, i64::from(term))
}

pub fn at_position(position: i64) -> Condition {
    Condition::matches("position", position)
}

pub fn all(conditions: impl IntoIterator<Item = Condition>) -> Filter {
    Filter::must(conditions)
}

pub fn of_documents(source: &str, documents: &[DocumentId]) -> Filter {
    all([
        any_of("source", [source]),
        any_of("document", documents.iter().map(DocumentId::as_str)),
    ])
}

/// A point, and about how many bytes it is.
pub fn point(entry: IndexEntry) -> Result<(PointStruct, usize), IndexError> {
    let IndexEntry {
        passage,
        dense,
        terms,
    } = entry;
    let bytes = OVERHEAD_BYTES
        + passage.text.len()
        + passage.tokens.len()
        + dense.len() * size_of::<f32>()
        + terms.indices.len() * (2 * size_of::<f32>() + TERM_BYTES);
    let id = passage_id(&passage);
    let payload = serde_json::to_value(Record::of(&passage, &terms))
        .map_err(IndexError::failed("write passages"))?;
    let payload = Payload::try_from(payload).map_err(IndexError::failed("write passages"))?;
    let mut vectors = NamedVectors::default().add_vector(DENSE, Vector::new_dense(dense));
    if !terms.indices.is_empty() {
        let terms = Vector::new_sparse(terms.indices, terms.values);
        vectors = vectors.add_vector(TERMS, terms);
    }
    Ok((PointStruct::new(id, vectors, payload), bytes))
}

/// Points in messages of a bounded size; one that is larger goes alone.
pub fn batches(points: Vec<(PointStruct, usize)>) -> Vec<Vec<PointStruct>> {
    let mut batches: Vec<Vec<PointStruct>> = Vec::new();
    let mut room = 0;
    for (point, bytes) in points {
        match batches.last_mut() {
            Some(batch) if bytes <= room => {
                room -= bytes;
                batch.push(point);
            }
            _ => {
                room = MESSAGE_BYTES.saturating_sub(bytes);
                batches.push(vec![point]);
            }
        }
    }
    batches
}

pub fn found(point: ScoredPoint) -> Option<Found> {
    Some(Found {
        id: id_of(point.id)?,
        score: point.score,
    })
}

/// Ours are UUIDs.
pub fn id_of(id: Option<PointId>) -> Option<PassageId> {
    match id?.point_id_options? {
        PointIdOptions::Uuid(id) => id.parse().ok(),
        PointIdOptions::Num(_) => None,
    }
}

pub fn parse<T: DeserializeOwned>(payload: HashMap<String, Value>) -> Result<T, IndexError> {
    let fields = serde_json::Value::from(Payload::from(payload));
    serde_json::from_value(fields).map_err(IndexError::failed("read a passage"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_keep_every_point_in_order_and_bounded() {
        let check = |bytes: &[usize], expected: &[usize]| {
            let points = bytes.iter().enumerate().map(|(n, &bytes)| {
                let point = PointStruct::new(n as u64, NamedVectors::default(), Payload::new());
                (point, bytes)
            });
            let batches = batches(points.collect());
            let lengths: Vec<usize> = batches.iter().map(Vec::len).collect();
            assert_eq!(lengths, expected, "{bytes:?}");
            let ids: Vec<_> = batches.concat().into_iter().filter_map(|p| p.id).collect();
            let numbers: Vec<PointId> = (0..bytes.len()).map(|n| (n as u64).into()).collect();
            assert_eq!(ids, numbers);
        };
        check(&[], &[]);
        check(&[10, 10, 10], &[3]);
        check(&[MESSAGE_BYTES, 1, 1], &[1, 2]);
        check(&[1, 3 * MESSAGE_BYTES, 1], &[1, 1, 1]);
        check(&[MESSAGE_BYTES / 2; 5], &[2, 2, 1]);
    }
}
