//! One request while its text is written.

use super::{
    caller::Caller, constraint::Constraint, lora::Adapter, sampling::Sampler, text::TextStream,
};
use crate::{
    domain::{Finish, Generation},
    ports::BoxError,
};
use std::{sync::Arc, time::Instant};
use tokio::sync::mpsc;

/// A request that is ready for the model: all that needs no model is done.
pub(super) struct Job {
    pub caller: Arc<Caller>,
    pub pieces: Option<mpsc::UnboundedSender<String>>,
    /// Never empty.
    pub prompt: Vec<u32>,
    pub max_tokens: usize,
    pub sampler: Sampler,
    pub text: TextStream,
    pub constraint: Option<Constraint>,
    /// Whether the constraint's forced tokens are written without the model.
    pub forced_tokens: bool,
    pub adapter: Option<Arc<Adapter>>,
}

pub(super) struct Writer {
    job: Job,
    /// The prompt, and what was written behind it.
    tokens: Vec<u32>,
    prompt_tokens: usize,
    /// Writing ends with this many tokens, prompt included.
    limit: usize,
    began: Instant,
    first_token: Option<Instant>,
}

impl Writer {
    /// `context`: tokens that the slot has room for.
    pub fn new(mut job: Job, context: usize) -> Self {
        let tokens = std::mem::take(&mut job.prompt);
        let prompt_tokens = tokens.len();
        let limit = prompt_tokens.saturating_add(job.max_tokens).min(context);
        let mut writer = Self {
            job,
            tokens,
            prompt_tokens,
            limit,
            began: Instant::now(),
            first_token: None,
        };
        // What a document must begin with is fed with the prompt, in the same run.
        writer.write_forced();
        writer
    }

    /// Everything that is to be in the cache before the next token is chosen.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    pub fn caller(&self) -> &Arc<Caller> {
        &self.job.caller
    }

    pub fn adapter(&self) -> Option<&Arc<Adapter>> {
        self.job.adapter.as_ref()
    }

    pub fn adapter_id(&self) -> Option<u64> {
        self.job.adapter.as_ref().map(|adapter| adapter.id)
    }

    /// Chooses the next token by these logits and shows what text it decides.
    /// `Some`: the text ends here.
    pub fn choose(&mut self, logits: &mut [f32], eos: &[u32]) -> Result<Option<Finish>, BoxError> {
        // Without an early end, which would compare one after the other.
        if logits.iter().fold(false, |any, logit| any | logit.is_nan()) {
            return Err("the model's logits are not numbers".into());
        }
        if let Some(constraint) = &mut self.job.constraint {
            constraint.mask(logits)?;
        }
        let token = self.job.sampler.choose(logits, &self.tokens);
        self.first_token.get_or_insert_with(Instant::now);
        if eos.contains(&token) {
            return Ok(Some(Finish::Stop));
        }
        if let Some(constraint) = &mut self.job.constraint {
            constraint.consume(token)?;
        }
        self.write(token);
        self.write_forced();
        Ok(self.finish())
    }

    /// Tokens that can be no others need no model.
    fn write_forced(&mut self) {
        if !self.job.forced_tokens {
            return;
        }
        let Some(constraint) = &mut self.job.constraint else {
            return;
        };
        // The constraint is behind them already: it may be complete before they are written.
        for token in constraint.forced() {
            if self.job.text.stopped() || self.tokens.len() >= self.limit {
                return;
            }
            self.write(token);
        }
    }

    fn write(&mut self, token: u32) {
        self.tokens.push(token);
        let piece = self.job.text.push(token);
        self.show(piece);
    }

    fn show(&self, piece: String) {
        if let Some(pieces) = self.job.pieces.as_ref().filter(|_| !piece.is_empty()) {
            // Whoever listens no longer still gets the whole text at the end.
            let _ = pieces.send(piece);
        }
    }

    /// Whether the text ends with the last token written.
    pub fn finish(&self) -> Option<Finish> {
        let complete = self
            .job
            .constraint
            .as_ref()
            .is_some_and(Constraint::finished);
        if self.job.text.stopped() || complete {
            Some(Finish::Stop)
        } else if self.tokens.len() >= self.limit {
            Some(Finish::Length)
        } else {
            None
        }
    }

    /// Shows the rest and hands the whole text to the caller.
    pub fn answer(mut self, finish: Finish, generator: &str) {
        let rest = self.job.text.finish();
        self.show(rest);
        let now = Instant::now();
        let first_token = self.first_token.unwrap_or(now);
        let milliseconds = |from: Instant, to: Instant| (to - from).as_secs_f64() * 1e3;
        let generation = Generation {
            text: self.job.text.text().to_owned(),
            prompt_tokens: self.prompt_tokens,
            tokens: self.tokens.len() - self.prompt_tokens,
            finish,
            prefill_ms: milliseconds(self.began, first_token),
            decode_ms: milliseconds(first_token, now),
            generator: generator.to_owned(),
            adapter: self
                .job
                .adapter
                .as_ref()
                .map(|adapter| adapter.name.clone()),
        };
        self.job.caller.answer(Ok(generation));
    }
}
