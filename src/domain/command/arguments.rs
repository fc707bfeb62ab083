//! Words -> the arguments of one tool.

use super::{
    Misunderstood,
    fitting::{fitting, goes_on},
    help::usage,
    parse::is_called,
    suggest::nearest,
    words::Word,
};
use crate::domain::{Parameter, ParameterKind, ToolSpec};
use serde_json::{Map, Value};

/// Arguments while they are read.
pub struct Given<'a> {
    tool: &'a ToolSpec,
    values: Map<String, Value>,
}

impl<'a> Given<'a> {
    /// The arguments that the words give to the tool.
    pub fn read(tool: &'a ToolSpec, words: Vec<Word>) -> Result<Map<String, Value>, Misunderstood> {
        let mut given = Self {
            tool,
            values: Map::new(),
        };
        given.take(words)?;
        Ok(given.values)
    }

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
        values
            .iter()
            .any(|known| known.trim().to_lowercase() == text)
    };
    is_known(given) || given.split(',').all(is_known)
}

pub fn is_required(parameter: &Parameter) -> bool {
    parameter.default.is_none() && !parameter.optional
}
