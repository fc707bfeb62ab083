use super::*;
use tempfile::TempDir;

struct World {
    registry: Registry,
    trained: PathBuf,
    model: PathBuf,
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let world = Self {
            registry: Registry::new(folder.path().join("adapters")),
            trained: folder.path().join("trained"),
            model: folder.path().join("model"),
            folder,
        };
        world.write(
            "trained/adapter_config.json",
            r#"{"r":16,"target_modules":["v_proj","q_proj"]}"#,
        );
        world.write("trained/adapter_model.safetensors", "weights");
        world.write(
            "trained/training.json",
            r#"{"recipe":"lora-1","data":{"file":"train.jsonl","sha256":"d1","examples":3},"metrics":{"eval_loss":0.5}}"#,
        );
        world.write("model/model.onnx", "graph");
        world.write("model/tokenizer.json", "{}");
        world
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }

    fn base(&self) -> Base {
        Base::of(&self.model).expect("the model is read")
    }

    fn add(&self, name: &str) -> AdapterId {
        let added = self
            .registry
            .add(name, &self.trained, self.base(), "2026-11-21".into());
        added.expect("it is added").id()
    }
}

#[test]
fn added_adapter_is_a_candidate_with_its_origin() {
    let world = World::new();
    assert_eq!(world.add("answers").to_string(), "answers@1");
    assert_eq!(world.add("answers").to_string(), "answers@2");
    let list = world.registry.list().expect("listed");
    assert_eq!(list.len(), 2);
    let (manifest, status) = &list[0];
    assert_eq!(*status, Status::Candidate);
    assert_eq!((manifest.rank, manifest.data.as_deref()), (16, Some("d1")));
    assert_eq!(manifest.targets, ["q_proj", "v_proj"]);
    assert_eq!(manifest.metrics["eval_loss"], 0.5);
    let (id, _) = world.registry.find("answers").expect("found");
    assert_eq!(id.version, 2, "a bare name is the newest version");
}

#[test]
fn promotion_and_roll_back_go_forth_and_back() {
    let world = World::new();
    let (first, second) = (world.add("answers"), world.add("answers"));
    let registry = &world.registry;
    registry.promote(&first).expect("promoted");
    registry.promote(&second).expect("promoted");
    assert_eq!(
        registry.serving().expect("read").status(&first),
        Status::Retired
    );
    let serving = registry.roll_back().expect("rolled back");
    assert_eq!(serving.production, Some(first));
    let serving = registry.roll_back().expect("rolled back");
    assert_eq!(serving.production, None, "the base model serves again");
    let error = registry.roll_back().expect_err("nothing before");
    assert!(matches!(error, RegistryError::NothingBefore));
}

#[test]
fn canary_writes_for_its_share_of_threads_and_always_the_same_ones() {
    let world = World::new();
    let (old, new) = (world.add("answers"), world.add("answers"));
    world.registry.promote(&old).expect("promoted");
    let serving = world.registry.canary(&new, 20).expect("tried");
    let tried = |n: &usize| serving.choose(&format!("thread {n}")) == Some(&new);
    let count = (0..2000).filter(tried).count();
    assert!((300..500).contains(&count), "{count} of 2000");
    assert_eq!(
        serving.choose("thread 7"),
        world.registry.serving().expect("read").choose("thread 7")
    );
    let serving = world.registry.roll_back().expect("the trial ends");
    assert_eq!((serving.canary, serving.production), (None, Some(old)));
}

#[test]
fn adapter_of_another_base_is_refused_and_the_part_is_named() {
    let world = World::new();
    world.add("answers");
    let (_, manifest) = world.registry.find("answers@1").expect("found");
    manifest.fits(&world.base()).expect("its own base fits");
    world.write("model/tokenizer.json", "{\"other\":1}");
    let error = manifest
        .fits(&world.base())
        .expect_err("refused")
        .to_string();
    assert!(
        error.contains("answers@1") && error.contains("tokenizer"),
        "{error}"
    );
}

#[test]
fn names_that_would_leave_the_folder_are_refused() {
    for name in ["", "../x", "a/b", "a@b", "a b", "a@1@2"] {
        assert!(name.parse::<AdapterId>().is_err(), "{name}");
    }
    let world = World::new();
    let error = world.registry.find("answers@9").expect_err("not there");
    assert!(error.to_string().contains("adapters list"), "{error}");
}

#[test]
fn broken_serving_file_is_named() {
    let world = World::new();
    world.write("adapters/serving.toml", "production = 7");
    let error = world.registry.serving().expect_err("refused").to_string();
    assert!(error.contains("serving.toml"), "{error}");
}

#[test]
fn incomplete_adapter_is_refused_and_leaves_nothing() {
    let world = World::new();
    fs::remove_file(world.trained.join(WEIGHTS)).expect("removed");
    let error = world
        .registry
        .add("answers", &world.trained, world.base(), String::new())
        .expect_err("refused");
    assert!(error.to_string().contains(WEIGHTS), "{error}");
    assert!(world.registry.list().expect("listed").is_empty());
}
