//! The classifier two-sample test (Lopez-Paz and Oquab 2017, Revisiting classifier two-sample tests): can a fresh linear
//! classifier tell two sets of features apart?

use anyhow::{Result, ensure};
use dl_record::{Matrix, rng};
use rand::seq::SliceRandom;

use super::{Logistic, LogisticConfig, logistic};

/// Options of [`two_sample`].
#[derive(Clone, Debug, PartialEq)]
pub struct TwoSampleConfig {
    /// Number of parts; each is held out once.
    pub folds: usize,
    /// C of the classifier, the inverse of the regularization strength.
    pub cost: f64,
    /// Seed of the order of the rows, and of the draw from the larger set.
    pub seed: u64,
}

impl Default for TwoSampleConfig {
    fn default() -> Self {
        Self { folds: 5, cost: 1.0, seed: 0 }
    }
}

/// How well the sets can be told apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TwoSample {
    /// Share of held-out rows whose set is recognized, a tie counting half: 0.5 means that the classifier cannot tell.
    pub accuracy: f64,
    /// The standard error of the accuracy, of as many independent answers as there are rows.
    pub standard_error: f64,
    /// Rows used of each set.
    pub rows: usize,
    /// Whether the solver converged in every fold.
    pub converged: bool,
}

/// Trains a classifier of two sets, [n, d] and [m, d], on all folds but one, and asks it about the rows of that one; for
/// each fold. As many rows are used of the larger set as the smaller has, so that guessing is right half the time.
/// # Errors
/// When a set has fewer rows than folds, there are fewer than two folds, the numbers of columns differ, or a number is not
/// finite.
pub fn two_sample(first: &Matrix, second: &Matrix, config: &TwoSampleConfig) -> Result<TwoSample> {
    let TwoSampleConfig { folds, cost, seed } = *config;
    let rows = first.rows.min(second.rows);
    ensure!(
        folds > 1 && rows >= folds,
        "{rows} rows of each set for {folds} folds; expected at least 2, and a row each"
    );
    let columns = first.columns;
    ensure!(columns == second.columns, "the sets have {columns} and {} columns", second.columns);
    let sets = [(first, "first"), (second, "second")].map(|(set, name)| {
        let mut order: Vec<usize> = (0..set.rows).collect();
        order.shuffle(&mut rng(seed, &format!("two-sample/{name}")));
        order.truncate(rows);
        (set, order)
    });
    let config = LogisticConfig { cost, ..LogisticConfig::default() };
    let mut right = 0.0;
    let mut converged = true;
    for fold in 0..folds {
        let (mut features, mut targets) = (Vec::new(), Vec::new());
        for (target, (set, order)) in (0..).zip(&sets) {
            for row in order.iter().enumerate().filter(|(place, _)| place % folds != fold).map(|(_, row)| *row) {
                features.extend_from_slice(set.row(row));
                targets.push(target);
            }
        }
        let classifier = logistic(&features, columns, &targets, 2, &config)?;
        converged &= classifier.converged;
        for ((set, order), sign) in sets.iter().zip([-1.0, 1.0]) {
            for row in order.iter().skip(fold).step_by(folds) {
                let margin = sign * margin(&classifier, set.row(*row));
                right += if margin > 0.0 { 1.0 } else { 0.5 * f64::from(u8::from(margin == 0.0)) };
            }
        }
    }
    let answers = 2.0 * rows as f64;
    let accuracy = right / answers;
    Ok(TwoSample { accuracy, standard_error: (accuracy * (1.0 - accuracy) / answers).sqrt(), rows, converged })
}

/// By how much a row belongs to the second set rather than the first.
fn margin(classifier: &Logistic, row: &[f32]) -> f64 {
    let (first, second) = classifier.weight.split_at(row.len());
    let weights = first.iter().zip(second).map(|(first, second)| second - first);
    let sum: f64 = weights.zip(row).map(|(weight, value)| weight * f64::from(*value)).sum();
    sum + classifier.bias[1] - classifier.bias[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(first: usize, rows: usize, shift: f64) -> Matrix {
        let value = |at: usize| (crate::formula((first + at / 6) as u64, (at % 6) as u64) + shift) as f32;
        Matrix { rows, columns: 6, data: (0..rows * 6).map(value).collect() }
    }

    #[test]
    fn two_draws_of_one_distribution_cannot_be_told_apart_and_a_shift_can() {
        let config = TwoSampleConfig::default();
        let same = two_sample(&rows(0, 800, 0.0), &rows(5000, 1000, 0.0), &config).unwrap();
        assert!((same.accuracy - 0.5).abs() < 3.0 * same.standard_error, "{same:?}");
        assert!((same.standard_error - 0.0125).abs() < 1e-3 && same.rows == 800 && same.converged, "{same:?}");
        let mild = two_sample(&rows(0, 800, 0.5), &rows(5000, 1000, 0.0), &config).unwrap();
        assert!((0.6..0.9).contains(&mild.accuracy), "{mild:?}");
        let far = two_sample(&rows(0, 800, 5.0), &rows(5000, 1000, 0.0), &config).unwrap();
        assert_eq!((far.accuracy, far.standard_error), (1.0, 0.0));
        assert_eq!(mild, two_sample(&rows(0, 800, 0.5), &rows(5000, 1000, 0.0), &config).unwrap());
    }

    #[test]
    fn equal_rows_are_ties_and_too_few_rows_are_refused() {
        let constant = Matrix { rows: 20, columns: 2, data: vec![1.5; 40] };
        assert_eq!(two_sample(&constant, &constant, &TwoSampleConfig::default()).unwrap().accuracy, 0.5);
        let error =
            two_sample(&rows(0, 4, 0.0), &rows(0, 9, 0.0), &TwoSampleConfig::default()).unwrap_err().to_string();
        assert!(error.contains("4 rows of each set for 5 folds"), "{error}");
        assert!(two_sample(&constant, &rows(0, 20, 0.0), &TwoSampleConfig::default()).is_err());
    }
}
