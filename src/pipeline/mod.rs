//! A question in, an answer out. No SQL of ours, no platform.
//!
//! The story: plan, gather, compose; where a page answers better than the plan
//! would, it does; where nothing found answers, look wider, and only then say
//! "I don't know". An answer always comes: what fails on the
//! way is a gap that the answer names.

pub mod arguments;
mod chaining;
mod checking;
mod composing;
mod describing;
mod gathering;
mod generating;
pub mod grounding;
mod head;
pub mod injection;
mod masking;
mod model_planner;
mod orders;
pub mod passage;
mod picking;
mod plan_schema;
mod planning;
mod quoting;
pub mod reader;
mod relating;
mod requests;
mod router;
mod showing;
mod unknown;
mod versions;

pub use gathering::Gathered;
pub use generating::{ChooseAdapter, Writer};
pub use model_planner::{ModelPlanner, PlanRequest};
pub use planning::Planner;
pub use requests::asks_for_statements;
pub use router::{IntentExamples, Route, Router, Score, dot};
pub use showing::worth_a_table;

use crate::{
    domain::{Answer, Block, Intent, Plan, Question, SourceKind, StageTimings, ToolCall, reply},
    ports::{Clock, Embedder, Search, Tools},
};
use composing::Draft;
use reader::answer_features;
use requests::style_of;
use std::{collections::BTreeMap, sync::Arc, time::Instant};
use versions::without_replaced;

/// Pages outweigh another plan if they are surer than it by this much. Chosen
/// on the tuning parts of the gold questions.
const PAGES_LEAD: f32 = 0.08;

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
        if let Some((plan, draft)) = self.relate(question, &plan, &mut watch).await {
            return draft.into_answer(question, plan, watch.stop());
        }
        if let Some((plan, draft)) = self.known_better(question, &plan, &mut watch).await {
            return draft.into_answer(question, plan, watch.stop());
        }
        if plan.intent == Intent::OutOfScope {
            plan.sources.clear();
        }
        let mut draft = self.attempt(question, &plan, &mut watch).await;
        for wider in wider(&plan) {
            if !draft.abstained || draft.settled {
                break;
            }
            let mut retry = self.attempt(question, &wider, &mut watch).await;
            if retry.abstained {
                draft.missed(retry.gaps);
            } else {
                retry.missed(draft.gaps);
                // The record keeps every statement that a model wrote.
                let schema = |call: &ToolCall| self.tools.catalogue().schema(&call.name).is_some();
                let written = plan.tools.drain(..).filter(schema).chain(draft.calls);
                retry.calls.extend(written);
                draft = retry;
                plan = wider;
            }
        }
        if let Some(ask) = plan.ask.as_ref().filter(|_| draft.abstained) {
            draft.ask_back(ask);
        }
        draft.into_answer(question, plan, watch.stop())
    }

    /// The pages' answer to what the planner took for something else, and was
    /// less sure of than the pages are: a figure, or nothing for the bot at all.
    async fn known_better(
        &self,
        question: &Question,
        plan: &Plan,
        watch: &mut Watch,
    ) -> Option<(Plan, Draft)> {
        let doubted = match plan.intent {
            Intent::OutOfScope => !plan.sources.is_empty(),
            Intent::Analytical | Intent::Live => !plan.tools.is_empty(),
            Intent::Knowledge | Intent::Status | Intent::SmallTalk => false,
        };
        if !doubted || plan.confidence + PAGES_LEAD > 1.0 {
            return None;
        }
        let pages = Plan::search_only(plan.search.clone());
        let gathered = self.gather(&pages, question).await;
        watch.lap("gather");
        // A ticket tells one case only.
        let hits = without_replaced(gathered.hits.clone());
        let page = hits
            .first()
            .filter(|hit| hit.kind == SourceKind::Documents)?;
        let sure = answer_features(&pages.search, page).probability();
        if sure < plan.confidence + PAGES_LEAD {
            return None;
        }
        let pages = Plan {
            confidence: sure,
            style: style_of(&pages.search),
            ..pages
        };
        let mut draft = self.compose(question, &pages, gathered).await;
        if plan.intent == Intent::OutOfScope {
            draft.message.push(Block::notice(reply::nothing_changed()));
        }
        watch.lap("compose");
        (!draft.abstained).then_some((pages, draft))
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
        links: Vec::new(),
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
