//! How the learning rate changes over a training.

use std::f64::consts::PI;

/// The rule after the warm-up.
#[derive(Clone, Debug, PartialEq)]
pub enum Decay {
    /// Multiplied by `factor` at each of the iterations `at`.
    Steps {
        /// Iterations, from 0, at which the rate drops.
        at: Vec<usize>,
        /// What it is multiplied by.
        factor: f64,
    },
    /// From the full rate to 0 along half a cosine (Loshchilov and Hutter 2017).
    Cosine,
}

/// The learning rate as a function of the iteration alone, so that a training can go on from anywhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// The full rate.
    pub rate: f64,
    /// Iterations over which the rate rises to the full one, in a straight line.
    pub warmup: usize,
    /// What happens then.
    pub decay: Decay,
    /// All iterations.
    pub iterations: usize,
}

impl Schedule {
    /// The rate at `iteration`, from 0.
    pub fn at(&self, iteration: usize) -> f64 {
        let warm = if iteration < self.warmup { (iteration + 1) as f64 / (self.warmup + 1) as f64 } else { 1.0 };
        let decayed = match &self.decay {
            Decay::Steps { at, factor } => {
                factor.powi(at.iter().filter(|step| iteration >= **step).count().try_into().unwrap_or(i32::MAX))
            }
            Decay::Cosine => 0.5 * (1.0 + (PI * iteration as f64 / self.iterations.max(1) as f64).cos()),
        };
        self.rate * warm * decayed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_and_drops_when_it_is_told_to() {
        let decay = Decay::Steps { at: vec![6, 8], factor: 0.1 };
        let schedule = Schedule { rate: 1.0, warmup: 3, decay, iterations: 10 };
        let rates: Vec<f64> = (0..10).map(|iteration| schedule.at(iteration)).collect();
        let wanted = [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 0.1, 0.1, 0.01, 0.01];
        assert!(rates.iter().zip(wanted).all(|(rate, wanted)| (rate - wanted).abs() < 1e-12), "{rates:?}");
    }

    #[test]
    fn the_cosine_goes_from_the_full_rate_to_nothing() {
        let schedule = Schedule { rate: 2.0, warmup: 0, decay: Decay::Cosine, iterations: 100 };
        assert_eq!(schedule.at(0), 2.0);
        assert!((schedule.at(50) - 1.0).abs() < 1e-12 && schedule.at(100) < 1e-12);
    }
}
