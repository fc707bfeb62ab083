//! `lorekeeper ask`: one question through the whole path, or many lines
//! through the pipeline alone.

use super::{
    document::AnswerDocument,
    knowledge::{access_of, json_lines},
    passages::{Passage, PassageSearch},
};
use crate::{
    app::{App, open_store},
    chat::terminal::TerminalChat,
    config::Config,
    directory::local_person,
    domain::{
        Access, Actor, Addressed, ChannelId, IncomingQuestion, MessageId, PersonId, Place,
        PlaceKind, Platform, Question, QuestionId, Receipt, TenantId, ThreadId, Turn,
        plain::plain_text,
    },
    pipeline::Pipeline,
    tools::Toolbox,
};
use anyhow::{Context, bail};
use chrono::Utc;
use clap::Args;
use serde::Deserialize;
use std::{io::Write, path::Path, sync::Arc};

#[derive(Debug, Args)]
pub struct AskArgs {
    /// The question
    #[arg(required_unless_present = "lines")]
    question: Option<String>,
    /// Ask as this person of the configuration
    #[arg(long = "as", value_name = "USER")]
    asker: Option<String>,
    /// Ask in this channel, where others read
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Read `{"id","question","thread"?,"passages"?}` lines from standard input
    #[arg(long, conflicts_with_all = ["question", "asker", "channel"])]
    lines: bool,
}

impl AskArgs {
    pub async fn run(self, config: Config, data_dir: &Path) -> anyhow::Result<()> {
        match &self.question {
            Some(text) => self.ask_one(text, config, data_dir).await,
            None => ask_lines(config, data_dir).await,
        }
    }

    /// The same way as a question from a platform: written down, claimed, answered, recorded.
    async fn ask_one(&self, text: &str, config: Config, data_dir: &Path) -> anyhow::Result<()> {
        access_of(&config, self.asker.as_deref())?;
        let store = open_store(&config, data_dir).await?;
        let app = App::open(config, data_dir).await?;
        let (intake, worker) = app.terminal(&store, TerminalChat::silent());
        let incoming = incoming(text, self.asker.as_deref(), self.channel.as_deref(), None);
        let id = match intake.accept(&incoming).await? {
            Receipt::Accepted(id) => id,
            Receipt::Duplicate => bail!("this question was accepted before"),
            Receipt::Refused(why) => bail!("the question is not answered: {why:?}"),
        };
        worker.answer_now(id).await?;
        let saved = store
            .answers()
            .answer(id)
            .await?
            .context("the question could not be answered; the log says why")?;
        let mut out = std::io::stdout().lock();
        match self.json {
            true => writeln!(
                out,
                "{}",
                serde_json::to_string(&AnswerDocument::new(id.to_string(), text, &saved.answer))?
            )?,
            false => writeln!(out, "{}", plain_text(&saved.answer.message))?,
        }
        Ok(())
    }
}

/// A question typed at the terminal. Each stands in a thread of its own,
/// unless the chat says which one it goes on with.
pub(super) fn incoming(
    text: &str,
    asker: Option<&str>,
    channel: Option<&str>,
    thread: Option<&str>,
) -> IncomingQuestion {
    let message = QuestionId::new().to_string();
    let person = local_person(asker.unwrap_or("somebody"));
    IncomingQuestion {
        delivery: message.clone(),
        subject: message.clone(),
        alias: None,
        asker: Actor::member(person),
        place: Place {
            platform: Platform::Terminal,
            tenant: TenantId::new("local"),
            channel: ChannelId::new(channel.unwrap_or("terminal")),
            thread: ThreadId::new(thread.unwrap_or(&message)),
            message: MessageId::new(message),
            kind: if channel.is_some() {
                PlaceKind::Channel
            } else {
                PlaceKind::Direct
            },
            callback: None,
        },
        text: text.to_string(),
        addressed: Addressed::Direct,
        asked_at: Utc::now(),
    }
}

#[derive(Deserialize)]
struct Line {
    id: serde_json::Value,
    question: String,
    #[serde(default)]
    thread: Vec<Turn>,
    passages: Option<Vec<Passage>>,
}

/// The pipeline alone, for measuring: nothing is stored.
async fn ask_lines(config: Config, data_dir: &Path) -> anyhow::Result<()> {
    let app = App::open(config, data_dir).await?;
    let no_tools = Arc::new(Toolbox::open(&Config::default(), app.clock.clone()).await?);
    let without_tools = Arc::new(
        app.pipeline
            .planner
            .with_catalogue(Default::default())
            .await?,
    );
    let mut out = std::io::stdout().lock();
    for line in json_lines::<Line>() {
        let line = line?;
        let question = lone_question(line.question, line.thread, Access::everyone());
        let answer = match line.passages {
            None => app.pipeline.answer(&question).await,
            Some(passages) => {
                let search = PassageSearch::new(app.model.embedder.clone(), passages).await?;
                let pipeline = Pipeline {
                    planner: without_tools.clone(),
                    embedder: app.model.embedder.clone(),
                    search: Arc::new(search),
                    tools: no_tools.clone(),
                    clock: app.clock.clone(),
                    writer: app.pipeline.writer.clone(),
                };
                pipeline.answer(&question).await
            }
        };
        let id = line
            .id
            .as_str()
            .map_or_else(|| line.id.to_string(), String::from);
        serde_json::to_writer(&mut out, &AnswerDocument::new(id, &question.text, &answer))?;
        writeln!(out)?;
    }
    Ok(())
}

/// A question that nobody asked on a platform.
pub(super) fn lone_question(text: String, thread: Vec<Turn>, access: Access) -> Question {
    let incoming = incoming(&text, None, None, None);
    Question {
        id: QuestionId::new(),
        asker: Actor::member(PersonId::new("local:somebody")),
        place: incoming.place,
        text,
        thread,
        asked_at: incoming.asked_at,
        access,
    }
}
