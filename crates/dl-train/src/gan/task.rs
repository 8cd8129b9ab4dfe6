//! The game of a generator and a discriminator.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor, Var};
use dl_models::gan::{Discriminator, Generator, StyleDraws, push_latent};
use dl_models::{Parameters, plain};
use rand_chacha::ChaCha8Rng;

use super::balance::{relative_diversity, seen};
use super::{Augment, GanBatch, GanLoss, Penalty};
use crate::fit::{Loss, Parameter, Phase, Progress, Task, TrainedModel, Validation, When, buffers, weights};

/// The two networks with their weights.
pub struct Players {
    /// The generator.
    pub generator: Generator,
    /// Its weights.
    pub generator_weights: Parameters,
    /// The discriminator.
    pub discriminator: Discriminator,
    /// The same weights as constants, for the generator's loss.
    pub judge: Discriminator,
    /// The discriminator's weights.
    pub discriminator_weights: Parameters,
}

/// Names of the discriminator's weights in files begin with this.
pub const DISCRIMINATOR: &str = "discriminator.";
const GENERATOR_PLAYER: usize = 0;
const DISCRIMINATOR_PLAYER: usize = 1;
/// Indices of the phases.
const DISCRIMINATE: usize = 0;
const DECEIVE: usize = 1;

/// A GAN in training: each step trains the discriminator on a batch, and then, or every few steps, the generator.
pub struct GanTask<'a> {
    /// The networks.
    pub players: &'a Players,
    /// Makes batch number N, from 0.
    pub batches: &'a (dyn Fn(usize) -> Result<GanBatch> + Sync),
    /// The loss.
    pub loss: GanLoss,
    /// The penalty on the discriminator.
    pub penalty: Option<Penalty>,
    /// Real images are this much less than real, see [`GanLoss::discriminator`].
    pub smoothing: f64,
    /// Standard deviation of the noise on all images that the discriminator sees, at the start; it falls to 0 at the end
    /// (Sonderby et al. 2017, instance noise).
    pub noise: f64,
    /// How all images that the discriminator sees are augmented.
    pub augment: &'a Augment,
    /// Whether real images with the conditions of other images count as generated, as half of the loss (Reed et al. 2016,
    /// GAN-CLS).
    pub mismatched: bool,
    /// Steps of the whole training.
    pub steps: usize,
    /// The generator is trained every N steps.
    pub critic: usize,
    /// Weight decay.
    pub weight_decay: f64,
    /// The seed of all random draws.
    pub seed: u64,
    /// The device.
    pub device: &'a Device,
    /// How good the generator is: minus its distance to real images, for example.
    pub validate: Option<&'a (dyn Fn() -> Result<Option<Validation>> + Sync)>,
    /// Makes the model file of the generator.
    pub file: &'a (dyn Fn(&Progress) -> Result<TrainedModel> + Sync),
}

/// The generated images of a step, with their gradient, and what they are compared with.
#[derive(Default)]
pub struct Generated {
    images: Option<Tensor>,
    /// The same without their gradient.
    constant: Option<Tensor>,
}

impl GanTask<'_> {
    fn rng(&self, purpose: &str, step: usize) -> ChaCha8Rng {
        dl_record::rng(self.seed, &format!("{purpose}/{step}"))
    }

    fn condition(&self, batch: &GanBatch) -> Result<Option<Tensor>> {
        let columns = self.players.generator.config().latent;
        batch.condition().tensor(batch.latents.len() / columns, self.device)
    }

    fn real(&self, batch: &GanBatch) -> Result<Tensor> {
        let image = self.players.generator.config().image;
        let shape = ((), image.channels, image.height, image.width);
        Tensor::from_slice(&batch.images, shape, self.device).map_err(plain)
    }

    /// Images of random vectors, with the condition of the batch.
    fn generate(&self, step: usize, batch: &GanBatch, condition: Option<&Tensor>) -> Result<Tensor> {
        let columns = self.players.generator.config().latent;
        let rows = batch.latents.len() / columns;
        let latents = Tensor::from_slice(&batch.latents, (rows, columns), self.device).map_err(plain)?;
        let draws = match &batch.style {
            Some(style) => style.draws(columns, rows, self.device)?,
            None => StyleDraws::default(),
        };
        self.players.generator.train_with(&latents, condition, &draws, &mut self.rng("generate", step))
    }

    /// The images as the discriminator sees them.
    fn shown(&self, images: &Tensor, step: usize, rng: &mut ChaCha8Rng) -> Result<Tensor> {
        self.augment.seen(&self.noisy(images, step, rng)?, rng)
    }

    /// What the discriminator thinks of real images with the conditions of others.
    fn of_wrong(&self, real: &Tensor, condition: &Tensor, step: usize, rng: &mut ChaCha8Rng) -> Result<Tensor> {
        let images = self.shown(real, step, rng)?;
        let count = condition.dim(0).map_err(plain)?;
        let others: Vec<u32> = (0..count).map(|row| ((row + 1) % count) as u32).collect();
        let others = Tensor::from_vec(others, count, self.device).map_err(plain)?;
        let wrong = condition.index_select(&others, 0).map_err(plain)?;
        self.players.discriminator.train(&images, Some(&wrong), rng)
    }

    /// The images with instance noise.
    fn noisy(&self, images: &Tensor, step: usize, rng: &mut ChaCha8Rng) -> Result<Tensor> {
        let left = 1.0 - step as f64 / self.steps.max(1) as f64;
        let stdev = self.noise * left.max(0.0);
        if stdev <= 0.0 {
            return Ok(images.clone());
        }
        let mut noise = Vec::new();
        push_latent(&mut noise, images.elem_count(), rng);
        let noise = Tensor::from_vec(noise, images.shape(), self.device).map_err(plain)?;
        (images + (noise * stdev).map_err(plain)?).map_err(plain)
    }

    fn discriminate(&self, step: usize, batch: &GanBatch, generated: &mut Generated) -> Result<Loss> {
        let condition = self.condition(batch)?;
        let real = self.real(batch)?;
        let made = self.generate(step, batch, condition.as_ref())?;
        let constant = made.detach();
        let mut rng = self.rng("discriminator", step);
        let shown = [&real, &constant].map(|images| {
            let images = self.shown(images, step, &mut rng)?;
            self.players.discriminator.train(&images, condition.as_ref(), &mut rng)
        });
        let [of_real, of_made] = shown;
        let (of_real, of_made) = (of_real?, of_made?);
        let mut value = self.loss.discriminator(&of_real, &of_made, self.smoothing).map_err(plain)?;
        if self.mismatched
            && let Some(condition) = &condition
        {
            let of_wrong = self.of_wrong(&real, condition, step, &mut rng)?;
            let wrong = self.loss.discriminator(&of_real, &of_wrong, self.smoothing).map_err(plain)?;
            value = ((value + wrong).map_err(plain)? * 0.5).map_err(plain)?;
        }
        let mut metrics = seen(&of_real, &of_made)?;
        metrics.push(("diversity", relative_diversity(&constant, &real)?));
        metrics.extend(self.augment.observe(&of_real)?);
        let value = match self.penalty.filter(|penalty| penalty.lazy == 1) {
            Some(penalty) => {
                let images = [&real, &constant];
                let penalty =
                    penalty.of(&self.players.discriminator, self.augment, images, condition.as_ref(), &mut rng)?;
                metrics.push(("penalty", f64::from(penalty.to_scalar::<f32>().map_err(plain)?)));
                (value + penalty).map_err(plain)?
            }
            None => value,
        };
        generated.images = Some(made);
        generated.constant = Some(constant);
        Ok(Loss { value, metrics })
    }

    fn deceive(&self, step: usize, batch: &GanBatch, generated: &mut Generated) -> Result<Loss> {
        let condition = self.condition(batch)?;
        let made = generated.images.take().context("no images were generated for the discriminator")?;
        let mut rng = self.rng("generator", step);
        let images = self.shown(&made, step, &mut rng)?;
        let of_made = self.players.judge.train(&images, condition.as_ref(), &mut rng)?;
        let of_real = match self.loss.compares() {
            true => {
                let real = self.shown(&self.real(batch)?, step, &mut rng)?;
                Some(self.players.judge.train(&real, condition.as_ref(), &mut rng)?)
            }
            false => None,
        };
        let value = self.loss.generator(&of_made, of_real.as_ref()).map_err(plain)?;
        Ok(Loss { value, metrics: Vec::new() })
    }
}

impl GanTask<'_> {
    /// The phase of a lazy penalty.
    fn punish(&self, step: usize, batch: &GanBatch, generated: &Generated) -> Result<Loss> {
        let penalty = self.penalty.context("a phase without a penalty")?;
        let (condition, real) = (self.condition(batch)?, self.real(batch)?);
        let made = generated.constant.as_ref().context("no images were generated for the discriminator")?;
        let mut rng = self.rng("penalty", step);
        let images = [&real, made];
        let value = penalty.of(&self.players.discriminator, self.augment, images, condition.as_ref(), &mut rng)?;
        Ok(Loss { value, metrics: Vec::new() })
    }
}

impl Task for GanTask<'_> {
    type Batch = GanBatch;
    type Shared = Generated;

    fn parameters(&self, player: usize) -> Vec<Parameter> {
        let Players { generator_weights, discriminator_weights, .. } = self.players;
        match player {
            GENERATOR_PLAYER => weights(generator_weights, self.weight_decay, &|_| 1.0),
            _ => weights(discriminator_weights, self.weight_decay, &|_| 1.0)
                .into_iter()
                .map(|weight| Parameter { name: format!("{DISCRIMINATOR}{}", weight.name), ..weight })
                .collect(),
        }
    }

    fn buffers(&self) -> Vec<(String, Var)> {
        let of_discriminator = buffers(&self.players.discriminator_weights).into_iter();
        let of_discriminator = of_discriminator.map(|(name, var)| (format!("{DISCRIMINATOR}{name}"), var));
        buffers(&self.players.generator_weights).into_iter().chain(of_discriminator).collect()
    }

    fn frozen(&self) -> BTreeMap<String, Tensor> {
        let tensors = self.players.discriminator_weights.tensors().into_iter();
        tensors.map(|(name, tensor)| (format!("{DISCRIMINATOR}{name}"), tensor)).collect()
    }

    fn averaged(&self, _: usize) -> Vec<(String, Var)> {
        let weights = self.parameters(GENERATOR_PLAYER).into_iter().map(|weight| (weight.name, weight.var));
        weights.chain(buffers(&self.players.generator_weights)).collect()
    }

    fn phases(&self) -> Vec<Phase> {
        let generator = Phase::new("generator", GENERATOR_PLAYER).when(When::Every(self.critic));
        let lazy = self.penalty.filter(|penalty| penalty.lazy > 1);
        let lazy = lazy.map(|penalty| Phase::new("penalty", DISCRIMINATOR_PLAYER).when(When::Every(penalty.lazy)));
        [Phase::new("discriminator", DISCRIMINATOR_PLAYER), generator].into_iter().chain(lazy).collect()
    }

    fn batch(&self, step: usize) -> Result<GanBatch> {
        (self.batches)(step)
    }

    fn loss(&self, step: usize, phase: usize, batch: &GanBatch, generated: &mut Generated) -> Result<Loss> {
        match phase {
            DISCRIMINATE => self.discriminate(step, batch, generated),
            DECEIVE => self.deceive(step, batch, generated),
            _ => self.punish(step, batch, generated),
        }
    }

    fn validate(&self) -> Result<Option<Validation>> {
        self.validate.map_or(Ok(None), |validate| validate())
    }

    fn after_step(&self, step: usize) -> Result<()> {
        self.augment.adapt(step + 1)
    }

    fn state(&self) -> Vec<(String, Var)> {
        self.augment.state()
    }

    fn model(&self, progress: &Progress) -> Result<TrainedModel> {
        (self.file)(progress)
    }
}
