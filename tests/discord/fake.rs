//! The fake refuses what Discord refuses: what the other tests rest on.

use crate::fakes::discord::{ALICE, FORUM_POST, FakeDiscord, GENERAL, Permission, SUPPORT, TOKEN};
use serde_json::{Value, json};
use std::time::Duration;

struct Caller<'a> {
    discord: &'a FakeDiscord,
    token: &'a str,
}

impl Caller<'_> {
    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(reqwest::Method::POST, path, body).await
    }

    async fn send(&self, method: reqwest::Method, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/api/v10{path}", self.discord.url());
        let request = reqwest::Client::new().request(method, url);
        let response = request
            .header("authorization", format!("Bot {}", self.token))
            .json(&body)
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or(Value::Null))
    }
}

#[tokio::test]
async fn a_message_is_refused_with_the_code_that_discord_gives() {
    let discord = FakeDiscord::start();
    let bot = Caller {
        discord: &discord,
        token: TOKEN,
    };
    let messages = format!("/channels/{GENERAL}/messages");
    let button = |id: &str| json!({"type": 2, "style": 2, "label": "x", "custom_id": id});
    let row = |buttons: Vec<Value>| json!([{"type": 1, "components": buttons}]);
    for (body, code) in [
        (json!({"content": "x".repeat(2001)}), 50035),
        (json!({"content": ""}), 50006),
        (json!({"content": "  \n "}), 50006),
        (json!({"content": "x", "nonce": "n".repeat(26)}), 50035),
        (json!({"content": "x", "enforce_nonce": true}), 50035),
        (json!({"content": "x", "flags": 1 << 6}), 50035),
        (
            json!({"content": "x", "allowed_mentions": {"parse": ["nobody"]}}),
            50035,
        ),
        (json!({"content": "x", "components": row(vec![])}), 50035),
        (
            json!({"content": "x", "components": row(vec![button("")])}),
            50035,
        ),
        (
            json!({"content": "x", "components": row(vec![button(&"i".repeat(101))])}),
            50035,
        ),
        (
            json!({"content": "x", "components": row(vec![button("a"), button("a")])}),
            50035,
        ),
        (
            json!({"content": "x", "message_reference": {"message_id": "1"}}),
            50035,
        ),
    ] {
        discord.advance(Duration::from_secs(5));
        let (status, answer) = bot.post(&messages, body.clone()).await;
        assert_eq!((status, &answer["code"]), (400, &json!(code)), "{body}");
    }
    assert!(discord.answers(GENERAL).is_empty());
    discord.advance(Duration::from_secs(5));
    let (status, made) = bot
        .post(&messages, json!({"content": "x".repeat(2000)}))
        .await;
    assert_eq!((status, &made["author"]["bot"]), (200, &json!(true)));
}

#[tokio::test]
async fn places_and_tokens_are_refused_with_their_codes() {
    let discord = FakeDiscord::start();
    let bot = Caller {
        discord: &discord,
        token: TOKEN,
    };
    let thief = Caller {
        token: "stolen",
        ..bot
    };
    let body = json!({"content": "x", "name": "x"});
    let asked = discord.mention(ALICE, GENERAL, "orders?");
    let threads = format!("/channels/{GENERAL}/messages/{asked}/threads");
    discord.deny(SUPPORT, Permission::Send);
    let refused = async |caller: &Caller, path: &str| {
        let (status, answer) = caller.post(path, body.clone()).await;
        (status, answer["code"].as_i64().unwrap_or_default())
    };
    assert_eq!(
        refused(&thief, &format!("/channels/{GENERAL}/messages")).await,
        (401, 0)
    );
    assert_eq!(refused(&bot, "/channels/1/messages").await, (404, 10003));
    assert_eq!(
        refused(&bot, &format!("/channels/{SUPPORT}/messages")).await,
        (403, 50013)
    );
    assert_eq!(
        refused(&bot, "/channels/381870553235193859/messages").await,
        (400, 50008)
    );
    assert_eq!(
        refused(&bot, &format!("/channels/{FORUM_POST}/messages/1/threads")).await,
        (400, 50024)
    );
    assert_eq!(
        refused(&bot, &format!("/channels/{GENERAL}/messages/1/threads")).await,
        (404, 10008)
    );
    assert_eq!(refused(&bot, &threads).await, (200, 0));
    assert_eq!(refused(&bot, &threads).await, (400, 160004));
    let (_, thread) = bot
        .send(
            reqwest::Method::GET,
            &format!("/channels/{asked}"),
            Value::Null,
        )
        .await;
    assert_eq!(
        (&thread["id"], &thread["type"]),
        (&json!(asked.to_string()), &json!(11))
    );
    let edit = format!("/channels/{GENERAL}/messages/{asked}");
    let (status, answer) = bot
        .send(reqwest::Method::PATCH, &edit, json!({"content": "mine"}))
        .await;
    assert_eq!((status, &answer["code"]), (403, &json!(50005)));
}

#[tokio::test]
async fn an_interaction_is_answered_once_and_within_three_seconds() {
    let discord = FakeDiscord::start();
    let bot = Caller {
        discord: &discord,
        token: TOKEN,
    };
    let button = json!({"type": 2, "style": 2, "emoji": {"name": "👍"}, "custom_id": "fb"});
    let body = json!({"content": "x", "components": [{"type": 1, "components": [button]}]});
    let (_, made) = bot
        .post(&format!("/channels/{GENERAL}/messages"), body)
        .await;
    let message = made["id"].as_str().unwrap().parse().unwrap();
    let callback = |interaction: u64, n: usize| {
        format!("/interactions/{interaction}/interaction-token-{n}/callback")
    };

    let press = discord.press(ALICE, message, "👍");
    assert_eq!(
        bot.post(&callback(press, 0), json!({"type": 1})).await.1["code"],
        50035
    );
    assert_eq!(
        bot.post(&callback(press, 9), json!({"type": 6})).await.1["code"],
        50027
    );
    assert_eq!(
        bot.post(&callback(press, 0), json!({"type": 6})).await.0,
        204
    );
    assert_eq!(
        bot.post(&callback(press, 0), json!({"type": 6})).await.1["code"],
        40060
    );
    let late = discord.press(ALICE, message, "👍");
    discord.advance(Duration::from_millis(3001));
    assert_eq!(
        bot.post(&callback(late, 1), json!({"type": 6})).await.1["code"],
        10062
    );
}

#[tokio::test]
async fn a_nonce_makes_one_message_for_some_minutes() {
    let discord = FakeDiscord::start();
    let bot = Caller {
        discord: &discord,
        token: TOKEN,
    };
    let messages = format!("/channels/{GENERAL}/messages");
    let body = json!({"content": "x", "nonce": "n", "enforce_nonce": true});
    let first = bot.post(&messages, body.clone()).await.1;
    assert_eq!(bot.post(&messages, body.clone()).await.1["id"], first["id"]);
    discord.advance(Duration::from_secs(600));
    assert_ne!(bot.post(&messages, body).await.1["id"], first["id"]);
}

#[tokio::test]
async fn the_sixth_message_in_five_seconds_is_one_too_many() {
    let discord = FakeDiscord::start();
    let bot = Caller {
        discord: &discord,
        token: TOKEN,
    };
    let messages = format!("/channels/{GENERAL}/messages");
    for _ in 0..5 {
        assert_eq!(bot.post(&messages, json!({"content": "x"})).await.0, 200);
    }
    let (status, answer) = bot.post(&messages, json!({"content": "x"})).await;
    assert_eq!((status, &answer["global"]), (429, &json!(false)));
    assert!(answer["retry_after"].as_f64().unwrap() <= 5.0);
    discord.advance(Duration::from_secs(5));
    assert_eq!(bot.post(&messages, json!({"content": "x"})).await.0, 200);
}
