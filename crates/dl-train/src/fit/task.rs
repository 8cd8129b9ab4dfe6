//! What is to be learned.

use std::collections::BTreeMap;

use anyhow::Result;
use candle_core::{Tensor, Var};
use dl_models::Precision;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Parameter, Progress};

/// Something that is learned batch by batch: a classifier, a language model, a detector, a GAN.
///
/// `batch` and `loss` must depend on the weights, the task's seed and `step` alone (`dl_record::rng(seed,
/// "dropout/STEP")`), never on what was asked before: then a training can go on from any step.
pub trait Task: Sync {
    /// What `batch` makes, on a thread of its own, while the network works on the batch before.
    type Batch: Send;

    /// The weights that `player` learns. Most tasks have one player, 0; a GAN has two, each with its own optimiser.
    fn parameters(&self, player: usize) -> Vec<Parameter>;

    /// What training changes besides, by the name in the model file: running statistics of batch norms.
    fn buffers(&self) -> Vec<(String, Var)> {
        Vec::new()
    }

    /// Whose turn it is within one step, in order. A GAN whose critic learns twice a step: `[0, 0, 1]`.
    fn turns(&self) -> Vec<usize> {
        vec![0]
    }

    /// The batch of a step, from 0.
    /// # Errors
    /// Ends the training.
    fn batch(&self, step: usize) -> Result<Self::Batch>;

    /// The loss of turn `turn` (an index into [`turns`](Self::turns)) of a step. The weights are then changed by its
    /// gradient.
    /// # Errors
    /// Ends the training.
    fn loss(&self, step: usize, turn: usize, batch: &Self::Batch) -> Result<Loss>;

    /// How good the model is on data that it does not learn from; `None` when there are none.
    /// # Errors
    /// Ends the training.
    fn validate(&self) -> Result<Option<Validation>> {
        Ok(None)
    }

    /// The model as it is now, whole, as users will open it. Its tensors hold all of [`parameters`](Self::parameters)
    /// and [`buffers`](Self::buffers) by their names; what the config says must not depend on the clock.
    /// # Errors
    /// Ends the training.
    fn model(&self, progress: &Progress) -> Result<ModelFile>;
}

/// The loss of one batch.
#[derive(Debug)]
pub struct Loss {
    /// A scalar, with its gradient.
    pub value: Tensor,
    /// Figures for the log and the progress bar, for example `accuracy`.
    pub metrics: Vec<(&'static str, f64)>,
}

/// How good the model is on data that it does not learn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// The mean loss.
    pub loss: f64,
    /// What the best model has most of: an accuracy, a mean average precision, or minus the loss.
    pub score: f64,
    /// Figures for the log, for example `accuracy`.
    pub metrics: BTreeMap<String, f64>,
}

/// A model, ready to be written.
#[derive(Clone, Debug)]
pub struct ModelFile {
    /// What the file says about itself.
    pub config: Value,
    /// Its tensors.
    pub tensors: BTreeMap<String, Tensor>,
    /// Texts that the file carries besides, by their keys: a tokenizer.
    pub texts: Vec<(&'static str, String)>,
    /// How its numbers are stored; the file of the last model always has all of them.
    pub precision: Precision,
}
