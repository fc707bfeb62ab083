//! Documents as people write them.

use super::world::{FakeNames, World, call, shop};
use crate::fakes::api::Reply;
use lorekeeper::{
    domain::{ParameterKind, ToolSpec},
    ports::Tools,
};
use serde_json::{Value, json};

async fn faults(document: &Value, more: &str) -> Vec<String> {
    let world = World::new(document).await;
    let opened = world.try_open(more, FakeNames::default()).await;
    opened.err().unwrap_or_default()
}

async fn tools(document: &Value) -> Vec<ToolSpec> {
    let world = World::new(document).await;
    world.open("").await.catalogue().tools.clone()
}

#[tokio::test]
async fn yaml_is_read_like_json() {
    let world = World::new(&json!({})).await;
    world.write(
        "swagger: 2.0\nhost: shop.example.com\nbasePath: /api\npaths:\n  /pets/{id}:\n    get:\n      summary: A pet\n      \
         parameters:\n        - {name: id, in: path, required: true, type: integer}\n        - {name: day, in: query, type: string, format: date}\n      \
         responses:\n        200: {description: ok}\n",
    );
    let toolbox = world.open("").await;
    let tool = toolbox.catalogue().tools.first().cloned().expect("is read");
    assert_eq!(
        (tool.name.as_str(), tool.description.as_str()),
        ("get_pets_id", "A pet")
    );
    assert_eq!(tool.parameters[0].kind, ParameterKind::Integer);
    world
        .api
        .on("/v1/pets/5", Reply::Json(json!({"name": "Rex"})));
    let result = call(&toolbox, "get_pets_id", json!({"id": 5}))
        .await
        .expect("is answered");
    assert_eq!(result.rows.rows, [[json!("Rex")]]);
}

#[tokio::test]
async fn sloppy_documents_are_read() {
    let found = tools(&json!({"openapi": "3.0.0", "paths": {
        "/a/{id}/{other}": {"GET": {"operationId": "  ", "summary": "\nAn a\n", "parameters": [
            {"name": "id", "in": "path", "schema": {"type": "string"}},
            {"name": "q", "in": "query", "required": "true", "schema": {"type": "String"}},
            {"name": "list", "in": "query", "required": "false", "explode": "false", "schema": {"type": "array"}},
            {"name": "page", "in": "path", "required": true},
            {"name": "plain", "type": "int"},
            {"in": "query"}, 7, null, "x",
            {"name": "when", "in": "query", "schema": {"type": "integer", "default": "soon"}},
            {"name": "kind", "in": "query", "schema": {"enum": ["a", "b"], "default": "c"}},
            {"name": "cookie", "in": "cookie", "schema": {"type": "string"}},
            {"name": "Host", "in": "header", "schema": {"type": "string"}},
            {"name": "q", "in": "header", "schema": {"type": "string"}}
        ]}},
        "x-internal": {"get": 5},
        "/b": null,
        "/c": {"get": {"parameters": {"first": {"name": "n", "in": "query", "schema": {"type": ["integer", "null"]}}}}},
        "/d": {"summary": "nothing here", "parameters": "none", "get": {"parameters": "none"}}
    }}))
    .await;
    let names: Vec<&str> = found.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["get_a_id_other", "get_c", "get_d"]);
    let of = |tool: &ToolSpec| -> Vec<(String, bool)> {
        tool.parameters
            .iter()
            .map(|parameter| (parameter.name.clone(), parameter.optional))
            .collect()
    };
    let expected = [
        ("id", false),
        ("q", false),
        ("list", true),
        ("plain", true),
        ("when", true),
        ("kind", true),
        ("q_2", true),
        ("other", false),
    ];
    assert_eq!(
        of(&found[0]),
        expected.map(|(name, optional)| (name.to_string(), optional))
    );
    assert_eq!(found[0].description, "An a");
    assert!(
        found[0]
            .parameters
            .iter()
            .all(|parameter| parameter.default.is_none())
    );
    assert_eq!(found[1].parameters[0].kind, ParameterKind::Integer);
}

#[tokio::test]
async fn operation_that_can_not_be_called_says_why() {
    let parameter = |name: &str, place: &str, more: Value| {
        let mut parameter = json!({"name": name, "in": place, "required": true});
        for (key, value) in more.as_object().into_iter().flatten() {
            parameter[key] = value.clone();
        }
        json!({"parameters": [parameter]})
    };
    let cases = [
        (
            parameter("f", "query", json!({"schema": {"type": "object"}})),
            "it needs `f`, which is an object",
        ),
        (
            parameter("c", "cookie", json!({})),
            "it needs `c`, which is a cookie",
        ),
        (
            parameter("b", "body", json!({"schema": {}})),
            "it needs `b`, which is sent in a body",
        ),
        (
            parameter("j", "query", json!({"content": {"application/json": {}}})),
            "it needs `j`, which is a document of its own",
        ),
        (
            parameter(
                "d",
                "query",
                json!({"style": "deepObject", "schema": {"type": "array"}}),
            ),
            "it needs `d`, which is a list in a form that is not known",
        ),
        (
            parameter(
                "n",
                "query",
                json!({"schema": {"type": "array", "items": {"type": "array"}}}),
            ),
            "it needs `n`, which is a list of lists",
        ),
        (
            json!({"requestBody": {"required": true}}),
            "it needs a body",
        ),
        (
            json!({"servers": [{"url": "https://other.test"}]}),
            "it has a server of its own",
        ),
        (
            json!({"parameters": [{"$ref": "#/x/ring"}]}),
            "refers to itself",
        ),
        (
            json!({"parameters": [{"$ref": "#/x/nothing"}]}),
            "`#/x/nothing` refers to nothing",
        ),
        (
            json!({"parameters": [{"$ref": "other.yaml#/p"}]}),
            "`other.yaml#/p` refers to another document, which is not read",
        ),
        (
            json!({"parameters": [{"$ref": "https://evil.test/p.json"}]}),
            "refers to another document",
        ),
        (
            parameter("s", "query", json!({"schema": {"$ref": "#/x/tree"}})),
            "it needs `s`, which has schemas inside schemas without end",
        ),
        (
            parameter("s", "query", json!({"schema": {"$ref": "#/x/knot"}})),
            "it needs `s`, which has schemas inside schemas without end",
        ),
    ];
    for (operation, reason) in cases {
        let mut operation = operation;
        operation["operationId"] = json!("op");
        let document = json!({"openapi": "3.0.0", "paths": {"/x": {"get": operation}, "/y": {"get": {}}}, "x": {
            "ring": {"$ref": "#/x/gnir"}, "gnir": {"$ref": "#/x/ring"},
            "tree": {"type": "array", "items": {"$ref": "#/x/tree"}},
            "knot": {"allOf": [{"$ref": "#/x/knot"}, {"$ref": "#/x/knot"}]}
        }});
        let found = faults(&document, "operations = [\"op\"]\n").await;
        assert!(
            found.len() == 1
                && found[0].starts_with("api `shop`: operation `op` can't be called: ")
                && found[0].contains(reason),
            "{reason}: {found:?}"
        );
        // Nobody asked for it by name: the others are there.
        assert_eq!(tools(&document).await.len(), 1);
    }
}

#[tokio::test]
async fn optional_parameters_that_can_not_be_sent_are_left_out() {
    let found = tools(&json!({"openapi": "3.0.0", "paths": {"/x": {"get": {"operationId": "x", "requestBody": {"content": {}}, "parameters": [
        {"name": "f", "in": "query", "schema": {"type": "object"}}, {"name": "c", "in": "cookie"},
        {"name": "s", "in": "query", "schema": {"$ref": "#/nothing"}}, {"name": "ok", "in": "query"}
    ]}}}}))
    .await;
    assert_eq!(found[0].parameters.len(), 1);
}

#[tokio::test]
async fn references_that_multiply_end_soon() {
    let level = |n: usize| json!({"allOf": vec![json!({"$ref": format!("#/x/l{}", n + 1)}); 3]});
    let mut document = json!({"openapi": "3.0.0", "paths": {"/x": {"get": {"parameters": [
        {"name": "s", "in": "query", "schema": {"$ref": "#/x/l0"}}]}}}, "x": {}});
    for n in 0..40 {
        document["x"][format!("l{n}")] = level(n);
    }
    let begun = std::time::Instant::now();
    tools(&document).await;
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn names_are_told_apart() {
    let get = |id: &str| json!({"get": {"operationId": id}});
    let document = json!({"openapi": "3.0.0", "paths": {"/a": get("list"), "/b": get("list"), "/c": get("List"), "/c/": get("LIST"), "/d": get("get_b")}});
    let names: Vec<String> = tools(&document)
        .await
        .into_iter()
        .map(|tool| tool.name)
        .collect();
    assert_eq!(names.len(), 5);
    let set: std::collections::BTreeSet<&String> = names.iter().collect();
    assert_eq!(set.len(), 5, "{names:?}");
    let world = World::new(&document).await;
    let twice = world
        .config("")
        .replace("[limits]\ntool_timeout_ms = 1000\n", "")
        .replace("\"shop\"", "\"crm\"");
    let config = format!("{}{twice}", world.config(""));
    let toolbox = super::world::open(&config, FakeNames::default()).await;
    let toolbox = toolbox.unwrap_or_else(|faults| panic!("{faults:?}"));
    assert!(toolbox.catalogue().tool("list").is_some());
    assert!(toolbox.catalogue().tool("crm_list").is_some());
    assert_eq!(toolbox.catalogue().tools.len(), 10);
}

#[tokio::test]
async fn named_operations_alone_can_be_called() {
    let world = World::new(&shop()).await;
    for name in ["listOrders", "list_orders", "shop_list_orders"] {
        let toolbox = world.open(&format!("operations = [\"{name}\"]\n")).await;
        let names: Vec<&str> = toolbox
            .catalogue()
            .tools
            .iter()
            .map(|tool| tool.name.as_str())
            .collect();
        assert_eq!(names, ["list_orders"]);
    }
}

#[tokio::test]
async fn every_fault_is_reported_at_once() {
    let found = faults(
        &shop(),
        "url = \"ftp://shop.example.com\"\noperations = [\"listOrder\", \"createOrder\", \"getOrder\"]\n\
         [[api.operation]]\nname = \"getOrder\"\nlead = \"{rows\"\nempty = \"none\"\n\
         [[api.operation]]\nname = \"get_customer\"\nlead = \"{rows} for {colour}\"\nempty = \"{name}\"\ncolumns = [\"name\"]\n",
    )
    .await;
    for expected in [
        "api `shop`: there is no GET operation `listOrder`, did you mean `listOrders`?",
        "api `shop`: there is no GET operation `createOrder`",
        "api `shop`: operation `get_customer` is described but not in `operations`",
        "api `shop`: operation `getOrder`: `lead` has a `{` without a `}`",
        "api `shop`: its address can't be used: `ftp` is neither http nor https",
    ] {
        assert!(
            found.iter().any(|fault| fault == expected),
            "{expected}\n{found:#?}"
        );
    }
    let found = faults(
        &shop(),
        "[[api.operation]]\nname = \"get_customer\"\nlead = \"{rows} for {colour}\"\nempty = \"{name}\"\ncolumns = [\"name\"]\n",
    )
    .await;
    assert_eq!(
        found,
        [
            "api `shop`: operation `get_customer`: `lead` has `{colour}`, which is neither an argument nor one of `columns`",
            "api `shop`: operation `get_customer`: `empty` has `{name}`, which is no argument",
        ]
    );
}

#[tokio::test]
async fn address_comes_from_the_document_or_is_missed() {
    let check = async |document: Value, more: &str, expected: &str| {
        let found = faults(&document, more).await;
        assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
    };
    let paths = json!({"/x": {"get": {}}});
    let url = |url: &str| format!("url = \"{url}\"\n");
    check(
        json!({"openapi": "3.0.0", "paths": paths}),
        "#url =\n",
        "its document names no server: write `url`",
    )
    .await;
    check(
        json!({"openapi": "3.0.0", "paths": paths, "servers": [{"url": "/v1"}]}),
        "#url =\n",
        "the document's first server is no whole address",
    )
    .await;
    check(
        json!({"swagger": "2.0", "paths": paths, "host": "10.0.0.8"}),
        "#url =\n",
        "10.0.0.8 is not public; list it in `networks`",
    )
    .await;
    check(
        shop(),
        &url("https://lore:pw@shop.example.com/"),
        "user or password",
    )
    .await;
    check(
        shop(),
        &url("https://shop.example.com/?key=1"),
        "a base address ends with its path",
    )
    .await;
    check(
        shop(),
        &url("shop.example.com"),
        "`url` is no whole address",
    )
    .await;
    check(
        shop(),
        "hosts = [\"https://b.test/\"]\n",
        "neither `host` nor `host:port`",
    )
    .await;
    check(
        json!({"paths": {}}),
        "",
        "`document` is neither OpenAPI 3 nor Swagger 2",
    )
    .await;
    let faults = super::world::open(
        "[[api]]\nname = \"a\"\ndocument = \"/nowhere/a.yaml\"\n",
        FakeNames::default(),
    )
    .await;
    assert!(faults.err().is_some_and(|faults| {
        faults[0].starts_with("api `a`: `document` /nowhere/a.yaml can't be read")
    }));
}
