//! A running model that follows the registry of adapters.

use lorekeeper::{
    domain::{Access, Question},
    learning::{
        following::{FollowError, Follower, SharedServing, chooser},
        registry::{Base, Registry},
    },
    model::{DecoderOptions, LanguageModel},
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn base_folder() -> PathBuf {
    fixtures().join("models/llama-lora")
}

struct World {
    folder: TempDir,
    model: Arc<LanguageModel>,
    serving: SharedServing,
}

impl World {
    fn new() -> Self {
        let options = DecoderOptions {
            slots: 2,
            context_tokens: 128,
            ..DecoderOptions::new(base_folder())
        };
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            model: Arc::new(LanguageModel::open(options).expect("the fixture opens")),
            serving: SharedServing::default(),
        }
    }

    fn registry(&self) -> Registry {
        Registry::new(self.folder.path())
    }

    /// Adds a fixture adapter and lets it write.
    fn promote(&self, name: &str) {
        let registry = self.registry();
        let base = Base::of(&base_folder()).expect("the base is read");
        let trained = fixtures().join("adapters").join(name);
        let manifest = registry
            .add(name, &trained, base, "now".into())
            .expect("it is added");
        registry.promote(&manifest.id()).expect("it is promoted");
    }

    async fn follow(&self) -> Result<Follower, FollowError> {
        Follower::start(
            self.registry(),
            self.model.clone(),
            &base_folder(),
            self.serving.clone(),
        )
        .await
    }

    fn writes(&self) -> Option<String> {
        let question: Question = crate::pipeline::question("any", Access::everyone());
        chooser(self.serving.clone())(&question)
    }

    async fn until(&self, expected: Option<&str>) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.writes().as_deref() != expected {
            assert!(
                Instant::now() < deadline,
                "{:?} still writes",
                self.writes()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A2: switched, promoted and rolled back without a restart.
#[tokio::test(flavor = "multi_thread")]
async fn running_model_follows_promotion_and_roll_back() {
    let world = World::new();
    let follower = world.follow().await.expect("an empty registry is fine");
    assert_eq!(world.writes(), None);
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { follower.run(stop).await }
    });
    world.promote("north");
    world.until(Some("north@1")).await;
    world.promote("south");
    world.until(Some("south@1")).await;
    assert_eq!(
        world.model.adapters(),
        ["south@1"],
        "the old one leaves memory"
    );
    world.registry().roll_back().expect("rolled back");
    world.until(Some("north@1")).await;
    stop.cancel();
    running.await.expect("it ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn adapter_that_does_not_write_its_golden_tokens_never_serves() {
    let world = World::new();
    world.promote("north");
    world
        .follow()
        .await
        .expect("north writes its golden tokens");
    // South's weights under north's golden tokens.
    world.promote("south");
    let (north, south) = (
        world.folder.path().join("north/1"),
        world.folder.path().join("south/1"),
    );
    fs::copy(north.join("golden.jsonl"), south.join("golden.jsonl")).expect("copied");
    let error = world.follow().await.err().expect("it is refused");
    assert!(
        matches!(error, FollowError::Differs { line: 1, .. }),
        "{error}"
    );
    assert_eq!(world.writes().as_deref(), Some("north@1"));
    assert_eq!(world.model.adapters(), ["north@1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn adapter_of_another_base_never_serves() {
    let world = World::new();
    world.promote("north");
    let manifest = world.folder.path().join("north/1/adapter.toml");
    let text = fs::read_to_string(&manifest).expect("read");
    let other = text.replace("graph = \"", "graph = \"00");
    fs::write(&manifest, other).expect("written");
    let error = world
        .follow()
        .await
        .err()
        .expect("it is refused")
        .to_string();
    assert!(
        error.contains("north@1") && error.contains("graph"),
        "{error}"
    );
}
