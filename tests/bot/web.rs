//! What those who run the daemon see over HTTP.

use super::harness::{Bot, StoreKind};
use std::{
    net::{Ipv4Addr, TcpListener},
    time::Duration,
};

/// An address of this machine that nobody listens on.
pub fn free_address() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let address = listener.local_addr().expect("a socket has its address");
    address.to_string()
}

pub async fn get(address: &str, path: &str) -> String {
    let response = reqwest::get(format!("http://{address}{path}")).await;
    let response = response.expect("the daemon answers");
    response.text().await.expect("the answer is text")
}

/// Waits for a line of `/metrics`.
async fn counted(address: &str, line: &str) -> String {
    for _ in 0..200 {
        let text = get(address, "/metrics").await;
        if text.lines().any(|told| told == line) {
            return text;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("`{line}` is not in\n{}", get(address, "/metrics").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told_and_answers_are_counted_without_their_words() {
    let address = free_address();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/company");
    let mut bot = Bot::prepare_with(
        StoreKind::Sqlite,
        &format!(
            "query_files = [\"{root}/queries.toml\"]\n[web]\nlisten = \"{address}\"\n\
             [[source]]\nname = \"handbook\"\npath = \"{root}/docs\"\nevery = \"off\"\n\
             [[database]]\nname = \"business\"\nurl = \"sqlite:{root}/generated/business.db\"\n"
        ),
    );
    bot.run().await;
    assert_eq!(get(&address, "/health").await, "ok\n");
    assert!(
        get(&address, "/metrics")
            .await
            .contains("lorekeeper_gaps_total{class=\"timeout\"} 0")
    );

    bot.slack
        .slash("U7", "C1", "sql revenue_total period=plovers");
    let gaps = "lorekeeper_gaps_total{class=\"bad_question\"} 1";
    counted(&address, gaps).await;

    bot.slack
        .mention("U7", "C1", "Do plovers return terminals?");
    let seconds = "lorekeeper_stage_seconds_count{stage=\"gather\"} 1";
    let text = counted(&address, seconds).await;
    assert!(!text.contains("plovers"), "{text}");
}
