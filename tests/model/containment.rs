//! What goes wrong in a run harms nobody but the requests of that run.

use super::harness::{Goldens, failure, greedy, open_with, options, write};
use lorekeeper::{
    model::{BeforeRun, LanguageModel},
    ports::{BoxError, GenerateError, with_causes},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Long enough for a run on a busy machine.
const LIMIT: Duration = Duration::from_secs(1);

/// A switch, and a model whose next run after it was thrown does `fault`.
fn faulty(
    run_limit: Duration,
    fault: impl Fn() -> Result<(), BoxError> + Send + Sync + 'static,
) -> (Arc<AtomicBool>, Arc<LanguageModel>) {
    let switch = Arc::new(AtomicBool::new(false));
    let thrown = switch.clone();
    let before_run: BeforeRun = Arc::new(move |_| match thrown.swap(false, Ordering::Relaxed) {
        true => fault(),
        false => Ok(()),
    });
    let mut options = options("llama");
    options.before_run = Some(before_run);
    options.run_limit = run_limit;
    (switch, open_with(options))
}

async fn check_recovery(switch: &AtomicBool, model: &LanguageModel, times: usize, expected: &str) {
    let goldens = Goldens::of_model("llama");
    for golden in goldens.all.iter().take(times) {
        switch.store(true, Ordering::Relaxed);
        let error = failure(model, greedy(&golden.prompt)).await;
        assert!(matches!(error, GenerateError::Failed { .. }), "{error}");
        assert!(
            with_causes(&error).contains(expected),
            "{}",
            with_causes(&error)
        );
        goldens.check(golden, &write(model, greedy(&golden.prompt)).await);
    }
}

#[tokio::test]
async fn panic_in_the_model_thread_fails_its_requests_and_no_later_one() {
    let (switch, model) = faulty(10 * LIMIT, || panic!("an invariant does not hold"));
    check_recovery(&switch, &model, 3, "panicked: an invariant does not hold").await;
}

#[tokio::test]
async fn error_in_a_run_fails_its_requests_and_no_later_one() {
    let (switch, model) = faulty(10 * LIMIT, || Err("out of memory".into()));
    check_recovery(&switch, &model, 3, "out of memory").await;
}

#[tokio::test]
async fn run_that_does_not_come_back_is_given_up() {
    let (switch, model) = faulty(LIMIT, || {
        std::thread::sleep(4 * LIMIT);
        Ok(())
    });
    check_recovery(&switch, &model, 1, "a run took longer than 1s").await;
}

/// Each of them keeps its memory, so there is no third.
#[tokio::test]
async fn model_with_two_stuck_runs_says_so_until_one_comes_back() {
    let (switch, model) = faulty(LIMIT, || {
        std::thread::sleep(6 * LIMIT);
        Ok(())
    });
    for _ in 0..2 {
        switch.store(true, Ordering::Relaxed);
        failure(&model, greedy("Where is it?")).await;
    }
    let error = failure(&model, greedy("Where is it?")).await;
    assert!(with_causes(&error).contains("do not come back"), "{error}");
    tokio::time::sleep(6 * LIMIT).await;
    write(&model, greedy("Where is it?")).await;
}

#[tokio::test]
async fn adapters_outlive_the_session_that_was_lost() {
    let thrown = Arc::new(AtomicBool::new(false));
    let switch = thrown.clone();
    let mut options = options("llama-lora");
    options.before_run = Some(Arc::new(move |_| {
        match thrown.swap(false, Ordering::Relaxed) {
            true => Err("lost".into()),
            false => Ok(()),
        }
    }));
    let model = open_with(options);
    let north = super::harness::fixture("adapters/north");
    model.load_adapter("north", &north).expect("it is loaded");
    let goldens = Goldens::of_adapter("north");
    let golden = &goldens.all[0];
    let mut request = greedy(&golden.prompt);
    request.adapter = Some("north".into());
    switch.store(true, Ordering::Relaxed);
    failure(&model, request.clone()).await;
    goldens.check(golden, &write(&model, request).await);
}
