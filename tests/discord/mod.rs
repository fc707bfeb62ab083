//! The Discord adapter against a Discord that refuses what Discord refuses.
//!
//! `R…` names the requirement of our adapters that a test shows, as far as the
//! adapter alone can.

mod answering;
mod commands;
mod connecting;
mod fake;
mod hearing;
mod limits;
mod refusing;

use crate::fakes::discord::FakeDiscord;
use async_trait::async_trait;
use lorekeeper::{
    chat::discord::{self, DiscordError},
    config::DiscordSection,
    domain::{
        Actor, Addressed, Block, ChannelId, Feedback, Incoming, IncomingQuestion, MessageId,
        PersonId, Place, PlaceKind, Platform, QuestionId, TenantId, ThreadId,
    },
    ports::{BoxError, Chat, ChatError, Part, PostKey, Sink},
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

/// Starts the adapter against a fresh fake, and stops it after the test.
async fn run_test(test: impl AsyncFnOnce(&FakeDiscord, &Bot)) {
    let discord = FakeDiscord::start();
    let bot = Bot::start(&discord.section())
        .await
        .expect("the bot starts");
    discord.connected(1).await;
    test(&discord, &bot).await;
    bot.stop().await.expect("the bot stops without an error");
}

struct Bot {
    chat: Arc<dyn Chat>,
    inbox: Arc<Inbox>,
    stop: CancellationToken,
    task: JoinHandle<Result<(), DiscordError>>,
}

impl Bot {
    async fn start(section: &DiscordSection) -> Result<Self, DiscordError> {
        let inbox = Arc::new(Inbox::default());
        let stop = CancellationToken::new();
        let handle =
            discord::start(section, inbox.clone(), commands::known(), stop.clone()).await?;
        Ok(Self {
            chat: handle.chat,
            inbox,
            stop,
            task: handle.task,
        })
    }

    async fn stop(self) -> Result<(), DiscordError> {
        self.stop.cancel();
        self.ended().await
    }

    /// How the task ended.
    async fn ended(self) -> Result<(), DiscordError> {
        timeout(Duration::from_secs(20), self.task)
            .await
            .expect("the task ends")
            .expect("the task does not panic")
    }

    async fn post(&self, place: &Place, text: &str) -> Result<MessageId, ChatError> {
        self.chat.post(place, &self.part(text), &first_part()).await
    }

    fn part(&self, text: &str) -> Part {
        let mut parts = self.chat.render(&vec![Block::paragraph(text)]);
        assert_eq!(parts.len(), 1, "{text}");
        parts.remove(0)
    }
}

fn first_part() -> PostKey {
    PostKey {
        question: QuestionId::new(),
        part: 0,
    }
}

/// Remembers what it was given, and may fail first.
struct Inbox {
    accepted: watch::Sender<Vec<Incoming>>,
    failures: Mutex<u32>,
}

impl Default for Inbox {
    fn default() -> Self {
        Self {
            accepted: watch::Sender::new(Vec::new()),
            failures: Mutex::new(0),
        }
    }
}

#[async_trait]
impl Sink for Inbox {
    async fn accept(&self, incoming: Incoming) -> Result<(), BoxError> {
        let mut failures = self.failures.lock().unwrap();
        if *failures > 0 {
            *failures -= 1;
            return Err("the database is down".into());
        }
        self.accepted
            .send_modify(|accepted| accepted.push(incoming));
        Ok(())
    }
}

impl Inbox {
    fn fail(&self, times: u32) {
        *self.failures.lock().unwrap() = times;
    }

    /// Everything, once so much of it was accepted.
    async fn all(&self, count: usize) -> Vec<Incoming> {
        let mut accepted = self.accepted.subscribe();
        let enough = accepted.wait_for(|accepted| accepted.len() >= count);
        let found = timeout(Duration::from_secs(20), enough).await;
        match found {
            Ok(Ok(all)) => all.clone(),
            _ => panic!(
                "waited in vain for {count} events, have {:?}",
                *self.accepted.borrow()
            ),
        }
    }

    async fn questions(&self, count: usize) -> Vec<IncomingQuestion> {
        self.picked(count, |incoming| match incoming {
            Incoming::Question(question) => Some(question.clone()),
            _ => None,
        })
        .await
    }

    async fn question(&self) -> IncomingQuestion {
        self.questions(1).await.remove(0)
    }

    async fn feedback(&self, count: usize) -> Vec<Feedback> {
        self.picked(count, |incoming| match incoming {
            Incoming::Feedback(feedback) => Some(feedback.clone()),
            _ => None,
        })
        .await
    }

    async fn ignored(&self, count: usize) -> Vec<&'static str> {
        self.picked(count, |incoming| match incoming {
            Incoming::Ignored(reason) => Some(*reason),
            _ => None,
        })
        .await
    }

    async fn picked<T>(&self, count: usize, pick: impl Fn(&Incoming) -> Option<T>) -> Vec<T> {
        let mut accepted = self.accepted.subscribe();
        let enough = accepted.wait_for(|all| all.iter().filter_map(&pick).count() >= count);
        match timeout(Duration::from_secs(20), enough).await {
            Ok(Ok(all)) => all.iter().filter_map(&pick).collect(),
            _ => panic!(
                "waited in vain for {count}, have {:?}",
                *self.accepted.borrow()
            ),
        }
    }
}
