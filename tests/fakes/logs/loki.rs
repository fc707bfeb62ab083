//! A fake Loki: `query`, `query_range` and `label/NAME/values`.
//!
//! Lines are found with this project's own LogQL, so this fake proves the
//! protocol (parameters, times, limits, shapes, refusals) and not the
//! language; the exact text of each query is compared in the tests.

use super::{Asked, Desk, Trouble, lock};
use axum::{
    Json, Router,
    extract::{Path, RawQuery, State as Shared},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use lorekeeper::tools::logs::logql::{Evaluation, Expression, Labels, Pipeline, parse};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};
use tokio::task::JoinHandle;

/// Loki's own defaults.
const MAX_ENTRIES: usize = 5_000;
const MAX_RANGE_HOURS: i64 = 721;
const MAX_POINTS: i64 = 11_000;

pub struct FakeLoki {
    state: Arc<State>,
    address: String,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    desk: Desk,
    /// Time in nanoseconds, labels, text.
    lines: Mutex<Vec<(i64, Labels, String)>>,
    bearer: Mutex<Option<&'static str>>,
    wants_tenant: Mutex<bool>,
}

impl FakeLoki {
    pub async fn start() -> Self {
        let state = Arc::new(State::default());
        let router = Router::new()
            .route("/loki/api/v1/query", get(query))
            .route("/loki/api/v1/query_range", get(query_range))
            .route("/loki/api/v1/label/{name}/values", get(values))
            .route("/loki/api/v1/labels", get(labels))
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

    /// `labels` as `a=b,c=d`.
    pub fn line(&self, time: &str, labels: &str, text: &str) -> &Self {
        let time: chrono::DateTime<chrono::Utc> = time.parse().expect("is a time");
        let nanos = time.timestamp_nanos_opt().expect("a time of ours");
        let pairs = labels.split(',').filter_map(|pair| pair.split_once('='));
        let labels = pairs.map(|(k, v)| (k.to_string(), v.to_string())).collect();
        lock(&self.state.lines).push((nanos, labels, text.into()));
        self
    }

    pub fn then(&self, trouble: Trouble) -> &Self {
        self.state.desk.then(trouble);
        self
    }

    pub fn want_bearer(&self, token: &'static str) {
        *lock(&self.state.bearer) = Some(token);
    }

    pub fn want_tenant(&self) {
        *lock(&self.state.wants_tenant) = true;
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.state.desk.asked()
    }
}

impl Drop for FakeLoki {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A response in place of the answer.
type Refused = Box<Response>;

fn refuse(status: u16, text: &str) -> Refused {
    let status = StatusCode::from_u16(status).expect("a status");
    Box::new((status, text.to_string()).into_response())
}

fn success(data: Value) -> Response {
    Json(json!({ "status": "success", "data": data })).into_response()
}

impl State {
    /// What comes before every answer: writing down, troubles, credentials.
    async fn receive(
        &self,
        uri: &Uri,
        query: Option<String>,
        headers: &HeaderMap,
    ) -> Result<Asked, Refused> {
        let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_string());
        let parameters = url_pairs(query.as_deref().unwrap_or(""));
        let asked = Asked {
            path: uri.path().to_string(),
            authorization: text(header::AUTHORIZATION.as_str()),
            tenant: text("X-Scope-OrgID"),
            parameters,
            body: Value::Null,
        };
        self.desk.note(asked.clone());
        if let Some(response) = self.desk.trouble().await {
            return Err(Box::new(response));
        }
        if let Some(token) = *lock(&self.bearer)
            && asked.authorization != Some(format!("Bearer {token}"))
        {
            return Err(refuse(
                401,
                &format!("bad token: {:?}", asked.authorization),
            ));
        }
        if *lock(&self.wants_tenant) && asked.tenant.is_none() {
            return Err(refuse(400, "no org id\n"));
        }
        Ok(asked)
    }

    fn read(&self, asked: &Asked) -> Result<Expression, Refused> {
        let text = asked.parameter("query").unwrap_or_default();
        parse(text).map_err(|error| {
            let text = format!(
                "parse error at line 1, col {}: syntax error in {text}",
                error.at
            );
            refuse(400, &text)
        })
    }

    fn evaluate(&self, expression: &Expression, at: i64) -> Result<Vec<(Labels, f64)>, Refused> {
        let Expression::Metric(metric) = expression else {
            return Err(refuse(
                400,
                "log queries are not supported as an instant query type, please change your query to a range query type",
            ));
        };
        let mut evaluation = Evaluation::new(metric, at).map_err(|error| refuse(400, &error))?;
        for (time, labels, text) in lock(&self.lines).iter() {
            evaluation
                .take(*time, text, labels)
                .map_err(|error| refuse(400, &error))?;
        }
        let samples = evaluation.finish().map_err(|error| refuse(400, &error))?;
        Ok(samples.into_iter().map(|s| (s.labels, s.value)).collect())
    }
}

async fn query(
    Shared(state): Shared<Arc<State>>,
    uri: Uri,
    RawQuery(text): RawQuery,
    headers: HeaderMap,
) -> Response {
    let answer = async {
        let asked = state.receive(&uri, text, &headers).await?;
        let at = asked.parameter("time").and_then(|time| time.parse().ok());
        let at: i64 = at.ok_or_else(|| refuse(400, "could not parse 'time'"))?;
        let samples = state.evaluate(&state.read(&asked)?, at)?;
        let series = samples.into_iter().map(|(labels, value)| {
            json!({ "metric": labels, "value": [at as f64 / 1e9, value.to_string()] })
        });
        let result: Vec<Value> = series.collect();
        Ok::<_, Refused>(success(
            json!({ "resultType": "vector", "result": result, "stats": {} }),
        ))
    };
    answer.await.unwrap_or_else(|refusal| *refusal)
}

async fn query_range(
    Shared(state): Shared<Arc<State>>,
    uri: Uri,
    RawQuery(text): RawQuery,
    headers: HeaderMap,
) -> Response {
    let answer = async {
        let asked = state.receive(&uri, text, &headers).await?;
        let nanos = |name: &str| {
            let value: Option<i64> = asked.parameter(name).and_then(|text| text.parse().ok());
            value.ok_or_else(|| refuse(400, &format!("could not parse '{name}'")))
        };
        let (start, end) = (nanos("start")?, nanos("end")?);
        if end <= start {
            return Err(refuse(
                400,
                "end timestamp must not be before or equal to start time",
            ));
        }
        if (end - start) / 3_600_000_000_000 > MAX_RANGE_HOURS {
            return Err(refuse(
                400,
                "the query time range exceeds the limit (query length: 8760h0m0s, limit: 30d1h)",
            ));
        }
        match state.read(&asked)? {
            Expression::Log(query) => {
                let limit: usize = asked
                    .parameter("limit")
                    .and_then(|l| l.parse().ok())
                    .unwrap_or(100);
                if limit > MAX_ENTRIES {
                    return Err(refuse(
                        400,
                        &format!(
                            "max entries limit per query exceeded, limit > max_entries_limit ({limit} > {MAX_ENTRIES})"
                        ),
                    ));
                }
                let pipeline = Pipeline::new(&query).map_err(|error| refuse(400, &error))?;
                let lines = lock(&state.lines);
                let mut found: Vec<(i64, Labels, String)> = lines
                    .iter()
                    .filter(|(time, ..)| start <= *time && *time < end)
                    .filter_map(|(time, labels, text)| {
                        let record = pipeline.run(text, labels)?;
                        Some((*time, record.labels, record.line.into_owned()))
                    })
                    .collect();
                found.sort_by_key(|(time, ..)| *time);
                if asked.parameter("direction") == Some("backward") {
                    found.reverse();
                }
                found.truncate(limit);
                let mut streams: BTreeMap<Labels, Vec<Value>> = BTreeMap::new();
                for (time, labels, text) in found {
                    streams
                        .entry(labels)
                        .or_default()
                        .push(json!([time.to_string(), text]));
                }
                let result: Vec<Value> = streams
                    .into_iter()
                    .map(|(labels, values)| json!({ "stream": labels, "values": values }))
                    .collect();
                Ok(success(
                    json!({ "resultType": "streams", "result": result, "stats": {} }),
                ))
            }
            expression => {
                let step = asked
                    .parameter("step")
                    .and_then(|step| step.strip_suffix('s'));
                let step: i64 = step.and_then(|step| step.parse().ok()).unwrap_or(60);
                let step = step * 1_000_000_000;
                if (end - start) / step > MAX_POINTS {
                    return Err(refuse(
                        400,
                        "exceeded maximum resolution of 11,000 points per time series",
                    ));
                }
                let mut series: BTreeMap<Labels, Vec<Value>> = BTreeMap::new();
                let mut at = start;
                while at <= end {
                    for (labels, value) in state.evaluate(&expression, at)? {
                        let pair = json!([at as f64 / 1e9, value.to_string()]);
                        series.entry(labels).or_default().push(pair);
                    }
                    at += step;
                }
                let result: Vec<Value> = series
                    .into_iter()
                    .map(|(labels, values)| json!({ "metric": labels, "values": values }))
                    .collect();
                Ok(success(
                    json!({ "resultType": "matrix", "result": result, "stats": {} }),
                ))
            }
        }
    };
    answer.await.unwrap_or_else(|refusal| *refusal)
}

async fn values(
    Shared(state): Shared<Arc<State>>,
    Path(name): Path<String>,
    uri: Uri,
    RawQuery(text): RawQuery,
    headers: HeaderMap,
) -> Response {
    if let Err(refusal) = state.receive(&uri, text, &headers).await {
        return *refusal;
    }
    let lines = lock(&state.lines);
    let values: BTreeSet<&String> = lines.iter().filter_map(|(_, l, _)| l.get(&name)).collect();
    // Without any, Loki leaves `data` out.
    match values.is_empty() {
        true => Json(json!({ "status": "success" })).into_response(),
        false => success(json!(values)),
    }
}

async fn labels(
    Shared(state): Shared<Arc<State>>,
    uri: Uri,
    RawQuery(text): RawQuery,
    headers: HeaderMap,
) -> Response {
    if let Err(refusal) = state.receive(&uri, text, &headers).await {
        return *refusal;
    }
    let lines = lock(&state.lines);
    let names: BTreeSet<&String> = lines.iter().flat_map(|(_, l, _)| l.keys()).collect();
    success(json!(names))
}

/// The pairs of an address's query, decoded.
pub fn url_pairs(query: &str) -> Vec<(String, String)> {
    let address = format!("http://h/?{query}");
    let url = reqwest::Url::parse(&address).expect("a query is part of an address");
    let pairs = url.query_pairs().into_owned();
    pairs.collect()
}
