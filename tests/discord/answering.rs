//! How the adapter answers: where, safely, once.

use super::*;
use crate::fakes::discord::{
    ALICE, BOB, BOT, FORUM_POST, Fault, GENERAL, OTHER_GENERAL, Permission, STRANGER, SUPPORT,
};
use lorekeeper::domain::{Inline, Readers, SourceLine};
use serde_json::json;

/// R25.
#[tokio::test]
async fn the_answer_stands_in_the_thread_of_its_question() {
    run_test(async |discord, bot| {
        let asked = discord.mention(ALICE, GENERAL, "how many orders did we have yesterday?");
        let question = bot.inbox.question().await;
        bot.post(&question.place, "1,204").await.unwrap();
        assert_eq!(contents(discord, asked), ["1,204"]);
        assert_eq!(
            discord.thread_name(asked).unwrap(),
            "how many orders did we have yesterday?"
        );
        assert!(discord.answers(GENERAL).is_empty());

        let follow_up = discord.say(ALICE, asked, "and in May?");
        let question = bot.inbox.questions(2).await.remove(1);
        bot.post(&question.place, "31,002").await.unwrap();
        let answers = discord.answers(asked);
        assert_eq!(answers[1].content, "31,002");
        assert_eq!(answers[1].reply_to, Some(follow_up));

        let in_forum = discord.mention(ALICE, FORUM_POST, "and refunds?");
        let question = bot.inbox.questions(3).await.remove(2);
        bot.post(&question.place, "87").await.unwrap();
        assert_eq!(discord.answers(FORUM_POST)[0].reply_to, Some(in_forum));

        discord.dm(ALICE, "and between us?");
        let question = bot.inbox.questions(4).await.remove(3);
        bot.post(&question.place, "1").await.unwrap();
        assert_eq!(contents(discord, discord.direct(ALICE)), ["1"]);
        assert_eq!(discord.last_reply().unwrap().content, "1");
    })
    .await;
}

fn contents(discord: &FakeDiscord, channel: u64) -> Vec<String> {
    discord
        .answers(channel)
        .into_iter()
        .map(|message| message.content)
        .collect()
}

#[tokio::test]
async fn a_thread_that_exists_is_used() {
    run_test(async |discord, bot| {
        let asked = discord.mention(ALICE, GENERAL, "orders?");
        let place = bot.inbox.question().await.place;
        bot.post(&place, "one").await.unwrap();
        bot.post(&place, "two").await.unwrap();
        assert_eq!(contents(discord, asked), ["one", "two"]);
        let threads = discord.requests("POST", "/threads");
        assert_eq!(threads[1].response["code"], 160004);
    })
    .await;
}

#[tokio::test]
async fn without_a_thread_the_answer_replies_in_the_channel() {
    let check = async |permission| {
        run_test(async |discord, bot| {
            discord.deny(SUPPORT, permission);
            let asked = discord.mention(ALICE, SUPPORT, "orders?");
            let place = bot.inbox.question().await.place;
            let key = first_part();
            let first = bot.chat.post(&place, &bot.part("one"), &key).await.unwrap();
            let next = PostKey {
                part: 1,
                ..key.clone()
            };
            bot.chat
                .post(&place, &bot.part("two"), &next)
                .await
                .unwrap();
            bot.chat
                .edit(&place, &first, &bot.part("one, edited"))
                .await
                .unwrap();
            let answers = discord.answers(SUPPORT);
            assert_eq!(contents(discord, SUPPORT), ["one, edited", "two"]);
            assert!(answers.iter().all(|answer| answer.reply_to == Some(asked)));
            assert_eq!(bot.chat.find(&place, &key).await.unwrap(), Some(first));
        })
        .await;
    };
    check(Permission::CreateThreads).await;
    check(Permission::SendInThreads).await;
}

/// R3, and R41 for the previews.
#[tokio::test]
async fn no_text_notifies_anybody_or_unfolds_a_preview() {
    run_test(async |discord, bot| {
        let asked = discord.mention(ALICE, GENERAL, "@everyone orders?");
        let place = bot.inbox.question().await.place;
        let evil = format!("@everyone @here <@{BOB}> <@!{BOB}> <@&9> <#1> [bank](https://evil.example) https://evil.example");
        let message = vec![
            Block::Heading { text: evil.clone() },
            Block::paragraph(evil.clone()),
            Block::List { ordered: false, items: vec![vec![Inline::strong(evil.clone()), Inline::code(evil.clone())]] },
            Block::Quote { text: vec![Inline::text(evil.clone())] },
            Block::Sources {
                lines: vec![SourceLine {
                    n: 1,
                    title: evil.clone(),
                    section: evil.clone(),
                    locator: evil.clone(),
                    version: evil.clone(),
                }],
            },
        ];
        let part = &bot.chat.render(&message)[0];
        let posted = bot.chat.post(&place, part, &first_part()).await.unwrap();
        bot.chat.edit(&place, &posted, part).await.unwrap();

        let answer = &discord.answers(asked)[0];
        assert_eq!(answer.pings, Vec::<String>::new());
        assert!(answer.edited && !answer.previews);
        let outside_code: String = answer.content.split('`').step_by(2).collect();
        for sequence in ["@everyone", "@here", &format!("<@{BOB}>"), "<@&9>", "<#1>"] {
            assert!(!outside_code.contains(sequence), "{sequence} in {outside_code}");
        }
        assert!(!outside_code.contains(" [bank]("));
        for request in [discord.requests("POST", "/messages"), discord.requests("PATCH", posted.as_str())].concat() {
            assert_eq!(request.body["allowed_mentions"], json!({"parse": []}), "{}", request.method);
        }
    })
    .await;
}

/// R9.
#[tokio::test]
async fn a_post_whose_response_was_lost_is_visible_once() {
    run_test(async |discord, bot| {
        let asked = discord.mention(ALICE, GENERAL, "orders?");
        let place = bot.inbox.question().await.place;
        let (part, key) = (bot.part("1,204"), first_part());
        discord.fail("POST", "/messages", Fault::LoseResponse);
        let lost = bot.chat.post(&place, &part, &key).await.unwrap_err();
        assert!(
            matches!(
                lost,
                ChatError::InDoubt {
                    call: "create message",
                    ..
                }
            ),
            "{lost:?}"
        );

        let found = bot
            .chat
            .find(&place, &key)
            .await
            .unwrap()
            .expect("it was made");
        let again = bot.chat.post(&place, &part, &key).await.unwrap();
        assert_eq!(found, again);
        assert_eq!(contents(discord, asked), ["1,204"]);
    })
    .await;
}

/// R9: after Discord has forgotten the nonce.
#[tokio::test]
async fn a_post_is_found_by_its_place_among_the_replies() {
    run_test(async |discord, bot| {
        let asked = discord.mention(ALICE, GENERAL, "orders?");
        let first = bot.inbox.question().await.place;
        let key = first_part();
        let next = PostKey {
            part: 1,
            ..key.clone()
        };
        assert_eq!(bot.chat.find(&first, &key).await.unwrap(), None);
        let one = bot.chat.post(&first, &bot.part("one"), &key).await.unwrap();
        assert_eq!(bot.chat.find(&first, &next).await.unwrap(), None);
        let two = bot
            .chat
            .post(&first, &bot.part("two"), &next)
            .await
            .unwrap();

        discord.say(BOB, asked, "and in May?");
        let second = bot.inbox.questions(2).await.remove(1).place;
        let other = first_part();
        assert_eq!(bot.chat.find(&second, &other).await.unwrap(), None);
        let three = bot
            .chat
            .post(&second, &bot.part("three"), &other)
            .await
            .unwrap();

        discord.advance(Duration::from_secs(3600));
        assert_eq!(bot.chat.find(&first, &key).await.unwrap(), Some(one));
        assert_eq!(bot.chat.find(&first, &next).await.unwrap(), Some(two));
        assert_eq!(bot.chat.find(&second, &other).await.unwrap(), Some(three));
    })
    .await;
}

#[tokio::test]
async fn an_edit_whose_response_was_lost_may_be_made_again() {
    run_test(async |discord, bot| {
        let asked = discord.mention(ALICE, GENERAL, "orders?");
        let place = bot.inbox.question().await.place;
        let posted = bot.post(&place, "…").await.unwrap();
        discord.fail("PATCH", posted.as_str(), Fault::LoseResponse);
        let lost = bot
            .chat
            .edit(&place, &posted, &bot.part("1,204"))
            .await
            .unwrap_err();
        assert!(matches!(lost, ChatError::Unavailable(_)), "{lost:?}");
        bot.chat
            .edit(&place, &posted, &bot.part("1,204"))
            .await
            .unwrap();
        assert_eq!(contents(discord, asked), ["1,204"]);
    })
    .await;
}

/// R42: an edit that leaves the buttons out takes them away.
#[tokio::test]
async fn buttons_come_and_go_with_the_message() {
    run_test(async |discord, bot| {
        let asked = discord.mention(ALICE, GENERAL, "orders?");
        let place = bot.inbox.question().await.place;
        let posted = bot.post(&place, "…").await.unwrap();
        let control = Block::FeedbackControl {
            question: QuestionId::new(),
        };
        let answer = bot.chat.render(&vec![Block::paragraph("1,204"), control]);
        bot.chat.edit(&place, &posted, &answer[0]).await.unwrap();
        assert_eq!(discord.answers(asked)[0].buttons, ["👍", "👎"]);
        bot.chat
            .edit(&place, &posted, &bot.part("withdrawn"))
            .await
            .unwrap();
        assert!(discord.answers(asked)[0].buttons.is_empty());
    })
    .await;
}

/// R23, R24.
#[tokio::test]
async fn typing_is_the_first_sign_of_work() {
    run_test(async |discord, bot| {
        discord.mention(ALICE, GENERAL, "orders?");
        let place = bot.inbox.question().await.place;
        bot.chat.working(&place).await.unwrap();
        assert_eq!(discord.typing(), [GENERAL]);
        bot.chat.finished(&place).await.unwrap();
        bot.chat.finished(&place).await.unwrap();
    })
    .await;
}

/// R1, as far as the adapter knows it.
#[tokio::test]
async fn only_people_of_the_company_are_readers() {
    run_test(async |discord, bot| {
        let check = async |asked_by: u64, channel: u64, expected: Readers| {
            discord.mention(asked_by, channel, "orders?");
            let count = bot.inbox.questions(1).await.len();
            let newest = discord.visible(channel).pop().unwrap().id.to_string();
            let mut questions = bot.inbox.questions(count).await;
            while questions.last().unwrap().delivery != newest {
                questions = bot.inbox.questions(questions.len() + 1).await;
            }
            let question = questions.pop().unwrap();
            assert_eq!(
                bot.chat.readers(&question.place, &question.asker).await,
                expected
            );
        };
        check(ALICE, GENERAL, Readers::Internal).await;
        check(ALICE, FORUM_POST, Readers::Internal).await;
        check(STRANGER, OTHER_GENERAL, Readers::External).await;
        check(ALICE, discord.direct(ALICE), Readers::AskerOnly).await;
        check(STRANGER, discord.direct(STRANGER), Readers::External).await;
        discord.fail("GET", &format!("/members/{ALICE}"), Fault::Status(503));
        check(ALICE, discord.direct(ALICE), Readers::Unknown).await;
    })
    .await;
}

/// R36, R37.
#[tokio::test]
async fn a_long_answer_comes_in_numbered_parts_and_its_order() {
    run_test(async |discord, bot| {
        let asked = discord.mention(ALICE, GENERAL, "tell me everything");
        let place = bot.inbox.question().await.place;
        let items = (1..=120)
            .map(|n| {
                vec![Inline::text(format!(
                    "fact number {n} about *orders* and refunds"
                ))]
            })
            .collect();
        let question = QuestionId::new();
        let message = vec![
            Block::List {
                ordered: true,
                items,
            },
            Block::Code {
                language: "sql".into(),
                text: "select 1;\n".repeat(300),
            },
            Block::FeedbackControl { question },
        ];
        let parts = bot.chat.render(&message);
        for (n, part) in parts.iter().enumerate() {
            // Five posts in five seconds are allowed.
            discord.advance(Duration::from_secs(5));
            bot.chat
                .post(&place, part, &PostKey { question, part: n })
                .await
                .unwrap();
        }
        let answers = discord.answers(asked);
        assert!(answers.len() >= 4);
        let count = answers.len();
        for (n, answer) in answers.iter().enumerate() {
            assert!(answer.content.ends_with(&format!("-# {}/{count}", n + 1)));
            assert_eq!(
                answer.content.matches("```").count() % 2,
                0,
                "{}",
                answer.content
            );
            assert_eq!(answer.buttons.is_empty(), n + 1 < count);
        }
        assert!(
            discord
                .visible(asked)
                .iter()
                .all(|message| message.author == BOT)
        );
    })
    .await;
}
