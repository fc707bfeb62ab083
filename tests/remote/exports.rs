//! What Jira and Confluence export.

use super::world::{World, counts};
use std::{fs, fs::File, io::Write, path::Path};
use zip::{ZipWriter, write::SimpleFileOptions};

const ISSUES: &str = "Summary,Issue key,Issue Type,Status,Priority,Assignee,Reporter,Created,Updated,Labels,Labels,Description,Security Level,Comment,Comment\n\
Printer jams,OPS-1,Bug,Open,High,Ben Iwase,Mara Olsen,01/May/26 9:00 AM,02/May/26 10:07 PM,hardware,floor3,\"h2. Case\nThe printer on *floor 3* jams, \"\"daily\"\".\",,02/May/26 10:08 PM;mara;The tray is bent.,\n\
Layoffs,OPS-2,Task,Open,Low,,Mara Olsen,01/May/26 9:00 AM,02/May/26 10:07 PM,,,In autumn.,Board,,\n\
Merger,OPS-3,Task,Open,Low,,Mara Olsen,01/May/26 9:00 AM,02/May/26 10:07 PM,,,In June.,Lawyers,,\n";

fn jira(export: &Path, more: &str) -> World {
    World::new(&format!(
        "[[source]]\nname = \"jira\"\ngroups = {{ Board = \"board\" }}\n\
         [source.jira]\nexport = \"{}\"\nurl = \"https://jira.example.com/\"\n{more}",
        export.display()
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn issues_of_an_export_keep_their_levels() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let export = folder.path().join("issues.csv");
    fs::write(&export, ISSUES).expect("written");
    let world = jira(&export, "");
    assert_eq!(counts(&world.ingest().await), [2, 0, 0, 0, 1]);
    assert_eq!(world.seen_by(&[]).await, ["OPS-1"]);
    assert_eq!(world.seen_by(&["board"]).await, ["OPS-1", "OPS-2"]);
    let hit = &world.find("which printer jams").await[0];
    assert_eq!(hit.locator, "https://jira.example.com/browse/OPS-1");
    assert_eq!(hit.owner.as_deref(), Some("Ben Iwase"));
    assert_eq!(
        hit.date.map(|day| day.to_string()).as_deref(),
        Some("2026-05-02")
    );
    assert!(
        hit.text.contains("labels: hardware, floor3"),
        "{}",
        hit.text
    );
    assert!(
        hit.text
            .contains("The printer on **floor 3** jams, \"daily\"."),
        "{}",
        hit.text
    );
    // Who may see a comment does not stand in the file.
    assert!(
        world
            .find("tray")
            .await
            .iter()
            .all(|hit| !hit.text.contains("bent"))
    );
    let open = jira(&export, "unrestricted = true\n");
    open.ingest().await;
    let text: String = open
        .find("tray")
        .await
        .into_iter()
        .map(|hit| hit.text)
        .collect();
    assert!(
        text.contains("**mara, 2026-05-02:** The tray is bent."),
        "{text}"
    );
    assert_eq!(open.seen_by(&[]).await, ["OPS-1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn issues_of_an_export_without_levels_are_seen_by_nobody() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let export = folder.path().join("issues.csv");
    fs::write(&export, "Issue key,Summary\nOPS-1,Printer\n").expect("written");
    let report = jira(&export, "").ingest().await;
    assert_eq!(counts(&report), [0, 0, 0, 0, 1]);
    assert!(
        report.faults[0].contains("no column `Security Level`"),
        "{:?}",
        report.faults
    );
    assert_eq!(
        counts(&jira(&export, "unrestricted = true\n").ingest().await),
        [1, 0, 0, 0, 0]
    );
    fs::write(&export, "id,text\n1,x\n").expect("written");
    let report = jira(&export, "").ingest().await;
    assert!(
        report.faults[0].contains("no export of Jira"),
        "{:?}",
        report.faults
    );
}

const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><rss version=\"0.92\"><channel><title>JIRA</title>\
    <item><title>[OPS-1] Printer jams</title><key id=\"1\">OPS-1</key><summary>Printer jams &amp; beeps</summary>\
    <description>&lt;h2&gt;Case&lt;/h2&gt;&lt;p&gt;The printer on &lt;b&gt;floor 3&lt;/b&gt; jams.&lt;/p&gt;</description>\
    <type id=\"1\">Bug</type><priority id=\"2\">High</priority><status id=\"3\">Open</status>\
    <assignee username=\"-1\">Unassigned</assignee><reporter username=\"mara\">Mara Olsen</reporter>\
    <labels><label>hardware</label><label>floor3</label></labels><component>Office</component>\
    <created>Fri, 1 May 2026 09:00:00 +0000</created><updated>Sat, 2 May 2026 22:07:00 +0000</updated>\
    <comments><comment id=\"7\" author=\"mara\" created=\"Sat, 2 May 2026 22:08:00 +0000\">&lt;p&gt;The tray is bent.&lt;/p&gt;</comment>\
    <comment id=\"8\" author=\"ben\" grouplevel=\"admins\" created=\"Sat, 2 May 2026 22:09:00 +0000\">The code is 4711.</comment></comments></item>\
    <item><key id=\"2\">OPS-2</key><summary>Layoffs</summary><security id=\"10\">Board</security><description>In autumn.</description></item>\
    <item><key id=\"3\">OPS-3</key><summary>Merger</summary><security id=\"11\">Lawyers</security></item></channel></rss>";

#[tokio::test(flavor = "multi_thread")]
async fn issues_of_an_xml_export_keep_their_levels_and_hide_restricted_comments() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let export = folder.path().join("issues.xml");
    fs::write(&export, XML).expect("written");
    let closed = jira(&export, "");
    let report = closed.ingest().await;
    assert_eq!(counts(&report), [1, 0, 0, 0, 2], "{:?}", report.faults);
    assert_eq!(closed.seen_by(&["board"]).await, ["OPS-2"]);
    let world = jira(&export, "unrestricted = true\n");
    assert_eq!(counts(&world.ingest().await), [2, 0, 0, 0, 1]);
    assert_eq!(world.seen_by(&[]).await, ["OPS-1"]);
    assert_eq!(world.seen_by(&["board"]).await, ["OPS-1", "OPS-2"]);
    let hits = world.find("which printer jams").await;
    let hit = &hits[0];
    assert_eq!(hit.title, "Printer jams & beeps");
    assert_eq!(hit.owner.as_deref(), Some("Mara Olsen"));
    assert_eq!(
        hit.date.map(|day| day.to_string()).as_deref(),
        Some("2026-05-02")
    );
    assert_eq!(hit.locator, "https://jira.example.com/browse/OPS-1");
    let text: String = hits.into_iter().map(|hit| hit.text).collect();
    for words in [
        "labels: hardware, floor3",
        "The printer on **floor 3** jams.",
        "**mara, 2026-05-02:** The tray is bent.",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("4711"), "{text}");

    fs::write(&export, &XML[..XML.len() / 2]).expect("written");
    let report = world.ingest().await;
    assert_eq!(report.removed, 0, "what was not seen may still be there");
    assert!(
        report.faults[0].contains("it ends in the middle of an issue"),
        "{:?}",
        report.faults
    );
    fs::write(&export, "<rss/>").expect("written");
    assert!(jira(&export, "").ingest().await.faults[0].contains("no export of Jira"));
}

const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Operations : Heron &amp; gateway</title></head><body>\
    <div id=\"breadcrumb-section\"><ol><li>Operations</li></ol></div>\
    <div class=\"page-metadata\">Created by <span class='author'> Mara Olsen</span>, last modified by <span class='editor'> Ben Iwase</span> on May 02, 2026</div>\
    <div id=\"main-content\" class=\"wiki-content group\"><h2>Reset</h2><p>Hold reset for 5 s.</p></div>\
    <div class=\"pageSection group\"><h2>Attachments:</h2></div><div id=\"footer\">Document generated by Confluence</div></body></html>";

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_an_export_become_documents() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let export = folder.path().join("space.zip");
    let mut zip = ZipWriter::new(File::create(&export).expect("a file"));
    for (name, text) in [
        ("OPS/index.html", "<p>contents</p>"),
        ("OPS/Heron_4711.html", PAGE),
        ("OPS/attachments/1/a.html", "<p>no</p>"),
    ] {
        zip.start_file(name, SimpleFileOptions::default())
            .expect("an entry");
        zip.write_all(text.as_bytes()).expect("written");
    }
    zip.finish().expect("a zip file");
    let config = format!(
        "[[source]]\nname = \"wiki\"\naudience = [\"staff\"]\n[source.confluence]\nexport = \"{}\"\n\
         url = \"https://wiki.example.com\"\nunrestricted = true\n",
        export.display()
    );
    let world = World::new(&config);
    let report = world.ingest().await;
    assert_eq!(counts(&report), [1, 0, 0, 0, 0], "{:?}", report.faults);
    assert!(world.seen_by(&[]).await.is_empty());
    let hit = &world.find_as("how to reset the heron", &["staff"]).await[0];
    assert_eq!(
        (hit.title.as_str(), hit.section.as_str()),
        ("Heron & gateway", "Reset")
    );
    assert_eq!(
        hit.locator,
        "https://wiki.example.com/pages/viewpage.action?pageId=4711"
    );
    assert_eq!(hit.owner.as_deref(), Some("Ben Iwase"));
    assert_eq!(
        hit.date.map(|day| day.to_string()).as_deref(),
        Some("2026-05-02")
    );
    assert!(
        !hit.text.contains("Attachments") && !hit.text.contains("generated"),
        "{}",
        hit.text
    );
    assert_eq!(counts(&world.ingest().await), [0, 0, 1, 0, 0]);
    let closed = World::new(&config.replace("unrestricted = true\n", ""));
    assert_eq!(counts(&closed.ingest().await), [0, 0, 0, 0, 1]);
}
