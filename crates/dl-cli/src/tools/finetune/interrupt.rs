//! Ctrl-C: a training saves and leaves.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Becomes true at the first SIGINT or SIGTERM; a second one ends the process at once, with status 130.
/// # Errors
/// When the system does not let signals be caught.
pub(super) fn flag() -> Result<&'static AtomicBool> {
    static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    let set = FLAG.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag down.
        flag::register_conditional_shutdown(signal, 130, set.clone()).context("signals cannot be caught")?;
        flag::register(signal, set.clone()).context("signals cannot be caught")?;
    }
    Ok(set)
}
