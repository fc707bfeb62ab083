//! Slack exports, as folders and as zip files.

use super::world::{World, counts};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io::Write,
    path::Path,
};
use zip::{ZipWriter, write::SimpleFileOptions};

fn files() -> Vec<(&'static str, Value)> {
    let said = |ts: &str, user: &str, text: &str| json!({"type": "message", "ts": ts, "user": user, "text": text});
    let answer = |root: &str, ts: &str, user: &str, text: &str| json!({"type": "message", "ts": ts, "thread_ts": root, "user": user, "text": text});
    let root = "1777716000.000100";
    vec![
        (
            "users.json",
            json!([
                {"id": "U1", "name": "mara", "profile": {"real_name": "Mara Olsen"}},
                {"id": "U2", "name": "ben", "profile": {"real_name": "", "display_name": "Ben"}},
                {"id": "U3", "name": "deploybot", "is_bot": true, "profile": {}},
            ]),
        ),
        (
            "channels.json",
            json!([
                {"id": "C1", "name": "ops", "members": ["U1", "U2"]},
                {"id": "C2", "name": "random", "members": ["U1"]},
            ]),
        ),
        (
            "groups.json",
            json!([
                {"id": "G1", "name": "board", "members": ["U1"]},
                {"id": "G2", "name": "left-alone", "members": []},
            ]),
        ),
        ("dms.json", json!([{"id": "D1", "members": ["U1", "U2"]}])),
        (
            "D1/2026-05-02.json",
            json!([said(
                "1777716000.000001",
                "U1",
                "A private word about the salary."
            )]),
        ),
        (
            "ops/2026-05-02.json",
            json!([
                answer(root, root, "U1", "How do we reset the <https://wiki.example/heron|Heron gateway>, <@U2>?"),
                {"type": "message", "subtype": "channel_join", "ts": "1777716001.000100", "user": "U2", "text": "<@U2> has joined the channel"},
                {"type": "message", "subtype": "bot_message", "bot_id": "B1", "ts": "1777716002.000100", "text": "Deployed gateway 7"},
                said("1777716003.000100", "U3", "Gateway is green"),
                said("1777716010.000100", "U2", "Lunch at noon?"),
            ]),
        ),
        (
            "ops/2026-05-03.json",
            json!([answer(
                root,
                "1777802400.000200",
                "U2",
                "Hold reset for 5 s &amp; wait for the blue light."
            ),]),
        ),
        (
            "random/2026-05-02.json",
            json!([said("1777716020.000100", "U1", "The cat sleeps.")]),
        ),
        (
            "board/2026-05-02.json",
            json!([said(
                "1777716030.000100",
                "U1",
                "The merger closes in June."
            )]),
        ),
        (
            "left-alone/2026-05-02.json",
            json!([said("1777716040.000100", "U1", "Nobody reads this.")]),
        ),
    ]
}

fn write_folder(folder: &Path) {
    for (name, value) in files() {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("lies in a folder")).expect("a folder");
        fs::write(path, value.to_string()).expect("written");
    }
}

fn write_zip(path: &Path) {
    let mut zip = ZipWriter::new(File::create(path).expect("a file"));
    for (name, value) in files() {
        zip.start_file(name, SimpleFileOptions::default())
            .expect("an entry");
        zip.write_all(value.to_string().as_bytes())
            .expect("written");
    }
    zip.finish().expect("a zip file");
}

fn config(path: &Path, more: &str) -> String {
    format!(
        "[[source]]\nname = \"chat\"\n[source.slack_export]\npath = \"{}\"\n\
         url = \"https://example.slack.com\"\n{more}",
        path.display()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_and_days_of_an_export_become_documents() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_folder(folder.path());
    let zip = folder.path().join("export.zip");
    write_zip(&zip);
    for path in [folder.path(), &zip] {
        let world = World::new(&config(path, ""));
        let report = world.ingest().await;
        assert_eq!(counts(&report), [4, 0, 0, 0, 1], "{report:?}");
        let hit = &world.find("how to reset the heron gateway").await[0];
        assert_eq!(hit.document.as_str(), "C1/p1777716000000100");
        assert_eq!(
            hit.locator,
            "https://example.slack.com/archives/C1/p1777716000000100"
        );
        assert_eq!(hit.title, "How do we reset the Heron gateway, @Ben?");
        assert!(
            hit.text.contains("**Mara Olsen, 10:00:** How do we reset"),
            "{}",
            hit.text
        );
        assert!(
            hit.text
                .contains("**Ben, 10:00:** Hold reset for 5 s & wait"),
            "{}",
            hit.text
        );
        assert_eq!(
            hit.date.map(|day| day.to_string()).as_deref(),
            Some("2026-05-03")
        );
        let day = &world.find("lunch").await[0];
        assert_eq!(day.title, "#ops, 2026-05-02");
        for left_out in ["Deployed", "joined", "green", "salary"] {
            let hits = world.find_as(left_out, &["slack:U1", "slack:U2"]).await;
            assert!(
                hits.iter().all(|hit| !hit.text.contains(left_out)),
                "{left_out}"
            );
        }
        assert_eq!(counts(&world.ingest().await), [0, 0, 4, 0, 1]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn private_channel_is_seen_by_its_members_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_folder(folder.path());
    let world = World::new(&config(folder.path(), ""));
    world.ingest().await;
    let public = ["C1/2026-05-02", "C1/p1777716000000100", "C2/2026-05-02"];
    assert_eq!(world.seen_by(&[]).await, public);
    assert_eq!(world.seen_by(&["slack:U2"]).await, public);
    assert_eq!(world.seen_by(&["slack:U1"]).await.len(), 4);
    // Whoever left the channel does not see it after the next export.
    fs::write(
        folder.path().join("groups.json"),
        r#"[{"id": "G1", "name": "board", "members": ["U2"]}]"#,
    )
    .expect("written");
    assert_eq!(world.ingest().await.changed, 1);
    assert_eq!(world.seen_by(&["slack:U1"]).await, public);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_channels_that_are_named_are_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_folder(folder.path());
    let world = World::new(&config(folder.path(), "channels = [\"random\"]\n"));
    assert_eq!(counts(&world.ingest().await), [1, 0, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn export_is_not_read_as_a_folder_of_files() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_folder(folder.path());
    let world = World::new(&format!(
        "[[source]]\nname = \"chat\"\npath = \"{}\"\n",
        folder.path().display()
    ));
    let report = world.ingest().await;
    assert_eq!(counts(&report), [0; 5]);
    assert!(
        report.faults[0].contains("[source.slack_export]"),
        "{:?}",
        report.faults
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_day_keeps_its_channel_as_it_was() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_folder(folder.path());
    let world = World::new(&config(folder.path(), ""));
    world.ingest().await;
    fs::write(folder.path().join("ops/2026-05-03.json"), "[{").expect("written");
    let report = world.ingest().await;
    assert_eq!((report.removed, report.faults.len()), (0, 2), "{report:?}");
    fs::write(folder.path().join("channels.json"), "[{").expect("written");
    let report = world.ingest().await;
    assert_eq!((report.removed, report.faults.len()), (0, 1), "{report:?}");
}
