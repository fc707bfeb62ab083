//! A fake Confluence: the cloud's API v2 with cursors beside CQL and
//! restrictions of v1, or the API v1 of a server. A stranger is anonymous and
//! finds nothing.

use super::{Asked, Faults, Served, answer, download, fault, quoted_after, value_after};
use axum::{Router, body::Body, extract::State, http::Request, response::Response};
use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard};

pub type FakeConfluence = Served<Wiki>;

#[derive(Default)]
pub struct Wiki {
    pub is_cloud: bool,
    pub pages: Vec<WikiPage>,
    /// The most entries that an answer holds, whatever is asked for.
    pub limit: usize,
    pub faults: Faults,
}

#[derive(Clone, Default)]
pub struct WikiPage {
    pub id: u64,
    pub space: String,
    pub title: String,
    pub storage: String,
    pub parent: Option<u64>,
    pub modified: DateTime<Utc>,
    pub version: u32,
    /// Groups and accounts that may view it; `None`: all.
    pub viewers: Option<(Vec<String>, Vec<String>)>,
    /// The account may not ask for its restrictions.
    pub is_closed: bool,
    /// Each with the answers to it.
    pub comments: Vec<(String, Vec<String>)>,
    /// Attached to it, by their names.
    pub files: Vec<(String, Vec<u8>)>,
}

impl FakeConfluence {
    pub async fn start(is_cloud: bool) -> Self {
        let state = Wiki {
            is_cloud,
            limit: 100,
            ..Wiki::default()
        };
        Self::serving(state, Router::new().fallback(reply)).await
    }

    pub fn wiki(&self) -> MutexGuard<'_, Wiki> {
        self.state()
    }
}

impl Wiki {
    /// A page that was changed so many hours after the second of May.
    pub fn put(&mut self, id: u64, title: &str, storage: &str, hours: i64) -> &mut WikiPage {
        let begin: DateTime<Utc> = "2026-05-02T00:00:00Z".parse().expect("is a time");
        let before = self.pages.iter().position(|page| page.id == id);
        let before = before.map(|at| self.pages.remove(at)).unwrap_or_default();
        let at = self.pages.partition_point(|page| page.id < id);
        self.pages.insert(
            at,
            WikiPage {
                id,
                space: "OPS".into(),
                title: title.into(),
                storage: storage.into(),
                modified: begin + Duration::hours(hours),
                version: before.version + 1,
                parent: before.parent,
                viewers: before.viewers,
                is_closed: before.is_closed,
                comments: before.comments,
                files: before.files,
            },
        );
        &mut self.pages[at]
    }

    pub fn page(&mut self, id: u64) -> &mut WikiPage {
        let page = self.pages.iter_mut().find(|page| page.id == id);
        page.expect("there is such a page")
    }

    pub fn remove(&mut self, id: u64) {
        self.pages.retain(|page| page.id != id);
    }

    fn ancestors(&self, page: &WikiPage) -> Vec<Value> {
        let mut above = Vec::new();
        let mut next = page.parent;
        while let Some(id) = next {
            above.insert(0, json!({"id": id.to_string(), "type": "page"}));
            next = self
                .pages
                .iter()
                .find(|page| page.id == id)
                .and_then(|page| page.parent);
        }
        above
    }

    /// What a CQL of ours finds, in its order.
    fn find(&self, cql: &str) -> Vec<&WikiPage> {
        assert!(cql.ends_with(" order by lastmodified asc"), "{cql}");
        assert!(cql.contains("type = page"), "{cql}");
        let spaces = quoted_after(cql, "space in (");
        let since = value_after(cql, "lastmodified >= ").map(|text| {
            let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M");
            // Its clock is eight hours behind.
            time.unwrap_or_else(|_| panic!("Confluence does not read `{text}`"))
                .and_utc()
                + Duration::hours(8)
        });
        let mut found: Vec<&WikiPage> = self
            .pages
            .iter()
            .filter(|page| spaces.contains(&page.space))
            .filter(|page| since.is_none_or(|since| page.modified >= since))
            .collect();
        found.sort_by_key(|page| (page.modified, page.id));
        found
    }
}

const SPACES: [(&str, u64); 2] = [("OPS", 11), ("HR", 12)];

fn space_id(key: &str) -> String {
    let known = SPACES.iter().find(|(known, _)| *known == key);
    known.map_or(0, |(_, id)| *id).to_string()
}

async fn reply(State(state): State<Arc<Mutex<Wiki>>>, request: Request<Body>) -> Response {
    let asked = Asked::read(&request);
    let mut wiki = state.lock().expect("nobody panicked");
    assert_eq!(request.method(), "GET", "only reading is allowed");
    if let Some(given) = wiki.faults.pop_front() {
        return fault(given);
    }
    let parts = asked.parts();
    let parts = match (wiki.is_cloud, parts.as_slice()) {
        (true, ["wiki", rest @ ..]) => rest,
        (false, rest) => rest,
        (true, _) => return answer(404, json!({"message": "Not Found"})),
    };
    match parts {
        ["rest", "api", "user", "current"] if !asked.known => {
            answer(200, json!({"type": "anonymous"}))
        }
        ["rest", "api", "user", "current"] => {
            answer(200, json!({"type": "known", "displayName": "Lore"}))
        }
        [
            "rest",
            "api",
            "content",
            id,
            "restriction",
            "byOperation",
            "read",
        ] => restriction(&wiki, id),
        ["rest", "api", "content", id, "child", "comment"] if !wiki.is_cloud => {
            assert_eq!(asked.text("depth"), "all");
            let shown = comments(&wiki, id).into_iter().map(|(_, text)| {
                json!({"type": "comment", "body": {"storage": {"value": text}},
                    "history": {"createdDate": "2026-05-03T08:00:00Z", "createdBy": {"displayName": "Ben Iwase"}}})
            });
            by_place(&wiki, shown.collect(), &asked)
        }
        ["rest", "api", "content", id, "child", "attachment"] if !wiki.is_cloud => {
            by_place(&wiki, files(&wiki, id), &asked)
        }
        ["download", "attachments", page, name] => {
            let page = wiki
                .pages
                .iter()
                .find(|known| known.id.to_string() == *page);
            let mut files = page.into_iter().flat_map(|page| &page.files);
            let file = files.find(|(known, _)| known == name);
            download(&asked, file.map(|(_, bytes)| bytes.clone()))
        }
        ["rest", "api", "user"] if wiki.is_cloud => answer(
            200,
            json!({"accountId": asked.text("accountId"), "displayName": "Mara Olsen"}),
        ),
        ["api", "v2", rest @ ..] if wiki.is_cloud => cloud(&wiki, rest, &asked),
        ["rest", "api", "content", "search"] => search(&wiki, &asked),
        ["rest", "api", "content"] if !wiki.is_cloud => listed(&wiki, &asked),
        _ => answer(404, json!({"statusCode": 404, "message": "no such path"})),
    }
}

/// All comments of a page and their answers: `101-0`, `101-0-1`.
fn comments(wiki: &Wiki, page: &str) -> Vec<(String, String)> {
    let page = wiki.pages.iter().find(|known| known.id.to_string() == page);
    let mut all = Vec::new();
    for (n, (text, answers)) in page
        .iter()
        .flat_map(|page| page.comments.iter().enumerate())
    {
        let id = format!("{}-{n}", page.map_or(0, |page| page.id));
        all.extend(
            answers
                .iter()
                .enumerate()
                .map(|(m, answer)| (format!("{id}-{m}"), answer.clone())),
        );
        all.push((id, text.clone()));
    }
    all
}

/// The files of a page, as both APIs list them.
fn files(wiki: &Wiki, page: &str) -> Vec<Value> {
    let page = wiki.pages.iter().find(|known| known.id.to_string() == page);
    let files = page
        .into_iter()
        .flat_map(|page| page.files.iter().map(move |file| (page.id, file)));
    files
        .map(|(page, (name, bytes))| {
            let link = format!("/download/attachments/{page}/{name}?version=1");
            json!({"id": format!("att-{name}"), "title": name, "fileSize": bytes.len(), "downloadLink": link,
                "version": {"number": 1, "createdAt": "2026-05-03T08:00:00Z"}, "_links": {"download": link}})
        })
        .collect()
}

fn cloud_comments(wiki: &Wiki, asked: &Asked, page: &str, depth: usize, below: &str) -> Response {
    assert_eq!(asked.text("body-format"), "storage");
    let all = comments(wiki, page).into_iter();
    let shown = all
        .filter(|(id, _)| id.split('-').count() == depth && id.starts_with(below))
        .map(|(id, text)| {
            json!({"id": id, "status": "current", "body": {"storage": {"value": text}},
                "version": {"createdAt": "2026-05-03T08:00:00Z", "authorId": "5b10ac8d", "number": 1}})
        });
    with_cursor(wiki, shown.collect(), asked, "/wiki/api/v2/footer-comments")
}

fn restriction(wiki: &Wiki, id: &str) -> Response {
    let page = wiki.pages.iter().find(|page| page.id.to_string() == id);
    let Some(page) = page else {
        return answer(404, json!({"message": "No content found with id"}));
    };
    if page.is_closed {
        return answer(403, json!({"message": "not permitted"}));
    }
    let (groups, users) = page.viewers.clone().unwrap_or_default();
    let key = if wiki.is_cloud {
        "accountId"
    } else {
        "username"
    };
    let groups: Vec<Value> = groups
        .iter()
        .map(|name| json!({"type": "group", "name": name}))
        .collect();
    let users: Vec<Value> = users
        .iter()
        .map(|name| json!({"type": "known", key: name}))
        .collect();
    answer(
        200,
        json!({"operation": "read", "restrictions": {
        "user": {"results": users, "start": 0, "limit": 200, "size": users.len()},
        "group": {"results": groups, "start": 0, "limit": 200, "size": groups.len()}}}),
    )
}

/// A part of a list, with the cursor of the next one. The cursor says how far
/// the list was given.
fn with_cursor(wiki: &Wiki, all: Vec<Value>, asked: &Asked, path: &str) -> Response {
    let start = match asked.text("cursor") {
        "" => 0,
        cursor => match cursor.strip_prefix("c+/=").and_then(|at| at.parse().ok()) {
            Some(at) => at,
            None => return answer(400, json!({"message": "Invalid cursor"})),
        },
    };
    let limit = asked.number("limit", 25).min(wiki.limit);
    let mut links = json!({"base": "https://example.atlassian.net/wiki"});
    if start + limit < all.len() {
        let cursor = format!("c%2B%2F%3D{}", start + limit);
        links["next"] = format!("{path}?limit={limit}&cursor={cursor}").into();
    }
    let results: Vec<Value> = all.into_iter().skip(start).take(limit).collect();
    answer(200, json!({"results": results, "_links": links}))
}

fn cloud(wiki: &Wiki, path: &[&str], asked: &Asked) -> Response {
    let page_of = |id: &str| wiki.pages.iter().find(|page| page.id.to_string() == id);
    match path {
        ["spaces"] => {
            let wanted: Vec<&str> = asked.text("keys").split(',').collect();
            let spaces = SPACES
                .iter()
                .filter(|(key, _)| asked.known && wanted.contains(key));
            let spaces = spaces.map(|(key, id)| json!({"id": id.to_string(), "key": key}));
            with_cursor(wiki, spaces.collect(), asked, "/wiki/api/v2/spaces")
        }
        ["pages"] => {
            let has = |list: &str, id: &str| list.split(',').any(|one| one == id);
            let mut found: Vec<&WikiPage> = wiki
                .pages
                .iter()
                .filter(|page| match asked.text("id") {
                    "" => has(asked.text("space-id"), &space_id(&page.space)),
                    ids => has(ids, &page.id.to_string()),
                })
                .filter(|_| asked.known)
                .collect();
            if asked.text("sort") == "modified-date" {
                found.sort_by_key(|page| (page.modified, page.id));
            }
            let with_body = asked.text("body-format") == "storage";
            let pages = found.into_iter().map(|page| cloud_page(page, with_body));
            with_cursor(wiki, pages.collect(), asked, "/wiki/api/v2/pages")
        }
        ["pages", id, "attachments"] => {
            with_cursor(wiki, files(wiki, id), asked, "/wiki/api/v2/attachments")
        }
        ["pages", id, "footer-comments"] => cloud_comments(wiki, asked, id, 2, ""),
        ["footer-comments", id, "children"] => {
            let page = id.split('-').next().unwrap_or_default();
            cloud_comments(wiki, asked, page, id.split('-').count() + 1, id)
        }
        ["pages", id, "labels"] if page_of(id).is_some() => with_cursor(
            wiki,
            vec![json!({"id": "1", "name": "howto"})],
            asked,
            "/labels",
        ),
        ["pages", id, "ancestors"] => match page_of(id) {
            Some(page) => with_cursor(wiki, wiki.ancestors(page), asked, "/ancestors"),
            None => answer(404, json!({"errors": [{"status": 404}]})),
        },
        _ => answer(404, json!({"errors": [{"status": 404}]})),
    }
}

fn cloud_page(page: &WikiPage, with_body: bool) -> Value {
    let mut shown = json!({
        "id": page.id.to_string(), "status": "current", "title": page.title,
        "spaceId": space_id(&page.space), "parentId": page.parent.map(|id| id.to_string()),
        "parentType": "page", "authorId": "5b10ac8d", "createdAt": "2026-01-01T00:00:00.000Z",
        "version": {"number": page.version, "createdAt": page.modified.to_rfc3339(), "authorId": "5b10ac8d"},
        "body": {}, "_links": {"webui": format!("/spaces/{}/pages/{}", page.space, page.id)},
    });
    if with_body {
        shown["body"] = json!({"storage": {"representation": "storage", "value": page.storage}});
    }
    shown
}

fn server_page(wiki: &Wiki, page: &WikiPage, expand: &str) -> Value {
    let mut shown = json!({
        "id": page.id.to_string(), "type": "page", "status": "current", "title": page.title,
        "_links": {"webui": format!("/display/{}/{}", page.space, page.id)},
    });
    for part in expand.split(',') {
        match part {
            "body.storage" => shown["body"] = json!({"storage": {"value": page.storage}}),
            "version" => {
                shown["version"] = json!({"number": page.version, "when": page.modified.to_rfc3339(),
                    "by": {"type": "known", "username": "mara", "displayName": "Mara Olsen"}})
            }
            "space" => shown["space"] = json!({"key": page.space}),
            "ancestors" => shown["ancestors"] = wiki.ancestors(page).into(),
            "metadata.labels" => {
                shown["metadata"] = json!({"labels": {"results": [{"name": "howto"}]}})
            }
            _ => {}
        }
    }
    shown
}

fn search(wiki: &Wiki, asked: &Asked) -> Response {
    let found = if asked.known {
        wiki.find(asked.text("cql"))
    } else {
        Vec::new()
    };
    if wiki.is_cloud {
        let ids = found
            .iter()
            .map(|page| json!({"id": page.id.to_string(), "type": "page"}));
        return with_cursor(wiki, ids.collect(), asked, "/rest/api/content/search");
    }
    let shown = found
        .into_iter()
        .map(|page| server_page(wiki, page, asked.text("expand")));
    by_place(wiki, shown.collect(), asked)
}

fn listed(wiki: &Wiki, asked: &Asked) -> Response {
    let key = asked.text("spaceKey");
    if !asked.known || !SPACES.iter().any(|(known, _)| *known == key) {
        return answer(
            404,
            json!({"statusCode": 404, "message": "No space with key"}),
        );
    }
    let pages = wiki.pages.iter().filter(|page| page.space == key);
    by_place(
        wiki,
        pages
            .map(|page| server_page(wiki, page, asked.text("expand")))
            .collect(),
        asked,
    )
}

fn by_place(wiki: &Wiki, all: Vec<Value>, asked: &Asked) -> Response {
    let start = asked.number("start", 0);
    let limit = asked.number("limit", 25).min(wiki.limit);
    let mut links = json!({});
    if start + limit < all.len() {
        links["next"] = format!("/rest/api/content?start={}&limit={limit}", start + limit).into();
    }
    let results: Vec<Value> = all.into_iter().skip(start).take(limit).collect();
    answer(
        200,
        json!({"size": results.len(), "start": start, "limit": limit, "results": results, "_links": links}),
    )
}
