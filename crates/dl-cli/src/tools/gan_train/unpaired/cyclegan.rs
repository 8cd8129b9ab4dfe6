//! `dl-gan-train cyclegan`.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use dl_models::gan::cyclegan::{ResNetConfig, SmallConfig};
use dl_models::gan::patch_gan::{PatchGan, PatchGanConfig};
use dl_models::gan::{Canvas, TranslatorConfig};
use dl_train::fit::Player;
use dl_train::gan::{CycleTask, GanLoss, Pair, Pool};
use dl_train::schedule::Decay;
use serde_json::json;

use super::data::Data;
use super::options::UnpairedArgs;
use super::sheet::Sheet;
use super::{model, report};
use crate::common::{Io, Outcome, numbers};
use crate::tools::gan_train::Training;
use crate::tools::gan_train::help::{self, stated};
use crate::tools::gan_train::training::TrainingArgs;

/// Adam's learning rate in the source.
const RATE: f64 = 2e-4;
/// Passes over the images in the source: half of them at the full rate.
const EPOCHS: f64 = 200.0;
/// Images of each domain in a batch of the source.
const BATCH: usize = 1;
/// Adam's decay rates in the source.
const BETAS: [f64; 2] = [0.5, 0.999];
/// Images from this side on have 9 residual blocks in the paper.
const LARGE: usize = 256;
/// Images from this side on are judged by patches of 70 pixels.
const MEDIUM: usize = 128;

/// Most numbers of a pool.
const MOST_POOLED: usize = 1 << 29;

/// Train CycleGAN (Zhu et al. 2017): translators between two domains of images without pairs
///
/// Records need an `image`, and a `domain` or else a `label`. --output translates images of the first domain to the second, --output-back
/// those of the second to the first; dl-gan-edit translate runs both. In the second half of the batches, the learning rate
/// falls to 0, unless only --minutes limits their number.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-data from folder faces > faces.jsonl
  dl-gan-train cyclegan --domains plain,sunglasses --samples-every 500 \\
    --log log.jsonl --output glasses.safetensors faces.jsonl
  dl-gan-edit translate --model glasses.safetensors --output-dir out \\
    face.png > translated.jsonl")]
#[command(mut_args(|arg| stated(arg, &help::defaults(BATCH, EPOCHS, RATE, BETAS[0]))))]
pub(in super::super) struct CycleGan {
    #[command(flatten)]
    unpaired: UnpairedArgs,

    /// The generators
    #[arg(long, value_enum, value_name = "NAME", default_value_t = GeneratorName::Resnet, help_heading = "Network")]
    generator: GeneratorName,

    /// Residual blocks of the generators [default: 9 from 256 pixels on, otherwise 6]
    #[arg(long, value_name = "N", value_parser = numbers::count, help_heading = "Network")]
    blocks: Option<usize>,

    /// Let the generators compute a change that is added to the image, which leaves alone what need not change
    #[arg(long, help_heading = "Network")]
    residual: bool,

    /// Halvings in the discriminators: 3 judge patches of 70 pixels, 2 of 34, 1 of 16 [default: 3 from 128 pixels on,
    /// otherwise 2]
    #[arg(long, value_name = "N", value_parser = numbers::count, help_heading = "Network")]
    patch_layers: Option<usize>,

    /// Loss of both players
    #[arg(long, value_enum, value_name = "NAME", default_value_t = LossName::Lsgan, help_heading = "Losses")]
    loss: LossName,

    /// Weight of the cycles: translated and back, an image should be as it was
    #[arg(long, value_name = "X", default_value_t = 10.0, value_parser = numbers::positive, help_heading = "Losses")]
    cycle: f64,

    /// Weight of the identity, relative to --cycle: an image of the other domain should stay as it is; 0: none
    #[arg(long, value_name = "X", default_value_t = 0.5, value_parser = numbers::not_negative, help_heading = "Losses")]
    identity: f64,

    /// Images of each domain in the pool that the discriminators see older results from; 0: no pool
    #[arg(long, value_name = "N", default_value_t = 50, help_heading = "Training")]
    pool: usize,
}

/// `--generator`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum GeneratorName {
    /// The paper's, with residual blocks and instance norms
    Resnet,
    /// A small one for 32 x 32 pixels with batch norms; give --batch 16
    Small,
}

/// `--loss`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum LossName {
    /// Least squares (Mao et al. 2017)
    Lsgan,
    /// The cross entropy of Goodfellow et al. 2014
    NonSaturating,
    /// Hinge (Lim and Ye 2017)
    Hinge,
}

impl From<LossName> for GanLoss {
    fn from(name: LossName) -> Self {
        match name {
            LossName::Lsgan => Self::Lsgan,
            LossName::NonSaturating => Self::NonSaturating,
            LossName::Hinge => Self::Hinge,
        }
    }
}

impl Training for CycleGan {
    fn training(&self) -> &TrainingArgs {
        &self.unpaired.training
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        let (args, training) = (&self.unpaired, &self.unpaired.training);
        args.check_files()?;
        let device = training.device.open()?;
        let data = Data::read(args, io)?;
        let messages = &io.messages;
        let config = self.generator(data.canvas)?;
        let judged = self.discriminator(data.canvas)?;
        let pair = Pair::new(&config, data.seed, &device, |vb, _| PatchGan::new(&judged, vb))?;
        report(&pair, messages);
        let failed = AtomicUsize::new(0);
        let broken = |error: &str| {
            failed.fetch_add(1, Ordering::Relaxed);
            messages.error(error);
        };
        let batch = training.batch.unwrap_or(BATCH);
        let batches = data.batches(args, batch, &broken)?;
        let steps = training.steps(batches.epoch(), EPOCHS);
        let players = self.players(steps);
        let recipe = json!({
            "loss": GanLoss::from(self.loss),
            "cycle": self.cycle,
            "identity": self.identity,
            "pool": self.pool,
            "patch": judged,
            "batch": batch,
            "flip": args.pictures.flip,
            "random_crop": args.random_crop,
            "players": players,
        });
        let figures = recipe.as_object().cloned().unwrap_or_default();
        let settings = json!({
            "data": data.images.digest().to_string(),
            "architecture": config.architecture,
            "options": config.options,
            "image": data.canvas,
            "recipe": recipe,
        });
        let fitted = training.fit_config(players, steps, batches.epoch(), &settings);
        ensure!(
            self.pool.saturating_mul(data.canvas.numbers()) <= MOST_POOLED,
            "--pool {}: the pool would take more than 2 GB",
            self.pool
        );
        let [to_b, to_a] = [0, 1].map(|_| Pool::new(self.pool, data.canvas, &device));
        let (file, make) = (
            |direction: usize, progress: &_| model(&pair, &data, &figures, (direction, progress)),
            |step| batches.make(step),
        );
        let task = CycleTask {
            pair: &pair,
            batches: &make,
            canvas: data.canvas,
            loss: self.loss.into(),
            cycle: self.cycle,
            identity: self.identity,
            pools: &[to_b?, to_a?],
            weight_decay: training.weight_decay,
            seed: data.seed,
            device: &device,
            file: &file,
            back: args.back(),
        };
        let sheet = (training.samples_every > 0).then(|| Sheet::new(&training.output, args, &data)).transpose()?;
        let draw = |done| sheet.as_ref().context("no sheet to draw")?.draw(&pair, done);
        let outcome = training.train(&task, &fitted, &draw, messages)?;
        Ok(outcome.unwrap_or_else(|| Outcome::of(data.tally.failed + failed.load(Ordering::Relaxed))))
    }
}

impl CycleGan {
    fn generator(&self, image: Canvas) -> Result<TranslatorConfig> {
        let Canvas { channels: colors, height, width } = image;
        let least = if self.generator == GeneratorName::Resnet { 8 } else { 4 };
        let near = |side: usize| side.max(least).next_multiple_of(4);
        ensure!(
            near(height) == height && near(width) == width,
            "images of {width} x {height} pixels do not fit the generators, which halve them twice; --size {}x{} does",
            near(width),
            near(height)
        );
        match self.generator {
            GeneratorName::Resnet => {
                let blocks = self.blocks.unwrap_or(if height.max(width) >= LARGE { 9 } else { 6 });
                let options = ResNetConfig {
                    blocks,
                    channels: self.unpaired.scaled(64),
                    inputs: colors,
                    outputs: colors,
                    residual: self.residual,
                    ..ResNetConfig::default()
                };
                TranslatorConfig::new("cyclegan", &options)
            }
            GeneratorName::Small => {
                ensure!(self.blocks.is_none(), "--blocks: the small generator has one block");
                ensure!(!self.residual, "--residual: the small generator makes whole images");
                ensure!(colors == 3, "the small generator makes RGB images; give --colors rgb");
                TranslatorConfig::new("cyclegan_small", &SmallConfig { channels: self.unpaired.scaled(32) })
            }
        }
    }

    fn discriminator(&self, image: Canvas) -> Result<PatchGanConfig> {
        let side = image.height.min(image.width);
        let layers = self.patch_layers.unwrap_or(if side >= MEDIUM { 3 } else { 2 });
        ensure!(
            layers < usize::BITS as usize && side >> layers > 2,
            "--patch-layers {layers}: images of {} x {} pixels are too small; give fewer",
            image.width,
            image.height
        );
        let channels = self.unpaired.scaled(64);
        Ok(PatchGanConfig { inputs: image.channels, channels, layers, ..PatchGanConfig::default() })
    }

    /// Adam at the full rate in the first half, then at one that falls to 0.
    fn players(&self, steps: usize) -> Vec<Player> {
        let training = &self.unpaired.training;
        let rates = [training.lr_g.unwrap_or(RATE), training.lr_d.unwrap_or(RATE)];
        let betas = [training.beta1.unwrap_or(BETAS[0]), BETAS[1]];
        let mut players = TrainingArgs::players(rates, betas, steps);
        for player in &mut players {
            // Without a number of steps, there is no half.
            if steps < numbers::MOST {
                player.schedule.decay = Decay::Linear { from: steps / 2 };
            } else {
                player.schedule.iterations = 0;
            }
        }
        players
    }
}
