//! Classification as a [`Task`].

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor, Var};
use dl_models::{LayerName, Model, Parameters, TrainingPass, plain};
use dl_ops::cross_entropy;

use super::batches::{Batch, Batches, Targets};
use super::loss::LossConfig;
use crate::fit::{
    EarlyRate, Loss, MakeModel, Parameter, Progress, RateFactor, Task, TrainedModel, Validation, buffers, weights,
};
use crate::hits::{fraction, hits};

/// A network trained to classify regions or images.
pub struct ClassifierTask<'a> {
    /// The network.
    pub model: &'a Model,
    /// Its weights.
    pub parameters: &'a Parameters,
    /// Where batches come from.
    pub batches: Batches<'a>,
    /// Validation examples.
    pub validation: Option<Batches<'a>>,
    /// Options of the loss.
    pub loss: LossConfig,
    /// Factor on the learning rate of a weight, by its name.
    pub factor: RateFactor<'a>,
    /// What is different for a weight in the first steps, by its name.
    pub early: EarlyRate<'a>,
    /// Weight decay.
    pub weight_decay: f64,
    /// Probability of dropout; `None` for the architecture's.
    pub dropout: Option<f64>,
    /// Seed of dropout.
    pub seed: u64,
    /// Where to compute.
    pub device: &'a Device,
    /// Makes the model file.
    pub file: MakeModel<'a>,
}

/// Examples evaluated together.
const TOGETHER: usize = 64;

impl Task for ClassifierTask<'_> {
    type Batch = Batch;
    type Shared = ();

    fn parameters(&self, _: usize) -> Vec<Parameter> {
        let weights = weights(self.parameters, self.weight_decay, &self.factor).into_iter();
        weights.map(|weight| Parameter { early: (self.early)(&weight.name), ..weight }).collect()
    }

    fn buffers(&self) -> Vec<(String, Var)> {
        buffers(self.parameters)
    }

    fn batch(&self, step: usize) -> Result<Batch> {
        self.batches.make(step)
    }

    fn loss(&self, step: usize, _: usize, batch: &Batch, (): &mut ()) -> Result<Loss> {
        let inputs = Tensor::from_slice(&batch.inputs, batch.shape.as_slice(), self.device)?;
        let mut rng = dl_record::rng(self.seed, &format!("dropout/{step}"));
        let from = self.batches.layer().map(|layer| layer.name.as_str());
        let training = TrainingPass { from, dropout: self.dropout };
        let scores = self.model.training_scores(&inputs, training, &mut rng)?;
        let value = self.loss.loss_of_all(&scores, batch)?;
        let hits = hits(&scores[0].0, &batch.targets.classes)?;
        Ok(Loss { value, metrics: vec![("accuracy", fraction(&hits))] })
    }

    fn validate(&self) -> Result<Option<Validation>> {
        let Some(batches) = &self.validation else { return Ok(None) };
        Evaluation { model: self.model, batches, device: self.device }.run().map(Some)
    }

    fn model(&self, progress: &Progress) -> Result<TrainedModel> {
        (self.file)(progress)
    }
}

/// The evaluation of a network on examples.
pub struct Evaluation<'a, 'b> {
    /// The network.
    pub model: &'a Model,
    /// The examples.
    pub batches: &'a Batches<'b>,
    /// Where to compute.
    pub device: &'a Device,
}

impl Evaluation<'_, '_> {
    /// Computes the mean loss, the fraction of correct examples (`accuracy`), and its mean over the classes
    /// (`mean_recall`).
    /// # Errors
    /// When no example can be decoded, or the network fails.
    pub fn run(&self) -> Result<Validation> {
        let examples = self.batches.examples();
        let (mut loss, mut count) = (0.0, 0_usize);
        let mut per_class = vec![(0_usize, 0_usize); examples.labels().len()];
        // A network's plans hold copies of its weights: these are made for the current weights.
        let now = self.model.current();
        let logits_layer: LayerName = dl_models::LOGITS.parse()?;
        for (sort, length) in [examples.positives().len(), examples.background().len()].into_iter().enumerate() {
            let indices: Vec<usize> = (0..length).collect();
            for indices in indices.chunks(TOGETHER) {
                let (inputs, Targets { classes: targets, .. }) = self.batches.plain(sort, indices)?;
                if targets.is_empty() {
                    continue;
                }
                let logits = match self.batches.layer() {
                    Some(layer) => {
                        let inputs = inputs.to_device(self.device)?;
                        self.model.backbone.scores_from(&inputs, &layer.name)?.detach()
                    }
                    None => {
                        let inputs = inputs.to_device(self.device)?;
                        let outputs = now.features(&inputs, std::slice::from_ref(&logits_layer))?;
                        outputs.into_iter().next().context("one layer has one output")?
                    }
                };
                let mean = cross_entropy(&logits, &Tensor::new(targets.as_slice(), self.device)?).map_err(plain)?;
                loss += f64::from(mean.to_scalar::<f32>()?) * targets.len() as f64;
                count += targets.len();
                for (hit, target) in hits(&logits, &targets)?.into_iter().zip(&targets) {
                    let (correct, all) = &mut per_class[*target as usize];
                    *correct += usize::from(hit);
                    *all += 1;
                }
            }
        }
        anyhow::ensure!(count > 0, "no validation image can be decoded");
        let correct: usize = per_class.iter().map(|(correct, _)| correct).sum();
        let accuracy = correct as f64 / count as f64;
        let recalls: Vec<f64> =
            per_class.iter().filter(|(_, all)| *all > 0).map(|(correct, all)| *correct as f64 / *all as f64).collect();
        let mean_recall = recalls.iter().sum::<f64>() / recalls.len() as f64;
        let metrics = BTreeMap::from([("accuracy".to_owned(), accuracy), ("mean_recall".to_owned(), mean_recall)]);
        Ok(Validation { loss: Some(loss / count as f64), score: accuracy, metrics })
    }
}
