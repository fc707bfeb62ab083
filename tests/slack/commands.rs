//! `/lore` on the wire: acknowledgement, the address of a command, files.

use super::*;
use crate::fakes::slack::Fault;
use lorekeeper::domain::{Addressed, PersonId, PlaceKind, Readers, Rows};
use serde_json::json;
use std::time::Duration;

impl Bot {
    /// A command that U7 typed in C1, and its place.
    async fn commanded(&self, text: &str) -> (Asked, Place) {
        let asked = self.slack.slash("U7", "C1", text);
        self.stored(&asked).await;
        let questions = self.store.questions();
        let command = questions
            .iter()
            .rfind(|question| question.place.message.as_str() == asked.ts);
        let place = command.expect("the command is stored").place.clone();
        (asked, place)
    }

    /// What U7 alone sees in C1 after the echo of the command.
    fn results(&self) -> Vec<String> {
        let seen = self.slack.ephemerals("U7", "C1").into_iter().skip(1);
        seen.map(|message| message.text).collect()
    }

    fn direct(&self) -> Vec<String> {
        let messages = self.slack.messages("D7").into_iter();
        messages.map(|message| message.text).collect()
    }

    async fn send(&self, place: &Place, text: &str, part: usize) {
        let parts = self.chat.render_alone(&says(text));
        let key = PostKey { part, ..key() };
        self.chat
            .post(place, &parts[0], &key)
            .await
            .expect("it is posted");
    }
}

fn rows(count: usize) -> Message {
    vec![Block::Rows {
        name: "sales".into(),
        rows: Rows {
            columns: vec!["n".into(), "note".into()],
            rows: (0..count).map(|n| vec![json!(n), json!("=1+1")]).collect(),
            truncated: false,
        },
    }]
}

/// R16: stored, then acknowledged; Slack's escapes are undone, and nobody is pinged by the echo.
#[tokio::test]
async fn command_is_read_as_it_was_typed() {
    let bot = Bot::start().await;
    let (_, place) = bot
        .commanded("ask what does @U8 say of <!channel> & “x”?")
        .await;
    let command = bot.store.questions().remove(0);
    assert_eq!(command.text, "ask what does @u8 say of <!channel> & “x”?");
    assert_eq!(command.addressed, Addressed::Command);
    assert_eq!(command.asker.person, PersonId::new("slack:U7"));
    assert_eq!(place.kind, PlaceKind::Channel);
    let echo = bot.slack.ephemerals("U7", "C1").remove(0);
    assert_eq!(
        echo.text,
        "/lore ask what does @u8 say of <!channel> & “x”?"
    );
    assert!(echo.pings.is_empty(), "{:?}", echo.pings);
    let direct = bot.slack.slash("U7", "D7", "help");
    bot.stored(&direct).await;
    assert_eq!(bot.store.questions()[1].place.kind, PlaceKind::Direct);
}

/// R12, R16: what could not be stored is said within three seconds, and not done later.
#[tokio::test]
async fn command_that_can_not_be_stored_is_refused_in_time() {
    let bot = Bot::start().await;
    bot.store.down.store(true, Ordering::SeqCst);
    bot.slack.slash("U7", "C1", "help");
    let told = async |count| {
        bot.slack
            .until("a word to U7", |slack| {
                slack.ephemerals("U7", "C1").into_iter().nth(count)
            })
            .await
    };
    assert!(told(0).await.text.contains("Try it again"));
    bot.store.down.store(false, Ordering::SeqCst);
    bot.store.hung.store(true, Ordering::SeqCst);
    bot.slack.slash("U7", "C1", "help");
    assert!(told(1).await.text.contains("Try it again"));
    assert!(
        bot.slack
            .ack_times()
            .iter()
            .all(|time| *time < Duration::from_secs(3))
    );
    assert!(bot.store.questions().is_empty());
}

/// R16, S77: five messages, and the rest goes to the direct conversation.
#[tokio::test]
async fn address_takes_five_messages_and_the_rest_goes_directly() {
    let bot = Bot::start().await;
    let (_, place) = bot.commanded("ask everything").await;
    for part in 0..7 {
        bot.send(&place, &format!("part {part}"), part).await;
    }
    let of = |parts: std::ops::Range<usize>| {
        parts.map(|part| format!("part {part}")).collect::<Vec<_>>()
    };
    assert_eq!(bot.results(), of(0..5));
    assert_eq!(bot.direct(), of(5..7));
    assert_eq!(bot.slack.calls("response_url").len(), 5);
    assert!(bot.slack.messages("C1").is_empty());
}

/// R16, S77: half an hour, and what comes later stays as private.
#[tokio::test]
async fn result_after_half_an_hour_goes_directly_or_where_all_may_see_it() {
    let bot = Bot::start().await;
    let (_, place) = bot.commanded("sql sales").await;
    bot.slack.advance(Duration::from_secs(29 * 60));
    bot.send(&place, "in time", 0).await;
    assert_eq!(bot.results(), ["in time"]);
    bot.slack.advance(Duration::from_secs(2 * 60));
    bot.send(&place, "too late", 0).await;
    assert_eq!(bot.direct(), ["too late"]);
    assert!(bot.slack.messages("C1").is_empty());
    bot.post(&place, &says("for all")).await;
    assert_eq!(bot.slack.messages("C1")[0].text, "for all");
}

/// R9: a direct message whose response was lost is found again.
#[tokio::test]
async fn direct_message_in_doubt_is_found() {
    let bot = Bot::start().await;
    let (asked, place) = bot.commanded("sql sales").await;
    bot.slack.close_response_url(&asked);
    bot.slack.fail("chat.postMessage", Fault::LoseResponse);
    let (key, part) = (key(), &bot.chat.render_alone(&says("12 sales"))[0]);
    assert!(bot.chat.find(&place, &key).await.unwrap().is_none());
    assert!(bot.chat.post(&place, part, &key).await.is_err());
    let found = bot
        .chat
        .find(&place, &key)
        .await
        .unwrap()
        .expect("it is there");
    bot.chat
        .edit(&place, &found, part)
        .await
        .expect("it is edited");
    assert_eq!(bot.direct(), ["12 sales"]);
}

/// Behaviour 9: what Slack refuses as blocks arrives as text.
#[tokio::test]
async fn refused_blocks_of_a_result_arrive_as_text() {
    let bot = Bot::start().await;
    let (_, place) = bot.commanded("sql sales").await;
    bot.slack
        .fail("response_url", Fault::Refuse("invalid_blocks"));
    bot.send(&place, "12 <b> sales", 0).await;
    assert_eq!(bot.results(), ["12 <b> sales"]);
}

/// What is for the asker alone depends on the asker alone, wherever it was typed.
#[tokio::test]
async fn readers_of_a_private_result_are_its_asker() {
    let bot = Bot::start().await;
    let (_, place) = bot.commanded("sql sales").await;
    bot.slack.share_silently("C1");
    let readers = async |place: &Place, user| bot.chat.readers(place, &asker(user)).await;
    assert_eq!(readers(&place, "U7").await, Readers::External);
    assert_eq!(readers(&place.alone(), "U7").await, Readers::AskerOnly);
    bot.slack.guest("U8");
    assert_eq!(readers(&place.alone(), "U8").await, Readers::WithGuests);
}

/// R38, S82: asked for, put, shared; to the direct conversation, or in the thread of a question.
#[tokio::test]
async fn rows_beyond_a_table_are_a_file() {
    let bot = Bot::start().await;
    let (_, place) = bot.commanded("sql sales").await;
    let few = bot.chat.render_alone(&rows(20));
    assert_eq!(few.len(), 1);
    assert!(few[0].payload.to_string().contains("\"table\""));
    let many = bot.chat.render_alone(&rows(5_000));
    assert_eq!(many.len(), 2);
    let mut key = key();
    for (part, content) in many.iter().enumerate() {
        key.part = part;
        bot.chat
            .post(&place, content, &key)
            .await
            .expect("it is posted");
    }
    let file = bot.slack.files().remove(0);
    assert_eq!(file.channel.as_deref(), Some("D7"));
    assert_eq!(file.title, "sales, 5000 rows");
    assert_eq!(file.text.expect("it was put").lines().count(), 5_001);
    assert!(bot.chat.find(&place, &key).await.unwrap().is_some());

    let (asked, place) = bot.asked().await;
    let file = bot.chat.render(&rows(5_000)).remove(1);
    let posted = bot
        .chat
        .post(&place, &file, &key)
        .await
        .expect("it is posted");
    assert_eq!(bot.chat.find(&place, &key).await.unwrap(), Some(posted));
    let replies = bot.slack.visible_thread("C1", &asked.ts);
    assert_eq!(replies.len(), 2, "{replies:?}");
}

/// R59: an app without the right to share files still answers.
#[tokio::test]
async fn file_that_slack_refuses_is_named_in_words() {
    let bot = Bot::start().await;
    let (_, place) = bot.commanded("sql sales").await;
    bot.slack
        .fail("files.getUploadURLExternal", Fault::Refuse("missing_scope"));
    let parts = bot.chat.render_alone(&rows(5_000));
    bot.chat
        .post(&place, &parts[1], &key())
        .await
        .expect("it is posted");
    assert!(
        bot.results()[0].contains("the CSV file is missing"),
        "{:?}",
        bot.results()
    );
}
