//! What a log source can be asked, wherever the lines lie.

use super::{ask::Asked, patterns::Patterns};
use crate::{domain::Rows, ports::ToolError};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

/// Fields that are told of; a source with more has them by mistake.
pub const MAX_FIELDS: usize = 500;

#[async_trait]
pub trait Backend: Send + Sync {
    /// How many lines, by service and level as they are spelt there.
    async fn counts(&self, asked: &Asked) -> Result<Vec<Group>, ToolError>;

    /// How many lines in each span of this length, from `asked.since` on.
    /// Spans without lines may be left out.
    async fn buckets(
        &self,
        asked: &Asked,
        length: TimeDelta,
    ) -> Result<Vec<(DateTime<Utc>, u64)>, ToolError>;

    /// The newest lines, newest first, at most `limit`.
    async fn newest(&self, asked: &Asked, limit: usize) -> Result<Newest, ToolError>;

    /// The messages, as templates. A server's are those of its newest lines.
    async fn patterns(&self, asked: &Asked) -> Result<Patterns, ToolError>;

    /// A free expression in the source's own language.
    async fn express(
        &self,
        expression: &str,
        span: &Asked,
        limit: usize,
    ) -> Result<Expressed, ToolError>;

    /// The names that the service label has in this span.
    async fn services(&self, span: &Asked) -> Result<Vec<String>, ToolError>;

    /// The names of the fields, or labels, that lines of this span have.
    async fn fields(&self, span: &Asked) -> Result<Vec<String>, ToolError>;

    /// What is asked, in the source's own language.
    fn statement(&self, asked: &Asked, metric: bool) -> String;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub service: String,
    pub level: String,
    pub lines: u64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Newest {
    pub lines: Vec<Line>,
    /// There are more than these.
    pub more: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub time: DateTime<Utc>,
    pub service: String,
    pub level: String,
    pub message: String,
}

/// What a free expression brought.
#[derive(Clone, Debug, PartialEq)]
pub struct Expressed {
    /// As it was asked.
    pub statement: String,
    pub rows: Rows,
}

impl Newest {
    /// With the columns time, service, level, message.
    pub fn rows(&self, message_chars: usize) -> Rows {
        let row = |line: &Line| {
            vec![
                line.time
                    .to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
                    .into(),
                super::line::harmless(&line.service, 100).into(),
                super::line::harmless(&line.level, 30).into(),
                super::line::harmless(&line.message, message_chars).into(),
            ]
        };
        Rows {
            columns: ["time", "service", "level", "message"]
                .map(String::from)
                .to_vec(),
            rows: self.lines.iter().map(row).collect(),
            truncated: self.more,
        }
    }
}
