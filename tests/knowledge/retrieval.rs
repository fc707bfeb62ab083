use super::world::{World, documents, embedder, on_every_index};
use lorekeeper::{
    domain::{Access, SourceKind},
    ports::{Embedder, TextRole},
};

on_every_index! {
    async fn restricted_passage_is_found_by_its_group_alone(world: &mut World) {
        world.write("open.md", "# Bonus\n\nBonuses are paid in March.\n");
        world.write(
            "secret.md",
            "---\naudience: [finance]\n---\n# Bonus pool\n\nThe bonus pool is nine millions.\n",
        );
        world.ingest().await;
        let finance = Access::member_of(["finance"]);
        assert_eq!(
            documents(&world.find("how large is the bonus pool").await),
            ["open.md"]
        );
        assert_eq!(
            documents(&world.find_as("how large is the bonus pool", &finance).await),
            ["secret.md", "open.md"]
        );
        assert!(
            world
                .document("secret.md", &Access::everyone())
                .await
                .is_empty()
        );
        assert_eq!(world.document("secret.md", &finance).await.len(), 1);
    }

    async fn id_and_error_code_are_found_exactly(world: &mut World) {
        let tickets: String = (1200..1260)
            .map(|n| format!("{{\"key\":\"REQ-{n}\",\"title\":\"VPN fails\",\"text\":\"Client shows E-{}.\",\"status\":\"open\"}}\n", n + 2800))
            .collect();
        world.write("tickets.jsonl", tickets);
        world.ingest().await;
        assert_eq!(
            world.find("REQ-1234").await[0].document.as_str(),
            "REQ-1234"
        );
        assert_eq!(
            world.find("what about req-1217?").await[0]
                .document
                .as_str(),
            "REQ-1217"
        );
        let hit = &world.find("E-4012").await[0];
        assert_eq!(
            (hit.document.as_str(), hit.kind),
            ("REQ-1212", SourceKind::Tickets)
        );
        assert!(
            hit.text.starts_with("REQ-1212 · status: open"),
            "{}",
            hit.text
        );
        assert_eq!(
            world.document("req-1234", &Access::everyone()).await.len(),
            1
        );
    }

    async fn replaced_page_comes_after_the_newer_one(world: &mut World) {
        world.write(
            "travel-2022.md",
            "# Travel allowance\n\nThe daily travel allowance is 30 euros.\n",
        );
        world.write("travel.md", "---\nsupersedes: travel-2022.md\n---\n# Travel money\n\nWe pay 45 euros each day on the road.\n");
        world.ingest().await;
        let hits = world.find("daily travel allowance").await;
        assert_eq!(documents(&hits), ["travel.md", "travel-2022.md"]);
        assert_eq!(
            hits.iter().map(|hit| hit.superseded).collect::<Vec<_>>(),
            [false, true]
        );
        world.delete("travel.md");
        world.ingest().await;
        assert!(!world.find("daily travel allowance").await[0].superseded);
    }

    async fn passage_that_two_pages_repeat_is_returned_once(world: &mut World) {
        let text = "Everybody who leaves the building after ten in the evening signs the sheet at the door, switches the \
            lights off, and calls the guard, whose number is written beside the telephone in the hall.\n";
        world.write("a.md", format!("# Closing\n\n{text}"));
        world.write("b.md", format!("# Closing\n\n{text}"));
        assert_eq!(world.ingest().await.merged, 1);
        assert_eq!(world.find("who calls the guard").await.len(), 1);
    }

    async fn question_without_words_finds_nothing_and_breaks_nothing(world: &mut World) {
        world.write("a.md", "# A\n\ntext\n");
        world.ingest().await;
        assert!(world.find("   ").await.is_empty());
        world.find("the of and").await;
        world.find("\u{0}\u{fffd} 🙂 \"; DROP").await;
        world.find(&"long ".repeat(50_000)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn vectors_have_length_one_and_keep_the_order_of_the_texts() {
    let texts: Vec<String> = [
        "a much longer text about travel and leave",
        "refund",
        "money back",
    ]
    .map(Into::into)
    .to_vec();
    let vectors = embedder()
        .embed(texts.clone(), TextRole::Passage)
        .await
        .expect("embedded");
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    for (text, vector) in texts.iter().zip(&vectors) {
        let alone = embedder()
            .embed(vec![text.clone()], TextRole::Passage)
            .await
            .expect("embedded");
        assert!((dot(vector, vector) - 1.0).abs() < 1e-4);
        // Eight-bit products are scaled a batch at a time, so the neighbours move a vector a little.
        assert!(dot(vector, &alone[0]) > 0.97, "{text}");
    }
    assert!(dot(&vectors[1], &vectors[2]) > dot(&vectors[1], &vectors[0]));
}
