//! The memory of programs that run networks.

use libmimalloc_sys::{mi_option_set, mi_option_t};

/// `mi_option_purge_delay` of mimalloc.h.
const PURGE_DELAY: mi_option_t = 15;

/// Makes mimalloc keep freed memory until the program ends. A training step frees and allocates a gigabyte, and the
/// system would have to clear each page again. Call it before anything else.
pub fn keep_freed_memory() {
    // SAFETY: it sets a number, and the program has no other thread yet.
    unsafe { mi_option_set(PURGE_DELAY, -1) };
}
