//! The decoder's speed: one request, sixteen together, and a prompt whose
//! beginning is known. `LOREKEEPER_BENCH_MODEL=DIR cargo bench --bench decode`.
//!
//! `LOREKEEPER_BENCH_PROMPTS` names a file of `{"prompt"}` lines; without one,
//! `prompts.jsonl` beside the model is read. `LOREKEEPER_BENCH_THREADS` is 1
//! unless said. `LOREKEEPER_BENCH_PEERS` names what `bench_peers.py` printed
//! for the same model and prompts: then the ratios to it are printed too. On a
//! shared machine the best of a few rounds is nearest to the truth.

use lorekeeper::{
    domain::{Generation, GenerationRequest, Prompt, Sampling},
    model::{DecoderOptions, LanguageModel},
    ports::Generator,
};
use serde_json::Value;
use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Instant,
};

/// Tokens written for each prompt.
const TOKENS: usize = 128;
const ROUNDS: usize = 3;
const TOGETHER: usize = 16;

#[tokio::main]
async fn main() {
    let Some(folder) = env::var_os("LOREKEEPER_BENCH_MODEL").map(PathBuf::from) else {
        println!("decode: no LOREKEEPER_BENCH_MODEL, nothing measured");
        return;
    };
    let prompts = read_prompts(&folder);
    let mut options = DecoderOptions::new(&folder);
    options.slots = TOGETHER;
    options.context_tokens = 2048;
    options.threads = number("LOREKEEPER_BENCH_THREADS").unwrap_or(1);
    options.spinning = number("LOREKEEPER_BENCH_SPINNING").is_some_and(|spin| spin > 0);
    println!(
        "{}: {} threads, spinning {}",
        folder.display(),
        options.threads,
        options.spinning
    );
    let model = LanguageModel::open(options).expect("the model is opened");
    one_request(&model, &prompts).await;
    together(&model, &prompts).await;
    known_beginning(&model, &prompts).await;
}

fn number(name: &str) -> Option<usize> {
    env::var(name).ok()?.parse().ok()
}

fn read_prompts(folder: &Path) -> Vec<String> {
    let file = env::var_os("LOREKEEPER_BENCH_PROMPTS")
        .map_or_else(|| folder.join("../prompts.jsonl"), PathBuf::from);
    let lines = fs::read_to_string(&file).expect("the prompts are read");
    let prompts = lines.lines().map(|line| {
        let line: Value = serde_json::from_str(line).expect("a JSON line");
        line["prompt"].as_str().expect("a prompt").to_owned()
    });
    prompts.collect()
}

fn request(prompt: &str, max_tokens: usize) -> GenerationRequest {
    GenerationRequest {
        prompt: Prompt::Raw(prompt.into()),
        adapter: None,
        max_tokens,
        sampling: Sampling::default(),
        stop: Vec::new(),
        schema: None,
        person: None,
    }
}

async fn write(model: &LanguageModel, prompt: &str, max_tokens: usize) -> Generation {
    let written = model.generate(request(prompt, max_tokens), None).await;
    written.expect("the request is answered")
}

/// Tokens a second after the first one, prompts left out.
async fn one_request(model: &LanguageModel, prompts: &[String]) {
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        let (mut tokens, mut ms) = (0, 0.0);
        for prompt in prompts {
            let written = write(model, prompt, TOKENS).await;
            tokens += written.tokens - 1;
            ms += written.decode_ms;
        }
        rates.push(tokens as f64 / ms * 1e3);
    }
    let best = best(&rates);
    println!("one request: {best:.0} tokens/s decoded (rounds: {rates:.0?})");
    let Some(file) = env::var_os("LOREKEEPER_BENCH_PEERS") else {
        return;
    };
    let peers = fs::read_to_string(file).expect("the peers' figures are read");
    let peers: Value = serde_json::from_str(&peers).expect("JSON");
    for (name, rate) in peers["decode_tokens_per_s"].as_object().expect("rates") {
        let rate = rate["best"].as_f64().expect("a rate");
        println!("ratio to {name}: {:.2} ({rate:.0} tokens/s)", best / rate);
    }
}

/// Whole requests a wall clock, prompts included.
async fn together(model: &LanguageModel, prompts: &[String]) {
    let short: Vec<&String> = prompts.iter().filter(|p| p.len() < 2000).collect();
    let asked: Vec<&String> = short.into_iter().cycle().take(TOGETHER).collect();
    let (mut alone, mut at_once) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // A number in front: nothing of an earlier round can be used again.
        let unique = |turn: usize, prompt: &str| format!("{round}.{turn} {prompt}");
        let began = Instant::now();
        let mut tokens = 0;
        for (n, prompt) in asked.iter().enumerate() {
            tokens += write(model, &unique(n, prompt), TOKENS).await.tokens;
        }
        alone.push(tokens as f64 / began.elapsed().as_secs_f64());

        let began = Instant::now();
        let requests = asked.iter().enumerate();
        let requests = requests.map(|(n, prompt)| {
            let prompt = unique(100 + n, prompt);
            async move { write(model, &prompt, TOKENS).await.tokens }
        });
        let tokens: usize = futures::future::join_all(requests).await.iter().sum();
        at_once.push(tokens as f64 / began.elapsed().as_secs_f64());
    }
    println!(
        "{TOGETHER} requests: one at a time {:.0} tokens/s, together {:.0} tokens/s, ratio {:.2}",
        best(&alone),
        best(&at_once),
        best(&at_once) / best(&alone)
    );
}

/// Time to the first token of a question behind a long system prompt.
async fn known_beginning(model: &LanguageModel, prompts: &[String]) {
    let long = prompts.iter().max_by_key(|p| p.len()).expect("a prompt");
    let (mut cold, mut warm) = (f64::INFINITY, f64::INFINITY);
    let mut tokens = 0;
    for round in 0..2 * ROUNDS {
        let system = format!("{round}: {long}");
        let first = write(model, &format!("{system}\nWhere is the parcel?"), 1).await;
        let second = write(model, &format!("{system}\nWho approves the invoice?"), 1).await;
        cold = cold.min(first.prefill_ms);
        warm = warm.min(second.prefill_ms);
        tokens = first.prompt_tokens;
    }
    println!(
        "first token behind {tokens} tokens: new {cold:.1} ms, known {warm:.1} ms, ratio {:.1}",
        cold / warm
    );
}

fn best(rates: &[f64]) -> f64 {
    rates.iter().copied().fold(0.0, f64::max)
}
