//! Adversarial adaptation of a network of images as a [`Method`].

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use candle_core::Tensor;
use dl_models::{LayerName, Parameters, plain};

use super::Game;
use crate::classifier::{Batch, Batches, Evaluation};
use crate::fit::{Loss, Validation};
use crate::method::{Method, Trainee};

/// A network that learns the classes of the source and features that are alike in both domains.
pub struct AdversarialMethod<'a> {
    /// Labeled images.
    pub source: Batches<'a>,
    /// Images without labels.
    pub target: Batches<'a>,
    /// The loss.
    pub game: Game,
    /// The layers of the features and of the class scores.
    pub layers: [LayerName; 2],
    /// Validation examples.
    pub validation: Option<Batches<'a>>,
}

impl Method for AdversarialMethod<'_> {
    type Batch = [Batch; 2];

    fn beside(&self) -> Option<&Parameters> {
        Some(self.game.parameters())
    }

    fn frozen(&self) -> BTreeMap<String, Tensor> {
        self.game.frozen()
    }

    fn batch(&self, step: usize) -> Result<[Batch; 2]> {
        Ok([self.source.make(step)?, self.target.make(step)?])
    }

    fn loss(&self, network: &Trainee, step: usize, [source, target]: &[Batch; 2]) -> Result<Loss> {
        let inputs = |batch: &Batch| Tensor::from_slice(&batch.inputs, batch.shape.as_slice(), network.device);
        let inputs = Tensor::cat(&[inputs(source)?, inputs(target)?], 0).map_err(plain)?;
        let outputs = network.outputs_of(&inputs, &self.layers, step)?;
        let (features, scores) = outputs.first().zip(outputs.get(1)).context("two layers have two outputs")?;
        let mut rng = dl_record::rng(network.seed, &format!("domain-dropout/{step}"));
        self.game.play(features, scores, &source.targets, step, &mut rng)
    }

    fn validate(&self, network: &Trainee) -> Result<Option<Validation>> {
        let Some(batches) = &self.validation else { return Ok(None) };
        Evaluation { model: network.model, batches, device: network.device }.run().map(Some)
    }

    /// A validation set of the target would choose by labels that adaptation does not have: the last network counts.
    fn keeps_best(&self) -> bool {
        false
    }
}
