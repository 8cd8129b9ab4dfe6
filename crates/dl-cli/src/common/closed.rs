//! Streams that were closed when the program started (`>&-`).
//!
//! Before `main`, Rust opens /dev/null in place of a closed stdin, stdout or stderr, so that no other file gets its
//! number. Output would then be lost silently, so the streams are checked before that.

use std::sync::atomic::{AtomicBool, Ordering};

static STDIN: AtomicBool = AtomicBool::new(false);
static STDOUT: AtomicBool = AtomicBool::new(false);

/// Whether stdin was closed when the program started.
pub(super) fn stdin() -> bool {
    STDIN.load(Ordering::Relaxed)
}

/// Whether stdout was closed when the program started.
pub(super) fn stdout() -> bool {
    STDOUT.load(Ordering::Relaxed)
}

/// Runs before `main`, and before Rust's own startup code.
#[cfg(unix)]
#[used]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
static CHECK: extern "C" fn() = check;

#[cfg(unix)]
extern "C" fn check() {
    use std::os::fd::BorrowedFd;

    use rustix::io::{Errno, fcntl_getfd};

    for (number, closed) in [(0, &STDIN), (1, &STDOUT)] {
        // SAFETY: only the descriptor's flags are read; if it is closed, the call fails with EBADF.
        let stream = unsafe { BorrowedFd::borrow_raw(number) };
        closed.store(fcntl_getfd(stream) == Err(Errno::BADF), Ordering::Relaxed);
    }
}
