//! `[[log]]`: where the company's services write what they do.

use super::{ApiAuth, load::Faults, sections::everyone};
use serde::Deserialize;
use std::path::PathBuf;

/// A log server, or files, that questions are answered from.
#[derive(Clone, Debug, Deserialize)]
pub struct LogEntry {
    /// Lower-case letters, digits and `_`: its tools are called `NAME_counts` and so on.
    pub name: String,
    pub kind: LogKind,
    /// Of a server, without the path of its interface: `http://loki:3100`.
    #[serde(default)]
    pub url: Option<String>,
    /// How the server knows us: bearer, basic, or a header.
    #[serde(default)]
    pub auth: Option<ApiAuth>,
    /// Of Loki with several tenants: sent as `X-Scope-OrgID`.
    #[serde(default)]
    pub tenant: Option<String>,
    /// Of Elasticsearch and OpenSearch: `logs-*`, several with commas.
    #[serde(default)]
    pub index: Option<String>,
    /// Of files: patterns such as `logs/*.jsonl*`, relative to the configuration file.
    #[serde(default)]
    pub paths: Vec<String>,
    #[serde(default)]
    pub fields: LogFields,
    /// Of Loki: how its lines are written, where fields stand in them and not in labels.
    #[serde(default)]
    pub parser: Option<LineFormat>,
    /// Of files: the time zone of times that name no offset.
    #[serde(default = "utc")]
    pub time_zone: chrono_tz::Tz,
    /// Empty: read from the source at start.
    #[serde(default)]
    pub services: Vec<String>,
    /// Levels that people ask for; each stands for its other spellings too.
    #[serde(default = "levels")]
    pub levels: Vec<String>,
    /// Groups that may ask.
    #[serde(default = "everyone")]
    pub audience: Vec<String>,
    /// The longest span of time that one question may look at.
    #[serde(default = "a_week")]
    pub max_hours: u32,
    pub description: String,
    #[serde(default)]
    pub examples: LogExamples,
    /// The folder of the configuration file.
    #[serde(skip)]
    pub folder: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogKind {
    Loki,
    /// OpenSearch too.
    Elasticsearch,
    Files,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineFormat {
    Json,
    Logfmt,
}

/// What the source calls these. What is not given has the name that is usual there.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LogFields {
    pub time: Option<String>,
    pub level: Option<String>,
    /// Files have none by default: the file's name is the service.
    pub service: Option<String>,
    pub message: Option<String>,
}

/// Questions in the way people type them, for each of the three tools.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LogExamples {
    pub counts: Vec<String>,
    pub patterns: Vec<String>,
    pub lines: Vec<String>,
}

fn utc() -> chrono_tz::Tz {
    chrono_tz::UTC
}

fn levels() -> Vec<String> {
    ["fatal", "error", "warning", "info", "debug"]
        .map(String::from)
        .to_vec()
}

fn a_week() -> u32 {
    168
}

/// A hundred years: old logs may be looked at too.
const MAX_HOURS: u32 = 876_000;

/// Adds a fault for each thing that serde can't see.
pub(super) fn check(file: &str, entry: &LogEntry, faults: &mut Faults) {
    let mut fault =
        |problem: String| faults.add(format!("{file}: `[[log]]` {}: {problem}", entry.name));
    let sound = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if entry.name.is_empty() || !entry.name.chars().all(sound) {
        fault("`name` has other signs than lower-case letters, digits and `_`".into());
    }
    let is_server = entry.kind != LogKind::Files;
    let only = |given: bool, key: &str, wanted: bool, needed: bool| match (given, wanted) {
        (true, false) => Some(format!("`{key}` has no meaning for this kind")),
        (false, true) if needed => Some(format!("`{key}` is missing")),
        _ => None,
    };
    let is_elastic = entry.kind == LogKind::Elasticsearch;
    let problems = [
        only(entry.auth.is_some(), "auth", is_server, false),
        only(
            entry.tenant.is_some(),
            "tenant",
            entry.kind == LogKind::Loki,
            false,
        ),
        only(entry.url.is_some(), "url", is_server, true),
        only(!entry.paths.is_empty(), "paths", !is_server, true),
        only(entry.index.is_some(), "index", is_elastic, true),
        only(
            entry.parser.is_some(),
            "parser",
            entry.kind == LogKind::Loki,
            false,
        ),
    ];
    problems.into_iter().flatten().for_each(&mut fault);
    if !(1..=MAX_HOURS).contains(&entry.max_hours) {
        let hours = entry.max_hours;
        fault(format!("`max_hours` is {hours}, expected 1 to {MAX_HOURS}"));
    }
    if let Some(ApiAuth::Query { .. }) = entry.auth {
        fault("`auth`: no log server takes its secret in the address".into());
    }
}
