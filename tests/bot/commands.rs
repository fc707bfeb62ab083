//! Slash commands, as people type them and as the platforms carry them.

use super::harness::{Bot, StoreKind};
use crate::fakes::discord::{ALICE, BOB, Fault as DiscordFault, GENERAL as LOBBY};
use crate::fakes::slack::{Asked, Fault, VisibleMessage, What};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

const GENERAL: &str = "C1";
const FINANCE: &str = "C2";
/// U7 is in finance, U8 is not.
const MARA: &str = "U7";
const KEN: &str = "U8";

/// The sample company with its database for finance alone, and one query with many rows.
fn company() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/company");
    let root = root.display();
    format!(
        r#"
query_files = ["{root}/queries.toml"]

[limits]
tool_rows = 10000
tool_bytes = 4000000

[[source]]
name = "handbook"
path = "{root}/docs"
every = "off"

[[database]]
name = "business"
url = "sqlite:{root}/generated/business.db"
audience = ["finance"]

[[query]]
name = "all_terminals"
database = "business"
description = "Every terminal in the field"
sql = "SELECT serial, '=HYPERLINK(1)' AS formula, status FROM terminals ORDER BY serial LIMIT 5000"
lead = "{{rows}} terminals are in the field."
empty = "No terminal is in the field."

[[person]]
name = "mara"
groups = ["finance"]
slack = "{MARA}"
discord = "80351110224678912"

[[channel]]
id = "{FINANCE}"
groups = ["finance"]
"#
    )
}

async fn bot() -> Bot {
    let mut bot = Bot::prepare_with(StoreKind::Sqlite, &company());
    bot.run().await;
    bot
}

/// The newest message that this person alone sees, once there are so many.
async fn alone(bot: &Bot, user: &str, channel: &str, count: usize) -> VisibleMessage {
    let what = format!("{count} messages for {user} alone in {channel}");
    bot.slack
        .until(&what, |slack| {
            let seen = slack.ephemerals(user, channel);
            (seen.len() >= count).then(|| seen[count - 1].clone())
        })
        .await
}

/// What the bot said where everybody reads.
fn said_in(bot: &Bot, channel: &str) -> Vec<VisibleMessage> {
    let messages = bot.slack.messages(channel).into_iter();
    messages.filter(|message| message.by_bot).collect()
}

async fn in_direct_messages(bot: &Bot, count: usize) -> VisibleMessage {
    bot.slack
        .until("a direct message", |_| {
            let said = said_in(bot, "D7");
            (said.len() >= count).then(|| said[count - 1].clone())
        })
        .await
}

/// What rode along with the acknowledgement of the newest envelope.
fn last_acknowledgement(bot: &Bot) -> Value {
    let entries = bot.slack.wire_entries().into_iter().rev();
    let mut payloads = entries.filter_map(|entry| match entry.what {
        What::Acked { payload, .. } => Some(payload),
        _ => None,
    });
    payloads.next().unwrap_or_default()
}

/// R16: acknowledged at once with an explicit response_type; the result
/// through the command's address, for the asker alone.
#[tokio::test(flavor = "multi_thread")]
async fn command_in_slack_is_acknowledged_and_answered_to_its_asker_alone() {
    let bot = bot().await;
    let asked = bot
        .slack
        .slash(MARA, GENERAL, "sql revenue_by_region “last month” &");
    bot.slack.acked(&asked).await;
    assert!(
        bot.slack
            .ack_times()
            .iter()
            .all(|time| *time < Duration::from_secs(3))
    );
    let payload = last_acknowledgement(&bot);
    assert_eq!(payload["response_type"], "ephemeral", "{payload}");
    let slip = alone(&bot, MARA, GENERAL, 2).await;
    assert!(
        slip.text.contains("I can't tell which argument"),
        "{}",
        slip.text
    );

    bot.slack
        .slash(MARA, GENERAL, "sql revenue_by_region “last month”");
    let echo = alone(&bot, MARA, GENERAL, 3).await;
    assert_eq!(echo.text, "/lore sql revenue_by_region “last month”");
    let result = alone(&bot, MARA, GENERAL, 4).await;
    assert!(result.text.contains("Nordics"), "{}", result.text);
    assert!(
        result.blocks.to_string().contains("\"table\""),
        "{}",
        result.blocks
    );
    let uses = bot.slack.calls("response_url");
    assert_eq!(uses.len(), 2, "{}", bot.slack.wire());
    assert_eq!(uses[1].arguments["response_type"], "ephemeral");
    assert!(said_in(&bot, GENERAL).is_empty());
    assert!(bot.slack.ephemerals(KEN, GENERAL).is_empty());
    assert!(bot.slack.calls("chat.postMessage").is_empty());
    assert!(bot.slack.calls("reactions.add").is_empty());
}

/// Exactly once: an envelope that is sent again is the same command.
#[tokio::test(flavor = "multi_thread")]
async fn command_that_is_delivered_again_is_run_once() {
    let bot = bot().await;
    let asked = bot.slack.slash(MARA, GENERAL, "sql revenue_total");
    alone(&bot, MARA, GENERAL, 2).await;
    bot.slack.redeliver(&asked);
    bot.slack.slash(MARA, GENERAL, "help");
    let help = alone(&bot, MARA, GENERAL, 4).await;
    assert!(help.text.contains("/lore sql NAME"), "{}", help.text);
    assert_eq!(bot.slack.calls("response_url").len(), 2);
}

/// Slips are met with what was probably meant; what is forbidden looks like what does not exist.
#[tokio::test(flavor = "multi_thread")]
async fn forbidden_query_and_absent_query_look_the_same() {
    let bot = bot().await;
    bot.slack.slash(MARA, GENERAL, "sql revenue_totl");
    let slip = alone(&bot, MARA, GENERAL, 2).await;
    assert!(
        slip.text
            .contains("no query revenue_totl, did you mean revenue_total?")
            || slip
                .text
                .contains("no query `revenue_totl`, did you mean `revenue_total`?"),
        "{}",
        slip.text
    );
    let mut answers = Vec::new();
    for name in ["revenue_total", "nothing_at_all"] {
        bot.slack.slash(KEN, GENERAL, &format!("sql {name}"));
        let answer = alone(&bot, KEN, GENERAL, 2 * answers.len() + 2).await;
        answers.push(answer.text.replace(name, "NAME"));
    }
    assert_eq!(answers[0], answers[1]);
    bot.slack.slash(KEN, GENERAL, "sources");
    let sources = alone(&bot, KEN, GENERAL, 6).await.text;
    assert!(sources.contains("handbook: "), "{sources}");
    assert!(!sources.contains("business"), "{sources}");
    bot.slack.slash(MARA, GENERAL, "sources");
    let sources = alone(&bot, MARA, GENERAL, 4).await.text;
    assert!(sources.contains("business: "), "{sources}");
}

/// A result is for everybody only where everybody may have it (R10, behaviour 11).
#[tokio::test(flavor = "multi_thread")]
async fn result_is_shown_to_all_only_where_all_may_see_it() {
    let bot = bot().await;
    bot.slack
        .slash(MARA, GENERAL, "sql revenue_total public=yes");
    let result = alone(&bot, MARA, GENERAL, 2).await;
    assert!(result.text.contains("EUR"), "{}", result.text);
    assert!(
        result.text.contains("it is for you alone"),
        "{}",
        result.text
    );
    assert!(said_in(&bot, GENERAL).is_empty());

    bot.slack
        .slash(MARA, FINANCE, "sql revenue_total public=yes");
    let result = bot
        .slack
        .until("a result for all", |_| said_in(&bot, FINANCE).pop())
        .await;
    assert!(result.text.contains("EUR"), "{}", result.text);

    // Another organisation reads along: the asker gets it, and nobody else.
    bot.slack.share_channel(FINANCE);
    bot.slack
        .slash(MARA, FINANCE, "sql revenue_total public=yes");
    let result = alone(&bot, MARA, FINANCE, 3).await;
    assert!(
        result.text.contains("it is for you alone"),
        "{}",
        result.text
    );
    assert_eq!(said_in(&bot, FINANCE).len(), 1);
}

/// R16: an address that is used up or too old is not the end of the way, and the way stays private.
#[tokio::test(flavor = "multi_thread")]
async fn result_goes_to_direct_messages_once_the_address_is_closed() {
    let bot = bot().await;
    bot.slack.fail("response_url", Fault::Refuse("expired_url"));
    bot.slack.slash(MARA, GENERAL, "sql revenue_total");
    let result = in_direct_messages(&bot, 1).await;
    assert!(result.text.contains("EUR"), "{}", result.text);
    assert_eq!(bot.slack.ephemerals(MARA, GENERAL).len(), 1);
    assert!(said_in(&bot, GENERAL).is_empty());
}

/// R16, R20: killed between acknowledgement and result, up again after half an hour.
#[tokio::test(flavor = "multi_thread")]
async fn killed_bot_brings_the_result_after_its_restart() {
    let mut bot = bot().await;
    for (minutes, expected) in [(1, "ephemeral"), (31, "direct")] {
        let before = bot.slack.ephemerals(MARA, GENERAL).len();
        bot.slack
            .fail("response_url", Fault::Delay(Duration::from_secs(60)));
        let asked = bot.slack.slash(MARA, GENERAL, "sql revenue_total");
        bot.slack.acked(&asked).await;
        bot.kill();
        // It may have been killed before it came to send anything.
        bot.slack.stop_failing();
        bot.slack.advance(Duration::from_secs(60 * minutes));
        bot.run().await;
        match expected {
            "direct" => {
                let result = in_direct_messages(&bot, 1).await;
                assert!(result.text.contains("EUR"), "{}", result.text);
            }
            _ => {
                let result = alone(&bot, MARA, GENERAL, before + 2).await;
                assert!(result.text.contains("EUR"), "{}", result.text);
            }
        }
        bot.logged("Settled question").await;
    }
    assert!(said_in(&bot, GENERAL).is_empty());
    assert_eq!(said_in(&bot, "D7").len(), 1);
    assert_eq!(bot.slack.ephemerals(MARA, GENERAL).len(), 3);
}

/// R38, R39: 5,000 rows are a file in the direct conversation, with a summary where the command was typed.
#[tokio::test(flavor = "multi_thread")]
async fn many_rows_become_a_file_for_the_asker() {
    let bot = bot().await;
    bot.slack.slash(MARA, GENERAL, "sql all_terminals");
    let summary = alone(&bot, MARA, GENERAL, 2).await.text;
    assert!(
        summary.contains("5,000 terminals are in the field."),
        "{summary}"
    );
    assert!(
        summary
            .contains("5000 rows, all of them in a CSV file that I sent you as a direct message"),
        "{summary}"
    );
    let file = bot
        .slack
        .until("the file", |slack| slack.files().pop())
        .await;
    assert_eq!(file.channel.as_deref(), Some("D7"));
    assert!(file.name.starts_with("all_terminals") && file.name.ends_with(".csv"));
    let text = file.text.expect("the file was put");
    assert_eq!(text.lines().count(), 5001);
    assert!(
        text.starts_with("serial,formula,status\r\n"),
        "{}",
        &text[..200]
    );
    assert!(text.contains(",'=HYPERLINK(1),"), "{}", &text[..200]);
    assert!(said_in(&bot, GENERAL).is_empty());
    bot.logged("Settled question").await;
    assert_eq!(bot.slack.files().len(), 1);
}

/// S82, R9: the answer to sharing a file is lost; the file is found, not shared twice.
#[tokio::test(flavor = "multi_thread")]
async fn file_whose_sharing_is_in_doubt_is_shared_once() {
    let bot = bot().await;
    bot.slack
        .fail("files.completeUploadExternal", Fault::LoseResponse);
    bot.slack
        .slash(MARA, FINANCE, "sql all_terminals public=yes");
    bot.logged("Settled question").await;
    let files = bot.slack.files();
    assert_eq!(files.len(), 1, "{}", bot.slack.wire());
    assert_eq!(files[0].channel.as_deref(), Some(FINANCE));
}

/// `ask` is a mention that only its asker sees answered.
#[tokio::test(flavor = "multi_thread")]
async fn question_by_command_is_answered_with_its_sources_and_buttons() {
    let bot = bot().await;
    bot.slack.slash(
        MARA,
        GENERAL,
        "ask How long can a customer return a terminal?",
    );
    let answer = alone(&bot, MARA, GENERAL, 2).await;
    assert!(answer.text.contains("30 days"), "{}", answer.text);
    assert!(answer.text.contains("[1]"), "{}", answer.text);
    assert!(answer.blocks.to_string().contains("feedback_buttons"));
    assert!(said_in(&bot, GENERAL).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn quota_counts_commands() {
    let mut bot = Bot::prepare_with(StoreKind::Sqlite, &company());
    bot.questions_per_hour(1);
    bot.run().await;
    bot.slack.slash(MARA, GENERAL, "sources");
    alone(&bot, MARA, GENERAL, 2).await;
    bot.slack.slash(MARA, GENERAL, "sources");
    let refusal = alone(&bot, MARA, GENERAL, 4).await;
    assert!(refusal.text.contains("quota"), "{}", refusal.text);
    assert!(said_in(&bot, GENERAL).is_empty());
}

/// R60, R64: who, what, tool, statement and count of rows are recorded; the
/// address that came with the command is neither there nor in the log.
#[tokio::test(flavor = "multi_thread")]
async fn command_is_audited_and_its_address_is_kept_nowhere() {
    let bot = bot().await;
    let asked: Asked = bot.slack.slash(MARA, GENERAL, "sql revenue_by_region");
    alone(&bot, MARA, GENERAL, 2).await;
    bot.logged("Settled question").await;
    let audit = bot.command(&["audit", "export"]);
    let record = audit
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|entry| entry["kind"] == "answered")
        .expect("the command is recorded");
    let record = &record["record"];
    assert_eq!(record["asker"]["person"], "slack:U7");
    assert_eq!(record["text"], "sql revenue_by_region");
    assert_eq!(record["plan"]["tools"][0]["name"], "revenue_by_region");
    let tool = &record["evidence"][0]["tool"];
    assert!(tool["statement"].as_str().expect("text").contains("SELECT"));
    assert!(tool["rows"].as_u64() > Some(1), "{tool}");
    let url = format!("/commands/T1/{}", asked.ts);
    for text in [audit, bot.log()] {
        assert!(!text.contains(&url), "{text}");
    }
    let log = bot.log();
    assert!(!log.contains("Nordics"), "{log}");
}

/// R17: deferred, then edited; what is for one is for one.
#[tokio::test(flavor = "multi_thread")]
async fn command_in_discord_is_answered_to_its_asker_alone() {
    let bot = bot().await;
    let options = json!({ "name": "revenue_by_region", "arguments": "period=last month" });
    let used = bot.discord.command(ALICE, LOBBY, "sql", options);
    let result = bot
        .discord
        .until("a result for Alice", |discord| {
            discord.ephemerals(ALICE, LOBBY).pop()
        })
        .await;
    assert!(result.content.contains("Nordics"), "{}", result.content);
    assert_eq!(
        bot.discord.callbacks(used),
        [json!({ "type": 5, "data": { "flags": 64 } })]
    );
    // Bob is not in finance: for him there is no such query.
    bot.discord
        .command(BOB, LOBBY, "sql", json!({ "name": "revenue_by_region" }));
    let refusal = bot
        .discord
        .until("a word for Bob", |discord| {
            discord.ephemerals(BOB, LOBBY).pop()
        })
        .await;
    assert!(
        refusal.content.contains("There is no query"),
        "{}",
        refusal.content
    );
    bot.discord.command(
        BOB,
        LOBBY,
        "ask",
        json!({ "question": "How long can a customer return a terminal?", "public": true }),
    );
    let answer = bot
        .discord
        .until("an answer for all", |discord| discord.answers(LOBBY).pop())
        .await;
    assert!(answer.content.contains("30 days"), "{}", answer.content);
    assert_eq!(answer.buttons, ["👍", "👎"]);
    let (log, audit) = (bot.log(), bot.command(&["audit", "export"]));
    for token in bot.discord.interaction_tokens() {
        assert!(!log.contains(&token) && !audit.contains(&token), "{token}");
    }
}

/// R38: the file rides along where only the asker sees it.
#[tokio::test(flavor = "multi_thread")]
async fn many_rows_become_an_attachment_in_discord() {
    let bot = bot().await;
    bot.discord
        .command(ALICE, LOBBY, "sql", json!({ "name": "all_terminals" }));
    let result = bot
        .discord
        .until("a result for Alice", |discord| {
            discord.ephemerals(ALICE, LOBBY).pop()
        })
        .await;
    assert!(
        result
            .content
            .contains("5000 rows, all of them in the CSV file."),
        "{}",
        result.content
    );
    assert_eq!(result.files[0].text.lines().count(), 5001);
}

/// R17, R20: killed between acknowledgement and result, up again within and after the quarter of an hour.
#[tokio::test(flavor = "multi_thread")]
async fn killed_bot_brings_the_result_to_discord_after_its_restart() {
    let mut bot = bot().await;
    for minutes in [1, 16] {
        bot.discord.fail(
            "PATCH",
            "@original",
            DiscordFault::Delay(Duration::from_secs(60)),
        );
        let used = bot
            .discord
            .command(ALICE, LOBBY, "sql", json!({ "name": "revenue_total" }));
        bot.discord
            .until("the acknowledgement", |discord| {
                discord.callbacks(used).pop()
            })
            .await;
        bot.kill();
        bot.discord.stop_failing();
        bot.discord.advance(Duration::from_secs(60 * minutes));
        bot.run().await;
        let direct = bot.discord.direct(ALICE);
        bot.discord
            .until("the result", |discord| match minutes {
                1 => discord.ephemerals(ALICE, LOBBY).pop(),
                _ => discord.answers(direct).pop(),
            })
            .await;
    }
    let direct = bot.discord.answers(bot.discord.direct(ALICE));
    assert_eq!(direct.len(), 1, "{direct:?}");
    assert!(direct[0].content.contains("EUR"), "{direct:?}");
    assert_eq!(bot.discord.ephemerals(ALICE, LOBBY).len(), 1);
    assert!(bot.discord.answers(LOBBY).is_empty());
}
