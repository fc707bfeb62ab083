//! What Discord refuses for good, and what the adapter makes of it.

use super::*;
use crate::fakes::discord::{ALICE, FORUM_POST, Fault, GENERAL, Permission, SUPPORT};

/// R59.
#[tokio::test]
async fn what_is_refused_for_good_is_told_with_its_code() {
    run_test(async |discord, bot| {
        let check = |refused: ChatError, expected: &str| match refused {
            ChatError::Permanent { code, .. } => assert_eq!(code, expected),
            other => panic!("{expected}: {other:?}"),
        };
        discord.mention(ALICE, FORUM_POST, "orders?");
        let post = bot.inbox.question().await.place;
        let answer = bot.post(&post, "1,204").await.unwrap();
        discord.archive(FORUM_POST);
        check(
            bot.chat
                .edit(&post, &answer, &bot.part("1,205"))
                .await
                .unwrap_err(),
            "50083",
        );
        discord.lock(FORUM_POST);
        check(bot.post(&post, "late").await.unwrap_err(), "160005");

        let asked = discord.mention(ALICE, GENERAL, "orders?");
        let place = bot.inbox.questions(2).await.remove(1).place;
        discord.delete(asked);
        check(
            bot.post(&place, "nobody asks any more").await.unwrap_err(),
            "10008",
        );

        discord.mention(ALICE, SUPPORT, "orders?");
        let place = bot.inbox.questions(3).await.remove(2).place;
        discord.deny(SUPPORT, Permission::View);
        check(bot.post(&place, "shut out").await.unwrap_err(), "50001");

        discord.fail(
            "PATCH",
            answer.as_str(),
            Fault::Refuse {
                status: 400,
                code: 50035,
            },
        );
        check(
            bot.chat
                .edit(&post, &answer, &bot.part("x"))
                .await
                .unwrap_err(),
            "50035",
        );
    })
    .await;
}

/// R58: a token that was taken back is not used again.
#[tokio::test]
async fn after_one_rejected_token_nothing_is_sent() {
    run_test(async |discord, bot| {
        discord.mention(ALICE, GENERAL, "orders?");
        let place = bot.inbox.question().await.place;
        discord.fail(
            "POST",
            "/typing",
            Fault::Refuse {
                status: 401,
                code: 0,
            },
        );
        let refused = bot.chat.working(&place).await.unwrap_err();
        assert!(
            matches!(refused, ChatError::Unauthorized { .. }),
            "{refused:?}"
        );
        let requests = discord.requests("POST", "").len();
        let refused = bot.post(&place, "1,204").await.unwrap_err();
        assert!(
            matches!(refused, ChatError::Unauthorized { .. }),
            "{refused:?}"
        );
        assert_eq!(discord.requests("POST", "").len(), requests);
    })
    .await;
}

#[tokio::test]
async fn a_server_that_fails_leaves_a_post_in_doubt_and_an_edit_to_repeat() {
    run_test(async |discord, bot| {
        discord.mention(ALICE, GENERAL, "orders?");
        let place = bot.inbox.question().await.place;
        discord.fail("POST", "/threads", Fault::Status(502));
        let failed = bot.post(&place, "1,204").await.unwrap_err();
        assert!(matches!(failed, ChatError::Unavailable(_)), "{failed:?}");
        discord.fail("POST", "/messages", Fault::Status(500));
        let failed = bot.post(&place, "1,204").await.unwrap_err();
        assert!(matches!(failed, ChatError::InDoubt { .. }), "{failed:?}");
        let posted = bot.post(&place, "1,204").await.unwrap();
        discord.fail("PATCH", posted.as_str(), Fault::Status(503));
        let failed = bot
            .chat
            .edit(&place, &posted, &bot.part("1,205"))
            .await
            .unwrap_err();
        assert!(matches!(failed, ChatError::Unavailable(_)), "{failed:?}");
    })
    .await;
}

/// R64.
#[tokio::test]
async fn errors_name_no_token() {
    run_test(async |discord, bot| {
        discord.mention(ALICE, GENERAL, "orders?");
        let place = bot.inbox.question().await.place;
        discord.fail("POST", "/messages", Fault::LoseResponse);
        let lost = bot.post(&place, "1,204").await.unwrap_err();
        let text = format!("{lost:?} {lost}");
        assert!(
            !text.contains(crate::fakes::discord::TOKEN) && !text.contains("127.0.0.1"),
            "{text}"
        );
    })
    .await;
}
