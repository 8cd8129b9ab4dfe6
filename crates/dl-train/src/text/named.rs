//! Texts with their classes, and what a BERT says of them.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use candle_core::Tensor;
use dl_models::plain;
use dl_models::text::{Bert, Network, TextBatch, TextModel, TextNetwork, Tokens};
use rand_chacha::ChaCha8Rng;

use super::frozen::Frozen;
use crate::classifier::LossConfig;
use crate::fit::Validation;
use crate::hits::hits;
use crate::sampler::first_of_each;
use crate::transfer::Rows;

/// A text and the number of its class.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedText {
    /// The text.
    pub tokens: Tokens,
    /// Its class, in the order of the model's labels.
    pub class: u32,
}

/// Texts with their classes, as a BERT reads them.
pub struct NamedTexts<'a> {
    texts: &'a [NamedText],
    bert: &'a Bert,
    frozen: Option<Frozen<'a>>,
}

/// Texts that are computed together in inference.
const TOGETHER: usize = 64;

impl<'a> NamedTexts<'a> {
    /// `texts`, read by `model`.
    /// # Errors
    /// When it is no BERT.
    pub fn new(model: &'a TextModel, texts: &'a [NamedText]) -> Result<Self> {
        let Network::Bert(bert) = &model.network else {
            bail!("{} has no head that names classes; bert has", model.config.architecture);
        };
        Ok(Self { texts, bert, frozen: None })
    }

    /// The same, but the network goes on from its output `layer`, before which nothing learns and nothing is random: that
    /// is computed once a text, and at most `most` bytes of it are kept.
    /// # Errors
    /// When there is no such output.
    pub fn through(self, layer: &str, most: usize) -> Result<Self> {
        Ok(Self { frozen: Some(Frozen::new(self.bert, layer, most)?), ..self })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The scores of these texts [n, classes], with gradients, and their classes. `train`: dropout is on, and draws from it.
    pub(super) fn scores(&self, indices: &[usize], train: Option<&mut ChaCha8Rng>) -> Result<(Tensor, Vec<u32>)> {
        let batch = TextBatch::new(indices.iter().map(|index| &self.texts[*index].tokens));
        let classes = indices.iter().map(|index| self.texts[*index].class).collect();
        let network: &dyn TextNetwork = self.bert;
        let scores = match &self.frozen {
            Some(frozen) => self.bert.forward_from(&frozen.layer, &frozen.of(self.texts, indices)?, &batch, train)?,
            None => network.forward_t(&batch, train)?,
        };
        Ok((scores, classes))
    }

    /// What the network goes on from, of the first `most` texts of each of `classes` classes, or of all. `done` is told how
    /// many are there.
    /// # Errors
    /// When it goes on from nothing that has one row for each text.
    pub fn features(&self, classes: usize, most: usize, mut done: impl FnMut(usize)) -> Result<Rows> {
        let frozen = self.frozen.as_ref().context("no features of the texts are computed")?;
        let mut rows = Rows::default();
        let indices = first_of_each(self.texts.iter().map(|text| text.class), &mut vec![0; classes], most);
        for indices in indices.chunks(TOGETHER) {
            let targets: Vec<u32> = indices.iter().map(|index| self.texts[*index].class).collect();
            rows.push(&frozen.of(self.texts, indices)?, &targets)?;
            done(indices.len());
        }
        Ok(rows)
    }

    /// The mean loss over all texts, and their share that is right (`accuracy`).
    /// # Errors
    /// When there is none, or the network cannot read one.
    pub fn judge(&self) -> Result<Validation> {
        let (mut loss, mut rights) = (0.0, 0);
        let all: Vec<usize> = (0..self.len()).collect();
        for indices in all.chunks(TOGETHER) {
            let (logits, classes) = self.scores(indices, None)?;
            let mean = LossConfig::default().loss_of_targets(&logits, &classes)?;
            loss += f64::from(mean.to_scalar::<f32>().map_err(plain)?) * classes.len() as f64;
            rights += hits(&logits, &classes)?.into_iter().filter(|hit| *hit).count();
        }
        if all.is_empty() {
            bail!("no text to judge by");
        }
        let count = self.len() as f64;
        let accuracy = rights as f64 / count;
        let metrics = BTreeMap::from([("accuracy".to_owned(), accuracy)]);
        Ok(Validation { loss: loss / count, score: accuracy, metrics })
    }
}
