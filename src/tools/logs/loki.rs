//! Grafana Loki, asked with LogQL over its HTTP interface.
//!
//! Source: Loki's HTTP API, `/loki/api/v1/query`, `query_range` and
//! `label/NAME/values`. Counts are exact, made by the server; patterns are of
//! the newest lines.

use super::{
    ask::{Asked, LabelNames},
    backend::{Backend, Expressed, Group, Line, MAX_FIELDS, Newest},
    expressed,
    http::{LogServer, Meaning, Meanings},
    line::{LineParser, Parsed},
    logql::{Expression, Labels, LogQuery, Sample, parse},
    patterns::Patterns,
    stamp::StampReader,
};
use crate::{config::LogEntry, ports::ToolError, tools::limits::Limits};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use std::collections::BTreeMap;

/// Lines that patterns are made from: Loki's own limit for one query.
const SAMPLE: usize = 5_000;
/// Names that a label may have.
const MAX_SERVICES: usize = 500;

pub struct LokiLogs {
    server: LogServer,
    labels: LabelNames,
    parser: LineParser,
    max_hours: u32,
}

impl LokiLogs {
    /// The error completes "log `name`: …".
    pub fn new(entry: &LogEntry, limits: Limits, now: DateTime<Utc>) -> Result<Self, String> {
        let url = entry.url.as_deref().unwrap_or_default();
        let labels = LabelNames {
            service: name_or(&entry.fields.service, "service_name"),
            level: name_or(&entry.fields.level, "level"),
            parser: entry.parser,
        };
        let sound = |label: &str| {
            let inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
            label.chars().all(inner) && !label.starts_with(|c: char| c.is_ascii_digit())
        };
        if !sound(&labels.service) || (labels.parser.is_none() && !sound(&labels.level)) {
            return Err(
                "`fields`: a label of Loki has letters, digits and `_` only; for a field of the line name its `parser`"
                    .into(),
            );
        }
        Ok(Self {
            server: LogServer::new(
                &entry.name,
                url,
                entry.auth.as_ref(),
                entry.tenant.as_deref(),
                limits,
            )?,
            labels,
            parser: LineParser {
                fields: entry.fields.clone(),
                stamps: StampReader {
                    zone: entry.time_zone,
                    now,
                },
            },
            max_hours: entry.max_hours,
        })
    }

    async fn query(
        &self,
        path: &[&str],
        parameters: &[(&str, String)],
    ) -> Result<Value, ToolError> {
        let mut full = vec!["loki", "api", "v1"];
        full.extend(path);
        let reply = self.server.get(&full, parameters, MEANINGS).await?;
        match reply["status"].as_str() {
            Some("success") => Ok(reply["data"].clone()),
            _ => Err(self.server.failed("the reply is none of Loki's")),
        }
    }

    /// One value a series, at one time.
    async fn instant(&self, metric: String, at: i64) -> Result<Vec<Sample>, ToolError> {
        let parameters = [("query", metric), ("time", at.to_string())];
        let data = self.query(&["query"], &parameters).await?;
        let wrong = || self.server.failed("the reply holds no vector");
        match (data["resultType"].as_str(), data["result"].as_array()) {
            (Some("vector"), Some(series)) => {
                let read = |series: &Value| {
                    Some(Sample {
                        labels: labels_of(&series["metric"]),
                        value: value_of(&series["value"])?.1,
                    })
                };
                series
                    .iter()
                    .map(|series| read(series).ok_or_else(wrong))
                    .collect()
            }
            (Some("scalar"), Some(_)) => {
                let (_, value) = value_of(&data["result"]).ok_or_else(wrong)?;
                Ok(vec![Sample {
                    labels: Labels::new(),
                    value,
                }])
            }
            _ => Err(wrong()),
        }
    }

    /// The newest lines of a query, newest first.
    async fn lines(
        &self,
        query: &LogQuery,
        asked: &Asked,
        limit: usize,
    ) -> Result<Newest, ToolError> {
        // One more than shown tells whether there are more.
        let wanted = if limit < SAMPLE { limit + 1 } else { limit };
        let parameters = [
            ("query", query.to_string()),
            ("start", nanos(asked.since).to_string()),
            ("end", nanos(asked.until).to_string()),
            ("limit", wanted.to_string()),
            ("direction", "backward".into()),
        ];
        let data = self.query(&["query_range"], &parameters).await?;
        let wrong = || self.server.failed("the reply holds no streams");
        let (Some("streams"), Some(streams)) =
            (data["resultType"].as_str(), data["result"].as_array())
        else {
            return Err(wrong());
        };
        let mut lines = Vec::new();
        for stream in streams {
            let labels = labels_of(&stream["stream"]);
            for entry in stream["values"].as_array().ok_or_else(wrong)? {
                lines.push(self.line(&labels, entry).ok_or_else(wrong)?);
            }
        }
        lines.sort_by_key(|line| std::cmp::Reverse(line.time));
        let more = lines.len() > limit || (wanted == limit && lines.len() == limit);
        lines.truncate(limit);
        Ok(Newest { lines, more })
    }

    fn line(&self, labels: &Labels, entry: &Value) -> Option<Line> {
        // Text, because a number would lose digits in JavaScript; qryn sends a number.
        let time = match &entry[0] {
            Value::String(text) => text.parse().ok()?,
            other => other.as_i64()?,
        };
        let text = entry[1].as_str()?;
        let Parsed { level, message, .. } = self.parser.parse(text);
        let label = |name: &str| labels.get(name).cloned().filter(|value| !value.is_empty());
        Some(Line {
            time: DateTime::from_timestamp_nanos(time),
            service: label(&self.labels.service).unwrap_or_default(),
            level: label(self.labels.level_label())
                .or_else(|| label("detected_level"))
                .unwrap_or(level),
            message,
        })
    }
}

fn name_or(name: &Option<String>, usual: &str) -> String {
    name.clone().unwrap_or_else(|| usual.into())
}

fn nanos(time: DateTime<Utc>) -> i64 {
    time.timestamp_nanos_opt().unwrap_or(i64::MAX)
}

fn labels_of(metric: &Value) -> Labels {
    let labels = metric.as_object().into_iter().flatten();
    labels
        .filter_map(|(label, value)| Some((label.clone(), value.as_str()?.to_string())))
        .collect()
}

/// `[seconds, "value"]`
fn value_of(pair: &Value) -> Option<(f64, f64)> {
    Some((pair[0].as_f64()?, pair[1].as_str()?.parse().ok()?))
}

/// Loki's refusals are sentences; what they quote of the question stays there.
const MEANINGS: Meanings = &[
    (
        "maximum of series",
        Meaning::Refused(
            "it brings too many series for the log server; narrow it, or group by fewer labels",
        ),
    ),
    (
        "maximum number of series",
        Meaning::Refused(
            "it brings too many series for the log server; narrow it, or group by fewer labels",
        ),
    ),
    (
        "query time range exceeds the limit",
        Meaning::Refused("the span of time is longer than the log server allows"),
    ),
    (
        "would read too many bytes",
        Meaning::Refused("it would read more than the log server allows; ask for less time"),
    ),
    (
        "max entries limit",
        Meaning::Refused("it asks for more lines than the log server allows"),
    ),
    ("context deadline exceeded", Meaning::Timeout),
    ("parse error", Meaning::Failed("it can't read the query")),
    (
        "no org id",
        Meaning::Failed("it wants a tenant: name one in `tenant`"),
    ),
];

#[async_trait]
impl Backend for LokiLogs {
    async fn counts(&self, asked: &Asked) -> Result<Vec<Group>, ToolError> {
        let metric = self.labels.counts(asked).to_string();
        // A range takes in its end and leaves out its beginning; a span does the opposite.
        let samples = self.instant(metric, nanos(asked.until) - 1).await?;
        let group = |sample: Sample| {
            let label = |name: &str| sample.labels.get(name).cloned().unwrap_or_default();
            Group {
                service: label(&self.labels.service),
                level: label(self.labels.level_label()),
                lines: sample.value as u64,
            }
        };
        Ok(samples.into_iter().map(group).collect())
    }

    async fn buckets(
        &self,
        asked: &Asked,
        length: TimeDelta,
    ) -> Result<Vec<(DateTime<Utc>, u64)>, ToolError> {
        let range = length.num_nanoseconds().unwrap_or(i64::MAX).max(1);
        let metric = self.labels.buckets(asked, range).to_string();
        let first = nanos(asked.since).saturating_add(range) - 1;
        let spans = (asked.range() as u64).div_ceil(range as u64);
        let last = first.saturating_add(range.saturating_mul(spans as i64 - 1));
        let parameters = [
            ("query", metric),
            ("start", first.to_string()),
            ("end", last.to_string()),
            ("step", format!("{}s", length.num_seconds().max(1))),
        ];
        let data = self.query(&["query_range"], &parameters).await?;
        let wrong = || self.server.failed("the reply holds no matrix");
        let (Some("matrix"), Some(series)) =
            (data["resultType"].as_str(), data["result"].as_array())
        else {
            return Err(wrong());
        };
        let mut found: BTreeMap<DateTime<Utc>, u64> = BTreeMap::new();
        for pair in series
            .iter()
            .flat_map(|one| one["values"].as_array())
            .flatten()
        {
            let (seconds, lines) = value_of(pair).ok_or_else(wrong)?;
            // The point at the end of a span names the span.
            let index = ((seconds * 1e9 - first as f64) / range as f64).round() as i64;
            let begin = asked.since + length * i32::try_from(index).map_err(|_| wrong())?;
            *found.entry(begin).or_default() += lines as u64;
        }
        Ok(found.into_iter().collect())
    }

    async fn newest(&self, asked: &Asked, limit: usize) -> Result<Newest, ToolError> {
        self.lines(&self.labels.lines(asked), asked, limit).await
    }

    async fn patterns(&self, asked: &Asked) -> Result<Patterns, ToolError> {
        Ok(Patterns::of_newest(self.newest(asked, SAMPLE).await?))
    }

    async fn express(
        &self,
        expression: &str,
        span: &Asked,
        limit: usize,
    ) -> Result<Expressed, ToolError> {
        let expression = expressed::checked(parse(expression), self.max_hours)?;
        let statement = expression.to_string();
        let rows = match &expression {
            Expression::Metric(metric) => {
                let at = nanos(span.until) - 1;
                let samples = self.instant(metric.to_string(), at).await?;
                expressed::sample_rows(samples, limit)
            }
            Expression::Log(query) => {
                let newest = self.lines(query, span, limit.min(SAMPLE)).await?;
                newest.rows(expressed::MESSAGE_CHARS)
            }
        };
        Ok(Expressed { statement, rows })
    }

    async fn services(&self, span: &Asked) -> Result<Vec<String>, ToolError> {
        let parameters = [
            ("start", nanos(span.since).to_string()),
            ("end", nanos(span.until).to_string()),
        ];
        let path = ["label", &self.labels.service, "values"];
        let data = self.query(&path, &parameters).await?;
        let values = data.as_array().into_iter().flatten();
        let values = values.filter_map(|value| value.as_str().map(String::from));
        Ok(values.take(MAX_SERVICES).collect())
    }

    async fn fields(&self, span: &Asked) -> Result<Vec<String>, ToolError> {
        let parameters = [
            ("start", nanos(span.since).to_string()),
            ("end", nanos(span.until).to_string()),
        ];
        let data = self.query(&["labels"], &parameters).await?;
        let names = data.as_array().into_iter().flatten();
        let names = names.filter_map(|name| name.as_str().map(String::from));
        Ok(names.take(MAX_FIELDS).collect())
    }

    fn statement(&self, asked: &Asked, metric: bool) -> String {
        self.labels.statement(asked, metric)
    }
}
