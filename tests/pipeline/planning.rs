//! Which tools a question is answered with, and what is asked back.

use super::question;
use crate::knowledge::world::{World, embedder};
use async_trait::async_trait;
use chrono::{TimeZone, Utc};
use lorekeeper::{
    domain::{
        Access, Catalogue, Intent, Parameter, ParameterKind, Plan, Question, Role, ToolCall,
        ToolKind, ToolResult, ToolSpec, Turn, plain::plain_text,
    },
    pipeline::{IntentExamples, Pipeline, Planner},
    ports::{Caller, SystemClock, ToolError, Tools},
};
use serde_json::{Value, json};
use std::sync::Arc;

fn parameter(name: &str, kind: ParameterKind, default: Option<Value>) -> Parameter {
    Parameter {
        name: name.into(),
        optional: default.is_none() && name == "region",
        kind,
        default,
        description: String::new(),
    }
}

fn figures(name: &str, description: &str, examples: &[&str]) -> ToolSpec {
    let regions = ["DACH", "Benelux", "Nordics"].map(String::from).to_vec();
    ToolSpec {
        name: name.into(),
        description: description.into(),
        kind: ToolKind::Query,
        parameters: vec![
            parameter("period", ParameterKind::Window, Some(json!("7d"))),
            parameter("region", ParameterKind::Choice { values: regions }, None),
        ],
        examples: examples.iter().map(|example| example.to_string()).collect(),
        synonyms: Vec::new(),
        chain: None,
    }
}

fn catalogue() -> Catalogue {
    let order = ParameterKind::Id {
        pattern: "ORD-[0-9]{5}".into(),
    };
    Catalogue {
        tools: vec![
            figures(
                "revenue_total",
                "Revenue of a period",
                &[
                    "revenue last week",
                    "what did we sell this month",
                    "sales in DACH",
                    "turnover of last quarter",
                ],
            ),
            figures(
                "refund_total",
                "Sum of refunds of a period",
                &[
                    "refunds last week",
                    "how much did we refund this month",
                    "total refunds in DACH",
                    "money given back last quarter",
                ],
            ),
            ToolSpec {
                name: "order_status".into(),
                description: "Where an order is".into(),
                kind: ToolKind::Query,
                parameters: vec![parameter("order_number", order, None)],
                examples: [
                    "where is my order",
                    "status of an order",
                    "has the order been delivered",
                    "when does order ORD-10023 arrive",
                ]
                .map(String::from)
                .to_vec(),
                synonyms: Vec::new(),
                chain: None,
            },
        ],
        schemas: Vec::new(),
        version: None,
    }
}

fn intents() -> IntentExamples {
    toml::from_str(include_str!("../../prompts/router.toml")).expect("the examples parse")
}

async fn plan_of(question: &Question) -> Plan {
    plan_with(question, catalogue()).await
}

async fn plan_with(question: &Question, catalogue: Catalogue) -> Plan {
    let now = Utc
        .with_ymd_and_hms(2026, 11, 21, 9, 0, 0)
        .single()
        .expect("a valid time");
    let planner = Planner::new(embedder(), &intents(), catalogue)
        .await
        .expect("the planner is made");
    planner.plan(question, |_| true, now).await
}

async fn calls(text: &str) -> Vec<(String, Value)> {
    let plan = plan_of(&question(text, Access::everyone())).await;
    plan.tools
        .into_iter()
        .map(|call| (call.name, Value::Object(call.args)))
        .collect()
}

#[tokio::test]
async fn synonym_leads_to_its_tool() {
    let asked = question("the hopper report of yesterday", Access::everyone());
    assert_eq!(plan_of(&asked).await.tools, []);
    let mut catalogue = catalogue();
    catalogue.tools[1].synonyms = vec!["hopper report".into()];
    let plan = plan_with(&asked, catalogue).await;
    assert_eq!(plan.tools.len(), 1, "{plan:?}");
    assert_eq!(plan.tools[0].name, "refund_total");
}

#[tokio::test]
async fn two_figures_in_one_question_are_two_calls() {
    let check = async |text: &str, expected: &[(&str, Value)]| {
        let expected: Vec<(String, Value)> = expected
            .iter()
            .map(|(name, args)| (name.to_string(), args.clone()))
            .collect();
        assert_eq!(calls(text).await, expected, "{text}");
    };
    check(
        "sales and refunds last week",
        &[
            ("revenue_total", json!({"period": "last week"})),
            ("refund_total", json!({"period": "last week"})),
        ],
    )
    .await;
    check(
        "revenue in DACH and Benelux this month",
        &[
            (
                "revenue_total",
                json!({"period": "this month", "region": "DACH"}),
            ),
            (
                "revenue_total",
                json!({"period": "this month", "region": "Benelux"}),
            ),
        ],
    )
    .await;
    check(
        "revenue and turnover last month",
        &[("revenue_total", json!({"period": "last month"}))],
    )
    .await;
}

#[tokio::test]
async fn requests_to_change_something_call_no_tool() {
    for text in [
        "refund this order",
        "please delete the refunds of last week",
        "Post the revenue to the sales channel",
        "cancel order ORD-10023",
    ] {
        let plan = plan_of(&question(text, Access::everyone())).await;
        assert_eq!(plan.intent, Intent::OutOfScope, "{text}");
        assert!(plan.tools.is_empty(), "{text}");
    }
}

/// Tools that can be planned; none of them is called here.
struct Shop(Catalogue);

#[async_trait]
impl Tools for Shop {
    fn catalogue(&self) -> &Catalogue {
        &self.0
    }

    fn allowed(&self, _: &str, _: &Access) -> bool {
        true
    }

    fn system(&self, _: &str) -> Option<&str> {
        Some("shop")
    }

    async fn call(&self, call: &ToolCall, _: &Caller) -> Result<ToolResult, ToolError> {
        Err(ToolError::Unknown {
            tool: call.name.clone(),
        })
    }
}

#[tokio::test]
async fn missing_number_is_asked_for_where_nothing_else_answers() {
    let world = World::new();
    world.write("dogs.md", "# Dogs\n\nDogs are welcome on Fridays.\n");
    world.ingest().await;
    let tools = Arc::new(Shop(catalogue()));
    let planner = Planner::new(embedder(), &intents(), catalogue())
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
    let first = question("where is my order?", Access::everyone());
    let answer = pipeline.answer(&first).await;
    let text = plain_text(&answer.message);
    assert!(answer.abstained && text.contains("order number"), "{text}");
    assert!(answer.plan.tools.is_empty());

    // The number alone, in the same thread, is enough.
    let said = |role, text: &str| Turn {
        role,
        text: text.into(),
    };
    let second = Question {
        thread: vec![said(Role::User, &first.text), said(Role::Assistant, &text)],
        ..question("ORD-10023", Access::everyone())
    };
    let plan = plan_of(&second).await;
    assert_eq!(plan.tools.len(), 1);
    assert_eq!(plan.tools[0].args["order_number"], "ORD-10023");
}
