//! The three tools of a log source: how many lines, the most frequent
//! messages, the newest lines.
//!
//! Three and not one with a choice: the router tells tools by their examples,
//! and "how many" is seldom worded like "show me".

use super::{
    ask::Asked, backend::Group, level::canonical, line::harmless, patterns::Pattern,
    source::LogSource,
};
use crate::{
    domain::{
        Audience, Parameter, ParameterKind, Rows, ToolKind, ToolSpec,
        reply::{self, LogScope},
    },
    ports::ToolError,
    tools::{
        arguments::{Argument, Arguments},
        limits::{CappedRows, Limits},
        template::readable,
        tool::{Outcome, Tool},
    },
};
use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// Rows of a count; the rest is one row more.
const GROUPS: usize = 30;
/// Patterns that are shown.
const PATTERNS: usize = 15;
/// Lines that are shown.
const LINES: usize = 20;
/// Spans of time in a breakdown, at most.
const SPANS: i64 = 24;
/// Characters of a template in a row, and in a sentence.
const TEMPLATE_CHARS: usize = 200;
const QUOTE_CHARS: usize = 120;
/// What a service or level is called that a line does not name.
const NAMELESS: &str = "(none)";
const OTHERS: &str = "(others)";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Counts,
    Patterns,
    Lines,
}

struct LogTool {
    spec: ToolSpec,
    source: Arc<LogSource>,
    what: What,
}

/// The tools of a source, `NAME_counts`, `NAME_patterns` and `NAME_lines`.
pub fn log_tools(source: &Arc<LogSource>) -> Vec<Box<dyn Tool>> {
    let examples = &source.entry.examples;
    [
        (What::Counts, &examples.counts),
        (What::Patterns, &examples.patterns),
        (What::Lines, &examples.lines),
    ]
    .map(|(what, examples)| Box::new(LogTool::new(source, what, examples)) as Box<dyn Tool>)
    .into()
}

impl What {
    fn name(self) -> &'static str {
        match self {
            What::Counts => "counts",
            What::Patterns => "patterns",
            What::Lines => "lines",
        }
    }

    /// The words that tell it from the other two, which speak of the same things.
    fn description(self) -> &'static str {
        match self {
            What::Counts => {
                "How many: the number, count and volume of errors, by service and level"
            }
            What::Patterns => {
                "The top, main and most common errors: which messages come most often, broken down by kind"
            }
            What::Lines => "Show the latest errors: the last, newest and most recent lines, listed",
        }
    }
}

impl LogTool {
    fn new(source: &Arc<LogSource>, what: What, examples: &[String]) -> Self {
        let entry = &source.entry;
        Self {
            spec: ToolSpec {
                name: format!("{}_{}", entry.name, what.name()),
                description: format!("{}: {}", what.description(), entry.description),
                kind: ToolKind::Logs,
                parameters: parameters(source),
                examples: examples.to_vec(),
                synonyms: Vec::new(),
                chain: None,
            },
            source: source.clone(),
            what,
        }
    }
}

fn parameters(source: &LogSource) -> Vec<Parameter> {
    let parameter = |name: &str, kind, default: Option<Value>, words: &str| Parameter {
        name: name.into(),
        kind,
        optional: default.is_none(),
        default,
        description: words.into(),
    };
    let choice = |values: &[String]| ParameterKind::Choice {
        values: values.to_vec(),
    };
    vec![
        parameter(
            "service",
            choice(&source.services),
            None,
            "The service that wrote the lines",
        ),
        parameter("level", choice(&source.entry.levels), None, "How bad it is"),
        parameter(
            "pattern",
            ParameterKind::Text,
            None,
            "Words that must occur in a line",
        ),
        parameter(
            "period",
            ParameterKind::Window,
            Some(json!(default_period(source.entry.max_hours))),
            "The span of time",
        ),
    ]
}

fn default_period(max_hours: u32) -> String {
    format!("{}h", max_hours.min(24))
}

#[async_trait]
impl Tool for LogTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn source(&self) -> &str {
        &self.source.name
    }

    fn audience(&self) -> &Audience {
        &self.source.audience
    }

    async fn run(&self, arguments: &Arguments) -> Result<Outcome, ToolError> {
        let asked = self.asked(arguments)?;
        let scope = LogScope {
            service: asked.service.clone(),
            level: asked.level.as_deref().map(canonical),
            pattern: arguments
                .shown
                .get("pattern")
                .map(|text| harmless(text, QUOTE_CHARS)),
            period: arguments.shown.get("period").cloned().unwrap_or_default(),
        };
        let (rows, lead) = self.source.within(self.answer(&asked, &scope)).await?;
        let lead = match rows.rows.is_empty() {
            true => reply::log_no_data(&scope),
            false => lead,
        };
        Ok(Outcome {
            statement: self
                .source
                .backend
                .statement(&asked, self.what == What::Counts),
            rows: capped(rows, self.source.limits),
            lead,
            bodies: Vec::new(),
        })
    }
}

impl LogTool {
    fn asked(&self, arguments: &Arguments) -> Result<Asked, ToolError> {
        let bad = |problem: String| ToolError::BadArgument {
            tool: self.spec.name.clone(),
            argument: "period".into(),
            problem,
        };
        let text = |name: &str| match arguments.bound.get(name) {
            Some(Argument::Text(Some(text))) => Some(text.clone()),
            _ => None,
        };
        let time = |name: &str| match arguments.bound.get(name) {
            Some(Argument::Time(Some(time))) => Ok(*time),
            _ => Err(bad("is missing".into())),
        };
        let (since, until) = (time("since")?, time("until")?);
        self.source.check_span(since, until).map_err(bad)?;
        let words = text("pattern").unwrap_or_default();
        Ok(Asked {
            service: text("service"),
            level: text("level"),
            words: words.split_whitespace().map(String::from).collect(),
            since,
            until,
        })
    }

    async fn answer(&self, asked: &Asked, scope: &LogScope) -> Result<(Rows, String), ToolError> {
        match self.what {
            What::Counts => self.counts(asked, scope).await,
            What::Patterns => self.patterns(asked, scope).await,
            What::Lines => self.lines(asked, scope).await,
        }
    }

    /// By service and level; one alone, over time.
    async fn counts(&self, asked: &Asked, scope: &LogScope) -> Result<(Rows, String), ToolError> {
        let groups = merged(self.source.backend.counts(asked).await?);
        let total: u64 = groups.iter().map(|group| group.lines).sum();
        if groups.len() == 1 {
            let length = span_length(asked.until - asked.since);
            let spans = self.source.backend.buckets(asked, length).await?;
            // Lines may have come between the two questions: the sum is that of the rows.
            let total: u64 = spans.iter().map(|(_, lines)| lines).sum();
            let most = spans.iter().max_by_key(|(_, lines)| *lines);
            let tail = most.filter(|_| spans.len() > 1).map(|(begin, lines)| {
                reply::log_most_at(&number(*lines), &begin.format("%-d %B, %H:%M").to_string())
            });
            let (service, level) = (&groups[0].service, &groups[0].level);
            let row = |(begin, lines): &(DateTime<Utc>, u64)| {
                vec![
                    begin.to_rfc3339_opts(SecondsFormat::Secs, true).into(),
                    service.clone().into(),
                    level.clone().into(),
                    (*lines).into(),
                ]
            };
            let rows = table(
                &["from", "service", "level", "lines"],
                spans.iter().map(row).collect(),
            );
            return Ok((
                rows,
                reply::log_count(scope, &number(total), total == 1, tail),
            ));
        }
        let tail = largest(&groups, scope);
        let (shown, rest) = groups.split_at(groups.len().min(GROUPS));
        let row = |group: &Group| {
            vec![
                harmless(&group.service, TEMPLATE_CHARS).into(),
                harmless(&group.level, TEMPLATE_CHARS).into(),
                group.lines.into(),
            ]
        };
        let mut rows: Vec<Vec<Value>> = shown.iter().map(row).collect();
        if !rest.is_empty() {
            let lines: u64 = rest.iter().map(|group| group.lines).sum();
            rows.push(vec![OTHERS.into(), OTHERS.into(), lines.into()]);
        }
        let rows = table(&["service", "level", "lines"], rows);
        Ok((
            rows,
            reply::log_count(scope, &number(total), total == 1, tail),
        ))
    }

    async fn patterns(&self, asked: &Asked, scope: &LogScope) -> Result<(Rows, String), ToolError> {
        let patterns = self.source.backend.patterns(asked).await?;
        let (found, rest) = patterns.most_frequent(PATTERNS);
        let chars = self.source.message_chars();
        let row = |pattern: &Pattern| {
            let service = match pattern.others {
                0 => named(&pattern.service),
                others => format!("{} +{others}", named(&pattern.service)),
            };
            vec![
                pattern.lines.into(),
                harmless(&named(&pattern.level), TEMPLATE_CHARS).into(),
                harmless(&service, TEMPLATE_CHARS).into(),
                harmless(&pattern.template, TEMPLATE_CHARS).into(),
                harmless(&pattern.newest.message, chars).into(),
                pattern
                    .newest
                    .time
                    .to_rfc3339_opts(SecondsFormat::Secs, true)
                    .into(),
            ]
        };
        let mut rows: Vec<Vec<Value>> = found.iter().map(row).collect();
        if rest > 0 {
            let mut others = vec![Value::from(rest)];
            others.extend([OTHERS, OTHERS, OTHERS].map(Value::from));
            others.extend([Value::Null, Value::Null]);
            rows.push(others);
        }
        let lead = match found.first() {
            Some(first) => reply::log_patterns(
                scope,
                &number(patterns.total),
                patterns.total == 1,
                &number(first.lines),
                &harmless(&first.template, QUOTE_CHARS),
                patterns.is_sample,
            ),
            None => reply::log_no_data(scope),
        };
        let columns = ["lines", "level", "service", "pattern", "newest", "time"];
        Ok((table(&columns, rows), lead))
    }

    async fn lines(&self, asked: &Asked, scope: &LogScope) -> Result<(Rows, String), ToolError> {
        let limit = LINES.min(self.source.limits.rows);
        let newest = self.source.backend.newest(asked, limit).await?;
        let count = newest.lines.len();
        let lead = reply::log_lines(scope, &number(count as u64), count == 1, newest.more);
        Ok((newest.rows(self.source.message_chars()), lead))
    }
}

fn number(value: u64) -> String {
    readable("lines", &value.into())
}

fn named(name: &str) -> String {
    match name.trim() {
        "" => NAMELESS.into(),
        name => name.into(),
    }
}

fn table(columns: &[&str], rows: Vec<Vec<Value>>) -> Rows {
    Rows {
        columns: columns.iter().map(|column| column.to_string()).collect(),
        rows,
        truncated: false,
    }
}

/// Spellings of a level put together; most lines first.
fn merged(groups: Vec<Group>) -> Vec<Group> {
    let mut sums: BTreeMap<(String, String), u64> = BTreeMap::new();
    for group in groups.into_iter().filter(|group| group.lines > 0) {
        let key = (named(&group.service), named(&canonical(&group.level)));
        *sums.entry(key).or_default() += group.lines;
    }
    let mut groups: Vec<Group> = sums
        .into_iter()
        .map(|((service, level), lines)| Group {
            service,
            level,
            lines,
        })
        .collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.lines));
    groups
}

/// What stands out: the errors among all lines, or the service with the most.
fn largest(groups: &[Group], scope: &LogScope) -> Option<String> {
    let sum = |wanted: &dyn Fn(&Group) -> bool| -> u64 {
        let matching = groups.iter().filter(|group| wanted(group));
        matching.map(|group| group.lines).sum()
    };
    if scope.level.is_none() {
        let of = |level: &'static str| {
            let lines = sum(&|group: &Group| group.level == level);
            (lines > 0).then(|| (level, number(lines), lines == 1))
        };
        let bad: Vec<(&str, String, bool)> = ["fatal", "error", "warning"]
            .into_iter()
            .filter_map(of)
            .collect();
        return (!bad.is_empty()).then(|| reply::log_among_them(&bad));
    }
    let mut services: BTreeMap<&str, u64> = BTreeMap::new();
    for group in groups {
        *services.entry(&group.service).or_default() += group.lines;
    }
    let (service, lines) = services.iter().max_by_key(|(_, lines)| **lines)?;
    (services.len() > 1).then(|| reply::log_most_from(&number(*lines), service))
}

/// A round length of time, of which at most [`SPANS`] fill the whole.
fn span_length(whole: TimeDelta) -> TimeDelta {
    const MINUTES: [i64; 11] = [1, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440];
    let fits = |minutes: &&i64| whole <= TimeDelta::minutes(**minutes * SPANS);
    match MINUTES.iter().find(fits) {
        Some(minutes) => TimeDelta::minutes(*minutes),
        None => {
            let days = (whole.num_days() + SPANS) / SPANS;
            TimeDelta::days(days.max(1))
        }
    }
}

/// The rows within the limits of rows and bytes.
pub(super) fn capped(rows: Rows, limits: Limits) -> Rows {
    let mut capped = CappedRows::new(limits, rows.columns);
    let mut fits = true;
    for row in rows.rows {
        fits = capped.take(row);
        if !fits {
            break;
        }
    }
    let capped = capped.finish();
    Rows {
        truncated: rows.truncated || !fits,
        ..capped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(service: &str, level: &str, lines: u64) -> Group {
        Group {
            service: service.into(),
            level: level.into(),
            lines,
        }
    }

    #[test]
    fn spellings_of_a_level_are_counted_together() {
        let found = merged(vec![
            group("a", "WARN", 1),
            group("a", "warning", 2),
            group("b", "", 5),
            group("b", "info", 0),
        ]);
        assert_eq!(found, [group("b", NAMELESS, 5), group("a", "warning", 3)]);
    }

    #[test]
    fn breakdown_over_time_has_round_spans_and_not_too_many() {
        let check = |hours: i64, minutes: i64| {
            let found = span_length(TimeDelta::hours(hours));
            assert_eq!(found, TimeDelta::minutes(minutes), "{hours}");
            assert!(hours * 60 <= minutes * SPANS);
        };
        check(1, 5);
        check(24, 60);
        check(48, 120);
        check(168, 720);
        check(720, 2_880);
        check(876_000, 36_500 / 24 * 1_440 + 1_440);
    }
}
