//! The training loop.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;

use anyhow::{Context, Result, ensure};
use candle_core::Var;
use dl_models::plain;
use dl_ops::with_floats;
use serde_json::{Map, Value};

use super::average::{Average, within};
use super::{Optimizer, Parameter, Phase, Player, Progress, Task, Validation, gradients, state};

/// A weight above this, whose square is near the largest number, is not the result of training. NaN is above it, too.
const MOST_WEIGHT: f32 = 1e18;

/// Options of the training loop.
#[derive(Clone, Debug)]
pub struct FitConfig {
    /// Number of steps.
    pub iterations: usize,
    /// How the weights of each player are trained. A plateau schedule watches the validation for all of them.
    pub players: Vec<Player>,
    /// Batches per step: its gradient is the mean of theirs, in the memory of one.
    pub accumulate: usize,
    /// The decay of a moving average of what [`Task::averaged`] names; models are validated and written with it.
    pub average: Option<f64>,
    /// Steps per epoch, for the log.
    pub epoch: usize,
    /// Validate every N steps, and at the end; 0: never.
    pub validate_every: usize,
    /// Write the file of the last model every N steps, and at the end; 0: only at the end.
    pub save_every: usize,
    /// Stop after N validations without improvement.
    pub patience: Option<usize>,
    /// Stop when the loss stays above this factor times its start for many steps.
    pub explosion: Option<f64>,
    /// The files to write; `None` for a trial whose weights stay in memory.
    pub files: Option<Files>,
    /// Everything that shapes the training, keyed by option name: a resumed run must have the same settings.
    pub settings: Map<String, Value>,
    /// Resume from the file of the last model, if it exists.
    pub resume: bool,
}

/// The files of a training run.
#[derive(Clone, Debug)]
pub struct Files {
    /// The model: the best one if there is validation, otherwise the last.
    pub model: PathBuf,
    /// The last model, and everything needed to resume from it.
    pub last: PathBuf,
}

impl Files {
    /// `cells.safetensors` has `cells.last.safetensors` beside it.
    pub fn of(model: &Path) -> Self {
        let name = model.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let stem = name.strip_suffix(".safetensors").unwrap_or(&name);
        Self { model: model.to_owned(), last: model.with_file_name(format!("{stem}.last.safetensors")) }
    }
}

/// What happened during training.
#[derive(Debug)]
pub enum Event<'a> {
    /// Training resumes from a file.
    Resumed(&'a Progress),
    /// A step was completed.
    Step {
        /// Its number, from 0.
        iteration: usize,
        /// Its epoch, from 0.
        epoch: usize,
        /// Learning rate of the first player.
        rate: f64,
        /// `loss`, or, by name, the loss of each phase of the step (`generator`), the norm of its gradient
        /// (`generator_gradient`) and the rate of each player after the first (`generator_lr`); and the task's metrics.
        figures: &'a [(String, f64)],
    },
    /// The model was validated.
    Validated {
        /// Number of the step before, from 0.
        iteration: usize,
        /// Its epoch, from 0.
        epoch: usize,
        /// The result.
        validation: &'a Validation,
        /// Whether it is the best so far.
        best: bool,
    },
}

/// Why a training run ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Why {
    /// All steps are completed.
    Done,
    /// Validation stopped improving.
    Patience,
    /// The caller asked it to stop; it can resume.
    Interrupted,
    /// The loss or the weights exploded: the loss at the last step, and its mean over the first steps. The files hold what
    /// was written before.
    Exploded {
        /// The phase.
        phase: &'static str,
        /// NaN, infinite, or far above the first losses for many steps; `None` if it was the weights.
        loss: Option<f64>,
        /// The mean loss of the first steps.
        first: f64,
    },
}

/// How a training run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// Why.
    pub why: Why,
    /// The progress at the end.
    pub progress: Progress,
    /// The number of steps in the model file; `None` when this run has not written it.
    pub written: Option<usize>,
}

/// Trains `task`. `report` is called with every event; when `interrupted` becomes true, the files are written and training
/// ends after the current step.
/// # Errors
/// When the task, `report` or a file fails. The files then hold what was there before.
pub fn fit<T: Task>(
    task: &T,
    config: &FitConfig,
    interrupted: &AtomicBool,
    mut report: impl FnMut(Event) -> Result<()>,
) -> Result<Ended> {
    let phases = task.phases();
    let players: Vec<Vec<Parameter>> = (0..config.players.len()).map(|player| task.parameters(player)).collect();
    let vars: Vec<Vec<Var>> =
        players.iter().map(|player| player.iter().map(|parameter| parameter.var.clone()).collect()).collect();
    let averaged = task.averaged(players.len());
    let mut average = config.average.map(|decay| Average::new(decay, averaged)).transpose()?;
    let options = config.players.iter();
    let mut optimizers: Vec<Optimizer> =
        players.into_iter().zip(options).map(|(player, options)| Optimizer::new(player, options.optimizer)).collect();
    ensure!(phases.iter().all(|phase| phase.player < optimizers.len()), "a phase without a player");
    let alone = phases.len() == 1;
    let schedule = &config.players.first().context("training without a player")?.schedule;
    let mut progress = Progress::default();
    let mut written = None;
    if let Some(files) = config.files.as_ref().filter(|_| config.resume) {
        // A run killed before anything was saved starts over.
        if files.last.exists() {
            progress = state::recall(&files.last, task, &config.settings, &mut optimizers, average.as_mut())?;
            written = Some(progress.best.as_ref().map_or(progress.step, |(step, _)| *step));
            // The run was killed between the first state and the first model, which has the same weights.
            if !files.model.exists() && written == Some(progress.step) {
                within(average.as_ref(), || write_model(task, files, &progress))?;
            }
        }
        report(Event::Resumed(&progress))?;
    }
    let save = |files: &Files, optimizers: &[Optimizer], average: Option<&Average>, progress: &Progress| {
        let memory = state::Memory { optimizers, average };
        state::save(&files.last, task, task.model(progress)?, &config.settings, progress, &memory)
    };
    let iterations = config.iterations;
    let first = progress.step;
    let accumulate = config.accumulate.max(1);
    thread::scope(|scope| {
        let (sender, batches) = sync_channel(1);
        if !progress.stopped {
            scope.spawn(move || {
                for step in first..iterations {
                    let parts = (step * accumulate..(step + 1) * accumulate).map(|part| task.batch(part));
                    // Sending fails only when the loop has ended.
                    if sender.send(parts.collect::<Result<Vec<_>>>()).is_err() {
                        break;
                    }
                }
            });
        } else {
            drop(sender);
        }
        let mut exploded = None;
        'steps: for parts in &batches {
            let parts = parts?;
            let iteration = progress.step;
            let epoch = iteration / config.epoch.max(1);
            let rates: Vec<f64> = config.players.iter().map(|player| progress.rate(&player.schedule)).collect();
            let rate = rates.first().copied().unwrap_or_default();
            let mut figures: Vec<(String, f64)> = Vec::new();
            let mut shared: Vec<T::Shared> = parts.iter().map(|_| T::Shared::default()).collect();
            for (index, phase) in phases.iter().enumerate().filter(|(_, phase)| phase.when.includes(iteration)) {
                let (mut value, mut metrics, mut gradient) = (0.0, Vec::new(), None);
                let share = 1.0 / accumulate as f64;
                for (part, (batch, shared)) in parts.iter().zip(&mut shared).enumerate() {
                    let loss = task.loss(iteration * accumulate + part, index, batch, shared)?;
                    let scaled = if accumulate == 1 { loss.value } else { (loss.value * share).map_err(plain)? };
                    value += f64::from(scaled.to_scalar::<f32>().map_err(plain)?);
                    add_shares(&mut metrics, loss.metrics, share);
                    if value.is_finite() {
                        let more = scaled.backward().map_err(plain)?;
                        gradient = Some(gradients::add(gradient, more, &vars[phase.player]).map_err(plain)?);
                    }
                }
                // Players of a game push each other's loss up: only a lone one can explode.
                let limit = config.explosion.filter(|_| alone);
                if !value.is_finite() || limit.is_some_and(|factor| progress.has_exploded(value, factor)) {
                    let (phase, first) = (phase.name, progress.first_loss);
                    exploded = Some(Why::Exploded { phase, loss: Some(value), first });
                    break 'steps;
                }
                let (optimizer, rate) = (&mut optimizers[phase.player], rates[phase.player]);
                if let Some(gradient) = &gradient {
                    if !alone {
                        let norm = optimizer.norm(gradient).map_err(plain)?;
                        metrics.push((format!("{}_gradient", phase.name), norm));
                    }
                    optimizer.step(gradient, rate)?;
                }
                if phase.player > 0 {
                    metrics.push((format!("{}_lr", phase.name), rate));
                }
                figures.push((if alone { "loss" } else { phase.name }.to_owned(), value));
                figures.extend(metrics);
            }
            task.after_step(iteration)?;
            progress.add(&figures);
            if let Some(average) = &mut average {
                average.update(progress.step)?;
            }
            report(Event::Step { iteration, epoch, rate, figures: &figures })?;

            let done = progress.step;
            let due = |every: usize| every > 0 && done.is_multiple_of(every);
            if config.validate_every > 0
                && (due(config.validate_every) || done == iterations)
                && let Some(validation) = within(average.as_ref(), || task.validate())?
            {
                let best = match task.keeps_best() {
                    true => progress.validated(validation.clone(), schedule, config.patience),
                    false => {
                        progress.validation = Some(validation.clone());
                        false
                    }
                };
                if let Some(files) = config.files.as_ref().filter(|_| best) {
                    if !files.last.exists() {
                        save(files, &optimizers, average.as_ref(), &progress)?;
                    }
                    within(average.as_ref(), || write_model(task, files, &progress))?;
                    written = Some(done);
                }
                report(Event::Validated { iteration, epoch, validation: &validation, best })?;
            }
            let leave = interrupted.load(Ordering::Relaxed);
            if let Some(files) = &config.files
                && (due(config.save_every) || done == iterations || progress.stopped || leave)
            {
                if let Some(phase) = unsound(&phases, &vars)? {
                    exploded = Some(Why::Exploded { phase, loss: None, first: progress.first_loss });
                    break 'steps;
                }
                let save = || save(files, &optimizers, average.as_ref(), &progress);
                // The model first: a run resumed from an older state writes the same model again. But where a model is, there
                // must be a state.
                let first = !files.last.exists();
                if first {
                    save()?;
                }
                if progress.best.is_none() {
                    within(average.as_ref(), || write_model(task, files, &progress))?;
                    written = Some(done);
                }
                if !first {
                    save()?;
                }
            }
            if progress.stopped || leave {
                break;
            }
        }
        // Unblocks the thread that makes batches.
        drop(batches);
        let why = match (exploded, progress.stopped, progress.step < iterations) {
            (Some(exploded), ..) => exploded,
            (None, true, _) => Why::Patience,
            (None, false, true) => Why::Interrupted,
            (None, false, false) => Why::Done,
        };
        Ok(Ended { why, progress, written })
    })
}

/// The first phase whose player's weights have exploded, so that the files keep what was there before.
fn unsound(phases: &[Phase], vars: &[Vec<Var>]) -> Result<Option<&'static str>> {
    for phase in phases {
        for var in &vars[phase.player] {
            let sound =
                with_floats(&var.detach(), |numbers| Ok(numbers.iter().all(|number| number.abs() < MOST_WEIGHT)));
            if !sound.map_err(plain)? {
                return Ok(Some(phase.name));
            }
        }
    }
    Ok(None)
}

/// Adds metrics of a batch to those of its step, which are the means.
fn add_shares(sums: &mut Vec<(String, f64)>, metrics: Vec<(&'static str, f64)>, share: f64) {
    for (name, value) in metrics {
        match sums.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => *sum += value * share,
            None => sums.push((name.to_owned(), value * share)),
        }
    }
}

fn write_model<T: Task>(task: &T, files: &Files, progress: &Progress) -> Result<()> {
    // The others first: where the model is, they are, too.
    for (path, model) in task.others(progress)? {
        model.write(&path)?;
    }
    task.model(progress)?.write(&files.model)
}
