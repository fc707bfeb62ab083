//! Words that ask for a relation, and the hops that they ask for.

use crate::domain::{RelationKind, Toward, singular};
use std::ops::Range;

/// Words that ask for a relation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cue {
    pub range: Range<usize>,
    /// Where they stand before the thing that they are said of, and behind it.
    pub hop: [Hop; 2],
}

/// One step from a thing to what stands in a relation to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hop {
    /// The first that leads anywhere counts.
    pub ways: Vec<(RelationKind, Toward)>,
}

use RelationKind::{
    About, CausedBy, DependsOn, Field, Lead, LocatedIn, Owner, PartOf, Replaces, ReportsTo, WorksOn,
};
use Toward::{Object, Subject};

/// What some words ask for, standing before the thing that they are said of
/// (`owns Heron`), and behind it (`Heron is owned by`).
type Sense = (
    &'static [(RelationKind, Toward)],
    &'static [(RelationKind, Toward)],
);

const CUES: &[(&[&str], Sense)] = &[
    (
        &["owner", "owners", "maintainer", "maintainers"],
        (&[(Owner, Object)], &[(Owner, Object)]),
    ),
    (
        &[
            "owns",
            "own",
            "owned",
            "maintains",
            "maintain",
            "builds",
            "build",
            "develops",
            "operates",
            "looks after",
            "look after",
            "takes care of",
            "is responsible for",
            "responsible for",
            "in charge of",
            "runs",
            "behind",
        ],
        (
            &[(Owner, Object), (Lead, Object)],
            &[(Owner, Subject), (Lead, Subject)],
        ),
    ),
    (
        &[
            "owned by",
            "maintained by",
            "built by",
            "developed by",
            "operated by",
            "run by",
            "looked after by",
        ],
        (
            &[(Owner, Subject), (Lead, Subject)],
            &[(Owner, Object), (Lead, Object)],
        ),
    ),
    (
        &["lead of", "lead", "leader", "head of", "head", "team lead"],
        (&[(Lead, Object)], &[(Lead, Object)]),
    ),
    (
        &["leads", "heads", "manages"],
        (&[(Lead, Object)], &[(Lead, Subject)]),
    ),
    (
        &["led by", "headed by", "managed by"],
        (&[(Lead, Subject)], &[(Lead, Object)]),
    ),
    (
        &["manager", "boss", "supervisor", "superior"],
        (
            &[(ReportsTo, Object), (Lead, Object)],
            &[(ReportsTo, Object), (Lead, Object)],
        ),
    ),
    (
        &["reports to", "report to", "answers to", "answer to"],
        (&[(ReportsTo, Subject)], &[(ReportsTo, Object)]),
    ),
    (
        &[
            "depends on",
            "depend on",
            "relies on",
            "rely on",
            "needs",
            "uses",
        ],
        (&[(DependsOn, Subject)], &[(DependsOn, Object)]),
    ),
    (
        &["dependency", "dependencies"],
        (&[(DependsOn, Object)], &[(DependsOn, Object)]),
    ),
    (
        &["caused", "broke", "triggered", "led to"],
        (&[(CausedBy, Object)], &[(CausedBy, Subject)]),
    ),
    (
        &["caused by", "triggered by"],
        (&[(CausedBy, Subject)], &[(CausedBy, Object)]),
    ),
    (
        &["cause", "root cause", "culprit"],
        (&[(CausedBy, Object)], &[(CausedBy, Object)]),
    ),
    (
        &[
            "is about",
            "was about",
            "about",
            "concerns",
            "concern",
            "affects",
            "complains about",
        ],
        (
            &[(About, Subject), (CausedBy, Subject)],
            &[(About, Object), (CausedBy, Object)],
        ),
    ),
    (
        &[
            "product in",
            "product of",
            "'s product",
            "service in",
            "'s service",
        ],
        (&[(About, Object)], &[(About, Object)]),
    ),
    (
        &["'s team", "team of"],
        (
            &[(Owner, Object), (PartOf, Object), (Lead, Subject)],
            &[(Owner, Object), (PartOf, Object), (Lead, Subject)],
        ),
    ),
    (
        &["belongs to", "belong to", "is part of", "part of"],
        (
            &[(PartOf, Subject), (Owner, Subject)],
            &[(PartOf, Object), (Owner, Object)],
        ),
    ),
    (
        &[
            "located",
            "located in",
            "based",
            "based in",
            "sit",
            "sits in",
        ],
        (&[(LocatedIn, Subject)], &[(LocatedIn, Object)]),
    ),
    (
        &["works on", "work on", "working on"],
        (&[(WorksOn, Subject)], &[(WorksOn, Object)]),
    ),
    (
        &["replaces", "replaced", "replace", "succeeds"],
        (&[(Replaces, Subject)], &[(Replaces, Object)]),
    ),
    (
        &["replaced by"],
        (&[(Replaces, Object)], &[(Replaces, Subject)]),
    ),
    (
        &["successor"],
        (&[(Replaces, Subject)], &[(Replaces, Subject)]),
    ),
    (
        &["predecessor"],
        (&[(Replaces, Object)], &[(Replaces, Object)]),
    ),
];

/// The longest cue at each place.
pub(super) fn cues(words: &[String]) -> Vec<Cue> {
    let mut found: Vec<Cue> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let fits = |phrase: &&str| {
            let phrase: Vec<&str> = phrase.split(' ').collect();
            words[at..].len() >= phrase.len()
                && phrase.iter().zip(&words[at..]).all(|(a, b)| a == b)
        };
        let known = CUES
            .iter()
            .flat_map(|cue| cue.0.iter().map(move |phrase| (phrase, cue)));
        let longest = known
            .filter(|(phrase, _)| fits(phrase))
            .max_by_key(|(phrase, _)| phrase.split(' ').count());
        match longest {
            Some((phrase, (_, (before, behind)))) => {
                let range = at..at + phrase.split(' ').count();
                at = range.end;
                let hop = [before, behind].map(|ways| Hop {
                    ways: ways.to_vec(),
                });
                found.push(Cue { range, hop });
            }
            None => at += 1,
        }
    }
    found
}

/// Whether a relation of this kind is what is wanted.
pub(super) fn is_wanted(wanted: &RelationKind, kind: &RelationKind) -> bool {
    let (Field(wanted), Field(label)) = (wanted, kind) else {
        return wanted == kind;
    };
    let has = |words: &str, word: &str| words.split(' ').any(|w| singular(w) == singular(word));
    wanted.split(' ').all(|word| has(label, word)) || label.split(' ').all(|word| has(wanted, word))
}

impl Hop {
    /// What tells this hop from one of these things.
    pub fn keys<'a>(&self, things: impl Iterator<Item = &'a str>) -> Vec<String> {
        let ways = &self.ways;
        let keys = things.flat_map(|thing| ways.iter().map(move |(kind, to)| kind.key(*to, thing)));
        keys.collect()
    }
}
