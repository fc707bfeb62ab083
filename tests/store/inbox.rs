use super::{fixtures::*, harness::*};
use chrono::TimeDelta;
use futures::future::join_all;
use lorekeeper::{
    domain::{Callback, Platform, QuestionId, Receipt, Showing},
    store::{Claimant, Stage, StateCounts, StoreError},
};
use std::{
    collections::HashSet,
    sync::atomic::{AtomicUsize, Ordering},
};
use tokio::task::yield_now;

on_both_stores! {
    async fn duplicate_event_is_accepted_once(db: &TestStore) {
        let first = question(1);
        let check = async |incoming, expected_new| {
            let id = QuestionId::new();
            let receipt = db.store.inbox().accept(&incoming, id, at(10)).await.unwrap();
            let expected = if expected_new { Receipt::Accepted(id) } else { Receipt::Duplicate };
            assert_eq!(receipt, expected, "{incoming:?}");
        };
        let mut aliased = first.clone();
        aliased.alias = Some("client-1".into());
        check(aliased.clone(), true).await;
        // The same delivery again; the same message told by another event.
        check(aliased.clone(), false).await;
        check({ let mut e = aliased.clone(); e.delivery = "Ev-other".into(); e }, false).await;
        // Another timestamp, the same gesture: within a minute, by the same person, in the same channel.
        let twin = |seconds: i64| {
            let mut event = question(50 + seconds);
            event.alias = Some("client-1".into());
            event.asked_at = first.asked_at + TimeDelta::seconds(seconds);
            event
        };
        check(twin(0), false).await;
        check(twin(60), false).await;
        check(twin(-60), false).await;
        check(twin(61), true).await;
        let mut of_another = twin(2);
        of_another.asker.person = person("ken");
        check(of_another, true).await;
        let mut elsewhere = twin(3);
        elsewhere.place.channel.0 = "C2".into();
        check(elsewhere, true).await;
        // The same keys in another workspace are others' keys.
        let mut foreign = aliased.clone();
        foreign.place.tenant.0 = "T2".into();
        check(foreign, true).await;
    }

    async fn callback_is_kept_until_its_command_is_settled_and_no_longer(db: &TestStore) {
        let mut command = question(1);
        let callback = Callback {
            secret: "https://hooks.example/secret".into(),
            person: person("mara"),
            promised: Some(Showing::AskerAlone),
        };
        command.place.callback = Some(callback.clone());
        db.store.ask(&command).await;
        let claimed = db.reopen().await.claim_next("w", at(2)).await.unwrap();
        assert_eq!(claimed.incoming.place.callback, Some(callback));
        db.store.save(&claimed, "answer").await;
        db.store.answers().settle_posted(&claimed.lease, at(9)).await.unwrap();
        db.behind_its_back("UPDATE inbox SET state = 'received' WHERE callback IS NULL").await;
        let again = db.store.claim_next("w", at(10)).await.unwrap();
        assert_eq!(again.incoming.place.callback, None);
        let audit = db.store.audit().latest(10).await.unwrap();
        assert!(!format!("{audit:?}{claimed:?}").contains("hooks.example"));
    }

    async fn fifty_deliveries_at_once_make_one_row(db: &TestStore) {
        let other_process = db.reopen().await;
        let deliveries = (0..50).map(|n| {
            let mut event = question(1);
            event.alias = Some("client-1".into());
            // In turn: the same event, another event about the same message, another timestamp.
            if n % 3 >= 1 { event.delivery = format!("Ev-{n}"); }
            if n % 3 == 2 { event.subject = format!("C1/other-{n}"); }
            let store = if n % 2 == 0 { db.store.clone() } else { other_process.clone() };
            tokio::spawn(async move { store.inbox().accept(&event, QuestionId::new(), at(2)).await.unwrap() })
        });
        let receipts = join_all(deliveries).await;
        let accepted = receipts.iter().filter(|r| matches!(r.as_ref().unwrap(), Receipt::Accepted(_))).count();
        assert_eq!(accepted, 1);
        assert_eq!(db.store.inbox().counts().await.unwrap().received, 1);
        other_process.close().await;
    }

    async fn duplicate_is_known_after_a_restart_and_a_day(db: &TestStore) {
        let id = db.store.answer_at_once(&question(1), "m1").await;
        let after = db.reopen().await;
        let day_later = at(25 * 3600);
        assert_eq!(after.inbox().purge(day_later, day_later).await.unwrap(), 0);
        let receipt = after.inbox().accept(&question(1), QuestionId::new(), day_later).await.unwrap();
        assert_eq!(receipt, Receipt::Duplicate);
        // Much later it may be forgotten, together with its answer.
        let week_later = at(7 * 24 * 3600);
        assert_eq!(after.inbox().purge(day_later, week_later).await.unwrap(), 1);
        assert_eq!(after.answers().answer(id).await.unwrap(), None);
        after.close().await;
    }

    async fn two_workers_never_claim_the_same_question(db: &TestStore) {
        for n in 0..40 { db.store.ask(&question(n)).await; }
        let other_process = db.reopen().await;
        let workers = (0..8).map(|w| {
            let store = if w % 2 == 0 { db.store.clone() } else { other_process.clone() };
            tokio::spawn(async move {
                let mut mine = Vec::new();
                while let Some(claimed) = store.claim_next(&format!("w{w}"), at(100)).await {
                    mine.push(claimed.lease.question);
                }
                mine
            })
        });
        let claimed: Vec<QuestionId> = join_all(workers).await.into_iter().flat_map(|w| w.unwrap()).collect();
        assert_eq!(claimed.len(), 40);
        assert_eq!(claimed.iter().collect::<HashSet<_>>().len(), 40);
        other_process.close().await;
    }

    async fn oldest_question_is_claimed_first(db: &TestStore) {
        let first = db.store.ask(&question(1)).await;
        let second = db.store.ask(&question(2)).await;
        assert_eq!(db.store.claim_next("w", at(3)).await.unwrap().lease.question, first);
        assert_eq!(db.store.claim_next("w", at(3)).await.unwrap().lease.question, second);
        assert!(db.store.claim_next("w", at(3)).await.is_none());
    }

    async fn question_of_another_platform_is_left_alone(db: &TestStore) {
        let id = db.store.ask(&question(1)).await;
        let terminal = Claimant { platforms: vec![Platform::Terminal], ..claimant("terminal") };
        assert!(db.store.inbox().claim(&terminal, at(2)).await.unwrap().is_none());
        assert!(db.store.inbox().claim_question(&terminal, id, at(2)).await.unwrap().is_none());
        assert!(db.store.claim_next("w", at(2)).await.is_some());
    }

    async fn follow_up_waits_for_the_running_question_of_its_thread(db: &TestStore) {
        db.store.ask(&question_in("talk", 1)).await;
        let follow_up = db.store.ask(&question_in("talk", 2)).await;
        let elsewhere = db.store.ask(&question_in("other", 3)).await;
        let running = db.store.claim_next("w1", at(4)).await.unwrap();
        assert_eq!(db.store.claim_next("w2", at(4)).await.unwrap().lease.question, elsewhere);
        assert!(db.store.claim_next("w2", at(4)).await.is_none());
        assert!(db.store.inbox().claim_question(&claimant("w2"), follow_up, at(4)).await.unwrap().is_none());
        // Answered is not enough: the reply must stand before the next one is written.
        db.store.save(&running, "yes").await;
        assert!(db.store.claim_next("w2", at(4)).await.is_none());
        db.store.answers().settle_posted(&running.lease, at(5)).await.unwrap();
        assert_eq!(db.store.claim_next("w2", at(6)).await.unwrap().lease.question, follow_up);
    }

    async fn thread_never_has_two_running_questions(db: &TestStore) {
        for n in 0..20 { db.store.ask(&question_in("talk", n)).await; }
        let other_process = db.reopen().await;
        let running = AtomicUsize::new(0);
        let done = AtomicUsize::new(0);
        join_all((0..6).map(async |w| {
            let store = if w % 2 == 0 { &db.store } else { &other_process };
            while done.load(Ordering::SeqCst) < 20 {
                let Some(claimed) = store.claim_next(&format!("w{w}"), at(50)).await else {
                    yield_now().await;
                    continue;
                };
                assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0, "two at once");
                assert_eq!(claimed.incoming.text, format!("question {}", done.load(Ordering::SeqCst)));
                store.save(&claimed, "yes").await;
                running.fetch_sub(1, Ordering::SeqCst);
                done.fetch_add(1, Ordering::SeqCst);
                store.answers().settle_posted(&claimed.lease, at(51)).await.unwrap();
            }
        })).await;
        assert_eq!(db.store.inbox().counts().await.unwrap(), StateCounts { posted: 20, ..Default::default() });
        other_process.close().await;
    }

    async fn discord_thread_is_one_conversation_in_whatever_channel(db: &TestStore) {
        // The mention stands in the channel, the follow-up in the thread, which is a channel itself.
        let mut mention = question_in("900", 1);
        mention.place.platform = Platform::Discord;
        let mut follow_up = question_in("900", 2);
        follow_up.place.platform = Platform::Discord;
        follow_up.place.channel.0 = "900".into();
        db.store.ask(&mention).await;
        db.store.ask(&follow_up).await;
        assert!(db.store.claim_next("w1", at(3)).await.is_some());
        assert!(db.store.claim_next("w2", at(3)).await.is_none());
        assert!(db.store.inbox().thread_known(&follow_up.place, at(0)).await.unwrap());
    }

    async fn expired_lease_is_claimed_by_another_worker(db: &TestStore) {
        let id = db.store.ask(&question(1)).await;
        let dead = db.store.claim_next("dead", at(0)).await.unwrap();
        assert_eq!(dead.attempts, 0);
        let inbox = db.store.inbox();
        assert_eq!(inbox.sweep(at(119)).await.unwrap(), 0);
        assert!(db.store.claim_next("other", at(119)).await.is_none());
        assert_eq!(inbox.sweep(at(120)).await.unwrap(), 1);
        let taken = db.store.claim_next("other", at(120)).await.unwrap();
        assert_eq!((taken.lease.question, taken.stage, taken.attempts), (id, Stage::Answer, 1));
    }

    async fn who_lost_the_lease_changes_nothing(db: &TestStore) {
        db.store.ask(&question(1)).await;
        // Even under the same name: it is another claim.
        let lost = db.store.claim_next("w", at(0)).await.unwrap();
        db.store.inbox().sweep(at(500)).await.unwrap();
        let holder = db.store.claim_next("w", at(500)).await.unwrap();
        let inbox = db.store.inbox();
        assert!(!inbox.renew(&lost.lease, LEASE, at(501)).await.unwrap());
        for outcome in [
            inbox.release(&lost.lease).await,
            inbox.retry_later(&lost.lease, at(600)).await,
            inbox.give_up(&lost.lease, "late", at(501)).await,
            db.store.outbox().plan_parts(&lost.lease, &[part("late")], at(501)).await,
            db.store.answers().settle_posted(&lost.lease, at(501)).await,
        ] {
            assert!(matches!(outcome, Err(StoreError::LeaseLost { .. })), "{outcome:?}");
        }
        assert!(inbox.renew(&holder.lease, LEASE, at(501)).await.unwrap());
        db.store.save(&holder, "yes").await;
    }

    async fn renewed_lease_is_not_swept(db: &TestStore) {
        db.store.ask(&question(1)).await;
        let claimed = db.store.claim_next("w", at(0)).await.unwrap();
        assert!(db.store.inbox().renew(&claimed.lease, LEASE, at(100)).await.unwrap());
        assert_eq!(db.store.inbox().sweep(at(200)).await.unwrap(), 0);
        assert_eq!(db.store.inbox().sweep(at(220)).await.unwrap(), 1);
    }

    async fn released_question_is_as_it_was(db: &TestStore) {
        db.store.ask(&question(1)).await;
        let claimed = db.store.claim_next("w1", at(0)).await.unwrap();
        db.store.inbox().release(&claimed.lease).await.unwrap();
        let again = db.store.claim_next("w2", at(1)).await.unwrap();
        assert_eq!((again.attempts, again.stage), (0, Stage::Answer));
    }

    async fn question_put_off_waits_for_its_time(db: &TestStore) {
        db.store.ask(&question_in("talk", 1)).await;
        db.store.ask(&question_in("talk", 2)).await;
        let claimed = db.store.claim_next("w", at(3)).await.unwrap();
        db.store.inbox().retry_later(&claimed.lease, at(60)).await.unwrap();
        // Its follow-up does not overtake it.
        assert!(db.store.claim_next("w", at(59)).await.is_none());
        let again = db.store.claim_next("w", at(60)).await.unwrap();
        assert_eq!((again.lease.question, again.attempts), (claimed.lease.question, 1));
    }

    async fn answer_saved_before_a_crash_is_only_delivered(db: &TestStore) {
        db.store.ask(&question(1)).await;
        let claimed = db.store.claim_next("dead", at(0)).await.unwrap();
        db.store.save(&claimed, "yes").await;
        db.store.inbox().sweep(at(500)).await.unwrap();
        let again = db.store.claim_next("other", at(500)).await.unwrap();
        assert_eq!((again.stage, again.attempts), (Stage::Deliver, 1));
        db.store.answers().settle_posted(&again.lease, at(501)).await.unwrap();
        assert!(db.store.claim_next("other", at(502)).await.is_none());
    }

    async fn refusal_is_delivered_and_leaves_no_trace_in_its_thread(db: &TestStore) {
        let incoming = question(1);
        let id = QuestionId::new();
        let refuse = async |id| db.store.inbox().refuse(&incoming, id, &[part("too many")], "over quota", at(1)).await.unwrap();
        assert_eq!(refuse(id).await, Receipt::Accepted(id));
        assert_eq!(refuse(QuestionId::new()).await, Receipt::Duplicate);
        assert!(!db.store.inbox().thread_known(&incoming.place, at(0)).await.unwrap());
        assert_eq!(db.store.inbox().asked_since(&incoming.asker.person, at(0), 9).await.unwrap(), 0);
        let claimed = db.store.claim_next("w", at(2)).await.unwrap();
        assert_eq!(claimed.stage, Stage::Deliver);
        assert_eq!(db.store.outbox().parts(id).await.unwrap()[0].payload, part("too many"));
        let kinds: Vec<String> = db.store.audit().show(id).await.unwrap().into_iter().map(|e| e.kind).collect();
        assert_eq!(kinds, ["refused"]);
    }

    async fn given_up_question_is_never_claimed_again(db: &TestStore) {
        let id = db.store.ask(&question(1)).await;
        let claimed = db.store.claim_next("w", at(0)).await.unwrap();
        db.store.inbox().give_up(&claimed.lease, "three attempts failed", at(1)).await.unwrap();
        assert_eq!(db.store.inbox().sweep(at(9999)).await.unwrap(), 0);
        assert!(db.store.claim_next("w", at(9999)).await.is_none());
        assert_eq!(db.store.inbox().counts().await.unwrap(), StateCounts { given_up: 1, ..Default::default() });
        let log = db.store.audit().show(id).await.unwrap();
        assert_eq!(log[0].record["reason"], "three attempts failed");
    }

    async fn unreadable_row_does_not_stop_the_others(db: &TestStore) {
        db.store.ask(&question(1)).await;
        let healthy = db.store.ask(&question(2)).await;
        db.behind_its_back("UPDATE inbox SET event = '{\"not\": \"a question\"}' WHERE seq = 1").await;
        assert_eq!(db.store.claim_next("w", at(3)).await.unwrap().lease.question, healthy);
        assert_eq!(db.store.inbox().counts().await.unwrap().given_up, 1);
    }
}
