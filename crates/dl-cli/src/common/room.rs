//! A bound on the bytes of the records that are on their way.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How many bytes of records may be on their way at once, unless it is a single record.
const MOST: usize = 1 << 30;

/// Who takes more than there is waits until others have given theirs back.
#[derive(Default)]
pub(super) struct Room {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    taken: usize,
    is_closed: bool,
}

/// Closes the room when it is dropped.
pub(super) struct Closing<'a>(&'a Room);

impl Room {
    /// Waits for `size` bytes; false when the room is closed.
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

    /// Nobody waits any longer when what this gives is dropped.
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
    fn a_record_waits_for_room_but_never_alone() {
        let room = Room::default();
        assert!(room.take(2 * MOST));
        thread::scope(|scope| {
            let waiting = scope.spawn(|| room.take(1));
            thread::yield_now();
            assert!(!waiting.is_finished());
            room.give(2 * MOST);
            assert!(waiting.join().unwrap());
        });
        assert!(room.take(MOST - 1));
        thread::scope(|scope| {
            let waiting = scope.spawn(|| room.take(1));
            drop(room.closing());
            assert!(!waiting.join().unwrap());
        });
    }
}
