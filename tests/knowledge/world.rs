//! A company's folder, an index of each kind beside it, and the model that the set-up made.

use crate::fakes::qdrant::FakeQdrant;
use lorekeeper::{
    config::{
        Config, DatePolicy, Every, LimitsSection, ModelSection, OcrSection, RemoteSource,
        RetrievalSection, SourceEntry, SourceLayout,
    },
    domain::{Access, DocumentId, RedactionPolicy},
    ingest::{BATCH, Coverage, FileMemory, IngestReport, Ingestor, Unwatched, ingest, synchronise},
    knowledge::{
        Cursors, EdgeIndex, FORMAT, HybridSearch, IndexError, IndexRecipe, KnowledgeIndex, PgIndex,
        PgOptions, Purpose, QdrantIndex, QdrantOptions,
        redact::{Names, Redactor},
    },
    model::OnnxEmbedder,
    ports::{Embedder, Hit, Search, SearchRequest},
    remote::Remotes,
};
use std::{
    env, fs,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tempfile::TempDir;

/// Makes three tests of each function: on the embedded index, on PostgreSQL
/// with pgvector, and on a Qdrant server.
macro_rules! on_every_index {
    ($($(#[$meta:meta])* async fn $name:ident($world:ident: &mut World) $body:block)+) => {$(
        mod $name {
            #[allow(unused_imports, reason = "not every body needs every name")]
            use super::*;

            $(#[$meta])*
            async fn test($world: &mut World) $body

            #[tokio::test(flavor = "multi_thread")]
            async fn on_embedded() {
                test(&mut World::new()).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_pgvector() {
                test(&mut World::on_pgvector().await).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_qdrant() {
                test(&mut World::on_qdrant().await).await;
            }
        }
    )+};
}
pub(crate) use on_every_index;

pub struct World {
    // Before the folder, so that it is closed before its files are removed.
    index: Option<Arc<dyn KnowledgeIndex>>,
    pub place: IndexPlace,
    pub folder: TempDir,
    pub limits: LimitsSection,
    pub ocr: OcrSection,
    pub redact: RedactionPolicy,
}

/// Where this world's index lies.
pub enum IndexPlace {
    Embedded,
    Pgvector(PgOptions),
    Qdrant {
        server: FakeQdrant,
        options: QdrantOptions,
    },
}

impl World {
    /// With the embedded index.
    pub fn new() -> Self {
        let mut world = Self::of(IndexPlace::Embedded);
        let index = EdgeIndex::open(&world.index_folder(), &recipe(), Purpose::Ingest);
        world.index = Some(Arc::new(index.expect("index opens")));
        world
    }

    /// In a schema of its own, which ends with the throw-away server.
    pub async fn on_pgvector() -> Self {
        let mut world = Self::of(IndexPlace::Pgvector(pg_options()));
        world.reopen().await;
        world
    }

    pub async fn on_qdrant() -> Self {
        let server = FakeQdrant::start().await;
        let options = qdrant_options(&server.url());
        let mut world = Self::of(IndexPlace::Qdrant { server, options });
        world.reopen().await;
        world
    }

    /// An empty one with an index of the same kind.
    pub async fn another(&self) -> Self {
        match self.place {
            IndexPlace::Embedded => Self::new(),
            IndexPlace::Pgvector(_) => Self::on_pgvector().await,
            IndexPlace::Qdrant { .. } => Self::on_qdrant().await,
        }
    }

    fn of(place: IndexPlace) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        fs::create_dir(folder.path().join("docs")).expect("folder for documents");
        Self {
            folder,
            place,
            index: None,
            limits: LimitsSection::default(),
            ocr: OcrSection::default(),
            redact: RedactionPolicy::default(),
        }
    }

    pub fn docs(&self) -> PathBuf {
        self.folder.path().join("docs")
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.docs().join(name);
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("folder");
        fs::write(path, text).expect("write");
    }

    pub fn delete(&self, name: &str) {
        fs::remove_file(self.docs().join(name)).expect("delete");
    }

    pub async fn ingest(&self) -> IngestReport {
        let ingestor = self.ingestor(self.index());
        let sources = [self.source("docs")];
        synchronise(&ingestor, &sources, &Unwatched)
            .await
            .expect("ingested")
    }

    /// As `lorekeeper ingest` does it: the documents under each of these names.
    pub async fn ingest_into(
        &self,
        index: &Arc<dyn KnowledgeIndex>,
        coverage: Coverage,
        names: &[&str],
    ) -> IngestReport {
        let ingestor = self.ingestor(index.clone());
        let sources: Vec<SourceEntry> = names.iter().map(|name| self.source(name)).collect();
        ingest(&ingestor, &sources, coverage, &Unwatched)
            .await
            .expect("ingested")
    }

    pub fn ingestor(&self, index: Arc<dyn KnowledgeIndex>) -> Ingestor {
        Ingestor {
            index,
            embedder: embedder(),
            count_tokens: embedder().count_tokens(),
            retrieval: RetrievalSection::default(),
            limits: self.limits.clone(),
            ocr: self.ocr.clone(),
            redactor: Arc::new(Redactor::new(Names::default(), b"salt")),
            program: env!("CARGO_BIN_EXE_lorekeeper").into(),
            remotes: Remotes::new(&Config::default()),
            cursors: Cursors::in_memory(),
            files: FileMemory::default(),
            at_once: BATCH,
            dry_run: false,
        }
    }

    pub fn source(&self, name: &str) -> SourceEntry {
        SourceEntry {
            name: name.into(),
            path: self.docs(),
            kind: None,
            audience: Vec::new(),
            layout: SourceLayout::default(),
            redact: self.redact.clone(),
            dates: DatePolicy::default(),
            every: Every::Off,
            remote: RemoteSource::default(),
        }
    }

    pub fn search(&self) -> HybridSearch {
        HybridSearch::new(self.index(), embedder(), 50)
    }

    pub async fn find(&self, text: &str) -> Vec<Hit> {
        self.find_as(text, &Access::everyone()).await
    }

    pub async fn find_as(&self, text: &str, access: &Access) -> Vec<Hit> {
        let request = SearchRequest {
            text: text.into(),
            top_k: 10,
            kinds: Vec::new(),
            source: None,
            access: access.clone(),
            exclude: Vec::new(),
        };
        self.search().search(&request).await.expect("searched")
    }

    pub async fn document(&self, id: &str, access: &Access) -> Vec<Hit> {
        self.search()
            .document(&DocumentId::new(id), access)
            .await
            .expect("looked up")
    }

    /// What another process would find after this one ended.
    pub async fn reopen(&mut self) {
        self.index = None;
        let opened = self.open(&recipe(), Purpose::Ingest).await;
        self.index = Some(opened.expect("index opens"));
    }

    /// The index is used by nobody until it is opened again.
    pub fn close(&mut self) {
        self.index = None;
    }

    /// Another handle on the same index; of the embedded one, the only one.
    pub async fn open(
        &self,
        recipe: &IndexRecipe,
        purpose: Purpose,
    ) -> Result<Arc<dyn KnowledgeIndex>, IndexError> {
        Ok(match &self.place {
            IndexPlace::Embedded => {
                Arc::new(EdgeIndex::open(&self.index_folder(), recipe, purpose)?)
            }
            IndexPlace::Pgvector(options) => {
                Arc::new(PgIndex::open(options, recipe, purpose).await?)
            }
            IndexPlace::Qdrant { options, .. } => {
                Arc::new(QdrantIndex::open(options, recipe, purpose).await?)
            }
        })
    }

    pub fn index_folder(&self) -> PathBuf {
        self.folder.path().join("knowledge")
    }

    pub fn index(&self) -> Arc<dyn KnowledgeIndex> {
        self.index.clone().expect("an index is open")
    }
}

/// A schema that no other test has.
pub fn pg_options() -> PgOptions {
    let url = env::var("LOREKEEPER_TEST_PGVECTOR").unwrap_or_else(|_| {
        panic!("LOREKEEPER_TEST_PGVECTOR is not set; run the tests as `tests/with-pgvector cargo nextest run`")
    });
    PgOptions {
        url: url.into(),
        schema: format!("test_{}", uuid::Uuid::now_v7().simple()),
        timeout: Duration::from_secs(30),
    }
}

pub fn qdrant_options(url: &str) -> QdrantOptions {
    QdrantOptions {
        url: url.into(),
        key: None,
        name: "lore".into(),
        timeout: Duration::from_secs(30),
        shards: None,
        replicas: None,
        quantize: false,
    }
}

pub fn recipe() -> IndexRecipe {
    IndexRecipe {
        embedder: embedder().name().to_string(),
        dimension: embedder().dimension(),
        format: FORMAT,
    }
}

/// One model for all tests of this process.
pub fn embedder() -> Arc<OnnxEmbedder> {
    static EMBEDDER: OnceLock<Arc<OnnxEmbedder>> = OnceLock::new();
    EMBEDDER
        .get_or_init(|| {
            Arc::new(OnnxEmbedder::open(&model()).unwrap_or_else(|error| panic!("{error}")))
        })
        .clone()
}

fn model() -> ModelSection {
    let setup = env::var_os("LOREKEEPER_SETUP").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".setup"),
        PathBuf::from,
    );
    ModelSection {
        embedding_dir: Some(setup.join("minilm")),
        onnxruntime: Some(setup.join("onnxruntime").join("libonnxruntime.so")),
        ..ModelSection::default()
    }
}

pub fn documents(hits: &[Hit]) -> Vec<&str> {
    hits.iter().map(|hit| hit.document.as_str()).collect()
}
