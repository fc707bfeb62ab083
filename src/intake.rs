//! Event -> inbox row. Only after its return is an event acknowledged.
//!
//! Promise: what returns `Ok` is committed. One gesture is accepted once,
//! however many events tell of it. Nothing here asks a platform or a model.

use crate::{
    config::Config,
    domain::{
        ActorKind, Addressed, Incoming, IncomingQuestion, Message, Place, Platform, QuestionId,
        Receipt, Refusal, Showing, reply,
    },
    ports::{BoxError, Chat, Clock, Part, Sink},
    store::{Store, StoreError},
};
use async_trait::async_trait;
use chrono::Duration;
use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};
use tokio::sync::Notify;
use tracing::{debug, info};

/// How each platform writes a message. Filled once the platforms have started;
/// until then a refusal is stored without words.
pub type Chats = Arc<OnceLock<HashMap<Platform, Arc<dyn Chat>>>>;

pub struct Intake {
    store: Store,
    clock: Arc<dyn Clock>,
    chats: Chats,
    questions_per_hour: u32,
    follow_up: Duration,
    /// Wakes the workers, so that nobody polls a table in vain.
    work: Arc<Notify>,
}

impl Intake {
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        chats: Chats,
        config: &Config,
        work: Arc<Notify>,
    ) -> Self {
        Self {
            store,
            clock,
            chats,
            questions_per_hour: config.limits.questions_per_hour,
            follow_up: Duration::hours(config.chat.follow_up_hours),
            work,
        }
    }

    /// Commits a question, or says why it is none.
    pub async fn accept(&self, question: &IncomingQuestion) -> Result<Receipt, StoreError> {
        let now = self.clock.now();
        if question.asker.kind == ActorKind::Machine {
            return Ok(Receipt::Refused(Refusal::Machine));
        }
        let is_command = question.addressed == Addressed::Command;
        // A command without words asks for help.
        if question.text.trim().is_empty() && !is_command {
            return Ok(Receipt::Refused(Refusal::Empty));
        }
        let inbox = self.store.inbox();
        if question.addressed == Addressed::Thread
            && !inbox
                .thread_known(&question.place, now - self.follow_up)
                .await?
        {
            return Ok(Receipt::Refused(Refusal::NotAddressed));
        }
        let id = QuestionId::new();
        let asked = inbox
            .asked_since(
                &question.asker.person,
                now - Duration::hours(1),
                self.questions_per_hour,
            )
            .await?;
        let receipt = if asked >= u64::from(self.questions_per_hour) {
            let parts = self.render(&question.place, &reply::over_quota("in an hour"));
            match inbox
                .refuse(question, id, &parts, "over quota", now)
                .await?
            {
                Receipt::Accepted(_) => Receipt::Refused(Refusal::OverQuota),
                other => other,
            }
        } else {
            inbox.accept(question, id, now).await?
        };
        self.work.notify_one();
        Ok(receipt)
    }

    fn render(&self, place: &Place, message: &Message) -> Vec<Part> {
        self.chats
            .get()
            .and_then(|chats| chats.get(&place.platform))
            .map_or_else(Vec::new, |chat| {
                render_notice(chat.as_ref(), place, message)
            })
    }
}

/// A notice that says nothing of the company's. Where a command's result is
/// for the asker alone, so is what takes its place.
pub fn render_notice(chat: &dyn Chat, place: &Place, message: &Message) -> Vec<Part> {
    match &place.callback {
        Some(callback) if callback.promised != Some(Showing::Channel) => chat.render_alone(message),
        _ => chat.render(message),
    }
}

#[async_trait]
impl Sink for Intake {
    async fn accept(&self, incoming: Incoming) -> Result<(), BoxError> {
        match incoming {
            Incoming::Question(question) => {
                let receipt = Intake::accept(self, &question).await?;
                info!(platform = %question.place.platform, receipt = ?receipt, "Took in a question");
            }
            Incoming::Feedback(feedback) => {
                self.store
                    .feedback()
                    .record(&feedback, self.clock.now())
                    .await?;
                info!("Recorded feedback");
            }
            Incoming::Ignored(why) => debug!(why, "Ignored an event"),
            Incoming::Unknown { kind } => info!(kind, "Met an event of an unknown kind"),
        }
        Ok(())
    }
}
