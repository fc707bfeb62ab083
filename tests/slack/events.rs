//! What people do, as the store gets it.

use super::*;
use crate::fakes::slack::{BOT_USER, Events};
use lorekeeper::domain::{
    Addressed, FeedbackChange, FeedbackTarget, PlaceKind, Signal, Verdict, normalize_emoji,
};
use serde_json::json;

/// R5: whichever event comes first, both name the same gesture.
#[tokio::test]
async fn mention_and_message_of_one_gesture_have_one_subject() {
    let bot = Bot::start().await;
    for events in [Events::Both, Events::MessageFirst] {
        let asked = bot.slack.mention_as(events, "U7", "C1", "how?");
        bot.stored(&asked).await;
        let questions = bot.store.questions();
        let [.., first, second] = &questions[..] else {
            panic!("two events are stored");
        };
        assert_eq!(first.subject, format!("T1:C1:{}", asked.ts));
        assert_eq!(first.subject, second.subject);
        assert_eq!(first.alias, second.alias);
        assert_ne!(first.delivery, second.delivery);
        assert_eq!(first.addressed, Addressed::Mention);
        assert_eq!(second.addressed, Addressed::Mention);
        assert_eq!(first.place, second.place);
        assert_eq!(first.text, "how?");
    }
}

/// R4: a retry is a new envelope with the same delivery key.
#[tokio::test]
async fn redelivered_event_has_the_same_delivery_key() {
    let bot = Bot::start().await;
    let asked = bot
        .slack
        .mention_as(Events::MentionOnly, "U7", "C1", "how?");
    bot.stored(&asked).await;
    bot.slack.redeliver(&asked);
    bot.slack.redeliver(&asked);
    bot.slack
        .until("three acknowledgements", |slack| {
            (slack.acks_of(&asked) == 3).then_some(())
        })
        .await;
    let questions = bot.store.questions();
    assert_eq!(questions.len(), 3);
    assert!(questions.iter().all(|q| *q == questions[0]));
}

/// R15: a retry may be the first frame that arrives.
#[tokio::test]
async fn retry_without_a_first_delivery_is_taken() {
    let bot = Bot::start().await;
    bot.slack.lose_deliveries(1);
    let asked = bot
        .slack
        .mention_as(Events::MentionOnly, "U7", "C1", "how?");
    assert_eq!(bot.slack.retry_unacked(), 1);
    bot.stored(&asked).await;
    assert_eq!(bot.store.questions().len(), 1);
    assert!(bot.slack.wire().contains("retry: 1"));
}

/// R8: own posts and edits, their echoes, bots and edits by people start nothing.
#[tokio::test]
async fn only_people_ask() {
    let bot = Bot::start().await;
    let (asked, place) = bot.asked().await;
    let before = bot.store.questions().len();
    let ts = bot.post(&place, &says("<@UBOT> how?")).await;
    bot.chat
        .edit(&place, &ts, &part("better"))
        .await
        .expect("it is edited");
    bot.chat.working(&place).await.expect("it shows work");
    let quiet = [
        bot.slack.edit(&asked, "<@UBOT> how now?"),
        bot.slack.event(json!({
            "type": "app_mention", "user": "UOTHER", "bot_id": "BOTHER", "text": "<@UBOT> ping",
            "ts": "1700000000.000100", "channel": "C1", "event_ts": "1700000000.000100",
        })),
        bot.slack.event(json!({
            "type": "message", "subtype": "bot_message", "bot_id": "BHOOK", "text": "<@UBOT> build",
            "ts": "1700000000.000200", "channel": "C1", "channel_type": "channel",
        })),
        bot.slack.event(json!({
            "type": "message", "subtype": "channel_join", "user": "U8", "text": "<@U8> has joined",
            "ts": "1700000000.000300", "channel": "C1", "channel_type": "channel",
        })),
        bot.slack.event(json!({
            "type": "message", "subtype": "message_deleted", "hidden": true, "channel": "C1",
            "ts": "1700000000.000400", "deleted_ts": asked.ts, "channel_type": "channel",
        })),
        bot.slack.say("U8", "C1", "lunch?"),
    ];
    for event in &quiet {
        bot.stored(event).await;
    }
    bot.slack
        .until("echoes are acknowledged", |slack| {
            (slack.unacked() == 0).then_some(())
        })
        .await;
    assert_eq!(bot.store.questions().len(), before);
    for why in [
        "our own message",
        "our own reaction",
        "an edit",
        "a message of a bot",
        "a message of the system",
        "a deletion",
        "a message to nobody in particular",
    ] {
        assert!(bot.store.ignored().contains(&why), "{why}");
    }
}

/// R25: the reply goes to the root of the thread, wherever the question stands.
#[tokio::test]
async fn reply_lands_in_the_thread_of_the_question() {
    let bot = Bot::start().await;
    let root = bot.slack.say("U8", "C2", "our travel rules changed");
    let positions = [
        (bot.slack.mention("U7", "C1", "how?"), PlaceKind::Channel),
        (bot.slack.mention_in(&root, "U7", "how?"), PlaceKind::Thread),
        (bot.slack.reply("U7", &root, "and now?"), PlaceKind::Thread),
        (bot.slack.dm("U7", "how?"), PlaceKind::Direct),
    ];
    for (asked, kind) in positions {
        bot.stored(&asked).await;
        let questions = bot.store.questions();
        let question = questions
            .iter()
            .find(|q| q.place.message.as_str() == asked.ts)
            .expect("it is stored");
        assert_eq!(question.place.kind, kind);
        let ts = bot.post(&question.place, &says("so")).await;
        let thread = bot.slack.visible_thread(&asked.channel, &asked.thread);
        let reply = thread.last().expect("the thread has a reply");
        assert_eq!(reply.ts, ts.as_str());
        assert_eq!(reply.thread.as_deref(), Some(asked.thread.as_str()));
    }
}

#[tokio::test]
async fn message_in_a_thread_without_a_mention_is_offered_as_a_follow_up() {
    let bot = Bot::start().await;
    let (asked, _) = bot.asked().await;
    let reply = bot
        .slack
        .reply("U7", &asked, "and for <fathers> & mothers?");
    bot.stored(&reply).await;
    let question = bot.store.questions().pop().expect("it is stored");
    assert_eq!(question.addressed, Addressed::Thread);
    assert_eq!(question.place.thread.as_str(), asked.ts);
    assert_eq!(question.text, "and for <fathers> & mothers?");
    assert_eq!(question.asker.person.as_str(), "slack:U7");
}

/// R46, and the time that orders changes of mind (R45).
#[tokio::test]
async fn reactions_on_our_messages_become_feedback() {
    let bot = Bot::start().await;
    let (_, place) = bot.asked().await;
    let ts = bot.post(&place, &says("so")).await;
    let emojis = ["+1", "thumbsup::skin-tone-3", "-1", "eyes"];
    for emoji in emojis {
        let added = bot.slack.react("U8", "C1", ts.as_str(), emoji);
        let removed = bot.slack.unreact("U8", "C1", ts.as_str(), emoji);
        bot.stored(&added).await;
        bot.stored(&removed).await;
    }
    let mut feedback = bot.store.feedback();
    assert_eq!(feedback.len(), 2 * emojis.len());
    feedback.sort_by_key(|f| f.at_us);
    for (pair, emoji) in feedback.chunks(2).zip(emojis) {
        assert_eq!(pair[0].change, FeedbackChange::Added);
        assert_eq!(pair[1].change, FeedbackChange::Removed);
        assert!(pair[0].at_us < pair[1].at_us);
        assert_eq!(pair[0].signal.verdict(), normalize_emoji(emoji).1);
        let FeedbackTarget::Message { message, .. } = &pair[0].target else {
            panic!("a reaction is about a message");
        };
        assert_eq!(*message, ts);
    }
}

/// R49: what the bot itself does, and what happens to others' messages.
#[tokio::test]
async fn reactions_that_are_no_feedback_are_ignored() {
    let bot = Bot::start().await;
    let (asked, place) = bot.asked().await;
    bot.chat.working(&place).await.expect("it shows work");
    let elsewhere = bot.slack.react("U8", "C1", &asked.ts, "+1");
    bot.stored(&elsewhere).await;
    bot.slack
        .until("echoes are acknowledged", |slack| {
            (slack.unacked() == 0).then_some(())
        })
        .await;
    assert_eq!(bot.store.feedback(), []);
    assert!(bot.store.ignored().contains(&"our own reaction"));
    assert!(
        bot.store
            .ignored()
            .contains(&"a reaction to another's message")
    );
}

/// R48 (the key), R49 (other organisations), R11 (the value).
#[tokio::test]
async fn feedback_button_names_the_answer_and_the_verdict() {
    let bot = Bot::start().await;
    let (_, place) = bot.asked().await;
    let question = QuestionId::new();
    let message = vec![Block::paragraph("so"), Block::FeedbackControl { question }];
    let ts = bot.post(&place, &message).await;
    let up = bot.slack.press("U8", "C1", ts.as_str(), true);
    bot.stored(&up).await;
    let down = bot.slack.press("U8", "C1", ts.as_str(), false);
    bot.stored(&down).await;
    bot.slack.stranger("U9");
    let foreign = bot.slack.press("U9", "C1", ts.as_str(), false);
    bot.stored(&foreign).await;
    let feedback = bot.store.feedback();
    let [up, down] = &feedback[..] else {
        panic!("two presses count: {feedback:?}");
    };
    assert_eq!(up.target, FeedbackTarget::Answer(question));
    assert_eq!(up.signal, Signal::Button(Verdict::Positive));
    assert_eq!(down.signal, Signal::Button(Verdict::Negative));
    assert_eq!(up.signal.key(), down.signal.key());
    assert!(up.at_us < down.at_us);
    assert_eq!(up.person.as_str(), "slack:U8");
}

/// R14: acknowledged once, not fatal.
#[tokio::test]
async fn unknown_events_are_acknowledged_once() {
    let bot = Bot::start().await;
    let future = bot
        .slack
        .event(json!({ "type": "future_event", "user": "U7" }));
    let odd = bot
        .slack
        .event(json!({ "type": "message", "channel": 7, "user": BOT_USER }));
    bot.stored(&future).await;
    bot.stored(&odd).await;
    bot.slack
        .send_frame(json!({ "envelope_id": "e-strange", "type": "moon_phase" }));
    bot.slack
        .until("strange envelope is acknowledged", |slack| {
            slack
                .wire()
                .contains("envelope: \"e-strange\"")
                .then_some(())
        })
        .await;
    bot.slack.send_frame(json!("no object at all"));
    let asked = bot.slack.mention("U7", "C1", "still there?");
    bot.stored(&asked).await;
    assert_eq!(bot.slack.acks_of(&future), 1);
    let unknown = bot
        .store
        .seen()
        .into_iter()
        .filter_map(|incoming| match incoming {
            Incoming::Unknown { kind } => Some(kind),
            _ => None,
        });
    let unknown: Vec<String> = unknown.collect();
    assert_eq!(unknown.len(), 3, "{unknown:?}");
    assert!(unknown.contains(&"future_event".to_string()));
    assert!(unknown.contains(&"moon_phase".to_string()));
}
