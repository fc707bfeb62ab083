//! An operation with its arguments as an address and headers.
//!
//! Promise: a value fills its place and changes nothing beside it. In the path
//! everything is percent-encoded, and a value that would lead elsewhere even
//! when a server decodes it again is refused.

use super::{
    operation::{Operation, slots},
    parameter::{List, Place, Sent},
};
use crate::tools::arguments::{Argument, Arguments};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use reqwest::{
    Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use std::collections::BTreeMap;

/// All but what RFC 3986 leaves unreserved.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Longer addresses are refused by most servers.
const MAX_URL_BYTES: usize = 8_192;

/// Values of one list.
const MAX_VALUES: usize = 100;

/// How often a server might decode a path before it reads it.
const DECODINGS: usize = 3;

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub url: Url,
    pub headers: HeaderMap,
    /// The call says itself which page it wants, or how much of it.
    pub one_page: bool,
    /// Parameters that the API fills itself: they were not given, or as it has them.
    pub unsent: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BadValue {
    pub argument: String,
    pub problem: String,
}

/// The arguments were checked against what the operation accepts.
pub(super) fn build(
    base: &Url,
    operation: &Operation,
    arguments: &Arguments,
) -> Result<Request, BadValue> {
    let mut in_path: BTreeMap<&str, String> = BTreeMap::new();
    let mut query: Vec<String> = Vec::new();
    let mut headers = HeaderMap::new();
    let mut one_page = false;
    let mut unsent = Vec::new();
    for sent in &operation.parameters {
        let bad = |problem: String| BadValue {
            argument: sent.spec.name.clone(),
            problem,
        };
        let argument = arguments.bound.get(&sent.spec.name);
        let argument =
            argument.filter(|argument| !(sent.spec.optional && is_default(sent, argument)));
        let values = match argument {
            Some(argument) => values(sent, argument).map_err(bad)?,
            None => Vec::new(),
        };
        if values.is_empty() {
            if !sent.spec.optional {
                return Err(bad("is missing".into()));
            }
            unsent.push(sent.spec.name.clone());
            continue;
        }
        one_page |= sent.turns_pages() || sent.sizes_pages();
        match sent.place {
            Place::Path => {
                for value in &values {
                    check_path_value(value).map_err(bad)?;
                }
                in_path.insert(&sent.wire, joined(&values, sent.list, encode));
            }
            Place::Query => {
                let name = encode(&sent.wire);
                match sent.list {
                    Some(List::Repeated) => query.extend(
                        values
                            .iter()
                            .map(|value| format!("{name}={}", encode(value))),
                    ),
                    list => query.push(format!("{name}={}", joined(&values, list, encode))),
                }
            }
            Place::Header => {
                let text = joined(&values, sent.list, str::to_string);
                let value = HeaderValue::from_str(&text)
                    .map_err(|_| bad("can't be sent in a header".into()))?;
                let name = HeaderName::from_bytes(sent.wire.as_bytes())
                    .map_err(|_| bad("is no header".into()))?;
                headers.insert(name, value);
            }
        }
    }
    let whole = |problem: &str| BadValue {
        argument: operation.name.clone(),
        problem: problem.into(),
    };
    let mut url = base.clone();
    let path = format!(
        "{}/{}",
        base.path().trim_end_matches('/'),
        fill(&operation.path, &in_path)
    );
    url.set_path(&path);
    url.set_query((!query.is_empty()).then(|| query.join("&")).as_deref());
    if url.path().split('/').count() != path.split('/').count() {
        return Err(whole("makes a path that leads elsewhere"));
    }
    if url.as_str().len() > MAX_URL_BYTES {
        return Err(whole("makes an address that is too long"));
    }
    Ok(Request {
        url,
        headers,
        one_page,
        unsent,
    })
}

/// What the API would do anyway is not said: documents are wrong about defaults.
fn is_default(sent: &Sent, argument: &Argument) -> bool {
    let Some(default) = &sent.spec.default else {
        return false;
    };
    let accepted = sent.accepted();
    let mut arguments = Arguments::default();
    arguments
        .add(&accepted, default, DateTime::<Utc>::UNIX_EPOCH, Tz::UTC)
        .is_ok()
        && arguments.bound.get(&accepted.name) == Some(argument)
}

/// The values as texts; none where nothing is given.
fn values(sent: &Sent, argument: &Argument) -> Result<Vec<String>, String> {
    if sent.list.is_none() {
        return Ok(sent.item.written(argument)?.into_iter().collect());
    }
    let Argument::Text(Some(text)) = argument else {
        return Ok(Vec::new());
    };
    let texts: Vec<&str> = text
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .collect();
    if texts.len() > MAX_VALUES {
        return Err(format!("has more than {MAX_VALUES} values"));
    }
    texts.into_iter().map(|text| sent.item.read(text)).collect()
}

fn joined(values: &[String], list: Option<List>, write: impl Fn(&str) -> String) -> String {
    let between = match list {
        Some(List::Joined(between)) => between,
        _ => ",",
    };
    values
        .iter()
        .map(|value| write(value))
        .collect::<Vec<_>>()
        .join(between)
}

/// As one value of an address, whatever it holds.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// A value names one thing. Encoded it is harmless; a server that decodes it
/// too early must not be led up a folder either.
fn check_path_value(value: &str) -> Result<(), String> {
    if value.is_empty() {
        return Err("is missing".into());
    }
    let mut text = value.to_string();
    for _ in 0..=DECODINGS {
        if text.chars().any(char::is_control) {
            return Err("has control characters".into());
        }
        if text
            .split(['/', '\\', ';'])
            .any(|part| matches!(part.trim(), "." | ".."))
        {
            return Err("leads to another path".into());
        }
        text = percent_decode_str(&text).decode_utf8_lossy().into_owned();
    }
    Ok(())
}

/// The path without its first slash.
fn fill(path: &str, values: &BTreeMap<&str, String>) -> String {
    let mut filled = path.trim_start_matches('/').to_string();
    for name in slots(path) {
        if let Some(value) = values.get(name) {
            filled = filled.replacen(&format!("{{{name}}}"), value, 1);
        }
    }
    filled
}
