//! Questions that need two hops: `who leads the team that owns Heron?`
//!
//! Promise: every hop is a relation that a passage tells which the asker may
//! see; others are not looked up at all. The answer names each hop and cites
//! its passage. Where the last hop is missing, it says how far the way goes.

mod asked;
mod cues;

use super::{
    Pipeline, Watch,
    composing::{Draft, evidence_of},
    injection::reads_like_an_order,
};
use crate::{
    domain::{
        Block, Confidence, Evidence, Inline, Intent, Message, Plan, Provenance, Question, Relation,
        Toward, entity_key, reply,
    },
    ports::{Hit, Related, with_causes},
};
use asked::Asked;
use cues::{Hop, is_wanted};
use std::collections::HashSet;

/// Hops at most; a question has rarely more than three.
const MOST_HOPS: usize = 4;

/// Things that a hop leads to at most.
const MOST_THINGS: usize = 8;

/// A thing, and the way that led to it.
#[derive(Clone)]
struct Reached {
    key: String,
    steps: Vec<Step>,
}

/// A relation, and the passage that tells it.
#[derive(Clone)]
struct Step {
    relation: Relation,
    hit: Hit,
}

/// Where a walk came to.
enum Walk {
    /// To the things that were asked for.
    There(Vec<Reached>),
    /// To these, and the hop from there is missing.
    Broken(Vec<Reached>, Hop),
}

impl Pipeline {
    /// The answer along relations, where the question asks along two and more,
    /// names something that has some, and the first hop leads anywhere.
    pub(super) async fn relate(
        &self,
        question: &Question,
        plan: &Plan,
        watch: &mut Watch,
    ) -> Option<(Plan, Draft)> {
        if plan.intent == Intent::SmallTalk {
            return None;
        }
        let asked = Asked::read(&question.text)?;
        let begins: Vec<(String, Vec<Hop>)> = asked
            .names()
            .into_iter()
            .map(|(range, key)| (key, asked.hops(&range)))
            .filter(|(_, hops)| (2..=MOST_HOPS).contains(&hops.len()))
            .collect();
        let keys = begins
            .iter()
            .flat_map(|(key, hops)| hops[0].keys(std::iter::once(key.as_str())));
        let found = self.related(keys.collect(), question).await?;
        let mut broken = None;
        for (key, hops) in begins {
            match self.walk(key, &hops, &found, question).await? {
                Walk::There(reached) => {
                    watch.lap("gather");
                    return Some((way_plan(plan), there(&reached)));
                }
                Walk::Broken(reached, hop) => {
                    let is_way = reached.iter().any(|reached| !reached.steps.is_empty());
                    if is_way && broken.is_none() {
                        broken = Some((reached, hop));
                    }
                }
            }
        }
        watch.lap("gather");
        let (reached, hop) = broken?;
        Some((way_plan(plan), broken_off(&reached, &hop)))
    }

    async fn related(&self, keys: Vec<String>, question: &Question) -> Option<Vec<Related>> {
        match self.search.related(&keys, &question.access).await {
            Ok(found) => Some(found),
            Err(error) => {
                tracing::warn!(question.id = %question.id, error = %with_causes(&error), "relations could not be looked up");
                None
            }
        }
    }

    async fn walk(
        &self,
        key: String,
        hops: &[Hop],
        first: &[Related],
        question: &Question,
    ) -> Option<Walk> {
        let mut reached = vec![Reached {
            key,
            steps: Vec::new(),
        }];
        for (n, hop) in hops.iter().enumerate() {
            let next = if n == 0 {
                step(&reached, hop, first)
            } else {
                let keys = hop.keys(reached.iter().map(|thing| thing.key.as_str()));
                step(&reached, hop, &self.related(keys, question).await?)
            };
            if next.is_empty() {
                return Some(Walk::Broken(reached, hop.clone()));
            }
            reached = next;
        }
        Some(Walk::There(reached))
    }
}

/// What one hop leads to from each of the things, each once.
fn step(from: &[Reached], hop: &Hop, found: &[Related]) -> Vec<Reached> {
    let mut reached: Vec<Reached> = Vec::new();
    let mut seen = HashSet::new();
    for thing in from {
        let along = hop.ways.iter().map(|(wanted, toward)| {
            let told = found.iter().flat_map(|related| {
                let relations = related.relations.iter();
                relations.map(move |relation| (relation, &related.hit))
            });
            told.filter(|(relation, _)| is_wanted(wanted, &relation.kind))
                .filter_map(|(relation, hit)| {
                    let [here, there] = match toward {
                        Toward::Object => [&relation.subject, &relation.object],
                        Toward::Subject => [&relation.object, &relation.subject],
                    };
                    (entity_key(here) == thing.key && !reads_like_an_order(there))
                        .then(|| (entity_key(there), relation, hit))
                })
                .collect::<Vec<_>>()
        });
        let Some(next) = along.into_iter().find(|next| !next.is_empty()) else {
            continue;
        };
        for (key, relation, hit) in next {
            if reached.len() < MOST_THINGS && seen.insert(key.clone()) {
                let mut steps = thing.steps.clone();
                steps.push(Step {
                    relation: relation.clone(),
                    hit: hit.clone(),
                });
                reached.push(Reached { key, steps });
            }
        }
    }
    reached
}

/// The plan that the record shows: documents and tickets, no tool.
fn way_plan(plan: &Plan) -> Plan {
    Plan {
        style: plan.style,
        ..Plan::search_only(plan.search.clone())
    }
}

/// The passages of a way, numbered, and its relations with their numbers.
#[derive(Default)]
struct Way {
    evidence: Vec<Evidence>,
    lines: Vec<(Relation, usize)>,
}

impl Way {
    fn of(reached: &[Reached]) -> Self {
        let mut way = Self::default();
        for step in reached.iter().flat_map(|reached| &reached.steps) {
            way.add(step);
        }
        way
    }

    fn add(&mut self, Step { relation, hit }: &Step) {
        if self.lines.iter().any(|(known, _)| known == relation) {
            return;
        }
        let same = |evidence: &&mut Evidence| {
            evidence.document == hit.document && evidence.text == hit.text
        };
        let n = match self.evidence.iter_mut().find(same) {
            Some(evidence) => {
                evidence.relations.push(relation.clone());
                evidence.n
            }
            None => {
                let n = self.evidence.len() + 1;
                self.evidence.push(Evidence {
                    relations: vec![relation.clone()],
                    ..evidence_of(n, hit)
                });
                n
            }
        };
        self.lines.push((relation.clone(), n));
    }

    fn list(&self) -> Block {
        let item = |(relation, n): &(Relation, usize)| {
            let Relation {
                subject,
                kind,
                object,
            } = relation;
            let said = reply::relation(subject, kind.label(), object);
            vec![
                Inline::text(said),
                Inline::text(" "),
                Inline::Cite { n: *n },
            ]
        };
        Block::List {
            ordered: true,
            items: self.lines.iter().map(item).collect(),
        }
    }

    fn into_draft(self, message: Message, abstained: bool) -> Draft {
        Draft {
            message,
            citations: self.evidence.iter().map(|evidence| evidence.n).collect(),
            evidence: self.evidence,
            gaps: Vec::new(),
            abstained,
            settled: true,
            calls: Vec::new(),
            confidence: if abstained {
                Confidence::Low
            } else {
                Confidence::High
            },
            provenance: Provenance::quotation(),
        }
    }
}

/// What was asked for, and the way to it.
fn there(reached: &[Reached]) -> Draft {
    let way = Way::of(reached);
    let things = reached.iter().filter_map(|reached| {
        let Step { relation, .. } = reached.steps.last()?;
        let is_object = entity_key(&relation.object) == reached.key;
        Some(
            if is_object {
                &relation.object
            } else {
                &relation.subject
            }
            .as_str(),
        )
    });
    let things: Vec<&str> = things.collect();
    let message = vec![
        Block::Paragraph {
            text: vec![Inline::strong(things.join(", "))],
        },
        way.list(),
    ];
    way.into_draft(message, false)
}

/// How far the way goes, and what is missing.
fn broken_off(reached: &[Reached], hop: &Hop) -> Draft {
    let way = Way::of(reached);
    let label = hop.ways.first().map_or("", |(kind, _)| kind.label());
    let message = vec![reply::way_ends(label), way.list()];
    way.into_draft(message, true)
}
