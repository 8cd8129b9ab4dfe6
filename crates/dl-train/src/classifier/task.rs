//! Classification as a [`Task`].

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor, Var};
use dl_models::{LayerName, Model, Parameters, TrainingPass, plain};
use dl_ops::cross_entropy;

use super::batches::{Batch, Batches};
use super::loss::LossConfig;
use crate::fit::{Loss, ModelFile, Parameter, Progress, Task, Validation};
use crate::hits::hits;

/// A network that learns to name what regions or pictures show.
pub struct ClassifierTask<'a> {
    /// The network.
    pub model: &'a Model,
    /// Its weights.
    pub parameters: &'a Parameters,
    /// Where batches come from.
    pub batches: Batches<'a>,
    /// Examples to judge by, which are not learned from.
    pub judged: Option<Batches<'a>>,
    /// What counts how much.
    pub loss: LossConfig,
    /// Factor on the learning rate of a weight, by its name.
    pub factor: &'a (dyn Fn(&str) -> f64 + Sync),
    /// Weight of the squared norm of the weights in the loss.
    pub weight_decay: f64,
    /// The probability of dropout, in place of the architecture's.
    pub dropout: Option<f64>,
    /// Seed of dropout.
    pub seed: u64,
    /// Where to compute.
    pub device: &'a Device,
    /// The file's config, and how its numbers are stored.
    pub file: &'a (dyn Fn(&Progress) -> Result<ModelFile> + Sync),
}

/// Examples that are judged together.
const TOGETHER: usize = 64;

/// The names that a batch norm gives its running statistics: they have no gradient.
fn is_buffer(name: &str) -> bool {
    name.ends_with(".running_mean") || name.ends_with(".running_var")
}

impl Task for ClassifierTask<'_> {
    type Batch = Batch;

    fn parameters(&self, _: usize) -> Vec<Parameter> {
        let weights = self.parameters.vars().into_iter().filter(|(name, _)| !is_buffer(name));
        let parameter = |(name, var): (String, Var)| {
            let factor = (self.factor)(&name);
            Parameter { factor, ..Parameter::new(name, var, self.weight_decay) }
        };
        weights.map(parameter).collect()
    }

    fn buffers(&self) -> Vec<(String, Var)> {
        self.parameters.vars().into_iter().filter(|(name, _)| is_buffer(name)).collect()
    }

    fn batch(&self, step: usize) -> Result<Batch> {
        self.batches.make(step)
    }

    fn loss(&self, step: usize, _: usize, batch: &Batch) -> Result<Loss> {
        let inputs = Tensor::from_slice(&batch.inputs, batch.shape.as_slice(), self.device)?;
        let mut rng = dl_record::rng(self.seed, &format!("dropout/{step}"));
        let from = self.batches.layer().map(|layer| layer.name.as_str());
        let training = TrainingPass { from, dropout: self.dropout };
        let scores = self.model.training_scores(&inputs, training, &mut rng)?;
        let value = self.loss.loss_of_all(&scores, batch)?;
        let right = hits(&scores[0].0, &batch.targets)?;
        Ok(Loss { value, metrics: vec![("accuracy", share(&right))] })
    }

    fn validate(&self) -> Result<Option<Validation>> {
        let Some(judged) = &self.judged else { return Ok(None) };
        Judge { model: self.model, batches: judged, device: self.device }.judge().map(Some)
    }

    fn model(&self, progress: &Progress) -> Result<ModelFile> {
        (self.file)(progress)
    }
}

/// Judges a network by examples, without changing it.
pub struct Judge<'a, 'b> {
    /// The network.
    pub model: &'a Model,
    /// The examples; they go through the same frozen part as those that are learned from.
    pub batches: &'a Batches<'b>,
    /// Where to compute.
    pub device: &'a Device,
}

impl Judge<'_, '_> {
    /// The mean loss over all examples, their share that is right (`accuracy`), and its mean over the classes
    /// (`mean_recall`).
    /// # Errors
    /// When no example can be decoded, or the network fails.
    pub fn judge(&self) -> Result<Validation> {
        let examples = self.batches.examples();
        let (mut loss, mut count) = (0.0, 0_usize);
        let mut of_class = vec![(0_usize, 0_usize); examples.labels().len()];
        // A network's plans keep its weights: these are made for the weights of now.
        let now = self.model.current();
        let logits_layer: LayerName = dl_models::LOGITS.parse()?;
        for (sort, length) in [examples.positives().len(), examples.background().len()].into_iter().enumerate() {
            let indices: Vec<usize> = (0..length).collect();
            for indices in indices.chunks(TOGETHER) {
                let (inputs, targets) = self.batches.plain(sort, indices)?;
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
                for (right, target) in hits(&logits, &targets)?.into_iter().zip(&targets) {
                    let (rights, all) = &mut of_class[*target as usize];
                    *rights += usize::from(right);
                    *all += 1;
                }
            }
        }
        anyhow::ensure!(count > 0, "no picture to judge by can be decoded");
        let rights: usize = of_class.iter().map(|(right, _)| right).sum();
        let accuracy = rights as f64 / count as f64;
        let recalls: Vec<f64> =
            of_class.iter().filter(|(_, all)| *all > 0).map(|(right, all)| *right as f64 / *all as f64).collect();
        let mean_recall = recalls.iter().sum::<f64>() / recalls.len() as f64;
        let metrics = BTreeMap::from([("accuracy".to_owned(), accuracy), ("mean_recall".to_owned(), mean_recall)]);
        Ok(Validation { loss: loss / count as f64, score: accuracy, metrics })
    }
}

fn share(right: &[bool]) -> f64 {
    right.iter().filter(|right| **right).count() as f64 / right.len().max(1) as f64
}
