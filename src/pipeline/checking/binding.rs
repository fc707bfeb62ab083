//! Which value of a source a claim means, where it has several: the one beside
//! the claim's own words.

use super::{
    statement::{Fact, Kind, Statement},
    support::Sources,
};
use std::collections::HashMap;

/// How much better another value must fit the claim's words to contradict it.
const FITS_BETTER: f32 = 1.25;
const FITS_MORE: f32 = 0.05;
/// What it counts that another exact part of the claim stands beside a value.
const BESIDE: f32 = 0.6;
/// What it counts that a value stands in the source's title.
const IN_TITLE: f32 = 0.8;
/// Words this far from a value count half.
const NEAR: f32 = 4.0;
/// Small numbers written as words count what a source lists.
const LISTED: f64 = 12.0;

impl Sources {
    /// Whether another value of the sources stands beside the claim's words,
    /// and this one beside others.
    pub(super) fn fits_better(&self, claim: &Statement, fact: &Fact) -> bool {
        let context = context(claim, fact);
        let (mut own, mut other) = (0.0_f32, 0.0_f32);
        let (mut own_at, mut other_at) = (usize::MAX, usize::MAX);
        for (at, statement) in self.statements.iter().enumerate() {
            for there in &statement.facts {
                let fit =
                    self.fit(&context, statement, there) + beside(claim, fact, statement, there);
                if says(there, fact) {
                    if fit > own {
                        (own, own_at) = (fit, at);
                    }
                } else if rivals(there, fact)
                    && !is_count(there)
                    && !claim.facts.iter().any(|said| says(there, said))
                    && fit > other
                {
                    (other, other_at) = (fit, at);
                }
            }
        }
        // A name that begins a sentence is no fact there, but stands there.
        if let Kind::Name(_) = &fact.kind {
            let group = claim.whole_name(fact);
            for statement in &self.statements {
                for (at, _) in statement
                    .words
                    .iter()
                    .enumerate()
                    .filter(|(_, word)| group.contains(&word.stem.as_str()))
                {
                    own = own.max(self.fit_at(&context, statement, at));
                }
            }
            // Names of one sentence stand for different things.
            let both = |statement: &Statement| {
                statement
                    .words
                    .iter()
                    .any(|word| group.contains(&word.stem.as_str()))
            };
            if own_at == other_at || self.statements.get(other_at).is_some_and(both) {
                return false;
            }
        }
        if self.heading_facts.iter().any(|there| says(there, fact)) {
            own = own.max(IN_TITLE);
        }
        other > own * FITS_BETTER + FITS_MORE
    }

    fn fit(&self, context: &HashMap<&str, f32>, statement: &Statement, there: &Fact) -> f32 {
        self.fit_at(context, statement, statement.place(there))
    }

    fn fit_at(&self, context: &HashMap<&str, f32>, statement: &Statement, place: usize) -> f32 {
        context
            .iter()
            .filter_map(|(stem, weight)| {
                let places = statement
                    .words
                    .iter()
                    .enumerate()
                    .filter(|(_, word)| word.stem == *stem);
                let near = places.map(|(at, _)| statement.apart(at, place)).min()?;
                Some(weight * self.weight(stem) * nearness(near))
            })
            .sum()
    }
}

/// The claim's words by how near they stand to one of its facts.
fn context<'a>(claim: &'a Statement, fact: &Fact) -> HashMap<&'a str, f32> {
    let place = claim.place(fact);
    let mut context: HashMap<&str, f32> = HashMap::new();
    for (at, word) in claim.content() {
        let inside = fact.at.start <= word.range.start && word.range.end <= fact.at.end;
        if !inside {
            let weight = context.entry(word.stem.as_str()).or_default();
            *weight = weight.max(nearness(at.abs_diff(place)));
        }
    }
    context
}

/// A small number in words without a unit: it counts what stands beside it.
pub(super) fn is_count(fact: &Fact) -> bool {
    matches!(&fact.kind, Kind::Amount(amount) if amount.spelled && amount.unit.is_none() && amount.value <= LISTED)
}

/// How near other exact parts of the claim stand to a value of the source.
fn beside(claim: &Statement, fact: &Fact, statement: &Statement, there: &Fact) -> f32 {
    let (place, at) = (claim.place(fact), statement.place(there));
    let others = claim
        .facts
        .iter()
        .filter(|other| *other != fact && !matches!(other.kind, Kind::Name(_)));
    others
        .filter_map(|other| {
            let known = statement
                .facts
                .iter()
                .filter(|known| *known != there && says(known, other));
            let near = known
                .map(|known| statement.apart(statement.place(known), at))
                .min()?;
            Some(BESIDE * nearness(near) * nearness(claim.place(other).abs_diff(place) / 2))
        })
        .sum()
}

fn nearness(words: usize) -> f32 {
    1.0 / (1.0 + words as f32 / NEAR)
}

pub(super) fn has(statement: &Statement, fact: &Fact) -> bool {
    statement.facts.iter().any(|there| says(there, fact))
}

/// Whether a fact of a source says what one of the claim says.
pub(super) fn says(there: &Fact, fact: &Fact) -> bool {
    match (&there.kind, &fact.kind) {
        (Kind::Amount(source), Kind::Amount(claim)) => claim.is_in(source),
        (Kind::Day(source), Kind::Day(claim)) => claim.is_in(source),
        (Kind::Time(source), Kind::Time(claim)) => claim == source,
        (Kind::Id(source), Kind::Id(claim)) => claim == source,
        (Kind::Name(source), Kind::Name(claim)) => claim == source,
        _ => false,
    }
}

/// Whether one could stand in the other's place.
fn rivals(there: &Fact, fact: &Fact) -> bool {
    match (&there.kind, &fact.kind) {
        (Kind::Amount(source), Kind::Amount(claim)) => claim.rivals(source),
        (Kind::Day(source), Kind::Day(claim)) => claim.rivals(source),
        (Kind::Time(_), Kind::Time(_))
        | (Kind::Name(_), Kind::Name(_))
        | (Kind::Id(_), Kind::Id(_)) => true,
        _ => false,
    }
}
