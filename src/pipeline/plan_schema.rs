//! The form of a plan that a language model may write, made for one question.
//!
//! Promise: whatever the model writes, it names a tool that the asker may
//! use, and every argument is a value that stands in the question or its
//! thread, or one of the catalogue's.

use super::arguments::{candidates, window};
use crate::domain::{Intent, Parameter, ParameterKind, Schema, ToolCall, ToolSpec};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Values of one argument. A catalogue with more is one that names can't be picked from.
const MAX_VALUES: usize = 200;

/// Intents that need no tool.
const PLAIN: [(&str, Intent); 3] = [
    ("knowledge", Intent::Knowledge),
    ("small_talk", Intent::SmallTalk),
    ("out_of_scope", Intent::OutOfScope),
];

/// One statement that begins as a reading one does. The rest is the gate's:
/// no pattern knows a language's grammar.
const STATEMENT: &str = "^(SELECT|WITH) [^;]+$";
/// Longer statements are no question of a person.
const MAX_STATEMENT: usize = 4_000;

/// The JSON schema of a plan for `text`, the question with its thread.
/// A tool that lacks a value for an argument can't be chosen.
pub(super) fn schema(
    tools: &[&ToolSpec],
    databases: &[&Schema],
    text: &str,
    now: DateTime<Utc>,
) -> Value {
    let names: Vec<&str> = PLAIN.iter().map(|(name, _)| *name).collect();
    let plain = object(json!({ "intent": { "enum": names } }), &["intent"]);
    let calls = tools.iter().filter_map(|tool| call(tool, text, now));
    let selects = databases.iter().map(|database| select(database));
    let all = std::iter::once(plain).chain(calls).chain(selects);
    json!({ "anyOf": all.collect::<Vec<_>>() })
}

fn select(database: &Schema) -> Value {
    let statement = json!({ Schema::STATEMENT: { "type": "string", "pattern": STATEMENT } });
    object(
        json!({
            "tool": { "const": database.tool },
            "with": object(statement, &[Schema::STATEMENT]),
        }),
        &["tool", "with"],
    )
}

fn call(tool: &ToolSpec, text: &str, now: DateTime<Utc>) -> Option<Value> {
    let mut properties = Map::new();
    let mut required: Vec<&str> = Vec::new();
    for parameter in &tool.parameters {
        let values = values(parameter, text, now);
        let must = !parameter.optional && parameter.default.is_none();
        if values.is_empty() {
            if must {
                return None;
            }
            continue;
        }
        properties.insert(parameter.name.clone(), json!({ "enum": values }));
        if must {
            required.push(&parameter.name);
        }
    }
    let with = object(Value::Object(properties), &required);
    Some(object(
        json!({ "tool": { "const": tool.name }, "with": with }),
        &["tool", "with"],
    ))
}

fn values(parameter: &Parameter, text: &str, now: DateTime<Utc>) -> Vec<Value> {
    let mut values = match parameter.kind {
        // "and last month?" has its own window, and the question before it another.
        ParameterKind::Window => {
            let windows = text.lines().filter_map(|line| window(line, now));
            windows.map(Value::from).collect()
        }
        _ => candidates(parameter, text, now),
    };
    values.extend(parameter.default.clone());
    let mut seen: Vec<Value> = Vec::new();
    for value in values {
        if !seen.contains(&value) && seen.len() < MAX_VALUES {
            seen.push(value);
        }
    }
    seen
}

fn object(properties: Value, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// What a model wrote in the form of [`schema`].
#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Written {
    Call {
        tool: String,
        #[serde(default)]
        with: Map<String, Value>,
    },
    Plain {
        intent: String,
    },
}

/// What the model chose: an intent, or a call with every default filled in.
pub(super) enum Choice<'a> {
    Intent(Intent),
    Call(&'a ToolSpec, ToolCall),
    /// A statement of the model's own, which is still to pass the gate.
    Select(ToolCall),
}

/// Reads a plan, and holds it against the schema's own rules again: a server
/// that ignores schemas must not be believed.
pub(super) fn read<'a>(
    written: &str,
    tools: &[&'a ToolSpec],
    databases: &[&Schema],
    text: &str,
    now: DateTime<Utc>,
) -> Option<Choice<'a>> {
    match serde_json::from_str(written).ok()? {
        Written::Plain { intent } => PLAIN
            .iter()
            .find(|(name, _)| *name == intent)
            .map(|(_, intent)| Choice::Intent(*intent)),
        Written::Call { tool, with } if databases.iter().any(|known| known.tool == tool) => {
            let statement = with.get(Schema::STATEMENT)?.as_str()?.trim();
            let statement = statement.trim_end_matches(';').trim_end();
            let first = statement.split_whitespace().next()?;
            let reads = ["select", "with"]
                .iter()
                .any(|word| first.eq_ignore_ascii_case(word));
            if with.len() > 1 || !reads || statement.len() > MAX_STATEMENT {
                return None;
            }
            let args = Map::from_iter([(Schema::STATEMENT.to_string(), Value::from(statement))]);
            Some(Choice::Select(ToolCall { name: tool, args }))
        }
        Written::Call { tool, mut with } => {
            let tool = *tools.iter().find(|known| known.name == tool)?;
            let known = |name: &String| tool.parameters.iter().any(|p| p.name == *name);
            if !with.keys().all(known) {
                return None;
            }
            for parameter in &tool.parameters {
                match (with.get(&parameter.name), &parameter.default) {
                    (Some(value), _) if !values(parameter, text, now).contains(value) => {
                        return None;
                    }
                    (Some(_), _) => {}
                    (None, Some(default)) => {
                        with.insert(parameter.name.clone(), default.clone());
                    }
                    (None, None) if parameter.optional => {}
                    (None, None) => return None,
                }
            }
            let name = tool.name.clone();
            Some(Choice::Call(tool, ToolCall { name, args: with }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ToolKind;

    fn parameter(name: &str, kind: ParameterKind, default: Option<Value>) -> Parameter {
        Parameter {
            name: name.into(),
            kind,
            default,
            optional: false,
            description: String::new(),
        }
    }

    fn top_reps() -> ToolSpec {
        ToolSpec {
            name: "top_reps".into(),
            description: "Sales by representative".into(),
            kind: ToolKind::Query,
            parameters: vec![
                parameter("window", ParameterKind::Window, Some(json!("30d"))),
                parameter("top", ParameterKind::Integer, Some(json!(5))),
                parameter(
                    "region",
                    ParameterKind::Choice {
                        values: vec!["DACH".into(), "Benelux".into()],
                    },
                    Some(json!("DACH")),
                ),
            ],
            examples: Vec::new(),
            synonyms: Vec::new(),
            chain: None,
        }
    }

    fn order() -> ToolSpec {
        ToolSpec {
            name: "order".into(),
            description: String::new(),
            kind: ToolKind::Query,
            parameters: vec![parameter(
                "id",
                ParameterKind::Id {
                    pattern: r"ORD-\d+".into(),
                },
                None,
            )],
            examples: Vec::new(),
            synonyms: Vec::new(),
            chain: None,
        }
    }

    const TEXT: &str = "top 3 reps last week in benelux";

    #[test]
    fn arguments_can_only_be_what_stands_in_the_question_or_the_catalogue() {
        let now = Utc::now();
        let (reps, order) = (top_reps(), order());
        let schema = schema(&[&reps, &order], &[], TEXT, now);
        let branches = schema["anyOf"].as_array().expect("branches");
        assert_eq!(
            branches.len(),
            2,
            "an order without a number can't be asked for"
        );
        let with = &branches[1]["properties"]["with"]["properties"];
        assert_eq!(with["window"]["enum"], json!(["last week", "30d"]));
        assert_eq!(with["top"]["enum"], json!([3, 5]));
        assert_eq!(with["region"]["enum"], json!(["Benelux", "DACH"]));
    }

    #[test]
    fn follow_up_may_name_its_own_window_or_that_of_before() {
        let reps = top_reps();
        let text = "and last month?\ntop reps yesterday";
        let schema = schema(&[&reps], &[], text, Utc::now());
        let with = &schema["anyOf"][1]["properties"]["with"]["properties"];
        assert_eq!(
            with["window"]["enum"],
            json!(["last month", "yesterday", "30d"])
        );
    }

    #[test]
    fn plan_outside_the_schema_is_not_believed() {
        let now = Utc::now();
        let reps = top_reps();
        let read = |text: &str| read(text, &[&reps], &[], TEXT, now);
        assert!(read(r#"{"tool":"drop_table","with":{}}"#).is_none());
        assert!(read(r#"{"tool":"top_reps","with":{"top":7}}"#).is_none());
        assert!(read(r#"{"tool":"top_reps","with":{"rows":3}}"#).is_none());
        assert!(read(r#"{"intent":"root"}"#).is_none());
        assert!(read("not JSON").is_none());
        let Some(Choice::Call(_, call)) = read(r#"{"tool":"top_reps","with":{"top":3}}"#) else {
            panic!("it is a call");
        };
        assert_eq!(
            Value::Object(call.args),
            json!({"window": "30d", "top": 3, "region": "DACH"})
        );
    }

    #[test]
    fn statement_begins_as_a_reading_one_does() {
        let crm = Schema {
            tool: "crm_sql".into(),
            ..Schema::default()
        };
        let schema = schema(&[], &[&crm], TEXT, Utc::now());
        let branch = &schema["anyOf"][1]["properties"];
        assert_eq!(branch["tool"]["const"], "crm_sql");
        assert_eq!(
            branch["with"]["properties"]["statement"]["pattern"],
            STATEMENT
        );
        let check = |with: Value, expected: Option<&str>| {
            let written = json!({ "tool": "crm_sql", "with": with }).to_string();
            let statement = match read(&written, &[], &[&crm], TEXT, Utc::now()) {
                Some(Choice::Select(call)) => call.args["statement"].as_str().map(str::to_string),
                _ => None,
            };
            assert_eq!(statement.as_deref(), expected, "{written}");
        };
        check(json!({"statement": " SELECT 1;\n"}), Some("SELECT 1"));
        check(
            json!({"statement": "with x as (select 1) select * from x"}),
            Some("with x as (select 1) select * from x"),
        );
        check(json!({"statement": "DELETE FROM deals"}), None);
        check(json!({"statement": "EXPLAIN SELECT 1"}), None);
        check(json!({"statement": "SELECT 1", "as": "root"}), None);
        check(json!({"statement": 1}), None);
        check(
            json!({"statement": format!("SELECT {}", "1,".repeat(3_000))}),
            None,
        );
        check(json!({}), None);
        assert!(
            read(
                r#"{"tool":"crm_sql","with":{"statement":"SELECT 1"}}"#,
                &[],
                &[],
                TEXT,
                Utc::now()
            )
            .is_none(),
            "it was not offered"
        );
    }
}
