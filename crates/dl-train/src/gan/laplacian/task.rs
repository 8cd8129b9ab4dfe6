//! The games of all sizes of a LAPGAN, which are independent: a larger size is trained on real images that were made small
//! and enlarged. Each step trains all of them on the same images.

use anyhow::{Context, Result};
use candle_core::{Device, Tensor, Var};
use dl_models::gan::GeneratorConfig;
use dl_models::gan::lapgan::{Lapgan, pyramid};
use dl_models::plain;
use rand_chacha::ChaCha8Rng;

use super::LaplacianPlayers;
use crate::fit::{Loss, Parameter, Phase, Progress, Task, TrainedModel, buffers, weights};
use crate::gan::balance::{relative_diversity, seen};
use crate::gan::{DISCRIMINATOR, GanBatch, GanLoss};

/// The cross entropy of both players.
const LOSS: GanLoss = GanLoss::NonSaturating;

/// The names of the phases of each size: the discriminator's, then the generator's.
const NAMES: [[&str; 2]; 8] = [
    ["discriminator_0", "generator_0"],
    ["discriminator_1", "generator_1"],
    ["discriminator_2", "generator_2"],
    ["discriminator_3", "generator_3"],
    ["discriminator_4", "generator_4"],
    ["discriminator_5", "generator_5"],
    ["discriminator_6", "generator_6"],
    ["discriminator_7", "generator_7"],
];
/// The accuracies of the discriminators.
const ACCURACIES: [&str; 8] = [
    "d_accuracy_0",
    "d_accuracy_1",
    "d_accuracy_2",
    "d_accuracy_3",
    "d_accuracy_4",
    "d_accuracy_5",
    "d_accuracy_6",
    "d_accuracy_7",
];

/// A LAPGAN in training. Player 2 k is the generator of size k, player 2 k + 1 its discriminator.
pub struct LaplacianTask<'a> {
    /// The networks.
    pub players: &'a LaplacianPlayers,
    /// The description of the generator.
    pub config: &'a GeneratorConfig,
    /// Makes batch number N, from 0.
    pub batches: &'a (dyn Fn(usize) -> Result<GanBatch> + Sync),
    /// Weight decay.
    pub weight_decay: f64,
    /// The seed of all random draws.
    pub seed: u64,
    /// The device.
    pub device: &'a Device,
    /// Makes the model file of the generator.
    pub file: &'a (dyn Fn(&Progress) -> Result<TrainedModel> + Sync),
}

/// What the phases of a step share.
#[derive(Default)]
pub struct Shown {
    /// Real images of each size, and the smaller ones enlarged to it.
    real: Vec<(Tensor, Option<Tensor>)>,
    /// Generated images of the size whose discriminator was trained last, with their gradient.
    made: Option<Tensor>,
    /// The sums of `d_real`, `d_fake` and `d_accuracy` so far.
    sums: Vec<(&'static str, f64)>,
}

impl LaplacianTask<'_> {
    fn levels(&self) -> usize {
        self.players.larger.len() + 1
    }

    fn rng(&self, purpose: &str, level: usize, step: usize) -> ChaCha8Rng {
        dl_record::rng(self.seed, &format!("{purpose}-{level}/{step}"))
    }

    fn real(&self, batch: &GanBatch) -> Result<Vec<(Tensor, Option<Tensor>)>> {
        let image = self.config.image;
        let shape = ((), image.channels, image.height, image.width);
        let images = Tensor::from_slice(&batch.images, shape, self.device).map_err(plain)?;
        pyramid(&images, self.levels())
    }

    /// Labels as numbers [n] and as rows with a 1 [n, labels], if there are any.
    fn labels(&self, batch: &GanBatch) -> Result<Option<[Tensor; 2]>> {
        let Some(columns) = self.config.label_columns.filter(|_| !batch.labels.is_empty()) else { return Ok(None) };
        let count = batch.labels.len();
        let mut rows = vec![0_f32; count * columns];
        for (row, label) in rows.chunks_exact_mut(columns).zip(&batch.labels) {
            row[*label as usize] = 1.0;
        }
        let numbers = Tensor::from_slice(&batch.labels, count, self.device).map_err(plain)?;
        Ok(Some([numbers, Tensor::from_vec(rows, (count, columns), self.device).map_err(plain)?]))
    }

    /// The generator's input: random vectors and labels.
    fn input(&self, batch: &GanBatch, labels: Option<&[Tensor; 2]>) -> Result<Tensor> {
        let latents = Tensor::from_slice(&batch.latents, ((), self.config.latent), self.device).map_err(plain)?;
        match labels {
            Some([_, rows]) => Tensor::cat(&[&latents, rows], 1).map_err(plain),
            None => Ok(latents),
        }
    }

    /// Logits of images of a size by its discriminator; `constant`: as constants.
    fn judged(
        &self,
        (level, constant): (usize, bool),
        images: &Tensor,
        labels: Option<&[Tensor; 2]>,
        rng: &mut ChaCha8Rng,
    ) -> Result<Tensor> {
        let which = usize::from(constant);
        match level.checked_sub(1) {
            None => self.players.smallest[which].train(images, labels.map(|[numbers, _]| numbers), rng),
            Some(index) => self.players.larger[index][which].train(images, labels.map(|[_, rows]| rows), rng),
        }
    }

    fn discriminate(&self, step: usize, level: usize, batch: &GanBatch, shown: &mut Shown) -> Result<Loss> {
        if level == 0 {
            shown.real = self.real(batch)?;
        }
        let (real, enlarged) = shown.real.get(level).context("no real images of this size")?;
        let labels = self.labels(batch)?;
        let input = self.input(batch, labels.as_ref())?;
        let mut rng = self.rng("discriminator", level, step);
        let made = self.players.generator.train(level, &input, enlarged.as_ref(), &mut rng)?;
        let of_real = self.judged((level, false), real, labels.as_ref(), &mut rng)?;
        let of_made = self.judged((level, false), &made.detach(), labels.as_ref(), &mut rng)?;
        let figures = seen(&of_real, &of_made)?;
        let mut metrics = Vec::new();
        if level == 0 {
            metrics.push(("diversity", relative_diversity(&made.detach(), real)?));
            shown.sums = figures.iter().map(|(name, _)| (*name, 0.0)).collect();
        }
        for ((_, sum), (name, figure)) in shown.sums.iter_mut().zip(&figures) {
            *sum += figure / self.levels() as f64;
            if *name == "d_accuracy" {
                metrics.push((ACCURACIES[level], *figure));
            }
        }
        if level + 1 == self.levels() {
            metrics.append(&mut shown.sums);
        }
        shown.made = Some(made);
        // The source's mean is over real and generated images.
        let value = LOSS.discriminator(&of_real, &of_made, 0.0).and_then(|value| value * 0.5).map_err(plain)?;
        Ok(Loss { value, metrics })
    }

    fn deceive(&self, step: usize, level: usize, batch: &GanBatch, shown: &mut Shown) -> Result<Loss> {
        let made = shown.made.take().context("no images were generated for the discriminator")?;
        let labels = self.labels(batch)?;
        let mut rng = self.rng("generator", level, step);
        let of_made = self.judged((level, true), &made, labels.as_ref(), &mut rng)?;
        Ok(Loss { value: LOSS.generator(&of_made, None).map_err(plain)?, metrics: Vec::new() })
    }
}

impl Task for LaplacianTask<'_> {
    type Batch = GanBatch;
    type Shared = Shown;

    fn parameters(&self, player: usize) -> Vec<Parameter> {
        let level = player / 2;
        let LaplacianPlayers { generator_weights, discriminator_weights, .. } = self.players;
        if player.is_multiple_of(2) {
            let own = weights(generator_weights, self.weight_decay, &|_| 1.0).into_iter();
            return own.filter(|weight| Lapgan::owns(level, &weight.name)).collect();
        }
        let prefix = format!("{level}.");
        let own = weights(discriminator_weights, self.weight_decay, &|_| 1.0).into_iter();
        own.filter(|weight| weight.name.starts_with(&prefix))
            .map(|weight| Parameter { name: format!("{DISCRIMINATOR}{}", weight.name), ..weight })
            .collect()
    }

    fn buffers(&self) -> Vec<(String, Var)> {
        let of_discriminators = buffers(&self.players.discriminator_weights).into_iter();
        let of_discriminators = of_discriminators.map(|(name, var)| (format!("{DISCRIMINATOR}{name}"), var));
        buffers(&self.players.generator_weights).into_iter().chain(of_discriminators).collect()
    }

    fn averaged(&self, _: usize) -> Vec<(String, Var)> {
        self.players.generator_weights.vars()
    }

    fn phases(&self) -> Vec<Phase> {
        let of_level = |level: usize| {
            let [discriminator, generator] = NAMES[level];
            [Phase::new(discriminator, 2 * level + 1), Phase::new(generator, 2 * level)]
        };
        (0..self.levels()).flat_map(of_level).collect()
    }

    fn batch(&self, step: usize) -> Result<GanBatch> {
        (self.batches)(step)
    }

    fn loss(&self, step: usize, phase: usize, batch: &GanBatch, shown: &mut Shown) -> Result<Loss> {
        match phase % 2 {
            0 => self.discriminate(step, phase / 2, batch, shown),
            _ => self.deceive(step, phase / 2, batch, shown),
        }
    }

    fn model(&self, progress: &Progress) -> Result<TrainedModel> {
        (self.file)(progress)
    }
}
