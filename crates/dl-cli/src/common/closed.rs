//! Streams that were closed when the program began (`>&-`).
//!
//! Rust opens /dev/null in the place of a closed stdin, stdout or stderr before `main`, so that no other file gets its
//! number. What is then written would be lost in silence. So the three are looked at before that.

use std::sync::atomic::{AtomicBool, Ordering};

static STDIN: AtomicBool = AtomicBool::new(false);
static STDOUT: AtomicBool = AtomicBool::new(false);

/// Was stdin closed when the program began?
pub(super) fn stdin() -> bool {
    STDIN.load(Ordering::Relaxed)
}

/// Was stdout closed when the program began?
pub(super) fn stdout() -> bool {
    STDOUT.load(Ordering::Relaxed)
}

/// Runs before `main`, and before Rust's own preparations.
#[cfg(unix)]
#[used]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
static LOOK: extern "C" fn() = look;

#[cfg(unix)]
extern "C" fn look() {
    use std::os::fd::BorrowedFd;

    use rustix::io::{Errno, fcntl_getfd};

    for (number, closed) in [(0, &STDIN), (1, &STDOUT)] {
        // SAFETY: the descriptor is asked for its flags and nothing else; of one that is closed the system says so.
        let stream = unsafe { BorrowedFd::borrow_raw(number) };
        closed.store(fcntl_getfd(stream) == Err(Errno::BADF), Ordering::Relaxed);
    }
}
