//! From an event on Slack's socket to its acknowledgement, with the whole
//! daemon behind it: `tests/with-postgres cargo bench --bench acknowledge -- SECONDS RATE`.
//!
//! Every event is a question, and the daemon answers meanwhile, so that the
//! acknowledgements compete with real work. Prints what a platform sees, and
//! with `LOREKEEPER_TEST_LOG=debug` what of it is
//! spent between the frame and the decision, and what of that in the store.

#[path = "../tests/fakes/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the tests use the rest")]
mod fakes;
#[path = "../tests/bot/harness.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod harness;

use harness::{Bot, StoreKind};
use std::time::{Duration, Instant};

/// Who asks, so that nobody asks more than people do.
const PEOPLE: u64 = 400;

#[tokio::main]
async fn main() {
    let mut numbers = std::env::args()
        .skip(1)
        .filter_map(|argument| argument.parse::<u64>().ok());
    let seconds = numbers.next().unwrap_or(10);
    let rate = numbers.next().unwrap_or(200);
    for store in [StoreKind::Sqlite, StoreKind::Postgres] {
        measure(store, seconds, rate).await;
    }
}

async fn measure(store: StoreKind, seconds: u64, rate: u64) {
    let bot = Bot::start(store).await;
    for person in 0..PEOPLE {
        bot.slack.make_member(&format!("U{}", 1000 + person));
    }
    let began = Instant::now();
    let events = seconds * rate;
    for number in 0..events {
        let due = began + Duration::from_secs_f64(number as f64 / rate as f64);
        tokio::time::sleep_until(due.into()).await;
        let person = format!("U{}", 1000 + number % PEOPLE);
        let channel = ["C1", "C2", "C3"][(number % 3) as usize];
        bot.slack.mention(&person, channel, "REQ-1155");
    }
    let sent = began.elapsed();
    let deadline = Instant::now() + Duration::from_secs(60);
    while bot.slack.unacked() > 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let times = bot.slack.ack_times();
    println!(
        "{store:?}: {} envelopes in {:.1} s, {} unacknowledged",
        times.len(),
        sent.as_secs_f64(),
        bot.slack.unacked(),
    );
    let log = bot.log();
    for (what, times) in [
        ("event to acknowledgement", millis(times)),
        ("frame to decision", logged(&log, "\"slack.micros\":")),
        ("store", logged(&log, "\"store.micros\":")),
    ] {
        if !times.is_empty() {
            println!("  {what}: {}", quantiles(times));
        }
    }
}

fn millis(times: Vec<Duration>) -> Vec<f64> {
    times.iter().map(|time| time.as_secs_f64() * 1e3).collect()
}

/// The figures behind `field` in the log, microseconds, as milliseconds.
fn logged(log: &str, field: &str) -> Vec<f64> {
    let figures = log.match_indices(field).filter_map(|(at, _)| {
        let rest = &log[at + field.len()..];
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        rest[..end].parse::<f64>().ok()
    });
    figures.map(|micros| micros / 1e3).collect()
}

fn quantiles(mut times: Vec<f64>) -> String {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() as f64 - 1.0) * share).round() as usize];
    format!(
        "p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    )
}
