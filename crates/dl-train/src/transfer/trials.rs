//! Choosing a strategy by cross-validation.

use anyhow::Result;
use rand::seq::SliceRandom;

use super::Strategy;
use crate::fit::Validation;

/// Folds of examples for cross-validation, stratified by class.
#[derive(Clone, Debug, PartialEq)]
pub struct Folds {
    fold: Vec<usize>,
    runs: usize,
}

/// Folds, unless the smallest class has fewer examples.
const MOST_FOLDS: usize = 5;
/// Validated examples after which no more folds are run.
const ENOUGH: usize = 40;

impl Folds {
    /// Deals the examples of each class out to folds, by the seed. `None` when a class has a single example: it cannot be
    /// in both parts.
    pub fn new(classes: &[u32], seed: u64) -> Option<Self> {
        let most = classes.iter().max().map_or(0, |class| *class as usize + 1);
        let mut members = vec![Vec::new(); most];
        classes.iter().enumerate().for_each(|(index, class)| members[*class as usize].push(index));
        let least = members.iter().map(Vec::len).filter(|length| *length > 0).min()?;
        if least < 2 {
            return None;
        }
        let count = least.min(MOST_FOLDS);
        let mut fold = vec![0; classes.len()];
        for (class, members) in members.iter_mut().enumerate() {
            members.shuffle(&mut dl_record::rng(seed, &format!("fold/{class}")));
            members.iter().enumerate().for_each(|(place, index)| fold[*index] = place % count);
        }
        let runs = (ENOUGH * count).div_ceil(classes.len()).clamp(1, count);
        Some(Self { fold, runs })
    }

    /// Folds that are run: enough to validate on some dozens of examples.
    pub fn runs(&self) -> usize {
        self.runs
    }

    /// Examples that are validated on in all runs.
    pub fn validated(&self) -> usize {
        self.fold.iter().filter(|fold| **fold < self.runs).count()
    }

    /// Whether an example is in the validation part of a run.
    pub fn holds_out(&self, run: usize, index: usize) -> bool {
        self.fold[index] == run
    }
}

/// What cross-validation found for one strategy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    /// The strategy.
    pub strategy: Strategy,
    /// Mean accuracy.
    pub accuracy: f64,
    /// Mean loss.
    pub loss: f64,
}

/// Tries each strategy on each run of `folds`. `validate` trains on one part and validates on the other; `None` when the
/// training failed.
/// # Errors
/// Those of `validate`.
pub fn try_all(
    strategies: &[Strategy],
    folds: &Folds,
    mut validate: impl FnMut(Strategy, usize) -> Result<Option<Validation>>,
) -> Result<Vec<Trial>> {
    let mut trials = Vec::new();
    for strategy in strategies {
        let (mut accuracy, mut loss) = (0.0, 0.0);
        for run in 0..folds.runs() {
            match validate(*strategy, run)? {
                Some(validation) => {
                    accuracy += validation.score;
                    loss += validation.loss.unwrap_or_default();
                }
                None => loss = f64::INFINITY,
            }
        }
        let runs = folds.runs() as f64;
        trials.push(Trial { strategy: *strategy, accuracy: accuracy / runs, loss: loss / runs });
    }
    Ok(trials)
}

/// The best trial: the one with the lowest loss among those whose accuracy is within one standard error of the highest,
/// over `validated` examples.
pub fn best(trials: &[Trial], validated: usize) -> Option<&Trial> {
    let highest = trials.iter().map(|trial| trial.accuracy).fold(0.0, f64::max);
    let count = validated.max(1) as f64;
    let error = (highest * (1.0 - highest) / count).sqrt().max(0.5 / count);
    let close = trials.iter().filter(|trial| trial.accuracy >= highest - error);
    close.min_by(|a, b| a.loss.total_cmp(&b.loss))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_hold_every_class_and_cover_few_examples_once() {
        let classes: Vec<u32> = (0..30).map(|index| index % 3).collect();
        let folds = Folds::new(&classes, 0).unwrap();
        assert_eq!((folds.runs(), folds.validated()), (5, 30));
        for index in 0..30 {
            assert_eq!((0..5).filter(|run| folds.holds_out(*run, index)).count(), 1);
        }
        for (run, class) in [(0, 0), (4, 2)] {
            let held_out = (0..30).filter(|index| classes[*index] == class && folds.holds_out(run, *index));
            assert_eq!(held_out.count(), 2);
        }
        assert_eq!(folds, Folds::new(&classes, 0).unwrap());
        assert_ne!(folds, Folds::new(&classes, 1).unwrap());
        let many: Vec<u32> = (0..500).map(|index| index % 10).collect();
        assert_eq!(Folds::new(&many, 0).unwrap().runs(), 1);
        assert_eq!(Folds::new(&[0, 0, 1], 0), None);
    }

    #[test]
    fn a_clear_lead_decides_and_otherwise_the_loss() {
        let trial = |strategy, accuracy, loss| Trial { strategy, accuracy, loss };
        let [frozen, all] = [Strategy::FeatureExtraction, Strategy::All];
        assert_eq!(best(&[trial(frozen, 0.86, 0.4), trial(all, 0.98, 0.6)], 40).unwrap().strategy, all);
        assert_eq!(best(&[trial(frozen, 0.98, 0.1), trial(all, 0.99, 0.6)], 40).unwrap().strategy, frozen);
        assert_eq!(best(&[trial(frozen, 0.5, 0.7), trial(all, 0.0, f64::INFINITY)], 40).unwrap().strategy, frozen);
    }
}
