//! What only PostgreSQL with pgvector refuses or promises.

use super::world::{pg_options, recipe};
use lorekeeper::knowledge::{IndexError, IndexRecipe, KnowledgeIndex, PgIndex, PgOptions, Purpose};
use secrecy::ExposeSecret;
use std::{net::SocketAddr, time::Duration};

pub fn server_of(options: &PgOptions) -> SocketAddr {
    let url = options.url.expose_secret();
    let host = url
        .rsplit('@')
        .next()
        .and_then(|rest| rest.split('/').next());
    host.and_then(|host| host.parse().ok())
        .expect("the throw-away server's address")
}

#[tokio::test(flavor = "multi_thread")]
async fn second_filler_of_a_schema_is_refused() {
    let options = pg_options();
    let first = PgIndex::open(&options, &recipe(), Purpose::Ingest)
        .await
        .expect("opens");
    let second = PgIndex::open(&options, &recipe(), Purpose::Ingest).await;
    let error = second.err().expect("one fills");
    assert!(matches!(error, IndexError::BeingFilled { .. }), "{error}");
    PgIndex::open(&options, &recipe(), Purpose::Search)
        .await
        .expect("any number search");
    drop(first);
    PgIndex::open(&options, &recipe(), Purpose::Ingest)
        .await
        .expect("the first has gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_meet_an_empty_database_make_the_tables_once() {
    let options = pg_options();
    let recipe = recipe();
    let open = || PgIndex::open(&options, &recipe, Purpose::Search);
    let (one, two) = futures::join!(open(), open());
    assert_eq!(
        one.expect("opens").count_passages().await.expect("counted"),
        0
    );
    assert_eq!(
        two.expect("opens").count_passages().await.expect("counted"),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn error_of_postgresql_names_the_remedy_and_never_the_password() {
    let check = async |url: String, expected: &str| {
        let options = PgOptions {
            url: url.into(),
            timeout: Duration::from_secs(5),
            ..pg_options()
        };
        let error = PgIndex::open(&options, &recipe(), Purpose::Ingest)
            .await
            .err()
            .expect(expected);
        let chain = format!("{:#}", anyhow::Error::from(error));
        assert!(chain.contains(expected), "{chain}");
        assert!(!chain.contains("hunter2"), "{chain}");
    };
    let server = server_of(&pg_options());
    check(
        format!("postgres://nobody:hunter2@{server}/postgres"),
        "refused our credentials",
    )
    .await;
    check(
        format!("postgres://postgres:hunter2@{server}/nowhere"),
        "create it with `createdb`",
    )
    .await;
    check(
        "postgres://postgres:hunter2@127.0.0.1:1/postgres".into(),
        "can't be reached",
    )
    .await;
    check(
        format!("postgres://postgres:hunter2@{server}"),
        "it names no database",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn model_with_more_dimensions_than_pgvector_indexes_is_refused() {
    let wide = IndexRecipe {
        dimension: 2_001,
        ..recipe()
    };
    let error = PgIndex::open(&pg_options(), &wide, Purpose::Ingest)
        .await
        .err()
        .expect("too wide");
    assert!(error.to_string().contains("takes up to 2000"), "{error}");
}
