//! The reader: which of the found passages answer a question, and whether any does.
//!
//! Two linear heads over a few features of question and passage; the strongest
//! are late interaction of token vectors that were made when the passage was
//! ingested, so no model runs on passages while somebody waits. The weights
//! lie in `adapters/reader/weights.json`; its recipe and `lorekeeper dataset
//! build reader` make them from documents.

use super::grounding::{content_words, has_word, word_set};
use crate::{
    domain::{SourceKind, TokenVectors},
    ports::{Encoded, Hit, Met},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};
use unicode_segmentation::UnicodeSegmentation;

/// Passages of one search that are read.
pub const POOL: usize = 30;

/// A passage that a search found, with its token vectors.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub hit: Hit,
    pub tokens: TokenVectors,
}

/// What orders the passages of one search; as weights, what each counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RankFeatures {
    /// The search's own score, 0 to 1.
    pub fused: f32,
    /// Cosine of question and passage.
    pub similarity: f32,
    /// [`Met::mean`].
    pub met: f32,
    /// The best fused score of another passage of the same document.
    pub page: f32,
    /// Share of the question's content words that the passage has.
    pub coverage: f32,
    /// 1 where a number is asked for and the passage has one.
    pub number: f32,
    /// 1 for a ticket where the question does not speak of tickets: a ticket
    /// tells one case, a page the rule.
    pub ticket: f32,
}

/// What tells whether the first passage answers; as weights, what each counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerFeatures {
    pub similarity: f32,
    /// The three of [`Met`].
    pub met: f32,
    pub weighted: f32,
    pub weakest: f32,
    /// Share of the question's content words that the passage has.
    pub coverage: f32,
    /// Share of the question's content words that no passage has.
    pub unmet: f32,
    /// 1 where a number is asked for and the passage has none.
    pub no_number: f32,
    /// Always 1.
    pub bias: f32,
}

#[derive(Deserialize)]
struct Weights {
    rank: RankFeatures,
    answer: AnswerFeatures,
}

static WEIGHTS: LazyLock<Weights> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../adapters/reader/weights.json"))
        .expect("a constant file that the tests read")
});

impl RankFeatures {
    pub fn score(&self) -> f32 {
        let w = &WEIGHTS.rank;
        w.fused * self.fused
            + w.similarity * self.similarity
            + w.met * self.met
            + w.page * self.page
            + w.coverage * self.coverage
            + w.number * self.number
            + w.ticket * self.ticket
    }
}

impl AnswerFeatures {
    /// How likely it is that the passage answers, 0 to 1.
    pub fn probability(&self) -> f32 {
        let w = &WEIGHTS.answer;
        let sum = w.similarity * self.similarity
            + w.met * self.met
            + w.weighted * self.weighted
            + w.weakest * self.weakest
            + w.coverage * self.coverage
            + w.unmet * self.unmet
            + w.no_number * self.no_number
            + w.bias * self.bias;
        1.0 / (1.0 + (-sum).exp())
    }
}

/// Notes in every passage how it meets the question. `candidates` are all of
/// one search, because a word tells more the fewer of them have it.
pub fn meet(question: &str, asked: &Encoded, candidates: &mut [Candidate]) {
    let words: Vec<HashSet<String>> = candidates.iter().map(|c| words_of(&c.hit)).collect();
    let weights = token_weights(question, asked, &words);
    for candidate in candidates {
        let similarity = candidate.hit.similarity;
        candidate.hit.met = match asked.tokens.nearest_in(&candidate.tokens) {
            Some(nearest) => met(&nearest, &weights),
            None => Met {
                mean: similarity,
                weighted: similarity,
                weakest: similarity,
            },
        };
    }
}

/// The features of every candidate, in their order. [`meet`] came before.
pub fn rank_features(question: &str, candidates: &[Candidate]) -> Vec<RankFeatures> {
    let asked = content_words(question);
    let number = asks_for_number(question);
    let about_tickets = speaks_of_tickets(question);
    let hits: Vec<&Hit> = candidates.iter().map(|c| &c.hit).collect();
    hits.iter()
        .enumerate()
        .map(|(i, hit)| {
            let same_page = |(j, other): &(usize, &&Hit)| *j != i && other.document == hit.document;
            let words = words_of(hit);
            RankFeatures {
                fused: hit.score,
                similarity: hit.similarity,
                met: hit.met.mean,
                page: hits
                    .iter()
                    .enumerate()
                    .filter(same_page)
                    .map(|(_, other)| other.score)
                    .fold(0.0, f32::max),
                coverage: share(&asked, |word| has_word(&words, word)),
                number: flag(number && has_digit(&hit.text)),
                ticket: flag(hit.kind == SourceKind::Tickets && !about_tickets),
            }
        })
        .collect()
}

/// How a hit answers, seen beside the other hits of its search.
pub fn answer_features(question: &str, hit: &Hit, hits: &[Hit]) -> AnswerFeatures {
    let asked = content_words(question);
    let words = words_of(hit);
    let all: Vec<HashSet<String>> = hits.iter().map(words_of).collect();
    let somewhere = |word: &str| all.iter().any(|words| has_word(words, word));
    AnswerFeatures {
        similarity: hit.similarity,
        met: hit.met.mean,
        weighted: hit.met.weighted,
        weakest: hit.met.weakest,
        coverage: share(&asked, |word| has_word(&words, word)),
        unmet: share(&asked, |word| !somewhere(word)),
        no_number: flag(asks_for_number(question) && !has_digit(&hit.text)),
        bias: 1.0,
    }
}

fn met(nearest: &[f32], weights: &[f32]) -> Met {
    let total: f32 = weights.iter().sum();
    let weighted = nearest.iter().zip(weights).map(|(m, w)| m * w).sum::<f32>();
    let weakest = nearest
        .iter()
        .zip(weights)
        .map(|(m, w)| 1.0 - (1.0 - m) * (w / TELLING).min(1.5))
        .fold(1.0, f32::min);
    Met {
        mean: nearest.iter().sum::<f32>() / nearest.len().max(1) as f32,
        weighted: weighted / total.max(f32::MIN_POSITIVE),
        weakest,
    }
}

/// Weight of a word that few passages have.
const TELLING: f32 = 4.0;
/// What a token counts that is part of no word.
const PUNCTUATION: f32 = 0.5;

/// Each token's inverse document frequency among the candidates (Robertson and
/// Spärck Jones, 1976), by the word that it is part of.
fn token_weights(question: &str, asked: &Encoded, passages: &[HashSet<String>]) -> Vec<f32> {
    let words: Vec<(usize, &str)> = question.unicode_word_indices().collect();
    let mut known: HashMap<usize, f32> = HashMap::new();
    asked
        .spans
        .iter()
        .map(|span| {
            let part_of =
                |(at, word): &&(usize, &str)| (*at..at + word.len()).contains(&span.start);
            let Some((at, word)) = words.iter().find(part_of) else {
                return PUNCTUATION;
            };
            *known.entry(*at).or_insert_with(|| {
                let stems = word_set(word);
                let has = |words: &&HashSet<String>| !stems.is_disjoint(words);
                let having = passages.iter().filter(has).count() as f32;
                let others = passages.len() as f32 - having;
                (1.0 + (others + 0.5) / (having + 0.5))
                    .ln()
                    .clamp(PUNCTUATION, 5.0)
            })
        })
        .collect()
}

fn words_of(hit: &Hit) -> HashSet<String> {
    let mut words = word_set(&hit.title);
    words.extend(word_set(&hit.section));
    words.extend(word_set(&hit.text));
    words
}

fn share(words: &[String], is_so: impl Fn(&str) -> bool) -> f32 {
    if words.is_empty() {
        return 0.0;
    }
    words.iter().filter(|word| is_so(word)).count() as f32 / words.len() as f32
}

fn flag(on: bool) -> f32 {
    if on { 1.0 } else { 0.0 }
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

fn asks_for_number(question: &str) -> bool {
    const AFTER_HOW: [&str; 9] = [
        "many", "much", "long", "fast", "quickly", "often", "high", "far", "soon",
    ];
    const ALONE: [&str; 16] = [
        "price", "cost", "costs", "fee", "max", "maximum", "minimum", "limit", "when", "until",
        "hours", "days", "weigh", "number", "percent", "budget",
    ];
    let question = question.to_lowercase();
    let words: Vec<&str> = question.unicode_words().collect();
    words.iter().any(|word| ALONE.contains(word))
        || words
            .windows(2)
            .any(|two| two[0] == "how" && AFTER_HOW.contains(&two[1]))
}

fn speaks_of_tickets(question: &str) -> bool {
    const WORDS: [&str; 9] = [
        "ticket",
        "tickets",
        "reported",
        "complained",
        "complaint",
        "complaints",
        "anyone",
        "anybody",
        "merchants",
    ];
    question
        .to_lowercase()
        .unicode_words()
        .any(|word| WORDS.contains(&word))
}
