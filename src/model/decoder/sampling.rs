//! The choice of the next token from a model's logits.
//!
//! The steps and their order are those of transformers: repetition penalty,
//! temperature, top-k, top-p, min-p, one draw. At temperature 0 the likeliest
//! token is taken. A logit that is not a number is never chosen.

use crate::domain::Sampling;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{cmp::Ordering, collections::BinaryHeap};

pub(super) struct Sampler {
    sampling: Sampling,
    rng: StdRng,
    /// By token id: the penalty counts once, however often a token was seen.
    penalised: Vec<bool>,
}

impl Sampler {
    pub(super) fn new(sampling: &Sampling) -> Self {
        Self {
            rng: StdRng::seed_from_u64(sampling.seed),
            sampling: sampling.clone(),
            penalised: Vec::new(),
        }
    }

    /// The id of the next token. `logits` has one entry a token of the
    /// vocabulary and is changed by the penalty; minus infinity forbids a
    /// token. `seen` are the tokens of prompt and answer so far. Where nothing
    /// is allowed the answer is 0, which the caller's constraint would refuse.
    pub(super) fn choose(&mut self, logits: &mut [f32], seen: &[u32]) -> u32 {
        self.penalise(logits, seen);
        let drawn = if self.sampling.temperature > 0.0 {
            let candidates = self.candidates(logits);
            self.draw(&candidates)
        } else {
            None
        };
        drawn.unwrap_or_else(|| likeliest(logits))
    }

    /// Keskar et al. (2019): a seen token's logit moves towards "unlikely".
    fn penalise(&mut self, logits: &mut [f32], seen: &[u32]) {
        let penalty = self.sampling.repetition_penalty;
        let has_effect = penalty > 0.0 && penalty != 1.0;
        if !has_effect {
            return;
        }
        self.penalised.clear();
        self.penalised.resize(logits.len(), false);
        for &id in seen {
            let id = id as usize;
            if self.penalised.get(id) == Some(&false) {
                self.penalised[id] = true;
                let logit = &mut logits[id];
                if *logit > 0.0 {
                    *logit /= penalty;
                } else {
                    *logit *= penalty;
                }
            }
        }
    }

    /// The tokens that may be drawn, in an order that depends on the logits alone.
    fn candidates(&self, logits: &[f32]) -> Vec<Candidate> {
        let mut candidates = weigh(logits, self.sampling.temperature);
        keep_likeliest(&mut candidates, self.sampling.top_k);
        if self.sampling.top_p < 1.0 {
            candidates = nucleus(candidates, self.sampling.top_p);
        }
        // The likeliest has weight 1, so a weight is already a share of it.
        let least = self.sampling.min_p.min(1.0);
        if least > 0.0 {
            candidates.retain(|candidate| candidate.weight >= least);
        }
        candidates
    }

    fn draw(&mut self, candidates: &[Candidate]) -> Option<u32> {
        let mut left = self.rng.random::<f64>() * mass(candidates);
        for candidate in candidates {
            left -= f64::from(candidate.weight);
            if left < 0.0 {
                return Some(candidate.id);
            }
        }
        // Rounding may leave a rest behind the last one.
        candidates.last().map(|candidate| candidate.id)
    }
}

/// A token and its probability, divided by that of the likeliest token.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    weight: f32,
    id: u32,
}

/// By weight; of two alike the lower id is the greater, so that it comes first.
impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_weight = self.weight.total_cmp(&other.weight);
        by_weight.then(other.id.cmp(&self.id))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

/// The lowest id among the greatest logits.
fn likeliest(logits: &[f32]) -> u32 {
    // In lanes, which a processor compares at once: a vocabulary is long.
    let mut greatest = [f32::NEG_INFINITY; LANES];
    let (lanes, rest) = logits.as_chunks::<LANES>();
    for lane in lanes {
        for (greatest, &logit) in greatest.iter_mut().zip(lane) {
            *greatest = if logit > *greatest { logit } else { *greatest };
        }
    }
    let top = greatest.iter().chain(rest).copied();
    let top = top.fold(f32::NEG_INFINITY, f32::max);
    let id = logits.iter().position(|&logit| logit == top);
    id.unwrap_or(0) as u32
}

const LANES: usize = 16;

/// Softmax without the division by its sum, in the order of the ids.
fn weigh(logits: &[f32], temperature: f32) -> Vec<Candidate> {
    let allowed = || {
        let numbers = logits.iter().enumerate();
        let allowed = numbers.filter(|(_, logit)| **logit > f32::NEG_INFINITY);
        // Infinity minus infinity would be no number.
        allowed.map(|(id, logit)| (id, logit.min(f32::MAX)))
    };
    let top = allowed().map(|(_, logit)| logit).fold(f32::MIN, f32::max);
    let weight = |logit: f32| ((logit - top) / temperature).exp();
    let candidates = allowed().map(|(id, logit)| Candidate {
        weight: weight(logit),
        id: id as u32,
    });
    candidates.collect()
}

/// Keeps the `k` likeliest, and those as likely as the last of them.
fn keep_likeliest(candidates: &mut Vec<Candidate>, k: usize) {
    if k == 0 || k >= candidates.len() {
        return;
    }
    let mut weights: Vec<f32> = candidates.iter().map(|c| c.weight).collect();
    let (_, &mut least, _) = weights.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
    candidates.retain(|candidate| candidate.weight >= least);
}

/// The fewest of the likeliest that have `share` of the probability together
/// (Holtzman et al., 2020); never fewer than one.
fn nucleus(candidates: Vec<Candidate>, share: f32) -> Vec<Candidate> {
    let wanted = f64::from(share) * mass(&candidates);
    // A heap, because the nucleus is a few tokens of a hundred thousand.
    let mut rest = BinaryHeap::from(candidates);
    let mut kept = Vec::new();
    let mut total = 0.0;
    while let Some(next) = rest.pop() {
        total += f64::from(next.weight);
        kept.push(next);
        if total >= wanted {
            break;
        }
    }
    kept
}

fn mass(candidates: &[Candidate]) -> f64 {
    candidates.iter().map(|c| f64::from(c.weight)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NEVER: f32 = f32::NEG_INFINITY;

    fn warm() -> Sampling {
        Sampling {
            temperature: 1.0,
            ..Sampling::default()
        }
    }

    fn choose(sampling: &Sampling, logits: &[f32], seen: &[u32]) -> u32 {
        Sampler::new(sampling).choose(&mut logits.to_vec(), seen)
    }

    /// Logits of these probabilities.
    fn logits(probabilities: &[f32]) -> Vec<f32> {
        probabilities.iter().map(|p| p.ln()).collect()
    }

    /// How often each token came in twenty thousand draws, against what was
    /// expected; the tolerance is more than four standard deviations.
    fn check_shares(sampling: &Sampling, logits: &[f32], expected: &[f64]) {
        const DRAWS: usize = 20_000;
        let mut sampler = Sampler::new(sampling);
        let mut counts = vec![0; logits.len()];
        for _ in 0..DRAWS {
            counts[sampler.choose(&mut logits.to_vec(), &[]) as usize] += 1;
        }
        for (id, (count, share)) in counts.iter().zip(expected).enumerate() {
            let found = f64::from(*count) / DRAWS as f64;
            assert!(
                (found - share).abs() < 0.015,
                "token {id}: {found}, not {share}"
            );
            assert!(*share > 0.0 || *count == 0, "token {id} was cut off");
        }
    }

    #[test]
    fn greedy_choice_is_the_lowest_id_among_the_likeliest() {
        let greedy = Sampling::default();
        assert_eq!(choose(&greedy, &[0.5, 2.0, 2.0, -1.0], &[]), 1);
        assert_eq!(choose(&greedy, &[f32::NAN, -3.0, f32::NAN, -2.0], &[]), 3);
        assert_eq!(choose(&greedy, &[f32::NAN, NEVER], &[]), 1);
        assert_eq!(choose(&greedy, &[0.0, f32::INFINITY], &[]), 1);
    }

    #[test]
    fn empty_and_forbidden_vocabularies_do_not_panic() {
        for sampling in [Sampling::default(), warm()] {
            assert_eq!(choose(&sampling, &[], &[3]), 0);
            assert_eq!(choose(&sampling, &[NEVER; 4], &[3]), 0);
            assert_eq!(choose(&sampling, &[f32::NAN; 4], &[3]), 0);
        }
    }

    #[test]
    fn draws_follow_the_softmax_of_the_logits() {
        let of_four = logits(&[0.1, 0.4, 0.2, 0.3]);
        check_shares(&warm(), &of_four, &[0.1, 0.4, 0.2, 0.3]);
        // Squared and divided by their sum, 0.3.
        let cooler = Sampling {
            temperature: 0.5,
            ..warm()
        };
        check_shares(&cooler, &of_four, &[0.0333, 0.5333, 0.1333, 0.3]);
    }

    #[test]
    fn top_k_top_p_and_min_p_cut_in_this_order() {
        let of_five = logits(&[0.40, 0.05, 0.25, 0.20, 0.10]);
        let check = |sampling: Sampling, expected: &[f64]| {
            check_shares(&sampling, &of_five, expected);
        };
        let top_k = Sampling { top_k: 3, ..warm() };
        check(top_k.clone(), &[0.4706, 0.0, 0.2941, 0.2353, 0.0]);
        let top_p = Sampling {
            top_p: 0.6,
            ..warm()
        };
        check(top_p, &[0.6154, 0.0, 0.3846, 0.0, 0.0]);
        // The first has 0.47 of the three that top-k left, and 0.40 of all five.
        let both = Sampling {
            top_p: 0.45,
            ..top_k
        };
        check(both, &[1.0, 0.0, 0.0, 0.0, 0.0]);
        let min_p = Sampling {
            min_p: 0.3,
            ..warm()
        };
        check(min_p, &[0.4706, 0.0, 0.2941, 0.2353, 0.0]);
    }

    /// The figures are what transformers 4.57 gives for these settings.
    #[test]
    fn all_steps_together_give_the_distribution_of_transformers() {
        let sampling = Sampling {
            temperature: 1.5,
            top_k: 4,
            top_p: 0.9,
            min_p: 0.35,
            ..Sampling::default()
        };
        let of_five = logits(&[0.40, 0.05, 0.25, 0.20, 0.10]);
        check_shares(&sampling, &of_five, &[0.3626, 0.0, 0.2651, 0.2284, 0.1439]);
    }

    #[test]
    fn tokens_as_likely_as_the_last_of_the_top_k_stay() {
        let top_k = Sampling { top_k: 2, ..warm() };
        let tied = logits(&[0.4, 0.2, 0.2, 0.2]);
        check_shares(&top_k, &tied, &[0.4, 0.2, 0.2, 0.2]);
    }

    #[test]
    fn repetition_penalty_divides_positive_and_multiplies_negative_logits_once() {
        let sampling = Sampling {
            repetition_penalty: 2.0,
            ..Sampling::default()
        };
        let mut logits = [4.0, -1.0, 3.0, NEVER];
        let chosen = Sampler::new(&sampling).choose(&mut logits, &[0, 0, 1, 3, 99]);
        assert_eq!(logits, [2.0, -2.0, 3.0, NEVER]);
        assert_eq!(chosen, 2);
    }

    #[test]
    fn same_seed_draws_the_same_tokens() {
        let draws = |seed| {
            let mut sampler = Sampler::new(&Sampling { seed, ..warm() });
            let draws = (0..40).map(|_| sampler.choose(&mut [0.0; 50], &[]));
            draws.collect::<Vec<u32>>()
        };
        assert_eq!(draws(7), draws(7));
        assert_ne!(draws(7), draws(8));
    }

    fn any_logit() -> impl Strategy<Value = f32> {
        prop_oneof![
            8 => -30.0f32..30.0,
            1 => Just(NEVER),
            1 => prop::num::f32::ANY,
        ]
    }

    proptest! {
        #[test]
        fn forbidden_token_is_never_chosen(
            logits in prop::collection::vec(any_logit(), 0..60),
            seen in prop::collection::vec(0u32..80, 0..20),
            temperature in prop_oneof![Just(0.0f32), 1e-30f32..4.0, prop::num::f32::ANY],
            top_k in 0usize..70,
            top_p in prop_oneof![-0.5f32..1.5, prop::num::f32::ANY],
            min_p in prop_oneof![-0.5f32..1.5, prop::num::f32::ANY],
            repetition_penalty in prop_oneof![0.5f32..3.0, prop::num::f32::ANY],
            seed in any::<u64>(),
        ) {
            let sampling = Sampling { temperature, top_k, top_p, min_p, repetition_penalty, seed };
            let mut penalised = logits.clone();
            let chosen = Sampler::new(&sampling).choose(&mut penalised, &seen) as usize;
            let allowed = |logit: &f32| *logit > NEVER;
            if penalised.iter().any(allowed) {
                prop_assert!(allowed(&penalised[chosen]), "{chosen} of {penalised:?}");
            } else {
                prop_assert!(chosen < logits.len().max(1));
            }
        }

        #[test]
        fn chosen_token_is_one_of_the_top_k(
            logits in prop::collection::vec(-30.0f32..30.0, 1..60),
            top_k in 1usize..10,
            seed in any::<u64>(),
        ) {
            let sampling = Sampling { temperature: 3.0, top_k, seed, ..Sampling::default() };
            let chosen = logits[choose(&sampling, &logits, &[]) as usize];
            let likelier = logits.iter().filter(|logit| **logit > chosen).count();
            prop_assert!(likelier < top_k);
        }

        #[test]
        fn tokens_likelier_than_the_chosen_one_do_not_fill_top_p(
            logits in prop::collection::vec(-5.0f32..5.0, 1..60),
            top_p in 0.0f32..1.0,
            seed in any::<u64>(),
        ) {
            let sampling = Sampling { temperature: 1.0, top_p, seed, ..Sampling::default() };
            let chosen = logits[choose(&sampling, &logits, &[]) as usize];
            let weigh = |logit: &f32| f64::from(*logit).exp();
            let total: f64 = logits.iter().map(weigh).sum();
            let before: f64 = logits.iter().filter(|logit| **logit > chosen).map(weigh).sum();
            prop_assert!(before == 0.0 || before / total < f64::from(top_p) + 1e-5);
        }
    }
}
