//! A function as JSON schema describes it, made a tool of the catalogue.

use super::{Parameter, ParameterKind, ToolKind, ToolSpec};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Objects within objects are read to this depth; deeper ones are text.
const MAX_DEPTH: usize = 4;

/// `{"name", "description", "parameters": {"type": "object", "properties", "required"}}`.
#[derive(Clone, Debug, Deserialize)]
pub struct Function {
    pub name: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub parameters: Value,
}

impl Function {
    /// What the schema does not say is taken as text, and as optional.
    pub fn into_tool(self) -> ToolSpec {
        ToolSpec {
            kind: ToolKind::Api,
            parameters: fields(&self.parameters, MAX_DEPTH),
            name: self.name,
            description: self.description,
            examples: Vec::new(),
            synonyms: Vec::new(),
            chain: None,
        }
    }
}

fn fields(schema: &Value, depth: usize) -> Vec<Parameter> {
    let none = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array);
    properties
        .unwrap_or(&none)
        .iter()
        .map(|(name, schema)| Parameter {
            name: name.clone(),
            kind: kind(schema, depth),
            default: schema.get("default").cloned(),
            optional: !required.is_some_and(|names| names.iter().any(|known| known == name)),
            description: schema
                .get("description")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_string(),
        })
        .collect()
}

fn kind(schema: &Value, depth: usize) -> ParameterKind {
    if let Some(Value::Array(values)) = schema.get("enum") {
        let values = values.iter().filter_map(Value::as_str);
        return ParameterKind::Choice {
            values: values.map(String::from).collect(),
        };
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("integer") => ParameterKind::Integer,
        Some("number" | "float") => ParameterKind::Number,
        Some("boolean") => ParameterKind::Boolean,
        Some("array" | "tuple") if depth > 0 => ParameterKind::List {
            items: Box::new(
                schema
                    .get("items")
                    .map_or(ParameterKind::Text, |items| kind(items, depth - 1)),
            ),
        },
        Some("object" | "dict") if depth > 0 && schema.get("properties").is_some() => {
            ParameterKind::Object {
                fields: fields(schema, depth - 1),
            }
        }
        _ => ParameterKind::Text,
    }
}
