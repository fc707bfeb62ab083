//! Confluence, cloud and server, through its REST API.

use super::world::{World, counts};
use crate::fakes::atlassian::confluence::FakeConfluence;

fn config(confluence: &FakeConfluence, secret: &str) -> String {
    let is_cloud = confluence.wiki().is_cloud;
    let auth = match is_cloud {
        true => format!("{{ kind = \"basic\", user = \"me@example.com\", secret = \"{secret}\" }}"),
        false => format!("{{ kind = \"bearer\", secret = \"{secret}\" }}"),
    };
    let edition = if is_cloud { "cloud" } else { "server" };
    format!(
        "[[source]]\nname = \"wiki\"\ngroups = {{ Board = \"board\", Staff = \"staff\", ada = \"board\" }}\n\
         [source.confluence]\nurl = \"{}\"\nedition = \"{edition}\"\nspaces = [\"OPS\"]\nauth = {auth}\n\
         networks = [\"127.0.0.0/8\"]\n",
        confluence.url()
    )
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

async fn confluence(is_cloud: bool) -> FakeConfluence {
    let confluence = FakeConfluence::start(is_cloud).await;
    let mut wiki = confluence.wiki();
    wiki.put(101, "Heron gateway", "<h2>Reset</h2><p>Hold <strong>reset</strong> for 5 s.</p>\
        <ac:structured-macro ac:name=\"code\"><ac:plain-text-body><![CDATA[heron reset --now]]></ac:plain-text-body></ac:structured-macro>", 1);
    wiki.put(102, "Merger", "<p>The merger closes in June.</p>", 2)
        .viewers = Some((owned(&["Board"]), owned(&["ada"])));
    wiki.put(103, "Terms of the merger", "<p>Nine millions.</p>", 3)
        .parent = Some(102);
    wiki.put(104, "Closed", "<p>Whose is this?</p>", 4)
        .is_closed = true;
    wiki.put(105, "Below closed", "<p>Who may see this?</p>", 5)
        .parent = Some(104);
    wiki.put(106, "Lawyers", "<p>For lawyers.</p>", 6).viewers =
        Some((owned(&["Lawyers"]), Vec::new()));
    wiki.put(107, "Handbook of people", "<p>Elsewhere.</p>", 7)
        .space = "HR".into();
    drop(wiki);
    confluence
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_found_with_their_structure_and_facts() {
    for is_cloud in [true, false] {
        let confluence = confluence(is_cloud).await;
        let world = World::new(&config(&confluence, "token"));
        let report = world.ingest().await;
        assert_eq!(counts(&report), [3, 0, 0, 0, 3], "{:?}", report.faults);
        let hit = &world.find("how do I reset the heron").await[0];
        assert_eq!(
            (
                hit.document.as_str(),
                hit.title.as_str(),
                hit.section.as_str()
            ),
            ("101", "Heron gateway", "Reset")
        );
        assert!(
            hit.text.contains("space: OPS · version: 1 · labels: howto"),
            "{}",
            hit.text
        );
        assert!(hit.text.contains("Hold **reset** for 5 s."), "{}", hit.text);
        assert!(hit.text.contains("heron reset --now"), "{}", hit.text);
        assert_eq!(hit.owner.as_deref(), Some("Mara Olsen"));
        assert_eq!(
            hit.date.map(|day| day.to_string()).as_deref(),
            Some("2026-05-02")
        );
        let link = if is_cloud {
            "/wiki/spaces/OPS/pages/101"
        } else {
            "/display/OPS/101"
        };
        assert_eq!(hit.locator, format!("{}{link}", confluence.url()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn comments_belong_to_their_page_and_to_those_who_may_view_it() {
    for is_cloud in [true, false] {
        let confluence = confluence(is_cloud).await;
        let said = |text: &str| format!("<p>{text}</p>");
        confluence.wiki().page(101).comments = vec![(
            said("Does it lose its <strong>pairing</strong>?"),
            vec![said("No, it stays paired.")],
        )];
        confluence.wiki().page(102).comments = vec![(said("Not before July."), Vec::new())];
        let plain = World::new(&config(&confluence, "token"));
        plain.ingest().await;
        let told = async |world: &World, groups: &[&str]| {
            let hits = world.find_as("pairing or July", groups).await;
            hits.into_iter().map(|hit| hit.text).collect::<String>()
        };
        assert!(!told(&plain, &["board"]).await.contains("stays paired"));
        let asked = config(&confluence, "token").replace("spaces =", "comments = true\nspaces =");
        let world = World::new(&asked);
        let report = world.ingest().await;
        assert_eq!(counts(&report), [3, 0, 0, 0, 3], "{:?}", report.faults);
        let everyone = told(&world, &[]).await;
        let author = if is_cloud { "Mara Olsen" } else { "Ben Iwase" };
        for words in [
            "**pairing**?",
            &format!("**{author}, 2026-05-03:** No, it stays paired."),
        ] {
            assert!(everyone.contains(words), "{words}: {everyone}");
        }
        assert!(!everyone.contains("July"), "{everyone}");
        assert!(told(&world, &["board"]).await.contains("Not before July."));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attached_file_is_for_those_who_may_view_its_page_and_goes_with_it() {
    for is_cloud in [true, false] {
        let confluence = confluence(is_cloud).await;
        let memo = include_bytes!("../fixtures/documents/memo.docx").to_vec();
        let file = |name: &str, text: &str| (name.to_string(), text.as_bytes().to_vec());
        confluence.wiki().page(101).files = vec![
            ("memo.docx".into(), memo),
            ("broken.docx".into(), b"no zip".to_vec()),
            file("photo.png", "any"),
        ];
        confluence.wiki().page(102).files = vec![file(
            "price.md",
            "The price of the merger is nine millions.",
        )];
        let asked =
            config(&confluence, "token").replace("spaces =", "attachments = true\nspaces =");
        let world = World::new(&asked);
        let report = world.ingest().await;
        assert_eq!(counts(&report), [5, 0, 0, 0, 3], "{:?}", report.faults);
        assert!(
            report
                .faults
                .iter()
                .any(|fault| fault.starts_with("broken.docx of 101: ")),
            "{:?}",
            report.faults
        );
        let memo = "101/attachments/att-memo.docx";
        let price = "102/attachments/att-price.md";
        assert_eq!(world.seen_by(&[]).await, ["101", memo]);
        assert_eq!(
            world.seen_by(&["board"]).await,
            ["101", memo, "102", price, "103"]
        );
        let hits = world.find("who is told of a lost key").await;
        assert_eq!(hits[0].title, "memo.docx (Heron gateway)");

        // Another page changes: what is attached elsewhere stays.
        confluence
            .wiki()
            .put(103, "Terms of the merger", "<p>Ten millions.</p>", 400);
        let report = world.ingest().await;
        assert_eq!(
            (report.removed, report.changed),
            (0, 1),
            "{:?}",
            report.faults
        );
        assert_eq!(world.seen_by(&[]).await, ["101", memo]);

        confluence.wiki().page(101).viewers = Some((owned(&["Board"]), Vec::new()));
        confluence.wiki().remove(102);
        confluence.wiki().remove(103);
        world.a_day_later();
        world.ingest().await;
        assert_eq!(world.seen_by(&[]).await, Vec::<String>::new());
        assert_eq!(world.seen_by(&["board"]).await, ["101", memo]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn page_is_seen_by_those_whom_it_and_all_above_let_in() {
    for is_cloud in [true, false] {
        let confluence = confluence(is_cloud).await;
        confluence
            .wiki()
            .put(108, "Board and staff", "<p>No one is both.</p>", 8)
            .parent = Some(102);
        confluence.wiki().page(108).viewers = Some((owned(&["Staff"]), Vec::new()));
        let world = World::new(&config(&confluence, "token"));
        let report = world.ingest().await;
        assert_eq!(world.seen_by(&[]).await, ["101"]);
        assert_eq!(world.seen_by(&["staff"]).await, ["101"]);
        assert_eq!(
            world.seen_by(&["board", "staff"]).await,
            ["101", "102", "103"]
        );
        let begin = "wiki: 2 documents are left out, so that nobody sees more than they may: ";
        assert!(
            report
                .faults
                .contains(&format!("{begin}their restrictions can't be read")),
            "{:?}",
            report.faults
        );
        let all = report.faults.join("\n");
        assert!(all.contains("restricted to `Lawyers`"), "{all}");
        assert!(all.contains("no group satisfies all"), "{all}");
        assert_eq!(report.withheld, 4);
    }
}

/// Changing who may view a page does not change the page.
#[tokio::test(flavor = "multi_thread")]
async fn changed_restrictions_take_effect_when_everything_is_read() {
    for is_cloud in [true, false] {
        let confluence = confluence(is_cloud).await;
        // Pages of today hide those of the increments' overlap.
        confluence.wiki().put(120, "Of today", "<p>News.</p>", 60);
        let world = World::new(&config(&confluence, "token"));
        world.ingest().await;
        confluence.wiki().page(101).viewers = Some((owned(&["Lawyers"]), Vec::new()));
        confluence.wiki().page(102).viewers = Some((owned(&["Staff"]), Vec::new()));
        assert_eq!(counts(&world.ingest().await)[..4], [0, 0, 1, 0]);
        assert_eq!(
            world.seen_by(&["board"]).await,
            ["101", "102", "103", "120"]
        );
        world.a_day_later();
        assert_eq!(counts(&world.ingest().await)[..4], [0, 2, 1, 1]);
        assert_eq!(world.seen_by(&["board"]).await, ["120"]);
        assert_eq!(world.seen_by(&["staff"]).await, ["102", "103", "120"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn increments_read_what_changed_and_miss_what_was_deleted() {
    for is_cloud in [true, false] {
        let confluence = confluence(is_cloud).await;
        let world = World::new(&config(&confluence, "token"));
        world.ingest().await;
        confluence
            .wiki()
            .put(110, "Lift", "<p>The lift is repaired on Mondays.</p>", 70);
        assert_eq!(counts(&world.ingest().await)[0], 1);
        confluence
            .wiki()
            .put(110, "Lift", "<p>The lift is repaired on Fridays.</p>", 90);
        confluence.wiki().remove(101);
        let report = world.ingest().await;
        assert_eq!(counts(&report), [0, 1, 0, 1, 0], "{:?}", report);
        let hits = world.find("when is the lift repaired").await;
        assert!(
            hits[0].text.contains("Fridays") && hits[0].text.contains("version: 2"),
            "{hits:?}"
        );
        assert_eq!(world.seen_by(&["board"]).await, ["102", "103", "110"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_every_list_is_read() {
    for is_cloud in [true, false] {
        let confluence = confluence(is_cloud).await;
        confluence.wiki().limit = 7;
        for n in 200..260 {
            confluence
                .wiki()
                .put(n, &format!("Page {n}"), "<p>Words.</p>", 20 + n as i64);
        }
        let world = World::new(&config(&confluence, "token"));
        assert_eq!(counts(&world.ingest().await), [63, 0, 0, 0, 3]);
        assert_eq!(world.ingest().await.removed, 0);
        confluence.wiki().remove(230);
        assert_eq!(world.ingest().await.removed, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stranger_deletes_nothing() {
    for is_cloud in [true, false] {
        let confluence = confluence(is_cloud).await;
        let mut world = World::new(&config(&confluence, "token"));
        world.ingest().await;
        let check = async |world: &World, expected: &str| {
            let report = world.ingest().await;
            assert_eq!(counts(&report)[3], 0);
            assert!(report.faults[0].contains(expected), "{:?}", report.faults);
        };
        world.config = toml::from_str(&config(&confluence, "wrong")).expect("is a configuration");
        check(&world, "does not know this account").await;
        let other = config(&confluence, "token").replace("\"OPS\"", "\"NOPE\"");
        world.config = toml::from_str(&other).expect("is a configuration");
        if is_cloud {
            check(&world, "no space `NOPE`").await;
        }
        world.config = toml::from_str(&config(&confluence, "token")).expect("is a configuration");
        confluence.wiki().faults = vec![(503, None); 6].into();
        check(&world, "did not answer (6 of 6 attempts)").await;
        assert_eq!(world.seen_by(&["board"]).await.len(), 3);
    }
}
