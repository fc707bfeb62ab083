//! Continuous batching: requests join and leave between runs (Yu et al., 2022).
//!
//! Every request has a slot of the cache, and tokens that are not in it yet. A
//! row with one such token decodes together with all others of that kind. A
//! row with more, a prompt or the forced tokens of a document, is fed alone,
//! some at a time, so that a long prompt does not keep the others waiting.

use super::{
    fair_queue::FairQueue,
    options::BeforeRun,
    pulse::Pulse,
    session::{DecoderSession, Row},
    slots::{Slots, neighbours},
    writer::{Job, Writer},
};
use crate::{
    domain::Finish,
    ports::{BoxError, GenerateError},
};
use std::sync::atomic::{AtomicU64, Ordering};

/// What a row that is only passed by is fed. It is written behind what the
/// row's slot holds, where the next token of that slot overwrites it.
const PASSED_BY: &[u32] = &[0];

/// What all threads of one model share.
pub(super) struct Work {
    pub queue: FairQueue<Job>,
    /// Names the model in answers and errors.
    pub model: String,
    pub eos: Vec<u32>,
    pub prefill_tokens: usize,
    pub before_run: Option<BeforeRun>,
    /// Runs begun so far.
    pub runs: AtomicU64,
}

impl Work {
    pub fn failed(&self, source: impl Into<BoxError>) -> GenerateError {
        GenerateError::Failed {
            model: self.model.clone(),
            source: source.into(),
        }
    }
}

pub(super) struct Scheduler<'a> {
    work: &'a Work,
    pulse: &'a Pulse,
    session: DecoderSession,
    slots: Slots,
    /// By slot.
    writers: Vec<Option<Writer>>,
    /// Slots with a request, the oldest request first.
    in_order: Vec<usize>,
}

impl<'a> Scheduler<'a> {
    pub fn new(work: &'a Work, pulse: &'a Pulse, session: DecoderSession) -> Self {
        let slots = session.size().slots;
        Self {
            work,
            pulse,
            slots: Slots::new(slots, session.can_copy()),
            writers: (0..slots).map(|_| None).collect(),
            in_order: Vec::with_capacity(slots),
            session,
        }
    }

    /// Works until the queue is closed or the thread is given up. An error is
    /// ONNX Runtime's, and nothing is known of the cache any more.
    pub fn serve(mut self) -> Result<(), BoxError> {
        while !self.pulse.is_given_up() {
            self.dismiss_the_gone();
            self.admit()?;
            if self.writers.iter().all(Option::is_none) {
                if !self.work.queue.wait() {
                    break;
                }
                continue;
            }
            self.feed_rows_alone()?;
            self.decode_rows_together()?;
        }
        Ok(())
    }

    fn dismiss_the_gone(&mut self) {
        for slot in 0..self.writers.len() {
            let writer = self.writers[slot].as_ref();
            if writer.is_some_and(|writer| !writer.caller().waits()) {
                self.leave(slot);
            }
        }
    }

    /// Gives free slots to waiting requests.
    fn admit(&mut self) -> Result<(), BoxError> {
        while self.writers.iter().any(Option::is_none) {
            let Some(job) = self.work.queue.pop() else {
                break;
            };
            if !job.caller.waits() {
                continue;
            }
            self.pulse.takes(job.caller.clone());
            let writer = Writer::new(job, self.session.size().context);
            let placed = self.slots.place(writer.tokens(), writer.adapter_id());
            let slot = placed.ok_or("a free slot was not found")?;
            let kept = self.session.keep(slot, slot, 0..self.slots.held(slot))?;
            self.slots.holds(slot, &writer.tokens()[..kept]);
            let finish = writer.finish();
            self.writers[slot] = Some(writer);
            self.in_order.push(slot);
            // All of a short document can be forced.
            if let Some(finish) = finish {
                self.conclude(slot, Ok(finish));
            }
        }
        let mut adapters: Vec<_> = self
            .writers()
            .filter_map(|w| w.adapter().cloned())
            .collect();
        adapters.sort_by_key(|adapter| adapter.id);
        adapters.dedup_by_key(|adapter| adapter.id);
        Ok(self.session.use_adapters(adapters)?)
    }

    fn writers(&self) -> impl Iterator<Item = &Writer> {
        self.writers.iter().flatten()
    }

    /// Tokens of a row that are not in the cache yet.
    fn pending(&self, slot: usize) -> usize {
        let writer = self.writers[slot].as_ref();
        writer.map_or(0, |writer| writer.tokens().len() - self.slots.held(slot))
    }

    fn feed_rows_alone(&mut self) -> Result<(), BoxError> {
        let mut budget = self.work.prefill_tokens.max(1);
        while budget > 0 {
            let mut in_order = self.in_order.iter().copied();
            let Some(slot) = in_order.find(|&slot| self.pending(slot) > 1) else {
                break;
            };
            self.take_over_from_elsewhere(slot)?;
            let tokens = self.pending(slot).min(budget);
            budget -= tokens;
            self.run(&[(slot, tokens)])?;
        }
        Ok(())
    }

    /// What another row holds need not be computed again, also where it was
    /// fed only since this one was admitted.
    fn take_over_from_elsewhere(&mut self, slot: usize) -> Result<(), BoxError> {
        let Some(writer) = &self.writers[slot] else {
            return Ok(());
        };
        if let Some((source, tokens)) = self.slots.elsewhere(slot, writer.tokens()) {
            let range = self.slots.held(slot)..tokens;
            let kept = self.session.keep(source, slot, range)?;
            self.slots.holds(slot, &writer.tokens()[..kept]);
        }
        Ok(())
    }

    fn decode_rows_together(&mut self) -> Result<(), BoxError> {
        let ready: Vec<usize> = (0..self.writers.len())
            .filter(|&slot| self.pending(slot) == 1)
            .collect();
        for slots in neighbours(&ready, self.session.runs_rows_together()) {
            let rows: Vec<_> = slots
                .map(|slot| (slot, usize::from(self.pending(slot) == 1)))
                .collect();
            self.run(&rows)?;
        }
        Ok(())
    }

    /// Feeds each row, a slot, so many of its pending tokens; one with 0 is
    /// passed by. Those that have none left choose their next token.
    fn run(&mut self, rows: &[(usize, usize)]) -> Result<(), BoxError> {
        let new_tokens = |slot: usize, count: usize| {
            let past = self.slots.held(slot);
            let writer = self.writers[slot].as_ref();
            writer.map_or(&[][..], |writer| &writer.tokens()[past..past + count])
        };
        let feed: Vec<Row> = rows
            .iter()
            .map(|&(slot, count)| Row {
                slot,
                past: self.slots.held(slot),
                tokens: match count {
                    0 => PASSED_BY,
                    _ => new_tokens(slot, count),
                },
                adapter: self.writers[slot].as_ref().and_then(Writer::adapter_id),
            })
            .collect();

        let beat = self.pulse.run_begins();
        let number = self.work.runs.fetch_add(1, Ordering::Relaxed);
        if let Some(before_run) = &self.work.before_run {
            before_run(number)?;
        }
        let vocabulary = self.session.vocabulary();
        let logits = self.session.run(&feed)?;
        drop(beat);

        let mut ended = Vec::new();
        for (&(slot, count), logits) in rows.iter().zip(logits.chunks_exact_mut(vocabulary)) {
            let Some(writer) = self.writers[slot].as_mut().filter(|_| count > 0) else {
                continue;
            };
            let past = self.slots.held(slot);
            self.slots.fed(slot, &writer.tokens()[past..past + count]);
            if past + count == writer.tokens().len() {
                match writer.choose(logits, &self.work.eos) {
                    Ok(None) => {}
                    Ok(Some(finish)) => ended.push((slot, Ok(finish))),
                    Err(error) => ended.push((slot, Err(error))),
                }
            }
        }
        for (slot, end) in ended {
            self.conclude(slot, end);
        }
        Ok(())
    }

    fn conclude(&mut self, slot: usize, end: Result<Finish, BoxError>) {
        let Some(writer) = self.leave(slot) else {
            return;
        };
        match end {
            Ok(finish) => writer.answer(finish, &self.work.model),
            Err(error) => writer.caller().answer(Err(self.work.failed(error))),
        }
    }

    /// Frees a slot; what it holds stays for whoever shares its beginning.
    fn leave(&mut self, slot: usize) -> Option<Writer> {
        let writer = self.writers[slot].take()?;
        self.in_order.retain(|&other| other != slot);
        self.slots.release(slot);
        self.pulse.is_done_with(writer.caller());
        Some(writer)
    }
}
