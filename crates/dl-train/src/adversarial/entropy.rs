//! CDAN's entropy conditioning (Long et al. 2018, section 3).

use anyhow::{Result, ensure};
use candle_core::Tensor;
use dl_models::plain;
use dl_ops::{log_softmax, softmax};

/// Weights [n] for [`domain_loss`](super::domain_loss) that prefer rows whose class is certain: 1 + exp(-H) with the
/// entropy H of softmax(logits), divided by their mean over the batch. They have no gradient. logits [n, classes] f32.
/// # Errors
/// When `logits` has no rows or no columns.
pub fn entropy_weights(logits: &Tensor) -> Result<Tensor> {
    ensure!(logits.rank() == 2 && logits.elem_count() > 0, "class scores {:?} have no entropy", logits.dims());
    let weights = || -> candle_core::Result<Tensor> {
        let logits = logits.detach();
        let negative_entropy = (softmax(&logits, 1)? * log_softmax(&logits, 1)?)?.sum(1)?;
        let weights = (negative_entropy.exp()? + 1.0)?;
        weights.broadcast_div(&weights.mean_all()?)
    };
    weights().map_err(plain)
}

#[cfg(test)]
mod tests {
    use super::super::GOLDEN;
    use super::*;
    use crate::golden::{case, input, near, numbers};

    #[test]
    fn weights_are_those_of_torch_also_for_certain_classes() {
        for (name, scale) in [("entropy weights", 1.0), ("entropy weights of certain classes", 60.0)] {
            let weights = entropy_weights(&input(0, &[6, 4], scale)).unwrap();
            near(name, &numbers(&weights), &case(GOLDEN, name)["weights"]);
            assert!(!weights.track_op());
        }
        assert!(entropy_weights(&input(0, &[6], 1.0)).is_err());
    }
}
