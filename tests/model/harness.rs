//! A model in a test: opened from the fixtures, asked in one line.

use lorekeeper::{
    domain::{Generation, GenerationRequest, PersonId, Prompt},
    model::{DecoderOptions, LanguageModel, ModelError},
    ports::{GenerateError, Generator, with_causes},
};
use serde::Deserialize;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use tempfile::TempDir;
use tokenizers::Tokenizer;

pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(path)
}

/// Options for a tiny model: a small cache, and the rest as always.
pub fn options(model: &str) -> DecoderOptions {
    let mut options = DecoderOptions::new(fixture("models").join(model));
    options.slots = 4;
    options.context_tokens = 256;
    options
}

pub fn open(model: &str) -> Arc<LanguageModel> {
    open_with(options(model))
}

pub fn open_with(options: DecoderOptions) -> Arc<LanguageModel> {
    match LanguageModel::open(options) {
        Ok(model) => Arc::new(model),
        Err(error) => panic!("the model is opened: {}", with_causes(&error)),
    }
}

pub fn refusal(options: DecoderOptions) -> String {
    match LanguageModel::open(options) {
        Ok(_) => panic!("the model must be refused"),
        Err(error) => with_causes(&error),
    }
}

pub fn adapter_refusal(model: &LanguageModel, folder: &Path) -> String {
    let refused: Result<(), ModelError> = model.load_adapter("faulty", folder);
    with_causes(&refused.expect_err("the adapter must be refused"))
}

/// A greedy request for 32 tokens, as the golden tokens were recorded.
pub fn greedy(prompt: &str) -> GenerationRequest {
    GenerationRequest::greedy(Prompt::Raw(prompt.into()), 32)
}

pub fn of_person(mut request: GenerationRequest, person: &str) -> GenerationRequest {
    request.person = Some(PersonId(person.into()));
    request
}

pub async fn write(model: &LanguageModel, request: GenerationRequest) -> Generation {
    match model.generate(request, None).await {
        Ok(generation) => generation,
        Err(error) => panic!("the request is answered: {}", with_causes(&error)),
    }
}

pub async fn failure(model: &LanguageModel, request: GenerationRequest) -> GenerateError {
    match model.generate(request, None).await {
        Ok(generation) => panic!("the request must fail, and got {generation:?}"),
        Err(error) => error,
    }
}

/// Asks for all of these at once.
pub async fn write_all(
    model: &Arc<LanguageModel>,
    requests: Vec<GenerationRequest>,
) -> Vec<Generation> {
    let tasks = requests.into_iter().map(|request| {
        let model = model.clone();
        async move { write(&model, request).await }
    });
    futures::future::join_all(tasks).await
}

#[derive(Deserialize)]
pub struct Golden {
    pub prompt: String,
    pub ids: Vec<u32>,
    pub tokens: Vec<u32>,
}

/// What transformers wrote, and how the folder's tokenizer spells it.
pub struct Goldens {
    pub all: Vec<Golden>,
    tokenizer: Tokenizer,
}

impl Goldens {
    pub fn of_model(model: &str) -> Self {
        Self::read(
            &fixture("models").join(model),
            &fixture("models").join(model),
        )
    }

    pub fn of_adapter(adapter: &str) -> Self {
        let model = match adapter {
            "east" => "phi3-lora",
            _ => "llama-lora",
        };
        let folder = fixture("adapters").join(adapter);
        Self::read(&folder, &fixture("models").join(model))
    }

    fn read(folder: &Path, model: &Path) -> Self {
        let lines = fs::read_to_string(folder.join("golden.jsonl")).expect("golden tokens");
        let all = lines
            .lines()
            .map(|line| serde_json::from_str(line).expect("a golden line"))
            .collect();
        let tokenizer = Tokenizer::from_file(model.join("tokenizer.json")).expect("a tokenizer");
        Self { all, tokenizer }
    }

    /// Fails where the text is not the golden tokens' text.
    pub fn check(&self, golden: &Golden, written: &Generation) {
        assert_eq!(written.prompt_tokens, golden.ids.len(), "{}", golden.prompt);
        assert_eq!(written.tokens, golden.tokens.len(), "{}", golden.prompt);
        let text = self.tokenizer.decode(&golden.tokens, true).expect("text");
        // A character that is cut off by the end is shown by the one and left out by the other.
        let whole = text.trim_end_matches(char::REPLACEMENT_CHARACTER);
        if whole == text {
            assert_eq!(written.text, text, "{}", golden.prompt);
        } else {
            assert!(written.text.starts_with(whole), "{}", golden.prompt);
        }
    }
}

/// A copy of a fixture's folder, to be damaged.
pub fn copy_of(path: &str) -> TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    for entry in fs::read_dir(fixture(path)).expect("a fixture") {
        let entry = entry.expect("a file");
        fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("a copy");
    }
    copy
}
