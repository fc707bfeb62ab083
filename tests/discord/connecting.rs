//! How the adapter connects, stays connected, and gives up.

use super::*;
use crate::fakes::discord::{ALICE, APPLICATION, FakeDiscord, GENERAL, GUILD, TOKEN};
use lorekeeper::config::DiscordSection;

/// R53, D8.
#[tokio::test]
async fn the_bot_identifies_with_the_intents_that_it_needs() {
    run_test(async |discord, _| {
        let identify = &discord.received(2)[0]["d"];
        assert_eq!(identify["intents"], 46593);
        assert_eq!(identify["token"], format!("Bot {TOKEN}"));
    })
    .await;
}

/// R56: each fault names what to do.
#[tokio::test]
async fn a_wrong_token_is_told_before_anything_is_opened() {
    let discord = FakeDiscord::start();
    let section = DiscordSection {
        bot_token: "wrong".into(),
        ..discord.section()
    };
    let error = Bot::start(&section).await.err().expect("it does not start");
    assert!(matches!(error, DiscordError::BadToken));
    assert!(error.to_string().contains("Reset Token"), "{error}");
    assert_eq!(discord.wire().len(), 1);
}

#[tokio::test]
async fn a_missing_intent_ends_the_task_and_names_the_switch() {
    let discord = FakeDiscord::start();
    discord.forbid_message_content();
    let bot = Bot::start(&discord.section()).await.unwrap();
    let error = bot.ended().await.unwrap_err();
    assert!(
        matches!(error, DiscordError::MessageContentIntent),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("\"Message Content Intent\""),
        "{error}"
    );
}

#[tokio::test]
async fn a_token_taken_back_ends_the_task() {
    let discord = FakeDiscord::start();
    let bot = Bot::start(&discord.section()).await.unwrap();
    discord.connected(1).await;
    discord.close_socket(4004);
    let error = bot.ended().await.unwrap_err();
    assert!(matches!(error, DiscordError::BadToken), "{error:?}");
}

/// D2: past the limit, Discord resets the token.
#[tokio::test]
async fn the_last_sessions_of_a_day_are_not_used_up() {
    let discord = FakeDiscord::start();
    discord.leave_sessions(4);
    let error = Bot::start(&discord.section())
        .await
        .err()
        .expect("it does not start");
    assert!(
        matches!(error, DiscordError::FewSessionsLeft { left: 4, .. }),
        "{error:?}"
    );
    assert_eq!(discord.received(2).len(), 0);
}

#[tokio::test]
async fn an_unreachable_discord_is_told_with_what_to_check() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let discord = FakeDiscord::start();
    let section = DiscordSection {
        api_url: Some(format!("http://{closed}")),
        ..discord.section()
    };
    let error = Bot::start(&section).await.err().expect("it does not start");
    assert!(
        matches!(
            error,
            DiscordError::Unreachable {
                call: "get current user",
                ..
            }
        ),
        "{error:?}"
    );
}

/// R53, R7: what was said meanwhile is heard once the session is resumed.
#[tokio::test]
async fn a_broken_connection_is_resumed_and_nothing_is_missed() {
    let ways: [fn(&FakeDiscord); 4] = [
        FakeDiscord::drop_socket,
        FakeDiscord::ask_to_reconnect,
        |discord| discord.close_socket(4000),
        |discord| discord.invalidate_session(true),
    ];
    for (n, break_it) in ways.into_iter().enumerate() {
        run_test(async |discord, bot| {
            discord.mention(ALICE, GENERAL, "before");
            bot.inbox.question().await;
            break_it(discord);
            discord.mention(ALICE, GENERAL, "meanwhile");
            let questions = bot.inbox.questions(2).await;
            assert_eq!(questions[1].text, "meanwhile", "way {n}");
            discord
                .until("a resume", |discord| discord.received(6).pop())
                .await;
            assert_eq!(discord.received(2).len(), 1, "way {n}: one identify");
        })
        .await;
    }
}

#[tokio::test]
async fn stopping_says_goodbye() {
    let discord = FakeDiscord::start();
    let bot = Bot::start(&discord.section()).await.unwrap();
    discord.connected(1).await;
    bot.stop().await.unwrap();
    discord
        .until("the goodbye", |discord| {
            discord
                .wire_text()
                .contains("bot closed with 1000")
                .then_some(())
        })
        .await;
    assert_eq!(discord.sockets_open(), 0);
}

/// R64.
#[tokio::test]
async fn a_discord_that_answers_elsewhere_is_asked_nowhere_else() {
    run_test(async |discord, _| {
        let asked: Vec<String> = discord
            .requests("GET", "")
            .into_iter()
            .map(|request| request.path)
            .collect();
        assert_eq!(
            asked,
            [
                "/users/@me",
                "/gateway/bot",
                "/users/@me/guilds",
                "/oauth2/applications/@me",
                &format!("/applications/{APPLICATION}/commands"),
                &format!("/applications/{APPLICATION}/guilds/{GUILD}/commands"),
                "/gateway"
            ]
        );
    })
    .await;
}
