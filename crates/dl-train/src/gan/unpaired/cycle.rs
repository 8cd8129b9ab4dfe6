//! CycleGAN (Zhu et al. 2017): two translators, each of which undoes what the other does. The step is that of
//! junyanz/pytorch-CycleGAN-and-pix2pix: the generators first, then the discriminators on images of before that, through a
//! pool.

use std::path::PathBuf;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor, Var};
use dl_models::gan::Canvas;
use dl_models::gan::patch_gan::PatchGan;
use dl_models::{Backbone, plain};
use rand_chacha::ChaCha8Rng;

use super::pair::{by_domain, number, sum, tensors};
use super::{DISCRIMINATORS, GENERATORS, Pair, Pool, Translated, UnpairedBatch};
use crate::fit::{Loss, Parameter, Phase, Progress, Task, TrainedModel};
use crate::gan::GanLoss;
use crate::gan::balance::seen_by;

/// CycleGAN in training.
pub struct CycleTask<'a> {
    /// The networks.
    pub pair: &'a Pair<PatchGan>,
    /// Makes batch number N, from 0.
    pub batches: &'a (dyn Fn(usize) -> Result<UnpairedBatch> + Sync),
    /// The shape of the images.
    pub canvas: Canvas,
    /// The loss of both players.
    pub loss: GanLoss,
    /// The weight of the cycles: images that are translated and back should be as they were.
    pub cycle: f64,
    /// The weight of the identity relative to that of the cycles: images that are of the other domain already should stay as
    /// they are; 0: none.
    pub identity: f64,
    /// The pool of each direction.
    pub pools: &'a [Pool; 2],
    /// Weight decay.
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

impl CycleTask<'_> {
    fn rng(&self, purpose: &str, step: usize) -> ChaCha8Rng {
        dl_record::rng(self.seed, &format!("{purpose}/{step}"))
    }

    fn real(&self, batch: &UnpairedBatch) -> Result<[Tensor; 2]> {
        let Canvas { channels, height, width } = self.canvas;
        tensors(&batch.images, [channels, height, width], self.device)
    }

    /// Two batches through the generator of a direction; at once if it normalizes each image by itself.
    fn both(&self, direction: usize, x: &Tensor, y: &Tensor, rng: &mut ChaCha8Rng) -> Result<[Tensor; 2]> {
        if self.pair.generators[direction].geometry.reach.is_some() {
            return Ok([self.pair.translate(direction, x, rng)?, self.pair.translate(direction, y, rng)?]);
        }
        let images = self.pair.translate(direction, &Tensor::cat(&[x, y], 0).map_err(plain)?, rng)?;
        halves(&images, x.dim(0).map_err(plain)?)
    }

    fn deceive(&self, step: usize, batch: &UnpairedBatch, translated: &mut Translated) -> Result<Loss> {
        let real = self.real(batch)?;
        let mut rng = self.rng("generator", step);
        let (mut losses, mut metrics, mut made) = (Vec::new(), Vec::new(), Vec::new());
        let (mut adversarial, mut identity) = (0.0, 0.0);
        for direction in 0..2 {
            let (from, to) = (&real[direction], &real[1 - direction]);
            let image = if self.identity > 0.0 {
                let [image, same] = self.both(direction, from, to, &mut rng)?;
                let loss = distance(&same, to)?;
                identity += number(&loss)? / 2.0;
                losses.push((loss * (self.cycle * self.identity)).map_err(plain)?);
                image
            } else {
                self.pair.translate(direction, from, &mut rng)?
            };
            let restored = self.pair.translate(1 - direction, &image, &mut rng)?;
            let loss = distance(&restored, from)?;
            metrics.push((["cycle_a", "cycle_b"][direction], number(&loss)?));
            losses.push((loss * self.cycle).map_err(plain)?);
            let scores = scores(&self.pair.judges[direction], &image, &mut rng)?;
            let loss = self.loss.generator(&scores, None).map_err(plain)?;
            adversarial += number(&loss)? / 2.0;
            losses.push(loss);
            made.push(image.detach());
        }
        metrics.push(("adversarial", adversarial));
        if self.identity > 0.0 {
            metrics.push(("identity", identity));
        }
        translated.0 = made.try_into().ok();
        Ok(Loss { value: sum(losses)?, metrics })
    }

    fn discriminate(&self, step: usize, batch: &UnpairedBatch, translated: &mut Translated) -> Result<Loss> {
        let real = self.real(batch)?;
        let made = translated.0.take().context("no images were translated for the discriminators")?;
        let mut rng = self.rng("discriminator", step);
        // Half of the sum of both terms; the loss of least squares has the half already.
        let half = if self.loss == GanLoss::Lsgan { 1.0 } else { 0.5 };
        let (mut losses, mut figures) = (Vec::new(), Vec::new());
        for (direction, made) in made.iter().enumerate() {
            let real = &real[1 - direction];
            let shown = self.pools[direction].exchange(made, &mut rng)?;
            let all = Tensor::cat(&[real, &shown], 0).map_err(plain)?;
            let all = self.pair.discriminators[direction].train(&all, &mut rng)?;
            let [of_real, of_made] = halves(&all, real.dim(0).map_err(plain)?)?;
            let flat = |map: &Tensor| map.flatten_all().map_err(plain);
            let (of_real, of_made) = (flat(&of_real)?, flat(&of_made)?);
            figures.push(seen_by(self.loss, &of_real, &of_made)?);
            let loss = self.loss.discriminator(&of_real, &of_made, 0.0).map_err(plain)?;
            losses.push((loss * half).map_err(plain)?);
        }
        Ok(Loss { value: sum(losses)?, metrics: by_domain(&figures[0], &figures[1]) })
    }
}

/// The mean absolute difference.
fn distance(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let distance = || (a - b)?.abs()?.mean_all();
    distance().map_err(plain)
}

/// The first `count` images, and the others.
fn halves(images: &Tensor, count: usize) -> Result<[Tensor; 2]> {
    let rest = images.dim(0).map_err(plain)? - count;
    let part = |start, count| images.narrow(0, start, count).map_err(plain);
    Ok([part(0, count)?, part(count, rest)?])
}

/// The scores of all patches, in one row.
fn scores(judge: &PatchGan, images: &Tensor, rng: &mut ChaCha8Rng) -> Result<Tensor> {
    judge.train(images, rng)?.flatten_all().map_err(plain)
}

/// The scores of patches [n, 1, h, w], in training.
trait Judge {
    fn train(&self, images: &Tensor, rng: &mut ChaCha8Rng) -> Result<Tensor>;
}

impl Judge for PatchGan {
    fn train(&self, images: &Tensor, rng: &mut ChaCha8Rng) -> Result<Tensor> {
        (self as &dyn Backbone).forward_t(images, Some(rng))
    }
}

impl Task for CycleTask<'_> {
    type Batch = UnpairedBatch;
    type Shared = Translated;

    fn parameters(&self, player: usize) -> Vec<Parameter> {
        self.pair.parameters(player, self.weight_decay, false)
    }

    fn buffers(&self) -> Vec<(String, Var)> {
        self.pair.buffers()
    }

    fn state(&self) -> Vec<(String, Var)> {
        let [to_b, to_a] = self.pools;
        to_b.state("pool.b").into_iter().chain(to_a.state("pool.a")).collect()
    }

    fn averaged(&self, _: usize) -> Vec<(String, Var)> {
        self.pair.averaged()
    }

    fn phases(&self) -> Vec<Phase> {
        vec![Phase::new("generator", GENERATORS), Phase::new("discriminator", DISCRIMINATORS)]
    }

    fn batch(&self, step: usize) -> Result<UnpairedBatch> {
        (self.batches)(step)
    }

    fn loss(&self, step: usize, phase: usize, batch: &UnpairedBatch, translated: &mut Translated) -> Result<Loss> {
        match phase {
            GENERATORS => self.deceive(step, batch, translated),
            _ => self.discriminate(step, batch, translated),
        }
    }

    fn model(&self, progress: &Progress) -> Result<TrainedModel> {
        (self.file)(0, progress)
    }

    fn others(&self, progress: &Progress) -> Result<Vec<(PathBuf, TrainedModel)>> {
        Ok(vec![(self.back.clone(), (self.file)(1, progress)?)])
    }
}
