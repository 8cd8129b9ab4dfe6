//! Work that cannot fit in memory is refused before it begins.

use anyhow::{Result, ensure};

/// Fails when `count` numbers of f64 cannot be had; `what` names them, and `remedy` says what to do.
/// # Errors
/// When they cannot.
pub(crate) fn ensure_fits(count: f64, what: impl FnOnce() -> String, remedy: &str) -> Result<()> {
    let bytes = 8.0 * count;
    // Asked for as a whole, which the system refuses if it is beyond its memory or a limit of the process.
    let fits = bytes < isize::MAX as f64 && Vec::<u8>::new().try_reserve_exact(bytes as usize).is_ok();
    ensure!(fits, "{} take {:.1?} GB, more than there is; {remedy}", what(), bytes / 1e9);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_fit_is_named() {
        ensure_fits(1e3, String::new, "").unwrap();
        for count in [1e15, 1e300, f64::INFINITY] {
            let error = ensure_fits(count, || "9 things".into(), "use fewer").unwrap_err().to_string();
            assert!(error.starts_with("9 things take ") && error.ends_with("; use fewer"), "{error}");
        }
    }
}
