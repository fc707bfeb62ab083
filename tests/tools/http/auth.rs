//! The secret: where it goes, and where it never shows.

use super::world::{FakeNames, World, call, open, shop};
use crate::fakes::api::{Asked, FakeApi, Reply};
use lorekeeper::{domain::GapClass, ports::with_causes};
use serde_json::json;

const SECRET: &str = "s3cret/with+signs=";

fn auth(kind: &str) -> String {
    let who = match kind {
        "basic" => "user = \"lore\"\n",
        "header" => "name = \"X-Api-Key\"\n",
        "query" => "name = \"api_key\"\n",
        _ => "",
    };
    format!("[api.auth]\nkind = \"{kind}\"\n{who}secret = \"{SECRET}\"\n")
}

fn secret_of(kind: &str, asked: &Asked) -> String {
    match kind {
        "header" => asked.headers.get("x-api-key").cloned().unwrap_or_default(),
        "query" => asked
            .target
            .split_once('?')
            .map_or(String::new(), |(_, query)| query.into()),
        _ => asked
            .headers
            .get("authorization")
            .cloned()
            .unwrap_or_default(),
    }
}

const KINDS: [(&str, &str); 4] = [
    ("bearer", "Bearer s3cret/with+signs="),
    ("basic", "Basic bG9yZTpzM2NyZXQvd2l0aCtzaWducz0="),
    ("header", SECRET),
    ("query", "api_key=s3cret%2Fwith%2Bsigns%3D"),
];

#[tokio::test]
async fn secret_is_sent_and_shown_nowhere() {
    for (kind, expected) in KINDS {
        let world = World::new(&shop()).await;
        let toolbox = world.open(&auth(kind)).await;
        world.api.on(
            "/v1/orders",
            Reply::Json(json!([{"id": 1, "you_sent": SECRET}])),
        );
        let result = call(&toolbox, "list_orders", json!({}))
            .await
            .expect("is answered");
        assert_eq!(secret_of(kind, &world.api.asked()[0]), expected);
        let shown = format!("{result:?}");
        assert!(
            !shown.contains(SECRET) && !shown.contains("s3cret"),
            "{kind}: {shown}"
        );
        assert_eq!(
            result.statement,
            format!("GET {}/v1/orders", world.api.url())
        );
        for status in [400, 401, 403, 429, 500] {
            world.api.on("/v1/orders", Reply::status(status));
            let error = call(&toolbox, "list_orders", json!({}))
                .await
                .expect_err("is refused");
            let text = format!("{} {error:?}", with_causes(&error));
            assert!(
                !text.contains("s3cret") && !text.contains("api_key"),
                "{kind}: {text}"
            );
        }
    }
}

#[tokio::test]
async fn secret_does_not_follow_a_redirect_to_another_host() {
    for (kind, _) in KINDS {
        let world = World::new(&shop()).await;
        let other = FakeApi::start_on("127.0.0.2".parse().expect("is an address")).await;
        let more = format!("hosts = [\"{}\"]\n{}", other.address, auth(kind));
        let toolbox = world.open(&more).await;
        // The server repeats our query, as many do.
        let target = format!("{}/moved?api_key=s3cret%2Fwith%2Bsigns%3D&a=1", other.url());
        world.api.on("/v1/orders", Reply::redirect(target));
        other.on("/moved", Reply::Json(json!([{"id": 1}])));
        let result = call(&toolbox, "list_orders", json!({"x_tenant": "north"})).await;
        // Only where the name is known can the secret be taken out.
        if kind == "query" {
            assert_eq!(result.expect("is followed").rows.rows, [[json!(1)]]);
        } else {
            let error = result.expect_err("the secret stands in the address");
            assert_eq!(error.class(), GapClass::NotAllowed, "{kind}");
            world.api.on(
                "/v1/orders",
                Reply::redirect(format!("{}/moved?a=1", other.url())),
            );
            call(&toolbox, "list_orders", json!({"x_tenant": "north"}))
                .await
                .expect("is followed");
        }
        let asked = other.asked();
        assert_eq!(asked.len(), 1, "{kind}");
        let all = format!("{asked:?}");
        assert!(
            !all.contains("s3cret") && !all.contains("bG9yZ"),
            "{kind}: {all}"
        );
        assert!(
            !all.contains("authorization")
                && !all.contains("x-api-key")
                && !all.contains("x-tenant"),
            "{all}"
        );
        assert_eq!(asked[0].target, "/moved?a=1");
    }
}

#[tokio::test]
async fn way_back_from_another_host_has_no_secret() {
    let world = World::new(&shop()).await;
    let other = FakeApi::start_on("127.0.0.2".parse().expect("is an address")).await;
    let toolbox = world
        .open(&format!(
            "hosts = [\"{}\"]\n{}",
            other.address,
            auth("bearer")
        ))
        .await;
    world
        .api
        .on("/v1/orders", Reply::redirect(format!("{}/a", other.url())));
    other.on(
        "/a",
        Reply::redirect(format!("{}/v1/delete-everything", world.api.url())),
    );
    world
        .api
        .on("/v1/delete-everything", Reply::Json(json!([])));
    call(&toolbox, "list_orders", json!({}))
        .await
        .expect("is followed");
    let asked = world.api.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked[0].headers.contains_key("authorization"));
    assert!(!asked[1].headers.contains_key("authorization"));
}

#[tokio::test]
async fn secret_follows_a_redirect_at_home() {
    for (kind, expected) in KINDS {
        let world = World::new(&shop()).await;
        let toolbox = world.open(&auth(kind)).await;
        world.api.on("/v1/orders", Reply::redirect("/v2/orders"));
        world.api.on("/v2/orders", Reply::Json(json!([])));
        call(&toolbox, "list_orders", json!({}))
            .await
            .expect("is followed");
        assert_eq!(secret_of(kind, &world.api.asked()[1]), expected);
    }
}

#[tokio::test]
async fn next_page_on_another_host_has_no_secret() {
    let world = World::new(&shop()).await;
    let other = FakeApi::start_on("127.0.0.2".parse().expect("is an address")).await;
    let toolbox = world
        .open(&format!(
            "hosts = [\"{}\"]\n{}",
            other.address,
            auth("header")
        ))
        .await;
    world.api.on(
        "/v1/orders",
        Reply::Json(json!({"items": [{"id": 1}], "next": format!("{}/p2", other.url())})),
    );
    other.on("/p2", Reply::Json(json!({"items": [{"id": 2}]})));
    let result = call(&toolbox, "list_orders", json!({}))
        .await
        .expect("is followed");
    assert_eq!(result.rows.rows.len(), 2);
    assert!(!other.asked()[0].headers.contains_key("x-api-key"));
}

#[tokio::test]
async fn nobody_is_asked_for_a_secret() {
    let document = json!({"openapi": "3.0.0", "paths": {
        "/a": {"get": {"operationId": "a", "parameters": [
            {"name": "token", "in": "header", "required": true, "schema": {"type": "string"}},
            {"name": "api_key", "in": "query", "schema": {"type": "string"}}]}},
        "/b": {"get": {"operationId": "b", "parameters": [{"name": "Authorization", "in": "header", "required": true, "schema": {"type": "string"}}]}}
    }});
    let world = World::new(&document).await;
    let toolbox = world.open(&auth("bearer")).await;
    let tools = lorekeeper::ports::Tools::catalogue(&toolbox).tools.iter();
    assert!(tools.clone().all(|tool| tool.parameters.is_empty()));
    assert_eq!(tools.count(), 2);
    let faults = world
        .try_open("operations = [\"a\"]\n", FakeNames::default())
        .await;
    let faults = faults.err().expect("nothing has the secret");
    assert_eq!(
        faults,
        [
            "api `shop`: operation `a` can't be called: it needs the secret `token`: configure `auth`"
        ]
    );
}

#[tokio::test]
async fn secret_that_can_not_be_sent_is_a_fault_that_does_not_repeat_it() {
    let world = World::new(&shop()).await;
    for more in [
        "[api.auth]\nkind = \"bearer\"\nsecret = \"hunter2\\n\"\n",
        "[api.auth]\nkind = \"header\"\nname = \"X Key\"\nsecret = \"hunter2\"\n",
        "[api.auth]\nkind = \"query\"\nname = \"\"\nsecret = \"hunter2\"\n",
        "[api.auth]\nkind = \"basic\"\nuser = \"a:b\"\nsecret = \"hunter2\"\n",
    ] {
        let faults = open(&world.config(more), FakeNames::default())
            .await
            .err()
            .expect(more);
        assert!(
            faults.len() == 1 && !faults[0].contains("hunter2"),
            "{faults:?}"
        );
    }
}
