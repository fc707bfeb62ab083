//! The three kinds of index on the same passages.
//!
//! `tests/with-pgvector cargo bench --bench index`; without
//! LOREKEEPER_TEST_PGVECTOR pgvector is not measured, and it says so.
//!
//! First the sample company's documents and the gold questions that name one:
//! recall@10 and nDCG@10. The Qdrant server is the tests' own, an exact search
//! behind the real client, so its times mean nothing and are not taken. Then
//! 10,000 passages of 384 dimensions in clusters: how long a search takes, how
//! many of the nearest it finds, and what it takes on disk and in memory.
//!
//! `cargo bench --bench index -- 10000 100000 1000000` does only the second
//! part, with so many passages in the embedded index, each without token
//! vectors, which lie on disk and are read for thirty passages a search.

#[path = "../tests/fakes/qdrant/mod.rs"]
mod qdrant;

use async_trait::async_trait;
use lorekeeper::{
    config::{Config, LimitsSection, ModelSection, OcrSection, RetrievalSection, SourceEntry},
    domain::{Access, Audience, DocumentId, SourceKind},
    ingest::{BATCH, FileMemory, Ingestor, Unwatched, synchronise},
    knowledge::{
        Cursors, EdgeIndex, FORMAT, HybridSearch, IndexEntry, IndexRecipe, IndexedPassage,
        KnowledgeIndex, Passage, PgIndex, PgOptions, Purpose, QdrantIndex, QdrantOptions, Scope,
        Standing, passage_terms, query_terms,
        redact::{Names, Redactor},
    },
    model::OnnxEmbedder,
    ports::{EmbedError, Embedder, Encoded, Search, SearchRequest, TextRole},
    remote::Remotes,
};
use qdrant::FakeQdrant;
use serde::Deserialize;
use std::{
    collections::HashSet,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

const PASSAGES: u64 = 10_000;
/// Asked of an index that is larger than this: fewer questions, since each takes longer.
const MANY: u64 = 100_000;
const FEW_QUESTIONS: u64 = 100;
/// Of the token vectors of about 100 tokens.
const TOKEN_DIGITS: usize = 9_600;
const DIMENSION: usize = 384;
const QUESTIONS: u64 = 500;
/// What a search asks of each of the two rankings.
const CANDIDATES: usize = 100;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let sizes: Vec<u64> = std::env::args().filter_map(|n| n.parse().ok()).collect();
    for &size in &sizes {
        embedded(size).await?;
    }
    if sizes.is_empty() {
        company().await?;
        many().await?;
    }
    Ok(())
}

/// The embedded index alone, with so many passages.
async fn embedded(size: u64) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let before = resident();
    let index: Arc<dyn KnowledgeIndex> = Arc::new(EdgeIndex::open(
        folder.path(),
        &noise_recipe(),
        Purpose::Ingest,
    )?);
    let name = format!("embedded, {size} passages");
    fill(&name, &index, size, 0).await?;
    println!(
        "{name}: {} MB on disk, {} MB more in this process",
        used(folder.path()) >> 20,
        resident().saturating_sub(before) >> 20
    );
    let questions = if size > MANY {
        FEW_QUESTIONS
    } else {
        QUESTIONS
    };
    measure(&name, &index, &index, questions).await?;
    println!("{name}: recall@10 {:.4}", recall(&index, size, 20).await?);
    drop(index);
    let before = resident();
    let began = Instant::now();
    let index = EdgeIndex::open(folder.path(), &noise_recipe(), Purpose::Search)?;
    index
        .nearest(&Noise::vector("ready"), &Scope::of(&Access::everyone()), 10)
        .await?;
    println!(
        "{name}: opened anew and searched once in {:.1} s, {} MB more in this process",
        began.elapsed().as_secs_f64(),
        resident().saturating_sub(before) >> 20
    );
    Ok(())
}

/// Of the ten nearest that a plain comparison with every vector finds, how many the index finds.
async fn recall(index: &Arc<dyn KnowledgeIndex>, size: u64, questions: u64) -> anyhow::Result<f64> {
    let unit = |vector: Vec<f32>| {
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        vector.into_iter().map(|x| x / length).collect::<Vec<f32>>()
    };
    let asked: Vec<Vec<f32>> = (0..questions)
        .map(|n| unit(Noise::vector(&question(n))))
        .collect();
    let mut nearest: Vec<Vec<f32>> = vec![Vec::new(); asked.len()];
    for n in 0..size {
        let vector = unit(Noise::vector(&text(n)));
        for (asked, best) in asked.iter().zip(&mut nearest) {
            best.push(asked.iter().zip(&vector).map(|(a, b)| a * b).sum());
            if best.len() == 1_000 {
                keep_best(best);
            }
        }
    }
    let (mut found, mut wanted) = (0, 0);
    for (asked, best) in asked.iter().zip(&mut nearest) {
        keep_best(best);
        let least = best.last().copied().unwrap_or(0.0) - 1e-5;
        let hits = index
            .nearest(asked, &Scope::of(&Access::everyone()), 10)
            .await?;
        found += hits.iter().filter(|hit| hit.score >= least).count();
        wanted += best.len();
    }
    Ok(found as f64 / wanted as f64)
}

fn keep_best(scores: &mut Vec<f32>) {
    scores.sort_by(|a, b| b.total_cmp(a));
    scores.truncate(10);
}

fn noise_recipe() -> IndexRecipe {
    IndexRecipe {
        embedder: "noise".into(),
        dimension: DIMENSION,
        format: FORMAT,
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pg_options(schema: &str) -> Option<PgOptions> {
    let url = std::env::var("LOREKEEPER_TEST_PGVECTOR").ok()?;
    Some(PgOptions {
        url: url.into(),
        schema: schema.into(),
        timeout: Duration::from_secs(10),
    })
}

#[derive(Deserialize)]
struct Gold {
    question: Vec<GoldQuestion>,
}

#[derive(Deserialize)]
struct GoldQuestion {
    text: String,
    #[serde(default)]
    documents: Vec<String>,
}

/// Recall@10 and nDCG@10 of the sample company's documents.
async fn company() -> anyhow::Result<()> {
    let embedder = Arc::new(OnnxEmbedder::open(&ModelSection::default())?);
    let recipe = IndexRecipe {
        embedder: embedder.name().to_string(),
        dimension: embedder.dimension(),
        format: FORMAT,
    };
    let gold = std::fs::read_to_string(root().join("tests/eval/gold.toml"))?;
    let gold: Gold = toml::from_str(&gold)?;
    let asked: Vec<GoldQuestion> = gold
        .question
        .into_iter()
        .filter(|question| !question.documents.is_empty())
        .collect();
    let folder = tempfile::tempdir()?;
    let server = FakeQdrant::start().await;
    let options = QdrantOptions {
        url: server.url().into(),
        key: None,
        name: "company".into(),
        timeout: Duration::from_secs(10),
        shards: None,
        replicas: None,
        quantize: false,
    };
    let mut indexes: Vec<(&str, Arc<dyn KnowledgeIndex>)> = vec![
        (
            "embedded",
            Arc::new(EdgeIndex::open(folder.path(), &recipe, Purpose::Ingest)?),
        ),
        (
            "qdrant",
            Arc::new(QdrantIndex::open(&options, &recipe, Purpose::Ingest).await?),
        ),
    ];
    if let Some(options) = pg_options("company") {
        let index = PgIndex::open(&options, &recipe, Purpose::Ingest).await?;
        indexes.push(("pgvector", Arc::new(index)));
    }
    for (name, index) in indexes {
        let ingestor = Ingestor {
            index: index.clone(),
            embedder: embedder.clone(),
            count_tokens: embedder.count_tokens(),
            retrieval: RetrievalSection::default(),
            limits: LimitsSection::default(),
            ocr: OcrSection::default(),
            redactor: Arc::new(Redactor::new(Names::default(), b"salt")),
            program: std::env::current_exe()?,
            remotes: Remotes::new(&Config::default()),
            cursors: Cursors::in_memory(),
            files: FileMemory::default(),
            at_once: BATCH,
            dry_run: false,
        };
        let docs = SourceEntry::new("handbook", &root().join("examples/company/docs"));
        let report = synchronise(&ingestor, &[docs], &Unwatched).await?;
        let search = HybridSearch::new(index, embedder.clone(), CANDIDATES);
        let (mut recall, mut ndcg) = (0.0, 0.0);
        for question in &asked {
            let hits = search.search(&request(&question.text)).await?;
            let mut found: Vec<&str> = Vec::new();
            for hit in &hits {
                if !found.contains(&hit.document.as_str()) {
                    found.push(hit.document.as_str());
                }
            }
            found.truncate(10);
            let gain = |rank: usize| 1.0 / (rank as f64 + 2.0).log2();
            let right = |document: &&str| question.documents.iter().any(|d| d == document);
            let dcg: f64 = (0..found.len())
                .filter(|&rank| right(&found[rank]))
                .map(gain)
                .sum();
            let best: f64 = (0..question.documents.len().min(10)).map(gain).sum();
            recall +=
                found.iter().filter(|d| right(d)).count() as f64 / question.documents.len() as f64;
            ndcg += dcg / best;
        }
        let n = asked.len() as f64;
        println!(
            "{name}: {} passages, {} questions, recall@10 {:.3}, nDCG@10 {:.3}",
            report.chunks,
            asked.len(),
            recall / n,
            ndcg / n
        );
    }
    println!("qdrant: {} calls", server.state().calls.len());
    Ok(())
}

fn request(text: &str) -> SearchRequest {
    SearchRequest {
        text: text.into(),
        top_k: 30,
        kinds: Vec::new(),
        source: None,
        access: Access::everyone(),
        exclude: Vec::new(),
    }
}

async fn many() -> anyhow::Result<()> {
    let recipe = noise_recipe();
    let folder = tempfile::tempdir()?;
    let before = resident();
    let exact: Arc<dyn KnowledgeIndex> =
        Arc::new(EdgeIndex::open(folder.path(), &recipe, Purpose::Ingest)?);
    fill("embedded", &exact, PASSAGES, TOKEN_DIGITS).await?;
    println!(
        "embedded: {} MB on disk, {} MB more in this process",
        size(folder.path()) >> 20,
        resident().saturating_sub(before) >> 20
    );
    measure("embedded", &exact, &exact, QUESTIONS).await?;
    let Some(options) = pg_options("many") else {
        println!("pgvector: not measured, run it under tests/with-pgvector");
        return Ok(());
    };
    let index: Arc<dyn KnowledgeIndex> =
        Arc::new(PgIndex::open(&options, &recipe, Purpose::Ingest).await?);
    fill("pgvector", &index, PASSAGES, TOKEN_DIGITS).await?;
    drop(index);
    let index: Arc<dyn KnowledgeIndex> =
        Arc::new(PgIndex::open(&options, &recipe, Purpose::Search).await?);
    on_disk(&options).await?;
    measure("pgvector", &index, &exact, QUESTIONS).await
}

async fn fill(
    name: &str,
    index: &Arc<dyn KnowledgeIndex>,
    size: u64,
    token_digits: usize,
) -> anyhow::Result<()> {
    let mut writing = Duration::ZERO;
    for first in (0..size).step_by(128) {
        let batch = first..size.min(first + 128);
        let batch = batch.map(|n| entry(n, token_digits)).collect();
        let began = Instant::now();
        index.write(batch).await?;
        writing += began.elapsed();
    }
    let began = Instant::now();
    index.flush().await?;
    writing += began.elapsed();
    println!("{name}: filled in {:.1} s", writing.as_secs_f64());
    Ok(())
}

/// Times of whole searches, and how many of the 100 nearest are found: among
/// all passages, and among the one in fifty of a source.
async fn measure(
    name: &str,
    index: &Arc<dyn KnowledgeIndex>,
    exact: &Arc<dyn KnowledgeIndex>,
    questions: u64,
) -> anyhow::Result<()> {
    let search = HybridSearch::new(index.clone(), Arc::new(Noise), CANDIDATES);
    let mut parts: [Vec<Duration>; 3] = Default::default();
    let rare = Scope {
        source: Some("rare".into()),
        ..Scope::of(&Access::everyone())
    };
    let all = Scope::of(&Access::everyone());
    let (mut found_all, mut found_rare, mut wanted_all, mut wanted_rare) = (0, 0, 0, 0);
    for n in 0..questions {
        let question = question(n);
        let began = Instant::now();
        search.search(&request(&question)).await?;
        parts[0].push(began.elapsed());
        let vector = Noise::vector(&question);
        let began = Instant::now();
        let nearest = index.nearest(&vector, &all, CANDIDATES).await?;
        parts[1].push(began.elapsed());
        let began = Instant::now();
        index
            .matching(&query_terms(&question), &all, CANDIDATES)
            .await?;
        parts[2].push(began.elapsed());
        let shared = async |scope: &Scope, found: Vec<lorekeeper::knowledge::Found>| {
            let best = exact.nearest(&vector, scope, CANDIDATES).await?;
            let best: HashSet<_> = best.iter().map(|found| found.id).collect();
            let found = found
                .iter()
                .filter(|found| best.contains(&found.id))
                .count();
            anyhow::Ok((found, best.len()))
        };
        let (found, wanted) = shared(&all, nearest).await?;
        (found_all, wanted_all) = (found_all + found, wanted_all + wanted);
        let nearest = index.nearest(&vector, &rare, CANDIDATES).await?;
        let (found, wanted) = shared(&rare, nearest).await?;
        (found_rare, wanted_rare) = (found_rare + found, wanted_rare + wanted);
    }
    for (part, times) in ["search", "by meaning", "by words"].iter().zip(&mut parts) {
        times.sort();
        let at = |share: f64| times[(times.len() as f64 * share) as usize].as_secs_f64() * 1e3;
        println!(
            "{name}: {part} p50 {:.2} ms, p99 {:.2} ms",
            at(0.5),
            at(0.99)
        );
    }
    println!(
        "{name}: of the 100 nearest {:.4}, of those of one source in fifty {:.4}",
        f64::from(found_all as u32) / f64::from(wanted_all as u32),
        f64::from(found_rare as u32) / f64::from(wanted_rare as u32)
    );
    Ok(())
}

async fn on_disk(options: &PgOptions) -> anyhow::Result<()> {
    use secrecy::ExposeSecret;
    let pool = sqlx::PgPool::connect(options.url.expose_secret()).await?;
    let sizes: Vec<(String, i64)> = sqlx::query_as(
        "SELECT c.relname::text, pg_total_relation_size(c.oid) FROM pg_class c \
         JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = $1 AND c.relkind IN ('r', 'i') ORDER BY 2 DESC LIMIT 6",
    )
    .bind(&options.schema)
    .fetch_all(&pool)
    .await?;
    for (name, bytes) in sizes {
        println!(
            "pgvector: {name} {:.1} MB",
            bytes as f64 / f64::from(1 << 20)
        );
    }
    Ok(())
}

/// An embedding model that costs nothing: texts of one topic lie near one another.
struct Noise;

impl Noise {
    fn vector(text: &str) -> Vec<f32> {
        let number = |word: &str| {
            word.bytes()
                .fold(7u64, |h, b| h.wrapping_mul(31) + u64::from(b))
        };
        let topic = noise(number(text.split(' ').next().unwrap_or_default()));
        let own = noise(number(text) ^ 0xabcd);
        topic
            .zip(own)
            .take(DIMENSION)
            .map(|(a, b)| a + 0.7 * b)
            .collect()
    }
}

#[async_trait]
impl Embedder for Noise {
    fn name(&self) -> &str {
        "noise"
    }

    fn dimension(&self) -> usize {
        DIMENSION
    }

    async fn embed(&self, texts: Vec<String>, _: TextRole) -> Result<Vec<Vec<f32>>, EmbedError> {
        Ok(texts.iter().map(|text| Self::vector(text)).collect())
    }

    async fn encode(&self, texts: Vec<String>, _: TextRole) -> Result<Vec<Encoded>, EmbedError> {
        let encoded = texts.iter().map(|text| Encoded {
            vector: Self::vector(text),
            ..Encoded::default()
        });
        Ok(encoded.collect())
    }
}

fn noise(seed: u64) -> impl Iterator<Item = f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    })
    .skip(8)
}

/// Five words of a topic and ten of a vocabulary in which a few are frequent.
fn text(n: u64) -> String {
    let topic = n % 200;
    let words = noise(n + 1)
        .take(60)
        .map(|x| (x.abs().powi(3) * 5_000.0) as u32);
    let words: Vec<String> = words.map(|word| format!("word{word}")).collect();
    format!("topic{topic} {} number{n}", words.join(" "))
}

fn question(n: u64) -> String {
    text(n * 17 + 100_000)
        .split(' ')
        .take(8)
        .collect::<Vec<_>>()
        .join(" ")
}

fn entry(n: u64, token_digits: usize) -> IndexEntry {
    let text = text(n);
    let passage = Passage {
        section: String::new(),
        text: text.clone(),
        plain: text.clone(),
        position: 0,
    };
    let source = if n.is_multiple_of(50) {
        "rare"
    } else {
        "common"
    };
    IndexEntry {
        terms: passage_terms("", &passage),
        dense: Noise::vector(&text),
        passage: IndexedPassage {
            document: DocumentId::new(format!("doc-{n}")),
            source: source.into(),
            origin: format!("doc-{n}.md"),
            kind: SourceKind::Documents,
            title: format!("Page {n}"),
            locator: format!("doc-{n}"),
            section: String::new(),
            hash: "1".into(),
            date: None,
            owner: None,
            audience: Audience::everyone(),
            supersedes: Vec::new(),
            superseded_by: None,
            standing: Standing::default(),
            text,
            position: 0,
            fingerprint: format!("{n:016x}"),
            tokens: "7".repeat(token_digits),
            relations: Vec::new(),
            relation_keys: Vec::new(),
        },
    }
}

/// Bytes of memory that this process holds.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = pages
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}

/// Bytes of the disk that are in use, without what files have set aside.
fn used(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let files = ignore::WalkBuilder::new(folder)
        .standard_filters(false)
        .build();
    files
        .filter_map(|entry| Some(entry.ok()?.metadata().ok()?.blocks() * 512))
        .sum()
}

fn size(folder: &Path) -> u64 {
    let files = ignore::WalkBuilder::new(folder)
        .standard_filters(false)
        .build();
    files
        .filter_map(|entry| entry.ok()?.metadata().ok())
        .filter(|metadata| metadata.is_file())
        .map(|metadata| metadata.len())
        .sum()
}
