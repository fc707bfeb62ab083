//! The router over somebody else's intents, such as BANKING77: every intent is
//! a tool, so many of its training questions are the examples, the test
//! questions are routed.
//!
//! `cargo bench --bench router -- train.csv test.csv 8 [seed]`; both files have
//! the columns `text` and `category`. Prints JSON.

use lorekeeper::{
    config::ModelSection,
    domain::{Catalogue, ToolKind, ToolSpec},
    model::OnnxEmbedder,
    pipeline::{IntentExamples, Route, Router},
    ports::{Embedder, TextRole},
};
use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};
use std::{collections::BTreeMap, time::Instant};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut given = std::env::args().skip(1).filter(|word| word != "--bench");
    let (Some(train), Some(test), Some(examples)) = (given.next(), given.next(), given.next())
    else {
        eprintln!("give train.csv, test.csv and the examples an intent");
        return;
    };
    let examples: usize = examples
        .parse()
        .expect("the examples an intent are a number");
    let seed: u64 = given
        .next()
        .map_or(1, |seed| seed.parse().expect("the seed is a number"));
    let embedder =
        OnnxEmbedder::open(&ModelSection::default()).unwrap_or_else(|error| panic!("{error}"));
    let catalogue = drawn(&train, examples, seed);

    let began = Instant::now();
    let router = Router::new(&embedder, &IntentExamples::default(), &catalogue)
        .await
        .expect("the router is made");
    let made_s = began.elapsed().as_secs_f64();

    let questions = questions(&test);
    let texts = questions.iter().map(|(text, _)| text.clone()).collect();
    let vectors = embedder
        .embed(texts, TextRole::Query)
        .await
        .expect("the questions are embedded");
    let began = Instant::now();
    let right = questions
        .iter()
        .zip(&vectors)
        .filter(|((_, intent), vector)| {
            let best = router.scores(vector).into_iter().next();
            best.is_some_and(|best| best.route == Route::Tool(intent.clone()))
        })
        .count();
    let n = questions.len() as f64;
    println!(
        "{}",
        serde_json::json!({
            "intents": catalogue.tools.len(),
            "examples_an_intent": examples,
            "seed": seed,
            "questions": questions.len(),
            "accuracy": right as f64 / n,
            "router_made_s": made_s,
            "routed_ms_each": began.elapsed().as_secs_f64() * 1e3 / n,
        })
    );
}

/// A catalogue of the intents, each with this many questions drawn from the file.
fn drawn(file: &str, examples: usize, seed: u64) -> Catalogue {
    let mut by_intent: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (text, intent) in questions(file) {
        by_intent.entry(intent).or_default().push(text);
    }
    let mut random = StdRng::seed_from_u64(seed);
    let tools = by_intent.into_iter().map(|(name, mut texts)| {
        texts.shuffle(&mut random);
        texts.truncate(examples);
        ToolSpec {
            name,
            description: String::new(),
            kind: ToolKind::Query,
            parameters: Vec::new(),
            examples: texts,
            synonyms: Vec::new(),
            chain: None,
        }
    });
    Catalogue {
        tools: tools.collect(),
        schemas: Vec::new(),
        version: None,
    }
}

fn questions(file: &str) -> Vec<(String, String)> {
    let mut reader = csv::Reader::from_path(file).unwrap_or_else(|error| panic!("{file}: {error}"));
    reader
        .deserialize()
        .map(|row| row.unwrap_or_else(|error| panic!("{file}: {error}")))
        .collect()
}
