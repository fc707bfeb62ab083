//! Posts, edits and reactions, as people see them.

use super::*;
use crate::fakes::slack::{BOT_USER, Fault};
use lorekeeper::{
    domain::{Inline, MessageId, SourceLine},
    ports::ChatError,
};
use std::time::Duration;

fn answer(text: &str) -> Message {
    vec![
        Block::Paragraph {
            text: vec![Inline::text(text), Inline::Cite { n: 1 }],
        },
        Block::Sources {
            lines: vec![
                SourceLine {
                    n: 1,
                    title: "Parental leave".into(),
                    section: "Length".into(),
                    locator: "https://wiki.acme.example/leave?a=1&b=2".into(),
                    version: "2026-03-01".into(),
                },
                SourceLine {
                    n: 2,
                    title: "Leave table".into(),
                    section: String::new(),
                    locator: "handbook/leave.md".into(),
                    version: String::new(),
                },
            ],
        },
        Block::Disclaimer {
            text: "Made by a machine, check the sources.".into(),
        },
        Block::FeedbackControl {
            question: QuestionId::new(),
        },
    ]
}

/// R41, R42, R43: sources, disclaimer and feedback are seen; nothing unfurls;
/// the text alone says it all.
#[tokio::test]
async fn answer_shows_its_sources_and_asks_for_feedback() {
    let bot = Bot::start().await;
    let (asked, place) = bot.asked().await;
    bot.post(&place, &answer("Sixteen weeks.")).await;
    let reply = bot.slack.last_reply();
    insta::assert_snapshot!(reply.shown, @r"
    Sixteen weeks.[1]

    [1] Parental leave › Length · 2026-03-01
    [2] Leave table (handbook/leave.md)

    Made by a machine, check the sources.

    [Helpful] [Not helpful]
    ");
    insta::assert_snapshot!(reply.text, @r"
    Sixteen weeks.[1]

    [1] Parental leave › Length · 2026-03-01 (https://wiki.acme.example/leave?a=1&b=2)
    [2] Leave table (handbook/leave.md)

    Made by a machine, check the sources.
    ");
    assert!(!reply.unfurls);
    assert_eq!(reply.thread.as_deref(), Some(asked.ts.as_str()));
    assert_eq!(bot.slack.visible_thread("C1", &asked.ts).len(), 2);
}

/// R3: whatever the text says, nobody is notified.
#[tokio::test]
async fn text_pings_nobody() {
    let bot = Bot::start().await;
    let (_, place) = bot.asked().await;
    let text = "<!channel> <@U8> <!subteam^S1> <#C2> @here @everyone <https://a.example|b> & more";
    let cells = vec![vec![text.to_string()]];
    let message = vec![
        Block::paragraph(text),
        Block::Heading { text: text.into() },
        Block::List {
            ordered: false,
            items: vec![vec![Inline::strong(text)]],
        },
        Block::Quote {
            text: vec![Inline::code(text)],
        },
        Block::Code {
            language: "sh".into(),
            text: text.into(),
        },
        Block::Table {
            caption: text.into(),
            header: vec![text.into()],
            rows: cells,
        },
        Block::notice(text),
        Block::Disclaimer { text: text.into() },
        Block::Sources {
            lines: vec![SourceLine {
                n: 1,
                title: text.into(),
                section: text.into(),
                locator: text.into(),
                version: text.into(),
            }],
        },
    ];
    let ts = bot.post(&place, &message).await;
    let rendered = bot.chat.render(&message);
    bot.chat
        .edit(&place, &ts, &rendered[0])
        .await
        .expect("it is edited");
    bot.slack
        .fail("chat.update", Fault::Refuse("invalid_blocks"));
    bot.chat
        .edit(&place, &ts, &rendered[0])
        .await
        .expect("it is edited");
    let reply = bot.slack.last_reply();
    assert_eq!(reply.pings, Vec::<String>::new());
    assert_eq!(reply.versions.len(), 3);
    assert!(reply.text.contains(text));
}

/// R9: after a lost response the message is found, so it is not posted again.
#[tokio::test]
async fn post_whose_response_was_lost_is_found() {
    let bot = Bot::start().await;
    let (asked, place) = bot.asked().await;
    let (mine, other) = (key(), key());
    bot.slack.fail("chat.postMessage", Fault::LoseResponse);
    let outcome = bot.chat.post(&place, &part("so"), &mine).await;
    assert!(
        matches!(outcome, Err(ChatError::InDoubt { .. })),
        "{outcome:?}"
    );
    let found = bot
        .chat
        .find(&place, &mine)
        .await
        .expect("the thread is read");
    let reply = bot.slack.last_reply();
    assert_eq!(found, Some(MessageId::new(&reply.ts)));
    assert_eq!(
        bot.chat.find(&place, &other).await.expect("it is read"),
        None
    );
    assert_eq!(bot.slack.visible_thread("C1", &asked.ts).len(), 2);
}

/// R9: a request that never arrived is in doubt too, and is not found.
#[tokio::test]
async fn post_that_never_arrived_is_not_found() {
    let bot = Bot::start().await;
    let (_, place) = bot.asked().await;
    for fault in [
        Fault::LoseRequest,
        Fault::Status(502),
        Fault::Refuse("internal_error"),
    ] {
        let mine = key();
        bot.slack.fail("chat.postMessage", fault);
        let outcome = bot.chat.post(&place, &part("so"), &mine).await;
        assert!(
            matches!(outcome, Err(ChatError::InDoubt { .. })),
            "{outcome:?}"
        );
        assert_eq!(
            bot.chat.find(&place, &mine).await.expect("it is read"),
            None
        );
    }
    assert!(bot.slack.replies().is_empty());
}

#[tokio::test]
async fn post_is_found_behind_a_long_thread() {
    let bot = Bot::start().await;
    let (asked, place) = bot.asked().await;
    for n in 0..250 {
        bot.slack.reply("U8", &asked, &format!("remark {n}"));
    }
    let mine = key();
    let ts = bot
        .chat
        .post(&place, &part("so"), &mine)
        .await
        .expect("it is posted");
    assert_eq!(
        bot.chat.find(&place, &mine).await.expect("it is read"),
        Some(ts)
    );
    assert_eq!(bot.slack.calls("conversations.replies").len(), 2);
}

/// R11: what other apps can read of a post is opaque.
#[tokio::test]
async fn metadata_says_nothing() {
    let bot = Bot::start().await;
    let (_, place) = bot.asked().await;
    let mine = key();
    bot.chat
        .post(&place, &part("so"), &mine)
        .await
        .expect("it is posted");
    let reply = bot.slack.last_reply();
    assert_eq!(
        reply.metadata,
        serde_json::json!({
            "event_type": "lorekeeper_post",
            "event_payload": { "key": format!("{}.0", mine.question) },
        })
    );
}

/// R23, R24: the sign comes and goes, and both are harmless to repeat.
#[tokio::test]
async fn eyes_show_that_work_is_going_on() {
    let bot = Bot::start().await;
    let (asked, place) = bot.asked().await;
    let eyes = || bot.slack.reactions("C1", &asked.ts, "eyes");
    for _ in 0..2 {
        bot.chat.working(&place).await.expect("the sign is put");
        assert_eq!(eyes(), [BOT_USER]);
    }
    for _ in 0..2 {
        bot.chat
            .finished(&place)
            .await
            .expect("the sign is taken away");
        assert_eq!(eyes(), Vec::<String>::new());
    }
}

/// R30: an edit whose response is lost is written again, which nobody sees.
#[tokio::test]
async fn edit_survives_lost_responses() {
    let bot = Bot::start().await;
    let (_, place) = bot.asked().await;
    let ts = bot.post(&place, &says("one moment")).await;
    bot.slack.fail("chat.update", Fault::LoseResponse);
    bot.slack.fail("chat.update", Fault::Status(503));
    bot.chat
        .edit(&place, &ts, &part("so"))
        .await
        .expect("it is edited");
    let reply = bot.slack.last_reply();
    assert_eq!(reply.shown, "so");
    assert_eq!(bot.slack.replies().len(), 1);
    assert_eq!(bot.slack.calls("chat.update").len(), 3);
}

/// R29, R30: edits that pile up become one, and it is the last.
#[tokio::test]
async fn piled_up_edits_become_the_last_one() {
    let bot = Bot::start().await;
    let (_, place) = bot.asked().await;
    let ts = bot.post(&place, &says("one moment")).await;
    let parts: Vec<Part> = (0..100).map(|n| part(&format!("draft {n}"))).collect();
    let edits = parts.iter().map(|part| bot.chat.edit(&place, &ts, part));
    for outcome in futures::future::join_all(edits).await {
        outcome.expect("it is edited, or a newer one is");
    }
    assert_eq!(bot.slack.last_reply().shown, "draft 99");
    assert_eq!(bot.slack.calls("chat.update").len(), 1);
}

/// R29: by the fake's own clock.
#[tokio::test]
async fn edits_of_a_message_stand_three_seconds_apart_on_the_wire() {
    let bot = Bot::start().await;
    let (_, place) = bot.asked().await;
    let ts = bot.post(&place, &says("one moment")).await;
    for text in ["first", "second"] {
        bot.chat
            .edit(&place, &ts, &part(text))
            .await
            .expect("it is edited");
    }
    let calls = bot.slack.calls("chat.update");
    let apart = calls[1].at - calls[0].at;
    assert!(apart > Duration::from_millis(2_900), "{apart:?}");
    assert_eq!(
        bot.slack.last_reply().versions,
        ["one moment", "first", "second"]
    );
}

/// R31: Retry-After is obeyed where it was asked for, and only there.
#[tokio::test]
async fn rate_limit_of_one_channel_leaves_others_alone() {
    let bot = Bot::start().await;
    let (_, crowded) = bot.asked_in("C1").await;
    let (_, quiet) = bot.asked_in("C2").await;
    bot.slack
        .fail_in("C1", "chat.postMessage", Fault::RateLimited { seconds: 2 });
    let (first, second) = (part("crowded"), part("quiet"));
    let (crowded_key, quiet_key) = (key(), key());
    let held_up = bot.chat.post(&crowded, &first, &crowded_key);
    let free = async {
        bot.slack
            .until("the refusal", |slack| {
                (!slack.calls("chat.postMessage").is_empty()).then_some(())
            })
            .await;
        bot.chat.post(&quiet, &second, &quiet_key).await
    };
    let (held_up, free) = tokio::join!(held_up, free);
    held_up.expect("it is posted after the pause");
    free.expect("it is posted at once");
    let calls = bot.slack.calls("chat.postMessage");
    let outcomes: Vec<(&str, &str)> = calls
        .iter()
        .map(|call| {
            (
                call.arguments["channel"].as_str().unwrap_or_default(),
                call.outcome.as_str(),
            )
        })
        .collect();
    assert_eq!(
        outcomes,
        [("C1", "429 for 2 s"), ("C2", "ok"), ("C1", "ok")]
    );
    let pause = calls[2].at - calls[0].at;
    assert!(pause >= Duration::from_millis(1_990), "{pause:?}");
}

/// R31: a pause that is too long to wait out is the worker's to plan.
#[tokio::test]
async fn long_rate_limit_is_handed_back() {
    let bot = Bot::start().await;
    let (_, place) = bot.asked().await;
    bot.slack
        .fail("chat.postMessage", Fault::RateLimited { seconds: 120 });
    let outcome = bot.chat.post(&place, &part("so"), &key()).await;
    let Err(ChatError::RateLimited { retry_after }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(retry_after, Duration::from_secs(120));
}

/// R36, behaviour 9: a payload that Slack refuses is delivered as plain text.
#[tokio::test]
async fn refused_blocks_are_posted_as_plain_text() {
    let bot = Bot::start().await;
    let (_, place) = bot.asked().await;
    bot.slack
        .fail("chat.postMessage", Fault::Refuse("invalid_blocks"));
    bot.post(&place, &answer("Sixteen <weeks> & a day.")).await;
    let reply = bot.slack.last_reply();
    assert!(reply.shown.starts_with("Sixteen <weeks> & a day.[1]"));
    assert!(reply.shown.contains("https://wiki.acme.example/leave"));
    assert_eq!(reply.pings, Vec::<String>::new());
}

/// R36: every part of a long answer is taken, numbered and in order.
#[tokio::test]
async fn long_answer_arrives_in_numbered_parts() {
    let bot = Bot::start().await;
    let (asked, place) = bot.asked().await;
    let text = "Sixteen weeks & a <day>, says the handbook. ".repeat(200);
    let parts = bot.chat.render(&answer(&text));
    assert!(parts.len() > 2);
    for (n, part) in parts.iter().enumerate() {
        let key = PostKey {
            question: QuestionId::new(),
            part: n,
        };
        let ts = bot
            .chat
            .post(&place, part, &key)
            .await
            .expect("it is posted");
        bot.chat
            .edit(&place, &ts, part)
            .await
            .expect("it fits an edit too");
    }
    let thread = bot.slack.visible_thread("C1", &asked.ts);
    let replies = &thread[1..];
    for (n, reply) in replies.iter().enumerate() {
        assert!(
            reply
                .text
                .starts_with(&format!("({}/{}) ", n + 1, parts.len()))
        );
        let has_buttons = reply.shown.contains("[Helpful]");
        assert_eq!(has_buttons, n + 1 == parts.len());
    }
}

/// R59 and S43: what will never work is said to be so.
#[tokio::test]
async fn refusals_are_told_apart() {
    let bot = Bot::start().await;
    let (_, place) = bot.asked().await;
    let posting = async || bot.chat.post(&place, &part("so"), &key()).await;
    for code in [
        "is_archived",
        "not_in_channel",
        "channel_not_found",
        "restricted_action",
    ] {
        bot.slack.fail("chat.postMessage", Fault::Refuse(code));
        let outcome = posting().await;
        assert!(
            matches!(&outcome, Err(ChatError::Permanent { code: c, .. }) if c == code),
            "{outcome:?}"
        );
    }
    for code in [
        "invalid_auth",
        "account_inactive",
        "token_revoked",
        "token_expired",
    ] {
        bot.slack.fail("chat.postMessage", Fault::Refuse(code));
        let outcome = posting().await;
        assert!(
            matches!(&outcome, Err(ChatError::Unauthorized { .. })),
            "{outcome:?}"
        );
    }
    bot.slack.archive("C1");
    assert!(matches!(posting().await, Err(ChatError::Permanent { .. })));
}

/// The fake refuses what Slack refuses.
#[tokio::test]
async fn only_our_own_messages_can_be_edited() {
    let bot = Bot::start().await;
    let (asked, place) = bot.asked().await;
    let edit = async |ts: &str| {
        let outcome = bot
            .chat
            .edit(&place, &MessageId::new(ts), &part("so"))
            .await;
        match outcome {
            Err(ChatError::Permanent { code, .. }) => code,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(edit(&asked.ts).await, "cant_update_message");
    assert_eq!(edit("1.000001").await, "message_not_found");
}
