//! `lorekeeper chat`: a question a line, in one thread, on the same path as a platform's.

use super::ask::incoming;
use crate::{
    app::{App, open_store},
    chat::terminal::TerminalChat,
    config::Config,
    directory::local_person,
    domain::{
        Addressed, Feedback, FeedbackChange, FeedbackTarget, IncomingQuestion, QuestionId, Receipt,
        Signal, Verdict, command::NAME,
    },
    intake::Intake,
    store::Store,
};
use chrono::Utc;
use clap::Args;
use std::{
    io::{BufRead, IsTerminal, Write},
    path::Path,
};

const HELP: &str = "\
Ask in your own words, a question a line. /help lists the commands: /sql, /logs, /api, /sources.
  :react +1            say that the last answer helped
  :react -1 REASON     say that it did not, and why
  :new                 begin a new thread: what was asked before no longer counts
  :help                this
  :quit                leave";

#[derive(Debug, Args)]
pub struct ChatArgs {
    /// Ask as this person of the configuration
    #[arg(long = "as", value_name = "USER")]
    asker: Option<String>,
    /// Ask in this channel, where others read
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
}

/// What a typed line asks for.
#[derive(Debug, PartialEq)]
enum Typed<'a> {
    Nothing,
    Question(&'a str),
    /// Behind the slash, as on the platforms.
    Command(&'a str),
    React {
        verdict: Verdict,
        reason: Option<&'a str>,
    },
    New,
    Help,
    Quit,
    Unknown(&'a str),
}

fn parse(line: &str) -> Typed<'_> {
    let line = line.trim();
    if let Some(command) = line.strip_prefix('/') {
        let behind_name = command
            .strip_prefix(NAME)
            .filter(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
        return Typed::Command(behind_name.unwrap_or(command).trim());
    }
    let Some(command) = line.strip_prefix(':') else {
        return if line.is_empty() {
            Typed::Nothing
        } else {
            Typed::Question(line)
        };
    };
    let (name, rest) = command
        .split_once(char::is_whitespace)
        .unwrap_or((command, ""));
    let (first, reason) = rest
        .trim()
        .split_once(char::is_whitespace)
        .unwrap_or((rest.trim(), ""));
    let reason = Some(reason.trim()).filter(|reason| !reason.is_empty());
    match (name, first) {
        ("react", "+1") => Typed::React {
            verdict: Verdict::Positive,
            reason,
        },
        ("react", "-1") => Typed::React {
            verdict: Verdict::Negative,
            reason,
        },
        ("new", "") => Typed::New,
        ("help", _) => Typed::Help,
        ("quit" | "q" | "exit", "") => Typed::Quit,
        _ => Typed::Unknown(line),
    }
}

impl ChatArgs {
    pub async fn run(self, config: Config, data_dir: &Path) -> anyhow::Result<()> {
        let store = open_store(&config, data_dir).await?;
        let app = App::open(config, data_dir).await?;
        app.look_at_sources(&store).await?;
        let (intake, worker) = app.terminal(&store, TerminalChat::new(std::io::stdout()));
        let typed_by_hand = std::io::stdin().is_terminal();
        if typed_by_hand {
            eprintln!("Ask me anything about the company. :help tells what else there is.");
        }
        let mut thread = QuestionId::new().to_string();
        let mut last = None;
        loop {
            prompt(typed_by_hand)?;
            let mut line = String::new();
            if std::io::stdin().lock().read_line(&mut line)? == 0 {
                return Ok(());
            }
            match parse(&line) {
                Typed::Nothing => {}
                Typed::Question(text) => {
                    if !typed_by_hand {
                        println!("» {text}\n");
                    }
                    let question = self.incoming(text, &thread);
                    last = self.take(&question, &intake).await?.or(last);
                    if let Some(id) = last {
                        worker.answer_now(id).await?;
                    }
                }
                Typed::Command(line) => {
                    if !typed_by_hand {
                        println!("» /{line}\n");
                    }
                    let command = IncomingQuestion {
                        addressed: Addressed::Command,
                        ..self.incoming(line, &QuestionId::new().to_string())
                    };
                    last = self.take(&command, &intake).await?.or(last);
                    if let Some(id) = last {
                        worker.answer_now(id).await?;
                    }
                }
                Typed::React { verdict, reason } => {
                    self.react(last, verdict, reason, &store).await?
                }
                Typed::New => thread = QuestionId::new().to_string(),
                Typed::Help => println!("{HELP}\n"),
                Typed::Quit => return Ok(()),
                Typed::Unknown(command) => println!("There is no `{command}` here.\n{HELP}\n"),
            }
        }
    }

    fn incoming(&self, text: &str, thread: &str) -> IncomingQuestion {
        incoming(
            text,
            self.asker.as_deref(),
            self.channel.as_deref(),
            Some(thread),
        )
    }

    /// The id of the accepted question; a refusal is told.
    async fn take(
        &self,
        question: &IncomingQuestion,
        intake: &Intake,
    ) -> anyhow::Result<Option<QuestionId>> {
        Ok(match intake.accept(question).await? {
            Receipt::Accepted(id) => Some(id),
            Receipt::Duplicate => None,
            Receipt::Refused(why) => {
                println!("This is not answered: {why:?}.\n");
                None
            }
        })
    }

    async fn react(
        &self,
        last: Option<QuestionId>,
        verdict: Verdict,
        reason: Option<&str>,
        store: &Store,
    ) -> anyhow::Result<()> {
        let Some(question) = last else {
            println!("There is no answer yet to react to.\n");
            return Ok(());
        };
        let now = Utc::now();
        let feedback = Feedback {
            target: FeedbackTarget::Answer(question),
            person: local_person(self.asker.as_deref().unwrap_or("somebody")),
            signal: Signal::Button(verdict),
            change: FeedbackChange::Added,
            at_us: now.timestamp_micros(),
            reason: reason.map(String::from),
        };
        store.feedback().record(&feedback, now).await?;
        println!("Noted, thank you.\n");
        Ok(())
    }
}

fn prompt(typed_by_hand: bool) -> std::io::Result<()> {
    if typed_by_hand {
        eprint!("» ");
        std::io::stderr().flush()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_lines_mean_what_the_help_says() {
        let check = |line: &str, expected: Typed| assert_eq!(parse(line), expected, "{line}");
        check("  ", Typed::Nothing);
        check(
            "who owns the price list?\n",
            Typed::Question("who owns the price list?"),
        );
        check(
            ":react +1",
            Typed::React {
                verdict: Verdict::Positive,
                reason: None,
            },
        );
        check(
            ":react -1 out of date ",
            Typed::React {
                verdict: Verdict::Negative,
                reason: Some("out of date"),
            },
        );
        check("/sql sales", Typed::Command("sql sales"));
        check("/lore  help", Typed::Command("help"));
        check("/lore", Typed::Command(""));
        check("/lorem", Typed::Command("lorem"));
        check(":react", Typed::Unknown(":react"));
        check(":quit", Typed::Quit);
        check(":bye", Typed::Unknown(":bye"));
    }
}
