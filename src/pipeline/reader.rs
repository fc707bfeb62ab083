//! The reader: which of the found passages answer a question, and whether any does.
//!
//! Two linear heads over a few features of question and passage; the strongest
//! are late interaction of token vectors that were made when the passage was
//! ingested, so no model runs on passages while somebody waits. The weights
//! lie in `adapters/reader/weights.json`; the README beside it tells where
//! they come from.

use super::{
    grounding::{coverage, word_set},
    unknown::names_something_unknown,
};
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
    /// [`Met::mean`].
    pub met: f32,
    /// The best fused score of another passage of the same document.
    pub page: f32,
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
    /// Cosine of question and passage.
    pub similarity: f32,
    /// [`Met::weighted`].
    pub weighted: f32,
    /// [`Met::weakest`].
    pub weakest: f32,
    /// Share of the question's content words that the passage has.
    pub coverage: f32,
    /// 1 where a number is asked for and the passage has none.
    pub no_number: f32,
    /// 1 where the question names something that nothing found mentions.
    pub unknown_name: f32,
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
            + w.met * self.met
            + w.page * self.page
            + w.number * self.number
            + w.ticket * self.ticket
    }
}

impl AnswerFeatures {
    /// How likely it is that the passage answers, 0 to 1.
    pub fn probability(&self) -> f32 {
        let w = &WEIGHTS.answer;
        let sum = w.similarity * self.similarity
            + w.weighted * self.weighted
            + w.weakest * self.weakest
            + w.coverage * self.coverage
            + w.no_number * self.no_number
            + w.unknown_name * self.unknown_name
            + w.bias * self.bias;
        1.0 / (1.0 + (-sum).exp())
    }
}

/// Notes in every passage how it meets the question. `candidates` are all of
/// one search, because a word tells more the fewer of them have it.
pub fn meet(question: &str, asked: &Encoded, candidates: &mut [Candidate]) {
    let words: Vec<HashSet<String>> = candidates
        .iter()
        .map(|c| word_set(&full_text(&c.hit)))
        .collect();
    let weights = token_weights(question, asked, &words);
    let unknown_name = names_something_unknown(question, asked, &words);
    for candidate in candidates {
        let similarity = candidate.hit.similarity;
        let met = match asked.tokens.nearest_in(&candidate.tokens) {
            Some(nearest) => met(&nearest, &weights),
            None => Met {
                mean: similarity,
                weighted: similarity,
                weakest: similarity,
                ..Met::default()
            },
        };
        candidate.hit.met = Met {
            unknown_name,
            ..met
        };
    }
}

/// The features of every candidate, in their order. [`meet`] came before.
pub fn rank_features(question: &str, candidates: &[Candidate]) -> Vec<RankFeatures> {
    let number = asks_for_number(question);
    let about_tickets = speaks_of_tickets(question);
    let hits: Vec<&Hit> = candidates.iter().map(|c| &c.hit).collect();
    hits.iter()
        .enumerate()
        .map(|(i, hit)| {
            let same_page = |(j, other): &(usize, &&Hit)| *j != i && other.document == hit.document;
            RankFeatures {
                fused: hit.score,
                met: hit.met.mean,
                page: hits
                    .iter()
                    .enumerate()
                    .filter(same_page)
                    .map(|(_, other)| other.score)
                    .fold(0.0, f32::max),
                number: flag(number && has_digit(&hit.text)),
                ticket: flag(hit.kind == SourceKind::Tickets && !about_tickets),
            }
        })
        .collect()
}

/// How a hit answers.
pub fn answer_features(question: &str, hit: &Hit) -> AnswerFeatures {
    AnswerFeatures {
        similarity: hit.similarity,
        weighted: hit.met.weighted,
        weakest: hit.met.weakest,
        coverage: coverage(question, &full_text(hit)),
        no_number: flag(asks_for_number(question) && !has_digit(&hit.text)),
        unknown_name: flag(hit.met.unknown_name),
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
        ..Met::default()
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

fn full_text(hit: &Hit) -> String {
    format!("{} {} {}", hit.title, hit.section, hit.text)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::DocumentId;

    fn candidate(document: &str, text: &str, score: f32, tokens: &[f32]) -> Candidate {
        Candidate {
            hit: Hit {
                document: DocumentId::new(document),
                source: "docs".into(),
                kind: SourceKind::Documents,
                title: String::new(),
                locator: document.into(),
                section: String::new(),
                version: String::new(),
                date: None,
                owner: None,
                superseded: false,
                edition: None,
                timeless: false,
                copies: Vec::new(),
                text: text.into(),
                position: 0,
                score,
                similarity: 0.4,
                met: Met::default(),
            },
            tokens: TokenVectors::quantize(2, tokens),
        }
    }

    fn asked(question: &str, tokens: &[f32]) -> Encoded {
        let spans = question
            .unicode_word_indices()
            .map(|(at, word)| at..at + word.len())
            .collect();
        Encoded {
            vector: Vec::new(),
            tokens: TokenVectors::quantize(2, tokens),
            spans,
        }
    }

    #[test]
    fn passage_that_meets_every_word_goes_before_one_with_a_better_fused_score() {
        let question = "roam battery";
        let asked = asked(question, &[1.0, 0.0, 0.0, 1.0]);
        let mut found = [
            candidate("kiosk.md", "The Roam is small.", 0.9, &[1.0, 0.0]),
            candidate(
                "roam.md",
                "Roam runs for hours.",
                0.6,
                &[1.0, 0.0, 0.0, 1.0],
            ),
        ];
        meet(question, &asked, &mut found);
        let scores: Vec<f32> = rank_features(question, &found)
            .iter()
            .map(RankFeatures::score)
            .collect();
        assert!(scores[1] > scores[0], "{scores:?}");
    }

    #[test]
    fn word_that_no_passage_has_counts_more_than_one_that_all_have() {
        let question = "terminal dog";
        let asked = asked(question, &[1.0, 0.0, 0.0, 1.0]);
        let terminal = || candidate("a.md", "The terminal.", 0.5, &[1.0, 0.0]);
        let mut found = [terminal(), terminal(), terminal(), terminal()];
        meet(question, &asked, &mut found);
        let met = found[0].hit.met;
        assert!(met.weighted < met.mean && met.weakest < met.mean, "{met:?}");
    }

    #[test]
    fn without_token_vectors_the_cosine_stands_for_them() {
        let mut found = [candidate("a.md", "Text.", 0.5, &[])];
        meet("text", &Encoded::default(), &mut found);
        assert_eq!(found[0].hit.met.weighted, 0.4);
    }

    #[test]
    fn second_passage_of_a_page_speaks_for_the_first() {
        let found = [
            candidate("a.md", "One.", 0.8, &[]),
            candidate("b.md", "Two.", 0.7, &[]),
            candidate("a.md", "Three.", 0.6, &[]),
        ];
        let pages: Vec<f32> = rank_features("one", &found)
            .iter()
            .map(|f| f.page)
            .collect();
        assert_eq!(pages, [0.6, 0.0, 0.8]);
    }

    #[test]
    fn question_for_a_number_is_known_by_its_words() {
        let check = |question: &str, expected: bool| {
            assert_eq!(asks_for_number(question), expected, "{question}");
        };
        check("How long is the trial period?", true);
        check("max tidepool workers??", true);
        check("Who started this company", false);
        check("how do I reset it", false);
    }

    #[test]
    fn probability_lies_between_0_and_1_and_grows_with_what_is_met() {
        let poor = AnswerFeatures {
            bias: 1.0,
            ..AnswerFeatures::default()
        };
        let good = AnswerFeatures {
            similarity: 0.7,
            weighted: 0.8,
            weakest: 0.6,
            coverage: 1.0,
            ..poor
        };
        assert!(0.0 < poor.probability() && poor.probability() < 0.5);
        assert!(0.5 < good.probability() && good.probability() < 1.0);
    }
}
