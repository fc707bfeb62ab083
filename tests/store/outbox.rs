use super::{fixtures::*, harness::*};
use lorekeeper::{
    domain::MessageId,
    store::{NextStep, OutboxState, Saving, Shown, StoreError},
};

on_both_stores! {
    async fn placeholder_becomes_the_first_part_of_the_answer(db: &TestStore) {
        let (outbox, message) = (db.store.outbox(), MessageId::new("m1"));
        let id = db.store.ask(&question(1)).await;
        let claimed = db.store.claim_next("w", at(2)).await.unwrap();
        outbox.plan_parts(&claimed.lease, &[part("looking ...")], at(2)).await.unwrap();
        assert_eq!(outbox.parts(id).await.unwrap()[0].next_step(), NextStep::Post);
        outbox.start_sending(&claimed.lease, 0, at(2)).await.unwrap();
        outbox.posted(id, 0, &message, Shown::Payload(&part("looking ...")), at(2)).await.unwrap();
        assert_eq!(outbox.parts(id).await.unwrap()[0].next_step(), NextStep::Nothing);

        let saving = Saving {
            question: &full_question(&claimed),
            answer: &answer("one two"),
            plain_text: "one two",
            parts: &[part("one"), part("two")],
        };
        db.store.answers().save(&claimed.lease, &saving, at(3)).await.unwrap();
        let parts = outbox.parts(id).await.unwrap();
        assert_eq!(parts[0].next_step(), NextStep::Edit(message.clone()));
        assert_eq!(parts[1].next_step(), NextStep::Post);

        outbox.posted(id, 0, &message, Shown::Payload(&part("one")), at(4)).await.unwrap();
        let first = &outbox.parts(id).await.unwrap()[0];
        assert_eq!((first.state, first.next_step()), (OutboxState::Posted, NextStep::Nothing));
        assert_eq!(outbox.message_of(id, 0).await.unwrap(), Some(message));
        assert_eq!(outbox.message_of(id, 1).await.unwrap(), None);
    }

    async fn post_of_a_dead_worker_is_in_doubt(db: &TestStore) {
        let outbox = db.store.outbox();
        let id = db.store.ask(&question(1)).await;
        let dead = db.store.claim_next("dead", at(0)).await.unwrap();
        outbox.plan_parts(&dead.lease, &[part("looking ...")], at(0)).await.unwrap();
        outbox.start_sending(&dead.lease, 0, at(0)).await.unwrap();
        db.store.inbox().sweep(at(500)).await.unwrap();

        let heir = db.store.claim_next("heir", at(500)).await.unwrap();
        let found = &outbox.parts(id).await.unwrap()[0];
        assert_eq!((found.state, found.next_step()), (OutboxState::InDoubt, NextStep::LookUp));
        // The dead one wakes up and wants to post: it no longer may.
        let late = outbox.start_sending(&dead.lease, 0, at(501)).await;
        assert!(matches!(late, Err(StoreError::LeaseLost { .. })), "{late:?}");
        // The look-up finds the message; what it shows is not known, so it is edited.
        outbox.posted(id, 0, &MessageId::new("m1"), Shown::Unknown, at(502)).await.unwrap();
        assert!(matches!(outbox.parts(id).await.unwrap()[0].next_step(), NextStep::Edit(_)));
        db.store.save(&heir, "yes").await;
    }

    async fn lost_response_is_looked_up_and_sent_again_if_it_never_arrived(db: &TestStore) {
        let outbox = db.store.outbox();
        let id = db.store.ask(&question(1)).await;
        let claimed = db.store.claim_next("w", at(0)).await.unwrap();
        db.store.save(&claimed, "yes").await;
        outbox.start_sending(&claimed.lease, 0, at(1)).await.unwrap();
        outbox.in_doubt(id, 0, at(1)).await.unwrap();
        assert_eq!(outbox.parts(id).await.unwrap()[0].next_step(), NextStep::LookUp);
        outbox.start_sending(&claimed.lease, 0, at(2)).await.unwrap();
        outbox.posted(id, 0, &MessageId::new("m1"), Shown::Payload(&part("yes")), at(2)).await.unwrap();
        assert_eq!(outbox.parts(id).await.unwrap()[0].next_step(), NextStep::Nothing);
    }

    async fn rate_limited_part_may_be_posted_again(db: &TestStore) {
        let outbox = db.store.outbox();
        let id = db.store.ask(&question(1)).await;
        let claimed = db.store.claim_next("w", at(0)).await.unwrap();
        db.store.save(&claimed, "yes").await;
        outbox.start_sending(&claimed.lease, 0, at(1)).await.unwrap();
        outbox.not_sent(id, 0, at(1)).await.unwrap();
        assert_eq!(outbox.parts(id).await.unwrap()[0].next_step(), NextStep::Post);
    }

    async fn part_refused_for_ever_is_left_alone(db: &TestStore) {
        let outbox = db.store.outbox();
        let id = db.store.ask(&question(1)).await;
        let claimed = db.store.claim_next("w", at(0)).await.unwrap();
        db.store.save(&claimed, "yes").await;
        outbox.start_sending(&claimed.lease, 0, at(1)).await.unwrap();
        outbox.failed(id, 0, at(1)).await.unwrap();
        assert_eq!(outbox.parts(id).await.unwrap()[0].next_step(), NextStep::Nothing);
        // Unless it is planned anew, as plain text.
        outbox.plan_parts(&claimed.lease, &[part("plainer")], at(2)).await.unwrap();
        assert_eq!(outbox.parts(id).await.unwrap()[0].next_step(), NextStep::Post);
    }

    async fn part_is_not_sent_twice(db: &TestStore) {
        let outbox = db.store.outbox();
        let id = db.store.ask(&question(1)).await;
        let claimed = db.store.claim_next("w", at(0)).await.unwrap();
        db.store.save(&claimed, "yes").await;
        let check = async |expected_ok: bool| {
            let started = outbox.start_sending(&claimed.lease, 0, at(1)).await;
            assert_eq!(started.is_ok(), expected_ok, "{started:?}");
            assert!(expected_ok || matches!(started, Err(StoreError::WrongState { part: 0, .. })), "{started:?}");
        };
        check(true).await;
        check(false).await;
        outbox.posted(id, 0, &MessageId::new("m1"), Shown::Payload(&part("yes")), at(1)).await.unwrap();
        check(false).await;
    }
}
