//! `dl-gan-train lapgan`.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, bail};
use clap::ValueEnum;
use dl_models::Precision;
use dl_models::gan::lapgan::LapganOptions;
use dl_models::gan::{DiscriminatorBody, GeneratorConfig};
use dl_train::fit::{OptimizerConfig, Player, Progress, Rule, TrainedModel};
use dl_train::gan::{GanBatchConfig, GanBatches, GanImages, Judges, LaplacianPlayers, LaplacianTask};
use dl_train::schedule::{Decay, Schedule};
use serde_json::{Value, json};

use super::data::Data;
use super::options::{ConditionName, columns};
use super::sheet::Sheet;
use crate::common::{Io, Outcome, numbers};
use crate::tools::gan_train::Training;
use crate::tools::gan_train::help::{self, OptionDefault, samples, stated};
use crate::tools::gan_train::pictures::{PictureArgs, check_batch};
use crate::tools::gan_train::training::TrainingArgs;

/// Adam's learning rate.
const ADAM_RATE: f64 = 2e-4;
/// SGD's learning rate in the source, and what it is multiplied by after each batch.
const SGD_RATE: f64 = 0.02;
const SGD_DECAY: f64 = 1.0 / 1.00004;
/// Passes over the images.
const EPOCHS: f64 = 50.0;
/// Images of a batch.
const BATCH: usize = 128;
/// Adam's decay rates.
const BETAS: [f64; 2] = [0.5, 0.999];
/// Dropout in the discriminators.
const DROPOUT: f64 = 0.5;

/// Train LAPGAN (Denton et al. 2015): a small image first, then details of each larger size
///
/// One generator makes images of the smallest size, one for each larger size the difference to the enlarged smaller image.
/// All are trained at the same time, each against a discriminator of its own, the larger ones on real images that were
/// made small and enlarged. Sides must be divisible by 2 to the number of halvings.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-data from folder faces | dl-gan-train lapgan --size 32 --flip \\
    --samples-every 500 --log log.jsonl --output faces.safetensors
  dl-data from folder signs | dl-gan-train lapgan --size 32 --conditional \\
    --output signs.safetensors
  dl-gan-sample signs.safetensors --label stop --count 8 \\
    --output-dir stops > stops.jsonl")]
#[command(
    mut_args(|arg| stated(arg, &defaults())),
    mut_arg("samples_every", |arg| {
        samples(arg, "Draw a sheet of 8 x 8 samples, of the same random vectors and the labels, if any, in turn,")
    })
)]
pub(in super::super) struct LapganArgs {
    #[command(flatten)]
    training: TrainingArgs,

    #[command(flatten)]
    pictures: PictureArgs,

    /// Sizes of images, each half of the next [default: until the smallest side is at most 15 pixels]
    #[arg(long, value_name = "N", value_parser = numbers::count, help_heading = "Network")]
    levels: Option<usize>,

    /// The networks of the smallest size
    #[arg(long, value_enum, value_name = "NAME", default_value_t = Coarse::Vanilla, help_heading = "Network")]
    coarse: Coarse,

    /// Factor on the number of channels, and of hidden columns
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = numbers::positive, help_heading = "Network")]
    width: f64,

    /// Numbers of the random vector of the smallest size; the others have one number per pixel
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = columns, help_heading = "Network")]
    latent: usize,

    /// Show all networks the `label` of the records, so that samples of a label can be made
    #[arg(long, help_heading = "Network")]
    conditional: bool,

    /// How the weights are trained
    #[arg(long, value_enum, value_name = "NAME", default_value_t = OptimizerName::Adam, help_heading = "Training")]
    optimizer: OptimizerName,

    /// Momentum of --optimizer sgd; it rises from 0 to 0.7 in the source
    #[arg(long, value_name = "X", default_value_t = 0.5, value_parser = numbers::probability, help_heading = "Training")]
    momentum: f64,
}

fn defaults() -> Vec<OptionDefault> {
    help::defaults(BATCH, EPOCHS, format!("{ADAM_RATE}; with --optimizer sgd {SGD_RATE}"), BETAS[0])
}

/// `--coarse`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Coarse {
    /// Fully connected, with two hidden layers (the paper's)
    Vanilla,
    /// Those of dl-gan-train dcgan
    Dcgan,
}

/// `--optimizer`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum OptimizerName {
    /// Kingma and Ba 2015
    Adam,
    /// Gradient descent with momentum and a falling rate (the source's)
    Sgd,
}

impl Training for LapganArgs {
    fn training(&self) -> &TrainingArgs {
        &self.training
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        let training = &self.training;
        training.check_files(&[], &[])?;
        let device = training.device.open()?;
        let canvas = |images: &GanImages| self.pictures.canvas(images.sources());
        let told = self.conditional.then_some(&ConditionName::Label);
        let data = Data::of(training, (told, None), canvas, io)?;
        let messages = &io.messages;
        let config = self.config(&data)?;
        let players = LaplacianPlayers::new(&config, &self.judges(), training.common.seed, &device)?;
        let failed = AtomicUsize::new(0);
        let broken = |error: &str| {
            failed.fetch_add(1, Ordering::Relaxed);
            messages.error(error);
        };
        let images = GanBatches::cache(&data.images, self.pictures.truncated(), self.pictures.cache_bytes(), &broken);
        let batch = GanBatchConfig {
            canvas: config.image,
            latent: config.latent,
            style: None,
            size: training.batch.unwrap_or(BATCH).min(data.images.sources().len().max(1)),
            flip: self.pictures.flip,
            seed: training.common.seed,
        };
        check_batch(batch.size, batch.canvas.numbers(), "--size")?;
        let batches = GanBatches::new(&data.images, images, batch);
        let steps = training.steps(batches.epoch(), EPOCHS);
        let optimizers = self.optimizers(players.larger.len() + 1, steps);
        let recipe = json!({
            "players": optimizers[..2],
            "dropout": DROPOUT,
            "batch": batch.size,
            "flip": batch.flip,
        });
        let settings = json!({
            "data": data.images.digest().to_string(),
            "options": config.options,
            "latent": config.latent,
            "image": config.image,
            "labels": config.labels,
            "recipe": recipe,
        });
        let fitted = training.fit_config(optimizers, steps, batches.epoch(), &settings);
        let file = |progress: &Progress| {
            let mut config = config.clone();
            config.provenance.seed = Some(training.common.seed);
            config.provenance.data_digest = Some(data.images.digest().to_string());
            config.provenance.training = recipe.as_object().cloned().unwrap_or_default();
            config.provenance.training.insert("iterations".into(), json!(progress.step));
            Ok(TrainedModel {
                config: serde_json::to_value(&config)?,
                tensors: players.generator_weights.tensors(),
                texts: Vec::new(),
                precision: Precision::F32,
            })
        };
        let make = |step| batches.make(step);
        let task = LaplacianTask {
            players: &players,
            config: &config,
            batches: &make,
            weight_decay: training.weight_decay,
            seed: training.common.seed,
            device: &device,
            file: &file,
        };
        let sheet = Sheet::new(training, &config, &data.images)?;
        let draw = |done| sheet.draw_with(&players.generator_weights, done);
        let outcome = training.train(&task, &fitted, &draw, messages)?;
        Ok(outcome.unwrap_or_else(|| Outcome::of(data.tally.failed + failed.load(Ordering::Relaxed))))
    }
}

impl LapganArgs {
    fn config(&self, data: &Data) -> Result<GeneratorConfig> {
        let image = data.canvas;
        let (coarse, coarse_options) = match self.coarse {
            Coarse::Vanilla => {
                let hidden = [self.scaled(1200); 2];
                ("vanilla", json!({ "hidden": hidden, "norms": false, "slope": 0.0 }))
            }
            Coarse::Dcgan => ("dcgan", json!({ "channels": self.scaled(64) })),
        };
        let options = LapganOptions {
            levels: self.levels.map_or_else(|| LapganOptions::default_levels(&image), Ok)?,
            channels: self.scaled(64),
            coarse: coarse.to_owned(),
            coarse_options: coarse_options.as_object().cloned().unwrap_or_default(),
            coarse_latent: self.latent,
        };
        options.check(&image)?;
        let mut config = GeneratorConfig::new("lapgan", options.latent(&image), image);
        config.options = match serde_json::to_value(&options)? {
            Value::Object(options) => options,
            other => bail!("the options are {other}"),
        };
        if self.conditional {
            let labels = data.images.labels();
            (config.labels, config.label_columns) = (Some(labels.to_vec()), Some(labels.len()));
        }
        Ok(config)
    }

    fn judges(&self) -> Judges {
        let channels = self.scaled(64);
        let smallest = match self.coarse {
            Coarse::Vanilla => DiscriminatorBody::Vanilla(vec![self.scaled(600); 2]),
            Coarse::Dcgan => DiscriminatorBody::Dcgan(channels),
        };
        Judges { smallest, channels, dropout: DROPOUT }
    }

    /// A generator and a discriminator for each size.
    fn optimizers(&self, levels: usize, steps: usize) -> Vec<Player> {
        let (rule, rate, decay) = match self.optimizer {
            OptimizerName::Adam => {
                let betas = [self.training.beta1.unwrap_or(BETAS[0]), BETAS[1]];
                (Rule::Adam { betas, eps: 1e-8 }, ADAM_RATE, Decay::Constant)
            }
            OptimizerName::Sgd => {
                (Rule::Sgd { momentum: self.momentum }, SGD_RATE, Decay::Exponential { factor: SGD_DECAY })
            }
        };
        let player = |given: Option<f64>| Player {
            optimizer: OptimizerConfig { rule, largest_gradient: None },
            // The number of steps is not used, and may be another when the run is continued.
            schedule: Schedule {
                rate: given.unwrap_or(rate),
                warmup: 0,
                decay: decay.clone(),
                iterations: steps.min(1),
            },
        };
        let both = [player(self.training.lr_g), player(self.training.lr_d)];
        (0..levels).flat_map(|_| both.clone()).collect()
    }

    fn scaled(&self, channels: usize) -> usize {
        ((channels as f64 * self.width).round() as usize).max(1)
    }
}
