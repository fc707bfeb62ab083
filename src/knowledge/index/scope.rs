//! What one search may look at.

use crate::domain::{Access, DocumentId, SourceKind};

/// The part of the index that one search may look at. Each index makes its own
/// filter of it, so that nothing outside is ranked.
#[derive(Clone, Debug)]
pub struct Scope {
    pub access: Access,
    /// Empty: every kind.
    pub kinds: Vec<SourceKind>,
    pub source: Option<String>,
    pub exclude: Vec<DocumentId>,
}

impl Scope {
    pub fn of(access: &Access) -> Self {
        Self {
            access: access.clone(),
            kinds: Vec::new(),
            source: None,
            exclude: Vec::new(),
        }
    }
}
