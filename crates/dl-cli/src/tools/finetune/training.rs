//! The options that every training by gradient descent has, their defaults, and its run.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Result, bail, ensure};
use clap::ValueEnum;
use dl_train::fit::{
    Ended, Event, Files, FitConfig, Log, OptimizerConfig, Player, Progress, Rule, Task, Validation, Why, fit,
};
use dl_train::schedule::{Decay, Plateau, Schedule};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::common::model_files::{self, Earlier};
use crate::common::{Inputs, Messages, Outcome, interrupt, numbers, object, value_name};

/// Options of the training loop.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Training")]
pub(super) struct TrainingArgs {
    /// Number of steps, each of one batch [default: 100 epochs from scratch, 10 epochs from pretrained weights (3 for
    /// texts, 60 for detectors); at least 100 (500 from scratch), at most 10000 (2000 for regions from pretrained weights)]
    #[arg(long, value_name = "N", value_parser = numbers::count, conflicts_with = "epochs")]
    iterations: Option<usize>,

    /// Passes over the examples, instead of --iterations
    #[arg(long, value_name = "N", value_parser = numbers::positive)]
    epochs: Option<f64>,

    /// Optimizer [default: sgd for images, adamw for texts and detectors]
    #[arg(long, value_enum)]
    optimizer: Option<OptimizerName>,

    /// Learning rate [default: from pretrained weights 0.0003, or 0.02 with batch norms; for the head alone 0.002, or
    /// 0.05 with batch norms; from scratch 0.01, or 0.05 with batch norms; Adam and AdamW 0.00005 from pretrained
    /// weights, otherwise 0.001; detectors 0.01 with sgd, otherwise 0.001, from scratch 0.003]
    #[arg(long, value_name = "X", value_parser = numbers::positive)]
    lr: Option<f64>,

    /// Learning-rate schedule [default: cosine, or step with --lr-steps]
    #[arg(long, value_enum, conflicts_with = "cosine")]
    schedule: Option<ScheduleName>,

    /// Iterations at which to divide the rate by ten [default: at 2/3 and 8/9 of the iterations]
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    lr_steps: Option<Vec<usize>>,

    /// Same as --schedule cosine
    #[arg(long, conflicts_with = "lr_steps")]
    cosine: bool,

    /// For --schedule plateau: divide the rate by ten after N validations without a lower loss
    #[arg(long, value_name = "N", default_value_t = 5)]
    plateau_patience: usize,

    /// Iterations over which the rate rises to --lr; 0 for no warm-up [default: a tenth of the iterations, at most 100]
    #[arg(long, value_name = "N")]
    warmup: Option<usize>,

    /// Momentum of sgd
    #[arg(long, value_name = "X", default_value_t = 0.9, value_parser = numbers::not_negative)]
    momentum: f64,

    /// Weight decay; not applied to biases and norms
    #[arg(long, value_name = "X", default_value_t = 5e-4, value_parser = numbers::not_negative)]
    pub(super) weight_decay: f64,

    /// Batches per step, whose gradients are averaged: as a batch N times as large, in the memory of one
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = numbers::batch)]
    accumulate: usize,

    /// Validate and write a moving average of the weights with this decay, for example 0.999
    #[arg(long, value_name = "DECAY", value_parser = numbers::probability)]
    ema: Option<f64>,

    /// Clip gradients to this norm; none for no limit
    #[arg(long, value_name = "NORM|none", default_value = "1")]
    clip: Limit,

    /// Stop when the loss stays above X times its initial value for 30 batches; none for no limit. A loss that is not a
    /// number always stops training
    #[arg(long, value_name = "X|none", default_value = "3")]
    stop_above: Limit,

    /// Validate every N iterations [default: once per epoch]
    #[arg(long, value_name = "N")]
    validate_every: Option<usize>,

    /// Stop after N validations without improvement
    #[arg(long, value_name = "N")]
    patience: Option<usize>,

    /// Write the model files every N iterations, so that a killed run can resume
    #[arg(long, value_name = "N", default_value_t = 500)]
    checkpoint_every: usize,

    /// Resume from STEM.last.safetensors beside the model, if it exists; the weights are the same as without
    /// interruption
    #[arg(long)]
    resume: bool,

    /// Overwrite the files of an earlier run: --output, its .last file, the --log
    #[arg(long, conflicts_with = "resume")]
    force: bool,

    /// Write one JSON object per line for each iteration (metrics, learning rate) and each validation
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum OptimizerName {
    /// Stochastic gradient descent with momentum
    Sgd,
    /// Adam, with weight decay as part of the gradient
    Adam,
    /// Adam with decoupled weight decay
    Adamw,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum ScheduleName {
    /// Constant after the warm-up
    Constant,
    /// Divided by ten at --lr-steps
    Step,
    /// Down to 0 along a cosine
    Cosine,
    /// Divided by (1 + 10 p)^0.75 at the fraction p of the iterations
    Inverse,
    /// Divided by ten when the validation loss stops improving
    Plateau,
}

/// A number above 0, or `none`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Limit(Option<f64>);

impl FromStr for Limit {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "none" { Ok(Self(None)) } else { Ok(Self(Some(numbers::positive(text)?))) }
    }
}

/// What a training run is like; the defaults depend on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Situation {
    /// Steps per epoch.
    pub(super) epoch: usize,
    /// Whether all weights are drawn.
    pub(super) from_scratch: bool,
    /// Whether only the head is trained.
    pub(super) head_only: bool,
    /// Whether there is validation data.
    pub(super) validates: bool,
    /// What the examples are.
    pub(super) examples: ExamplesOf,
}

/// What the examples of a training run are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExamplesOf {
    /// Whole images, or crops of objects.
    Images {
        /// Whether the network has batch norms: with them it takes larger steps.
        batch_norms: bool,
    },
    /// Regions against background, thousands of similar ones per image.
    Regions {
        /// As for images.
        batch_norms: bool,
    },
    /// Texts.
    Texts,
    /// Images with boxes, for detectors.
    Detections,
}

/// The default factor on the learning rate of a new head while it is trained alone.
pub(super) const HEAD_ALONE: f64 = 10.0;

impl Situation {
    /// Whether a new head could ruin good features: the gradient that a random head sends into pretrained layers distorts
    /// them (Kumar et al. 2022), and no batch norm keeps them in range. With one rate for all layers from the start, the
    /// features of blood cells became worse than untuned.
    fn protects_features(&self) -> bool {
        matches!(self.examples, ExamplesOf::Regions { batch_norms: false }) && !self.from_scratch && !self.head_only
    }
}

/// The options with their defaults filled in.
struct Recipe {
    rule: Rule,
    schedule: Schedule,
}

impl TrainingArgs {
    /// Fails before any work when options do not fit together.
    pub(super) fn check(&self, validates: bool) -> Result<()> {
        if !validates {
            ensure!(self.patience.is_none(), "--patience needs validation data: give --val or --val-fraction");
            ensure!(
                self.schedule != Some(ScheduleName::Plateau),
                "--schedule plateau needs validation data: give --val or --val-fraction"
            );
        }
        let steps = self.schedule.is_none_or(|schedule| schedule == ScheduleName::Step);
        ensure!(self.lr_steps.is_none() || steps, "--lr-steps are of --schedule step");
        Ok(())
    }

    /// Fails before anything is read when the files cannot be written, or would overwrite a model without --force.
    pub(super) fn check_files(&self, output: &Path, inputs: &Inputs, others: &[Option<&Path>]) -> Result<()> {
        let log = self.log.as_deref().map(|log| ("--log", log));
        let last = Files::of(output).last;
        let written: Vec<(&str, &Path)> =
            [("--output", output), ("the file beside --output", last.as_path())].into_iter().chain(log).collect();
        model_files::check(&written, inputs, others)?;
        model_files::check_no_link(&last)?;
        Earlier { force: self.force, resume: self.resume }.check(output, &last, self.log.as_deref())
    }

    /// The default number of steps in which only the head is trained.
    pub(super) fn head_first(&self, situation: &Situation) -> Result<usize> {
        Ok(if situation.protects_features() { self.steps(situation)? / 10 } else { 0 })
    }

    /// Steps that are a pass over the examples.
    fn epoch(&self, situation: &Situation) -> usize {
        situation.epoch.div_ceil(self.accumulate).max(1)
    }

    /// The number of steps.
    pub(super) fn steps(&self, situation: &Situation) -> Result<usize> {
        let epoch = self.epoch(situation);
        if let Some(epochs) = self.epochs {
            let steps = ((epochs * epoch as f64).ceil() as usize).max(1);
            ensure!(steps <= numbers::MOST, "--epochs: more than {} batches; give fewer", numbers::MOST);
            return Ok(steps);
        }
        let default = match (situation.from_scratch, situation.examples) {
            (true, _) => epoch.saturating_mul(100).clamp(500, 10_000),
            (false, ExamplesOf::Images { .. }) => epoch.saturating_mul(10).clamp(100, 10_000),
            (false, ExamplesOf::Regions { .. }) => epoch.saturating_mul(10).clamp(100, 2000),
            (false, ExamplesOf::Detections) => epoch.saturating_mul(60).clamp(300, 10_000),
            (false, ExamplesOf::Texts) => epoch.saturating_mul(3).clamp(100, 10_000),
        };
        Ok(self.iterations.unwrap_or(default))
    }

    fn optimizer(&self, situation: &Situation) -> OptimizerName {
        let adapts = matches!(situation.examples, ExamplesOf::Texts | ExamplesOf::Detections);
        self.optimizer.unwrap_or(if adapts { OptimizerName::Adamw } else { OptimizerName::Sgd })
    }

    /// The learning rate. Pretrained weights are ruined by steps that suit new ones.
    fn rate(&self, situation: &Situation) -> f64 {
        let Situation { from_scratch, head_only, examples, .. } = *situation;
        let batch_norms = match examples {
            ExamplesOf::Images { batch_norms } | ExamplesOf::Regions { batch_norms } => batch_norms,
            ExamplesOf::Texts | ExamplesOf::Detections => false,
        };
        let sgd = self.optimizer(situation) == OptimizerName::Sgd;
        if examples == ExamplesOf::Detections {
            return self.lr.unwrap_or(match (sgd, from_scratch) {
                (true, _) => 0.01,
                (false, true) => 3e-3,
                (false, false) => 1e-3,
            });
        }
        self.lr.unwrap_or(match (sgd, from_scratch, head_only, batch_norms) {
            (true, true, _, true) | (true, false, true, true) => 0.05,
            (true, true, _, false) => 0.01,
            (true, false, false, true) => 0.02,
            (true, false, true, false) => 0.002,
            (true, false, false, false) => 3e-4,
            (false, true, ..) | (false, false, true, _) => 1e-3,
            (false, false, false, _) => 5e-5,
        })
    }

    fn schedule_name(&self) -> ScheduleName {
        let default = if self.lr_steps.is_some() { ScheduleName::Step } else { ScheduleName::Cosine };
        // A command may have another default schedule.
        if self.cosine { ScheduleName::Cosine } else { self.schedule.unwrap_or(default) }
    }

    /// The recipe for `steps` batches.
    fn recipe(&self, situation: &Situation, steps: usize) -> Recipe {
        let rule = match self.optimizer(situation) {
            OptimizerName::Sgd => Rule::Sgd { momentum: self.momentum },
            OptimizerName::Adam => Rule::ADAM,
            OptimizerName::Adamw => Rule::ADAM_W,
        };
        let decay = match self.schedule_name() {
            ScheduleName::Cosine => Decay::Cosine,
            ScheduleName::Inverse => Decay::Inverse,
            ScheduleName::Constant => Decay::Constant,
            ScheduleName::Plateau => Decay::Plateau(Plateau { patience: self.plateau_patience, ..Plateau::default() }),
            ScheduleName::Step => {
                let default = vec![steps * 2 / 3, steps * 8 / 9];
                Decay::Steps { at: self.lr_steps.clone().unwrap_or(default), factor: 0.1 }
            }
        };
        let warmup = self.warmup.unwrap_or((steps / 10).min(100));
        Recipe { rule, schedule: Schedule { rate: self.rate(situation), warmup, decay, iterations: steps } }
    }

    /// What the model file holds about these options, besides the task's own figures.
    pub(super) fn figures(&self, situation: &Situation) -> Result<Map<String, Value>> {
        let recipe = self.recipe(situation, self.steps(situation)?);
        let decay = match &recipe.schedule.decay {
            Decay::Steps { at, .. } => json!(at),
            _ => json!(value_name(&self.schedule_name())),
        };
        let mut figures = Map::from_iter([
            ("lr".to_owned(), json!(recipe.schedule.rate)),
            ("decay".to_owned(), decay),
            ("warmup".to_owned(), json!(recipe.schedule.warmup)),
            ("weight_decay".to_owned(), json!(self.weight_decay)),
            ("clip".to_owned(), json!(self.clip.0)),
        ]);
        figures.extend(self.choices());
        match self.optimizer(situation) {
            OptimizerName::Sgd => figures.insert("momentum".to_owned(), json!(self.momentum)),
            other => figures.insert("optimizer".to_owned(), json!(value_name(&other))),
        };
        Ok(figures)
    }

    /// The options that files mention only when they are not the defaults.
    fn choices(&self) -> impl Iterator<Item = (String, Value)> {
        let accumulate = (self.accumulate > 1).then(|| ("accumulate".to_owned(), json!(self.accumulate)));
        accumulate.into_iter().chain(self.ema.map(|decay| ("ema".to_owned(), json!(decay))))
    }

    /// Writes the log of a training run without steps.
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

    fn fit_config(&self, situation: &Situation, steps: usize) -> FitConfig {
        let Recipe { rule, schedule } = self.recipe(situation, steps);
        FitConfig {
            iterations: schedule.iterations,
            players: vec![Player { optimizer: OptimizerConfig { rule, largest_gradient: self.clip.0 }, schedule }],
            accumulate: self.accumulate,
            average: self.ema,
            epoch: self.epoch(situation),
            validate_every: 0,
            save_every: 0,
            patience: None,
            explosion: self.stop_above.0,
            files: None,
            settings: Map::new(),
            resume: false,
        }
    }

    /// Trains `task` for at most `most` batches and writes nothing; its weights are changed. Returns whether the loss
    /// stayed sound and it was not interrupted.
    pub(super) fn trial<T: Task>(&self, task: &T, situation: &Situation, most: usize) -> Result<bool> {
        let steps = self.steps(situation)?.min(most);
        let ended = fit(task, &self.fit_config(situation, steps), interrupt::flag()?, |_| Ok(()))?;
        ensure!(ended.why != Why::Interrupted, "interrupted before training began");
        Ok(ended.why == Why::Done)
    }

    /// Trains `task` and writes `output`. `settings` are all other options that shape it.
    pub(super) fn run<T: Task>(
        &self,
        task: &T,
        output: &Path,
        situation: &Situation,
        mut settings: Map<String, Value>,
        messages: &Messages,
    ) -> Result<Option<Outcome>> {
        let steps = self.steps(situation)?;
        let mut config = self.fit_config(situation, steps);
        let validate_every =
            if situation.validates { self.validate_every.unwrap_or(self.epoch(situation)).max(1) } else { 0 };
        settings.extend([
            ("iterations".to_owned(), json!(steps)),
            ("players".to_owned(), serde_json::to_value(&config.players)?),
            ("weight_decay".to_owned(), json!(self.weight_decay)),
            ("validate_every".to_owned(), json!(validate_every)),
            ("patience".to_owned(), json!(self.patience)),
        ]);
        settings.extend(self.choices());
        let files = Files::of(output);
        config = FitConfig {
            validate_every,
            save_every: self.checkpoint_every,
            patience: self.patience,
            files: Some(files.clone()),
            settings,
            resume: self.resume,
            ..config
        };
        let schedule = self.recipe(situation, steps).schedule;
        self.report_recipe(situation, &schedule, messages);
        let mut log = self.log.as_deref().map(|path| Log::open(path, self.resume)).transpose()?;
        messages.progress_to(steps as u64, "batches");
        let ended = fit(task, &config, interrupt::flag()?, |event| {
            report_event(&event, messages);
            log.as_mut().map_or(Ok(()), |log| log.write(&event))
        })?;
        self.report_end(&ended, &files, schedule.rate, messages)
    }

    fn report_recipe(&self, situation: &Situation, schedule: &Schedule, messages: &Messages) {
        let optimizer = value_name(&self.optimizer(situation)).to_uppercase();
        let name = value_name(&self.schedule_name());
        let clip = self.clip.0.map_or(String::new(), |norm| format!(", gradients clipped to {norm}"));
        messages.note(format_args!(
            "training {} batches: {optimizer}, rate {}, {name} schedule, {} of warm-up{clip}",
            schedule.iterations, schedule.rate, schedule.warmup
        ));
    }

    fn report_end(&self, ended: &Ended, files: &Files, rate: f64, messages: &Messages) -> Result<Option<Outcome>> {
        let progress = &ended.progress;
        let words = progress.means.iter().filter(|(name, _)| *name != "loss");
        let words: String = words.map(|(name, value)| format!(", {name} {value:.4}")).collect();
        let (loss, path, step) = (progress.mean("loss"), files.model.display(), progress.step);
        match ended.why {
            Why::Exploded { loss, first, .. } => {
                let what = match loss {
                    Some(loss) => format!("the loss exploded: {loss:.3} at batch {}, {first:.3} at first", step + 1),
                    None => format!("the weights exploded after {step} batches"),
                };
                let what = format!("{what}; try --lr {}", rate / 10.0);
                let Some(written) = ended.written else { bail!("{what}; no model was written") };
                let which = if progress.best.is_some() { "the best model" } else { "the last checkpoint" };
                messages.error(format_args!("{what}; {path} holds {which}, after {written} batches"));
                return Ok(Some(Outcome::SomeFailed));
            }
            Why::Interrupted => {
                let last = files.last.display();
                messages.note(format_args!("interrupted after {step} batches, saved in {last}; --resume continues"));
                return Ok(Some(Outcome::Interrupted));
            }
            Why::Patience => messages
                .note(format_args!("stopped after {step} batches: no improvement for {} validations", progress.waited)),
            Why::Done => (),
        }
        match &progress.best {
            None => messages.note(format_args!("loss {loss:.4}{words} over the last batches; written to {path}")),
            Some((step, best)) => {
                let words = validation_words(best);
                messages.note(format_args!("best validation after {step} batches: {words}; written to {path}"));
            }
        }
        Ok(None)
    }
}

/// `loss 0.5, accuracy 0.9`
fn validation_words(validation: &Validation) -> String {
    let loss = validation.loss.map(|loss| format!("loss {loss:.4}"));
    let metrics = validation.metrics.iter().map(|(name, value)| format!("{name} {value:.4}"));
    loss.into_iter().chain(metrics).collect::<Vec<_>>().join(", ")
}

fn report_event(event: &Event, messages: &Messages) {
    match event {
        Event::Resumed(progress) => {
            messages.bar().set_position(progress.step as u64);
            match progress.step {
                0 => messages.note("no checkpoint, starting over"),
                step => messages.note(format_args!("resuming after {step} batches")),
            }
        }
        Event::Step { figures, .. } => {
            messages.bar().inc(1);
            let words = figures.iter().map(|(name, value)| format!("{name} {value:.3}"));
            messages.bar().set_message(words.collect::<Vec<_>>().join(", "));
        }
        Event::Validated { iteration, validation, best, .. } => {
            let (words, best) = (validation_words(validation), if *best { ", the best" } else { "" });
            messages.detail(format_args!("validation after {}: {words}{best}", iteration + 1));
        }
    }
}

/// The options of a command as settings that a resumed run must share. An option that does not shape the training is
/// skipped where it is declared, so that a new one cannot be forgotten.
pub(super) fn settings_of(options: &impl Serialize) -> Result<Map<String, Value>> {
    Ok(object(serde_json::to_value(options)?))
}

/// The default of --batch: a quarter of the examples, between 8 and `most`.
pub(super) fn default_batch(examples: usize, most: usize) -> usize {
    (examples / 4).clamp(8, most)
}

/// `NAME=FACTOR`.
pub(super) fn named_factor(text: &str) -> Result<(String, f64)> {
    let Some((name, factor)) = text.split_once('=') else { bail!("expected NAME=FACTOR, for example features.12=0.1") };
    Ok((name.to_owned(), numbers::not_negative(factor)?))
}
