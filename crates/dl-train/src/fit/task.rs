//! What is trained.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use candle_core::{Tensor, Var};
use dl_models::{Precision, checkpoint};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Early, Parameter, Phase, Progress};

/// Something that is trained batch by batch: a classifier, a language model, a detector, a GAN.
///
/// `batch` and `loss` must depend only on the weights, the task's seed and `step` (`dl_record::rng(seed,
/// "dropout/STEP")`), never on earlier calls, so that training can resume from any step.
pub trait Task: Sync {
    /// What `batch` returns; it is made on its own thread while the network works on the previous batch.
    type Batch: Send;

    /// What the phases of a step hand on, for each of its batches: a GAN's generated images, made for the discriminator and
    /// used again for the generator. `()` for most tasks.
    type Shared: Default;

    /// The weights of a player, by the name in the model file. Most tasks have one player, 0; a GAN has two, each with its
    /// own optimizer.
    fn parameters(&self, player: usize) -> Vec<Parameter>;

    /// What else training changes, by the name in the model file: running statistics of batch norms.
    fn buffers(&self) -> Vec<(String, Var)> {
        Vec::new()
    }

    /// Constants that the model leaves out, for the file of the last model: frozen weights of a discriminator.
    fn frozen(&self) -> BTreeMap<String, Tensor> {
        BTreeMap::new()
    }

    /// What else must survive a kill, but is of no use in a model, by name: an image pool, the strength of an adaptive
    /// augmentation. f32.
    fn state(&self) -> Vec<(String, Var)> {
        Vec::new()
    }

    /// What the moving average covers, by name: all weights and buffers, or those of a GAN's generator alone.
    fn averaged(&self, players: usize) -> Vec<(String, Var)> {
        let weights = (0..players).flat_map(|player| self.parameters(player));
        weights.map(|parameter| (parameter.name, parameter.var)).chain(self.buffers()).collect()
    }

    /// The phases of a step, in order.
    fn phases(&self) -> Vec<Phase> {
        vec![Phase::new("loss", 0)]
    }

    /// The batch of a step, from 0. With [`FitConfig::accumulate`](super::FitConfig), a step has several batches, and
    /// `step` counts batches, here and in [`loss`](Self::loss).
    /// # Errors
    /// The error ends the training run.
    fn batch(&self, step: usize) -> Result<Self::Batch>;

    /// The loss of phase `phase` (an index into [`phases`](Self::phases)) of a step. Its gradient then updates the weights of
    /// the phase's player alone; a task spares the work for others by detaching their weights.
    /// # Errors
    /// The error ends the training run.
    fn loss(&self, step: usize, phase: usize, batch: &Self::Batch, shared: &mut Self::Shared) -> Result<Loss>;

    /// What is done after the phases of a step, before the model is validated or saved.
    /// # Errors
    /// The error ends the training run.
    fn after_step(&self, step: usize) -> Result<()> {
        let _ = step;
        Ok(())
    }

    /// How good the model is on validation data; `None` if there is none.
    /// # Errors
    /// The error ends the training run.
    fn validate(&self) -> Result<Option<Validation>> {
        Ok(None)
    }

    /// Whether the model file is that of the best validation. Otherwise it is that of the last step, and validation is for
    /// the log alone.
    fn keeps_best(&self) -> bool {
        true
    }

    /// The whole model as it is now, as users will open it. The config must not depend on the clock. Parameters and buffers
    /// that it leaves out, a GAN's discriminator, are in the file of the last model.
    /// # Errors
    /// The error ends the training run.
    fn model(&self, progress: &Progress) -> Result<TrainedModel>;

    /// Other models that are written whenever the model is, and their files: the generator of the other direction.
    /// # Errors
    /// The error ends the training run.
    fn others(&self, progress: &Progress) -> Result<Vec<(PathBuf, TrainedModel)>> {
        let _ = progress;
        Ok(Vec::new())
    }
}

/// The loss of one batch.
#[derive(Debug)]
pub struct Loss {
    /// A scalar, with its gradient.
    pub value: Tensor,
    /// Metrics for the log and the progress bar, for example `accuracy`.
    pub metrics: Vec<(&'static str, f64)>,
}

/// How good the model is on validation data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// The mean loss; `None` for detectors, whose loss is not computed on validation data.
    pub loss: Option<f64>,
    /// What is highest for the best model: an accuracy, a mean average precision, or minus the loss.
    pub score: f64,
    /// Metrics for the log, for example `accuracy`.
    pub metrics: BTreeMap<String, f64>,
}

impl Validation {
    /// What should fall: the mean loss, or else how far the score is from 1.
    pub(crate) fn cost(&self) -> f64 {
        self.loss.unwrap_or(1.0 - self.score)
    }
}

/// Makes the model file from what training has come to.
pub type MakeModel<'a> = Box<dyn Fn(&Progress) -> Result<TrainedModel> + Sync + 'a>;

/// The factor on the learning rate of a weight, by its name.
pub type RateFactor<'a> = Box<dyn Fn(&str) -> f64 + Sync + 'a>;

/// What is different for a weight in the first steps, by its name.
pub type EarlyRate<'a> = Box<dyn Fn(&str) -> Option<Early> + Sync + 'a>;

/// A model ready to be written.
#[derive(Clone, Debug)]
pub struct TrainedModel {
    /// The config stored in the file.
    pub config: Value,
    /// Its tensors.
    pub tensors: BTreeMap<String, Tensor>,
    /// Other texts that the file carries, by key: a tokenizer.
    pub texts: Vec<(&'static str, String)>,
    /// How its numbers are stored; the file of the last model always has full precision.
    pub precision: Precision,
}

impl TrainedModel {
    /// Writes the model file.
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let texts: Vec<(&str, &str)> = self.texts.iter().map(|(key, text)| (*key, text.as_str())).collect();
        checkpoint::save_with(path, &self.config, &texts, &self.tensors, self.precision)
    }
}
