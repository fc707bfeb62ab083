//! Typed arguments, found in the question itself.
//!
//! Promise: a value is never invented. It stands in the question, is one of
//! the catalogue's values, or is the catalogue's default.
//!
//! Every part of the question that could be a value is scored for every
//! parameter: by the words near it that are the parameter's, its unit, its
//! form, the preposition before it. The assignment with the best sum wins in
//! which no part of the question is used twice. The scores are set by hand: 1
//! is what a word of the parameter's name right beside a value counts.

mod asked;
mod assignment;
mod choices;
mod currencies;
mod dates;
mod ids;
mod lists;
mod numbers;
mod roles;
mod spans;
#[cfg(test)]
mod tests;
mod texts;
mod units;
mod window;
mod words;

pub(super) use asked::Asked;
pub use ids::record_ids;
pub(super) use spans::Form;
pub(super) use units::{Quantity, unit_at};
pub use window::window;
pub use words::name_words;
pub(super) use words::{Word, content_stems, is_stop, stem, words};

use crate::domain::{Parameter, ParameterKind, ToolSpec};
use assignment::{assign, fill, leaves};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use std::{collections::HashSet, ops::Range};
use words::{Cues, without_values};

/// Bytes of a question that are read: more than a person asks, less than a pasted log.
const READ: usize = 2_000;
/// Values tried for one parameter.
const TRIED: usize = 8;

/// What was found for one tool, and what is still missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments {
    pub values: Map<String, Value>,
    /// Parameters that have neither a value nor a default.
    pub missing: Vec<String>,
    /// How many values stand in the question; defaults do not count.
    pub found: usize,
    /// How well the required ones fit: 0 where each is just a value of the
    /// right type, 1 and more where words of the question name them.
    pub fit: f32,
}

/// A value that a parameter could take.
#[derive(Clone, Debug, PartialEq)]
struct Candidate {
    value: Value,
    /// The bytes of the question that it uses up; empty where others may use them too.
    at: Vec<Range<usize>>,
    /// How well it fits: 0 is a value of the right type and no more.
    score: f32,
}

/// Finds a value for every parameter of the tool.
pub fn extract(tool: &ToolSpec, question: &str, now: DateTime<Utc>) -> Arguments {
    let mut asked = Asked::new(beginning(question), now);
    if tool
        .parameters
        .iter()
        .any(|p| p.kind == ParameterKind::Window)
    {
        // "In the last 24 hours" is the window's.
        asked.numbers.retain(|number| !number.is_time());
    }
    let vocabulary = vocabulary(tool);
    let leaves = leaves(&tool.parameters);
    let tried: Vec<Vec<Candidate>> = leaves
        .iter()
        .map(|leaf| {
            let mut found = find(&leaf.parameter, &leaf.cues, &asked, &vocabulary, now);
            found.retain(|candidate| candidate.score >= leaf.least);
            found.sort_by(|a, b| b.score.total_cmp(&a.score));
            found.truncate(TRIED);
            found
        })
        .collect();
    fill(tool, &leaves, assign(&leaves, &tried))
}

/// Every value that a parameter could take from the question or the
/// catalogue, those of the question first.
pub fn candidates(parameter: &Parameter, text: &str, now: DateTime<Utc>) -> Vec<Value> {
    match &parameter.kind {
        ParameterKind::Choice { values } => {
            let named = choices::choice(text, values, &HashSet::new());
            let others = values.iter().filter(|value| Some(*value) != named.as_ref());
            named
                .iter()
                .chain(others)
                .cloned()
                .map(Value::from)
                .collect()
        }
        ParameterKind::Boolean => vec![json!(true), json!(false)],
        _ => {
            let asked = Asked::new(beginning(text), now);
            let mut found = find(
                parameter,
                &Cues::of(parameter),
                &asked,
                &HashSet::new(),
                now,
            );
            found.sort_by(|a, b| b.score.total_cmp(&a.score));
            found.into_iter().map(|candidate| candidate.value).collect()
        }
    }
}

/// Whether the text names several values of one parameter, of which a call takes one.
pub(super) fn names_several(tool: &ToolSpec, text: &str, now: DateTime<Utc>) -> bool {
    let asked = Asked::new(beginning(text), now);
    tool.parameters
        .iter()
        .any(|parameter| match &parameter.kind {
            ParameterKind::Choice { values } => choices::mentioned(&asked, values).len() > 1,
            _ => false,
        })
}

fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(READ)]
}

/// The words that name the tool and what it takes: they are no values.
fn vocabulary(tool: &ToolSpec) -> HashSet<String> {
    let mut stems: HashSet<String> = name_words(&tool.name)
        .iter()
        .map(|word| stem(word))
        .collect();
    stems.extend(content_stems(&without_values(&tool.description)));
    for parameter in &tool.parameters {
        stems.extend(name_words(&parameter.name).iter().map(|word| stem(word)));
    }
    stems
}

fn find(
    parameter: &Parameter,
    cues: &Cues,
    asked: &Asked,
    vocabulary: &HashSet<String>,
    now: DateTime<Utc>,
) -> Vec<Candidate> {
    let sure = |value: Value| Candidate {
        value,
        at: Vec::new(),
        score: 1.5,
    };
    match &parameter.kind {
        ParameterKind::Window => window(asked.text, now)
            .map(Value::from)
            .map(sure)
            .into_iter()
            .collect(),
        ParameterKind::Integer | ParameterKind::Number => {
            numbers::candidates(parameter, cues, asked)
        }
        ParameterKind::Choice { values } => choices::choice(asked.text, values, vocabulary)
            .or_else(|| {
                choices::mentioned(asked, values)
                    .first()
                    .map(|value| value.to_string())
            })
            .map(|value| Candidate {
                at: asked.mention(&value).into_iter().collect(),
                ..sure(Value::from(value))
            })
            .into_iter()
            .collect(),
        ParameterKind::Id { pattern } => ids::id(asked.text, pattern)
            .map(Value::from)
            .map(sure)
            .into_iter()
            .collect(),
        ParameterKind::Boolean => choices::flag(&parameter.name, asked)
            .map(Value::from)
            .map(sure)
            .into_iter()
            .collect(),
        ParameterKind::List { items } => {
            lists::candidates(parameter, items, cues, asked, vocabulary)
        }
        ParameterKind::Object { .. } => Vec::new(),
        ParameterKind::Text => text(parameter, cues, asked, vocabulary),
    }
}

fn text(
    parameter: &Parameter,
    cues: &Cues,
    asked: &Asked,
    vocabulary: &HashSet<String>,
) -> Vec<Candidate> {
    if dates::is_date(cues) {
        return dates::date_candidates(cues, asked);
    }
    let mut found = dates::name_candidates(cues, asked);
    if dates::is_time(cues) {
        found.extend(dates::time_candidates(asked));
    }
    found.extend(texts::candidates(
        cues,
        &parameter.description,
        asked,
        vocabulary,
    ));
    // Ids are often numbers kept as text.
    if cues.is_named(&["id", "number", "cod", "year", "season", "sku"]) {
        found.extend(
            numbers::candidates(parameter, cues, asked)
                .into_iter()
                .map(|candidate| Candidate {
                    value: Value::from(candidate.value.to_string()),
                    ..candidate
                }),
        );
    }
    found
}
