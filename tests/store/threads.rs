use super::{fixtures::*, harness::*};
use lorekeeper::domain::{Place, Role, Turn};

on_both_stores! {
    async fn thread_is_known_after_a_restart_until_it_falls_silent(db: &TestStore) {
        let asked = question_in("talk", 100);
        db.store.ask(&asked).await;
        let after = db.reopen().await;
        let check = async |place: Place, since, expected| {
            assert_eq!(after.inbox().thread_known(&place, since).await.unwrap(), expected, "{place:?}");
        };
        check(asked.place.clone(), at(100), true).await;
        check(asked.place.clone(), at(101), false).await;
        check(question_in("other", 1).place, at(0), false).await;
        let mut other_channel = asked.place;
        other_channel.channel.0 = "C2".into();
        check(other_channel, at(0), false).await;
        after.close().await;
    }

    async fn quota_counts_a_persons_questions_everywhere(db: &TestStore) {
        for n in [10, 20, 30] { db.store.ask(&question(n)).await; }
        let mut other = question(40);
        other.asker.person = person("ken");
        db.store.ask(&other).await;
        assert_eq!(db.store.inbox().asked_since(&person("mara"), at(20), 9).await.unwrap(), 2);
        assert_eq!(db.store.inbox().asked_since(&person("mara"), at(0), 2).await.unwrap(), 2, "counting stops at the limit");
        assert_eq!(db.store.inbox().asked_since(&person("ken"), at(0), 9).await.unwrap(), 1);
        assert_eq!(db.store.inbox().asked_since(&person("nobody"), at(0), 9).await.unwrap(), 0);
    }

    async fn turns_of_a_thread_come_oldest_first(db: &TestStore) {
        for n in 1..=3 { db.store.answer_at_once(&question_in("talk", n), &format!("m{n}")).await; }
        db.store.answer_at_once(&question_in("other", 4), "m4").await;
        let now = question_in("talk", 5);
        db.store.ask(&now).await;
        let turns = db.store.inbox().thread_turns(&now.place, now.asked_at, 2).await.unwrap();
        let turn = |role, text: &str| Turn { role, text: text.into() };
        assert_eq!(turns, [
            turn(Role::User, "question 2"),
            turn(Role::Assistant, "answer to question 2"),
            turn(Role::User, "question 3"),
            turn(Role::Assistant, "answer to question 3"),
        ]);
    }
}
