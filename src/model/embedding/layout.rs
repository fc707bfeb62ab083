//! What an embedding model's folder says of itself.
//!
//! Read are the files that sentence-transformers writes (`modules.json`, the
//! pooling's `config.json`, `sentence_bert_config.json`,
//! `config_sentence_transformers.json`) and those of transformers
//! (`config.json`, `tokenizer.json`, `tokenizer_config.json`). Only
//! `config.json` and `tokenizer.json` must be there beside a graph; a folder
//! that says nothing of its pooling takes the mean, as sentence-transformers does.

use super::pooling::Pooling;
use crate::{
    config::ModelSection,
    model::{
        files::{ModelError, setup_folders, unusable},
        onnx_file::OnnxFile,
    },
    ports::TextRole,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, ErrorKind, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

/// Graphs that are looked for, in this order, in the folder and in its folder
/// `onnx`: 8 bits are the fastest on a processor, half precision the slowest.
const GRAPHS: [&str; 4] = [
    "model_int8.onnx",
    "model_quantized.onnx",
    "model.onnx",
    "model_fp16.onnx",
];

/// Nobody waits for longer texts, and attention grows with their square.
const MOST_TOKENS: usize = 8_192;

/// What is taken where nothing says how long a text may be.
const USUAL_TOKENS: usize = 256;

/// Pieces of a graph's file that its fingerprint is made of.
const PROBES: u64 = 64;
const PROBE_BYTES: usize = 4_096;

/// What stands in front of a text, by its role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prefixes {
    pub query: String,
    pub passage: String,
}

impl Prefixes {
    pub fn of(&self, role: TextRole) -> &str {
        match role {
            TextRole::Query => &self.query,
            TextRole::Passage => &self.passage,
        }
    }

    /// What the configuration says goes before what the model says.
    pub fn configured(self, section: &ModelSection) -> Self {
        Self {
            query: section.query_prefix.clone().unwrap_or(self.query),
            passage: section.passage_prefix.clone().unwrap_or(self.passage),
        }
    }
}

/// How one embedding model is run.
#[derive(Debug)]
pub(super) struct Layout {
    pub graph: PathBuf,
    pub tokenizer: PathBuf,
    /// Names the model, its precision and all that its vectors depend on.
    pub name: String,
    /// Of a token's hidden state.
    pub hidden: usize,
    /// Longer texts are cut to this many tokens.
    pub max_tokens: usize,
    /// An error where the folder wants what only a graph that pools can give.
    pub pooling: Result<Pooling, String>,
    pub prefixes: Prefixes,
    pub lower_case: bool,
    pub pad_token: i64,
    /// The number of the first token's place.
    pub first_position: i64,
    /// Texts that run together change one another's vectors a little.
    pub has_dynamic_scales: bool,
}

#[derive(Deserialize)]
struct ModelConfig {
    #[serde(alias = "n_embd", alias = "d_model", alias = "dim")]
    hidden_size: usize,
    #[serde(default)]
    model_type: String,
    model_name: Option<String>,
    max_seq_length: Option<usize>,
    #[serde(alias = "n_positions")]
    max_position_embeddings: Option<usize>,
    pad_token_id: Option<i64>,
}

#[derive(Default, Deserialize)]
struct SentenceConfig {
    max_seq_length: Option<usize>,
    #[serde(default)]
    do_lower_case: bool,
}

#[derive(Default, Deserialize)]
struct TokenizerConfig {
    /// A number of thirty digits where the tokenizer has no limit.
    model_max_length: Option<f64>,
}

#[derive(Default, Deserialize)]
struct Prompts {
    #[serde(default)]
    prompts: BTreeMap<String, String>,
    default_prompt_name: Option<String>,
}

#[derive(Deserialize)]
struct Module {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    path: String,
}

impl Layout {
    /// The configured folder, or the one that the set-up made.
    pub fn find(section: &ModelSection) -> Result<Self, ModelError> {
        let folder = match &section.embedding_dir {
            Some(folder) => folder.clone(),
            None => setup_folders()
                .into_iter()
                .map(|folder| folder.join("minilm"))
                .find(|folder| folder.is_dir())
                .ok_or(ModelError::NoFolder)?,
        };
        Self::in_folder(&folder, section)
    }

    pub fn in_folder(path: &Path, section: &ModelSection) -> Result<Self, ModelError> {
        let folder = Folder(path);
        if !path.is_dir() {
            return Err(folder.incomplete("there is no such folder"));
        }
        let graph = folder.graph(section.embedding_graph.as_deref())?;
        let tokenizer = path.join("tokenizer.json");
        if !tokenizer.is_file() {
            return Err(folder.incomplete("tokenizer.json is missing"));
        }
        let config: ModelConfig = folder
            .read("config.json")?
            .ok_or_else(|| folder.incomplete("config.json can't be read: it is missing"))?;
        let sentence: SentenceConfig = folder
            .read("sentence_bert_config.json")?
            .unwrap_or_default();
        let prompts: Prompts = folder
            .read("config_sentence_transformers.json")?
            .unwrap_or_default();
        let (pooling, with_prompt) = folder.pooling(&config)?;
        let name = config.model_name.clone().unwrap_or_else(|| name_of(path));
        let prefixes = prompts.prefixes(&name).configured(section);
        if !with_prompt && prefixes != Prefixes::default() {
            return Err(folder.incomplete(
                "its pooling leaves the prompt out (`include_prompt` is false), which is not supported; \
                 set `model.query_prefix` and `model.passage_prefix` to \"\"",
            ));
        }
        let found = OnnxFile::read(&graph).map_err(|error| unusable(&graph, error))?;
        let first_position = first_position(&config);
        let max_tokens = folder.max_tokens(&config, &sentence, first_position)?;
        let mut layout = Self {
            graph,
            tokenizer,
            name: String::new(),
            hidden: config.hidden_size,
            max_tokens,
            pooling,
            prefixes,
            lower_case: sentence.do_lower_case,
            pad_token: config.pad_token_id.unwrap_or(0),
            first_position,
            has_dynamic_scales: found.has_dynamic_scales,
        };
        layout.name = layout.name_with_fingerprint(&name)?;
        Ok(layout)
    }

    /// `all-MiniLM-L6-v2-int8-mean-1f0c9a3e`: vectors of another name can't be
    /// compared with these.
    fn name_with_fingerprint(&self, model: &str) -> Result<String, ModelError> {
        let precision = match self.graph.file_stem().and_then(|stem| stem.to_str()) {
            Some("model") | None => "fp32",
            Some(stem) => stem.strip_prefix("model_").unwrap_or(stem),
        };
        let pooling = match &self.pooling {
            Ok(pooling) => pooling.as_str(),
            Err(_) => "own",
        };
        let mut hash = Sha256::new();
        let made_with = (pooling, &self.prefixes, self.max_tokens, self.lower_case);
        hash.update(format!("{made_with:?}"));
        for file in [&self.tokenizer, &self.graph] {
            probe(file, &mut hash).map_err(|error| unusable(file, error))?;
        }
        let hash = hex::encode(&hash.finalize()[..4]);
        Ok(format!("{model}-{precision}-{pooling}-{hash}"))
    }
}

/// A model's folder, as its files are read.
struct Folder<'a>(&'a Path);

impl Folder<'_> {
    fn incomplete(&self, problem: impl Into<String>) -> ModelError {
        ModelError::Incomplete {
            folder: self.0.to_path_buf(),
            problem: problem.into(),
        }
    }

    /// The contents of a JSON file; none where there is no such file.
    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ModelError> {
        let text = match fs::read_to_string(self.0.join(name)) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.incomplete(format!("{name} can't be read: {error}"))),
        };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| self.incomplete(format!("{name}: {error}")))
    }

    fn graph(&self, named: Option<&Path>) -> Result<PathBuf, ModelError> {
        if let Some(named) = named {
            let graph = self.0.join(named);
            return match graph.is_file() {
                true => Ok(graph),
                false => Err(self.incomplete(format!(
                    "`model.embedding_graph` names {}, which is not there",
                    named.display()
                ))),
            };
        }
        let places = [self.0.to_path_buf(), self.0.join("onnx")];
        let mut graphs = places
            .iter()
            .flat_map(|place| GRAPHS.map(|name| place.join(name)));
        graphs.find(|graph| graph.is_file()).ok_or_else(|| {
            self.incomplete(
                "model.onnx (or model_int8.onnx) is missing, also in its folder `onnx`; \
                 another name goes into `model.embedding_graph`",
            )
        })
    }

    /// How the folder wants tokens pooled, and whether its prompt counts too.
    fn pooling(&self, config: &ModelConfig) -> Result<(Result<Pooling, String>, bool), ModelError> {
        let modules: Option<Vec<Module>> = self.read("modules.json")?;
        let mut pooling = Ok(Pooling::Mean);
        let mut with_prompt = true;
        for module in modules.unwrap_or_default() {
            match module.kind.rsplit('.').next().unwrap_or_default() {
                // What comes out has length 1 in any case.
                "Transformer" | "Normalize" => {}
                "Pooling" => {
                    let file = Path::new(&module.path).join("config.json");
                    let file = file.to_string_lossy();
                    let fields: BTreeMap<String, Value> = self
                        .read(&file)?
                        .ok_or_else(|| self.incomplete(format!("{file} is missing")))?;
                    self.check_dimension(&file, &fields, config)?;
                    pooling = Pooling::read(&fields);
                    with_prompt = fields.get("include_prompt") != Some(&Value::Bool(false));
                }
                other => {
                    pooling = Err(format!("modules.json has a module `{other}`"));
                    break;
                }
            }
        }
        Ok((pooling, with_prompt))
    }

    fn check_dimension(
        &self,
        file: &str,
        fields: &BTreeMap<String, Value>,
        config: &ModelConfig,
    ) -> Result<(), ModelError> {
        let names = ["embedding_dimension", "word_embedding_dimension"];
        let said = names.iter().find_map(|name| fields.get(*name)?.as_u64());
        match said {
            Some(said) if said != config.hidden_size as u64 => Err(self.incomplete(format!(
                "{file} is for {said} dimensions, and config.json has {}: they are not of one model",
                config.hidden_size
            ))),
            _ => Ok(()),
        }
    }

    /// What says it nearest to the embedder counts; never more than there are places for.
    fn max_tokens(
        &self,
        config: &ModelConfig,
        sentence: &SentenceConfig,
        first_position: i64,
    ) -> Result<usize, ModelError> {
        let tokenizer: TokenizerConfig = self.read("tokenizer_config.json")?.unwrap_or_default();
        let of_tokenizer = tokenizer.model_max_length.map(|length| length as usize);
        let places = config
            .max_position_embeddings
            .map(|places| places.saturating_sub(first_position as usize));
        let given = sentence.max_seq_length.or(config.max_seq_length);
        let given = given.or(of_tokenizer.filter(|&length| length <= MOST_TOKENS));
        let tokens = given.or(places).unwrap_or(USUAL_TOKENS);
        let tokens = tokens.min(places.unwrap_or(MOST_TOKENS));
        Ok(tokens.clamp(8, MOST_TOKENS))
    }
}

/// RoBERTa and those after it count places from behind the padding's id.
fn first_position(config: &ModelConfig) -> i64 {
    match config.model_type.as_str() {
        "mpnet" | "roberta" | "xlm-roberta" | "camembert" | "xlm-roberta-xl" => {
            config.pad_token_id.unwrap_or(1) + 1
        }
        _ => 0,
    }
}

impl Prompts {
    /// The prompts that `encode_query` and `encode_document` of
    /// sentence-transformers take; where it names none, those of a family that
    /// was trained with some.
    fn prefixes(&self, model: &str) -> Prefixes {
        let default = self.default_prompt_name.as_ref();
        let default = default.and_then(|name| self.prompts.get(name));
        let of = |names: &[&str]| {
            let named = names.iter().find_map(|name| self.prompts.get(*name));
            named.or(default).cloned().unwrap_or_default()
        };
        let said = Prefixes {
            query: of(&["query"]),
            passage: of(&["document", "passage", "corpus"]),
        };
        if said != Prefixes::default() {
            return said;
        }
        let family = |query: &str, passage: &str| Prefixes {
            query: query.into(),
            passage: passage.into(),
        };
        let name = model.to_lowercase();
        let is_e5 = ["e5-small", "e5-base", "e5-large"];
        match name.as_str() {
            name if is_e5.iter().any(|e5| name.contains(e5)) && !name.contains("instruct") => {
                family("query: ", "passage: ")
            }
            name if name.contains("nomic-embed-text") => {
                family("search_query: ", "search_document: ")
            }
            _ => said,
        }
    }
}

/// Its length and pieces from all over it: enough to tell two models apart,
/// where reading hundreds of megabytes would hold up every start.
fn probe(path: &Path, hash: &mut Sha256) -> io::Result<()> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    hash.update(length.to_le_bytes());
    let mut piece = Vec::with_capacity(PROBE_BYTES);
    for n in 0..PROBES {
        file.seek(SeekFrom::Start(length / PROBES * n))?;
        piece.clear();
        file.by_ref()
            .take(PROBE_BYTES as u64)
            .read_to_end(&mut piece)?;
        hash.update(&piece);
    }
    Ok(())
}

fn name_of(folder: &Path) -> String {
    folder.file_name().map_or_else(
        || "model".into(),
        |name| name.to_string_lossy().into_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("temporary folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folder");
            fs::write(path, text).expect("write");
        }
        folder
    }

    /// The least protobuf that holds a graph.
    const GRAPH: &str = "\u{3a}\u{0}";

    #[test]
    fn incomplete_model_folder_is_told_what_it_lacks() {
        let check = |files: &[(&str, &str)], expected: &str| {
            let folder = folder(files);
            let error = Layout::in_folder(folder.path(), &ModelSection::default())
                .expect_err("must be refused")
                .to_string();
            assert!(error.contains(expected), "{error}");
        };
        let config = r#"{"hidden_size": 32}"#;
        let whole = [
            ("model.onnx", GRAPH),
            ("tokenizer.json", "{}"),
            ("config.json", config),
        ];
        let and = |name, text| [&whole[..], &[(name, text)]].concat();
        check(&[], "model.onnx (or model_int8.onnx) is missing");
        check(&[("onnx/model.onnx", GRAPH)], "tokenizer.json is missing");
        check(&whole[..2], "config.json can't be read");
        check(&[whole[0], whole[1], ("config.json", "{}")], "hidden_size");
        check(&and("modules.json", "["), "modules.json: EOF");
        let pooling = r#"[{"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}]"#;
        check(
            &and("modules.json", pooling),
            "1_Pooling/config.json is missing",
        );
        let mut other = and("modules.json", pooling);
        other.push((
            "1_Pooling/config.json",
            r#"{"word_embedding_dimension": 64, "pooling_mode_mean_tokens": true}"#,
        ));
        check(&other, "is for 64 dimensions, and config.json has 32");
        let error = Layout::in_folder(Path::new("/nowhere"), &ModelSection::default());
        let error = error.expect_err("must be refused").to_string();
        assert!(error.contains("no such folder"), "{error}");
        let section = ModelSection {
            embedding_graph: Some("onnx/other.onnx".into()),
            ..ModelSection::default()
        };
        let error = Layout::in_folder(folder(&whole).path(), &section).expect_err("refused");
        assert!(error.to_string().contains("onnx/other.onnx"), "{error}");
    }

    #[test]
    fn length_is_the_nearest_one_that_the_places_allow() {
        let check = |files: &[(&str, &str)], expected: usize| {
            let whole = [&[("model.onnx", GRAPH), ("tokenizer.json", "{}")], files].concat();
            let folder = folder(&whole);
            let layout = Layout::in_folder(folder.path(), &ModelSection::default());
            assert_eq!(layout.expect("a layout").max_tokens, expected, "{files:?}");
        };
        let config = |text| ("config.json", text);
        check(&[config(r#"{"hidden_size": 8}"#)], USUAL_TOKENS);
        check(
            &[config(
                r#"{"hidden_size": 8, "max_position_embeddings": 512}"#,
            )],
            512,
        );
        let roberta = r#"{"hidden_size": 8, "model_type": "mpnet", "max_position_embeddings": 514, "pad_token_id": 1}"#;
        let tokenizer = ("tokenizer_config.json", r#"{"model_max_length": 1e30}"#);
        check(&[config(roberta), tokenizer], 512);
        let sentence = |length| ("sentence_bert_config.json", length);
        check(
            &[config(roberta), sentence(r#"{"max_seq_length": 384}"#)],
            384,
        );
        check(
            &[config(roberta), sentence(r#"{"max_seq_length": 9999}"#)],
            512,
        );
    }

    #[test]
    fn prefix_is_that_of_the_folder_or_of_the_family() {
        let check = |model: &str, said: &str, query: &str, passage: &str| {
            let prompts: Prompts = serde_json::from_str(said).expect("prompts");
            let found = prompts.prefixes(model);
            assert_eq!(
                (found.query.as_str(), found.passage.as_str()),
                (query, passage),
                "{model}"
            );
        };
        check("mine", "{}", "", "");
        check("multilingual-E5-small", "{}", "query: ", "passage: ");
        check("multilingual-e5-large-instruct", "{}", "", "");
        let empty = r#"{"prompts": {"query": "", "document": ""}}"#;
        check(
            "nomic-embed-text-v1.5",
            empty,
            "search_query: ",
            "search_document: ",
        );
        check(
            "mine",
            r#"{"prompts": {"query": "q: ", "passage": "p: "}}"#,
            "q: ",
            "p: ",
        );
        check(
            "mine",
            r#"{"prompts": {"all": "a: ", "query": "q: "}, "default_prompt_name": "all"}"#,
            "q: ",
            "a: ",
        );
    }

    #[test]
    fn name_differs_with_all_that_a_vector_depends_on() {
        let config = r#"{"hidden_size": 8, "model_name": "mine"}"#;
        let name = |graph: &str, section: &ModelSection| {
            let folder = folder(&[
                ("model.onnx", graph),
                ("tokenizer.json", "{}"),
                ("config.json", config),
            ]);
            let layout = Layout::in_folder(folder.path(), section).expect("a layout");
            layout.name
        };
        let usual = ModelSection::default();
        let prefixed = ModelSection {
            query_prefix: Some("q: ".into()),
            ..ModelSection::default()
        };
        let first = name(GRAPH, &usual);
        assert!(first.starts_with("mine-fp32-mean-"), "{first}");
        assert_eq!(first, name(GRAPH, &usual));
        assert_ne!(first, name(GRAPH, &prefixed));
        assert_ne!(first, name("\u{3a}\u{2}\u{52}\u{0}", &usual));
    }
}
