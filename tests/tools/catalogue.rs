//! The catalogue file, from systems to words.

use super::{
    server::{SpyDatabase, entry},
    sqlite::SpyFile,
};
use chrono::NaiveDate;
use insta::assert_snapshot;
use lorekeeper::{
    config::{self, Config, DatabaseEntry},
    learning::written::read_tasks,
    ports::{SystemClock, Tools},
    tools::{
        Toolbox,
        catalogue::{Built, Dump, Found, FoundTable, FoundTool, build, look},
        sql::{
            Database, Limits,
            dump::read_dump,
            guard::Dialect,
            schema::{Column, Table, read_schema},
        },
    },
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;

const SHOP: &str = r#"
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, region TEXT);
CREATE TABLE orders (
    number TEXT PRIMARY KEY,
    customer INTEGER REFERENCES customers,
    status TEXT NOT NULL,
    total NUMERIC(12,2)
);
CREATE TABLE "order lines" (number TEXT REFERENCES orders (number), place INTEGER, sku TEXT, PRIMARY KEY (number, place));
CREATE VIEW open_orders AS SELECT * FROM orders WHERE status = 'open';
INSERT INTO customers VALUES (1, 'Freya Dahl', 'DACH'), (2, 'Mara Lind', 'DACH'), (3, 'Omar Haddad', 'Nordics'), (4, 'Ines Roca', 'Nordics');
INSERT INTO orders VALUES ('ORD-1', 1, 'open', 10), ('ORD-2', 1, 'open', 20), ('ORD-3', 2, 'paid', 30), ('ORD-4', 3, 'paid', 5);
"#;

const QUERY: &str = r#"
[[query]]
name = "orders_count"
database = "shop"
description = "Number of orders by status"
sql = "SELECT count(*) AS orders FROM orders WHERE :status IS NULL OR status = :status"
lead = "{orders} orders."
empty = "No orders."
examples = ["how many orders are there"]
[[query.parameters]]
name = "status"
type = "choice"
values_sql = "SELECT DISTINCT status FROM orders ORDER BY status"
optional = true
"#;

/// A database, a configuration and a catalogue file beside it.
struct World {
    folder: TempDir,
    shop: SpyFile,
    more: String,
}

impl World {
    async fn new(more: &str) -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            shop: SpyFile::new(SHOP).await,
            more: more.into(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self) -> Config {
        let text = format!(
            "catalogue = \"catalogue.toml\"\n[[database]]\nname = \"shop\"\nurl = \"{}\"\n{}\n{QUERY}",
            self.shop.url(),
            self.more
        );
        fs::write(self.path("lorekeeper.toml"), text).expect("is written");
        config::load(Some(&self.path("lorekeeper.toml"))).expect("is a configuration")
    }

    async fn look(&self) -> Found {
        let found = look(&self.config(), &[], Arc::new(SystemClock)).await;
        found.unwrap_or_else(|error| panic!("{error}"))
    }

    async fn change(&self, sql: &str) {
        self.shop.run(sql).await;
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("is a day")
}

fn built(before: Option<&str>, found: &Found, date: &str) -> Built {
    build("catalogue.toml", before, found, day(date)).unwrap_or_else(|error| panic!("{error}"))
}

fn changes(built: &Built) -> Vec<String> {
    built.changes.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn first_build_writes_what_is_there_and_places_for_words() {
    let world = World::new("samples = true").await;
    let built = built(None, &world.look().await, "2026-11-21");
    let hash = built.version.hash.clone();
    assert_snapshot!(built.text.replace(&hash, "HASH"), @r##"
    # What the company's systems have, and how people speak of it.
    #
    # `found` is written by `lorekeeper catalogue build`. Everything else is yours
    # and stays: `description`, `synonyms` (what people call it besides),
    # `examples` (questions in the way people type them), of a tool also
    # `parameters = { name = "what it means" }`, and every comment.

    [catalogue]
    version = 1
    hash = "HASH"
    date = "2026-11-21"

    [[tool]]
    name = "orders_count"
    description = ""
    synonyms = []
    examples = []

    [tool.found]
    kind = "query"
    source = "shop"
    says = "Number of orders by status"
    reads = ["orders"]
    parameters = [
      { name = "status", type = "choice", optional = true, values = ["open", "paid"] },
    ]

    [[table]]
    database = "shop"
    name = "customers"
    description = ""
    synonyms = []
    examples = []

    [table.found]
    columns = [
      { name = "id", type = "integer", primary = true },
      { name = "name", type = "text" },
      { name = "region", type = "text", samples = ["DACH", "Nordics"] },
    ]

    [[table]]
    database = "shop"
    name = "open_orders"
    description = ""
    synonyms = []
    examples = []

    [table.found]
    view = true
    columns = [
      { name = "number", type = "text" },
      { name = "customer", type = "integer" },
      { name = "status", type = "text", samples = ["open"] },
      { name = "total", type = "numeric(12,2)" },
    ]

    [[table]]
    database = "shop"
    name = "order lines"
    description = ""
    synonyms = []
    examples = []

    [table.found]
    columns = [
      { name = "number", type = "text", primary = true, references = "orders.number" },
      { name = "place", type = "integer", primary = true },
      { name = "sku", type = "text" },
    ]

    [[table]]
    database = "shop"
    name = "orders"
    description = ""
    synonyms = []
    examples = []

    [table.found]
    columns = [
      { name = "number", type = "text", primary = true },
      { name = "customer", type = "integer", references = "customers.id" },
      { name = "status", type = "text", samples = ["open", "paid"] },
      { name = "total", type = "numeric(12,2)" },
    ]
    "##);
}

#[tokio::test]
async fn samples_are_written_only_where_they_are_allowed() {
    let world = World::new("").await;
    let built = built(None, &world.look().await, "2026-11-21");
    assert!(!built.text.contains("samples"), "{}", built.text);
}

#[tokio::test]
async fn rebuild_keeps_every_word_and_comment() {
    let world = World::new("").await;
    let first = built(None, &world.look().await, "2026-11-21");
    let again = built(Some(&first.text), &world.look().await, "2026-11-22");
    assert_eq!(
        again.text, first.text,
        "nothing changed, nothing is written"
    );
    assert_eq!(changes(&again), Vec::<String>::new());

    let edited = first
        .text
        .replace(
            "[[table]]\ndatabase = \"shop\"\nname = \"customers\"\ndescription = \"\"",
            "# Those who pay us.\n[[table]]\ndatabase = \"shop\"\nname = \"customers\" # ask Mara\ndescription = 'Who \"buys\"'",
        )
        .replace(
            "name = \"orders_count\"\ndescription = \"\"\nsynonyms = []",
            "name = \"orders_count\"\ndescription = \"How many orders\"\nsynonyms = [\n  \"order book\", # sales says so\n]",
        );
    assert_ne!(edited, first.text);
    world.change("ALTER TABLE customers ADD COLUMN plan TEXT; DROP VIEW open_orders; CREATE TABLE refunds (id INTEGER)").await;
    let second = built(Some(&edited), &world.look().await, "2026-11-23");
    assert!(second.edited);
    assert_eq!(second.version.number, 2);
    assert_eq!(
        changes(&second),
        [
            "changed  table customers of shop: column `plan` is new",
            "gone     table open_orders of shop",
            "new      table refunds of shop",
        ]
    );
    for kept in [
        "# Those who pay us.\n[[table]]",
        "name = \"customers\" # ask Mara\ndescription = 'Who \"buys\"'",
        "synonyms = [\n  \"order book\", # sales says so\n]",
        "description = \"How many orders\"",
    ] {
        assert!(second.text.contains(kept), "{kept}\n{}", second.text);
    }
    assert!(
        !second.text.contains("open_orders"),
        "nobody wrote a word on it"
    );
}

#[tokio::test]
async fn gone_entry_with_words_is_marked_and_comes_back() {
    let world = World::new("").await;
    let first = built(None, &world.look().await, "2026-11-21");
    let edited = first.text.replace(
        "name = \"order lines\"\ndescription = \"\"",
        "name = \"order lines\"\ndescription = \"What was ordered\"",
    );
    world
        .change("ALTER TABLE \"order lines\" RENAME TO lines")
        .await;
    let second = built(Some(&edited), &world.look().await, "2026-11-22");
    assert!(
        second.text.contains("description = \"What was ordered\""),
        "{}",
        second.text
    );
    assert!(
        second.text.contains("gone = \"2026-11-22\""),
        "{}",
        second.text
    );
    let third = built(Some(&second.text), &world.look().await, "2026-11-23");
    assert_eq!(
        (changes(&third), &third.text),
        (Vec::new(), &second.text),
        "it is gone once"
    );

    world
        .change("ALTER TABLE lines RENAME TO \"order lines\"")
        .await;
    let fourth = built(Some(&third.text), &world.look().await, "2026-11-24");
    assert_eq!(
        changes(&fourth),
        [
            "back     table order lines of shop",
            "gone     table lines of shop"
        ]
    );
    assert!(fourth.text.contains("description = \"What was ordered\""));
    assert!(!fourth.text.contains("gone ="), "{}", fourth.text);
}

#[tokio::test]
async fn words_reach_the_planner_with_their_version() {
    let world = World::new("").await;
    let first = built(None, &world.look().await, "2026-11-21");
    let edited = first.text.replace(
        "name = \"orders_count\"\ndescription = \"\"\nsynonyms = []\nexamples = []",
        "name = \"orders_count\"\ndescription = \"How many orders there are\"\nsynonyms = [\"order book\"]\n\
         examples = [\"size of the order book\"]\nparameters = { status = \"Where it stands\" }",
    );
    fs::write(world.path("catalogue.toml"), &edited).expect("is written");
    let toolbox = Toolbox::open(&world.config(), Arc::new(SystemClock)).await;
    let toolbox = toolbox.unwrap_or_else(|faults| panic!("{faults}"));
    let catalogue = toolbox.catalogue();
    let tool = catalogue.tool("orders_count").expect("it is there");
    assert_eq!(tool.description, "How many orders there are");
    assert_eq!(
        tool.examples,
        ["how many orders are there", "size of the order book"]
    );
    assert_eq!(tool.synonyms, ["order book"]);
    assert_eq!(tool.parameters[0].description, "Where it stands");
    let version = catalogue.version.clone().expect("there is a file");
    assert!(version.starts_with("1-"), "{version}");
    assert!(
        !first.version.hash.starts_with(&version[2..]),
        "words that were edited are another content"
    );
    // What the configuration says is what is found, not what people made of it.
    let again = built(Some(&edited), &world.look().await, "2026-11-22");
    assert_eq!(changes(&again), Vec::<String>::new());
    assert!(
        again.version.to_string().ends_with(&version[2..]),
        "{}",
        again.version
    );
}

#[tokio::test]
async fn faults_of_the_file_are_named() {
    let world = World::new("").await;
    let check = async |text: &str, expected: &str| {
        fs::write(world.path("catalogue.toml"), text).expect("is written");
        let faults = Toolbox::open(&world.config(), Arc::new(SystemClock))
            .await
            .map(|_| ());
        let faults = faults.expect_err(text).to_string();
        assert!(
            faults.contains("catalogue.toml") && faults.contains(expected),
            "{faults}"
        );
        let refused = build(
            "catalogue.toml",
            Some(text),
            &Found::default(),
            day("2026-11-21"),
        );
        refused.expect_err("is not written over");
    };
    check(
        "[[tool]]\nname = \"a\"\nsynonym = [\"b\"]\n",
        "unknown field `synonym`",
    )
    .await;
    check(
        "[[tool]]\nname = \"a\"\n[[tool]]\nname = \"a\"\n",
        "tool a is there twice",
    )
    .await;
    check("[[tool]]\ndescription = \"a\"\n", "missing field `name`").await;
    check("tools = 1", "unknown field `tools`").await;
    check(
        "[[log]]\nname = \"a\"\nexamples = []\n",
        "unknown field `examples`",
    )
    .await;
    check("[[tool]\n", "catalogue.toml").await;
}

#[tokio::test]
async fn file_that_is_not_there_yet_is_no_fault() {
    let world = World::new("").await;
    let toolbox = Toolbox::open(&world.config(), Arc::new(SystemClock)).await;
    let toolbox = toolbox.unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(toolbox.catalogue().version, None);
}

#[tokio::test]
async fn database_that_is_down_loses_nothing() {
    let world = World::new("").await;
    fs::remove_file(&world.shop.path).expect("is removed");
    let error = look(&world.config(), &[], Arc::new(SystemClock))
        .await
        .expect_err("is down");
    assert!(
        error
            .to_string()
            .contains("the tables of database `shop` can't be read"),
        "{error}"
    );
}

const LIMITS: Limits = Limits {
    timeout: Duration::from_secs(10),
    rows: 10_000,
    bytes: 1 << 20,
};

const SALES: &str = r#"
CREATE TYPE stage AS ENUM ('lead', 'won', 'lost');
CREATE SCHEMA crm;
CREATE TABLE crm.accounts (
    id bigint PRIMARY KEY,
    name character varying(80) NOT NULL,
    tags text[]
);
CREATE TABLE deals (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account bigint NOT NULL REFERENCES crm.accounts,
    stage stage DEFAULT 'lead',
    amount numeric(12,2),
    closed_at timestamp with time zone
);
CREATE TABLE parts (deal integer, place smallint, PRIMARY KEY (deal, place));
ALTER TABLE ONLY parts ADD CONSTRAINT parts_deal FOREIGN KEY (deal) REFERENCES deals (id);
COMMENT ON TABLE deals IS 'Deals;
of all regions';
COMMENT ON COLUMN deals.amount IS 'in EUR';
CREATE VIEW closed AS
    SELECT d.id, d.amount AS worth, d.stage, a.name, a.tags, 1::smallint AS one
    FROM (deals d JOIN crm.accounts a ON a.id = d.account) WHERE d.stage = 'won';
COMMENT ON VIEW closed IS 'Deals that are won';
CREATE VIEW closed_twice (id, worth, kind) AS SELECT id, worth, stage FROM closed UNION ALL SELECT 1, 2::numeric(12,2), 'won';
"#;

fn sales() -> Vec<Table> {
    let column = |name: &str, kind: &str| Column {
        name: name.into(),
        kind: kind.into(),
        ..Column::default()
    };
    let key = |name: &str, kind: &str| Column {
        primary: true,
        ..column(name, kind)
    };
    let table = |name: &str, columns: Vec<Column>| Table {
        name: name.into(),
        columns,
        ..Table::default()
    };
    let view = |name: &str, comment: &str, columns: Vec<Column>| Table {
        view: true,
        comment: comment.into(),
        ..table(name, columns)
    };
    let stage = |name: &str| Column {
        values: ["lead", "won", "lost"].map(String::from).to_vec(),
        ..column(name, "stage")
    };
    vec![
        view(
            "closed",
            "Deals that are won",
            vec![
                column("id", "integer"),
                column("worth", "numeric(12,2)"),
                stage("stage"),
                column("name", "character varying(80)"),
                column("tags", "text[]"),
                column("one", "smallint"),
            ],
        ),
        view(
            "closed_twice",
            "",
            vec![
                column("id", "integer"),
                column("worth", "numeric(12,2)"),
                stage("kind"),
            ],
        ),
        table(
            "crm.accounts",
            vec![
                key("id", "bigint"),
                column("name", "character varying(80)"),
                column("tags", "text[]"),
            ],
        ),
        Table {
            comment: "Deals; of all regions".into(),
            ..table(
                "deals",
                vec![
                    key("id", "integer"),
                    Column {
                        references: Some("crm.accounts.id".into()),
                        ..column("account", "bigint")
                    },
                    Column {
                        values: ["lead", "won", "lost"].map(String::from).to_vec(),
                        ..column("stage", "stage")
                    },
                    Column {
                        comment: "in EUR".into(),
                        ..column("amount", "numeric(12,2)")
                    },
                    column("closed_at", "timestamp with time zone"),
                ],
            )
        },
        table(
            "parts",
            vec![
                Column {
                    references: Some("deals.id".into()),
                    ..key("deal", "integer")
                },
                key("place", "smallint"),
            ],
        ),
    ]
}

#[tokio::test]
async fn live_postgres_and_its_dump_tell_the_same() {
    let spy = SpyDatabase::new().await;
    let role = &spy.role;
    spy.as_admin(&format!(
        "{SALES}; GRANT USAGE ON SCHEMA crm TO {role}; \
         CREATE TABLE secret (id int); GRANT SELECT ON deals, parts, closed, closed_twice, crm.accounts TO {role}; \
         CREATE TABLE salaries (id int, amount int); GRANT SELECT (id) ON salaries TO {role}"
    ))
    .await;
    let database = spy.open_with(LIMITS).await.expect("it opens");
    let mut live = read_schema(&database).await.expect("it is read");
    live.retain(|table| !table.name.starts_with("spy"));
    let partly = live.pop().expect("the last by name");
    let columns: Vec<&str> = partly
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(
        (partly.name.as_str(), columns),
        ("salaries", vec!["id"]),
        "only what may be read"
    );
    assert_eq!(live, sales());
    spy.remove().await;

    let file = tempfile::NamedTempFile::new().expect("a file");
    let dump = format!(
        "\\restrict x\nSET x = 0;\n{SALES}\nCOPY deals (id) FROM stdin;\n1\tCREATE TABLE x (;\n\\.\n"
    );
    fs::write(file.path(), dump).expect("is written");
    let dumped = read_dump(file.path(), None).await.expect("it is read");
    assert_eq!((dumped.tables, dumped.unread), (sales(), 0));
}

#[tokio::test]
async fn live_sqlite_and_its_dump_tell_the_same() {
    let spy = SpyFile::new(SHOP).await;
    let database = Database::open(&entry("shop", &spy.url()), LIMITS)
        .await
        .expect("it opens");
    let live = read_schema(&database).await.expect("it is read");
    assert!(live.iter().any(|table| table.view));
    let file = tempfile::NamedTempFile::new().expect("a file");
    let dump = format!(
        "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n{SHOP}\nATTACH 'x.db' AS x;\nCREATE TABLE x AS SELECT 1;\nCOMMIT;\n"
    );
    fs::write(file.path(), dump).expect("is written");
    let dumped = read_dump(file.path(), None).await.expect("it is read");
    assert_eq!((dumped.tables, dumped.unread), (live, 1));
}

#[tokio::test]
async fn table_of_a_dump_stays_until_a_dump_is_read_again() {
    let world = World::new("").await;
    let file = world.path("crm.sql");
    fs::write(
        &file,
        "CREATE TABLE deals (id int PRIMARY KEY, amount int);",
    )
    .expect("is written");
    let dump = [Dump {
        database: "crm".into(),
        file: file.clone(),
    }];
    let look_with = async |dumps: &[Dump]| {
        let found = look(&world.config(), dumps, Arc::new(SystemClock)).await;
        found.unwrap_or_else(|error| panic!("{error}"))
    };
    let first = built(None, &look_with(&dump).await, "2026-11-21");
    assert!(first.text.contains("dump = \"crm.sql\""), "{}", first.text);
    let second = built(Some(&first.text), &look_with(&[]).await, "2026-11-22");
    assert_eq!((changes(&second), &second.text), (Vec::new(), &first.text));
    fs::write(&file, "CREATE TABLE leads (id int PRIMARY KEY);").expect("is written");
    let third = built(Some(&second.text), &look_with(&dump).await, "2026-11-23");
    assert_eq!(
        changes(&third),
        ["gone     table deals of crm", "new      table leads of crm"]
    );
}

impl World {
    fn run(&self, args: &[&str]) -> Output {
        self.config();
        Command::new(env!("CARGO_BIN_EXE_lorekeeper"))
            .arg("--config")
            .arg(self.path("lorekeeper.toml"))
            .arg("--data-dir")
            .arg(self.path("data"))
            .args(args)
            .output()
            .expect("the program starts")
    }

    fn finding(&self, check: &str) -> Value {
        let output = self.run(&["doctor", "--json"]);
        let findings: Vec<Value> = serde_json::from_slice(&output.stdout).expect("is JSON");
        let finding = findings
            .into_iter()
            .find(|finding| finding["check"] == check);
        finding.unwrap_or_else(|| panic!("no finding `{check}`"))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn command_builds_checks_and_tells_what_changed() {
    let world = World::new("").await;
    let dry = world.run(&["catalogue", "build", "--dry-run"]);
    assert!(text(&dry.stdout).contains("[[tool]]\nname = \"orders_count\""));
    assert!(!world.path("catalogue.toml").exists(), "nothing is written");
    assert_eq!(
        world.run(&["catalogue", "build", "--check"]).status.code(),
        Some(1)
    );
    let missing = world.finding("catalogue");
    assert_eq!(missing["ok"], false);
    assert!(
        missing["detail"]
            .as_str()
            .is_some_and(|detail| detail.ends_with("run `lorekeeper catalogue build`"))
    );

    let build = world.run(&["catalogue", "build"]);
    assert!(build.status.success(), "{}", text(&build.stderr));
    let said = text(&build.stderr);
    assert!(
        said.contains("new      table customers of shop\n"),
        "{said}"
    );
    assert!(said.contains(", 1 tool, 4 tables, 0 log sources"), "{said}");
    assert_eq!(text(&build.stdout), "");
    assert_eq!(
        world.run(&["catalogue", "build", "--check"]).status.code(),
        Some(0)
    );
    assert_eq!(world.finding("catalogue")["ok"], true);

    world.change("DROP VIEW open_orders").await;
    let check = world.run(&["catalogue", "build", "--check", "--json"]);
    assert_eq!(check.status.code(), Some(1));
    let document: Value = serde_json::from_slice(&check.stdout).expect("is JSON");
    assert_eq!(
        document["changes"],
        json!([{ "entry": "table open_orders of shop", "kind": "gone" }])
    );
    assert_eq!(document["written"], false);
}

#[tokio::test]
async fn doctor_hints_at_words_that_lack_and_is_well_all_the_same() {
    let world = World::new("").await;
    let words = world.finding("words");
    assert_eq!(
        (&words["ok"], &words["hints"]),
        (&json!(true), &Value::Null)
    );
    let world = World::new(
        "[[query]]\nname = \"refunds\"\ndatabase = \"shop\"\ndescription = \"\"\nsql = \"SELECT 1 AS n\"\nlead = \"{n}\"\nempty = \"\"",
    )
    .await;
    let words = world.finding("words");
    assert_eq!(words["ok"], true);
    let entries: Vec<&str> = words["hints"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|hint| hint["problem"].as_str())
        .collect();
    assert_eq!(entries, ["has no description", "has no example question"]);
}

#[tokio::test]
async fn pairs_for_a_planner_are_written_as_json_lines() {
    let world = World::new("").await;
    let args = [
        "dataset",
        "build",
        "planner",
        "--count",
        "50",
        "--seed",
        "3",
        "--day",
        "2026-11-21",
    ];
    let made = world.run(&args);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let lines: Vec<Value> = text(&made.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("is JSON"))
        .collect();
    assert_eq!(lines.len(), 50);
    assert!(
        lines
            .iter()
            .all(|line| line["conversations"][2]["from"] == "gpt")
    );
    assert_eq!(
        text(&world.run(&args).stdout),
        text(&made.stdout),
        "the same seed, the same pairs"
    );
    let tasks = world.path("pairs.jsonl");
    fs::write(&tasks, &made.stdout).expect("is written");
    let tasks = read_tasks(&tasks).expect("the evaluation reads what the recipes train on");
    assert_eq!(tasks[0].wanted, lines[0]["plan"].as_str().expect("a text"));
}

fn found(names: &[String]) -> Found {
    let mut found = Found::default();
    found.databases.insert("shop".into());
    for name in names {
        let tool = FoundTool {
            source: "shop".into(),
            says: format!("About {name}"),
            ..FoundTool::default()
        };
        found.tools.insert(name.clone(), tool);
        let table = FoundTable {
            table: Table {
                name: name.clone(),
                ..Table::default()
            },
            ..FoundTable::default()
        };
        found.tables.insert(("shop".into(), name.clone()), table);
    }
    found
}

proptest! {
    /// Whatever people write and whatever comes and goes: their words are
    /// still there, and a second build of the same changes nothing.
    #[test]
    fn words_outlive_every_rebuild(
        before in proptest::collection::vec("[a-z]{1,3}", 1..5),
        after in proptest::collection::vec("\\PC{1,4}", 0..5),
        words in "\\PC{1,30}",
    ) {
        let first = built(None, &found(&before), "2026-11-21");
        let quoted = toml_edit::value(words.trim()).to_string();
        let edited = first.text.replace("description = \"\"", &format!("description = {quoted}"));
        let second = built(Some(&edited), &found(&after), "2026-11-22");
        let kept = second.text.matches(&format!("description = {quoted}")).count();
        let had = edited.matches(&format!("description = {quoted}")).count();
        // Without a word there is nothing to keep.
        prop_assert!(words.trim().is_empty() || kept >= had, "{} of {had}\n{}", kept, second.text);
        let third = built(Some(&second.text), &found(&after), "2026-11-23");
        prop_assert_eq!(&third.text, &second.text);
        prop_assert!(third.changes.is_empty());
    }
}

#[test]
fn entry_of_a_database_says_nothing_of_samples_by_default() {
    let entry: DatabaseEntry =
        toml::from_str("name = \"a\"\nurl = \"sqlite:a.db\"").expect("it parses");
    assert!(!entry.samples);
}

#[tokio::test]
async fn view_whose_columns_can_not_be_told_is_counted() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let read = async |dump: &str, dialect: Dialect| {
        fs::write(file.path(), dump).expect("is written");
        let dumped = read_dump(file.path(), Some(dialect))
            .await
            .expect("it is read");
        let names: Vec<String> = dumped
            .tables
            .iter()
            .map(|table| {
                let columns: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
                format!("{}({})", table.name, columns.join(" "))
            })
            .collect();
        (names, dumped.unread)
    };
    let dump = "CREATE TABLE a (x int, y text);
        CREATE VIEW all_of AS SELECT * FROM a;
        CREATE VIEW lost AS SELECT * FROM elsewhere;
        CREATE VIEW named AS SELECT count(*) AS n, a.x FROM a GROUP BY a.x;";
    let told = ["a(x y)", "all_of(x y)", "named(n x)"]
        .map(String::from)
        .to_vec();
    assert_eq!(read(dump, Dialect::Postgres).await, (told.clone(), 1));
    assert_eq!(read(dump, Dialect::MySql).await, (told, 1));
    let kept = "CREATE TABLE a (x int, y text);
        CREATE MATERIALIZED VIEW m AS SELECT x, lower(y) FROM a WITH NO DATA;
        COMMENT ON MATERIALIZED VIEW m IS 'kept';";
    let (names, unread) = read(kept, Dialect::Postgres).await;
    assert_eq!(
        (names, unread),
        (["a(x y)", "m(x lower)"].map(String::from).to_vec(), 0)
    );
}
