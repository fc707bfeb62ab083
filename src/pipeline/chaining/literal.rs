//! Ids that a question holds itself.

use crate::{
    domain::{ParameterKind, Taken, ToolSpec, kind_of_record},
    pipeline::arguments::Arguments,
};
use serde_json::Value;

/// The arguments without ids that are none: `5` in "Maroon 5" names no album.
pub(in crate::pipeline) fn proven(
    tool: &ToolSpec,
    mut arguments: Arguments,
    text: &str,
) -> Arguments {
    let Some(chain) = &tool.chain else {
        return arguments;
    };
    for taken in &chain.takes {
        let Some(value) = arguments.values.get(&taken.parameter) else {
            continue;
        };
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let kind = tool
            .parameters
            .iter()
            .find(|parameter| parameter.name == taken.parameter)
            .map(|parameter| &parameter.kind);
        if matches!(kind, Some(ParameterKind::Id { .. })) || is_id(&value, taken, text) {
            continue;
        }
        arguments.values.remove(&taken.parameter);
        arguments.missing.push(taken.parameter.clone());
        arguments.found = arguments.found.saturating_sub(1);
        arguments.fit = 0.0;
    }
    arguments
}

/// Whether a value of the question is written as ids are: a code, a number
/// that the record's kind or `id` stands before.
fn is_id(value: &str, taken: &Taken, text: &str) -> bool {
    if value.contains(char::is_whitespace) {
        return false;
    }
    let has = |test: fn(char) -> bool| value.contains(test);
    let digits = has(|c| c.is_ascii_digit());
    if digits && has(char::is_alphabetic) && value.len() >= 6
        || taken.key == "slug" && value.contains('-')
    {
        return true;
    }
    let lower = text.to_lowercase();
    let Some(at) = lower.find(&value.to_lowercase()) else {
        return false;
    };
    let Some(before) = lower.get(..at) else {
        return false;
    };
    let before = before.trim_end_matches([' ', ':', '=', '"', '\'', '`']);
    if before.ends_with('#') {
        return true;
    }
    let cue = before
        .split(|c: char| !c.is_alphanumeric())
        .rfind(|word| !word.is_empty() && !matches!(*word, "is" | "the" | "with"));
    cue.is_some_and(|cue| {
        matches!(
            cue,
            "id" | "ids" | "uuid" | "guid" | "number" | "no" | "nr" | "slug" | "key"
        ) || digits
            && taken
                .kinds
                .iter()
                .any(|kind| kind_of_record(kind) == kind_of_record(cue))
    }) || digits && before.is_empty() && value.len() >= 4
}
