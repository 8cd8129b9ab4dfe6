//! Naming what texts are about as a [`Task`].

use anyhow::Result;
use dl_models::Parameters;

use super::{Deal, NamedTexts, weights};
use crate::classifier::LossConfig;
use crate::fit::{Loss, ModelFile, Parameter, Progress, Task, Validation};
use crate::hits::hits;

/// A BERT that learns to name classes.
pub struct TextClassifierTask<'a> {
    /// Its weights.
    pub parameters: &'a Parameters,
    /// What it learns from.
    pub learned: Learned<'a>,
    /// What it is judged by; may be none.
    pub judged: NamedTexts<'a>,
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
}

/// Texts that are learned from, and how they are dealt out.
pub struct Learned<'a> {
    texts: NamedTexts<'a>,
    deal: Deal,
}

impl<'a> Learned<'a> {
    /// `batch` texts a step, dealt by `seed`.
    pub fn new(texts: NamedTexts<'a>, batch: usize, seed: u64) -> Self {
        let deal = Deal::new(texts.len(), batch, seed);
        Self { texts, deal }
    }
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
        let mut rng = dl_record::rng(self.seed, &format!("dropout/{step}"));
        let (logits, classes) = self.learned.texts.scores(batch, Some(&mut rng))?;
        let right = hits(&logits, &classes)?.into_iter().filter(|hit| *hit).count();
        let accuracy = right as f64 / classes.len().max(1) as f64;
        Ok(Loss { value: self.loss.loss_of_targets(&logits, &classes)?, metrics: vec![("accuracy", accuracy)] })
    }

    fn validate(&self) -> Result<Option<Validation>> {
        if self.judged.is_empty() { Ok(None) } else { self.judged.judge().map(Some) }
    }

    fn model(&self, progress: &Progress) -> Result<ModelFile> {
        (self.file)(progress)
    }
}
