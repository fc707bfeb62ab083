use super::world::{World, documents, embedder, on_every_index};
use lorekeeper::{
    config::SourceEntry,
    domain::{Access, SourceKind},
    ingest::{Unwatched, synchronise},
    ports::{Embedder, Hit, TextRole},
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

    async fn page_that_two_sources_have_is_found_once_with_the_places_that_the_asker_may_see(world: &mut World) {
        let text = "The guard of the Utrecht office is called by whoever leaves after 22:00; the number is 4417, \
            and the sheet at the door is signed.\n";
        world.write("git/closing.md", format!("# Closing\n\n{text}"));
        world.write("wiki/closing.md", format!("---\naudience: [finance]\n---\n# Closing time\n\n{text}"));
        world.write("wiki/almelo.md", format!("# Closing\n\n{}", text.replace("Utrecht", "Almelo")));
        let sources = ["git", "wiki"].map(|name| SourceEntry {
            path: world.docs().join(name),
            ..world.source(name)
        });
        let ingestor = world.ingestor(world.index());
        synchronise(&ingestor, &sources, &Unwatched).await.expect("ingested");
        let places = async |access: &Access| {
            let hits = world.find_as("who calls the guard of the Utrecht office", access).await;
            let of = |hit: &Hit| {
                let copies = hit.copies.iter().map(|copy| copy.source.clone());
                let mut places: Vec<String> = copies.chain([hit.source.clone()]).collect();
                places.sort();
                (hit.document.as_str().to_string(), places.join(" "))
            };
            let mut places: Vec<_> = hits.iter().map(of).collect();
            places.sort();
            places
        };
        let almelo = || ("almelo.md".to_string(), "wiki".to_string());
        let closing = |places: &str| ("closing.md".to_string(), places.to_string());
        assert_eq!(places(&Access::everyone()).await, [almelo(), closing("git")]);
        assert_eq!(places(&Access::member_of(["finance"])).await, [almelo(), closing("git wiki")]);
    }

    async fn ticket_that_two_exports_have_is_found_once_and_two_alike_are_two(world: &mut World) {
        let record = |key: &str| format!(
            "{{\"key\":\"{key}\",\"title\":\"Door stuck\",\"text\":\"The back door of the workshop does not open since this morning.\"}}\n"
        );
        world.write("old/tickets.jsonl", record("REQ-1"));
        world.write("new/tickets.jsonl", record("REQ-1") + &record("REQ-2"));
        let sources = ["old", "new"].map(|name| SourceEntry {
            path: world.docs().join(name),
            kind: Some(SourceKind::Tickets),
            ..world.source(name)
        });
        let ingestor = world.ingestor(world.index());
        synchronise(&ingestor, &sources, &Unwatched).await.expect("ingested");
        let hits = world.find("back door does not open").await;
        let mut found = documents(&hits);
        found.sort_unstable();
        assert_eq!(found, ["REQ-1", "REQ-2"]);
        assert_eq!(hits.iter().map(|hit| hit.copies.len()).sum::<usize>(), 1);
    }

    async fn page_that_says_it_no_longer_holds_comes_after_the_one_that_does(world: &mut World) {
        world.write("money-2022.md", "---\nsuperseded_by: money.md\n---\n# Travel money of 2022\n\nThe daily travel allowance is 30 euros.\n");
        world.write("money.md", "# Travel money\n\nWe pay 45 euros each day on the road.\n");
        world.write("parking.md", "---\nstatus: Deprecated\n---\n# Parking\n\nA parking permit costs 12 euros a month.\n");
        world.ingest().await;
        let hits = world.find("what is the daily travel allowance").await;
        let order = documents(&hits);
        let place = |name: &str| order.iter().position(|document| *document == name);
        assert!(place("money.md") < place("money-2022.md"), "{order:?}");
        let over = |name: &str| hits.iter().any(|hit| hit.document.as_str() == name && hit.superseded);
        assert!(over("money-2022.md") && over("parking.md") && !over("money.md"));
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
