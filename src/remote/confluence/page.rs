//! One page, from either API, as a document.

use super::{super::attachments::Attachment, Site};
use crate::{
    config::SourceEntry,
    domain::{Audience, DocumentId, SourceKind},
    knowledge::{Body, Comment, Document, Reading, Standing, markup::storage, with_comments},
};
use chrono::{DateTime, Utc};
use serde_json::Value;

pub(super) struct Page {
    pub id: String,
    pub title: String,
    /// Its key.
    pub space: String,
    pub version: String,
    pub author: Option<String>,
    pub author_id: Option<String>,
    pub modified: Option<DateTime<Utc>>,
    pub storage: String,
    /// `None` where they have to be asked for.
    pub labels: Option<Vec<String>>,
    pub above: Above,
    /// Below the address of the site.
    pub link: String,
}

/// What is asked for beside a page.
pub(super) struct About {
    pub audience: Audience,
    pub labels: Vec<String>,
    pub author: Option<String>,
    pub link: String,
    pub comments: Vec<Comment>,
}

/// The pages above a page: their restrictions count for it.
pub(super) enum Above {
    Nothing,
    /// All of them.
    Known(Vec<String>),
    /// The next one; the others have to be asked for.
    Parent(String),
}

impl Page {
    /// Of API v2.
    pub(super) fn cloud(page: &Value, site: &Site) -> Self {
        let space = text(&page["spaceId"]);
        let key = site.space_ids.iter().find(|(_, id)| *id == space);
        Self {
            id: text(&page["id"]),
            title: text(&page["title"]),
            space: key.map(|(key, _)| key.clone()).unwrap_or_default(),
            version: text(&page["version"]["number"]),
            author: None,
            author_id: page["version"]["authorId"]
                .as_str()
                .or(page["authorId"].as_str())
                .map(String::from),
            modified: time(&page["version"]["createdAt"]),
            storage: text(&page["body"]["storage"]["value"]),
            labels: None,
            above: match text(&page["parentId"]) {
                parent if parent.is_empty() => Above::Nothing,
                parent => Above::Parent(parent),
            },
            link: text(&page["_links"]["webui"]),
        }
    }

    /// Of API v1.
    pub(super) fn server(page: &Value) -> Self {
        let ancestors = page["ancestors"].as_array().into_iter().flatten();
        let by = &page["version"]["by"];
        let name = by["displayName"].as_str().or(by["username"].as_str());
        Self {
            id: text(&page["id"]),
            title: text(&page["title"]),
            space: text(&page["space"]["key"]),
            version: text(&page["version"]["number"]),
            author: name.map(String::from),
            author_id: None,
            modified: time(&page["version"]["when"]),
            storage: text(&page["body"]["storage"]["value"]),
            labels: Some(names(&page["metadata"]["labels"]["results"])),
            above: Above::Known(ancestors.map(|above| text(&above["id"])).collect()),
            link: text(&page["_links"]["webui"]),
        }
    }

    pub(super) fn into_reading(self, source: &SourceEntry, about: About) -> Reading {
        let mut facts = vec![format!("space: {}", self.space)];
        if !self.version.is_empty() {
            facts.push(format!("version: {}", self.version));
        }
        if !about.labels.is_empty() {
            facts.push(format!("labels: {}", about.labels.join(", ")));
        }
        Reading::Document(Box::new(Document {
            id: DocumentId::new(&self.id),
            source: source.name.clone(),
            origin: self.space,
            kind: source.kind.unwrap_or(SourceKind::Documents),
            title: self.title,
            locator: about.link,
            facts: facts.join(" · "),
            body: Body::Markdown(with_comments(
                storage::to_markdown(&self.storage),
                &about.comments,
            )),
            date: self.modified.map(|time| time.date_naive()),
            owner: about.author,
            audience: about.audience,
            supersedes: Vec::new(),
            standing: Standing::default(),
            bytes: 1,
        }))
    }
}

/// A file as either API lists it.
pub(super) fn attachment(file: &Value) -> Attachment {
    let first = |values: [&Value; 2]| {
        let found = values.into_iter().map(text);
        found
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or_default()
    };
    let version = &file["version"];
    Attachment {
        id: text(&file["id"]),
        name: text(&file["title"]),
        bytes: file["fileSize"]
            .as_u64()
            .or(file["extensions"]["fileSize"].as_u64())
            .unwrap_or(0),
        download: first([&file["downloadLink"], &file["_links"]["download"]]),
        date: time(&version["createdAt"])
            .or(time(&version["when"]))
            .map(|time| time.date_naive()),
        author: version["by"]["displayName"].as_str().map(String::from),
    }
}

/// A text or a number: ids are the one here and the other there.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

pub(super) fn names(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items
        .map(|item| text(&item["name"]))
        .filter(|name| !name.is_empty())
        .collect()
}

pub(super) fn time(value: &Value) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(value.as_str()?).ok()?;
    Some(time.to_utc())
}
