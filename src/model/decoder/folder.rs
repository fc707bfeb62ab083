//! A decoder's folder, as people have it: which files, and what they say.
//!
//! Read are the layouts of onnxruntime-genai's builder (`genai_config.json`),
//! and of Optimum and torch's dynamo exporter (`config.json`, the graph here
//! or in `onnx/`). What the files say must fit together; what the graph itself
//! says is compared in `graph.rs`.

use crate::model::onnx_file::OnnxFile;
use crate::{
    domain::Sampling,
    model::{ModelError, tokenizer::parse_tokenizer},
};
use serde::{Deserialize, de::DeserializeOwned};
use std::{
    fmt::{self, Display, Formatter},
    fs, io,
    path::{Component, Path, PathBuf},
};
use tokenizers::Tokenizer;

#[derive(Debug)]
pub struct ModelFolder {
    pub path: PathBuf,
    pub graph: PathBuf,
    /// The file that the sizes below were read from.
    pub config: &'static str,
    /// Tokens that a prompt and its answer may fill together.
    pub context: usize,
    /// Each of these ends an answer.
    pub eos: Vec<u32>,
    pub layers: usize,
    pub kv_heads: usize,
    pub head_size: usize,
    /// Logits of one position.
    pub vocabulary: usize,
    /// Tokens that each token of the trained model looks back at most, where
    /// the graph looks back at all of them: it must not see more.
    pub lost_window: Option<usize>,
    /// How the model's makers would choose tokens.
    pub sampling: Sampling,
    /// Whether the graph writes its cache into the buffer that it read it from.
    pub shares_cache: bool,
}

impl ModelFolder {
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        let reader = Reader { path };
        if !path.is_dir() {
            return Err(reader.incomplete("there is no such folder".into()));
        }
        let mut folder = match reader.json::<GenaiConfig>(GENAI_CONFIG)? {
            Some(config) => reader.builder_layout(config)?,
            None => match reader.json::<HubConfig>(HUB_CONFIG)? {
                Some(config) => reader.exporter_layout(config)?,
                None => {
                    let problem = format!("{GENAI_CONFIG} or {HUB_CONFIG} is missing");
                    return Err(reader.incomplete(problem));
                }
            },
        };
        reader.check_sizes(&folder)?;
        let graph = OnnxFile::read(&folder.graph).map_err(|error| ModelError::Unusable {
            file: folder.graph.clone(),
            source: error.into(),
        })?;
        reader.check_weights(&folder.graph, &graph)?;
        // Attention that is made of smaller operators has its window in the mask.
        if graph.attention_windows.is_empty() || graph.attention_windows.iter().any(Option::is_some)
        {
            folder.lost_window = None;
        }
        Ok(folder)
    }

    /// The tokenizer, with nothing cut and nothing padded. Its tokens must be
    /// among the model's.
    pub fn open_tokenizer(&self) -> Result<(Tokenizer, Vec<u8>), ModelError> {
        let file = self.path.join(TOKENIZER);
        let unusable = |source| ModelError::Unusable {
            file: file.clone(),
            source,
        };
        let json = match fs::read(&file) {
            Ok(json) => json,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(self.misfit(format!("{TOKENIZER} is missing")));
            }
            Err(error) => return Err(unusable(error.into())),
        };
        let mut tokenizer = parse_tokenizer(&json).map_err(unusable)?;
        tokenizer.with_truncation(None).map_err(unusable)?;
        tokenizer.with_padding(None);
        let largest = tokenizer.get_vocab(true).into_values().max().unwrap_or(0);
        if largest as usize >= self.vocabulary {
            return Err(self.misfit(format!(
                "{TOKENIZER} has the token {largest}, and the model's last one is {}: \
                 it belongs to another model",
                self.vocabulary - 1
            )));
        }
        for &eos in &self.eos {
            if tokenizer.id_to_token(eos).is_none() {
                return Err(self.misfit(format!(
                    "{TOKENIZER} does not know the end-of-sequence token {eos}: \
                     it belongs to another model"
                )));
            }
        }
        Ok((tokenizer, json))
    }

    /// What its last path component says.
    pub fn name(&self) -> String {
        let name = self
            .path
            .canonicalize()
            .unwrap_or_else(|_| self.path.clone());
        name.file_name().map_or_else(
            || "model".into(),
            |name| name.to_string_lossy().into_owned(),
        )
    }

    /// Tokens that the graph may be fed as it is.
    pub fn usable_context(&self) -> usize {
        self.lost_window.unwrap_or(usize::MAX).min(self.context)
    }

    /// Whether fewer than these tokens can be used because of a lost window.
    pub fn window_lost_at(&self, context_tokens: usize) -> Option<LostWindow> {
        let window = self.lost_window?;
        (window < context_tokens.min(self.context)).then_some(LostWindow(window))
    }

    /// What a folder with a one-layer model says.
    #[cfg(test)]
    pub(super) fn tiny() -> Self {
        Self {
            path: "model".into(),
            graph: "model/model.onnx".into(),
            config: GENAI_CONFIG,
            context: 64,
            eos: vec![2],
            layers: 1,
            kv_heads: 2,
            head_size: 16,
            vocabulary: 512,
            lost_window: None,
            sampling: Sampling::default(),
            shares_cache: true,
        }
    }

    /// Two things in the folder that do not belong together.
    pub(super) fn misfit(&self, problem: String) -> ModelError {
        ModelError::Incomplete {
            folder: self.path.clone(),
            problem,
        }
    }
}

/// Of a graph that looks back further than its model was trained to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostWindow(pub usize);

impl Display for LostWindow {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let Self(window) = self;
        write!(
            f,
            "its export has lost the sliding window of {window} tokens, so its context ends there; \
             export it with adapters/recipes/export.py, which keeps the window"
        )
    }
}

const GENAI_CONFIG: &str = "genai_config.json";
const HUB_CONFIG: &str = "config.json";
const GENERATION_CONFIG: &str = "generation_config.json";
const TOKENIZER: &str = "tokenizer.json";

/// `genai_config.json`, as far as a text decoder needs it.
#[derive(Deserialize)]
struct GenaiConfig {
    model: GenaiModel,
    #[serde(default)]
    search: GenerationConfig,
}

#[derive(Deserialize)]
struct GenaiModel {
    context_length: usize,
    decoder: GenaiDecoder,
    eos_token_id: Option<Ids>,
    vocab_size: usize,
}

#[derive(Deserialize)]
struct GenaiDecoder {
    filename: String,
    head_size: usize,
    num_hidden_layers: usize,
    num_key_value_heads: usize,
    sliding_window: Option<GenaiWindow>,
}

#[derive(Deserialize)]
struct GenaiWindow {
    window_size: Option<i64>,
}

/// `config.json` of transformers.
#[derive(Deserialize)]
struct HubConfig {
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    hidden_size: usize,
    vocab_size: usize,
    max_position_embeddings: usize,
    sliding_window: Option<i64>,
    /// Qwen2 names a window and does not use it.
    use_sliding_window: Option<bool>,
    eos_token_id: Option<Ids>,
}

/// `generation_config.json` of transformers, or `search` of `genai_config.json`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct GenerationConfig {
    do_sample: Option<bool>,
    temperature: Option<f32>,
    top_k: Option<usize>,
    top_p: Option<f32>,
    min_p: Option<f32>,
    repetition_penalty: Option<f32>,
    eos_token_id: Option<Ids>,
    past_present_share_buffer: Option<bool>,
}

impl GenerationConfig {
    /// Transformers' own defaults where nothing is said: greedy, and 50 tokens
    /// to choose from where sampling is asked for.
    fn sampling(&self) -> Sampling {
        let repetition_penalty = self.repetition_penalty.unwrap_or(1.0);
        if !self.do_sample.unwrap_or(false) {
            return Sampling {
                repetition_penalty,
                ..Sampling::default()
            };
        }
        Sampling {
            temperature: self.temperature.unwrap_or(1.0),
            top_k: self.top_k.unwrap_or(50),
            top_p: self.top_p.unwrap_or(1.0),
            min_p: self.min_p.unwrap_or(0.0),
            repetition_penalty,
            seed: 0,
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Ids {
    One(u32),
    Many(Vec<u32>),
}

impl Ids {
    fn into_list(self) -> Vec<u32> {
        match self {
            Ids::One(id) => vec![id],
            Ids::Many(ids) => ids,
        }
    }
}

fn positive(number: i64) -> Option<usize> {
    usize::try_from(number).ok().filter(|&number| number > 0)
}

struct Reader<'a> {
    path: &'a Path,
}

impl Reader<'_> {
    fn builder_layout(&self, config: GenaiConfig) -> Result<ModelFolder, ModelError> {
        let GenaiConfig { model, search } = config;
        let graph = self.path.join(&model.decoder.filename);
        if !graph.is_file() {
            return Err(self.incomplete(format!(
                "{}, which {GENAI_CONFIG} names, is missing",
                model.decoder.filename
            )));
        }
        let shares_cache = search.past_present_share_buffer.unwrap_or(false);
        // The makers' own file says more than what the builder made of it.
        let generation = self.json::<GenerationConfig>(GENERATION_CONFIG)?;
        let eos = model.eos_token_id.or(search.eos_token_id);
        let window = model.decoder.sliding_window.and_then(|w| w.window_size);
        Ok(ModelFolder {
            path: self.path.to_path_buf(),
            graph,
            config: GENAI_CONFIG,
            context: model.context_length,
            eos: eos.map(Ids::into_list).unwrap_or_default(),
            layers: model.decoder.num_hidden_layers,
            kv_heads: model.decoder.num_key_value_heads,
            head_size: model.decoder.head_size,
            vocabulary: model.vocab_size,
            lost_window: window.and_then(positive),
            sampling: match generation {
                Some(generation) => generation.sampling(),
                None => GenerationConfig {
                    eos_token_id: None,
                    ..search
                }
                .sampling(),
            },
            shares_cache,
        })
    }

    fn exporter_layout(&self, config: HubConfig) -> Result<ModelFolder, ModelError> {
        let graph = ["model.onnx", "onnx/model.onnx"]
            .map(|name| self.path.join(name))
            .into_iter()
            .find(|file| file.is_file())
            .ok_or_else(|| self.incomplete("model.onnx (or onnx/model.onnx) is missing".into()))?;
        let generation = self
            .json::<GenerationConfig>(GENERATION_CONFIG)?
            .unwrap_or_default();
        let sampling = generation.sampling();
        let eos = generation.eos_token_id.or(config.eos_token_id);
        let uses_window = config.use_sliding_window.unwrap_or(true);
        let head_size = config
            .head_dim
            .or(config.hidden_size.checked_div(config.num_attention_heads));
        Ok(ModelFolder {
            path: self.path.to_path_buf(),
            graph,
            config: HUB_CONFIG,
            context: config.max_position_embeddings,
            eos: eos.map(Ids::into_list).unwrap_or_default(),
            layers: config.num_hidden_layers,
            kv_heads: config
                .num_key_value_heads
                .unwrap_or(config.num_attention_heads),
            head_size: head_size.unwrap_or(0),
            vocabulary: config.vocab_size,
            lost_window: config
                .sliding_window
                .filter(|_| uses_window)
                .and_then(positive),
            sampling,
            shares_cache: false,
        })
    }

    fn check_sizes(&self, folder: &ModelFolder) -> Result<(), ModelError> {
        let sizes = [
            ("number of layers", folder.layers),
            ("number of key-value heads", folder.kv_heads),
            ("head size", folder.head_size),
            ("size of the vocabulary", folder.vocabulary),
        ];
        for (what, size) in sizes {
            // The largest known models stay far below; beyond is a damaged file.
            if !(1..=1 << 24).contains(&size) {
                return Err(self.incomplete(format!("{}: the {what} is {size}", folder.config)));
            }
        }
        if folder.context < 2 {
            return Err(self.incomplete(format!(
                "{}: the context has {} tokens",
                folder.config, folder.context
            )));
        }
        if folder.eos.is_empty() {
            return Err(self.incomplete(format!(
                "neither {} nor {GENERATION_CONFIG} names an end-of-sequence token (eos_token_id)",
                folder.config
            )));
        }
        Ok(())
    }

    /// The files with weights that the graph names are there, and long enough.
    fn check_weights(&self, path: &Path, graph: &OnnxFile) -> Result<(), ModelError> {
        let beside = path.parent().unwrap_or(self.path);
        for (name, &needed) in &graph.external_files {
            let inside = Path::new(name)
                .components()
                .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
            if !inside {
                return Err(self.incomplete(format!(
                    "the graph names weights outside of the folder: {name}"
                )));
            }
            let Ok(file) = fs::metadata(beside.join(name)) else {
                return Err(self.incomplete(format!("{name}, with the weights, is missing")));
            };
            if file.len() < needed {
                return Err(self.incomplete(format!(
                    "{name} is cut off: it has {} bytes, and the graph needs {needed}",
                    file.len()
                )));
            }
        }
        Ok(())
    }

    /// `None` where there is no such file.
    fn json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ModelError> {
        match fs::read(self.path.join(name)) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|error| self.incomplete(format!("{name}: {error}"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.incomplete(format!("{name} can't be read: {error}"))),
        }
    }

    fn incomplete(&self, problem: String) -> ModelError {
        ModelError::Incomplete {
            folder: self.path.to_path_buf(),
            problem,
        }
    }
}
