//! Who has which slot of the cache, and what the slots still hold.
//!
//! A slot keeps its tokens after its request is done. Whatever a prompt shares
//! with any slot, free or busy, from its first token on, is taken over from
//! there: a system prompt is computed once. What a slot holds depends on the
//! adapter that wrote it, so only the same adapter's is taken.

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

impl Slots {
    pub fn new(slots: usize, can_copy: bool) -> Self {
        Self {
            slots: (0..slots).map(|_| Slot::default()).collect(),
            turn: 0,
            can_copy,
        }
    }

    /// Makes a free slot busy, for a prompt; `None` where all are. It goes on
    /// holding what it shares with the prompt.
    pub fn place(&mut self, prompt: &[u32], adapter: Option<u64>) -> Option<usize> {
        let own = (0..self.slots.len())
            .filter(|&slot| !self.slots[slot].busy)
            .map(|slot| (self.shared(slot, prompt, adapter), slot))
            .filter(|&(shared, _)| shared > 0)
            // Where a slot holds much else, that is better kept, and its beginning copied.
            .filter(|&(shared, slot)| !self.can_copy || 2 * shared > self.held(slot))
            .max();
        let slot = match own {
            Some((_, slot)) => slot,
            None => self.free_slot()?,
        };
        let shared = self.shared(slot, prompt, adapter);
        self.turn += 1;
        let taken = &mut self.slots[slot];
        taken.held.truncate(shared);
        taken.adapter = adapter;
        taken.busy = true;
        taken.used = self.turn;
        Some(slot)
    }

    /// Another slot that holds more of the beginning of `tokens` than `slot`
    /// does, and how much; `slot` has its request's adapter.
    pub fn elsewhere(&self, slot: usize, tokens: &[u32]) -> Option<(usize, usize)> {
        let adapter = self.slots[slot].adapter;
        (0..self.slots.len())
            .filter(|&other| self.can_copy && other != slot)
            .map(|other| (self.shared(other, tokens, adapter), other))
            .max()
            .filter(|&(shared, _)| shared > self.held(slot))
            .map(|(shared, other)| (other, shared))
    }

    /// Tokens at the beginning of a prompt that a slot holds, written with
    /// this adapter. The last one is not counted: it is always fed, because
    /// its logits choose the first token written.
    fn shared(&self, slot: usize, prompt: &[u32], adapter: Option<u64>) -> usize {
        let slot = &self.slots[slot];
        if slot.adapter != adapter {
            return 0;
        }
        let usable = &prompt[..prompt.len().saturating_sub(1)];
        let both = slot.held.iter().zip(usable);
        both.take_while(|(held, wanted)| held == wanted).count()
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

    /// Says that a slot now holds exactly these tokens.
    pub fn holds(&mut self, slot: usize, tokens: &[u32]) {
        let held = &mut self.slots[slot].held;
        held.clear();
        held.extend_from_slice(tokens);
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

    /// Places a prompt and says where it is, once it is fed whole.
    fn place(slots: &mut Slots, prompt: &[u32], adapter: Option<u64>) -> usize {
        let slot = slots.place(prompt, adapter).expect("a slot is free");
        slots.holds(slot, prompt);
        slot
    }

    #[test]
    fn prompt_takes_over_what_a_busy_slot_shares_with_it() {
        let mut slots = Slots::new(3, true);
        place(&mut slots, &[1, 2, 3, 4], None);
        assert_eq!(slots.place(&[1, 2, 3, 9], None), Some(1));
        assert_eq!(slots.elsewhere(1, &[1, 2, 3, 9]), Some((0, 3)));
    }

    /// Two prompts placed at the same time: one of them is fed a part first.
    #[test]
    fn prompt_takes_over_what_was_fed_since_it_was_placed() {
        let mut slots = Slots::new(2, true);
        let prompt = [1, 2, 3, 4, 5];
        slots.place(&prompt, None);
        slots.place(&prompt, None);
        assert_eq!(slots.elsewhere(1, &prompt), None);
        slots.fed(0, &prompt[..3]);
        assert_eq!(slots.elsewhere(1, &prompt), Some((0, 3)));
        slots.holds(1, &prompt[..3]);
        assert_eq!(slots.elsewhere(1, &prompt), None);
    }

    #[test]
    fn last_token_of_a_prompt_is_always_fed() {
        let mut slots = Slots::new(1, true);
        place(&mut slots, &[1, 2, 3], None);
        slots.release(0);
        slots.place(&[1, 2, 3], None);
        assert_eq!(slots.held(0), 2);
    }

    #[test]
    fn follow_up_goes_on_in_the_slot_of_its_conversation() {
        let mut slots = Slots::new(2, true);
        place(&mut slots, &[1, 2, 3, 4], None);
        slots.release(0);
        assert_eq!(slots.place(&[1, 2, 3, 4, 5, 6], None), Some(0));
        assert_eq!(slots.held(0), 4);
    }

    #[test]
    fn long_conversation_is_not_overwritten_for_a_short_common_prefix() {
        let mut slots = Slots::new(2, true);
        place(&mut slots, &[1, 2, 3, 4, 5, 6, 7, 8], None);
        slots.release(0);
        assert_eq!(slots.place(&[1, 2, 9], None), Some(1));
        assert_eq!(slots.elsewhere(1, &[1, 2, 9]), Some((0, 2)));
    }

    #[test]
    fn nothing_is_taken_from_another_adapter() {
        let mut slots = Slots::new(2, true);
        place(&mut slots, &[1, 2, 3], Some(7));
        slots.release(0);
        let slot = slots.place(&[1, 2, 3], None).expect("a slot is free");
        assert_eq!(slots.held(slot), 0);
        assert_eq!(slots.elsewhere(slot, &[1, 2, 3]), None);
    }

    #[test]
    fn where_slots_cant_be_copied_a_slot_keeps_its_own_tokens_only() {
        let mut slots = Slots::new(2, false);
        place(&mut slots, &[1, 2, 3, 4, 5, 6], None);
        let second = place(&mut slots, &[1, 2, 3, 7], None);
        assert_eq!(slots.elsewhere(second, &[1, 2, 3, 7]), None);
        slots.release(0);
        assert_eq!(slots.place(&[1, 2, 9], None), Some(0));
        assert_eq!(slots.held(0), 2);
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
            assert_eq!(place(&mut slots, &prompt, None), expected);
        }
        slots.release(1);
        assert_eq!(place(&mut slots, &[4, 4], None), 1);
    }

    #[test]
    fn short_gaps_are_bridged_and_long_ones_are_not() {
        assert_eq!(neighbours(&[0, 3, 7], true), [0..4, 7..8]);
        assert_eq!(neighbours(&[0, 1, 3], false), [0..2, 3..4]);
        assert!(neighbours(&[], true).is_empty());
    }
}
