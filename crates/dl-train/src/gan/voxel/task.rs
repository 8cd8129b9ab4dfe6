//! The game of a generator of voxels and a discriminator of silhouettes with voxels, as pix2pix (Isola et al. 2017), with
//! the rule of 3D-GAN (Wu et al. 2016, section 3.2): a discriminator that is right too often waits.

use anyhow::{Context, Result};
use candle_core::{Device, Tensor, Var};
use dl_models::gan::Discriminator;
use dl_models::gan::voxel::VoxelGenerator;
use dl_models::{Parameters, plain};
use dl_ops::{sigmoid, softplus};
use rand_chacha::ChaCha8Rng;

use super::VoxelBatch;
use crate::fit::{Loss, Parameter, Phase, Progress, Task, TrainedModel, buffers, weights};
use crate::gan::balance::{relative_diversity, seen};
use crate::gan::{DISCRIMINATOR, GanLoss};

const GENERATOR_PLAYER: usize = 0;
const DISCRIMINATOR_PLAYER: usize = 1;
/// Indices of the phases.
const DISCRIMINATE: usize = 0;

/// The two networks with their weights.
pub struct VoxelPlayers {
    /// The generator.
    pub generator: VoxelGenerator,
    /// Its weights.
    pub generator_weights: Parameters,
    /// The discriminator, of a silhouette and a plane of voxels in each channel.
    pub discriminator: Discriminator,
    /// The same weights as constants, for the generator's loss.
    pub judge: Discriminator,
    /// The discriminator's weights.
    pub discriminator_weights: Parameters,
}

/// A GAN of voxels in training.
pub struct VoxelTask<'a> {
    /// The networks.
    pub players: &'a VoxelPlayers,
    /// Makes batch number N, from 0.
    pub batches: &'a (dyn Fn(usize) -> Result<VoxelBatch> + Sync),
    /// Weight of the cross entropy of the voxels in the generator's loss.
    pub reconstruction: f64,
    /// The discriminator is trained on a batch only if it is right about at most this share of it.
    pub patience: f64,
    /// Weight decay.
    pub weight_decay: f64,
    /// The seed of all random draws.
    pub seed: u64,
    /// The device.
    pub device: &'a Device,
    /// Makes the model file of the generator.
    pub file: &'a (dyn Fn(&Progress) -> Result<TrainedModel> + Sync),
}

/// The generated voxels of a step: their logits and probabilities, with gradients.
#[derive(Default)]
pub struct GeneratedVoxels {
    made: Option<[Tensor; 2]>,
}

impl VoxelTask<'_> {
    fn rng(&self, purpose: &str, step: usize) -> ChaCha8Rng {
        dl_record::rng(self.seed, &format!("{purpose}/{step}"))
    }

    /// The silhouettes and voxels of a batch.
    fn pairs(&self, batch: &VoxelBatch) -> Result<[Tensor; 2]> {
        let side = self.players.generator.config().side;
        let of =
            |numbers: &[f32], depth| Tensor::from_slice(numbers, ((), depth, side, side), self.device).map_err(plain);
        Ok([of(&batch.silhouettes, 1)?, of(&batch.voxels, side)?])
    }

    fn discriminate(&self, step: usize, batch: &VoxelBatch, generated: &mut GeneratedVoxels) -> Result<Loss> {
        let [silhouettes, voxels] = self.pairs(batch)?;
        let logits = self.players.generator.train(&silhouettes, &mut self.rng("generate", step))?;
        let made = sigmoid(&logits).map_err(plain)?;
        let mut rng = self.rng("discriminator", step);
        let mut judge = |voxels: &Tensor| {
            let pair = Tensor::cat(&[&silhouettes, voxels], 1).map_err(plain)?;
            self.players.discriminator.train(&pair, None, &mut rng)
        };
        let of_real = judge(&voxels)?;
        let of_made = judge(&made.detach())?;
        let mut metrics = seen(&of_real, &of_made)?;
        let spread = relative_diversity(&made.detach(), &voxels)?;
        metrics.push(("diversity", spread));
        let accuracy = metrics.iter().find(|(name, _)| *name == "d_accuracy").map_or(0.0, |(_, value)| *value);
        let value = GanLoss::NonSaturating.discriminator(&of_real, &of_made, 0.0).map_err(plain)?;
        // Without a gradient, nothing is trained.
        let value = if accuracy > self.patience { value.detach() } else { value };
        generated.made = Some([logits, made]);
        Ok(Loss { value, metrics })
    }

    fn deceive(&self, step: usize, batch: &VoxelBatch, generated: &mut GeneratedVoxels) -> Result<Loss> {
        let [silhouettes, voxels] = self.pairs(batch)?;
        let [logits, made] = generated.made.take().context("no voxels were generated for the discriminator")?;
        let pair = Tensor::cat(&[&silhouettes, &made], 1).map_err(plain)?;
        let of_made = self.players.judge.train(&pair, None, &mut self.rng("generator", step))?;
        let adversarial = GanLoss::NonSaturating.generator(&of_made, None).map_err(plain)?;
        // softplus(x) - t x is the cross entropy of the logit x against the target t.
        let cross_entropy = || (softplus(&logits)? - (&logits * &voxels)?)?.mean_all();
        let cross_entropy = cross_entropy().map_err(plain)?;
        let of_voxels = f64::from(cross_entropy.to_scalar::<f32>().map_err(plain)?);
        let value = (adversarial + (cross_entropy * self.reconstruction).map_err(plain)?).map_err(plain)?;
        Ok(Loss { value, metrics: vec![("voxels", of_voxels), ("iou", iou(&logits, &voxels)?)] })
    }
}

/// The voxels that are filled in both, divided by those filled in either, at a probability of a half; the mean of the batch.
fn iou(logits: &Tensor, voxels: &Tensor) -> Result<f64> {
    let rows = |x: &Tensor| x.flatten_from(1)?.to_vec2::<f32>();
    let (made, real) = (rows(logits).map_err(plain)?, rows(voxels).map_err(plain)?);
    let of_row = |(made, real): (&Vec<f32>, &Vec<f32>)| {
        let pairs = || made.iter().zip(real).map(|(made, real)| (*made > 0.0, *real > 0.5));
        let both = pairs().filter(|(made, real)| *made && *real).count();
        let either = pairs().filter(|(made, real)| *made || *real).count();
        if either == 0 { 1.0 } else { both as f64 / either as f64 }
    };
    Ok(made.iter().zip(&real).map(of_row).sum::<f64>() / made.len().max(1) as f64)
}

impl Task for VoxelTask<'_> {
    type Batch = VoxelBatch;
    type Shared = GeneratedVoxels;

    fn parameters(&self, player: usize) -> Vec<Parameter> {
        let VoxelPlayers { generator_weights, discriminator_weights, .. } = self.players;
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

    fn averaged(&self, _: usize) -> Vec<(String, Var)> {
        let weights = self.parameters(GENERATOR_PLAYER).into_iter().map(|weight| (weight.name, weight.var));
        weights.chain(buffers(&self.players.generator_weights)).collect()
    }

    fn phases(&self) -> Vec<Phase> {
        vec![Phase::new("discriminator", DISCRIMINATOR_PLAYER), Phase::new("generator", GENERATOR_PLAYER)]
    }

    fn batch(&self, step: usize) -> Result<VoxelBatch> {
        (self.batches)(step)
    }

    fn loss(&self, step: usize, phase: usize, batch: &VoxelBatch, generated: &mut GeneratedVoxels) -> Result<Loss> {
        match phase {
            DISCRIMINATE => self.discriminate(step, batch, generated),
            _ => self.deceive(step, batch, generated),
        }
    }

    fn model(&self, progress: &Progress) -> Result<TrainedModel> {
        (self.file)(progress)
    }
}
