//! Whether a source says what a claim says.
//!
//! A claim is held against the sentences that speak of the same: its amounts,
//! days, ids and names must stand there, beside the same words as in the
//! claim; yes must not become no; and most of its words must be there.

use super::{
    amounts::Amount,
    binding::{has, is_count, says},
    statement::{Fact, Kind, Statement},
};
use crate::{
    domain::{CutReason, Evidence},
    pipeline::{
        arguments::{Word, content_stems},
        injection::without_orders,
        passage::{Form, Unit, units},
    },
};
use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

/// Share of a claim's content words that its sources must have. Below, it
/// says something of its own.
const SUPPORTED: f32 = 0.4;
/// The same for a claim whose exact parts stand there.
const EXACT_SUPPORTED: f32 = 0.2;
/// Sentences of a source that one claim may put together.
const MOST_JOINED: usize = 3;

/// What the sources make of a claim.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    Supported,
    /// The sentence at this place of the sources says otherwise.
    Contradicted {
        by: usize,
        why: CutReason,
    },
    Unsupported(CutReason),
}

/// The sentences of the evidence that a claim is held against.
pub(super) struct Sources {
    pub(super) statements: Vec<Statement>,
    /// By statement: the number of the evidence that it stands in.
    of: Vec<usize>,
    /// Words of titles and sections, stemmed: they hold for all that stands below.
    headings: HashSet<String>,
    pub(super) heading_facts: Vec<Fact>,
    /// By stem: in how many sentences it occurs.
    spread: HashMap<String, usize>,
    /// All of it in small letters.
    text: String,
}

impl Sources {
    pub(super) fn of(evidence: &[&Evidence]) -> Self {
        let mut statements = Vec::new();
        let mut of = Vec::new();
        let mut headings = HashSet::new();
        let mut heading_facts = Vec::new();
        let mut text = String::new();
        for source in evidence {
            let heading = format!("{}. {}", source.title, source.section);
            headings.extend(content_stems(&heading));
            let heading_statement = Statement::of(&heading);
            heading_facts.extend(heading_statement.facts);
            if let Some(date) = &source.date {
                heading_facts.extend(Statement::of(&date.to_string()).facts);
            }
            text.push_str(&format!("{heading}\n").to_lowercase());
            // What gives orders in a source supports nothing.
            let (said, _) = without_orders(units(&source.text), &source.title);
            for sentence in sentences(said) {
                text.push_str(&format!("{sentence}\n").to_lowercase());
                statements.push(Statement::of(&sentence));
                of.push(source.n);
            }
        }
        let mut spread: HashMap<String, usize> = HashMap::new();
        for statement in &statements {
            let stems: HashSet<&str> = statement
                .words
                .iter()
                .map(|word| word.stem.as_str())
                .collect();
            for stem in stems {
                *spread.entry(stem.to_string()).or_default() += 1;
            }
        }
        Self {
            statements,
            of,
            headings,
            heading_facts,
            spread,
            text,
        }
    }

    /// The evidence that a statement stands in, and its words.
    pub(super) fn sentence(&self, at: usize) -> (usize, String) {
        let n = self.of.get(at).copied().unwrap_or_default();
        let said = self.statements.get(at);
        (n, said.map_or(String::new(), |said| said.text.clone()))
    }

    pub(super) fn verdict(&self, claim: &str) -> Verdict {
        let claim = Statement::of(claim);
        let joined = self.joined(&claim);
        let Some(&best) = joined.first() else {
            return Verdict::Unsupported(CutReason::Words);
        };
        for fact in &claim.facts {
            if let Some(why) = self.faulty(&claim, fact, &joined) {
                return Verdict::Contradicted { by: best, why };
            }
        }
        if let Some(why) = self.left_out(&claim, best) {
            return Verdict::Contradicted { by: best, why };
        }
        if self.denies(&claim, &joined) {
            return Verdict::Contradicted {
                by: best,
                why: CutReason::Negation,
            };
        }
        let exact = claim
            .facts
            .iter()
            .filter(|fact| !matches!(fact.kind, Kind::Name(_)))
            .count();
        let enough = if exact > 0 {
            EXACT_SUPPORTED
        } else {
            SUPPORTED
        };
        if self.coverage(&claim, &joined) < enough {
            return Verdict::Unsupported(CutReason::Words);
        }
        Verdict::Supported
    }

    /// The sentences that speak of the same, the nearest first.
    fn joined(&self, claim: &Statement) -> Vec<usize> {
        let mut wanted: HashSet<&str> = claim
            .content()
            .map(|(_, word)| word.stem.as_str())
            .collect();
        let mut joined = Vec::new();
        while joined.len() < MOST_JOINED {
            let worth = |at: usize| -> f32 {
                let statement = &self.statements[at];
                let stems: HashSet<&str> = statement
                    .words
                    .iter()
                    .map(|word| word.stem.as_str())
                    .collect();
                let words: f32 = wanted
                    .iter()
                    .filter(|stem| stems.contains(*stem))
                    .map(|stem| self.weight(stem))
                    .sum();
                let exact = claim
                    .facts
                    .iter()
                    .filter(|fact| !matches!(fact.kind, Kind::Name(_)));
                let facts = exact.filter(|fact| has(statement, fact)).count() as f32;
                words + 0.5 * facts
            };
            let next = (0..self.statements.len())
                .filter(|at| !joined.contains(at))
                .map(|at| (worth(at), at))
                .max_by(|(a, x), (b, y)| a.total_cmp(b).then(y.cmp(x)));
            let Some((worth, at)) = next else { break };
            if worth <= 0.0 {
                break;
            }
            for word in &self.statements[at].words {
                wanted.remove(word.stem.as_str());
            }
            joined.push(at);
        }
        joined
    }

    /// Rare words tell more about which sentence is meant.
    pub(super) fn weight(&self, stem: &str) -> f32 {
        let spread = self.spread.get(stem).copied().unwrap_or(1).max(1);
        1.0 / (spread as f32).sqrt()
    }

    fn coverage(&self, claim: &Statement, joined: &[usize]) -> f32 {
        let stems: HashSet<&str> = claim
            .content()
            .map(|(_, word)| word.stem.as_str())
            .collect();
        if stems.is_empty() {
            return 1.0;
        }
        let known = stems.iter().filter(|stem| {
            self.headings.contains(**stem)
                || joined.iter().any(|at| self.statements[*at].has_word(stem))
        });
        known.count() as f32 / stems.len() as f32
    }

    /// Why a part of the claim does not stand in the sources, or not there.
    fn faulty(&self, claim: &Statement, fact: &Fact, joined: &[usize]) -> Option<CutReason> {
        match &fact.kind {
            Kind::Id(id) => {
                let known = stands_whole(id, &self.text);
                (!known || self.fits_better(claim, fact)).then_some(CutReason::Id)
            }
            Kind::Name(name) => match self.knows_name(name, &fact.at, claim) {
                true => self.fits_better(claim, fact).then_some(CutReason::Name),
                false => (!self.is_in_short(claim, &fact.at)).then_some(CutReason::Name),
            },
            Kind::Amount(amount) => {
                let counts = is_count(fact) || amount.spelled && amount.value == 1.0;
                if counts && !self.bounds_otherwise(amount) {
                    return None;
                }
                let known = self.heading_facts.iter().any(|other| says(other, fact))
                    || self.statements.iter().any(|statement| has(statement, fact));
                (!known || self.fits_better(claim, fact)).then_some(CutReason::Number)
            }
            Kind::Day(_) | Kind::Time(_) => {
                let known = self.heading_facts.iter().any(|other| says(other, fact))
                    || self.statements.iter().any(|statement| has(statement, fact));
                (!known || self.fits_better(claim, fact)).then_some(CutReason::Date)
            }
        }
        .filter(|_| !joined.is_empty())
    }

    /// "At most three" of "at least three".
    fn bounds_otherwise(&self, amount: &Amount) -> bool {
        let mut same = self
            .statements
            .iter()
            .flat_map(|statement| &statement.facts)
            .filter_map(|fact| match &fact.kind {
                Kind::Amount(source) if source.value == amount.value => Some(source),
                _ => None,
            })
            .peekable();
        same.peek().is_some() && same.all(|source| !amount.is_in(source))
    }

    fn knows_name(&self, stem: &str, at: &Range<usize>, claim: &Statement) -> bool {
        let word = claim.text[at.clone()].to_lowercase();
        self.headings.contains(stem)
            || self.spread.contains_key(stem)
            || stands_whole(&word, &self.text)
    }

    /// The sources have it spelled out, or shortened to its first letters.
    fn is_in_short(&self, claim: &Statement, at: &Range<usize>) -> bool {
        self.spelled_out(&claim.text[at.clone()]) || self.shortened(claim, at)
    }

    /// "Power over Ethernet" of `PoE`.
    fn shortened(&self, claim: &Statement, at: &Range<usize>) -> bool {
        let place = claim
            .words
            .iter()
            .take_while(|word| word.range.end <= at.start)
            .count();
        let first = |word: &Word| word.lower.chars().next();
        self.statements.iter().any(|statement| {
            statement.words.iter().any(|word| {
                let letters: Vec<char> = word.lower.chars().collect();
                let short = &statement.text[word.range.clone()];
                let is_acronym = (2..=5).contains(&letters.len())
                    && short.chars().filter(|c| c.is_uppercase()).count() >= 2;
                is_acronym
                    && claim
                        .words
                        .windows(letters.len())
                        .enumerate()
                        .any(|(start, window)| {
                            (start..start + letters.len()).contains(&place)
                                && window
                                    .iter()
                                    .map(first)
                                    .eq(letters.iter().copied().map(Some))
                        })
            })
        })
    }

    /// `HR` of "human resources".
    fn spelled_out(&self, acronym: &str) -> bool {
        let letters: Vec<char> = acronym
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphabetic())
            .collect();
        if letters.len() < 2 || !acronym.chars().all(|c| c.is_uppercase()) {
            return false;
        }
        self.statements.iter().any(|statement| {
            let firsts: Vec<char> = statement
                .words
                .iter()
                .filter_map(|word| word.lower.chars().next())
                .collect();
            firsts
                .windows(letters.len())
                .any(|window| window == letters.as_slice())
        })
    }

    /// A name of the sentence that the claim repeats is replaced at the head
    /// of the claim, where a capital tells nothing.
    fn left_out(&self, claim: &Statement, best: usize) -> Option<CutReason> {
        let first = claim.words.iter().find(|word| word.is_word())?;
        let suspicious = first.is_content()
            && first.is_capital(&claim.text)
            && !self.spread.contains_key(&first.stem)
            && !self.headings.contains(&first.stem);
        if !suspicious {
            return None;
        }
        let second = claim.words.iter().skip_while(|word| *word != first).nth(1);
        let statement = &self.statements[best];
        let replaced = statement.words.windows(2).any(|pair| {
            let missing = !claim.words.iter().any(|own| own.stem == pair[0].stem);
            missing
                && pair[0].is_content()
                && pair[0].is_capital(&statement.text)
                && second.is_some_and(|second| second.is_content() && second.stem == pair[1].stem)
        });
        replaced.then_some(CutReason::Name)
    }

    fn denies(&self, claim: &Statement, joined: &[usize]) -> bool {
        let Some((&best, others)) = joined.split_first() else {
            return false;
        };
        let shared = |at: usize| {
            let source = &self.statements[at];
            let shared = claim
                .content()
                .filter(|(_, word)| source.words.iter().any(|other| other.stem == word.stem));
            shared.count()
        };
        let against = |at: usize| {
            let source = &self.statements[at];
            shared(at) >= 2
                && claim
                    .polarity
                    .contradicts(&claim.words, &source.polarity, &source.words)
        };
        // Put together from several, it may take its "no" from any of them.
        against(best) && !others.iter().any(|at| shared(*at) >= 2 && !against(*at))
    }
}

/// The sentences of a passage; a row of a table is one, with its headers.
fn sentences(passage: Vec<Unit>) -> Vec<String> {
    let mut found = Vec::new();
    for unit in passage {
        match unit.form {
            Form::Table { header, rows } => found.extend(rows.iter().map(|row| {
                let cells = row
                    .iter()
                    .enumerate()
                    .map(|(at, cell)| match header.get(at) {
                        Some(head) if !head.is_empty() => format!("{head} {cell}"),
                        _ => cell.clone(),
                    });
                cells.collect::<Vec<_>>().join(", ")
            })),
            Form::Code { text, .. } => found.extend(text.lines().map(String::from)),
            Form::Sentence | Form::Item { .. } => found.push(unit.words),
        }
    }
    found.retain(|sentence| !sentence.trim().is_empty());
    found
}

/// `30` stands in `30 days`, not in `300` or `4.30`.
fn stands_whole(part: &str, text: &str) -> bool {
    text.match_indices(part).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let mut after = text[at + part.len()..].chars();
        let (next, second) = (after.next(), after.next());
        let joins = |c: char| c.is_alphanumeric();
        let goes_on = next.is_some_and(joins)
            || (next.is_some_and(|c| matches!(c, '.' | ',' | ':'))
                && second.is_some_and(|c| c.is_ascii_digit()));
        !before.is_some_and(|c| joins(c) || matches!(c, '.' | ',' | '-')) && !goes_on
    })
}
