//! Many requests in one batch write what each would write alone.

use super::harness::{Goldens, greedy, of_person, open, open_with, options, write, write_all};
use lorekeeper::{
    domain::GenerationRequest,
    model::BeforeRun,
    ports::{GenerateError, Generator},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::mpsc;

async fn check_all_at_once(model: &str) {
    let goldens = Goldens::of_model(model);
    let mut options = options(model);
    options.slots = 8;
    let model = open_with(options);
    let requests = goldens.all.iter().map(|golden| greedy(&golden.prompt));
    let written = write_all(&model, requests.collect()).await;
    for (golden, written) in goldens.all.iter().zip(&written) {
        goldens.check(golden, written);
    }
}

#[tokio::test]
async fn rows_of_unequal_length_decode_together_as_they_do_alone() {
    check_all_at_once("llama").await;
    check_all_at_once("mistral").await;
    check_all_at_once("phi3").await;
}

#[tokio::test]
async fn rows_of_a_graph_without_shared_cache_run_one_after_the_other() {
    check_all_at_once("llama-optimum").await;
}

/// Prompts in chunks of seven tokens: their borders lie between other requests' steps.
#[tokio::test]
async fn prompt_fed_in_parts_is_the_prompt_fed_whole() {
    let goldens = Goldens::of_model("qwen2");
    let mut options = options("qwen2");
    options.prefill_tokens = 7;
    let model = open_with(options);
    let requests = goldens.all.iter().map(|golden| greedy(&golden.prompt));
    let written = write_all(&model, requests.collect()).await;
    for (golden, written) in goldens.all.iter().zip(&written) {
        goldens.check(golden, written);
    }
}

async fn check_prefix(model: &str) {
    let goldens = Goldens::of_model(model);
    let model = open(model);
    let rules = "Answer from the passages only. ".repeat(4);
    let fresh = |question: &str| greedy(&format!("{rules}{question}"));
    for golden in goldens.all.iter().take(6) {
        let first = write(&model, fresh(&golden.prompt)).await;
        // The second time all of the prompt but its last token is kept.
        let again = write(&model, fresh(&golden.prompt)).await;
        assert_eq!(first.text, again.text);
        assert_eq!(first.tokens, again.tokens);
    }
}

#[tokio::test]
async fn prefix_that_is_kept_changes_no_token() {
    check_prefix("llama").await;
    check_prefix("llama-dynamo").await;
}

/// Counts tokens fed, by what reaches the graph: runs of a prompt of 100
/// tokens in parts of 10.
#[tokio::test]
async fn common_prefix_is_fed_once() {
    let runs = Arc::new(AtomicU64::new(0));
    let mut options = options("llama");
    options.prefill_tokens = 10;
    let counter = runs.clone();
    options.before_run = Some(Arc::new(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }));
    let model = open_with(options);
    let rules = "Answer from the passages only and name the number of each. ".repeat(5);
    let request = |question: &str| {
        let mut request = greedy(&format!("{rules}{question}"));
        request.max_tokens = 1;
        request
    };
    let first = write(&model, request("Where is the parcel?")).await;
    let cold = runs.swap(0, Ordering::Relaxed);
    assert!(cold as usize >= first.prompt_tokens / 10, "{cold} runs");
    write(&model, request("Who approves the invoice?")).await;
    let warm = runs.load(Ordering::Relaxed);
    assert!(warm <= 3, "{warm} runs for the question alone");
}

/// A prompt that the model goes on with for 32 tokens at least.
fn long_winded() -> GenerationRequest {
    let goldens = Goldens::of_model("llama");
    let long = goldens.all.iter().find(|golden| golden.tokens.len() == 32);
    greedy(&long.expect("one is as long").prompt)
}

/// Sixteen at once behind the same rules, the rules new to the model.
#[tokio::test]
async fn common_prefix_of_requests_that_come_at_once_is_fed_once() {
    let runs = Arc::new(AtomicU64::new(0));
    let mut options = options("llama");
    options.slots = 16;
    options.prefill_tokens = 10;
    let counter = runs.clone();
    options.before_run = Some(Arc::new(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }));
    let model = open_with(options);
    let rules = "Answer from the passages only and name the number of each. ".repeat(5);
    let requests = (0..16).map(|number| {
        let mut request = greedy(&format!("{rules}{number} parcels?"));
        request.max_tokens = 1;
        request
    });
    let written = write_all(&model, requests.collect()).await;
    let alone: usize = written.iter().map(|w| w.prompt_tokens / 10).sum();
    let runs = runs.load(Ordering::Relaxed) as usize;
    assert!(
        runs < alone / 4,
        "{runs} runs, {alone} without a common prefix"
    );
}

#[tokio::test]
async fn caller_who_has_gone_frees_the_slot() {
    let mut options = options("llama");
    options.slots = 1;
    options.before_run = Some(Arc::new(|_| {
        std::thread::sleep(Duration::from_millis(50));
        Ok(())
    }));
    let model = open_with(options);
    let (pieces, mut shown) = mpsc::unbounded_channel();
    let task = {
        let model = model.clone();
        tokio::spawn(async move { model.generate(long_winded(), Some(pieces)).await })
    };
    shown.recv().await.expect("it writes");
    task.abort();
    let mut short = long_winded();
    short.max_tokens = 2;
    let next = tokio::time::timeout(Duration::from_millis(1000), write(&model, short)).await;
    assert!(next.is_ok(), "30 more tokens would take 1.5 s");
}

#[tokio::test]
async fn full_queue_says_busy_at_once() {
    let all_asked = Arc::new(AtomicBool::new(false));
    let mut options = options("llama");
    options.slots = 1;
    options.waiting = 2;
    options.before_run = Some(wait_for(all_asked.clone()));
    let model = open_with(options);
    let (said, mut outcomes) = mpsc::unbounded_channel();
    for _ in 0..8 {
        let (model, said) = (model.clone(), said.clone());
        tokio::spawn(async move { said.send(model.generate(long_winded(), None).await) });
    }
    // Nothing is written yet, so the first to hear are those without a place.
    for _ in 0..5 {
        let refused = outcomes.recv().await.expect("an outcome");
        assert!(
            matches!(refused, Err(GenerateError::Busy { .. })),
            "{refused:?}"
        );
    }
    all_asked.store(true, Ordering::Relaxed);
    // One more is refused where all came before the first was taken.
    let mut written = 0;
    for _ in 5..8 {
        written += usize::from(outcomes.recv().await.expect("an outcome").is_ok());
    }
    assert!(written >= 2, "{written} were written");
}

/// Holds every run until the switch is thrown.
fn wait_for(switch: Arc<AtomicBool>) -> BeforeRun {
    Arc::new(move |_| {
        while !switch.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    })
}

#[tokio::test]
async fn one_persons_many_requests_do_not_keep_another_waiting() {
    let all_asked = Arc::new(AtomicBool::new(false));
    let mut options = options("llama");
    options.slots = 1;
    options.before_run = Some(wait_for(all_asked.clone()));
    let model = open_with(options);
    let (done, mut order) = mpsc::unbounded_channel();
    let ask = |person: &'static str| {
        let (model, done) = (model.clone(), done.clone());
        tokio::spawn(async move {
            write(&model, of_person(greedy("Where is it?"), person)).await;
            done.send(person).expect("the order is read");
        })
    };
    let ada: Vec<_> = (0..6).map(|_| ask("ada")).collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let bob = ask("bob");
    tokio::time::sleep(Duration::from_millis(100)).await;
    all_asked.store(true, Ordering::Relaxed);
    for task in ada.into_iter().chain([bob]) {
        task.await.expect("no panic");
    }
    let mut before_bob = 0;
    while order.recv().await.expect("all are done") != "bob" {
        before_bob += 1;
    }
    assert!(before_bob <= 2, "{before_bob} of ada's came first");
}
