//! The waiting requests: a bounded number, taken from one person after the other.

use crate::domain::PersonId;
use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

/// A queue in which nobody waits behind all of another person's requests.
/// Those without a person count as one more person.
pub(super) struct FairQueue<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
    limit: usize,
}

struct State<T> {
    /// Whose turn it is, in front. Nobody here has no requests.
    people: VecDeque<(Option<PersonId>, VecDeque<T>)>,
    closed: bool,
}

impl<T> State<T> {
    fn len(&self) -> usize {
        self.people.iter().map(|(_, requests)| requests.len()).sum()
    }
}

/// The request that had no place.
#[derive(Debug)]
pub(super) struct Full<T>(pub T);

impl<T> FairQueue<T> {
    pub fn new(limit: usize) -> Self {
        Self {
            state: Mutex::new(State {
                people: VecDeque::new(),
                closed: false,
            }),
            arrived: Condvar::new(),
            limit,
        }
    }

    /// `wanted` says whether a waiting request still has a caller: where there
    /// is no place, those without make some.
    pub fn push(
        &self,
        person: Option<PersonId>,
        request: T,
        wanted: impl Fn(&T) -> bool,
    ) -> Result<(), Full<T>> {
        let mut state = self.lock();
        if state.len() >= self.limit {
            for (_, requests) in &mut state.people {
                requests.retain(&wanted);
            }
            state.people.retain(|(_, requests)| !requests.is_empty());
        }
        if state.len() >= self.limit || state.closed {
            return Err(Full(request));
        }
        match state.people.iter_mut().find(|(who, _)| *who == person) {
            Some((_, requests)) => requests.push_back(request),
            None => state.people.push_back((person, VecDeque::from([request]))),
        }
        self.arrived.notify_one();
        Ok(())
    }

    /// The next person's oldest request; then it is another person's turn.
    pub fn pop(&self) -> Option<T> {
        let mut state = self.lock();
        let (person, mut requests) = state.people.pop_front()?;
        let request = requests.pop_front();
        if !requests.is_empty() {
            state.people.push_back((person, requests));
        }
        request
    }

    /// Sleeps until a request waits. False: there will be no more.
    pub fn wait(&self) -> bool {
        let state = self
            .arrived
            .wait_while(self.lock(), |state| {
                state.people.is_empty() && !state.closed
            })
            .unwrap_or_else(PoisonError::into_inner);
        !state.closed
    }

    /// Refuses all further requests and wakes who waits for one.
    pub fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    /// No code panics while it holds the lock; if it did, the queue is still whole.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(name: &str) -> Option<PersonId> {
        Some(PersonId(name.into()))
    }

    fn push(queue: &FairQueue<u32>, who: Option<PersonId>, request: u32) -> bool {
        queue.push(who, request, |_| true).is_ok()
    }

    #[test]
    fn people_take_turns_however_much_one_of_them_asks() {
        let queue = FairQueue::new(10);
        for request in 1..=3 {
            push(&queue, person("ada"), request);
        }
        push(&queue, person("bob"), 4);
        push(&queue, None, 5);
        let order: Vec<u32> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [1, 4, 5, 2, 3]);
    }

    #[test]
    fn request_beyond_the_limit_is_refused_until_one_is_taken() {
        let queue = FairQueue::new(1);
        assert!(push(&queue, None, 1));
        assert!(!push(&queue, person("ada"), 2));
        queue.pop();
        assert!(push(&queue, person("ada"), 2));
    }

    #[test]
    fn request_without_a_caller_gives_up_its_place() {
        let queue = FairQueue::new(1);
        assert!(push(&queue, None, 1));
        assert!(queue.push(None, 2, |&waiting| waiting != 1).is_ok());
        assert_eq!(queue.pop(), Some(2));
    }

    #[test]
    fn closed_queue_takes_nothing_and_lets_nobody_wait() {
        let queue = FairQueue::new(4);
        queue.close();
        assert!(!push(&queue, None, 1));
        assert!(!queue.wait());
    }
}
