//! The network that a method trains.

use anyhow::Result;
use candle_core::{Device, Tensor};
use dl_models::{LayerName, Model, TrainingPass, plain};

use crate::classifier::Batch;

/// A network in training.
#[derive(Clone, Copy)]
pub struct Trainee<'a> {
    /// The network.
    pub model: &'a Model,
    /// Probability of dropout; `None` for the architecture's.
    pub dropout: Option<f64>,
    /// Seed of dropout.
    pub seed: u64,
    /// Where to compute.
    pub device: &'a Device,
}

impl Trainee<'_> {
    /// The outputs of `layers` for the images of a batch, with gradients.
    /// # Errors
    /// When a layer does not exist, or candle fails.
    pub fn outputs(&self, batch: &Batch, layers: &[LayerName], step: usize) -> Result<Vec<Tensor>> {
        let inputs = Tensor::from_slice(&batch.inputs, batch.shape.as_slice(), self.device)?;
        self.outputs_of(&inputs, layers, step)
    }

    /// The same for inputs [n, 3, h, w].
    /// # Errors
    /// As [`outputs`](Self::outputs).
    pub fn outputs_of(&self, inputs: &Tensor, layers: &[LayerName], step: usize) -> Result<Vec<Tensor>> {
        let mut rng = dl_record::rng(self.seed, &format!("dropout/{step}"));
        let training = TrainingPass { from: None, dropout: self.dropout };
        let outputs = self.model.training_outputs(inputs, training, layers, &mut rng)?;
        outputs.into_iter().map(|output| output.flatten_from(1).map_err(plain)).collect()
    }

    /// The outputs of a layer for inputs [n, 3, h, w] with the current weights, without gradients.
    /// # Errors
    /// As [`outputs`](Self::outputs).
    pub fn inferred(&self, inputs: &Tensor, layer: &LayerName) -> Result<Tensor> {
        let inputs = inputs.to_device(self.device)?;
        let outputs = self.model.current().features(&inputs, std::slice::from_ref(layer))?;
        Ok(outputs.into_iter().next().ok_or_else(|| anyhow::anyhow!("one layer has one output"))?.flatten_from(1)?)
    }
}
