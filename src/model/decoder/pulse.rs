//! Signs of life of one model thread, for the watchman who looks after it.

use super::caller::Caller;
use crate::ports::GenerateError;
use ort::session::RunOptions;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

#[derive(Default)]
pub(super) struct Pulse {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running_since: Option<Instant>,
    /// Those whose requests the thread has taken and not yet answered.
    callers: Vec<Arc<Caller>>,
    /// Ends the run that is going on.
    stop: Option<Arc<RunOptions>>,
    given_up: bool,
}

/// While it lives, a run is going on.
pub(super) struct Beat<'a>(&'a Pulse);

impl Drop for Beat<'_> {
    fn drop(&mut self) {
        self.0.lock().running_since = None;
    }
}

impl Pulse {
    pub fn run_begins(&self) -> Beat<'_> {
        self.lock().running_since = Some(Instant::now());
        Beat(self)
    }

    pub fn session_opened(&self, stop: Arc<RunOptions>) {
        self.lock().stop = Some(stop);
    }

    pub fn takes(&self, caller: Arc<Caller>) {
        self.lock().callers.push(caller);
    }

    pub fn is_done_with(&self, caller: &Arc<Caller>) {
        self.lock()
            .callers
            .retain(|other| !Arc::ptr_eq(other, caller));
    }

    pub fn runs_longer_than(&self, limit: Duration) -> bool {
        let since = self.lock().running_since;
        since.is_some_and(|since| since.elapsed() > limit)
    }

    /// Tells the thread to end when it comes back, and the run to end now.
    pub fn give_up(&self) {
        let mut state = self.lock();
        state.given_up = true;
        if let Some(stop) = &state.stop {
            // A run that can't be stopped is left alone all the same.
            let _ = stop.terminate();
        }
    }

    pub fn is_given_up(&self) -> bool {
        self.lock().given_up
    }

    /// Answers everyone whose request the thread has taken; returns how many.
    pub fn fail_all(&self, error: impl Fn() -> GenerateError) -> usize {
        let callers = std::mem::take(&mut self.lock().callers);
        for caller in &callers {
            caller.answer(Err(error()));
        }
        callers.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
