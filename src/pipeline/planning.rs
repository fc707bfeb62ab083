//! Question -> plan. The planner sees the question, its thread and the
//! catalogue, never a retrieved text.

use super::{
    arguments::{self, Arguments},
    grounding::coverage,
    model_planner::ModelPlanner,
    plan_schema::Choice,
    router::{IntentExamples, Route, Router, Score, masked},
};
use crate::{
    domain::{
        Catalogue, Intent, Plan, Question, Role, SourceKind, Style, ToolCall, ToolSpec, Turn,
    },
    ports::{EmbedError, Embedder, TextRole},
};
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// A tool is called from this score on. Chosen on the tuning part of the gold questions.
const TOOL_SCORE: f32 = 0.58;
/// Small talk and foreign topics must be this near, and nearer than anything else.
const ASIDE_SCORE: f32 = 0.50;
/// And nearer than knowledge by this much: a wrong refusal is worse than a search in vain.
const ASIDE_LEAD: f32 = 0.15;
/// What each time, amount or value counts that the question names for a tool.
const ARGUMENT_BONUS: f32 = 0.06;
/// What it counts that the tool's name and description have the question's words.
const WORD_BONUS: f32 = 0.10;

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
        match self
            .embedder
            .embed(vec![masked(&text)], TextRole::Query)
            .await
        {
            Ok(vectors) => match vectors.first() {
                Some(vector) => {
                    let mut scores = self.router.scores(vector);
                    scores.retain(|score| match &score.route {
                        Route::Tool(name) => usable(name),
                        Route::Intent(_) => true,
                    });
                    self.route(&text, &scores, now)
                }
                None => Plan::search_only(text),
            },
            Err(error) => {
                tracing::warn!(question.id = %question.id, error = %error, "planning fell back to searching only");
                Plan::search_only(text)
            }
        }
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
        if asks_to_change(text) || !arguments::record_ids(text).is_empty() {
            return None;
        }
        let tools: Vec<&ToolSpec> = self
            .catalogue
            .tools
            .iter()
            .filter(|tool| usable(&tool.name))
            .collect();
        match model.choose(question, &tools, now).await {
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
            Err(error) => {
                tracing::warn!(question.id = %question.id, error = %error, "the language model made no plan, the router does");
                None
            }
        }
    }

    fn route(&self, text: &str, scores: &[Score], now: DateTime<Utc>) -> Plan {
        if asks_to_change(text) {
            return aside(Intent::OutOfScope, text, 1.0);
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
        let best_tool = self.best_tool(text, scores, now);
        let tool_score = best_tool.as_ref().map_or(0.0, |(.., score)| *score);
        for intent in [Intent::SmallTalk, Intent::OutOfScope] {
            let score = score_of(intent);
            let clearly = score > tool_score && score > score_of(Intent::Knowledge) + ASIDE_LEAD;
            if score >= ASIDE_SCORE && clearly {
                return aside(intent, text, score);
            }
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
                ..Plan::search_only(text)
            },
        }
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

    fn best_tool<'a>(
        &'a self,
        text: &str,
        scores: &[Score],
        now: DateTime<Utc>,
    ) -> Option<(&'a ToolSpec, Arguments, f32)> {
        scores
            .iter()
            .filter_map(|score| match &score.route {
                Route::Tool(name) => Some((self.catalogue.tool(name)?, score.value)),
                Route::Intent(_) => None,
            })
            .map(|(tool, score)| {
                let arguments = arguments::extract(tool, text, now);
                let bonus = ARGUMENT_BONUS * arguments.found.min(3) as f32
                    + WORD_BONUS * shared_words(text, tool);
                let malus = if asks_for_a_rule(text) {
                    RULE_MALUS
                } else {
                    0.0
                };
                let score = score + bonus - malus;
                (tool, arguments, score)
            })
            .filter(|(_, arguments, _)| arguments.missing.is_empty())
            .max_by(|(.., a), (.., b)| a.total_cmp(b))
    }
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
        tools: vec![ToolCall {
            name: tool.name.clone(),
            args: arguments.values,
        }],
        confidence: score.min(1.0),
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

fn is_analytical(text: &str) -> bool {
    const SIGNS: [&str; 17] = [
        "top ",
        "best",
        "worst",
        "average",
        "avg",
        "mean",
        "compare",
        "versus",
        " vs",
        "trend",
        "by region",
        "per ",
        "total",
        "most",
        "highest",
        "lowest",
        "rank",
    ];
    let text = text.to_lowercase();
    SIGNS.iter().any(|sign| text.contains(sign))
}

fn style_of(text: &str) -> Style {
    let text = text.to_lowercase();
    let starts = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
    if starts(&["how do", "how to", "how can", "steps"]) || text.contains("step by step") {
        Style::List
    } else if starts(&[
        "who", "when", "how long", "how much", "how many", "is ", "are ", "can ", "does ",
    ]) {
        Style::Brief
    } else {
        Style::Explanation
    }
}

/// Share of the question's content words that the tool's name, description
/// and examples have: embeddings blur "product" and "customer", words do not.
fn shared_words(text: &str, tool: &ToolSpec) -> f32 {
    let words = format!(
        "{} {} {}",
        tool.name.replace('_', " "),
        tool.description,
        tool.examples.join(" ")
    );
    coverage(text, &words)
}

/// "May I", "who approves", "why": answered by a page, whatever figures it names.
fn asks_for_a_rule(text: &str) -> bool {
    const SIGNS: [&str; 20] = [
        " can ",
        " may ",
        " must ",
        " should ",
        " have to ",
        " why ",
        " how do i ",
        " how to ",
        " approve",
        " sign off ",
        " signed off ",
        " allowed ",
        " policy ",
        " rule",
        " do we say ",
        " what happens ",
        " supposed to ",
        " window ",
        " deadline ",
        " entitled ",
    ];
    let text = format!(" {} ", text.to_lowercase().replace(['?', ',', '.'], " "));
    SIGNS.iter().any(|sign| text.contains(sign))
}

/// A request to change something: an imperative verb of writing at the start,
/// with something to do it to. "Send me" and "show me" ask for reading;
/// "order ORD-1 status" and "refund policy" only name things.
fn asks_to_change(text: &str) -> bool {
    const VERBS: [&str; 12] = [
        "create", "delete", "remove", "cancel", "close", "reopen", "assign", "approve", "drop",
        "insert", "grant", "reboot",
    ];
    const ALSO_NOUNS: [&str; 12] = [
        "update", "change", "set", "refund", "issue", "book", "add", "ship", "order", "mark",
        "fire", "restart",
    ];
    const DETERMINERS: [&str; 12] = [
        "the", "this", "that", "my", "a", "an", "all", "me", "it", "every", "another", "new",
    ];
    const POLITE: [&str; 9] = [
        "please",
        "pls",
        "can you",
        "could you",
        "would you",
        "lore",
        "hey",
        "go ahead and",
        "just",
    ];
    let mut rest = text.trim().to_lowercase();
    let mut polite = false;
    while let Some(word) = POLITE.iter().find(|word| rest.starts_with(**word)) {
        rest = rest[word.len()..]
            .trim_start_matches([',', ' ', '!'])
            .to_string();
        polite = true;
    }
    let mut words = rest.split_whitespace();
    let first = words.next().unwrap_or_default();
    let determined = words
        .next()
        .is_some_and(|second| DETERMINERS.contains(&second));
    let names_record = !arguments::record_ids(&rest).is_empty();
    (VERBS.contains(&first) && (determined || names_record || polite))
        || (ALSO_NOUNS.contains(&first) && (determined || polite && names_record))
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
    fn requests_to_change_something_are_recognised() {
        let check =
            |text: &str, expected: bool| assert_eq!(asks_to_change(text), expected, "{text}");
        check("please delete the order ORD-10023", true);
        check("can you create a ticket for me", true);
        check("close REQ-1234", true);
        check("Please cancel order ORD-25825 for me.", true);
        check("Close ticket REQ-1288 and tell the merchant", true);
        check("update on REQ-1234", false);
        check("refund policy for terminals", false);
        check("order ORD-10023 status", false);
        check("show me the refunds of today", false);
        check("how do I cancel an order", false);
    }

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
