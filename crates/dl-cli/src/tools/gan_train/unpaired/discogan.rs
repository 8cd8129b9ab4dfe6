//! `dl-gan-train discogan`.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use clap::Arg;
use dl_models::gan::discogan::{DiscoganConfig, DiscoganDiscriminator};
use dl_models::gan::{Canvas, TranslatorConfig};
use dl_train::gan::{DiscoTask, Pair};
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
/// Weight decay in the source.
const DECAY: f64 = 1e-5;
/// Passes over the images.
const EPOCHS: f64 = 100.0;
/// Images of each domain in a batch.
const BATCH: usize = 64;
/// Adam's decay rates in the source.
const BETAS: [f64; 2] = [0.5, 0.999];
/// First batches with another share of the reconstruction in the source, and at most this part of all batches.
const WARM: usize = 10_000;
const WARM_PART: usize = 5;

/// Train DiscoGAN (Kim et al. 2017): translators between two domains of images without pairs
///
/// Records need an `image`, and a `domain` or else a `label`. --output translates images of the first domain to the second, --output-back
/// those of the second to the first; dl-gan-edit translate runs both. The generators reduce an image to a small map and
/// make a new one of it: the shape may change, and fine details are lost.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-data from folder shoes-and-bags | dl-gan-train discogan \\
    --size 64 --domains bags,shoes --output shoes.safetensors \\
    --output-back bags.safetensors
  dl-gan-edit translate --model shoes.safetensors --output-dir out \\
    bag.png > translated.jsonl")]
#[command(
    mut_args(|arg| stated(arg, &help::defaults(BATCH, EPOCHS, RATE, BETAS[0]))),
    mut_arg("weight_decay", |arg: Arg| {
        let help = format!("Weight decay of all weight matrices; 0 means the default [default: {DECAY}]");
        arg.help(help).hide_default_value(true)
    })
)]
pub(in super::super) struct DiscoGan {
    #[command(flatten)]
    unpaired: UnpairedArgs,

    /// Channels of a code between encoder and decoder, 100 in the source's larger network; 0: none
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Network")]
    code: usize,

    /// First batches, in which the reconstruction has a share of --warm-share in the generators' loss [default: 10000, at
    /// most a fifth of all]
    #[arg(long, value_name = "N", help_heading = "Losses")]
    warm_iterations: Option<usize>,

    /// Share of the reconstruction in the generators' loss during --warm-iterations
    #[arg(long, value_name = "X", default_value_t = 0.01, value_parser = numbers::share, help_heading = "Losses")]
    warm_share: f64,

    /// Share of the reconstruction in the generators' loss after --warm-iterations
    #[arg(long, value_name = "X", default_value_t = 0.5, value_parser = numbers::share, help_heading = "Losses")]
    share: f64,

    /// Train the discriminators on every Nth batch, and the generators on the others
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = interval, help_heading = "Training")]
    d_every: usize,
}

fn interval(text: &str) -> Result<usize> {
    let interval = numbers::count(text)?;
    ensure!(interval >= 2, "expected 2 or more");
    Ok(interval)
}

impl Training for DiscoGan {
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
        let channels = args.scaled(64);
        let pair = Pair::new(&config, data.seed, &device, |vb, constant| {
            DiscoganDiscriminator::new(&data.canvas, channels, constant, vb)
        })?;
        report(&pair, messages);
        let failed = AtomicUsize::new(0);
        let broken = |error: &str| {
            failed.fetch_add(1, Ordering::Relaxed);
            messages.error(error);
        };
        let batch = training.batch.unwrap_or(BATCH);
        let batches = data.batches(args, batch, &broken)?;
        let steps = training.steps(batches.epoch(), EPOCHS);
        let warm = self.warm_iterations.unwrap_or(WARM.min(steps / WARM_PART));
        let rates = [training.lr_g.unwrap_or(RATE), training.lr_d.unwrap_or(RATE)];
        let betas = [training.beta1.unwrap_or(BETAS[0]), BETAS[1]];
        let decay = if training.weight_decay > 0.0 { training.weight_decay } else { DECAY };
        let recipe = json!({
            "lr_g": rates[0],
            "lr_d": rates[1],
            "betas": betas,
            "weight_decay": decay,
            "channels": channels,
            "warm_iterations": warm,
            "warm_share": self.warm_share,
            "share": self.share,
            "d_every": self.d_every,
            "batch": batch,
            "flip": args.pictures.flip,
            "random_crop": args.random_crop,
        });
        let figures = recipe.as_object().cloned().unwrap_or_default();
        let settings = json!({
            "data": data.images.digest().to_string(),
            "architecture": config.architecture,
            "options": config.options,
            "image": data.canvas,
            "recipe": recipe,
        });
        let players = TrainingArgs::players(rates, betas, steps);
        let fitted = training.fit_config(players, steps, batches.epoch(), &settings);
        let (file, make) = (
            |direction: usize, progress: &_| model(&pair, &data, &figures, (direction, progress)),
            |step| batches.make(step),
        );
        let task = DiscoTask {
            pair: &pair,
            batches: &make,
            canvas: data.canvas,
            shares: [self.warm_share, self.share],
            warm,
            interval: self.d_every,
            weight_decay: decay,
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

impl DiscoGan {
    fn generator(&self, image: Canvas) -> Result<TranslatorConfig> {
        let steps = DiscoganDiscriminator::steps(&image)?;
        let options =
            DiscoganConfig { steps, channels: self.unpaired.scaled(64), code: self.code, colors: image.channels };
        TranslatorConfig::new("discogan", &options)
    }
}
