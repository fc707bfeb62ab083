//! The one who waits for a generation.

use crate::{domain::Generation, ports::GenerateError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

pub(super) type Outcome = Result<Generation, GenerateError>;

/// Gets one outcome, from whoever has it first: the model's thread, or the
/// watchman who gave that thread up.
pub(super) struct Caller {
    reply: Mutex<Option<oneshot::Sender<Outcome>>>,
}

impl Caller {
    pub fn new() -> (Arc<Self>, oneshot::Receiver<Outcome>) {
        let (sender, receiver) = oneshot::channel();
        let reply = Mutex::new(Some(sender));
        (Arc::new(Self { reply }), receiver)
    }

    /// Whether somebody still waits for an outcome.
    pub fn waits(&self) -> bool {
        self.lock().as_ref().is_some_and(|reply| !reply.is_closed())
    }

    /// The first outcome counts; none is wanted by a caller who has gone.
    pub fn answer(&self, outcome: Outcome) {
        if let Some(reply) = self.lock().take() {
            let _ = reply.send(outcome);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<oneshot::Sender<Outcome>>> {
        self.reply.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
