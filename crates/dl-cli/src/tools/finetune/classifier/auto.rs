//! `--strategy auto` for images: cross-validation where the strategy is not clear.

use anyhow::{Result, bail};
use dl_train::classifier::{AugmentConfig, Batches, Examples, Head, StartingPoint};
use dl_train::fit::{Progress, Validation};
use dl_train::transfer::{Finding, Folds, Strategy, Trial, best, try_all};

use super::{Args, Recipe, SAMPLE, Session, StrategyName};
use crate::common::Messages;
use crate::tools::finetune::training::Situation;

/// Batches of one trial: fewer favor the strategies that train least.
pub(super) const TRIAL_BATCHES: usize = 100;

impl Args {
    /// The requested strategy, or the one that suits the examples best.
    pub(super) fn chosen(&self, train: &Examples, session: &Session) -> Result<Option<Strategy>> {
        let Some(name) = self.strategy else { return Ok(None) };
        let StrategyName::Auto = name else { return Ok(name.strategy()) };
        // The training itself reports broken images.
        let quiet = Session { broken: &|_| (), ..*session };
        let counts = train.counts();
        let least = counts.iter().copied().filter(|count| *count > 0).min().unwrap_or_default();
        let sample = train.sample(SAMPLE, self.common.seed);
        let finding = self.finding(&sample, least, &quiet)?;
        let folds = Folds::new(&sample.classes_of_positives(), self.common.seed);
        choose(&finding, folds.as_ref(), session.messages, |strategy, folds, run| {
            let [train, validation] = [false, true].map(|held_out| sample.part(folds, run, held_out));
            self.trial(strategy, &train, &validation, &quiet)
        })
        .map(Some)
    }

    fn finding(&self, sample: &Examples, per_class: usize, session: &Session) -> Result<Finding> {
        let config = self.start(Some(Strategy::FeatureExtraction));
        let start = StartingPoint::new(&config, sample.labels(), session.device)?;
        let config = self.batch_config(&start.model.config, 1, AugmentConfig::default(), 0.0)?;
        let batches = Batches::new(sample, &start.model.config.preprocessing, &config, session.broken);
        let head = Head::new(&start.model, &start.parameters)?;
        head.features(&batches, SAMPLE, |_| ())?.finding(per_class, sample.labels().len())
    }

    /// Trains by `strategy` for a few batches and validates; `None` when the loss exploded.
    fn trial(
        &self,
        strategy: Strategy,
        train: &Examples,
        validation: &Examples,
        session: &Session,
    ) -> Result<Option<Validation>> {
        let start = StartingPoint::new(&self.start(Some(strategy)), train.labels(), session.device)?;
        if strategy == Strategy::FeatureExtraction {
            self.fit_head(&start, train, session, |_| ())?;
        } else {
            let recipe = Recipe { strategy: Some(strategy), batch: self.batch(train, false) };
            let no_file = |_: &Situation, _: &Progress| bail!("a trial writes no model");
            let sound = self.with_task(&start, (train, None), recipe, session, &no_file, |task, situation| {
                self.training.trial(task, situation, TRIAL_BATCHES)
            })?;
            if !sound {
                return Ok(None);
            }
        }
        self.evaluate(&start, validation, session).map(Some)
    }
}

/// Chooses among the candidates of `finding`, by trial if there are several, and prints why.
pub(super) fn choose(
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
