//! Nothing lost, nothing answered twice: many questions, redeliveries, both
//! events of a mention, and `kill -9` at random moments.

use super::harness::{Bot, StoreKind};
use crate::fakes::{
    discord::{ALICE, GENERAL},
    slack::Events,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

const QUESTIONS: [&str; 5] = [
    "How long can a customer return a terminal?",
    "REQ-1155",
    "revenue last week",
    "who looks after the on-call rota?",
    "hello",
];

/// Questions over both platforms, and how often the daemon is killed meanwhile.
struct Ordeal {
    questions: usize,
    kills: usize,
    seed: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_bot_answers_every_question_once_on_sqlite() {
    endure(
        StoreKind::Sqlite,
        Ordeal {
            questions: 60,
            kills: 3,
            seed: 1,
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_bot_answers_every_question_once_on_postgres() {
    endure(
        StoreKind::Postgres,
        Ordeal {
            questions: 60,
            kills: 3,
            seed: 2,
        },
    )
    .await;
}

/// The full measure, when asked for: `LOREKEEPER_ORDEAL=500,10`.
#[tokio::test(flavor = "multi_thread")]
async fn ordeal_of_any_size_loses_nothing() {
    let size = std::env::var("LOREKEEPER_ORDEAL").unwrap_or_else(|_| "20,1".into());
    let (questions, kills) = size.split_once(',').expect("two numbers, such as 500,10");
    let number = |text: &str| text.parse().expect("a whole number");
    endure(
        StoreKind::Sqlite,
        Ordeal {
            questions: number(questions),
            kills: number(kills),
            seed: 3,
        },
    )
    .await;
}

/// The threads that must have exactly one answer.
#[derive(Default)]
struct Threads {
    slack: BTreeMap<(String, String), usize>,
    discord: BTreeMap<u64, usize>,
}

impl Threads {
    /// Whether the bot has shown a sign in the newest Discord thread.
    fn heard_by(&self, discord: &crate::fakes::discord::FakeDiscord) -> bool {
        self.discord.keys().next_back().is_none_or(|newest| {
            !discord.answers(*newest).is_empty()
                || discord.typing().contains(newest)
                || discord.thread_name(*newest).is_some()
        })
    }
}

async fn endure(store: StoreKind, ordeal: Ordeal) {
    let mut bot = Bot::start(store).await;
    let mut random = StdRng::seed_from_u64(ordeal.seed);
    let mut threads = Threads::default();
    let between_kills = ordeal.questions / (ordeal.kills + 1);
    let mut kills = 0;
    for number in 0..ordeal.questions {
        ask(&bot, &mut random, number, &mut threads);
        // Platforms let minutes pass; the test lets the fakes' clocks pass them.
        bot.slack.advance(Duration::from_secs(2));
        bot.discord.advance(Duration::from_secs(2));
        tokio::time::sleep(Duration::from_millis(random.random_range(0..40))).await;
        if kills < ordeal.kills && number >= between_kills * (kills + 1) {
            kills += 1;
            // What Discord sent a moment ago must have reached the bot: there
            // is no acknowledgement that it could wait for.
            let heard = until_time_brings(&bot, || threads.heard_by(&bot.discord)).await;
            assert!(heard, "the last question on Discord was not heard");
            bot.kill();
            // Discord asks no socket whose other end has died.
            until_time_brings(&bot, || bot.discord.sockets_open() == 0).await;
            bot.spawn();
            if random.random_bool(0.5) {
                until_time_brings(&bot, || bot.discord.sockets_open() > 0).await;
            } else {
                // Sometimes again before it has come up.
                tokio::time::sleep(Duration::from_millis(random.random_range(0..1500))).await;
            }
        }
    }
    settle(&bot, &threads).await;
    // Seen with `--no-capture`: an ordeal of one platform is half an ordeal.
    println!(
        "{} threads on Slack, {} on Discord, {} kills",
        threads.slack.len(),
        threads.discord.len(),
        kills
    );
    bot.slack.retry_unacked();
    tokio::time::sleep(Duration::from_secs(1)).await;
    verify(&bot, &threads);
}

/// One gesture, with whatever the platforms add to it.
fn ask(bot: &Bot, random: &mut StdRng, number: usize, threads: &mut Threads) {
    let text = QUESTIONS[random.random_range(0..QUESTIONS.len())];
    // Discord does not send again what a dead bot missed, so there only a
    // connected bot is asked; Slack does, so it is asked at any time.
    if number.is_multiple_of(2) || bot.discord.sockets_open() == 0 {
        let channel = ["C1", "C2", "C3"][random.random_range(0..3)];
        let events =
            [Events::Both, Events::MessageFirst, Events::MentionOnly][random.random_range(0..3)];
        let asked = bot.slack.mention_as(events, "U7", channel, text);
        if random.random_bool(0.3) {
            bot.slack.redeliver(&asked);
        }
        threads.slack.insert((asked.channel, asked.ts), 1);
    } else {
        let asked = bot.discord.mention(ALICE, GENERAL, text);
        if random.random_bool(0.2) {
            bot.discord.replay(1);
        }
        threads.discord.insert(asked, 1);
    }
}

/// Waits until every thread has a final word.
async fn settle(bot: &Bot, threads: &Threads) {
    until_time_brings(bot, || open_threads(bot, threads).is_empty()).await;
}

/// Lets the platforms' clocks run, twenty times as fast as ours, until
/// something holds; false if five minutes of ours did not bring it.
async fn until_time_brings(bot: &Bot, holds: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(300);
    while !holds() {
        if Instant::now() > deadline {
            return false;
        }
        bot.slack.advance(Duration::from_secs(1));
        bot.discord.advance(Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    true
}

fn open_threads(bot: &Bot, threads: &Threads) -> Vec<String> {
    let is_final = |text: &str| !text.contains("Looking it up");
    let slack = threads.slack.keys().filter(|(channel, ts)| {
        let replies = slack_replies(bot, channel, ts);
        replies.is_empty() || !replies.iter().all(|text| is_final(text))
    });
    let discord = threads.discord.keys().filter(|thread| {
        let replies = bot.discord.answers(**thread);
        replies.is_empty() || !replies.iter().all(|reply| is_final(&reply.content))
    });
    slack
        .map(|(channel, ts)| format!("{channel}/{ts}"))
        .chain(discord.map(u64::to_string))
        .collect()
}

fn slack_replies(bot: &Bot, channel: &str, ts: &str) -> Vec<String> {
    let thread = bot.slack.visible_thread(channel, ts);
    thread
        .into_iter()
        .filter(|message| message.user == "UBOT")
        .map(|message| message.text)
        .collect()
}

/// R4, R5, R7, R20: one answer in every thread, no placeholder left, the audit log whole.
fn verify(bot: &Bot, threads: &Threads) {
    let open = open_threads(bot, threads);
    assert!(
        open.is_empty(),
        "{} threads without a final answer: {open:?}",
        open.len()
    );
    for (channel, ts) in threads.slack.keys() {
        let replies = slack_replies(bot, channel, ts);
        assert_eq!(parts(&replies), 1, "{channel}/{ts}: {replies:#?}");
    }
    for thread in threads.discord.keys() {
        let replies: Vec<String> = bot
            .discord
            .answers(*thread)
            .into_iter()
            .map(|reply| reply.content)
            .collect();
        assert_eq!(parts(&replies), 1, "{thread}: {replies:#?}");
    }
    let audit = bot.command(&["audit", "verify", "--json"]);
    assert!(audit.contains("\"intact\":true"), "{audit}");
}

/// How many answers the messages make: parts of one answer say "(2/3)".
fn parts(replies: &[String]) -> usize {
    replies
        .iter()
        .filter(|text| !text.contains("(2/") && !text.contains("(3/"))
        .count()
}
