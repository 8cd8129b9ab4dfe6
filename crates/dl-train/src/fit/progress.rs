//! The progress of a training run, apart from the weights and the optimizers' state.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Validation;
use crate::schedule::{Decay, PlateauState, Schedule};

/// The progress of a training run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps completed.
    pub step: usize,
    /// Running means over about the last 50 steps: `loss`, and the task's metrics.
    pub means: BTreeMap<String, f64>,
    /// The latest validation.
    pub validation: Option<Validation>,
    /// The best validation, and the steps completed before it.
    pub best: Option<(usize, Validation)>,
    /// Validations since the best one.
    pub waited: usize,
    /// Patience has run out: training is over.
    pub stopped: bool,
    /// The state of a plateau schedule.
    pub plateau: PlateauState,
    /// Mean loss of the first steps, against which an explosion is measured.
    #[serde(default)]
    pub first_loss: f64,
    /// Steps in a row whose loss is above the limit.
    #[serde(default)]
    pub high: usize,
}

/// Steps that a running mean covers.
const WINDOW: usize = 50;
/// Steps whose mean is the loss at the start.
const FIRST: usize = 10;
/// Steps in a row above the limit that count as an explosion.
pub(super) const MOST_HIGH: usize = 30;

impl Progress {
    /// The learning rate of the next step.
    pub fn rate(&self, schedule: &Schedule) -> f64 {
        schedule.at(self.step) * self.plateau.factor
    }

    /// Records a loss. Returns true once it has stayed above `factor` times the first losses (and above `factor`) for
    /// [`MOST_HIGH`] steps in a row.
    pub(super) fn has_exploded(&mut self, loss: f64, factor: f64) -> bool {
        if self.step < FIRST {
            self.first_loss += (loss - self.first_loss) / (self.step + 1) as f64;
            return false;
        }
        self.high = if loss > factor * self.first_loss.max(1.0) { self.high + 1 } else { 0 };
        self.high >= MOST_HIGH
    }

    /// Records the metrics of a completed step.
    pub(super) fn add(&mut self, figures: &[(String, f64)]) {
        self.step += 1;
        let share = 1.0 / self.step.min(WINDOW) as f64;
        for (name, value) in figures {
            // The loss of a lazy phase is not in every step.
            let mean = self.means.entry(name.clone()).or_insert(*value);
            *mean += share * (value - *mean);
        }
    }

    /// Records a validation and returns whether it is the best so far.
    pub(super) fn validated(&mut self, validation: Validation, schedule: &Schedule, patience: Option<usize>) -> bool {
        if let Decay::Plateau(plateau) = &schedule.decay {
            self.plateau.update(plateau, validation.cost());
        }
        let better = validation.cost().is_finite()
            && self.best.as_ref().is_none_or(|(_, best)| {
                validation.score > best.score || (validation.score == best.score && validation.cost() < best.cost())
            });
        if better {
            self.best = Some((self.step, validation.clone()));
            self.waited = 0;
        } else {
            self.waited += 1;
            self.stopped = patience.is_some_and(|patience| self.waited >= patience);
        }
        self.validation = Some(validation);
        better
    }

    /// A running mean, or 0 before the first step.
    pub fn mean(&self, name: &str) -> f64 {
        self.means.get(name).copied().unwrap_or_default()
    }
}
