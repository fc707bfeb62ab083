//! Statements that a language model writes, from the question to the answer.

use super::{mariadb::SpySchema, server::SpyDatabase, sqlite::SpyFile};
use crate::{
    fakes::openai::{FakeOpenAi, MODEL, write},
    knowledge::world::{World, embedder},
    pipeline::question,
};
use lorekeeper::{
    config::Config,
    domain::{Access, Answer, GapClass, plain::plain_text},
    model::{OpenAiGenerator, OpenAiOptions},
    pipeline::{IntentExamples, ModelPlanner, Pipeline, Planner},
    ports::{SystemClock, Tools, with_causes},
    prompts::PlanPrompt,
    tools::Toolbox,
};
use serde_json::{Value, json};
use std::sync::Arc;

const QUESTION: &str = "how many notes does the spy have?";
const TABLE: &str = "CREATE TABLE spy (id INTEGER PRIMARY KEY, note TEXT); INSERT INTO spy VALUES (1, 'one'), (2, 'two')";

/// A bot that may ask one database, planned by a server that says what it is told.
struct Bot {
    server: FakeOpenAi,
    pipeline: Pipeline,
    /// Holds the documents that there are none of.
    _world: World,
}

fn config(url: &str, more: &str) -> String {
    format!(
        "{more}\n[[database]]\nname = \"notes\"\nurl = \"{url}\"\ntables = [\"spy\"]\naudience = [\"staff\"]\nsql_by_model = true\n"
    )
}

async fn open(config: &str) -> Result<Toolbox, String> {
    let config: Config = toml::from_str(config).expect("is a configuration");
    let toolbox = Toolbox::open(&config, Arc::new(SystemClock)).await;
    toolbox.map_err(|faults| faults.to_string())
}

impl Bot {
    async fn new(url: &str, more: &str) -> Self {
        let tools = open(&config(url, more)).await;
        let tools = Arc::new(tools.unwrap_or_else(|faults| panic!("{faults}")));
        let server = FakeOpenAi::start().await;
        let generator = OpenAiGenerator::new(OpenAiOptions::new(server.base_url(), MODEL));
        let intents: IntentExamples =
            toml::from_str(include_str!("../../prompts/router.toml")).expect("the examples parse");
        let planner = Planner::new(embedder(), &intents, tools.catalogue().clone()).await;
        let planner = planner.expect("the planner is made");
        let world = World::new();
        let pipeline = Pipeline {
            planner: Arc::new(planner.with_model(Arc::new(ModelPlanner {
                generator: Arc::new(generator.expect("a generator")),
                prompt: PlanPrompt::shipped().expect("it renders"),
            }))),
            embedder: embedder(),
            search: Arc::new(world.search()),
            tools,
            clock: Arc::new(SystemClock),
            writer: None,
        };
        Self {
            server,
            pipeline,
            _world: world,
        }
    }

    /// The model writes these statements, one each time that it is asked.
    fn writes(&self, statements: &[&str]) {
        for statement in statements {
            let plan = json!({"tool": "notes_sql", "with": {"statement": statement}});
            self.server.then(write([plan.to_string().as_str()]));
        }
    }

    async fn ask(&self) -> Answer {
        let staff = Access::member_of(["staff"]);
        self.pipeline.answer(&question(QUESTION, staff)).await
    }

    /// What the model was told, request by request.
    fn told(&self) -> Vec<String> {
        let asked = self.server.asked().into_iter();
        asked
            .map(|asked| asked.body["messages"].to_string())
            .collect()
    }
}

/// The statements that stand in the record.
fn recorded(answer: &Answer) -> Vec<&str> {
    let calls = answer.plan.tools.iter();
    calls
        .filter_map(|call| call.args["statement"].as_str())
        .collect()
}

/// Good, forbidden and malicious statements on one server; `state` shows every effect.
async fn check_on(url: &str, dialect: &str, state: impl AsyncFn() -> String) {
    let bot = Bot::new(url, "").await;
    let before = state().await;

    bot.writes(&["SELECT count(*) AS notes FROM spy"]);
    let answer = bot.ask().await;
    let text = plain_text(&answer.message);
    assert!(
        !answer.abstained && text.contains("notes: 2."),
        "{dialect}: {text}"
    );
    let result = answer.evidence[0].rows.as_ref().expect("rows");
    assert_eq!(result.statement, "SELECT count(*) AS notes FROM spy");
    assert_eq!(
        (result.tool.as_str(), result.source.as_str()),
        ("notes_sql", "notes")
    );
    let told = bot.told().concat();
    assert!(
        told.contains(dialect) && told.contains("- spy") && told.contains("note "),
        "{told}"
    );

    bot.writes(&[
        "SELECT * FROM spies",
        "SELECT id, note FROM spy ORDER BY id",
    ]);
    let answer = bot.ask().await;
    let text = plain_text(&answer.message);
    assert!(
        text.contains("2 rows.") && text.contains("two"),
        "{dialect}: {text}"
    );
    assert_eq!(
        recorded(&answer).len(),
        2,
        "{dialect}: both stand in the record"
    );
    let again = bot.told().pop().expect("was asked again");
    assert!(
        again.contains("This statement did not run: SELECT * FROM spies"),
        "{again}"
    );

    for evil in [
        "DELETE FROM spy",
        "SELECT 1; DELETE FROM spy",
        "WITH gone AS (DELETE FROM spy RETURNING id) SELECT * FROM gone",
        "SELECT * FROM spy INTO OUTFILE '/tmp/lorekeeper-spy'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT load_extension('x')",
        "SELECT note FROM spy WHERE id = (SELECT count(*) FROM information_schema.tables)",
        "SELECT /*!50000 1 */ FROM sqlite_master",
    ] {
        bot.writes(&[evil, evil]);
        let answer = bot.ask().await;
        assert!(
            answer.abstained,
            "{dialect} {evil}: {}",
            plain_text(&answer.message)
        );
        assert!(
            answer.evidence.iter().all(|e| e.rows.is_none()),
            "{dialect} {evil}"
        );
        assert_eq!(state().await, before, "{dialect} {evil}");
    }
}

#[tokio::test]
async fn models_statement_answers_from_postgresql_or_not_at_all() {
    let spy = SpyDatabase::new().await;
    check_on(&spy.reader_url(), "PostgreSQL", async || spy.state().await).await;
    spy.remove().await;
}

#[tokio::test]
async fn models_statement_answers_from_mariadb_or_not_at_all() {
    let spy = SpySchema::new().await;
    check_on(&spy.reader_url(), "MySQL", async || spy.state().await).await;
    spy.remove().await;
}

#[tokio::test]
async fn models_statement_answers_from_sqlite_or_not_at_all() {
    let spy = SpyFile::new(TABLE).await;
    check_on(&spy.url(), "SQLite", async || spy.state()).await;
}

#[tokio::test]
async fn statement_that_is_refused_twice_is_a_gap_that_says_so() {
    let spy = SpyFile::new(TABLE).await;
    let bot = Bot::new(&spy.url(), "").await;
    bot.writes(&["SELECT * FROM secrets", "SELECT pay FROM secrets"]);
    let answer = bot.ask().await;
    let text = plain_text(&answer.message);
    assert!(
        answer.abstained && text.contains("I could not write a query for “notes sql”"),
        "{text}"
    );
    assert!(
        !text.contains("secrets"),
        "what exists elsewhere is not told: {text}"
    );
    assert_eq!(answer.gaps[0].class, GapClass::BadQuestion);
    assert_eq!(
        recorded(&answer),
        ["SELECT * FROM secrets", "SELECT pay FROM secrets"]
    );
    assert_eq!(bot.told().len(), 2, "it is asked again once");
}

#[tokio::test]
async fn costly_statement_does_not_run() {
    let spy = SpyFile::new(TABLE).await;
    let bot = Bot::new(&spy.url(), "[limits]\nsql_cost = 10").await;
    let costly = "SELECT count(*) AS pairs FROM spy a, spy b, spy c, spy d, spy e";
    bot.writes(&[costly, "SELECT count(*) AS notes FROM spy"]);
    let answer = bot.ask().await;
    let text = plain_text(&answer.message);
    assert!(text.contains("notes: 2."), "{text}");
    let again = bot.told().pop().expect("was asked again");
    assert!(again.contains("would cost about"), "{again}");
}

#[tokio::test]
async fn database_is_offered_only_to_those_who_may_see_it() {
    let spy = SpyFile::new(TABLE).await;
    let bot = Bot::new(&spy.url(), "").await;
    bot.writes(&["SELECT note FROM spy"]);
    let answer = bot
        .pipeline
        .answer(&question(QUESTION, Access::everyone()))
        .await;
    assert!(answer.abstained, "{}", plain_text(&answer.message));
    let told = bot.told().concat();
    assert!(
        !told.contains("notes_sql") && !told.contains("spy ("),
        "{told}"
    );
}

#[tokio::test]
async fn form_of_the_statement_is_part_of_the_request() {
    let spy = SpyFile::new(TABLE).await;
    let bot = Bot::new(&spy.url(), "").await;
    bot.writes(&["SELECT note FROM spy"]);
    bot.ask().await;
    let schema: Value = bot.server.asked()[0].body["response_format"].clone();
    assert!(
        schema.to_string().contains("^(SELECT|WITH) [^;]+$"),
        "{schema}"
    );
}

#[tokio::test]
async fn free_statements_are_off_unless_configured_with_their_tables() {
    let spy = SpyFile::new(TABLE).await;
    let off = config(&spy.url(), "").replace("sql_by_model = true", "");
    let toolbox = open(&off).await.unwrap_or_else(|faults| panic!("{faults}"));
    assert!(toolbox.catalogue().schemas.is_empty());
    let bare = config(&spy.url(), "").replace("tables = [\"spy\"]", "");
    let fault = open(&bare).await.map(|_| ()).expect_err("has no tables");
    assert_eq!(
        fault,
        "database `notes`: `sql_by_model` needs `tables`, which its statements may read"
    );
}

#[tokio::test]
async fn sample_values_are_told_only_where_they_may_be() {
    let spy = SpyFile::new(TABLE).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("catalogue.toml");
    let catalogue = "[[table]]\ndatabase = \"notes\"\nname = \"spy\"\ndescription = \"Notes of the spy\"\n\
        [table.found]\ncolumns = [{ name = \"note\", type = \"TEXT\", comment = \"what was seen\", samples = [\"one\"] }]\n";
    std::fs::write(&file, catalogue).expect("is written");
    let told = async |samples: bool| {
        let base = config(&spy.url(), &format!("catalogue = \"{}\"", file.display()));
        let toolbox = open(&format!("{base}samples = {samples}\n")).await;
        let toolbox = toolbox.unwrap_or_else(|error| panic!("{error}"));
        let table = toolbox.catalogue().schemas[0].tables[0].clone();
        (
            table.about,
            table.columns[0].about.clone(),
            table.columns[0].values.clone(),
        )
    };
    let words = || ("Notes of the spy".to_string(), "what was seen".to_string());
    let (about, column, values) = told(true).await;
    assert_eq!(
        ((about, column), values),
        (words(), vec!["one".to_string()])
    );
    let (about, column, values) = told(false).await;
    assert_eq!(((about, column), values), (words(), Vec::new()));
}

#[tokio::test]
async fn call_without_a_statement_is_refused() {
    let spy = SpyFile::new(TABLE).await;
    let toolbox = open(&config(&spy.url(), "")).await;
    let toolbox = toolbox.unwrap_or_else(|faults| panic!("{faults}"));
    let caller = lorekeeper::ports::Caller {
        person: lorekeeper::domain::PersonId::new("ann"),
        access: Access::member_of(["staff"]),
    };
    let call = lorekeeper::domain::ToolCall {
        name: "notes_sql".into(),
        args: Default::default(),
    };
    let error = toolbox.call(&call, &caller).await.expect_err("is refused");
    assert_eq!(
        with_causes(&error),
        "argument `statement` of `notes_sql`: is no text"
    );
    assert_eq!(toolbox.system("notes_sql"), Some("notes"));
}
