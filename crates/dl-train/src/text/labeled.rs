//! Texts with their classes, and their evaluation by a BERT.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use candle_core::Tensor;
use dl_models::plain;
use dl_models::text::{Bert, Network, TextBatch, TextModel, TextNetwork, Tokens};
use rand_chacha::ChaCha8Rng;

use super::frozen::FrozenEncoder;
use crate::classifier::{LossConfig, Targets};
use crate::fit::Validation;
use crate::hits::hits;
use crate::sampler::first_of_each;
use crate::transfer::FeatureRows;

/// A text and the index of its class.
#[derive(Clone, Debug, PartialEq)]
pub struct LabeledText {
    /// The text.
    pub tokens: Tokens,
    /// Its class, in the order of the model's labels.
    pub class: u32,
    /// How much it counts in the mean loss, at least 0.
    pub weight: f32,
}

/// Texts with their classes, as a BERT reads them.
pub struct LabeledTexts<'a> {
    texts: &'a [LabeledText],
    bert: &'a Bert,
    frozen: Option<FrozenEncoder<'a>>,
}

/// Texts computed together in inference.
const TOGETHER: usize = 64;

impl<'a> LabeledTexts<'a> {
    /// `texts`, read by `model`.
    /// # Errors
    /// When it is not a BERT.
    pub fn new(model: &'a TextModel, texts: &'a [LabeledText]) -> Result<Self> {
        let Network::Bert(bert) = &model.network else {
            bail!(
                "{} has no classification head; bert, distilbert, roberta and xlm-roberta have",
                model.config.architecture
            );
        };
        Ok(Self { texts, bert, frozen: None })
    }

    /// The same, but the network starts at its layer `layer`, before which everything is frozen and without dropout: those
    /// features are computed once per text, and at most `most` bytes of them are kept.
    /// # Errors
    /// When the layer does not exist.
    pub fn through(self, layer: &str, most: usize) -> Result<Self> {
        Ok(Self { frozen: Some(FrozenEncoder::new(self.bert, layer, most)?), ..self })
    }

    /// The number of texts.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether there are no texts.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The classes of the given texts; weights only where texts count differently.
    fn targets(&self, indices: &[usize]) -> Targets {
        let weighted = self.texts.iter().any(|text| text.weight != 1.0);
        let texts = || indices.iter().map(|index| &self.texts[*index]);
        Targets {
            classes: texts().map(|text| text.class).collect(),
            weights: texts().map(|text| text.weight).filter(|_| weighted).collect(),
        }
    }

    /// The scores of the given texts [n, classes], with gradients, and their targets. With `train`,
    /// dropout draws from it.
    pub(super) fn scores(&self, indices: &[usize], train: Option<&mut ChaCha8Rng>) -> Result<(Tensor, Targets)> {
        let batch = TextBatch::new(indices.iter().map(|index| &self.texts[*index].tokens));
        let targets = self.targets(indices);
        let network: &dyn TextNetwork = self.bert;
        let scores = match &self.frozen {
            Some(frozen) => self.bert.forward_from(&frozen.layer, &frozen.of(self.texts, indices)?, &batch, train)?,
            None => network.forward_t(&batch, train)?,
        };
        Ok((scores, targets))
    }

    /// The features that the network starts at, of the first `most` texts of each of `classes` classes. `done` is called
    /// with the number of finished texts.
    /// # Errors
    /// When it has no such features, with one row per text.
    pub fn features(&self, classes: usize, most: usize, mut done: impl FnMut(usize)) -> Result<FeatureRows> {
        let frozen = self.frozen.as_ref().context("no features of the texts are computed")?;
        let mut rows = FeatureRows::default();
        let indices = first_of_each(self.texts.iter().map(|text| text.class), &mut vec![0; classes], most);
        for indices in indices.chunks(TOGETHER) {
            rows.push(&frozen.of(self.texts, indices)?, &self.targets(indices))?;
            done(indices.len());
        }
        Ok(rows)
    }

    /// Computes the mean loss over all texts and the fraction of correct ones (`accuracy`).
    /// # Errors
    /// When there are no texts, or the network cannot read one.
    pub fn evaluate(&self) -> Result<Validation> {
        let (mut loss, mut correct) = (0.0, 0);
        let all: Vec<usize> = (0..self.len()).collect();
        for indices in all.chunks(TOGETHER) {
            let (logits, Targets { classes, .. }) = self.scores(indices, None)?;
            let mean = LossConfig::default().loss_of_targets(&logits, &classes.as_slice().into())?;
            loss += f64::from(mean.to_scalar::<f32>().map_err(plain)?) * classes.len() as f64;
            correct += hits(&logits, &classes)?.into_iter().filter(|hit| *hit).count();
        }
        if all.is_empty() {
            bail!("no text to validate on");
        }
        let count = self.len() as f64;
        let accuracy = correct as f64 / count;
        let metrics = BTreeMap::from([("accuracy".to_owned(), accuracy)]);
        Ok(Validation { loss: Some(loss / count), score: accuracy, metrics })
    }
}
