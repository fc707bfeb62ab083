//! From an event on Slack's socket to its acknowledgement, with the whole
//! daemon behind it: `tests/with-postgres cargo bench --bench acknowledge -- SECONDS RATE`.
//!
//! Every event is a question, and the daemon answers meanwhile, so that the
//! acknowledgements compete with real work. Prints one line a store.

#[path = "../tests/fakes/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the tests use the rest")]
mod fakes;
#[path = "../tests/bot/harness.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod harness;

use harness::{Bot, StoreKind};
use std::time::{Duration, Instant};

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
    let began = Instant::now();
    let events = seconds * rate;
    for number in 0..events {
        let due = began + Duration::from_secs_f64(number as f64 / rate as f64);
        tokio::time::sleep_until(due.into()).await;
        // Direct messages of two people and three channels: replies spread over five places.
        match number % 5 {
            0 => bot.slack.dm("U7", "REQ-1155"),
            1 => bot.slack.dm("U8", "REQ-1155"),
            2 => bot.slack.mention("U7", "C1", "REQ-1155"),
            3 => bot.slack.mention("U7", "C2", "REQ-1155"),
            _ => bot.slack.mention("U7", "C3", "REQ-1155"),
        };
    }
    let sent = began.elapsed();
    let deadline = Instant::now() + Duration::from_secs(60);
    while bot.slack.unacked() > 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut times = bot.slack.ack_times();
    times.sort();
    let at = |share: f64| {
        let place = ((times.len() as f64 - 1.0) * share).round() as usize;
        times
            .get(place)
            .map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    };
    println!(
        "{store:?}: {} events in {:.1} s, {} unacknowledged; acknowledged after p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
        times.len(),
        sent.as_secs_f64(),
        bot.slack.unacked(),
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
}
