use super::world::World;
use lorekeeper::domain::{RedactionPolicy, Sensitive, Treatment};
use std::{collections::BTreeMap, fs, path::Path};

const PAGE: &str = "---\nowner: Mrs. Iwase\n---\n# Heron gateway\n\n\
    Call the plover desk on +41 44 668 18 00. Sign in with password=Gr33n-Heron-77 and pay with \
    4111 1111 1111 1111.\n";

/// Whether any file of the index holds these bytes.
fn stored(folder: &Path, words: &str) -> bool {
    let entries = fs::read_dir(folder).expect("a folder of the index is read");
    entries.flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return stored(&path, words);
        }
        let bytes = fs::read(&path).unwrap_or_default();
        bytes
            .windows(words.len())
            .any(|window| window == words.as_bytes())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_and_numbers_that_pay_are_never_stored() {
    let world = World::new();
    world.write("heron.md", PAGE);
    let report = world.ingest().await;
    assert_eq!(report.redacted, 2);
    assert_eq!(
        report.redacted_kinds,
        BTreeMap::from([(Sensitive::Secret, 1), (Sensitive::Card, 1)])
    );
    let hits = world.find("how do I sign in at the heron gateway").await;
    assert!(hits[0].text.contains("password=[secret]"), "{hits:?}");
    assert!(hits[0].text.contains("[card number]"), "{hits:?}");
    let index = world.index_folder();
    assert!(stored(&index, "plover desk"));
    for words in ["Gr33n-Heron-77", "4111 1111", "4111111111111111"] {
        assert!(!stored(&index, words), "`{words}` is stored");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_policy_reads_the_documents_again() {
    let mut world = World::new();
    world.write("heron.md", PAGE);
    world.ingest().await;
    assert_eq!(world.ingest().await.unchanged, 1);
    world.redact = RedactionPolicy::all(Treatment::Hash);
    let report = world.ingest().await;
    assert_eq!((report.changed, report.unchanged), (1, 0));
    let hits = world.find("call the plover desk").await;
    assert!(hits[0].text.contains("[phone number "), "{hits:?}");
    let owner = hits[0].owner.as_deref().unwrap_or_default();
    assert!(owner.contains("[name "), "{owner}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_not_stored_where_the_policy_hashes_them() {
    let mut world = World::new();
    world.redact = RedactionPolicy::all(Treatment::Hash);
    world.write("heron.md", PAGE);
    world.ingest().await;
    let index = world.index_folder();
    assert!(stored(&index, "plover desk"));
    assert!(!stored(&index, "Iwase"));
}
