//! The named queries of the configuration, checked when they are loaded.
//!
//! Promise: a query that loads has passed the gate, has every placeholder
//! declared, and puts nothing into its sentence that is not in its rows or
//! arguments. Every fault of every query is reported, with the query's name.

use super::{
    Argument, Database,
    guard::{self, Policy, Verdict},
    lexer,
};
use crate::{
    config::{QueryEntry, QueryParameter},
    domain::{Audience, Parameter, ParameterKind, ToolKind, ToolSpec},
    ports::{ToolError, with_causes},
    tools::{
        arguments::{Arguments, whole_pattern},
        template::{Sentences, Template},
        tool::{Outcome, Tool},
    },
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};

pub struct NamedQuery {
    spec: ToolSpec,
    database: Arc<Database>,
    audience: Audience,
    /// As it stands in the configuration.
    text: String,
    /// With the driver's placeholders; `names` says which is which.
    sql: String,
    names: Vec<String>,
    sentences: Sentences,
}

/// What a query is checked with.
pub struct Loading<'a> {
    pub database: &'a Arc<Database>,
    /// Who may use the database.
    pub audience: &'a Audience,
    pub now: DateTime<Utc>,
    pub zone: Tz,
    /// False where the database was found to be down: what it would say is not asked.
    pub reachable: bool,
}

/// A query that loaded, or everything that is wrong with it.
pub struct Loaded {
    pub query: Option<NamedQuery>,
    pub faults: Vec<String>,
    /// False where the database turned out to be down.
    pub reachable: bool,
}

impl NamedQuery {
    pub async fn load(entry: &QueryEntry, mut loading: Loading<'_>) -> Loaded {
        let mut faults = Vec::new();
        let query = load(entry, &mut loading, &mut faults).await;
        Loaded {
            query: query.filter(|_| faults.is_empty()),
            faults,
            reachable: loading.reachable,
        }
    }

    /// The text of the query with the values that it ran with.
    fn statement(&self, arguments: &Arguments) -> String {
        let mut statement = self.text.trim().to_string();
        for name in distinct(&self.names) {
            if let Some(argument) = arguments.bound.get(name) {
                statement.push_str(&format!("\n-- :{name} = {}", argument_text(argument)));
            }
        }
        statement
    }

    fn bound(&self, arguments: &Arguments) -> Vec<Argument> {
        let bound = self.names.iter().map(|name| arguments.bound.get(name));
        bound
            .map(|value| value.cloned().unwrap_or(Argument::Text(None)))
            .collect()
    }
}

#[async_trait]
impl Tool for NamedQuery {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn source(&self) -> &str {
        &self.database.name
    }

    fn audience(&self) -> &Audience {
        &self.audience
    }

    fn reads(&self) -> Vec<String> {
        let verdict = guard::check(&self.sql, self.database.dialect(), &Policy::any_table());
        match verdict {
            Verdict::Allow { tables } => tables.into_iter().map(bare).collect(),
            Verdict::Refuse { .. } => Vec::new(),
        }
    }

    async fn run(&self, arguments: &Arguments) -> Result<Outcome, ToolError> {
        let bound = self.bound(arguments);
        let rows = self.database.run(&self.sql, &bound).await?;
        Ok(Outcome {
            statement: self.statement(arguments),
            lead: self
                .sentences
                .fill(&rows, &arguments.shown, &self.spec.parameters),
            rows,
            bodies: Vec::new(),
        })
    }
}

/// A table as the catalogue names it.
fn bare(table: String) -> String {
    match table.strip_prefix("public.") {
        Some(bare) => bare.to_string(),
        None => table,
    }
}

async fn load(
    entry: &QueryEntry,
    loading: &mut Loading<'_>,
    faults: &mut Vec<String>,
) -> Option<NamedQuery> {
    let parameters = load_parameters(entry, loading, faults).await;
    let lead = parse_template("lead", &entry.lead, faults);
    let empty = parse_template("empty", &entry.empty, faults);
    let dialect = loading.database.dialect();
    let numbered = match lexer::number_placeholders(&entry.sql, dialect) {
        Ok(numbered) => numbered,
        Err(problem) => {
            faults.push(format!("its statement {problem}"));
            return None;
        }
    };
    if let Verdict::Refuse { reason } = guard::check(&numbered.sql, dialect, &Policy::any_table()) {
        faults.push(format!("its statement {reason}"));
        return None;
    }
    check_placeholders(&numbered.names, &parameters, faults);
    let query = NamedQuery {
        spec: ToolSpec {
            name: entry.name.clone(),
            description: entry.description.clone(),
            kind: ToolKind::Query,
            parameters,
            examples: entry.examples.clone(),
            synonyms: Vec::new(),
            chain: None,
        },
        database: loading.database.clone(),
        audience: loading.audience.clone(),
        text: entry.sql.clone(),
        sql: numbered.sql,
        names: numbered.names,
        sentences: Sentences {
            lead: lead?,
            empty: empty?,
        },
    };
    if faults.is_empty() {
        let columns = ask_columns(&query, loading, faults).await;
        check_slots(&query, columns.as_deref(), faults);
    }
    Some(query)
}

async fn load_parameters(
    entry: &QueryEntry,
    loading: &mut Loading<'_>,
    faults: &mut Vec<String>,
) -> Vec<Parameter> {
    let mut parameters: Vec<Parameter> = Vec::new();
    for given in &entry.parameters {
        let name = &given.name;
        if parameters.iter().any(|known| known.name == *name) {
            faults.push(format!("parameter `{name}` is declared twice"));
        }
        let values = match &given.values_sql {
            Some(sql) => read_values(name, sql, loading, faults).await,
            None => given.values.clone(),
        };
        let Some(kind) = given.parameter_kind(values) else {
            faults.push(format!(
                "parameter `{name}` has the type `{}`; expected window, integer, number, boolean, \
                 choice, text, or id with a `pattern`",
                given.kind
            ));
            continue;
        };
        let parameter = Parameter {
            name: name.clone(),
            kind,
            default: given.default.clone(),
            optional: given.optional,
            description: given.description.clone(),
        };
        check_parameter(given, &parameter, loading, faults);
        parameters.push(parameter);
    }
    let is_window = |parameter: &&Parameter| parameter.kind == ParameterKind::Window;
    if parameters.iter().filter(is_window).count() > 1 {
        faults.push("it has two windows, but `:since` and `:until` can be bound once".into());
    }
    parameters
}

fn check_parameter(
    given: &QueryParameter,
    parameter: &Parameter,
    loading: &Loading<'_>,
    faults: &mut Vec<String>,
) {
    let name = &parameter.name;
    match &parameter.kind {
        ParameterKind::Choice { values } if values.is_empty() && given.values_sql.is_none() => {
            faults.push(format!(
                "parameter `{name}` is a choice without `values` or `values_sql`"
            ));
        }
        ParameterKind::Id { pattern } if whole_pattern(pattern).is_err() => {
            faults.push(format!(
                "parameter `{name}`: `{pattern}` is no regular expression"
            ));
            return;
        }
        _ => {}
    }
    if let Some(default) = &parameter.default {
        let checked = Arguments::default().add(parameter, default, loading.now, loading.zone);
        if let Err(problem) = checked {
            faults.push(format!("the default of parameter `{name}` {problem}"));
        }
    }
}

/// The values of a choice: one column of text.
async fn read_values(
    name: &str,
    sql: &str,
    loading: &mut Loading<'_>,
    faults: &mut Vec<String>,
) -> Vec<String> {
    let dialect = loading.database.dialect();
    if let Verdict::Refuse { reason } = guard::check(sql, dialect, &Policy::any_table()) {
        faults.push(format!("`values_sql` of parameter `{name}` {reason}"));
        return Vec::new();
    }
    if !loading.reachable {
        return Vec::new();
    }
    let rows = match loading.database.run(sql, &[]).await {
        Ok(rows) => rows,
        Err(error) => {
            note(
                &format!("`values_sql` of parameter `{name}`"),
                error,
                loading,
                faults,
            );
            return Vec::new();
        }
    };
    if rows.columns.len() != 1 {
        faults.push(format!(
            "`values_sql` of parameter `{name}` brings not one column"
        ));
    }
    if rows.truncated {
        let count = rows.rows.len();
        faults.push(format!(
            "`values_sql` of parameter `{name}` brings more than {count} values"
        ));
    }
    let first = rows
        .rows
        .into_iter()
        .filter_map(|row| row.into_iter().next());
    let values = first.filter_map(|value| match value {
        Value::String(text) => Some(text),
        Value::Null => None,
        other => Some(other.to_string()),
    });
    // The catalogue should not depend on the order in which a disk is read.
    values.collect::<BTreeSet<String>>().into_iter().collect()
}

fn check_placeholders(names: &[String], parameters: &[Parameter], faults: &mut Vec<String>) {
    let mut declared: BTreeSet<&str> = BTreeSet::new();
    for parameter in parameters {
        match parameter.kind {
            ParameterKind::Window => declared.extend(["since", "until"]),
            _ => {
                declared.insert(&parameter.name);
            }
        }
    }
    for name in distinct(names) {
        if !declared.contains(name.as_str()) {
            faults.push(format!(
                "its statement uses `:{name}`, which is no parameter"
            ));
        }
    }
    for parameter in parameters {
        let is_used = match parameter.kind {
            ParameterKind::Window => names.iter().any(|name| name == "since" || name == "until"),
            _ => names.contains(&parameter.name),
        };
        if !is_used {
            faults.push(format!(
                "parameter `{}` is not used in its statement",
                parameter.name
            ));
        }
    }
}

/// Each name once, in the order of the statement.
fn distinct(names: &[String]) -> impl Iterator<Item = &String> {
    let known = |(at, name): &(usize, &String)| !names[..*at].contains(name);
    names.iter().enumerate().filter(known).map(|(_, name)| name)
}

fn parse_template(key: &str, text: &str, faults: &mut Vec<String>) -> Option<Template> {
    match Template::parse(text) {
        Ok(template) => Some(template),
        Err(problem) => {
            faults.push(format!("`{key}` {problem}"));
            None
        }
    }
}

/// `None` where the database can't say now.
async fn ask_columns(
    query: &NamedQuery,
    loading: &mut Loading<'_>,
    faults: &mut Vec<String>,
) -> Option<Vec<String>> {
    if !loading.reachable {
        return None;
    }
    let mut nulls = Arguments::default();
    for parameter in &query.spec.parameters {
        nulls.add_null(parameter);
    }
    match loading
        .database
        .columns(&query.sql, &query.bound(&nulls))
        .await
    {
        Ok(columns) => Some(columns),
        Err(error) => {
            note("its statement", error, loading, faults);
            None
        }
    }
}

fn check_slots(query: &NamedQuery, columns: Option<&[String]>, faults: &mut Vec<String>) {
    let parameters = &query.spec.parameters;
    let has_window = parameters.iter().any(|p| p.kind == ParameterKind::Window);
    let is_argument = |slot: &str| {
        slot == "rows"
            || (slot == "period" && has_window)
            || parameters.iter().any(|parameter| parameter.name == slot)
    };
    let is_column = |slot: &str| columns.is_none_or(|columns| columns.iter().any(|c| c == slot));
    for slot in query
        .sentences
        .lead
        .slots()
        .filter(|slot| !is_argument(slot) && !is_column(slot))
    {
        faults.push(format!(
            "`lead` has `{{{slot}}}`, which is neither an argument nor a column"
        ));
    }
    for slot in query
        .sentences
        .empty
        .slots()
        .filter(|slot| !is_argument(slot))
    {
        faults.push(format!("`empty` has `{{{slot}}}`, which is no argument"));
    }
}

/// A database that is down is no fault of the query.
fn note(what: &str, error: ToolError, loading: &mut Loading<'_>, faults: &mut Vec<String>) {
    match &error {
        ToolError::Down { .. } => {
            let name = &loading.database.name;
            tracing::warn!(
                database = name,
                "Database `{name}` can't be reached; its queries are not checked"
            );
            loading.reachable = false;
        }
        _ => {
            faults.push(format!("{what}: {}", with_causes(&error)));
        }
    }
}

fn argument_text(argument: &Argument) -> String {
    let text = match argument {
        Argument::Text(value) => value
            .as_ref()
            .map(|text| format!("'{}'", text.replace('\n', " "))),
        Argument::Integer(value) => value.map(|number| number.to_string()),
        Argument::Number(value) => value.map(|number| number.to_string()),
        Argument::Boolean(value) => value.map(|flag| flag.to_string()),
        Argument::Time(value) => value.map(|time| time.format("'%Y-%m-%d %H:%M:%S'").to_string()),
    };
    text.unwrap_or_else(|| "NULL".into())
}
