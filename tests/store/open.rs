use super::{fixtures::*, harness::*};
use futures::future::join_all;
use lorekeeper::store::{Store, StoreError};

/// The message that a person reads, with no secret in it.
async fn refusal(url: Option<&str>, folder: &std::path::Path) -> String {
    let error = Store::open(url, folder)
        .await
        .expect_err("it can't be opened");
    let message = error.to_string();
    assert!(!message.contains("s3cret"), "{message}");
    message
}

#[tokio::test]
async fn unusable_url_is_named_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let check = async |url: &str, named: &str| {
        let message = refusal(Some(url), folder.path()).await;
        assert!(message.contains(named), "{message}");
        assert!(message.contains("`store.url`"), "{message}");
    };
    check(
        "mysql://root:s3cret@db/x",
        "does not start with `postgres://`",
    )
    .await;
    check("", "does not start with `postgres://`").await;
    check("postgres://u:s3cret@:notaport/x", "can't be read").await;
    check("postgres://u:s3cret@127.0.0.1:5432", "names no database").await;
}

#[tokio::test]
async fn unreachable_server_is_named() {
    let folder = tempfile::tempdir().unwrap();
    // Bound and closed again: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .unwrap()
        .port();
    let url = format!("postgres://u:s3cret@127.0.0.1:{port}/lore");
    let message = refusal(Some(&url), folder.path()).await;
    let expected = format!("PostgreSQL database `lore` at 127.0.0.1:{port} can't be reached");
    assert!(message.starts_with(&expected), "{message}");
}

#[tokio::test]
async fn missing_database_and_unknown_user_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let server = postgres_server();
    let message = refusal(
        Some(&on_database(&server, "no_such_database")),
        folder.path(),
    )
    .await;
    assert!(message.contains("`no_such_database`"), "{message}");
    assert!(message.contains("does not exist; create it"), "{message}");

    let as_stranger = server.replace("postgres@", "no_such_user:s3cret@");
    let message = refusal(Some(&as_stranger), folder.path()).await;
    assert!(message.contains("refused user `no_such_user`"), "{message}");
}

#[tokio::test]
async fn data_folder_that_is_a_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data");
    std::fs::write(&file, "not a folder").unwrap();
    let message = refusal(None, &file).await;
    assert!(message.contains(&file.display().to_string()), "{message}");
    assert!(message.contains("--data-dir"), "{message}");
}

#[tokio::test]
async fn file_that_is_no_database_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("lorekeeper.db"), "x".repeat(5000)).unwrap();
    let message = refusal(None, folder.path()).await;
    assert!(message.contains("lorekeeper.db` is damaged"), "{message}");
}

#[tokio::test]
async fn missing_data_folder_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("a/b");
    Store::open(None, &deep).await.unwrap().close().await;
    assert!(deep.join("lorekeeper.db").is_file());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_may_open_an_empty_folder_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let opening = (0..6).map(|_| Store::open(None, folder.path()));
    for store in join_all(opening).await {
        store.unwrap().close().await;
    }
}

on_both_stores! {
    async fn what_was_accepted_is_there_after_reopening(db: &TestStore) {
        db.store.ask(&question(1)).await;
        let after = db.reopen().await;
        assert_eq!(after.claim_next("w", at(2)).await.unwrap().incoming, question(1));
        after.close().await;
    }

    async fn store_of_a_newer_version_is_left_alone(db: &TestStore) {
        let (yes, no_bytes) = if db.is_postgres() { ("true", "''::bytea") } else { ("1", "x''") };
        db.behind_its_back(&format!(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9999, 'of the future', {yes}, {no_bytes}, 0)"
        )).await;
        let refused = Store::open(db.url.as_deref(), db.folder.path()).await;
        assert!(matches!(refused, Err(StoreError::NewerSchema { migration: 9999, .. })), "{refused:?}");
    }
}
