//! What the adapter's own log lines tell.

use super::*;
use crate::fakes::slack::{APP_TOKEN, BOT_TOKEN, Fault};
use std::io::Write;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Lines;

    fn make_writer(&'a self) -> Lines {
        self.clone()
    }
}

/// R64, and no text of people: every line, at every level, of a bad day.
#[tokio::test]
async fn log_tells_neither_text_nor_token() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("lorekeeper=trace"))
        .with_ansi(false)
        .with_writer(lines.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let bot = Bot::start().await;
    let (_, place) = bot.asked().await;
    let secret = "the merger with Initech";
    bot.slack
        .fail("chat.postMessage", Fault::Refuse("invalid_blocks"));
    bot.slack.fail("conversations.info", Fault::Status(503));
    bot.post(&place, &says(secret)).await;
    bot.chat.readers(&place, &asker("U7")).await;
    bot.store.down.store(true, Ordering::SeqCst);
    bot.slack.mention("U7", "C1", secret);
    bot.store.called(4).await;
    let strange = bot
        .slack
        .event(serde_json::json!({ "type": "future", "text": secret }));
    bot.stored(&strange).await;
    bot.slack.revoke(APP_TOKEN);
    bot.slack.drop_sockets();
    bot.task
        .await
        .expect("the task ends")
        .expect_err("it ends badly");
    let log = String::from_utf8(lines.0.lock().unwrap().clone()).expect("the log is text");
    for line in [
        "plain text",
        "not acknowledged",
        "who reads channel C1",
        "future",
    ] {
        assert!(log.contains(line), "{line} is missing in\n{log}");
    }
    for never in [secret, "parental leave", BOT_TOKEN, APP_TOKEN, "ticket"] {
        assert!(!log.contains(never), "{never} is told in\n{log}");
    }
}
