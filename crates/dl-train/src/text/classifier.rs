//! Naming what texts are about as a [`Task`].

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use candle_core::{D, Tensor};
use dl_models::text::{Network, TextBatch, TextModel, TextNetwork, Tokens};
use dl_models::{Parameters, plain};
use rand_chacha::ChaCha8Rng;

use super::{Deal, weights};
use crate::classifier::LossConfig;
use crate::fit::{Loss, ModelFile, Parameter, Progress, Task, Validation};

/// A text and the number of its class.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedText {
    /// The text.
    pub tokens: Tokens,
    /// Its class, in the order of the model's labels.
    pub class: u32,
}

/// A BERT that learns to name classes.
pub struct TextClassifierTask<'a> {
    /// The network, with a head.
    pub model: &'a TextModel,
    /// Its weights.
    pub parameters: &'a Parameters,
    /// What it is judged by; may be none.
    pub judged: &'a [NamedText],
    /// What counts how much.
    pub loss: LossConfig,
    /// Factor on the learning rate of a weight, by its name.
    pub factor: &'a (dyn Fn(&str) -> f64 + Sync),
    /// Weight of the squared norm of the weights in the loss.
    pub weight_decay: f64,
    /// Seed of dropout.
    pub seed: u64,
    /// Makes the model file.
    pub file: &'a (dyn Fn(&Progress) -> Result<ModelFile> + Sync),
    /// What it learns from.
    pub learned: Learned<'a>,
}

/// Texts that are learned from, and how they are dealt out.
pub struct Learned<'a> {
    texts: &'a [NamedText],
    deal: Deal,
}

impl<'a> Learned<'a> {
    /// `batch` texts a step, dealt by `seed`.
    pub fn new(texts: &'a [NamedText], batch: usize, seed: u64) -> Self {
        Self { texts, deal: Deal::new(texts.len(), batch, seed) }
    }
}

/// Texts that are judged together.
const TOGETHER: usize = 64;

impl TextClassifierTask<'_> {
    fn logits<'t>(
        &self,
        texts: impl Iterator<Item = &'t NamedText> + Clone,
        train: Option<&mut ChaCha8Rng>,
    ) -> Result<(Tensor, Vec<u32>)> {
        let Network::Bert(bert) = &self.model.network else {
            bail!("{} has no head that names classes; bert has", self.model.config.architecture);
        };
        let batch = TextBatch::new(texts.clone().map(|text| &text.tokens));
        let network: &dyn TextNetwork = bert;
        Ok((network.forward_t(&batch, train)?, texts.map(|text| text.class).collect()))
    }
}

fn right(logits: &Tensor, classes: &[u32]) -> Result<usize> {
    let best = logits.argmax(D::Minus1).and_then(|best| best.to_vec1::<u32>()).map_err(plain)?;
    Ok(best.iter().zip(classes).filter(|(best, class)| best == class).count())
}

impl Task for TextClassifierTask<'_> {
    type Batch = Vec<usize>;

    fn parameters(&self, _: usize) -> Vec<Parameter> {
        weights(self.parameters, self.weight_decay, &self.factor)
    }

    fn batch(&self, step: usize) -> Result<Vec<usize>> {
        Ok(self.learned.deal.of(step))
    }

    fn loss(&self, step: usize, _: usize, batch: &Vec<usize>) -> Result<Loss> {
        let texts = batch.iter().map(|index| &self.learned.texts[*index]);
        let mut rng = dl_record::rng(self.seed, &format!("dropout/{step}"));
        let (logits, classes) = self.logits(texts, Some(&mut rng))?;
        let accuracy = right(&logits, &classes)? as f64 / classes.len().max(1) as f64;
        Ok(Loss { value: self.loss.loss_of_targets(&logits, &classes)?, metrics: vec![("accuracy", accuracy)] })
    }

    fn validate(&self) -> Result<Option<Validation>> {
        if self.judged.is_empty() {
            return Ok(None);
        }
        let (mut loss, mut rights) = (0.0, 0);
        for texts in self.judged.chunks(TOGETHER) {
            let (logits, classes) = self.logits(texts.iter(), None)?;
            let mean = LossConfig::default().loss_of_targets(&logits, &classes)?;
            loss += f64::from(mean.to_scalar::<f32>().map_err(plain)?) * classes.len() as f64;
            rights += right(&logits, &classes)?;
        }
        let count = self.judged.len() as f64;
        let accuracy = rights as f64 / count;
        let metrics = BTreeMap::from([("accuracy".to_owned(), accuracy)]);
        Ok(Some(Validation { loss: loss / count, score: accuracy, metrics }))
    }

    fn model(&self, progress: &Progress) -> Result<ModelFile> {
        (self.file)(progress)
    }
}
