use super::{fixtures::*, harness::*};
use FeedbackChange::{Added, Removed};
use lorekeeper::{
    domain::{
        ChannelId, Feedback, FeedbackChange, FeedbackTarget, MessageId, Platform, QuestionId,
        Signal, Verdict,
    },
    store::{FeedbackFilter, Recorded, Verification},
};

fn on_message(message: &str) -> FeedbackTarget {
    FeedbackTarget::Message {
        platform: Platform::Slack,
        channel: ChannelId::new("C1"),
        message: MessageId::new(message),
    }
}

fn reaction(target: &FeedbackTarget, emoji: &str, change: FeedbackChange, at_us: i64) -> Feedback {
    Feedback {
        target: target.clone(),
        person: person("ken"),
        signal: Signal::Reaction {
            emoji: emoji.into(),
            burst: false,
        },
        change,
        at_us,
        reason: None,
    }
}

fn button(id: QuestionId, verdict: Verdict, at_us: i64, reason: Option<&str>) -> Feedback {
    Feedback {
        target: FeedbackTarget::Answer(id),
        person: person("ken"),
        signal: Signal::Button(verdict),
        change: Added,
        at_us,
        reason: reason.map(str::to_string),
    }
}

/// Every order of the numbers below `n` (Heap's algorithm, written plainly).
fn orders(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    orders(n - 1)
        .into_iter()
        .flat_map(|order| {
            (0..n).map(move |place| {
                let mut longer = order.clone();
                longer.insert(place, n - 1);
                longer
            })
        })
        .collect()
}

on_both_stores! {
    async fn removed_reaction_withdraws_verdict_in_any_order(db: &TestStore) {
        let story = [("+1", Added, 10), ("+1", Removed, 20), ("-1", Added, 20), ("-1", Removed, 30)];
        // What stands after each prefix of the story, however its acts arrive.
        for (length, expected) in [(1, Some(Verdict::Positive)), (2, None), (3, Some(Verdict::Negative)), (4, None)] {
            for (n, order) in orders(length).iter().enumerate() {
                let id = db.store.answer_at_once(&question((length * 100 + n) as i64), &format!("m{length}-{n}")).await;
                let target = on_message(&format!("m{length}-{n}"));
                // Everything twice: each act again once the next has come.
                for &act in order.iter().flat_map(|act| [act, &order[0]]) {
                    let (emoji, change, at_us) = story[act];
                    db.store.feedback().record(&reaction(&target, emoji, change, at_us), at(1)).await.unwrap();
                }
                let verdict = db.store.feedback().verdict(id, &person("ken")).await.unwrap();
                assert_eq!(verdict, expected, "{length} acts in order {order:?}");
            }
        }
    }

    async fn newest_word_of_a_person_counts(db: &TestStore) {
        let id = db.store.answer_at_once(&question(1), "m1").await;
        let check = async |act: Feedback, expected| {
            db.store.feedback().record(&act, at(1)).await.unwrap();
            assert_eq!(db.store.feedback().verdict(id, &person("ken")).await.unwrap(), expected, "{act:?}");
        };
        let message = on_message("m1");
        check(reaction(&message, "eyes", Added, 5), None).await;
        check(reaction(&message, "+1", Added, 10), Some(Verdict::Positive)).await;
        check(button(id, Verdict::Negative, 20, None), Some(Verdict::Negative)).await;
        // An older word arrives late.
        check(button(id, Verdict::Positive, 15, None), Some(Verdict::Negative)).await;
        check(reaction(&message, "eyes", Added, 40), Some(Verdict::Negative)).await;
        check(button(id, Verdict::Positive, 50, None), Some(Verdict::Positive)).await;
    }

    async fn reason_is_kept_with_its_verdict(db: &TestStore) {
        let id = db.store.answer_at_once(&question(1), "m1").await;
        let check = async |act: Feedback, expected: Option<&str>| {
            db.store.feedback().record(&act, at(1)).await.unwrap();
            let filter = FeedbackFilter { question: Some(id), ..Default::default() };
            let rows = db.store.feedback().list(&filter).await.unwrap();
            assert_eq!(rows[0].reason.as_deref(), expected, "{act:?}");
        };
        check(button(id, Verdict::Negative, 10, None), None).await;
        check(button(id, Verdict::Negative, 20, Some("outdated")), Some("outdated")).await;
        check(button(id, Verdict::Negative, 30, None), Some("outdated")).await;
        check(button(id, Verdict::Positive, 40, None), None).await;
    }

    async fn people_speak_for_themselves(db: &TestStore) {
        let id = db.store.answer_at_once(&question(1), "m1").await;
        let mut of_mara = reaction(&on_message("m1"), "-1", Added, 20);
        of_mara.person = person("mara");
        db.store.feedback().record(&reaction(&on_message("m1"), "+1", Added, 10), at(1)).await.unwrap();
        db.store.feedback().record(&of_mara, at(1)).await.unwrap();
        let list = async |verdict| {
            let filter = FeedbackFilter { verdict, ..Default::default() };
            let rows = db.store.feedback().list(&filter).await.unwrap();
            rows.into_iter().map(|row| (row.question, row.person, row.verdict)).collect::<Vec<_>>()
        };
        let (ken, mara) = ((id, person("ken"), Verdict::Positive), (id, person("mara"), Verdict::Negative));
        assert_eq!(list(None).await, [mara.clone(), ken.clone()]);
        assert_eq!(list(Some(Verdict::Negative)).await, [mara]);
        assert_eq!(list(Some(Verdict::Positive)).await, [ken]);
    }

    async fn feedback_before_its_message_is_parked_then_joined(db: &TestStore) {
        let act = reaction(&on_message("m1"), "+1", Added, 10);
        assert_eq!(db.store.feedback().record(&act, at(1)).await.unwrap(), Recorded::Parked);
        assert_eq!(db.store.feedback().record(&act, at(1)).await.unwrap(), Recorded::Parked);
        let mut elsewhere = act.clone();
        elsewhere.target = FeedbackTarget::Message { platform: Platform::Slack, channel: ChannelId::new("C9"), message: MessageId::new("m1") };
        elsewhere.person = person("stranger");
        db.store.feedback().record(&elsewhere, at(1)).await.unwrap();

        let id = db.store.answer_at_once(&question(1), "m1").await;
        assert_eq!(db.store.feedback().verdict(id, &person("ken")).await.unwrap(), Some(Verdict::Positive));
        assert_eq!(db.store.feedback().verdict(id, &person("stranger")).await.unwrap(), None);
        assert_eq!(db.store.feedback().record(&act, at(2)).await.unwrap(), Recorded::Known(id));
        // The stranger's act is about no message of ours; it is forgotten after a day.
        assert_eq!(db.store.feedback().purge_parked(at(1)).await.unwrap(), 0);
        assert_eq!(db.store.feedback().purge_parked(at(2)).await.unwrap(), 1);
    }

    async fn feedback_that_races_with_its_message_is_never_lost(db: &TestStore) {
        for n in 0..20 {
            let message = format!("m{n}");
            let act = reaction(&on_message(&message), "+1", Added, 10);
            let incoming = question(n);
            let other = db.store.clone();
            let reacting = tokio::spawn(async move { other.feedback().record(&act, at(1)).await.unwrap() });
            let id = db.store.answer_at_once(&incoming, &message).await;
            reacting.await.unwrap();
            assert_eq!(db.store.feedback().verdict(id, &person("ken")).await.unwrap(), Some(Verdict::Positive));
        }
    }

    async fn reaction_in_a_discord_thread_finds_its_answer(db: &TestStore) {
        let mut mention = question_in("900", 1);
        mention.place.platform = Platform::Discord;
        let id = db.store.answer_at_once(&mention, "901").await;
        let in_thread = FeedbackTarget::Message { platform: Platform::Discord, channel: ChannelId::new("900"), message: MessageId::new("901") };
        let recorded = db.store.feedback().record(&reaction(&in_thread, "👍🏽", Added, 10), at(1)).await.unwrap();
        assert_eq!(recorded, Recorded::New(id));
    }

    async fn every_new_act_is_audited_once(db: &TestStore) {
        let id = db.store.answer_at_once(&question(1), "m1").await;
        let act = reaction(&on_message("m1"), "+1", Added, 10);
        for _ in 0..3 { db.store.feedback().record(&act, at(1)).await.unwrap(); }
        db.store.feedback().record(&reaction(&on_message("m1"), "+1", Removed, 20), at(1)).await.unwrap();
        let kinds: Vec<String> = db.store.audit().show(id).await.unwrap().into_iter().map(|e| e.kind).collect();
        assert_eq!(kinds, ["answered", "feedback", "feedback"]);
        assert!(matches!(db.store.audit().verify().await.unwrap(), Verification::Intact { rows: 3, .. }));
        let signals = db.store.feedback().signals(id).await.unwrap();
        assert_eq!(signals.iter().map(|s| s.standing).collect::<Vec<_>>(), [false]);
    }

    async fn button_of_an_answer_that_never_was_is_refused(db: &TestStore) {
        let act = button(QuestionId::new(), Verdict::Positive, 1, None);
        assert_eq!(db.store.feedback().record(&act, at(1)).await.unwrap(), Recorded::NoSuchAnswer);
    }
}
