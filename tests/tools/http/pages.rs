//! Results on several pages.

use super::world::{World, call, shop};
use crate::fakes::api::Reply;
use lorekeeper::{domain::ToolResult, tools::Toolbox};
use serde_json::{Value, json};

async fn list(toolbox: &Toolbox, args: Value) -> ToolResult {
    let result = call(toolbox, "list_orders", args).await;
    result.unwrap_or_else(|error| panic!("{error:?}"))
}

fn ids(result: &ToolResult) -> Vec<i64> {
    result
        .rows
        .rows
        .iter()
        .filter_map(|row| row[0].as_i64())
        .collect()
}

#[tokio::test]
async fn every_page_is_read() {
    let world = World::new(&shop()).await;
    let toolbox = world.open("").await;
    let address = world.api.url();
    let check = async |first: Reply, second: (&str, Reply)| {
        world.api.on("/v1/orders", first);
        world.api.on(second.0, second.1);
        let result = list(&toolbox, json!({})).await;
        assert_eq!(
            (ids(&result), result.rows.truncated),
            (vec![1, 2, 3], false),
            "{}",
            second.0
        );
        assert_eq!(result.lead, "List orders: 3 rows.");
    };
    let last = || Reply::Json(json!([{"id": 3}]));
    let items = |more: Value| {
        let mut body = json!({"items": [{"id": 1}, {"id": 2}]});
        for (key, value) in more.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        Reply::Json(body)
    };
    let two = json!([{"id": 1}, {"id": 2}]);
    check(
        Reply::linked(
            two.clone(),
            format!("<{address}/v1/orders?page=2>; rel=\"next\""),
        ),
        ("/v1/orders?page=2", last()),
    )
    .await;
    check(
        Reply::linked(two, "</first>; rel=first, </p/2>; rel=\"next\""),
        ("/p/2", last()),
    )
    .await;
    check(
        items(json!({"next": format!("{address}/v1/next")})),
        ("/v1/next", last()),
    )
    .await;
    check(
        items(json!({"links": {"next": "/v1/linked"}})),
        ("/v1/linked", last()),
    )
    .await;
    check(
        items(json!({"response_metadata": {"next_cursor": "dXNl=="}})),
        ("/v1/orders?cursor=dXNl%3D%3D", last()),
    )
    .await;
    check(
        items(json!({"meta": {"next_cursor": "m"}, "has_more": true})),
        ("/v1/orders?cursor=m", last()),
    )
    .await;
}

#[tokio::test]
async fn cursor_keeps_the_question() {
    let world = World::new(&shop()).await;
    let toolbox = world.open("").await;
    world.api.on(
        "/v1/orders",
        Reply::Json(json!({"items": [{"id": 1}], "next_cursor": "c"})),
    );
    world.api.on(
        "/v1/orders?q=a%20b&cursor=c",
        Reply::Json(json!({"items": [{"id": 2}], "next_cursor": ""})),
    );
    assert_eq!(ids(&list(&toolbox, json!({"q": "a b"})).await), [1, 2]);
}

#[tokio::test]
async fn reading_ends_at_the_cap_and_says_that_there_is_more() {
    let world = World::new(&shop()).await;
    let toolbox = world.open("pages = 3\n").await;
    for page in 1..10 {
        let target = if page == 1 {
            "/v1/orders".into()
        } else {
            format!("/v1/orders?page={page}")
        };
        let next = format!("/v1/orders?page={}", page + 1);
        world.api.on(
            &target,
            Reply::Json(json!({"items": [{"id": page}], "next": next})),
        );
    }
    let result = list(&toolbox, json!({})).await;
    assert_eq!((ids(&result), result.rows.truncated), (vec![1, 2, 3], true));
    assert_eq!(result.lead, "List orders: more than 3 rows.");
    assert_eq!(world.api.take_targets().len(), 3);
}

#[tokio::test]
async fn page_that_leads_to_itself_is_read_once() {
    let world = World::new(&shop()).await;
    let toolbox = world.open("").await;
    world.api.on(
        "/v1/orders",
        Reply::Json(json!({"items": [{"id": 1}], "next": "/v1/orders"})),
    );
    let result = list(&toolbox, json!({})).await;
    assert_eq!((ids(&result), result.rows.truncated), (vec![1], true));
    assert_eq!(world.api.take_targets().len(), 1);
}

#[tokio::test]
async fn call_that_names_how_many_gets_one_page() {
    let world = World::new(&shop()).await;
    let toolbox = world.open("").await;
    world.api.on(
        "/v1/orders",
        Reply::Json(json!({"items": [{"id": 1}], "next": "/v1/orders?page=2"})),
    );
    let result = list(&toolbox, json!({"limit": 1})).await;
    assert_eq!((ids(&result), world.api.take_targets().len()), (vec![1], 1));
}

#[tokio::test]
async fn rows_stay_when_a_later_page_fails() {
    let world = World::new(&shop()).await;
    let toolbox = world.open("").await;
    world.api.on(
        "/v1/orders",
        Reply::Json(json!({"items": [{"id": 1}], "next": "/v1/two"})),
    );
    for reply in [
        Reply::status(500),
        Reply::status(403),
        Reply::Hang,
        Reply::redirect("http://10.0.0.1/"),
    ] {
        world.api.on("/v1/two", reply.clone());
        let result = list(&toolbox, json!({})).await;
        assert_eq!(
            (ids(&result), result.rows.truncated),
            (vec![1], true),
            "{reply:?}"
        );
    }
}

#[tokio::test]
async fn next_page_elsewhere_is_not_read() {
    let world = World::new(&shop()).await;
    let toolbox = world.open("").await;
    for next in [
        "http://127.0.0.1:9/p2",
        "https://elsewhere.test/p2",
        "http://user@127.0.0.1/p2",
        "//elsewhere.test/p2",
    ] {
        world.api.on(
            "/v1/orders",
            Reply::Json(json!({"items": [{"id": 1}], "next": next})),
        );
        let result = list(&toolbox, json!({})).await;
        assert_eq!(
            (ids(&result), result.rows.truncated),
            (vec![1], true),
            "{next}"
        );
    }
}

#[tokio::test]
async fn list_that_only_says_that_there_is_more_is_turned_by_number() {
    let check = async |parameter: &str,
                       default: Value,
                       first: Value,
                       second: &str,
                       expected: &[i64],
                       cut: bool| {
        let mut document = shop();
        let parameters = &mut document["paths"]["/orders"]["get"]["parameters"];
        let parameters = parameters.as_array_mut().expect("a list");
        parameters.retain(|parameter| parameter["name"] != "cursor");
        parameters.push(json!({"name": parameter, "in": "query", "schema": {"type": "integer", "default": default}}));
        let world = World::new(&document).await;
        let toolbox = world.open("").await;
        world.api.on("/v1/orders", Reply::Json(first));
        world.api.on(
            second,
            Reply::Json(json!({"total": 3, "items": [{"id": 3}]})),
        );
        let result = list(&toolbox, json!({})).await;
        assert_eq!(
            (ids(&result).as_slice(), result.rows.truncated),
            (expected, cut),
            "{second}"
        );
    };
    let some = |more: Value| {
        let mut body = json!({"items": [{"id": 1}, {"id": 2}]});
        body.as_object_mut()
            .expect("an object")
            .extend(more.as_object().cloned().unwrap_or_default());
        body
    };
    let total = || some(json!({"total": 3}));
    check(
        "offset",
        json!(0),
        total(),
        "/v1/orders?offset=2",
        &[1, 2, 3],
        false,
    )
    .await;
    check(
        "page",
        json!(1),
        total(),
        "/v1/orders?page=2",
        &[1, 2, 3],
        false,
    )
    .await;
    check(
        "pageNumber",
        json!(0),
        total(),
        "/v1/orders?pageNumber=1",
        &[1, 2, 3],
        false,
    )
    .await;
    check(
        "page",
        json!(null),
        some(json!({"has_more": true})),
        "/v1/orders?page=2",
        &[1, 2, 3],
        false,
    )
    .await;
    // It does not know its own parameter, and answers with the same page for ever.
    check("page", json!(1), total(), "/elsewhere", &[1, 2], true).await;
    // Nothing says that there is more.
    check(
        "page",
        json!(1),
        some(json!({})),
        "/v1/orders?page=2",
        &[1, 2],
        false,
    )
    .await;
}
