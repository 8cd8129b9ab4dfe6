//! The loop.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;

use anyhow::{Result, bail, ensure};
use dl_models::{checkpoint, plain};
use serde_json::{Map, Value};

use super::{Optimiser, OptimiserConfig, Progress, Task, Validation, state};
use crate::schedule::Schedule;

/// How a training is done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Number of steps, and the learning rate over them.
    pub schedule: Schedule,
    /// Options of each player's optimiser.
    pub optimisers: Vec<OptimiserConfig>,
    /// Steps of an epoch, for the log.
    pub epoch: usize,
    /// Validate every so many steps, and at the end; 0: never.
    pub validate_every: usize,
    /// Write the file of the last model every so many steps, and at the end; 0: at the end alone.
    pub save_every: usize,
    /// Stop after so many validations without a better one.
    pub patience: Option<usize>,
    /// What is written.
    pub files: Files,
    /// All that shapes the training, by the names of the options: a training goes on only as what it was.
    pub settings: Map<String, Value>,
    /// Go on from the file of the last model, if it is there.
    pub resume: bool,
}

/// The files of a training.
#[derive(Clone, Debug)]
pub struct Files {
    /// The model: the best one where there is validation, otherwise the last.
    pub model: PathBuf,
    /// The last model, and all that is needed to go on from it.
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

/// What happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// The training goes on from a file.
    Resumed(&'a Progress),
    /// A step was made.
    Step {
        /// Its number, from 0.
        iteration: usize,
        /// Of which epoch, from 0.
        epoch: usize,
        /// Learning rate.
        rate: f64,
        /// `loss` and the task's figures. Of the players after the first, `loss1` and so on.
        figures: &'a [(String, f64)],
    },
    /// The model was judged.
    Validated {
        /// Number of the step before, from 0.
        iteration: usize,
        /// Of which epoch, from 0.
        epoch: usize,
        /// How good it is.
        validation: &'a Validation,
        /// Is it the best so far?
        best: bool,
    },
}

/// Why a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// All steps are made.
    Done,
    /// Validation became no better.
    Patience,
    /// It was asked to; it can go on.
    Interrupted,
}

/// How a training ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// Why.
    pub why: Why,
    /// Where it stands.
    pub progress: Progress,
}

/// Trains. `tell` hears of everything that happens; when `interrupted` becomes true, the files are written and the
/// training ends after the step that it is at.
/// # Errors
/// When the task, `tell` or a file fails, or the loss is no number any more. The files then hold what was there before.
pub fn fit<T: Task>(
    task: &T,
    plan: &Plan,
    interrupted: &AtomicBool,
    mut tell: impl FnMut(Event) -> Result<()>,
) -> Result<Ended> {
    let turns = task.turns();
    let optimisers = plan.optimisers.iter().enumerate();
    let mut optimisers: Vec<Optimiser> =
        optimisers.map(|(player, config)| Optimiser::new(task.parameters(player), *config)).collect();
    ensure!(turns.iter().all(|player| *player < optimisers.len()), "a player without an optimiser");
    let mut progress = Progress::default();
    if plan.resume {
        // Killed before anything was saved, it begins again.
        if plan.files.last.exists() {
            progress = state::recall(&plan.files.last, task, &plan.settings, &mut optimisers)?;
        }
        tell(Event::Resumed(&progress))?;
    }
    let iterations = plan.schedule.iterations;
    let first = progress.step;
    thread::scope(|scope| {
        let (sender, batches) = sync_channel(1);
        if !progress.stopped {
            scope.spawn(move || {
                for step in first..iterations {
                    // A send fails only when the loop has ended.
                    if sender.send(task.batch(step)).is_err() {
                        break;
                    }
                }
            });
        } else {
            drop(sender);
        }
        for batch in &batches {
            let batch = batch?;
            let iteration = progress.step;
            let epoch = iteration / plan.epoch.max(1);
            let rate = progress.rate(&plan.schedule);
            let mut figures: Vec<(String, f64)> = Vec::new();
            for (turn, player) in turns.iter().enumerate() {
                let loss = task.loss(iteration, turn, &batch)?;
                let value = f64::from(loss.value.to_scalar::<f32>().map_err(plain)?);
                if !value.is_finite() {
                    bail!("the loss is {value} after {iteration} iterations; a smaller learning rate may help");
                }
                optimisers[*player].step(&loss.value.backward().map_err(plain)?, rate)?;
                let name = if *player == 0 { "loss".to_owned() } else { format!("loss{player}") };
                let all = [(name, value)].into_iter();
                for (name, value) in all.chain(loss.metrics.into_iter().map(|(name, value)| (name.to_owned(), value))) {
                    // Of several turns of one player the last counts.
                    match figures.iter_mut().find(|(known, _)| *known == name) {
                        Some(figure) => figure.1 = value,
                        None => figures.push((name, value)),
                    }
                }
            }
            progress.add(&figures);
            tell(Event::Step { iteration, epoch, rate, figures: &figures })?;

            let done = progress.step;
            let due = |every: usize| every > 0 && done.is_multiple_of(every);
            if plan.validate_every > 0
                && (due(plan.validate_every) || done == iterations)
                && let Some(validation) = task.validate()?
            {
                let best = progress.judge(validation.clone(), &plan.schedule, plan.patience);
                if best {
                    write_model(task, plan, &progress)?;
                }
                tell(Event::Validated { iteration, epoch, validation: &validation, best })?;
            }
            let leave = interrupted.load(Ordering::Relaxed);
            if due(plan.save_every) || done == iterations || progress.stopped || leave {
                // The model first: whoever goes on from an older file of the last one writes it again, the same.
                if progress.best.is_none() {
                    write_model(task, plan, &progress)?;
                }
                state::save(&plan.files.last, task.model(&progress)?, &plan.settings, &progress, &optimisers)?;
            }
            if progress.stopped || leave {
                break;
            }
        }
        // The maker of batches waits for no one now.
        drop(batches);
        let why = match (progress.stopped, progress.step < iterations) {
            (true, _) => Why::Patience,
            (false, true) => Why::Interrupted,
            (false, false) => Why::Done,
        };
        Ok(Ended { why, progress })
    })
}

fn write_model<T: Task>(task: &T, plan: &Plan, progress: &Progress) -> Result<()> {
    let model = task.model(progress)?;
    let texts: Vec<(&str, &str)> = model.texts.iter().map(|(key, text)| (*key, text.as_str())).collect();
    checkpoint::save_with(&plan.files.model, &model.config, &texts, &model.tensors, model.precision)
}
