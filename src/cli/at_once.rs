//! Work on many things at once, with results in the order of the things.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How many results may wait for an earlier one, for each thread: what bounds the memory.
const AHEAD: usize = 32;

/// How often whoever waits for results hears that they are not there yet.
const EVERY: Duration = Duration::from_millis(100);

/// What is told while work is done.
pub(crate) enum News<R> {
    /// The next result, in the order of the things.
    Done(R),
    /// A moment went by without one.
    Waiting,
}

/// Does `work` on each of `things` on `threads` threads, and tells the results in order.
pub(crate) fn in_order<T: Sync, R: Send>(
    things: &[T],
    threads: usize,
    work: impl Fn(&T) -> R + Sync,
    mut tell: impl FnMut(News<R>),
) {
    let queue = Queue { state: Mutex::default(), moved: Condvar::new(), ahead: AHEAD * threads };
    let (results, arrived) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads {
            let results = results.clone();
            scope.spawn(|| {
                let (results, _over) = (results, Over(&queue));
                while let Some((place, thing)) = queue.next(things) {
                    if results.send((place, work(thing))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(results);
        let (mut early, mut next) = (BTreeMap::new(), 0);
        loop {
            match arrived.recv_timeout(EVERY) {
                Ok((place, result)) => {
                    early.insert(place, result);
                }
                Err(RecvTimeoutError::Timeout) => tell(News::Waiting),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            while let Some(result) = early.remove(&next) {
                tell(News::Done(result));
                next += 1;
                queue.told(next);
            }
        }
    });
}

/// Which thing is next, and how far results have been told.
struct Queue {
    state: Mutex<State>,
    moved: Condvar,
    ahead: usize,
}

#[derive(Default)]
struct State {
    next: usize,
    told: usize,
}

impl Queue {
    /// The next thing; waits while too many results wait for an earlier one.
    fn next<'a, T>(&self, things: &'a [T]) -> Option<(usize, &'a T)> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let too_far = |state: &mut State| state.next >= state.told + self.ahead;
        let mut state = self.moved.wait_while(state, too_far).unwrap_or_else(PoisonError::into_inner);
        let place = state.next;
        state.next += 1;
        Some((place, things.get(place)?))
    }

    fn told(&self, told: usize) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).told = told;
        self.moved.notify_all();
    }
}

/// Lets the others go on where one has panicked, so that the panic is heard.
struct Over<'a>(&'a Queue);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.told(usize::MAX - self.0.ahead);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_however_long_each_takes() {
        let things: Vec<u64> = (0..500).collect();
        let mut results = Vec::new();
        let slow_first = |&thing: &u64| {
            if thing % 100 == 0 {
                thread::sleep(Duration::from_millis(5));
            }
            thing * 2
        };
        in_order(&things, 4, slow_first, |news| {
            if let News::Done(result) = news {
                results.push(result);
            }
        });
        assert_eq!(results, things.iter().map(|thing| thing * 2).collect::<Vec<_>>());
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_panic_is_heard_and_hangs_nobody() {
        let things: Vec<u64> = (0..500).collect();
        in_order(&things, 3, |&thing| assert_ne!(thing, 7, "on purpose"), |_| ());
    }
}
