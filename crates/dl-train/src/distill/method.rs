//! Distillation as a [`Method`].

use anyhow::{Context, Result};
use candle_core::Tensor;
use dl_models::{LayerName, Parameters, plain};

use super::{DistillConfig, Hint};
use crate::classifier::{Batch, Batches, Evaluation};
use crate::fit::{Loss, Validation};
use crate::hits::{fraction, hits};
use crate::method::{Method, Trainee};

/// A student that follows a teacher.
pub struct DistillMethod<'a> {
    /// The student's images.
    pub student: Batches<'a>,
    /// The teacher's scores of the same images: batches through its last layer.
    pub teacher: Batches<'a>,
    /// The student's scores.
    pub scores: LayerName,
    /// How much the student follows.
    pub config: DistillConfig,
    /// What else it follows.
    pub hint: Option<FeatureHint<'a>>,
    /// Whether the true classes are known.
    pub labeled: bool,
    /// Validation examples of the student.
    pub validation: Option<Batches<'a>>,
}

/// Features of the teacher that the student is to predict from its own.
pub struct FeatureHint<'a> {
    /// The teacher's features of the same images: batches through their layer.
    pub teacher: Batches<'a>,
    /// The student's layer.
    pub layer: LayerName,
    /// Their regression.
    pub hint: Hint,
    /// Its weights.
    pub parameters: Parameters,
    /// Factor on its loss.
    pub weight: f64,
}

/// What student and teacher see of the same images.
pub struct DistillBatch {
    student: Batch,
    scores: Batch,
    features: Option<Batch>,
}

/// The rows of a batch of features, flat.
fn rows(batch: &Batch, network: &Trainee) -> Result<Tensor> {
    let rows = Tensor::from_slice(&batch.inputs, batch.shape.as_slice(), network.device);
    rows.and_then(|rows| rows.flatten_from(1)).map_err(plain)
}

impl Method for DistillMethod<'_> {
    type Batch = DistillBatch;

    fn beside(&self) -> Option<&Parameters> {
        self.hint.as_ref().map(|hint| &hint.parameters)
    }

    fn batch(&self, step: usize) -> Result<DistillBatch> {
        Ok(DistillBatch {
            student: self.student.make(step)?,
            scores: self.teacher.make(step)?,
            features: self.hint.as_ref().map(|hint| hint.teacher.make(step)).transpose()?,
        })
    }

    fn loss(&self, network: &Trainee, step: usize, batch: &DistillBatch) -> Result<Loss> {
        let layers: Vec<LayerName> =
            [&self.scores].into_iter().chain(self.hint.as_ref().map(|hint| &hint.layer)).cloned().collect();
        let outputs = network.outputs(&batch.student, &layers, step)?;
        let scores = outputs.first().context("one layer has one output")?;
        let teacher = rows(&batch.scores, network)?;
        let targets = &batch.student.targets.classes;
        let mut value = self.config.loss(scores, &teacher, self.labeled.then_some(targets))?;
        let mut metrics = Vec::new();
        if let (Some(hint), Some(features), Some(own)) = (&self.hint, &batch.features, outputs.get(1)) {
            let loss = hint.hint.loss(own, &rows(features, network)?)?;
            metrics.push(("hint", f64::from(loss.to_scalar::<f32>().map_err(plain)?)));
            value = (value + (loss * hint.weight).map_err(plain)?).map_err(plain)?;
        }
        if self.labeled {
            metrics.push(("accuracy", fraction(&hits(scores, targets)?)));
        } else {
            let teacher = teacher.argmax(1).and_then(|classes| classes.to_vec1::<u32>()).map_err(plain)?;
            metrics.push(("agreement", fraction(&hits(scores, &teacher)?)));
        }
        Ok(Loss { value, metrics })
    }

    fn validate(&self, network: &Trainee) -> Result<Option<Validation>> {
        let Some(batches) = &self.validation else { return Ok(None) };
        Evaluation { model: network.model, batches, device: network.device }.run().map(Some)
    }
}
