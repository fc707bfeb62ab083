//! Question -> plan, by a language model that can only write what is possible.

use super::plan_schema::{Choice, read, schema};
use crate::{
    domain::{GenerationRequest, Prompt, Question, Role, ToolSpec},
    ports::{GenerateError, Generator},
    prompts::{PlanPrompt, PromptError},
};
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// A plan is short: a name and a handful of values.
const PLAN_TOKENS: usize = 160;

/// A language model that plans, and how it is asked.
pub struct ModelPlanner {
    pub generator: Arc<dyn Generator>,
    pub prompt: PlanPrompt,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum ModelPlanError {
    #[error(transparent)]
    Generate(#[from] GenerateError),
    #[error(transparent)]
    Prompt(#[from] PromptError),
    #[error("the model's plan does not have the form that it was given")]
    NotAPlan,
}

impl ModelPlanner {
    pub(super) async fn choose<'a>(
        &self,
        question: &Question,
        tools: &[&'a ToolSpec],
        now: DateTime<Utc>,
    ) -> Result<Choice<'a>, ModelPlanError> {
        let text = with_thread(question);
        let prompt = self
            .prompt
            .render(&question.text, &question.thread, tools)?;
        let request = GenerationRequest {
            schema: Some(schema(tools, &text, now)),
            person: Some(question.asker.person.clone()),
            ..GenerationRequest::greedy(Prompt::Conversation(prompt), PLAN_TOKENS)
        };
        let written = self.generator.generate(request, None).await?;
        read(&written.text, tools, &text, now).ok_or(ModelPlanError::NotAPlan)
    }
}

/// The question, then what the person said before: what stands first wins.
fn with_thread(question: &Question) -> String {
    let before = question
        .thread
        .iter()
        .rev()
        .filter(|turn| turn.role == Role::User)
        .map(|turn| turn.text.as_str());
    std::iter::once(question.text.as_str())
        .chain(before)
        .collect::<Vec<_>>()
        .join("\n")
}
