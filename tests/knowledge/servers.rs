//! What can only go wrong where the index is a server: it is gone, or shared.

use super::{
    on_pgvector::server_of,
    world::{IndexPlace, World, embedder, recipe},
};
use crate::fakes::line::Line;
use lorekeeper::{
    domain::Access,
    knowledge::{HybridSearch, IndexError, IndexRecipe, KnowledgeIndex, PgOptions, Purpose},
    ports::{Search, SearchError, SearchRequest},
};
use secrecy::ExposeSecret;
use std::sync::Arc;

fn flights() -> SearchRequest {
    SearchRequest {
        text: "flights".into(),
        top_k: 5,
        kinds: Vec::new(),
        source: None,
        access: Access::everyone(),
        exclude: Vec::new(),
    }
}

fn search(index: Arc<dyn KnowledgeIndex>) -> HybridSearch {
    HybridSearch::new(index, embedder(), 50)
}

/// A world with one page, whose index is at the other end of a line.
async fn at_the_end_of(line: &Line, mut world: World) -> World {
    match &mut world.place {
        IndexPlace::Pgvector(options) => options.url = moved(options, line).into(),
        IndexPlace::Qdrant { options, .. } => {
            options.url = format!("http://{}", line.address).into();
        }
        IndexPlace::Embedded => panic!("the embedded index has no line"),
    }
    world.reopen().await;
    world.write("travel.md", "# Travel\n\nBook flights early.\n");
    world.ingest().await;
    world
}

fn moved(options: &PgOptions, line: &Line) -> String {
    let url = options.url.expose_secret();
    let server = server_of(options).to_string();
    url.replace(&server, &line.address.to_string())
}

/// A search loses its server, says so, and works again once it is back.
async fn lost_and_found(line: &Line, world: World) {
    let open = search(world.open(&recipe(), Purpose::Search).await.expect("opens"));
    assert_eq!(open.search(&flights()).await.expect("found").len(), 1);
    line.cut();
    let error = open.search(&flights()).await.expect_err("the line is cut");
    let SearchError::Unavailable(source) = &error else {
        panic!("{error}");
    };
    let source = source.downcast_ref::<IndexError>().expect("of the index");
    assert!(
        matches!(source, IndexError::Unreachable { .. }),
        "{source:?}"
    );
    assert!(source.to_string().contains("can't be reached"), "{source}");

    // Started while the server is away, a search works once it is there.
    let late = search(
        world
            .open(&recipe(), Purpose::Search)
            .await
            .expect("opens without it"),
    );
    late.search(&flights()).await.expect_err("still away");
    world
        .open(&recipe(), Purpose::Ingest)
        .await
        .err()
        .expect("nothing can be written to it");

    line.mend();
    for again in [open, late] {
        assert_eq!(again.search(&flights()).await.expect("found").len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn search_without_its_server_says_so_and_comes_back_on_pgvector() {
    let world = World::on_pgvector().await;
    let IndexPlace::Pgvector(options) = &world.place else {
        panic!("made so");
    };
    let line = Line::to(server_of(options)).await;
    let mut world = world;
    world.close();
    lost_and_found(&line, at_the_end_of(&line, world).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn search_without_its_server_says_so_and_comes_back_on_qdrant() {
    let world = World::on_qdrant().await;
    let IndexPlace::Qdrant { server, .. } = &world.place else {
        panic!("made so");
    };
    let line = Line::to(server.address).await;
    lost_and_found(&line, at_the_end_of(&line, world).await).await;
}

/// What runs with the former model searches on until its index is removed.
async fn former_search_goes_on(mut world: World) {
    world.write("travel.md", "# Travel\n\nBook flights early.\n");
    world.ingest().await;
    world.close();
    let former = search(world.open(&recipe(), Purpose::Search).await.expect("opens"));
    assert_eq!(former.search(&flights()).await.expect("found").len(), 1);
    let other = IndexRecipe {
        embedder: "other".into(),
        ..recipe()
    };
    let next = world
        .open(&other, Purpose::Ingest)
        .await
        .expect("opens beside");
    next.take_over().await.expect("switched");
    drop(next);
    assert_eq!(former.search(&flights()).await.expect("found").len(), 1);
    // The next ingestion removes it; then the search names the remedy.
    drop(world.open(&other, Purpose::Ingest).await.expect("opens"));
    former.search(&flights()).await.expect_err("gone");
    let error = former.search(&flights()).await.expect_err("gone");
    let SearchError::Unavailable(source) = error else {
        panic!("{error}");
    };
    assert!(
        source.to_string().contains("run `lorekeeper ingest`"),
        "{source}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn search_with_the_former_model_goes_on_until_the_next_ingestion_on_pgvector() {
    former_search_goes_on(World::on_pgvector().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn search_with_the_former_model_goes_on_until_the_next_ingestion_on_qdrant() {
    former_search_goes_on(World::on_qdrant().await).await;
}
