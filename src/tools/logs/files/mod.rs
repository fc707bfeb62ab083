//! Log files: plain, JSON lines or logfmt, rotated, packed or not.
//!
//! Promise: what LogQL means on a server it means here, over the labels
//! `service`, `level` and `filename`. A file is read as a stream; the
//! deadline ends it.

mod folder;
mod reader;

use super::{
    ask::{Asked, LabelNames},
    backend::{Backend, Expressed, Group, Line, MAX_FIELDS, Newest},
    expressed,
    line::{LineParser, keys},
    logql::{Evaluation, Expression, Labels, LogQuery, Metric, Pipeline, Sample, parse},
    patterns::Patterns,
    stamp::{Nanos, StampReader},
};
use crate::{
    config::LogEntry,
    ports::{Clock, ToolError},
    tools::limits::Limits,
};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use folder::{LogFile, LogPattern, service_of};
use reader::{LogRecord, ReadError, read_records};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use tokio::sync::Semaphore;

/// The labels of every line.
const LABELS: [&str; 3] = ["service", "level", "filename"];
/// Searches through the files at the same time; others wait, within their time.
const SEARCHES: usize = 2;
/// Lines of each file that tell which fields there are.
const LINES_LOOKED_AT: usize = 200;
/// Clocks of file systems count coarsely.
const SLACK: Duration = Duration::from_secs(2);

pub struct FileLogs {
    files: Arc<Files>,
    searches: Arc<Semaphore>,
}

/// What a search needs to know, in a thread of its own.
struct Files {
    name: String,
    patterns: Vec<LogPattern>,
    parser: LineParser,
    clock: Arc<dyn Clock>,
    limits: Limits,
    labels: LabelNames,
    max_hours: u32,
}

impl FileLogs {
    /// The error completes "log `name`: …".
    pub fn new(entry: &LogEntry, limits: Limits, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let pattern = |text: &String| LogPattern::new(&entry.folder, text);
        let patterns: Result<Vec<LogPattern>, String> = entry.paths.iter().map(pattern).collect();
        let files = Files {
            name: entry.name.clone(),
            patterns: patterns.map_err(|problem| format!("`paths`: {problem}"))?,
            parser: LineParser {
                fields: entry.fields.clone(),
                stamps: StampReader {
                    zone: entry.time_zone,
                    now: clock.now(),
                },
            },
            clock,
            limits,
            labels: LabelNames {
                service: LABELS[0].into(),
                level: LABELS[1].into(),
                parser: None,
            },
            max_hours: entry.max_hours,
        };
        Ok(Self {
            files: Arc::new(files),
            searches: Arc::new(Semaphore::new(SEARCHES)),
        })
    }

    /// Runs a search in a thread where reading may block.
    async fn search<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Files, Instant) -> Result<T, ToolError> + Send + 'static,
    ) -> Result<T, ToolError> {
        let deadline = Instant::now() + self.files.limits.timeout;
        let name = self.files.name.clone();
        let permit = self.searches.clone().acquire_owned().await;
        let files = self.files.clone();
        let searched = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(&files, deadline)
        });
        searched.await.unwrap_or_else(|error| {
            Err(ToolError::Failed {
                source_name: name,
                source: Box::new(error),
            })
        })
    }
}

impl Files {
    /// Every record after `since`, up to and with `until`, in no order.
    fn scan(
        &self,
        since: Nanos,
        until: Nanos,
        deadline: Instant,
        visit: &mut dyn FnMut(&LogRecord, &Labels) -> Result<(), String>,
    ) -> Result<(), ToolError> {
        let written_since = u64::try_from(since)
            .ok()
            .map(|since| SystemTime::UNIX_EPOCH + Duration::from_nanos(since) - SLACK);
        let parser = LineParser {
            stamps: StampReader {
                now: self.clock.now(),
                ..self.parser.stamps
            },
            ..self.parser.clone()
        };
        for file in self.list(written_since)? {
            let mut labels = Labels::new();
            labels.insert(LABELS[2].into(), file.name.clone());
            let of_file = service_of(&file.name);
            let outcome = read_records(&file.path, &parser, deadline, &mut |record| {
                if record.time <= since || record.time > until {
                    return Ok(());
                }
                let service = record.service.as_ref().unwrap_or(&of_file);
                set(&mut labels, LABELS[0], service);
                set(&mut labels, LABELS[1], &record.level);
                visit(record, &labels)
            });
            match outcome {
                Ok(()) => {}
                // Taken away by rotation since it was listed.
                Err(ReadError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(self.error(error)),
            }
        }
        Ok(())
    }

    /// The keys that the first lines of each file have; plain lines have none.
    fn fields(&self, deadline: Instant) -> Result<Vec<String>, ToolError> {
        const ENOUGH: &str = "enough lines were looked at";
        let mut names = BTreeSet::new();
        for file in self.list(None)? {
            let mut looked = 0;
            let outcome = read_records(&file.path, &self.parser, deadline, &mut |record| {
                let line = record.text.lines().next().unwrap_or_default();
                for name in keys(line) {
                    if names.len() < MAX_FIELDS {
                        names.insert(name);
                    }
                }
                looked += 1;
                match looked < LINES_LOOKED_AT {
                    true => Ok(()),
                    false => Err(ENOUGH.into()),
                }
            });
            match outcome {
                Err(ReadError::Ended(reason)) if reason == ENOUGH => {}
                Err(ReadError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(self.error(error)),
                Ok(()) => {}
            }
        }
        Ok(names.into_iter().collect())
    }

    fn list(&self, since: Option<SystemTime>) -> Result<Vec<LogFile>, ToolError> {
        let mut files: Vec<LogFile> = Vec::new();
        for pattern in &self.patterns {
            let found = pattern
                .files(since)
                .map_err(|error| self.error(error.into()))?;
            for file in found {
                if !files.iter().any(|known| known.path == file.path) {
                    files.push(file);
                }
            }
        }
        Ok(files)
    }

    fn error(&self, error: ReadError) -> ToolError {
        let source_name = self.name.clone();
        match error {
            ReadError::TimeUp => ToolError::Timeout {
                source_name,
                limit: self.limits.timeout,
            },
            ReadError::Ended(reason) => ToolError::Refused { reason },
            ReadError::Io(error) => match error.kind() {
                std::io::ErrorKind::PermissionDenied => ToolError::NotAllowed {
                    source_name,
                    source: Box::new(error),
                },
                std::io::ErrorKind::NotFound => ToolError::Down {
                    source_name,
                    source: Box::new(error),
                },
                _ => ToolError::Failed {
                    source_name,
                    source: Box::new(error),
                },
            },
        }
    }

    /// A metric at one time. Its range functions say which lines it needs.
    fn evaluate(
        &self,
        metric: &Metric,
        at: Nanos,
        deadline: Instant,
    ) -> Result<Vec<Sample>, ToolError> {
        let mut evaluation = Evaluation::new(metric, at).map_err(refused)?;
        check_labels(evaluation.selected())?;
        let (since, until) = evaluation.span();
        self.scan(since, until, deadline, &mut |record, labels| {
            evaluation.take(record.time, &record.text, labels)
        })?;
        evaluation.finish().map_err(refused)
    }

    /// The newest lines of a query, newest first.
    fn select(
        &self,
        query: &LogQuery,
        (since, until): (Nanos, Nanos),
        limit: usize,
        deadline: Instant,
    ) -> Result<Newest, ToolError> {
        let pipeline = Pipeline::new(query).map_err(refused)?;
        check_labels(pipeline.selected())?;
        // By time, then by the order of coming; the oldest leaves first.
        let mut kept: BTreeMap<(Nanos, u64), Line> = BTreeMap::new();
        let mut count = 0;
        self.scan(since, until, deadline, &mut |record, labels| {
            let Some(found) = pipeline.run(&record.text, labels) else {
                return Ok(());
            };
            count += 1;
            let is_newer = kept
                .first_key_value()
                .is_none_or(|((oldest, _), _)| record.time >= *oldest);
            if kept.len() >= limit && !is_newer {
                return Ok(());
            }
            // What `line_format` made of it is what was asked for.
            let message = match found.line == record.text {
                true => record.message.clone(),
                false => found.line.into_owned(),
            };
            kept.insert((record.time, count), line(record, labels, message));
            if kept.len() > limit {
                kept.pop_first();
            }
            Ok(())
        })?;
        Ok(Newest {
            more: count > kept.len() as u64,
            lines: kept.into_values().rev().collect(),
        })
    }
}

fn set(labels: &mut Labels, name: &str, value: &str) {
    match labels.get_mut(name) {
        Some(known) if known == value => {}
        Some(known) => value.clone_into(known),
        None => {
            labels.insert(name.into(), value.into());
        }
    }
}

fn line(record: &LogRecord, labels: &Labels, message: String) -> Line {
    Line {
        time: DateTime::from_timestamp_nanos(record.time),
        service: labels.get(LABELS[0]).cloned().unwrap_or_default(),
        level: record.level.clone(),
        message,
    }
}

/// A label that no line has would find nothing, without a word.
fn check_labels<'a>(mut selected: impl Iterator<Item = &'a str>) -> Result<(), ToolError> {
    match selected.find(|label| !LABELS.contains(label)) {
        None => Ok(()),
        Some(label) => Err(refused(format!(
            "files have no label `{label}`, only {}; other fields come behind `| json` or `| logfmt`",
            LABELS.join(", ")
        ))),
    }
}

fn refused(reason: String) -> ToolError {
    ToolError::Refused { reason }
}

/// After the first, up to and with the second: LogQL's reading of a span.
fn span_of(asked: &Asked) -> (Nanos, Nanos) {
    let nanos = |time: DateTime<Utc>| time.timestamp_nanos_opt().unwrap_or(i64::MAX);
    (nanos(asked.since) - 1, nanos(asked.until) - 1)
}

#[async_trait]
impl Backend for FileLogs {
    async fn counts(&self, asked: &Asked) -> Result<Vec<Group>, ToolError> {
        let metric = self.files.labels.counts(asked);
        let (_, at) = span_of(asked);
        let samples = self
            .search(move |files, deadline| files.evaluate(&metric, at, deadline))
            .await?;
        let group = |sample: Sample| Group {
            service: sample.labels.get(LABELS[0]).cloned().unwrap_or_default(),
            level: sample.labels.get(LABELS[1]).cloned().unwrap_or_default(),
            lines: sample.value as u64,
        };
        Ok(samples.into_iter().map(group).collect())
    }

    async fn buckets(
        &self,
        asked: &Asked,
        length: TimeDelta,
    ) -> Result<Vec<(DateTime<Utc>, u64)>, ToolError> {
        let query = self.files.labels.lines(asked);
        let (since, until) = span_of(asked);
        let length = length.num_nanoseconds().unwrap_or(i64::MAX).max(1);
        self.search(move |files, deadline| {
            let pipeline = Pipeline::new(&query).map_err(refused)?;
            let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
            files.scan(since, until, deadline, &mut |record, labels| {
                if pipeline.run(&record.text, labels).is_some() {
                    *counts
                        .entry((record.time - since - 1) / length)
                        .or_default() += 1;
                }
                Ok(())
            })?;
            let begin = |bucket: i64| DateTime::from_timestamp_nanos(since + 1 + bucket * length);
            let counts = counts.into_iter();
            Ok(counts
                .map(|(bucket, lines)| (begin(bucket), lines))
                .collect())
        })
        .await
    }

    async fn newest(&self, asked: &Asked, limit: usize) -> Result<Newest, ToolError> {
        let query = self.files.labels.lines(asked);
        let span = span_of(asked);
        self.search(move |files, deadline| files.select(&query, span, limit, deadline))
            .await
    }

    async fn patterns(&self, asked: &Asked) -> Result<Patterns, ToolError> {
        let query = self.files.labels.lines(asked);
        let (since, until) = span_of(asked);
        self.search(move |files, deadline| {
            let pipeline = Pipeline::new(&query).map_err(refused)?;
            let mut patterns = Patterns::default();
            files.scan(since, until, deadline, &mut |record, labels| {
                if pipeline.run(&record.text, labels).is_some() {
                    patterns.take(line(record, labels, record.message.clone()));
                }
                Ok(())
            })?;
            Ok(patterns)
        })
        .await
    }

    async fn express(
        &self,
        expression: &str,
        span: &Asked,
        limit: usize,
    ) -> Result<Expressed, ToolError> {
        let expression = expressed::checked(parse(expression), self.files.max_hours)?;
        let statement = expression.to_string();
        let (since, until) = span_of(span);
        let rows = self
            .search(move |files, deadline| match &expression {
                Expression::Metric(metric) => files
                    .evaluate(metric, until, deadline)
                    .map(|samples| expressed::sample_rows(samples, limit)),
                Expression::Log(query) => files
                    .select(query, (since, until), limit, deadline)
                    .map(|newest| newest.rows(expressed::MESSAGE_CHARS)),
            })
            .await?;
        Ok(Expressed { statement, rows })
    }

    /// From the names of the files; where the lines name their service, from
    /// the lines, as many as there is time for.
    async fn fields(&self, _span: &Asked) -> Result<Vec<String>, ToolError> {
        self.search(|files, deadline| files.fields(deadline)).await
    }

    async fn services(&self, span: &Asked) -> Result<Vec<String>, ToolError> {
        let (since, until) = span_of(span);
        self.search(move |files, deadline| {
            let mut services = BTreeSet::new();
            if files.parser.fields.service.is_none() {
                let names = files.list(None)?;
                services.extend(names.iter().map(|file| service_of(&file.name)));
            } else {
                let outcome = files.scan(since, until, deadline, &mut |_, labels| {
                    if let Some(service) = labels.get(LABELS[0])
                        && !services.contains(service)
                    {
                        services.insert(service.clone());
                    }
                    Ok(())
                });
                match outcome {
                    Err(ToolError::Timeout { .. }) | Ok(()) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(services.into_iter().collect())
        })
        .await
    }

    fn statement(&self, asked: &Asked, metric: bool) -> String {
        self.files.labels.statement(asked, metric)
    }
}
