//! A question in, an answer out. No SQL of ours, no platform.
//!
//! The story: plan, gather, compose; where nothing found answers, look wider,
//! and only then say "I don't know". An answer always comes: what fails on the
//! way is a gap that the answer names.

pub mod arguments;
mod checking;
mod composing;
mod gathering;
mod generating;
pub mod grounding;
mod head;
pub mod injection;
mod model_planner;
pub mod passage;
mod plan_schema;
mod planning;
mod quoting;
pub mod reader;
mod requests;
mod router;
mod showing;

pub use gathering::Gathered;
pub use generating::{ChooseAdapter, Writer};
pub use model_planner::{ModelPlanner, PlanRequest};
pub use planning::Planner;
pub use router::{IntentExamples, Route, Router, Score, dot};

use crate::{
    domain::{Answer, Intent, Plan, Question, SourceKind, StageTimings},
    ports::{Clock, Embedder, Search, Tools},
};
use composing::Draft;
use std::{collections::BTreeMap, sync::Arc, time::Instant};

/// What the pipeline works with.
pub struct Pipeline {
    pub planner: Arc<Planner>,
    pub embedder: Arc<dyn Embedder>,
    pub search: Arc<dyn Search>,
    pub tools: Arc<dyn Tools>,
    pub clock: Arc<dyn Clock>,
    /// Without one, answers are quoted.
    pub writer: Option<Arc<Writer>>,
}

impl Pipeline {
    /// The answer names the catalogue that it was planned with.
    pub async fn answer(&self, question: &Question) -> Answer {
        let mut answer = self.reply(question).await;
        answer.provenance.catalogue = self.tools.catalogue().version.clone();
        answer
    }

    async fn reply(&self, question: &Question) -> Answer {
        let mut watch = Watch::start();
        let usable = |tool: &str| self.tools.allowed(tool, &question.access);
        let mut plan = self.planner.plan(question, usable, self.clock.now()).await;
        watch.lap("plan");
        tracing::info!(
            question.id = %question.id,
            plan.intent = ?plan.intent,
            plan.tools = plan.tools.len(),
            "Planned question {}", question.id
        );
        let mut draft = self.attempt(question, &plan, &mut watch).await;
        for wider in wider(&plan) {
            if !draft.abstained {
                break;
            }
            let mut retry = self.attempt(question, &wider, &mut watch).await;
            if retry.abstained {
                draft.missed(retry.gaps);
            } else {
                retry.missed(draft.gaps);
                draft = retry;
                plan = wider;
            }
        }
        if let Some(ask) = plan.ask.as_ref().filter(|_| draft.abstained) {
            draft.ask_back(ask);
        }
        draft.into_answer(question, plan, watch.stop())
    }

    async fn attempt(&self, question: &Question, plan: &Plan, watch: &mut Watch) -> Draft {
        let gathered = self.gather(plan, question).await;
        watch.lap("gather");
        let draft = self.compose(question, plan, gathered).await;
        watch.lap("compose");
        draft
    }
}

/// The plans to try when the first one found no answer (P3): more sources, then more passages.
fn wider(plan: &Plan) -> Vec<Plan> {
    let looks_up = matches!(
        plan.intent,
        Intent::Knowledge | Intent::Analytical | Intent::Live
    );
    if !looks_up {
        return Vec::new();
    }
    let everywhere = Plan {
        sources: vec![SourceKind::Documents, SourceKind::Tickets],
        tools: Vec::new(),
        intent: Intent::Knowledge,
        ..plan.clone()
    };
    let deeper = Plan {
        top_k: 20,
        ..everywhere.clone()
    };
    if everywhere.sources == plan.sources {
        vec![deeper]
    } else {
        vec![everywhere, deeper]
    }
}

/// Adds up what each stage took, in milliseconds.
struct Watch {
    began: Instant,
    lap: Instant,
    stages: BTreeMap<String, f64>,
}

impl Watch {
    fn start() -> Self {
        let now = Instant::now();
        Self {
            began: now,
            lap: now,
            stages: BTreeMap::new(),
        }
    }

    fn lap(&mut self, stage: &str) {
        let now = Instant::now();
        *self.stages.entry(stage.to_string()).or_default() += millis(self.lap, now);
        self.lap = now;
    }

    fn stop(mut self) -> StageTimings {
        self.stages
            .insert("total".into(), millis(self.began, Instant::now()));
        StageTimings(self.stages)
    }
}

fn millis(from: Instant, to: Instant) -> f64 {
    (to.duration_since(from).as_secs_f64() * 1e6).round() / 1e3
}
