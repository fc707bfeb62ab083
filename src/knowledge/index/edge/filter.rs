//! What a query may find, as the engine's own filter.

use crate::domain::{Access, DocumentId};
use crate::knowledge::index::Scope;
use qdrant_edge::{Condition, FieldCondition, Filter, JsonPath, Match};

pub fn of_scope(scope: &Scope) -> Filter {
    let mut must = vec![of_access(&scope.access)];
    if !scope.kinds.is_empty() {
        must.push(any_of("kind", scope.kinds.iter().map(|kind| kind.as_str())));
    }
    must.extend(
        scope
            .source
            .as_deref()
            .map(|source| any_of("source", [source])),
    );
    let excluded = scope.exclude.iter().map(DocumentId::as_str);
    let must_not = (!scope.exclude.is_empty()).then(|| vec![any_of("document", excluded)]);
    Filter {
        must: Some(must),
        must_not,
        ..Filter::new()
    }
}

/// True where the field has one of the values. No value at all is true nowhere.
pub fn any_of<'a>(field: &str, values: impl IntoIterator<Item = &'a str>) -> Condition {
    let values: Vec<String> = values.into_iter().map(ToString::to_string).collect();
    Condition::Field(FieldCondition::new_match(path(field), Match::from(values)))
}

pub fn at_position(position: i64) -> Condition {
    has_number("position", position)
}

/// What this access may see.
pub fn of_access(access: &Access) -> Condition {
    any_of("audience", access.groups())
}

/// True where the field is this number, or a list that has it.
pub fn has_number(field: &str, number: i64) -> Condition {
    Condition::Field(FieldCondition::new_match(path(field), Match::from(number)))
}

pub fn all(conditions: Vec<Condition>) -> Filter {
    Filter {
        must: Some(conditions),
        ..Filter::new()
    }
}

pub fn path(field: &str) -> JsonPath {
    JsonPath {
        first_key: field.to_string(),
        rest: Vec::new(),
    }
}
