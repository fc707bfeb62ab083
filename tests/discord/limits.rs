//! How the adapter lives with Discord's rate limits.

use super::*;
use crate::fakes::discord::{ALICE, Fault, GENERAL, SUPPORT, Scope};
use std::time::Instant;

/// R31.
#[tokio::test]
async fn a_short_limit_is_waited_for_and_a_long_one_is_told() {
    run_test(async |discord, bot| {
        let asked = discord.mention(ALICE, GENERAL, "orders?");
        let place = bot.inbox.question().await.place;
        let limit = |millis| Fault::RateLimit {
            retry_after: Duration::from_millis(millis),
            scope: Scope::User,
        };

        discord.fail("POST", "/messages", limit(200));
        discord.fail("POST", "/messages", limit(100));
        bot.post(&place, "patient").await.unwrap();
        assert_eq!(discord.answers(asked)[0].content, "patient");

        discord.fail("POST", "/messages", limit(90_000));
        let refused = bot.post(&place, "impatient").await.unwrap_err();
        let ChatError::RateLimited { retry_after } = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(retry_after, Duration::from_secs(90));

        // Nobody asks again before the time is over, and other channels go on.
        let requests = discord.requests("POST", "/messages").len();
        let refused = bot.post(&place, "impatient").await.unwrap_err();
        assert!(
            matches!(refused, ChatError::RateLimited { .. }),
            "{refused:?}"
        );
        assert_eq!(discord.requests("POST", "/messages").len(), requests);
        discord.mention(ALICE, SUPPORT, "and here?");
        let elsewhere = bot.inbox.questions(2).await.remove(1).place;
        bot.post(&elsewhere, "here").await.unwrap();
    })
    .await;
}

/// R31: the scope says whether everything stops.
#[tokio::test]
async fn a_global_limit_stops_everything_and_a_shared_one_does_not() {
    run_test(async |discord, bot| {
        discord.mention(ALICE, GENERAL, "orders?");
        discord.mention(ALICE, SUPPORT, "refunds?");
        let questions = bot.inbox.questions(2).await;
        let limit = |scope| Fault::RateLimit {
            retry_after: Duration::from_secs(60),
            scope,
        };

        discord.fail("POST", "/typing", limit(Scope::Shared));
        bot.chat.working(&questions[0].place).await.unwrap_err();
        bot.chat.working(&questions[1].place).await.unwrap();

        discord.fail("POST", "/threads", limit(Scope::Global));
        bot.post(&questions[0].place, "one").await.unwrap_err();
        let requests = discord.requests("POST", "").len();
        let refused = bot.post(&questions[1].place, "two").await.unwrap_err();
        assert!(
            matches!(refused, ChatError::RateLimited { .. }),
            "{refused:?}"
        );
        assert_eq!(discord.requests("POST", "").len(), requests);
    })
    .await;
}

/// R19 of Discord's documents: an empty bucket is not asked.
#[tokio::test]
async fn the_sixth_post_waits_for_the_bucket_and_causes_no_refusal() {
    run_test(async |discord, bot| {
        discord.dm(ALICE, "count");
        let place = bot.inbox.question().await.place;
        for n in 0..5 {
            bot.post(&place, &n.to_string()).await.unwrap();
        }
        let refused = bot.post(&place, "5").await.unwrap_err();
        let ChatError::RateLimited { retry_after } = refused else {
            panic!("{refused:?}")
        };
        assert!(retry_after <= Duration::from_secs(5));
        assert!(
            discord
                .requests("POST", "/messages")
                .iter()
                .all(|request| request.status == 200)
        );
    })
    .await;
}

/// R29, R30: on the wire, with the platform's own clock.
#[tokio::test]
async fn a_storm_of_edits_ends_with_the_last_text() {
    run_test(async |discord, bot| {
        let asked = discord.mention(ALICE, GENERAL, "tell me a story");
        let place = bot.inbox.question().await.place;
        let posted = bot.post(&place, "…").await.unwrap();
        let began = Instant::now();
        let edits = (0..500).map(|chunk| {
            let (posted, place, part) = (&posted, &place, bot.part(&format!("{chunk} words")));
            async move { bot.chat.edit(place, posted, &part).await }
        });
        for outcome in futures::future::join_all(edits).await {
            outcome.unwrap();
        }
        assert_eq!(discord.answers(asked)[0].content, "499 words");
        let spacings = began.elapsed().as_millis() / 1500;
        assert!(discord.requests("PATCH", posted.as_str()).len() as u128 <= spacings + 1);
    })
    .await;
}

/// R31: a slow channel holds up nobody else.
#[tokio::test]
async fn a_slow_response_delays_its_own_post_alone() {
    run_test(async |discord, bot| {
        discord.mention(ALICE, GENERAL, "orders?");
        discord.mention(ALICE, SUPPORT, "refunds?");
        let questions = bot.inbox.questions(2).await;
        let slow = format!("/channels/{}/messages", questions[0].place.thread);
        discord.fail("POST", &slow, Fault::Delay(Duration::from_secs(1)));
        let (first, second) = tokio::join!(
            async { bot.post(&questions[0].place, "slow").await.unwrap() },
            async { bot.post(&questions[1].place, "fast").await.unwrap() },
        );
        let created = |post: MessageId| post.as_str().parse::<u64>().unwrap();
        assert!(created(second) < created(first));
    })
    .await;
}
