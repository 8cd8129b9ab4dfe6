//! `dl-finetune disentangle`.

mod data;
mod sheet;

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use clap::Arg;
use dl_models::Precision;
use dl_models::gan::Canvas;
use dl_models::gan::swap::{SwapConfig, SwapJudgeConfig};
use dl_train::disentangle::{CodeTasks, SwapPlayers, SwapTask, SwapTaskWeights, SwapWeights};
use dl_train::fit::{Player, Progress, TrainedModel};
use dl_train::schedule::Decay;
use serde_json::json;

use self::data::Data;
use self::sheet::Sheet;
use crate::common::{Io, Outcome, numbers, only_records};
use crate::tools::gan_train::help::{self, samples, stated};
use crate::tools::gan_train::pictures::PictureArgs;
use crate::tools::gan_train::training::TrainingArgs;

/// Adam's learning rate and decay rates, of both players.
const RATE: f64 = 1e-3;
const BETAS: [f64; 2] = [0.5, 0.999];
const BATCH: usize = 32;
const EPOCHS: f64 = 50.0;

/// Train an autoencoder of content and style, whose styles dl-gan-edit swap exchanges
///
/// Each record has an `image` and the class of its style: its `domain`, or with --style a task of its `labels`, such as
/// {"plate": "warning", "sign": "bicycle"}. What images of one style have in common becomes the style, 8 numbers; all else
/// becomes the content, a map of a quarter of the size. With --content, another task names what must stay when the style is
/// swapped; a record may lack it.
///
/// The network is MUNIT's (Huang et al. 2018), smaller, and shared by all styles. An image is made again of its content and
/// the style of another image of its class (Mathieu et al. 2016, Jha et al. 2018). Swaps must give their codes again
/// (MUNIT), and pass a judge of real images, of the style and of the content (Mathieu et al. 2016; StarGAN, Choi et al.
/// 2018). In the second half of the batches, the learning rate falls to 0, unless only --minutes limits their number.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-finetune disentangle --style plate --content sign --size 48 \\
    --output swap.safetensors signs.jsonl
  dl-gan-edit swap --model swap.safetensors --style-from warning.jpg \\
    --output-dir swapped bicycle.jpg > swapped.jsonl")]
#[command(
    mut_arg("inputs", only_records),
    mut_arg("output", |arg: Arg| arg.help(
        "Model file to write. Beside it, STEM.last.safetensors holds everything that --resume needs"
    )),
    mut_arg("lr_g", |arg: Arg| arg.help("Learning rate of the network")),
    mut_arg("lr_d", |arg: Arg| arg.help("Learning rate of the judge")),
    mut_arg("ema", |arg: Arg| arg.help("Write a moving average of the weights with this decay, for example 0.999")),
    mut_args(|arg| stated(arg, &help::defaults(format!("{BATCH}, or all"), EPOCHS, RATE, BETAS[0]))),
    mut_arg("samples_every", |arg| samples(arg, "Draw 8 images, and below them their contents in each style,"))
)]
pub(super) struct Args {
    /// Task of `labels` that names the style [default: the style is the `domain`]
    #[arg(long, value_name = "TASK")]
    style: Option<String>,

    /// Task of `labels` that names the content
    #[arg(long, value_name = "TASK")]
    content: Option<String>,

    /// Channels of the first maps
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=512), help_heading = "Network")]
    channels: u16,

    /// Residual blocks of the content encoder, and of the decoder
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64), help_heading = "Network")]
    blocks: u16,

    /// Numbers of a style
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Network")]
    style_numbers: u16,

    /// Weight of images made again: the mean absolute difference of the pixels, which are -1 to 1
    #[arg(long, value_name = "X", default_value_t = 10.0, value_parser = numbers::positive, help_heading = "Losses")]
    image_weight: f64,

    /// Weight of the contents found in swaps
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = numbers::not_negative, help_heading = "Losses")]
    content_weight: f64,

    /// Weight of the styles found in swaps
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = numbers::not_negative, help_heading = "Losses")]
    style_weight: f64,

    /// Weight of swaps as real images, by least squares (Mao et al. 2017)
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = numbers::not_negative, help_heading = "Losses")]
    real_weight: f64,

    /// Weight of the classes of swaps: the cross entropy of the style, and of the content
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = numbers::not_negative, help_heading = "Losses")]
    class_weight: f64,

    #[command(flatten)]
    pictures: PictureArgs,

    #[command(flatten)]
    pub(super) training: TrainingArgs,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let training = &self.training;
        training.check_files(&[], &[])?;
        ensure!(
            self.style.is_none() || self.style != self.content,
            "--style and --content name the same task; the content is what stays when the style is swapped"
        );
        let device = training.device.open()?;
        let data = Data::read(self, io)?;
        let messages = &io.messages;
        let config = self.config(data.canvas)?;
        let judge = self.judge(&data);
        let seed = training.common.seed;
        let players = SwapPlayers::new(&config, &judge, seed, &device)?;
        let failed = AtomicUsize::new(0);
        let broken = |error: &str| {
            failed.fetch_add(1, Ordering::Relaxed);
            messages.error(error);
        };
        let batch = training.batch.unwrap_or(BATCH).min(data.images.sources().len());
        let batches = data.batches(self, batch, &broken)?;
        let steps = training.steps(batches.epoch(), EPOCHS);
        let fitted_players = self.players(steps);
        let factors = SwapTaskWeights {
            codes: SwapWeights { image: self.image_weight, content: self.content_weight, style: self.style_weight },
            real: self.real_weight,
            classes: self.class_weight,
        };
        let recipe = json!({
            "image_weight": self.image_weight,
            "content_weight": self.content_weight,
            "style_weight": self.style_weight,
            "real_weight": self.real_weight,
            "class_weight": self.class_weight,
            "batch": batch,
            "flip": self.pictures.flip,
            "players": fitted_players,
        });
        let digest = data.images.digest().to_string();
        let settings = json!({
            "data": digest,
            "image": config.image,
            "channels": config.channels,
            "blocks": config.blocks,
            "style": config.style,
            "recipe": recipe,
        });
        let fitted = training.fit_config(fitted_players, steps, batches.epoch(), &settings);
        let file = |progress: &Progress| {
            let mut config = config.clone();
            config.provenance.seed = Some(seed);
            config.provenance.data_digest = Some(digest.clone());
            let figures = &mut config.provenance.training;
            *figures = recipe.as_object().cloned().unwrap_or_default();
            figures.insert("styles".into(), json!(data.images.styles()));
            if self.content.is_some() {
                figures.insert("contents".into(), json!(data.images.contents()));
            }
            figures.insert("iterations".into(), json!(progress.step));
            Ok(TrainedModel {
                config: serde_json::to_value(&config)?,
                tensors: players.weights.tensors(),
                texts: Vec::new(),
                precision: Precision::F32,
            })
        };
        let make = |step| batches.make(step);
        let task = SwapTask {
            players: &players,
            batches: &make,
            factors,
            weight_decay: training.weight_decay,
            device: &device,
            file: &file,
        };
        let sheet = (training.samples_every > 0).then(|| Sheet::new(self, &data)).transpose()?;
        let draw = |done| sheet.as_ref().context("no sheet to draw")?.draw(&players.network, &device, done);
        let outcome = training.train(&task, &fitted, &draw, messages)?;
        Ok(outcome.unwrap_or_else(|| Outcome::of(data.tally.failed + failed.load(Ordering::Relaxed))))
    }

    /// Where the classes of a record are.
    fn tasks(&self) -> CodeTasks {
        CodeTasks { style: self.style.clone(), content: self.content.clone() }
    }

    fn config(&self, image: Canvas) -> Result<SwapConfig> {
        let mut config = SwapConfig::new(image, usize::from(self.channels), usize::from(self.blocks));
        config.style = usize::from(self.style_numbers);
        config.check().context("--size")?;
        Ok(config)
    }

    fn judge(&self, data: &Data) -> SwapJudgeConfig {
        let mut classes = vec![data.images.styles().len()];
        if self.content.is_some() {
            classes.push(data.images.contents().len());
        }
        SwapJudgeConfig { image: data.canvas, channels: usize::from(self.channels), classes }
    }

    /// Adam at the full rate in the first half, then at one that falls to 0.
    fn players(&self, steps: usize) -> Vec<Player> {
        let training = &self.training;
        let rates = [training.lr_g.unwrap_or(RATE), training.lr_d.unwrap_or(RATE)];
        let betas = [training.beta1.unwrap_or(BETAS[0]), BETAS[1]];
        let mut players = TrainingArgs::players(rates, betas, steps);
        // Without a number of steps, there is no half.
        if steps < numbers::MOST {
            players.iter_mut().for_each(|player| player.schedule.decay = Decay::Linear { from: steps / 2 });
        }
        players
    }
}
