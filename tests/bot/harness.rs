//! Starts and stops the built program, on the sample company, beside the fake platforms.

use crate::fakes::{discord::FakeDiscord, slack::FakeSlack};
use fs2::FileExt;
use secrecy::ExposeSecret;
use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The program as it was built with the tests, or another build of it, for measuring.
fn program() -> String {
    std::env::var("LOREKEEPER_TEST_PROGRAM")
        .unwrap_or_else(|_| env!("CARGO_BIN_EXE_lorekeeper").to_string())
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The sample company's configuration, which names its generated data.
fn company() -> PathBuf {
    let file = root().join("examples/company/lorekeeper.toml");
    let data = root().join("examples/company/generated/business.db");
    assert!(
        data.exists(),
        "{} is missing: run `make company`",
        data.display()
    );
    file
}

/// A command of the program on the sample company, with the models that `make setup` put in place.
pub fn lorekeeper(data_dir: &Path) -> Command {
    lorekeeper_with(&company(), data_dir)
}

/// A command of the program with another configuration.
pub fn lorekeeper_with(config: &Path, data_dir: &Path) -> Command {
    let mut command = Command::new(program());
    command
        .current_dir(root())
        .arg("--config")
        .arg(config)
        .arg("--data-dir")
        .arg(data_dir);
    // Benchmarks measure from more of the log.
    let log = std::env::var("LOREKEEPER_TEST_LOG").unwrap_or_else(|_| "info".into());
    command.env("LOREKEEPER_LOG", log);
    command
}

/// The command in a mount namespace where `folder` is a disk of its own, with the same files on it.
fn on_own_disk(command: Command, folder: &Path, megabytes: u32) -> Command {
    let script = format!(
        r#"cp -a --sparse=always "$0" "$0.copy" && mount -t tmpfs -o size={megabytes}m tmpfs "$0" && cp -a --sparse=always "$0.copy/." "$0" && rm -r "$0.copy" && exec "$@""#
    );
    let mut inside = Command::new("unshare");
    inside
        .args(["--mount", "--map-root-user", "sh", "-c", &script])
        .arg(folder)
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(root());
    for (key, value) in command.get_envs() {
        inside.env(key, value.unwrap_or_default());
    }
    inside
}

/// A data folder with the sample company in its index. It is read once by
/// whichever test comes first; every test gets a copy of its own.
pub fn data_folder() -> TempDir {
    let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("company");
    fs::create_dir_all(&shared).expect("the shared folder is made");
    let lock = File::create(shared.join("lock")).expect("the lock file is made");
    lock.lock_exclusive().expect("the lock is taken");
    let done = shared.join("done");
    let program = fs::metadata(program())
        .and_then(|program| program.modified())
        .expect("the program is there");
    let fresh = fs::metadata(&done)
        .and_then(|done| done.modified())
        .is_ok_and(|done| done > program);
    if !fresh {
        let data = shared.join("data");
        let _ = fs::remove_dir_all(&data);
        let ingest = lorekeeper(&data)
            .arg("ingest")
            .output()
            .expect("the program starts");
        assert!(
            ingest.status.success(),
            "ingest: {}",
            String::from_utf8_lossy(&ingest.stderr)
        );
        File::create(&done).expect("the mark is made");
    }
    let own = TempDir::new().expect("a temporary folder");
    copy(
        &shared.join("data").join("knowledge"),
        &own.path().join("knowledge"),
    );
    lock.unlock().expect("the lock is given back");
    own
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder is made");
    for entry in fs::read_dir(from).expect("the folder is read") {
        let entry = entry.expect("an entry is read");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("a file is copied");
        }
    }
}

/// Where the bot keeps its questions.
#[derive(Clone, Copy, Debug)]
pub enum StoreKind {
    Sqlite,
    Postgres,
}

/// The daemon, connected to a fake Slack and a fake Discord.
pub struct Bot {
    pub slack: FakeSlack,
    pub discord: FakeDiscord,
    pub data: TempDir,
    database: Option<String>,
    log: PathBuf,
    child: Option<Child>,
    /// Megabytes of a disk of its own for the data folder.
    disk: Option<u32>,
    config: PathBuf,
    questions_per_hour: u32,
}

impl Bot {
    /// Started and connected to both platforms.
    pub async fn start(store: StoreKind) -> Self {
        let mut bot = Self::prepare(store);
        bot.run().await;
        bot
    }

    /// Ready to start.
    pub fn prepare(store: StoreKind) -> Self {
        Self::prepare_in(data_folder(), store, company())
    }

    /// Ready to start with another configuration.
    pub fn prepare_with(store: StoreKind, config: &str) -> Self {
        let data = data_folder();
        let file = data.path().join("lorekeeper.toml");
        fs::write(&file, config).expect("the configuration is written");
        Self::prepare_in(data, store, file)
    }

    fn prepare_in(data: TempDir, store: StoreKind, config: PathBuf) -> Self {
        Self {
            slack: FakeSlack::start(),
            discord: FakeDiscord::start(),
            log: data.path().join("bot.log"),
            data,
            database: match store {
                StoreKind::Sqlite => None,
                StoreKind::Postgres => Some(new_database()),
            },
            child: None,
            disk: None,
            config,
            questions_per_hour: 100_000,
        }
    }

    /// From the next start on.
    pub fn questions_per_hour(&mut self, questions: u32) {
        self.questions_per_hour = questions;
    }

    fn lorekeeper(&self) -> Command {
        lorekeeper_with(&self.config, self.data.path())
    }

    /// From the next start on, the data folder is a small disk that only the daemon sees.
    pub fn own_disk(&mut self, megabytes: u32) {
        self.disk = Some(megabytes);
    }

    /// Writes until the daemon's disk takes no more.
    pub fn fill_disk(&self) {
        let mut filler = File::create(self.filler()).expect("the filler is made");
        let megabyte = vec![0; 1 << 20];
        while filler.write_all(&megabyte).is_ok() {}
    }

    pub fn free_disk(&self) {
        fs::remove_file(self.filler()).expect("the filler is removed");
    }

    /// A file on the daemon's own disk, as it is reached from outside.
    fn filler(&self) -> PathBuf {
        let child = self.child.as_ref().expect("the daemon runs");
        let inside = self
            .data
            .path()
            .strip_prefix("/")
            .expect("an absolute path");
        Path::new("/proc")
            .join(child.id().to_string())
            .join("root")
            .join(inside)
            .join("filler")
    }

    /// Starts the daemon, again after a kill.
    pub async fn run(&mut self) {
        self.spawn();
        self.slack.connected(2).await;
        self.discord.connected(1).await;
    }

    pub fn spawn(&mut self) {
        let (slack, discord) = (self.slack.section(), self.discord.section());
        let log = File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .expect("the log is opened");
        let mut command = match self.disk {
            None => self.lorekeeper(),
            Some(megabytes) => on_own_disk(self.lorekeeper(), self.data.path(), megabytes),
        };
        command
            .arg("serve")
            .env(
                "LOREKEEPER_SLACK__BOT_TOKEN",
                slack.bot_token.expose_secret(),
            )
            .env(
                "LOREKEEPER_SLACK__APP_TOKEN",
                slack.app_token.expose_secret(),
            )
            .env("LOREKEEPER_SLACK__API_URL", self.slack.api_url())
            .env(
                "LOREKEEPER_DISCORD__BOT_TOKEN",
                discord.bot_token.expose_secret(),
            )
            .env("LOREKEEPER_DISCORD__API_URL", self.discord.url())
            .env(
                "LOREKEEPER_LIMITS__QUESTIONS_PER_HOUR",
                self.questions_per_hour.to_string(),
            )
            .env(
                "LOREKEEPER_LIMITS__CONCURRENT_QUESTIONS",
                std::env::var("LOREKEEPER_TEST_CONCURRENT").unwrap_or_else(|_| "64".into()),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        if self.config == company() {
            // A test that says nothing of sources is not about their being read.
            for source in ["HANDBOOK", "TICKETS"] {
                command.env(format!("LOREKEEPER_SOURCE__{source}__EVERY"), "off");
            }
        }
        if let Some(url) = &self.database {
            command.env("LOREKEEPER_STORE__URL", url);
        }
        self.child = Some(command.spawn().expect("the program starts"));
    }

    /// `kill -9`: no destructor, no flush.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("the child is killed");
            child.wait().expect("the child is reaped");
        }
    }

    /// Everything that the daemon wrote to its log, over all its lives.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until the daemon has written this to its log.
    pub async fn logged(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.log().contains(text) {
            assert!(Instant::now() < deadline, "`{text}` is not in the log");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Runs a command beside the daemon, on the same store, and returns what it printed.
    pub fn command(&self, arguments: &[&str]) -> String {
        let mut command = self.lorekeeper();
        if let Some(url) = &self.database {
            command.env("LOREKEEPER_STORE__URL", url);
        }
        let output = command
            .args(arguments)
            .output()
            .expect("the program starts");
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("the output is text")
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("the log of the bot:\n{}", self.log());
        }
        if let Some(url) = &self.database {
            drop_database(url);
        }
    }
}

fn server() -> String {
    std::env::var("LOREKEEPER_TEST_POSTGRES")
        .expect("LOREKEEPER_TEST_POSTGRES is not set: run the tests with `tests/with-postgres cargo nextest run`")
}

pub fn new_database() -> String {
    let name = format!("bot_{}", uuid::Uuid::new_v4().as_simple());
    administer(&format!("CREATE DATABASE {name}"));
    let server = server();
    let (front, _) = server
        .rsplit_once('/')
        .expect("the address names a database");
    format!("{front}/{name}")
}

pub fn drop_database(url: &str) {
    let name = url
        .rsplit('/')
        .next()
        .expect("the address names a database");
    administer(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
}

/// A runtime of its own, because `Drop` can't wait on the test's.
fn administer(statement: &str) {
    let (url, statement) = (server(), statement.to_string());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            use sqlx::Connection;
            let mut connection = sqlx::PgConnection::connect(&url)
                .await
                .expect("PostgreSQL answers");
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
                .execute(&mut connection)
                .await
                .expect("the statement runs");
        });
    })
    .join()
    .expect("the administrator's thread ends well");
}
