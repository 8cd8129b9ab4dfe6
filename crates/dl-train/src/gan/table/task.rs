//! The game of a generator of tables and its critic (Xu et al. 2019, section 4.4): WGAN-GP on groups of rows.

use anyhow::Result;
use candle_core::{Device, Tensor, Var};
use dl_models::gan::table::{TableCritic, TableGenerator};
use dl_models::{Parameters, plain};
use dl_ops::{SpanKind, activate_spans, between, cross_entropy, one_centered_penalty};
use rand_chacha::ChaCha8Rng;

use super::{TableBatch, TableDraw};
use crate::fit::{Loss, Parameter, Phase, Progress, Task, TrainedModel, When, buffers, weights};
use crate::gan::DISCRIMINATOR;
use crate::gan::balance::relative_diversity;

const GENERATOR_PLAYER: usize = 0;
const CRITIC_PLAYER: usize = 1;
/// Indices of the phases.
const JUDGE: usize = 0;
/// What is added to logits that a softmax must not see.
const NEVER: f32 = -1e9;

/// The two networks with their weights.
pub struct TablePlayers {
    /// The generator.
    pub generator: TableGenerator,
    /// Its weights.
    pub generator_weights: Parameters,
    /// The critic.
    pub critic: TableCritic,
    /// The same weights as constants, for the generator's loss.
    pub judge: TableCritic,
    /// The critic's weights.
    pub critic_weights: Parameters,
}

/// A GAN of tables in training: each step trains the critic, and then, or every few steps, the generator.
pub struct TableTask<'a> {
    /// The networks.
    pub players: &'a TablePlayers,
    /// Makes batch number N, from 0.
    pub batches: &'a (dyn Fn(usize) -> Result<TableBatch> + Sync),
    /// Weight of the gradient penalty.
    pub penalty: f64,
    /// The generator is trained every N steps.
    pub critic: usize,
    /// Weight decay.
    pub weight_decay: f64,
    /// The seed of all random draws.
    pub seed: u64,
    /// The device.
    pub device: &'a Device,
    /// Makes the model file of the generator.
    pub file: &'a (dyn Fn(&Progress) -> Result<TrainedModel> + Sync),
}

impl TableTask<'_> {
    fn rng(&self, purpose: &str, step: usize) -> ChaCha8Rng {
        dl_record::rng(self.seed, &format!("{purpose}/{step}"))
    }

    /// Numbers as rows of so many columns.
    fn rows(&self, numbers: &[f32], columns: usize) -> Result<Tensor> {
        Tensor::from_slice(numbers, (numbers.len() / columns.max(1), columns), self.device).map_err(plain)
    }

    /// Rows before the functions of the last layer, and after them with their conditions.
    fn generate(&self, draw: &TableDraw, rng: &mut ChaCha8Rng) -> Result<[Tensor; 2]> {
        let (config, layout) = (self.players.generator.config(), self.players.generator.layout());
        let inputs = self.rows(&draw.inputs, config.latent + layout.condition_width)?;
        let logits = self.players.generator.train(&inputs, rng)?;
        let factors: Vec<f32> = layout
            .spans
            .iter()
            .flat_map(|span| {
                let factor = if span.kind == SpanKind::Softmax { 1.0 / config.temperature } else { 1.0 };
                std::iter::repeat_n(factor as f32, span.length)
            })
            .collect();
        let factors = self.rows(&factors, layout.width)?;
        let activate = || {
            // Gumbel-softmax (Jang et al. 2017).
            let noisy = (&logits + self.rows(&draw.noise, layout.width).map_err(candle_core::Error::msg)?)?;
            let rows = activate_spans(&noisy.broadcast_mul(&factors)?, &layout.spans)?;
            if layout.condition_width == 0 {
                return Ok(rows);
            }
            Tensor::cat(&[&rows, &inputs.narrow(1, config.latent, layout.condition_width)?], 1)
        };
        let rows = activate().map_err(plain)?;
        Ok([logits, rows])
    }

    fn judge(&self, step: usize, batch: &TableBatch) -> Result<Loss> {
        let (critic, layout) = (&self.players.critic, self.players.generator.layout());
        let [_, made] = self.generate(&batch.critic, &mut self.rng("generate", step))?;
        let real = self.rows(&batch.real, layout.width + layout.condition_width)?;
        let made = made.detach();
        let mut rng = self.rng("critic", step);
        let (real_groups, made_groups) = (critic.groups(&real)?, critic.groups(&made)?);
        let of_real = critic.train(&real_groups, &mut rng)?;
        let of_made = critic.train(&made_groups, &mut rng)?;
        let shares = Tensor::from_slice(&batch.shares, batch.shares.len(), self.device).map_err(plain)?;
        let mixed = between(&real_groups, &made_groups, &shares).map_err(plain)?;
        let gradient = critic.input_gradient(&mixed, &mut rng)?;
        let penalty = one_centered_penalty(&gradient, self.penalty).map_err(plain)?;
        let mut metrics = seen(&of_real, &of_made)?;
        // Without the conditions, which are the same in both.
        let cells = |rows: &Tensor| rows.narrow(1, 0, layout.width).map_err(plain);
        metrics.push(("diversity", relative_diversity(&cells(&made)?, &cells(&real)?)?));
        metrics.push(("penalty", f64::from(penalty.to_scalar::<f32>().map_err(plain)?)));
        let value = || (of_made.mean_all()? - of_real.mean_all()?)? + &penalty;
        Ok(Loss { value: value().map_err(plain)?, metrics })
    }

    fn deceive(&self, step: usize, batch: &TableBatch) -> Result<Loss> {
        let mut rng = self.rng("generator", step);
        let [logits, made] = self.generate(&batch.generator, &mut rng)?;
        let judge = &self.players.judge;
        let of_made = judge.train(&judge.groups(&made)?, &mut rng)?;
        let value = of_made.mean_all().and_then(|mean| mean.neg()).map_err(plain)?;
        if batch.generator.chosen.is_empty() {
            return Ok(Loss { value, metrics: Vec::new() });
        }
        let of_condition = self.condition_loss(&logits, &batch.generator.chosen)?;
        let metrics = vec![("condition", f64::from(of_condition.to_scalar::<f32>().map_err(plain)?))];
        Ok(Loss { value: (value + of_condition).map_err(plain)?, metrics })
    }

    /// The cross entropy of the conditions' categories, by the logits of their columns (the paper, section 4.3).
    fn condition_loss(&self, logits: &Tensor, chosen: &[[usize; 2]]) -> Result<Tensor> {
        let layout = self.players.generator.layout();
        let mut others = vec![NEVER; chosen.len() * layout.width];
        let mut targets = Vec::with_capacity(chosen.len());
        for (row, [condition, category]) in others.chunks_exact_mut(layout.width).zip(chosen) {
            let span = layout.conditions[*condition].span;
            row[span.start..span.start + span.length].fill(0.0);
            targets.push((span.start + category) as u32);
        }
        let others = self.rows(&others, layout.width)?;
        let targets = Tensor::from_vec(targets, chosen.len(), self.device).map_err(plain)?;
        cross_entropy(&(logits + others).map_err(plain)?, &targets).map_err(plain)
    }
}

/// What the critic thinks. Its scores have no zero, so they are taken relative to the middle between the means of real and
/// generated groups; the accuracy is how often a real group gets more than a generated one.
fn seen(real: &Tensor, made: &Tensor) -> Result<Vec<(&'static str, f64)>> {
    let numbers = |scores: &Tensor| scores.to_vec1::<f32>().map_err(plain);
    let (real, mut made) = (numbers(real)?, numbers(made)?);
    let mean = |scores: &[f32]| scores.iter().map(|score| f64::from(*score)).sum::<f64>() / scores.len().max(1) as f64;
    let middle = (mean(&real) + mean(&made)) / 2.0;
    let probability = |scores: &[f32]| {
        let each = scores.iter().map(|score| 1.0 / (1.0 + (middle - f64::from(*score)).exp()));
        each.sum::<f64>() / scores.len().max(1) as f64
    };
    made.sort_by(f32::total_cmp);
    let right: usize = real.iter().map(|score| made.partition_point(|other| other < score)).sum();
    let accuracy = right as f64 / (real.len() * made.len()).max(1) as f64;
    Ok(vec![("d_real", probability(&real)), ("d_fake", probability(&made)), ("d_accuracy", accuracy)])
}

impl Task for TableTask<'_> {
    type Batch = TableBatch;
    type Shared = ();

    fn parameters(&self, player: usize) -> Vec<Parameter> {
        let TablePlayers { generator_weights, critic_weights, .. } = self.players;
        match player {
            GENERATOR_PLAYER => weights(generator_weights, self.weight_decay, &|_| 1.0),
            _ => weights(critic_weights, self.weight_decay, &|_| 1.0)
                .into_iter()
                .map(|weight| Parameter { name: format!("{DISCRIMINATOR}{}", weight.name), ..weight })
                .collect(),
        }
    }

    fn buffers(&self) -> Vec<(String, Var)> {
        buffers(&self.players.generator_weights)
    }

    fn averaged(&self, _: usize) -> Vec<(String, Var)> {
        let weights = self.parameters(GENERATOR_PLAYER).into_iter().map(|weight| (weight.name, weight.var));
        weights.chain(self.buffers()).collect()
    }

    fn phases(&self) -> Vec<Phase> {
        let generator = Phase::new("generator", GENERATOR_PLAYER).when(When::Every(self.critic));
        vec![Phase::new("discriminator", CRITIC_PLAYER), generator]
    }

    fn batch(&self, step: usize) -> Result<TableBatch> {
        (self.batches)(step)
    }

    fn loss(&self, step: usize, phase: usize, batch: &TableBatch, (): &mut ()) -> Result<Loss> {
        match phase {
            JUDGE => self.judge(step, batch),
            _ => self.deceive(step, batch),
        }
    }

    fn model(&self, progress: &Progress) -> Result<TrainedModel> {
        (self.file)(progress)
    }
}
