//! Jira, cloud and server, through its REST API.

use super::world::{World, counts};
use crate::fakes::atlassian::jira::FakeJira;
use lorekeeper::remote::Remotes;
use serde_json::json;

fn config(jira: &FakeJira, secret: &str, more: &str) -> String {
    let is_cloud = jira.tracker().is_cloud;
    let auth = match is_cloud {
        true => format!("{{ kind = \"basic\", user = \"me@example.com\", secret = \"{secret}\" }}"),
        false => format!("{{ kind = \"bearer\", secret = \"{secret}\" }}"),
    };
    let edition = if is_cloud { "cloud" } else { "server" };
    format!(
        "[[source]]\nname = \"jira\"\ngroups = {{ Board = \"board\" }}\n\
         [source.jira]\nurl = \"{}\"\nedition = \"{edition}\"\nprojects = [\"OPS\"]\nauth = {auth}\n\
         networks = [\"127.0.0.0/8\"]\n{more}",
        jira.url()
    )
}

async fn jira(is_cloud: bool) -> FakeJira {
    let jira = FakeJira::start(is_cloud).await;
    let mut tracker = jira.tracker();
    tracker.put("OPS-1", "Printer jams on floor 3", 0, json!({}));
    tracker.put(
        "OPS-2",
        "Badge reader is dead",
        1,
        json!({"status": {"name": "Done"}, "assignee": {"displayName": "Ben Iwase"}}),
    );
    tracker.put(
        "OPS-3",
        "Layoffs in autumn",
        2,
        json!({"security": {"id": "7", "name": "Board"}}),
    );
    tracker.put(
        "OPS-4",
        "Merger",
        3,
        json!({"security": {"id": "8", "name": "Lawyers"}}),
    );
    tracker.put("HR-1", "Another project", 4, json!({}));
    drop(tracker);
    jira
}

#[tokio::test(flavor = "multi_thread")]
async fn attached_file_is_for_those_who_may_see_its_issue() {
    for is_cloud in [true, false] {
        let jira = jira(is_cloud).await;
        let file = |id: &str, name: &str| json!([{"id": id, "filename": name, "size": 30, "content": format!("{}/secure/attachment/{id}/{name}", jira.url())}]);
        for (key, level, n) in [("OPS-5", None, 5), ("OPS-6", Some("Board"), 6)] {
            let level = level.map(|name| json!({"id": "7", "name": name}));
            let more = json!({"security": level, "attachment": file(&n.to_string(), &format!("note{n}.txt"))});
            jira.tracker().put(key, "With a file", n, more);
        }
        let world = World::new(&config(&jira, "token", "attachments = true\n"));
        let report = world.ingest().await;
        assert_eq!(
            report.faults.len(),
            1,
            "the lawyers' issue alone: {:?}",
            report.faults
        );
        let all = |groups: &'static [&'static str]| {
            let world = &world;
            async move {
                let seen = world.seen_by(groups).await;
                seen.into_iter()
                    .filter(|id| id.contains("attachments"))
                    .collect::<Vec<_>>()
            }
        };
        assert_eq!(all(&[]).await, ["OPS-5/attachments/5"]);
        assert_eq!(
            all(&["board"]).await,
            ["OPS-5/attachments/5", "OPS-6/attachments/6"]
        );
        let hits = world.find("what does note5 say").await;
        assert!(
            hits.iter()
                .any(|hit| hit.text.contains("The file note5.txt says so.")),
            "{hits:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn issues_are_found_with_their_fields_and_comments() {
    for is_cloud in [true, false] {
        let jira = jira(is_cloud).await;
        for n in 1..=5 {
            jira.tracker().comment(
                "OPS-2",
                "Ada Obi",
                &format!("Look number {n} at the reader."),
                json!(null),
            );
        }
        jira.tracker().comment(
            "OPS-2",
            "Ada Obi",
            "The cause is a secret firing.",
            json!({"type": "role", "value": "Administrators"}),
        );
        let world = World::new(&config(&jira, "token", ""));
        let report = world.ingest().await;
        assert_eq!(counts(&report), [3, 0, 0, 0, 1], "{:?}", report.faults);
        let hit = &world.find("the badge reader does not work").await[0];
        assert_eq!(
            (hit.document.as_str(), hit.title.as_str()),
            ("OPS-2", "Badge reader is dead")
        );
        assert_eq!(hit.locator, format!("{}/browse/OPS-2", jira.url()));
        assert_eq!(hit.owner.as_deref(), Some("Ben Iwase"));
        assert_eq!(
            hit.date.map(|day| day.to_string()).as_deref(),
            Some("2026-05-02")
        );
        let texts: Vec<String> = world
            .find("reader")
            .await
            .into_iter()
            .map(|hit| hit.text)
            .collect();
        let text = texts.join("\n");
        assert!(
            text.contains("**Ada Obi, 2026-05-02:** Look number 5"),
            "{text}"
        );
        assert!(text.contains("OPS-2 · status: Done · type: Bug"), "{text}");
        assert!(!text.contains("secret firing"), "{text}");
        assert!(!text.contains("h2."), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn security_level_is_seen_by_its_group_alone() {
    for is_cloud in [true, false] {
        let jira = jira(is_cloud).await;
        let world = World::new(&config(&jira, "token", ""));
        let report = world.ingest().await;
        assert_eq!(world.seen_by(&[]).await, ["OPS-1", "OPS-2"]);
        assert_eq!(world.seen_by(&["board"]).await, ["OPS-1", "OPS-2", "OPS-3"]);
        assert_eq!(
            report.faults,
            [
                "jira: 1 document is left out, so that nobody sees more than they may: \
              they are restricted to `Lawyers`, which `groups` of the source does not name"
            ]
        );
        // A level that comes later takes the issue away from everybody else.
        jira.tracker().put(
            "OPS-1",
            "Printer jams",
            30,
            json!({"security": {"name": "Lawyers"}}),
        );
        jira.tracker()
            .put("OPS-2", "Badge reader", 31, json!({"security": "odd"}));
        let report = world.ingest().await;
        assert_eq!(report.removed, 2, "{report:?}");
        assert_eq!(world.seen_by(&["board"]).await, ["OPS-3"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn increments_read_what_changed_and_miss_what_was_deleted() {
    for is_cloud in [true, false] {
        let jira = jira(is_cloud).await;
        let world = World::new(&config(&jira, "token", ""));
        world.ingest().await;
        for n in 10..40 {
            jira.tracker()
                .put(&format!("OPS-{n}"), &format!("Case {n}"), 60 + n, json!({}));
        }
        assert_eq!(counts(&world.ingest().await), [30, 0, 3, 0, 1]);
        jira.tracker()
            .put("OPS-20", "Another title", 200, json!({}));
        jira.tracker().remove("OPS-1");
        // The newest of the last run is read again: a search index may lag.
        let report = world.ingest().await;
        assert_eq!(counts(&report), [0, 1, 6, 1, 0], "{report:?}");
        assert_eq!(world.seen_by(&[]).await.len(), 31);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_read() {
    for is_cloud in [true, false] {
        let jira = jira(is_cloud).await;
        jira.tracker().page = 7;
        for n in 10..60 {
            jira.tracker()
                .put(&format!("OPS-{n}"), &format!("Case {n}"), n, json!({}));
        }
        let world = World::new(&config(&jira, "token", ""));
        assert_eq!(counts(&world.dry_run().await), [53, 0, 0, 0, 1]);
    }
}

/// A page that moved under a server's `startAt` would hide an issue for ever.
#[tokio::test(flavor = "multi_thread")]
async fn issue_that_changes_while_pages_are_read_hides_no_other() {
    for is_cloud in [true, false] {
        let jira = jira(is_cloud).await;
        jira.tracker().page = 3;
        for n in 10..20 {
            jira.tracker()
                .put(&format!("OPS-{n}"), &format!("Case {n}"), n, json!({}));
        }
        jira.tracker().then_touch = Some(("OPS-1".into(), 500));
        let world = World::new(&config(&jira, "token", ""));
        let report = world.ingest().await;
        assert_eq!(report.faults.len(), 1, "{:?}", report.faults);
        assert_eq!(world.seen_by(&["board"]).await.len(), 13);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn busy_service_is_waited_for_as_long_as_it_asks() {
    let jira = jira(true).await;
    let world = World::new(&config(&jira, "token", ""));
    jira.tracker().faults = [
        (429, Some("17")),
        (503, Some("3")),
        (500, None),
        (502, None),
    ]
    .into();
    assert_eq!(counts(&world.ingest().await)[0], 3);
    assert_eq!(world.clock.pauses(), [17, 3, 4, 8]);
    jira.tracker().faults = vec![(503, None); 6].into();
    let report = world.ingest().await;
    assert_eq!(counts(&report), [0; 5]);
    assert!(
        report.faults[0].starts_with("jira: did not answer (6 of 6 attempts)"),
        "{:?}",
        report.faults
    );
    assert_eq!(world.clock.pauses(), [1, 2, 4, 8, 16]);
    jira.tracker().faults = [(429, Some("4000"))].into();
    let report = world.ingest().await;
    assert!(
        report.faults[0].contains("left alone for 4000 s"),
        "{:?}",
        report.faults
    );
    assert_eq!(world.seen_by(&[]).await, ["OPS-1", "OPS-2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_goes_on_where_the_service_broke_off() {
    for is_cloud in [true, false] {
        let jira = jira(is_cloud).await;
        jira.tracker().page = 10;
        for n in 10..40 {
            jira.tracker()
                .put(&format!("OPS-{n}"), &format!("Case {n}"), 10 * n, json!({}));
        }
        let world = World::new(&config(&jira, "token", ""));
        // `myself` and one page, then nothing more.
        jira.tracker().breaks_after = Some(2);
        let first = world.ingest().await;
        assert!(counts(&first)[0] > 0 && counts(&first)[0] < 33, "{first:?}");
        assert!(
            first.faults.iter().any(|fault| fault.contains("401")),
            "{:?}",
            first.faults
        );
        let second = world.ingest().await;
        assert_eq!(counts(&first)[0] + counts(&second)[0], 33, "{second:?}");
        // What was stored is not read again, but for the minutes of the overlap.
        assert!(counts(&second)[2] <= 1, "{second:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_secret_deletes_nothing() {
    for is_cloud in [true, false] {
        let jira = jira(is_cloud).await;
        let mut world = World::new(&config(&jira, "token", ""));
        world.ingest().await;
        let other: lorekeeper::config::Config =
            toml::from_str(&config(&jira, "wrong-secret", "")).expect("is a configuration");
        world.config = other;
        let report = world.ingest().await;
        assert_eq!(counts(&report), [0; 5]);
        assert!(
            report.faults[0].contains("status 401"),
            "{:?}",
            report.faults
        );
        assert!(!report.faults[0].contains("wrong-secret"));
        assert_eq!(world.seen_by(&[]).await.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_said_and_nothing_is_deleted() {
    let jira = jira(true).await;
    let mut world = World::new(&config(&jira, "token", ""));
    world.ingest().await;
    let check = async |world: &World, expected: &str| {
        let report = world.ingest().await;
        assert_eq!(report.removed, 0);
        assert!(report.faults[0].contains(expected), "{:?}", report.faults);
    };
    let text = config(&jira, "token", "").replace("\"OPS\"", "\"NOPE\"");
    world.config = toml::from_str(&text).expect("is a configuration");
    check(&world, "status 400 Bad Request): check the keys").await;
    let text = config(&jira, "token", "").replace("\"cloud\"", "\"server\"");
    world.config = toml::from_str(&text).expect("is a configuration");
    check(&world, "is `url` the address of a Jira").await;
    let text = config(&jira, "token", "").replace("networks = [\"127.0.0.0/8\"]\n", "");
    world.config = toml::from_str(&text).expect("is a configuration");
    check(&world, "not public").await;
    world.config = toml::from_str(&config(&jira, "token", "")).expect("is a configuration");
    jira.tracker().faults = [(403, None)].into();
    check(&world, "status 403").await;
    jira.tracker().elsewhere = Some("http://127.0.0.1:9/rest".into());
    check(&world, "leads to a place that is not allowed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_asks_once_and_says_what_is_wrong() {
    let jira = jira(true).await;
    let world = World::new(&config(&jira, "token", ""));
    let remotes = Remotes::new(&world.config).with_clock(world.clock.clone());
    let source = &world.config.sources[0];
    assert!(remotes.check(source).await.is_ok());
    jira.tracker().faults = [(503, None), (401, None)].into();
    let down = remotes
        .check(source)
        .await
        .map_err(|error| error.to_string());
    assert_eq!(down, Err("did not answer (1 of 1 attempts)".into()));
    let refused = remotes
        .check(source)
        .await
        .map_err(|error| error.to_string());
    let expected = "does not accept the secret of `auth` (status 401)";
    assert_eq!(refused, Err(expected.into()));
    assert!(world.clock.pauses().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn dry_run_writes_neither_documents_nor_cursor() {
    let jira = jira(true).await;
    let world = World::new(&config(&jira, "token", ""));
    assert_eq!(counts(&world.dry_run().await), [3, 0, 0, 0, 1]);
    assert_eq!(counts(&world.dry_run().await), [3, 0, 0, 0, 1]);
    assert!(world.seen_by(&["board"]).await.is_empty());
}
