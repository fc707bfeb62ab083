//! A wrong folder names what is missing, cut off, or does not fit.

use super::harness::{copy_of, fixture, open_with, refusal};
use lorekeeper::{
    model::{DecoderOptions, ModelFolder},
    ports::{Generator, with_causes},
};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

fn check(model: &str, damage: impl Fn(&Path), expected: &str) {
    let folder = copy_of(&format!("models/{model}"));
    damage(folder.path());
    let error = refusal(DecoderOptions::new(folder.path()));
    assert!(error.contains(expected), "{error}");
}

fn remove(name: &str) -> impl Fn(&Path) {
    move |folder| fs::remove_file(folder.join(name)).expect("removed")
}

fn cut(name: &str) -> impl Fn(&Path) {
    move |folder| {
        let whole = fs::read(folder.join(name)).expect("the file");
        fs::write(folder.join(name), &whole[..whole.len() / 2]).expect("cut off");
    }
}

fn set(name: &str, pointer: &str, value: Value) -> impl Fn(&Path) {
    move |folder| {
        let text = fs::read_to_string(folder.join(name)).expect("the file");
        let mut json: Value = serde_json::from_str(&text).expect("JSON");
        *json.pointer_mut(pointer).expect("the key") = value.clone();
        fs::write(folder.join(name), json.to_string()).expect("written");
    }
}

#[test]
fn missing_file_is_named() {
    let error = refusal(DecoderOptions::new("/nowhere"));
    assert!(error.contains("there is no such folder"), "{error}");
    check(
        "llama",
        remove("genai_config.json"),
        "genai_config.json or config.json is missing",
    );
    check(
        "llama",
        remove("tokenizer.json"),
        "tokenizer.json is missing",
    );
    check(
        "llama",
        remove("model.onnx"),
        "model.onnx, which genai_config.json names, is missing",
    );
    check(
        "llama",
        remove("model.onnx.data"),
        "model.onnx.data, with the weights, is missing",
    );
    check(
        "llama-dynamo",
        remove("model.onnx"),
        "model.onnx (or onnx/model.onnx) is missing",
    );
}

#[test]
fn file_that_is_cut_off_is_named() {
    check("llama", cut("model.onnx"), "model.onnx");
    check(
        "llama",
        cut("model.onnx.data"),
        "model.onnx.data is cut off",
    );
    check("llama", cut("genai_config.json"), "genai_config.json: ");
    check("llama", cut("tokenizer.json"), "tokenizer.json");
    check("llama-dynamo", cut("model.onnx"), "not a whole ONNX graph");
}

#[test]
fn sizes_that_differ_from_the_graphs_are_told() {
    let genai =
        |pointer: &'static str, value: i32| set("genai_config.json", pointer, Value::from(value));
    check(
        "llama",
        genai("/model/decoder/num_hidden_layers", 3),
        "2 layers of cache",
    );
    check(
        "llama",
        genai("/model/decoder/num_key_value_heads", 4),
        "key-value heads is 2",
    );
    check(
        "llama-dynamo",
        set("config.json", "/head_dim", Value::from(32)),
        "the head size is 16",
    );
    check(
        "llama",
        genai("/model/vocab_size", 600),
        "the vocabulary is 512",
    );
    check(
        "llama",
        genai("/model/decoder/head_size", 0),
        "the head size is 0",
    );
    check(
        "llama",
        genai("/model/context_length", 0),
        "the context has 0 tokens",
    );
    check(
        "llama",
        set("genai_config.json", "/model/eos_token_id", Value::Null),
        "eos_token_id",
    );
}

/// The graph leaves this size open, so that it shows in the first run only.
#[test]
fn wrong_head_size_is_found_when_the_model_is_opened() {
    let folder = copy_of("models/llama");
    set(
        "genai_config.json",
        "/model/decoder/head_size",
        Value::from(8),
    )(folder.path());
    let error = refusal(DecoderOptions::new(folder.path()));
    assert!(error.contains("model.onnx"), "{error}");
}

#[test]
fn tokenizer_of_another_model_is_refused() {
    let folder = copy_of("models/llama");
    let file = folder.path().join("tokenizer.json");
    let text = fs::read_to_string(&file).expect("a tokenizer");
    let mut json: Value = serde_json::from_str(&text).expect("JSON");
    let vocabulary = json["model"]["vocab"]
        .as_object_mut()
        .expect("a vocabulary");
    vocabulary.insert("strange".into(), Value::from(70_000));
    fs::write(&file, json.to_string()).expect("written");
    let error = refusal(DecoderOptions::new(folder.path()));
    assert!(
        error.contains("token 70000, and the model's last one is 511"),
        "{error}"
    );

    check(
        "llama",
        set(
            "genai_config.json",
            "/model/eos_token_id",
            Value::from(509_000),
        ),
        "does not know the end-of-sequence token 509000",
    );
}

#[test]
fn precision_that_the_device_cant_compute_is_refused_when_the_model_is_opened() {
    let error = refusal(DecoderOptions::new(fixture("models/llama-bf16")));
    assert!(
        error.contains("llama-bf16/model.onnx can't be used"),
        "{error}"
    );
}

#[test]
fn cache_that_can_hold_no_conversation_is_refused_with_the_sizes() {
    let mut options = DecoderOptions::new(fixture("models/llama"));
    options.cache_bytes = 1000;
    let error = refusal(options);
    assert!(error.contains("one conversation of 1024 tokens"), "{error}");
}

fn open(folder: &TempDir) -> ModelFolder {
    ModelFolder::open(folder.path()).unwrap_or_else(|error| panic!("{}", with_causes(&error)))
}

#[test]
fn end_of_sequence_is_one_token_or_several() {
    let folder = copy_of("models/llama");
    assert_eq!(open(&folder).eos, [2, 511]);
    set("genai_config.json", "/model/eos_token_id", Value::from(2))(folder.path());
    assert_eq!(open(&folder).eos, [2]);
}

#[test]
fn graph_may_lie_in_the_folder_onnx() {
    let folder = copy_of("models/llama-optimum");
    fs::create_dir(folder.path().join("onnx")).expect("a folder");
    fs::rename(
        folder.path().join("model.onnx"),
        folder.path().join("onnx/model.onnx"),
    )
    .expect("moved");
    assert!(open(&folder).graph.ends_with("onnx/model.onnx"));
}

/// As onnxruntime-genai's builder leaves a Mistral behind: the window is in its
/// configuration and not in the graph. The graph is Llama's, of the same size.
fn folder_with_a_lost_window() -> TempDir {
    let folder = copy_of("models/mistral");
    for name in ["model.onnx", "model.onnx.data"] {
        fs::copy(fixture("models/llama").join(name), folder.path().join(name)).expect("a graph");
    }
    folder
}

#[test]
fn context_ends_at_a_window_that_the_graph_does_not_have() {
    let folder = folder_with_a_lost_window();
    let opened = open(&folder);
    assert_eq!(opened.lost_window, Some(24));
    let lost = opened.window_lost_at(4096).expect("it is told");
    assert!(lost.to_string().contains("window of 24 tokens"), "{lost}");
    assert_eq!(opened.window_lost_at(24), None);
    let model = open_with(DecoderOptions::new(folder.path()));
    assert_eq!(model.context_tokens(), 24);
}

#[test]
fn window_that_the_graph_has_or_the_model_does_not_use_limits_nothing() {
    let opened = open(&copy_of("models/mistral"));
    assert_eq!((opened.lost_window, opened.context), (None, 1024));
    // Plain attention masks by itself what lies before its window.
    let folder = copy_of("models/llama-optimum");
    let file = folder.path().join("config.json");
    let text = fs::read_to_string(&file).expect("the file");
    let with_window = text.replacen('{', r#"{"sliding_window": 24,"#, 1);
    fs::write(&file, with_window).expect("written");
    assert_eq!(open(&folder).lost_window, None);
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => files_below(&path),
            false => vec![path],
        })
        .collect()
}

/// torch's exporter writes the stack that it was called from at every node.
#[test]
fn no_fixture_tells_of_the_machine_that_it_was_made_on() {
    let files = files_below(&fixture("models"));
    assert!(files.len() > 50, "{} files", files.len());
    for file in files.into_iter().chain(files_below(&fixture("adapters"))) {
        let bytes = fs::read(&file).expect("a fixture");
        for trace in ["site-packages", "stack_trace", "Traceback"] {
            let found = bytes.windows(trace.len()).any(|at| at == trace.as_bytes());
            assert!(!found, "{} has `{trace}`", file.display());
        }
    }
}
