//! The sections of `lorekeeper.toml`.

use super::apis::ApiEntry;
use super::{Every, IndexSection, LogEntry, RemoteSource};
use crate::domain::{EVERYONE, ParameterKind, RedactionPolicy, SourceKind};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Config {
    pub store: StoreSection,
    pub index: IndexSection,
    pub model: ModelSection,
    pub generator: GeneratorSection,
    pub retrieval: RetrievalSection,
    pub limits: LimitsSection,
    pub chat: ChatSection,
    pub web: WebSection,
    pub redaction: RedactionSection,
    pub ocr: OcrSection,
    pub slack: Option<SlackSection>,
    pub discord: Option<DiscordSection>,
    #[serde(rename = "source")]
    pub sources: Vec<SourceEntry>,
    #[serde(rename = "database")]
    pub databases: Vec<DatabaseEntry>,
    /// Files with `[[query]]` tables, relative to the configuration file.
    pub query_files: Vec<PathBuf>,
    #[serde(rename = "query")]
    pub queries: Vec<QueryEntry>,
    /// The file of `lorekeeper catalogue build`, relative to the configuration file.
    pub catalogue: Option<PathBuf>,
    #[serde(rename = "api")]
    pub apis: Vec<ApiEntry>,
    #[serde(rename = "log")]
    pub logs: Vec<LogEntry>,
    /// A file with `[[person]]` tables, relative to the configuration file.
    pub people_file: Option<PathBuf>,
    #[serde(rename = "person")]
    pub people: Vec<PersonEntry>,
    #[serde(rename = "channel")]
    pub channels: Vec<ChannelEntry>,
}

/// Where questions, answers, feedback and the audit log are kept.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct StoreSection {
    /// `postgres://…`; without one, SQLite in the data folder.
    pub url: Option<SecretString>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct ModelSection {
    /// Folder with `model.onnx` (or `model_int8.onnx`), `tokenizer.json` and what
    /// sentence-transformers writes beside them.
    pub embedding_dir: Option<PathBuf>,
    /// Another graph in that folder, such as `onnx/model_qint8_avx512.onnx`.
    pub embedding_graph: Option<PathBuf>,
    /// In front of what is asked and of what is searched, where the model's own
    /// files do not say it.
    pub query_prefix: Option<String>,
    pub passage_prefix: Option<String>,
    /// Embeds instead of a model in this process.
    pub server: Option<EmbeddingServer>,
    /// ONNX Runtime's library; without one, where `make` put it or `ORT_DYLIB_PATH`.
    pub onnxruntime: Option<PathBuf>,
    pub threads: usize,
}

impl Default for ModelSection {
    fn default() -> Self {
        Self {
            embedding_dir: None,
            embedding_graph: None,
            query_prefix: None,
            passage_prefix: None,
            server: None,
            onnxruntime: None,
            threads: 1,
        }
    }
}

/// A server with `/v1/embeddings`: OpenAI, vLLM, TEI, llama.cpp, Ollama.
#[derive(Clone, Debug, Deserialize)]
pub struct EmbeddingServer {
    /// Up to and with `/v1`.
    pub url: String,
    #[serde(default)]
    pub key: Option<SecretString>,
    pub model: String,
    /// Length of its vectors.
    pub dimension: usize,
    /// Texts in one request.
    #[serde(default = "sixty_four")]
    pub batch: usize,
    /// For one request.
    #[serde(default = "thirty_seconds")]
    pub timeout_ms: u64,
}

fn sixty_four() -> usize {
    64
}

fn thirty_seconds() -> u64 {
    30_000
}

/// The language model that writes answers. With neither `model_dir` nor
/// `server`, answers are quoted.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct GeneratorSection {
    /// Folder of a decoder that was exported for ONNX Runtime.
    pub model_dir: Option<PathBuf>,
    pub device: Device,
    /// Folder of the adapters and their registry.
    pub adapters_dir: PathBuf,
    /// Requests that are written at the same time. Each has a cache of its own.
    pub slots: usize,
    /// Tokens that a prompt and its answer may fill; at most what the model was made for.
    pub context_tokens: usize,
    /// Requests that may wait for a slot.
    pub queue: usize,
    pub threads: usize,
    /// The language model plans too; otherwise the router does.
    pub plans: bool,
    /// Writes instead of `model_dir`, or until that is loaded.
    pub server: Option<GeneratorServer>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    #[default]
    Cpu,
    /// The first graphics card.
    Cuda,
}

/// A server that speaks OpenAI's protocol: vLLM, TGI, llama.cpp, Ollama.
#[derive(Clone, Debug, Deserialize)]
pub struct GeneratorServer {
    /// Up to and with `/v1`.
    pub url: String,
    #[serde(default)]
    pub key: Option<SecretString>,
    pub model: String,
    /// Tokens that a prompt and its answer may fill there.
    #[serde(default = "eight_thousand")]
    pub context_tokens: usize,
}

fn eight_thousand() -> usize {
    8_192
}

impl Default for GeneratorSection {
    fn default() -> Self {
        Self {
            model_dir: None,
            device: Device::Cpu,
            adapters_dir: PathBuf::from("adapters"),
            slots: 8,
            context_tokens: 4_096,
            queue: 64,
            threads: 1,
            plans: false,
            server: None,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct RetrievalSection {
    /// Tokens in one chunk, title and heading path included.
    pub chunk_tokens: usize,
    pub overlap_tokens: usize,
    /// Passages that each of the two searches brings to the fusion.
    pub candidates: usize,
    /// Questions of two hops are answered along the relations that pages tell.
    pub relations: bool,
}

impl Default for RetrievalSection {
    fn default() -> Self {
        Self {
            chunk_tokens: 200,
            overlap_tokens: 30,
            candidates: 100,
            relations: true,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct LimitsSection {
    /// Questions that one person may ask in an hour.
    pub questions_per_hour: u32,
    pub concurrent_questions: usize,
    /// A question that is not answered by then ends with an apology.
    pub answer_timeout_ms: u64,
    pub tool_timeout_ms: u64,
    pub tool_rows: usize,
    pub tool_bytes: usize,
    /// A free SELECT that would cost more is refused: units of the planner on
    /// PostgreSQL and MySQL, rows to go through on MariaDB and SQLite.
    pub sql_cost: u64,
    /// Larger files are left out, and named.
    pub file_bytes: u64,
    /// For turning one web page, office document or PDF into text.
    pub convert_timeout_ms: u64,
}

impl Default for LimitsSection {
    fn default() -> Self {
        Self {
            questions_per_hour: 60,
            concurrent_questions: 16,
            answer_timeout_ms: 60_000,
            tool_timeout_ms: 5_000,
            tool_rows: 200,
            tool_bytes: 262_144,
            sql_cost: 50_000_000,
            file_bytes: 20 * 1024 * 1024,
            convert_timeout_ms: 60_000,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct ChatSection {
    /// The company's time zone, for words such as "yesterday".
    pub time_zone: chrono_tz::Tz,
    /// After this many hours without a word, a thread must mention the bot again.
    pub follow_up_hours: i64,
}

impl Default for ChatSection {
    fn default() -> Self {
        Self {
            time_zone: chrono_tz::UTC,
            follow_up_hours: 72,
        }
    }
}

/// How personal data is told apart, and hashed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RedactionSection {
    /// Names of people that are found wherever they stand, in any case.
    pub names: Vec<String>,
    /// Goes into every hash; without one, a random one is kept in the data folder.
    pub salt: Option<SecretString>,
}

/// Text of pictures and scanned pages, read by programs of the system.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct OcrSection {
    /// As tesseract names them: `eng`, `eng+deu`. Without it pictures are not read.
    pub languages: Option<String>,
    pub tesseract: PathBuf,
    /// Of poppler, draws the pages of a PDF that have no text.
    pub pdftoppm: PathBuf,
    /// Of one PDF; further scanned pages are left out.
    pub pages: usize,
    /// For one file, where that is more than `limits.convert_timeout_ms`.
    pub timeout_ms: u64,
}

impl OcrSection {
    pub fn is_on(&self) -> bool {
        self.languages.is_some()
    }
}

impl Default for OcrSection {
    fn default() -> Self {
        Self {
            languages: None,
            tesseract: "tesseract".into(),
            pdftoppm: "pdftoppm".into(),
            pages: 50,
            timeout_ms: 300_000,
        }
    }
}

/// HTTP for those who run the daemon.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WebSection {
    /// Such as `127.0.0.1:9464`; without one there is no HTTP.
    pub listen: Option<SocketAddr>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct SlackSection {
    /// `xoxb-…`
    pub bot_token: SecretString,
    /// `xapp-…`, with the scope `connections:write`.
    pub app_token: SecretString,
    /// Another address of the Web API, for tests. No slash at the end.
    #[serde(default)]
    pub api_url: Option<String>,
    /// Open sockets; Slack allows up to ten.
    #[serde(default = "two")]
    pub sockets: u32,
}

fn two() -> u32 {
    2
}

#[derive(Clone, Debug, Deserialize)]
pub struct DiscordSection {
    pub bot_token: SecretString,
    /// Another address of the API, for tests.
    #[serde(default)]
    pub api_url: Option<String>,
    /// Guilds whose channels may be answered. Empty: every guild the bot is in.
    #[serde(default)]
    pub guilds: Vec<String>,
    /// Where /lore is registered.
    #[serde(default)]
    pub commands: CommandScope,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandScope {
    /// Everywhere, direct conversations with the bot included.
    #[default]
    Global,
    /// In each of `guilds`, and nowhere else.
    Guilds,
}

/// A folder or file that is read into the index, or a system whose documents are.
#[derive(Clone, Debug, Deserialize)]
pub struct SourceEntry {
    pub name: String,
    /// Empty where the documents come from elsewhere.
    #[serde(default)]
    pub path: PathBuf,
    #[serde(default)]
    pub kind: Option<SourceKind>,
    /// Groups that may read it; a document's own front matter narrows this.
    #[serde(default = "everyone")]
    pub audience: Vec<String>,
    #[serde(default)]
    pub layout: SourceLayout,
    /// What becomes of secrets and personal data, such as `{ email = "hash" }`.
    #[serde(default)]
    pub redact: RedactionPolicy,
    /// What a later date of a document says.
    #[serde(default)]
    pub dates: DatePolicy,
    /// How often the daemon brings the index to its state.
    #[serde(default)]
    pub every: Every,
    #[serde(flatten)]
    pub remote: RemoteSource,
}

impl SourceEntry {
    /// As a section with nothing but a name and a path.
    pub fn new(name: &str, path: &Path) -> Self {
        Self {
            name: name.into(),
            path: path.into(),
            kind: None,
            audience: everyone(),
            layout: SourceLayout::default(),
            redact: RedactionPolicy::default(),
            dates: DatePolicy::default(),
            every: Every::default(),
            remote: RemoteSource::default(),
        }
    }
}

/// What it means that one document of a source is later than another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatePolicy {
    /// Of two with the same name, or the same text with other figures, the
    /// later one holds.
    #[default]
    Replace,
    /// Nothing: each is true for its day, as minutes and reports are.
    Record,
}

pub(super) fn everyone() -> Vec<String> {
    vec![EVERYONE.into()]
}

/// Which fields of a record are what, for JSONL, JSON and CSV.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SourceLayout {
    pub id: Option<String>,
    pub title: Option<String>,
    /// Fields that are joined to the text; default: `text`.
    pub text: Vec<String>,
    pub date: Option<String>,
}

/// A database that questions may be answered from, with a role that can't write.
#[derive(Clone, Debug, Deserialize)]
pub struct DatabaseEntry {
    pub name: String,
    /// `postgres://…`, `mysql://…`, `mariadb://…`, or `sqlite:PATH`, relative to the configuration file.
    pub url: SecretString,
    /// Tables and views that free statements may read, `schema.table` or `table`. Empty: named queries only.
    #[serde(default)]
    pub tables: Vec<String>,
    /// Groups that may call this database's queries.
    #[serde(default = "everyone")]
    pub audience: Vec<String>,
    /// Values of its columns may stand in the catalogue; never those of
    /// columns that look personal.
    #[serde(default)]
    pub samples: bool,
    /// A language model that plans may write statements on `tables` of its
    /// own, which pass the same gate. Needs `tables` and `generator.plans`.
    #[serde(default)]
    pub sql_by_model: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub struct QueryEntry {
    pub name: String,
    pub database: String,
    pub description: String,
    pub sql: String,
    /// The result in a sentence: `{rows}`, `{argument}`, `{column}` of the first row, `{period}`.
    pub lead: String,
    pub empty: String,
    #[serde(default)]
    pub examples: Vec<String>,
    #[serde(default)]
    pub parameters: Vec<QueryParameter>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct QueryParameter {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub default: Option<Value>,
    #[serde(default)]
    pub optional: bool,
    #[serde(default)]
    pub description: String,
    /// Of a `choice`.
    #[serde(default)]
    pub values: Vec<String>,
    /// Of a `choice`: one column, read at start.
    #[serde(default)]
    pub values_sql: Option<String>,
    /// Of an `id`.
    #[serde(default)]
    pub pattern: Option<String>,
}

impl QueryParameter {
    /// The kind, with `values` put in for a choice. `None`: no such type.
    pub fn parameter_kind(&self, values: Vec<String>) -> Option<ParameterKind> {
        Some(match self.kind.as_str() {
            "window" => ParameterKind::Window,
            "integer" => ParameterKind::Integer,
            "number" => ParameterKind::Number,
            "boolean" => ParameterKind::Boolean,
            "choice" => ParameterKind::Choice { values },
            "id" => ParameterKind::Id {
                pattern: self.pattern.clone()?,
            },
            "text" => ParameterKind::Text,
            _ => return None,
        })
    }
}

#[derive(Clone, Debug, Deserialize)]
pub struct PersonEntry {
    /// The name used with `--as`.
    pub name: String,
    #[serde(default)]
    pub groups: Vec<String>,
    /// Slack user id.
    #[serde(default)]
    pub slack: Option<String>,
    /// Discord user id.
    #[serde(default)]
    pub discord: Option<String>,
}

/// A channel whose readers are all in these groups.
#[derive(Clone, Debug, Deserialize)]
pub struct ChannelEntry {
    /// The platform's id of the channel, or its name in the terminal.
    pub id: String,
    pub groups: Vec<String>,
}
