//! A ticket with its comments as a document.

use super::{
    Reading,
    restricted::{Restriction, audience},
};
use crate::{
    config::SourceEntry,
    domain::{DocumentId, SourceKind},
    knowledge::{
        document::{Body, Document},
        passage::Standing,
    },
};
use chrono::NaiveDate;

/// A ticket as a system has it, its texts in Markdown.
#[derive(Clone, Debug)]
pub struct Ticket {
    pub key: String,
    pub title: String,
    pub description: String,
    /// Such as status and priority; empty values are left out.
    pub fields: Vec<(&'static str, String)>,
    pub comments: Vec<Comment>,
    pub updated: Option<NaiveDate>,
    pub owner: Option<String>,
    pub locator: String,
    /// The error is the reason why nobody may see it.
    pub restrictions: Result<Vec<Restriction>, String>,
}

#[derive(Clone, Debug, Default)]
pub struct Comment {
    pub author: String,
    pub date: String,
    pub text: String,
}

impl Ticket {
    pub fn into_reading(self, source: &SourceEntry, origin: &str, bytes: u64) -> Reading {
        let id = DocumentId::new(&self.key);
        let restricted = self.restrictions.clone();
        let audience = match restricted.and_then(|sets| audience(source, &sets)) {
            Ok(audience) => audience,
            Err(why) => return Reading::Withheld { id, why },
        };
        let fields = self.fields.iter().filter(|(_, value)| !value.is_empty());
        let facts = fields.map(|(name, value)| format!("{name}: {value}"));
        let facts: Vec<String> = [self.key.clone()].into_iter().chain(facts).collect();
        Reading::Document(Box::new(Document {
            title: match self.title.is_empty() {
                true => self.key.clone(),
                false => self.title.clone(),
            },
            id,
            source: source.name.clone(),
            origin: origin.into(),
            kind: source.kind.unwrap_or(SourceKind::Tickets),
            facts: facts.join(" · "),
            body: Body::Markdown(with_comments(self.description, &self.comments)),
            date: self.updated,
            owner: self.owner,
            locator: self.locator,
            audience,
            supersedes: Vec::new(),
            standing: Standing::default(),
            bytes,
        }))
    }
}

/// A text, and what was said about it under a heading of its own.
pub fn with_comments(text: String, comments: &[Comment]) -> String {
    let mut body = text.trim().to_string();
    if !comments.is_empty() {
        body.push_str("\n\n## Comments\n");
    }
    for Comment { author, date, text } in comments {
        let by: Vec<&str> = [author.as_str(), date]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect();
        body.push_str(&format!("\n**{}:** {}\n", by.join(", "), text.trim()));
    }
    body.trim().to_string()
}
