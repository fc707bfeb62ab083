//! A model's chat template: turns of a conversation to the text it was trained on.
//!
//! Promise: what is said in a turn stays in that turn. Control tokens written
//! by people are plain text in the prompt ([`ControlTokens`]). A system turn is
//! never lost: where the template refuses or drops it, its text goes in front
//! of the first user turn.
//!
//! The rendered text begins with the model's start token where it has one:
//! encode it without adding special tokens.
//!
//! A template is code, chosen by whoever chose the weights. Its size, its
//! recursion, its instructions and what one of them makes are bounded; the
//! memory of a template that is made to use it up is not (`jinja_bounds`).

use super::{
    super::ModelError,
    control_tokens::ControlTokens,
    jinja::{compile, render},
};
use crate::{
    domain::{Said, Speaker},
    ports::BoxError,
};
use minijinja::{Environment, value::Value};
use serde::{Deserialize, de::DeserializeOwned};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Bytes of a template; the longest of published models have 20,000.
const LONGEST: usize = 256 * 1024;

#[derive(Debug, thiserror::Error)]
#[error("chat template can't write this conversation")]
pub(super) struct TemplateError(#[from] minijinja::Error);

pub(super) struct ChatTemplate {
    jinja: Environment<'static>,
    control_tokens: ControlTokens,
    start: String,
    end: String,
}

impl ChatTemplate {
    /// The template in a model's folder: `chat_template.jinja`, or else
    /// `chat_template` of `tokenizer_config.json`. None where there is neither.
    pub(super) fn open(folder: &Path) -> Result<Option<Self>, ModelError> {
        let config_file = folder.join("tokenizer_config.json");
        let config: TokenizerConfig = read_json(&config_file)?.unwrap_or_default();
        let template_file = folder.join("chat_template.jinja");
        let (file, source) = match read(&template_file)? {
            Some(source) => (template_file, source),
            None => match config.chat_template.map(Templates::default_one).transpose() {
                Ok(None) => return Ok(None),
                Ok(Some(source)) => (config_file, source),
                Err(problem) => return Err(unusable(&config_file, problem)),
            },
        };
        if source.len() > LONGEST {
            let problem = format!(
                "chat template has {} bytes, at most {LONGEST} are read",
                source.len()
            );
            return Err(unusable(&file, problem));
        }
        let tokenizer: TokenizerFile =
            read_json(&folder.join("tokenizer.json"))?.unwrap_or_default();
        let start = config.bos_token.map(TokenText::text).unwrap_or_default();
        let end = config.eos_token.map(TokenText::text).unwrap_or_default();
        let special = tokenizer
            .added_tokens
            .into_iter()
            .filter(|token| token.special);
        let special = special
            .map(|token| token.content)
            .chain([start.clone(), end.clone()]);
        let mut template = Self {
            jinja: compile(&source).map_err(|error| unusable(&file, error))?,
            control_tokens: ControlTokens::default(),
            start,
            end,
        };
        let written = source + &template.sample();
        template.control_tokens = ControlTokens::new(special, &written);
        Ok(Some(template))
    }

    /// What the template writes around turns: markers that its source has in
    /// parts only, such as `'<|' + message.role + '|>'`.
    fn sample(&self) -> String {
        let roles = [
            Speaker::System,
            Speaker::User,
            Speaker::Assistant,
            Speaker::User,
        ];
        let turns = roles.map(|role| Said {
            role,
            text: "x".into(),
        });
        let all = self.render_as_given(&turns);
        all.or_else(|_| self.render_as_given(&turns[1..]))
            .unwrap_or_default()
    }

    /// The prompt for the assistant's next turn.
    pub(super) fn render(&self, turns: &[Said]) -> Result<String, TemplateError> {
        let turns: Vec<Said> = turns.iter().map(|turn| self.neutralised(turn)).collect();
        let rendered = self.render_as_given(&turns);
        match without_system_turns(&turns) {
            Some(folded) if !has_system_text(&rendered, &turns) => self.render_as_given(&folded),
            _ => rendered,
        }
    }

    fn neutralised(&self, turn: &Said) -> Said {
        Said {
            role: turn.role,
            text: self.control_tokens.neutralise(&turn.text),
        }
    }

    fn render_as_given(&self, turns: &[Said]) -> Result<String, TemplateError> {
        let messages: Value = turns
            .iter()
            .map(|turn| {
                Value::from_pairs([("role", role(turn.role)), ("content", turn.text.as_str())])
            })
            .collect();
        let variables = Value::from_pairs([
            ("messages", messages),
            ("bos_token", self.start.as_str().into()),
            ("eos_token", self.end.as_str().into()),
            ("add_generation_prompt", true.into()),
            // Templates ask whether these are none, not whether they are defined.
            ("tools", ().into()),
            ("documents", ().into()),
        ]);
        Ok(render(&self.jinja, variables)?)
    }
}

fn role(speaker: Speaker) -> &'static str {
    match speaker {
        Speaker::System => "system",
        Speaker::User => "user",
        Speaker::Assistant => "assistant",
    }
}

/// Some templates raise an exception at a system turn, some leave it out silently.
fn has_system_text(rendered: &Result<String, TemplateError>, turns: &[Said]) -> bool {
    let mut system = turns.iter().filter(|turn| turn.role == Speaker::System);
    rendered
        .as_ref()
        .is_ok_and(|text| system.all(|turn| text.contains(turn.text.trim())))
}

/// All that the system says in front of the first user turn; none where it says nothing.
fn without_system_turns(turns: &[Said]) -> Option<Vec<Said>> {
    let (system, mut others): (Vec<Said>, Vec<Said>) = turns
        .iter()
        .cloned()
        .partition(|turn| turn.role == Speaker::System);
    if system.is_empty() {
        return None;
    }
    let rules: Vec<String> = system.into_iter().map(|turn| turn.text).collect();
    let rules = rules.join("\n\n");
    match others.iter_mut().find(|turn| turn.role == Speaker::User) {
        Some(user) => user.text = format!("{rules}\n\n{}", user.text),
        None => others.insert(
            0,
            Said {
                role: Speaker::User,
                text: rules,
            },
        ),
    }
    Some(others)
}

#[derive(Default, Deserialize)]
struct TokenizerConfig {
    chat_template: Option<Templates>,
    bos_token: Option<TokenText>,
    eos_token: Option<TokenText>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Templates {
    One(String),
    Named(Vec<NamedTemplate>),
}

#[derive(Deserialize)]
struct NamedTemplate {
    name: String,
    template: String,
}

impl Templates {
    fn default_one(self) -> Result<String, String> {
        let named = match self {
            Templates::One(template) => return Ok(template),
            Templates::Named(named) => named,
        };
        let names: Vec<String> = named
            .iter()
            .map(|template| format!("`{}`", template.name))
            .collect();
        let default = named
            .into_iter()
            .find(|template| template.name == "default");
        default.map(|template| template.template).ok_or_else(|| {
            format!(
                "`chat_template` has no template named `default`, only {}",
                names.join(", ")
            )
        })
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum TokenText {
    Plain(String),
    Described { content: String },
}

impl TokenText {
    fn text(self) -> String {
        match self {
            TokenText::Plain(content) | TokenText::Described { content } => content,
        }
    }
}

/// Of `tokenizer.json`, what text it takes for a control token.
#[derive(Default, Deserialize)]
struct TokenizerFile {
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
}

#[derive(Deserialize)]
struct AddedToken {
    content: String,
    #[serde(default)]
    special: bool,
}

fn read(file: &Path) -> Result<Option<String>, ModelError> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(file, error)),
    }
}

fn read_json<T: DeserializeOwned>(file: &Path) -> Result<Option<T>, ModelError> {
    let text = read(file)?;
    let parsed = text.as_deref().map(serde_json::from_str).transpose();
    parsed.map_err(|error| unusable(file, error))
}

fn unusable(file: &Path, source: impl Into<BoxError>) -> ModelError {
    ModelError::Unusable {
        file: PathBuf::from(file),
        source: source.into(),
    }
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
