use super::{fixtures::*, harness::*};
use futures::future::join_all;
use lorekeeper::{
    domain::QuestionId,
    store::{AuditFilter, AuditKind, AuditRecord, Break, Verification},
};

/// A log of five rows, tampered with.
async fn check(db: &TestStore, tampering: &str, expected: Verification) {
    for n in 0..5 {
        let record = AuditRecord::given_up(QuestionId::new(), &format!("reason {n}"));
        db.store.audit().append(&record, at(n)).await.unwrap();
    }
    let verified = db.store.audit().verify().await.unwrap();
    assert!(
        matches!(verified, Verification::Intact { rows: 5, .. }),
        "{verified:?}"
    );
    let disarm = if db.is_postgres() {
        "ALTER TABLE audit DISABLE TRIGGER USER;"
    } else {
        "DROP TRIGGER audit_is_never_changed; DROP TRIGGER audit_is_never_deleted;"
    };
    db.behind_its_back(&format!("{disarm}{tampering}")).await;
    assert_eq!(
        db.store.audit().verify().await.unwrap(),
        expected,
        "{tampering}"
    );
}

fn broken(sequence: i64, what: Break) -> Verification {
    Verification::Broken { sequence, what }
}

on_both_stores! {
    async fn changed_row_is_found(db: &TestStore) {
        check(db, "UPDATE audit SET record = replace(record, 'reason 2', 'reason 7') WHERE sequence = 3", broken(3, Break::Changed)).await;
    }

    async fn row_moved_in_time_is_found(db: &TestStore) {
        check(db, "UPDATE audit SET at_us = at_us + 1 WHERE sequence = 5", broken(5, Break::Changed)).await;
    }

    async fn row_given_to_another_question_is_found(db: &TestStore) {
        check(db, "UPDATE audit SET question = NULL WHERE sequence = 1", broken(1, Break::Changed)).await;
    }

    async fn removed_row_is_found(db: &TestStore) {
        check(db, "DELETE FROM audit WHERE sequence = 3", broken(3, Break::Missing)).await;
    }

    async fn removed_first_row_is_found(db: &TestStore) {
        check(db, "DELETE FROM audit WHERE sequence = 1", broken(1, Break::Missing)).await;
    }

    async fn removed_last_row_is_found(db: &TestStore) {
        check(db, "DELETE FROM audit WHERE sequence = 5", broken(5, Break::Missing)).await;
    }

    async fn emptied_log_is_found(db: &TestStore) {
        check(db, "DELETE FROM audit", broken(1, Break::Missing)).await;
    }

    async fn removed_row_is_found_behind_new_numbers(db: &TestStore) {
        check(
            db,
            "DELETE FROM audit WHERE sequence = 3;
             UPDATE audit SET sequence = 3 WHERE sequence = 4; UPDATE audit SET sequence = 4 WHERE sequence = 5;
             UPDATE audit_head SET sequence = 4",
            broken(3, Break::OutOfOrder),
        ).await;
    }

    async fn exchanged_rows_are_found(db: &TestStore) {
        check(
            db,
            "UPDATE audit SET sequence = 99 WHERE sequence = 2; UPDATE audit SET sequence = 2 WHERE sequence = 3;
             UPDATE audit SET sequence = 3 WHERE sequence = 99",
            broken(2, Break::OutOfOrder),
        ).await;
    }

    async fn row_added_behind_the_last_is_found(db: &TestStore) {
        check(
            db,
            "INSERT INTO audit (sequence, at_us, kind, question, record, previous, hash)
             SELECT 6, at_us, kind, question, record, previous, hash FROM audit WHERE sequence = 5",
            broken(6, Break::OutOfOrder),
        ).await;
    }

    async fn head_set_back_is_found(db: &TestStore) {
        check(
            db,
            "UPDATE audit_head SET sequence = 4, hash = (SELECT hash FROM audit WHERE sequence = 4)",
            broken(5, Break::Added),
        ).await;
    }

    async fn changed_or_lost_head_is_found(db: &TestStore) {
        check(db, "UPDATE audit_head SET hash = 'x'", broken(5, Break::Head)).await;
        db.behind_its_back("DELETE FROM audit_head").await;
        assert_eq!(db.store.audit().verify().await.unwrap(), broken(5, Break::Head));
    }

    async fn empty_log_is_intact(db: &TestStore) {
        let verified = db.store.audit().verify().await.unwrap();
        assert_eq!(verified, Verification::Intact { rows: 0, head: String::new() });
    }

    async fn concurrent_writers_leave_no_gap(db: &TestStore) {
        let other_process = db.reopen().await;
        let writers = (0..8).map(|w| {
            let store = if w % 2 == 0 { db.store.clone() } else { other_process.clone() };
            tokio::spawn(async move {
                for n in 0..10 {
                    let record = AuditRecord::given_up(QuestionId::new(), &format!("{w} {n}"));
                    store.audit().append(&record, at(n)).await.unwrap();
                    assert!(matches!(store.audit().verify().await.unwrap(), Verification::Intact { .. }));
                }
            })
        });
        for writer in join_all(writers).await { writer.unwrap(); }
        assert!(matches!(db.store.audit().verify().await.unwrap(), Verification::Intact { rows: 80, .. }));
        other_process.close().await;
    }

    async fn log_refuses_to_be_changed_by_accident(db: &TestStore) {
        db.store.audit().append(&AuditRecord::given_up(QuestionId::new(), "x"), at(0)).await.unwrap();
        for statement in ["UPDATE audit SET kind = 'y'", "DELETE FROM audit"] {
            let refused = db.try_behind_its_back(statement).await;
            assert!(refused.unwrap_err().to_string().contains("append-only"), "{statement}");
        }
    }

    async fn long_log_is_paged_and_verified(db: &TestStore) {
        for n in 0..12 {
            let record = AuditRecord::given_up(QuestionId::new(), &format!("{n}"));
            db.store.audit().append(&record, at(n)).await.unwrap();
        }
        let list = async |filter: AuditFilter| {
            db.store.audit().list(&filter).await.unwrap().iter().map(|e| e.sequence).collect::<Vec<_>>()
        };
        assert_eq!(list(AuditFilter { limit: 5, ..Default::default() }).await, [1, 2, 3, 4, 5]);
        assert_eq!(list(AuditFilter { after: 10, ..Default::default() }).await, [11, 12]);
        assert_eq!(list(AuditFilter { since: Some(at(3)), until: Some(at(5)), ..Default::default() }).await, [4, 5]);
        assert!(list(AuditFilter { kind: Some(AuditKind::Answered), ..Default::default() }).await.is_empty());
    }
}
