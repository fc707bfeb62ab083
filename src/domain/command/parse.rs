//! A typed line -> a command, or what it was not understood for.
//!
//! Rules that people can rely on: words after `name=` belong to that argument
//! for as long as they make sense there (`period=last month`); a value without
//! a name goes to the one argument that can take it; what could go to two is
//! asked back, never guessed.

use super::{
    COMMANDS, Command, CommandLine, Topic, Verb,
    arguments::Given,
    suggest::nearest,
    words::{Word, words},
};
use crate::domain::{ToolCall, ToolKind, ToolSpec};

/// Why a line is no command. Each names what was meant, where that can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misunderstood {
    Verb {
        word: String,
        near: Option<String>,
    },
    NothingAsked,
    /// A tool's name is missing.
    NoName {
        kind: ToolKind,
        known: Vec<String>,
    },
    Tool {
        kind: ToolKind,
        word: String,
        near: Option<String>,
        known: Vec<String>,
    },
    Argument {
        tool: String,
        word: String,
        near: Option<String>,
        known: Vec<String>,
        usage: String,
    },
    GivenTwice {
        tool: String,
        argument: String,
        usage: String,
    },
    Value {
        argument: String,
        word: String,
        near: Option<String>,
        known: Vec<String>,
    },
    /// Two arguments could take the value, or none.
    Unplaced {
        tool: String,
        word: String,
        usage: String,
    },
    Missing {
        tool: String,
        arguments: Vec<String>,
        usage: String,
    },
    Public {
        word: String,
    },
    Topic {
        word: String,
        near: Option<String>,
    },
    Surplus {
        verb: &'static str,
        word: String,
    },
}

/// Reads a line. `tools` are those that exist for the person: every other one
/// is unknown, whether it exists or not.
pub fn parse(line: &str, tools: &[&ToolSpec]) -> Result<CommandLine, Misunderstood> {
    let line = line.trim();
    let (first, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    if first.is_empty() {
        return Ok(CommandLine {
            command: Command::Help(Topic::Everything),
            public: false,
        });
    }
    let Some(verb) = Verb::called(first) else {
        let names = COMMANDS.iter().map(|definition| definition.name);
        return Err(Misunderstood::Verb {
            word: first.into(),
            near: nearest(first, names),
        });
    };
    if verb == Verb::Ask {
        return ask(rest);
    }
    let mut words = words(rest);
    let public = take_public(&mut words)?;
    let command = match verb {
        Verb::Sources => match words.first() {
            None => Command::Sources,
            Some(word) => return Err(surplus(verb, word)),
        },
        Verb::Help => Command::Help(topic(&words, tools)?),
        Verb::Sql | Verb::Logs | Verb::Api | Verb::Ask => {
            let kind = verb.tools().unwrap_or_default();
            Command::Call(call(kind, words, tools)?)
        }
    };
    Ok(CommandLine { command, public })
}

/// A question is taken as it stands; only a wish at its end or beginning is not part of it.
fn ask(rest: &str) -> Result<CommandLine, Misunderstood> {
    let mut question = rest.trim();
    let mut public = None;
    if let Some((before, last)) = question.rsplit_once(char::is_whitespace) {
        public = wish(last);
        question = public.map_or(question, |_| before.trim());
    }
    if public.is_none()
        && let Some((first, after)) = question.split_once(char::is_whitespace)
    {
        public = wish(first);
        question = public.map_or(question, |_| after.trim());
    }
    let words = words(question);
    let question = match words.as_slice() {
        [only] if only.quoted && only.key.is_none() => only.value.trim(),
        _ => question,
    };
    if question.is_empty() || wish(question).is_some() {
        return Err(Misunderstood::NothingAsked);
    }
    Ok(CommandLine {
        command: Command::Ask {
            question: question.into(),
        },
        public: public.unwrap_or(false),
    })
}

fn wish(word: &str) -> Option<bool> {
    let (key, value) = word.split_once('=')?;
    key.eq_ignore_ascii_case("public")
        .then(|| yes_or_no(value))?
}

pub fn yes_or_no(word: &str) -> Option<bool> {
    match word.to_lowercase().as_str() {
        "yes" | "true" | "y" => Some(true),
        "no" | "false" | "n" => Some(false),
        _ => None,
    }
}

fn take_public(words: &mut Vec<Word>) -> Result<bool, Misunderstood> {
    let mut public = false;
    let mut wrong = None;
    words.retain(|word| {
        let is_wish = word
            .key
            .as_deref()
            .is_some_and(|key| key.eq_ignore_ascii_case("public"));
        if is_wish {
            match yes_or_no(&word.value) {
                Some(wish) => public = wish,
                None => wrong = Some(word.value.clone()),
            }
        }
        !is_wish
    });
    match wrong {
        Some(word) => Err(Misunderstood::Public { word }),
        None => Ok(public),
    }
}

fn surplus(verb: Verb, word: &Word) -> Misunderstood {
    Misunderstood::Surplus {
        verb: verb.name(),
        word: as_typed(word),
    }
}

fn as_typed(word: &Word) -> String {
    match &word.key {
        Some(key) => format!("{key}={}", word.value),
        None => word.value.clone(),
    }
}

/// `help`, `help sql`, `help revenue_total`, `help sql revenue_total`.
fn topic(words: &[Word], tools: &[&ToolSpec]) -> Result<Topic, Misunderstood> {
    let (name, is_after_verb, more) = match words {
        [] => return Ok(Topic::Everything),
        [word] => match Verb::called(word.value.trim_start_matches('/')) {
            Some(verb) => return Ok(Topic::Verb(verb)),
            None => (word, false, None),
        },
        [first, second, rest @ ..] if Verb::called(&first.value).is_some() => {
            (second, true, rest.first())
        }
        [first, second, ..] => (first, false, Some(second)),
    };
    if let Some(more) = more {
        return Err(surplus(Verb::Help, more));
    }
    match tool_named(&name.value, tools.iter().copied()) {
        Some(tool) => Ok(Topic::Tool(tool.name.clone())),
        None => {
            let verbs = COMMANDS.iter().map(|definition| definition.name);
            let names = tools.iter().map(|tool| tool.name.as_str());
            let near = nearest(&name.value, names.chain(verbs.filter(|_| !is_after_verb)));
            Err(Misunderstood::Topic {
                word: as_typed(name),
                near,
            })
        }
    }
}

fn tool_named<'a>(
    word: &str,
    tools: impl Iterator<Item = &'a ToolSpec> + Clone,
) -> Option<&'a ToolSpec> {
    let mut exact = tools.clone().filter(|tool| tool.name == word);
    let mut folded = tools.filter(|tool| is_called(&tool.name, word));
    exact.next().or_else(|| folded.next())
}

/// `Revenue-Total` means `revenue_total`.
pub fn is_called(name: &str, word: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().replace('-', "_");
    plain(name) == plain(word)
}

fn call(kind: ToolKind, words: Vec<Word>, tools: &[&ToolSpec]) -> Result<ToolCall, Misunderstood> {
    let of_kind = || tools.iter().copied().filter(|tool| tool.kind == kind);
    let known = || of_kind().map(|tool| tool.name.clone()).collect();
    let mut words = words.into_iter();
    let Some(name) = words.next() else {
        return Err(Misunderstood::NoName {
            kind,
            known: known(),
        });
    };
    let found = tool_named(&name.value, of_kind()).or_else(|| {
        // Whoever names a log source alone wants to see its lines.
        let lines = format!("{}_lines", name.value);
        (kind == ToolKind::Logs).then(|| tool_named(&lines, of_kind()))?
    });
    let Some(tool) = found.filter(|_| name.key.is_none()) else {
        let word = as_typed(&name);
        return Err(Misunderstood::Tool {
            kind,
            near: nearest(&word, of_kind().map(|tool| tool.name.as_str())),
            word,
            known: known(),
        });
    };
    Ok(ToolCall {
        name: tool.name.clone(),
        args: Given::read(tool, words.collect())?,
    })
}
