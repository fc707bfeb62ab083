//! What only a Qdrant server refuses, by the fake one's words: see
//! [`crate::fakes::qdrant`] for what that can't show.

use super::world::{IndexPlace, World, embedder, qdrant_options, recipe};
use crate::fakes::qdrant::FakeQdrant;
use lorekeeper::{
    domain::Access,
    knowledge::{IndexError, KnowledgeIndex, Purpose, QdrantIndex, QdrantOptions, Scope},
    ports::Embedder,
};

async fn open_qdrant(options: &QdrantOptions, purpose: Purpose) -> Result<QdrantIndex, IndexError> {
    QdrantIndex::open(options, &recipe(), purpose).await
}

#[tokio::test(flavor = "multi_thread")]
async fn key_is_sent_and_a_wrong_one_is_named_without_repeating_it() {
    let server = FakeQdrant::start().await;
    server.state().key = Some("right".into());
    let with = |key: Option<&str>| QdrantOptions {
        key: key.map(Into::into),
        ..qdrant_options(&server.url())
    };
    for key in [None, Some("hunter2")] {
        let error = open_qdrant(&with(key), Purpose::Search)
            .await
            .err()
            .expect("refused");
        assert!(matches!(error, IndexError::Unauthorised { .. }), "{error}");
        let chain = format!("{:#}", anyhow::Error::from(error));
        assert!(
            chain.contains("`index.key`") && !chain.contains("hunter2"),
            "{chain}"
        );
    }
    open_qdrant(&with(Some("right")), Purpose::Ingest)
        .await
        .expect("admitted");
}

#[tokio::test(flavor = "multi_thread")]
async fn call_that_the_server_could_not_take_is_made_again() {
    let server = FakeQdrant::start().await;
    let options = qdrant_options(&server.url());
    let index = open_qdrant(&options, Purpose::Search).await.expect("opens");
    server.state().unavailable = 2;
    assert_eq!(index.count_passages().await.expect("the third time"), 0);
    // More than that is not waited for while somebody waits for an answer.
    server.state().unavailable = 20;
    let error = index
        .count_passages()
        .await
        .expect_err("not within our patience");
    assert!(matches!(error, IndexError::Unreachable { .. }), "{error}");
    server.state().unavailable = 0;
    index.count_passages().await.expect("back");
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_that_is_too_large_for_the_server_goes_in_parts() {
    let server = FakeQdrant::with_message_limit(20_000).await;
    let options = qdrant_options(&server.url());
    let mut world = World::new();
    world.close();
    world.place = IndexPlace::Qdrant {
        server: server.clone(),
        options,
    };
    world.reopen().await;
    for n in 0..12 {
        world.write(
            &format!("{n}.md"),
            format!("# Page {n}\n\nFlight number {n}.\n"),
        );
    }
    assert_eq!(world.ingest().await.added, 12);
    assert_eq!(world.index().count_passages().await.expect("counted"), 12);
    let upserts = server
        .state()
        .calls
        .iter()
        .filter(|call| **call == "upsert")
        .count();
    assert!(upserts > 1, "{upserts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn collection_that_was_removed_is_named_and_found_again() {
    let server = FakeQdrant::start().await;
    let options = qdrant_options(&server.url());
    let index = open_qdrant(&options, Purpose::Search).await.expect("opens");
    server.state().collections.clear();
    server.state().aliases.clear();
    let error = index
        .count_passages()
        .await
        .expect_err("removed behind our back");
    assert!(matches!(error, IndexError::Missing { .. }), "{error}");
    assert_eq!(index.count_passages().await.expect("made anew"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn collection_of_another_dimension_is_named() {
    let server = FakeQdrant::start().await;
    let index = open_qdrant(&qdrant_options(&server.url()), Purpose::Search)
        .await
        .expect("opens");
    for collection in server.state().collections.values_mut() {
        collection.dimension = 3;
    }
    let vector = vec![0.0; embedder().dimension()];
    let scope = Scope::of(&Access::everyone());
    let error = index
        .nearest(&vector, &scope, 5)
        .await
        .expect_err("another length");
    assert!(
        matches!(error, IndexError::WrongDimension { .. }),
        "{error:?}"
    );
    let chain = format!("{:#}", anyhow::Error::from(error));
    assert!(chain.contains("expected dim: 3, got 384"), "{chain}");
}

#[tokio::test(flavor = "multi_thread")]
async fn collection_is_made_with_what_is_configured() {
    let server = FakeQdrant::start().await;
    let options = QdrantOptions {
        shards: Some(3),
        replicas: Some(2),
        quantize: true,
        ..qdrant_options(&server.url())
    };
    let index = open_qdrant(&options, Purpose::Ingest).await.expect("opens");
    assert!(index.place().contains(&server.url()), "{}", index.place());
    let state = server.state();
    let asked = &state.created[0];
    assert_eq!(
        (asked.shard_number, asked.replication_factor),
        (Some(3), Some(2))
    );
    let dense = format!("{:?}", asked.vectors_config);
    assert!(
        dense.contains("Scalar") && dense.contains("size: 384"),
        "{dense}"
    );
    let name = &asked.collection_name;
    assert_eq!(state.aliases.get("lore"), Some(name));
    let indexed: Vec<&str> = state.collections[name]
        .indexed_fields
        .iter()
        .map(String::as_str)
        .collect();
    assert_eq!(
        indexed,
        [
            "audience",
            "document",
            "hash",
            "kind",
            "position",
            "relation_keys",
            "source",
            "terms"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn password_in_the_address_of_qdrant_is_refused_and_not_repeated() {
    let options = qdrant_options("http://user:hunter2@127.0.0.1:6334");
    let error = open_qdrant(&options, Purpose::Search)
        .await
        .err()
        .expect("refused");
    assert!(error.to_string().contains("`index.key`"), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
