//! The game on pairs: the generator should make the target, and what passes for one.

use anyhow::{Context, Result};
use candle_core::{Device, Tensor, Var};
use dl_models::gan::{Translator, push_latent};
use dl_models::{Backbone, Parameters, plain};
use rand_chacha::ChaCha8Rng;

use super::{Distance, PairedBatch, PairedBatchConfig, PairedValidation, Perceptual, total_variation};
use crate::fit::{Loss, Parameter, Phase, Progress, Task, TrainedModel, Validation, buffers, weights};
use crate::gan::GanLoss;
use crate::gan::balance::seen;

/// Names of the discriminator's weights in files begin with this.
pub const CRITIC: &str = crate::gan::DISCRIMINATOR;
const GENERATOR_PLAYER: usize = 0;
const CRITIC_PLAYER: usize = 1;

/// The networks with their weights.
pub struct PairedPlayers {
    /// The generator.
    pub generator: Translator,
    /// Its weights.
    pub weights: Parameters,
    /// The discriminator; `None` if only the other losses are used.
    pub critic: Option<Critic>,
}

/// A discriminator, whose last output are logits of any shape.
pub struct Critic {
    /// The network.
    pub network: Box<dyn Backbone>,
    /// The same weights as constants, for the generator's loss; its norms use the batch's statistics.
    pub judge: Box<dyn Backbone>,
    /// The weights.
    pub weights: Parameters,
    /// Whether it sees the input, too, before the image (pix2pix).
    pub conditional: bool,
}

/// The parts of the losses.
pub struct PairedLosses {
    /// How far the image is from the target.
    pub pixel: Distance,
    /// Its weight.
    pub pixel_weight: f64,
    /// The game's loss.
    pub game: GanLoss,
    /// The weight of the generator's part in it.
    pub adversarial_weight: f64,
    /// The weight of the discriminator's loss: pix2pix has a half, which slows it down.
    pub critic_weight: f64,
    /// The distance of the features, and its weight.
    pub perceptual: Option<(Perceptual, f64)>,
    /// The weight of the total variation.
    pub variation_weight: f64,
    /// Targets are this much less than real, see [`GanLoss::discriminator`].
    pub smoothing: f64,
    /// Standard deviation of the noise on all images that the discriminator sees, at the start; it falls to 0 at the end.
    pub noise: f64,
}

/// A network in training on pairs: each step trains the discriminator, if there is one, and then the generator.
pub struct PairedTask<'a> {
    /// The networks.
    pub players: &'a PairedPlayers,
    /// The losses.
    pub losses: &'a PairedLosses,
    /// The shapes of a batch.
    pub config: PairedBatchConfig,
    /// Makes batch number N, from 0.
    pub batches: &'a (dyn Fn(usize) -> Result<PairedBatch> + Sync),
    /// Images to validate with.
    pub validation: Option<&'a PairedValidation>,
    /// Steps of the whole training.
    pub steps: usize,
    /// Weight decay.
    pub weight_decay: f64,
    /// The seed of all random draws.
    pub seed: u64,
    /// The device.
    pub device: &'a Device,
    /// Makes the model file of the generator.
    pub file: &'a (dyn Fn(&Progress) -> Result<TrainedModel> + Sync),
}

/// A step's batch on the device, and the images made of it.
#[derive(Default)]
pub struct Made {
    parts: Option<Parts>,
}

struct Parts {
    input: Tensor,
    target: Tensor,
    /// The network's output.
    output: Tensor,
    /// The image made of it.
    image: Tensor,
}

impl PairedTask<'_> {
    fn rng(&self, purpose: &str, step: usize) -> ChaCha8Rng {
        dl_record::rng(self.seed, &format!("{purpose}/{step}"))
    }

    /// Runs the generator.
    fn make(&self, step: usize, batch: &PairedBatch) -> Result<Parts> {
        let [input, target] = self.config.shapes();
        let tensor = |numbers: &[f32], [channels, height, width]: [usize; 3]| {
            Tensor::from_slice(numbers, ((), channels, height, width), self.device).map_err(plain)
        };
        let (input, target) = (tensor(&batch.inputs, input)?, tensor(&batch.targets, target)?);
        let generator = &self.players.generator;
        let output = generator.train(&input, &mut self.rng("generate", step))?;
        let image = generator.task.composed(&input, &output)?;
        Ok(Parts { input, target, output, image })
    }

    /// What the discriminator sees of an image.
    fn shown(
        &self,
        critic: &Critic,
        input: &Tensor,
        image: &Tensor,
        step: usize,
        rng: &mut ChaCha8Rng,
    ) -> Result<Tensor> {
        let left = 1.0 - step as f64 / self.steps.max(1) as f64;
        let stdev = self.losses.noise * left.max(0.0);
        let image = match stdev > 0.0 {
            true => {
                let mut noise = Vec::new();
                push_latent(&mut noise, image.elem_count(), rng);
                let noise = Tensor::from_vec(noise, image.shape(), self.device).map_err(plain)?;
                (image + (noise * stdev).map_err(plain)?).map_err(plain)?
            }
            false => image.clone(),
        };
        if critic.conditional { Tensor::cat(&[input, &image], 1).map_err(plain) } else { Ok(image) }
    }

    fn discriminate(&self, step: usize, made: &Parts) -> Result<Loss> {
        let critic = self.players.critic.as_ref().context("a phase without a discriminator")?;
        let mut rng = self.rng("discriminator", step);
        let mut logits = |image: &Tensor| -> Result<Tensor> {
            let shown = self.shown(critic, &made.input, image, step, &mut rng)?;
            critic.network.forward_t(&shown, Some(&mut rng))?.flatten_all().map_err(plain)
        };
        let (real, fake) = (logits(&made.target)?, logits(&made.image.detach())?);
        let value = self.losses.game.discriminator(&real, &fake, self.losses.smoothing);
        let value = value.and_then(|value| value * self.losses.critic_weight).map_err(plain)?;
        Ok(Loss { value, metrics: seen(&real, &fake)? })
    }

    fn deceive(&self, step: usize, made: &Parts) -> Result<Loss> {
        let losses = self.losses;
        // A network that completes images is trained to know the known pixels, too, so that the hole fits to them.
        let compared = match self.players.generator.task {
            dl_models::gan::Task::Completion => &made.output,
            _ => &made.image,
        };
        let pixel = losses.pixel.between(compared, &made.target).map_err(plain)?;
        let mut parts = vec![("pixel", pixel, losses.pixel_weight)];
        if let Some(critic) = &self.players.critic {
            let mut rng = self.rng("generator", step);
            let mut logits = |image: &Tensor| -> Result<Tensor> {
                let shown = self.shown(critic, &made.input, image, step, &mut rng)?;
                critic.judge.forward_t(&shown, Some(&mut rng))?.flatten_all().map_err(plain)
            };
            let fake = logits(&made.image)?;
            let real = losses.game.compares().then(|| logits(&made.target)).transpose()?;
            let adversarial = losses.game.generator(&fake, real.as_ref()).map_err(plain)?;
            parts.push(("adversarial", adversarial, losses.adversarial_weight));
        }
        if let Some((perceptual, weight)) = &losses.perceptual {
            parts.push(("perceptual", perceptual.between(&made.image, &made.target)?, *weight));
        }
        if losses.variation_weight > 0.0 {
            let variation = total_variation(&made.image).map_err(plain)?;
            parts.push(("variation", variation, losses.variation_weight));
        }
        let mut metrics = vec![("psnr", self.psnr(made)?)];
        let mut value: Option<Tensor> = None;
        for (name, part, weight) in parts {
            metrics.push((name, f64::from(part.to_scalar::<f32>().map_err(plain)?)));
            let part = (part * weight).map_err(plain)?;
            value = Some(match value {
                Some(value) => (value + part).map_err(plain)?,
                None => part,
            });
        }
        Ok(Loss { value: value.context("a loss without parts")?, metrics })
    }

    /// Of the whole batch, in decibels; equal images have 100.
    fn psnr(&self, made: &Parts) -> Result<f64> {
        let [low, high] = self.config.range.map(f64::from);
        let image = made.image.detach().clamp(low, high).map_err(plain)?;
        let error = Distance::L2.between(&image, &made.target).and_then(|error| error.to_scalar::<f32>());
        let relative = f64::from(error.map_err(plain)?) / (high - low).powi(2);
        Ok((-10.0 * relative.max(1e-10).log10()).min(100.0))
    }
}

impl Task for PairedTask<'_> {
    type Batch = PairedBatch;
    type Shared = Made;

    fn parameters(&self, player: usize) -> Vec<Parameter> {
        match (player, &self.players.critic) {
            (GENERATOR_PLAYER, _) => weights(&self.players.weights, self.weight_decay, &|_| 1.0),
            (_, None) => Vec::new(),
            (_, Some(critic)) => weights(&critic.weights, self.weight_decay, &|_| 1.0)
                .into_iter()
                .map(|weight| Parameter { name: format!("{CRITIC}{}", weight.name), ..weight })
                .collect(),
        }
    }

    fn buffers(&self) -> Vec<(String, Var)> {
        let of_critic = self.players.critic.iter().flat_map(|critic| buffers(&critic.weights));
        let of_critic = of_critic.map(|(name, var)| (format!("{CRITIC}{name}"), var));
        buffers(&self.players.weights).into_iter().chain(of_critic).collect()
    }

    fn averaged(&self, _: usize) -> Vec<(String, Var)> {
        let weights = self.parameters(GENERATOR_PLAYER).into_iter().map(|weight| (weight.name, weight.var));
        weights.chain(buffers(&self.players.weights)).collect()
    }

    fn phases(&self) -> Vec<Phase> {
        let critic = self.players.critic.as_ref().map(|_| Phase::new("discriminator", CRITIC_PLAYER));
        critic.into_iter().chain([Phase::new("generator", GENERATOR_PLAYER)]).collect()
    }

    fn batch(&self, step: usize) -> Result<PairedBatch> {
        (self.batches)(step)
    }

    fn loss(&self, step: usize, phase: usize, batch: &PairedBatch, made: &mut Made) -> Result<Loss> {
        let parts = match made.parts.take() {
            Some(parts) => parts,
            None => self.make(step, batch)?,
        };
        let discriminates = phase == 0 && self.players.critic.is_some();
        let loss = if discriminates { self.discriminate(step, &parts) } else { self.deceive(step, &parts) };
        // The generator's phase is the last.
        made.parts = discriminates.then_some(parts);
        loss
    }

    fn validate(&self) -> Result<Option<Validation>> {
        let Some(validation) = self.validation else { return Ok(None) };
        // A network of its own: its plans hold copies of the weights.
        let weights = self.players.weights.fixed(&Device::Cpu);
        let generator = Translator::new(self.players.generator.config.clone(), &weights)?;
        Ok(Some(validation.of(&generator)?))
    }

    fn keeps_best(&self) -> bool {
        // The images that deceive are not the nearest to the targets.
        self.players.critic.is_none()
    }

    fn model(&self, progress: &Progress) -> Result<TrainedModel> {
        (self.file)(progress)
    }
}
