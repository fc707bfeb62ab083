//! Issues of Jira over REST: the cloud's platform API v3 (`search/jql` with
//! `nextPageToken`, bodies in the Atlassian Document Format), and the API v2
//! of Jira Server and Data Center 8 to 10 (`search` with `startAt`, bodies in
//! wiki markup).
//!
//! Issues are read by the time of their last change, the oldest first, so that
//! a reading that was cut off goes on at that time. JQL knows minutes of the
//! account's time zone, so each reading overlaps with the one before by five
//! minutes. An issue's security level is its restriction; a comment that only
//! some may see is left out. Attached files are read where the configuration
//! asks for them.

mod issue;
mod search;

use super::{Batch, Begin, Opening, Remote, RemoteError, Restarts, attachments::Attachments};
use crate::{
    config::{Edition, SiteSource, SourceEntry},
    domain::DocumentId,
    knowledge::Reading,
    tools::http::Service,
};
use async_trait::async_trait;
use chrono::{DateTime, Duration as Span, Utc};
use chrono_tz::Tz;
use search::{Page, Search};
use serde_json::{Value, json};
use std::collections::HashSet;

/// What an issue is shown with.
const FIELDS: &str = "summary,description,status,issuetype,priority,resolution,reporter,assignee,\
    labels,components,fixVersions,created,updated,security,comment,attachment";
/// Issues of one page; servers may give fewer.
const PAGE: usize = 50;
/// Issues of one page of a list.
const LIST: usize = 1_000;
/// Between two readings: a search index may lag.
const OVERLAP_MINUTES: i64 = 5;
/// Where the account's zone is not known: none is further from UTC.
const FURTHEST_MINUTES: i64 = 14 * 60;

pub struct Jira {
    entry: SourceEntry,
    keys: String,
    edition: Edition,
    service: Service,
    /// Where attached files are read.
    attachments: Option<Attachments>,
    /// Of the account: JQL's times are in it.
    zone: Option<Tz>,
    search: Search,
    /// When the newest issue that was read was changed.
    newest: Option<DateTime<Utc>>,
    restarts: Restarts,
}

impl Jira {
    pub async fn open(
        entry: &SourceEntry,
        site: &SiteSource,
        opening: Opening<'_>,
        begin: Begin,
    ) -> Result<Self, RemoteError> {
        let service = opening.service(site, site.url.as_deref().unwrap_or_default())?;
        let edition = site.edition();
        // Without an account, Jira finds nothing and calls that a success.
        let path = ["rest", "api", version(edition), "myself"];
        let myself = service.get(&path, &[]).await?.unwrap_or_default();
        let names = ["accountId", "key", "name", "displayName"];
        if names.iter().all(|name| myself[*name].is_null()) {
            return Err(RemoteError::Unusable(
                "does not say who this account is: is `url` the address of a Jira?".into(),
            ));
        }
        let zone = myself["timeZone"].as_str();
        let zone = zone.and_then(|zone| zone.parse().ok());
        let since = begin.mark().and_then(|mark| time(&mark["updated"]));
        let quoted: Vec<String> = site.keys.iter().map(|key| format!("\"{key}\"")).collect();
        let mut jira = Self {
            entry: entry.clone(),
            keys: quoted.join(", "),
            edition,
            service,
            attachments: site.attachments.then(|| Attachments::new(opening.0)),
            zone,
            search: Search::default(),
            newest: since,
            restarts: Restarts::default(),
        };
        jira.search = jira.changes();
        Ok(jira)
    }

    /// The search for what changed since the newest issue, as far as it is known.
    fn changes(&self) -> Search {
        let since = self.newest.map(|newest| {
            let minutes = match self.zone {
                Some(_) => OVERLAP_MINUTES,
                None => OVERLAP_MINUTES + FURTHEST_MINUTES,
            };
            let since = newest - Span::minutes(minutes);
            let since = since.with_timezone(&self.zone.unwrap_or(Tz::UTC));
            format!(" AND updated >= \"{}\"", since.format("%Y-%m-%d %H:%M"))
        });
        let jql = format!(
            "project in ({}){} ORDER BY updated ASC, key ASC",
            self.keys,
            since.unwrap_or_default()
        );
        Search::new(jql, FIELDS, PAGE)
    }

    /// The issue, and the files that are attached to it.
    async fn readings(&self, issue: &Value) -> Result<Vec<Reading>, RemoteError> {
        let reading = self.reading(issue).await?;
        let attached = match (&self.attachments, &reading) {
            (Some(attachments), Reading::Document(parent)) => {
                let files = issue["fields"]["attachment"].as_array();
                let files = files.into_iter().flatten().map(issue::attachment);
                let files = files.collect();
                attachments.of(&self.service, parent, files).await?
            }
            _ => Vec::new(),
        };
        Ok([reading].into_iter().chain(attached).collect())
    }

    async fn reading(&self, issue: &Value) -> Result<Reading, RemoteError> {
        let key = issue["key"].as_str().unwrap_or_default();
        let comments = &issue["fields"]["comment"];
        let given = comments["comments"].as_array().map_or(0, Vec::len) as u64;
        // A search gives the first comments only.
        let all = match comments["total"].as_u64() {
            Some(total) if total > given => self.comments(key).await?,
            _ => comments["comments"].as_array().cloned().unwrap_or_default(),
        };
        let link = self.service.link(&format!("browse/{key}"));
        let ticket = issue::ticket(issue, &all, link, self.edition);
        Ok(ticket.into_reading(&self.entry, "jira", 1))
    }

    async fn comments(&self, key: &str) -> Result<Vec<Value>, RemoteError> {
        const PAGES: usize = 20;
        let mut comments = Vec::new();
        for _ in 0..PAGES {
            let start = comments.len().to_string();
            let path = [
                "rest",
                "api",
                version(self.edition),
                "issue",
                key,
                "comment",
            ];
            let query = [("startAt", start.as_str()), ("maxResults", "100")];
            let page = self.service.get(&path, &query).await?.unwrap_or_default();
            let found = page["comments"].as_array().cloned().unwrap_or_default();
            let is_last = found.is_empty();
            comments.extend(found);
            if is_last || comments.len() as u64 >= page["total"].as_u64().unwrap_or(0) {
                break;
            }
        }
        Ok(comments)
    }
}

#[async_trait]
impl Remote for Jira {
    async fn next(&mut self) -> Result<Option<Batch>, RemoteError> {
        let issues = loop {
            match self.search.next(&self.service, self.edition).await? {
                Page::Issues(issues) => break issues,
                Page::End => return Ok(None),
                // What is older than the last page stays read.
                Page::Moved => {
                    self.restarts.count("issues")?;
                    self.search = self.changes();
                }
            }
        };
        let mut readings = Vec::new();
        for issue in &issues {
            readings.extend(self.readings(issue).await?);
            let updated = time(&issue["fields"]["updated"]);
            self.newest = self.newest.max(updated);
        }
        Ok(Some(Batch {
            readings,
            mark: self
                .newest
                .map(|newest| json!({"updated": newest.to_rfc3339()})),
        }))
    }

    async fn ids(&mut self) -> Result<HashSet<DocumentId>, RemoteError> {
        let jql = format!("project in ({}) ORDER BY created ASC, key ASC", self.keys);
        let begin = || Search::new(jql.clone(), "key", LIST);
        let (mut search, mut ids) = (begin(), HashSet::new());
        loop {
            match search.next(&self.service, self.edition).await? {
                Page::Issues(issues) => {
                    let keys = issues.iter().filter_map(|issue| issue["key"].as_str());
                    ids.extend(keys.map(DocumentId::new));
                }
                Page::End => return Ok(ids),
                // One is gone: those behind it moved up, and one of them was missed.
                Page::Moved => {
                    self.restarts.count("issues")?;
                    (search, ids) = (begin(), HashSet::new());
                }
            }
        }
    }
}

fn version(edition: Edition) -> &'static str {
    match edition {
        Edition::Cloud => "3",
        Edition::Server => "2",
    }
}

/// `2026-05-04T12:00:00.000+0200`, or RFC 3339.
fn time(value: &Value) -> Option<DateTime<Utc>> {
    let text = value.as_str()?;
    let time = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z")
        .or_else(|_| DateTime::parse_from_rfc3339(text));
    time.ok().map(|time| time.to_utc())
}
