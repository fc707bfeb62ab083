//! `lorekeeper api` and the doctor's lines.

use super::world::{World, shop};
use crate::fakes::api::{Reply, SpySocket};
use serde_json::{Value, json};
use std::{fs, process::Output};
use tokio::process::Command;

async fn run(world: &World, more: &str, args: &[&str], proxy: Option<&str>) -> Output {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = folder.path().join("lorekeeper.toml");
    fs::write(&config, world.config(more)).expect("is written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_lorekeeper"));
    command
        .arg("--config")
        .arg(&config)
        .arg("--data-dir")
        .arg(folder.path())
        .args(args);
    for name in [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ] {
        match proxy {
            Some(proxy) => command.env(name, proxy),
            None => command.env_remove(name),
        };
    }
    command.env_remove("no_proxy").env_remove("NO_PROXY");
    command.output().await.expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn operation_is_called_from_the_command_line() {
    let world = World::new(&shop()).await;
    world
        .api
        .on("/v1/orders", Reply::Json(json!([{"id": 1, "total": 1500}])));
    let args = [
        "api",
        "list_orders",
        "--arg",
        "status=open,paid",
        "--arg",
        "q=a=b",
    ];
    let output = run(&world, "", &args, None).await;
    let lines = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(
        lines.starts_with("List orders: 1 row (status open,paid, q a=b).\n")
            && lines.contains("1,500"),
        "{lines}"
    );
    assert_eq!(
        world.api.take_targets(),
        ["/v1/orders?status=open&status=paid&q=a%3Db"]
    );
    let output = run(&world, "", &["api", "list_orders", "--json"], None).await;
    let printed: Value = serde_json::from_slice(&output.stdout).expect("is one JSON document");
    assert_eq!(
        (&printed["source"], &printed["rows"]["rows"]),
        (&json!("shop"), &json!([[1, 1500]]))
    );
}

#[tokio::test]
async fn wrong_usage_says_what_there_is() {
    let world = World::new(&shop()).await;
    let output = run(&world, "", &["api", "list_order"], None).await;
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(
        said.contains(
            "there is no operation `list_order`; there are list_orders, get_order, get_customer"
        ),
        "{said}"
    );
    let output = run(
        &world,
        "operations = [\"nothing\"]\n",
        &["api", "list_orders"],
        None,
    )
    .await;
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let output = run(&world, "", &["sql", "run", "list_orders"], None).await;
    assert!(
        text(&output.stderr).contains("there is no query `list_orders`"),
        "{}",
        text(&output.stderr)
    );
}

#[tokio::test]
async fn proxies_of_the_environment_are_not_used() {
    let world = World::new(&shop()).await;
    let spy = SpySocket::listen().await;
    world.api.on("/v1/orders", Reply::Json(json!([])));
    let proxy = format!("http://127.0.0.1:{}", spy.port);
    let output = run(&world, "", &["api", "list_orders"], Some(&proxy)).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!((spy.reached(), world.api.asked().len()), (0, 1));
}

#[tokio::test]
async fn doctor_says_how_each_api_is() {
    let world = World::new(&shop()).await;
    let more = "operations = [\"list_orders\", \"get_order\"]\n[[api.operation]]\nname = \"get_order\"\nexamples = [\"order 7\"]\n";
    let output = run(&world, more, &["doctor", "--json"], None).await;
    let findings: Vec<Value> =
        serde_json::from_slice(&output.stdout).expect("is one JSON document");
    let api = findings
        .iter()
        .find(|finding| finding["check"] == "api shop")
        .expect("is looked at");
    assert_eq!(api["ok"], json!(true));
    assert_eq!(
        api["detail"],
        json!(
            "OpenAPI 3.0.3, 2 of 3 GET operations can be called, 1 of them lack `examples` (`[[api.operation]]`), with which the router plans better; 127.0.0.1 is an allowed address"
        )
    );
}

#[tokio::test]
async fn doctor_names_a_host_that_is_not_public() {
    let world = World::new(&shop()).await;
    let more = "url = \"http://localhost:9/\"\nnetworks = []\n";
    let output = run(&world, more, &["doctor", "--json"], None).await;
    let findings: Vec<Value> =
        serde_json::from_slice(&output.stdout).expect("is one JSON document");
    let api = findings
        .iter()
        .find(|finding| finding["check"] == "api shop")
        .expect("is looked at");
    assert_eq!(api["ok"], json!(false));
    let detail = api["detail"].as_str().unwrap_or_default();
    assert!(
        detail.contains("`localhost` resolves to")
            && detail.contains("list it in `networks` if it is meant"),
        "{detail}"
    );
}
