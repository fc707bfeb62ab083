//! The thread that owns the model, and the watchman who looks after it.
//!
//! Promise: whatever happens in a run, the requests of that batch get
//! `GenerateError::Failed`, the session is opened again, and those that wait
//! are answered by the new one. After a panic or an error the thread goes on
//! itself. A run that does not come back can't be ended from outside: its
//! thread is given up, and another takes its place.
//!
//! Not promised: memory. A thread that is given up keeps its session until its
//! run comes back; so there are few of them, and then no new one.

use super::{
    pulse::Pulse,
    scheduler::{Scheduler, Work},
    session::DecoderSession,
};
use crate::{
    model::ModelError,
    ports::{BoxError, with_causes},
};
use std::{
    any::Any,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};
use tracing::{error, info};

/// Threads whose run may be stuck at the same time.
const STUCK: usize = 2;

pub(super) type OpenSession = Arc<dyn Fn() -> Result<DecoderSession, ModelError> + Send + Sync>;

/// A running model. Dropping it waits for the run that is going on.
pub(super) struct ModelThread {
    work: Arc<Work>,
    /// Nothing is sent: its end wakes the watchman.
    bell: Option<Sender<()>>,
    watchman: Option<JoinHandle<()>>,
}

impl ModelThread {
    /// `open` opens the session again whenever it was lost.
    pub fn start(
        work: Arc<Work>,
        session: DecoderSession,
        open: OpenSession,
        run_limit: Duration,
    ) -> io::Result<Self> {
        let (bell, rung) = channel();
        let first = Worker::start(work.clone(), Some(session), open.clone())?;
        let watch = Watch {
            work: work.clone(),
            open,
            run_limit,
            stuck: Vec::new(),
        };
        let watchman = thread::Builder::new()
            .name("model-watch".into())
            .spawn(move || watch.keep(first, &rung))?;
        Ok(Self {
            work,
            bell: Some(bell),
            watchman: Some(watchman),
        })
    }
}

impl Drop for ModelThread {
    fn drop(&mut self) {
        self.work.queue.close();
        self.bell.take();
        if let Some(watchman) = self.watchman.take() {
            // It catches what the model's thread throws, and throws nothing itself.
            let _ = watchman.join();
        }
    }
}

/// A model thread and its signs of life.
struct Worker {
    pulse: Arc<Pulse>,
    thread: JoinHandle<()>,
}

impl Worker {
    fn start(
        work: Arc<Work>,
        session: Option<DecoderSession>,
        open: OpenSession,
    ) -> io::Result<Self> {
        let pulse = Arc::new(Pulse::default());
        let own = pulse.clone();
        let thread = thread::Builder::new()
            .name("language-model".into())
            .spawn(move || serve(&work, &own, session, &open))?;
        Ok(Self { pulse, thread })
    }
}

/// The model thread: serves until the queue is closed or it is given up.
fn serve(work: &Work, pulse: &Pulse, mut session: Option<DecoderSession>, open: &OpenSession) {
    loop {
        let opened = match session.take() {
            Some(session) => session,
            None if !work.queue.wait() || pulse.is_given_up() => return,
            None => match open() {
                Ok(session) => {
                    info!("Opened language model {} again", work.model);
                    session
                }
                Err(error) => {
                    let problem = format!("it can't be opened again: {}", with_causes(&error));
                    error!("Language model {} failed: {problem}", work.model);
                    fail_waiting(work, &problem);
                    continue;
                }
            },
        };
        pulse.session_opened(opened.stop_handle());
        let served = catch_unwind(AssertUnwindSafe(|| {
            Scheduler::new(work, pulse, opened).serve()
        }));
        let problem = match served {
            Ok(Ok(())) => return,
            Ok(Err(error)) => with_causes(error.as_ref()),
            Err(panic) => format!("the model thread panicked: {}", message_of(&panic)),
        };
        if pulse.is_given_up() {
            return;
        }
        let failed = pulse.fail_all(|| work.failed(problem.clone()));
        error!(
            requests = failed,
            "Language model {} failed, and with it {failed} requests; it is opened again: {problem}",
            work.model
        );
    }
}

fn fail_waiting(work: &Work, problem: &str) {
    while let Some(job) = work.queue.pop() {
        job.caller.answer(Err(work.failed(BoxError::from(problem))));
    }
}

fn message_of(panic: &Box<dyn Any + Send>) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

struct Watch {
    work: Arc<Work>,
    open: OpenSession,
    run_limit: Duration,
    stuck: Vec<Worker>,
}

impl Watch {
    /// Looks after one worker, and after its successors, until the bell's end.
    fn keep(mut self, mut worker: Worker, bell: &Receiver<()>) {
        let pause = (self.run_limit / 4).clamp(Duration::from_millis(5), Duration::from_secs(1));
        while bell.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
            let lost = worker.thread.is_finished();
            if lost || worker.pulse.runs_longer_than(self.run_limit) {
                self.give_up(worker);
                match self.successor(pause, bell) {
                    Some(successor) => worker = successor,
                    None => return,
                }
            }
        }
        self.wait_for_the_end(&worker, pause);
    }

    fn give_up(&mut self, worker: Worker) {
        worker.pulse.give_up();
        let problem = if worker.thread.is_finished() {
            "its thread has ended".to_string()
        } else {
            format!("a run took longer than {:?}", self.run_limit)
        };
        let failed = worker.pulse.fail_all(|| self.work.failed(problem.clone()));
        error!(
            requests = failed,
            "Language model {} failed, and with it {failed} requests; another thread takes over: {problem}",
            self.work.model
        );
        self.stuck.push(worker);
    }

    /// The next worker, once few enough are stuck; `None`: the bell has ended.
    fn successor(&mut self, pause: Duration, bell: &Receiver<()>) -> Option<Worker> {
        loop {
            self.stuck.retain(|worker| !worker.thread.is_finished());
            if self.stuck.len() < STUCK {
                match Worker::start(self.work.clone(), None, self.open.clone()) {
                    Ok(worker) => return Some(worker),
                    Err(error) => error!("Can't start a model thread: {error}"),
                }
            }
            fail_waiting(&self.work, "its runs do not come back");
            if bell.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                return None;
            }
        }
    }

    /// A worker that has not ended by the limit is left behind.
    fn wait_for_the_end(&self, worker: &Worker, pause: Duration) {
        while !worker.thread.is_finished() && !worker.pulse.runs_longer_than(self.run_limit) {
            thread::sleep(pause.min(Duration::from_millis(5)));
        }
    }
}
