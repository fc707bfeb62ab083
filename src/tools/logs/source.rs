//! One configured log source: opened, checked, asked.

use super::{
    ask::Asked, backend::Backend, elastic::ElasticLogs, expressed::MESSAGE_CHARS, files::FileLogs,
    loki::LokiLogs,
};
use crate::{
    config::{LogEntry, LogKind},
    domain::{Audience, ToolResult},
    ports::{Clock, ToolError, with_causes},
    tools::{count, limits::Limits, window::Window},
};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use std::sync::Arc;

/// Lines that a free expression brings where nothing else is said.
pub const DEFAULT_LINES: usize = 100;

pub struct LogSource {
    pub(super) name: String,
    pub(super) audience: Audience,
    pub(super) backend: Box<dyn Backend>,
    pub(super) limits: Limits,
    pub(in crate::tools) entry: LogEntry,
    /// As they were configured, or found at start; empty where neither.
    pub(in crate::tools) services: Vec<String>,
    clock: Arc<dyn Clock>,
}

/// What the people who run this need to know of one log source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogHealth {
    pub name: String,
    /// The services and the newest line's time, or why it does not answer.
    pub state: String,
    pub answers: bool,
}

impl LogSource {
    /// The error names the source and what is wrong. One that does not answer
    /// is no error: its services are not known, and its calls fail until it is back.
    pub async fn open(
        entry: &LogEntry,
        limits: Limits,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let of = |problem| format!("log `{}`: {problem}", entry.name);
        let backend: Box<dyn Backend> = match entry.kind {
            LogKind::Loki => Box::new(LokiLogs::new(entry, limits, clock.now()).map_err(of)?),
            LogKind::Elasticsearch => {
                Box::new(ElasticLogs::new(entry, limits, clock.now()).map_err(of)?)
            }
            LogKind::Files => Box::new(FileLogs::new(entry, limits, clock.clone()).map_err(of)?),
        };
        let mut source = Self {
            name: entry.name.clone(),
            audience: Audience::of(entry.audience.iter().cloned()),
            backend,
            limits,
            services: entry.services.clone(),
            entry: entry.clone(),
            clock,
        };
        if source.services.is_empty() {
            match source.backend.services(&source.longest()).await {
                Ok(services) => source.services = services,
                Err(error) => tracing::warn!(
                    log = source.name,
                    error = %with_causes(&error),
                    "Log `{}` can't be reached; its services are not known", source.name
                ),
            }
        }
        Ok(source)
    }

    pub fn audience(&self) -> &Audience {
        &self.audience
    }

    fn longest(&self) -> Asked {
        let now = self.clock.now();
        let span = TimeDelta::hours(self.entry.max_hours.into());
        let since = now.checked_sub_signed(span).unwrap_or(now);
        Asked::everything(since.max(DateTime::UNIX_EPOCH), now)
    }

    /// The error completes "argument `period` …".
    pub(super) fn check_span(
        &self,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<(), String> {
        let hours = self.entry.max_hours;
        let span = until.min(self.clock.now()) - since;
        // A week in which the clocks are set back has an hour more.
        if span > TimeDelta::hours(i64::from(hours) + 1) {
            return Err(format!(
                "is {} hours long, and `max_hours` of `{}` is {hours}",
                span.num_hours(),
                self.name
            ));
        }
        Ok(())
    }

    /// A free expression: LogQL for Loki and files, a query string for Elasticsearch.
    pub async fn express(
        &self,
        expression: &str,
        window: &Window,
        limit: Option<usize>,
    ) -> Result<ToolResult, ToolError> {
        let bad = |argument: &str, problem: String| ToolError::BadArgument {
            tool: self.name.clone(),
            argument: argument.into(),
            problem,
        };
        self.check_span(window.since, window.until)
            .map_err(|problem| bad("since", problem))?;
        let limit = limit.unwrap_or(DEFAULT_LINES);
        if !(1..=self.limits.rows).contains(&limit) {
            let most = self.limits.rows;
            return Err(bad(
                "limit",
                format!("is {limit}, expected 1 to {most} (`limits.tool_rows`)"),
            ));
        }
        let as_of = self.clock.now();
        let span = Asked::everything(window.since, window.until);
        let found = self
            .within(self.backend.express(expression, &span, limit))
            .await?;
        let rows = super::tools::capped(found.rows, self.limits);
        Ok(ToolResult {
            tool: "logs".into(),
            source: self.name.clone(),
            statement: found.statement,
            lead: count(&rows),
            rows,
            as_of,
            bodies: Vec::new(),
        })
    }

    /// The whole of a call within the limit, waiting included.
    pub(super) async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, ToolError>>,
    ) -> Result<T, ToolError> {
        let limit = self.limits.timeout;
        let done = tokio::time::timeout(limit, work).await;
        done.unwrap_or_else(|_| {
            Err(ToolError::Timeout {
                source_name: self.name.clone(),
                limit,
            })
        })
    }

    /// The names of the fields that its lines have, in order.
    pub(in crate::tools) async fn fields(&self) -> Result<Vec<String>, ToolError> {
        let mut fields = self.within(self.backend.fields(&self.longest())).await?;
        fields.sort();
        Ok(fields)
    }

    /// Asks for the services and the newest line.
    pub async fn health(&self) -> LogHealth {
        let longest = self.longest();
        let asked = async {
            let services = self.backend.services(&longest).await?;
            let newest = self.backend.newest(&longest, 1).await?;
            Ok::<_, ToolError>((services, newest))
        };
        let (answers, state) = match self.within(asked).await {
            Err(error) => (false, with_causes(&error)),
            Ok((services, newest)) => {
                let services = match services.as_slice() {
                    [] => "no service found".into(),
                    found => format!("{} services ({})", found.len(), shown(found)),
                };
                let newest = match newest.lines.first() {
                    Some(line) => {
                        let time = line.time.to_rfc3339_opts(SecondsFormat::Secs, true);
                        format!("newest line {time}")
                    }
                    None => format!(
                        "no line with a time in the last {} hours: correct `fields`, or the source writes nothing",
                        self.entry.max_hours
                    ),
                };
                (true, format!("answers, {services}, {newest}"))
            }
        };
        LogHealth {
            name: self.name.clone(),
            state,
            answers,
        }
    }

    /// Characters of a message in a row.
    pub(super) fn message_chars(&self) -> usize {
        MESSAGE_CHARS.min(self.limits.bytes / 4).min(500)
    }
}

fn shown(names: &[String]) -> String {
    let first: Vec<&str> = names.iter().take(8).map(String::as_str).collect();
    let more = if names.len() > first.len() {
        ", …"
    } else {
        ""
    };
    format!("{}{more}", first.join(", "))
}
