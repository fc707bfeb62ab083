//! A question in, an answer out, with tools that fail or are not for everyone.

mod planning;
mod writing;

use crate::knowledge::world::{World, embedder};
use async_trait::async_trait;
use chrono::Utc;
use lorekeeper::{
    domain::{
        Access, Actor, Answer, Catalogue, ChannelId, GapClass, Intent, MessageId, PersonId, Place,
        PlaceKind, Platform, Question, QuestionId, TenantId, ThreadId, ToolCall, ToolKind,
        ToolResult, ToolSpec, plain::plain_text,
    },
    pipeline::{IntentExamples, Pipeline, Planner},
    ports::{Caller, SystemClock, ToolError, Tools},
};
use std::sync::Arc;

const LIVE: &str = "how many terminals were returned today?";
const POLICY: &str = "# Returned terminals\n\nHow many terminals were returned today is on the \
    returns board in the warehouse. Terminals are returned within 30 days.\n";

/// One query on a database that can't be reached, and is only for `finance`.
struct Broken(Catalogue);

impl Broken {
    fn new() -> Self {
        Self(Catalogue {
            tools: vec![ToolSpec {
                name: "returned_terminals".into(),
                description: "How many terminals were returned".into(),
                kind: ToolKind::Query,
                parameters: Vec::new(),
                examples: vec![LIVE.into(), "terminals returned today".into()],
                synonyms: Vec::new(),
                chain: None,
            }],
            schemas: Vec::new(),
            version: Some("3-9f2c11ab".into()),
        })
    }
}

#[async_trait]
impl Tools for Broken {
    fn catalogue(&self) -> &Catalogue {
        &self.0
    }

    fn allowed(&self, _: &str, access: &Access) -> bool {
        *access == Access::member_of(["finance"])
    }

    fn system(&self, _: &str) -> Option<&str> {
        Some("sales")
    }

    async fn call(&self, _: &ToolCall, _: &Caller) -> Result<ToolResult, ToolError> {
        Err(ToolError::Down {
            source_name: "sales".into(),
            source: "connection refused".into(),
        })
    }
}

async fn ask(world: &World, text: &str, access: Access) -> Answer {
    let tools = Arc::new(Broken::new());
    let intents: IntentExamples =
        toml::from_str(include_str!("../../prompts/router.toml")).expect("the examples parse");
    let planner = Planner::new(embedder(), &intents, tools.catalogue().clone())
        .await
        .expect("the planner is made");
    let pipeline = Pipeline {
        planner: Arc::new(planner),
        embedder: embedder(),
        search: Arc::new(world.search()),
        tools,
        clock: Arc::new(SystemClock),
        writer: None,
    };
    pipeline.answer(&question(text, access)).await
}

pub fn question(text: &str, access: Access) -> Question {
    Question {
        id: QuestionId::new(),
        asker: Actor::member(PersonId::new("ann")),
        place: Place {
            platform: Platform::Terminal,
            tenant: TenantId::new("local"),
            channel: ChannelId::new("terminal"),
            thread: ThreadId::new("1"),
            message: MessageId::new("1"),
            kind: PlaceKind::Direct,
            callback: None,
        },
        text: text.into(),
        thread: Vec::new(),
        asked_at: Utc::now(),
        access,
    }
}

#[tokio::test]
async fn outage_is_named_also_where_the_documents_answer() {
    let world = World::new();
    world.write("returns.md", POLICY);
    world.ingest().await;
    let answer = ask(&world, LIVE, Access::member_of(["finance"])).await;
    assert!(!answer.abstained, "{}", plain_text(&answer.message));
    assert_eq!(answer.gaps.len(), 1);
    assert_eq!(answer.gaps[0].class, GapClass::SourceDown);
    let text = plain_text(&answer.message);
    assert!(text.contains("returns board"), "{text}");
    assert!(text.contains("could not reach"), "{text}");
    assert_eq!(
        answer.provenance.catalogue.as_deref(),
        Some("3-9f2c11ab"),
        "the record names the words that were planned with"
    );
}

#[tokio::test]
async fn outage_is_named_where_nothing_answers() {
    let world = World::new();
    world.write("dogs.md", "# Dogs\n\nDogs are welcome on Fridays.\n");
    world.ingest().await;
    let answer = ask(&world, LIVE, Access::member_of(["finance"])).await;
    assert!(answer.abstained);
    let text = plain_text(&answer.message);
    assert_eq!(text.matches("could not reach").count(), 1, "{text}");
}

/// R8 of the product: what an asker may not use leaves no trace in plan, gaps or words.
#[tokio::test]
async fn forbidden_tool_is_planned_as_if_it_did_not_exist() {
    let world = World::new();
    world.write("dogs.md", "# Dogs\n\nDogs are welcome on Fridays.\n");
    world.ingest().await;
    let answer = ask(&world, LIVE, Access::everyone()).await;
    assert!(answer.plan.tools.is_empty());
    assert_eq!(answer.plan.intent, Intent::Knowledge);
    assert!(answer.gaps.is_empty());
    assert!(!plain_text(&answer.message).contains("returned terminals"));
}

#[tokio::test]
async fn what_may_be_an_order_is_answered_where_a_page_tells_how() {
    let world = World::new();
    world.write(
        "battery.md",
        "# Replace a battery\n\nTo replace a battery, open the lid with a coin.\n",
    );
    world.ingest().await;
    let answer = ask(&world, "replace a battery", Access::everyone()).await;
    let text = plain_text(&answer.message);
    assert_eq!(answer.plan.intent, Intent::Knowledge, "{text}");
    assert!(text.contains("with a coin"), "{text}");
    assert!(text.contains("nothing was changed"), "{text}");
}

#[tokio::test]
async fn order_is_refused_where_no_page_tells_how_or_it_names_what_to_act_on() {
    let world = World::new();
    world.write(
        "battery.md",
        "# Replace a battery\n\nTo replace a battery, open the lid with a coin.\n",
    );
    world.ingest().await;
    for text in [
        "replace a wheel of the van",
        "replace my battery",
        "please replace the battery of ORD-10023",
    ] {
        let answer = ask(&world, text, Access::everyone()).await;
        assert_eq!(answer.plan.intent, Intent::OutOfScope, "{text}");
        assert!(answer.abstained && answer.plan.sources.is_empty(), "{text}");
    }
}
