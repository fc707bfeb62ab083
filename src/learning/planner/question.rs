//! An example question, taken apart: what is worded, and where the values stand.

use super::{
    in_order, typing,
    values::{self, beginning_of_window},
    wordings::Wordings,
};
use crate::{
    domain::{Parameter, ParameterKind, ToolSpec},
    pipeline::arguments::{Arguments, extract, name_words},
};
use chrono::{DateTime, Utc};
use rand::{RngExt, rngs::Xoshiro256PlusPlus, seq::IndexedRandom};
use serde_json::{Map, Value, json};
use std::ops::Range;

/// A question whose values are known by where they stand.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Draft {
    pieces: Vec<Piece>,
    /// Values that the question means and that stand nowhere as they are.
    fixed: Map<String, Value>,
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Words(String),
    Value {
        parameter: String,
        /// As it is typed: `the last 24 hours`, `dach`.
        text: String,
        value: Value,
    },
}

/// What a tool's examples, synonyms and description give.
pub(super) fn drafts(tool: &ToolSpec, now: DateTime<Utc>) -> Vec<Draft> {
    const FRAMES: [&str; 4] = ["{}", "show me {}", "what is the {}", "I need the {}"];
    let synonyms = tool
        .synonyms
        .iter()
        .flat_map(|synonym| FRAMES.map(|frame| frame.replace("{}", synonym)));
    let mut questions: Vec<String> = tool.examples.iter().cloned().chain(synonyms).collect();
    if questions.is_empty() {
        let name = name_words(&tool.name).join(" ");
        let said = tool
            .description
            .split(['.', ':', ';'])
            .next()
            .unwrap_or_default();
        let said = [name, said.trim().to_lowercase()];
        let said = said.iter().filter(|text| !text.is_empty());
        questions = said
            .flat_map(|text| FRAMES.map(|frame| frame.replace("{}", text)))
            .collect();
    }
    questions
        .iter()
        .map(|question| Draft::of(tool, question, now))
        .collect()
}

impl Draft {
    fn of(tool: &ToolSpec, question: &str, now: DateTime<Utc>) -> Self {
        let Arguments {
            values, missing, ..
        } = extract(tool, question, now);
        let mut found: Vec<(Range<usize>, &Parameter, Value)> = Vec::new();
        let mut fixed = Map::new();
        for parameter in &tool.parameters {
            let Some(value) = values.get(&parameter.name) else {
                continue;
            };
            if missing.contains(&parameter.name) {
                continue;
            }
            let place = values::place_of(parameter, value, question, now);
            let is_free = |place: &Range<usize>| {
                found
                    .iter()
                    .all(|(taken, ..)| place.end <= taken.start || taken.end <= place.start)
            };
            match place.filter(is_free) {
                Some(place) => found.push((place, parameter, value.clone())),
                None if parameter.default.as_ref() == Some(value) => {}
                None => {
                    fixed.insert(parameter.name.clone(), value.clone());
                }
            }
        }
        found.sort_by_key(|(place, ..)| place.start);
        let mut pieces = Vec::new();
        let mut at = 0;
        for (place, parameter, value) in found {
            pieces.push(Piece::Words(question[at..place.start].to_string()));
            pieces.push(Piece::Value {
                parameter: parameter.name.clone(),
                text: question[place.clone()].to_string(),
                value,
            });
            at = place.end;
        }
        pieces.push(Piece::Words(question[at..].to_string()));
        Self { pieces, fixed }
    }

    /// The values that it means, in the tool's order; `None` where one that
    /// the tool needs is not there.
    pub(super) fn values(&self, tool: &ToolSpec) -> Option<Map<String, Value>> {
        let mut values = self.fixed.clone();
        for piece in &self.pieces {
            if let Piece::Value {
                parameter, value, ..
            } = piece
            {
                values.insert(parameter.clone(), value.clone());
            }
        }
        let is_there = |parameter: &Parameter| {
            parameter.optional
                || parameter.default.is_some()
                || values.contains_key(&parameter.name)
        };
        tool.parameters
            .iter()
            .all(is_there)
            .then(|| in_order(tool, values))
    }

    fn has(&self, name: &str) -> bool {
        self.fixed.contains_key(name)
            || self
                .pieces
                .iter()
                .any(|piece| matches!(piece, Piece::Value { parameter, .. } if parameter == name))
    }

    /// Sometimes a window or a choice more, at the end: "top products" becomes
    /// "top products in Iberia last month". What the tool needs and nobody
    /// said comes in any case: "orders" becomes "orders with customer id 17".
    pub(super) fn with_more(
        mut self,
        tool: &ToolSpec,
        wordings: &Wordings,
        random: &mut Xoshiro256PlusPlus,
    ) -> Self {
        let end = match self.pieces.last_mut() {
            Some(Piece::Words(text)) => {
                let kept = text.trim_end_matches(['?', '.', '!', ' ']).len();
                text.split_off(kept)
            }
            _ => String::new(),
        };
        for parameter in &tool.parameters {
            if self.has(&parameter.name) {
                continue;
            }
            let is_needed = !parameter.optional && parameter.default.is_none();
            let wanted = match &parameter.kind {
                ParameterKind::Window => is_needed || random.random_range(0..2) == 0,
                ParameterKind::Choice { .. } => is_needed || random.random_range(0..4) == 0,
                ParameterKind::Integer | ParameterKind::Number => is_needed,
                _ => false,
            };
            // A number is drawn near another one.
            let near = json!(50);
            let instead = Some(("", &near)).filter(|_| is_needed);
            if !wanted {
                continue;
            }
            let Some((text, value)) = values::other(parameter, instead, wordings, random) else {
                continue;
            };
            let lead = match parameter.kind {
                ParameterKind::Choice { .. } => {
                    let lead = [" in ", " for "].choose(random);
                    lead.copied().unwrap_or(" for ").to_string()
                }
                ParameterKind::Integer | ParameterKind::Number => {
                    format!(" with {} ", name_words(&parameter.name).join(" "))
                }
                _ => " ".to_string(),
            };
            self.pieces.push(Piece::Words(lead));
            self.pieces.push(Piece::Value {
                parameter: parameter.name.clone(),
                text,
                value,
            });
        }
        self.pieces.push(Piece::Words(end));
        self
    }

    /// Puts other valid values in the place of most.
    pub(super) fn swap_values(
        &mut self,
        tool: &ToolSpec,
        wordings: &Wordings,
        random: &mut Xoshiro256PlusPlus,
    ) {
        for piece in &mut self.pieces {
            let Piece::Value {
                parameter,
                text,
                value,
            } = piece
            else {
                continue;
            };
            if random.random_range(0..10) < 2 {
                continue;
            }
            let parameter = tool
                .parameters
                .iter()
                .find(|known| known.name == *parameter);
            let other = parameter.and_then(|parameter| {
                values::other(parameter, Some((text.as_str(), value)), wordings, random)
            });
            if let Some((other, known)) = other {
                *text = other;
                *value = known;
            }
        }
    }

    /// The question as somebody types it. Values keep their letters.
    pub(super) fn worded(&self, wordings: &Wordings, random: &mut Xoshiro256PlusPlus) -> String {
        let style = typing::Style::pick(random);
        let mut text = String::new();
        if let Some(opener) = wordings.opener(random) {
            text.push_str(opener);
            text.push(' ');
        }
        for piece in &self.pieces {
            match piece {
                Piece::Words(words) => text.push_str(&style.words(words, random)),
                Piece::Value { text: value, .. } => text.push_str(value),
            }
        }
        if let Some(closer) = wordings.closer(random) {
            let end = text.trim_end_matches(['?', '.', '!', ' ']).len();
            text.truncate(end);
            text.push_str(closer);
        }
        style.whole(&text)
    }

    /// Without a value that the tool needs: "where is order ORD-10023" becomes
    /// "where is order this one". `None` where it needs none.
    pub(super) fn without_needed(
        &self,
        tool: &ToolSpec,
        random: &mut Xoshiro256PlusPlus,
    ) -> Option<String> {
        let needed = |name: &str| {
            let known = tool.parameters.iter().find(|known| known.name == name)?;
            (!known.optional && known.default.is_none()).then_some(known)
        };
        let mut text = String::new();
        let mut left_out = false;
        for piece in &self.pieces {
            match piece {
                Piece::Words(words) => text.push_str(words),
                Piece::Value {
                    parameter,
                    text: value,
                    ..
                } => match needed(parameter) {
                    Some(parameter) => {
                        left_out = true;
                        text.push_str(&pointer(parameter, random));
                    }
                    None => text.push_str(value),
                },
            }
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        let lacks = left_out || self.values(tool).is_none();
        (lacks && words.len() > 1).then(|| words.join(" "))
    }
}

/// What people say for a record that they have before their eyes: "that order".
fn pointer(parameter: &Parameter, random: &mut Xoshiro256PlusPlus) -> String {
    const DULL: [&str; 5] = ["id", "number", "no", "code", "key"];
    let mut words = name_words(&parameter.name);
    words.retain(|word| !DULL.contains(&word.as_str()));
    let named = format!("that {}", words.join(" "));
    let pointers = ["it", "this one", "that one", "mine", named.trim()];
    let pointer = pointers.choose(random).copied().unwrap_or("it");
    pointer.to_string()
}

/// For `place_of`: words that belong to a window and stand before it.
pub(super) fn widened(question: &str, place: Range<usize>) -> Range<usize> {
    place.start - beginning_of_window(&question[..place.start])..place.end
}
