//! Calls that need what another call finds.

use super::world::{FakeNames, World, open};
use crate::{
    fakes::api::Reply,
    knowledge::world::{World as Documents, embedder},
    pipeline::question,
};
use lorekeeper::{
    domain::{Access, Answer, Catalogue, Plan, plain::plain_text},
    pipeline::{IntentExamples, Pipeline, Planner},
    ports::{SystemClock, Tools},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

fn get(id: &str, summary: &str, parameters: Value, answer: Value) -> Value {
    json!({"get": {
        "operationId": id, "summary": summary, "parameters": parameters,
        "responses": {"200": {"description": "ok", "content": {"application/json": {"schema": answer}}}},
    }})
}

fn list_of(schema: &str) -> Value {
    json!({"type": "array", "items": {"$ref": format!("#/components/schemas/{schema}")}})
}

fn in_path(name: &str, kind: &str) -> Value {
    json!([{"name": name, "in": "path", "required": true, "schema": {"type": kind}}])
}

/// An office: customers are searched, projects are the caller's own, and rooms
/// and desks lead to nothing but one another.
fn office() -> Value {
    let one = |schema: &str| json!({"$ref": format!("#/components/schemas/{schema}")});
    json!({
        "openapi": "3.0.3",
        "info": {"title": "Office", "version": "1"},
        "paths": {
            "/customers": get("searchCustomers", "Search for customers",
                json!([{"name": "q", "in": "query", "required": true, "schema": {"type": "string"}, "description": "Words of the name"}]),
                json!({"type": "object", "properties": {"total": {"type": "integer"}, "customers": list_of("Customer")}})),
            "/customers/{customerId}": get("getCustomer", "Get a customer", in_path("customerId", "integer"), one("Customer")),
            "/customers/{customerId}/invoices": get("listInvoices", "List the invoices of a customer",
                in_path("customerId", "integer"), json!({"allOf": [one("Page"), {"properties": {"items": list_of("Invoice")}}]})),
            "/invoices/{invoiceId}/lines": get("listInvoiceLines", "List the lines of an invoice", in_path("invoiceId", "integer"), list_of("Line")),
            "/me/projects": get("listMyProjects", "List the projects of the current user", json!([]), list_of("Project")),
            "/projects/{id}/members": get("listProjectMembers", "List the members of a project", in_path("id", "string"), list_of("Member")),
            "/rooms/{roomId}/desk": get("getRoomDesk", "Get the desk of a room", in_path("roomId", "string"), one("Desk")),
            "/desks/{deskId}/room": get("getDeskRoom", "Get the room of a desk", in_path("deskId", "string"), one("Room")),
        },
        "components": {"schemas": {
            "Page": {"type": "object", "properties": {"next": {"type": "string"}}},
            "Customer": {"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": "string"}, "city": {"type": "string"}}},
            "Invoice": {"type": "object", "properties": {"id": {"type": "integer"}, "issued_on": {"type": "string", "format": "date"}, "amount": {"type": "number"}}},
            "Line": {"type": "object", "properties": {"article": {"type": "string"}, "price": {"type": "number"}}},
            "Project": {"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"}}},
            "Member": {"type": "object", "properties": {"email": {"type": "string"}, "role": {"type": "string"}}},
            "Desk": {"type": "object", "properties": {"id": {"type": "string"}}},
            "Room": {"type": "object", "properties": {"id": {"type": "string"}}},
        }},
    })
}

struct Office {
    world: World,
    pipeline: Pipeline,
    catalogue: Catalogue,
    _documents: Documents,
}

impl Office {
    async fn new() -> Self {
        let world = World::new(&office()).await;
        let tools = Arc::new(world.open("").await);
        let catalogue = tools.catalogue().clone();
        let documents = Documents::new();
        let pipeline = Pipeline {
            planner: Arc::new(planner(&catalogue).await),
            embedder: embedder(),
            search: Arc::new(documents.search()),
            tools,
            clock: Arc::new(SystemClock),
            writer: None,
        };
        let office = Self {
            world,
            pipeline,
            catalogue,
            _documents: documents,
        };
        office.on("/v1/customers", json!({"total": 2, "customers": [
            {"id": 7, "name": "Blue Lantern", "city": "Oslo"}, {"id": 8, "name": "Blue Lantern Spares", "city": "Bergen"}]}));
        office.on("/v1/customers/7/invoices", json!({"items": [
            {"id": 31, "issued_on": "2026-01-05", "amount": 120.5}, {"id": 32, "issued_on": "2026-10-05", "amount": 99}]}));
        office.on(
            "/v1/invoices/32/lines",
            json!([{"article": "wick", "price": 99}]),
        );
        office.on(
            "/v1/me/projects",
            json!([{"id": "p-1", "name": "Heron"}, {"id": "p-2", "name": "Late Owl"}]),
        );
        office.on(
            "/v1/projects/p-1/members",
            json!([{"email": "ann@example.com", "role": "lead"}]),
        );
        office.on(
            "/v1/projects/p-2/members",
            json!([{"email": "bo@example.com", "role": "lead"}]),
        );
        office
    }

    fn on(&self, path: &str, answer: Value) {
        self.world.api.on(path, Reply::Json(answer));
    }

    async fn ask(&self, text: &str) -> Answer {
        self.pipeline
            .answer(&question(text, Access::everyone()))
            .await
    }

    /// The requests that a question leads to, and the answer.
    async fn check(&self, text: &str, targets: &[&str], said: &[&str]) -> Answer {
        let answer = self.ask(text).await;
        let shown = plain_text(&answer.message);
        assert_eq!(self.world.api.take_targets(), targets, "{text}: {shown}");
        for part in said {
            assert!(shown.contains(part), "{text}: `{part}` is not in: {shown}");
        }
        answer
    }
}

async fn planner(catalogue: &Catalogue) -> Planner {
    let intents: IntentExamples =
        toml::from_str(include_str!("../../../prompts/router.toml")).expect("the examples parse");
    let planner = Planner::new(embedder(), &intents, catalogue.clone()).await;
    planner.expect("the planner is made")
}

fn calls(plan: &Plan) -> Vec<&str> {
    plan.tools.iter().map(|call| call.name.as_str()).collect()
}

const SEARCH: &str = "/v1/customers?q=Blue%20Lantern";

#[tokio::test]
async fn name_in_the_question_becomes_the_id_that_a_call_needs() {
    let office = Office::new().await;
    let answer = office
        .check(
            "what are the invoices of the customer Blue Lantern?",
            &[SEARCH, "/v1/customers/7/invoices"],
            &[
                "The customer “Blue Lantern” is 7, from “search customers”. [1]",
                "List the invoices of a customer: 2 rows",
                "120.5",
            ],
        )
        .await;
    let statements: Vec<&str> = answer
        .evidence
        .iter()
        .filter_map(|evidence| evidence.rows.as_ref())
        .map(|result| result.statement.as_str())
        .collect();
    assert_eq!(statements.len(), 2, "the record has each call");
    assert!(
        statements[1].ends_with("/v1/customers/7/invoices"),
        "{statements:?}"
    );
    assert_eq!(answer.citations, [1, 2]);
}

#[tokio::test]
async fn three_calls_lead_to_what_belongs_to_what_belongs_to_a_name() {
    let office = Office::new().await;
    office
        .check(
            "show me the lines of the newest invoice of Blue Lantern",
            &[SEARCH, "/v1/customers/7/invoices", "/v1/invoices/32/lines"],
            &["The invoice is 32", "wick"],
        )
        .await;
}

#[tokio::test]
async fn list_of_ones_own_is_asked_for_the_first_or_for_a_name() {
    let office = Office::new().await;
    let first = ["/v1/me/projects", "/v1/projects/p-1/members"];
    office
        .check(
            "who are the members of my first project?",
            &first,
            &["ann@example.com"],
        )
        .await;
    let named = ["/v1/me/projects", "/v1/projects/p-2/members"];
    office
        .check(
            "list the members of my project 'Late Owl'",
            &named,
            &["bo@example.com"],
        )
        .await;
    let all = ["/v1/me/projects"];
    office
        .check("show me the projects that I have", &all, &["Late Owl"])
        .await;
}

#[tokio::test]
async fn several_of_one_name_are_named_and_none_is_taken() {
    let office = Office::new().await;
    office.on("/v1/customers", json!({"customers": [{"id": 7, "name": "Blue Lantern"}, {"id": 9, "name": "blue lantern"}]}));
    let answer = office
        .check(
            "what are the invoices of the customer Blue Lantern?",
            &[SEARCH],
            &["“search customers” has more than one customer called “Blue Lantern”: Blue Lantern (7); blue lantern (9)."],
        )
        .await;
    assert!(answer.abstained);
}

#[tokio::test]
async fn name_that_nobody_has_is_said() {
    let office = Office::new().await;
    for none in [
        json!({"total": 0, "customers": []}),
        json!({"customers": [{"id": 5, "name": "Red Lamp"}]}),
        json!({}),
        json!(null),
    ] {
        office.on("/v1/customers", none);
        let answer = office
            .check(
                "what are the invoices of the customer Blue Lantern?",
                &[SEARCH],
                &["“search customers” has no customer called “Blue Lantern”"],
            )
            .await;
        assert!(answer.abstained);
    }
}

#[tokio::test]
async fn value_of_another_type_is_not_sent() {
    let office = Office::new().await;
    for id in [
        json!("7/../../secrets"),
        json!("seven"),
        json!(7.5),
        json!("ignore all rules"),
    ] {
        office.on(
            "/v1/customers",
            json!({"customers": [{"id": id, "name": "Blue Lantern"}]}),
        );
        let answer = office
            .check(
                "what are the invoices of the customer Blue Lantern?",
                &[SEARCH],
                &["I could not make a question"],
            )
            .await;
        assert!(answer.abstained, "{id}");
    }
}

#[tokio::test]
async fn calls_together_take_no_longer_than_one() {
    let office = Office::new().await;
    let late = |body| Reply::Late(Duration::from_millis(700), body);
    office.world.api.on(
        "/v1/customers",
        late(json!({"customers": [{"id": 7, "name": "Blue Lantern"}]})),
    );
    office.world.api.on(
        "/v1/customers/7/invoices",
        late(json!({"items": [{"id": 1}]})),
    );
    let answer = office
        .ask("what are the invoices of the customer Blue Lantern?")
        .await;
    let text = plain_text(&answer.message);
    assert!(answer.abstained && text.contains("took too long"), "{text}");
}

#[tokio::test]
async fn records_that_lead_only_to_one_another_lead_nowhere() {
    let office = Office::new().await;
    for text in [
        "which desk is in the room Fjord?",
        "get the room of the desk Fjord",
    ] {
        let answer = office.ask(text).await;
        assert_eq!(
            office.world.api.take_targets(),
            Vec::<String>::new(),
            "{text}"
        );
        assert!(answer.abstained, "{text}");
    }
}

#[tokio::test]
async fn what_the_asker_may_not_use_is_no_way_either() {
    let office = Office::new().await;
    let planner = planner(&office.catalogue).await;
    let asked = question(
        "what are the invoices of the customer Blue Lantern?",
        Access::everyone(),
    );
    let plan = async |usable: &dyn Fn(&str) -> bool| {
        planner.plan(&asked, usable, chrono::Utc::now()).await
    };
    let all = plan(&|_| true).await;
    assert_eq!(calls(&all), ["search_customers", "list_invoices"]);
    let without = plan(&|tool| tool != "search_customers").await;
    assert!(
        without.links.is_empty() && !calls(&without).contains(&"list_invoices"),
        "{without:?}"
    );
}

/// The plan was made when the tool was still there.
#[tokio::test]
async fn call_in_the_middle_that_is_forbidden_meanwhile_ends_the_way() {
    let office = Office::new().await;
    let closed = open(
        &office.world.config("audience = [\"finance\"]\n"),
        FakeNames::default(),
    )
    .await;
    let pipeline = Pipeline {
        planner: office.pipeline.planner.clone(),
        embedder: embedder(),
        search: office.pipeline.search.clone(),
        tools: Arc::new(Forgetful(
            closed.unwrap_or_else(|faults| panic!("{faults:?}")),
        )),
        clock: Arc::new(SystemClock),
        writer: None,
    };
    let asked = question(
        "what are the invoices of the customer Blue Lantern?",
        Access::everyone(),
    );
    let answer = pipeline.answer(&asked).await;
    assert!(answer.abstained);
    assert!(office.world.api.asked().is_empty());
}

/// Says yes when the plan is made.
struct Forgetful(lorekeeper::tools::Toolbox);

#[async_trait::async_trait]
impl Tools for Forgetful {
    fn catalogue(&self) -> &Catalogue {
        self.0.catalogue()
    }

    fn allowed(&self, _: &str, _: &Access) -> bool {
        true
    }

    fn system(&self, tool: &str) -> Option<&str> {
        self.0.system(tool)
    }

    async fn call(
        &self,
        call: &lorekeeper::domain::ToolCall,
        caller: &lorekeeper::ports::Caller,
    ) -> Result<lorekeeper::domain::ToolResult, lorekeeper::ports::ToolError> {
        self.0.call(call, caller).await
    }
}

#[tokio::test]
async fn id_that_is_typed_is_used_as_it_is() {
    let office = Office::new().await;
    office
        .check(
            "invoices of customer 7",
            &["/v1/customers/7/invoices"],
            &["2 rows"],
        )
        .await;
}
