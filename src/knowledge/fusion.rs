//! Two rankings become one.

use super::index::{Found, PassageId};
use std::collections::HashMap;

/// A passage with its fused score and its cosine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fused {
    pub id: PassageId,
    pub score: f32,
    pub similarity: f32,
}

/// How much of the score is the dense search's.
const DENSE_SHARE: f32 = 0.55;

/// Convex combination of min-max normalised scores (Bruch, Gai and Ingber,
/// 2023, "An Analysis of Fusion Functions for Hybrid Retrieval"), best first,
/// 0 to 1.
///
/// `nearest` is what the dense search found, `others` the cosines of what only
/// the keyword search found. A cosine counts by where it lies between the
/// worst and the best of `nearest`, a BM25 score by its part of the best one.
pub fn fuse(nearest: &[Found], others: &[Found], keyword: &[Found]) -> Vec<Fused> {
    let bm25: HashMap<PassageId, f32> = keyword
        .iter()
        .map(|found| (found.id, found.score))
        .collect();
    let best_bm25 = keyword
        .iter()
        .map(|found| found.score)
        .fold(f32::MIN_POSITIVE, f32::max);
    let least = nearest.iter().map(|found| found.score).fold(1.0, f32::min);
    let best = nearest.iter().map(|found| found.score).fold(-1.0, f32::max);
    let mut fused: Vec<Fused> = nearest
        .iter()
        .chain(others)
        .map(
            |&Found {
                 id,
                 score: similarity,
             }| {
                // Where all are alike, all are the best.
                let dense = if best > least {
                    ((similarity - least) / (best - least)).clamp(0.0, 1.0)
                } else {
                    1.0
                };
                let sparse = bm25.get(&id).map_or(0.0, |score| score / best_bm25);
                Fused {
                    id,
                    score: DENSE_SHARE * dense + (1.0 - DENSE_SHARE) * sparse,
                    similarity,
                }
            },
        )
        .collect();
    sort_by_score(&mut fused);
    fused
}

/// Best first; equal scores in order of id, so that a search repeated gives the same list.
fn sort_by_score(fused: &mut [Fused]) {
    fused.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(n: u128, score: f32) -> Found {
        Found {
            id: PassageId::from_u128(n),
            score,
        }
    }

    fn order(nearest: &[Found], others: &[Found], keyword: &[Found]) -> Vec<u128> {
        fuse(nearest, others, keyword)
            .iter()
            .map(|f| f.id.as_u128())
            .collect()
    }

    #[test]
    fn passage_that_both_searches_found_comes_first() {
        let nearest = [found(1, 0.8), found(2, 0.7), found(3, 0.2)];
        assert_eq!(
            order(&nearest, &[found(4, 0.1)], &[found(2, 9.0), found(4, 8.0)]),
            [2, 1, 4, 3]
        );
    }

    #[test]
    fn one_search_alone_keeps_its_order() {
        assert_eq!(order(&[found(1, 0.8), found(2, 0.7)], &[], &[]), [1, 2]);
        assert_eq!(
            order(
                &[],
                &[found(1, 0.1), found(2, 0.1)],
                &[found(2, 9.0), found(1, 8.0)]
            ),
            [2, 1]
        );
        assert_eq!(order(&[], &[], &[]), [0u128; 0]);
    }

    #[test]
    fn scores_lie_between_0_and_1() {
        let fused = fuse(
            &[found(1, 0.5), found(2, 0.5)],
            &[found(3, -0.4)],
            &[found(3, 2.0), found(1, 1.0)],
        );
        assert!(
            fused.iter().all(|f| (0.0..=1.0).contains(&f.score)),
            "{fused:?}"
        );
    }
}
