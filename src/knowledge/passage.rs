//! A passage: the piece of a document that is embedded, searched and shown.

use super::terms::{TermVector, passage_vector};
use crate::{
    domain::{Audience, DocumentId, Relation, SourceKind},
    ports::{Hit, Met},
};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// A piece of one document, as [`super::Chunker`] cuts it.
#[derive(Clone, Debug, PartialEq)]
pub struct Passage {
    /// Heading path, outermost first, joined by ` > `; without the title.
    pub section: String,
    /// As it stands in the document, Markdown kept.
    pub text: String,
    /// The same words without markup: what is embedded and searched.
    pub plain: String,
    pub position: usize,
}

/// What a document says of its own place among its versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// The documents that replace it, as its author named them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replaced_by: Vec<String>,
    /// It no longer holds.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub over: bool,
    /// Such as `2.1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edition: Option<String>,
}

impl Standing {
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

/// A passage as the index keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IndexedPassage {
    pub document: DocumentId,
    pub source: String,
    pub origin: String,
    pub kind: SourceKind,
    pub title: String,
    pub locator: String,
    pub section: String,
    /// Content hash of the document, in hex.
    pub hash: String,
    pub date: Option<NaiveDate>,
    pub owner: Option<String>,
    pub audience: Audience,
    pub supersedes: Vec<String>,
    /// The newer document that says it replaces this one.
    pub superseded_by: Option<DocumentId>,
    #[serde(default, skip_serializing_if = "Standing::is_unknown")]
    pub standing: Standing,
    pub text: String,
    pub position: usize,
    /// Of the words, see [`super::fingerprint`]; in hex, because JSON numbers lose bits.
    pub fingerprint: String,
    /// Of the searchable text, as [`crate::domain::TokenVectors::to_hex`] writes them;
    /// empty where they were not asked for.
    #[serde(default)]
    pub tokens: String,
    /// What the passage tells of things, see [`super::relations()`].
    #[serde(default)]
    pub relations: Vec<Relation>,
    /// What they are looked up by, see [`super::relation_keys()`].
    #[serde(default)]
    pub relation_keys: Vec<String>,
}

impl IndexedPassage {
    pub fn into_hit(self, score: f32, similarity: f32) -> Hit {
        let version = self.hash.chars().take(12).collect();
        Hit {
            document: self.document,
            source: self.source,
            kind: self.kind,
            title: self.title,
            locator: self.locator,
            section: self.section,
            version,
            date: self.date,
            owner: self.owner,
            superseded: self.superseded_by.is_some() || self.standing.over,
            edition: self.standing.edition,
            timeless: false,
            copies: Vec::new(),
            text: self.text,
            position: self.position,
            score,
            similarity,
            met: Met::default(),
        }
    }
}

/// What is embedded of a passage: title and heading path in front of its words.
pub fn searchable_text(title: &str, passage: &Passage) -> String {
    let parts = [title, &passage.section, &passage.plain];
    parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

/// The terms of a passage, those of its title and headings counted too.
pub fn passage_terms(title: &str, passage: &Passage) -> TermVector {
    passage_vector(
        &format!("{title}\n{}", passage.section),
        &passage.plain,
        HEADING_WEIGHT,
    )
}

/// How often a term of the title or of a heading counts.
const HEADING_WEIGHT: f32 = 1.0;
