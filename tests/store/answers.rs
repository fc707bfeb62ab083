use super::{fixtures::*, harness::*};
use lorekeeper::{
    domain::{DocumentId, Evidence, EvidenceKind, Rows, ToolResult},
    store::{Saving, StateCounts, StoreError, Verification},
};

on_both_stores! {
    async fn answer_is_read_as_it_was_saved(db: &TestStore) {
        let id = db.store.ask(&question(1)).await;
        let claimed = db.store.claim_next("w", at(2)).await.unwrap();
        let mut given = answer("yes");
        given.evidence.push(Evidence {
            n: 1,
            kind: EvidenceKind::Rows,
            document: DocumentId::new("orders"),
            title: "Orders \u{1F4E6} with a NUL \0".into(),
            locator: "orders_by_day".into(),
            section: String::new(),
            version: "v1".into(),
            date: None,
            owner: None,
            text: "42".into(),
            score: 0.125,
            orders: 1,
            rows: Some(ToolResult {
                tool: "orders_by_day".into(),
                source: "sales".into(),
                statement: "SELECT count(*) FROM orders".into(),
                rows: Rows::default(),
                lead: "42 orders".into(),
                as_of: at(2),
                bodies: Vec::new(),
            }),
            relations: Vec::new(),
            copies: Vec::new(),
        });
        let saving = Saving { question: &full_question(&claimed), answer: &given, plain_text: "yes \0", parts: &[part("yes")] };
        db.store.answers().save(&claimed.lease, &saving, at(3)).await.unwrap();
        let saved = db.store.answers().answer(id).await.unwrap().unwrap();
        assert_eq!((saved.answer, saved.incoming, saved.saved_at), (given, question(1), at(3)));
        let log = db.store.audit().show(id).await.unwrap();
        assert_eq!(log[0].record["text"], "question 1");
        assert_eq!(log[0].record["evidence"][0]["tool"]["statement"], "SELECT count(*) FROM orders");
    }

    async fn fault_in_the_middle_of_a_save_leaves_nothing(db: &TestStore) {
        let id = db.store.ask(&question(1)).await;
        let claimed = db.store.claim_next("w", at(2)).await.unwrap();
        let saving = Saving { question: &full_question(&claimed), answer: &answer("yes"), plain_text: "yes", parts: &[part("yes")] };
        // The audit record is the last thing written: without the head it can't be.
        db.behind_its_back("DELETE FROM audit_head").await;
        let failed = db.store.answers().save(&claimed.lease, &saving, at(3)).await;
        assert!(matches!(failed, Err(StoreError::Unreadable { .. })), "{failed:?}");
        assert_eq!(db.store.inbox().counts().await.unwrap(), StateCounts { claimed: 1, ..Default::default() });
        assert_eq!(db.store.answers().answer(id).await.unwrap(), None);
        assert_eq!(db.store.outbox().parts(id).await.unwrap(), []);
        // Once it is mended, the same save goes through.
        db.behind_its_back("INSERT INTO audit_head (id, sequence, hash) VALUES (1, 0, '')").await;
        db.store.answers().save(&claimed.lease, &saving, at(4)).await.unwrap();
        assert!(matches!(db.store.audit().verify().await.unwrap(), Verification::Intact { rows: 1, .. }));
    }

    async fn answer_is_saved_once(db: &TestStore) {
        db.store.ask(&question(1)).await;
        let claimed = db.store.claim_next("w", at(2)).await.unwrap();
        db.store.save(&claimed, "yes").await;
        let saving = Saving { question: &full_question(&claimed), answer: &answer("no"), plain_text: "no", parts: &[] };
        let again = db.store.answers().save(&claimed.lease, &saving, at(3)).await;
        assert!(matches!(again, Err(StoreError::LeaseLost { .. })), "{again:?}");
    }

    async fn recent_answers_come_newest_first(db: &TestStore) {
        for n in 1..=3 { db.store.answer_at_once(&question(n), &format!("m{n}")).await; }
        let texts: Vec<String> = db.store.answers().recent(2).await.unwrap().into_iter().map(|a| a.incoming.text).collect();
        assert_eq!(texts, ["question 3", "question 2"]);
    }
}
