//! Builds, starts and stops everything.

use crate::{
    chat::{discord, slack, terminal::TerminalChat},
    commands::Commands,
    config::{Config, IndexKind},
    directory::Directory,
    domain::{FreshnessBoard, Platform},
    ingest::{BATCH, FileMemory, Ingestor},
    intake::{Chats, Intake},
    knowledge::{
        Cursors, EdgeIndex, FORMAT, HybridSearch, IndexRecipe, KnowledgeIndex, PgIndex, PgOptions,
        Purpose, QdrantIndex, QdrantOptions,
        redact::{Names, Redactor},
    },
    learning::{
        following::{Follower, SharedServing, chooser},
        registry::Registry,
    },
    metrics,
    model::{
        DecoderOptions, EmbeddingModel, LanguageModel, OpenAiGenerator, OpenAiOptions, UntilWarm,
    },
    pipeline::{IntentExamples, ModelPlanner, Pipeline, Planner, Writer},
    poller::{self, AT_ONCE, OpenIngestor, Poller},
    ports::{Chat, Clock, Embedder, Generator, SystemClock},
    prompts::{AnswerPrompt, PlanPrompt},
    remote::Remotes,
    store::{Claimant, Store},
    tools::Toolbox,
    web::Web,
    worker::Worker,
};
use anyhow::Context;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{error, info};

/// A worker that was not heard of for so long is taken for dead.
const LEASE: Duration = Duration::from_secs(30);

/// Example questions that ship with the program.
const ROUTER_EXAMPLES: &str = include_str!("../prompts/router.toml");

/// The parts that commands share, each opened on first use by `App::open`.
pub struct App {
    pub config: Config,
    pub data_dir: PathBuf,
    pub clock: Arc<dyn Clock>,
    pub model: EmbeddingModel,
    pub index: Arc<dyn KnowledgeIndex>,
    pub toolbox: Arc<Toolbox>,
    pub pipeline: Arc<Pipeline>,
    pub commands: Arc<Commands>,
    pub directory: Directory,
    /// How fresh the sources are, for `/lore sources`.
    pub board: FreshnessBoard,
    /// Ends what runs beside the questions, such as following the registry.
    _running: DropGuard,
}

impl App {
    /// Loads the models, opens the index and connects to the databases.
    pub async fn open(config: Config, data_dir: &Path) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let model = open_embedder(&config)?;
        let embedder = model.embedder.clone();
        let index = open_index(&config, embedder.as_ref(), data_dir, Purpose::Search).await?;
        let search =
            HybridSearch::new(index.clone(), embedder.clone(), config.retrieval.candidates)
                .following_relations(config.retrieval.relations)
                .with_sources(&config.sources);
        let toolbox = Arc::new(Toolbox::open(&config, clock.clone()).await?);
        let running = CancellationToken::new();
        let serving = SharedServing::default();
        let generator = open_generator(&config, &serving, &running).await?;
        let mut planner = planner(embedder.clone(), &toolbox).await?;
        if let Some(generator) = generator.clone().filter(|_| config.generator.plans) {
            let prompt = PlanPrompt::shipped()?;
            planner = planner.with_model(Arc::new(ModelPlanner { generator, prompt }));
        }
        let writer = match generator {
            Some(generator) => Some(Arc::new(Writer {
                generator,
                prompt: AnswerPrompt::shipped()?,
                adapter: chooser(serving),
            })),
            None => None,
        };
        let pipeline = Arc::new(Pipeline {
            planner: Arc::new(planner),
            embedder,
            search: Arc::new(search),
            tools: toolbox.clone(),
            clock: clock.clone(),
            writer,
        });
        let directory = Directory::new(&config);
        let board = FreshnessBoard::default();
        let commands = Arc::new(Commands::new(
            toolbox.clone(),
            pipeline.search.clone(),
            &config,
            board.clone(),
        ));
        Ok(Self {
            config,
            data_dir: data_dir.to_path_buf(),
            clock,
            model,
            index,
            toolbox,
            pipeline,
            commands,
            directory,
            board,
            _running: running.drop_guard(),
        })
    }

    /// What keeps the index at the state of the sources.
    fn poller(&self, store: &Store) -> anyhow::Result<Poller> {
        let (config, data_dir) = (self.config.clone(), self.data_dir.clone());
        let (model, index) = (self.model.clone(), self.index.clone());
        // One who asks before there is a reading makes the salt.
        open_redactor(&config, &data_dir)?;
        let open: OpenIngestor = Box::new(move || {
            let (config, data_dir) = (config.clone(), data_dir.clone());
            let (model, index) = (model.clone(), index.clone());
            Box::pin(async move {
                let index = match config.index.kind {
                    // One process has it open, and that is this one.
                    IndexKind::Embedded => index,
                    IndexKind::Qdrant | IndexKind::Pgvector => {
                        let embedder = model.embedder.as_ref();
                        open_index(&config, embedder, &data_dir, Purpose::Update).await?
                    }
                };
                let ingestor = open_ingestor(&config, &data_dir, &model, index)?;
                Ok(Ingestor {
                    at_once: AT_ONCE,
                    ..ingestor
                })
            })
        });
        Ok(Poller {
            store: store.clone(),
            sources: self.config.sources.clone(),
            open,
            clock: self.clock.clone(),
            board: self.board.clone(),
            worker: this_worker(),
        })
    }

    /// Looks once how fresh the sources are; a daemon looks all the time.
    pub async fn look_at_sources(&self, store: &Store) -> anyhow::Result<()> {
        poller::show(&self.board, &store.sources().all().await?);
        Ok(())
    }

    /// A worker that replies on these platforms.
    pub fn worker(
        &self,
        store: &Store,
        chats: HashMap<Platform, Arc<dyn Chat>>,
        work: Arc<Notify>,
    ) -> Worker {
        Worker {
            store: store.clone(),
            pipeline: self.pipeline.clone(),
            commands: self.commands.clone(),
            claimant: Claimant {
                worker: this_worker(),
                platforms: chats.keys().copied().collect(),
                lease: LEASE,
            },
            chats,
            directory: self.directory.clone(),
            clock: self.clock.clone(),
            answer_timeout: Duration::from_millis(self.config.limits.answer_timeout_ms),
            work,
        }
    }

    /// Intake and worker of a terminal that replies to itself.
    pub fn terminal(&self, store: &Store, chat: TerminalChat) -> (Intake, Worker) {
        let work = Arc::new(Notify::new());
        let chat: Arc<dyn Chat> = Arc::new(chat);
        let chats = HashMap::from([(Platform::Terminal, chat)]);
        let shared: Chats = Arc::new(OnceLock::from(chats.clone()));
        let intake = Intake::new(
            store.clone(),
            self.clock.clone(),
            shared,
            &self.config,
            work.clone(),
        );
        (intake, self.worker(store, chats, work))
    }
}

/// A name that no other worker has.
fn this_worker() -> String {
    let id = uuid::Uuid::new_v4();
    format!("{}-{}", std::process::id(), id.as_simple())
}

pub fn open_embedder(config: &Config) -> anyhow::Result<EmbeddingModel> {
    Ok(EmbeddingModel::open(&config.model)?)
}

/// What an index that this model fills is made with.
pub fn index_recipe(embedder: &dyn Embedder) -> IndexRecipe {
    IndexRecipe {
        embedder: embedder.name().to_string(),
        dimension: embedder.dimension(),
        format: FORMAT,
    }
}

/// The index as it is configured.
pub async fn open_index(
    config: &Config,
    embedder: &dyn Embedder,
    data_dir: &Path,
    purpose: Purpose,
) -> anyhow::Result<Arc<dyn KnowledgeIndex>> {
    let recipe = index_recipe(embedder);
    let section = &config.index;
    let timeout = Duration::from_millis(section.timeout_ms);
    let name = section.name.clone();
    Ok(match section.kind {
        IndexKind::Embedded => {
            let folder = data_dir.join("knowledge");
            Arc::new(EdgeIndex::open(&folder, &recipe, purpose)?)
        }
        IndexKind::Qdrant => {
            let options = QdrantOptions {
                url: section.url.clone().unwrap_or_default(),
                key: section.key.clone(),
                name,
                timeout,
                shards: section.shards,
                replicas: section.replicas,
                quantize: section.quantize,
            };
            Arc::new(QdrantIndex::open(&options, &recipe, purpose).await?)
        }
        IndexKind::Pgvector => {
            let url = section.url.clone().or_else(|| config.store.url.clone());
            let options = PgOptions {
                url: url.unwrap_or_default(),
                schema: name,
                timeout,
            };
            Arc::new(PgIndex::open(&options, &recipe, purpose).await?)
        }
    })
}

/// How far each source was read into this index: for another one, or one of
/// another model, that says nothing.
pub fn open_cursors(
    index: &dyn KnowledgeIndex,
    embedder: &dyn Embedder,
    data_dir: &Path,
) -> Cursors {
    let recipe = index_recipe(embedder);
    let of = hex::encode(Sha256::digest(format!("{} {recipe:?}", index.place())));
    let file = format!("cursors-{}.json", &of[..8]);
    Cursors::open(&data_dir.join("knowledge").join(file))
}

/// What files became when they were last converted, with what converts them now.
fn open_file_memory(config: &Config, index: &dyn KnowledgeIndex, data_dir: &Path) -> FileMemory {
    let of = hex::encode(Sha256::digest(index.place()));
    let file = data_dir
        .join("knowledge")
        .join(format!("files-{}.json", &of[..8]));
    let recipe = format!("{} {:?}", env!("CARGO_PKG_VERSION"), config.ocr);
    FileMemory::open(&file, &recipe)
}

/// What reads sources into this index.
pub fn open_ingestor(
    config: &Config,
    data_dir: &Path,
    model: &EmbeddingModel,
    index: Arc<dyn KnowledgeIndex>,
) -> anyhow::Result<Ingestor> {
    Ok(Ingestor {
        files: open_file_memory(config, index.as_ref(), data_dir),
        cursors: open_cursors(index.as_ref(), model.embedder.as_ref(), data_dir),
        index,
        count_tokens: model.count_tokens.clone(),
        embedder: model.embedder.clone(),
        retrieval: config.retrieval.clone(),
        limits: config.limits.clone(),
        ocr: config.ocr.clone(),
        redactor: Arc::new(open_redactor(config, data_dir)?),
        program: this_program()?,
        remotes: Remotes::new(config).with_program(this_program()?),
        at_once: BATCH,
        dry_run: false,
    })
}

/// This program, also where its file was replaced since it started.
pub fn this_program() -> anyhow::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        return Ok(PathBuf::from("/proc/self/exe"));
    }
    std::env::current_exe().context("can't tell where this program lies")
}

/// What finds secrets and personal data. The salt of hashes is the configured
/// one, or a random one that is kept in the data folder.
pub fn open_redactor(config: &Config, data_dir: &Path) -> anyhow::Result<Redactor> {
    let section = &config.redaction;
    let names = Names::new(&section.names);
    if let Some(salt) = &section.salt {
        return Ok(Redactor::new(names, salt.expose_secret().as_bytes()));
    }
    let file = data_dir.join("redaction-salt");
    let salt = match fs::read(&file) {
        Ok(salt) => salt,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let salt = uuid::Uuid::new_v4().into_bytes().to_vec();
            fs::create_dir_all(data_dir)
                .and_then(|()| fs::write(&file, &salt))
                .with_context(|| format!("{} can't be written", file.display()))?;
            salt
        }
        Err(error) => {
            return Err(error).with_context(|| format!("{} can't be read", file.display()));
        }
    };
    Ok(Redactor::new(names, &salt))
}

pub async fn open_store(config: &Config, data_dir: &Path) -> anyhow::Result<Store> {
    let url = config.store.url.as_ref().map(|url| url.expose_secret());
    Ok(Store::open(url, data_dir).await?)
}

/// The language model as it is configured: in this process, behind a server,
/// or behind a server until the one in this process is loaded.
pub async fn open_generator(
    config: &Config,
    serving: &SharedServing,
    running: &CancellationToken,
) -> anyhow::Result<Option<Arc<dyn Generator>>> {
    let section = &config.generator;
    let server = section.server.as_ref().map(|server| {
        let options = OpenAiOptions {
            key: server.key.clone(),
            context_tokens: server.context_tokens,
            ..OpenAiOptions::new(&server.url, &server.model)
        };
        OpenAiGenerator::new(options).map(|generator| Arc::new(generator) as Arc<dyn Generator>)
    });
    let opening = section
        .model_dir
        .clone()
        .map(|folder| open_model(config.clone(), folder, serving.clone(), running.clone()));
    Ok(match (server.transpose()?, opening) {
        (server, None) => server,
        (None, Some(opening)) => Some(opening.await?),
        (Some(base), Some(opening)) => {
            let opening = async { opening.await.map_err(Into::into) };
            Some(Arc::new(UntilWarm::new(base, opening)))
        }
    })
}

/// Loads the model and the adapters that the registry wants, and goes on following the registry.
async fn open_model(
    config: Config,
    folder: PathBuf,
    serving: SharedServing,
    running: CancellationToken,
) -> anyhow::Result<Arc<dyn Generator>> {
    let section = &config.generator;
    let options = DecoderOptions {
        onnxruntime: config.model.onnxruntime.clone(),
        device: section.device,
        threads: section.threads,
        slots: section.slots,
        context_tokens: section.context_tokens,
        waiting: section.queue,
        ..DecoderOptions::new(&folder)
    };
    // Reading gigabytes of weights would hold up the async threads.
    let model = tokio::task::spawn_blocking(move || LanguageModel::open(options)).await??;
    let model = Arc::new(model);
    let registry = Registry::new(&section.adapters_dir);
    let follower = Follower::start(registry, model.clone(), &folder, serving).await?;
    tokio::spawn(async move { follower.run(running).await });
    Ok(model)
}

/// The example questions for what is no tool.
pub fn intent_examples() -> anyhow::Result<IntentExamples> {
    toml::from_str(ROUTER_EXAMPLES).context("prompts/router.toml, which the program was built with")
}

async fn planner(embedder: Arc<dyn Embedder>, toolbox: &Toolbox) -> anyhow::Result<Planner> {
    use crate::ports::Tools;
    Ok(Planner::new(embedder, &intent_examples()?, toolbox.catalogue().clone()).await?)
}

/// Runs the daemon until `stop`: platforms, workers, sweeper.
///
/// First signal: no intake, no claims, what runs is finished. A platform, or
/// HTTP, that ends by itself ends the daemon with its error.
pub async fn serve(config: Config, data_dir: &Path, stop: CancellationToken) -> anyhow::Result<()> {
    anyhow::ensure!(
        config.slack.is_some() || config.discord.is_some(),
        "no platform is configured: write a `[slack]` or `[discord]` section with tokens into the configuration"
    );
    let store = open_store(&config, data_dir).await?;
    let app = App::open(config, data_dir).await?;
    let work = Arc::new(Notify::new());
    let chats: Chats = Arc::new(OnceLock::new());
    let intake = Arc::new(Intake::new(
        store.clone(),
        app.clock.clone(),
        chats.clone(),
        &app.config,
        work.clone(),
    ));
    // Taking in ends first; answering goes on until what was taken in is settled or given back.
    let intake_stop = stop.child_token();
    let mut connected: HashMap<Platform, Arc<dyn Chat>> = HashMap::new();
    let mut tasks: JoinSet<anyhow::Result<()>> = JoinSet::new();
    if let Some(section) = &app.config.slack {
        let handle = slack::start(section, intake.clone(), intake_stop.clone()).await?;
        connected.insert(Platform::Slack, handle.chat);
        tasks.spawn(async move { Ok(handle.task.await??) });
    }
    if let Some(section) = &app.config.discord {
        let handle = discord::start(
            section,
            intake.clone(),
            app.commands.clone(),
            intake_stop.clone(),
        )
        .await?;
        connected.insert(Platform::Discord, handle.chat);
        tasks.spawn(async move { Ok(handle.task.await??) });
    }
    if chats.set(connected.clone()).is_err() {
        unreachable!("the platforms are set once, here");
    }
    if let Some(address) = app.config.web.listen {
        let web = Web::bind(address, store.clone(), metrics::start()?).await?;
        tasks.spawn(web.run(intake_stop.clone()));
    }
    let poller = app.poller(&store)?;
    let poller_stop = stop.child_token();
    tasks.spawn(async move {
        poller.run(poller_stop).await;
        Ok(())
    });
    let worker = Arc::new(app.worker(&store, connected, work));
    let workers = tokio::spawn(worker.run(app.config.limits.concurrent_questions, stop.clone()));
    if app.config.store.url.is_none() {
        // The index's lock says that no other process works on this folder, so
        // whoever held a lease is dead, and nobody need wait for it to expire.
        store.inbox().sweep(app.clock.now() + 2 * LEASE).await?;
    }
    info!("Serving");
    let mut outcome = Ok(());
    tokio::select! {
        () = stop.cancelled() => info!("Stopping: finishing what was begun"),
        Some(ended) = tasks.join_next() => {
            outcome = ended.context("a task of the daemon panicked").and_then(|ended| ended);
            if let Err(error) = &outcome {
                error!(error = format!("{error:#}"), "a task of the daemon ended");
            }
            stop.cancel();
        }
    }
    workers.await.context("the worker panicked")?;
    while let Some(ended) = tasks.join_next().await {
        outcome = outcome.and(
            ended
                .context("a task of the daemon panicked")
                .and_then(|ended| ended),
        );
    }
    store.close().await;
    outcome
}
