//! What somebody may mean who is still typing, or who mistyped.

use super::{OptionKind, Verb, compose::quoted, words::words};
use crate::domain::{Parameter, ParameterKind, ToolSpec};
use serde_json::Value;

/// Discord shows 25, each of at most 100 characters.
const SHOWN: usize = 25;
const LENGTH: usize = 100;

const WINDOWS: [&str; 9] = [
    "1h",
    "24h",
    "7d",
    "30d",
    "today",
    "yesterday",
    "this week",
    "last week",
    "last month",
];

/// What is being typed: an option of a command, with what was typed of it.
#[derive(Clone, Copy, Debug)]
pub struct Typing<'a> {
    pub verb: Verb,
    pub option: &'a str,
    pub text: &'a str,
    /// The tool that was chosen already.
    pub tool: Option<&'a str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// What is shown.
    pub label: String,
    /// What is taken.
    pub value: String,
}

impl Suggestion {
    fn plain(value: impl Into<String>) -> Self {
        let value = value.into();
        Self {
            label: value.clone(),
            value,
        }
    }
}

/// What the option may become, the likeliest first. `tools` are those that
/// exist for the person who types.
pub fn suggest(typing: &Typing<'_>, tools: &[&ToolSpec]) -> Vec<Suggestion> {
    let option = typing.verb.definition().options;
    let kind = option.iter().find(|option| option.name == typing.option);
    let tool = typing
        .tool
        .and_then(|name| tools.iter().find(|tool| tool.name == name).copied());
    let found = match kind.map(|option| option.kind) {
        Some(OptionKind::Tool) => tool_names(typing, tools),
        Some(OptionKind::Since) => matching(typing.text, WINDOWS.map(String::from)),
        Some(OptionKind::Arguments) => arguments(typing.text, tool),
        Some(_) => Vec::new(),
        // Anything else is an argument of the tool, offered under its own name.
        None => tool
            .and_then(|tool| tool.parameters.iter().find(|p| p.name == typing.option))
            .map_or(Vec::new(), |p| matching(typing.text, values_of(p))),
    };
    let fits = |found: &Suggestion| found.value.chars().count() <= LENGTH;
    found
        .into_iter()
        .filter(fits)
        .take(SHOWN)
        .map(cut)
        .collect()
}

fn cut(mut suggestion: Suggestion) -> Suggestion {
    if suggestion.label.chars().count() > LENGTH {
        suggestion.label = suggestion.label.chars().take(LENGTH - 1).collect();
        suggestion.label.push('…');
    }
    suggestion
}

fn tool_names(typing: &Typing<'_>, tools: &[&ToolSpec]) -> Vec<Suggestion> {
    let of_kind = tools
        .iter()
        .filter(|tool| Some(tool.kind) == typing.verb.tools());
    let mut ranked: Vec<(usize, Suggestion)> = of_kind
        .filter_map(|tool| {
            let rank = rank(typing.text, &tool.name)
                .or_else(|| rank(typing.text, &tool.description).map(|rank| rank + 10))?;
            let label = match tool.description.is_empty() {
                true => tool.name.clone(),
                false => format!("{}: {}", tool.name, tool.description),
            };
            let value = tool.name.clone();
            Some((rank, Suggestion { label, value }))
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, found)| found).collect()
}

fn matching(text: &str, values: impl IntoIterator<Item = String>) -> Vec<Suggestion> {
    let mut ranked: Vec<(usize, String)> = values
        .into_iter()
        .filter_map(|value| Some((rank(text, &value)?, value)))
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked
        .into_iter()
        .map(|(_, value)| Suggestion::plain(value))
        .collect()
}

/// 0 for a beginning, 1 for a part, 2 for a near miss.
fn rank(typed: &str, value: &str) -> Option<usize> {
    let (typed, value) = (typed.trim().to_lowercase(), value.to_lowercase());
    if value.starts_with(&typed) {
        Some(0)
    } else if value.contains(&typed) {
        Some(1)
    } else {
        is_near(&typed, &value).then_some(2)
    }
}

/// The last word of `name=value …` made complete; the words before stay.
fn arguments(text: &str, tool: Option<&ToolSpec>) -> Vec<Suggestion> {
    let Some(tool) = tool else { return Vec::new() };
    let words = words(text);
    let begins_new = text.is_empty() || text.ends_with(char::is_whitespace);
    let last = words.last().filter(|_| !begins_new);
    let before = last.map_or(text, |last| &text[..last.start]);
    let given = &words[..words.len() - usize::from(last.is_some())];
    let is_given = |p: &&Parameter| {
        given
            .iter()
            .any(|word| word.key.as_deref() == Some(&p.name))
    };
    let named = last.and_then(|last| {
        let key = last.key.as_deref()?;
        tool.parameters.iter().find(|p| p.name == key)
    });
    let added: Vec<String> = match (named, last) {
        (Some(parameter), Some(last)) => matching(&last.value, values_of(parameter))
            .into_iter()
            .map(|found| format!("{}={}", parameter.name, quoted(&found.value)))
            .collect(),
        (None, last) => {
            let open = tool.parameters.iter().filter(|p| !is_given(p));
            let names = open.map(|p| format!("{}=", p.name));
            let typed = last.map_or("", |last| last.value.as_str());
            let found = matching(typed, names).into_iter();
            found.map(|found| found.value).collect()
        }
        (Some(_), None) => Vec::new(),
    };
    added
        .into_iter()
        .map(|added| Suggestion::plain(format!("{before}{added}")))
        .collect()
}

/// Values worth offering, where the kind has any.
pub(super) fn values_of(parameter: &Parameter) -> Vec<String> {
    match &parameter.kind {
        ParameterKind::Choice { values } => values.clone(),
        ParameterKind::Boolean => vec!["yes".into(), "no".into()],
        ParameterKind::Window => WINDOWS.map(String::from).to_vec(),
        _ => parameter.default.iter().map(text_of).collect(),
    }
}

pub(super) fn text_of(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), String::from)
}

/// The known word that this one resembles, if one does.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let word = word.to_lowercase();
    let distance = |known: &str| strsim::osa_distance(&word, &known.to_lowercase());
    let near = known.min_by_key(|known| distance(known))?;
    is_near(&word, &near.to_lowercase()).then(|| near.to_string())
}

/// Three slips of the hand, and fewer in short words: `sql` is not near `api`.
fn is_near(word: &str, known: &str) -> bool {
    let length = known.chars().count().min(word.chars().count());
    let allowed = (length / 2).min(3);
    // Counting costs the product of both lengths.
    word.len() <= 200 && strsim::osa_distance(word, known) <= allowed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_few_slips_away() {
        let check = |word: &str, expected: Option<&str>| {
            let known = ["sales_total", "sql", "ask", "refunds"];
            assert_eq!(
                nearest(word, known.into_iter()).as_deref(),
                expected,
                "{word}"
            );
        };
        check("salse_total", Some("sales_total"));
        check("SALES_TOTL", Some("sales_total"));
        check("sqll", Some("sql"));
        check("aks", Some("ask"));
        check("xyz", None);
        check("how", None);
        check("", None);
    }
}
