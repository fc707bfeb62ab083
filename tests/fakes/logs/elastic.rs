//! A fake Elasticsearch: `POST /INDEX/_search` in the part of the query DSL
//! that is used here, with the checks that the real one makes. Any other key
//! is a `parsing_exception`, as there.

use super::{Asked, Desk, Trouble, lock, loki::url_pairs};
use axum::{
    Json, Router,
    extract::{Path, RawQuery, State as Shared},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use tokio::task::JoinHandle;

pub const INDEX: &str = "logs-shop";

pub struct FakeElastic {
    state: Arc<State>,
    address: String,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    desk: Desk,
    documents: Mutex<Vec<Value>>,
    basic: Mutex<Option<&'static str>>,
}

impl FakeElastic {
    pub async fn start() -> Self {
        let state = Arc::new(State::default());
        let router = Router::new()
            .route("/{index}/_search", post(search))
            .route("/{index}/_field_caps", get(field_caps))
            .with_state(state.clone());
        let (address, serving) = crate::fakes::serve(router).await;
        Self {
            state,
            address: address.to_string(),
            serving,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn line(&self, time: &str, service: &str, level: &str, message: &str) -> &Self {
        lock(&self.state.documents).push(json!({
            "@timestamp": time, "service": { "name": service }, "log": { "level": level }, "message": message,
        }));
        self
    }

    pub fn then(&self, trouble: Trouble) -> &Self {
        self.state.desk.then(trouble);
        self
    }

    /// `Basic …` as it must come.
    pub fn want_basic(&self, header: &'static str) {
        *lock(&self.state.basic) = Some(header);
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.state.desk.asked()
    }
}

impl Drop for FakeElastic {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// An error in Elasticsearch's form.
pub fn error(status: u16, kind: &str, reason: &str) -> Value {
    json!({ "error": {
        "root_cause": [{ "type": kind, "reason": reason }], "type": kind, "reason": reason,
    }, "status": status })
}

struct Wrong(u16, &'static str, String);

type Found<T> = Result<T, Wrong>;

fn unknown(what: &str) -> Wrong {
    Wrong(400, "parsing_exception", format!("unknown [{what}]"))
}

async fn search(
    Shared(state): Shared<Arc<State>>,
    Path(index): Path<String>,
    uri: Uri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let authorization = headers.get(header::AUTHORIZATION);
    let authorization = authorization.and_then(|value| Some(value.to_str().ok()?.to_string()));
    state.desk.note(Asked {
        path: uri.path().to_string(),
        authorization: authorization.clone(),
        parameters: url_pairs(query.as_deref().unwrap_or("")),
        body: body.clone(),
        ..Asked::default()
    });
    if let Some(response) = state.desk.trouble().await {
        return response;
    }
    let wanted = *lock(&state.basic);
    let answer = if wanted.is_some() && wanted != authorization.as_deref() {
        Err(Wrong(
            401,
            "security_exception",
            format!("unable to authenticate {authorization:?}"),
        ))
    } else if index != INDEX && index != "logs-*" {
        Err(Wrong(
            404,
            "index_not_found_exception",
            format!("no such index [{index}]"),
        ))
    } else {
        answer(&lock(&state.documents), &body)
    };
    match answer {
        Ok(answer) => Json(answer).into_response(),
        Err(Wrong(status, kind, reason)) => {
            let code = StatusCode::from_u16(status).expect("a status");
            (code, Json(error(status, kind, &reason))).into_response()
        }
    }
}

/// Every field by its whole name, objects and the server's own among them.
async fn field_caps(Shared(state): Shared<Arc<State>>, RawQuery(query): RawQuery) -> Response {
    let pairs = url_pairs(query.as_deref().unwrap_or(""));
    assert_eq!(pairs, [("fields".to_string(), "*".to_string())]);
    let mut fields = json!({
        "_id": { "_id": { "type": "_id", "metadata_field": true, "searchable": true, "aggregatable": false } },
    });
    for document in lock(&state.documents).iter() {
        name_fields("", document, &mut fields);
    }
    Json(json!({ "indices": [INDEX], "fields": fields })).into_response()
}

fn name_fields(above: &str, value: &Value, fields: &mut Value) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let name = format!("{above}{key}");
        let kind = if value.is_object() {
            "object"
        } else {
            "keyword"
        };
        fields[&name] = json!({ kind: { "type": kind, "metadata_field": false } });
        name_fields(&format!("{name}."), value, fields);
    }
}

fn answer(documents: &[Value], body: &Value) -> Found<Value> {
    const KEYS: [&str; 6] = [
        "size",
        "track_total_hits",
        "query",
        "aggs",
        "sort",
        "timeout",
    ];
    let body = body.as_object().ok_or_else(|| unknown("body"))?;
    if let Some(key) = body.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(unknown(key));
    }
    let size = body.get("size").and_then(Value::as_u64).unwrap_or(10);
    if size > 10_000 {
        let reason =
            "Result window is too large, from + size must be less than or equal to: [10000]";
        return Err(Wrong(400, "illegal_argument_exception", reason.into()));
    }
    let mut hits = Vec::new();
    for document in documents {
        if holds(document, &body["query"])? {
            hits.push(document);
        }
    }
    let total = hits.len();
    if let Some(sort) = body.get("sort") {
        let field = sort[0].as_object().and_then(|s| s.keys().next().cloned());
        let field = field.ok_or_else(|| unknown("sort"))?;
        hits.sort_by_key(|document| time_of(document, &field));
        if sort[0][&field]["order"] == "desc" {
            hits.reverse();
        }
    }
    let mut reply = json!({
        "took": 1, "timed_out": false, "_shards": { "total": 1, "successful": 1, "skipped": 0, "failed": 0 },
        "hits": { "hits": hits.iter().take(size as usize)
            .map(|document| json!({ "_index": INDEX, "_source": document })).collect::<Vec<_>>() },
    });
    match body.get("track_total_hits") {
        Some(Value::Bool(false)) => {}
        Some(Value::Number(cap)) if total as u64 > cap.as_u64().unwrap_or(0) => {
            reply["hits"]["total"] = json!({ "value": cap, "relation": "gte" });
        }
        _ => reply["hits"]["total"] = json!({ "value": total, "relation": "eq" }),
    }
    if let Some(aggregations) = body.get("aggs") {
        reply["aggregations"] = aggregate(&hits, aggregations)?;
    }
    Ok(reply)
}

/// The value of a field; `.keyword` is the same one as a keyword.
fn field<'a>(document: &'a Value, path: &str) -> Option<&'a Value> {
    let path = path.strip_suffix(".keyword").unwrap_or(path);
    path.split('.')
        .try_fold(document, |value, step| value.get(step))
}

fn time_of(document: &Value, path: &str) -> Option<DateTime<Utc>> {
    field(document, path)?.as_str()?.parse().ok()
}

fn only(value: &Value) -> Found<(&String, &Value)> {
    let object: Option<&Map<String, Value>> = value.as_object().filter(|object| object.len() == 1);
    object
        .and_then(|object| object.iter().next())
        .ok_or_else(|| unknown("a query has one name"))
}

fn holds(document: &Value, query: &Value) -> Found<bool> {
    let (kind, inner) = only(query)?;
    match kind.as_str() {
        "bool" => {
            let clauses = inner.as_object().ok_or_else(|| unknown("bool"))?;
            for (name, list) in clauses {
                if !["filter", "must"].contains(&name.as_str()) {
                    return Err(unknown(name));
                }
                for clause in list.as_array().ok_or_else(|| unknown(name))? {
                    if !holds(document, clause)? {
                        return Ok(false);
                    }
                }
            }
            Ok(true)
        }
        "range" => {
            let (path, bounds) = only(inner)?;
            let bound = |name: &str| -> Found<DateTime<Utc>> {
                let text = bounds[name].as_str().ok_or_else(|| unknown("range"))?;
                let wrong = |_| {
                    Wrong(
                        400,
                        "parse_exception",
                        format!("failed to parse date field [{text}]"),
                    )
                };
                text.parse().map_err(wrong)
            };
            let (from, to) = (bound("gte")?, bound("lt")?);
            Ok(time_of(document, path).is_some_and(|time| from <= time && time < to))
        }
        "term" => {
            let (path, value) = only(inner)?;
            Ok(field(document, path) == Some(value))
        }
        "terms" => {
            let (path, values) = only(inner)?;
            let values = values.as_array().ok_or_else(|| unknown("terms"))?;
            Ok(field(document, path).is_some_and(|value| values.contains(value)))
        }
        "match" => {
            let (path, options) = only(inner)?;
            let words = tokens(options["query"].as_str().ok_or_else(|| unknown("match"))?);
            let text = field(document, path)
                .and_then(Value::as_str)
                .unwrap_or_default();
            let text = tokens(text);
            Ok(match options["operator"].as_str() {
                Some("and") => words.iter().all(|word| text.contains(word)),
                _ => words.iter().any(|word| text.contains(word)),
            })
        }
        "query_string" => {
            let text = inner["query"]
                .as_str()
                .ok_or_else(|| unknown("query_string"))?;
            let leading = text.split_whitespace().any(|word| {
                word.rsplit(':')
                    .next()
                    .unwrap_or(word)
                    .starts_with(['*', '?'])
            });
            if leading && inner["allow_leading_wildcard"] == json!(false) {
                let reason = format!("Failed to parse query [{text}]");
                return Err(Wrong(400, "query_shard_exception", reason));
            }
            // `field:word` and words, all of which must be there.
            let default = inner["default_field"].as_str().unwrap_or("message");
            Ok(text
                .split_whitespace()
                .filter(|word| *word != "AND")
                .all(|word| {
                    let (path, word) = word.split_once(':').unwrap_or((default, word));
                    let text = field(document, path)
                        .and_then(Value::as_str)
                        .unwrap_or_default();
                    tokens(text).contains(&word.to_lowercase())
                }))
        }
        other => Err(unknown(other)),
    }
}

/// The standard analyzer, roughly.
fn tokens(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

fn aggregate(documents: &[&Value], aggregations: &Value) -> Found<Value> {
    let mut found = Map::new();
    for (name, aggregation) in aggregations.as_object().ok_or_else(|| unknown("aggs"))? {
        let mut groups: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
        let terms = &aggregation["terms"];
        let spans = &aggregation["date_histogram"];
        let path = terms["field"].as_str().or(spans["field"].as_str());
        let path = path.ok_or_else(|| unknown("aggregation"))?;
        if path == "message" {
            let reason = "Fielddata is disabled on [message] in [logs-shop]. Text fields are not optimised for operations that require per-document field data";
            return Err(Wrong(400, "illegal_argument_exception", reason.into()));
        }
        let milliseconds = |key: &str| -> Option<i64> {
            spans[key]
                .as_str()?
                .trim_start_matches('+')
                .strip_suffix("ms")?
                .parse()
                .ok()
        };
        for document in documents {
            let key = if terms.is_object() {
                let value = field(document, path).and_then(Value::as_str);
                value.or(terms["missing"].as_str()).map(String::from)
            } else {
                let (Some(length), Some(offset)) =
                    (milliseconds("fixed_interval"), milliseconds("offset"))
                else {
                    return Err(unknown("date_histogram"));
                };
                time_of(document, path).map(|time| {
                    let time = time.timestamp_millis() - offset;
                    (time.div_euclid(length) * length + offset).to_string()
                })
            };
            if let Some(key) = key {
                groups.entry(key).or_default().push(document);
            }
        }
        let mut buckets = Vec::new();
        for (key, members) in groups {
            let mut bucket = json!({ "key": key, "doc_count": members.len() });
            if spans.is_object() {
                bucket["key"] = json!(key.parse::<i64>().unwrap_or_default());
            }
            if let Some(inner) = aggregation.get("aggs") {
                for (name, value) in aggregate(&members, inner)?
                    .as_object()
                    .into_iter()
                    .flatten()
                {
                    bucket[name] = value.clone();
                }
            }
            buckets.push(bucket);
        }
        if terms.is_object() {
            buckets.sort_by_key(|bucket| std::cmp::Reverse(bucket["doc_count"].as_u64()));
            buckets.truncate(terms["size"].as_u64().unwrap_or(10) as usize);
        }
        found.insert(name.clone(), json!({ "buckets": buckets }));
    }
    Ok(Value::Object(found))
}
