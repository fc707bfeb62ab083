//! Calls that lead to one another: a question names a record in its words,
//! and an operation of an API wants its id, which a search or a list of the
//! same API has.
//!
//! Promise: at most three calls, no operation twice, all of them the asker's
//! to use and all filled from the question or from the call before. What the
//! question does not tell apart is not chosen here: [`super::picking`] finds
//! one record or says that there are none or several.

mod literal;
mod named;
mod operation;

pub(super) use literal::proven;

use super::arguments::{self, Asked};
use crate::domain::{
    Chain, Given, Link, Parameter, ParameterKind, Taken, ToolCall, ToolSpec, Which, kind_of_record,
};
use chrono::{DateTime, Utc};
use named::{Name, Records};
use operation::{PATH_WORDS, common, field_of, is_about, is_personal, is_ranking, root, searched};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

/// Calls before the one that answers.
const MOST_BEFORE: usize = 2;
/// Producers of one kind that are looked at, the nearest to the question first.
const TRIED: usize = 12;

/// Operations that are tried as the one that answers.
const MOST_TARGETS: usize = 40;

/// Calls that lead to an answer, the last one giving it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lead<'a> {
    pub tool: &'a ToolSpec,
    pub calls: Vec<ToolCall>,
    pub links: Vec<Link>,
    /// The question with the name replaced by what it names: what the last
    /// call's description is compared with.
    pub reading: String,
    /// Names of the question that no call uses.
    pub unused: usize,
    /// The question asks for another kind of record than the last call
    /// brings, or for all records where the call takes one.
    pub astray: bool,
    /// The question means one of several, and no call chooses it.
    pub open: bool,
}

/// Calls that give a value, and how the value is taken from the last of them.
struct Source<'q> {
    calls: Vec<ToolCall>,
    links: Vec<Link>,
    path: Vec<String>,
    field: String,
    kind: String,
    which: Which,
    /// The name that all of it begins with, and what it is the name of.
    name: Option<(&'q Name, String)>,
    /// Lower is tried first; then by score.
    rank: u8,
    score: f32,
}

/// What all leads for one question are made from.
pub(super) struct Chains<'a, 'q> {
    tools: Vec<(&'a ToolSpec, &'a Chain)>,
    /// What records are called, as [`kind_of_record`] makes it.
    kinds: HashSet<String>,
    /// By kind: a tool, and the place of the record in what it gives.
    producers: HashMap<String, Vec<(usize, usize)>>,
    records: Records<'q>,
    text: &'q str,
    now: DateTime<Utc>,
    /// How near the question is to a tool's description.
    score: &'a dyn Fn(&str) -> f32,
}

impl<'a, 'q> Chains<'a, 'q> {
    /// Over the tools that the asker may use.
    pub(super) fn new(
        tools: impl Iterator<Item = &'a ToolSpec>,
        text: &'q str,
        now: DateTime<Utc>,
        score: &'a dyn Fn(&str) -> f32,
    ) -> Self {
        let tools: Vec<(&ToolSpec, &Chain)> = tools
            .filter_map(|tool| Some((tool, tool.chain.as_ref()?)))
            .collect();
        let kinds: HashSet<String> = tools
            .iter()
            .flat_map(|(_, chain)| &chain.takes)
            .flat_map(|taken| &taken.kinds)
            .map(|kind| kind_of_record(kind))
            .collect();
        let mut producers: HashMap<String, Vec<(usize, usize)>> = HashMap::new();
        let mut canonical: HashMap<&str, String> = HashMap::new();
        for (at, (_, chain)) in tools.iter().enumerate() {
            for (place, given) in chain.gives.iter().enumerate() {
                for kind in &given.kinds {
                    let kind = canonical
                        .entry(kind.as_str())
                        .or_insert_with(|| kind_of_record(kind));
                    if kinds.contains(kind.as_str()) {
                        producers.entry(kind.clone()).or_default().push((at, place));
                    }
                }
            }
        }
        Self {
            records: Records::new(Asked::new(text, now), &kinds),
            kinds,
            producers,
            tools,
            text,
            now,
            score,
        }
    }

    /// The calls for the operations nearest to the question that lack one
    /// record, if others lead to it.
    pub(super) fn leads(&self) -> Vec<Lead<'a>> {
        let mut wanting: Vec<&(&ToolSpec, &Chain)> = self
            .tools
            .iter()
            .filter(|(_, chain)| !chain.takes.is_empty())
            .collect();
        wanting.sort_by(|a, b| (self.score)(&b.0.name).total_cmp(&(self.score)(&a.0.name)));
        wanting
            .into_iter()
            .take(MOST_TARGETS)
            .filter_map(|(tool, chain)| self.lead(tool, chain))
            .collect()
    }

    fn lead(&self, tool: &'a ToolSpec, chain: &Chain) -> Option<Lead<'a>> {
        let given = proven(
            tool,
            arguments::extract(tool, self.text, self.now),
            self.text,
        );
        let [missing] = given.missing.as_slice() else {
            return None;
        };
        let taken = chain
            .takes
            .iter()
            .find(|taken| taken.parameter == *missing)?;
        let source = self.source(taken, chain, MOST_BEFORE, &[&tool.name])?;
        let reading = match &source.name {
            Some((name, kind)) => self.records.reading(name, kind),
            None => self.text.to_string(),
        };
        // The name is used up: no other parameter may take it.
        let own = proven(tool, arguments::extract(tool, &reading, self.now), &reading);
        let mut calls = source.calls;
        let mut links = source.links;
        let used = source.name.as_ref().map(|(name, _)| name.text.clone());
        let hints: Vec<String> = self
            .records
            .names
            .iter()
            .map(|name| name.text.clone())
            .filter(|name| Some(name) != used.as_ref())
            .collect();
        let unused = hints.len();
        links.push(Link {
            from: calls.len() - 1,
            to: calls.len(),
            parameter: taken.parameter.clone(),
            path: source.path,
            field: source.field,
            kind: source.kind,
            which: source.which,
            hints,
        });
        let of = links.last().map(|link| kind_of_record(&link.kind));
        let mut asked = self
            .kinds
            .iter()
            .filter(|kind| Some(*kind) != of.as_ref() && self.records.mentions(kind));
        let brings = |kind: &String| {
            let upper = chain.gives.iter().filter(|given| given.path.len() <= 1);
            let mut kinds = upper.flat_map(|given| &given.kinds);
            kinds.any(|own| kind_of_record(own) == *kind)
        };
        let passed = |kind: &String| {
            let mut passed = links.iter().map(|link| kind_of_record(&link.kind));
            passed.any(|own| own == *kind)
        };
        // "The albums that I saved" are all of them, not the tracks of one.
        let all_of_them = links
            .iter()
            .any(|link| link.which == Which::Only && self.records.mentions_many(&link.kind));
        let astray = all_of_them || asked.any(|kind| !brings(kind) && !passed(kind));
        let chosen = |kind: &String| {
            let mut links = links.iter().filter(|link| link.which != Which::Only);
            links.any(|link| kind_of_record(&link.kind) == *kind)
        };
        let open = self
            .kinds
            .iter()
            .any(|kind| self.records.which(kind).is_some() && !chosen(kind));
        let mut args = own.values;
        args.remove(&taken.parameter);
        // A part of a name, such as `Maroon`, is no other argument.
        let of_name = |text: &str| {
            self.records
                .names
                .iter()
                .any(|name| name.text.contains(text))
        };
        args.retain(|_, value| !value.as_str().is_some_and(of_name));
        calls.push(ToolCall {
            name: tool.name.clone(),
            args,
        });
        Some(Lead {
            tool,
            calls,
            links,
            reading,
            unused,
            astray,
            open,
        })
    }

    /// The calls that lead to a record that is wanted, the likeliest ones.
    fn source(
        &self,
        taken: &Taken,
        chain: &Chain,
        depth: usize,
        above: &[&str],
    ) -> Option<Source<'_>> {
        let mut producers: Vec<(&ToolSpec, &Chain, &Given, &String)> = Vec::new();
        let mut seen: HashSet<(usize, usize)> = HashSet::new();
        for kind in &taken.kinds {
            let known = self.producers.get(&kind_of_record(kind));
            for &(at, place) in known.into_iter().flatten() {
                let (tool, own) = self.tools[at];
                let given = &own.gives[place];
                if own.api == chain.api
                    && !above.contains(&tool.name.as_str())
                    && field_of(taken, given).is_some()
                    && seen.insert((at, place))
                {
                    producers.push((tool, own, given, kind));
                }
            }
        }
        // What searches is asked before what happens to list such records too.
        let order = |producer: &(&ToolSpec, &Chain, &Given, &String)| {
            (searched(producer.0).is_none(), producer.2.path.len() > 2)
        };
        producers.sort_by(|a, b| {
            let near = |name: &str| (self.score)(name);
            order(a)
                .cmp(&order(b))
                .then(near(&b.0.name).total_cmp(&near(&a.0.name)))
        });
        let mut tools_seen: Vec<&str> = Vec::new();
        producers.retain(|(tool, ..)| {
            if !tools_seen.contains(&tool.name.as_str()) {
                tools_seen.push(&tool.name);
            }
            tools_seen.len() <= TRIED
        });
        let mut best: Option<Source<'_>> = None;
        for (tool, own, given, kind) in producers {
            let field = field_of(taken, given)?;
            for found in self.by_producer(tool, own, given, kind, field, depth, above) {
                let better = best.as_ref().is_none_or(|best| {
                    found.rank < best.rank || found.rank == best.rank && found.score > best.score
                });
                if better {
                    best = Some(found);
                }
            }
        }
        best
    }

    /// The ways in which one operation may lead to a record.
    #[expect(
        clippy::too_many_arguments,
        reason = "one record of one answer, and where it is wanted"
    )]
    fn by_producer(
        &self,
        tool: &ToolSpec,
        chain: &Chain,
        given: &Given,
        kind: &str,
        field: &str,
        depth: usize,
        above: &[&str],
    ) -> Vec<Source<'_>> {
        let records = &self.records;
        let mentioned = records.mentions(kind);
        let which = records.which(kind);
        let score = (self.score)(&tool.name) + self.ownership(tool, chain)
            - 0.1 * given.path.len().saturating_sub(1) as f32
            + if given
                .kinds
                .first()
                .is_some_and(|first| kind_of_record(first) == kind_of_record(kind))
            {
                0.05
            } else {
                0.0
            }
            + if is_about(chain, kind) { 0.1 } else { 0.0 };
        let source = |calls: Vec<ToolCall>, links, which, name, rank, score| Source {
            calls,
            links,
            path: given.path.clone(),
            field: field.to_string(),
            kind: kind.to_string(),
            which,
            name,
            rank,
            score,
        };
        let mut found = Vec::new();
        let names = records
            .names
            .iter()
            .filter(|name| records.may_be(name, kind));
        // "The newest album of Ann": the album is not what is called Ann.
        let apart = |name: &Name| mentioned && name.kind.is_none();
        for name in names {
            let rank = u8::from(apart(name));
            if let Some(call) = self.filled(tool, chain, kind, Some(&name.text)) {
                let which = Which::Named(name.text.clone());
                let named = Some((name, kind.to_string()));
                found.push(source(vec![call], Vec::new(), which, named, rank, score));
            } else if given.many
                && given.path.len() <= 2
                && searched(tool).is_none()
                && let Some(call) = self.filled(tool, chain, kind, None)
            {
                let which = Which::Named(name.text.clone());
                let owned = records.personal && self.ownership(tool, chain) > 0.0;
                let rank = if owned { rank } else { rank + 1 };
                let named = Some((name, kind.to_string()));
                found.push(source(vec![call], Vec::new(), which, named, rank, score));
            }
        }
        // The first of a list is the best one only where the list is by rank.
        let ranked = !records.by_rank(kind) || is_ranking(tool, chain);
        let chosen = || match (&which, given.many) {
            (Some(which), true) => which.clone(),
            _ => Which::Only,
        };
        // "My first artist": a list that the question speaks of.
        let spoken_of = self.speaks_of(tool, chain, kind);
        if (mentioned || !given.many)
            && spoken_of
            && ranked
            && searched(tool).is_none_or(|p| p.optional)
            && let Some(call) = self.filled(tool, chain, kind, None)
        {
            let rank = if records.names.is_empty() { 0 } else { 3 };
            found.push(source(vec![call], Vec::new(), chosen(), None, rank, score));
        }
        // "The newest album of Ann": her albums, after a search for her.
        if depth > 1
            && mentioned
            && ranked
            && let [next] = chain.takes.as_slice()
            // An artist's related artists are other artists.
            && common(next, given).is_none()
            && self.fillable(tool, &next.parameter)
        {
            let above = [above, &[tool.name.as_str()]].concat();
            if let Some(before) = self.source(next, chain, depth - 1, &above) {
                let mut calls = before.calls;
                let mut links = before.links;
                let named = before.name;
                links.push(Link {
                    from: calls.len() - 1,
                    to: calls.len(),
                    parameter: next.parameter.clone(),
                    path: before.path,
                    field: before.field,
                    kind: before.kind,
                    which: before.which,
                    hints: Vec::new(),
                });
                calls.push(ToolCall {
                    name: tool.name.clone(),
                    args: Map::new(),
                });
                let rank = if which.is_some() { 0 } else { 2 };
                found.push(source(calls, links, chosen(), named, rank, score - 0.02));
            }
        }
        found
    }

    /// A call with all that it must have; None where something is missing. A
    /// `name` goes to the parameter that searches, which then must be there.
    fn filled(
        &self,
        tool: &ToolSpec,
        chain: &Chain,
        kind: &str,
        name: Option<&str>,
    ) -> Option<ToolCall> {
        let search = searched(tool);
        if name.is_some() && search.is_none() {
            return None;
        }
        let wanted = kind_of_record(kind);
        let mut args = Map::new();
        for parameter in &tool.parameters {
            let must = !parameter.optional && parameter.default.is_none();
            let searches = search.is_some_and(|search| search.name == parameter.name);
            let value = match (&parameter.kind, name) {
                (_, Some(name)) if searches => Some(Value::from(name)),
                (ParameterKind::Choice { values }, _) => values
                    .iter()
                    .find(|value| kind_of_record(value) == wanted)
                    .map(|value| Value::from(value.as_str())),
                _ if must
                    && !chain
                        .takes
                        .iter()
                        .any(|taken| taken.parameter == parameter.name) =>
                {
                    self.simple(tool, parameter)
                }
                _ => None,
            };
            match value {
                Some(value) => {
                    args.insert(parameter.name.clone(), value);
                }
                None if must => return None,
                None => {}
            }
        }
        Some(ToolCall {
            name: tool.name.clone(),
            args,
        })
    }

    /// A value of the question that is no text: texts are names, which have their place.
    fn simple(&self, tool: &ToolSpec, parameter: &Parameter) -> Option<Value> {
        if parameter.kind == ParameterKind::Text {
            return None;
        }
        let mut found = arguments::extract(tool, self.text, self.now);
        found.values.remove(&parameter.name)
    }

    /// Whether nothing but this parameter is missing.
    fn fillable(&self, tool: &ToolSpec, but: &str) -> bool {
        tool.parameters
            .iter()
            .all(|p| p.optional || p.default.is_some() || p.name == but)
    }

    /// The question names what this operation is about, besides the record itself.
    fn speaks_of(&self, tool: &ToolSpec, chain: &Chain, kind: &str) -> bool {
        let kind = kind_of_record(kind);
        let own: HashSet<String> = arguments::name_words(&tool.name)
            .iter()
            .chain(chain.words.iter().take(PATH_WORDS))
            .flat_map(|word| word.split('_'))
            .map(root)
            .collect();
        let listed =
            own.contains(&root(&kind)) || own.iter().any(|word| kind_of_record(word) == kind);
        let words = self
            .records
            .asked
            .words
            .iter()
            .filter(|word| word.is_content());
        let mut others = words.filter(|word| kind_of_record(&word.lower) != kind);
        others.any(|word| own.contains(&root(&word.lower)))
            || self.records.personal && is_personal(tool, chain) && listed
    }

    /// What is the asker's own is where the question asks for it, and only there.
    fn ownership(&self, tool: &ToolSpec, chain: &Chain) -> f32 {
        match (self.records.personal, is_personal(tool, chain)) {
            (true, true) => 0.1,
            (false, true) => -0.15,
            _ => 0.0,
        }
    }
}
