//! What becomes of documents while the daemon runs: it reads its sources by
//! itself, and `/metrics` says how fresh they are.

use super::{
    conversations::slack_answer,
    harness::{Bot, StoreKind},
    web::{free_address, get},
};
use std::{
    fs,
    time::{Duration, Instant},
};

const EVERY: Duration = Duration::from_secs(5);
/// The interval, a look every second, and the time that a reading takes on a busy machine.
const BOUND: Duration = Duration::from_secs(5 + 1 + 6);

/// A figure of `/metrics` about the source `notes`.
async fn figure(address: &str, name: &str, more: &str) -> Option<f64> {
    let begin = format!("{name}{{source=\"notes\"{more}}} ");
    let text = get(address, "/metrics").await;
    text.lines()
        .find_map(|line| line.strip_prefix(&begin)?.parse().ok())
}

/// Waits until so many documents are indexed, and how long that took. The age
/// of the source must stay within its bound all the while.
async fn until_indexed(address: &str, documents: f64) -> Duration {
    let began = Instant::now();
    loop {
        let age = figure(address, "lorekeeper_source_age_seconds", "").await;
        assert!(age.is_none_or(|age| age <= BOUND.as_secs_f64()), "{age:?}");
        let indexed = figure(address, "lorekeeper_source_documents", ",state=\"indexed\"");
        if indexed.await == Some(documents) {
            return began.elapsed();
        }
        assert!(began.elapsed() < 4 * BOUND, "not within {BOUND:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_and_revoked_documents_are_used_no_more_within_the_bound() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).expect("written");
    };
    let bunker =
        "# Bunker door\n\nThe keypad of the bunker door in Utrecht takes the number 7319.\n";
    let safe = "# Wine safe\n\nThe wine safe in the Utrecht cellar opens with the number 8642.\n";
    write("bunker.md", bunker);
    write("safe.md", safe);
    let address = free_address();
    let config = format!(
        "[web]\nlisten = \"{address}\"\n[[source]]\nname = \"notes\"\npath = \"{}\"\nevery = \"{}s\"\n",
        folder.path().display(),
        EVERY.as_secs(),
    );
    let mut bot = Bot::prepare_with(StoreKind::Sqlite, &config);
    bot.run().await;
    until_indexed(&address, 2.0).await;
    let ask = async |question: &str| {
        let asked = bot.slack.mention("U7", "C1", question);
        slack_answer(&bot, "C1", &asked.ts).await
    };
    const BUNKER: &str = "Which number does the keypad of the bunker door in Utrecht take?";
    const SAFE: &str = "Which number opens the wine safe in the Utrecht cellar?";
    assert!(ask(BUNKER).await.contains("7319"));
    assert!(ask(SAFE).await.contains("8642"));

    fs::remove_file(folder.path().join("bunker.md")).expect("deleted");
    let took = until_indexed(&address, 1.0).await;
    assert!(took <= BOUND, "{took:?}");
    let answer = ask(BUNKER).await;
    assert!(!answer.contains("7319"), "{answer}");
    assert!(ask(SAFE).await.contains("8642"));

    // The page stays, for others.
    write("safe.md", &format!("---\naudience: [finance]\n---\n{safe}"));
    let revoked = Instant::now();
    tokio::time::sleep(EVERY).await;
    loop {
        let permissions = figure(&address, "lorekeeper_source_permissions_age_seconds", "").await;
        let permissions = permissions.expect("the source was read");
        if permissions < revoked.elapsed().as_secs_f64() {
            break;
        }
        assert!(
            revoked.elapsed() <= BOUND,
            "permissions are {permissions} s old"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let answer = ask(SAFE).await;
    assert!(!answer.contains("8642"), "{answer}");

    let told = bot.command(&["sources", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(
        (&told[0]["source"], &told[0]["documents"]),
        (&"notes".into(), &1.into())
    );
    assert!(
        told[0]["age_seconds"].as_i64().is_some_and(|age| age <= 12),
        "{told}"
    );
    bot.slack.slash("U7", "C1", "sources");
    bot.logged("Read the source notes").await;
}
