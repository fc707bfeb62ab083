//! Small people, questions and answers.

use chrono::{DateTime, TimeDelta, Utc};
use lorekeeper::{
    domain::{
        Access, Actor, Addressed, Answer, Block, ChannelId, Confidence, IncomingQuestion,
        MessageId, PersonId, Place, PlaceKind, Plan, Platform, Provenance, Question, QuestionId,
        StageTimings, TenantId, ThreadId,
    },
    ports::Part,
    store::{Claimant, Claimed, Saving, Shown, Store},
};
use serde_json::json;
use std::time::Duration;

/// Seconds after the tests' beginning of time.
pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).expect("in range")
}

pub fn person(name: &str) -> PersonId {
    PersonId::new(format!("slack:{name}"))
}

/// The `n`th question, in a thread of its own, asked at `at(n)`.
pub fn question(n: i64) -> IncomingQuestion {
    question_in(&format!("thread-{n}"), n)
}

pub fn question_in(thread: &str, n: i64) -> IncomingQuestion {
    IncomingQuestion {
        delivery: format!("Ev{n}"),
        subject: format!("C1/{n}"),
        alias: None,
        asker: Actor::member(person("mara")),
        place: Place {
            platform: Platform::Slack,
            tenant: TenantId::new("T1"),
            channel: ChannelId::new("C1"),
            thread: ThreadId::new(thread),
            message: MessageId::new(format!("{n}.000")),
            kind: PlaceKind::Channel,
            callback: None,
        },
        text: format!("question {n}"),
        addressed: Addressed::Mention,
        asked_at: at(n),
    }
}

pub fn part(text: &str) -> Part {
    Part {
        payload: json!({ "text": text }),
        plain: text.to_string(),
        alone: false,
        file: None,
    }
}

pub fn answer(text: &str) -> Answer {
    Answer {
        plan: Plan::search_only("search"),
        evidence: Vec::new(),
        gaps: Vec::new(),
        message: vec![Block::paragraph(text)],
        citations: vec![1],
        abstained: false,
        confidence: Confidence::High,
        provenance: Provenance::quotation(),
        timings: StageTimings::default(),
    }
}

pub const LEASE: Duration = Duration::from_secs(120);

pub fn claimant(worker: &str) -> Claimant {
    Claimant {
        worker: worker.into(),
        platforms: vec![Platform::Slack, Platform::Discord],
        lease: LEASE,
    }
}

pub fn full_question(claimed: &Claimed) -> Question {
    let incoming = claimed.incoming.clone();
    Question {
        id: claimed.lease.question,
        asker: incoming.asker,
        place: incoming.place,
        text: incoming.text,
        thread: Vec::new(),
        asked_at: incoming.asked_at,
        access: Access::everyone(),
    }
}

/// The steps of a question, as the worker takes them.
pub trait Steps {
    async fn ask(&self, incoming: &IncomingQuestion) -> QuestionId;
    async fn claim_next(&self, worker: &str, now: DateTime<Utc>) -> Option<Claimed>;
    async fn save(&self, claimed: &Claimed, text: &str);
    /// Asks, claims, saves and posts as `message`.
    async fn answer_at_once(&self, incoming: &IncomingQuestion, message: &str) -> QuestionId;
}

impl Steps for Store {
    async fn ask(&self, incoming: &IncomingQuestion) -> QuestionId {
        let id = QuestionId::new();
        self.inbox()
            .accept(incoming, id, incoming.asked_at)
            .await
            .expect("accept");
        id
    }

    async fn claim_next(&self, worker: &str, now: DateTime<Utc>) -> Option<Claimed> {
        self.inbox()
            .claim(&claimant(worker), now)
            .await
            .expect("claim")
    }

    async fn save(&self, claimed: &Claimed, text: &str) {
        let saving = Saving {
            question: &full_question(claimed),
            answer: &answer(text),
            plain_text: text,
            parts: &[part(text)],
        };
        let now = claimed.incoming.asked_at + TimeDelta::seconds(5);
        self.answers()
            .save(&claimed.lease, &saving, now)
            .await
            .expect("save");
    }

    async fn answer_at_once(&self, incoming: &IncomingQuestion, message: &str) -> QuestionId {
        let id = self.ask(incoming).await;
        let now = incoming.asked_at;
        let claimed = self
            .inbox()
            .claim_question(&claimant("at-once"), id, now)
            .await
            .expect("claim")
            .expect("it waits");
        self.save(&claimed, &format!("answer to {}", incoming.text))
            .await;
        self.outbox()
            .start_sending(&claimed.lease, 0, now)
            .await
            .expect("start");
        let shown = part(&format!("answer to {}", incoming.text));
        self.outbox()
            .posted(id, 0, &MessageId::new(message), Shown::Payload(&shown), now)
            .await
            .expect("posted");
        self.answers()
            .settle_posted(&claimed.lease, now)
            .await
            .expect("settle");
        id
    }
}
