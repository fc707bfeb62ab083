//! Runs commands: named queries, APIs, logs, and what there is. No language
//! model takes part.
//!
//! Promise: what a person may not use looks like what does not exist, in
//! results, in lists, in help and in suggestions alike.

use crate::{
    config::Config,
    directory::Directory,
    domain::{
        Access, Actor, Answer, Block, Confidence, Evidence, FreshnessBoard, Gap, GapClass, Inline,
        Intent, Message, Place, PlaceKind, Plan, Provenance, Question, Showing, SourceKind,
        StageTimings, Style, ToolCall, ToolKind, ToolResult, ToolSpec,
        command::{
            Command, CommandLine, Misunderstood, Suggestion, Typing, help, parse, suggest, usage,
        },
        reply,
    },
    pipeline::worth_a_table,
    ports::{Caller, Search, ToolError, Tools, with_causes},
};
use std::{collections::BTreeMap, sync::Arc, time::Instant};
use tracing::{info, warn};

pub struct Commands {
    tools: Arc<dyn Tools>,
    search: Arc<dyn Search>,
    /// The configured document sources.
    sources: Vec<(String, SourceKind)>,
    freshness: FreshnessBoard,
    directory: Directory,
}

impl Commands {
    pub fn new(
        tools: Arc<dyn Tools>,
        search: Arc<dyn Search>,
        config: &Config,
        freshness: FreshnessBoard,
    ) -> Self {
        let sources = config.sources.iter();
        Self {
            tools,
            search,
            freshness,
            directory: Directory::new(config),
            sources: sources
                .map(|source| {
                    let usual = match source.remote.jira {
                        Some(_) => SourceKind::Tickets,
                        None => SourceKind::Documents,
                    };
                    let kind = source.kind.unwrap_or(usual);
                    (source.name.clone(), kind)
                })
                .collect(),
        }
    }

    /// What a line asks for, as far as `access` lets its words be known.
    pub fn read(&self, line: &str, access: &Access) -> Result<CommandLine, Misunderstood> {
        parse(line, &self.usable(access))
    }

    /// What the person who typed a command may use by themselves.
    pub fn access_of(&self, asker: &Actor) -> Access {
        self.directory.access_of(&asker.person)
    }

    /// Who may see the result, as far as that is known without asking the
    /// platform who reads along; and the access that it may draw on.
    pub fn showing(&self, line: &CommandLine, place: &Place, asker: &Actor) -> (Showing, Access) {
        let shared = self.directory.access_at(place, asker);
        let is_for_all = line.public && place.kind != PlaceKind::Direct;
        if is_for_all && self.allowed(&line.command, &shared) {
            return (Showing::Channel, shared);
        }
        (Showing::AskerAlone, self.access_of(asker))
    }

    /// Whether the command may draw on what it needs.
    pub fn allowed(&self, command: &Command, access: &Access) -> bool {
        match command {
            Command::Call(call) => self.tools.allowed(&call.name, access),
            Command::Ask { .. } | Command::Sources | Command::Help(_) => true,
        }
    }

    /// What may be meant by somebody who is still typing.
    pub fn suggest(&self, typing: &Typing<'_>, access: &Access) -> Vec<Suggestion> {
        suggest(typing, &self.usable(access))
    }

    /// The tools that exist for everybody who has this access.
    pub fn usable(&self, access: &Access) -> Vec<&ToolSpec> {
        let tools = self.tools.catalogue().tools.iter();
        tools
            .filter(|tool| self.tools.allowed(&tool.name, access))
            .collect()
    }

    /// Runs a command other than `ask`, with the access of the question.
    pub async fn run(&self, command: &Command, question: &Question) -> Answer {
        let began = Instant::now();
        let mut answer = match command {
            Command::Call(call) => self.call(call, question).await,
            Command::Sources => told(self.list_sources(&question.access).await),
            Command::Help(topic) => told(help(topic, &self.usable(&question.access))),
            // The pipeline answers questions; whoever brings one here gets help.
            Command::Ask { .. } => told(reply::about_me()),
        };
        let total = (began.elapsed().as_secs_f64() * 1e6).round() / 1e3;
        answer.timings = StageTimings(BTreeMap::from([("total".to_string(), total)]));
        answer
    }

    async fn call(&self, call: &ToolCall, question: &Question) -> Answer {
        let caller = Caller {
            person: question.asker.person.clone(),
            access: question.access.clone(),
        };
        info!(question.id = %question.id, tool = call.name, "Calls a tool for a command");
        let mut answer = match self.tools.call(call, &caller).await {
            Ok(result) => result_answer(result),
            Err(error) => self.failed(call, &error),
        };
        answer.plan = Plan {
            sources: vec![SourceKind::Business],
            tools: vec![call.clone()],
            style: Style::Table,
            ..answer.plan
        };
        answer
    }

    /// What went wrong in words that help to mend it, and as a gap that counts.
    fn failed(&self, call: &ToolCall, error: &ToolError) -> Answer {
        let tool = self.tools.catalogue().tool(&call.name);
        let source = self.tools.system(&call.name).unwrap_or(&call.name);
        let gap = Gap {
            source: source.into(),
            class: error.class(),
            message: reply::gap(source, error.class()),
        };
        let message = match (error, tool) {
            (
                ToolError::BadArgument {
                    argument, problem, ..
                },
                Some(tool),
            ) => reply::command::bad_argument(argument, problem, &usage(tool)),
            (ToolError::Unknown { tool }, _) => {
                reply::command::misunderstood(&Misunderstood::Tool {
                    kind: ToolKind::default(),
                    word: tool.clone(),
                    near: None,
                    known: Vec::new(),
                })
            }
            (ToolError::Refused { .. }, _) => reply::command::refused(),
            (error, _) => {
                let error = with_causes(error);
                warn!(tool = call.name, error, "a command's tool failed");
                vec![Block::paragraph(&gap.message)]
            }
        };
        Answer {
            gaps: vec![gap],
            ..abstained(message)
        }
    }

    async fn list_sources(&self, access: &Access) -> Message {
        let mut lines: Vec<Vec<Inline>> = Vec::new();
        let mut gaps = Vec::new();
        for (name, kind) in &self.sources {
            match self.search.count(name, access).await {
                // Nothing in it that these readers may see: for them it does not exist.
                Ok(0) => {}
                Ok(documents) => lines.push(reply::command::documents_line(
                    name,
                    kind.as_str(),
                    documents,
                    self.freshness.of(name),
                )),
                Err(error) => {
                    warn!(error = with_causes(&error), "count documents");
                    gaps.push(Block::notice(reply::gap("the index", GapClass::SourceDown)));
                }
            }
        }
        let mut systems: BTreeMap<(ToolKind, &str), Vec<String>> = BTreeMap::new();
        for tool in self.usable(access) {
            let system = self.tools.system(&tool.name).unwrap_or_default();
            let tools = systems.entry((tool.kind, system)).or_default();
            tools.push(tool.name.clone());
        }
        lines.extend(
            systems
                .iter()
                .map(|((kind, system), tools)| reply::command::system_line(system, *kind, tools)),
        );
        gaps.dedup();
        if lines.is_empty() && gaps.is_empty() {
            return reply::command::no_sources();
        }
        let mut message = vec![
            reply::command::answers_come_from(),
            Block::List {
                ordered: false,
                items: lines,
            },
        ];
        message.extend(gaps);
        message
    }
}

/// A result in full: its sentence, its rows, and when and where it was asked.
fn result_answer(result: ToolResult) -> Answer {
    let rows = &result.rows;
    let mut message = vec![Block::Paragraph {
        text: vec![Inline::strong(&result.lead)],
    }];
    if worth_a_table(rows, &result.lead) {
        message.push(Block::Rows {
            name: result.tool.clone(),
            rows: rows.clone(),
        });
    }
    if rows.truncated {
        message.push(Block::notice(reply::command::more_at_the_source(
            rows.rows.len(),
        )));
    }
    let time = result.as_of.format("%-d %B %Y, %H:%M").to_string();
    message.push(Block::notice(reply::data_as_of(
        &time,
        &result.tool.replace('_', " "),
    )));
    Answer {
        evidence: vec![Evidence::of_result(1, result)],
        citations: vec![1],
        abstained: false,
        ..told(message)
    }
}

/// What a command says by itself.
pub fn told(message: Message) -> Answer {
    Answer {
        plan: Plan {
            intent: Intent::Live,
            sources: Vec::new(),
            confidence: 1.0,
            ..Plan::search_only("")
        },
        evidence: Vec::new(),
        gaps: Vec::new(),
        message,
        citations: Vec::new(),
        abstained: false,
        confidence: Confidence::High,
        provenance: Provenance {
            generator: "command".into(),
            planner: "none".into(),
            ..Provenance::quotation()
        },
        timings: StageTimings::default(),
    }
}

/// The same where it is no result.
pub fn abstained(message: Message) -> Answer {
    Answer {
        abstained: true,
        ..told(message)
    }
}
