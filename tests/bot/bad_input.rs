//! What goes wrong outside: files, tokens, roles, disks. The error names the
//! thing and the remedy, the rest goes on, nothing is lost.

use super::harness::{
    Bot, StoreKind, data_folder, drop_database, lorekeeper, lorekeeper_with, new_database,
};
use serde_json::Value;
use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Output},
};

fn text_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn run(data: &Path, arguments: &[&str]) -> Output {
    lorekeeper(data)
        .args(arguments)
        .output()
        .expect("the program starts")
}

/// The command as somebody whom file modes bind: root is told to respect them too.
fn bound_by_file_modes(command: Command) -> Command {
    let root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout == b"0\n");
    if !root {
        return command;
    }
    let mut bound = Command::new("setpriv");
    bound
        .arg("--bounding-set=-dac_override,-dac_read_search")
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(command.get_current_dir().expect("a folder is set"))
        .envs(
            command
                .get_envs()
                .filter_map(|(key, value)| Some((key, value?))),
        );
    bound
}

#[test]
fn broken_files_are_named_and_the_rest_is_found() {
    let data = tempfile::tempdir().expect("a folder");
    let docs = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &[u8]| {
        fs::write(docs.path().join(name), text).expect("a file is written");
    };
    write(
        "snow.md",
        b"# Snow days\n\nOn snow days the office in Oslo opens at ten.\n",
    );
    write(
        "broken.md",
        b"---\ntitle: [open\n---\n# Broken\n\nStill here.\n",
    );
    write("latin.txt", b"fine\nna\xefve\n");
    write(
        "tickets.jsonl",
        b"{\"key\":\"REQ-1\",\"title\":\"Door sticks\",\"text\":\"The door of the depot sticks.\"}\n{\"key\":\n",
    );
    File::create(docs.path().join("huge.md"))
        .and_then(|file| file.set_len(200 * 1024 * 1024))
        .expect("a file of 200 MB is made");
    let locked = docs.path().join("locked");
    fs::create_dir(&locked).expect("a folder is made");
    Command::new("chmod")
        .arg("000")
        .arg(&locked)
        .status()
        .expect("chmod runs");

    let mut command = lorekeeper(data.path());
    command
        .args(["ingest", "--json", "--source", "docs"])
        .arg(docs.path());
    let output = bound_by_file_modes(command)
        .output()
        .expect("the program starts");
    Command::new("chmod")
        .arg("700")
        .arg(&locked)
        .status()
        .expect("chmod runs");

    let faults = text_of(&output);
    assert!(output.status.success(), "{faults}");
    for fault in [
        "broken.md:",
        "front matter is not YAML",
        "latin.txt:2: is not UTF-8",
        "tickets.jsonl:2: is not JSON",
        "huge.md: 209715200 bytes, more than limits.file_bytes",
        "locked: can't be read",
    ] {
        assert!(faults.contains(fault), "`{fault}` is not in\n{faults}");
    }
    for (question, document) in [
        ("when does Oslo open on snow days", "snow.md"),
        ("door of the depot", "REQ-1"),
    ] {
        let hits = run(data.path(), &["search", "--json", question]);
        let hits: Value = serde_json::from_slice(&hits.stdout).expect("hits are JSON");
        assert_eq!(hits["hits"][0]["document"], document, "{hits}");
    }
}

#[test]
fn wrong_token_ends_the_daemon_and_is_named() {
    let data = data_folder();
    let slack = crate::fakes::slack::FakeSlack::start();
    let output = lorekeeper(data.path())
        .arg("serve")
        .env("LOREKEEPER_SLACK__BOT_TOKEN", "xoxb-wrong")
        .env("LOREKEEPER_SLACK__APP_TOKEN", "xapp-wrong")
        .env("LOREKEEPER_SLACK__API_URL", slack.api_url())
        .output()
        .expect("the program starts");
    let told = text_of(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("`slack.bot_token`"), "{told}");
    assert!(told.contains("invalid_auth"), "{told}");
    assert!(!told.contains("xoxb-wrong"), "{told}");
}

#[test]
fn database_role_that_may_write_is_refused_with_the_right_and_the_remedy() {
    let data = data_folder();
    let url = new_database();
    let config = data.path().join("lorekeeper.toml");
    let entry = format!("[[database]]\nname = \"business\"\nurl = \"{url}\"\ntables = [\"t\"]\n");
    fs::write(&config, entry).expect("the configuration is written");
    let output = lorekeeper_with(&config, data.path())
        .args(["sql", "query", "SELECT 1", "--source", "business"])
        .output()
        .expect("the program starts");
    drop_database(&url);
    let told = text_of(&output);
    assert!(!output.status.success(), "{told}");
    assert!(told.contains("SUPERUSER"), "{told}");
    assert!(told.contains("business"), "{told}");
    assert!(!told.contains(&url), "{told}");
}

/// Nothing that can't be written down is acknowledged, so the platform sends it again.
#[tokio::test(flavor = "multi_thread")]
async fn full_disk_delays_a_question_and_loses_none() {
    let mut bot = Bot::prepare(StoreKind::Sqlite);
    bot.own_disk(256);
    bot.run().await;
    bot.fill_disk();
    let asked = bot
        .slack
        .mention("U7", "C1", "How long can a customer return a terminal?");
    bot.logged("no space left").await;
    assert!(!bot.slack.is_acked(&asked), "{}", bot.slack.wire());
    bot.free_disk();
    bot.slack
        .until("the question is taken when it is sent again", |slack| {
            slack.retry_unacked();
            slack.is_acked(&asked).then_some(())
        })
        .await;
    bot.slack
        .until("one answer", |slack| {
            let thread = slack.visible_thread("C1", &asked.ts);
            let replies: Vec<_> = thread
                .iter()
                .filter(|message| message.user == "UBOT")
                .collect();
            (replies.len() == 1 && replies[0].text.contains("30 days")).then_some(())
        })
        .await;
}
