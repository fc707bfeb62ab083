//! The index on qdrant-edge, in this process. One process at a time.

mod filter;
mod folder;
mod lock;
mod shard;

use super::{
    Found, IndexEntry, IndexError, IndexRecipe, KnowledgeIndex, Known, PassageId, Purpose,
    Replaced, Scope,
};
use crate::{
    domain::{Access, DocumentId},
    knowledge::{passage::IndexedPassage, terms::TermVector},
};
use async_trait::async_trait;
use folder::IndexFolder;
use shard::Shard;
use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
    sync::Arc,
};
use tokio::task::spawn_blocking;
use tracing::Span;

pub struct EdgeIndex {
    shard: Arc<Shard>,
    // Last, so that its lock is given back only after the shard was closed.
    folder: Arc<IndexFolder>,
}

impl EdgeIndex {
    /// Opens the index in a folder, or makes an empty one.
    pub fn open(folder: &Path, recipe: &IndexRecipe, purpose: Purpose) -> Result<Self, IndexError> {
        let folder = IndexFolder::open(folder, recipe, purpose)?;
        let shard = Shard::open(&folder.shard(), recipe)?;
        Ok(Self {
            shard: Arc::new(shard),
            folder: Arc::new(folder),
        })
    }

    /// The engine is synchronous; the span goes along, so that its logs stay in place.
    async fn on_shard<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shard) -> Result<T, IndexError> + Send + 'static,
    ) -> Result<T, IndexError> {
        // The folder goes along: its lock outlasts a caller who does not wait for the end.
        let (shard, folder) = (self.shard.clone(), self.folder.clone());
        let span = Span::current();
        let done = spawn_blocking(move || {
            let done = span.in_scope(|| work(&shard));
            drop(shard);
            drop(folder);
            done
        });
        done.await.map_err(IndexError::failed("run"))?
    }
}

#[async_trait]
impl KnowledgeIndex for EdgeIndex {
    fn place(&self) -> String {
        self.folder.place()
    }

    async fn known(&self, source: &str) -> Result<HashMap<DocumentId, Known>, IndexError> {
        let source = source.to_string();
        self.on_shard(move |shard| shard.known(&source)).await
    }

    async fn sources(&self) -> Result<BTreeSet<String>, IndexError> {
        self.on_shard(Shard::sources).await
    }

    async fn write(&self, entries: Vec<IndexEntry>) -> Result<(), IndexError> {
        self.on_shard(move |shard| shard.write(entries)).await
    }

    async fn remove(&self, source: &str, documents: &[DocumentId]) -> Result<(), IndexError> {
        let (source, documents) = (source.to_string(), documents.to_vec());
        self.on_shard(move |shard| shard.remove(&source, &documents))
            .await
    }

    async fn set_superseded(
        &self,
        source: &str,
        document: &DocumentId,
        by: Option<&DocumentId>,
    ) -> Result<(), IndexError> {
        let (source, document, by) = (source.to_string(), document.clone(), by.cloned());
        self.on_shard(move |shard| shard.set_superseded(&source, &document, by.as_ref()))
            .await
    }

    async fn flush(&self) -> Result<(), IndexError> {
        self.on_shard(Shard::flush).await
    }

    async fn nearest(
        &self,
        vector: &[f32],
        scope: &Scope,
        limit: usize,
    ) -> Result<Vec<Found>, IndexError> {
        let (vector, scope) = (vector.to_vec(), scope.clone());
        self.on_shard(move |shard| shard.nearest(vector, &scope, limit))
            .await
    }

    async fn matching(
        &self,
        terms: &TermVector,
        scope: &Scope,
        limit: usize,
    ) -> Result<Vec<Found>, IndexError> {
        let (terms, scope) = (terms.clone(), scope.clone());
        self.on_shard(move |shard| shard.matching(terms, &scope, limit))
            .await
    }

    async fn similarities(
        &self,
        vector: &[f32],
        ids: &[PassageId],
    ) -> Result<Vec<Found>, IndexError> {
        let (vector, ids) = (vector.to_vec(), ids.to_vec());
        self.on_shard(move |shard| shard.similarities(vector, &ids))
            .await
    }

    async fn passages(
        &self,
        ids: &[PassageId],
        with_tokens: bool,
    ) -> Result<Vec<(PassageId, IndexedPassage)>, IndexError> {
        let ids = ids.to_vec();
        self.on_shard(move |shard| shard.passages(&ids, with_tokens))
            .await
    }

    async fn document(
        &self,
        id: &DocumentId,
        access: &Access,
    ) -> Result<Vec<IndexedPassage>, IndexError> {
        let (id, access) = (id.clone(), access.clone());
        self.on_shard(move |shard| shard.document(&id, &access))
            .await
    }

    async fn related(
        &self,
        keys: &[String],
        access: &Access,
        limit: usize,
    ) -> Result<Vec<IndexedPassage>, IndexError> {
        let (keys, access) = (keys.to_vec(), access.clone());
        self.on_shard(move |shard| shard.related(&keys, &access, limit))
            .await
    }

    async fn count_passages(&self) -> Result<usize, IndexError> {
        self.on_shard(Shard::count_passages).await
    }

    async fn count_documents(&self, scope: &Scope) -> Result<usize, IndexError> {
        let scope = scope.clone();
        self.on_shard(move |shard| shard.count_documents(&scope))
            .await
    }

    async fn replaces(&self) -> Result<Option<Replaced>, IndexError> {
        Ok(self.folder.replaces())
    }

    async fn take_over(&self) -> Result<(), IndexError> {
        let folder = self.folder.clone();
        self.on_shard(move |shard| {
            shard.flush()?;
            folder.take_over()
        })
        .await
    }
}
