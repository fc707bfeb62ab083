//! The embedding model, one thread, texts one at a time and 32 at a time, on
//! the paragraphs of the sample company: `cargo bench --bench embedding`.
//!
//! Prints JSON: milliseconds a text. `embedding_peer.py` runs this and
//! sentence-transformers in turns and prints the ratio.

use lorekeeper::{
    config::ModelSection,
    model::OnnxEmbedder,
    ports::{Embedder, TextRole},
};
use std::{fs, path::Path, time::Instant};

const TEXTS: usize = 320;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let embedder =
        OnnxEmbedder::open(&ModelSection::default()).unwrap_or_else(|error| panic!("{error}"));
    let texts = paragraphs();
    let one = run(&embedder, &texts, 1).await;
    let many = run(&embedder, &texts, 32).await;
    println!(
        "{}",
        serde_json::json!({"model": embedder.name(), "texts": texts.len(), "batch_1_ms": one, "batch_32_ms": many})
    );
}

/// Milliseconds a text.
async fn run(embedder: &OnnxEmbedder, texts: &[String], batch: usize) -> f64 {
    let began = Instant::now();
    for batch in texts.chunks(batch) {
        embedder
            .embed(batch.to_vec(), TextRole::Passage)
            .await
            .expect("the model embeds");
    }
    began.elapsed().as_secs_f64() * 1e3 / texts.len() as f64
}

/// The first paragraphs of the sample company's pages, in the order of their names.
fn paragraphs() -> Vec<String> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/company/docs");
    let mut files: Vec<_> = ignore::Walk::new(docs)
        .filter_map(|entry| Some(entry.ok()?.into_path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        .collect();
    files.sort();
    let text: Vec<String> = files
        .iter()
        .map(|file| fs::read_to_string(file).expect("a page is read"))
        .collect();
    text.iter()
        .flat_map(|page| page.split("\n\n"))
        .filter(|paragraph| paragraph.len() > 40)
        .take(TEXTS)
        .map(String::from)
        .collect()
}
