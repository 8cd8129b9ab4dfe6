//! Learning-rate schedules.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// The decay after the warm-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Decay {
    /// The full rate to the end.
    Constant,
    /// Multiplied by `factor` at each of the iterations `at`.
    Steps {
        /// Iterations, from 0, at which the rate drops.
        at: Vec<usize>,
        /// What it is multiplied by.
        factor: f64,
    },
    /// From the full rate to 0 along half a cosine (Loshchilov and Hutter 2017).
    Cosine,
    /// Divided by (1 + 10 p)^0.75 after the share p of the iterations (Ganin et al. 2016, section 5.2.2).
    Inverse,
    /// The full rate until iteration `from`, then along a line to 0 at the end (CycleGAN).
    Linear {
        /// The last iteration of the full rate.
        from: usize,
    },
    /// Multiplied by `factor` after each iteration.
    Exponential {
        /// Just below 1.
        factor: f64,
    },
    /// Multiplied by a factor when the validation loss stops improving.
    Plateau(Plateau),
}

/// torch's `ReduceLROnPlateau`, on a loss, with a relative threshold and without a cooldown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plateau {
    /// What the rate is multiplied by.
    pub factor: f64,
    /// Validations without a better loss to wait for: the rate drops at the next one.
    pub patience: usize,
    /// A loss is better when it is below the best one times (1 - threshold).
    pub threshold: f64,
}

impl Default for Plateau {
    fn default() -> Self {
        Self { factor: 0.1, patience: 10, threshold: 1e-4 }
    }
}

/// The state of a plateau schedule.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlateauState {
    /// The product of all drops so far.
    pub factor: f64,
    /// The best loss.
    best: Option<f64>,
    /// Validations since.
    waited: usize,
}

impl Default for PlateauState {
    fn default() -> Self {
        Self { factor: 1.0, best: None, waited: 0 }
    }
}

impl PlateauState {
    /// Records a validation loss.
    pub fn update(&mut self, plateau: &Plateau, loss: f64) {
        if self.best.is_none_or(|best| loss < best * (1.0 - plateau.threshold)) {
            self.best = Some(loss);
            self.waited = 0;
        } else {
            self.waited += 1;
            if self.waited > plateau.patience {
                self.factor *= plateau.factor;
                self.waited = 0;
            }
        }
    }
}

/// The learning rate as a function of the iteration alone, so that training can resume anywhere; only a plateau has
/// state, [`PlateauState`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// The full rate.
    pub rate: f64,
    /// Iterations over which the rate rises linearly to the full rate.
    pub warmup: usize,
    /// The decay after the warm-up.
    pub decay: Decay,
    /// Total number of iterations.
    pub iterations: usize,
}

impl Schedule {
    /// The rate at `iteration`, from 0, without the drops of a plateau.
    pub fn at(&self, iteration: usize) -> f64 {
        let warm = if iteration < self.warmup { (iteration + 1) as f64 / (self.warmup + 1) as f64 } else { 1.0 };
        let decayed = match &self.decay {
            Decay::Steps { at, factor } => {
                factor.powi(at.iter().filter(|step| iteration >= **step).count().try_into().unwrap_or(i32::MAX))
            }
            Decay::Cosine => 0.5 * (1.0 + (PI * iteration as f64 / self.iterations.max(1) as f64).cos()),
            Decay::Linear { from } => {
                let left = self.iterations.saturating_sub(iteration) as f64;
                (left / self.iterations.saturating_sub(*from).max(1) as f64).min(1.0)
            }
            Decay::Exponential { factor } => factor.powf(iteration as f64),
            Decay::Inverse => (1.0 + 10.0 * iteration as f64 / self.iterations.max(1) as f64).powf(-0.75),
            Decay::Constant | Decay::Plateau(_) => 1.0,
        };
        self.rate * warm * decayed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_warms_up_and_drops_at_the_steps() {
        let decay = Decay::Steps { at: vec![6, 8], factor: 0.1 };
        let schedule = Schedule { rate: 1.0, warmup: 3, decay, iterations: 10 };
        let rates: Vec<f64> = (0..10).map(|iteration| schedule.at(iteration)).collect();
        let expected = [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 0.1, 0.1, 0.01, 0.01];
        assert!(rates.iter().zip(expected).all(|(rate, expected)| (rate - expected).abs() < 1e-12), "{rates:?}");
    }

    #[test]
    fn the_cosine_decays_from_the_full_rate_to_zero() {
        let schedule = Schedule { rate: 2.0, warmup: 0, decay: Decay::Cosine, iterations: 100 };
        assert_eq!(schedule.at(0), 2.0);
        assert!((schedule.at(50) - 1.0).abs() < 1e-12 && schedule.at(100) < 1e-12);
    }

    #[test]
    fn a_line_falls_to_zero_after_the_full_rate_and_an_exponential_all_the_time() {
        let schedule = Schedule { rate: 2.0, warmup: 0, decay: Decay::Linear { from: 6 }, iterations: 10 };
        let rates: Vec<f64> = (0..11).map(|iteration| schedule.at(iteration)).collect();
        assert_eq!(rates, [2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 1.5, 1.0, 0.5, 0.0]);
        let schedule = Schedule { decay: Decay::Exponential { factor: 0.5 }, ..schedule };
        assert_eq!([0, 1, 3].map(|iteration| schedule.at(iteration)), [2.0, 1.0, 0.25]);
    }

    #[test]
    fn a_plateau_drops_the_rate_as_torch_does() {
        let golden = include_str!("../../../testdata/goldens/optimizers/plateau.json");
        let golden: serde_json::Value = serde_json::from_str(golden).unwrap();
        let plateau = Plateau { factor: 0.5, patience: 2, threshold: 0.01 };
        let mut state = PlateauState::default();
        let [losses, factors] = ["losses", "factors"].map(|key| golden[key].as_array().unwrap());
        for (loss, expected) in losses.iter().zip(factors) {
            state.update(&plateau, loss.as_f64().unwrap());
            assert!((state.factor - expected.as_f64().unwrap()).abs() < 1e-12, "{state:?} {expected}");
        }
        assert!(state.factor < 0.3, "{state:?}");
    }
}
