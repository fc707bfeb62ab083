//! Lists of pages, in both of Confluence's ways.

use super::{Page, RemoteError, Site, page, results};
use crate::config::Edition;
use chrono::{DateTime, Utc};
use reqwest::Url;
use serde_json::Value;

/// Pages of one answer; bodies make them large.
const PAGE: usize = 50;
/// Entries of a list without bodies.
const LIST: usize = 200;
/// What API v1 shows with a page.
const EXPAND: &str = "body.storage,version,space,ancestors,metadata.labels";

/// One list, part by part.
#[derive(Default)]
pub(super) struct Listing {
    kind: Kind,
    /// Of lists that go on with a cursor.
    cursor: Option<String>,
    /// Of lists that go on at a place: entries before it, and the last of them.
    seen: usize,
    last: Option<String>,
    ended: bool,
}

#[derive(Default)]
enum Kind {
    /// The cloud's pages, the one that was changed longest ago first.
    #[default]
    Cloud,
    /// The cloud's pages without their bodies.
    CloudIds,
    /// What a CQL statement finds.
    Search(String),
    /// The content of this space of a server, by number.
    ServerIds(usize),
}

pub(super) enum Found {
    Pages(Vec<Page>),
    End,
    /// The pages are not where they were; the list must begin again.
    Moved,
}

impl Listing {
    /// The pages that were changed since then, the oldest change first.
    pub(super) fn changes(site: &Site, since: Option<DateTime<Utc>>) -> Self {
        let kind = match (site.edition, since) {
            (Edition::Cloud, None) => Kind::Cloud,
            (_, since) => Kind::Search(cql(&site.keys, since)),
        };
        Self::of(kind)
    }

    /// Every page, for its id alone.
    pub(super) fn all(site: &Site) -> Self {
        Self::of(match site.edition {
            Edition::Cloud => Kind::CloudIds,
            Edition::Server => Kind::ServerIds(0),
        })
    }

    fn of(kind: Kind) -> Self {
        Self {
            kind,
            ..Self::default()
        }
    }

    pub(super) async fn next(&mut self, site: &Site) -> Result<Found, RemoteError> {
        if self.ended {
            return Ok(Found::End);
        }
        match (&self.kind, site.edition) {
            (Kind::Cloud, _) => {
                let more = [("sort", "modified-date"), ("body-format", "storage")];
                self.cloud_pages(site, &more, PAGE).await
            }
            (Kind::CloudIds, _) => self.cloud_pages(site, &[], LIST).await,
            (Kind::Search(cql), Edition::Cloud) => {
                let cql = cql.clone();
                self.cloud_search(site, &cql).await
            }
            (Kind::Search(cql), Edition::Server) => {
                let query = [("cql", cql.clone()), ("expand", EXPAND.into())];
                self.by_place(site, &["rest", "api", "content", "search"], &query, PAGE)
                    .await
            }
            (Kind::ServerIds(number), _) => {
                let number = *number;
                let key = site.keys.get(number).cloned().unwrap_or_default();
                let query = [("spaceKey", key), ("type", "page".into())];
                let found = self.by_place(site, &["rest", "api", "content"], &query, LIST);
                let found = found.await?;
                if self.ended && number + 1 < site.keys.len() {
                    *self = Self::of(Kind::ServerIds(number + 1));
                }
                Ok(found)
            }
        }
    }

    async fn cloud_pages(
        &mut self,
        site: &Site,
        more: &[(&str, &str)],
        limit: usize,
    ) -> Result<Found, RemoteError> {
        let ids: Vec<&str> = site.space_ids.iter().map(|(_, id)| id.as_str()).collect();
        let (ids, limit) = (ids.join(","), limit.to_string());
        let mut query = vec![
            ("space-id", ids.as_str()),
            ("status", "current"),
            ("limit", &limit),
        ];
        query.extend_from_slice(more);
        let answer = self
            .with_cursor(site, &["api", "v2", "pages"], query)
            .await?;
        let pages = results(Some(answer))?;
        Ok(Found::Pages(
            pages.iter().map(|page| Page::cloud(page, site)).collect(),
        ))
    }

    /// What CQL finds, as API v2 shows it.
    async fn cloud_search(&mut self, site: &Site, cql: &str) -> Result<Found, RemoteError> {
        let limit = PAGE.to_string();
        let query = vec![("cql", cql), ("limit", limit.as_str())];
        let path = ["rest", "api", "content", "search"];
        let answer = self.with_cursor(site, &path, query).await?;
        let ids: Vec<String> = results(Some(answer))?
            .iter()
            .map(|found| page::text(&found["id"]))
            .collect();
        if ids.is_empty() {
            return Ok(Found::Pages(Vec::new()));
        }
        let ids = ids.join(",");
        let query = [
            ("id", ids.as_str()),
            ("status", "current"),
            ("body-format", "storage"),
            ("limit", "250"),
        ];
        let answer = site.service.get(&["api", "v2", "pages"], &query).await?;
        let mut pages: Vec<Page> = results(answer)?
            .iter()
            .map(|page| Page::cloud(page, site))
            .collect();
        pages.sort_by_key(|page| page.modified);
        Ok(Found::Pages(pages))
    }

    async fn with_cursor(
        &mut self,
        site: &Site,
        path: &[&str],
        mut query: Vec<(&str, &str)>,
    ) -> Result<Value, RemoteError> {
        let cursor = self.cursor.take();
        if let Some(cursor) = &cursor {
            query.push(("cursor", cursor));
        }
        let answer = site.service.get(path, &query).await?.unwrap_or_default();
        let next = answer["_links"]["next"].as_str().and_then(cursor_of);
        // A cursor that leads nowhere else would lead there for ever.
        self.ended = next.is_none() || next == cursor;
        self.cursor = next;
        Ok(answer)
    }

    /// Each part begins with the last entry of the one before: where another
    /// one stands there, what follows has moved.
    async fn by_place(
        &mut self,
        site: &Site,
        path: &[&str],
        query: &[(&str, String)],
        limit: usize,
    ) -> Result<Found, RemoteError> {
        let start = self.seen.saturating_sub(1).to_string();
        let limit = (limit + 1).to_string();
        let mut query: Vec<(&str, &str)> = query.iter().map(|(k, v)| (*k, v.as_str())).collect();
        query.extend([("start", start.as_str()), ("limit", &limit)]);
        let answer = site.service.get(path, &query).await?;
        let is_last = answer
            .as_ref()
            .is_some_and(|answer| answer["_links"]["next"].is_null());
        let mut found = results(answer)?;
        if let Some(last) = &self.last {
            if found.first().map(|page| page::text(&page["id"])).as_ref() != Some(last) {
                return Ok(Found::Moved);
            }
            found.remove(0);
        }
        self.ended = is_last || found.is_empty();
        self.seen += found.len();
        self.last = found
            .last()
            .map(|page| page::text(&page["id"]))
            .or(self.last.take());
        Ok(Found::Pages(found.iter().map(Page::server).collect()))
    }
}

fn cql(keys: &[String], since: Option<DateTime<Utc>>) -> String {
    let quoted: Vec<String> = keys.iter().map(|key| format!("\"{key}\"")).collect();
    let since = since.map(|since| {
        let since = since.format("%Y-%m-%d %H:%M");
        format!(" and lastmodified >= \"{since}\"")
    });
    format!(
        "space in ({}) and type = page{} order by lastmodified asc",
        quoted.join(", "),
        since.unwrap_or_default()
    )
}

/// The cursor of an address such as `/wiki/api/v2/pages?limit=50&cursor=abc`.
fn cursor_of(next: &str) -> Option<String> {
    let base = Url::parse("http://confluence/").ok()?;
    let next = base.join(next).ok()?;
    let mut pairs = next.query_pairs();
    pairs.find_map(|(key, value)| (key == "cursor").then(|| value.into_owned()))
}

/// The ids of the spaces that are configured. Each must be there: one that the
/// account may not see looks as if all of its pages were deleted.
pub(super) async fn space_ids(site: &Site) -> Result<Vec<(String, String)>, RemoteError> {
    let keys = site.keys.join(",");
    let query = [("keys", keys.as_str()), ("limit", "250")];
    let answer = site.service.get(&["api", "v2", "spaces"], &query).await?;
    let found: Vec<(String, String)> = results(answer)?
        .iter()
        .map(|space| (page::text(&space["key"]), page::text(&space["id"])))
        .collect();
    let missing = site
        .keys
        .iter()
        .find(|key| !found.iter().any(|(known, _)| known == *key));
    match missing {
        None => Ok(found),
        Some(key) => Err(RemoteError::Unusable(format!(
            "has no space `{key}` that this account may see"
        ))),
    }
}
