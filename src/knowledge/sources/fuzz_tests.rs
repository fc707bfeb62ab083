//! Damaged pages, records and exports: a document or a fault will do, a panic
//! or an endless loop will not. Files that are converted in a process of their
//! own are damaged in `tests/knowledge/converted.rs`.
//!
//! `LOREKEEPER_FUZZ=1000000 cargo nextest run -E 'test(fuzz)'` tries so many of
//! each reader, 300 otherwise; `LOREKEEPER_FUZZ_SEED` begins elsewhere.

use super::{ReadWith, Reading, converted, front_matter, read_source};
use crate::{
    config::{LimitsSection, OcrSection, RetrievalSection, SiteSource, SourceEntry},
    domain::Likeness,
    knowledge::{
        Body, Chunker, Document, Standing,
        markup::{adf, storage, wiki},
    },
    pipeline::passage::units,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    fs,
    ops::ControlFlow,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

/// Of one text of a few kilobytes, in an unoptimised program on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What makes each of the formats what it is.
const PIECES: [&str; 44] = [
    "---\n",
    "title: x\n",
    "audience: [",
    "\n# ",
    "\n## ",
    "\n\n",
    "| a | b |\n|---|---|\n",
    "|",
    "```",
    "~~~\n",
    "- ",
    "1. ",
    "> ",
    "![a](b)",
    "[a]: b",
    "<b>",
    "</b>",
    "<!--",
    "<table><tr><td>",
    "<ac:structured-macro ac:name=\"code\">",
    "</ac:structured-macro>",
    "<![CDATA[",
    "]]>",
    "&nbsp;",
    "&#x110000;",
    "&lt;",
    "{code}",
    "{quote}",
    "{panel:a=b}",
    "||h||",
    "h2. ",
    "bq. ",
    "*",
    "_",
    "\u{0}",
    "\u{202e}",
    "\u{fe0f}\u{200d}",
    "ß",
    "\"",
    ",",
    "\r\n",
    "{\"type\":\"doc\",\"content\":[",
    "]}",
    "<item>",
];

struct Damage(StdRng);

impl Damage {
    fn text(&mut self, whole: &str) -> Vec<u8> {
        let mut bytes = whole.as_bytes().to_vec();
        for _ in 0..self.0.random_range(1..8) {
            let at = self.0.random_range(0..=bytes.len());
            let end = (at + self.0.random_range(1..80)).min(bytes.len());
            match self.0.random_range(0..6) {
                0 => drop(bytes.drain(at..end)),
                1 => bytes.truncate(at),
                2 => {
                    let piece = bytes[at..end].to_vec();
                    let times = self.0.random_range(1..40);
                    bytes.splice(at..at, piece.repeat(times));
                }
                3 if at < bytes.len() => bytes[at] = self.0.random(),
                _ => {
                    let piece = PIECES[self.0.random_range(0..PIECES.len())];
                    let times = match self.0.random_range(0..10) {
                        // Much deeper than anybody nests anything.
                        0 => self.0.random_range(100..600),
                        _ => self.0.random_range(1..4),
                    };
                    bytes.splice(at..at, piece.repeat(times).into_bytes());
                }
            }
        }
        bytes
    }
}

/// Reads damaged versions of these, each within its time.
fn check(seed: u64, seeds: &[&str], read: impl Fn(&[u8])) {
    let rounds = setting("LOREKEEPER_FUZZ").unwrap_or(300);
    let begin = setting("LOREKEEPER_FUZZ_SEED").unwrap_or(seed);
    for round in 0..rounds {
        // One number says which text it was.
        let mut damage = Damage(StdRng::seed_from_u64(begin.wrapping_add(round)));
        let whole = seeds[round as usize % seeds.len()];
        let bytes = damage.text(whole);
        let began = Instant::now();
        read(&bytes);
        let took = began.elapsed();
        assert!(took < PATIENCE, "seed {} took {took:?}", begin + round);
    }
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn chunker() -> Chunker {
    let words = |text: &str| text.split_whitespace().count();
    Chunker::new(Arc::new(words), &RetrievalSection::default())
}

fn document(body: Body) -> Document {
    Document {
        id: crate::domain::DocumentId::new("a.md"),
        source: "docs".into(),
        origin: "a.md".into(),
        kind: crate::domain::SourceKind::Documents,
        title: "A".into(),
        locator: "a.md".into(),
        facts: String::new(),
        body,
        date: None,
        owner: None,
        audience: crate::domain::Audience::everyone(),
        supersedes: Vec::new(),
        standing: Standing::default(),
        bytes: 1,
    }
}

const PAGE: &str = "---\ntitle: \"Travel: 2024\"\nowner: people-ops\ndate: 2024-03-01\nsupersedes: [old.md]\nversion: 2\n\
    status: draft\naudience:\n  - finance\n---\n# Travel\n\nBook *flights* 14 days ahead; see [the desk](https://x.example).\n\n\
    ## Limits\n\n| Class | Hours |\n|---|---|\n| economy | 6 |\n\n1. Book\n2. Fly\n   - back\n\n```sh\nfly --now\n```\n\n> Quoted.\n";

#[test]
fn fuzz_markdown_and_its_front_matter() {
    let chunker = chunker();
    check(100, &[PAGE], |bytes| {
        let text = text_of(bytes);
        let body = front_matter::split(&text).map_or(text.as_str(), |(_, body)| body);
        for passage in chunker.passages(&document(Body::Markdown(body.into()))) {
            units(&passage.text);
            Likeness::of(&passage.text);
        }
        chunker.passages(&document(Body::Plain(text.clone())));
    });
}

const STORAGE: &str = "<h2>Reset</h2><p>Hold <strong>reset</strong> for 5 s.&nbsp;</p><ul><li>a<ul><li>b</li></ul></li></ul>\
    <table><tbody><tr><th>Light</th></tr><tr><td>red | blue</td></tr></tbody></table>\
    <ac:structured-macro ac:name=\"code\"><ac:parameter ac:name=\"language\">sh</ac:parameter>\
    <ac:plain-text-body><![CDATA[heron reset --now]]></ac:plain-text-body></ac:structured-macro>\
    <ac:link><ri:page ri:content-title=\"Home\"/><ac:plain-text-link-body><![CDATA[home]]></ac:plain-text-link-body></ac:link>\
    <ac:task-list><ac:task><ac:task-status>complete</ac:task-status><ac:task-body>x</ac:task-body></ac:task></ac:task-list>";

#[test]
fn fuzz_storage_format() {
    check(200, &[STORAGE], |bytes| {
        drop(storage::to_markdown(&text_of(bytes)))
    });
}

const WIKI: &str = "h2. Case\nThe printer on *floor 3* jams, _daily_.\n\n||Light||Means||\n|red|down|\n* one\n** two\n# three\n\
    {code:java}\nint a = 1;\n{code}\n{quote}said{quote}\n{panel:title=x}text{panel}\nbq. quoted\n[link|https://x.example] {{mono}} !a.png! ----\n";

#[test]
fn fuzz_wiki_markup() {
    check(300, &[WIKI], |bytes| {
        drop(wiki::to_markdown(&text_of(bytes)))
    });
}

const ADF: &str = r#"{"type":"doc","version":1,"content":[{"type":"heading","attrs":{"level":2},"content":[{"type":"text","text":"Case"}]},
    {"type":"paragraph","content":[{"type":"text","text":"jams","marks":[{"type":"strong"},{"type":"link","attrs":{"href":"https://x.example"}}]},{"type":"hardBreak"},{"type":"mention","attrs":{"text":"@mara"}}]},
    {"type":"bulletList","content":[{"type":"listItem","content":[{"type":"paragraph","content":[{"type":"text","text":"one"}]}]}]},
    {"type":"table","content":[{"type":"tableRow","content":[{"type":"tableHeader","content":[]},{"type":"tableCell","content":[]}]}]},
    {"type":"codeBlock","attrs":{"language":"sh"},"content":[{"type":"text","text":"ls"}]}]}"#;

#[test]
fn fuzz_atlassian_documents() {
    check(400, &[ADF], |bytes| {
        if let Ok(value) = serde_json::from_slice(bytes) {
            adf::to_markdown(&value);
        }
    });
}

const WEB: &str = "<!DOCTYPE html><html><head><meta charset=utf-8><title>Heron &amp; gateway</title></head><body><nav>Home</nav>\
    <h1>Gateway</h1><p>Hold <b>reset</b> for 5 s.<br>Then wait.</p><ul><li>one<li>two</ul><ol start=3><li>x</ol>\
    <table><tr><th>Light</th></tr><tr><td colspan=2>red</td></tr></table><pre><code>ls</code></pre><script>x</script></body></html>";

/// Within the memory of a test's thread; the program itself converts in a process of its own.
#[test]
fn fuzz_web_pages() {
    let reading = std::thread::Builder::new().stack_size(64 << 20).spawn(|| {
        check(500, &[WEB], |bytes| drop(converted::web_page(bytes)));
    });
    reading.expect("a thread").join().expect("no panic");
}

/// Reads a source with this one file.
fn read_file(folder: &Path, name: &str, bytes: &[u8], source: &SourceEntry) {
    fs::write(folder.join(name), bytes).expect("written");
    let (limits, ocr) = (LimitsSection::default(), OcrSection::default());
    let chunker = chunker();
    let with = ReadWith::new(&limits, &ocr, Path::new("/nonexistent"));
    let _ = read_source(source, with, &mut |reading| {
        if let Reading::Document(document) = reading {
            document.hash();
            chunker.passages(&document);
        }
        ControlFlow::Continue(())
    });
}

fn fuzz_file(seed: u64, name: &str, seeds: &[&str], more: impl Fn(&mut SourceEntry, &Path)) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut source = SourceEntry::new("docs", folder.path());
    more(&mut source, &folder.path().join(name));
    check(seed, seeds, |bytes| {
        read_file(folder.path(), name, bytes, &source)
    });
}

const LINES: &str = "{\"key\":\"REQ-1\",\"title\":\"Door stuck\",\"status\":\"open\",\"tags\":[\"a\",\"b\"],\"text\":\"It does not open.\",\"date\":\"2026-05-02\"}\n\
    {\"id\":7,\"text\":null,\"nested\":{\"a\":{\"b\":[1,2.5,true]}},\"audience\":[\"finance\"]}\n";
const ARRAY: &str =
    "[{\"id\":\"a\",\"text\":\"one\"},{\"_id\":2,\"title\":\"two\",\"text\":[\"x\",{\"y\":1}]}]";
const TABLE: &str =
    "id,title,text,date\n1,Door,\"It, does \"\"not\"\" open\",2026-05-02\n2,Lift,\"two\nlines\",\n";

#[test]
fn fuzz_records() {
    fuzz_file(600, "records.jsonl", &[LINES], |_, _| {});
    fuzz_file(700, "records.json", &[ARRAY], |_, _| {});
    fuzz_file(800, "records.csv", &[TABLE], |_, _| {});
}

const ISSUES: &str = "Summary,Issue key,Status,Assignee,Updated,Labels,Labels,Description,Security Level,Comment\n\
    Printer,OPS-1,Open,Ben,02/May/26 10:07 PM,a,b,\"h2. Case\nThe *printer* jams.\",Board,02/May/26 10:08 PM;mara;Bent.\n";
const XML: &str = "<?xml version=\"1.0\"?><rss><channel><item><key>OPS-1</key><summary>Printer &amp; jams</summary>\
    <description>&lt;p&gt;It &lt;b&gt;jams&lt;/b&gt;&lt;/p&gt;</description><labels><label>a</label></labels>\
    <updated>Sat, 2 May 2026 22:07:00 +0000</updated><security>Board</security>\
    <comments><comment author=\"mara\" created=\"Sat, 2 May 2026 22:08:00 +0000\">&lt;p&gt;Bent.&lt;/p&gt;</comment></comments></item></channel></rss>";

#[test]
fn fuzz_exports_of_jira() {
    let of_export = |source: &mut SourceEntry, file: &Path| {
        source.path = Default::default();
        source.remote.jira = Some(SiteSource {
            export: Some(file.into()),
            unrestricted: true,
            ..SiteSource::default()
        });
    };
    fuzz_file(900, "issues.csv", &[ISSUES], of_export);
    fuzz_file(1_000, "issues.xml", &[XML], of_export);
}
