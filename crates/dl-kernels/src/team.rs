//! Threads that walk through the steps of a plan together.
//!
//! A network at batch 1 is a hundred steps of some 100 microseconds; handing each to a thread pool anew would cost as
//! much as a small layer. So the threads of the pool are fetched once for a whole run and take the tasks of one step
//! after the other from a counter. A step ends when its tasks are done, not when all threads have come: if the pool is
//! busy with something else, the calling thread does everything alone.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Runs the steps one after the other, each on all threads of the current pool. Step s has `counts[s]` tasks, which may
/// run at the same time, in any order; `work(s, task)` does one of them.
pub(crate) fn run(counts: &[usize], work: impl Fn(usize, usize) + Sync) {
    let helpers = rayon::current_num_threads().saturating_sub(1);
    let widest = counts.iter().copied().max().unwrap_or(0);
    if helpers == 0 || widest < 2 {
        for (step, count) in counts.iter().enumerate() {
            (0..*count).for_each(|task| work(step, task));
        }
        return;
    }
    // Nothing to take until the leader opens the first step: it counts from nothing done.
    let (ticket, done, failed) = (AtomicU64::new(STEP - 1), AtomicUsize::new(0), AtomicBool::new(false));
    let team = Team { counts, work: &work, ticket, done, failed };
    team.start(helpers.min(widest - 1));
}

struct Team<'a> {
    counts: &'a [usize],
    work: &'a (dyn Fn(usize, usize) + Sync),
    /// The step in the upper half, its next task in the lower. Past the last step: go home.
    ticket: AtomicU64,
    /// Tasks of the present step that are done.
    done: AtomicUsize,
    /// A task panicked: its thread will never count it as done.
    failed: AtomicBool,
}

const STEP: u64 = 1 << 32;

impl Team<'_> {
    /// Calls for helpers and leads. Unlike a scope's tasks, those of `join` take no memory from the heap.
    fn start(&self, helpers: usize) {
        match helpers {
            0 => self.lead(),
            _ => {
                rayon::join(|| self.start(helpers - 1), || self.help());
            }
        }
    }

    /// Takes tasks of `step` until there is none left.
    fn take(&self, step: usize) {
        let guard = Guard(&self.failed);
        loop {
            let ticket = self.ticket.load(Ordering::Acquire);
            if ticket / STEP != step as u64 || ticket % STEP >= self.counts[step] as u64 {
                break;
            }
            let ticket = self.ticket.fetch_add(1, Ordering::AcqRel);
            let (of, task) = ((ticket / STEP) as usize, (ticket % STEP) as usize);
            // Between the two lines above the leader may have gone on to the next step.
            if of >= self.counts.len() || task >= self.counts[of] {
                break;
            }
            (self.work)(of, task);
            self.done.fetch_add(1, Ordering::AcqRel);
        }
        std::mem::forget(guard);
    }

    fn lead(&self) {
        let _go_home = GoHome(self);
        for (index, count) in self.counts.iter().enumerate() {
            self.done.store(0, Ordering::Release);
            self.ticket.store(index as u64 * STEP, Ordering::Release);
            self.take(index);
            wait(|| self.done.load(Ordering::Acquire) == *count || self.failed.load(Ordering::Acquire));
            if self.failed.load(Ordering::Acquire) {
                // `join` passes the other thread's panic on.
                return;
            }
        }
    }

    fn help(&self) {
        loop {
            let step = (self.ticket.load(Ordering::Acquire) / STEP) as usize;
            if step >= self.counts.len() {
                return;
            }
            self.take(step);
            wait(|| {
                let ticket = self.ticket.load(Ordering::Acquire);
                (ticket / STEP) as usize != step || ticket % STEP < self.counts[step] as u64
            });
        }
    }
}

/// Spins for some microseconds, as long as a step's last task may take; then lets others have the core, and in the end
/// sleeps: where more threads want to run than there are cores, whoever waits must not keep those from running who work.
fn wait(until: impl Fn() -> bool) {
    let mut looks = 0_u32;
    while !until() {
        looks = looks.saturating_add(1);
        if looks < 4000 {
            spin_loop();
        } else if looks < 4050 {
            std::thread::yield_now();
        } else {
            std::thread::sleep(Duration::from_micros(50));
        }
    }
}

struct Guard<'a>(&'a AtomicBool);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

struct GoHome<'a, 'b>(&'a Team<'b>);

impl Drop for GoHome<'_, '_> {
    fn drop(&mut self) {
        self.0.ticket.store(self.0.counts.len() as u64 * STEP, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_pool(threads: usize, work: impl FnOnce() + Send) {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work);
    }

    #[test]
    fn every_task_runs_once_and_a_step_ends_before_the_next() {
        let counts = [3, 40, 1, 0, 7];
        for threads in [1, 2, 5] {
            in_pool(threads, || {
                for _ in 0..1000 {
                    let runs = counts.map(|count| (0..count).map(|_| AtomicUsize::new(0)).collect::<Vec<_>>());
                    let all_ran =
                        |step: usize| runs[step].iter().all(|runs: &AtomicUsize| runs.load(Ordering::SeqCst) == 1);
                    run(&counts, |step, task| {
                        assert!(step == 0 || all_ran(step - 1));
                        runs[step][task].fetch_add(1, Ordering::SeqCst);
                    });
                    assert!((0..counts.len()).all(all_ran));
                }
            });
        }
    }

    #[test]
    fn a_panic_reaches_the_caller() {
        in_pool(3, || {
            let bad = |step: usize, task: usize| assert!(step == 1 || task != 9, "nine");
            assert!(std::panic::catch_unwind(|| run(&[16, 4], bad)).is_err());
        });
    }
}
