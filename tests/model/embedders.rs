//! Vector for vector what sentence-transformers gives with the same weights.

use super::harness::fixture;
use lorekeeper::{
    config::ModelSection,
    model::{EmbeddingModel, ModelError},
    ports::{Embedder, TextRole, with_causes},
};
use serde::Deserialize;
use std::{collections::BTreeSet, fs, path::Path, sync::Arc};
use tempfile::TempDir;

#[derive(Deserialize)]
struct Golden {
    role: String,
    text: String,
    vector: Vec<f32>,
}

impl Golden {
    fn role(&self) -> TextRole {
        match self.role.as_str() {
            "query" => TextRole::Query,
            _ => TextRole::Passage,
        }
    }
}

fn section(folder: &Path) -> ModelSection {
    ModelSection {
        embedding_dir: Some(folder.to_path_buf()),
        ..ModelSection::default()
    }
}

fn open(name: &str) -> EmbeddingModel {
    let opened = EmbeddingModel::open(&section(&fixture("embedders").join(name)));
    opened.unwrap_or_else(|error| panic!("{name} is opened: {}", with_causes(&error)))
}

fn goldens(name: &str) -> Vec<Golden> {
    let file = fixture("embedders").join(name).join("golden.jsonl");
    let lines = fs::read_to_string(file).expect("golden vectors");
    lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("a golden line"))
        .collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

async fn embed(embedder: &Arc<dyn Embedder>, texts: &[&Golden], role: TextRole) -> Vec<Vec<f32>> {
    let texts = texts.iter().map(|golden| golden.text.clone()).collect();
    let vectors = embedder.embed(texts, role).await;
    vectors.unwrap_or_else(|error| panic!("{}", with_causes(&error)))
}

/// All texts of a role at once, so that they are padded, and each alone.
async fn check(name: &str, least: f32) {
    let embedder = open(name).embedder;
    let goldens = goldens(name);
    assert_eq!(embedder.dimension(), goldens[0].vector.len());
    for role in [TextRole::Query, TextRole::Passage] {
        let of_role: Vec<&Golden> = goldens.iter().filter(|g| g.role() == role).collect();
        assert!(of_role.len() > 10);
        let together = embed(&embedder, &of_role, role).await;
        for (golden, vector) in of_role.iter().zip(together) {
            let near = cosine(&golden.vector, &vector);
            assert!(near > least, "{name}, {near}: {}", golden.text);
            let alone = embed(&embedder, &[golden], role).await;
            let near = cosine(&alone[0], &vector);
            assert!(near > 0.99999, "{name} together, {near}: {}", golden.text);
        }
    }
}

#[tokio::test]
async fn minilm_gives_the_golden_vectors() {
    check("minilm", 0.9999).await;
}

#[tokio::test]
async fn half_precision_minilm_gives_nearly_the_golden_vectors() {
    check("minilm-fp16", 0.999).await;
}

#[tokio::test]
async fn eight_bit_minilm_gives_nearly_the_golden_vectors_each_text_on_its_own() {
    check("minilm-int8", 0.95).await;
}

#[tokio::test]
async fn mpnet_with_places_behind_its_padding_gives_the_golden_vectors() {
    check("mpnet", 0.9999).await;
}

#[tokio::test]
async fn e5_with_its_prefixes_gives_the_golden_vectors() {
    check("e5", 0.9999).await;
}

#[tokio::test]
async fn nomic_with_rotary_places_and_its_prefixes_gives_the_golden_vectors() {
    check("nomic", 0.9999).await;
}

#[tokio::test]
async fn bge_that_pools_in_its_graph_gives_the_golden_vectors() {
    check("bge", 0.9999).await;
}

#[tokio::test]
async fn qwen3_that_pools_its_last_token_gives_the_golden_vectors() {
    check("qwen3", 0.9999).await;
}

#[test]
fn models_say_how_they_read_and_no_two_have_one_name() {
    let check = |name: &str, expected: &str| {
        let model = open(name);
        assert_eq!(model.about, expected, "{name}");
        model.embedder.name().to_string()
    };
    let names = [
        check("minilm", "mean of the tokens, up to 48 tokens, no prefixes"),
        check(
            "minilm-int8",
            "mean of the tokens, up to 48 tokens, no prefixes",
        ),
        check(
            "minilm-fp16",
            "mean of the tokens, up to 48 tokens, no prefixes",
        ),
        check("mpnet", "mean of the tokens, up to 48 tokens, no prefixes"),
        check(
            "e5",
            r#"mean of the tokens, up to 48 tokens, prefixes "query: " and "passage: ""#,
        ),
        check(
            "nomic",
            r#"mean of the tokens, up to 48 tokens, prefixes "search_query: " and "search_document: ""#,
        ),
        check(
            "bge",
            r#"first token, up to 48 tokens, prefixes "Find passages about: " and """#,
        ),
        check(
            "qwen3",
            r#"last token, up to 48 tokens, prefixes "Instruct: find passages\nQuery:" and """#,
        ),
    ];
    let different: BTreeSet<&String> = names.iter().collect();
    assert_eq!(different.len(), names.len(), "{names:?}");
    assert!(names[1].starts_with("minilm-int8-int8-mean-"), "{names:?}");
}

/// A copy of a fixture with one file written anew.
fn damaged(name: &str, file: &str, text: &str) -> TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    copy_folder(&fixture("embedders").join(name), copy.path());
    fs::write(copy.path().join(file), text).expect("written");
    copy
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a fixture") {
        let entry = entry.expect("a file");
        let to = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => {
                fs::create_dir(&to).expect("a folder");
                copy_folder(&entry.path(), &to);
            }
            false => drop(fs::copy(entry.path(), to).expect("a copy")),
        }
    }
}

#[test]
fn folder_that_does_not_fit_its_graph_is_told_what_is_wrong() {
    let check = |name: &str, file: &str, text: &str, expected: &str| {
        let folder = damaged(name, file, text);
        let refused: Result<_, ModelError> = EmbeddingModel::open(&section(folder.path()));
        let told = with_causes(&refused.err().expect("must be refused"));
        assert!(told.contains(expected), "{told}");
    };
    let dense =
        r#"[{"type": "a.Transformer", "path": ""}, {"type": "a.Dense", "path": "2_Dense"}]"#;
    check(
        "minilm",
        "modules.json",
        dense,
        "modules.json has a module `Dense`; that works only where the graph gives `sentence_embedding`",
    );
    let maximum = r#"{"embedding_dimension": 32, "pooling_mode": "max"}"#;
    check(
        "mpnet",
        "1_Pooling/config.json",
        maximum,
        "pooling is `max`",
    );
    check(
        "mpnet",
        "model.onnx",
        "no graph",
        "model.onnx can't be used",
    );
    check(
        "mpnet",
        "tokenizer.json",
        "{}",
        "tokenizer.json can't be used",
    );
    let modules = r#"[]"#;
    let folder = damaged("mpnet", "modules.json", modules);
    let config = fs::read_to_string(folder.path().join("config.json")).expect("a config");
    let config = config.replace("\"hidden_size\": 32", "\"hidden_size\": 16");
    fs::write(folder.path().join("config.json"), config).expect("written");
    let refused = EmbeddingModel::open(&section(folder.path()));
    let told = with_causes(&refused.err().expect("must be refused"));
    assert!(told.contains("graph and config.json differ"), "{told}");
}

#[test]
fn dense_layer_is_no_fault_where_the_graph_has_it() {
    let dense =
        r#"[{"type": "a.Transformer", "path": ""}, {"type": "a.Dense", "path": "2_Dense"}]"#;
    let folder = damaged("e5", "modules.json", dense);
    let model = EmbeddingModel::open(&section(folder.path()));
    let about = model
        .map(|model| model.about)
        .map_err(|error| with_causes(&error));
    assert!(about.is_ok_and(|about| about.starts_with("pooled by the graph")));
}
