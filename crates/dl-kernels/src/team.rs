//! Threads that run the steps of a plan together.
//!
//! A network at batch size 1 is about a hundred steps of 100 microseconds; submitting each to a thread pool would cost
//! as much as a small layer. So the threads of the pool are acquired once per run and take the tasks of each step from
//! a counter. A step ends when its tasks are done, not when all threads have joined: if the pool is busy, the calling
//! thread does all the work.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Runs the steps in sequence, each on all threads of the current pool. Step s has `counts[s]` tasks, which may run
/// concurrently in any order; `work(s, task)` runs one of them.
pub(crate) fn run(counts: &[usize], work: impl Fn(usize, usize) + Sync) {
    let helpers = rayon::current_num_threads().saturating_sub(1);
    let widest = counts.iter().copied().max().unwrap_or(0);
    if helpers == 0 || widest < 2 {
        for (step, count) in counts.iter().enumerate() {
            (0..*count).for_each(|task| work(step, task));
        }
        return;
    }
    // No tasks until the leader opens the first step.
    let (ticket, done, failed) = (AtomicU64::new(STEP - 1), AtomicUsize::new(0), AtomicBool::new(false));
    let team = Team { counts, work: &work, ticket, done, failed };
    team.start(helpers.min(widest - 1));
}

struct Team<'a> {
    counts: &'a [usize],
    work: &'a (dyn Fn(usize, usize) + Sync),
    /// The step in the upper half, its next task in the lower. Past the last step, the threads exit.
    ticket: AtomicU64,
    /// Completed tasks of the current step.
    done: AtomicUsize,
    /// Whether a task panicked, so that it will never be counted as done.
    failed: AtomicBool,
}

const STEP: u64 = 1 << 32;

impl Team<'_> {
    /// Requests helpers and leads. Unlike a scope's tasks, those of `join` do not allocate.
    fn start(&self, helpers: usize) {
        match helpers {
            0 => self.lead(),
            _ => {
                rayon::join(|| self.start(helpers - 1), || self.help());
            }
        }
    }

    /// Runs tasks of `step` until none is left.
    fn take(&self, step: usize) {
        let guard = Guard(&self.failed);
        loop {
            let ticket = self.ticket.load(Ordering::Acquire);
            if ticket / STEP != step as u64 || ticket % STEP >= self.counts[step] as u64 {
                break;
            }
            let ticket = self.ticket.fetch_add(1, Ordering::AcqRel);
            let (of, task) = ((ticket / STEP) as usize, (ticket % STEP) as usize);
            // The leader may have advanced to the next step between the two lines above.
            if of >= self.counts.len() || task >= self.counts[of] {
                break;
            }
            (self.work)(of, task);
            self.done.fetch_add(1, Ordering::AcqRel);
        }
        std::mem::forget(guard);
    }

    fn lead(&self) {
        let _exit = ExitOnDrop(self);
        for (index, count) in self.counts.iter().enumerate() {
            self.done.store(0, Ordering::Release);
            self.ticket.store(index as u64 * STEP, Ordering::Release);
            self.take(index);
            wait(|| self.done.load(Ordering::Acquire) == *count || self.failed.load(Ordering::Acquire));
            if self.failed.load(Ordering::Acquire) {
                // `join` propagates the other thread's panic.
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

/// Spins for a few microseconds, about as long as a step's last task takes; then yields the core, and finally sleeps:
/// with more threads than cores, waiting threads must not block working ones.
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

struct ExitOnDrop<'a, 'b>(&'a Team<'b>);

impl Drop for ExitOnDrop<'_, '_> {
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
