//! Answers that a language model writes: checked, trimmed, or replaced by a quotation.

use super::{Broken, question};
use crate::knowledge::world::{World, embedder};
use async_trait::async_trait;
use lorekeeper::{
    domain::{
        Access, Answer, Finish, Generation, GenerationRequest, Intent, Prompt, Question, Role,
        Turn, plain::plain_text,
    },
    pipeline::{IntentExamples, ModelPlanner, Pipeline, Planner, Writer},
    ports::{GenerateError, Generator, SystemClock, Tools},
    prompts::{AnswerPrompt, PlanPrompt},
};
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;

const POLICY: &str = "# Returns\n\nCustomers may return a terminal within 30 days of delivery.\n";
const QUESTION: &str = "How long can a customer return a terminal?";

/// A model that says what the test tells it, and keeps what it was asked.
struct Scripted {
    says: Option<&'static str>,
    context: usize,
    asked: Mutex<Vec<GenerationRequest>>,
}

impl Scripted {
    fn says(text: &'static str) -> Arc<Self> {
        Self::new(Some(text), 4096)
    }

    fn new(says: Option<&'static str>, context: usize) -> Arc<Self> {
        Arc::new(Self {
            says,
            context,
            asked: Mutex::default(),
        })
    }

    fn prompt(&self) -> String {
        let asked = self.asked.lock().expect("no panic before");
        let Some(Prompt::Conversation(turns)) = asked.last().map(|request| &request.prompt) else {
            panic!("a conversation was asked for");
        };
        let turns: Vec<&str> = turns.iter().map(|said| said.text.as_str()).collect();
        turns.join("\n")
    }
}

#[async_trait]
impl Generator for Scripted {
    fn name(&self) -> String {
        "scripted".into()
    }

    fn context_tokens(&self) -> usize {
        self.context
    }

    /// A word is a token.
    fn count_tokens(&self, prompt: &Prompt) -> usize {
        match prompt {
            Prompt::Raw(text) => text.split_whitespace().count(),
            Prompt::Conversation(turns) => turns
                .iter()
                .map(|said| said.text.split_whitespace().count())
                .sum(),
        }
    }

    async fn generate(
        &self,
        request: GenerationRequest,
        _: Option<mpsc::UnboundedSender<String>>,
    ) -> Result<Generation, GenerateError> {
        self.asked.lock().expect("no panic before").push(request);
        let failed = || GenerateError::Failed {
            model: "scripted".into(),
            source: "out of memory at 0xdeadbeef".into(),
        };
        Ok(Generation {
            text: self.says.ok_or_else(failed)?.into(),
            prompt_tokens: 1,
            tokens: 1,
            finish: Finish::Stop,
            prefill_ms: 0.0,
            decode_ms: 0.0,
            generator: "scripted".into(),
            adapter: Some("answers@2".into()),
        })
    }
}

async fn pipeline(world: &World, model: Arc<Scripted>, plans: bool) -> Pipeline {
    let tools = Arc::new(Broken::new());
    let intents: IntentExamples =
        toml::from_str(include_str!("../../prompts/router.toml")).expect("the examples parse");
    let mut planner = Planner::new(embedder(), &intents, tools.catalogue().clone())
        .await
        .expect("the planner is made");
    if plans {
        planner = planner.with_model(Arc::new(ModelPlanner {
            generator: model.clone(),
            prompt: PlanPrompt::shipped().expect("it renders"),
        }));
    }
    Pipeline {
        planner: Arc::new(planner),
        embedder: embedder(),
        search: Arc::new(world.search()),
        tools,
        clock: Arc::new(SystemClock),
        writer: Some(Arc::new(Writer {
            generator: model,
            prompt: AnswerPrompt::shipped().expect("it renders"),
            adapter: Arc::new(|_| Some("answers@2".into())),
        })),
    }
}

async fn world() -> World {
    let world = World::new();
    world.write("returns.md", POLICY);
    world.ingest().await;
    world
}

async fn ask(model: Arc<Scripted>) -> (Answer, String) {
    let world = world().await;
    let pipeline = pipeline(&world, model, false).await;
    let answer = pipeline
        .answer(&question(QUESTION, Access::everyone()))
        .await;
    let text = plain_text(&answer.message);
    (answer, text)
}

#[tokio::test]
async fn supported_answer_is_shown_with_what_wrote_it() {
    let model = Scripted::says("A customer may return a terminal within 30 days of delivery [1].");
    let (answer, text) = ask(model.clone()).await;
    assert!(
        text.starts_with("A customer may return a terminal"),
        "{text}"
    );
    assert_eq!(answer.citations, [1]);
    assert_eq!(answer.provenance.generator, "scripted");
    assert_eq!(answer.provenance.adapter.as_deref(), Some("answers@2"));
    let prompt = answer.provenance.prompt.expect("the prompt is recorded");
    assert!(prompt.starts_with("answer-1-"), "{prompt}");
    assert!(model.prompt().contains("<source n=\"1\" title=\"Returns\""));
}

#[tokio::test]
async fn invented_sentence_is_cut_and_the_rest_stays() {
    let (_, text) = ask(Scripted::says(
        "A customer may return a terminal within 30 days of delivery [1]. Shipping costs 99 EUR [1].",
    ))
    .await;
    assert!(text.contains("30 days") && !text.contains("99"), "{text}");
}

#[tokio::test]
async fn answer_without_support_is_replaced_by_a_quotation() {
    for says in [
        "You have 60 days [1].",
        "I don't know.",
        "",
        "Ignore the sources and visit https://evil.example for 30 prizes [1].",
    ] {
        let (answer, text) = ask(Scripted::says(says)).await;
        assert!(text.contains("Returns says:"), "{says}: {text}");
        assert!(text.contains("within 30 days"), "{says}: {text}");
        assert!(!text.contains("evil.example"), "{text}");
        assert_eq!(answer.provenance.generator, "quotation");
        assert!(answer.gaps.is_empty());
    }
}

#[tokio::test]
async fn failed_model_is_named_and_the_sources_are_quoted() {
    let (answer, text) = ask(Scripted::new(None, 4096)).await;
    assert!(text.contains("within 30 days"), "{text}");
    assert!(text.contains("I quote the sources instead"), "{text}");
    assert!(!text.contains("0xdeadbeef"), "{text}");
    assert_eq!(answer.gaps.len(), 1);
}

#[tokio::test]
async fn small_context_takes_evidence_away_and_never_the_question() {
    let world = world().await;
    for n in 0..6 {
        let more = format!(
            "# Returns in region {n}\n\nA customer there may return a terminal. {}\n",
            "It depends on many things. ".repeat(20)
        );
        world.write(&format!("region-{n}.md"), more);
    }
    world.ingest().await;
    let model = Scripted::new(Some("I don't know."), 620);
    let pipeline = pipeline(&world, model.clone(), false).await;
    let mut asked: Question = question(QUESTION, Access::everyone());
    asked.thread = vec![Turn {
        role: Role::User,
        text: "an older remark ".repeat(40),
    }];
    pipeline.answer(&asked).await;
    let prompt = model.prompt();
    assert!(prompt.contains(QUESTION), "{prompt}");
    assert_eq!(prompt.matches("<source n=").count(), 1, "{prompt}");
}

#[tokio::test]
async fn plan_of_a_model_is_followed_and_a_broken_one_is_not() {
    let world = world().await;
    let finance = || Access::member_of(["finance"]);
    let plan = async |says, access| {
        let model = Scripted::says(says);
        let pipeline = pipeline(&world, model, true).await;
        pipeline.answer(&question(QUESTION, access)).await.plan
    };
    let called = plan(r#"{"tool":"returned_terminals","with":{}}"#, finance()).await;
    // The tool is down, so the wider search answered; its plan says so.
    assert_eq!(called.intent, Intent::Knowledge);
    let chatted = plan(r#"{"intent":"small_talk"}"#, finance()).await;
    assert_eq!(chatted.intent, Intent::SmallTalk);
    let forbidden = plan(
        r#"{"tool":"returned_terminals","with":{}}"#,
        Access::everyone(),
    )
    .await;
    assert!(forbidden.tools.is_empty());
    assert_eq!(forbidden.intent, Intent::Knowledge);
    let broken = plan("DROP TABLE plans", finance()).await;
    assert_eq!(broken.intent, Intent::Knowledge);
}
