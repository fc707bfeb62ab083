//! Acknowledgements, outages and ends.

use super::*;
use crate::fakes::slack::{APP_TOKEN, Events, Fault};
use std::time::Duration;

/// R12: no acknowledgement while the store is down; the retry is taken once.
#[tokio::test]
async fn event_that_is_not_stored_is_not_acknowledged() {
    let bot = Bot::start().await;
    bot.store.down.store(true, Ordering::SeqCst);
    let lost = bot
        .slack
        .mention_as(Events::MentionOnly, "U7", "C1", "how?");
    // An event that needs no store passes on every socket behind it.
    for _ in 0..2 {
        let behind = bot.slack.say("U8", "C1", "lunch?");
        bot.stored(&behind).await;
    }
    assert!(!bot.slack.is_acked(&lost));
    bot.store.down.store(false, Ordering::SeqCst);
    assert_eq!(bot.slack.retry_unacked(), 1);
    bot.stored(&lost).await;
    assert_eq!(bot.store.questions().len(), 1);
    assert_eq!(bot.slack.acks_of(&lost), 1);
}

/// R12, R13: a store that hangs costs its own events only, and not for ever.
#[tokio::test]
async fn hanging_store_does_not_block_a_socket_for_good() {
    let bot = Bot::start().await;
    bot.store.hung.store(true, Ordering::SeqCst);
    let lost = bot.slack.mention("U7", "C1", "how?");
    bot.store.hung.store(false, Ordering::SeqCst);
    let behind = bot.slack.mention("U7", "C2", "and here?");
    bot.stored(&behind).await;
    bot.slack.retry_unacked();
    bot.stored(&lost).await;
}

/// R12, R13: with a quick store, acknowledgements do not wait for work.
#[tokio::test]
async fn fifty_events_are_acknowledged_within_a_second_each() {
    let bot = Bot::start().await;
    let asked: Vec<Asked> = (0..50)
        .map(|n| {
            bot.slack
                .mention_as(Events::MentionOnly, "U7", "C1", &format!("question {n}"))
        })
        .collect();
    for asked in &asked {
        bot.stored(asked).await;
    }
    let mut times = bot.slack.ack_times();
    times.sort();
    assert_eq!(times.len(), 50);
    let slowest = times.last().copied().unwrap_or_default();
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    assert_eq!(bot.store.questions().len(), 50);
}

/// R52: replaced sockets lose nothing.
#[tokio::test]
async fn sockets_that_slack_replaces_lose_no_event() {
    let bot = Bot::start().await;
    for reason in ["warning", "refresh_requested", "too_many_websockets"] {
        let before = bot.slack.sockets_ever();
        bot.slack.disconnect_one(reason);
        let during = bot.slack.mention("U7", "C1", reason);
        bot.slack
            .until("a socket takes the place", |slack| {
                (slack.sockets_ever() > before && slack.open_sockets() >= 2).then_some(())
            })
            .await;
        bot.stored(&during).await;
    }
    let before = bot.slack.sockets_ever();
    bot.slack.drop_sockets();
    bot.slack
        .until("both sockets are back", |slack| {
            (slack.sockets_ever() >= before + 2 && slack.open_sockets() >= 2).then_some(())
        })
        .await;
    let after = bot.slack.mention("U7", "C1", "after the break");
    bot.stored(&after).await;
}

#[tokio::test]
async fn stop_closes_the_sockets_and_takes_nothing_more() {
    let bot = Bot::start().await;
    bot.stop.cancel();
    bot.task
        .await
        .expect("the task ends")
        .expect("it ends well");
    bot.slack
        .until("sockets are closed", |slack| {
            (slack.open_sockets() == 0).then_some(())
        })
        .await;
    let asked = bot.slack.mention("U7", "C1", "anybody there?");
    assert!(!bot.slack.is_acked(&asked));
    assert_eq!(bot.store.questions(), []);
}

/// Events that arrived while nobody was connected reach the next start.
#[tokio::test]
async fn events_of_a_downtime_reach_the_next_start() {
    let slack = FakeSlack::start();
    let asked = slack.mention("U7", "C1", "anybody there?");
    let store = Arc::new(Store::default());
    let stop = CancellationToken::new();
    let handle = slack::start(&slack.section(), store.clone(), stop.clone())
        .await
        .expect("the adapter starts");
    slack.acked(&asked).await;
    assert_eq!(store.questions().len(), 2);
    stop.cancel();
    handle
        .task
        .await
        .expect("the task ends")
        .expect("it ends well");
}

#[tokio::test]
async fn revoked_app_token_ends_the_task_with_an_error() {
    let bot = Bot::start().await;
    bot.slack.revoke(APP_TOKEN);
    bot.slack.drop_sockets();
    let error = bot
        .task
        .await
        .expect("the task ends")
        .expect_err("it ends badly");
    assert!(error.to_string().contains("`slack.app_token`"), "{error}");
    assert!(error.to_string().contains("token_revoked"), "{error}");
}

#[tokio::test]
async fn uninstalled_app_ends_the_task_with_an_error() {
    let bot = Bot::start().await;
    bot.slack
        .event(serde_json::json!({ "type": "app_uninstalled" }));
    let error = bot
        .task
        .await
        .expect("the task ends")
        .expect_err("it ends badly");
    assert!(error.to_string().contains("`slack.bot_token`"), "{error}");
}

#[tokio::test]
async fn wrong_token_is_named_at_start() {
    let slack = FakeSlack::start();
    let check = async |bot: &str, app: &str, expected: [&str; 2]| {
        let mut section = slack.section();
        section.bot_token = bot.into();
        section.app_token = app.into();
        let outcome = slack::start(
            &section,
            Arc::new(Store::default()),
            CancellationToken::new(),
        );
        let error = outcome.await.err().expect("the start fails").to_string();
        for word in expected {
            assert!(error.contains(word), "{error}");
        }
        assert!(!error.contains(bot) && !error.contains(app), "{error}");
    };
    let (bot, app) = (crate::fakes::slack::BOT_TOKEN, APP_TOKEN);
    check(
        app,
        bot,
        ["`slack.bot_token`", "does not start with `xoxb-`"],
    )
    .await;
    check(
        bot,
        "xoxb-2",
        ["`slack.app_token`", "does not start with `xapp-`"],
    )
    .await;
    check("xoxb-wrong", app, ["`slack.bot_token`", "invalid_auth"]).await;
    check(bot, "xapp-wrong", ["`slack.app_token`", "invalid_auth"]).await;
    slack.fail("auth.test", Fault::Status(503));
    check("xoxb-any", app, ["can't be reached", "response was lost"]).await;
}
