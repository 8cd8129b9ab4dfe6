//! Text classification as a [`Task`].

use anyhow::Result;
use dl_models::Parameters;

use super::{Deal, LabeledTexts};
use crate::classifier::LossConfig;
use crate::fit::{Loss, MakeModel, Parameter, Progress, RateFactor, Task, TrainedModel, Validation, weights};
use crate::hits::{fraction, hits};

/// A BERT trained to classify texts.
pub struct TextClassifierTask<'a> {
    /// Its weights.
    pub parameters: &'a Parameters,
    /// Training texts.
    pub train: TrainingTexts<'a>,
    /// Validation texts; may be empty.
    pub validation: LabeledTexts<'a>,
    /// Options of the loss.
    pub loss: LossConfig,
    /// Factor on the learning rate of a weight, by its name.
    pub factor: RateFactor<'a>,
    /// Weight decay.
    pub weight_decay: f64,
    /// Seed of dropout.
    pub seed: u64,
    /// Makes the model file.
    pub file: MakeModel<'a>,
}

/// Training texts, and how they are dealt out.
pub struct TrainingTexts<'a> {
    texts: LabeledTexts<'a>,
    deal: Deal,
}

impl<'a> TrainingTexts<'a> {
    /// Deals out `batch` texts per step, by `seed`.
    pub fn new(texts: LabeledTexts<'a>, batch: usize, seed: u64) -> Self {
        let deal = Deal::new(texts.len(), batch, seed);
        Self { texts, deal }
    }
}

impl Task for TextClassifierTask<'_> {
    type Batch = Vec<usize>;
    type Shared = ();

    fn parameters(&self, _: usize) -> Vec<Parameter> {
        weights(self.parameters, self.weight_decay, &self.factor)
    }

    fn batch(&self, step: usize) -> Result<Vec<usize>> {
        Ok(self.train.deal.of(step))
    }

    fn loss(&self, step: usize, _: usize, batch: &Vec<usize>, (): &mut ()) -> Result<Loss> {
        let mut rng = dl_record::rng(self.seed, &format!("dropout/{step}"));
        let (logits, targets) = self.train.texts.scores(batch, Some(&mut rng))?;
        let accuracy = fraction(&hits(&logits, &targets.classes)?);
        Ok(Loss { value: self.loss.loss_of_targets(&logits, &targets)?, metrics: vec![("accuracy", accuracy)] })
    }

    fn validate(&self) -> Result<Option<Validation>> {
        if self.validation.is_empty() { Ok(None) } else { self.validation.evaluate().map(Some) }
    }

    fn model(&self, progress: &Progress) -> Result<TrainedModel> {
        (self.file)(progress)
    }
}
