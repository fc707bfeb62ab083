//! Typed arguments, found in the question itself.
//!
//! Promise: a value is never invented. It stands in the question, is one of
//! the catalogue's values, or is the catalogue's default.
//!
//! Every part of the question that could be a value is scored for every
//! parameter: by the words near it that are the parameter's, its unit, its
//! form, the preposition before it. The assignment with the best sum wins in
//! which no part of the question is used twice.

mod choices;
mod dates;
mod lists;
mod numbers;
mod texts;
mod units;
mod window;
mod words;

pub use window::window;
pub use words::name_words;

use crate::domain::{Parameter, ParameterKind, ToolSpec};
use chrono::{DateTime, NaiveDate, Utc};
use numbers::Number;
use regex::Regex;
use serde_json::{Map, Value, json};
use std::{collections::HashSet, ops::Range, sync::LazyLock};
use texts::Span;
use words::{Cues, Word, content_stems, regex, stem, without_values, words};

/// Values tried for one parameter, and assignments kept while they are made.
const TRIED: usize = 8;
const KEPT: usize = 64;
/// What an optional value must earn before it is taken: most questions do not speak of it.
const OPTIONAL: f32 = 0.85;
/// What it costs to leave a required parameter without a value.
const MISSING: f32 = 2.0;
/// Values stand in the order of the parameters more often than not.
const IN_ORDER: f32 = 0.12;

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

/// A question, taken apart once for all parameters.
struct Asked<'a> {
    text: &'a str,
    words: Vec<Word>,
    numbers: Vec<Number>,
    spans: Vec<Span>,
    days: Vec<(Range<usize>, NaiveDate)>,
}

/// Finds a value for every parameter of the tool.
pub fn extract(tool: &ToolSpec, question: &str, now: DateTime<Utc>) -> Arguments {
    let mut asked = Asked::new(question, now);
    if tool.parameters.iter().any(|p| p.kind == ParameterKind::Window) {
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
            named.iter().chain(others).cloned().map(Value::from).collect()
        }
        ParameterKind::Boolean => vec![json!(true), json!(false)],
        _ => {
            let asked = Asked::new(text, now);
            let mut found = find(parameter, &Cues::of(parameter), &asked, &HashSet::new(), now);
            found.sort_by(|a, b| b.score.total_cmp(&a.score));
            found.into_iter().map(|candidate| candidate.value).collect()
        }
    }
}

/// A parameter that takes a value of its own: a field of an object is one too.
struct Leaf {
    /// The object that it is a field of.
    parent: Option<String>,
    parameter: Parameter,
    cues: Cues,
    required: bool,
    /// What a value must earn at least.
    least: f32,
}

impl Leaf {
    fn is_numeric(&self) -> bool {
        matches!(self.parameter.kind, ParameterKind::Integer | ParameterKind::Number)
    }
}

fn leaves(parameters: &[Parameter]) -> Vec<Leaf> {
    let mut leaves: Vec<Leaf> = Vec::new();
    for parameter in parameters {
        match &parameter.kind {
            ParameterKind::Object { fields } => leaves.extend(fields.iter().map(|field| {
                let mut cues = Cues::of(field);
                cues.name.extend(Cues::of(parameter).name);
                Leaf {
                    parent: Some(parameter.name.clone()),
                    required: !parameter.optional && !field.optional && field.default.is_none(),
                    parameter: field.clone(),
                    cues,
                    least: 0.0,
                }
            })),
            _ => leaves.push(Leaf {
                parent: None,
                cues: Cues::of(parameter),
                required: !parameter.optional && parameter.default.is_none(),
                parameter: parameter.clone(),
                least: 0.0,
            }),
        }
    }
    let numeric = leaves.iter().filter(|leaf| leaf.is_numeric()).count();
    for leaf in &mut leaves {
        leaf.least = match () {
            () if leaf.required && leaf.is_numeric() => -0.9,
            () if leaf.required => -0.3,
            // One number in the question and one in the tool need no more words.
            () if leaf.is_numeric() && numeric == 1 => 0.0,
            () => OPTIONAL,
        };
    }
    leaves
}

/// The words that name the tool and what it takes: they are no values.
fn vocabulary(tool: &ToolSpec) -> HashSet<String> {
    let mut stems: HashSet<String> = name_words(&tool.name).iter().map(|word| stem(word)).collect();
    stems.extend(content_stems(&without_values(&tool.description)));
    for parameter in &tool.parameters {
        stems.extend(name_words(&parameter.name).iter().map(|word| stem(word)));
    }
    stems
}

/// A beam search over the parameters, in their order.
fn assign(leaves: &[Leaf], tried: &[Vec<Candidate>]) -> Vec<Option<Candidate>> {
    #[derive(Clone, Default)]
    struct Assignment {
        score: f32,
        used: Vec<Range<usize>>,
        picked: Vec<Option<usize>>,
    }
    let mut beam = vec![Assignment::default()];
    for (leaf, candidates) in leaves.iter().zip(tried) {
        let mut next: Vec<Assignment> = Vec::new();
        for state in &beam {
            let mut without = state.clone();
            without.picked.push(None);
            without.score -= if leaf.required { MISSING } else { 0.0 };
            next.push(without);
            for (at, candidate) in candidates.iter().enumerate() {
                let taken = candidate.at.iter().any(|range| {
                    state.used.iter().any(|used| used.start < range.end && range.start < used.end)
                });
                if taken {
                    continue;
                }
                let mut with = state.clone();
                if let (Some(last), Some(first)) = (with.used.last(), candidate.at.first())
                    && last.end <= first.start
                {
                    with.score += IN_ORDER;
                }
                with.used.extend(candidate.at.iter().cloned());
                with.picked.push(Some(at));
                with.score += candidate.score - if leaf.required { 0.0 } else { leaf.least };
                next.push(with);
            }
        }
        next.sort_by(|a, b| b.score.total_cmp(&a.score));
        next.truncate(KEPT);
        beam = next;
    }
    let picked = beam.into_iter().next().unwrap_or_default().picked;
    picked
        .into_iter()
        .zip(tried)
        .map(|(at, candidates)| candidates.get(at?).cloned())
        .collect()
}

fn fill(tool: &ToolSpec, leaves: &[Leaf], picked: Vec<Option<Candidate>>) -> Arguments {
    let mut arguments = Arguments::default();
    let mut missing: Vec<String> = Vec::new();
    let mut objects: Map<String, Value> = Map::new();
    let fits: Vec<f32> = leaves
        .iter()
        .zip(&picked)
        .filter(|(leaf, _)| leaf.required)
        .filter_map(|(_, candidate)| Some(candidate.as_ref()?.score))
        .collect();
    arguments.fit = fits.iter().sum::<f32>() / fits.len().max(1) as f32;
    for (leaf, candidate) in leaves.iter().zip(picked) {
        let name = &leaf.parameter.name;
        let value = candidate.map(|candidate| candidate.value);
        arguments.found += usize::from(value.is_some());
        let fallback = || match leaf.parameter.kind {
            // A flag that the question does not speak of is not set.
            ParameterKind::Boolean if leaf.required => Some(json!(false)),
            _ => leaf.parameter.default.clone().filter(|_| !leaf.parameter.optional),
        };
        match (value.or_else(fallback), &leaf.parent) {
            (Some(value), None) => {
                arguments.values.insert(name.clone(), value);
            }
            (Some(value), Some(parent)) => {
                let object = objects.entry(parent.clone()).or_insert_with(|| json!({}));
                object[name.as_str()] = value;
            }
            (None, parent) if leaf.required => missing.push(parent.as_ref().unwrap_or(name).clone()),
            (None, _) => {}
        }
    }
    for (name, object) in objects {
        arguments.values.insert(name, object);
    }
    missing.dedup();
    for parameter in &tool.parameters {
        let empty_object = matches!(parameter.kind, ParameterKind::Object { .. })
            && !parameter.optional
            && !arguments.values.contains_key(&parameter.name);
        if empty_object || missing.contains(&parameter.name) {
            arguments.missing.push(parameter.name.clone());
        }
    }
    arguments
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
        ParameterKind::Window => window(asked.text, now).map(Value::from).map(sure).into_iter().collect(),
        ParameterKind::Integer | ParameterKind::Number => numbers::candidates(parameter, cues, asked),
        ParameterKind::Choice { values } => choices::choice(asked.text, values, vocabulary)
            .or_else(|| choices::mentioned(asked, values).first().map(|value| value.to_string()))
            .map(|value| Candidate {
                at: asked.mention(&value).into_iter().collect(),
                ..sure(Value::from(value))
            })
            .into_iter()
            .collect(),
        ParameterKind::Id { pattern } => id(asked.text, pattern).map(Value::from).map(sure).into_iter().collect(),
        ParameterKind::Boolean => choices::flag(&parameter.name, asked)
            .map(Value::from)
            .map(sure)
            .into_iter()
            .collect(),
        ParameterKind::List { items } => lists::candidates(parameter, items, cues, asked, vocabulary),
        ParameterKind::Object { .. } => Vec::new(),
        ParameterKind::Text => text(parameter, cues, asked, vocabulary),
    }
}

fn text(parameter: &Parameter, cues: &Cues, asked: &Asked, vocabulary: &HashSet<String>) -> Vec<Candidate> {
    if dates::is_date(cues) {
        return dates::date_candidates(cues, asked);
    }
    let mut found = dates::name_candidates(cues, asked);
    if dates::is_time(cues) {
        found.extend(dates::time_candidates(asked));
    }
    found.extend(texts::candidates(cues, &parameter.description, asked, vocabulary));
    // Ids are often numbers kept as text.
    if cues.is_named(&["id", "number", "cod", "year", "season", "sku"]) {
        found.extend(numbers::candidates(parameter, cues, asked).into_iter().map(|candidate| Candidate {
            value: Value::from(candidate.value.to_string()),
            ..candidate
        }));
    }
    found
}

impl<'a> Asked<'a> {
    fn new(text: &'a str, now: DateTime<Utc>) -> Self {
        let words = words(text);
        let days = dates::days(text, now);
        let mut numbers = numbers::numbers(text);
        numbers.retain(|number| {
            !days.iter().any(|(day, _)| day.start <= number.range.start && number.range.end <= day.end)
        });
        Self {
            spans: texts::spans(text, &words, &numbers),
            words,
            numbers,
            days,
            text,
        }
    }

    /// How much the words around a part of the question speak of a parameter:
    /// those before it as far back as the part before, those behind it up to the next.
    fn nearness(&self, cues: &Cues, range: &Range<usize>) -> f32 {
        /// Each word further away counts this much less.
        const FADES: f32 = 0.85;
        const BREAKS: [&str; 10] = [",", "and", ";", ".", "?", "or", "but", "while", "with", ":"];
        const BEHIND_BREAKS: [&str; 12] = [
            "in", "for", "at", "on", "from", "to", "by", "is", "are", "as", "than", "has",
        ];
        let of_number = |word: &Word| {
            let mut numbers = self.numbers.iter();
            numbers.any(|n| n.whole.start <= word.range.start && word.range.start < n.whole.end)
        };
        let weight = |word: &Word| cues.weight(&word.stem);
        // "Base and height of 6 and 10": the words before a run count for all of it, the order tells the rest.
        let first = self.run_of(range);
        let is_run = first.start < range.start || self.goes_on(range.end);
        let mut sum = 0.0;
        let mut fade = if is_run { 0.7 } else { 1.0 };
        let before = self.words.iter().rev().filter(|word| word.range.end <= first.start);
        for word in before.take(9) {
            let ends = BREAKS.contains(&word.lower.as_str()) && !(is_run && word.lower == "and");
            if of_number(word) || (ends && (sum > 0.0 || word.lower != ":")) {
                break;
            }
            sum += weight(word) * fade;
            if word.is_content() && !is_run {
                fade *= FADES;
            }
        }
        let mut fade = 0.9;
        for word in self.words.iter().filter(|word| word.range.start >= range.end).take(4) {
            let lower = word.lower.as_str();
            if of_number(word) || BREAKS.contains(&lower) || BEHIND_BREAKS.contains(&lower) {
                break;
            }
            sum += weight(word) * fade;
            fade *= FADES;
        }
        // The unit itself: "5 years" for `years`.
        let inside = |word: &&Word| range.start <= word.range.start && word.range.start < range.end;
        let units = self.words.iter().filter(inside).filter(|word| word.is_word() && of_number(word));
        sum += units.map(|word| 0.8 * weight(word)).sum::<f32>();
        sum.min(1.8)
    }

    /// How much the words right beside a part of the question name a
    /// parameter: `case number XYZ123`, `the title is 'David'`, `Thai food`.
    fn adjacency(&self, cues: &Cues, range: &Range<usize>) -> f32 {
        const LINKS: [&str; 24] = [
            "of", "is", "are", "was", "the", "a", "an", "named", "called", "titled", ":", "=", "as",
            "equals", "numbered", "id", "'", "\"", "“", "‘", "`", "like", "being", "(",
        ];
        const FADES: f32 = 0.8;
        let weight = |word: &Word| cues.weight(&word.stem);
        let mut sum = 0.0;
        let mut fade = 1.0;
        let mut before = self.words.iter().rev().filter(|word| word.range.end <= range.start).peekable();
        let is_name = self.text[range.clone()].starts_with(char::is_uppercase);
        // "The player, Serena Williams".
        if is_name && before.peek().is_some_and(|word| word.lower == ",") {
            before.next();
            if before.peek().is_some_and(|word| word.is_capital(self.text)) {
                fade = 0.0;
            }
        }
        let mut links = 0;
        while links < 3 && before.peek().is_some_and(|word| LINKS.contains(&word.lower.as_str()) && weight(word) == 0.0) {
            before.next();
            links += 1;
        }
        for word in before.take(3) {
            if !word.is_content() && weight(word) == 0.0 {
                break;
            }
            sum += weight(word) * fade;
            fade *= FADES;
        }
        let mut fade = 0.9;
        for word in self.words.iter().filter(|word| word.range.start >= range.end && !"'\"”’`".contains(&word.lower)).take(2) {
            if !word.is_content() {
                break;
            }
            sum += weight(word) * fade;
            fade *= FADES;
        }
        sum.min(1.6)
    }

    /// The first number of an enumeration of numbers that this one is part of.
    fn run_of(&self, range: &Range<usize>) -> Range<usize> {
        let mut first = range.clone();
        for number in self.numbers.iter().rev().filter(|number| number.whole.end <= range.start) {
            if !is_joint(&self.text[number.whole.end..first.start]) {
                break;
            }
            first = number.whole.clone();
        }
        first
    }

    fn goes_on(&self, end: usize) -> bool {
        let next = self.numbers.iter().find(|number| number.range.start >= end);
        next.is_some_and(|number| is_joint(&self.text[end..number.range.start]))
    }

    /// Whether words that carry meaning stand right before or behind, so that this is a part of a phrase.
    fn continues(&self, range: &Range<usize>) -> bool {
        let before = self.words.iter().rev().find(|word| word.range.end <= range.start);
        before.is_some_and(Word::is_content) || self.content_behind(range.end)
    }

    fn word_behind(&self, end: usize) -> &str {
        let mut behind = self.words.iter().filter(|word| word.range.start >= end);
        behind.next().map_or("", |word| &word.lower)
    }

    /// Whether a word that carries meaning stands right behind this place.
    fn content_behind(&self, end: usize) -> bool {
        let mut behind = self.words.iter().filter(|word| word.range.start >= end);
        behind.next().is_some_and(Word::is_content)
    }

    /// Up to `count` words before this place, nearest last.
    fn words_before(&self, place: usize, count: usize) -> Vec<String> {
        let before: Vec<String> = self
            .words
            .iter()
            .filter(|word| word.range.end <= place)
            .map(|word| word.lower.clone())
            .collect();
        before[before.len().saturating_sub(count)..].to_vec()
    }

    /// The word before this place, articles and quotation marks left out.
    fn preposition_before(&self, place: usize) -> String {
        self.words
            .iter()
            .rev()
            .filter(|word| word.range.end <= place)
            .find(|word| !matches!(word.lower.as_str(), "the" | "a" | "an" | "my" | "our" | "'" | "\"" | "“" | "‘" | "`" | "city" | "company"))
            .map(|word| word.lower.clone())
            .unwrap_or_default()
    }

    fn mention(&self, value: &str) -> Option<Range<usize>> {
        choices::mention(self, value)
    }
}

/// Nothing but a comma or an "and" between two values.
fn is_joint(between: &str) -> bool {
    matches!(between.trim().trim_start_matches(',').trim(), "" | "and" | "or" | "&" | "$" | "and $" | "€")
        && !between.trim().is_empty()
}

fn id(question: &str, pattern: &str) -> Option<String> {
    // Patterns were compiled once when the catalogue was checked; a bad one finds nothing.
    let pattern = Regex::new(&format!(
        r"(?i)(?:^|[^A-Za-z0-9-])({pattern})(?:$|[^A-Za-z0-9-])"
    ))
    .ok()?;
    pattern
        .captures(question)
        .map(|found| found[1].to_uppercase())
}

/// Names of records such as `REQ-1234`, as they are written in the company.
pub fn record_ids(question: &str) -> Vec<String> {
    static RECORD: LazyLock<Regex> = LazyLock::new(|| regex(r"\b([A-Za-z]{2,6})[- ]?(\d{3,8})\b"));
    static STRICT: LazyLock<Regex> = LazyLock::new(|| regex(r"\b[A-Za-z]{2,6}-\d{1,8}\b"));
    let mut ids: Vec<String> = STRICT
        .find_iter(question)
        .map(|found| found.as_str().to_uppercase())
        .collect();
    if ids.is_empty() {
        // People type "req1234" and "REQ 1234"; lower-case words before a number are no id.
        ids = RECORD
            .captures_iter(question)
            .filter(|found| {
                matches!(
                    found[1].to_lowercase().as_str(),
                    "req" | "inc" | "ord" | "tkt" | "bug"
                )
            })
            .map(|found| format!("{}-{}", found[1].to_uppercase(), &found[2]))
            .collect();
    }
    ids.dedup();
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_found_by_name() {
        let check = |question: &str, expected: &[&str]| {
            assert_eq!(record_ids(question), expected, "{question}")
        };
        check("whats up with req-1042", &["REQ-1042"]);
        check("status REQ 1042 pls", &["REQ-1042"]);
        check("sales in the last 24 hours", &[]);
    }
}
