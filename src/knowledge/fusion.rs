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
pub const DENSE_SHARE: f32 = 0.5;

/// Convex combination of normalised scores (Bruch, Gai and Ingber, 2023,
/// "An Analysis of Fusion Functions for Hybrid Retrieval"): each score is
/// scaled by its least possible value and the best of this search. `cosines`
/// holds every passage that either search found; best first, 0 to 1.
pub fn fuse(cosines: &[Found], keyword: &[Found]) -> Vec<Fused> {
    let bm25: HashMap<PassageId, f32> = keyword.iter().map(|found| (found.id, found.score)).collect();
    let best = |found: &[Found], least: f32| {
        found.iter().map(|found| found.score).fold(least, f32::max)
    };
    let (best_cosine, best_bm25) = (best(cosines, 0.0), best(keyword, 0.0));
    let mut fused: Vec<Fused> = cosines
        .iter()
        .map(|&Found { id, score: similarity }| {
            let dense = (similarity + 1.0) / (best_cosine + 1.0);
            let sparse = bm25.get(&id).map_or(0.0, |score| score / best_bm25.max(f32::MIN_POSITIVE));
            Fused { id, score: DENSE_SHARE * dense + (1.0 - DENSE_SHARE) * sparse, similarity }
        })
        .collect();
    sort_by_score(&mut fused);
    fused
}

/// Best first; equal scores in order of id, so that a search repeated gives the same list.
pub fn sort_by_score(fused: &mut [Fused]) {
    fused.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
}
