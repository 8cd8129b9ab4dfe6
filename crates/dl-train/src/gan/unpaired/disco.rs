//! DiscoGAN (Kim et al. 2017): translators in both directions that restore what the other has changed. The step is that of
//! SKTBrain/DiscoGAN: a batch trains either the discriminators or the generators, and these also match the mean features of
//! the discriminators.

use std::path::PathBuf;

use anyhow::Result;
use candle_core::{Device, Tensor, Var};
use dl_models::gan::Canvas;
use dl_models::gan::discogan::{DiscoganDiscriminator, Judgement};
use dl_models::plain;
use rand_chacha::ChaCha8Rng;

use super::pair::{by_domain, number, sum, tensors};
use super::{DISCRIMINATORS, GENERATORS, Pair, UnpairedBatch};
use crate::fit::{Loss, Parameter, Phase, Progress, Task, TrainedModel, When};
use crate::gan::GanLoss;
use crate::gan::balance::{relative_diversity, seen};

/// The cross entropy of both players.
const LOSS: GanLoss = GanLoss::NonSaturating;
/// The weights of the cross entropy and of feature matching in the generators' loss.
const CROSS_ENTROPY: f64 = 0.1;
const FEATURES: f64 = 0.9;

/// DiscoGAN in training.
pub struct DiscoTask<'a> {
    /// The networks.
    pub pair: &'a Pair<DiscoganDiscriminator>,
    /// Makes batch number N, from 0.
    pub batches: &'a (dyn Fn(usize) -> Result<UnpairedBatch> + Sync),
    /// The shape of the images.
    pub canvas: Canvas,
    /// The share of the reconstruction in the generators' loss, in the first steps and then: 0.01 and 0.5 in the source.
    pub shares: [f64; 2],
    /// The number of first steps.
    pub warm: usize,
    /// Every Nth step trains the discriminators, the others the generators.
    pub interval: usize,
    /// Weight decay, of all weights.
    pub weight_decay: f64,
    /// The seed of all random draws.
    pub seed: u64,
    /// The device.
    pub device: &'a Device,
    /// Makes the model file of a direction.
    pub file: &'a (dyn Fn(usize, &Progress) -> Result<TrainedModel> + Sync),
    /// Where that of direction 1 is written.
    pub back: PathBuf,
}

impl DiscoTask<'_> {
    fn rng(&self, purpose: &str, step: usize) -> ChaCha8Rng {
        dl_record::rng(self.seed, &format!("{purpose}/{step}"))
    }

    /// Images of both domains, 0 to 1.
    fn real(&self, batch: &UnpairedBatch) -> Result<[Tensor; 2]> {
        let Canvas { channels, height, width } = self.canvas;
        let [a, b] = tensors(&batch.images, [channels, height, width], self.device)?;
        Ok([a.affine(0.5, 0.5).map_err(plain)?, b.affine(0.5, 0.5).map_err(plain)?])
    }

    fn discriminate(&self, step: usize, batch: &UnpairedBatch) -> Result<Loss> {
        let real = self.real(batch)?;
        let mut rng = self.rng("discriminator", step);
        let (mut losses, mut figures, mut spread) = (Vec::new(), Vec::new(), 0.0);
        for direction in 0..2 {
            let made = self.pair.translate(direction, &real[direction], &mut rng)?.detach();
            let discriminator = &self.pair.discriminators[direction];
            let of_real = discriminator.train(&real[1 - direction], &mut rng)?.logits;
            let of_made = discriminator.train(&made, &mut rng)?.logits;
            figures.push(seen(&of_real, &of_made)?);
            spread += relative_diversity(&made, &real[1 - direction])? / 2.0;
            losses.push((LOSS.discriminator(&of_real, &of_made, 0.0).map_err(plain)? * 0.5).map_err(plain)?);
        }
        let mut metrics = by_domain(&figures[0], &figures[1]);
        metrics.push(("diversity", spread));
        Ok(Loss { value: sum(losses)?, metrics })
    }

    fn deceive(&self, step: usize, batch: &UnpairedBatch) -> Result<Loss> {
        let real = self.real(batch)?;
        let mut rng = self.rng("generator", step);
        let share = self.shares[usize::from(step >= self.warm)];
        let (mut losses, mut metrics, mut figures) = (Vec::new(), Vec::new(), Vec::new());
        let (mut adversarial, mut matched, mut spread) = (0.0, 0.0, 0.0);
        // Both before they are restored, as in the source: batch norms see the images in this order.
        let [to_b, to_a] = [0, 1].map(|direction| self.pair.translate(direction, &real[direction], &mut rng));
        for (direction, made) in [to_b?, to_a?].into_iter().enumerate() {
            let (from, to) = (&real[direction], &real[1 - direction]);
            let restored = self.pair.translate(1 - direction, &made, &mut rng)?;
            let restored = (restored - from).and_then(|away| away.sqr()?.mean_all()).map_err(plain)?;
            metrics.push((["cycle_a", "cycle_b"][direction], number(&restored)?));
            let of_real = self.pair.judges[direction].train(to, &mut rng)?;
            let of_made = self.pair.judges[direction].train(&made, &mut rng)?;
            figures.push(seen(&of_real.logits, &of_made.logits)?);
            spread += relative_diversity(&made.detach(), to)? / 2.0;
            let deceived = LOSS.generator(&of_made.logits, None).map_err(plain)?;
            let features = feature_distance(&of_real, &of_made)?;
            adversarial += number(&deceived)? / 2.0;
            matched += number(&features)? / 2.0;
            let terms =
                [(deceived, CROSS_ENTROPY * (1.0 - share)), (features, FEATURES * (1.0 - share)), (restored, share)];
            for (term, weight) in terms {
                losses.push((term * weight).map_err(plain)?);
            }
        }
        metrics.extend([("adversarial", adversarial), ("features", matched)]);
        metrics.extend(by_domain(&figures[0], &figures[1]));
        metrics.push(("diversity", spread));
        Ok(Loss { value: sum(losses)?, metrics })
    }
}

/// The sum over the maps of the mean squared difference of the batches' means.
fn feature_distance(real: &Judgement, made: &Judgement) -> Result<Tensor> {
    let pairs = real.features.iter().zip(&made.features);
    let distances = pairs.map(|(real, made)| (real.mean(0)? - made.mean(0)?)?.sqr()?.mean_all());
    sum(distances.collect::<candle_core::Result<Vec<_>>>().map_err(plain)?)
}

impl Task for DiscoTask<'_> {
    type Batch = UnpairedBatch;
    type Shared = ();

    fn parameters(&self, player: usize) -> Vec<Parameter> {
        self.pair.parameters(player, self.weight_decay, true)
    }

    fn buffers(&self) -> Vec<(String, Var)> {
        self.pair.buffers()
    }

    fn averaged(&self, _: usize) -> Vec<(String, Var)> {
        self.pair.averaged()
    }

    fn phases(&self) -> Vec<Phase> {
        vec![
            Phase::new("generator", GENERATORS).when(When::Except(self.interval)),
            Phase::new("discriminator", DISCRIMINATORS).when(When::Every(self.interval)),
        ]
    }

    fn batch(&self, step: usize) -> Result<UnpairedBatch> {
        (self.batches)(step)
    }

    fn loss(&self, step: usize, phase: usize, batch: &UnpairedBatch, (): &mut ()) -> Result<Loss> {
        match phase {
            GENERATORS => self.deceive(step, batch),
            _ => self.discriminate(step, batch),
        }
    }

    fn model(&self, progress: &Progress) -> Result<TrainedModel> {
        (self.file)(0, progress)
    }

    fn others(&self, progress: &Progress) -> Result<Vec<(PathBuf, TrainedModel)>> {
        Ok(vec![(self.back.clone(), (self.file)(1, progress)?)])
    }
}
