//! Schemas of parameters as kinds of the catalogue.

use super::{
    document::{Document, RefError},
    item::{Form, Item},
};
use crate::{domain::ParameterKind, tools::arguments::whole_pattern};
use serde_json::Value;

/// Schemas inside schemas.
const MAX_DEPTH: usize = 16;

/// Schemas that one parameter may be made of: references multiply.
const MAX_SCHEMAS: usize = 500;

const UUID: &str = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";

/// One value, or a list of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    One(Item),
    List(Item),
}

/// Why a schema is no parameter's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    #[error("is an object")]
    Object,
    #[error("is a list of lists")]
    Nested,
    #[error("is a file")]
    File,
    #[error("has schemas inside schemas without end")]
    Depth,
    #[error("{0}")]
    Reference(#[from] RefError),
}

/// The shape of a schema, or of a Swagger 2 parameter, which is its own schema.
pub(super) fn shape(document: &Document, schema: &Value) -> Result<Shape, Unfit> {
    let mut left = MAX_SCHEMAS;
    shape_within(document, schema, MAX_DEPTH, &mut left)
}

fn shape_within(
    document: &Document,
    schema: &Value,
    depth: usize,
    left: &mut usize,
) -> Result<Shape, Unfit> {
    let depth = depth.checked_sub(1).ok_or(Unfit::Depth)?;
    *left = left.checked_sub(1).ok_or(Unfit::Depth)?;
    let schema = document.resolve(schema)?;
    let types = types(schema);
    let is = |names: &[&str]| types.iter().any(|kind| names.contains(&kind.as_str()));
    if is(&["array"]) {
        return match schema.get("items") {
            Some(items) => match shape_within(document, items, depth, left)? {
                Shape::One(item) => Ok(Shape::List(item)),
                Shape::List(_) => Err(Unfit::Nested),
            },
            None => Ok(Shape::List(Item::plain(ParameterKind::Text))),
        };
    }
    if is(&["object"]) || (types.is_empty() && schema.get("properties").is_some()) {
        return Err(Unfit::Object);
    }
    if is(&["file"]) {
        return Err(Unfit::File);
    }
    if let Some(values) = choices(schema)
        && !is(&["boolean", "bool"])
    {
        return Ok(Shape::One(Item::plain(ParameterKind::Choice { values })));
    }
    match composed(document, schema, depth, left) {
        Some(Ok(shape)) => return Ok(shape),
        Some(Err(unfit)) if types.is_empty() => return Err(unfit),
        _ => {}
    }
    let bound = |key: &str| number(schema.get(key));
    let kind = if is(&["integer", "int", "int32", "int64", "long"]) {
        ParameterKind::Integer
    } else if is(&["number", "float", "double", "decimal"]) {
        ParameterKind::Number
    } else if is(&["boolean", "bool"]) {
        ParameterKind::Boolean
    } else {
        return Ok(Shape::One(text(schema)));
    };
    Ok(Shape::One(Item {
        kind,
        form: Form::Any,
        minimum: bound("minimum"),
        maximum: bound("maximum"),
    }))
}

/// `type` is a name, or from 3.1 on a list of names; `null` says nothing.
fn types(schema: &Value) -> Vec<String> {
    let names = match schema.get("type") {
        Some(Value::String(name)) => vec![name.to_lowercase()],
        Some(Value::Array(names)) => names
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_lowercase)
            .collect(),
        _ => Vec::new(),
    };
    names.into_iter().filter(|name| name != "null").collect()
}

/// The values of `enum` or `const`, as they are written in an address.
fn choices(schema: &Value) -> Option<Vec<String>> {
    let listed = schema.get("enum").and_then(Value::as_array);
    let values = match (listed, schema.get("const")) {
        (Some(listed), _) => listed.iter().collect(),
        (None, Some(one)) => vec![one],
        (None, None) => Vec::new(),
    };
    let values: Vec<String> = values.into_iter().filter_map(scalar_text).collect();
    (!values.is_empty()).then_some(values)
}

/// A scalar as it is written in an address.
pub(super) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The first branch that fits; all values where every branch has its own.
fn composed(
    document: &Document,
    schema: &Value,
    depth: usize,
    left: &mut usize,
) -> Option<Result<Shape, Unfit>> {
    let branches: Vec<&Value> = ["allOf", "oneOf", "anyOf"]
        .iter()
        .filter_map(|key| schema.get(key)?.as_array())
        .flatten()
        .collect();
    let mut first = None;
    let mut list = None;
    let mut unfit = None;
    let mut values = Vec::new();
    for branch in branches {
        let is_null = document
            .resolve(branch)
            .is_ok_and(|branch| branch.get("type").and_then(Value::as_str) == Some("null"));
        if is_null {
            continue;
        }
        match shape_within(document, branch, depth, left) {
            Ok(Shape::One(item)) => {
                if let ParameterKind::Choice { values: more } = &item.kind {
                    values.extend(more.clone());
                } else {
                    first = first.or(Some(item));
                }
            }
            Ok(found @ Shape::List(_)) => list = list.or(Some(found)),
            Err(reason) => unfit = unfit.or(Some(reason)),
        }
    }
    match (first, values.is_empty()) {
        (None, false) => Some(Ok(Shape::One(Item::plain(ParameterKind::Choice {
            values,
        })))),
        (Some(item), _) => Some(Ok(Shape::One(item))),
        (None, true) => list.map(Ok).or(unfit.map(Err)),
    }
}

fn text(schema: &Value) -> Item {
    let form = match schema.get("format").and_then(Value::as_str) {
        Some("date") => Form::Date,
        Some("date-time") => Form::DateTime,
        Some("uuid") => {
            return Item::plain(ParameterKind::Id {
                pattern: UUID.into(),
            });
        }
        _ => Form::Any,
    };
    let pattern = schema
        .get("pattern")
        .and_then(Value::as_str)
        .and_then(id_pattern);
    match (form, pattern) {
        (Form::Any, Some(pattern)) => Item::plain(ParameterKind::Id { pattern }),
        (form, _) => Item {
            form,
            ..Item::plain(ParameterKind::Text)
        },
    }
}

/// A pattern for the whole of an id. One that is tied to one end only, that
/// this language of patterns does not know, or that a sentence fits, names no id.
fn id_pattern(pattern: &str) -> Option<String> {
    let starts = pattern.strip_prefix('^');
    let ends = |text: &str| text.ends_with('$') && !text.ends_with("\\$");
    let bare = match (starts, ends(pattern)) {
        (Some(rest), true) => &rest[..rest.len() - 1],
        (None, false) => pattern,
        _ => return None,
    };
    let whole = whole_pattern(bare).ok()?;
    let fits_anything = ["which of them is this", "any words at all"];
    (!bare.is_empty() && !fits_anything.iter().any(|text| whole.is_match(text)))
        .then(|| bare.to_string())
}

/// Sloppy documents write numbers as text.
fn number(value: Option<&Value>) -> Option<f64> {
    match value? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document() -> Document {
        let text = r##"{"openapi": "3.0.0", "paths": {}, "s": {
            "id": {"type": "string", "pattern": "^(0|[1-9][0-9]*)$"},
            "kind": {"oneOf": [{"title": "CAT", "const": 1}, {"title": "DOG", "const": 2}]},
            "tree": {"type": "array", "items": {"$ref": "#/s/tree"}},
            "ring": {"$ref": "#/s/ring"}, "knot": {"allOf": [{"$ref": "#/s/knot"}]}}}"##;
        Document::parse(text).unwrap_or_else(|error| panic!("{error}"))
    }

    fn id(pattern: &str) -> ParameterKind {
        ParameterKind::Id {
            pattern: pattern.into(),
        }
    }

    fn choice(values: &[&str]) -> ParameterKind {
        ParameterKind::Choice {
            values: values.iter().map(|value| value.to_string()).collect(),
        }
    }

    #[test]
    fn schemas_become_kinds() {
        let document = document();
        let check = |schema: Value, expected: ParameterKind| match shape(&document, &schema) {
            Ok(Shape::One(item)) => assert_eq!(item.kind, expected, "{schema}"),
            other => panic!("{schema}: {other:?}"),
        };
        check(json!({"type": "integer"}), ParameterKind::Integer);
        check(json!({"type": ["null", "integer"]}), ParameterKind::Integer);
        check(json!({"type": "Int64"}), ParameterKind::Integer);
        check(
            json!({"type": "number", "format": "float"}),
            ParameterKind::Number,
        );
        check(json!({"type": "boolean"}), ParameterKind::Boolean);
        check(
            json!({"type": "boolean", "enum": [true, false]}),
            ParameterKind::Boolean,
        );
        check(json!({"type": "string"}), ParameterKind::Text);
        check(json!({}), ParameterKind::Text);
        check(json!(true), ParameterKind::Text);
        check(json!({"type": "colour"}), ParameterKind::Text);
        check(
            json!({"type": "string", "format": "date"}),
            ParameterKind::Text,
        );
        check(json!({"type": "string", "format": "uuid"}), id(UUID));
        check(
            json!({"type": "string", "enum": ["a", null, "b"]}),
            choice(&["a", "b"]),
        );
        check(
            json!({"type": "integer", "enum": [1, 2]}),
            choice(&["1", "2"]),
        );
        check(json!({"$ref": "#/s/id"}), id("(0|[1-9][0-9]*)"));
        check(
            json!({"allOf": [{"$ref": "#/s/id"}]}),
            id("(0|[1-9][0-9]*)"),
        );
        check(
            json!({"oneOf": [{"type": "null"}, {"$ref": "#/s/id"}]}),
            id("(0|[1-9][0-9]*)"),
        );
        check(json!({"$ref": "#/s/kind"}), choice(&["1", "2"]));
        check(
            json!({"type": "string", "enum": [], "allOf": [{"enum": ["x"]}]}),
            choice(&["x"]),
        );
        check(
            json!({"oneOf": [{"type": "string"}, {"type": "array", "items": {}}]}),
            ParameterKind::Text,
        );
        check(
            json!({"type": "string", "pattern": "ORD-[0-9]{5}"}),
            id("ORD-[0-9]{5}"),
        );
        check(
            json!({"type": "string", "pattern": "^[A-Z]"}),
            ParameterKind::Text,
        );
        check(
            json!({"type": "string", "pattern": "^.+$"}),
            ParameterKind::Text,
        );
        check(
            json!({"type": "string", "pattern": "^(?=x)x$"}),
            ParameterKind::Text,
        );
        check(
            json!({"type": "string", "pattern": "("}),
            ParameterKind::Text,
        );
    }

    #[test]
    fn other_schemas_are_unfit() {
        let document = document();
        let check = |schema: Value, expected: Unfit| {
            assert_eq!(shape(&document, &schema), Err(expected), "{schema}");
        };
        check(json!({"type": "object"}), Unfit::Object);
        check(json!({"properties": {}}), Unfit::Object);
        check(json!({"type": "file"}), Unfit::File);
        check(
            json!({"type": "array", "items": {"type": "array"}}),
            Unfit::Nested,
        );
        check(json!({"oneOf": [{"type": "object"}]}), Unfit::Object);
        check(json!({"$ref": "#/s/tree"}), Unfit::Depth);
        check(json!({"$ref": "#/s/knot"}), Unfit::Depth);
        check(
            json!({"$ref": "#/s/ring"}),
            Unfit::Reference(RefError::Cycle("#/s/ring".into())),
        );
    }
}
