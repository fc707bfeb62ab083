//! Who reads along. R1 and R2, as far as the adapter decides them.

use super::*;
use crate::fakes::slack::Fault;
use lorekeeper::domain::Readers;

#[tokio::test]
async fn readers_follow_channel_and_asker() {
    let bot = Bot::start().await;
    bot.slack.guest("U9");
    bot.slack.stranger("U10");
    let (_, channel) = bot.asked().await;
    let check = async |place: &Place, user: &str, expected: Readers| {
        assert_eq!(
            bot.chat.readers(place, &asker(user)).await,
            expected,
            "{user}"
        );
    };
    check(&channel, "U7", Readers::Internal).await;
    check(&channel, "U9", Readers::WithGuests).await;
    check(&channel, "U10", Readers::External).await;
    check(&channel, "UNOBODY", Readers::Unknown).await;
    check(&channel, "UBOT", Readers::Unknown).await;
    let asked = bot.slack.dm("U7", "how?");
    bot.stored(&asked).await;
    let direct = bot.store.questions().pop().expect("it is stored").place;
    check(&direct, "U7", Readers::AskerOnly).await;
    check(&direct, "U10", Readers::External).await;
}

#[tokio::test]
async fn shared_channel_is_external() {
    let bot = Bot::start().await;
    bot.slack.share_silently("C2");
    let (_, place) = bot.asked_in("C2").await;
    assert_eq!(
        bot.chat.readers(&place, &asker("U7")).await,
        Readers::External
    );
}

/// R2: the change counts at once, although the answer before is kept.
#[tokio::test]
async fn channel_that_is_shared_meanwhile_is_asked_again() {
    let bot = Bot::start().await;
    let (_, place) = bot.asked().await;
    assert_eq!(
        bot.chat.readers(&place, &asker("U7")).await,
        Readers::Internal
    );
    assert_eq!(
        bot.chat.readers(&place, &asker("U7")).await,
        Readers::Internal
    );
    assert_eq!(bot.slack.calls("conversations.info").len(), 1);
    let shared = bot.slack.share_channel("C1");
    bot.stored(&shared).await;
    assert_eq!(
        bot.chat.readers(&place, &asker("U7")).await,
        Readers::External
    );
}

#[tokio::test]
async fn person_who_changes_is_asked_about_again() {
    let bot = Bot::start().await;
    let (_, place) = bot.asked().await;
    assert_eq!(
        bot.chat.readers(&place, &asker("U7")).await,
        Readers::Internal
    );
    bot.slack.guest("U7");
    let changed = bot.slack.event(serde_json::json!({
        "type": "user_change", "user": { "id": "U7" }, "event_ts": "1700000000.000100",
    }));
    bot.stored(&changed).await;
    assert_eq!(
        bot.chat.readers(&place, &asker("U7")).await,
        Readers::WithGuests
    );
}

/// R1: not knowing is not knowing, and is not remembered.
#[tokio::test]
async fn failure_means_unknown_readers() {
    let bot = Bot::start().await;
    let (_, place) = bot.asked().await;
    for fault in [
        Fault::Status(503),
        Fault::LoseResponse,
        Fault::Refuse("missing_scope"),
    ] {
        bot.slack.fail("conversations.info", fault);
        assert_eq!(
            bot.chat.readers(&place, &asker("U7")).await,
            Readers::Unknown
        );
    }
    bot.slack.fail("users.info", Fault::Status(503));
    assert_eq!(
        bot.chat.readers(&place, &asker("U7")).await,
        Readers::Unknown
    );
    assert_eq!(
        bot.chat.readers(&place, &asker("U7")).await,
        Readers::Internal
    );
}
