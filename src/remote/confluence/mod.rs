//! Pages of Confluence over REST: the cloud's API v2 (`pages` with cursors; of
//! v1 only what v2 lacks: CQL, restrictions, people), and the API v1 of
//! Confluence Server and Data Center 7 to 9 (`content` with `start` and
//! `limit`). Bodies are read in the storage format.
//!
//! A page is for those who may view it and every page above it. These
//! restrictions are asked for page by page; where they can't be read, nobody
//! sees the page. Who may see a space at all is not read: the configuration
//! names the spaces and their audience. Changed restrictions change no page,
//! so they are found when everything is read, as are new comments and attached
//! files, which are read where the configuration asks for them. Blog posts and
//! comments inside the text are not read.

mod comments;
mod listing;
mod page;
mod readers;

use super::{
    Batch, Begin, Opening, Remote, RemoteError, Restarts,
    attachments::{self, Attachments},
};
use crate::{
    config::{Edition, SiteSource, SourceEntry},
    domain::DocumentId,
    knowledge::{Comment, Document, Reading, audience},
    tools::http::Service,
};
use async_trait::async_trait;
use chrono::{DateTime, Duration as Span, Utc};
use listing::{Found, Listing};
use page::{About, Page};
use readers::Readers;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

/// CQL's times are in a time zone that the API does not tell; none is further
/// from UTC than fourteen hours. Minutes for an index that lags.
const OVERLAP_MINUTES: i64 = 14 * 60 + 5;

pub struct Confluence {
    entry: SourceEntry,
    site: Site,
    with_comments: bool,
    /// Where attached files are read.
    attachments: Option<Attachments>,
    listing: Listing,
    readers: Readers,
    /// Names by account id, of the cloud.
    people: HashMap<String, Option<String>>,
    newest: Option<DateTime<Utc>>,
    restarts: Restarts,
}

/// Where it is, and which of its spaces are read.
pub(super) struct Site {
    pub service: Service,
    pub edition: Edition,
    pub keys: Vec<String>,
    /// Of the cloud, by their keys.
    pub space_ids: Vec<(String, String)>,
}

impl Confluence {
    pub async fn open(
        entry: &SourceEntry,
        site: &SiteSource,
        opening: Opening<'_>,
        begin: Begin,
    ) -> Result<Self, RemoteError> {
        let edition = site.edition();
        let url = site
            .url
            .as_deref()
            .unwrap_or_default()
            .trim_end_matches('/');
        let url = match edition {
            Edition::Cloud if !url.ends_with("/wiki") => format!("{url}/wiki"),
            _ => url.to_string(),
        };
        let service = opening.service(site, &url)?;
        // Without an account, Confluence shows what everybody may see and no more.
        let current = service
            .get(&["rest", "api", "user", "current"], &[])
            .await?;
        if current.is_none_or(|user| user["type"] == "anonymous") {
            return Err(RemoteError::Unusable(
                "does not know this account: check `url`, `edition` and `auth`".into(),
            ));
        }
        let with_comments = site.comments;
        let attachments = site.attachments.then(|| Attachments::new(opening.0));
        let mut site = Site {
            service,
            edition,
            keys: site.keys.clone(),
            space_ids: Vec::new(),
        };
        if edition == Edition::Cloud {
            site.space_ids = listing::space_ids(&site).await?;
        }
        let since = begin.mark().and_then(|mark| page::time(&mark["modified"]));
        let mut confluence = Self {
            entry: entry.clone(),
            with_comments,
            attachments,
            listing: Listing::default(),
            site,
            readers: Readers::default(),
            people: HashMap::new(),
            newest: since,
            restarts: Restarts::default(),
        };
        confluence.listing = confluence.changes();
        Ok(confluence)
    }

    fn changes(&self) -> Listing {
        let since = self
            .newest
            .map(|time| time - Span::minutes(OVERLAP_MINUTES));
        Listing::changes(&self.site, since)
    }

    async fn reading(&mut self, page: Page) -> Result<Reading, RemoteError> {
        let id = DocumentId::new(&page.id);
        let allowed = self.readers.of(&self.site, &page).await?;
        let allowed = allowed.and_then(|sets| audience(&self.entry, &sets));
        let audience = match allowed {
            Ok(audience) => audience,
            Err(why) => return Ok(Reading::Withheld { id, why }),
        };
        let labels = match &page.labels {
            Some(labels) => labels.clone(),
            None => self.labels(&page.id).await?,
        };
        let author = match (&page.author, &page.author_id) {
            (None, Some(account)) => self.person(account).await?,
            (author, _) => author.clone(),
        };
        let link = self.site.service.link(&page.link);
        let comments = match self.with_comments {
            true => self.comments(&page.id).await?,
            false => Vec::new(),
        };
        let about = About {
            audience,
            labels,
            author,
            link,
            comments,
        };
        Ok(page.into_reading(&self.entry, about))
    }

    async fn comments(&mut self, id: &str) -> Result<Vec<Comment>, RemoteError> {
        let mut comments = Vec::new();
        for mut given in comments::of_page(&self.site, id).await? {
            if let Some(account) = &given.author_id {
                given.comment.author = self.person(account).await?.unwrap_or_default();
            }
            comments.push(given.comment);
        }
        Ok(comments)
    }

    async fn attached(&self, page: &str, parent: &Document) -> Result<Vec<Reading>, RemoteError> {
        let Some(attachments) = &self.attachments else {
            return Ok(Vec::new());
        };
        let limit = attachments::MOST.to_string();
        let (path, query) = match self.site.edition {
            Edition::Cloud => (
                vec!["api", "v2", "pages", page, "attachments"],
                [("limit", limit.as_str()), ("status", "current")],
            ),
            Edition::Server => (
                vec!["rest", "api", "content", page, "child", "attachment"],
                [("limit", limit.as_str()), ("expand", "version")],
            ),
        };
        let listed = results(self.site.service.get(&path, &query).await?)?;
        let listed = listed.iter().map(page::attachment).collect();
        attachments.of(&self.site.service, parent, listed).await
    }

    async fn labels(&self, id: &str) -> Result<Vec<String>, RemoteError> {
        let path = ["api", "v2", "pages", id, "labels"];
        let found = self.site.service.get(&path, &[("limit", "100")]).await?;
        Ok(page::names(&found.unwrap_or_default()["results"]))
    }

    async fn person(&mut self, account: &str) -> Result<Option<String>, RemoteError> {
        if let Some(known) = self.people.get(account) {
            return Ok(known.clone());
        }
        let path = ["rest", "api", "user"];
        let found = self
            .site
            .service
            .get(&path, &[("accountId", account)])
            .await?;
        let name = found.and_then(|user| user["displayName"].as_str().map(String::from));
        self.people.insert(account.into(), name.clone());
        Ok(name)
    }
}

#[async_trait]
impl Remote for Confluence {
    async fn next(&mut self) -> Result<Option<Batch>, RemoteError> {
        let pages = loop {
            match self.listing.next(&self.site).await? {
                Found::Pages(pages) => break pages,
                Found::End => return Ok(None),
                Found::Moved => {
                    self.restarts.count("pages")?;
                    self.listing = self.changes();
                }
            }
        };
        let mut readings = Vec::new();
        for page in pages {
            let (id, modified) = (page.id.clone(), page.modified);
            let reading = self.reading(page).await?;
            let attached = match &reading {
                Reading::Document(parent) => self.attached(&id, parent).await?,
                _ => Vec::new(),
            };
            readings.push(reading);
            readings.extend(attached);
            self.newest = self.newest.max(modified);
        }
        Ok(Some(Batch {
            readings,
            mark: self
                .newest
                .map(|newest| json!({"modified": newest.to_rfc3339()})),
        }))
    }

    async fn ids(&mut self) -> Result<HashSet<DocumentId>, RemoteError> {
        let mut ids = HashSet::new();
        let mut listing = Listing::all(&self.site);
        loop {
            match listing.next(&self.site).await? {
                Found::Pages(pages) => {
                    ids.extend(pages.iter().map(|page| DocumentId::new(&page.id)))
                }
                Found::End => return Ok(ids),
                Found::Moved => {
                    self.restarts.count("pages")?;
                    ids.clear();
                    listing = Listing::all(&self.site);
                }
            }
        }
    }
}

/// The records of an answer. One without any is not what it should be.
fn results(answer: Option<Value>) -> Result<Vec<Value>, RemoteError> {
    match answer.map(|mut answer| answer["results"].take()) {
        Some(Value::Array(results)) => Ok(results),
        _ => Err(RemoteError::Unusable(
            "has no such list: is `url` right, and `edition`? It is `cloud` or `server`".into(),
        )),
    }
}
