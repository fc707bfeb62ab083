//! Which tools can't be planned well for want of words, and what to write where.
//!
//! A hint is no fault: the tool can be called by a command all the same.

use super::file::{CatalogueFile, said};
use crate::{
    domain::{Catalogue, Parameter, ParameterKind, ToolKind, ToolSpec, bare_words},
    pipeline::arguments::{extract, name_words},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::{collections::BTreeMap, fmt};

/// Something that lacks words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Hint {
    /// The tool, or `table NAME`.
    pub entry: String,
    /// `has no example question`
    pub problem: String,
    /// What to write where.
    pub remedy: String,
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.entry, self.problem, self.remedy)
    }
}

/// Names that tell nothing of a value.
const EMPTY_NAMES: [&str; 22] = [
    "arg",
    "argument",
    "code",
    "data",
    "field",
    "filter",
    "flag",
    "input",
    "item",
    "key",
    "num",
    "opt",
    "option",
    "options",
    "param",
    "parameter",
    "str",
    "string",
    "text",
    "type",
    "val",
    "value",
];

/// Every hint, tool by tool. `file` is the catalogue file, where there is one.
pub fn lint(catalogue: &Catalogue, file: Option<&CatalogueFile>, now: DateTime<Utc>) -> Vec<Hint> {
    let mut hints = Vec::new();
    for tool in &catalogue.tools {
        lint_tool(tool, now, &mut hints);
    }
    lint_shared(catalogue, &mut hints);
    if let Some(file) = file {
        lint_tables(file, &mut hints);
    }
    hints.sort();
    hints
}

fn lint_tool(tool: &ToolSpec, now: DateTime<Utc>, hints: &mut Vec<Hint>) {
    let mut hint = |problem: String, remedy: String| {
        hints.push(Hint {
            entry: tool.name.clone(),
            problem,
            remedy,
        });
    };
    if tool.description.trim().is_empty() {
        hint(
            "has no description".into(),
            format!("write what it tells into {}", place(tool, "description")),
        );
    }
    if tool.examples.is_empty() {
        hint(
            "has no example question".into(),
            format!(
                "write four to eight questions as people type them into {}",
                place(tool, "examples")
            ),
        );
    }
    for parameter in &tool.parameters {
        let name = &parameter.name;
        if parameter.description.trim().is_empty() && says_nothing(parameter) {
            hint(
                format!("has a parameter `{name}` whose name says nothing"),
                format!("write what it means into {}", parameter_place(tool, name)),
            );
        }
        if !is_required(parameter) {
            continue;
        }
        if matches!(&parameter.kind, ParameterKind::Choice { values } if values.is_empty()) {
            hint(
                format!("needs `{name}`, of which no value is known, so it is never called"),
                match tool.kind {
                    ToolKind::Query => format!(
                        "write `values`, or a `values_sql` that brings rows, into `[[query.parameters]]` {name}"
                    ),
                    ToolKind::Api => "see that the document's `enum` has texts in it".into(),
                    ToolKind::Logs => "write `services` into its `[[log]]`".into(),
                },
            );
        }
    }
    if let Some(name) = never_named(tool, now) {
        hint(
            format!("needs `{name}`, and none of its examples has a value for it"),
            format!("write one with a value into {}", place(tool, "examples")),
        );
    }
}

fn is_required(parameter: &Parameter) -> bool {
    !parameter.optional && parameter.default.is_none()
}

/// Only kinds whose value tells as little as the name.
fn says_nothing(parameter: &Parameter) -> bool {
    let tells = matches!(
        parameter.kind,
        ParameterKind::Window | ParameterKind::Choice { .. } | ParameterKind::Id { .. }
    );
    let words = name_words(&parameter.name);
    let empty = |word: &String| {
        let letters = word.chars().filter(|c| c.is_alphabetic()).count();
        (letters < 3 && word != "id") || EMPTY_NAMES.contains(&word.as_str())
    };
    !tells && words.iter().all(empty)
}

/// A required parameter of which no example has a value.
fn never_named(tool: &ToolSpec, now: DateTime<Utc>) -> Option<String> {
    let asked: Vec<_> = tool
        .examples
        .iter()
        .map(|example| extract(tool, example, now))
        .collect();
    let is_known = |parameter: &&Parameter| !matches!(&parameter.kind, ParameterKind::Choice { values } if values.is_empty());
    let required = tool.parameters.iter().filter(|p| is_required(p));
    let never =
        |name: &String| !asked.is_empty() && asked.iter().all(|found| found.missing.contains(name));
    required
        .filter(is_known)
        .map(|parameter| parameter.name.clone())
        .find(never)
}

/// Examples and descriptions that two tools have alike.
fn lint_shared(catalogue: &Catalogue, hints: &mut Vec<Hint>) {
    let mut seen: BTreeMap<String, (&str, &str)> = BTreeMap::new();
    for tool in &catalogue.tools {
        for example in &tool.examples {
            let (first, _) = *seen
                .entry(bare_words(example))
                .or_insert((&tool.name, example));
            if first != tool.name {
                hints.push(Hint {
                    entry: tool.name.clone(),
                    problem: format!("has the example \"{example}\" of `{first}`"),
                    remedy: format!(
                        "leave it where it belongs, and take it out of {}",
                        place(tool, "examples")
                    ),
                });
            }
        }
    }
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for tool in &catalogue.tools {
        let description = bare_words(&tool.description);
        if description.is_empty() {
            continue;
        }
        let first = *seen.entry(description).or_insert(&tool.name);
        if first != tool.name {
            hints.push(Hint {
                entry: tool.name.clone(),
                problem: format!("has the description of `{first}`"),
                remedy: format!(
                    "write what is different into {}",
                    place(tool, "description")
                ),
            });
        }
    }
}

/// Tables that people wrote questions for, and that no query reads.
fn lint_tables(file: &CatalogueFile, hints: &mut Vec<Hint>) {
    let tables = file.tables.iter().filter(|table| table.gone.is_none());
    for table in tables.filter(|table| !said(&table.examples).is_empty()) {
        let reads = file
            .tools
            .iter()
            .filter(|tool| tool.gone.is_none())
            .any(|tool| {
                tool.found.source == table.database && tool.found.reads.contains(&table.name)
            });
        if !reads {
            hints.push(Hint {
                entry: format!("table {}", table.name),
                problem: "has example questions, and no query reads it".into(),
                remedy: format!(
                    "write a `[[query]]` on database `{}` that answers them",
                    table.database
                ),
            });
        }
    }
}

/// Where words for a tool are written.
fn place(tool: &ToolSpec, key: &str) -> String {
    let name = &tool.name;
    match (tool.kind, name.rsplit_once('_')) {
        (ToolKind::Query, _) => format!("`{key}` of `[[query]]` {name}"),
        (ToolKind::Logs, Some((source, what))) if key == "examples" => {
            format!("`[log.examples]` {what} of `[[log]]` {source}")
        }
        (ToolKind::Logs, Some((source, _))) => format!("`{key}` of `[[log]]` {source}"),
        _ => format!(
            "`{key}` of `[[api.operation]]` {name}, or of `[[tool]]` {name} in the catalogue"
        ),
    }
}

fn parameter_place(tool: &ToolSpec, parameter: &str) -> String {
    match tool.kind {
        ToolKind::Query => {
            format!(
                "`description` of its `[[query.parameters]]` {parameter} in `[[query]]` {}",
                tool.name
            )
        }
        _ => format!(
            "`parameters` of `[[tool]]` {} in the catalogue (`lorekeeper catalogue build`)",
            tool.name
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parameter(name: &str, kind: ParameterKind) -> Parameter {
        Parameter {
            name: name.into(),
            kind,
            default: None,
            optional: false,
            description: String::new(),
        }
    }

    /// A tool with all the words that it needs.
    fn deals() -> ToolSpec {
        ToolSpec {
            name: "deals".into(),
            description: "Deals by stage".into(),
            kind: ToolKind::Query,
            parameters: vec![parameter(
                "stage",
                ParameterKind::Choice {
                    values: vec!["open".into(), "won".into()],
                },
            )],
            examples: vec!["which deals are open".into(), "show the deals".into()],
            synonyms: Vec::new(),
            chain: None,
        }
    }

    fn catalogue(tools: Vec<ToolSpec>) -> Catalogue {
        Catalogue {
            tools,
            schemas: Vec::new(),
            version: None,
        }
    }

    #[test]
    fn hints_name_what_lacks_and_where_to_write_it() {
        let check = |change: fn(&mut ToolSpec), expected: &[&str]| {
            let mut tool = deals();
            change(&mut tool);
            let hints = lint(&catalogue(vec![tool]), None, Utc::now());
            let hints: Vec<String> = hints.iter().map(Hint::to_string).collect();
            assert_eq!(hints, expected);
        };
        check(|_| {}, &[]);
        check(
            |tool| tool.description = " ".into(),
            &[
                "deals has no description: write what it tells into `description` of `[[query]]` deals",
            ],
        );
        check(
            |tool| {
                tool.kind = ToolKind::Api;
                tool.examples.clear();
            },
            &[
                "deals has no example question: write four to eight questions as people type them into \
               `examples` of `[[api.operation]]` deals, or of `[[tool]]` deals in the catalogue",
            ],
        );
        check(
            |tool| {
                tool.kind = ToolKind::Logs;
                tool.name = "shop_logs_counts".into();
                tool.examples.clear();
            },
            &[
                "shop_logs_counts has no example question: write four to eight questions as people type \
               them into `[log.examples]` counts of `[[log]]` shop_logs",
            ],
        );
        check(
            |tool| {
                let mut q = parameter("q", ParameterKind::Text);
                q.optional = true;
                tool.parameters.push(q.clone());
                // Its own name tells, or its description does.
                q.name = "customer".into();
                tool.parameters.push(q.clone());
                q.name = "val2".into();
                q.description = "The least value in EUR".into();
                tool.parameters.push(q);
            },
            &[
                "deals has a parameter `q` whose name says nothing: write what it means into `description` \
               of its `[[query.parameters]]` q in `[[query]]` deals",
            ],
        );
        check(
            |tool| tool.parameters[0].kind = ParameterKind::Choice { values: Vec::new() },
            &[
                "deals needs `stage`, of which no value is known, so it is never called: write `values`, or a \
               `values_sql` that brings rows, into `[[query.parameters]]` stage",
            ],
        );
        check(
            |tool| {
                tool.parameters[0].kind = ParameterKind::Choice { values: Vec::new() };
                tool.parameters[0].default = Some(json!("open"));
            },
            &[],
        );
        check(
            |tool| tool.examples = vec!["show the deals".into()],
            &[
                "deals needs `stage`, and none of its examples has a value for it: write one with a value \
               into `examples` of `[[query]]` deals",
            ],
        );
    }

    #[test]
    fn two_tools_with_the_same_words_are_named() {
        let other = ToolSpec {
            name: "won_deals".into(),
            examples: vec!["Which deals are OPEN?".into()],
            ..deals()
        };
        let hints = lint(&catalogue(vec![deals(), other]), None, Utc::now());
        let hints: Vec<String> = hints.iter().map(Hint::to_string).collect();
        assert_eq!(
            hints,
            [
                "won_deals has the description of `deals`: write what is different into `description` of \
                 `[[query]]` won_deals",
                "won_deals has the example \"Which deals are OPEN?\" of `deals`: leave it where it belongs, \
                 and take it out of `examples` of `[[query]]` won_deals",
            ]
        );
    }

    #[test]
    fn table_with_questions_that_no_query_reads_is_named() {
        let check = |reads: &str, expected: usize| {
            let text = format!(
                "[[tool]]\nname = \"deals\"\n[tool.found]\nsource = \"crm\"\nreads = [\"{reads}\"]\n\
                 [[table]]\ndatabase = \"crm\"\nname = \"deals\"\nexamples = [\"how many deals\"]\n"
            );
            let file = CatalogueFile::parse("c.toml", &text).expect("it parses");
            let hints = lint(&catalogue(vec![deals()]), Some(&file), Utc::now());
            assert_eq!(hints.len(), expected, "{hints:?}");
        };
        check("deals", 0);
        check("leads", 1);
    }
}
