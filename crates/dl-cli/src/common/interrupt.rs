//! Ctrl-C: a training run saves and exits.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// A flag that becomes true at the first SIGINT or SIGTERM; a second one ends the process with status 130.
/// # Errors
/// When a signal handler cannot be installed.
pub(crate) fn flag() -> Result<&'static AtomicBool> {
    static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    let set = FLAG.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM] {
        // In this order, so that the first signal finds the flag unset.
        flag::register_conditional_shutdown(signal, 130, set.clone()).context("signals cannot be caught")?;
        flag::register(signal, set.clone()).context("signals cannot be caught")?;
    }
    Ok(set)
}
