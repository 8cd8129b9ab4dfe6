//! Training a network to name what a region shows, or a whole picture: R-CNN's fine-tuning (Girshick et al. 2014,
//! section 2.3) and plain classification.
//!
//! On regions, the classes are background and those of the objects. Positives are the true boxes and the proposals whose
//! IoU with the best true object is at least 0.5, background the others; a batch of 128 is 32 positives and 96
//! background. Records are read once and pictures are decoded when a batch needs them, while the network works on the batch
//! before. Every draw is seeded, so that the network does not depend on the number of threads.

mod batches;
mod examples;
mod start;

use anyhow::{Result, bail};
use candle_core::{D, DType, Device, Tensor};
use dl_models::{Model, Parameters, plain};
use dl_ops::cross_entropy;

pub use batches::{BatchConfig, Batches};
pub use examples::{Example, ExampleConfig, Examples, Kind};
pub use start::{Start, StartConfig};

use crate::schedule::Schedule;
use crate::sgd::{Sgd, SgdConfig};

/// Options of the training.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingConfig {
    /// Number of batches, and the learning rate over them.
    pub schedule: Schedule,
    /// Options of the optimiser.
    pub sgd: SgdConfig,
    /// Factor on the learning rate of the layer that gives the class scores.
    pub head_factor: f64,
    /// Seed of dropout.
    pub seed: u64,
}

/// How one batch went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// From 0.
    pub iteration: usize,
    /// Mean cross-entropy over the batch, before the step.
    pub loss: f64,
    /// Share of the batch whose class has the highest score, from 0 to 1.
    pub accuracy: f64,
    /// Learning rate of the step.
    pub rate: f64,
}

/// Trains `model`, whose weights are those of `parameters`.
/// `after` is called after each step, and may save the parameters.
/// # Errors
/// When a batch or `after` fails, or the loss is no number any more.
pub fn train(
    model: &Model,
    parameters: &Parameters,
    batches: Batches,
    config: &TrainingConfig,
    device: &Device,
    mut after: impl FnMut(Step) -> Result<()>,
) -> Result<()> {
    let weights = parameters.vars().into_iter().map(|(name, var)| {
        let factor = if model.architecture.is_of_a_head(&name) { config.head_factor } else { 1.0 };
        (var, factor)
    });
    let mut sgd = Sgd::new(weights, config.sgd);
    batches.run(config.schedule.iterations, |iteration, batch| {
        let inputs = Tensor::from_vec(batch.inputs, batch.shape.as_slice(), device)?;
        let targets = Tensor::new(batch.targets, device)?;
        let mut rng = dl_record::rng(config.seed, &format!("dropout/{iteration}"));
        let scores = model.training_scores(&inputs, &mut rng)?;
        let (loss, right) = judge(&scores, &targets)?;
        let value = f64::from(loss.to_scalar::<f32>()?);
        if !value.is_finite() {
            bail!("the loss is {value} after {iteration} iterations; a smaller learning rate may help");
        }
        let rate = config.schedule.at(iteration);
        sgd.step(&loss.backward().map_err(plain)?, rate)?;
        after(Step { iteration, loss: value, accuracy: right, rate })
    })
}

/// The loss, auxiliary classifiers' included, and the share of right answers of the network itself.
fn judge(scores: &[(Tensor, f64)], targets: &Tensor) -> Result<(Tensor, f64)> {
    let Some(((logits, _), auxiliary)) = scores.split_first() else { bail!("a network without class scores") };
    let mut loss = cross_entropy(logits, targets).map_err(plain)?;
    for (scores, share) in auxiliary {
        loss = cross_entropy(scores, targets).and_then(|other| loss + other * *share).map_err(plain)?;
    }
    Ok((loss, share_of_right(logits, targets).map_err(plain)?))
}

fn share_of_right(logits: &Tensor, targets: &Tensor) -> candle_core::Result<f64> {
    let right = logits.argmax(D::Minus1)?.eq(targets)?.to_dtype(DType::F32)?.mean_all()?;
    Ok(f64::from(right.to_scalar::<f32>()?))
}
