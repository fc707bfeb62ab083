//! Question -> plan, by a language model that can only write what is possible.

use super::plan_schema::{Choice, read, schema};
use crate::{
    domain::{GenerationRequest, Prompt, Question, Role, Said, ToolSpec, Turn},
    ports::{GenerateError, Generator},
    prompts::{PlanPrompt, PromptError},
};
use chrono::{DateTime, Utc};
use serde_json::Value;
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

/// One question as a language model is asked to plan it.
pub struct PlanRequest<'a> {
    pub said: Vec<Said>,
    /// The JSON schema that the answer must satisfy.
    pub schema: Value,
    tools: &'a [&'a ToolSpec],
    /// The question with its thread.
    text: String,
    now: DateTime<Utc>,
}

impl<'a> PlanRequest<'a> {
    pub fn new(
        prompt: &PlanPrompt,
        question: &str,
        thread: &[Turn],
        tools: &'a [&'a ToolSpec],
        now: DateTime<Utc>,
    ) -> Result<Self, PromptError> {
        let text = with_thread(question, thread);
        Ok(Self {
            said: prompt.render(question, thread, tools)?,
            schema: schema(tools, &text, now),
            tools,
            text,
            now,
        })
    }

    /// Whether this is a plan that the request allows.
    pub fn allows(&self, written: &str) -> bool {
        self.read(written).is_some()
    }

    fn read(&self, written: &str) -> Option<Choice<'a>> {
        read(written, self.tools, &self.text, self.now)
    }
}

impl ModelPlanner {
    pub(super) async fn choose<'a>(
        &self,
        question: &Question,
        tools: &'a [&'a ToolSpec],
        now: DateTime<Utc>,
    ) -> Result<Choice<'a>, ModelPlanError> {
        let asked = PlanRequest::new(&self.prompt, &question.text, &question.thread, tools, now)?;
        let request = GenerationRequest {
            schema: Some(asked.schema.clone()),
            person: Some(question.asker.person.clone()),
            ..GenerationRequest::greedy(Prompt::Conversation(asked.said.clone()), PLAN_TOKENS)
        };
        let written = self.generator.generate(request, None).await?;
        asked.read(&written.text).ok_or(ModelPlanError::NotAPlan)
    }
}

/// The question, then what the person said before: what stands first wins.
fn with_thread(question: &str, thread: &[Turn]) -> String {
    let before = thread
        .iter()
        .rev()
        .filter(|turn| turn.role == Role::User)
        .map(|turn| turn.text.as_str());
    std::iter::once(question)
        .chain(before)
        .collect::<Vec<_>>()
        .join("\n")
}
