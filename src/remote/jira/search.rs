//! The pages of a search, in both of Jira's ways.

use super::{RemoteError, version};
use crate::{config::Edition, tools::http::Service};
use serde_json::Value;

/// One search, page by page.
#[derive(Default)]
pub(super) struct Search {
    jql: String,
    fields: &'static str,
    limit: usize,
    /// Where the next page of the cloud is.
    token: Option<String>,
    /// Issues of a server's search before the next page.
    seen: usize,
    last: Option<String>,
    ended: bool,
}

pub(super) enum Page {
    Issues(Vec<Value>),
    End,
    /// The issues are not where they were; the search must begin again.
    Moved,
}

impl Search {
    pub(super) fn new(jql: String, fields: &'static str, limit: usize) -> Self {
        Self {
            jql,
            fields,
            limit,
            ..Self::default()
        }
    }

    pub(super) async fn next(
        &mut self,
        service: &Service,
        edition: Edition,
    ) -> Result<Page, RemoteError> {
        if self.ended {
            return Ok(Page::End);
        }
        match edition {
            Edition::Cloud => self.by_token(service).await,
            Edition::Server => self.by_place(service).await,
        }
    }

    async fn by_token(&mut self, service: &Service) -> Result<Page, RemoteError> {
        let limit = self.limit.to_string();
        let mut query = vec![
            ("jql", self.jql.as_str()),
            ("fields", self.fields),
            ("maxResults", &limit),
        ];
        if let Some(token) = &self.token {
            query.push(("nextPageToken", token));
        }
        let path = ["rest", "api", version(Edition::Cloud), "search", "jql"];
        let page = page(service.get(&path, &query).await?)?;
        let token = page["nextPageToken"].as_str().map(String::from);
        // The last page has no token; a token that leads nowhere ends it too.
        self.ended = token.is_none() || page["isLast"] == true || token == self.token;
        self.token = token;
        Ok(Page::Issues(issues(page)?))
    }

    /// Each page begins with the last issue of the one before: where another
    /// one stands there, something was deleted or changed meanwhile, and what
    /// follows has moved.
    async fn by_place(&mut self, service: &Service) -> Result<Page, RemoteError> {
        let start = self.seen.saturating_sub(1).to_string();
        let limit = (self.limit + 1).to_string();
        let query = [
            ("jql", self.jql.as_str()),
            ("fields", self.fields),
            ("startAt", &start),
            ("maxResults", &limit),
        ];
        let path = ["rest", "api", version(Edition::Server), "search"];
        let page = page(service.get(&path, &query).await?)?;
        let total = page["total"].as_u64().unwrap_or(0);
        let mut issues = issues(page)?;
        if let Some(last) = &self.last {
            if issues.first().and_then(|issue| issue["key"].as_str()) != Some(last) {
                return Ok(Page::Moved);
            }
            issues.remove(0);
        }
        let Some(last) = issues.last() else {
            self.ended = true;
            return Ok(Page::End);
        };
        self.last = last["key"].as_str().map(String::from);
        self.seen += issues.len();
        self.ended = self.seen as u64 >= total;
        Ok(Page::Issues(issues))
    }
}

fn page(page: Option<Value>) -> Result<Value, RemoteError> {
    page.ok_or_else(|| {
        RemoteError::Unusable(
            "has no such search: is `url` right, and `edition`? It is `cloud` or `server`".into(),
        )
    })
}

fn issues(mut page: Value) -> Result<Vec<Value>, RemoteError> {
    match page["issues"].take() {
        Value::Array(issues) => Ok(issues),
        _ => Err(RemoteError::Unusable("answers without `issues`".into())),
    }
}
