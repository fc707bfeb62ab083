//! A fake Jira: the cloud's `search/jql` and `myself` of API v3, or `search`
//! of API v2. A stranger finds nothing in it, as in the real one, and is told
//! so by `myself` alone.

use super::{Asked, Faults, Served, answer, download, fault, quoted_after, value_after};
use axum::{
    Router,
    body::Body,
    extract::State,
    http::Request,
    response::{IntoResponse, Redirect, Response},
};
use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard};

/// The account's clock is two hours ahead.
const ZONE: &str = "Etc/GMT-2";
/// Comments that a search gives with an issue.
const INLINE_COMMENTS: usize = 2;

pub type FakeJira = Served<Tracker>;

#[derive(Default)]
pub struct Tracker {
    pub is_cloud: bool,
    pub issues: Vec<Issue>,
    /// The most issues that a page holds, whatever is asked for.
    pub page: usize,
    pub faults: Faults,
    /// Issues that are touched when the next page was given: (key, minutes from noon).
    pub then_touch: Option<(String, i64)>,
    pub elsewhere: Option<String>,
    /// The account is locked after so many requests, once.
    pub breaks_after: Option<usize>,
}

#[derive(Clone)]
pub struct Issue {
    pub key: String,
    pub updated: DateTime<Utc>,
    pub fields: Value,
    pub comments: Vec<Value>,
}

impl FakeJira {
    pub async fn start(is_cloud: bool) -> Self {
        let state = Tracker {
            is_cloud,
            page: 100,
            ..Tracker::default()
        };
        Self::serving(state, Router::new().fallback(reply)).await
    }

    pub fn tracker(&self) -> MutexGuard<'_, Tracker> {
        self.state()
    }
}

pub fn at(minutes: i64) -> DateTime<Utc> {
    let noon: DateTime<Utc> = "2026-05-02T12:00:00Z".parse().expect("is a time");
    noon + Duration::minutes(minutes)
}

impl Tracker {
    /// An issue that was changed so many minutes after noon.
    pub fn put(&mut self, key: &str, summary: &str, minutes: i64, more: Value) {
        let text = format!("Details of {summary}.");
        let description = match self.is_cloud {
            true => json!({"type": "doc", "version": 1, "content": [
                {"type": "paragraph", "content": [{"type": "text", "text": text}]}]}),
            false => json!(format!("h2. Case\n{text}")),
        };
        let mut fields = json!({
            "summary": summary, "description": description,
            "status": {"name": "Open"}, "issuetype": {"name": "Bug"},
            "reporter": {"displayName": "Mara Olsen"}, "assignee": null,
            "labels": ["hardware"], "security": null,
            "created": "2026-05-01T08:00:00.000+0000",
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            fields[name] = value.clone();
        }
        self.remove(key);
        self.issues.push(Issue {
            key: key.into(),
            updated: at(minutes),
            fields,
            comments: Vec::new(),
        });
    }

    pub fn comment(&mut self, key: &str, author: &str, text: &str, visibility: Value) {
        let body = match self.is_cloud {
            true => json!({"type": "doc", "content": [
                {"type": "paragraph", "content": [{"type": "text", "text": text}]}]}),
            false => json!(text),
        };
        let mut comment = json!({
            "author": {"displayName": author}, "body": body,
            "created": "2026-05-02T09:00:00.000+0000",
        });
        if !visibility.is_null() {
            comment["visibility"] = visibility;
        }
        let issue = self.issues.iter_mut().find(|issue| issue.key == key);
        issue
            .expect("there is such an issue")
            .comments
            .push(comment);
    }

    pub fn remove(&mut self, key: &str) {
        self.issues.retain(|issue| issue.key != key);
    }

    fn touch(&mut self) {
        let Some((key, minutes)) = self.then_touch.take() else {
            return;
        };
        let issue = self.issues.iter_mut().find(|issue| issue.key == key);
        issue.expect("there is such an issue").updated = at(minutes);
    }

    /// The issues that a JQL of ours finds, in its order; an error as Jira words it.
    fn find(&self, jql: &str) -> Result<Vec<Issue>, String> {
        let projects = quoted_after(jql, "project in (");
        let project = |key: &str| key.split('-').next().unwrap_or_default().to_string();
        for wanted in &projects {
            if !["OPS", "HR", "EMPTY"].contains(&wanted.as_str()) {
                return Err(format!(
                    "The value '{wanted}' does not exist for the field 'project'."
                ));
            }
        }
        let since = value_after(jql, "updated >= ").map(|text| {
            let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M");
            time.unwrap_or_else(|_| panic!("Jira does not read `{text}`"))
                .and_utc()
                - Duration::hours(2)
        });
        let mut found: Vec<Issue> = self
            .issues
            .iter()
            .filter(|issue| projects.contains(&project(&issue.key)))
            .filter(|issue| since.is_none_or(|since| issue.updated >= since))
            .cloned()
            .collect();
        match jql.split("ORDER BY ").nth(1) {
            Some("updated ASC, key ASC") => found.sort_by_key(|i| (i.updated, i.key.clone())),
            Some("created ASC, key ASC") => found.sort_by_key(|i| i.key.clone()),
            other => panic!("the fake knows no order {other:?}"),
        }
        Ok(found)
    }
}

/// As a search gives it: nothing that was not asked for.
fn shown(issue: &Issue, fields: &str) -> Value {
    let mut all = issue.fields.clone();
    let stamp = issue.updated.format("%Y-%m-%dT%H:%M:%S.000+0000");
    all["updated"] = stamp.to_string().into();
    let inline: Vec<Value> = issue
        .comments
        .iter()
        .take(INLINE_COMMENTS)
        .cloned()
        .collect();
    all["comment"] = json!({"comments": inline, "total": issue.comments.len(), "startAt": 0});
    let wanted: Vec<&str> = fields.split(',').collect();
    let mut given = json!({});
    for (name, value) in all.as_object().into_iter().flatten() {
        if wanted.contains(&name.as_str()) {
            given[name] = value.clone();
        }
    }
    match given == json!({}) {
        true => json!({"id": "1", "key": issue.key}),
        false => json!({"id": "1", "key": issue.key, "fields": given}),
    }
}

async fn reply(State(state): State<Arc<Mutex<Tracker>>>, request: Request<Body>) -> Response {
    let asked = Asked::read(&request);
    let mut tracker = state.lock().expect("nobody panicked");
    assert_eq!(request.method(), "GET", "only reading is allowed");
    if let Some(given) = tracker.faults.pop_front() {
        return fault(given);
    }
    match &mut tracker.breaks_after {
        Some(0) => {
            tracker.breaks_after = None;
            return answer(401, json!({"message": "locked"}));
        }
        Some(left) => *left -= 1,
        None => {}
    }
    if let Some(elsewhere) = &tracker.elsewhere {
        return Redirect::temporary(elsewhere).into_response();
    }
    let version = if tracker.is_cloud { "3" } else { "2" };
    match asked.parts().as_slice() {
        ["rest", "api", asked_version, ..] if *asked_version != version => {
            answer(404, json!({"message": "null for uri"}))
        }
        ["rest", "api", _, "myself"] if asked.known => {
            answer(200, json!({"displayName": "Lore", "timeZone": ZONE}))
        }
        ["rest", "api", _, "myself"] => {
            answer(401, json!({"message": "Client must be authenticated"}))
        }
        ["rest", "api", "3", "search"] => answer(
            410,
            json!({"errorMessages": ["The requested API has been removed."]}),
        ),
        ["rest", "api", "3", "search", "jql"] => cloud_search(&mut tracker, &asked),
        ["rest", "api", "2", "search"] => server_search(&mut tracker, &asked),
        // Of the fields of an issue, where a test put it.
        ["secure", "attachment", _, name] => download(
            &asked,
            Some(format!("The file {name} says so.").into_bytes()),
        ),
        ["rest", "api", _, "issue", key, "comment"] => {
            let issue = tracker.issues.iter().find(|issue| issue.key == *key);
            let Some(issue) = issue else {
                return answer(
                    404,
                    json!({"errorMessages": ["Issue does not exist or you do not have permission to see it."]}),
                );
            };
            let start = asked.number("startAt", 0);
            let page = issue
                .comments
                .iter()
                .skip(start)
                .take(asked.number("maxResults", 50).min(3));
            let page: Vec<_> = page.collect();
            answer(
                200,
                json!({"comments": page, "startAt": start, "total": issue.comments.len()}),
            )
        }
        _ => answer(404, json!({"message": "null for uri"})),
    }
}

fn matching(tracker: &Tracker, asked: &Asked) -> Result<Vec<Issue>, String> {
    match asked.known {
        true => tracker.find(asked.text("jql")),
        false => Ok(Vec::new()),
    }
}

fn refusal(problem: &str) -> Response {
    answer(400, json!({"errorMessages": [problem], "errors": {}}))
}

/// A token says after which issue the next page begins.
fn cloud_search(tracker: &mut Tracker, asked: &Asked) -> Response {
    let found = match matching(tracker, asked) {
        Ok(found) => found,
        Err(problem) => return refusal(&problem),
    };
    let after = asked.text("nextPageToken");
    let start = match after.strip_prefix("after:") {
        Some(key) => found
            .iter()
            .position(|issue| issue.key == key)
            .map_or(0, |at| at + 1),
        None if after.is_empty() => 0,
        None => return answer(400, json!({"errorMessages": ["Invalid token"]})),
    };
    let limit = asked.number("maxResults", 50).min(tracker.page);
    let page: Vec<&Issue> = found.iter().skip(start).take(limit).collect();
    let issues: Vec<Value> = page
        .iter()
        .map(|issue| shown(issue, asked.text("fields")))
        .collect();
    let mut body = json!({"issues": issues});
    match page.last().filter(|_| start + limit < found.len()) {
        Some(last) => body["nextPageToken"] = format!("after:{}", last.key).into(),
        None => body["isLast"] = true.into(),
    }
    tracker.touch();
    answer(200, body)
}

fn server_search(tracker: &mut Tracker, asked: &Asked) -> Response {
    let found = match matching(tracker, asked) {
        Ok(found) => found,
        Err(problem) => return refusal(&problem),
    };
    let start = asked.number("startAt", 0);
    let limit = asked.number("maxResults", 50).min(tracker.page);
    let page = found.iter().skip(start).take(limit);
    let issues: Vec<Value> = page
        .map(|issue| shown(issue, asked.text("fields")))
        .collect();
    tracker.touch();
    answer(
        200,
        json!({"startAt": start, "maxResults": limit, "total": found.len(), "issues": issues}),
    )
}
