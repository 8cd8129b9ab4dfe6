//! Training on texts: a language model, and a text classifier.

mod classifier;
mod frozen;
mod labeled;
mod language_model;

pub use classifier::{TextClassifierTask, TrainingTexts};
pub use labeled::{LabeledText, LabeledTexts};
pub use language_model::LanguageModelTask;

use std::sync::{Mutex, PoisonError};

use crate::sampler::Rounds;

/// Deals out the indices of examples in batches.
struct Deal {
    rounds: Mutex<Rounds>,
    batch: usize,
}

impl Deal {
    fn new(count: usize, batch: usize, seed: u64) -> Self {
        Self { rounds: Mutex::new(Rounds::new(count, seed, "texts")), batch }
    }

    /// The examples of a step.
    fn of(&self, step: usize) -> Vec<usize> {
        let mut rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
        (step * self.batch..(step + 1) * self.batch).map(|place| rounds.at(place)).collect()
    }
}
