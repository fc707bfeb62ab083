//! What every index does alike: one suite over all three.

use super::world::{World, documents, embedder, on_every_index, recipe};
use lorekeeper::{
    domain::{Access, Audience, DocumentId, SourceKind},
    ingest::Coverage,
    knowledge::{
        FORMAT, Found, IndexEntry, IndexError, IndexRecipe, IndexedPassage, KnowledgeIndex,
        Passage, PassageId, Purpose, Scope, Standing, TermVector, passage_terms, query_terms,
    },
    ports::Embedder,
};
use std::collections::{BTreeSet, HashMap};

/// Numbers that look random and are the same in every run, -1 to 1.
fn noise(seed: u64) -> impl Iterator<Item = f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    })
}

fn vector(seed: u64) -> Vec<f32> {
    let raw: Vec<f32> = noise(seed).skip(8).take(embedder().dimension()).collect();
    let length = raw.iter().map(|x| x * x).sum::<f32>().sqrt();
    raw.into_iter().map(|x| x / length).collect()
}

/// A document of one passage in the source `docs`, for everyone.
fn entry(document: &str, text: &str, seed: u64) -> IndexEntry {
    let passage = Passage {
        section: String::new(),
        text: text.into(),
        plain: text.into(),
        position: 0,
    };
    IndexEntry {
        terms: passage_terms("", &passage),
        dense: vector(seed),
        passage: IndexedPassage {
            document: DocumentId::new(document),
            source: "docs".into(),
            origin: format!("{document}.md"),
            kind: SourceKind::Documents,
            title: "Title".into(),
            locator: document.into(),
            section: passage.section,
            hash: "1".into(),
            date: None,
            owner: None,
            audience: Audience::everyone(),
            supersedes: Vec::new(),
            superseded_by: None,
            standing: Standing::default(),
            text: passage.text,
            position: passage.position,
            fingerprint: format!("{seed:016x}"),
            tokens: "0123".into(),
            relations: Vec::new(),
            relation_keys: Vec::new(),
        },
    }
}

/// Documents over a few words, so that some words are in many and some in few.
fn library(size: u64) -> Vec<IndexEntry> {
    let words = [
        "refund", "travel", "leave", "invoice", "vpn", "badge", "laptop", "parking", "bonus",
    ];
    let text = |n: u64| -> String {
        let rank = |i: &usize| n.is_multiple_of(*i as u64 + 1);
        (0..words.len())
            .filter(rank)
            .map(|i| words[i])
            .collect::<Vec<_>>()
            .join(" ")
    };
    (0..size)
        .map(|n| entry(&format!("doc-{n}"), &text(n), n))
        .collect()
}

fn everyone() -> Scope {
    Scope::of(&Access::everyone())
}

async fn names(index: &dyn KnowledgeIndex, found: &[Found]) -> Vec<String> {
    let ids: Vec<PassageId> = found.iter().map(|found| found.id).collect();
    let passages = index.passages(&ids, false).await.expect("read");
    let names: HashMap<PassageId, String> = passages
        .into_iter()
        .map(|(id, passage)| (id, passage.document.as_str().to_string()))
        .collect();
    ids.iter().map(|id| names[id].clone()).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// BM25 as the formula has it, over all of these entries.
fn bm25(entries: &[IndexEntry], asked: &TermVector) -> Vec<(f32, String)> {
    let weights = |entry: &IndexEntry| -> HashMap<u32, f32> {
        let terms = &entry.terms;
        terms
            .indices
            .iter()
            .copied()
            .zip(terms.values.iter().copied())
            .collect()
    };
    let all: Vec<HashMap<u32, f32>> = entries.iter().map(weights).collect();
    let idf = |term: &u32| {
        let n = all.iter().filter(|terms| terms.contains_key(term)).count() as f32;
        ((all.len() as f32 - n + 0.5) / (n + 0.5) + 1.0).ln()
    };
    let mut scored: Vec<(f32, String)> = entries
        .iter()
        .zip(&all)
        .filter(|(_, terms)| asked.indices.iter().any(|term| terms.contains_key(term)))
        .map(|(entry, terms)| {
            let score = asked
                .indices
                .iter()
                .filter_map(|term| Some(terms.get(term)? * idf(term)));
            (score.sum(), entry.passage.document.as_str().to_string())
        })
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored
}

fn assert_scores(found: &[Found], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found.score - expected).abs() < 1e-4,
            "{found:?}, expected {expected}"
        );
    }
}

on_every_index! {
    async fn score_by_meaning_is_the_cosine(world: &mut World) {
        let index = world.index();
        let entries = library(200);
        index.write(entries.clone()).await.expect("written");
        assert_eq!(index.count_passages().await.expect("counted"), 200);

        let asked = vector(9_999);
        let mut expected: Vec<(f32, &str)> = entries
            .iter()
            .map(|entry| (cosine(&asked, &entry.dense), entry.passage.document.as_str()))
            .collect();
        expected.sort_by(|a, b| b.0.total_cmp(&a.0));
        let found = index.nearest(&asked, &everyone(), 10).await.expect("found");
        let best: Vec<&str> = expected.iter().take(10).map(|(_, name)| *name).collect();
        assert_eq!(names(index.as_ref(), &found).await, best);
        let scores: Vec<f32> = expected.iter().take(10).map(|(score, _)| *score).collect();
        assert_scores(&found, &scores);

        let ids: Vec<PassageId> = found.iter().map(|found| found.id).collect();
        let again = index.similarities(&asked, &ids[3..6]).await.expect("compared");
        assert_scores(&again, &scores[3..6]);
    }

    async fn score_by_words_is_bm25_over_all_passages(world: &mut World) {
        let index = world.index();
        let entries = library(200);
        index.write(entries.clone()).await.expect("written");
        let check = async |question: &str| {
            let asked = query_terms(question);
            let expected = bm25(&entries, &asked);
            let found = index.matching(&asked, &everyone(), 500).await.expect("found");
            let scores: Vec<f32> = expected.iter().map(|(score, _)| *score).collect();
            assert_scores(&found, &scores);
            let found: BTreeSet<String> = names(index.as_ref(), &found).await.into_iter().collect();
            let expected = expected.into_iter().map(|(_, name)| name).collect();
            assert_eq!(found, expected, "{question}");
        };
        check("bonus").await;
        check("how do I get a refund for travel").await;
        check("unheard of").await;
        check("").await;
        // The weight of a word does not depend on what else is asked for.
        let mut scope = everyone();
        scope.exclude = (1..200).map(|n| DocumentId::new(format!("doc-{n}"))).collect();
        let alone = index.matching(&query_terms("bonus"), &scope, 5).await.expect("found");
        let expected = bm25(&entries, &query_terms("bonus"));
        let score = expected.iter().find(|(_, name)| name == "doc-0").expect("has the word").0;
        assert_scores(&alone, &[score]);
    }

    async fn passages_that_one_may_not_see_do_not_make_a_word_less_rare(world: &mut World) {
        let index = world.index();
        let open = library(60);
        let mut entries = open.clone();
        for n in 0..90 {
            let word = if n % 3 == 0 { "bonus bonus" } else { "travel refund" };
            let mut hidden = entry(&format!("hidden-{n}"), word, n);
            let groups: &[&str] = if n < 40 { &["board"] } else { &["board", "finance"] };
            hidden.passage.audience = Audience::of(groups.iter().copied());
            entries.push(hidden);
        }
        index.write(entries.clone()).await.expect("written");
        let check = async |access: Access, visible: &[IndexEntry]| {
            for question in ["bonus", "refund for travel", "bonus for parking and travel"] {
                let asked = query_terms(question);
                let scope = Scope::of(&access);
                let found = index.matching(&asked, &scope, 500).await.expect("found");
                let expected = bm25(visible, &asked);
                let scores: Vec<f32> = expected.iter().map(|(score, _)| *score).collect();
                assert_scores(&found, &scores);
            }
        };
        check(Access::everyone(), &open).await;
        check(Access::member_of(["finance"]), &[&open[..], &entries[100..]].concat()).await;
        check(Access::member_of(["board"]), &entries).await;
        // What is written or removed counts from then on.
        let gone: Vec<DocumentId> = (0..40).map(|n| DocumentId::new(format!("doc-{n}"))).collect();
        index.remove("docs", &gone).await.expect("removed");
        check(Access::everyone(), &open[40..]).await;
        index.write(open[..20].to_vec()).await.expect("written");
        check(Access::everyone(), &[&open[..20], &open[40..]].concat()).await;
    }

    async fn few_passages_of_a_source_are_found_among_many_nearer_ones(world: &mut World) {
        let index = world.index();
        let asked = vector(1);
        let mut entries: Vec<IndexEntry> = (0..1_500).map(|n| {
            // Near to the question, each a little different.
            let dense = asked.iter().zip(vector(n + 10)).map(|(a, b)| a + 0.2 * b).collect();
            IndexEntry { dense, ..entry(&format!("near-{n}"), "near", n) }
        }).collect();
        for n in 0..7 {
            let dense = asked.iter().zip(vector(n + 5_000)).map(|(a, b)| b - a).collect();
            let mut far = IndexEntry { dense, ..entry(&format!("far-{n}"), "far", n) };
            far.passage.source = "rare".into();
            far.passage.kind = SourceKind::Tickets;
            entries.push(far);
        }
        for batch in entries.chunks(500) {
            index.write(batch.to_vec()).await.expect("written");
        }
        let of_source = Scope { source: Some("rare".into()), ..everyone() };
        let of_kind = Scope { kinds: vec![SourceKind::Tickets], ..everyone() };
        for scope in [of_source, of_kind] {
            let found = index.nearest(&asked, &scope, 5).await.expect("found");
            assert_eq!(found.len(), 5);
            assert!(names(index.as_ref(), &found).await.iter().all(|name| name.starts_with("far")));
            assert!(found.is_sorted_by(|a, b| a.score >= b.score));
            let found = index.nearest(&asked, &scope, 50).await.expect("found");
            assert_eq!(found.len(), 7);
        }
        assert_eq!(index.sources().await.expect("listed"), BTreeSet::from(["docs".into(), "rare".into()]));
    }

    async fn passage_of_a_group_is_seen_by_nobody_else(world: &mut World) {
        let index = world.index();
        let mut secret = entry("secret", "bonus pool", 1);
        secret.passage.audience = Audience::of(["finance", "board"]);
        index.write(vec![secret, entry("open", "bonus", 2)]).await.expect("written");
        let check = async |access: Access, expected: &[&str]| {
            let scope = Scope::of(&access);
            let nearest = index.nearest(&vector(1), &scope, 10).await.expect("found");
            let matching = index.matching(&query_terms("bonus"), &scope, 10).await.expect("found");
            for found in [nearest, matching] {
                let mut names = names(index.as_ref(), &found).await;
                names.sort();
                assert_eq!(names, expected, "{access:?}");
            }
            assert_eq!(index.count_documents(&scope).await.expect("counted"), expected.len());
            let secret = index.document(&DocumentId::new("secret"), &access).await.expect("read");
            assert_eq!(secret.len(), expected.len() - 1);
        };
        check(Access::everyone(), &["open"]).await;
        check(Access::member_of(["sales"]), &["open"]).await;
        check(Access::member_of(["finance"]), &["open", "secret"]).await;
        check(Access::member_of(["board", "sales"]), &["open", "secret"]).await;
    }

    async fn new_version_of_a_document_leaves_nothing_of_the_former(world: &mut World) {
        let index = world.index();
        let mut second = entry("a", "second", 2);
        second.passage.position = 1;
        let version = vec![entry("a", "first", 1), second, entry("b", "other", 3)];
        index.write(version.clone()).await.expect("written");
        // The same again changes nothing.
        index.write(version).await.expect("written");
        assert_eq!(index.count_passages().await.expect("counted"), 3);

        let mut newer = entry("a", "third", 4);
        newer.passage.hash = "2".into();
        index.write(vec![newer]).await.expect("written");
        let passages = index.document(&DocumentId::new("a"), &Access::everyone()).await.expect("read");
        let texts: Vec<&str> = passages.iter().map(|passage| passage.text.as_str()).collect();
        assert_eq!(texts, ["third"]);
        assert_eq!(index.known("docs").await.expect("listed")[&DocumentId::new("a")].hash, "2");
        let gone = index.matching(&query_terms("first second"), &everyone(), 5).await.expect("found");
        assert!(gone.is_empty(), "{gone:?}");

        index.remove("other source", &[DocumentId::new("a")]).await.expect("removed");
        assert_eq!(index.count_passages().await.expect("counted"), 2);
        index.remove("docs", &[DocumentId::new("a"), DocumentId::new("no such")]).await.expect("removed");
        let known = index.known("docs").await.expect("listed");
        assert_eq!(known.keys().collect::<Vec<_>>(), [&DocumentId::new("b")]);
        // How much a word weighs then is not told: Qdrant counts removed passages until it tidies up.
        let found = index.matching(&query_terms("other"), &everyone(), 5).await.expect("found");
        assert_eq!(names(index.as_ref(), &found).await, ["b"]);
    }

    async fn newer_document_is_noted_and_forgotten(world: &mut World) {
        let index = world.index();
        let mut newer = entry("new", "text", 1);
        newer.passage.supersedes = vec!["old".into()];
        index.write(vec![newer, entry("old", "text", 2)]).await.expect("written");
        let (old, new) = (DocumentId::new("old"), DocumentId::new("new"));
        for by in [Some(&new), None] {
            index.set_superseded("docs", &old, by).await.expect("noted");
            let known = index.known("docs").await.expect("listed");
            assert_eq!(known[&old].superseded_by.as_ref(), by);
            assert_eq!(known[&new].supersedes, ["old"]);
            assert_eq!(known[&new].superseded_by, None);
            let read = index.document(&old, &Access::everyone()).await.expect("read");
            assert_eq!(read[0].superseded_by.as_ref(), by);
        }
    }

    async fn passage_comes_back_as_it_was_written(world: &mut World) {
        let index = world.index();
        let odd = "a\0b'c\"\\ \u{1f642} \u{202e} {\"json\": null}";
        let mut strange = entry(odd, odd, 1);
        strange.passage.title = odd.into();
        strange.passage.owner = Some(odd.into());
        strange.passage.superseded_by = Some(DocumentId::new(odd));
        strange.passage.date = chrono::NaiveDate::from_ymd_opt(2026, 2, 28);
        strange.passage.tokens = "0123456789abcde".into();
        let mut bare = entry("bare", "", 2);
        bare.terms = TermVector::default();
        bare.passage.tokens = String::new();
        let entries = vec![strange.clone(), bare.clone()];
        index.write(entries).await.expect("written");
        let found = index.nearest(&vector(1), &everyone(), 2).await.expect("found");
        let ids: Vec<PassageId> = found.iter().map(|found| found.id).collect();
        let passages: HashMap<PassageId, IndexedPassage> =
            index.passages(&ids, true).await.expect("read").into_iter().collect();
        assert_eq!(passages[&ids[0]], strange.passage);
        assert_eq!(passages[&ids[1]], bare.passage);
        let passages = index.passages(&ids[..1], false).await.expect("read");
        assert_eq!(passages[0].1.tokens, "");

        let id = DocumentId::new(odd);
        assert_eq!(index.document(&id, &Access::everyone()).await.expect("read").len(), 1);
        assert!(index.known("docs").await.expect("listed").contains_key(&id));
        let without = Scope { exclude: vec![id.clone()], ..everyone() };
        assert_eq!(index.count_documents(&without).await.expect("counted"), 1);
        index.remove("docs", &[id]).await.expect("removed");
        assert_eq!(index.count_passages().await.expect("counted"), 1);
    }

    async fn vector_of_another_length_is_refused_and_nothing_breaks(world: &mut World) {
        let index = world.index();
        index.write(vec![entry("whole", "text", 1)]).await.expect("written");
        let short = IndexEntry { dense: vec![1.0, 0.0], ..entry("short", "text", 1) };
        index.write(vec![short]).await.expect_err("two numbers are no vector of this model");
        index.nearest(&[1.0, 0.0], &everyone(), 5).await.expect_err("nor is that a question");
        let found = index.nearest(&vector(1), &everyone(), 5).await.expect("found");
        assert_eq!(names(index.as_ref(), &found).await, ["whole"]);
    }

    async fn nothing_asked_of_nothing_is_nothing(world: &mut World) {
        let index = world.index();
        assert_eq!(index.nearest(&vector(1), &everyone(), 5).await.expect("found"), []);
        assert_eq!(index.matching(&query_terms("text"), &everyone(), 5).await.expect("found"), []);
        assert_eq!(index.similarities(&vector(1), &[]).await.expect("compared"), []);
        assert_eq!(index.passages(&[PassageId::nil()], true).await.expect("read"), []);
        assert_eq!(index.passages(&[], true).await.expect("read"), []);
        index.write(Vec::new()).await.expect("written");
        index.remove("docs", &[]).await.expect("removed");
        assert_eq!(index.count_passages().await.expect("counted"), 0);
        assert_eq!(index.replaces().await.expect("looked"), None);
    }

    async fn index_of_another_model_answers_until_the_new_one_is_complete(world: &mut World) {
        world.write("travel.md", "# Travel\n\nBook flights early.\n");
        world.write("vpn.md", "# VPN\n\nRestart the client.\n");
        world.ingest().await;
        world.close();

        let refused = world.open(&renamed(), Purpose::Search).await.err().expect("another model");
        assert!(matches!(&refused, IndexError::OtherModel { .. }), "{refused}");
        assert!(refused.to_string().contains("run `lorekeeper ingest`"), "{refused}");

        // A run that is cut short after one of two documents leaves the former in use.
        let next = world.open(&renamed(), Purpose::Ingest).await.expect("opens beside");
        let replaced = next.replaces().await.expect("looked").expect("another is in use");
        assert_eq!(replaced.sources, BTreeSet::from(["docs".to_string()]));
        assert_eq!(next.count_passages().await.expect("counted"), 0);
        world.delete("vpn.md");
        world.ingest_into(&next, Coverage::Part, &["other"]).await;
        drop(next);
        let former = world.open(&recipe(), Purpose::Search).await.expect("still in use");
        assert_eq!(former.count_passages().await.expect("counted"), 2);
        drop(former);

        // The next run goes on where that one stopped, and switches at its end.
        world.write("vpn.md", "# VPN\n\nRestart the client.\n");
        let next = world.open(&renamed(), Purpose::Ingest).await.expect("opens again");
        let report = world.ingest_into(&next, Coverage::Part, &["docs"]).await;
        assert_eq!((report.added, report.unchanged), (2, 0));
        assert_eq!(report.replaced.as_deref(), Some(replaced.embedder.as_str()));
        assert_eq!(next.replaces().await.expect("looked"), None);
        drop(next);
        world.open(&recipe(), Purpose::Search).await.err().expect("the former is not in use any more");
        let now = world.open(&renamed(), Purpose::Search).await.expect("in use");
        assert_eq!(now.count_passages().await.expect("counted"), 3);
        drop(now);

        // Back again: nothing of the first index is left over by then.
        drop(world.open(&renamed(), Purpose::Ingest).await.expect("opens"));
        let first = world.open(&recipe(), Purpose::Ingest).await.expect("opens beside");
        assert_eq!(first.count_passages().await.expect("counted"), 0);
    }

    async fn run_that_is_cut_short_goes_on_with_what_it_wrote(world: &mut World) {
        world.index().write(library(3)).await.expect("written");
        world.close();
        let next = world.open(&renamed(), Purpose::Ingest).await.expect("opens beside");
        next.write(library(2)).await.expect("written");
        next.flush().await.expect("on disk");
        drop(next);
        let again = world.open(&renamed(), Purpose::Ingest).await.expect("opens again");
        assert_eq!(again.count_passages().await.expect("counted"), 2);
        drop(again);
        // The model was changed once more: that is another beginning.
        let third = IndexRecipe { embedder: "third".into(), ..recipe() };
        let third = world.open(&third, Purpose::Ingest).await.expect("opens beside");
        assert_eq!(third.count_passages().await.expect("counted"), 0);
        third.take_over().await.expect("switched");
        third.take_over().await.expect("harmless");
    }

    async fn new_index_waits_for_the_sources_that_the_former_has(world: &mut World) {
        world.write("travel.md", "# Travel\n\nBook flights early.\n");
        world.ingest().await;
        let mut other = entry("REQ-1", "door stuck", 1);
        other.passage.source = "tickets".into();
        world.index().write(vec![other]).await.expect("written");
        world.close();

        let next = world.open(&renamed(), Purpose::Ingest).await.expect("opens beside");
        let report = world.ingest_into(&next, Coverage::Part, &["docs"]).await;
        assert_eq!((report.awaited, report.replaced), (vec!["tickets".to_string()], None));
        // All that is configured, and tickets are not: they were given up.
        let report = world.ingest_into(&next, Coverage::Everything, &["docs"]).await;
        assert!(report.awaited.is_empty() && report.replaced.is_some());
    }

    async fn index_of_an_older_format_is_built_anew(world: &mut World) {
        world.close();
        let newer = IndexRecipe { format: FORMAT + 1, ..recipe() };
        let refused = world.open(&newer, Purpose::Search).await.err().expect("another format");
        assert!(matches!(refused, IndexError::OtherFormat { was: FORMAT, .. }), "{refused}");
        let next = world.open(&newer, Purpose::Ingest).await.expect("opens beside");
        next.take_over().await.expect("switched");
        drop(next);
        world.open(&newer, Purpose::Search).await.expect("in use");
    }

    async fn two_searches_at_once_find_the_same(world: &mut World) {
        world.write("travel.md", "# Travel\n\nBook flights early.\n");
        world.ingest().await;
        let (one, two) = futures::join!(world.find("flights"), world.find("flights"));
        assert_eq!(documents(&one), ["travel.md"]);
        assert_eq!(one, two);
    }
}

/// The same vectors under another name, so that the tests' own model can fill it.
fn renamed() -> IndexRecipe {
    IndexRecipe {
        embedder: "another model".into(),
        ..recipe()
    }
}
