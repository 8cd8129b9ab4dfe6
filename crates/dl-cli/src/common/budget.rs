//! A bound on the bytes of the records that are in memory.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The most bytes of records in memory at a time; a single record may have more.
const MOST: usize = 1 << 30;

/// Bytes to be taken and given back. A thread that takes more than are left waits.
#[derive(Default)]
pub(super) struct Budget {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    taken: usize,
    is_closed: bool,
}

/// Closes the budget when it is dropped.
pub(super) struct Closing<'a>(&'a Budget);

impl Budget {
    /// Waits for `size` bytes. Returns false if the budget is closed.
    pub(super) fn take(&self, size: usize) -> bool {
        let mut state = self.state();
        while !state.is_closed && state.taken > 0 && state.taken.saturating_add(size) > MOST {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.taken = state.taken.saturating_add(size);
        !state.is_closed
    }

    /// Gives back what was taken.
    pub(super) fn give(&self, size: usize) {
        self.state().taken -= size;
        self.changed.notify_one();
    }

    /// When the returned guard is dropped, no thread waits any longer.
    pub(super) fn closing(&self) -> Closing<'_> {
        Closing(self)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.state().is_closed = true;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_record_waits_for_others_but_never_alone() {
        let budget = Budget::default();
        assert!(budget.take(2 * MOST));
        thread::scope(|scope| {
            let waiting = scope.spawn(|| budget.take(1));
            thread::yield_now();
            assert!(!waiting.is_finished());
            budget.give(2 * MOST);
            assert!(waiting.join().unwrap());
        });
        assert!(budget.take(MOST - 1));
        thread::scope(|scope| {
            let waiting = scope.spawn(|| budget.take(1));
            drop(budget.closing());
            assert!(!waiting.join().unwrap());
        });
    }
}
