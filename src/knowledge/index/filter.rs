//! What a query may find, as the index's own filter.

use crate::domain::{Access, DocumentId, SourceKind};
use qdrant_edge::{Condition, FieldCondition, Filter, JsonPath, Match};

/// The part of the index that one search may look at.
#[derive(Clone, Debug)]
pub struct Scope {
    pub access: Access,
    /// Empty: every kind.
    pub kinds: Vec<SourceKind>,
    pub source: Option<String>,
    pub exclude: Vec<DocumentId>,
}

impl Scope {
    pub fn of(access: &Access) -> Self {
        Self { access: access.clone(), kinds: Vec::new(), source: None, exclude: Vec::new() }
    }

    pub(super) fn filter(&self) -> Filter {
        let mut must = vec![any_of("audience", self.access.groups())];
        if !self.kinds.is_empty() {
            must.push(any_of("kind", self.kinds.iter().map(|kind| kind.as_str())));
        }
        must.extend(self.source.as_deref().map(|source| any_of("source", [source])));
        let excluded = self.exclude.iter().map(DocumentId::as_str);
        let must_not = (!self.exclude.is_empty()).then(|| vec![any_of("document", excluded)]);
        Filter { must: Some(must), must_not, ..Filter::new() }
    }
}

/// True where the field has one of the values. No value at all is true nowhere.
pub(super) fn any_of<'a>(field: &str, values: impl IntoIterator<Item = &'a str>) -> Condition {
    let values: Vec<String> = values.into_iter().map(ToString::to_string).collect();
    Condition::Field(FieldCondition::new_match(path(field), Match::from(values)))
}

pub(super) fn at_position(position: i64) -> Condition {
    Condition::Field(FieldCondition::new_match(path("position"), Match::from(position)))
}

pub(super) fn all(conditions: Vec<Condition>) -> Filter {
    Filter { must: Some(conditions), ..Filter::new() }
}

pub(super) fn path(field: &str) -> JsonPath {
    JsonPath { first_key: field.to_string(), rest: Vec::new() }
}
