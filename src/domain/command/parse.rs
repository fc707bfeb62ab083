//! A typed line -> a command, or what it was not understood for.
//!
//! Rules that people can rely on: words after `name=` belong to that argument
//! for as long as they make sense there (`period=last month`); a value without
//! a name goes to the one argument that can take it; what could go to two is
//! asked back, never guessed.

use super::{
    COMMANDS, Command, CommandLine, Topic, Verb,
    help::usage,
    suggest::nearest,
    words::{Word, words},
};
use crate::domain::{Parameter, ParameterKind, ToolCall, ToolKind, ToolSpec};
use regex::Regex;
use serde_json::{Map, Value};

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

fn yes_or_no(word: &str) -> Option<bool> {
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
fn is_called(name: &str, word: &str) -> bool {
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
    let Some(tool) = tool_named(&name.value, of_kind()).filter(|_| name.key.is_none()) else {
        let word = as_typed(&name);
        return Err(Misunderstood::Tool {
            kind,
            near: nearest(&word, of_kind().map(|tool| tool.name.as_str())),
            word,
            known: known(),
        });
    };
    let mut given = Given {
        tool,
        values: Map::new(),
    };
    given.take(words.collect())?;
    Ok(ToolCall {
        name: tool.name.clone(),
        args: given.values,
    })
}

/// Arguments while they are read.
struct Given<'a> {
    tool: &'a ToolSpec,
    values: Map<String, Value>,
}

impl<'a> Given<'a> {
    fn take(&mut self, words: Vec<Word>) -> Result<(), Misunderstood> {
        let mut unnamed = Vec::new();
        let mut words = words.into_iter().peekable();
        while let Some(word) = words.next() {
            let Some(key) = &word.key else {
                unnamed.push(word);
                continue;
            };
            let parameter = self.parameter(key)?;
            let mut value = word.value.clone();
            while !word.quoted
                && let Some(next) = words.peek()
                && next.key.is_none()
                && !next.quoted
                && goes_on(&parameter.kind, &value, &next.value)
            {
                value = format!("{value} {}", next.value);
                words.next();
            }
            self.set(parameter, value)?;
        }
        self.place(&unnamed)?;
        self.check_complete()
    }

    fn parameter(&self, key: &str) -> Result<&'a Parameter, Misunderstood> {
        let parameters = &self.tool.parameters;
        if let Some(found) = parameters.iter().find(|p| is_called(&p.name, key)) {
            return Ok(found);
        }
        let mut windows = parameters
            .iter()
            .filter(|p| matches!(p.kind, ParameterKind::Window));
        if let (true, Some(window), None) = (
            key.eq_ignore_ascii_case("since"),
            windows.next(),
            windows.next(),
        ) {
            return Ok(window);
        }
        let names = parameters.iter().map(|p| p.name.as_str());
        Err(Misunderstood::Argument {
            tool: self.tool.name.clone(),
            word: key.into(),
            near: nearest(key, names.clone()),
            known: names.map(String::from).collect(),
            usage: usage(self.tool),
        })
    }

    fn set(&mut self, parameter: &Parameter, value: String) -> Result<(), Misunderstood> {
        if self.values.contains_key(&parameter.name) {
            return Err(Misunderstood::GivenTwice {
                tool: self.tool.name.clone(),
                argument: parameter.name.clone(),
                usage: usage(self.tool),
            });
        }
        if let ParameterKind::Choice { values } = &parameter.kind
            && !values.is_empty()
            && !is_one_of(values, &value)
        {
            return Err(Misunderstood::Value {
                argument: parameter.name.clone(),
                near: nearest(&value, values.iter().map(String::as_str)),
                word: value,
                known: values.clone(),
            });
        }
        self.values.insert(parameter.name.clone(), value.into());
        Ok(())
    }

    /// Gives every value without a name to the argument that can take it.
    fn place(&mut self, mut words: &[Word]) -> Result<(), Misunderstood> {
        while let Some(word) = words.first() {
            let open: Vec<&Parameter> = self
                .tool
                .parameters
                .iter()
                .filter(|p| !self.values.contains_key(&p.name))
                .collect();
            let required: Vec<&Parameter> =
                open.iter().copied().filter(|p| is_required(p)).collect();
            let open = if required.is_empty() { open } else { required };
            let (parameter, length) =
                fitting(&open, words).ok_or_else(|| self.unplaced(word, &open))?;
            let value: Vec<&str> = words[..length].iter().map(|w| w.value.as_str()).collect();
            self.set(parameter, value.join(" "))?;
            words = &words[length..];
        }
        Ok(())
    }

    fn unplaced(&self, word: &Word, open: &[&Parameter]) -> Misunderstood {
        if let [only] = open
            && let ParameterKind::Choice { values } = &only.kind
        {
            return Misunderstood::Value {
                argument: only.name.clone(),
                word: word.value.clone(),
                near: nearest(&word.value, values.iter().map(String::as_str)),
                known: values.clone(),
            };
        }
        Misunderstood::Unplaced {
            tool: self.tool.name.clone(),
            word: word.value.clone(),
            usage: usage(self.tool),
        }
    }

    fn check_complete(&self) -> Result<(), Misunderstood> {
        let parameters = self.tool.parameters.iter();
        let missing: Vec<String> = parameters
            .filter(|p| is_required(p) && !self.values.contains_key(&p.name))
            .map(|p| p.name.clone())
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(Misunderstood::Missing {
            tool: self.tool.name.clone(),
            arguments: missing,
            usage: usage(self.tool),
        })
    }
}

/// Or several of them: some tools take a list, and the others say themselves that they don't.
fn is_one_of(values: &[String], given: &str) -> bool {
    let is_known = |text: &str| {
        let text = text.trim().to_lowercase();
        values.iter().any(|known| known.to_lowercase() == text)
    };
    is_known(given) || given.split(',').all(is_known)
}

pub(super) fn is_required(parameter: &Parameter) -> bool {
    parameter.default.is_none() && !parameter.optional
}

/// The one argument that takes the next words, and how many of them. First
/// those that take only values of a form, then text, which takes everything.
fn fitting<'a>(open: &[&'a Parameter], words: &[Word]) -> Option<(&'a Parameter, usize)> {
    let fits: Vec<(&Parameter, usize)> = open
        .iter()
        .filter_map(|parameter| Some((*parameter, length_of(&parameter.kind, words)?)))
        .collect();
    match fits.as_slice() {
        [only] => return Some(*only),
        [] => {}
        _ => return None,
    }
    let mut texts = open.iter().filter(|p| takes_any_text(&p.kind));
    let (Some(text), None) = (texts.next(), texts.next()) else {
        return None;
    };
    let unquoted = words.iter().take_while(|word| !word.quoted).count();
    Some((text, unquoted.max(1)))
}

fn takes_any_text(kind: &ParameterKind) -> bool {
    match kind {
        ParameterKind::Text => true,
        // The values of a database that was down at start are not known.
        ParameterKind::Choice { values } => values.is_empty(),
        _ => false,
    }
}

/// How many of the words make a value of this kind, if the first one begins one.
fn length_of(kind: &ParameterKind, words: &[Word]) -> Option<usize> {
    let first = words.first()?;
    let word = first.value.as_str();
    let number = || word.replace([',', '_'], "").parse::<f64>();
    let fits = match kind {
        ParameterKind::Window => return window_length(words),
        ParameterKind::Integer => number().is_ok_and(|number| number.fract() == 0.0),
        ParameterKind::Number => number().is_ok_and(f64::is_finite),
        ParameterKind::Boolean => yes_or_no(word).is_some(),
        ParameterKind::Choice { values } => {
            return choice_length(values, words);
        }
        ParameterKind::Id { pattern } => {
            let whole = Regex::new(&format!("^(?:{pattern})$")).ok()?;
            whole.is_match(word) || whole.is_match(&word.to_uppercase())
        }
        ParameterKind::Text => false,
    };
    fits.then_some(1)
}

/// `Middle East` is one value, quoted or not.
fn choice_length(values: &[String], words: &[Word]) -> Option<usize> {
    let unquoted = words.iter().take_while(|word| !word.quoted).count();
    (1..=unquoted.max(1)).rev().find(|&length| {
        let text: Vec<String> = words[..length]
            .iter()
            .map(|word| word.value.to_lowercase())
            .collect();
        let text = text.join(" ");
        values.iter().any(|value| value.to_lowercase() == text)
    })
}

fn window_length(words: &[Word]) -> Option<usize> {
    let first = words.first()?;
    // A quoted value is all of it.
    let lead = first.value.split_whitespace().next().unwrap_or_default();
    if !begins_window(&lead.to_lowercase()) {
        return None;
    }
    if first.quoted {
        return Some(1);
    }
    let mut value = first.value.clone();
    let mut length = 1;
    while let Some(next) = words.get(length)
        && !next.quoted
        && goes_on(&ParameterKind::Window, &value, &next.value)
    {
        value = format!("{value} {}", next.value);
        length += 1;
    }
    Some(length)
}

const LEADS: [&str; 7] = ["in", "the", "last", "past", "this", "previous", "since"];
const UNITS: [&str; 18] = [
    "m", "min", "minute", "minutes", "h", "hour", "hours", "d", "day", "days", "w", "week",
    "weeks", "mo", "month", "months", "year", "years",
];
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// Whether a word can begin a span of time. Only its form is looked at; what
/// it means is found out where the tool runs.
fn begins_window(word: &str) -> bool {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let counted = digits > 0 && (word.len() == digits || UNITS.contains(&&word[digits..]));
    let dated = digits == 4 && word[digits..].starts_with('-');
    counted
        || dated
        || LEADS.contains(&word)
        || ["today", "yesterday"].contains(&word)
        || is_part_of_year(word)
}

fn is_part_of_year(word: &str) -> bool {
    let quarter = ["q1", "q2", "q3", "q4"].contains(&word);
    quarter
        || MONTHS
            .iter()
            .any(|month| word.get(..3) == Some(*month) && word.chars().all(char::is_alphabetic))
}

/// Whether the next bare word still belongs to the value.
fn goes_on(kind: &ParameterKind, value: &str, next: &str) -> bool {
    match kind {
        ParameterKind::Text => true,
        ParameterKind::Choice { values } => {
            let more = format!("{value} {next}").to_lowercase();
            values
                .iter()
                .any(|known| known.to_lowercase().starts_with(&more))
        }
        ParameterKind::Window => {
            let value = value.to_lowercase();
            let next = next.to_lowercase();
            let last = value.rsplit(' ').next().unwrap_or_default();
            let is_number = !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit());
            let is_year = next.len() == 4 && next.bytes().all(|b| b.is_ascii_digit());
            LEADS.contains(&last)
                || (is_number && UNITS.contains(&next.as_str()))
                || (is_year && is_part_of_year(last))
        }
        _ => false,
    }
}
