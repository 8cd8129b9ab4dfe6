//! Detection as a [`Task`].

use anyhow::Result;
use candle_core::{Device, Tensor, Var};
use candle_nn::VarBuilder;
use dl_models::Parameters;
use dl_models::detection::Detector;

use super::{DetectionBatch, DetectionBatches, DetectionEvaluation, Trainee};
use crate::fit::{Loss, Parameter, Progress, Task, TrainedModel, Validation, buffers, weights};

/// Builds a detector for inference from weights.
pub type Build<'a> = dyn Fn(VarBuilder) -> Result<Box<dyn Detector>> + Sync + 'a;

/// A detector in training.
pub struct DetectorTask<'a> {
    /// Computes the loss.
    pub trainee: &'a dyn Trainee,
    /// Its weights.
    pub parameters: &'a Parameters,
    /// Builds the detector that is validated, with the current weights.
    pub build: &'a Build<'a>,
    /// Where batches come from.
    pub batches: DetectionBatches<'a>,
    /// Validation samples.
    pub validation: Option<DetectionEvaluation<'a>>,
    /// Factor on the learning rate of a weight, by its name.
    pub factor: &'a (dyn Fn(&str) -> f64 + Sync),
    /// Weight decay.
    pub weight_decay: f64,
    /// Seed of dropout and samplers.
    pub seed: u64,
    /// Where to compute.
    pub device: &'a Device,
    /// Makes the model file.
    pub file: &'a (dyn Fn(&Progress) -> Result<TrainedModel> + Sync),
}

impl Task for DetectorTask<'_> {
    type Batch = DetectionBatch;
    type Shared = ();

    fn parameters(&self, _: usize) -> Vec<Parameter> {
        weights(self.parameters, self.weight_decay, self.factor)
    }

    fn buffers(&self) -> Vec<(String, Var)> {
        buffers(self.parameters)
    }

    fn batch(&self, step: usize) -> Result<DetectionBatch> {
        self.batches.make(step)
    }

    fn loss(&self, step: usize, _: usize, batch: &DetectionBatch, (): &mut ()) -> Result<Loss> {
        let x = Tensor::from_slice(&batch.inputs, batch.shape.as_slice(), self.device)?;
        let mut rng = dl_record::rng(self.seed, &format!("dropout/{step}"));
        let loss = self.trainee.loss(&x, &batch.truths, &mut rng)?;
        Ok(Loss { value: loss.value, metrics: loss.parts })
    }

    fn validate(&self) -> Result<Option<Validation>> {
        let Some(validation) = &self.validation else { return Ok(None) };
        // A detector of its own: its plans hold copies of the weights.
        let detector = (self.build)(self.parameters.fixed(self.device))?;
        validation.run(&*detector).map(Some)
    }

    fn model(&self, progress: &Progress) -> Result<TrainedModel> {
        (self.file)(progress)
    }
}
