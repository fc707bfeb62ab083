//! Arguments, from a call to the wire.

use super::world::{World, call, shop};
use crate::fakes::api::Reply;
use lorekeeper::{
    domain::{GapClass, ParameterKind},
    ports::Tools,
};
use serde_json::{Value, json};

#[tokio::test]
async fn values_are_sent_as_the_document_says() {
    let world = World::new(&shop()).await;
    let toolbox = world.open("").await;
    world.api.on("/v1/orders", Reply::Json(json!([])));
    let check = async |args: Value, target: &str| {
        let result = call(&toolbox, "list_orders", args.clone()).await;
        result.unwrap_or_else(|error| panic!("{args}: {error:?}"));
        assert_eq!(
            world.api.take_targets(),
            [format!("/v1/orders{target}")],
            "{args}"
        );
    };
    check(json!({}), "").await;
    check(json!({"status": "open"}), "?status=open").await;
    check(json!({"status": "open, Sent"}), "?status=open&status=sent").await;
    check(json!({"ids": "1,22, 333"}), "?ids=1,22,333").await;
    check(json!({"tag": "a b,c&d"}), "?tag=a%20b%7Cc%26d").await;
    check(json!({"limit": 5}), "?limit=5").await;
    // What the API does anyway is not said.
    check(json!({"limit": 20}), "").await;
    check(json!({"min_total": "20k"}), "?minTotal=20000").await;
    check(json!({"min_total": 0.5}), "?minTotal=0.5").await;
    check(json!({"express": "yes"}), "?express=true").await;
    check(json!({"day": "2026-02-28"}), "?day=2026-02-28").await;
    check(
        json!({"since": "2026-02-28T09:00:00+01:00"}),
        "?since=2026-02-28T09%3A00%3A00%2B01%3A00",
    )
    .await;
    check(
        json!({"q": "a b&limit=9#x?ü"}),
        "?q=a%20b%26limit%3D9%23x%3F%C3%BC",
    )
    .await;
    check(json!({"region": "dach"}), "?region=DACH").await;
    check(json!({"q": "", "region": null}), "").await;
    check(json!({"x_tenant": "north"}), "").await;
}

#[tokio::test]
async fn header_is_sent_as_a_header() {
    let world = World::new(&shop()).await;
    let toolbox = world.open("").await;
    world.api.on("/v1/orders", Reply::Json(json!([])));
    call(&toolbox, "list_orders", json!({"x_tenant": "north"}))
        .await
        .expect("is answered");
    let asked = world.api.asked();
    assert_eq!(asked[0].headers["x-tenant"], "north");
    assert_eq!(
        (
            asked[0].method.as_str(),
            asked[0].headers["accept-encoding"].as_str()
        ),
        ("GET", "identity")
    );
}

#[tokio::test]
async fn wrong_value_is_named_and_nothing_is_sent() {
    let world = World::new(&shop()).await;
    let toolbox = world.open("").await;
    let check = async |name: &str, args: Value, argument: &str| {
        let error = call(&toolbox, name, args.clone())
            .await
            .expect_err("is wrong");
        assert!(
            error
                .to_string()
                .contains(&format!("argument `{argument}`")),
            "{args}: {error}"
        );
        assert_eq!(error.class(), GapClass::BadQuestion);
    };
    check("list_orders", json!({"status": "open,lost"}), "status").await;
    check("list_orders", json!({"ids": "1,x"}), "ids").await;
    check("list_orders", json!({"ids": "1,".repeat(120)}), "ids").await;
    check("list_orders", json!({"limit": 0}), "limit").await;
    check("list_orders", json!({"limit": 101}), "limit").await;
    check("list_orders", json!({"limit": "many"}), "limit").await;
    check("list_orders", json!({"min_total": "much"}), "min_total").await;
    check("list_orders", json!({"express": "perhaps"}), "express").await;
    check("list_orders", json!({"day": "2026-02-30"}), "day").await;
    check("list_orders", json!({"since": "yesterday"}), "since").await;
    check("list_orders", json!({"region": "Mars"}), "region").await;
    check("list_orders", json!({"q": "a\u{0}b"}), "q").await;
    check(
        "list_orders",
        json!({"x_tenant": "a\r\nHost: b"}),
        "x_tenant",
    )
    .await;
    check("list_orders", json!({"x_tenant": "a\u{7f}"}), "x_tenant").await;
    check("list_orders", json!({"filter": "x"}), "filter").await;
    check("list_orders", json!({"colour": "red"}), "colour").await;
    check("get_customer", json!({"id": "CUS-1/../x"}), "id").await;
    check("get_customer", json!({}), "id").await;
    assert!(world.api.asked().is_empty());
}

#[tokio::test]
async fn value_in_the_path_stays_in_its_place() {
    let world = World::new(&shop()).await;
    let toolbox = world.open("").await;
    let check = async |value: &str, target: &str| {
        let result = call(&toolbox, "get_order", json!({"order_id": value})).await;
        result.unwrap_or_else(|error| panic!("{value}: {error:?}"));
        assert_eq!(
            world.api.take_targets(),
            [format!("/v1/orders/{target}")],
            "{value}"
        );
    };
    check("7", "7").await;
    check("a/b", "a%2Fb").await;
    check("a?b=c", "a%3Fb%3Dc").await;
    check("a#b", "a%23b").await;
    check("a%2fb", "a%252fb").await;
    check("a b+c", "a%20b%2Bc").await;
    check("a\\b", "a%5Cb").await;
    check("größe", "gr%C3%B6%C3%9Fe").await;
    check("...", "...").await;
    check("a..b", "a..b").await;
    check("//evil.test/", "%2F%2Fevil.test%2F").await;
    check("{orderId}", "%7BorderId%7D").await;
    check("@evil.test:80", "%40evil.test%3A80").await;
    for value in [
        "..",
        ".",
        "../admin",
        "a/../../b",
        "..\\admin",
        "%2e%2e",
        "%2E%2E",
        ".%2e",
        "%2e",
        "%252e%252e",
        "..%2fadmin",
        "%2e%2e%2fadmin",
        "..%5cadmin",
        "%25252e%25252e",
        "..;/admin",
        "a/..;x=1",
        "a%0ab",
        "a%00b",
        ".. /x",
    ] {
        let error = call(&toolbox, "get_order", json!({"order_id": value}))
            .await
            .expect_err(value);
        assert_eq!(error.class(), GapClass::BadQuestion, "{value}");
    }
    assert!(world.api.asked().is_empty());
}

#[tokio::test]
async fn catalogue_has_what_a_planner_may_fill() {
    let world = World::new(&shop()).await;
    let toolbox = world
        .open("[[api.operation]]\nname = \"listOrders\"\nexamples = [\"which orders are open?\"]\n")
        .await;
    let names: Vec<&str> = toolbox
        .catalogue()
        .tools
        .iter()
        .map(|tool| tool.name.as_str())
        .collect();
    assert_eq!(names, ["list_orders", "get_order", "get_customer"]);
    let tool = toolbox.catalogue().tool("list_orders").expect("is there");
    assert_eq!(tool.description, "List orders. Orders, the newest first.");
    assert_eq!(tool.examples, ["which orders are open?"]);
    let kind = |name: &str| {
        let found = tool
            .parameters
            .iter()
            .find(|parameter| parameter.name == name);
        found.map(|parameter| parameter.kind.clone())
    };
    let choice = |values: &[&str]| {
        Some(ParameterKind::Choice {
            values: values.iter().map(|value| value.to_string()).collect(),
        })
    };
    // A planner picks one value of a list; a call may hold several.
    assert_eq!(kind("status"), choice(&["open", "paid", "sent"]));
    assert_eq!(kind("region"), choice(&["DACH", "UKI"]));
    assert_eq!(kind("ids"), Some(ParameterKind::Text));
    assert_eq!(kind("limit"), Some(ParameterKind::Integer));
    assert_eq!(kind("min_total"), Some(ParameterKind::Number));
    assert_eq!(kind("express"), Some(ParameterKind::Boolean));
    // No person asks for a cursor, and an object can't be said.
    assert_eq!((kind("cursor"), kind("filter")), (None, None));
    let status = tool
        .parameters
        .iter()
        .find(|parameter| parameter.name == "status")
        .expect("is there");
    assert_eq!(
        (status.description.as_str(), status.optional),
        ("Where it stands", true)
    );
    let limit = tool
        .parameters
        .iter()
        .find(|parameter| parameter.name == "limit")
        .expect("is there");
    assert_eq!(limit.default, Some(json!(20)));
    let customer = toolbox.catalogue().tool("get_customer").expect("is there");
    let id = ParameterKind::Id {
        pattern: "CUS-[0-9]{4}".into(),
    };
    assert_eq!(
        (
            &customer.parameters[0].kind,
            customer.parameters[0].optional
        ),
        (&id, false)
    );
}

#[tokio::test]
async fn lists_of_swagger_are_written_as_it_says() {
    let parameter = |name: &str, format: &str| json!({"name": name, "in": "query", "type": "array", "items": {"type": "string"}, "collectionFormat": format});
    let world = World::new(&json!({"swagger": "2.0", "paths": {"/x": {"get": {"operationId": "x", "parameters": [
        parameter("csv", "csv"), parameter("ssv", "ssv"), parameter("tsv", "tsv"), parameter("pipes", "pipes"),
        parameter("multi", "multi"),
        {"name": "plain", "in": "query", "type": "array", "items": {"type": "string"}}
    ]}}}}))
    .await;
    let toolbox = world.open("").await;
    for (name, target) in [
        ("csv", "?csv=a,b"),
        ("ssv", "?ssv=a%20b"),
        ("tsv", "?tsv=a%09b"),
        ("pipes", "?pipes=a%7Cb"),
        ("multi", "?multi=a&multi=b"),
        ("plain", "?plain=a,b"),
    ] {
        call(&toolbox, "x", json!({name: "a,b"}))
            .await
            .expect("is answered");
        assert_eq!(world.api.take_targets(), [format!("/v1/x{target}")]);
    }
}
