//! The gradient reversal layer and its schedule (Ganin et al. 2016, sections 4.2 and 5.2.2).

use anyhow::Result;
use candle_core::Tensor;
use dl_models::plain;

/// x itself, any shape, whose gradient is multiplied by -`strength`.
/// # Errors
/// When candle fails.
pub fn reverse_gradient(x: &Tensor, strength: f64) -> Result<Tensor> {
    let reversed = || -> candle_core::Result<Tensor> {
        // An exact 0 that carries the gradient.
        let carrier = (x * -strength)?;
        x.detach() + (&carrier - carrier.detach())?
    };
    reversed().map_err(plain)
}

/// The strength of the reversal: 2 / (1 + exp(-10 p)) - 1 at `progress` p, the share of training done, 0 to 1. It rises
/// from 0 to nearly 1, so that an untrained domain classifier does no harm.
pub fn reversal_strength(progress: f64) -> f64 {
    2.0 / (1.0 + (-10.0 * progress.clamp(0.0, 1.0)).exp()) - 1.0
}

#[cfg(test)]
mod tests {
    use super::super::GOLDEN;
    use super::*;
    use crate::golden::{case, check, input, near, numbers};
    use crate::schedule::{Decay, Schedule};

    #[test]
    fn values_pass_unchanged_and_gradients_reversed_as_in_torch() {
        let x = input(0, &[3, 4], 1.0);
        let y = reverse_gradient(&x, 0.7).unwrap();
        assert_eq!(numbers(&y), numbers(&x));
        check(
            &(y * x.detach().exp().unwrap()).unwrap().sqr().unwrap().mean_all().unwrap(),
            &[("x", &x)],
            &case(GOLDEN, "reversal"),
        );
        // Where (1 + l) x - l x would round.
        let x = input(0, &[3, 4], 1.0 / 3.0);
        assert_eq!(numbers(&reverse_gradient(&x, 0.123_456_7).unwrap()), numbers(&x));
    }

    #[test]
    fn schedules_are_those_of_the_paper() {
        let case = case(GOLDEN, "schedules");
        let at = [-1.0, 0.0, 0.1, 0.5, 1.0, 2.0];
        near("strength", &at.map(|progress| reversal_strength(progress) as f32), &case["strength"]);
        let schedule = Schedule { rate: 1.0, warmup: 0, decay: Decay::Inverse, iterations: 10 };
        let rate = |progress: f64| schedule.at((10.0 * progress.clamp(0.0, 1.0)).round() as usize) as f32;
        near("rate", &at.map(rate), &case["rate"]);
    }
}
