//! One document as a source gave it, before it is cut into passages.

use super::passage::Standing;
use crate::domain::{Audience, DocumentId, EVERYONE, SourceKind};
use chrono::NaiveDate;
use sha2::{Digest, Sha256};

#[derive(Clone, Debug)]
pub struct Document {
    pub id: DocumentId,
    /// The configured name of the source.
    pub source: String,
    /// The file that it was read from, relative to the source.
    pub origin: String,
    pub kind: SourceKind,
    pub title: String,
    pub locator: String,
    /// A record's fields in one line: `REQ-1234 · status: resolved`. Empty for files.
    pub facts: String,
    pub body: Body,
    pub date: Option<NaiveDate>,
    pub owner: Option<String>,
    pub audience: Audience,
    /// The documents that this one replaces, as its author named them.
    pub supersedes: Vec<String>,
    pub standing: Standing,
    /// Bytes of the source that it took, for the progress bar.
    pub bytes: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    Markdown(String),
    Plain(String),
}

impl Body {
    pub fn text(&self) -> &str {
        match self {
            Body::Markdown(text) | Body::Plain(text) => text,
        }
    }
}

impl Document {
    /// SHA-256 over everything that a passage carries, in hex: equal hashes make equal passages.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        let groups: Vec<&str> = self.audience.groups().collect();
        let date = self.date.map(|date| date.to_string()).unwrap_or_default();
        let fields = [
            self.origin.as_str(),
            self.kind.as_str(),
            &self.title,
            &self.locator,
            &self.facts,
            self.body.text(),
            &date,
            self.owner.as_deref().unwrap_or_default(),
            &groups.join("\u{1f}"),
            &self.supersedes.join("\u{1f}"),
        ];
        for field in fields {
            // The length in front keeps "ab" + "c" apart from "a" + "bc".
            hash.update(field.len().to_le_bytes());
            hash.update(field);
        }
        // Documents that say nothing of it keep the hash that they had before there was such a thing.
        if !self.standing.is_unknown() {
            hash.update(format!("{:?}", self.standing));
        }
        hex::encode(hash.finalize())
    }
}

/// The groups of a document inside a source: the document may narrow its
/// source's audience, never widen it. `None` where the two share nobody: then
/// the document must be left out, because an empty audience would mean everyone.
pub fn narrowed(source: &[String], document: &[String]) -> Option<Audience> {
    let open =
        |groups: &[String]| groups.is_empty() || groups.iter().any(|group| group == EVERYONE);
    if open(document) {
        return Some(if open(source) {
            Audience::everyone()
        } else {
            Audience::of(source.to_vec())
        });
    }
    if open(source) {
        return Some(Audience::of(document.to_vec()));
    }
    let shared: Vec<String> = document
        .iter()
        .filter(|group| source.contains(group))
        .cloned()
        .collect();
    (!shared.is_empty()).then(|| Audience::of(shared))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_narrows_its_sources_audience_and_never_widens_it() {
        let check = |source: &[&str], document: &[&str], expected: Option<&[&str]>| {
            let owned =
                |groups: &[&str]| groups.iter().map(ToString::to_string).collect::<Vec<_>>();
            let found = narrowed(&owned(source), &owned(document));
            assert_eq!(
                found,
                expected.map(|groups| Audience::of(groups.to_vec())),
                "{source:?} {document:?}"
            );
        };
        check(&["everyone"], &[], Some(&["everyone"]));
        check(&["everyone"], &["finance"], Some(&["finance"]));
        check(&["finance"], &[], Some(&["finance"]));
        check(&["finance"], &["everyone"], Some(&["finance"]));
        check(
            &["finance", "people-ops"],
            &["people-ops", "sales"],
            Some(&["people-ops"]),
        );
        check(&["finance"], &["people-ops"], None);
    }
}
