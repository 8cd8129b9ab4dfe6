//! Where a training stands, besides the weights and the optimisers' memory.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Validation;
use crate::schedule::{Decay, PlateauState, Schedule};

/// Where a training stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps made.
    pub step: usize,
    /// Running means over about the last 50 steps: `loss`, and the task's figures.
    pub means: BTreeMap<String, f64>,
    /// The last validation.
    pub validation: Option<Validation>,
    /// The best validation, and the steps made before it.
    pub best: Option<(usize, Validation)>,
    /// Validations since the best one.
    pub waited: usize,
    /// Patience has run out: nothing more is to be done.
    pub stopped: bool,
    /// What a plateau schedule remembers.
    pub plateau: PlateauState,
}

/// Steps that a running mean looks back on.
const WINDOW: usize = 50;

impl Progress {
    /// The learning rate of the next step.
    pub fn rate(&self, schedule: &Schedule) -> f64 {
        schedule.at(self.step) * self.plateau.factor
    }

    /// Takes in the figures of a step that was made.
    pub(super) fn add(&mut self, figures: &[(String, f64)]) {
        self.step += 1;
        let share = 1.0 / self.step.min(WINDOW) as f64;
        for (name, value) in figures {
            let mean = self.means.entry(name.clone()).or_insert(0.0);
            *mean += share * (value - *mean);
        }
    }

    /// Takes in a validation. Is it the best so far?
    pub(super) fn judge(&mut self, validation: Validation, schedule: &Schedule, patience: Option<usize>) -> bool {
        if let Decay::Plateau(plateau) = &schedule.decay {
            self.plateau.see(plateau, validation.loss);
        }
        let better = self.best.as_ref().is_none_or(|(_, best)| {
            validation.score > best.score || (validation.score == best.score && validation.loss < best.loss)
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

    /// A running mean; 0 before the first step.
    pub fn mean(&self, name: &str) -> f64 {
        self.means.get(name).copied().unwrap_or_default()
    }
}
