//! Who has which slot of the cache, and what the slots still hold.
//!
//! A slot keeps its tokens after its request is done. A new request takes over
//! the longest beginning that its prompt shares with any slot, free or busy:
//! a system prompt is computed once. What a slot holds depends on the adapter
//! that wrote it, so only the same adapter's is taken.

use std::ops::Range;

/// Inactive slots in between are fed along where no more than this lie in a
/// row: two more rows cost less than another pass over the weights.
const GAP: usize = 2;

pub(super) struct Slots {
    slots: Vec<Slot>,
    /// Counts placements, to know the longest unused slot.
    turn: u64,
    /// Whether one slot can take over what another holds.
    can_copy: bool,
}

#[derive(Default)]
struct Slot {
    /// Tokens whose keys and values are in the cache, from the first on.
    held: Vec<u32>,
    adapter: Option<u64>,
    busy: bool,
    used: u64,
}

/// Where a request goes, and what is already there for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Placement {
    pub slot: usize,
    /// Slot that holds the beginning of the prompt: `slot` itself, or another.
    pub source: usize,
    /// Tokens to be taken from the source.
    pub tokens: usize,
}

impl Slots {
    pub fn new(slots: usize, can_copy: bool) -> Self {
        Self {
            slots: (0..slots).map(|_| Slot::default()).collect(),
            turn: 0,
            can_copy,
        }
    }

    /// Finds a free slot for a prompt and makes it busy; `None` where all are.
    /// Once the cache has taken over what it can, [`Slots::keep`] must say so.
    pub fn place(&mut self, prompt: &[u32], adapter: Option<u64>) -> Option<Placement> {
        // The last token is always fed: its logits choose the first one written.
        let usable = &prompt[..prompt.len().saturating_sub(1)];
        let shared = |slot: &Slot| match slot.adapter == adapter {
            true => common_prefix(&slot.held, usable),
            false => 0,
        };
        let free = |slot: usize| !self.slots[slot].busy;
        let sources = (0..self.slots.len()).filter(|&slot| self.can_copy || free(slot));
        let source = sources.max_by_key(|&slot| (shared(&self.slots[slot]), free(slot)))?;
        let tokens = shared(&self.slots[source]);
        // Where the source holds much else, that is better kept.
        let little_is_lost = !self.can_copy || 2 * tokens > self.slots[source].held.len();
        let slot = if tokens > 0 && free(source) && little_is_lost {
            source
        } else {
            self.free_slot()?
        };
        self.turn += 1;
        let taken = &mut self.slots[slot];
        taken.busy = true;
        taken.used = self.turn;
        Some(Placement {
            slot,
            source,
            tokens,
        })
    }

    /// The free slot nearest to the busy ones, so that few inactive rows lie
    /// in between; of equally near ones the longest unused.
    fn free_slot(&self) -> Option<usize> {
        let mut busy = (0..self.slots.len()).filter(|&slot| self.slots[slot].busy);
        let first = busy.next();
        let range = first.map(|first| first..busy.next_back().unwrap_or(first) + 1);
        let distance = |slot: usize| match &range {
            Some(range) if slot < range.start => range.start - slot,
            Some(range) if slot >= range.end => slot + 1 - range.end,
            _ => 0,
        };
        (0..self.slots.len())
            .filter(|&slot| !self.slots[slot].busy)
            .min_by_key(|&slot| (distance(slot), self.slots[slot].used))
    }

    /// Says that a slot now holds exactly these tokens, written with this adapter.
    pub fn keep(&mut self, slot: usize, tokens: &[u32], adapter: Option<u64>) {
        let slot = &mut self.slots[slot];
        slot.held.clear();
        slot.held.extend_from_slice(tokens);
        slot.adapter = adapter;
    }

    /// Says that tokens were fed behind those that the slot holds.
    pub fn fed(&mut self, slot: usize, tokens: &[u32]) {
        self.slots[slot].held.extend_from_slice(tokens);
    }

    /// Tokens that a slot holds.
    pub fn held(&self, slot: usize) -> usize {
        self.slots[slot].held.len()
    }

    pub fn release(&mut self, slot: usize) {
        self.slots[slot].busy = false;
    }
}

fn common_prefix(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Runs of neighbouring slots that hold all of `active`, which are in order.
/// With `together`, short gaps of inactive slots are bridged.
pub(super) fn neighbours(active: &[usize], together: bool) -> Vec<Range<usize>> {
    let gap = if together { GAP } else { 0 };
    let mut runs: Vec<Range<usize>> = Vec::new();
    for &slot in active {
        match runs.last_mut() {
            Some(run) if slot <= run.end + gap => run.end = slot + 1,
            _ => runs.push(slot..slot + 1),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(slots: &mut Slots, prompt: &[u32], adapter: Option<u64>) -> Option<Placement> {
        let placement = slots.place(prompt, adapter)?;
        slots.keep(placement.slot, prompt, adapter);
        Some(placement)
    }

    fn at(slot: usize, source: usize, tokens: usize) -> Option<Placement> {
        Some(Placement {
            slot,
            source,
            tokens,
        })
    }

    #[test]
    fn prompt_takes_over_what_a_busy_slot_shares_with_it() {
        let mut slots = Slots::new(3, true);
        placed(&mut slots, &[1, 2, 3, 4], None);
        assert_eq!(placed(&mut slots, &[1, 2, 3, 9], None), at(1, 0, 3));
    }

    #[test]
    fn last_token_of_a_prompt_is_always_fed() {
        let mut slots = Slots::new(1, true);
        placed(&mut slots, &[1, 2, 3], None);
        slots.release(0);
        assert_eq!(placed(&mut slots, &[1, 2, 3], None), at(0, 0, 2));
    }

    #[test]
    fn follow_up_goes_on_in_the_slot_of_its_conversation() {
        let mut slots = Slots::new(2, true);
        placed(&mut slots, &[1, 2, 3, 4], None);
        slots.release(0);
        assert_eq!(placed(&mut slots, &[1, 2, 3, 4, 5, 6], None), at(0, 0, 4));
    }

    #[test]
    fn long_conversation_is_not_overwritten_for_a_short_common_prefix() {
        let mut slots = Slots::new(2, true);
        placed(&mut slots, &[1, 2, 3, 4, 5, 6, 7, 8], None);
        slots.release(0);
        assert_eq!(placed(&mut slots, &[1, 2, 9], None), at(1, 0, 2));
    }

    #[test]
    fn nothing_is_taken_from_another_adapter() {
        let mut slots = Slots::new(2, true);
        placed(&mut slots, &[1, 2, 3], Some(7));
        let placement = placed(&mut slots, &[1, 2, 3], None).expect("a slot is free");
        assert_eq!((placement.slot, placement.tokens), (1, 0));
    }

    #[test]
    fn where_slots_cant_be_copied_only_a_free_slots_own_tokens_are_kept() {
        let mut slots = Slots::new(2, false);
        placed(&mut slots, &[1, 2, 3, 4], None);
        let second = placed(&mut slots, &[1, 2, 3, 5], None).expect("a slot is free");
        assert_eq!((second.slot, second.tokens), (1, 0));
        slots.release(0);
        assert_eq!(placed(&mut slots, &[1, 2, 9], None), at(0, 0, 2));
    }

    #[test]
    fn no_slot_is_free_until_one_is_released() {
        let mut slots = Slots::new(1, true);
        assert!(slots.place(&[1, 2], None).is_some());
        assert!(slots.place(&[3, 4], None).is_none());
        slots.release(0);
        assert!(slots.place(&[3, 4], None).is_some());
    }

    #[test]
    fn requests_are_placed_next_to_one_another() {
        let mut slots = Slots::new(8, true);
        for (prompt, expected) in [([1, 1], 0), ([2, 2], 1), ([3, 3], 2)] {
            let placement = placed(&mut slots, &prompt, None).expect("a slot is free");
            assert_eq!(placement.slot, expected);
        }
        slots.release(1);
        let placement = placed(&mut slots, &[4, 4], None).expect("a slot is free");
        assert_eq!(placement.slot, 1);
    }

    #[test]
    fn short_gaps_are_bridged_and_long_ones_are_not() {
        assert_eq!(neighbours(&[0, 3, 7], true), [0..4, 7..8]);
        assert_eq!(neighbours(&[0, 1, 3], false), [0..2, 3..4]);
        assert!(neighbours(&[], true).is_empty());
    }
}
