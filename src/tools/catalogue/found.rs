//! What a look at the systems found: the part of the file that nobody edits.

use crate::{
    domain::{Parameter, ParameterKind, ToolKind, ToolSpec},
    tools::sql::schema::{Column, Table},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Values of a choice that are written down.
const MAX_VALUES: usize = 20;

/// Everything that the systems have, by what names it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    pub tools: BTreeMap<String, FoundTool>,
    /// By database and table.
    pub tables: BTreeMap<(String, String), FoundTable>,
    pub logs: BTreeMap<String, FoundLog>,
    /// Databases whose tables were read; those of another one are not known to be gone.
    pub databases: BTreeSet<String>,
}

/// A part of the file that the build writes.
pub trait Part: Clone + PartialEq + Serialize + DeserializeOwned + Default {
    /// Without what the data has today and may not have tomorrow.
    fn settled(&self) -> Self;
}

/// A named query, an operation of an API, or one of the tools of a log source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FoundTool {
    pub kind: ToolKind,
    /// The database, API or log source.
    pub source: String,
    /// What the configuration or the API's document says of it.
    pub says: String,
    /// Tables, or method and path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<FoundParameter>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FoundParameter {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// Of an id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pattern: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub says: String,
    /// Of a choice, those of today.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FoundTable {
    /// The file of the dump that it was read from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub dump: String,
    #[serde(flatten)]
    pub table: Table,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FoundLog {
    /// `loki`, `elasticsearch` or `files`.
    pub kind: String,
    pub says: String,
    pub levels: Vec<String>,
    pub fields: Vec<String>,
    /// Those of today.
    pub services: Vec<String>,
}

impl Part for FoundTool {
    fn settled(&self) -> Self {
        let mut settled = self.clone();
        settled.parameters.iter_mut().for_each(|p| p.values.clear());
        settled
    }
}

impl Part for FoundTable {
    fn settled(&self) -> Self {
        let mut settled = self.clone();
        // It is the entry's, not the part's.
        settled.table.name.clear();
        // A database and its dump tell the same.
        settled.dump.clear();
        let columns = settled.table.columns.iter_mut();
        columns.for_each(|column: &mut Column| column.samples.clear());
        settled
    }
}

impl Part for FoundLog {
    fn settled(&self) -> Self {
        Self {
            services: Vec::new(),
            ..self.clone()
        }
    }
}

impl FoundTool {
    pub(super) fn of(spec: &ToolSpec, source: &str, reads: Vec<String>) -> Self {
        Self {
            kind: spec.kind,
            source: source.into(),
            says: spec.description.clone(),
            reads,
            parameters: spec.parameters.iter().map(FoundParameter::of).collect(),
        }
    }
}

impl FoundParameter {
    fn of(parameter: &Parameter) -> Self {
        let mut found = Self {
            name: parameter.name.clone(),
            kind: kind_name(&parameter.kind),
            default: parameter.default.clone().filter(|value| !value.is_null()),
            optional: parameter.optional,
            says: parameter.description.clone(),
            ..Self::default()
        };
        match &parameter.kind {
            ParameterKind::Choice { values } => {
                found.values = values.iter().take(MAX_VALUES).cloned().collect();
            }
            ParameterKind::Id { pattern } => found.pattern = pattern.clone(),
            _ => {}
        }
        found
    }
}

fn kind_name(kind: &ParameterKind) -> String {
    match kind {
        ParameterKind::Window => "window".into(),
        ParameterKind::Integer => "integer".into(),
        ParameterKind::Number => "number".into(),
        ParameterKind::Boolean => "boolean".into(),
        ParameterKind::Choice { .. } => "choice".into(),
        ParameterKind::Id { .. } => "id".into(),
        ParameterKind::Text => "text".into(),
        ParameterKind::List { items } => format!("list of {}", kind_name(items)),
        ParameterKind::Object { .. } => "object".into(),
    }
}
