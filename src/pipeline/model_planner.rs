//! Question -> plan, by a language model that can only write what is possible.

use super::{
    describing::describe,
    plan_schema::{Choice, read, schema},
};
use crate::{
    domain::{GenerationRequest, Prompt, Question, Role, Said, Schema, ToolCall, ToolSpec, Turn},
    ports::{GenerateError, Generator},
    prompts::{Databases, PlanPrompt, PromptError, Refused},
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::sync::Arc;

/// A plan is short: a name and a handful of values.
const PLAN_TOKENS: usize = 160;
/// One that may hold a statement.
const STATEMENT_TOKENS: usize = 480;
/// What databases may take of a prompt: a part of what the model reads, and so much at most.
const DATABASES_PART: usize = 3;
const DATABASES_TOKENS: usize = 2_400;

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
    databases: &'a [&'a Schema],
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
            said: prompt.render(question, thread, tools, &Databases::default())?,
            schema: schema(tools, &[], &text, now),
            tools,
            databases: &[],
            text,
            now,
        })
    }

    /// The same with databases that the model may write statements for.
    fn with_databases(
        self,
        prompt: &PlanPrompt,
        question: &Question,
        databases: &'a [&'a Schema],
        tokens: usize,
        refused: Option<Refused>,
    ) -> Result<Self, PromptError> {
        if databases.is_empty() {
            return Ok(self);
        }
        let told = Databases {
            text: describe(databases, &self.text, tokens),
            refused,
            today: self.now.date_naive(),
        };
        Ok(Self {
            said: prompt.render(&question.text, &question.thread, self.tools, &told)?,
            schema: schema(self.tools, databases, &self.text, self.now),
            databases,
            ..self
        })
    }

    /// Whether this is a plan that the request allows.
    pub fn allows(&self, written: &str) -> bool {
        self.read(written).is_some()
    }

    fn read(&self, written: &str) -> Option<Choice<'a>> {
        read(written, self.tools, self.databases, &self.text, self.now)
    }
}

impl ModelPlanner {
    pub(super) async fn choose<'a>(
        &self,
        question: &Question,
        tools: &'a [&'a ToolSpec],
        databases: &'a [&'a Schema],
        now: DateTime<Utc>,
    ) -> Result<Choice<'a>, ModelPlanError> {
        self.ask(question, tools, databases, None, now).await
    }

    /// Another statement in place of one that did not run; none where the
    /// model has no other.
    pub(super) async fn mend(
        &self,
        question: &Question,
        database: &Schema,
        refused: Refused,
        now: DateTime<Utc>,
    ) -> Result<Option<ToolCall>, ModelPlanError> {
        let before = refused.statement.clone();
        let databases = [database];
        match self
            .ask(question, &[], &databases, Some(refused), now)
            .await?
        {
            Choice::Select(call) => {
                let again = call
                    .args
                    .get(Schema::STATEMENT)
                    .and_then(|text| text.as_str());
                Ok((again != Some(before.as_str())).then_some(call))
            }
            Choice::Intent(_) | Choice::Call(..) => Ok(None),
        }
    }

    async fn ask<'a>(
        &self,
        question: &Question,
        tools: &'a [&'a ToolSpec],
        databases: &'a [&'a Schema],
        refused: Option<Refused>,
        now: DateTime<Utc>,
    ) -> Result<Choice<'a>, ModelPlanError> {
        let room = self.generator.context_tokens() / DATABASES_PART;
        let asked = PlanRequest::new(&self.prompt, &question.text, &question.thread, tools, now)?
            .with_databases(
            &self.prompt,
            question,
            databases,
            room.min(DATABASES_TOKENS),
            refused,
        )?;
        let tokens = match databases.is_empty() {
            true => PLAN_TOKENS,
            false => STATEMENT_TOKENS,
        };
        let request = GenerationRequest {
            schema: Some(asked.schema.clone()),
            person: Some(question.asker.person.clone()),
            ..GenerationRequest::greedy(Prompt::Conversation(asked.said.clone()), tokens)
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
