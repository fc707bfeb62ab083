//! Which argument a value without a name can be, and where a value ends.
//! Only the form of a value is looked at; what it means is found out where the
//! tool runs.

use super::{parse::yes_or_no, words::Word};
use crate::domain::{Parameter, ParameterKind};
use regex::Regex;

/// The one argument that takes the next words, and how many of them. First
/// those that take only values of a form, then text, which takes everything.
pub fn fitting<'a>(open: &[&'a Parameter], words: &[Word]) -> Option<(&'a Parameter, usize)> {
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
        // Nobody can tell where these end, so they are named.
        ParameterKind::Text | ParameterKind::List { .. } | ParameterKind::Object { .. } => false,
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

/// Whether a word can begin a span of time.
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
pub fn goes_on(kind: &ParameterKind, value: &str, next: &str) -> bool {
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
