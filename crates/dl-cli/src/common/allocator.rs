//! The memory of programs that run networks.

use libmimalloc_sys::{mi_option_set, mi_option_t};

/// `mi_option_purge_delay` of mimalloc.h.
const PURGE_DELAY: mi_option_t = 15;

/// Tells mimalloc to keep what is freed until the program ends: a step of training frees and asks for a gigabyte, and the
/// system would have to clear each page anew. To be called before anything else.
pub fn keep_freed_memory() {
    // SAFETY: sets a number; the program has no other thread yet.
    unsafe { mi_option_set(PURGE_DELAY, -1) };
}
