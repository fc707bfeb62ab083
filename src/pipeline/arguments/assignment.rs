//! Which value goes to which parameter: the assignment with the best sum in
//! which no part of the question is used twice.

use super::{Arguments, Candidate, words::Cues};
use crate::domain::{Parameter, ParameterKind, ToolSpec};
use serde_json::{Map, Value, json};
use std::ops::Range;

/// Assignments kept while they are made.
const KEPT: usize = 64;
/// What an optional value must earn before it is taken: most questions do not speak of it.
const OPTIONAL: f32 = 0.85;
/// What it costs to leave a required parameter without a value.
const MISSING: f32 = 2.0;
/// Values stand in the order of the parameters more often than not.
const IN_ORDER: f32 = 0.12;

/// A parameter that takes a value of its own: a field of an object is one too.
pub struct Leaf {
    /// The object that it is a field of.
    parent: Option<String>,
    pub parameter: Parameter,
    pub cues: Cues,
    required: bool,
    /// What a value must earn at least.
    pub least: f32,
}

impl Leaf {
    fn is_numeric(&self) -> bool {
        matches!(
            self.parameter.kind,
            ParameterKind::Integer | ParameterKind::Number
        )
    }
}

pub fn leaves(parameters: &[Parameter]) -> Vec<Leaf> {
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

/// A beam search over the parameters, in their order.
pub fn assign(leaves: &[Leaf], tried: &[Vec<Candidate>]) -> Vec<Option<Candidate>> {
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
                    state
                        .used
                        .iter()
                        .any(|used| used.start < range.end && range.start < used.end)
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

pub fn fill(tool: &ToolSpec, leaves: &[Leaf], picked: Vec<Option<Candidate>>) -> Arguments {
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
            _ => leaf
                .parameter
                .default
                .clone()
                .filter(|_| !leaf.parameter.optional),
        };
        match (value.or_else(fallback), &leaf.parent) {
            (Some(value), None) => {
                arguments.values.insert(name.clone(), value);
            }
            (Some(value), Some(parent)) => {
                let object = objects.entry(parent.clone()).or_insert_with(|| json!({}));
                object[name.as_str()] = value;
            }
            (None, parent) if leaf.required => {
                missing.push(parent.as_ref().unwrap_or(name).clone())
            }
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
