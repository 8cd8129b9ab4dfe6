//! Adversarial adaptation of a small network on rows of features as a [`Task`].

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use candle_core::{Device, Tensor};
use dl_models::{Fresh, Linear, Parameters, plain};
use dl_ops::{cross_entropy, dropout, relu};
use rand_chacha::ChaCha8Rng;

use super::Game;
use crate::classifier::Targets;
use crate::fit::{Loss, MakeModel, Parameter, Progress, Task, TrainedModel, Validation, weights};
use crate::hits::{fraction, hits};
use crate::mlp::Mlp;
use crate::sampler::Rounds;

/// Fully connected layers with ReLUs; the last hidden ones are the features that are made alike.
pub struct RowNetwork {
    trunk: Mlp,
    head: Linear,
    dropout: f64,
}

impl RowNetwork {
    /// A network from `columns` numbers over the `hidden` widths, at least one, to `classes` scores. Its weights are
    /// `trunk.0.weight`, ... and `head.weight`.
    /// # Errors
    /// When a width is 0.
    pub fn new(
        columns: usize,
        hidden: &[usize],
        classes: usize,
        dropout: f64,
        parameters: &Parameters,
        device: &Device,
    ) -> Result<Self> {
        let vb = parameters.builder(device);
        let widths: Vec<usize> = [columns].into_iter().chain(hidden.iter().copied()).collect();
        let last = widths.last().copied().unwrap_or(columns);
        let head = Linear::new(last, classes, Fresh::torch(last), vb.pp("head")).map_err(plain)?;
        Ok(Self { trunk: Mlp::new(&widths, dropout, &vb.pp("trunk"))?, head, dropout })
    }

    /// The features and class scores of rows [n, columns].
    fn run(&self, x: &Tensor, mut train: Option<&mut ChaCha8Rng>) -> Result<[Tensor; 2]> {
        let features = self.trunk.forward(x, train.as_deref_mut())?;
        let scores = || -> candle_core::Result<[Tensor; 2]> {
            let features = relu(&features)?;
            let inputs = match train {
                Some(rng) => dropout(&features, self.dropout, rng)?,
                None => features.clone(),
            };
            Ok([features, self.head.forward(&inputs)?])
        };
        scores().map_err(plain)
    }
}

/// Rows with their classes.
pub struct LabeledRows {
    /// [n, columns] f32.
    pub x: Tensor,
    /// The classes.
    pub targets: Targets,
}

/// A small network that learns the classes of source rows and features that are alike in both domains.
pub struct AdversarialRows<'a> {
    /// The network.
    pub network: RowNetwork,
    /// Its weights.
    pub parameters: Parameters,
    /// Labeled rows.
    pub source: LabeledRows,
    /// [n, columns], rows without labels.
    pub target: Tensor,
    /// The loss.
    pub game: Game,
    /// Validation rows.
    pub validation: Option<LabeledRows>,
    /// Rows of each side in a step.
    pub batch: usize,
    /// In which order rows are taken.
    pub orders: [Mutex<Rounds>; 2],
    /// Weight decay.
    pub weight_decay: f64,
    /// Seed of dropout.
    pub seed: u64,
    /// Makes the model file.
    pub file: MakeModel<'a>,
}

/// How the rows of both sides are dealt.
pub fn row_orders(rows: [usize; 2], seed: u64) -> [Mutex<Rounds>; 2] {
    [(rows[0], "source"), (rows[1], "target")].map(|(count, side)| Mutex::new(Rounds::new(count, seed, side)))
}

impl Task for AdversarialRows<'_> {
    type Batch = [Vec<u32>; 2];
    type Shared = ();

    fn parameters(&self, _: usize) -> Vec<Parameter> {
        let both = [&self.parameters, self.game.parameters()];
        both.into_iter().flat_map(|parameters| weights(parameters, self.weight_decay, &|_| 1.0)).collect()
    }

    fn frozen(&self) -> BTreeMap<String, Tensor> {
        self.game.frozen()
    }

    fn batch(&self, step: usize) -> Result<[Vec<u32>; 2]> {
        Ok([0, 1].map(|side| {
            let mut order = self.orders[side].lock().unwrap_or_else(PoisonError::into_inner);
            (step * self.batch..(step + 1) * self.batch).map(|place| order.at(place) as u32).collect()
        }))
    }

    fn loss(&self, step: usize, _: usize, [source, target]: &[Vec<u32>; 2], (): &mut ()) -> Result<Loss> {
        let rows = |x: &Tensor, indices: &[u32]| x.index_select(&Tensor::new(indices, x.device())?, 0);
        let x = || Tensor::cat(&[rows(&self.source.x, source)?, rows(&self.target, target)?], 0);
        let mut rng = dl_record::rng(self.seed, &format!("dropout/{step}"));
        let [features, scores] = self.network.run(&x().map_err(plain)?, Some(&mut rng))?;
        let all = &self.source.targets;
        let targets = Targets {
            classes: source.iter().map(|row| all.classes[*row as usize]).collect(),
            weights: source.iter().filter_map(|row| all.weights.get(*row as usize).copied()).collect(),
        };
        self.game.play(&features, &scores, &targets, step, &mut rng)
    }

    fn validate(&self) -> Result<Option<Validation>> {
        let Some(LabeledRows { x, targets }) = &self.validation else { return Ok(None) };
        let [_, scores] = self.network.run(x, None)?;
        let classes = Tensor::new(targets.classes.as_slice(), x.device()).map_err(plain)?;
        let loss = cross_entropy(&scores, &classes).and_then(|loss| loss.to_scalar::<f32>()).map_err(plain)?;
        let accuracy = fraction(&hits(&scores, &targets.classes)?);
        let metrics = BTreeMap::from([("accuracy".to_owned(), accuracy)]);
        Ok(Some(Validation { loss: Some(f64::from(loss)), score: accuracy, metrics }))
    }

    /// As for images: labels of the target must not choose.
    fn keeps_best(&self) -> bool {
        false
    }

    fn model(&self, progress: &Progress) -> Result<TrainedModel> {
        (self.file)(progress)
    }
}
