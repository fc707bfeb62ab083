use super::{fixtures::*, harness::*};
use lorekeeper::{
    domain::DocumentId,
    store::{KnownDocument, SourceState},
};

fn document(id: &str, hash: &str) -> KnownDocument {
    KnownDocument {
        document: DocumentId::new(id),
        hash: hash.into(),
        embedder: "minilm-int8".into(),
        chunks: 3,
        title: "Refunds".into(),
        date: "2026-03-01".parse().ok(),
        superseded: false,
    }
}

on_both_stores! {
    async fn known_documents_are_those_recorded_and_not_removed(db: &TestStore) {
        let documents = db.store.documents();
        let (a, b) = (document("a.md", "1"), document("b.md", "2"));
        documents.record("handbook", &[a.clone(), b.clone()], at(1)).await.unwrap();
        documents.record("tickets", &[document("a.md", "9")], at(1)).await.unwrap();
        let changed = KnownDocument { hash: "3".into(), superseded: true, date: None, ..b.clone() };
        documents.record("handbook", std::slice::from_ref(&changed), at(2)).await.unwrap();
        let known: Vec<KnownDocument> = documents.known("handbook").await.unwrap().into_values().collect();
        assert_eq!(known, [a.clone(), changed]);

        assert_eq!(documents.remove("handbook", &[b.document, DocumentId::new("never.md")]).await.unwrap(), 1);
        let known: Vec<KnownDocument> = documents.known("handbook").await.unwrap().into_values().collect();
        assert_eq!(known, [a]);
        assert!(documents.known("unheard-of").await.unwrap().is_empty());
    }

    async fn source_says_when_it_was_last_read_to_its_end(db: &TestStore) {
        let documents = db.store.documents();
        documents.record("handbook", &[document("a.md", "1"), document("b.md", "2")], at(1)).await.unwrap();
        documents.synchronised("tickets", at(2)).await.unwrap();
        let state = |source: &str, documents, chunks, synchronised_at| SourceState { source: source.into(), documents, chunks, synchronised_at };
        assert_eq!(documents.sources().await.unwrap(), [state("handbook", 2, 6, None), state("tickets", 0, 0, Some(at(2)))]);
        documents.synchronised("handbook", at(3)).await.unwrap();
        documents.synchronised("handbook", at(4)).await.unwrap();
        documents.remove_source("tickets").await.unwrap();
        assert_eq!(documents.sources().await.unwrap(), [state("handbook", 2, 6, Some(at(4)))]);
    }
}
