//! The options that every training by gradient descent has, and its run.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use clap::ValueEnum;
use dl_train::fit::{Event, Files, Log, OptimiserConfig, Plan, Progress, Rule, Task, Why, fit};
use dl_train::schedule::{Decay, Plateau, Schedule};
use serde_json::{Map, Value, json};

use super::{interrupt, outputs};
use crate::common::{Inputs, Messages, Outcome, numbers};

/// Options of the training loop.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Training")]
pub(super) struct TrainingArgs {
    /// Number of batches [default: 10000, or as --epochs says]
    #[arg(long, value_name = "N", value_parser = numbers::count, conflicts_with = "epochs")]
    iterations: Option<usize>,

    /// Passes over the examples, in place of --iterations
    #[arg(long, value_name = "N", value_parser = numbers::positive)]
    epochs: Option<f64>,

    /// How the weights follow their gradients
    #[arg(long, value_enum, default_value_t = OptimiserName::Sgd)]
    optimizer: OptimiserName,

    /// Learning rate
    #[arg(long, value_name = "X", default_value_t = 1e-3, value_parser = numbers::positive)]
    pub(super) lr: f64,

    /// How the rate falls [default: step]
    #[arg(long, value_enum, conflicts_with = "cosine")]
    schedule: Option<ScheduleName>,

    /// Iterations at which the rate is divided by ten [default: after 2/3 and 8/9 of them]
    #[arg(long, value_name = "N,N", value_delimiter = ',')]
    lr_steps: Option<Vec<usize>>,

    /// The same as --schedule cosine
    #[arg(long, conflicts_with = "lr_steps")]
    cosine: bool,

    /// --schedule plateau: validations without a lower loss, after which the rate is divided by ten
    #[arg(long, value_name = "N", default_value_t = 5)]
    plateau_patience: usize,

    /// Iterations over which the rate rises to --lr
    #[arg(long, value_name = "N", default_value_t = 0)]
    warmup: usize,

    /// SGD: share of the last step that is taken again
    #[arg(long, value_name = "X", default_value_t = 0.9, value_parser = numbers::not_negative)]
    momentum: f64,

    /// Weight of the squared norm of the weights in the loss; biases and norms have none. AdamW: share of the rate by
    /// which they shrink
    #[arg(long, value_name = "X", default_value_t = 5e-4, value_parser = numbers::not_negative)]
    pub(super) weight_decay: f64,

    /// Shorten gradients whose norm is larger than this [default: 1 for a network from nothing, no limit otherwise]
    #[arg(long, value_name = "NORM", value_parser = numbers::positive)]
    clip: Option<f64>,

    /// Validate every so many iterations [default: once an epoch]
    #[arg(long, value_name = "N")]
    validate_every: Option<usize>,

    /// Stop after so many validations without a better one
    #[arg(long, value_name = "N")]
    patience: Option<usize>,

    /// Write the files every so many iterations, so that a run that is killed is not lost
    #[arg(long, value_name = "N", default_value_t = 500)]
    checkpoint_every: usize,

    /// Go on from STEM.last.safetensors beside the model, if it is there, to the same weights as without a break
    #[arg(long)]
    resume: bool,

    /// Overwrite the model of an earlier training
    #[arg(long, conflicts_with = "resume")]
    force: bool,

    /// Write loss, accuracy and rate of every iteration, and every validation, one JSON object a line
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum OptimiserName {
    /// Stochastic gradient descent with momentum
    Sgd,
    /// Adam
    Adam,
    /// Adam with decoupled weight decay
    Adamw,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum ScheduleName {
    /// As it is, after the warm-up
    Constant,
    /// Divided by ten at --lr-steps
    Step,
    /// To 0 along a cosine
    Cosine,
    /// Divided by ten when the validation's loss falls no more
    Plateau,
}

/// What a training is like, besides its options.
pub(super) struct Shape {
    /// Steps of an epoch.
    pub(super) epoch: usize,
    /// Do the weights start from nothing?
    pub(super) from_nothing: bool,
    /// Is there anything to validate by?
    pub(super) validates: bool,
}

impl TrainingArgs {
    /// Fails before any work when options do not fit together.
    pub(super) fn check(&self, validates: bool) -> Result<()> {
        if !validates {
            ensure!(self.patience.is_none(), "--patience needs a validation: give --val or --val-share");
            ensure!(self.schedule != Some(ScheduleName::Plateau), "--schedule plateau needs --val or --val-share");
        }
        Ok(())
    }

    /// Fails before anything is read when the files cannot be written, or a model is there that nobody asked to overwrite.
    pub(super) fn check_files(&self, model: &Path, inputs: &Inputs, others: &[Option<&Path>]) -> Result<()> {
        let log = self.log.as_deref().map(|log| ("--log", log));
        let last = Files::of(model).last;
        let written: Vec<(&str, &Path)> =
            [("--model", model), ("the file beside --model", last.as_path())].into_iter().chain(log).collect();
        outputs::check(&written, inputs, others)?;
        outputs::check_no_link(&last)?;
        outputs::check_new(
            model,
            self.force || self.resume,
            "--resume continues a training that was broken off, --force overwrites",
        )
    }

    /// All steps, of which `epoch` are a pass over the examples.
    fn steps(&self, epoch: usize) -> usize {
        match self.epochs {
            Some(epochs) => ((epochs * epoch as f64).ceil() as usize).max(1),
            None => self.iterations.unwrap_or(10_000),
        }
    }

    /// The largest gradient. Without normalisation layers, a network whose weights are drawn dies of its first large one
    /// now and then.
    fn clip(&self, from_nothing: bool) -> Option<f64> {
        self.clip.or(if from_nothing { Some(1.0) } else { None })
    }

    fn rule(&self) -> Rule {
        match self.optimizer {
            OptimiserName::Sgd => Rule::Sgd { momentum: self.momentum },
            OptimiserName::Adam => Rule::ADAM,
            OptimiserName::Adamw => Rule::ADAM_W,
        }
    }

    fn schedule(&self, steps: usize) -> Schedule {
        let decay = match self.schedule {
            Some(ScheduleName::Cosine) => Decay::Cosine,
            None if self.cosine => Decay::Cosine,
            Some(ScheduleName::Constant) => Decay::Constant,
            Some(ScheduleName::Plateau) => {
                Decay::Plateau(Plateau { patience: self.plateau_patience, ..Plateau::default() })
            }
            Some(ScheduleName::Step) | None => {
                let usual = vec![steps * 2 / 3, steps * 8 / 9];
                Decay::Steps { at: self.lr_steps.clone().unwrap_or(usual), factor: 0.1 }
            }
        };
        Schedule { rate: self.lr, warmup: self.warmup, decay, iterations: steps }
    }

    /// What the model file says of these options, beside the task's own words.
    pub(super) fn figures(&self, shape: &Shape) -> Map<String, Value> {
        let cosine = self.cosine || self.schedule == Some(ScheduleName::Cosine);
        let mut figures = Map::from_iter([
            ("lr".to_owned(), json!(self.lr)),
            ("decay".to_owned(), if cosine { json!("cosine") } else { json!(self.lr_steps) }),
            ("momentum".to_owned(), json!(self.momentum)),
            ("weight_decay".to_owned(), json!(self.weight_decay)),
            ("clip".to_owned(), json!(self.clip(shape.from_nothing))),
        ]);
        if self.optimizer != OptimiserName::Sgd {
            figures.insert("optimizer".to_owned(), json!(format!("{:?}", self.optimizer).to_lowercase()));
            figures.remove("momentum");
        }
        if let Some(schedule @ (ScheduleName::Constant | ScheduleName::Plateau)) = self.schedule {
            figures.insert("decay".to_owned(), json!(format!("{schedule:?}").to_lowercase()));
        }
        figures
    }

    /// Writes the log of a training that is done in one go.
    pub(super) fn log_once(&self, progress: &Progress) -> Result<()> {
        let Some(path) = &self.log else { return Ok(()) };
        let mut log = Log::open(path, false)?;
        let figures: Vec<(String, f64)> = progress.means.clone().into_iter().collect();
        log.write(&Event::Step { iteration: 0, epoch: 0, rate: 0.0, figures: &figures })?;
        match &progress.validation {
            Some(validation) => log.write(&Event::Validated { iteration: 0, epoch: 0, validation, best: true }),
            None => Ok(()),
        }
    }

    /// Trains `task` and writes `model`. `settings` are all other options that shape the training.
    pub(super) fn run<T: Task>(
        &self,
        task: &T,
        model: &Path,
        shape: &Shape,
        mut settings: Map<String, Value>,
        messages: &Messages,
    ) -> Result<Option<Outcome>> {
        let steps = self.steps(shape.epoch);
        ensure!(steps <= numbers::MOST, "--epochs: they would be more than {} batches; give fewer", numbers::MOST);
        let schedule = self.schedule(steps);
        let optimiser = OptimiserConfig { rule: self.rule(), largest_gradient: self.clip(shape.from_nothing) };
        let validate_every = if shape.validates { self.validate_every.unwrap_or(shape.epoch).max(1) } else { 0 };
        settings.extend([
            ("iterations".to_owned(), json!(steps)),
            ("schedule".to_owned(), serde_json::to_value(&schedule)?),
            ("optimizer".to_owned(), serde_json::to_value(optimiser)?),
            ("weight_decay".to_owned(), json!(self.weight_decay)),
            ("validate_every".to_owned(), json!(validate_every)),
            ("patience".to_owned(), json!(self.patience)),
        ]);
        let plan = Plan {
            schedule,
            optimisers: vec![optimiser],
            epoch: shape.epoch,
            validate_every,
            save_every: self.checkpoint_every,
            patience: self.patience,
            files: Files::of(model),
            settings,
            resume: self.resume,
        };
        let mut log = self.log.as_deref().map(|path| Log::open(path, self.resume)).transpose()?;
        messages.progress_to(steps as u64, "batches");
        let ended = fit(task, &plan, interrupt::flag()?, |event| {
            match &event {
                Event::Resumed(progress) => {
                    messages.bar().set_position(progress.step as u64);
                    match progress.step {
                        0 => messages.note("nothing was saved to go on from: from the beginning"),
                        step => messages.note(format_args!("going on after {step} batches")),
                    }
                }
                Event::Step { figures, .. } => {
                    messages.bar().inc(1);
                    let words = figures.iter().map(|(name, value)| format!("{name} {value:.3}"));
                    messages.bar().set_message(words.collect::<Vec<_>>().join(", "));
                }
                Event::Validated { iteration, validation, best, .. } => {
                    let words = validation.metrics.iter().map(|(name, value)| format!(", {name} {value:.4}"));
                    let (words, best) = (words.collect::<String>(), if *best { ", the best" } else { "" });
                    let loss = validation.loss;
                    messages.detail(format_args!("validation after {}: loss {loss:.4}{words}{best}", iteration + 1));
                }
            }
            log.as_mut().map_or(Ok(()), |log| log.write(&event))
        })?;
        let progress = &ended.progress;
        let words = progress.means.iter().filter(|(name, _)| *name != "loss");
        let words: String = words.map(|(name, value)| format!(", {name} {value:.4}")).collect();
        let (loss, path) = (progress.mean("loss"), model.display());
        if ended.why == Why::Interrupted {
            let last = plan.files.last.display();
            messages
                .note(format_args!("interrupted after {} batches, saved in {last}; --resume goes on", progress.step));
            return Ok(Some(Outcome::Interrupted));
        }
        if ended.why == Why::Patience {
            messages.note(format_args!(
                "no better for {} validations: stopped after {} batches",
                progress.waited, progress.step
            ));
        }
        match &progress.best {
            None => messages.note(format_args!("loss {loss:.4}{words} over the last batches; written to {path}")),
            Some((step, best)) => {
                let words: String = best.metrics.iter().map(|(name, value)| format!(", {name} {value:.4}")).collect();
                let loss = best.loss;
                messages.note(format_args!(
                    "validation loss {loss:.4}{words} after {step} batches, the best; written to {path}"
                ));
            }
        }
        Ok(None)
    }
}

/// `NAME=FACTOR`.
pub(super) fn named_factor(text: &str) -> Result<(String, f64)> {
    let Some((name, factor)) = text.split_once('=') else { bail!("want NAME=FACTOR, for example features.12=0.1") };
    Ok((name.to_owned(), numbers::not_negative(factor)?))
}
