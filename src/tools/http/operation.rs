//! The GET operations of a document: which can be called, and why the others can't.

use super::{
    aliases::Aliases,
    document::{Document, Get, server_of},
    naming::{one_line, snake_case},
    parameter::{Place, Reading, Sent, is_true, read, undeclared},
    records::{gives, takes},
};
use crate::{
    config::ApiAuth,
    domain::{Chain, ToolKind, ToolSpec},
};
use serde_json::Value;
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
pub(super) struct Operation {
    /// As the document names it.
    pub id: Option<String>,
    /// Made of the id, or of method and path.
    pub name: String,
    /// One short line.
    pub summary: String,
    pub description: String,
    /// What it does in other words for its records.
    pub synonyms: Vec<String>,
    /// As the document has it: `/users/{id}`.
    pub path: String,
    pub parameters: Vec<Sent>,
    /// How its calls lead to others; the API's name is still to be given.
    pub chain: Chain,
}

/// An operation that can't be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Left {
    pub id: Option<String>,
    pub name: String,
    pub why: String,
}

impl Operation {
    /// Whether a person means this operation by `name`.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.name == name || self.id.as_deref() == Some(name)
    }

    /// What a planner may fill.
    pub(super) fn spec(&self, name: &str, examples: &[String]) -> ToolSpec {
        let planned = self.parameters.iter().filter(|sent| !sent.turns_pages());
        ToolSpec {
            name: name.into(),
            description: self.description.clone(),
            kind: ToolKind::Api,
            parameters: planned.map(|sent| sent.spec.clone()).collect(),
            examples: examples.to_vec(),
            synonyms: self.synonyms.clone(),
            chain: None,
        }
    }

    /// What a call may hold.
    pub(super) fn accepts(&self, name: &str) -> ToolSpec {
        ToolSpec {
            parameters: self.parameters.iter().map(Sent::accepted).collect(),
            ..self.spec(name, &[])
        }
    }
}

/// Reads every GET operation, in the document's order.
pub(super) fn read_all(
    document: &Document,
    auth: Option<&ApiAuth>,
) -> Vec<Result<Operation, Left>> {
    let mut names = BTreeSet::new();
    let mut found = Vec::new();
    for get in document.gets() {
        let mut read = match get {
            Ok(get) => read_one(document, &get, auth),
            Err((path, error)) => {
                let name = snake_case(&format!("get {path}"));
                Err(Left {
                    id: None,
                    name,
                    why: error.to_string(),
                })
            }
        };
        if let Ok(operation) = &mut read
            && !names.insert(operation.name.clone())
        {
            // Two operations of one id: the path tells them apart.
            operation.name = free(snake_case(&format!("get {}", operation.path)), &names);
            names.insert(operation.name.clone());
        }
        found.push(read);
    }
    let operations: Vec<&Operation> = found.iter().flatten().collect();
    let aliases = Aliases::of(&operations);
    for operation in found.iter_mut().flatten() {
        operation.synonyms = aliases.reworded(&operation.description);
    }
    found
}

fn read_one(document: &Document, get: &Get<'_>, auth: Option<&ApiAuth>) -> Result<Operation, Left> {
    let text = |key: &str| {
        get.operation
            .get(key)
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|text| !text.is_empty())
    };
    let id = text("operationId").map(String::from);
    let by_path = || snake_case(&format!("get {}", get.path));
    let name = id
        .as_deref()
        .map(snake_case)
        .filter(|name| !name.is_empty())
        .unwrap_or_else(by_path);
    let left = |why: String| Left {
        id: id.clone(),
        name: name.clone(),
        why,
    };
    if get.path.contains(['?', '#']) {
        return Err(left("its path has a `?` or `#`".into()));
    }
    let own_server = server_of(get.operation.get("servers")).or(server_of(get.item.get("servers")));
    if own_server.is_some() && own_server != document.server() {
        return Err(left("it has a server of its own".into()));
    }
    if let Some(body) = get.operation.get("requestBody") {
        let body = document
            .resolve(body)
            .map_err(|error| left(error.to_string()))?;
        if is_true(body.get("required")) {
            return Err(left("it needs a body".into()));
        }
    }
    let parameters = parameters(document, get, auth).map_err(left)?;
    let summary = text("summary")
        .map(one_line)
        .unwrap_or_else(|| name.replace('_', " "));
    let summary = summary.trim_end_matches('.').to_string();
    let first = text("description")
        .map(first_paragraph)
        .map(|text| one_line(&text))
        .unwrap_or_default();
    let description = match first.starts_with(&summary) || first.is_empty() {
        true if first.is_empty() => summary.clone(),
        true => first,
        false => format!("{summary}. {first}"),
    };
    Ok(Operation {
        id,
        name,
        summary,
        description,
        synonyms: Vec::new(),
        path: get.path.to_string(),
        chain: chain(document, get, &parameters),
        parameters,
    })
}

fn chain(document: &Document, get: &Get<'_>, parameters: &[Sent]) -> Chain {
    let (gives, fields) = gives(document, get);
    let mut words: Vec<String> = get
        .path
        .split('/')
        .filter(|segment| !segment.contains('{'))
        .map(snake_case)
        .chain(fields)
        .filter(|word| !word.is_empty())
        .collect();
    words.dedup();
    Chain {
        api: String::new(),
        takes: takes(get.path, parameters),
        gives,
        words,
    }
}

fn first_paragraph(text: &str) -> String {
    text.split("\n\n").next().unwrap_or(text).to_string()
}

/// Those of the path first, replaced by the operation's own of the same name
/// and place; every value in the path is among them.
fn parameters(
    document: &Document,
    get: &Get<'_>,
    auth: Option<&ApiAuth>,
) -> Result<Vec<Sent>, String> {
    let mut found: Vec<Sent> = Vec::new();
    for raw in listed(get.item.get("parameters")).chain(listed(get.operation.get("parameters"))) {
        match read(document, raw, get.path, auth) {
            Some(Reading::Sent(sent)) => {
                found.retain(|known| (&known.wire, known.place) != (&sent.wire, sent.place));
                found.push(*sent);
            }
            Some(Reading::Left {
                name,
                required: true,
                why,
            }) => {
                return Err(format!("it needs `{name}`, which {why}"));
            }
            Some(Reading::Unreadable(error)) => return Err(error.to_string()),
            Some(Reading::Credential {
                name,
                required: true,
            }) if auth.is_none() => {
                return Err(format!("it needs the secret `{name}`: configure `auth`"));
            }
            Some(Reading::Left { .. } | Reading::Credential { .. }) | None => {}
        }
    }
    for wire in slots(get.path) {
        if !found
            .iter()
            .any(|known| known.place == Place::Path && known.wire == wire)
        {
            found.push(undeclared(wire));
        }
    }
    let mut names = BTreeSet::new();
    for sent in &mut found {
        let name = match snake_case(&sent.wire) {
            name if name.is_empty() => "value".to_string(),
            name => name,
        };
        sent.spec.name = free(name, &names);
        names.insert(sent.spec.name.clone());
    }
    Ok(found)
}

/// Sloppy documents have an object in place of the list.
fn listed(parameters: Option<&Value>) -> Box<dyn Iterator<Item = &Value> + '_> {
    match parameters {
        Some(Value::Array(list)) => Box::new(list.iter()),
        Some(Value::Object(fields)) => Box::new(fields.values()),
        _ => Box::new(std::iter::empty()),
    }
}

/// The names in braces of a path.
pub(super) fn slots(path: &str) -> impl Iterator<Item = &str> {
    path.split('{')
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('}')?.0))
}

/// `name`, or `name_2` where that is taken.
fn free(name: String, taken: &BTreeSet<String>) -> String {
    if !taken.contains(&name) {
        return name;
    }
    (2_usize..)
        .map(|n| format!("{name}_{n}"))
        .find(|name| !taken.contains(name))
        .unwrap_or(name)
}
