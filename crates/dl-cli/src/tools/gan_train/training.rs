//! What all trainings have in common: their options, files, loop and report.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use dl_train::fit::{Ended, Event, Files, FitConfig, Log, OptimizerConfig, Player, Progress, Rule, Task, Why, fit};
use dl_train::schedule::{Decay, Schedule};
use serde_json::{Map, Value};

use super::watch::{self, Watch};
use crate::common::model_files::{self, Earlier};
use crate::common::{Common, DeviceArgs, Inputs, Messages, Outcome, interrupt, numbers};

/// Options of every training.
#[derive(clap::Args, Debug)]
pub(crate) struct TrainingArgs {
    #[command(flatten)]
    pub(crate) inputs: Inputs,

    /// Model file to write: the generator. Beside it, STEM.last.safetensors holds everything that --resume needs
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,

    /// Images per batch
    #[arg(long, value_name = "N", value_parser = numbers::batch, help_heading = "Training")]
    pub(crate) batch: Option<usize>,

    /// Number of batches [default: --epochs]
    #[arg(long, value_name = "N", value_parser = numbers::count, conflicts_with = "epochs", help_heading = "Training")]
    pub(crate) iterations: Option<usize>,

    /// Passes over the data, instead of --iterations
    #[arg(long, value_name = "N", value_parser = numbers::positive, help_heading = "Training")]
    pub(crate) epochs: Option<f64>,

    /// Stop after so many minutes, if not before; the result then depends on the machine
    #[arg(long, value_name = "N", value_parser = numbers::positive, help_heading = "Training")]
    pub(crate) minutes: Option<f64>,

    /// Learning rate of the generator
    #[arg(long, value_name = "X", value_parser = numbers::positive, help_heading = "Training")]
    pub(crate) lr_g: Option<f64>,

    /// Learning rate of the discriminator
    #[arg(long, value_name = "X", value_parser = numbers::positive, help_heading = "Training")]
    pub(crate) lr_d: Option<f64>,

    /// Adam's decay rate of the first moment
    #[arg(long, value_name = "X", value_parser = numbers::probability, help_heading = "Training")]
    pub(crate) beta1: Option<f64>,

    /// Write a moving average of the generator's weights with this decay, for example 0.999
    #[arg(long, value_name = "X", value_parser = numbers::probability, help_heading = "Training")]
    pub(crate) ema: Option<f64>,

    /// Weight decay of all weight matrices
    #[arg(long, value_name = "X", default_value_t = 0.0, value_parser = numbers::not_negative, help_heading = "Training")]
    pub(crate) weight_decay: f64,

    /// Draw a sheet of samples every N batches, as STEM.samples-BATCH.png beside --output; 0: never
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Training")]
    pub(crate) samples_every: usize,

    /// Write the model files every N batches, so that a killed run can resume
    #[arg(long, value_name = "N", default_value_t = 100, help_heading = "Training")]
    pub(crate) checkpoint_every: usize,

    /// Resume from STEM.last.safetensors, to the same result as without a break
    #[arg(long, help_heading = "Training")]
    pub(crate) resume: bool,

    /// Overwrite the files of an earlier run: --output, its .last file, the --log
    #[arg(long, conflicts_with = "resume", help_heading = "Training")]
    pub(crate) force: bool,

    /// Write a log of every batch, for dl-draw curves
    #[arg(long, value_name = "FILE", help_heading = "Training")]
    pub(crate) log: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) device: DeviceArgs,

    #[command(flatten)]
    pub(crate) common: Common,
}

impl TrainingArgs {
    /// Fails before anything is read when the files cannot be written, or would overwrite a model without --force. `more`:
    /// other files that are written, by their options; `read`: other files that are read.
    pub(crate) fn check_files(&self, more: &[(&str, &Path)], read: &[Option<&Path>]) -> Result<()> {
        let last = Files::of(&self.output).last;
        let log = self.log.as_deref().map(|log| ("--log", log));
        let written: Vec<_> = [("--output", self.output.as_path()), ("the file beside --output", last.as_path())]
            .into_iter()
            .chain(log)
            .chain(more.iter().copied())
            .collect();
        model_files::check(&written, &self.inputs, read)?;
        model_files::check_no_link(&last)?;
        Earlier { force: self.force, resume: self.resume }.check(&self.output, &last, self.log.as_deref())
    }

    /// Steps of the whole training, of `epoch` steps each and `default` epochs.
    pub(crate) fn steps(&self, epoch: usize, default: f64) -> usize {
        let epochs = |epochs: f64| ((epochs * epoch as f64).ceil() as usize).clamp(1, numbers::MOST);
        match (self.iterations, self.epochs, self.minutes) {
            (Some(steps), ..) => steps,
            (None, Some(count), _) => epochs(count),
            // The clock ends it.
            (None, None, Some(_)) => numbers::MOST,
            (None, None, None) => epochs(default),
        }
    }

    /// A generator and a discriminator, in this order, that are trained by Adam at these constant rates.
    pub(crate) fn players(rates: [f64; 2], betas: [f64; 2], steps: usize) -> Vec<Player> {
        let player = |rate| Player {
            optimizer: OptimizerConfig { rule: Rule::Adam { betas, eps: 1e-8 }, largest_gradient: None },
            schedule: Schedule { rate, warmup: 0, decay: Decay::Constant, iterations: steps },
        };
        rates.map(player).into()
    }

    /// `settings`: everything that shapes the training besides the options here; a resumed run must have the same.
    pub(crate) fn fit_config(&self, players: Vec<Player>, steps: usize, epoch: usize, settings: &Value) -> FitConfig {
        let mut settings = settings.as_object().cloned().unwrap_or_else(Map::new);
        settings.insert("seed".into(), self.common.seed.into());
        settings.insert("weight_decay".into(), self.weight_decay.into());
        settings.insert("ema".into(), self.ema.into());
        FitConfig {
            iterations: steps,
            players,
            accumulate: 1,
            average: self.ema,
            epoch,
            validate_every: 0,
            save_every: self.checkpoint_every,
            patience: None,
            explosion: None,
            files: Some(Files::of(&self.output)),
            settings,
            resume: self.resume,
        }
    }

    /// Trains with a log, alarms and, every --samples-every steps, a sheet of samples, which `draw` writes after so many
    /// steps. Returns how it ended if not well.
    pub(crate) fn train<T: Task>(
        &self,
        task: &T,
        config: &FitConfig,
        draw: &dyn Fn(usize) -> Result<PathBuf>,
        messages: &Messages,
    ) -> Result<Option<Outcome>> {
        let mut log = self.log.as_deref().map(|log| Log::open(log, self.resume)).transpose()?;
        let mut watch = Watch::default();
        let interrupted = interrupt::flag()?;
        let stop = AtomicBool::new(false);
        let end = self.minutes.map(|minutes| Instant::now() + Duration::from_secs_f64(minutes * 60.0));
        if end.is_none() {
            messages.progress_to(config.iterations as u64, "batches");
        }
        let ended = fit(task, config, &stop, |event| {
            match &event {
                Event::Resumed(progress) => report_start(progress, messages),
                Event::Step { iteration, figures, .. } => {
                    messages.bar().inc(1);
                    messages.bar().set_message(watch::words(figures));
                    if let Some(alarm) = watch.step(*iteration, figures) {
                        messages.note(alarm);
                    }
                    let done = iteration + 1;
                    if self.samples_every > 0 && done.is_multiple_of(self.samples_every) {
                        let path = draw(done)?;
                        messages.detail(format_args!("samples after {done} batches: {}", path.display()));
                    }
                }
                Event::Validated { iteration, validation, best, .. } => {
                    let figures = validation.metrics.iter().map(|(name, value)| format!("{name} {value:.4}"));
                    let words = figures.collect::<Vec<_>>().join(", ");
                    let best = if *best { ", the best so far" } else { "" };
                    messages.detail(format_args!("after {} batches: {words}{best}", iteration + 1));
                }
            }
            if interrupted.load(Ordering::Relaxed) || end.is_some_and(|end| Instant::now() >= end) {
                stop.store(true, Ordering::Relaxed);
            }
            log.as_mut().map_or(Ok(()), |log| log.write(&event))
        })?;
        self.report_end(&ended, config, &watch, interrupted.load(Ordering::Relaxed), messages)
    }

    fn report_end(
        &self,
        ended: &Ended,
        config: &FitConfig,
        watch: &Watch,
        interrupted: bool,
        messages: &Messages,
    ) -> Result<Option<Outcome>> {
        let (step, path) = (ended.progress.step, self.output.display());
        match ended.why {
            Why::Exploded { phase, loss, .. } => {
                let remedy = remedy(config, phase);
                let what = match loss {
                    Some(loss) => format!("the loss of the {phase} is {loss} at batch {}; {remedy}", step + 1),
                    None => format!("the weights of the {phase} exploded after {step} batches; {remedy}"),
                };
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

/// What to try after an explosion in a phase.
fn remedy(config: &FitConfig, phase: &str) -> String {
    // A player whose rate is out of all proportion ruins the other's loss, too.
    let rates: Vec<f64> = config.players.iter().map(|player| player.schedule.rate).collect();
    let at_fault = match rates[..] {
        [of_generator, of_discriminator] if of_generator > 100.0 * of_discriminator => 0,
        [of_generator, of_discriminator] if of_discriminator > 100.0 * of_generator => 1,
        [_, _] if !phase.starts_with("generator") => 1,
        _ => 0,
    };
    let option = ["--lr-g", "--lr-d"][at_fault];
    let rate = match rates.get(at_fault) {
        Some(rate) if *rate < 0.1 => format!("{}", rate / 4.0),
        _ => "0.0002".to_owned(),
    };
    let hinge = match config.settings.get("loss").and_then(Value::as_str) {
        Some(loss) if loss != "hinge" => ", or --loss hinge",
        _ => "",
    };
    format!("try {option} {rate}{hinge}")
}

fn report_start(progress: &Progress, messages: &Messages) {
    messages.bar().set_position(progress.step as u64);
    match progress.step {
        0 => messages.note("no checkpoint, starting over"),
        step => messages.note(format_args!("resuming after {step} batches")),
    }
}

/// The file of the samples after so many batches: `STEM.samples-000500.png` beside the model.
pub(crate) fn sheet_path(output: &Path, batches: usize) -> PathBuf {
    beside(output, &format!("samples-{batches:06}.png"))
}

/// `STEM.END` beside a model `STEM.safetensors`.
pub(crate) fn beside(output: &Path, end: &str) -> PathBuf {
    let name = output.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = name.strip_suffix(".safetensors").unwrap_or(&name);
    output.with_file_name(format!("{stem}.{end}"))
}
