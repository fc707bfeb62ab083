//! Rows, sentences and the recorded statement.

use super::world::{World, call, shop};
use crate::fakes::api::Reply;
use lorekeeper::{
    domain::Access,
    ports::{ToolError, Tools},
};
use serde_json::{Value, json};

#[tokio::test]
async fn answer_is_a_sentence_with_rows_and_the_statement() {
    let world = World::new(&shop()).await;
    let toolbox = world.open("").await;
    let order = |id: u32, total: f64| json!({"id": id, "total": total, "customer": {"name": "Ann", "city": "Bonn"}, "lines": [{"sku": "A"}], "tags": ["x", "y"]});
    world.api.on(
        "/v1/orders",
        Reply::Json(json!({"ok": true, "orders": [order(1, 2.5), order(2, 1_000.0)]})),
    );
    let result = call(
        &toolbox,
        "list_orders",
        json!({"region": "dach", "limit": 20}),
    )
    .await
    .expect("is answered");
    assert_eq!(result.lead, "List orders: 2 rows (region DACH).");
    assert_eq!(
        result.rows.columns,
        ["id", "total", "tags", "customer.name", "customer.city"]
    );
    assert_eq!(
        result.rows.rows[1],
        [
            json!(2),
            json!(1_000.0),
            json!("x, y"),
            json!("Ann"),
            json!("Bonn")
        ]
    );
    assert_eq!(
        result.statement,
        format!("GET {}/v1/orders?region=DACH", world.api.url())
    );
    assert_eq!(
        (result.source.as_str(), result.tool.as_str()),
        ("shop", "list_orders")
    );
}

#[tokio::test]
async fn configured_words_and_columns_are_used() {
    let world = World::new(&shop()).await;
    let toolbox = world
        .open(
            "[[api.operation]]\nname = \"list_orders\"\ndescription = \"Orders of the shop\"\nexamples = [\"open orders\"]\n\
             rows = \"data.found\"\ncolumns = [\"id\", \"customer.name\", \"none\"]\n\
             lead = \"{rows} orders in {region}, the first for {customer.name}.\"\nempty = \"No order in {region}.\"\n",
        )
        .await;
    let spec = toolbox.catalogue().tool("list_orders").expect("is there");
    assert_eq!(spec.kind, lorekeeper::domain::ToolKind::Api);
    assert_eq!(spec.description, "Orders of the shop");
    let found = |rows: Value| Reply::Json(json!({"id": 9, "other": [1], "data": {"found": rows}}));
    world.api.on(
        "/v1/orders",
        found(json!([{"id": 1, "customer": {"name": "Ann"}}])),
    );
    let args = || json!({"region": "UKI", "express": true});
    let result = call(&toolbox, "list_orders", args())
        .await
        .expect("is answered");
    assert_eq!(
        result.lead,
        "1 orders in UKI, the first for Ann (express yes)."
    );
    assert_eq!(result.rows.columns, ["id", "customer.name", "none"]);
    assert_eq!(result.rows.rows, [[json!(1), json!("Ann"), json!(null)]]);
    world.api.on("/v1/orders", found(json!([])));
    let result = call(&toolbox, "list_orders", args())
        .await
        .expect("is answered");
    assert_eq!(result.lead, "No order in UKI (express yes).");
}

#[tokio::test]
async fn one_record_is_one_row() {
    let world = World::new(&shop()).await;
    let toolbox = world.open("").await;
    world.api.on(
        "/v1/orders/7",
        Reply::Json(json!({"id": 7, "state": "open", "lines": [{"sku": "A"}]})),
    );
    let result = call(&toolbox, "get_order", json!({"order_id": "7"}))
        .await
        .expect("is there");
    assert_eq!(
        (result.rows.columns, result.rows.rows),
        (
            vec!["id".into(), "state".into()],
            vec![vec![json!(7), json!("open")]]
        )
    );
    assert_eq!(result.lead, "Get an order: 1 row (order id 7).");
}

#[tokio::test]
async fn record_that_is_not_there_is_no_data() {
    let world = World::new(&shop()).await;
    let toolbox = world.open("").await;
    for reply in [
        Reply::status(404),
        Reply::status(410),
        Reply::Raw(204, vec![], vec![]),
        Reply::Json(json!({})),
    ] {
        world.api.on("/v1/orders/7", reply.clone());
        let result = call(&toolbox, "get_order", json!({"order_id": "7"})).await;
        let result = result.unwrap_or_else(|error| panic!("{reply:?}: {error:?}"));
        assert!(
            result.rows.rows.is_empty() && !result.rows.truncated,
            "{reply:?}"
        );
        assert_eq!(result.lead, "Get an order: nothing was found (order id 7).");
    }
}

#[tokio::test]
async fn forbidden_operation_looks_like_one_that_does_not_exist() {
    let world = World::new(&shop()).await;
    let toolbox = world.open("audience = [\"finance\"]\n").await;
    let error = call(&toolbox, "list_orders", json!({}))
        .await
        .expect_err("is forbidden");
    assert!(matches!(error, ToolError::Unknown { .. }));
    assert!(!toolbox.allowed("list_orders", &Access::everyone()));
    assert!(toolbox.allowed("list_orders", &Access::member_of(["finance"])));
    assert!(world.api.asked().is_empty());
}
