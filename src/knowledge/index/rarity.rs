//! How rare a word is, as keyword search weighs it.
//!
//! Promise: counted over the passages that the asker may see and no others, so
//! that the order of a result tells nothing of what is hidden: a passage one
//! may not see weighs as little as one that does not exist.

use crate::{domain::Access, knowledge::terms::TermVector};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Inverse document frequency of BM25 (Robertson and Zaragoza, 2009), as Qdrant
/// has it: ln((N - n + 0.5) / (n + 0.5) + 1) for a term that n of N passages have.
fn inverse_frequency(passages: usize, having: usize) -> f32 {
    // Counted one after the other: a write between them must give no NaN.
    let (passages, n) = (passages.max(having) as f32, having as f32);
    ((passages - n + 0.5) / (n + 0.5) + 1.0).ln()
}

/// The question's terms, each weighed by how many of the `passages` have it.
pub fn weigh(terms: &TermVector, passages: usize, having: &[usize]) -> TermVector {
    let weighed = terms.indices.iter().zip(&terms.values).zip(having);
    weighed
        .map(|((&term, &weight), &n)| (term, weight * inverse_frequency(passages, n)))
        .collect()
}

/// Another process may have written since; the weights move with its logarithm.
const LIFETIME: Duration = Duration::from_secs(60);

/// Rights, and terms for each of them, that are remembered at a time.
const MOST_RIGHTS: usize = 200;
const MOST_TERMS: usize = 5_000;

/// How many passages there are to see with some rights, and how many of them
/// have a term: counting costs more than the search itself.
#[derive(Debug, Default)]
pub struct VisibleCounts(Mutex<HashMap<Access, Counted>>);

#[derive(Debug)]
struct Counted {
    since: Instant,
    /// Of all passages at `None`.
    counts: HashMap<Option<u32>, usize>,
}

impl VisibleCounts {
    /// Passages that have the term; without one, all.
    pub fn get(&self, access: &Access, term: Option<u32>) -> Option<usize> {
        let rights = self.lock();
        let counted = rights.get(access)?;
        let is_fresh = counted.since.elapsed() < LIFETIME;
        counted.counts.get(&term).copied().filter(|_| is_fresh)
    }

    pub fn put(&self, access: &Access, term: Option<u32>, count: usize) {
        let mut rights = self.lock();
        if rights.len() >= MOST_RIGHTS && !rights.contains_key(access) {
            rights.clear();
        }
        let anew = || Counted {
            since: Instant::now(),
            counts: HashMap::new(),
        };
        let counted = rights.entry(access.clone()).or_insert_with(anew);
        if counted.since.elapsed() >= LIFETIME || counted.counts.len() >= MOST_TERMS {
            *counted = anew();
        }
        counted.counts.insert(term, count);
    }

    /// After a write.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Access, Counted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rarer_term_weighs_more_and_no_count_gives_nonsense() {
        let terms: TermVector = [(1, 1.0), (2, 1.0), (3, 2.0)].into_iter().collect();
        let weighed = weigh(&terms, 10, &[10, 1, 1]);
        assert_eq!(weighed.indices, terms.indices);
        assert!(weighed.values[0] < weighed.values[1]);
        assert_eq!(weighed.values[2], 2.0 * weighed.values[1]);
        for (passages, having) in [(0, 0), (0, 3), (5, 5), (usize::MAX, 0)] {
            let weight = inverse_frequency(passages, having);
            assert!(weight.is_finite() && weight > 0.0, "{passages} {having}");
        }
    }

    #[test]
    fn count_is_kept_for_each_right_until_a_write() {
        let counts = VisibleCounts::default();
        let (all, board) = (Access::everyone(), Access::member_of(["board"]));
        counts.put(&all, None, 7);
        counts.put(&all, Some(3), 2);
        assert_eq!(counts.get(&all, None), Some(7));
        assert_eq!(counts.get(&all, Some(3)), Some(2));
        assert_eq!(counts.get(&all, Some(4)), None);
        assert_eq!(counts.get(&board, None), None);
        counts.clear();
        assert_eq!(counts.get(&all, None), None);
    }
}
