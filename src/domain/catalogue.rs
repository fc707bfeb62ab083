//! What the planner may call: tools, their parameters, and how people ask for them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Catalogue {
    pub tools: Vec<ToolSpec>,
    /// Databases that a language model may ask in statements of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schemas: Vec<Schema>,
    /// Of the file that people enrich it with, such as `3-9f2c11ab`: its
    /// number and the beginning of its content's hash. `None`: there is no file.
    #[serde(default)]
    pub version: Option<String>,
}

impl Catalogue {
    pub fn tool(&self, name: &str) -> Option<&ToolSpec> {
        self.tools.iter().find(|tool| tool.name == name)
    }

    /// The database that a tool takes statements for, if it does.
    pub fn schema(&self, tool: &str) -> Option<&Schema> {
        self.schemas.iter().find(|schema| schema.tool == tool)
    }
}

/// What a language model is told of a database that it may ask.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// The tool that takes a [`Schema::STATEMENT`]: `crm_sql`.
    pub tool: String,
    /// The configured name.
    pub database: String,
    /// `PostgreSQL`
    pub dialect: String,
    pub tables: Vec<SchemaTable>,
}

impl Schema {
    /// The one argument of its tool.
    pub const STATEMENT: &str = "statement";
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SchemaTable {
    pub name: String,
    /// What the database and people say of it.
    pub about: String,
    pub columns: Vec<SchemaColumn>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SchemaColumn {
    pub name: String,
    /// Its type and keys: `integer references customers.id`.
    pub kind: String,
    pub about: String,
    /// Values that stand there, where they may be shown.
    pub values: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    pub name: String,
    pub description: String,
    #[serde(default)]
    pub kind: ToolKind,
    pub parameters: Vec<Parameter>,
    /// Questions in the way people type them.
    pub examples: Vec<String>,
    /// What people call it besides: `turnover`, `takings`.
    #[serde(default)]
    pub synonyms: Vec<String>,
    /// How its calls lead to others, where the description of an API says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<Chain>,
}

/// Which records an operation is asked with, and which its answers hold: what
/// one call finds, the next one of the same API can be asked with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Chain {
    /// The configured name of the API.
    pub api: String,
    /// Its parameters that name a record.
    pub takes: Vec<Taken>,
    pub gives: Vec<Given>,
    /// The words of its path, and of the fields of what it answers with.
    pub words: Vec<String>,
}

/// A parameter that names a record, such as the `id` of `/artists/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Taken {
    pub parameter: String,
    /// What such a record is called, in the singular: `artist`.
    pub kinds: Vec<String>,
    /// The last word of its name: `id`, `slug`.
    pub key: String,
}

/// Records that an answer holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Given {
    /// As [`Taken::kinds`], the surest first.
    pub kinds: Vec<String>,
    /// The keys that lead to them, through lists.
    pub path: Vec<String>,
    /// There may be several.
    pub many: bool,
    /// Fields that another call may take.
    pub keys: Vec<String>,
}

/// What a tool asks, and so the command that calls it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolKind {
    /// A named query on a database.
    #[default]
    Query,
    /// An operation of an HTTP API.
    Api,
    /// The logs of a system.
    Logs,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    pub name: String,
    #[serde(flatten)]
    pub kind: ParameterKind,
    pub default: Option<Value>,
    pub optional: bool,
    #[serde(default)]
    pub description: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ParameterKind {
    /// A span of time, such as `24h` or `last month`.
    Window,
    Integer,
    Number,
    Boolean,
    /// One of the values that the data has.
    Choice {
        values: Vec<String>,
    },
    /// A name of one record, such as `ORD-10023`. The pattern is a regular expression.
    Id {
        pattern: String,
    },
    Text,
    /// Several values of one kind.
    List {
        items: Box<ParameterKind>,
    },
    /// Values by name.
    Object {
        fields: Vec<Parameter>,
    },
}
