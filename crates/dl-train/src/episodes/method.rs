//! Prototypical networks as a [`Method`].

use std::collections::BTreeMap;

use anyhow::Result;
use candle_core::{Device, Tensor};
use dl_models::{LayerName, plain};

use super::{EpisodeConfig, Episodes, episode_loss};
use crate::classifier::{Batch, Batches};
use crate::fit::{Loss, Validation};
use crate::method::{Method, Trainee};

/// A network that is trained by episodes.
pub struct EpisodeMethod<'a> {
    /// Training images.
    pub train: EpisodeImages<'a>,
    /// Validation images, of other classes.
    pub validation: Option<EpisodeImages<'a>>,
    /// The layer of the features.
    pub layer: LayerName,
}

/// Images and the episodes that they are dealt to.
pub struct EpisodeImages<'a> {
    /// The images.
    pub batches: Batches<'a>,
    /// The episodes.
    pub episodes: Episodes,
    /// Their size.
    pub config: EpisodeConfig,
}

/// Episodes of a validation.
const VALIDATED: usize = 100;

impl EpisodeImages<'_> {
    /// The images of an episode, support first, and the targets of its queries.
    fn episode(&self, number: usize, draw: &str) -> Result<(Batch, Vec<u32>)> {
        let episode = self.episodes.at(number);
        let indices = [episode.support, episode.queries].concat();
        Ok((self.batches.views(&indices, draw)?, episode.targets))
    }

    /// The loss of an episode's features, and the share of queries that are recognized.
    fn loss(&self, features: &Tensor, targets: &[u32]) -> Result<(Tensor, f64)> {
        let EpisodeConfig { ways, shots, .. } = self.config;
        let support = features.narrow(0, 0, ways * shots).map_err(plain)?;
        let queries = features.narrow(0, ways * shots, targets.len()).map_err(plain)?;
        episode_loss(&support, &queries, ways, targets)
    }
}

impl Method for EpisodeMethod<'_> {
    type Batch = (Batch, Vec<u32>);

    fn batch(&self, step: usize) -> Result<Self::Batch> {
        self.train.episode(step, &step.to_string())
    }

    fn loss(&self, network: &Trainee, step: usize, (batch, targets): &Self::Batch) -> Result<Loss> {
        let features = network.outputs(batch, std::slice::from_ref(&self.layer), step)?.remove(0);
        let (value, accuracy) = self.train.loss(&features, targets)?;
        Ok(Loss { value, metrics: vec![("accuracy", accuracy)] })
    }

    fn validate(&self, network: &Trainee) -> Result<Option<Validation>> {
        let Some(images) = &self.validation else { return Ok(None) };
        let (mut loss, mut accuracy) = (0.0, 0.0);
        for number in 0..VALIDATED {
            let (batch, targets) = images.episode(number, "")?;
            let inputs = Tensor::from_vec(batch.inputs, batch.shape, &Device::Cpu).map_err(plain)?;
            let features = network.inferred(&inputs, &self.layer)?;
            let (own, right) = images.loss(&features, &targets)?;
            loss += f64::from(own.to_scalar::<f32>().map_err(plain)?) / VALIDATED as f64;
            accuracy += right / VALIDATED as f64;
        }
        let metrics = BTreeMap::from([("accuracy".to_owned(), accuracy)]);
        Ok(Some(Validation { loss: Some(loss), score: accuracy, metrics }))
    }
}
