//! Pre-training without labels as a [`Method`].

use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use candle_core::Tensor;
use dl_models::{LayerName, Parameters, plain};

use super::{ProjectionHead, nt_xent, rotations, similarities};
use crate::classifier::{Batch, Batches, LossConfig};
use crate::fit::Loss;
use crate::hits::{fraction, hits};
use crate::method::{Method, Trainee};
use crate::sampler::Rounds;

/// What the network is to find out about an image.
pub enum Pretext {
    /// Which view is of the same image (Chen et al. 2020).
    SimClr {
        /// The layer whose features are projected.
        layer: LayerName,
        /// The projection.
        head: ProjectionHead,
        /// Its weights.
        parameters: Parameters,
        /// Divides the similarities.
        temperature: f64,
    },
    /// By how many quarter turns it was rotated (Gidaris et al. 2018); the layer of the four scores.
    Rotation(LayerName),
}

/// A network that learns from images without labels.
pub struct ContrastMethod<'a> {
    batches: Batches<'a>,
    pretext: Pretext,
    size: usize,
    order: Mutex<Rounds>,
}

impl<'a> ContrastMethod<'a> {
    /// `size` images of a step are dealt by `seed`.
    pub fn new(batches: Batches<'a>, pretext: Pretext, size: usize, seed: u64) -> Self {
        let order = Mutex::new(Rounds::new(batches.examples().positives().len(), seed, "contrast"));
        Self { batches, pretext, size, order }
    }
}

impl Method for ContrastMethod<'_> {
    /// One view of each image, or two.
    type Batch = Vec<Batch>;

    fn beside(&self) -> Option<&Parameters> {
        match &self.pretext {
            Pretext::SimClr { parameters, .. } => Some(parameters),
            Pretext::Rotation(_) => None,
        }
    }

    fn batch(&self, step: usize) -> Result<Vec<Batch>> {
        let indices: Vec<usize> = {
            let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
            (step * self.size..(step + 1) * self.size).map(|place| order.at(place)).collect()
        };
        let views = if matches!(self.pretext, Pretext::SimClr { .. }) { 2 } else { 1 };
        (0..views).map(|view| self.batches.views(&indices, &format!("{step}/{view}"))).collect()
    }

    fn loss(&self, network: &Trainee, step: usize, batch: &Vec<Batch>) -> Result<Loss> {
        let inputs = |batch: &Batch| Tensor::from_slice(&batch.inputs, batch.shape.as_slice(), network.device);
        let inputs: Vec<Tensor> = batch.iter().map(inputs).collect::<candle_core::Result<_>>().map_err(plain)?;
        match &self.pretext {
            Pretext::SimClr { layer, head, temperature, .. } => {
                // Both views at once: batch norms see all of them.
                let inputs = Tensor::cat(&inputs, 0).map_err(plain)?;
                let features = network.outputs_of(&inputs, std::slice::from_ref(layer), step)?.remove(0);
                let projected = head.forward(&features)?;
                let half = |first| projected.narrow(0, first, self.size).map_err(plain);
                let [first, second] = [half(0)?, half(self.size)?];
                let value = nt_xent(&first, &second, *temperature)?;
                let (scores, targets) = similarities(&first.detach(), &second.detach(), *temperature)?;
                Ok(Loss { value, metrics: vec![("accuracy", fraction(&hits(&scores, &targets)?))] })
            }
            Pretext::Rotation(scores) => {
                let (inputs, turns) = rotations(inputs.first().context("a batch without images")?)?;
                let scores = network.outputs_of(&inputs, std::slice::from_ref(scores), step)?.remove(0);
                let value = LossConfig::default().loss_of_targets(&scores, &turns.as_slice().into())?;
                Ok(Loss { value, metrics: vec![("accuracy", fraction(&hits(&scores, &turns)?))] })
            }
        }
    }
}
