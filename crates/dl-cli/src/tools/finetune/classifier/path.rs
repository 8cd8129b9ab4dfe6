//! The one path of all classifiers, from the strategy to the model file.

use anyhow::Result;
use dl_train::fit::Progress;
use dl_train::transfer::Strategy;
use dl_transfer::linear::{LbfgsConfig, Logistic, LogisticConfig};
use serde_json::{Map, Value, json};

use super::learner::Learner;
use super::{Args, StrategyName, auto};
use crate::common::{Messages, Outcome, given, object};
use crate::tools::finetune::training::{Situation, settings_of};

/// Trains and writes a model; the outcome if training ended early.
pub(super) fn run<L: Learner>(args: &Args, learner: &L, messages: &Messages) -> Result<Option<Outcome>> {
    let strategy = match args.strategy {
        Some(StrategyName::Auto) => Some(auto::choose(args, learner, messages)?),
        name => name.and_then(StrategyName::strategy),
    };
    let start = learner.start(strategy)?;
    learner.report(&start, strategy, messages)?;
    if strategy == Some(Strategy::FeatureExtraction) {
        extract(args, learner, &start, messages)?;
        return Ok(None);
    }
    descend(args, learner, &start, strategy, messages)
}

/// Trains and writes a model by feature extraction.
fn extract<L: Learner>(args: &Args, learner: &L, start: &L::Start, messages: &Messages) -> Result<()> {
    if args.views.are_requested() || args.views.mixup > 0.0 {
        messages.note("feature-extraction uses no augmentation");
    }
    let (count, unit) = learner.count(learner.train());
    messages.progress_to(count as u64, unit);
    let mut done = |count| messages.bar().inc(count as u64);
    let (fitted, layer) = learner.fit_head(start, learner.train(), &mut done)?;
    let train = learner.evaluate(start, learner.train())?;
    let validation = learner.validation().map(|part| learner.evaluate(start, part)).transpose()?;
    let means = [("loss".to_owned(), train.loss.unwrap_or_default()), ("accuracy".to_owned(), train.score)].into();
    let progress = Progress { step: fitted.iterations, validation, means, ..Progress::default() };
    let mut training = learner.figures(start, Some(Strategy::FeatureExtraction))?;
    training.extend(object(json!({"cost": args.cost, "layer": layer})));
    training.extend(results(args, Some(Strategy::FeatureExtraction), &progress)?);
    args.training.log_once(&progress)?;
    learner.model(start, training)?.write(&args.output)?;
    report_extracted(args, &fitted, &progress, messages);
    Ok(())
}

/// The regression that becomes a head.
pub(super) fn logistic(args: &Args, class_weights: Vec<f64>) -> LogisticConfig {
    LogisticConfig { cost: args.cost, class_weights, standardize: true, solver: LbfgsConfig::default() }
}

fn report_extracted(args: &Args, fitted: &Logistic, progress: &Progress, messages: &Messages) {
    if !fitted.converged {
        messages.note(format_args!("the solver stopped after {} iterations without converging", fitted.iterations));
    }
    let path = args.output.display();
    let (loss, accuracy) = (progress.mean("loss"), progress.mean("accuracy"));
    let words = progress.validation.as_ref().map_or(String::new(), |validation| {
        let loss = validation.loss.unwrap_or_default();
        format!("; validation loss {loss:.4}, accuracy {:.4}", validation.score)
    });
    messages.note(format_args!("training loss {loss:.4}, accuracy {accuracy:.4}{words}; written to {path}"));
}

/// Trains and writes a model by gradient descent.
fn descend<L: Learner>(
    args: &Args,
    learner: &L,
    start: &L::Start,
    strategy: Option<Strategy>,
    messages: &Messages,
) -> Result<Option<Outcome>> {
    let mut settings = settings_of(args)?;
    settings.extend(object(json!({"strategy": strategy})));
    settings.extend(learner.facts(start, strategy)?);
    let file = |situation: &Situation, progress: &Progress| {
        let mut training = args.training.figures(situation)?;
        training.extend(learner.figures(start, strategy)?);
        training.extend(results(args, strategy, progress)?);
        learner.model(start, training)
    };
    let parts = (learner.train(), learner.validation());
    let (task, situation) = learner.task(start, parts, strategy, Box::new(file))?;
    args.training.run(&task, &args.output, &situation, settings, messages)
}

/// What training came to, and the choices that differ from the defaults.
fn results(args: &Args, strategy: Option<Strategy>, progress: &Progress) -> Result<Map<String, Value>> {
    let mut results = object(json!({
        "iterations": progress.step,
        "loss": progress.mean("loss"),
        "accuracy": progress.mean("accuracy"),
    }));
    let choices = json!({
        "strategy": strategy,
        "validation": progress.validation,
        "per_class": args.per_class,
        "label_smoothing": Some(args.label_smoothing).filter(|share| *share > 0.0),
        "class_weights": Some(args.class_weights.to_string()).filter(|weights| weights != "none"),
        "dropout": args.dropout,
        "layer_lr": Some(&args.layer_lr).filter(|layers| !layers.is_empty()),
    });
    results.extend(given(choices));
    Ok(results)
}
