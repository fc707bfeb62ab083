//! Secrets and personal data, found before anything is stored.
//!
//! Promise: what has a documented form (a provider's token, a card number with
//! its check digit, an IBAN with its checksum, an address) is found wherever
//! it stands. Not promised: every name. Names are found by the configuration,
//! by common given names and by the words around them.

mod checksums;
mod contact;
mod cues;
mod names;
mod national;
mod ordinary;
mod payment;
mod secrets;

pub use names::Names;

use super::{Body, Document};
use crate::domain::{RedactionPolicy, Sensitive, Treatment};
use sha2::{Digest, Sha256};
use std::{borrow::Cow, collections::BTreeMap, ops::Range};

/// Where something was found, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub kind: Sensitive,
    pub span: Range<usize>,
}

/// How many places were changed, by what stood there.
pub type Redacted = BTreeMap<Sensitive, usize>;

/// Raised where the same text would be redacted otherwise.
const EDITION: u32 = 2;

/// Looks through text. Cost: linear in the text; a few megabytes a second a core.
pub struct Redactor {
    names: Names,
    /// Keeps hashes from being guessed by trying values.
    salt: Vec<u8>,
}

impl Redactor {
    pub fn new(names: Names, salt: &[u8]) -> Self {
        Self {
            names,
            salt: salt.to_vec(),
        }
    }

    /// Everything found, in the order of the text; no two overlap.
    pub fn find(&self, text: &str) -> Vec<Found> {
        self.look(text, true)
    }

    /// Names cost the most to find and give way to every other kind, so that
    /// nothing else changes where nobody wants them.
    fn look(&self, text: &str, for_names: bool) -> Vec<Found> {
        let mut found = Vec::new();
        secrets::find(text, &mut found);
        payment::find(text, &mut found);
        contact::find(text, &mut found);
        national::find(text, &mut found);
        if for_names {
            self.names.find(text, &mut found);
        }
        without_overlaps(found)
    }

    /// The text after its treatment; what was changed is added to `counts`.
    pub fn redact<'t>(
        &self,
        text: &'t str,
        policy: &RedactionPolicy,
        counts: &mut Redacted,
    ) -> Cow<'t, str> {
        let for_names = policy.treatment(Sensitive::Person) != Treatment::Keep;
        self.treat(text, self.look(text, for_names), policy, counts)
    }

    /// The same for what was found in it before.
    pub fn treat<'t>(
        &self,
        text: &'t str,
        found: Vec<Found>,
        policy: &RedactionPolicy,
        counts: &mut Redacted,
    ) -> Cow<'t, str> {
        let mut written = String::new();
        let mut from = 0;
        for Found { kind, span } in found {
            let value = &text[span.clone()];
            let put = match policy.treatment(kind) {
                Treatment::Keep => continue,
                Treatment::Mask => format!("[{}]", kind.label()),
                Treatment::Hash => format!("[{} {}]", kind.label(), self.mark(kind, value)),
                Treatment::Drop => String::new(),
            };
            written.push_str(&text[from..span.start]);
            written.push_str(&put);
            from = span.end;
            *counts.entry(kind).or_default() += 1;
        }
        if from == 0 {
            return Cow::Borrowed(text);
        }
        written.push_str(&text[from..]);
        Cow::Owned(written)
    }

    /// Redacts everything of a document that is stored and shown.
    pub fn redact_document(
        &self,
        document: &mut Document,
        policy: &RedactionPolicy,
        counts: &mut Redacted,
    ) {
        let Document {
            title,
            facts,
            body,
            owner,
            ..
        } = document;
        let (Body::Markdown(body) | Body::Plain(body)) = body;
        for text in [title, facts, body].into_iter().chain(owner) {
            if let Cow::Owned(redacted) = self.redact(text, policy, counts) {
                *text = redacted;
            }
        }
    }

    /// Names everything that decides what becomes of a text: under another
    /// recipe a document must be read again.
    pub fn recipe(&self, policy: &RedactionPolicy) -> String {
        let mut hash = Sha256::new();
        hash.update(&self.salt);
        hash.update(format!("{EDITION} {policy:?} {:?}", self.names));
        hex::encode(&hash.finalize()[..8])
    }

    /// The same for values that differ in case and separators alone.
    fn mark(&self, kind: Sensitive, value: &str) -> String {
        let plain: String = match kind {
            Sensitive::Secret => value.into(),
            _ => value
                .chars()
                .filter(|c| c.is_alphanumeric() || *c == '@')
                .flat_map(char::to_lowercase)
                .collect(),
        };
        let mut hash = Sha256::new();
        hash.update(self.salt.len().to_le_bytes());
        hash.update(&self.salt);
        hash.update(kind.label());
        hash.update([0]);
        hash.update(plain);
        let digest = hash.finalize();
        hex::encode(&digest[..4])
    }
}

/// Of two that overlap the kind that counts more stays, then the longer one.
fn without_overlaps(mut found: Vec<Found>) -> Vec<Found> {
    found.retain(|found| !found.span.is_empty());
    found.sort_by_key(|found| (found.kind, std::cmp::Reverse(found.span.len())));
    let mut kept: Vec<Found> = Vec::new();
    for candidate in found {
        let at = kept.partition_point(|other| other.span.end <= candidate.span.start);
        let is_free = kept
            .get(at)
            .is_none_or(|next| candidate.span.end <= next.span.start);
        if is_free {
            kept.insert(at, candidate);
        }
    }
    kept
}

/// The text just before a place, at most `bytes` of it, on the same line.
fn before(text: &str, at: usize, bytes: usize) -> &str {
    let from = text.floor_char_boundary(at.saturating_sub(bytes));
    let window = &text[from..at];
    match window.rfind('\n') {
        Some(end) => &window[end + 1..],
        None => window,
    }
}

/// The text just behind a place, at most `bytes` of it, on the same line.
fn after(text: &str, at: usize, bytes: usize) -> &str {
    let to = text.ceil_char_boundary((at + bytes).min(text.len()));
    let window = &text[at..to];
    match window.find('\n') {
        Some(end) => &window[..end],
        None => window,
    }
}

/// Whether the span is no part of a longer word or number.
fn stands_alone(text: &str, span: &Range<usize>) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    let before = text[..span.start].chars().next_back();
    let after = text[span.end..].chars().next();
    !before.is_some_and(joins) && !after.is_some_and(joins)
}

fn digits(text: &str) -> Vec<u8> {
    let digits = text.chars().filter_map(|c| c.to_digit(10));
    digits.map(|digit| digit as u8).collect()
}

#[cfg(test)]
mod tests;
