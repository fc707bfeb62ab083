//! Who reads which source when, and what people notice of it.

use super::world::World;
use crate::{remote::world::HandClock, store::TestStore};
use chrono::Duration;
use futures::FutureExt;
use lorekeeper::{
    config::{Every, SourceEntry},
    domain::FreshnessBoard,
    poller::{AT_ONCE, Poller},
    ports::Clock,
    store::SourceState,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};
use tokio_util::sync::CancellationToken;

struct Daemon {
    poller: Poller,
    /// Readings that it began.
    readings: Arc<AtomicUsize>,
}

/// A daemon that reads these sources into this world's index.
fn daemon(
    world: &Arc<World>,
    store: &TestStore,
    clock: &Arc<HandClock>,
    sources: &[SourceEntry],
) -> Daemon {
    let readings = Arc::new(AtomicUsize::new(0));
    let (world, begun) = (world.clone(), readings.clone());
    let open = move || {
        begun.fetch_add(1, Ordering::SeqCst);
        let mut ingestor = world.ingestor(world.index());
        ingestor.at_once = AT_ONCE;
        async move { Ok(ingestor) }.boxed()
    };
    let poller = Poller {
        store: store.store.clone(),
        sources: sources.to_vec(),
        open: Box::new(open),
        clock: clock.clone(),
        board: FreshnessBoard::default(),
        worker: format!("daemon {:p}", Arc::as_ptr(&readings)),
    };
    Daemon { poller, readings }
}

impl Daemon {
    async fn poll(&self) {
        self.poller
            .poll(&CancellationToken::new())
            .await
            .expect("polled");
    }

    fn readings(&self) -> usize {
        self.readings.load(Ordering::SeqCst)
    }
}

fn every_minute(source: SourceEntry) -> SourceEntry {
    let every = Every::After(std::time::Duration::from_secs(60));
    SourceEntry { every, ..source }
}

async fn state(store: &TestStore, source: &str) -> SourceState {
    let states = store.store.sources().all().await.expect("listed");
    states
        .into_iter()
        .find(|state| state.source == source)
        .expect("is scheduled")
}

#[tokio::test(flavor = "multi_thread")]
async fn source_is_read_by_one_of_several_daemons_each_time() {
    TestStore::on_postgres()
        .await
        .run(async |store| {
            let world = Arc::new(World::new());
            world.write(
                "travel.md",
                "# Travel\n\nBook flights fourteen days ahead.\n",
            );
            let clock = Arc::new(HandClock::at("2026-05-04T12:00:00Z"));
            let sources = [every_minute(world.source("docs"))];
            let daemons: Vec<Daemon> = (0..3)
                .map(|_| daemon(&world, store, &clock, &sources))
                .collect();
            for daemon in &daemons {
                daemon.poller.schedule().await.expect("scheduled");
            }
            for minute in 1..=4 {
                clock.advance(Duration::seconds(61));
                futures::future::join_all(daemons.iter().map(Daemon::poll)).await;
                let readings: usize = daemons.iter().map(Daemon::readings).sum();
                assert_eq!(readings, minute);
            }
            let state = state(store, "docs").await;
            assert_eq!((state.documents, state.failures), (1, 0));
            assert_eq!(state.synchronised_at, Some(clock.now()));
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn source_that_fails_waits_longer_while_the_others_are_read() {
    TestStore::on_sqlite()
        .await
        .run(async |store| {
            let world = Arc::new(World::new());
            world.write(
                "travel.md",
                "# Travel\n\nBook flights fourteen days ahead.\n",
            );
            let clock = Arc::new(HandClock::at("2026-05-04T12:00:00Z"));
            let lost = SourceEntry {
                path: world.docs().join("unplugged"),
                ..world.source("lost")
            };
            let by_hand = world.source("by_hand");
            let sources = [
                every_minute(lost),
                every_minute(world.source("docs")),
                by_hand,
            ];
            let daemon = daemon(&world, store, &clock, &sources);
            daemon.poller.schedule().await.expect("scheduled");
            for _ in 0..10 {
                clock.advance(Duration::seconds(60));
                for _ in 0..2 {
                    daemon.poll().await;
                }
            }
            let (lost, docs) = (state(store, "lost").await, state(store, "docs").await);
            assert_eq!((docs.failures, docs.documents), (0, 1));
            assert_eq!(
                lost.failures, 4,
                "after 1, 2 and 4 minutes, and not before 8 more"
            );
            assert_eq!(lost.synchronised_at, None);
            assert!(
                lost.problem
                    .is_some_and(|problem| problem.contains("unplugged"))
            );
            assert_eq!(daemon.readings(), 14);
            let fresh = daemon.poller.board.of("docs").expect("was read");
            assert_eq!(fresh.synchronised_at, docs.synchronised_at);
            // Nobody polls it.
            assert!(daemon.poller.board.of("by_hand").is_none());
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_answered_while_a_source_is_read() {
    TestStore::on_sqlite()
        .await
        .run(async |store| {
            let world = Arc::new(World::new());
            world.write(
                "travel.md",
                "# Travel\n\nBook flights fourteen days ahead through the travel desk.\n",
            );
            world.ingest().await;
            let sentence =
                "The terminal of this shop reports its state to the fleet service every minute. ";
            for n in 0..60 {
                world.write(
                    &format!("shop-{n}.md"),
                    format!("# Shop {n}\n\n{}", sentence.repeat(30)),
                );
            }
            let clock = Arc::new(HandClock::at("2026-05-04T12:00:00Z"));
            let daemon = daemon(&world, store, &clock, &[every_minute(world.source("docs"))]);
            daemon.poller.schedule().await.expect("scheduled");
            clock.advance(Duration::seconds(60));
            let reading = daemon.poll();
            tokio::pin!(reading);
            let (mut asked, mut longest) = (0, std::time::Duration::ZERO);
            loop {
                let began = Instant::now();
                let ask = async {
                    let hits = world.find("how early must flights be booked").await;
                    assert_eq!(hits[0].document.as_str(), "travel.md");
                };
                let ended = tokio::select! {
                    biased;
                    () = &mut reading => true,
                    () = ask => false,
                };
                if ended {
                    break;
                }
                asked += 1;
                longest = longest.max(began.elapsed());
            }
            assert!(asked >= 10, "{asked} questions were answered meanwhile");
            assert!(
                longest < std::time::Duration::from_secs(5),
                "a question waited {longest:?}"
            );
            println!("{asked} questions meanwhile, the longest {longest:?}");
            assert_eq!(state(store, "docs").await.documents, 61);
        })
        .await;
}
