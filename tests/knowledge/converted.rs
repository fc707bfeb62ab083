//! Documents of other programs: web pages, office documents, PDF.

use super::world::{World, documents};
use rand::{RngExt, SeedableRng, rngs::StdRng};

const FILES: [(&str, &[u8]); 5] = [
    (
        "memo.docx",
        include_bytes!("../fixtures/documents/memo.docx"),
    ),
    (
        "cables.xlsx",
        include_bytes!("../fixtures/documents/cables.xlsx"),
    ),
    (
        "plan.pptx",
        include_bytes!("../fixtures/documents/plan.pptx"),
    ),
    (
        "kestrel.pdf",
        include_bytes!("../fixtures/documents/kestrel.pdf"),
    ),
    (
        "gate.html",
        include_bytes!("../fixtures/documents/gate.html"),
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_document_is_found_by_its_words() {
    let world = World::new();
    for (name, bytes) in FILES {
        world.write(name, bytes);
    }
    let report = world.ingest().await;
    assert_eq!((report.faults, report.added), (Vec::<String>::new(), 5));
    for (question, document, words, section) in [
        (
            "who is told of a lost key",
            "memo.docx",
            "night desk within one hour",
            "Lost keys",
        ),
        (
            "how many keys does Leeds have",
            "memo.docx",
            "three",
            "Lost keys",
        ),
        (
            "on which shelf is the Razorbill cable",
            "cables.xlsx",
            "K7",
            "",
        ),
        ("when does the ferry leave", "plan.pptx", "at noon", ""),
        (
            "what does a blue light on the Kestrel mean",
            "kestrel.pdf",
            "paired",
            "Page 2",
        ),
        (
            "what opens the south gate",
            "gate.html",
            "code of the week",
            "",
        ),
    ] {
        let hits = world.find(question).await;
        assert_eq!(documents(&hits)[0], document, "{question}");
        assert!(hits[0].text.contains(words), "{question}: {}", hits[0].text);
        assert!(
            hits[0].section.contains(section),
            "{question}: {}",
            hits[0].section
        );
    }
    assert_eq!(world.ingest().await.unchanged, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_and_hostile_files_are_named_and_the_rest_is_found() {
    let mut world = World::new();
    let [(_, memo), .., (_, gate)] = FILES;
    world.write("gate.html", gate);
    world.write("cut.docx", &memo[..memo.len() / 2]);
    world.write("words.pdf", "no PDF at all");
    world.write("deep.html", format!("<p>x{}", "<div>".repeat(300_000)));
    world.limits.convert_timeout_ms = 20_000;
    let report = world.ingest().await;
    assert_eq!(
        documents(&world.find("what opens the south gate").await)[0],
        "gate.html"
    );
    for name in ["cut.docx", "words.pdf"] {
        let named = report
            .faults
            .iter()
            .any(|fault| fault.starts_with(&format!("{name}: ")));
        assert!(named, "{name} is not in {:?}", report.faults);
    }
    // Whether it can be read or not: nothing waits for it, and nothing falls with it.
    assert!(report.faults.len() <= 3, "{:?}", report.faults);
}

#[tokio::test(flavor = "multi_thread")]
async fn file_that_takes_too_long_is_given_up() {
    let mut world = World::new();
    let [.., (_, gate)] = FILES;
    world.write("gate.html", gate);
    world.limits.convert_timeout_ms = 0;
    let report = world.ingest().await;
    assert_eq!(
        report.faults,
        ["gate.html: was not converted within limits.convert_timeout_ms = 0"]
    );
}

/// `LOREKEEPER_FUZZ` mutations, by default a few; each ends as a document, as
/// nothing or as a named fault.
#[tokio::test(flavor = "multi_thread")]
async fn damaged_files_end_as_documents_or_as_faults() {
    let rounds = std::env::var("LOREKEEPER_FUZZ")
        .ok()
        .and_then(|n| n.parse().ok());
    let mut random = StdRng::seed_from_u64(7);
    let world = World::new();
    for round in 0..rounds.unwrap_or(30) {
        let (name, bytes) = FILES[round % FILES.len()];
        let mut bytes = bytes.to_vec();
        for _ in 0..random.random_range(1..8) {
            let at = random.random_range(0..bytes.len().max(1));
            if at == bytes.len() {
                break;
            }
            match random.random_range(0..3) {
                0 => bytes[at] = random.random(),
                1 => drop(bytes.drain(at..(at + random.random_range(1..40)).min(bytes.len()))),
                _ => bytes.truncate(at.max(1)),
            }
        }
        world.write(&format!("{round}-{name}"), bytes);
    }
    let report = world.ingest().await;
    for fault in &report.faults {
        assert!(!fault.contains("limits.convert_timeout_ms"), "{fault}");
    }
}
