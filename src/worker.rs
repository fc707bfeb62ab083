//! A claimed row -> a posted reply.
//!
//! Promise: every accepted question reaches one visible end, also over crashes:
//! the placeholder is posted first and its message id kept, and from then on
//! the reply is an edit. A post whose response was lost is looked up before it
//! is sent again. Not promised: the same words after a crash; an answer that
//! was not saved is made again.

mod command;

use crate::{
    commands::{Commands, told},
    directory::Directory,
    domain::{
        Addressed, Answer, Confidence, Message, Plan, Platform, Provenance, Question, QuestionId,
        StageTimings, ToolResult, plain::plain_text, reply,
    },
    intake::render_notice,
    metrics::{record_answer, record_given_up},
    pipeline::{Pipeline, asks_for_statements},
    ports::{Chat, ChatError, Clock, Part, PostKey},
    store::{
        Claimant, Claimed, Lease, NextStep, OutboxPart, Saving, Shown, Stage, Store, StoreError,
    },
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info, info_span, warn};

/// Claims of one question before it is given up.
const MAX_ATTEMPTS: u32 = 5;
/// Calls of one platform method before the question is put off.
const MAX_TRIES: u32 = 4;
/// Earlier questions of the thread that a follow-up may lean on.
const THREAD_QUESTIONS: usize = 3;
/// How long settling waits for the sign of work to go.
const SIGN_PATIENCE: Duration = Duration::from_secs(5);
/// Expired leases are looked for this often, and the inbox at least so often.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

pub struct Worker {
    pub store: Store,
    pub pipeline: Arc<Pipeline>,
    pub commands: Arc<Commands>,
    pub chats: HashMap<Platform, Arc<dyn Chat>>,
    pub directory: Directory,
    pub clock: Arc<dyn Clock>,
    pub answer_timeout: Duration,
    pub claimant: Claimant,
    pub work: Arc<Notify>,
}

#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Chat(#[from] ChatError),
    #[error("no connection to {0}")]
    NoChat(Platform),
}

impl Worker {
    /// Answers until told to stop; then finishes what it has begun.
    ///
    /// The claim loop wakes on every accepted question and at least every few
    /// seconds, for questions of another replica and leases that expired.
    pub async fn run(self: Arc<Self>, concurrent: usize, stop: CancellationToken) {
        let mut running = JoinSet::new();
        let mut sweep = tokio::time::interval(SWEEP_EVERY);
        loop {
            while running.len() < concurrent && !stop.is_cancelled() {
                match self
                    .store
                    .inbox()
                    .claim(&self.claimant, self.clock.now())
                    .await
                {
                    Ok(Some(claimed)) => {
                        let worker = self.clone();
                        running.spawn(async move { worker.work_on(claimed).await });
                    }
                    Ok(None) => break,
                    Err(error) => {
                        error!(error = %error, "claim next question");
                        break;
                    }
                }
            }
            if stop.is_cancelled() {
                break;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.work.notified() => {}
                Some(_) = running.join_next(), if !running.is_empty() => {}
                _ = sweep.tick() => self.sweep().await,
            }
        }
        while running.join_next().await.is_some() {}
    }

    async fn sweep(&self) {
        match self.store.inbox().sweep(self.clock.now()).await {
            Ok(0) => {}
            Ok(swept) => info!(swept, "Took back {swept} expired leases"),
            Err(error) => error!(error = %error, "take back expired leases"),
        }
    }

    /// Claims this question and settles it. `false`: it waits for another one of its thread.
    pub async fn answer_now(&self, id: QuestionId) -> Result<bool, StoreError> {
        match self
            .store
            .inbox()
            .claim_question(&self.claimant, id, self.clock.now())
            .await?
        {
            Some(claimed) => {
                self.work_on(claimed).await;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Settles a claimed question while its lease is renewed beside.
    async fn work_on(&self, claimed: Claimed) {
        let id = claimed.lease.question;
        let span = info_span!("question", question.id = %id);
        let lease = claimed.lease.clone();
        let settle = async {
            tokio::select! {
                () = self.settle(claimed) => {}
                () = self.keep(&lease) => warn!("lost the lease; another worker goes on"),
            }
            self.work.notify_one();
        };
        settle.instrument(span).await;
    }

    /// Returns when the lease is lost.
    async fn keep(&self, lease: &Lease) {
        loop {
            tokio::time::sleep(self.claimant.lease / 3).await;
            match self
                .store
                .inbox()
                .renew(lease, self.claimant.lease, self.clock.now())
                .await
            {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => warn!(error = %error, "renew lease"),
            }
        }
    }

    async fn settle(&self, claimed: Claimed) {
        let lease = claimed.lease.clone();
        match self.try_settle(&claimed).await {
            Ok(()) => info!("Settled question {}", lease.question),
            Err(WorkError::Chat(ChatError::Permanent { call, code })) => {
                warn!(call, code, "the platform refuses the reply");
                self.give_up(&claimed, "the platform refuses the reply")
                    .await;
            }
            Err(error) if claimed.attempts + 1 >= MAX_ATTEMPTS => {
                error!(error = %error, attempts = claimed.attempts, "gave a question up");
                self.give_up(&claimed, "failed too often").await;
            }
            Err(error) => {
                warn!(error = %error, attempts = claimed.attempts, "put a question off");
                let pause = chrono::Duration::seconds(2 << claimed.attempts.min(6));
                if let Err(error) = self
                    .store
                    .inbox()
                    .retry_later(&lease, self.clock.now() + pause)
                    .await
                {
                    warn!(error = %error, "put question off");
                }
            }
        }
    }

    async fn try_settle(&self, claimed: &Claimed) -> Result<(), WorkError> {
        let chat = self.chat(claimed.incoming.place.platform)?;
        if claimed.stage == Stage::Answer {
            let Made {
                question,
                answer,
                parts,
            } = match is_command(claimed) {
                true => self.obey(claimed, chat).await?,
                false => self.reply(claimed, chat).await?,
            };
            let saving = Saving {
                question: &question,
                answer: &answer,
                plain_text: &plain_text(&answer.message),
                parts: &parts,
            };
            self.store
                .answers()
                .save(&claimed.lease, &saving, self.clock.now())
                .await?;
            record_answer(claimed.incoming.place.platform, &answer);
        }
        self.deliver(claimed, chat).await?;
        self.take_sign_away(claimed, chat).await;
        self.store
            .answers()
            .settle_posted(&claimed.lease, self.clock.now())
            .await?;
        Ok(())
    }

    /// Before the question is settled, so that a crash in between takes the
    /// sign away again after the restart. A platform that makes us wait long
    /// does not hold the question up: the sign goes when its turn comes.
    async fn take_sign_away(&self, claimed: &Claimed, chat: &Arc<dyn Chat>) {
        if is_command(claimed) {
            return;
        }
        let (chat, place) = (chat.clone(), claimed.incoming.place.clone());
        let removal = async move {
            if let Err(error) = chat.finished(&place).await {
                warn!(error = %error, "take away the sign of work");
            }
        };
        let removal = tokio::spawn(removal.in_current_span());
        if tokio::time::timeout(SIGN_PATIENCE, removal).await.is_err() {
            warn!("the platform is slow to take away the sign of work");
        }
    }

    async fn reply(&self, claimed: &Claimed, chat: &Arc<dyn Chat>) -> Result<Made, WorkError> {
        if let Err(error) = chat.working(&claimed.incoming.place).await {
            warn!(error = %error, "show the sign of work");
        }
        let question = self.question(claimed).await?;
        let answer = self.make_answer(claimed, &question, chat).await?;
        let parts = chat.render(&answer.message);
        Ok(Made {
            question,
            answer,
            parts,
        })
    }

    /// An answer for everybody who reads along, or the fixed refusal: the
    /// readers are asked for before anything is looked up, and again before
    /// the answer is saved.
    async fn make_answer(
        &self,
        claimed: &Claimed,
        question: &Question,
        chat: &Arc<dyn Chat>,
    ) -> Result<Answer, WorkError> {
        let refusal = || {
            fixed_answer(
                reply::outsiders_read_here(),
                "refused: outsiders read along",
            )
        };
        let readers = || chat.readers(&question.place, &question.asker);
        if !readers().await.may_be_answered() {
            return Ok(refusal());
        }
        if let Some(answer) = self.asked_how(question).await? {
            return Ok(answer);
        }
        self.show(claimed, chat, &reply::working()).await?;
        let Ok(answer) =
            tokio::time::timeout(self.answer_timeout, self.pipeline.answer(question)).await
        else {
            warn!("the answer took too long");
            return Ok(fixed_answer(reply::timed_out(question.id), "timed out"));
        };
        Ok(if readers().await.may_be_answered() {
            answer
        } else {
            refusal()
        })
    }

    /// "Show me the query": what was asked of the systems for the last answer
    /// of the thread that has figures, as far as these readers may know it.
    async fn asked_how(&self, question: &Question) -> Result<Option<Answer>, StoreError> {
        if question.thread.is_empty() || !asks_for_statements(&question.text) {
            return Ok(None);
        }
        let (place, before) = (&question.place, question.asked_at);
        let inbox = self.store.inbox();
        let answers = inbox
            .thread_answers(place, before, THREAD_QUESTIONS)
            .await?;
        let tools = &self.pipeline.tools;
        let asked = answers.iter().find_map(|answer| {
            let results = answer.evidence.iter().filter_map(|e| e.rows.as_ref());
            let seen: Vec<&ToolResult> = results
                .filter(|result| tools.allowed(&result.tool, &question.access))
                .collect();
            (!seen.is_empty()).then_some(seen)
        });
        Ok(asked.map(|results| told(reply::statements(&results))))
    }

    async fn question(&self, claimed: &Claimed) -> Result<Question, StoreError> {
        let incoming = &claimed.incoming;
        let thread = self
            .store
            .inbox()
            .thread_turns(&incoming.place, incoming.asked_at, THREAD_QUESTIONS)
            .await?;
        Ok(Question {
            id: claimed.lease.question,
            asker: incoming.asker.clone(),
            place: incoming.place.clone(),
            text: incoming.text.clone(),
            thread,
            asked_at: incoming.asked_at,
            access: self.directory.access_at(&incoming.place, &incoming.asker),
        })
    }

    /// Posts the placeholder, so that every later step is an edit.
    async fn show(
        &self,
        claimed: &Claimed,
        chat: &Arc<dyn Chat>,
        message: &Message,
    ) -> Result<(), WorkError> {
        let parts = render_notice(chat.as_ref(), &claimed.incoming.place, message);
        let placeholder = parts.get(..1).unwrap_or_default();
        self.store
            .outbox()
            .plan_parts(&claimed.lease, placeholder, self.clock.now())
            .await?;
        self.deliver(claimed, chat).await
    }

    /// Brings every part to the platform, in order.
    async fn deliver(&self, claimed: &Claimed, chat: &Arc<dyn Chat>) -> Result<(), WorkError> {
        for sent in self.store.outbox().parts(claimed.lease.question).await? {
            self.deliver_part(claimed, chat, sent).await?;
        }
        Ok(())
    }

    async fn deliver_part(
        &self,
        claimed: &Claimed,
        chat: &Arc<dyn Chat>,
        sent: OutboxPart,
    ) -> Result<(), WorkError> {
        let (place, outbox) = (&claimed.incoming.place, self.store.outbox());
        let key = PostKey {
            question: sent.question,
            part: sent.part,
        };
        let mut tries = 0;
        let mut step = sent.next_step();
        loop {
            let outcome = match &step {
                NextStep::Nothing => return Ok(()),
                NextStep::Edit(message) => match chat.edit(place, message, &sent.payload).await {
                    Ok(()) => {
                        let shown = Shown::Payload(&sent.payload);
                        outbox
                            .posted(sent.question, sent.part, message, shown, self.clock.now())
                            .await?;
                        return Ok(());
                    }
                    Err(error) => error,
                },
                NextStep::LookUp => match chat.find(place, &key).await {
                    Ok(Some(message)) => {
                        outbox
                            .posted(
                                sent.question,
                                sent.part,
                                &message,
                                Shown::Unknown,
                                self.clock.now(),
                            )
                            .await?;
                        step = NextStep::Edit(message);
                        continue;
                    }
                    Ok(None) => {
                        step = NextStep::Post;
                        continue;
                    }
                    Err(error) => error,
                },
                NextStep::Post => {
                    outbox
                        .start_sending(&claimed.lease, sent.part, self.clock.now())
                        .await?;
                    match chat.post(place, &sent.payload, &key).await {
                        Ok(message) => {
                            let shown = Shown::Payload(&sent.payload);
                            outbox
                                .posted(sent.question, sent.part, &message, shown, self.clock.now())
                                .await?;
                            return Ok(());
                        }
                        Err(error) => {
                            self.record_failed_post(&sent, &error).await?;
                            if matches!(error, ChatError::InDoubt { .. }) {
                                step = NextStep::LookUp;
                            }
                            error
                        }
                    }
                }
            };
            tries += 1;
            match outcome {
                ChatError::RateLimited { retry_after } => tokio::time::sleep(retry_after).await,
                ChatError::InDoubt { .. } | ChatError::Unavailable(_) if tries < MAX_TRIES => {
                    tokio::time::sleep(Duration::from_millis(200 << tries)).await;
                }
                error => return Err(error.into()),
            }
        }
    }

    async fn record_failed_post(
        &self,
        sent: &OutboxPart,
        error: &ChatError,
    ) -> Result<(), StoreError> {
        let (outbox, now) = (self.store.outbox(), self.clock.now());
        match error {
            ChatError::InDoubt { .. } => outbox.in_doubt(sent.question, sent.part, now).await,
            ChatError::Permanent { .. } => outbox.failed(sent.question, sent.part, now).await,
            _ => outbox.not_sent(sent.question, sent.part, now).await,
        }
    }

    /// Tells the asker, where the platform still lets us, and ends the question.
    async fn give_up(&self, claimed: &Claimed, reason: &str) {
        record_given_up(claimed.incoming.place.platform);
        if let Ok(chat) = self.chat(claimed.incoming.place.platform) {
            let told = self
                .show(claimed, chat, &reply::failed(claimed.lease.question))
                .await;
            if let Err(error) = told {
                warn!(error = %error, "tell the asker that the question failed");
            }
            self.take_sign_away(claimed, chat).await;
        }
        if let Err(error) = self
            .store
            .inbox()
            .give_up(&claimed.lease, reason, self.clock.now())
            .await
        {
            error!(error = %error, "give question up");
        }
    }

    fn chat(&self, platform: Platform) -> Result<&Arc<dyn Chat>, WorkError> {
        self.chats.get(&platform).ok_or(WorkError::NoChat(platform))
    }
}

/// An answer, ready to be saved and sent.
struct Made {
    question: Question,
    answer: Answer,
    parts: Vec<Part>,
}

fn is_command(claimed: &Claimed) -> bool {
    claimed.incoming.addressed == Addressed::Command
}

/// An answer that no lookup went into.
fn fixed_answer(message: Message, why: &'static str) -> Answer {
    Answer {
        plan: Plan {
            sources: Vec::new(),
            ..Plan::search_only("")
        },
        evidence: Vec::new(),
        gaps: Vec::new(),
        message,
        citations: Vec::new(),
        abstained: true,
        confidence: Confidence::High,
        provenance: Provenance {
            generator: why.into(),
            planner: "none".into(),
            ..Provenance::quotation()
        },
        timings: StageTimings::default(),
    }
}
