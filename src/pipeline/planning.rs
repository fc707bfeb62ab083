//! Question -> plan. The planner sees the question, its thread and the
//! catalogue, never a retrieved text.

use super::{
    arguments::{self, Arguments},
    chaining::{Chains, Lead, proven},
    grounding::coverage,
    model_planner::ModelPlanner,
    orders::{Order, is_for_orders, order},
    plan_schema::Choice,
    requests::{asks_for_a_rule, asks_for_own, compares, is_analytical, style_of},
    router::{IntentExamples, Route, Router, Score},
};
use crate::{
    domain::{
        Ask, Catalogue, Intent, ParameterKind, Plan, Question, Role, Schema, SourceKind, Style,
        ToolCall, ToolSpec, Turn,
    },
    ports::{EmbedError, Embedder, TextRole},
    prompts::Refused,
};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use std::{collections::HashMap, sync::Arc};

/// A tool is called from this score on. Chosen on the tuning part of the gold questions.
const TOOL_SCORE: f32 = 0.58;
/// Small talk and foreign topics must be this near, and nearer than anything else.
const ASIDE_SCORE: f32 = 0.50;
/// And nearer than knowledge by this much: a wrong refusal is worse than a search in vain.
const ASIDE_LEAD: f32 = 0.15;
/// How sure it is that something which may be an order is one.
const PERHAPS: f32 = 0.5;
const PROBABLY: f32 = 0.75;
/// What each time, amount or value counts that the question names for a tool.
const ARGUMENT_BONUS: f32 = 0.06;
/// What it counts that the tool's name and description have the question's words.
const WORD_BONUS: f32 = 0.10;

/// What it counts beside the cosine how well the arguments fit a tool that has no examples.
const FIT_BONUS: f32 = 0.10;
/// Values that are named when asking back.
const MAX_NAMED: usize = 6;
/// Tools that one question is answered with at most.
const MAX_TOOLS: usize = 4;

/// What each call more costs a chain, and each name that it has no use for.
const CHAIN_MALUS: f32 = 0.02;
const UNUSED_MALUS: f32 = 0.05;
/// What it costs that its last call brings other records than the question names.
const ASTRAY_MALUS: f32 = 0.15;
/// What it costs that one of several is meant and none is chosen.
const OPEN_MALUS: f32 = 0.05;
/// What it counts that a chain goes through the tool that would be called alone.
const ON_THE_WAY: f32 = 0.05;
/// Readings of a question that are compared with the tools of chains.
const MAX_READINGS: usize = 6;

/// The most that arguments and words add to a score.
const MOST_ADDED: f32 = 3.0 * ARGUMENT_BONUS + WORD_BONUS;

/// A tool that takes one value does not compare two.
const ONE_OF_SEVERAL: f32 = 0.15;

/// A question for what one may or must do is seldom one for figures.
const RULE_MALUS: f32 = 0.15;

pub struct Planner {
    embedder: Arc<dyn Embedder>,
    catalogue: Catalogue,
    router: Router,
    /// Plans instead of the router, where it is configured.
    model: Option<Arc<ModelPlanner>>,
}

impl Planner {
    pub async fn new(
        embedder: Arc<dyn Embedder>,
        intents: &IntentExamples,
        catalogue: Catalogue,
    ) -> Result<Self, EmbedError> {
        let router = Router::new(embedder.as_ref(), intents, &catalogue).await?;
        Ok(Self {
            embedder,
            catalogue,
            router,
            model: None,
        })
    }

    /// Plans with a language model; the router is its fallback.
    pub fn with_model(self, model: Arc<ModelPlanner>) -> Self {
        Self {
            model: Some(model),
            ..self
        }
    }

    /// The same planner over another catalogue.
    pub async fn with_catalogue(&self, catalogue: Catalogue) -> Result<Self, EmbedError> {
        let router = self
            .router
            .with_tools(self.embedder.as_ref(), &catalogue)
            .await?;
        Ok(Self {
            embedder: self.embedder.clone(),
            catalogue,
            router,
            model: self.model.clone(),
        })
    }

    /// A plan for every question: where the model fails, searching only. A
    /// tool that is not `usable` for the asker is planned as if it did not exist.
    pub async fn plan(
        &self,
        question: &Question,
        usable: impl Fn(&str) -> bool,
        now: DateTime<Utc>,
    ) -> Plan {
        let text = standalone(&question.text, &question.thread);
        if let Some(plan) = self.by_model(question, &text, &usable, now).await {
            return plan;
        }
        match self.by_router(&text, &usable, now).await {
            Ok(plan) => plan,
            Err(error) => {
                tracing::warn!(question.id = %question.id, error = %error, "planning fell back to searching only");
                Plan::search_only(text)
            }
        }
    }

    async fn by_router(
        &self,
        text: &str,
        usable: &impl Fn(&str) -> bool,
        now: DateTime<Utc>,
    ) -> Result<Plan, EmbedError> {
        let scores = self.scores(&[text.to_string()], usable).await?;
        let Some(whole) = scores.first() else {
            return Ok(Plan::search_only(text));
        };
        let chain = self.chain(text, whole, usable, now).await?;
        let mut plan = self.route(text, whole, chain, now);
        let parts = parts(text);
        if plan.tools.len() == 1 && plan.intent != Intent::Status && parts.len() > 1 {
            let scores = self.scores(&parts, usable).await?;
            if let Some(calls) = self.several(&parts, &scores, now) {
                plan.tools = calls;
            }
        }
        Ok(plan)
    }

    /// The best chain of calls where an operation of an API wants what another
    /// one finds. Orders have none.
    async fn chain(
        &self,
        text: &str,
        scores: &[Score],
        usable: &impl Fn(&str) -> bool,
        now: DateTime<Utc>,
    ) -> Result<Option<Chained>, EmbedError> {
        let tools = || {
            let tools = self.catalogue.tools.iter();
            tools.filter(|tool| tool.chain.is_some() && usable(&tool.name))
        };
        if order(text).is_some() || tools().next().is_none() {
            return Ok(None);
        }
        let near: HashMap<&str, f32> = scores
            .iter()
            .filter_map(|score| match &score.route {
                Route::Tool(name) => Some((name.as_str(), score.value)),
                Route::Intent(_) => None,
            })
            .collect();
        let score = |name: &str| near.get(name).copied().unwrap_or_default();
        let leads = Chains::new(tools(), text, now, &score).leads();
        let mut readings: Vec<String> = Vec::new();
        for lead in &leads {
            if lead.reading != text && !readings.contains(&lead.reading) {
                readings.push(lead.reading.clone());
            }
        }
        readings.truncate(MAX_READINGS);
        let read = match readings.is_empty() {
            true => Vec::new(),
            false => self.scores(&readings, usable).await?,
        };
        let worth = |lead: &Lead<'_>| {
            let at = readings.iter().position(|reading| *reading == lead.reading);
            let own = at.and_then(|at| read.get(at)).map_or(scores, Vec::as_slice);
            let route = Route::Tool(lead.tool.name.clone());
            let cosine = own.iter().find(|score| score.route == route)?.value;
            let words = WORD_BONUS * shared_words(&lead.reading, lead.tool);
            let malus = CHAIN_MALUS * lead.calls.len() as f32
                + UNUSED_MALUS * lead.unused as f32
                + if lead.astray { ASTRAY_MALUS } else { 0.0 }
                + if lead.open { OPEN_MALUS } else { 0.0 }
                + if asks_for_a_rule(text) {
                    RULE_MALUS
                } else {
                    0.0
                };
            // What a call needs is found, as a fitting argument is.
            Some(cosine + FIT_BONUS + words - malus)
        };
        let best = leads
            .iter()
            .filter_map(|lead| Some((worth(lead)?, lead)))
            .max_by(|(a, _), (b, _)| a.total_cmp(b));
        Ok(best.map(|(score, lead)| {
            let plan = tool_plan(lead.tool, Arguments::default(), text, score);
            Chained {
                score,
                plan: Plan {
                    tools: lead.calls.clone(),
                    links: lead.links.clone(),
                    ..plan
                },
            }
        }))
    }

    /// For each text, every route that the asker may take, best first.
    async fn scores(
        &self,
        texts: &[String],
        usable: &impl Fn(&str) -> bool,
    ) -> Result<Vec<Vec<Score>>, EmbedError> {
        let masked = texts.iter().map(|text| self.router.masked(text)).collect();
        let vectors = self.embedder.embed(masked, TextRole::Query).await?;
        let scores = vectors.iter().map(|vector| {
            let mut scores = self.router.scores(vector);
            scores.retain(|score| match &score.route {
                Route::Tool(name) => usable(name),
                Route::Intent(_) => true,
            });
            scores
        });
        Ok(scores.collect())
    }

    /// A call for each part of "sales and refunds last week", if each part
    /// leads to a tool by itself or gives the one before another value of its
    /// own. What one part does not say, the last one says for all. None where
    /// they are not at least two different calls. A description tells too
    /// little to split a question by: only tools with examples are called so.
    fn several(
        &self,
        parts: &[String],
        scores: &[Vec<Score>],
        now: DateTime<Utc>,
    ) -> Option<Vec<ToolCall>> {
        let mut calls: Vec<ToolCall> = Vec::new();
        let mut before: Option<&ToolSpec> = None;
        for (part, scores) in parts.iter().zip(scores) {
            let own = self
                .best_tool(part, scores, now, Complete::No)
                .filter(|(tool, _, score)| *score >= TOOL_SCORE && !tool.examples.is_empty())
                .map(|(tool, ..)| tool)
                .filter(|tool| before.is_none_or(|before| before.name != tool.name));
            let again = || before.filter(|tool| names_a_value(tool, part, now));
            let tool = own.or_else(again)?;
            let args = joint_arguments(tool, part, parts.last()?, now)?;
            let call = ToolCall {
                name: tool.name.clone(),
                args,
            };
            if !calls.contains(&call) {
                calls.push(call);
            }
            before = Some(tool);
        }
        (calls.len() > 1).then_some(calls)
    }

    /// The language model's plan, where there is one and it succeeds. What a
    /// rule decides for certain is not asked.
    async fn by_model(
        &self,
        question: &Question,
        text: &str,
        usable: &impl Fn(&str) -> bool,
        now: DateTime<Utc>,
    ) -> Option<Plan> {
        let model = self.model.as_ref()?;
        if order(text) == Some(Order::Certain) || !arguments::record_ids(text).is_empty() {
            return None;
        }
        let tools: Vec<&ToolSpec> = self
            .catalogue
            .tools
            .iter()
            .filter(|tool| usable(&tool.name))
            .collect();
        let databases: Vec<&Schema> = self
            .catalogue
            .schemas
            .iter()
            .filter(|schema| usable(&schema.tool))
            .collect();
        match model.choose(question, &tools, &databases, now).await {
            Ok(Choice::Intent(Intent::Knowledge)) => Some(Plan {
                style: style_of(text),
                confidence: 1.0,
                ..Plan::search_only(text)
            }),
            Ok(Choice::Intent(intent)) => Some(aside(intent, text, 1.0)),
            Ok(Choice::Call(tool, call)) => {
                let arguments = Arguments {
                    values: call.args,
                    ..Arguments::default()
                };
                Some(tool_plan(tool, arguments, text, 1.0))
            }
            Ok(Choice::Select(call)) => Some(call_plan(call, is_analytical(text), text, 1.0)),
            Err(error) => {
                tracing::warn!(question.id = %question.id, error = %error, "the language model made no plan, the router does");
                None
            }
        }
    }

    /// Another call in place of one whose statement did not run, by the model
    /// that wrote it.
    pub(super) async fn mended(
        &self,
        question: &Question,
        call: &ToolCall,
        reason: String,
        now: DateTime<Utc>,
    ) -> Option<ToolCall> {
        let model = self.model.as_ref()?;
        let database = self.catalogue.schema(&call.name)?;
        let statement = call.args.get(Schema::STATEMENT)?.as_str()?.to_string();
        let refused = Refused { statement, reason };
        match model.mend(question, database, refused, now).await {
            Ok(call) => call,
            Err(error) => {
                tracing::warn!(question.id = %question.id, error = %error, "the language model wrote no other statement");
                None
            }
        }
    }

    fn route(
        &self,
        text: &str,
        scores: &[Score],
        chain: Option<Chained>,
        now: DateTime<Utc>,
    ) -> Plan {
        let best_tool = self.best_tool(text, scores, now, Complete::Yes);
        let alone = best_tool.as_ref().map_or(0.0, |(.., score)| *score);
        let chain = chain.filter(|chain| {
            let asks = |tool: &ToolSpec| chain.plan.tools.iter().any(|call| call.name == tool.name);
            let passed = best_tool.as_ref().is_some_and(|(tool, ..)| asks(tool));
            chain.score + if passed { ON_THE_WAY } else { 0.0 } > alone
        });
        let tool_score = chain.as_ref().map_or(alone, |chain| chain.score);
        if let Some(order) = order(text) {
            let meant = |tool: &ToolSpec| is_for_orders(&tool.name, &tool.description);
            return match best_tool {
                Some((tool, arguments, score)) if score >= TOOL_SCORE && meant(tool) => {
                    tool_plan(tool, arguments, text, score)
                }
                _ => match order {
                    Order::Certain => aside(Intent::OutOfScope, text, 1.0),
                    Order::Probably => perhaps_aside(text, PROBABLY),
                    Order::Perhaps => perhaps_aside(text, PERHAPS),
                },
            };
        }
        let ids = arguments::record_ids(text);
        if let Some(plan) = self.record_plan(text, &ids, scores, now) {
            return plan;
        }
        let score_of = |intent: Intent| {
            scores
                .iter()
                .find(|score| score.route == Route::Intent(intent))
                .map_or(0.0, |score| score.value)
        };
        for intent in [Intent::SmallTalk, Intent::OutOfScope] {
            // People chat about the bot; what is theirs they want to know.
            if intent == Intent::SmallTalk && asks_for_own(text) {
                continue;
            }
            let score = score_of(intent);
            let clearly = score > tool_score && score > score_of(Intent::Knowledge) + ASIDE_LEAD;
            if score >= ASIDE_SCORE && clearly {
                return match intent {
                    Intent::OutOfScope => perhaps_aside(text, score),
                    _ => aside(intent, text, score),
                };
            }
        }
        if let Some(chain) = chain
            && chain.score >= TOOL_SCORE
            && chain.score > score_of(Intent::Knowledge)
        {
            return chain.plan;
        }
        match best_tool {
            Some((tool, arguments, score))
                if score >= TOOL_SCORE && score > score_of(Intent::Knowledge) =>
            {
                tool_plan(tool, arguments, text, score)
            }
            _ => Plan {
                confidence: score_of(Intent::Knowledge).max(0.0),
                style: style_of(text),
                ask: self.to_ask(text, scores, now),
                ..Plan::search_only(text)
            },
        }
    }

    /// What to ask back where nothing answers: the question is for a tool,
    /// and one value is missing.
    fn to_ask(&self, text: &str, scores: &[Score], now: DateTime<Utc>) -> Option<Ask> {
        let (tool, arguments, score) = self.best_tool(text, scores, now, Complete::No)?;
        let [missing] = arguments.missing.as_slice() else {
            return None;
        };
        let parameter = tool.parameters.iter().find(|p| p.name == *missing)?;
        let values = match &parameter.kind {
            ParameterKind::Choice { values } if values.len() <= MAX_NAMED => values.clone(),
            _ => Vec::new(),
        };
        (score >= TOOL_SCORE).then(|| Ask {
            tool: tool.name.clone(),
            parameter: missing.clone(),
            values,
        })
    }

    /// A question that names a record is about that record.
    fn record_plan(
        &self,
        text: &str,
        ids: &[String],
        scores: &[Score],
        now: DateTime<Utc>,
    ) -> Option<Plan> {
        if ids.is_empty() {
            return None;
        }
        let tool = scores
            .iter()
            .filter_map(|score| match &score.route {
                Route::Tool(name) => self.catalogue.tool(name),
                Route::Intent(_) => None,
            })
            .find(|tool| takes_id(tool, text, now));
        Some(match tool {
            Some(tool) => tool_plan(tool, arguments::extract(tool, text, now), text, 1.0)
                .with_intent(Intent::Status),
            None => Plan {
                intent: Intent::Status,
                sources: vec![SourceKind::Tickets, SourceKind::Documents],
                confidence: 1.0,
                ..Plan::search_only(text)
            },
        })
    }

    /// The tool with the highest score, with its arguments.
    fn best_tool<'a>(
        &'a self,
        text: &str,
        scores: &[Score],
        now: DateTime<Utc>,
        complete: Complete,
    ) -> Option<(&'a ToolSpec, Arguments, f32)> {
        scores
            .iter()
            .filter_map(|score| match &score.route {
                Route::Tool(name) => Some((self.catalogue.tool(name)?, score.value)),
                Route::Intent(_) => None,
            })
            // Whatever its arguments add, a tool so far behind does not win.
            .take_while(|(_, value)| *value >= TOOL_SCORE - MOST_ADDED)
            .map(|(tool, score)| {
                let arguments = proven(tool, arguments::extract(tool, text, now), text);
                let fit = match tool.examples.is_empty() {
                    true => FIT_BONUS * arguments.fit.clamp(-1.0, 1.5),
                    false => ARGUMENT_BONUS * arguments.found.min(3) as f32,
                };
                let malus = if asks_for_a_rule(text) {
                    RULE_MALUS
                } else {
                    0.0
                };
                let score = score + fit + WORD_BONUS * shared_words(text, tool)
                    - malus
                    - match compares(text) && arguments::names_several(tool, text, now) {
                        true => ONE_OF_SEVERAL,
                        false => 0.0,
                    };
                (tool, arguments, score)
            })
            .filter(|(_, arguments, _)| complete == Complete::No || arguments.missing.is_empty())
            .max_by(|(.., a), (.., b)| a.total_cmp(b))
    }
}

/// A plan whose calls lead to one another, and how near its last one is.
struct Chained {
    score: f32,
    plan: Plan,
}

/// Whether a tool must have all its arguments.
#[derive(Clone, Copy, PartialEq)]
enum Complete {
    Yes,
    No,
}

/// The parts of "sales, refunds and new customers last week"; one where nothing joins.
fn parts(text: &str) -> Vec<String> {
    const JOINTS: [&str; 4] = [" and ", " & ", " plus ", " as well as "];
    if !JOINTS.iter().any(|joint| text.contains(joint)) {
        return vec![text.to_string()];
    }
    let joined = JOINTS
        .iter()
        .fold(text.to_string(), |text, joint| text.replace(joint, ", "));
    let parts: Vec<String> = joined
        .split(", ")
        .map(|part| part.trim().trim_matches(',').to_string())
        .filter(|part| !part.is_empty())
        .collect();
    if parts.len() > MAX_TOOLS {
        return vec![text.to_string()];
    }
    parts
}

/// Whether the part names one of a tool's own values or records: "and Benelux".
fn names_a_value(tool: &ToolSpec, part: &str, now: DateTime<Utc>) -> bool {
    let values = arguments::extract(tool, part, now).values;
    tool.parameters.iter().any(|parameter| {
        let own = matches!(
            parameter.kind,
            ParameterKind::Choice { .. } | ParameterKind::Id { .. } | ParameterKind::Window
        );
        own && values
            .get(&parameter.name)
            .is_some_and(|value| parameter.default.as_ref() != Some(value))
    })
}

/// Arguments that stand in the part, then those of the last part.
fn joint_arguments(
    tool: &ToolSpec,
    part: &str,
    last: &str,
    now: DateTime<Utc>,
) -> Option<Map<String, Value>> {
    let own = arguments::extract(tool, part, now).values;
    let shared = arguments::extract(tool, last, now).values;
    let mut values = Map::new();
    for parameter in &tool.parameters {
        let name = &parameter.name;
        let said = own
            .get(name)
            .filter(|value| parameter.default.as_ref() != Some(value));
        match said.or(shared.get(name)).or(own.get(name)) {
            Some(value) => {
                values.insert(name.clone(), value.clone());
            }
            None if parameter.optional => {}
            None => return None,
        }
    }
    Some(values)
}

fn takes_id(tool: &ToolSpec, text: &str, now: DateTime<Utc>) -> bool {
    let has_id = tool
        .parameters
        .iter()
        .any(|p| matches!(p.kind, crate::domain::ParameterKind::Id { .. }));
    let arguments = arguments::extract(tool, text, now);
    has_id
        && arguments.missing.is_empty()
        && tool.parameters.iter().any(|p| {
            matches!(p.kind, crate::domain::ParameterKind::Id { .. })
                && arguments.values.contains_key(&p.name)
        })
}

impl Plan {
    fn with_intent(self, intent: Intent) -> Self {
        Self { intent, ..self }
    }
}

fn tool_plan(tool: &ToolSpec, arguments: Arguments, text: &str, score: f32) -> Plan {
    let analytical = is_analytical(text) || is_analytical(&tool.description);
    let call = ToolCall {
        name: tool.name.clone(),
        args: arguments.values,
    };
    call_plan(call, analytical, text, score)
}

fn call_plan(call: ToolCall, analytical: bool, text: &str, score: f32) -> Plan {
    Plan {
        intent: if analytical {
            Intent::Analytical
        } else {
            Intent::Live
        },
        sources: vec![SourceKind::Business],
        top_k: if analytical { 10 } else { 5 },
        style: Style::Table,
        search: text.to_string(),
        tools: vec![call],
        links: Vec::new(),
        confidence: score.min(1.0),
        ask: None,
    }
}

fn aside(intent: Intent, text: &str, confidence: f32) -> Plan {
    Plan {
        intent,
        sources: Vec::new(),
        tools: Vec::new(),
        style: Style::Brief,
        confidence,
        ..Plan::search_only(text)
    }
}

/// Out of scope unless a page answers.
fn perhaps_aside(text: &str, confidence: f32) -> Plan {
    Plan {
        intent: Intent::OutOfScope,
        style: style_of(text),
        confidence,
        ..Plan::search_only(text)
    }
}

/// Share of the question's content words that the tool's name, description,
/// examples and synonyms have: embeddings blur "product" and "customer", words do not.
fn shared_words(text: &str, tool: &ToolSpec) -> f32 {
    let chain = tool.chain.as_ref();
    let words = format!(
        "{} {} {} {} {}",
        tool.name.replace('_', " "),
        tool.description,
        tool.examples.join(" "),
        tool.synonyms.join(" "),
        chain.map_or(String::new(), |chain| chain
            .words
            .join(" ")
            .replace('_', " "))
    );
    coverage(text, &words)
}

/// The question made to stand alone. A short follow-up takes over what was asked before.
pub fn standalone(text: &str, thread: &[Turn]) -> String {
    let asked_before = thread.iter().rev().find(|turn| turn.role == Role::User);
    match asked_before {
        Some(before) if leans_on_thread(text) => format!("{} {}", before.text.trim(), text.trim()),
        _ => text.trim().to_string(),
    }
}

fn leans_on_thread(text: &str) -> bool {
    const STARTS: [&str; 10] = [
        "and ",
        "what about",
        "how about",
        "also ",
        "same ",
        "but ",
        "or ",
        "for ",
        "why",
        "then ",
    ];
    const POINTERS: [&str; 12] = [
        "it", "its", "that", "this", "they", "them", "those", "these", "he", "she", "there", "one",
    ];
    let text = text.trim().to_lowercase();
    let words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    STARTS.iter().any(|start| text.starts_with(start))
        || (words.len() <= 8 && words.iter().any(|word| POINTERS.contains(word)))
        || words.len() <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_follow_up_takes_over_the_question_before() {
        let thread = [
            Turn {
                role: Role::User,
                text: "revenue last week?".into(),
            },
            Turn {
                role: Role::Assistant,
                text: "It was 5.".into(),
            },
        ];
        assert_eq!(
            standalone("and in Germany?", &thread),
            "revenue last week? and in Germany?"
        );
        assert_eq!(
            standalone("who may approve a discount of 20 percent?", &thread),
            "who may approve a discount of 20 percent?"
        );
        assert_eq!(standalone("and in Germany?", &[]), "and in Germany?");
    }
}
