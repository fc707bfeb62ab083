//! Who may read what.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A group of people: `finance`, `people-ops`. Configured, or taken from the platform.
pub type Group = String;

/// The group that every member of the company is in.
pub const EVERYONE: &str = "everyone";

/// The groups that may read a document. A document without one is for everyone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Audience(BTreeSet<Group>);

impl Audience {
    pub fn everyone() -> Self {
        Self::of([EVERYONE])
    }

    /// No group at all means everyone: an audience that nobody is in would hide
    /// a document without a trace.
    pub fn of<G: Into<Group>>(groups: impl IntoIterator<Item = G>) -> Self {
        let groups: BTreeSet<Group> = groups.into_iter().map(Into::into).collect();
        if groups.is_empty() {
            Self::everyone()
        } else {
            Self(groups)
        }
    }

    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    pub fn admits(&self, access: &Access) -> bool {
        self.0.iter().any(|group| access.0.contains(group))
    }
}

/// What a reply may draw on: the groups that every one of its readers is in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Access(BTreeSet<Group>);

impl Access {
    /// What any member of the company may see.
    pub fn everyone() -> Self {
        Self::member_of(Vec::<Group>::new())
    }

    /// A person's access: their groups, and everyone's.
    pub fn member_of<G: Into<Group>>(groups: impl IntoIterator<Item = G>) -> Self {
        let mut groups: BTreeSet<Group> = groups.into_iter().map(Into::into).collect();
        groups.insert(EVERYONE.into());
        Self(groups)
    }

    /// What both may see, as when an answer is posted where others read.
    pub fn shared_with(&self, other: &Access) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// Who reads along in the place where a reply would be posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Readers {
    /// The asker alone.
    AskerOnly,
    /// Members of the company.
    Internal,
    /// Guests of the company too.
    WithGuests,
    /// People of another organisation too.
    External,
    /// The platform did not say. Treated like [`Readers::External`].
    Unknown,
}

impl Readers {
    /// Whether anything of the company's may be said here at all.
    pub fn may_be_answered(self) -> bool {
        matches!(self, Readers::AskerOnly | Readers::Internal)
    }
}
