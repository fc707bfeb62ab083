//! `[index]`: where the passages lie that questions are answered from.

use super::load::Faults;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct IndexSection {
    pub kind: IndexKind,
    /// Of Qdrant its gRPC address, `http://qdrant:6334` or `https://…`; of
    /// pgvector `postgres://…`, without one the store's.
    pub url: Option<SecretString>,
    /// Qdrant's API key.
    pub key: Option<SecretString>,
    /// Qdrant's collections and their alias, or PostgreSQL's schema, are called so.
    pub name: String,
    /// For one call of a search.
    pub timeout_ms: u64,
    /// Of a Qdrant cluster: parts that a collection is cut into, when it is made.
    pub shards: Option<u32>,
    /// Of a Qdrant cluster: copies of each part.
    pub replicas: Option<u32>,
    /// Qdrant keeps vectors in memory at eight bits a dimension, and ranks the
    /// best again by the whole ones.
    pub quantize: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexKind {
    /// In this process and the data folder.
    #[default]
    Embedded,
    /// A Qdrant server or cluster.
    Qdrant,
    /// PostgreSQL with the extension `vector`.
    Pgvector,
}

impl Default for IndexSection {
    fn default() -> Self {
        Self {
            kind: IndexKind::Embedded,
            url: None,
            key: None,
            name: "lorekeeper".into(),
            timeout_ms: 5_000,
            shards: None,
            replicas: None,
            quantize: false,
        }
    }
}

impl IndexSection {
    /// Where PostgreSQL is: the section's own address, or the store's.
    pub fn postgres_url<'a>(&'a self, store: Option<&'a SecretString>) -> Option<&'a str> {
        let url = self.url.as_ref().or(store);
        url.map(ExposeSecret::expose_secret)
    }
}

/// Adds a fault for each thing that serde can't see.
pub(super) fn check(
    file: &str,
    section: &IndexSection,
    store: Option<&SecretString>,
    faults: &mut Faults,
) {
    let is_qdrant = section.kind == IndexKind::Qdrant;
    let given = [
        (
            "url",
            section.url.is_some(),
            section.kind != IndexKind::Embedded,
        ),
        ("key", section.key.is_some(), is_qdrant),
        ("shards", section.shards.is_some(), is_qdrant),
        ("replicas", section.replicas.is_some(), is_qdrant),
        ("quantize", section.quantize, is_qdrant),
    ];
    let needless = given.into_iter().filter(|(_, given, fits)| *given && !fits);
    for (key, _, _) in needless {
        faults.add(format!(
            "{file}: `index.{key}` has no meaning for this `index.kind`"
        ));
    }
    let (url, schemes): (_, &[&str]) = match section.kind {
        IndexKind::Embedded => (None, &[]),
        IndexKind::Qdrant => (
            section.url.as_ref().map(ExposeSecret::expose_secret),
            &["http://", "https://"],
        ),
        IndexKind::Pgvector => (
            section.postgres_url(store),
            &["postgres://", "postgresql://"],
        ),
    };
    let fits = |url: &str| schemes.iter().any(|scheme| url.starts_with(scheme));
    match url {
        _ if schemes.is_empty() => {}
        None => faults.add(format!("{file}: `index.url` is missing")),
        // The address may hold a password, so it is not repeated.
        Some(url) if !fits(url) => faults.add(format!(
            "{file}: `index.url` does not begin with `{}`",
            schemes.join("` or `")
        )),
        Some(_) => {}
    }
    let sound = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let name = &section.name;
    if !name.starts_with(|c: char| c.is_ascii_lowercase())
        || !name.chars().all(sound)
        || name.len() > 40
    {
        faults.add(format!(
            "{file}: `index.name` is `{name}`, expected up to 40 lower-case letters, digits and `_`, a letter first"
        ));
    }
    let mut range = |key: &str, value: u64, from: u64, to: u64| {
        if !(from..=to).contains(&value) {
            faults.add(format!(
                "{file}: `index.{key}` is {value}, expected {from} to {to}"
            ));
        }
    };
    range("timeout_ms", section.timeout_ms, 100, 600_000);
    range("shards", section.shards.unwrap_or(1).into(), 1, 1_000);
    range("replicas", section.replicas.unwrap_or(1).into(), 1, 100);
}
