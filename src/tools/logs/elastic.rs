//! Elasticsearch and OpenSearch, asked with their query DSL over `_search`.
//!
//! Source: the search APIs of Elasticsearch 8 and OpenSearch 2, in what both
//! share. Every value that a person typed is a JSON string of its own; the
//! only text that is read as a query is the expression of the command line,
//! as `query_string` with leading wildcards off. Nothing but `_search` is
//! called.

use super::{
    ask::Asked,
    backend::{Backend, Expressed, Group, Line, MAX_FIELDS, Newest},
    http::{LogServer, Meaning, Meanings},
    level::spellings,
    line::dotted,
    patterns::Patterns,
    stamp::{StampReader, since_epoch_whole},
};
use crate::{config::LogEntry, ports::ToolError, tools::limits::Limits};
use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

/// Lines that patterns are made from; the server's own limit is 10,000.
const SAMPLE: usize = 5_000;
const MAX_SERVICES: usize = 500;
const MAX_LEVELS: usize = 50;

pub struct ElasticLogs {
    server: LogServer,
    index: String,
    time: String,
    level: String,
    service: String,
    message: String,
    stamps: StampReader,
}

impl ElasticLogs {
    /// The error completes "log `name`: …".
    pub fn new(entry: &LogEntry, limits: Limits, now: DateTime<Utc>) -> Result<Self, String> {
        let url = entry.url.as_deref().unwrap_or_default();
        let index = entry.index.clone().unwrap_or_default();
        let sound = |c: char| c.is_ascii_alphanumeric() || "-_.*,:+".contains(c);
        let hidden = |part: &str| part.is_empty() || part.starts_with(['_', '.']);
        if !index.chars().all(sound) || index.split(',').any(hidden) {
            return Err(
                "`index` is no name such as `logs-*`; hidden ones and those of the server itself are not read"
                    .into(),
            );
        }
        let or = |name: &Option<String>, usual: &str| name.clone().unwrap_or_else(|| usual.into());
        Ok(Self {
            server: LogServer::new(
                &entry.name,
                url,
                entry.auth.as_ref(),
                entry.tenant.as_deref(),
                limits,
            )?,
            index,
            time: or(&entry.fields.time, "@timestamp"),
            level: or(&entry.fields.level, "log.level"),
            service: or(&entry.fields.service, "service.name"),
            message: or(&entry.fields.message, "message"),
            stamps: StampReader {
                zone: entry.time_zone,
                now,
            },
        })
    }

    /// What narrows the lines, as one filter.
    fn filter(&self, asked: &Asked) -> Value {
        let stamp = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Nanos, true);
        let mut filters = vec![json!({ "range": { &self.time: {
            "gte": stamp(asked.since), "lt": stamp(asked.until), "format": "strict_date_optional_time_nanos",
        } } })];
        if let Some(service) = &asked.service {
            filters.push(json!({ "term": { &self.service: service } }));
        }
        if let Some(level) = &asked.level {
            filters.push(json!({ "terms": { &self.level: in_each_case(level) } }));
        }
        if !asked.words.is_empty() {
            filters.push(json!({ "match": { &self.message: {
                "query": asked.words.join(" "), "operator": "and",
            } } }));
        }
        json!({ "bool": { "filter": filters } })
    }

    fn by_service_and_level(&self, asked: &Asked) -> Value {
        let levels =
            json!({ "terms": { "field": &self.level, "size": MAX_LEVELS, "missing": "" } });
        json!({
            "size": 0,
            "track_total_hits": true,
            "query": self.filter(asked),
            "aggs": { "services": {
                "terms": { "field": &self.service, "size": MAX_SERVICES, "missing": "" },
                "aggs": { "levels": levels },
            } },
        })
    }

    fn newest_first(&self, query: Value, limit: usize) -> Value {
        json!({
            "size": limit,
            "track_total_hits": limit + 1,
            "query": query,
            "sort": [{ &self.time: { "order": "desc" } }],
        })
    }

    async fn search(&self, mut body: Value) -> Result<Value, ToolError> {
        let limit = self.server.timeout();
        body["timeout"] = format!("{}ms", limit.as_millis()).into();
        // Half of the answer would be a wrong one.
        let parameters = [
            ("allow_partial_search_results", "false".to_string()),
            ("ignore_unavailable", "false".to_string()),
        ];
        let path = [self.index.as_str(), "_search"];
        let reply = self
            .server
            .post(&path, &parameters, &body, MEANINGS)
            .await?;
        if reply["timed_out"] == json!(true) {
            return Err(self.server.timed_out());
        }
        if reply["_shards"]["failed"]
            .as_u64()
            .is_some_and(|failed| failed > 0)
        {
            return Err(self.server.failed("some of its shards failed"));
        }
        if !reply["hits"].is_object() {
            return Err(self.server.failed("the reply is none of a search"));
        }
        Ok(reply)
    }

    async fn lines(&self, query: Value, limit: usize) -> Result<Newest, ToolError> {
        let reply = self.search(self.newest_first(query, limit)).await?;
        let hits = reply["hits"]["hits"].as_array();
        let hits = hits.ok_or_else(|| self.server.failed("the reply holds no hits"))?;
        let lines: Option<Vec<Line>> = hits.iter().map(|hit| self.line(hit)).collect();
        let lines = lines.ok_or_else(|| {
            let problem = format!("a line has no time in `{}`", self.time);
            self.server.failed(&problem)
        })?;
        let total = reply["hits"]["total"]["value"].as_u64().unwrap_or(0);
        Ok(Newest {
            more: total > lines.len() as u64,
            lines,
        })
    }

    fn line(&self, hit: &Value) -> Option<Line> {
        let source = hit["_source"].as_object()?;
        let text = |path: &str| match dotted(source, path) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        };
        let time = match dotted(source, &self.time)? {
            Value::String(time) => self.stamps.whole(time)?,
            Value::Number(number) => since_epoch_whole(number.as_i64()?)?,
            _ => return None,
        };
        // A subfield such as `service.keyword` is in the index, not in the document.
        let named = |path: &str| text(path.strip_suffix(".keyword").unwrap_or(path));
        Some(Line {
            time: DateTime::from_timestamp_nanos(time),
            service: named(&self.service),
            level: named(&self.level),
            message: named(&self.message),
        })
    }
}

/// `error`, `Error` and `ERROR`: keywords are compared letter by letter.
fn in_each_case(level: &str) -> Vec<String> {
    let each = |name: String| {
        let mut letters = name.chars();
        let first: String = letters
            .next()
            .into_iter()
            .flat_map(char::to_uppercase)
            .collect();
        let capital = first + letters.as_str();
        [name.to_uppercase(), capital, name]
    };
    spellings(level).into_iter().flat_map(each).collect()
}

fn buckets(aggregation: &Value) -> Option<&Vec<Value>> {
    aggregation["buckets"].as_array()
}

/// The server's sentences may hold the question; its names for errors do not.
const MEANINGS: Meanings = &[
    (
        "too_many_buckets_exception",
        Meaning::Refused("it brings more groups than the log server allows; ask for less time"),
    ),
    (
        "too_many_nested_clauses",
        Meaning::Refused("it has more parts than the log server allows"),
    ),
    (
        "circuit_breaking_exception",
        Meaning::Refused("it takes more memory than the log server allows; ask for less time"),
    ),
    (
        "index_not_found_exception",
        Meaning::Failed("there is no such index: correct `index`"),
    ),
    (
        "Fielddata is disabled",
        Meaning::Failed(
            "a field is full text and can't be counted by: name its keyword, such as `service.keyword`, in `fields`",
        ),
    ),
    (
        "Text fields are not optimised",
        Meaning::Failed(
            "a field is full text and can't be counted by: name its keyword, such as `service.keyword`, in `fields`",
        ),
    ),
    (
        "query_shard_exception",
        Meaning::Refused("the expression can't be read; a term may not begin with `*` or `?`"),
    ),
];

#[async_trait]
impl Backend for ElasticLogs {
    async fn counts(&self, asked: &Asked) -> Result<Vec<Group>, ToolError> {
        let reply = self.search(self.by_service_and_level(asked)).await?;
        let wrong = || self.server.failed("the reply holds no groups");
        let services = buckets(&reply["aggregations"]["services"]).ok_or_else(wrong)?;
        let key = |bucket: &Value| bucket["key"].as_str().map(String::from);
        let mut groups = Vec::new();
        for service in services {
            let name = key(service).ok_or_else(wrong)?;
            for level in buckets(&service["levels"]).ok_or_else(wrong)? {
                groups.push(Group {
                    service: name.clone(),
                    level: key(level).ok_or_else(wrong)?,
                    lines: level["doc_count"].as_u64().ok_or_else(wrong)?,
                });
            }
        }
        // What the server left out, so that the sum is right.
        let total = reply["hits"]["total"]["value"].as_u64().ok_or_else(wrong)?;
        let counted: u64 = groups.iter().map(|group| group.lines).sum();
        if total > counted {
            groups.push(Group {
                service: "(others)".into(),
                level: String::new(),
                lines: total - counted,
            });
        }
        Ok(groups)
    }

    async fn buckets(
        &self,
        asked: &Asked,
        length: TimeDelta,
    ) -> Result<Vec<(DateTime<Utc>, u64)>, ToolError> {
        let length = length.num_milliseconds().max(1);
        let offset = asked.since.timestamp_millis().rem_euclid(length);
        let body = json!({
            "size": 0,
            "track_total_hits": false,
            "query": self.filter(asked),
            "aggs": { "spans": { "date_histogram": {
                "field": &self.time,
                "fixed_interval": format!("{length}ms"),
                "offset": format!("+{offset}ms"),
                "min_doc_count": 1,
            } } },
        });
        let reply = self.search(body).await?;
        let wrong = || self.server.failed("the reply holds no spans");
        let spans = buckets(&reply["aggregations"]["spans"]).ok_or_else(wrong)?;
        let read = |span: &Value| {
            let begin = DateTime::from_timestamp_millis(span["key"].as_f64()? as i64)?;
            Some((begin, span["doc_count"].as_u64()?))
        };
        spans
            .iter()
            .map(|span| read(span).ok_or_else(wrong))
            .collect()
    }

    async fn newest(&self, asked: &Asked, limit: usize) -> Result<Newest, ToolError> {
        self.lines(self.filter(asked), limit).await
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
        let written = json!({ "query_string": {
            "query": expression,
            "default_field": &self.message,
            "default_operator": "AND",
            "allow_leading_wildcard": false,
        } });
        let query = json!({ "bool": { "must": [written], "filter": [self.filter(span)] } });
        let statement = self.newest_first(query.clone(), limit).to_string();
        let newest = self.lines(query, limit.min(SAMPLE)).await?;
        let rows = newest.rows(super::expressed::MESSAGE_CHARS);
        Ok(Expressed { statement, rows })
    }

    async fn services(&self, span: &Asked) -> Result<Vec<String>, ToolError> {
        let body = json!({
            "size": 0,
            "track_total_hits": false,
            "query": self.filter(span),
            "aggs": { "services": { "terms": { "field": &self.service, "size": MAX_SERVICES } } },
        });
        let reply = self.search(body).await?;
        let services = buckets(&reply["aggregations"]["services"])
            .into_iter()
            .flatten();
        let names = services.filter_map(|bucket| bucket["key"].as_str().map(String::from));
        Ok(names.collect())
    }

    async fn fields(&self, _span: &Asked) -> Result<Vec<String>, ToolError> {
        let path = [self.index.as_str(), "_field_caps"];
        let parameters = [("fields", "*".to_string())];
        let reply = self.server.get(&path, &parameters, MEANINGS).await?;
        let Some(fields) = reply["fields"].as_object() else {
            return Err(self.server.failed("the reply tells no fields"));
        };
        // Objects are no fields but what holds them; those of the server itself begin with `_`.
        let names = fields.iter().filter(|(name, types)| {
            let holds = |kind: &str| types.get(kind).is_some();
            !name.starts_with('_') && !holds("object") && !holds("nested")
        });
        let mut names: Vec<String> = names.map(|(name, _)| name.clone()).collect();
        names.sort();
        names.truncate(MAX_FIELDS);
        Ok(names)
    }

    fn statement(&self, asked: &Asked, metric: bool) -> String {
        match metric {
            true => self.by_service_and_level(asked).to_string(),
            false => self.newest_first(self.filter(asked), 100).to_string(),
        }
    }
}
