//! The gradient of a step that is the mean over several batches.

use candle_core::backprop::GradStore;
use candle_core::{Result, Var};

/// Adds the gradients of `vars` in `more` to those in `sum`.
pub(super) fn add(sum: Option<GradStore>, more: GradStore, vars: &[Var]) -> Result<GradStore> {
    let Some(mut sum) = sum else { return Ok(more) };
    for var in vars {
        let Some(gradient) = more.get(var) else { continue };
        let total = match sum.get(var) {
            Some(before) => (before + gradient)?,
            None => gradient.clone(),
        };
        sum.insert(var, total);
    }
    Ok(sum)
}
