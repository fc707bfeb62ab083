//! How long the store takes to accept an event, and to walk a question from
//! claim to settled, while 200 events a second come in.
//!
//! `tests/with-postgres cargo bench --bench store -- [SECONDS]`; without
//! LOREKEEPER_TEST_POSTGRES only SQLite is measured, and it says so.

use chrono::Utc;
use lorekeeper::{
    domain::{
        Access, Actor, Addressed, Answer, Block, ChannelId, Confidence, IncomingQuestion,
        MessageId, PersonId, Place, PlaceKind, Plan, Platform, Provenance, Question, QuestionId,
        StageTimings, TenantId, ThreadId,
    },
    ports::Part,
    store::{Claimant, Claimed, Saving, Shown, Store, StoreError},
};
use std::time::{Duration, Instant};

const EVENTS_PER_SECOND: u32 = 200;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let seconds = std::env::args()
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(10);
    let folder = tempfile::tempdir()?;
    measure("sqlite", Store::open(None, folder.path()).await?, seconds).await?;
    match std::env::var("LOREKEEPER_TEST_POSTGRES") {
        Ok(url) => {
            let store = Store::open(Some(&url), folder.path()).await?;
            measure("postgres", store, seconds).await
        }
        Err(_) => {
            println!("postgres: not measured, run it under tests/with-postgres");
            Ok(())
        }
    }
}

async fn measure(name: &str, store: Store, seconds: u32) -> anyhow::Result<()> {
    let events = EVENTS_PER_SECOND * seconds;
    let worker = tokio::spawn(work(store.clone(), events));
    let mut tick = tokio::time::interval(Duration::from_secs(1) / EVENTS_PER_SECOND);
    let mut accepting = Vec::new();
    for n in 0..events {
        tick.tick().await;
        let store = store.clone();
        accepting.push(tokio::spawn(async move {
            let begun = Instant::now();
            let accepted = store
                .inbox()
                .accept(&question(n), QuestionId::new(), Utc::now())
                .await;
            accepted.map(|_| begun.elapsed())
        }));
    }
    let mut accepted = Vec::new();
    for one in accepting {
        accepted.push(one.await??);
    }
    print(name, "accept", accepted);
    print(name, "claim to settled, five commits", worker.await??);
    Ok(())
}

/// One worker, beside the intake, until everything is settled.
async fn work(store: Store, events: u32) -> Result<Vec<Duration>, StoreError> {
    let claimant = Claimant {
        worker: "bench".into(),
        platforms: vec![Platform::Slack],
        lease: Duration::from_secs(60),
    };
    let mut walked = Vec::new();
    while walked.len() < events as usize {
        let begun = Instant::now();
        match store.inbox().claim(&claimant, Utc::now()).await? {
            Some(claimed) => {
                walk(&store, &claimed).await?;
                walked.push(begun.elapsed());
            }
            None => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
    Ok(walked)
}

async fn walk(store: &Store, claimed: &Claimed) -> Result<(), StoreError> {
    let (id, now) = (claimed.lease.question, Utc::now());
    let part = Part {
        payload: serde_json::json!({ "text": "An answer of some length. ".repeat(40) }),
        plain: "An answer of some length. ".repeat(40),
        alone: false,
        file: None,
    };
    let incoming = claimed.incoming.clone();
    let question = Question {
        id,
        asker: incoming.asker,
        place: incoming.place,
        text: incoming.text,
        thread: Vec::new(),
        asked_at: incoming.asked_at,
        access: Access::everyone(),
    };
    let saving = Saving {
        question: &question,
        answer: &answer(),
        plain_text: &part.plain,
        parts: std::slice::from_ref(&part),
    };
    store.answers().save(&claimed.lease, &saving, now).await?;
    store.outbox().start_sending(&claimed.lease, 0, now).await?;
    let message = MessageId::new(id.to_string());
    store
        .outbox()
        .posted(id, 0, &message, Shown::Payload(&part), now)
        .await?;
    store.outbox().parts(id).await?;
    store.answers().settle_posted(&claimed.lease, now).await
}

fn print(store: &str, what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!(
        "{store}: {what}: n {} p50 {:?} p99 {:?} max {:?}",
        times.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

/// Every second event has an alias, which costs a look for its twin.
fn question(n: u32) -> IncomingQuestion {
    IncomingQuestion {
        delivery: format!("Ev{n}"),
        subject: format!("C1/{n}"),
        alias: n.is_multiple_of(2).then(|| format!("client-{n}")),
        asker: Actor::member(PersonId::new(format!("slack:U{}", n % 50))),
        place: Place {
            platform: Platform::Slack,
            tenant: TenantId::new("T1"),
            channel: ChannelId::new("C1"),
            thread: ThreadId::new(format!("{}", n / 3)),
            message: MessageId::new(format!("{n}")),
            kind: PlaceKind::Channel,
            callback: None,
        },
        text: "how many terminals were returned last week?".into(),
        addressed: Addressed::Mention,
        asked_at: Utc::now(),
    }
}

fn answer() -> Answer {
    Answer {
        plan: Plan::search_only("terminals returned"),
        evidence: Vec::new(),
        gaps: Vec::new(),
        message: vec![Block::paragraph("An answer of some length. ".repeat(40))],
        citations: Vec::new(),
        abstained: false,
        confidence: Confidence::High,
        provenance: Provenance::quotation(),
        timings: StageTimings::default(),
    }
}
