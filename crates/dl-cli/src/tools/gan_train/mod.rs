//! `dl-gan-train`: train generators of images against discriminators.

mod data;
mod network;
mod options;
mod recipe;
mod sheet;
mod watch;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use clap::{Parser, Subcommand};
use dl_models::Precision;
use dl_models::gan::GeneratorConfig;
use dl_train::fit::{Ended, Event, Files, FitConfig, Log, Progress, TrainedModel, Why, fit};
use dl_train::gan::{GanBatchConfig, GanBatches, GanTask};
use serde_json::{Map, Value, json};

use crate::common::{Common, Io, Messages, Outcome, Tool, digest, interrupt, model_files};
use data::Data;
use options::GanArgs;
use recipe::{Architecture, Recipe};
use sheet::Sheet;
use watch::Watch;

/// Train GANs on images
#[derive(Parser, Debug)]
#[command(
    name = "dl-gan-train",
    version,
    after_help = "Examples:
  dl-data from folder signs | dl-gan-train dcgan --size 32 --epochs 50 \\
    --samples-every 500 --log log.jsonl --output signs.safetensors
  dl-gan-sample signs.safetensors --count 64 --grid 8x8 \\
    --output sheet.png > samples.jsonl
  dl-draw curves log.jsonl --output curves.png"
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Vanilla(Box<Vanilla>),
    Conditional(Box<Conditional>),
    Dcgan(Box<Dcgan>),
}

/// Train the fully connected GAN of Goodfellow et al. 2014
///
/// The generator has hidden layers of 128, 256, 512 and 1024 columns, the discriminator of 512 and 256. Images are resized
/// so that their shorter side fits, and cropped at the center.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-data from idx mnist | dl-gan-train vanilla --epochs 20 \\
    --output digits.safetensors
  dl-gan-sample digits.safetensors --count 8 --output-dir digits > made.jsonl")]
struct Vanilla {
    #[command(flatten)]
    gan: GanArgs,
}

/// Train a GAN on images and their labels, so that samples of a label can be made
///
/// The generator gets an embedding of the `label` beside the random vector (Mirza and Osindero 2014). The discriminator gets
/// one beside the image, or adds the inner product of one with its features (--conditioning project).
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-data from folder signs \\
    | dl-gan-train conditional --size 32 --output signs.safetensors
  dl-gan-sample signs.safetensors --label stop --count 8 \\
    --output-dir stops > stops.jsonl")]
struct Conditional {
    /// The networks
    #[arg(long, value_enum, value_name = "NAME", default_value_t = options::BodyName::Dcgan, help_heading = "Network")]
    body: options::BodyName,

    /// How the discriminator gets to know the label
    #[arg(long, value_enum, value_name = "HOW", default_value_t = options::ConditioningName::Embed, help_heading = "Network")]
    conditioning: options::ConditioningName,

    /// Numbers of a label's embedding in the generator
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = options::columns, help_heading = "Network")]
    label_columns: usize,

    #[command(flatten)]
    gan: GanArgs,
}

/// Train the convolutional GAN of Radford et al. 2016
///
/// The generator doubles a small map with transposed convolutions and batch norms up to the size of the images, the
/// discriminator halves it. Sides need enough factors of 2: 28, 32, 64 and 96 pixels do.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-data from folder faces | dl-gan-train dcgan --size 64 --flip \\
    --ema 0.999 --output faces.safetensors
  dl-gan-train dcgan --size 64 --init-from faces.safetensors \\
    --lr-g 0.0001 --lr-d 0.0001 --output cats.safetensors < cats.jsonl")]
struct Dcgan {
    #[command(flatten)]
    gan: GanArgs,
}

impl Tool for Args {
    const NAME: &'static str = "dl-gan-train";

    fn common(&self) -> &Common {
        &self.gan().common
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        let architecture = match &self.command {
            Command::Vanilla(_) => Architecture::Vanilla,
            Command::Dcgan(_) => Architecture::Dcgan,
            Command::Conditional(args) => Architecture::Conditional {
                body: args.body,
                conditioning: args.conditioning.into(),
                columns: args.label_columns,
            },
        };
        self.gan().run(architecture, io)
    }
}

impl Args {
    fn gan(&self) -> &GanArgs {
        match &self.command {
            Command::Vanilla(args) => &args.gan,
            Command::Conditional(args) => &args.gan,
            Command::Dcgan(args) => &args.gan,
        }
    }
}

impl GanArgs {
    fn run(&self, architecture: Architecture, io: &mut Io) -> Result<Outcome> {
        self.check_files()?;
        let device = self.device.open()?;
        let recipe = Recipe::new(architecture, self);
        let start = self.start(&device)?;
        let data = Data::read(self, architecture.is_conditional(), start.as_ref(), io)?;
        let messages = &io.messages;
        let config = self.generator_config(&recipe, &data, start.as_ref())?;
        let players = network::players(self, &recipe, &config, start.as_ref(), &device)?;
        network::report(&players, messages)?;
        let failed = AtomicUsize::new(0);
        let broken = |error: &str| {
            failed.fetch_add(1, Ordering::Relaxed);
            messages.error(error);
        };
        let cache = self.cache.saturating_mul(1_000_000);
        let images = GanBatches::cache(&data.images, self.image.truncated(), cache, &broken);
        let batch = GanBatchConfig {
            canvas: config.image,
            latent: config.latent,
            size: recipe.batch.min(data.images.sources().len().max(1)),
            flip: self.flip,
            seed: self.common.seed,
        };
        let batches = GanBatches::new(&data.images, images, batch);
        let steps = self.steps(&recipe, batches.epoch());
        let fitted = self.fit_config(&recipe, &config, &data, steps, &batches)?;
        let figures = recipe.figures();
        let file = |progress: &Progress| {
            let mut config = config.clone();
            config.seed = Some(self.common.seed);
            config.data_digest = Some(data.images.digest().to_string());
            config.training = figures.clone();
            config.training.insert("batch".into(), json!(batch.size));
            config.training.insert("iterations".into(), json!(progress.step));
            Ok(TrainedModel {
                config: serde_json::to_value(&config)?,
                tensors: players.generator_weights.tensors(),
                texts: Vec::new(),
                precision: Precision::F32,
            })
        };
        let make = |step| batches.make(step);
        let task = GanTask {
            players: &players,
            batches: &make,
            loss: recipe.loss,
            penalty: recipe.penalty,
            smoothing: self.label_smoothing,
            noise: self.instance_noise,
            augment: self.augment == options::AugmentName::Diff,
            steps,
            critic: recipe.critic,
            weight_decay: self.weight_decay,
            seed: self.common.seed,
            device: &device,
            file: &file,
        };
        let outcome = self.train(&task, &fitted, &config, messages)?;
        Ok(outcome.unwrap_or_else(|| Outcome::of(data.tally.failed + failed.load(Ordering::Relaxed))))
    }

    /// Fails before anything is read when the files cannot be written, or would overwrite a model without --force.
    fn check_files(&self) -> Result<()> {
        let last = Files::of(&self.output).last;
        let log = self.log.as_deref().map(|log| ("--log", log));
        let written: Vec<_> = [("--output", self.output.as_path()), ("the file beside --output", last.as_path())]
            .into_iter()
            .chain(log)
            .collect();
        model_files::check(&written, &self.inputs, &[self.init_from.as_deref()])?;
        model_files::check_no_link(&last)?;
        let remedy = "--resume continues an unfinished run, --force overwrites";
        model_files::check_new(&self.output, self.force || self.resume, remedy)
    }

    fn steps(&self, recipe: &Recipe, epoch: usize) -> usize {
        let epochs = |epochs: f64| ((epochs * epoch as f64).ceil() as usize).clamp(1, crate::common::numbers::MOST);
        match (self.iterations, self.epochs, self.minutes) {
            (Some(steps), ..) => steps,
            (None, Some(count), _) => epochs(count),
            // The clock ends it.
            (None, None, Some(_)) => crate::common::numbers::MOST,
            (None, None, None) => epochs(recipe.epochs),
        }
    }

    fn fit_config(
        &self,
        recipe: &Recipe,
        config: &GeneratorConfig,
        data: &Data,
        steps: usize,
        batches: &GanBatches,
    ) -> Result<FitConfig> {
        let players = recipe.players(steps);
        let init = self.init_from.as_deref().map(|path| -> Result<String> { Ok(digest(path)?.1) });
        let settings = json!({
            "seed": self.common.seed,
            "data": data.images.digest().to_string(),
            "init_from": init.transpose()?,
            "architecture": config.architecture,
            "options": config.options,
            "latent": config.latent,
            "image": config.image,
            "labels": config.labels,
            "label_columns": config.label_columns,
            "batch": batches.size(),
            "flip": self.flip,
            "label_smoothing": self.label_smoothing,
            "instance_noise": self.instance_noise,
            "augment": self.augment == options::AugmentName::Diff,
            // The noise falls over all steps; otherwise a run may be continued for longer.
            "iterations": if self.instance_noise > 0.0 { json!(steps) } else { Value::Null },
            "weight_decay": self.weight_decay,
            "ema": self.ema,
            "recipe": recipe.figures(),
        });
        Ok(FitConfig {
            iterations: steps,
            players,
            accumulate: 1,
            average: self.ema,
            epoch: batches.epoch(),
            validate_every: 0,
            save_every: self.checkpoint_every,
            patience: None,
            explosion: None,
            files: Some(Files::of(&self.output)),
            settings: settings.as_object().cloned().unwrap_or_else(Map::new),
            resume: self.resume,
        })
    }

    fn train(
        &self,
        task: &GanTask,
        config: &FitConfig,
        generator: &GeneratorConfig,
        messages: &Messages,
    ) -> Result<Option<Outcome>> {
        let mut log = self.log.as_deref().map(|log| Log::open(log, self.resume)).transpose()?;
        let mut watch = Watch::default();
        let sheet = Sheet::new(&self.output, generator, self.common.seed);
        let interrupted = interrupt::flag()?;
        let stop = AtomicBool::new(false);
        let end = self.minutes.map(|minutes| Instant::now() + Duration::from_secs_f64(minutes * 60.0));
        if end.is_none() {
            messages.progress_to(config.iterations as u64, "batches");
        }
        let ended = fit(task, config, &stop, |event| {
            match &event {
                Event::Resumed(progress) => {
                    messages.bar().set_position(progress.step as u64);
                    match progress.step {
                        0 => messages.note("no checkpoint, starting over"),
                        step => messages.note(format_args!("resuming after {step} batches")),
                    }
                }
                Event::Step { iteration, figures, .. } => {
                    messages.bar().inc(1);
                    messages.bar().set_message(watch::words(figures));
                    if let Some(alarm) = watch.step(*iteration, figures) {
                        messages.note(alarm);
                    }
                    let done = iteration + 1;
                    if self.samples_every > 0 && done.is_multiple_of(self.samples_every) {
                        let path = sheet.draw(task.players, done)?;
                        messages.detail(format_args!("samples after {done} batches: {}", path.display()));
                    }
                }
                Event::Validated { .. } => (),
            }
            if interrupted.load(Ordering::Relaxed) || end.is_some_and(|end| Instant::now() >= end) {
                stop.store(true, Ordering::Relaxed);
            }
            log.as_mut().map_or(Ok(()), |log| log.write(&event))
        })?;
        self.report_end(&ended, &watch, interrupted.load(Ordering::Relaxed), messages)
    }

    fn report_end(
        &self,
        ended: &Ended,
        watch: &Watch,
        interrupted: bool,
        messages: &Messages,
    ) -> Result<Option<Outcome>> {
        let (step, path) = (ended.progress.step, self.output.display());
        match ended.why {
            Why::Exploded { phase, loss, .. } => {
                let (option, rate) = match phase {
                    "generator" => ("--lr-g", self.lr_g),
                    _ => ("--lr-d", self.lr_d),
                };
                let lower = rate.unwrap_or(recipe::RATE) / 4.0;
                let what = format!(
                    "the loss of the {phase} is {loss} at batch {}; try {option} {lower}, or --loss hinge",
                    step + 1
                );
                let Some(written) = ended.written else { return Err(anyhow!("{what}; no model was written")) };
                messages.error(format_args!("{what}; {path} holds the last checkpoint, after {written} batches"));
                Ok(Some(Outcome::SomeFailed))
            }
            Why::Interrupted if interrupted => {
                let last = Files::of(&self.output).last;
                let last = last.display();
                messages.note(format_args!("interrupted after {step} batches, saved in {last}; --resume continues"));
                Ok(Some(Outcome::Interrupted))
            }
            Why::Interrupted | Why::Done | Why::Patience => {
                if ended.written.is_none() {
                    bail!("{path}: the run was complete; nothing was written");
                }
                messages.note(format_args!("{} after {step} batches; written to {path}", watch.summary()));
                Ok(None)
            }
        }
    }
}

impl GanArgs {
    /// The generator to start from.
    fn start(&self, device: &candle_core::Device) -> Result<Option<network::Start>> {
        self.init_from.as_deref().map(|path| network::Start::open(path, device)).transpose()
    }
}
