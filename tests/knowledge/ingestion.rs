use super::world::{World, documents, on_every_index, recipe};
use lorekeeper::{
    domain::Access,
    knowledge::{EdgeIndex, FORMAT, IndexError, IndexRecipe, Purpose},
};

const TRAVEL: &str = "# Travel\n\nBook flights fourteen days ahead through the travel desk.\n";
const VPN: &str = "# VPN\n\nRestart the client when the tunnel drops.\n";

on_every_index! {
    async fn second_ingestion_changes_nothing(world: &mut World) {
        world.write("travel.md", TRAVEL);
        world.write(
            "tickets.jsonl",
            "{\"key\":\"REQ-1\",\"title\":\"Door stuck\",\"status\":\"open\"}\n",
        );
        let first = world.ingest().await;
        assert_eq!((first.added, first.unchanged, first.chunks), (2, 0, 2));
        let second = world.ingest().await;
        assert_eq!(
            (
                second.added,
                second.changed,
                second.unchanged,
                second.removed
            ),
            (0, 0, 2, 0)
        );
        assert_eq!(second.faults, Vec::<String>::new());
    }

    async fn changed_document_answers_with_its_new_text_only(world: &mut World) {
        world.write("travel.md", TRAVEL);
        world.ingest().await;
        world.write("travel.md", "# Travel\n\nBook flights thirty days ahead.\n");
        let report = world.ingest().await;
        assert_eq!((report.added, report.changed), (0, 1));
        let hits = world.find("how early must flights be booked").await;
        assert_eq!(hits.len(), 1, "{hits:?}");
        assert!(hits[0].text.contains("thirty days"));
    }

    async fn deleted_document_leaves_the_index(world: &mut World) {
        world.write("travel.md", TRAVEL);
        world.write("vpn.md", VPN);
        world.ingest().await;
        world.delete("travel.md");
        assert_eq!(world.ingest().await.removed, 1);
        assert_eq!(
            documents(&world.find("flights travel desk").await),
            ["vpn.md"]
        );
        assert!(
            world
                .document("travel.md", &Access::everyone())
                .await
                .is_empty()
        );
    }

    async fn unreadable_files_are_named_and_the_rest_is_ingested(world: &mut World) {
        world.limits.file_bytes = 1000;
        world.write("travel.md", TRAVEL);
        world.write("broken.md", "---\ntitle: open\nowner: [a\n---\ntext\n");
        world.write("latin.txt", b"fine line\nna\xefve\n");
        world.write("huge.md", "x".repeat(2000));
        world.write("tickets.jsonl", "{\"key\":\"REQ-1\",\"title\":\"Door\"}\n{\"key\":\n[1]\n{\"key\":\"REQ-2\",\"title\":\"Lift\"}\n");
        world.write("manual.odt", "%PDF");
        let report = world.ingest().await;
        assert_eq!(report.added, 3, "{report:?}");
        let check = |start: &str| {
            assert!(
                report.faults.iter().any(|fault| fault.contains(start)),
                "{start}: {:?}",
                report.faults
            );
        };
        check("broken.md:4: front matter is not YAML");
        check("latin.txt:2: is not UTF-8");
        check("huge.md: 2000 bytes, more than limits.file_bytes = 1000");
        check("tickets.jsonl:2: is not JSON");
        check("tickets.jsonl:3: is not a JSON object");
        check("1 files of the kind `.odt`");
    }

    async fn document_that_can_no_longer_be_read_keeps_its_last_version(world: &mut World) {
        world.write("travel.md", TRAVEL);
        world.ingest().await;
        world.write("travel.md", b"\xff\xfe");
        let report = world.ingest().await;
        assert_eq!((report.removed, report.faults.len()), (0, 1), "{report:?}");
        assert_eq!(documents(&world.find("flights").await), ["travel.md"]);
    }

    async fn two_records_of_one_id_are_told_apart(world: &mut World) {
        world.write("a.jsonl", "{\"id\":\"7\",\"text\":\"first\"}\n");
        world.write("b.jsonl", "{\"id\":\"7\",\"text\":\"second\"}\n");
        let report = world.ingest().await;
        assert_eq!((report.added, report.faults.len()), (1, 1), "{report:?}");
        assert!(
            report.faults[0].contains("a.jsonl already has one"),
            "{:?}",
            report.faults
        );
    }

    async fn reopened_index_finds_the_same(world: &mut World) {
        world.write("travel.md", TRAVEL);
        world.write("vpn.md", VPN);
        world.ingest().await;
        let before = world.find("tunnel drops").await;
        world.reopen().await;
        assert_eq!(world.find("tunnel drops").await, before);
        assert_eq!(world.ingest().await.unchanged, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn second_process_is_told_who_uses_the_folder() {
    let world = World::new();
    let Err(error) = EdgeIndex::open(&world.index_folder(), &recipe(), Purpose::Search) else {
        panic!("two may not hold one index");
    };
    let text = error.to_string();
    assert!(
        text.contains(&format!("pid {}", std::process::id())),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn index_of_an_older_version_is_refused_by_its_format() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let older = format!(
        r#"{{"embedder":"{}","dimension":{}}}"#,
        recipe().embedder,
        recipe().dimension
    );
    std::fs::write(folder.path().join("recipe.json"), older).expect("write");
    let Err(error) = EdgeIndex::open(folder.path(), &recipe(), Purpose::Search) else {
        panic!("passages of that index have no token vectors");
    };
    assert!(
        matches!(&error, IndexError::OtherFormat { was: 1, .. }),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn index_of_another_model_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let other = IndexRecipe {
        embedder: "other-model".into(),
        dimension: 4,
        format: FORMAT,
    };
    drop(EdgeIndex::open(folder.path(), &other, Purpose::Search).expect("new index"));
    let Err(error) = EdgeIndex::open(folder.path(), &recipe(), Purpose::Search) else {
        panic!("vectors of two models can't be compared");
    };
    assert!(
        matches!(&error, IndexError::OtherModel { was, .. } if was == "other-model"),
        "{error}"
    );
}
