//! Values that are lists: in brackets, or as an enumeration.

use super::{
    Candidate,
    asked::Asked,
    choices, numbers,
    spans::Form,
    texts::{self, examples},
    words::{Cues, regex},
};
use crate::domain::{Parameter, ParameterKind};
use regex::Regex;
use serde_json::{Value, json};
use std::{collections::HashSet, ops::Range, sync::LazyLock};

/// Every list that the parameter could take.
pub fn candidates(
    parameter: &Parameter,
    items: &ParameterKind,
    cues: &Cues,
    asked: &Asked,
    vocabulary: &HashSet<String>,
) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = bracketed(asked.text)
        .into_iter()
        .filter_map(|range| {
            let values = read(&asked.text[range.clone()], items)?;
            let score = 0.8 + asked.nearness(cues, &range);
            Some(Candidate {
                value: values,
                at: vec![range],
                score,
            })
        })
        .collect();
    let item = Parameter {
        kind: items.clone(),
        ..parameter.clone()
    };
    match items {
        ParameterKind::Choice { values } => {
            let spoken = choices::mentioned(asked, values);
            if !spoken.is_empty() {
                found.push(Candidate {
                    at: spoken
                        .iter()
                        .filter_map(|value| asked.mention(value))
                        .collect(),
                    value: json!(spoken),
                    score: 1.4,
                });
            }
        }
        ParameterKind::Integer | ParameterKind::Number => {
            let single = numbers::candidates(&item, cues, asked);
            found.extend(runs(single, asked.text, 0.4));
        }
        ParameterKind::Text => {
            let examples = examples(&parameter.description);
            let spoken = choices::mentioned(asked, &examples);
            if !spoken.is_empty() {
                found.push(Candidate {
                    at: spoken
                        .iter()
                        .filter_map(|value| asked.mention(value))
                        .collect(),
                    value: json!(spoken),
                    score: 1.4,
                });
            }
            // Of overlapping parts the most telling one.
            let mut single = texts::candidates(cues, "", asked, vocabulary);
            single.retain(|candidate| !is_place(candidate, asked));
            single.sort_by(|a, b| b.score.total_cmp(&a.score));
            let mut apart: Vec<Candidate> = Vec::new();
            for candidate in single {
                let overlaps = |other: &Candidate| {
                    candidate
                        .at
                        .iter()
                        .zip(&other.at)
                        .any(|(a, b)| a.start < b.end && b.start < a.end)
                };
                if !apart.iter().any(overlaps) {
                    apart.push(candidate);
                }
            }
            apart.sort_by_key(|candidate| candidate.at.first().map_or(0, |range| range.start));
            found.extend(runs(apart, asked.text, 0.3));
        }
        _ => {}
    }
    found
}

fn is_place(candidate: &Candidate, asked: &Asked) -> bool {
    asked
        .spans
        .iter()
        .any(|span| span.form == Form::Place && candidate.at.first() == Some(&span.range))
}

/// Values with nothing but commas and "and" between them belong together.
fn runs(single: Vec<Candidate>, text: &str, bonus: f32) -> Vec<Candidate> {
    static JOINED: LazyLock<Regex> = LazyLock::new(|| {
        regex(r#"^['"”’]?\s*(?:,|and|or|&|,?\s*(?:and|or)(?:\s+also)?)\s*(?:the\s+)?['"“‘]?$"#)
    });
    let mut runs: Vec<Vec<Candidate>> = Vec::new();
    for candidate in single {
        let joined = runs.last().and_then(|run| run.last()).is_some_and(|last| {
            match (last.at.first(), candidate.at.first()) {
                (Some(before), Some(after)) if before.end <= after.start => {
                    JOINED.is_match(&text[before.end..after.start])
                }
                _ => false,
            }
        });
        match runs.last_mut() {
            Some(run) if joined => run.push(candidate),
            _ => runs.push(vec![candidate]),
        }
    }
    runs.into_iter()
        .map(|run| {
            let best = run
                .iter()
                .map(|candidate| candidate.score)
                .fold(f32::MIN, f32::max);
            Candidate {
                score: best + if run.len() > 1 { bonus } else { -0.1 },
                at: run
                    .iter()
                    .flat_map(|candidate| candidate.at.clone())
                    .collect(),
                value: run.into_iter().map(|candidate| candidate.value).collect(),
            }
        })
        .collect()
}

/// The outermost parts in square or round brackets.
fn bracketed(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut depth, mut start) = (0usize, 0);
    for (at, c) in text.char_indices() {
        match c {
            '[' | '(' | '{' => {
                if depth == 0 {
                    start = at;
                }
                depth += 1;
            }
            ']' | ')' | '}' if depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    found.push(start..at + 1);
                }
            }
            _ => {}
        }
    }
    found
}

/// A bracketed list as values of the items' kind.
fn read(text: &str, items: &ParameterKind) -> Option<Value> {
    let inner = &text[1..text.len() - 1];
    match items {
        ParameterKind::List { items } => {
            let rows: Vec<Value> = bracketed(inner)
                .into_iter()
                .map(|range| read(&inner[range], items))
                .collect::<Option<_>>()?;
            (!rows.is_empty()).then(|| json!(rows))
        }
        ParameterKind::Integer | ParameterKind::Number => {
            let values: Vec<Value> = inner
                .split([',', ';'])
                .map(|part| {
                    numbers::number_value(
                        items,
                        part.trim().trim_start_matches(['$', '€']).parse().ok()?,
                    )
                })
                .collect::<Option<_>>()?;
            Some(json!(values))
        }
        ParameterKind::Text if text.starts_with('[') || text.starts_with('{') => {
            let values: Vec<&str> = inner
                .split(',')
                .map(|part| part.trim().trim_matches(['\'', '"']))
                .filter(|part| !part.is_empty())
                .collect();
            (!values.is_empty()).then(|| json!(values))
        }
        _ => None,
    }
}
