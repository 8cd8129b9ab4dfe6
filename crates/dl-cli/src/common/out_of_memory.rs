//! An allocation that fails ends the program in one line.
//!
//! Rust then prints `memory allocation of N bytes failed` and aborts: a crash to whoever runs the program. The handler of
//! the abort says what to do, and exits with the status of a run in which nothing could be done.

use std::os::fd::AsFd;

use signal_hook::consts::SIGABRT;
use signal_hook::low_level::{exit, register};

/// Catches aborts from now on. Where that is not possible, they stay what they are.
pub(super) fn catch() {
    let handler = || {
        let words = b"not enough memory: use a smaller batch, smaller images or a smaller network\n";
        let _ = rustix::io::write(std::io::stderr().as_fd(), words);
        exit(2);
    };
    // SAFETY: the handler does nothing but write to a file and end the process, both of which may be done in one.
    let _ = unsafe { register(SIGABRT, handler) };
}
