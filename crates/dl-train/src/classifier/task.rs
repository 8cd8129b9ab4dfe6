//! Classification as a [`Task`].

use anyhow::Result;
use candle_core::{D, DType, Device, Tensor, Var};
use dl_models::{Model, Parameters, plain};
use dl_ops::cross_entropy;

use super::Batches;
use super::batches::Batch;
use crate::fit::{Loss, ModelFile, Parameter, Progress, Task};

/// A network that learns to name what regions or pictures show.
pub struct ClassifierTask<'a> {
    /// The network.
    pub model: &'a Model,
    /// Its weights.
    pub parameters: &'a Parameters,
    /// Where batches come from.
    pub batches: Batches<'a>,
    /// Factor on the learning rate of a weight, by its name.
    pub factor: &'a (dyn Fn(&str) -> f64 + Sync),
    /// Weight of the squared norm of the weights in the loss.
    pub weight_decay: f64,
    /// Seed of dropout.
    pub seed: u64,
    /// Where to compute.
    pub device: &'a Device,
    /// The file's config, and how its numbers are stored.
    pub file: &'a (dyn Fn(&Progress) -> Result<ModelFile> + Sync),
}

/// The names that a batch norm gives its running statistics: they have no gradient.
fn is_buffer(name: &str) -> bool {
    name.ends_with(".running_mean") || name.ends_with(".running_var")
}

impl Task for ClassifierTask<'_> {
    type Batch = Batch;

    fn parameters(&self, _: usize) -> Vec<Parameter> {
        let weights = self.parameters.vars().into_iter().filter(|(name, _)| !is_buffer(name));
        let parameter = |(name, var): (String, Var)| {
            let factor = (self.factor)(&name);
            Parameter { factor, ..Parameter::new(name, var, self.weight_decay) }
        };
        weights.map(parameter).collect()
    }

    fn buffers(&self) -> Vec<(String, Var)> {
        self.parameters.vars().into_iter().filter(|(name, _)| is_buffer(name)).collect()
    }

    fn batch(&self, step: usize) -> Result<Batch> {
        self.batches.make(step)
    }

    fn loss(&self, step: usize, _: usize, batch: &Batch) -> Result<Loss> {
        let inputs = Tensor::from_slice(&batch.inputs, batch.shape.as_slice(), self.device)?;
        let targets = Tensor::new(batch.targets.as_slice(), self.device)?;
        let mut rng = dl_record::rng(self.seed, &format!("dropout/{step}"));
        let logits = self.model.backbone.forward_t(&inputs, Some(&mut rng))?;
        let value = cross_entropy(&logits, &targets).map_err(plain)?;
        Ok(Loss { value, metrics: vec![("accuracy", accuracy(&logits, &targets).map_err(plain)?)] })
    }

    fn model(&self, progress: &Progress) -> Result<ModelFile> {
        (self.file)(progress)
    }
}

/// The share of rows whose target has the highest score.
fn accuracy(logits: &Tensor, targets: &Tensor) -> candle_core::Result<f64> {
    let right = logits.argmax(D::Minus1)?.eq(targets)?.to_dtype(DType::F32)?.mean_all()?;
    Ok(f64::from(right.to_scalar::<f32>()?))
}
