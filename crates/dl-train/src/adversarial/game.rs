//! The loss of adversarial adaptation, whatever computes the features.

use std::collections::BTreeMap;

use anyhow::Result;
use candle_core::{Device, Tensor};
use dl_models::{Parameters, plain};
use rand_chacha::ChaCha8Rng;

use super::{
    DomainClassifier, MultilinearMap, coral_loss, domain_accuracy, domain_loss, entropy_weights, reversal_strength,
    reverse_gradient,
};
use crate::classifier::{LossConfig, Targets};
use crate::fit::Loss;
use crate::hits::{fraction, hits};

/// How the features of two domains are made alike.
#[derive(Clone, Debug, PartialEq)]
pub enum Alignment {
    /// A domain classifier on the features (Ganin et al. 2016).
    Dann,
    /// A domain classifier on features joined with predicted classes (Long et al. 2018); with `entropy`, certain rows
    /// count more.
    Cdan {
        /// Whether rows are weighted by their certainty.
        entropy: bool,
    },
    /// Equal covariances of the features (Sun and Saenko 2016).
    Coral,
}

/// Options of the game.
#[derive(Clone, Debug, PartialEq)]
pub struct GameConfig {
    /// How the domains are made alike.
    pub alignment: Alignment,
    /// Factor on the domain's part of the loss.
    pub weight: f64,
    /// Hidden widths of the domain classifier.
    pub hidden: Vec<usize>,
    /// Steps of the whole training: the reversal grows along them.
    pub steps: usize,
    /// Seed of the domain classifier.
    pub seed: u64,
}

/// The loss of the classes of the source, and of the domains.
pub struct Game {
    config: GameConfig,
    /// Options of the loss of the classes.
    pub loss: LossConfig,
    domain: Option<DomainClassifier>,
    map: Option<MultilinearMap>,
    parameters: Parameters,
}

impl Game {
    /// For features of `width` numbers and `classes` classes.
    /// # Errors
    /// When a width is 0.
    pub fn new(config: GameConfig, loss: LossConfig, [width, classes]: [usize; 2], device: &Device) -> Result<Self> {
        let parameters = Parameters::fresh(config.seed);
        let map = match config.alignment {
            Alignment::Cdan { .. } => Some(MultilinearMap::new(width, classes, config.seed, device)?),
            Alignment::Dann | Alignment::Coral => None,
        };
        let inputs = map.as_ref().map_or(width, MultilinearMap::outputs);
        let domain = match config.alignment {
            Alignment::Coral => None,
            _ => Some(DomainClassifier::new(inputs, &config.hidden, 0.0, &parameters.builder(device))?),
        };
        Ok(Self { config, loss, domain, map, parameters })
    }

    /// The weights of the domain classifier.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The random matrices of CDAN.
    pub fn frozen(&self) -> BTreeMap<String, Tensor> {
        self.map.as_ref().map(MultilinearMap::tensors).unwrap_or_default()
    }

    /// The loss of a step: `features` [n, width] and class scores [n, classes] of source rows of these `targets`, then of
    /// target rows.
    /// # Errors
    /// When candle fails.
    pub fn play(
        &self,
        features: &Tensor,
        scores: &Tensor,
        targets: &Targets,
        step: usize,
        rng: &mut ChaCha8Rng,
    ) -> Result<Loss> {
        let sources = targets.classes.len();
        let of_source = scores.narrow(0, 0, sources).and_then(|own| own.contiguous()).map_err(plain)?;
        let classes = self.loss.loss_of_targets(&of_source, targets)?;
        let mut metrics = vec![("accuracy", fraction(&hits(&of_source, &targets.classes)?))];
        let alignment = match &self.domain {
            None => {
                let part = |first, count| features.narrow(0, first, count).and_then(|x| x.contiguous()).map_err(plain);
                let all = features.dim(0).map_err(plain)?;
                coral_loss(&part(0, sources)?, &part(sources, all - sources)?)?
            }
            Some(domain) => {
                let strength = reversal_strength(step as f64 / self.config.steps.max(1) as f64);
                let reversed = reverse_gradient(features, strength)?;
                let inputs = match &self.map {
                    Some(map) => map.forward(&reversed, scores)?,
                    None => reversed,
                };
                let logits = domain.forward(&inputs, Some(rng))?;
                let weights = match self.config.alignment {
                    Alignment::Cdan { entropy: true } => Some(entropy_weights(scores)?),
                    _ => None,
                };
                metrics.push(("domain accuracy", domain_accuracy(&logits, sources)?));
                domain_loss(&logits, sources, weights.as_ref())?
            }
        };
        metrics.push(("domain", f64::from(alignment.to_scalar::<f32>().map_err(plain)?)));
        let value = (classes + (alignment * self.config.weight).map_err(plain)?).map_err(plain)?;
        Ok(Loss { value, metrics })
    }
}
