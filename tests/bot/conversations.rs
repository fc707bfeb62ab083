//! What a colleague sees in Slack and Discord, on the sample company.

use super::harness::{Bot, StoreKind};
use crate::fakes::{
    discord::{ALICE, GENERAL as DISCORD_GENERAL, TOKEN},
    slack::Events,
};
use std::time::Duration;

const GENERAL: &str = "C1";
const RETURNS: &str = "How long can a customer return a terminal?";

/// The newest reply of the bot once it is an answer and no placeholder.
pub async fn slack_answer(bot: &Bot, channel: &str, root: &str) -> String {
    bot.slack
        .until("an answer in the thread", |slack| {
            let thread = slack.visible_thread(channel, root);
            let reply = thread
                .into_iter()
                .rev()
                .find(|message| message.user == "UBOT")?;
            (!reply.text.contains("Looking it up")).then_some(reply.text)
        })
        .await
}

async fn discord_answer(bot: &Bot, thread: u64, count: usize) -> String {
    bot.discord
        .until("an answer in the thread", |discord| {
            let replies = discord.answers(thread);
            let newest = replies.get(count - 1)?;
            (!newest.content.contains("Looking it up")).then(|| newest.content.clone())
        })
        .await
}

/// K1, R5, R25, R41: in the thread of the question, once, with its sources.
#[tokio::test(flavor = "multi_thread")]
async fn mention_in_slack_gets_one_cited_answer_in_its_thread() {
    let bot = Bot::start(StoreKind::Sqlite).await;
    let asked = bot.slack.mention_as(Events::Both, "U7", GENERAL, RETURNS);
    let answer = slack_answer(&bot, GENERAL, &asked.ts).await;
    assert!(answer.contains("[1]"), "{answer}");
    assert!(answer.contains("30 days"), "{answer}");
    let posts = bot.slack.calls("chat.postMessage");
    assert_eq!(posts.len(), 1, "{}", bot.slack.wire());
    assert_eq!(posts[0].arguments["thread_ts"], asked.ts);
    assert_eq!(posts[0].arguments["unfurl_links"], false);
}

/// K5: a follow-up in the thread needs no mention, also after a restart; R4: nothing is answered again.
#[tokio::test(flavor = "multi_thread")]
async fn follow_up_needs_no_mention_also_after_a_restart() {
    let mut bot = Bot::start(StoreKind::Sqlite).await;
    let asked = bot.slack.mention("U7", GENERAL, "revenue last week?");
    slack_answer(&bot, GENERAL, &asked.ts).await;
    bot.kill();
    bot.run().await;
    bot.slack.redeliver(&asked);
    bot.slack.reply("U7", &asked, "and in DACH?");
    let answer = bot
        .slack
        .until("a second answer", |slack| {
            let replies: Vec<_> = slack
                .visible_thread(GENERAL, &asked.ts)
                .into_iter()
                .filter(|message| message.user == "UBOT")
                .collect();
            let newest = replies.get(1)?;
            (!newest.text.contains("Looking it up")).then(|| newest.text.clone())
        })
        .await;
    assert!(answer.contains("EUR"), "{answer}");
    assert_eq!(bot.slack.calls("chat.postMessage").len(), 2);
}

/// Behaviour 6: talk between people is left alone.
#[tokio::test(flavor = "multi_thread")]
async fn talk_between_people_is_left_alone() {
    let bot = Bot::start(StoreKind::Sqlite).await;
    let said = bot.slack.say("U7", GENERAL, "lunch at noon?");
    let reply = bot.slack.reply("U8", &said, "sure");
    bot.slack.acked(&reply).await;
    let asked = bot.slack.mention("U7", GENERAL, RETURNS);
    slack_answer(&bot, GENERAL, &asked.ts).await;
    assert_eq!(bot.slack.calls("chat.postMessage").len(), 1);
}

/// R1: where outsiders read along there is one fixed refusal, and nothing is looked up.
#[tokio::test(flavor = "multi_thread")]
async fn shared_channel_gets_the_fixed_refusal() {
    let bot = Bot::start(StoreKind::Sqlite).await;
    bot.slack.share_channel("C2");
    let asked = bot.slack.mention("U7", "C2", RETURNS);
    let answer = slack_answer(&bot, "C2", &asked.ts).await;
    assert!(
        answer.contains("people from outside the company"),
        "{answer}"
    );
    assert!(!answer.contains("30 days"), "{answer}");
    bot.slack.stranger("U9");
    let asked = bot.slack.mention("U9", GENERAL, RETURNS);
    let answer = slack_answer(&bot, GENERAL, &asked.ts).await;
    assert!(
        answer.contains("people from outside the company"),
        "{answer}"
    );
    assert_eq!(bot.slack.calls("chat.postMessage").len(), 2);
    assert!(
        !bot.log().contains("Planned question"),
        "no tool and no model ran"
    );
}

/// K7, R45, R50: a reaction becomes feedback, taking it away withdraws it.
#[tokio::test(flavor = "multi_thread")]
async fn reaction_on_an_answer_is_kept_and_can_be_withdrawn() {
    let bot = Bot::start(StoreKind::Sqlite).await;
    let asked = bot.slack.dm("U7", RETURNS);
    slack_answer(&bot, &asked.channel, &asked.ts).await;
    let reply = bot.slack.last_reply();
    let added = bot
        .slack
        .react("U7", &asked.channel, &reply.ts, "+1::skin-tone-3");
    bot.slack.acked(&added).await;
    let listed = bot.command(&["feedback", "list", "--json"]);
    assert!(listed.contains("\"positive\""), "{listed}");
    let removed = bot
        .slack
        .unreact("U7", &asked.channel, &reply.ts, "+1::skin-tone-3");
    bot.slack.acked(&removed).await;
    assert_eq!(bot.command(&["feedback", "list", "--json"]), "");
}

/// K2, R7, R25: mention, follow-up in the thread, direct message; a replayed event is answered once.
#[tokio::test(flavor = "multi_thread")]
async fn discord_is_answered_in_thread_and_in_direct_messages() {
    let bot = Bot::start(StoreKind::Postgres).await;
    let asked = bot.discord.mention(ALICE, DISCORD_GENERAL, RETURNS);
    let answer = discord_answer(&bot, asked, 1).await;
    assert!(answer.contains("30 days"), "{answer}");
    bot.discord
        .say(ALICE, asked, "who approves exceptions to it?");
    discord_answer(&bot, asked, 2).await;
    bot.discord.dm(ALICE, "REQ-1155");
    let answer = discord_answer(&bot, bot.discord.direct(ALICE), 1).await;
    assert!(answer.contains("REQ-1155"), "{answer}");
    bot.discord.replay(1);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(bot.discord.answers(asked).len(), 2);
}

/// R23: a visible sign within a second of the event, before the answer.
#[tokio::test(flavor = "multi_thread")]
async fn sign_of_work_comes_before_the_answer() {
    let bot = Bot::start(StoreKind::Sqlite).await;
    let asked = bot.slack.mention("U7", GENERAL, RETURNS);
    slack_answer(&bot, GENERAL, &asked.ts).await;
    let wire = bot.slack.wire();
    let at = |call: &str| {
        wire.find(call)
            .unwrap_or_else(|| panic!("no {call} in\n{wire}"))
    };
    assert!(at("reactions.add") < at("chat.postMessage"), "{wire}");
    assert!(at("chat.postMessage") < at("chat.update"), "{wire}");
    bot.slack
        .until("the sign to go", |slack| {
            slack.calls("reactions.remove").first().map(|_| ())
        })
        .await;
}

/// Behaviour 25, R64: no token and no word of a question in the log.
#[tokio::test(flavor = "multi_thread")]
async fn log_holds_neither_tokens_nor_words_of_questions() {
    let bot = Bot::start(StoreKind::Sqlite).await;
    let asked = bot.slack.mention(
        "U7",
        GENERAL,
        "zanzibarprobe How long can a customer return a terminal?",
    );
    slack_answer(&bot, GENERAL, &asked.ts).await;
    bot.logged("Settled question").await;
    let log = bot.log();
    for secret in ["zanzibarprobe", "xoxb-", "xapp-", TOKEN] {
        assert!(!log.contains(secret), "{secret} in\n{log}");
    }
}

/// The statement behind a figure is shown to whoever asks for it.
#[tokio::test(flavor = "multi_thread")]
async fn query_of_an_answer_is_shown_on_demand() {
    let bot = Bot::start(StoreKind::Sqlite).await;
    let asked = bot.slack.mention("U7", GENERAL, "revenue last week?");
    slack_answer(&bot, GENERAL, &asked.ts).await;
    for text in ["show me the query", "and the SQL again please"] {
        bot.slack.reply("U7", &asked, text);
        let shown = bot
            .slack
            .until("the query", |slack| {
                let thread = slack.visible_thread(GENERAL, &asked.ts);
                let mut replies = thread.into_iter().filter(|message| message.user == "UBOT");
                replies.find(|reply| reply.text.contains("This is what I asked"))
            })
            .await;
        assert!(shown.text.contains("revenue total"), "{}", shown.text);
        assert!(
            bot.slack.wire().contains("FROM sales"),
            "{}",
            bot.slack.wire()
        );
    }
}
