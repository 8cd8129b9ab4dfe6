//! Training of contents and styles.
//!
//! An image is made again of its own content and the style of another image of the same class: so the style holds only
//! what the class has in common (Mathieu et al. 2016, section 3.2; Jha et al. 2018, section 3.1). With the style of an image
//! of any class, a judge wants a real image of that class of style and of the content that it had (Mathieu et al. 2016;
//! StarGAN, Choi et al. 2018, section 3.1), and the codes found in it are to be those it was made of (MUNIT, Huang et al.
//! 2018, equations 2 and 3).

use anyhow::{Context, Result, bail};
use candle_core::{Device, Tensor, Var};
use dl_models::gan::Canvas;
use dl_models::gan::swap::{Judged, SwapConfig, SwapJudge, SwapJudgeConfig, SwapNetwork};
use dl_models::{Parameters, plain};
use dl_ops::cross_entropy;

use super::{CodeBatch, SwapLoss, SwapWeights};
use crate::fit::{Loss, Parameter, Phase, Progress, Task, TrainedModel, buffers, weights};
use crate::gan::{DISCRIMINATOR, GanLoss, seen_by};
use crate::hits::{fraction, hits};
use crate::multitask::task_loss;

const NETWORK: usize = 0;
const JUDGE: usize = 1;
/// Index of the judge's phase.
const TELL: usize = 0;
/// The game about real and made images.
const GAME: GanLoss = GanLoss::Lsgan;

/// The network and its judge, with their weights.
pub struct SwapPlayers {
    /// The network.
    pub network: SwapNetwork,
    /// Its weights.
    pub weights: Parameters,
    /// The judge.
    pub judge: SwapJudge,
    /// The same weights as constants, for the network's loss.
    pub constant_judge: SwapJudge,
    /// The judge's weights.
    pub judge_weights: Parameters,
}

impl SwapPlayers {
    /// New networks, whose weights depend on the seed.
    /// # Errors
    /// When an option is out of range.
    pub fn new(config: &SwapConfig, judge: &SwapJudgeConfig, seed: u64, device: &Device) -> Result<Self> {
        let weights = Parameters::fresh(seed);
        // Another seed, so that no layer of one player starts as one of the other.
        let judge_weights = Parameters::fresh(seed.wrapping_add(1));
        Ok(Self {
            network: SwapNetwork::new(config.clone(), &weights.builder(device))?,
            weights,
            judge: SwapJudge::new(judge, &judge_weights.builder(device))?,
            constant_judge: SwapJudge::new(judge, &judge_weights.following(device))?,
            judge_weights,
        })
    }
}

/// Factors on the network's losses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SwapTaskWeights {
    /// Of images and codes.
    pub codes: SwapWeights,
    /// Of the judge's scores of swaps as real images.
    pub real: f64,
    /// Of the judge's classes of swaps.
    pub classes: f64,
}

/// A network of contents and styles in training. Each step trains the judge on a batch and its swaps, and then the network.
pub struct SwapTask<'a> {
    /// The networks.
    pub players: &'a SwapPlayers,
    /// Makes batch number N, from 0.
    pub batches: &'a (dyn Fn(usize) -> Result<CodeBatch> + Sync),
    /// Factors on the losses.
    pub factors: SwapTaskWeights,
    /// Weight decay.
    pub weight_decay: f64,
    /// The device.
    pub device: &'a Device,
    /// Makes the model file.
    pub file: &'a (dyn Fn(&Progress) -> Result<TrainedModel> + Sync),
}

/// The images of a step and what was made of them, with gradients.
#[derive(Default)]
pub struct Swaps(Option<Made>);

struct Made {
    images: Tensor,
    contents: Tensor,
    /// The styles of the swaps.
    styles: Tensor,
    /// Images of their own content and the style of another image of their class.
    again: Tensor,
    swaps: Tensor,
}

impl SwapTask<'_> {
    fn make(&self, batch: &CodeBatch) -> Result<Made> {
        let network = &self.players.network;
        let Canvas { channels, height, width } = network.config().image;
        let tensor =
            |numbers: &[f32]| Tensor::from_slice(numbers, ((), channels, height, width), self.device).map_err(plain);
        let (images, mates) = (tensor(&batch.images)?, tensor(&batch.mates)?);
        let count = batch.styles.len();
        let contents = network.content(&images)?;
        let styles = network.style(&Tensor::cat(&[&images, &mates], 0).map_err(plain)?)?;
        // Each content with the style of its class, and with that of the next image.
        let parts = || -> candle_core::Result<[Tensor; 3]> {
            let next = styles.index_select(&Tensor::new(next(count), self.device)?, 0)?;
            let of_mates = styles.narrow(0, count, count)?;
            Ok([Tensor::cat(&[&contents; 2], 0)?, Tensor::cat(&[&of_mates, &next], 0)?, next])
        };
        let [twice, both, styles] = parts().map_err(plain)?;
        let made = network.decode(&twice, &both)?;
        let part = |first: usize| made.narrow(0, first, count).and_then(|part| part.contiguous()).map_err(plain);
        Ok(Made { again: part(0)?, swaps: part(count)?, images, contents, styles })
    }

    /// The cross entropy of the classes that the judge names, and how often it is right about each kind.
    fn classes(judged: &Judged, styles: &[u32], contents: &[Option<u32>]) -> Result<(Tensor, Vec<f64>)> {
        let [of_styles, of_contents @ ..] = &judged.classes[..] else { bail!("a judge without classes") };
        let targets = Tensor::new(styles, of_styles.device()).map_err(plain)?;
        let mut loss = cross_entropy(of_styles, &targets).map_err(plain)?;
        let mut right = vec![fraction(&hits(of_styles, styles)?)];
        if let [scores] = of_contents {
            if let Some(more) = task_loss(scores, contents)? {
                loss = (loss + more).map_err(plain)?;
            }
            let known: Vec<u32> = contents.iter().map(|content| content.unwrap_or(u32::MAX)).collect();
            let hits = hits(scores, &known)?.into_iter().zip(contents);
            right
                .push(fraction(&hits.filter(|(_, content)| content.is_some()).map(|(hit, _)| hit).collect::<Vec<_>>()));
        }
        Ok((loss, right))
    }

    fn tell(&self, batch: &CodeBatch, swaps: &mut Swaps) -> Result<Loss> {
        let made = self.make(batch)?;
        let judge = &self.players.judge;
        let of_real = judge.judge(&made.images)?;
        let of_made = judge.judge(&made.swaps.detach())?;
        let (classes, right) = Self::classes(&of_real, &batch.styles, &batch.contents)?;
        let game = GAME.discriminator(&of_real.patches, &of_made.patches, 0.0).map_err(plain)?;
        let mut metrics = seen_by(GAME, &of_real.patches, &of_made.patches)?;
        metrics.extend(["judge_style", "judge_content"].into_iter().zip(right));
        swaps.0 = Some(made);
        Ok(Loss { value: (game + (classes * self.factors.classes).map_err(plain)?).map_err(plain)?, metrics })
    }

    fn swap(&self, batch: &CodeBatch, swaps: &mut Swaps) -> Result<Loss> {
        let Made { images, contents, styles, again, swaps } = swaps.0.take().context("no swaps were made")?;
        let network = &self.players.network;
        let found = [network.content(&swaps)?, network.style(&swaps)?];
        let codes = SwapLoss::new(
            self.factors.codes,
            &[[&again, &images]],
            &[[&found[0], &contents.detach()]],
            &[[&found[1], &styles.detach()]],
        )?;
        let judged = self.players.constant_judge.judge(&swaps)?;
        let wanted: Vec<u32> = next(batch.styles.len()).into_iter().map(|image| batch.styles[image as usize]).collect();
        let (classes, right) = Self::classes(&judged, &wanted, &batch.contents)?;
        let real = GAME.generator(&judged.patches, None).map_err(plain)?;
        let number = |scalar: &Tensor| scalar.to_scalar::<f32>().map(f64::from).map_err(plain);
        let mut metrics = vec![
            ("image", number(&codes.image)?),
            ("content", number(&codes.content)?),
            ("style", number(&codes.style)?),
            ("adversarial", number(&real)?),
        ];
        metrics.extend(["style_taken", "content_kept"].into_iter().zip(right));
        let game = || (real * self.factors.real)? + (classes * self.factors.classes)?;
        Ok(Loss { value: (codes.total + game().map_err(plain)?).map_err(plain)?, metrics })
    }
}

/// The image whose style each of `count` images gets.
fn next(count: usize) -> Vec<u32> {
    (0..count).map(|image| ((image + 1) % count) as u32).collect()
}

impl Task for SwapTask<'_> {
    type Batch = CodeBatch;
    type Shared = Swaps;

    fn parameters(&self, player: usize) -> Vec<Parameter> {
        match player {
            NETWORK => weights(&self.players.weights, self.weight_decay, &|_| 1.0),
            _ => weights(&self.players.judge_weights, self.weight_decay, &|_| 1.0)
                .into_iter()
                .map(|weight| Parameter { name: format!("{DISCRIMINATOR}{}", weight.name), ..weight })
                .collect(),
        }
    }

    fn buffers(&self) -> Vec<(String, Var)> {
        buffers(&self.players.weights)
    }

    fn averaged(&self, _: usize) -> Vec<(String, Var)> {
        self.players.weights.vars()
    }

    fn phases(&self) -> Vec<Phase> {
        vec![Phase::new("discriminator", JUDGE), Phase::new("generator", NETWORK)]
    }

    fn batch(&self, step: usize) -> Result<CodeBatch> {
        (self.batches)(step)
    }

    fn loss(&self, _: usize, phase: usize, batch: &CodeBatch, swaps: &mut Swaps) -> Result<Loss> {
        match phase {
            TELL => self.tell(batch, swaps),
            _ => self.swap(batch, swaps),
        }
    }

    fn model(&self, progress: &Progress) -> Result<TrainedModel> {
        (self.file)(progress)
    }
}
