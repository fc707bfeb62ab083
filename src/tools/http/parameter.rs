//! One parameter of an operation: what the catalogue says of it, and how it is sent.

use super::{
    document::{Document, RefError, Version},
    item::Item,
    naming::one_line,
    schema::{Shape, Unfit, scalar_text, shape},
};
use crate::{
    config::ApiAuth,
    domain::{Parameter, ParameterKind},
    tools::arguments::Arguments,
};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use reqwest::header::HeaderName;
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sent {
    /// As the API spells it.
    pub wire: String,
    pub place: Place,
    pub item: Item,
    pub list: Option<List>,
    /// As the catalogue has it.
    pub spec: Parameter,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Path,
    Query,
    Header,
}

/// How several values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    /// `status=open&status=closed`
    Repeated,
    /// `status=open,closed`, already written for an address.
    Joined(&'static str),
}

/// What a parameter of the document comes to.
pub(super) enum Reading {
    Sent(Box<Sent>),
    /// It can't be sent; where it is required, neither can its operation.
    Left {
        name: String,
        required: bool,
        why: String,
    },
    Unreadable(RefError),
    /// It would carry the secret: nobody is asked for it.
    Credential {
        name: String,
        required: bool,
    },
}

/// Headers that are not an argument's business: the message's own, and those
/// that say who asks. `Accept`, `Content-Type` and `Authorization` are left
/// out by the standard.
const OWN_HEADERS: [&str; 20] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "origin",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// Parameters that hold a secret by their name.
const CREDENTIALS: [&str; 12] = [
    "access_token",
    "api_key",
    "apikey",
    "api_token",
    "app_key",
    "auth_token",
    "client_secret",
    "key_secret",
    "password",
    "secret",
    "token",
    "x_api_key",
];

/// Reads one parameter; its name in the catalogue is still to be given.
pub(super) fn read(
    document: &Document,
    raw: &Value,
    path: &str,
    auth: Option<&ApiAuth>,
) -> Option<Reading> {
    let raw = match document.resolve(raw) {
        Ok(raw) => raw,
        // Whether it is required stands where nobody can read it.
        Err(error) => return Some(Reading::Unreadable(error)),
    };
    let wire = raw.get("name")?.as_str()?.trim().to_string();
    let in_path = path.contains(&format!("{{{wire}}}"));
    let given = raw.get("in").and_then(Value::as_str).map(str::to_lowercase);
    let given = given.unwrap_or_else(|| {
        if in_path {
            "path".into()
        } else {
            "query".into()
        }
    });
    let required = is_true(raw.get("required"));
    let left = |why: &str| {
        Some(Reading::Left {
            name: wire.clone(),
            required,
            why: why.into(),
        })
    };
    let place = match given.as_str() {
        "path" if in_path => Place::Path,
        // It is declared for a path that does not have it.
        "path" => return None,
        "query" => Place::Query,
        "header" => Place::Header,
        "body" | "formdata" => return left("is sent in a body"),
        "cookie" => return left("is a cookie"),
        other => return left(&format!("is sent in `{other}`")),
    };
    if place != Place::Path && is_credential(&wire, place, auth) {
        return Some(Reading::Credential {
            name: wire,
            required,
        });
    }
    if place == Place::Header {
        if is_own_header(&wire) {
            return None;
        }
        if HeaderName::from_bytes(wire.as_bytes()).is_err() {
            return left("is no name of a header");
        }
    }
    // OpenAPI 3 has a schema, Swagger 2 writes it into the parameter itself.
    let schema = match raw.get("schema") {
        Some(schema) => schema,
        None if raw.get("content").is_some() => return left("is a document of its own"),
        None => raw,
    };
    let (item, list) = match shape(document, schema) {
        Ok(Shape::One(item)) => (item, None),
        Ok(Shape::List(item)) => match list_of(document, raw, place) {
            Some(list) => (item, Some(list)),
            None => return left("is a list in a form that is not known"),
        },
        Err(unfit @ (Unfit::Object | Unfit::Nested | Unfit::File | Unfit::Depth)) => {
            return left(&unfit.to_string());
        }
        Err(Unfit::Reference(error)) => {
            return left(&format!("has a reference that leads nowhere: {error}"));
        }
    };
    let schema = document.resolve(schema).unwrap_or(schema);
    let words = [raw, schema]
        .into_iter()
        .find_map(|value| value.get("description")?.as_str());
    let spec = Parameter {
        name: String::new(),
        kind: kind_in_catalogue(&item, list),
        default: None,
        optional: place != Place::Path && !required,
        description: one_line(words.unwrap_or("")),
    };
    let mut sent = Sent {
        wire,
        place,
        item,
        list,
        spec,
    };
    let default = [raw, schema]
        .into_iter()
        .find_map(|value| value.get("default"));
    sent.spec.default = default.and_then(|default| sent.fitting(default));
    Some(Reading::Sent(Box::new(sent)))
}

/// What stands in the path and is declared nowhere.
pub(super) fn undeclared(wire: &str) -> Sent {
    Sent {
        wire: wire.into(),
        place: Place::Path,
        item: Item::text(),
        list: None,
        spec: Parameter {
            name: String::new(),
            kind: ParameterKind::Text,
            default: None,
            optional: false,
            description: String::new(),
        },
    }
}

/// Of a list, a planner picks one value where they are known.
fn kind_in_catalogue(item: &Item, list: Option<List>) -> ParameterKind {
    match (&item.kind, list) {
        (kind @ ParameterKind::Choice { .. }, _) | (kind, None) => kind.clone(),
        (_, Some(_)) => ParameterKind::Text,
    }
}

impl Sent {
    /// The parameter as a call may fill it: several values of a list as one text.
    pub(super) fn accepted(&self) -> Parameter {
        match self.list {
            Some(_) => Parameter {
                kind: ParameterKind::Text,
                ..self.spec.clone()
            },
            None => self.spec.clone(),
        }
    }

    /// Where on a page of results to go on, or how much to put on one: what a
    /// person does not ask for, and a number in a question would be taken for.
    pub(super) fn turns_pages(&self) -> bool {
        const NAMES: [&str; 22] = [
            "after",
            "before",
            "cursor",
            "end_cursor",
            "ending_before",
            "max_results",
            "next_cursor",
            "next_page_token",
            "next_token",
            "offset",
            "page",
            "page_limit",
            "page_number",
            "page_size",
            "page_token",
            "per_page",
            "skip",
            "start_cursor",
            "start_index",
            "starting_after",
            "continuation_token",
            "marker",
        ];
        self.spec.optional && NAMES.contains(&self.spec.name.as_str())
    }

    /// Says how many rows there are to be.
    pub(super) fn sizes_pages(&self) -> bool {
        [
            "limit",
            "count",
            "max_results",
            "page_limit",
            "page_size",
            "per_page",
            "top",
        ]
        .contains(&self.spec.name.as_str())
    }

    /// A default that a call could give; documents have others too.
    fn fitting(&self, default: &Value) -> Option<Value> {
        let text = match default {
            Value::Array(values) => {
                let texts: Option<Vec<String>> = values.iter().map(scalar_text).collect();
                texts?.join(",")
            }
            other => scalar_text(other)?,
        };
        if self.list.is_some() {
            let single = matches!(self.spec.kind, ParameterKind::Choice { .. });
            let fits = !text.is_empty() && text.split(',').all(|one| self.item.read(one).is_ok());
            return (fits && !(single && text.contains(','))).then(|| Value::from(text));
        }
        let mut arguments = Arguments::default();
        arguments
            .add(&self.spec, default, DateTime::<Utc>::UNIX_EPOCH, Tz::UTC)
            .ok()?;
        let fits = arguments
            .bound
            .get(&self.spec.name)
            .is_some_and(|argument| self.item.written(argument).is_ok());
        (fits && !text.is_empty()).then(|| default.clone())
    }
}

/// How a list is written: `style` and `explode` of OpenAPI 3, `collectionFormat` of Swagger 2.
fn list_of(document: &Document, raw: &Value, place: Place) -> Option<List> {
    let text = |key: &str| raw.get(key).and_then(Value::as_str);
    let joined = |between| Some(List::Joined(between));
    if document.version == Version::Swagger2 {
        return match text("collectionFormat").unwrap_or("csv") {
            "multi" if place == Place::Query => Some(List::Repeated),
            "csv" => joined(","),
            "ssv" => joined("%20"),
            "tsv" => joined("%09"),
            "pipes" => joined("%7C"),
            _ => None,
        };
    }
    if place != Place::Query {
        return matches!(text("style"), None | Some("simple")).then_some(List::Joined(","));
    }
    let style = text("style").unwrap_or("form");
    let explode = raw
        .get("explode")
        .map_or(style == "form", |value| is_true(Some(value)));
    match style {
        "form" | "spaceDelimited" | "pipeDelimited" if explode => Some(List::Repeated),
        "form" => joined(","),
        "spaceDelimited" => joined("%20"),
        "pipeDelimited" => joined("%7C"),
        _ => None,
    }
}

/// `true`, or `"true"` as sloppy documents have it.
pub(super) fn is_true(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => text.trim().eq_ignore_ascii_case("true"),
        _ => false,
    }
}

fn is_credential(wire: &str, place: Place, auth: Option<&ApiAuth>) -> bool {
    let is_ours = match (auth, place) {
        (Some(ApiAuth::Header { name, .. }), Place::Header) => name.eq_ignore_ascii_case(wire),
        (Some(ApiAuth::Query { name, .. }), Place::Query) => name == wire,
        _ => false,
    };
    is_ours || CREDENTIALS.contains(&super::naming::snake_case(wire).as_str())
}

fn is_own_header(wire: &str) -> bool {
    let name = wire.to_ascii_lowercase();
    OWN_HEADERS.contains(&name.as_str())
        || ["proxy-", "sec-", "x-forwarded", "x-original-", "x-rewrite-"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
}
