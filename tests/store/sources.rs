use super::{fixtures::*, harness::*};
use lorekeeper::store::{Completed, ReadingOutcome, SourceState};
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(30);

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn failed(problem: &str) -> ReadingOutcome {
    ReadingOutcome::Failed {
        problem: problem.into(),
    }
}

on_both_stores! {
    async fn one_source_is_read_at_a_time_and_the_longest_due_first(db: &TestStore) {
        let sources = db.store.sources();
        let all = names(&["a", "b", "foreign"]);
        let schedule = [("foreign".into(), at(1)), ("b".into(), at(2)), ("a".into(), at(3))];
        sources.schedule(&schedule, at(0)).await.unwrap();
        let ours = names(&["a", "b"]);
        assert_eq!(sources.claim(&ours, "one", LEASE, at(1)).await.unwrap(), None);
        let lease = sources.claim(&ours, "one", LEASE, at(5)).await.unwrap().expect("b is due");
        assert_eq!(lease.source, "b");
        for worker in ["one", "two"] {
            assert_eq!(sources.claim(&all, worker, LEASE, at(6)).await.unwrap(), None);
        }
        assert!(sources.settle(&lease, &ReadingOutcome::PutOff, at(60)).await.unwrap());
        let lease = sources.claim(&ours, "two", LEASE, at(6)).await.unwrap().expect("a is due");
        assert_eq!(lease.source, "a");
    }

    async fn many_who_claim_at_once_are_one_who_reads(db: &TestStore) {
        let sources = db.store.sources();
        let all = names(&["a", "b"]);
        sources.schedule(&[("a".into(), at(1)), ("b".into(), at(1))], at(0)).await.unwrap();
        let claims = (0..8).map(|n| {
            let (store, all) = (db.store.clone(), all.clone());
            async move { store.sources().claim(&all, &format!("w{n}"), LEASE, at(2)).await.unwrap() }
        });
        let leases = futures::future::join_all(claims).await;
        assert_eq!(leases.iter().flatten().count(), 1, "{leases:?}");
    }

    async fn lease_of_a_dead_process_is_taken_by_another(db: &TestStore) {
        let sources = db.store.sources();
        let all = names(&["a"]);
        sources.schedule(&[("a".into(), at(1))], at(0)).await.unwrap();
        let dead = sources.claim(&all, "one", LEASE, at(2)).await.unwrap().expect("due");
        assert!(sources.renew(&dead, LEASE, at(20)).await.unwrap());
        assert_eq!(sources.claim(&all, "two", LEASE, at(40)).await.unwrap(), None);
        let lease = sources.claim(&all, "two", LEASE, at(51)).await.unwrap().expect("expired");
        assert_eq!(lease.failures, 1);
        assert!(!sources.renew(&dead, LEASE, at(52)).await.unwrap());
        assert!(!sources.settle(&dead, &failed("too late"), at(90)).await.unwrap());
        // A source that ended two processes waits.
        assert_eq!(sources.claim(&all, "three", LEASE, at(100)).await.unwrap(), None);
        let lease = sources.claim(&all, "three", LEASE, at(170)).await.unwrap().expect("a minute later");
        assert_eq!(lease.failures, 2);
    }

    async fn source_says_how_fresh_it_is_and_what_failed(db: &TestStore) {
        let sources = db.store.sources();
        let all = names(&["a"]);
        sources.schedule(&[("a".into(), at(1))], at(0)).await.unwrap();
        let lease = sources.claim(&all, "one", LEASE, at(2)).await.unwrap().expect("due");
        let whole = Completed {
            began: at(2),
            permissions_at: Some(at(2)),
            documents: 7,
            withheld: 2,
            faults: 1,
            took: Duration::from_millis(1500),
            problem: Some("b.md: is not UTF-8".into()),
        };
        sources.settle(&lease, &ReadingOutcome::Complete(whole.clone()), at(10)).await.unwrap();
        let state = SourceState {
            source: "a".into(),
            synchronised_at: Some(at(2)),
            permissions_at: Some(at(2)),
            next_at: Some(at(10)),
            documents: 7,
            withheld: 2,
            faults: 1,
            milliseconds: 1500,
            failures: 0,
            problem: Some("b.md: is not UTF-8".into()),
            being_read: false,
        };
        assert_eq!(sources.all().await.unwrap(), std::slice::from_ref(&state));

        let lease = sources.claim(&all, "one", LEASE, at(11)).await.unwrap().expect("due");
        assert!(sources.all().await.unwrap()[0].being_read);
        sources.settle(&lease, &failed("the wiki is down"), at(20)).await.unwrap();
        let down = SourceState { next_at: Some(at(20)), failures: 1, problem: Some("the wiki is down".into()), ..state.clone() };
        assert_eq!(sources.all().await.unwrap(), [down]);

        // An increment does not look at what is withheld.
        let increment = Completed { began: at(21), documents: 8, withheld: 0, faults: 0, problem: None, ..whole };
        sources.completed("a", &increment).await.unwrap();
        let fresh = SourceState { synchronised_at: Some(at(21)), next_at: Some(at(20)), documents: 8, faults: 0, problem: None, ..state };
        assert_eq!(sources.all().await.unwrap(), [fresh]);
    }

    async fn shorter_interval_counts_at_once_and_a_longer_one_from_the_next_reading(db: &TestStore) {
        let sources = db.store.sources();
        let next = async || sources.all().await.unwrap()[0].next_at;
        for (by, expected) in [(at(100), at(100)), (at(200), at(100)), (at(50), at(50))] {
            sources.schedule(&[("a".into(), by)], at(0)).await.unwrap();
            assert_eq!(next().await, Some(expected));
        }
    }
}
