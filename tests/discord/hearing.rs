//! What the adapter hears, and what it passes over.

use super::*;
use crate::fakes::discord::{
    ALICE, BOB, BOT, FORUM_POST, GENERAL, GUILD, OTHER_GENERAL, ROBOT, STRANGER,
};
use lorekeeper::domain::{FeedbackChange, FeedbackTarget, Membership, Signal, Verdict};

/// R25: the six places where a question can start.
#[tokio::test]
async fn a_question_is_heard_wherever_it_is_asked() {
    run_test(async |discord, bot| {
        let asked = discord.mention(ALICE, GENERAL, "how many orders yesterday?");
        let question = bot.inbox.question().await;
        assert_eq!(question.text, "how many orders yesterday?");
        assert_eq!(question.addressed, Addressed::Mention);
        assert_eq!(
            question.asker,
            Actor::member(PersonId::new(format!("discord:{ALICE}")))
        );
        assert_eq!(
            (question.delivery, question.subject),
            (asked.to_string(), asked.to_string())
        );
        assert_eq!(
            question.place,
            place(PlaceKind::Channel, GENERAL, asked, asked)
        );

        let posted = bot.post(&question.place, "1,204").await.unwrap();
        let answer: u64 = posted.as_str().parse().unwrap();

        let asked_again = discord.say(BOB, asked, "and in May?");
        let pinged = discord.reply(BOB, answer, "and in June?");
        let in_forum = discord.mention(BOB, FORUM_POST, "what about refunds?");
        let in_forum_unnamed = discord.say(BOB, FORUM_POST, "anyone?");
        let direct = discord.dm(ALICE, "how do I log in?");
        let questions = bot.inbox.questions(6).await;
        let heard: Vec<_> = questions[1..]
            .iter()
            .map(|q| (q.addressed, q.place.clone()))
            .collect();
        let forum = 381_870_553_235_193_859;
        let conversation = discord.direct(ALICE);
        assert_eq!(
            heard,
            [
                (
                    Addressed::Thread,
                    place(PlaceKind::Thread, GENERAL, asked, asked_again)
                ),
                (
                    Addressed::Mention,
                    place(PlaceKind::Thread, GENERAL, asked, pinged)
                ),
                (
                    Addressed::Mention,
                    place(PlaceKind::Thread, forum, FORUM_POST, in_forum)
                ),
                (
                    Addressed::Thread,
                    place(PlaceKind::Thread, forum, FORUM_POST, in_forum_unnamed)
                ),
                (
                    Addressed::Direct,
                    Place {
                        tenant: TenantId::new("@me"),
                        ..place(PlaceKind::Direct, conversation, conversation, direct)
                    }
                ),
            ]
        );
        assert_eq!(questions[5].asker.membership, Membership::Unknown);
    })
    .await;
}

fn place(kind: PlaceKind, channel: u64, thread: u64, message: u64) -> Place {
    Place {
        platform: Platform::Discord,
        tenant: TenantId::new(GUILD.to_string()),
        channel: ChannelId::new(channel.to_string()),
        thread: ThreadId::new(thread.to_string()),
        message: MessageId::new(message.to_string()),
        kind,
        callback: None,
    }
}

#[tokio::test]
async fn the_name_of_the_bot_is_taken_out_of_the_text() {
    run_test(async |discord, bot| {
        let texts = [
            (format!("<@!{BOT}> orders?"), "orders?"),
            (format!("hey <@{BOT}>, orders?"), "hey , orders?"),
            (format!("orders <@{BOT}>"), "orders"),
            (
                format!("orders for <@{BOB}>"),
                &format!("orders for <@{BOB}>"),
            ),
            ("```\n  keep   this\n```".into(), "```\n  keep   this\n```"),
            (String::new(), ""),
        ];
        for (i, (text, expected)) in texts.iter().enumerate() {
            discord.mention(ALICE, GENERAL, text);
            assert_eq!(bot.inbox.questions(i + 1).await[i].text, *expected);
        }
    })
    .await;
}

/// R8.
#[tokio::test]
async fn what_no_person_said_to_us_starts_nothing() {
    run_test(async |discord, bot| {
        discord.mention(ROBOT, GENERAL, "from another bot");
        discord.webhook(GENERAL, "from a webhook");
        for kind in [6, 7, 8, 18, 20, 21, 23] {
            discord.system(ALICE, GENERAL, kind);
        }
        discord.say(ALICE, GENERAL, "to everybody else");
        let plain = discord.say(BOB, GENERAL, "a thing");
        discord.reply(ALICE, plain, "about the thing");
        let asked = discord.mention(ALICE, GENERAL, "a question");
        let question = bot.inbox.question().await;
        bot.post(&question.place, "an answer").await.unwrap();
        discord.change_text(asked, &format!("<@{BOT}> a question, edited"));
        discord.dm(ALICE, "the last word");
        let questions = bot.inbox.questions(2).await;
        assert_eq!(questions[1].text, "the last word");
        // Nine of machines and of Discord itself, three of people among
        // themselves, our own answer and the note above it.
        assert_eq!(bot.inbox.ignored(14).await.len(), 14);
        assert_eq!(bot.inbox.all(16).await.len(), 16);
    })
    .await;
}

/// R7: a replay carries the same key, by which intake knows it.
#[tokio::test]
async fn a_replayed_message_has_the_same_delivery() {
    run_test(async |discord, bot| {
        discord.mention(ALICE, GENERAL, "once");
        bot.inbox.question().await;
        discord.replay(0);
        let questions = bot.inbox.questions(2).await;
        assert_eq!(questions[0], questions[1]);
    })
    .await;
}

#[tokio::test]
async fn an_event_that_can_not_be_stored_is_given_again() {
    run_test(async |discord, bot| {
        bot.inbox.fail(3);
        discord.mention(ALICE, GENERAL, "first");
        discord.mention(ALICE, GENERAL, "second");
        let texts: Vec<_> = bot
            .inbox
            .questions(2)
            .await
            .into_iter()
            .map(|q| q.text)
            .collect();
        assert_eq!(texts, ["first", "second"]);
    })
    .await;
}

#[tokio::test]
async fn a_thread_that_was_asleep_while_we_connected_is_looked_up() {
    let discord = FakeDiscord::start();
    discord.archive(FORUM_POST);
    let bot = Bot::start(&discord.section()).await.unwrap();
    discord.connected(1).await;
    discord.say(ALICE, FORUM_POST, "still there?");
    assert_eq!(bot.inbox.question().await.place.kind, PlaceKind::Thread);
    assert_eq!(
        discord
            .requests("GET", &format!("/channels/{FORUM_POST}"))
            .len(),
        1
    );
    discord.say(ALICE, FORUM_POST, "hello?");
    bot.inbox.questions(2).await;
    assert_eq!(
        discord
            .requests("GET", &format!("/channels/{FORUM_POST}"))
            .len(),
        1
    );
    bot.stop().await.unwrap();
}

/// R46.
#[tokio::test]
async fn a_reaction_is_a_vote_with_its_emoji() {
    run_test(async |discord, bot| {
        let asked = discord.mention(ALICE, GENERAL, "orders?");
        let question = bot.inbox.question().await;
        let posted = bot.post(&question.place, "1,204").await.unwrap();
        let answer = posted.as_str().parse().unwrap();

        discord.react(ALICE, answer, "👍🏽");
        discord.unreact(ALICE, answer, "👍🏽");
        discord.super_react(BOB, answer, "👎");
        discord.react_custom(BOB, answer, "thumbsup");
        discord.react(BOB, answer, "👀");
        let votes = bot.inbox.feedback(5).await;
        let said: Vec<_> = votes
            .iter()
            .map(|vote| {
                (
                    vote.person.as_str(),
                    vote.signal.verdict(),
                    vote.signal.key(),
                    vote.change,
                )
            })
            .collect();
        let alice = format!("discord:{ALICE}");
        let bob = format!("discord:{BOB}");
        assert_eq!(
            said,
            [
                (
                    alice.as_str(),
                    Verdict::Positive,
                    "reaction:+1".into(),
                    FeedbackChange::Added
                ),
                (
                    alice.as_str(),
                    Verdict::Positive,
                    "reaction:+1".into(),
                    FeedbackChange::Removed
                ),
                (
                    bob.as_str(),
                    Verdict::Negative,
                    "burst:-1".into(),
                    FeedbackChange::Added
                ),
                (
                    bob.as_str(),
                    Verdict::Positive,
                    "reaction:+1".into(),
                    FeedbackChange::Added
                ),
                (
                    bob.as_str(),
                    Verdict::Other,
                    "reaction:👀".into(),
                    FeedbackChange::Added
                ),
            ]
        );
        let target = FeedbackTarget::Message {
            platform: Platform::Discord,
            channel: ChannelId::new(GENERAL.to_string()),
            message: posted,
        };
        assert!(
            votes.iter().all(|vote| vote.target == target),
            "asked in {asked}"
        );
    })
    .await;
}

/// The tasks in which serenity hands on events may run in any order.
#[tokio::test]
async fn votes_are_in_the_order_in_which_they_were_cast() {
    run_test(async |discord, bot| {
        discord.mention(ALICE, GENERAL, "orders?");
        let question = bot.inbox.question().await;
        let posted = bot.post(&question.place, "1,204").await.unwrap();
        let answer = posted.as_str().parse().unwrap();
        for _ in 0..100 {
            discord.react(ALICE, answer, "👍");
            discord.unreact(ALICE, answer, "👍");
        }
        let votes = bot.inbox.feedback(200).await;
        assert!(votes.windows(2).all(|pair| pair[0].at_us < pair[1].at_us));
        let expected = [FeedbackChange::Added, FeedbackChange::Removed];
        assert!(
            votes
                .chunks(2)
                .all(|pair| [pair[0].change, pair[1].change] == expected)
        );
    })
    .await;
}

/// R49.
#[tokio::test]
async fn votes_that_do_not_count_are_passed_over_without_a_request() {
    run_test(async |discord, bot| {
        discord.mention(ALICE, GENERAL, "orders?");
        let question = bot.inbox.question().await;
        let posted = bot.post(&question.place, "1,204").await.unwrap();
        let answer = posted.as_str().parse().unwrap();
        let chatter = discord.say(BOB, GENERAL, "lunch?");
        let abroad = discord.say(STRANGER, OTHER_GENERAL, "hello");
        let requests = discord.requests("GET", "").len();

        discord.react(BOT, answer, "👍");
        discord.react(ROBOT, answer, "👍");
        discord.react(ALICE, chatter, "👍");
        discord.unreact(STRANGER, abroad, "👍");
        discord.react(ALICE, answer, "👍");
        let votes = bot.inbox.feedback(1).await;
        assert_eq!(votes.len(), 1);
        assert_eq!(votes[0].person, PersonId::new(format!("discord:{ALICE}")));
        assert_eq!(discord.requests("GET", "").len(), requests);
    })
    .await;
}

/// R18, R48.
#[tokio::test]
async fn a_button_is_acknowledged_before_its_vote_is_stored() {
    run_test(async |discord, bot| {
        let asked = discord.mention(ALICE, GENERAL, "orders?");
        let place = bot.inbox.question().await.place;
        let question = QuestionId::new();
        let message = vec![
            Block::paragraph("1,204"),
            Block::FeedbackControl { question },
        ];
        let part = &bot.chat.render(&message)[0];
        let key = PostKey { question, part: 0 };
        let posted = bot.chat.post(&place, part, &key).await.unwrap();
        let answer = posted.as_str().parse().unwrap();
        assert_eq!(discord.answers(asked)[0].buttons, ["👍", "👎"]);

        bot.inbox.fail(u32::MAX);
        let press = discord.press(ALICE, answer, "👎");
        discord
            .until("the acknowledgement", |discord| {
                discord.callbacks(press).pop()
            })
            .await;
        assert_eq!(discord.callbacks(press), [serde_json::json!({"type": 6})]);
        bot.inbox.fail(0);
        let vote = bot.inbox.feedback(1).await.remove(0);
        assert_eq!(vote.target, FeedbackTarget::Answer(question));
        assert_eq!(vote.signal, Signal::Button(Verdict::Negative));
        assert_eq!(vote.person, PersonId::new(format!("discord:{ALICE}")));

        discord.press(BOB, answer, "👍");
        let vote = bot.inbox.feedback(2).await.remove(1);
        assert_eq!(vote.signal, Signal::Button(Verdict::Positive));
        assert_eq!(vote.person, PersonId::new(format!("discord:{BOB}")));
    })
    .await;
}
