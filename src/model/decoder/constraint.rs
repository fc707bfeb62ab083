//! Texts that satisfy a JSON schema: which tokens may come next.
//!
//! Documents are compact, so that keys, quotes and commas that a schema leaves
//! no choice about are forced and need no step of the model each. Nothing is
//! fetched: a schema that refers to another place is refused.

use super::{super::ModelError, vocabulary::Vocabulary};
use crate::ports::BoxError;
use llguidance::{Matcher, ParserFactory, api::TopLevelGrammar, toktrie::TokEnv};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    fmt::Display,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};
use tokenizers::Tokenizer;

/// Compiled schemas that are kept. A plan's schema lives as long as a question;
/// more than this many questions are not at work at once.
const CACHED: usize = 32;

/// Levels of a schema; the compiler calls itself once a level.
const DEEPEST: usize = 64;

/// Values in a schema: a thousand tools with ten arguments each.
const MOST_VALUES: usize = 20_000;

/// Compiles schemas for one tokenizer.
pub(super) struct Grammars {
    factory: ParserFactory,
    end: Arc<[u32]>,
    /// The last used is at the back.
    compiled: Mutex<VecDeque<(String, Matcher)>>,
}

impl Grammars {
    /// `tokenizer_json` is the file that `tokenizer` was made from, `eos` the
    /// ids that end a sequence.
    pub(super) fn new(
        tokenizer_json: &[u8],
        tokenizer: Arc<Tokenizer>,
        eos: &[u32],
    ) -> Result<Self, ModelError> {
        let unusable = |source: BoxError| ModelError::Unusable {
            file: PathBuf::from("tokenizer.json"),
            source,
        };
        let vocabulary = Vocabulary::new(tokenizer_json, &tokenizer, eos).map_err(unusable)?;
        let vocabulary: TokEnv = Arc::new(vocabulary);
        let mut factory = ParserFactory::new_simple(&vocabulary)
            .map_err(|error| unusable(brief(&error).into()))?;
        // Errors would hold what was written so far, warnings would go to standard error.
        factory.limits_mut().verbose_errors = false;
        factory.quiet();
        Ok(Self {
            factory,
            end: eos.into(),
            compiled: Mutex::default(),
        })
    }

    /// A constraint at its beginning. The error says what in the schema is the
    /// matter; a schema seen lately is not compiled again.
    pub(super) fn compile(&self, schema: &Value) -> Result<Constraint, String> {
        check(schema)?;
        let key = schema.to_string();
        let matcher = match self.recall(&key) {
            Some(matcher) => matcher,
            None => {
                let matcher = self.matcher(schema)?;
                self.remember(key, &matcher);
                matcher
            }
        };
        Ok(Constraint {
            matcher,
            end: self.end.clone(),
        })
    }

    fn matcher(&self, schema: &Value) -> Result<Matcher, String> {
        let grammar = TopLevelGrammar::from_json_schema(compact(schema)?);
        let parser = self.factory.create_parser(grammar);
        let parser = parser.map_err(|error| format!("JSON schema: {}", brief(&error)))?;
        let matcher = Matcher::new(Ok(parser));
        match matcher.get_error() {
            Some(problem) => Err(format!("JSON schema: {}", brief(&problem))),
            None => Ok(matcher),
        }
    }

    /// A deep clone: a plain one shares a lock with its original, and one
    /// constraint that fails would take the others with it.
    fn recall(&self, key: &str) -> Option<Matcher> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        let at = compiled.iter().position(|(known, _)| known == key)?;
        let found = compiled.remove(at)?;
        let matcher = found.1.deep_clone();
        compiled.push_back(found);
        Some(matcher)
    }

    fn remember(&self, key: String, matcher: &Matcher) {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        compiled.push_back((key, matcher.deep_clone()));
        if compiled.len() > CACHED {
            compiled.pop_front();
        }
    }
}

/// One document in the making.
pub(super) struct Constraint {
    matcher: Matcher,
    end: Arc<[u32]>,
}

impl Constraint {
    /// Sets the logits of tokens that may not come next to minus infinity.
    /// Once the document is complete, only the end of the sequence may come.
    pub(super) fn mask(&mut self, logits: &mut [f32]) -> Result<(), BoxError> {
        let allowed = self
            .matcher
            .compute_mask_or_eos()
            .map_err(|error| brief(&error))?;
        // A model's vocabulary is often padded beyond its tokenizer's.
        let known = allowed.len().min(logits.len());
        logits[known..].fill(f32::NEG_INFINITY);
        allowed.iter_unset_entries(|id| {
            if let Some(logit) = logits.get_mut(id) {
                *logit = f32::NEG_INFINITY;
            }
        });
        if logits.iter().all(|logit| *logit == f32::NEG_INFINITY) {
            return Err("the model has no token that the JSON schema allows here".into());
        }
        Ok(())
    }

    /// Goes on by a token that the mask allowed.
    pub(super) fn consume(&mut self, token: u32) -> Result<(), BoxError> {
        if self.finished() && self.end.contains(&token) {
            return Ok(());
        }
        let consumed = self.matcher.consume_token(token);
        consumed.map_err(|error| brief(&error).into())
    }

    /// Tokens that must come next, none where there is a choice. They are
    /// consumed already: feed them to the model in one step.
    pub(super) fn forced(&mut self) -> Vec<u32> {
        if self.finished() {
            return Vec::new();
        }
        self.matcher.consume_ff_tokens()
    }

    /// True once the document is complete and nothing can be added to it.
    pub(super) fn finished(&self) -> bool {
        self.matcher.is_stopped() && !self.matcher.is_error()
    }
}

/// The first line: llguidance adds the state of its parser, and backtraces.
fn brief(error: &impl Display) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or("unknown problem").to_string()
}

/// The schema with the separators that `serde_json` writes.
fn compact(schema: &Value) -> Result<Value, String> {
    let mut schema = match schema {
        Value::Object(_) => schema.clone(),
        Value::Bool(true) => json!({}),
        _ => return Err("JSON schema: is not an object".into()),
    };
    schema["x-guidance"] = json!({
        "whitespace_flexible": false,
        "item_separator": ",",
        "key_separator": ":",
    });
    Ok(schema)
}

/// Refuses what the compiler should not see. Walks without calling itself.
fn check(schema: &Value) -> Result<(), String> {
    let mut waiting = vec![(schema, 1)];
    let mut seen = 0;
    while let Some((value, depth)) = waiting.pop() {
        seen += 1;
        if depth > DEEPEST {
            return Err(format!(
                "JSON schema: is nested deeper than {DEEPEST} levels"
            ));
        }
        if seen > MOST_VALUES {
            return Err(format!("JSON schema: has more than {MOST_VALUES} values"));
        }
        match value {
            Value::Array(items) => waiting.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(fields) => {
                refuse_remote(fields.get("$ref"))?;
                waiting.extend(fields.values().map(|field| (field, depth + 1)));
            }
            _ => {}
        }
    }
    Ok(())
}

fn refuse_remote(reference: Option<&Value>) -> Result<(), String> {
    match reference.and_then(Value::as_str) {
        Some(place) if !place.starts_with('#') => Err(format!(
            "JSON schema: `$ref` to `{place}` lies outside of it; copy that schema into `$defs`"
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "constraint_tests.rs"]
mod tests;
