//! `--strategy auto`: cross-validation where the strategy is not clear.

use anyhow::{Result, bail};
use dl_train::fit::{Progress, Validation};
use dl_train::transfer::{Finding, Folds, Strategy, Trial, best, try_all};

use super::Args;
use super::learner::Learner;
use crate::common::Messages;
use crate::tools::finetune::training::Situation;

/// Examples of each class that are tried.
pub(super) const SAMPLE: usize = 50;

/// Batches of one trial: fewer favor the strategies that train least.
const TRIAL_BATCHES: usize = 100;

/// The strategy that suits the examples best.
pub(super) fn choose<L: Learner>(args: &Args, learner: &L, messages: &Messages) -> Result<Strategy> {
    let quiet = learner.quiet();
    let sample = quiet.sample();
    let finding = quiet.finding(&sample)?;
    let folds = Folds::new(&quiet.classes(&sample), args.common.seed);
    choose_by(&finding, folds.as_ref(), messages, |strategy, folds, run| {
        let [train, validation] = [false, true].map(|held_out| quiet.fold(&sample, folds, run, held_out));
        trial(args, &quiet, strategy, &train, &validation)
    })
}

/// Trains by `strategy` for a few batches and validates; `None` when the loss exploded.
fn trial<L: Learner>(
    args: &Args,
    learner: &L,
    strategy: Strategy,
    train: &L::Part,
    validation: &L::Part,
) -> Result<Option<Validation>> {
    let start = learner.start(Some(strategy))?;
    if strategy == Strategy::FeatureExtraction {
        learner.fit_head(&start, train, &mut |_| ())?;
    } else {
        let no_file = |_: &Situation, _: &Progress| bail!("a trial writes no model");
        let (task, situation) = learner.task(&start, (train, None), Some(strategy), Box::new(no_file))?;
        if !args.training.trial(&task, &situation, TRIAL_BATCHES)? {
            return Ok(None);
        }
    }
    learner.evaluate(&start, validation).map(Some)
}

/// Chooses among the candidates of `finding`, by trial if there are several, and prints why.
fn choose_by(
    finding: &Finding,
    folds: Option<&Folds>,
    messages: &Messages,
    mut trial: impl FnMut(Strategy, &Folds, usize) -> Result<Option<Validation>>,
) -> Result<Strategy> {
    let words = finding.words();
    let (candidates, Some(folds)) = (finding.candidates(), folds) else {
        messages.note(format_args!("auto: {words}, too few to compare strategies: training {}", Strategy::Head));
        return Ok(Strategy::Head);
    };
    if let [only] = candidates.as_slice() {
        messages.note(format_args!("auto: {words}: training {only}"));
        return Ok(*only);
    }
    messages.progress_to((candidates.len() * folds.runs()) as u64, "trials");
    let trials = try_all(&candidates, folds, |strategy, run| {
        let validation = trial(strategy, folds, run);
        messages.bar().inc(1);
        validation
    })?;
    let chosen = best(&trials, folds.validated()).map_or(Strategy::FeatureExtraction, |trial| trial.strategy);
    let scores: Vec<String> = trials.iter().map(score).collect();
    messages.note(format_args!(
        "auto: {words}; accuracy (loss) on {} held-out examples: {}; training {chosen}",
        folds.validated(),
        scores.join(", ")
    ));
    Ok(chosen)
}

fn score(Trial { strategy, accuracy, loss }: &Trial) -> String {
    format!("{strategy} {accuracy:.3} ({loss:.3})")
}
