//! A company's folder, an index beside it, and the model that the set-up made.

use lorekeeper::{
    config::{
        Config, LimitsSection, ModelSection, RemoteSource, RetrievalSection, SourceEntry,
        SourceLayout,
    },
    domain::{Access, DocumentId, RedactionPolicy},
    ingest::{IngestReport, Ingestor, Unwatched, synchronise},
    knowledge::{
        Cursors, FORMAT, HybridSearch, IndexRecipe, KnowledgeIndex,
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
};
use tempfile::TempDir;

pub struct World {
    // Before the folder, so that it is closed before its files are removed.
    index: Option<Arc<KnowledgeIndex>>,
    pub folder: TempDir,
    pub limits: LimitsSection,
    pub redact: RedactionPolicy,
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        fs::create_dir(folder.path().join("docs")).expect("folder for documents");
        let mut world = Self {
            folder,
            index: None,
            limits: LimitsSection::default(),
            redact: RedactionPolicy::default(),
        };
        world.open();
        world
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
        let ingestor = Ingestor {
            index: self.index(),
            embedder: embedder(),
            count_tokens: embedder().count_tokens(),
            retrieval: RetrievalSection::default(),
            limits: self.limits.clone(),
            redactor: Arc::new(Redactor::new(Names::default(), b"salt")),
            program: env!("CARGO_BIN_EXE_lorekeeper").into(),
            remotes: Remotes::new(&Config::default()),
            cursors: Cursors::in_memory(),
            dry_run: false,
        };
        let source = SourceEntry {
            name: "docs".into(),
            path: self.docs(),
            kind: None,
            audience: Vec::new(),
            layout: SourceLayout::default(),
            redact: self.redact.clone(),
            remote: RemoteSource::default(),
        };
        synchronise(&ingestor, &[source], &Unwatched)
            .await
            .expect("ingested")
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
    pub fn reopen(&mut self) {
        self.index = None;
        self.open();
    }

    pub fn index_folder(&self) -> PathBuf {
        self.folder.path().join("knowledge")
    }

    fn open(&mut self) {
        let index = KnowledgeIndex::open(&self.index_folder(), &recipe()).expect("index opens");
        self.index = Some(Arc::new(index));
    }

    fn index(&self) -> Arc<KnowledgeIndex> {
        self.index.clone().expect("an index is open from `new` on")
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
