//! The fake refuses what Slack refuses, with Slack's codes.

use crate::fakes::slack::{APP_TOKEN, BOT_TOKEN, FakeSlack};
use serde_json::{Value, json};

struct Caller {
    slack: FakeSlack,
    http: reqwest::Client,
}

impl Caller {
    fn new() -> Self {
        Self {
            slack: FakeSlack::start(),
            http: reqwest::Client::new(),
        }
    }

    async fn write(&self, method: &str, body: &Value) -> Value {
        let url = format!("{}/{method}", self.slack.api_url());
        let request = self.http.post(url).bearer_auth(BOT_TOKEN).json(body);
        let response = request.send().await.expect("the fake answers");
        response.json().await.expect("the answer is JSON")
    }

    /// Calls with these fields and expects this code.
    async fn refused(&self, method: &str, body: Value, code: &str) {
        let answer = self.write(method, &body).await;
        assert_eq!(answer["error"], code, "{method} {body}");
    }
}

fn section(length: usize) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": "x".repeat(length) } })
}

fn table(rows: usize, cells: usize, length: usize) -> Value {
    let cell = json!({ "type": "raw_text", "text": "x".repeat(length) });
    json!({ "type": "table", "rows": vec![vec![cell; cells]; rows] })
}

#[tokio::test]
async fn payloads_over_the_limits_are_refused() {
    let caller = Caller::new();
    let blocks = async |blocks: Vec<Value>, code: &str| {
        let body = json!({ "channel": "C1", "text": "x", "blocks": blocks });
        caller.refused("chat.postMessage", body, code).await;
        caller.slack.advance(std::time::Duration::from_secs(1));
    };
    blocks(vec![section(1); 51], "invalid_blocks").await;
    blocks(vec![section(3_001)], "invalid_blocks").await;
    blocks(vec![section(0)], "invalid_blocks").await;
    blocks(vec![table(101, 1, 1)], "invalid_blocks").await;
    blocks(vec![table(1, 21, 1)], "invalid_blocks").await;
    blocks(vec![table(1, 1, 0)], "invalid_blocks").await;
    blocks(vec![table(11, 1, 1_000)], "invalid_blocks").await;
    blocks(vec![table(1, 1, 1); 2], "invalid_attachments").await;
    blocks(vec![json!({ "type": "future" })], "invalid_blocks").await;
    let markdown = json!({ "type": "markdown", "text": "x".repeat(7_000) });
    blocks(vec![markdown; 2], "markdown_text_too_long").await;
    let text = json!({ "channel": "C1", "text": "x".repeat(40_001) });
    caller
        .refused("chat.postMessage", text, "msg_too_long")
        .await;
    let nothing = json!({ "channel": "C1", "text": " " });
    caller.refused("chat.postMessage", nothing, "no_text").await;
    assert!(caller.slack.replies().is_empty());
}

#[tokio::test]
async fn messages_and_threads_must_exist() {
    let caller = Caller::new();
    let asked = caller.slack.say("U7", "C1", "hello");
    let reply = caller.slack.reply("U8", &asked, "hello yourself");
    let posted = caller
        .write("chat.postMessage", &json!({ "channel": "C1", "text": "x" }))
        .await;
    for (method, body, code) in [
        (
            "chat.postMessage",
            json!({ "channel": "C9", "text": "x" }),
            "channel_not_found",
        ),
        (
            "chat.postMessage",
            json!({ "channel": "C1", "text": "x", "thread_ts": "1.0" }),
            "thread_not_found",
        ),
        (
            "chat.postMessage",
            json!({ "channel": "C1", "text": "x", "thread_ts": reply.ts }),
            "invalid_thread_ts",
        ),
        (
            "chat.update",
            json!({ "channel": "C1", "text": "x", "ts": "1.0" }),
            "message_not_found",
        ),
        (
            "chat.update",
            json!({ "channel": "C1", "text": "x", "ts": asked.ts }),
            "cant_update_message",
        ),
        (
            "chat.update",
            json!({ "channel": "C1", "text": "x".repeat(4_001), "ts": posted["ts"] }),
            "msg_too_long",
        ),
        (
            "reactions.add",
            json!({ "channel": "C1", "name": "eyes", "timestamp": "1.0" }),
            "message_not_found",
        ),
        (
            "reactions.remove",
            json!({ "channel": "C1", "name": "eyes", "timestamp": asked.ts }),
            "no_reaction",
        ),
        ("files.upload", json!({}), "unknown_method"),
        // Reading methods know no JSON bodies.
        (
            "conversations.info",
            json!({ "channel": "C1" }),
            "channel_not_found",
        ),
    ] {
        caller.refused(method, body, code).await;
    }
    let eyes = json!({ "channel": "C1", "name": "eyes", "timestamp": asked.ts });
    assert_eq!(caller.write("reactions.add", &eyes).await["ok"], true);
    caller
        .refused("reactions.add", eyes, "already_reacted")
        .await;
}

#[tokio::test]
async fn tokens_are_good_for_their_own_methods() {
    let caller = Caller::new();
    let check = async |method: &str, token: Option<&str>, code: &str| {
        let url = format!("{}/{method}", caller.slack.api_url());
        let mut request = caller.http.post(url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.expect("the fake answers");
        let answer: Value = response.json().await.expect("the answer is JSON");
        assert_eq!(answer["error"], code);
    };
    check("auth.test", None, "not_authed").await;
    check("auth.test", Some("xoxb-other"), "invalid_auth").await;
    check("auth.test", Some(APP_TOKEN), "not_allowed_token_type").await;
    check(
        "apps.connections.open",
        Some(BOT_TOKEN),
        "not_allowed_token_type",
    )
    .await;
    caller.slack.revoke(BOT_TOKEN);
    check("auth.test", Some(BOT_TOKEN), "token_revoked").await;
    assert!(!caller.slack.wire().contains("xox"));
}

#[tokio::test]
async fn too_many_posts_in_a_channel_are_rate_limited() {
    let caller = Caller::new();
    let post = async |channel: &str| {
        let body = json!({ "channel": channel, "text": "x" });
        caller.write("chat.postMessage", &body).await["error"].clone()
    };
    let mut refused = Value::Null;
    for _ in 0..20 {
        refused = post("C1").await;
    }
    assert_eq!(refused, "ratelimited");
    assert_eq!(post("C2").await, Value::Null);
    caller.slack.advance(std::time::Duration::from_secs(1));
    assert_eq!(post("C1").await, Value::Null);
}
