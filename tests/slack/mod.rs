//! The Slack adapter against the fake Slack: real sockets, real HTTP.

mod commands;
mod events;
mod fake;
mod logs;
mod posts;
mod readers;
mod sockets;

use crate::fakes::slack::{Asked, FakeSlack};
use async_trait::async_trait;
use lorekeeper::{
    chat::slack::{self, SlackError},
    domain::{
        Actor, Block, Feedback, Incoming, IncomingQuestion, Membership, Message, Place, QuestionId,
    },
    ports::{BoxError, Chat, Part, PostKey, Sink},
};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// A store in memory that can be down, or slow.
#[derive(Default)]
pub struct Store {
    seen: Mutex<Vec<Incoming>>,
    down: AtomicBool,
    hung: AtomicBool,
    calls: AtomicUsize,
    changes: watch::Sender<usize>,
}

#[async_trait]
impl Sink for Store {
    async fn accept(&self, incoming: Incoming) -> Result<(), BoxError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.changes.send_modify(|n| *n += 1);
        if self.hung.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.down.load(Ordering::SeqCst) {
            return Err("the store is down".into());
        }
        self.seen.lock().unwrap().push(incoming);
        Ok(())
    }
}

impl Store {
    fn seen(&self) -> Vec<Incoming> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until the store was called so often.
    async fn called(&self, times: usize) {
        let mut changes = self.changes.subscribe();
        while self.calls.load(Ordering::SeqCst) < times {
            changes.changed().await.expect("the store lives");
        }
    }

    fn questions(&self) -> Vec<IncomingQuestion> {
        let questions = self
            .seen()
            .into_iter()
            .filter_map(|incoming| match incoming {
                Incoming::Question(question) => Some(question),
                _ => None,
            });
        questions.collect()
    }

    fn feedback(&self) -> Vec<Feedback> {
        let feedback = self
            .seen()
            .into_iter()
            .filter_map(|incoming| match incoming {
                Incoming::Feedback(feedback) => Some(feedback),
                _ => None,
            });
        feedback.collect()
    }

    fn ignored(&self) -> Vec<&'static str> {
        let ignored = self
            .seen()
            .into_iter()
            .filter_map(|incoming| match incoming {
                Incoming::Ignored(why) => Some(why),
                _ => None,
            });
        ignored.collect()
    }
}

/// A connected adapter and the workspace that it is in.
pub struct Bot {
    slack: FakeSlack,
    store: Arc<Store>,
    chat: Arc<dyn Chat>,
    stop: CancellationToken,
    task: JoinHandle<Result<(), SlackError>>,
}

impl Bot {
    async fn start() -> Self {
        let slack = FakeSlack::start();
        let store = Arc::new(Store::default());
        let stop = CancellationToken::new();
        let handle = slack::start(&slack.section(), store.clone(), stop.clone())
            .await
            .expect("the adapter starts");
        slack.connected(2).await;
        Self {
            slack,
            store,
            chat: handle.chat,
            stop,
            task: handle.task,
        }
    }

    /// Sends a gesture's events and waits until the store has them.
    async fn stored(&self, asked: &Asked) {
        self.slack.acked(asked).await;
    }

    /// A question that was asked in C1.
    async fn asked(&self) -> (Asked, Place) {
        self.asked_in("C1").await
    }

    async fn asked_in(&self, channel: &str) -> (Asked, Place) {
        let asked = self
            .slack
            .mention("U7", channel, "how long is parental leave?");
        self.stored(&asked).await;
        let questions = self.store.questions();
        let question = questions
            .iter()
            .rfind(|q| q.place.message.as_str() == asked.ts);
        let place = question.expect("the question is stored").place.clone();
        (asked, place)
    }

    async fn post(&self, place: &Place, message: &Message) -> lorekeeper::domain::MessageId {
        let key = key();
        let part = &self.chat.render(message)[0];
        self.chat
            .post(place, part, &key)
            .await
            .expect("it is posted")
    }
}

fn key() -> PostKey {
    PostKey {
        question: QuestionId::new(),
        part: 0,
    }
}

fn says(text: &str) -> Message {
    vec![Block::paragraph(text)]
}

fn part(text: &str) -> Part {
    slack::render(&says(text)).remove(0)
}

fn asker(user: &str) -> Actor {
    let mut actor = Actor::member(lorekeeper::domain::PersonId::new(format!("slack:{user}")));
    actor.membership = Membership::Unknown;
    actor
}
