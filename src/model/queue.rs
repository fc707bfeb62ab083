//! A thread that owns a model, and the queue in front of it.
//!
//! Promise: a full queue is an error at once, not a wait; a caller who has
//! gone costs nothing but what is running.

use crate::ports::BoxError;
use std::{
    io,
    sync::mpsc::{SyncSender, TrySendError, sync_channel},
    thread,
};
use tokio::sync::oneshot;

/// Requests that may wait. Each is answered within a fraction of a second, so
/// a longer queue would only hold answers that nobody waits for any more.
const WAITING: usize = 64;

pub(super) struct ModelQueue<Q, A> {
    jobs: SyncSender<Job<Q, A>>,
}

struct Job<Q, A> {
    request: Q,
    reply: oneshot::Sender<Result<A, BoxError>>,
}

pub(super) enum QueueError {
    Full,
    Failed(BoxError),
}

impl<Q: Send + 'static, A: Send + 'static> ModelQueue<Q, A> {
    /// Starts the thread. `run` may ask between two batches whether anybody
    /// still waits.
    pub fn start(
        name: &str,
        mut run: impl FnMut(Q, &dyn Fn() -> bool) -> Result<A, BoxError> + Send + 'static,
    ) -> io::Result<Self> {
        let (jobs, queue) = sync_channel::<Job<Q, A>>(WAITING);
        thread::Builder::new().name(name.into()).spawn(move || {
            while let Ok(job) = queue.recv() {
                let result = run(job.request, &|| !job.reply.is_closed());
                // The caller may have gone in the meantime.
                let _ = job.reply.send(result);
            }
        })?;
        Ok(Self { jobs })
    }

    pub async fn ask(&self, request: Q) -> Result<A, QueueError> {
        let ended = || QueueError::Failed("the model's thread has ended".into());
        let (reply, answer) = oneshot::channel();
        self.jobs
            .try_send(Job { request, reply })
            .map_err(|refused| match refused {
                TrySendError::Full(_) => QueueError::Full,
                TrySendError::Disconnected(_) => ended(),
            })?;
        match answer.await {
            Ok(result) => result.map_err(QueueError::Failed),
            Err(_) => Err(ended()),
        }
    }
}
