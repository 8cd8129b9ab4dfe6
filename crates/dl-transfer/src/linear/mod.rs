//! Multinomial logistic regression: a linear head on features, with a unique, deterministic solution.
//!
//! The objective is scikit-learn's: C times the sum of the cross-entropies plus half the squared norm of the weights;
//! biases are not penalized. It is convex, and L-BFGS minimizes it. Two classes have a single weight vector in scikit-learn,
//! so the penalty is on the difference of the two rows.

mod lbfgs;
mod one_vs_one;
mod one_vs_rest;
mod scaling;
mod smo;
pub mod svm;
mod svm_classes;
mod two_sample;

use anyhow::{Result, bail, ensure};
use rayon::prelude::*;

pub use lbfgs::{LbfgsConfig, Minimum, minimize};
pub use one_vs_one::OneVsOne;
pub use one_vs_rest::one_vs_rest;
pub(crate) use scaling::Scaling;
pub use svm_classes::SvmClassesConfig;
use svm_classes::check_rows;
pub use two_sample::{TwoSample, TwoSampleConfig, two_sample};

use crate::dot;
use crate::linalg::inverse_deviation;

/// Options of the regression.
#[derive(Clone, Debug, PartialEq)]
pub struct LogisticConfig {
    /// C: the inverse of the regularization strength.
    pub cost: f64,
    /// Weight of the examples of each class; empty for equal weights.
    pub class_weights: Vec<f64>,
    /// Standardize the features first (mean 0, variance 1); the result is for unstandardized features.
    pub standardize: bool,
    /// When to stop.
    pub solver: LbfgsConfig,
}

impl Default for LogisticConfig {
    fn default() -> Self {
        Self { cost: 1.0, class_weights: Vec::new(), standardize: true, solver: LbfgsConfig::default() }
    }
}

/// A linear function of features for each class.
#[derive(Clone, Debug, PartialEq)]
pub struct Logistic {
    /// [classes, columns], row by row.
    pub weight: Vec<f64>,
    /// [classes].
    pub bias: Vec<f64>,
    /// Iterations of the solver.
    pub iterations: usize,
    /// Whether the tolerance was reached.
    pub converged: bool,
    /// The objective at the end.
    pub objective: f64,
}

/// Rows summed together; the sums of the blocks are added in order, so that the result does not depend on the number of
/// threads.
const BLOCK: usize = 256;

/// Fits the regression to `features` [n, columns], row by row, and `targets` [n], each below `classes`.
/// # Errors
/// When there is nothing to fit, or the numbers are not finite.
pub fn logistic(
    features: &[f32],
    columns: usize,
    targets: &[u32],
    classes: usize,
    config: &LogisticConfig,
) -> Result<Logistic> {
    logistic_weighted(features, columns, targets, classes, &[], config)
}

/// [`logistic`] with a factor on the loss of each row, `weights` [n], at least 0 (scikit-learn's `sample_weight`); empty for
/// 1 each. The mean and variance of standardized features are weighted too, so that a weight of 2 is the row twice and 0
/// is without the row.
/// # Errors
/// As [`logistic`], and when there is not one weight per row, one is negative or not finite, or fewer than two classes
/// have a row whose weight is above 0.
pub fn logistic_weighted(
    features: &[f32],
    columns: usize,
    targets: &[u32],
    classes: usize,
    weights: &[f64],
    config: &LogisticConfig,
) -> Result<Logistic> {
    let rows = targets.len();
    ensure!(rows > 0 && columns > 0 && features.len() == rows * columns, "no features to train on");
    ensure!(classes > 1, "only one class; training needs at least two");
    ensure!(features.iter().all(|value| value.is_finite()), "the features hold numbers that are not finite");
    if !weights.is_empty() {
        check_weights(weights, rows)?;
        let mut seen = targets.iter().zip(weights).filter(|(_, weight)| **weight > 0.0).map(|(target, _)| target);
        let first = seen.next();
        ensure!(seen.any(|target| Some(target) != first), "all rows whose weight is above 0 are of one class");
    }
    let (mean, factor) =
        if config.standardize { moments(features, columns, weights) } else { (vec![0.0; columns], vec![1.0; columns]) };
    let problem = Problem { features, columns, targets, weights, classes, config, mean: &mean, factor: &factor };
    let found = minimize(vec![0.0; classes * (columns + 1)], &config.solver, |at| problem.objective(at))?;
    // Back from standardized features.
    let (weight, bias) = found.at.split_at(classes * columns);
    let mut logistic = Logistic {
        weight: weight.to_vec(),
        bias: bias.to_vec(),
        iterations: found.iterations,
        converged: found.converged,
        objective: found.value,
    };
    for (weight, bias) in logistic.weight.chunks_exact_mut(columns).zip(&mut logistic.bias) {
        for ((weight, mean), factor) in weight.iter_mut().zip(&mean).zip(&factor) {
            *weight *= factor;
            *bias -= *weight * mean;
        }
    }
    Ok(logistic)
}

/// Checks that each of `rows` rows has a weight, and that they are numbers of at least 0 and not all 0.
pub(crate) fn check_weights(weights: &[f64], rows: usize) -> Result<()> {
    ensure!(weights.len() == rows, "{} weights for {rows} rows; expected one per row", weights.len());
    if let Some(at) = weights.iter().position(|weight| !(weight.is_finite() && *weight >= 0.0)) {
        bail!("weight {} of row {at} is not a number of at least 0", weights[at]);
    }
    ensure!(weights.iter().any(|weight| *weight > 0.0), "all weights are 0; expected at least one above 0");
    ensure!(weights.iter().sum::<f64>().is_finite(), "the sum of the weights is not finite");
    Ok(())
}

/// The weighted mean of each column, and the factor that makes its weighted variance 1; a column that is constant, up to
/// the rounding of `f32`, stays unchanged.
fn moments(features: &[f32], columns: usize, weights: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let rows = (features.len() / columns) as f64;
    let total = if weights.is_empty() { rows } else { weights.iter().sum() };
    let weight = |row: usize| weights.get(row).copied().unwrap_or(1.0);
    let mut mean = vec![0.0; columns];
    for (row, values) in features.chunks_exact(columns).enumerate() {
        let weight = weight(row);
        mean.iter_mut().zip(values).for_each(|(mean, value)| *mean += weight * f64::from(*value) / total);
    }
    let mut variance = vec![0.0; columns];
    for (row, values) in features.chunks_exact(columns).enumerate() {
        let weight = weight(row);
        for ((variance, mean), value) in variance.iter_mut().zip(&mean).zip(values) {
            *variance += weight * (f64::from(*value) - mean).powi(2) / total;
        }
    }
    let factor =
        variance.iter().zip(&mean).map(|(variance, mean)| inverse_deviation(*mean, variance.sqrt()).unwrap_or(1.0));
    let factor = factor.collect();
    (mean, factor)
}

struct Problem<'a> {
    features: &'a [f32],
    columns: usize,
    targets: &'a [u32],
    /// One per row, or none for 1 each.
    weights: &'a [f64],
    classes: usize,
    config: &'a LogisticConfig,
    mean: &'a [f64],
    factor: &'a [f64],
}

impl Problem<'_> {
    /// The objective and its gradient at `at`: weights [classes, columns], then biases.
    fn objective(&self, at: &[f64]) -> (f64, Vec<f64>) {
        let (weight, bias) = at.split_at(self.classes * self.columns);
        let blocks = self.features.par_chunks(BLOCK * self.columns).zip(self.targets.par_chunks(BLOCK));
        let parts: Vec<(f64, Vec<f64>)> = blocks
            .enumerate()
            .map(|(block, (features, targets))| {
                let weights = self.weights.get(block * BLOCK..).unwrap_or_default();
                self.part(features, targets, weights, weight, bias)
            })
            .collect();
        // The rows of two classes are -w/2 and w/2 at the minimum, so this is half the squared norm of w.
        let penalty = if self.classes == 2 { 2.0 } else { 1.0 };
        let mut value = 0.5 * penalty * weight.iter().map(|weight| weight * weight).sum::<f64>();
        let mut gradient: Vec<f64> = weight.iter().map(|weight| penalty * weight).collect();
        gradient.resize(at.len(), 0.0);
        for (part, slope) in parts {
            value += part;
            gradient.iter_mut().zip(&slope).for_each(|(sum, part)| *sum += part);
        }
        (value, gradient)
    }

    /// The share of some rows; `weights` are theirs and those of the rows after them, or none.
    fn part(
        &self,
        features: &[f32],
        targets: &[u32],
        weights: &[f64],
        weight: &[f64],
        bias: &[f64],
    ) -> (f64, Vec<f64>) {
        let (classes, columns) = (self.classes, self.columns);
        let mut gradient = vec![0.0; classes * (columns + 1)];
        let mut value = 0.0;
        let mut x = vec![0.0; columns];
        let mut scores = vec![0.0; classes];
        for (at, (row, target)) in features.chunks_exact(columns).zip(targets).enumerate() {
            let target = *target as usize;
            for (((x, value), mean), factor) in x.iter_mut().zip(row).zip(self.mean).zip(self.factor) {
                *x = (f64::from(*value) - mean) * factor;
            }
            for ((score, weight), bias) in scores.iter_mut().zip(weight.chunks_exact(columns)).zip(bias) {
                *score = bias + dot(weight, &x);
            }
            let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let total: f64 = scores.iter().map(|score| (score - largest).exp()).sum();
            let counts = self.config.cost
                * self.config.class_weights.get(target).copied().unwrap_or(1.0)
                * weights.get(at).copied().unwrap_or(1.0);
            value += counts * (total.ln() + largest - scores[target]);
            for class in 0..classes {
                let probability = (scores[class] - largest).exp() / total;
                let error = counts * (probability - f64::from(u8::from(class == target)));
                gradient[classes * columns + class] += error;
                let slope = &mut gradient[class * columns..][..columns];
                slope.iter_mut().zip(&x).for_each(|(slope, x)| *slope += error * x);
            }
        }
        (value, gradient)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn problem(rows: usize, columns: usize, classes: usize) -> (Vec<f32>, Vec<u32>) {
        let targets: Vec<u32> = (0..rows).map(|row| ((row * 7 + row / 3) % classes) as u32).collect();
        (features_of(&targets, columns, classes), targets)
    }

    /// Every seventh row is of the last class.
    fn unbalanced_problem(rows: usize, columns: usize, classes: usize) -> (Vec<f32>, Vec<u32>) {
        let target = |row: usize| if row % 7 == 3 { classes - 1 } else { row % (classes - 1) };
        let targets: Vec<u32> = (0..rows).map(|row| target(row) as u32).collect();
        (features_of(&targets, columns, classes), targets)
    }

    fn features_of(targets: &[u32], columns: usize, classes: usize) -> Vec<f32> {
        let value = |at: usize| {
            let (row, column) = (at / columns, at % columns);
            let own = if column % classes == targets[row] as usize { 0.75 } else { 0.0 };
            (crate::formula(row as u64, column as u64) + own) as f32
        };
        (0..targets.len() * columns).map(value).collect()
    }

    #[test]
    fn weights_match_scikit_learn() {
        let golden = include_str!("../../../../testdata/goldens/linear/golden.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        for case in golden["cases"].as_array().unwrap() {
            let number = |key: &str| case[key].as_f64().unwrap();
            let (rows, columns, classes) =
                (number("rows") as usize, number("columns") as usize, number("classes") as usize);
            let yes = |key: &str| case[key].as_bool().unwrap();
            let problem = if yes("unbalanced") { unbalanced_problem } else { problem };
            let (features, targets) = problem(rows, columns, classes);
            let numbers = |key: &str| -> Vec<f64> { serde_json::from_value(case[key].clone()).unwrap() };
            let config = LogisticConfig {
                cost: number("cost"),
                class_weights: numbers("class_weights"),
                standardize: yes("standardize"),
                solver: LbfgsConfig { tolerance: 1e-6, iterations: 2000, ..LbfgsConfig::default() },
            };
            let found = logistic(&features, columns, &targets, classes, &config).unwrap();
            assert!(found.converged, "{} iterations", found.iterations);
            for (found, expected) in found.weight.iter().zip(numbers("weight")) {
                assert!((found - expected).abs() < 1e-5, "{found} {expected} {case}");
            }
            // A common shift of the biases has no effect; ours sum to 0.
            let shift = numbers("bias").iter().sum::<f64>() / classes as f64;
            for (found, expected) in found.bias.iter().zip(numbers("bias")) {
                assert!((found - (expected - shift)).abs() < 1e-4, "{found} {expected} {case}");
            }
        }
    }

    #[test]
    fn standardized_features_give_a_head_for_features_as_they_came() {
        let (mut features, targets) = problem(60, 6, 3);
        let config =
            LogisticConfig { solver: LbfgsConfig { tolerance: 1e-9, ..Default::default() }, ..Default::default() };
        let scores = |features: &[f32], found: &Logistic| -> Vec<f64> {
            let row = |row: &[f32]| -> Vec<f64> {
                let score = |class: usize| {
                    found.bias[class]
                        + row.iter().zip(&found.weight[class * 6..]).map(|(x, w)| f64::from(*x) * w).sum::<f64>()
                };
                (0..3).map(score).collect()
            };
            features.chunks(6).flat_map(row).collect()
        };
        let before = scores(&features, &logistic(&features, 6, &targets, 3, &config).unwrap());
        features.iter_mut().enumerate().for_each(|(at, value)| *value = *value * (1.0 + (at % 6) as f32) - 3.0);
        let after = scores(&features, &logistic(&features, 6, &targets, 3, &config).unwrap());
        for (before, after) in before.iter().zip(after) {
            assert!((before - after).abs() < 1e-4, "{before} {after}");
        }
    }

    #[test]
    fn the_result_has_the_same_bits_with_any_number_of_threads() {
        let (features, targets) = problem(2000, 9, 4);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| logistic(&features, 9, &targets, 4, &LogisticConfig::default()).unwrap())
        };
        assert_eq!(run(1), run(3));
    }

    #[test]
    fn weighted_rows_match_scikit_learn() {
        let golden = include_str!("../../../../testdata/goldens/weights/golden.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        for case in golden["logistic"].as_array().unwrap() {
            let number = |key: &str| case[key].as_f64().unwrap();
            let (rows, columns, classes) =
                (number("rows") as usize, number("columns") as usize, number("classes") as usize);
            let (features, targets) = problem(rows, columns, classes);
            let numbers = |key: &str| -> Vec<f64> { serde_json::from_value(case[key].clone()).unwrap() };
            let config = LogisticConfig {
                cost: number("cost"),
                class_weights: numbers("class_weights"),
                standardize: case["standardize"].as_bool().unwrap(),
                solver: LbfgsConfig { tolerance: 1e-6, iterations: 2000, ..LbfgsConfig::default() },
            };
            let weights: Vec<f64> = (0..rows).map(|row| (row % 5) as f64 / 2.0).collect();
            let found = logistic_weighted(&features, columns, &targets, classes, &weights, &config).unwrap();
            assert!(found.converged, "{} iterations", found.iterations);
            for (found, expected) in found.weight.iter().zip(numbers("weight")) {
                assert!((found - expected).abs() < 1e-5, "{found} {expected} {case}");
            }
            let shift = numbers("bias").iter().sum::<f64>() / classes as f64;
            for (found, expected) in found.bias.iter().zip(numbers("bias")) {
                assert!((found - (expected - shift)).abs() < 1e-4, "{found} {expected} {case}");
            }
        }
    }

    #[test]
    fn equal_weights_change_nothing_and_a_weight_of_two_is_the_row_twice() {
        let (features, targets) = problem(700, 5, 3);
        let config = LogisticConfig::default();
        let plain = logistic(&features, 5, &targets, 3, &config).unwrap();
        assert_eq!(plain, logistic_weighted(&features, 5, &targets, 3, &[1.0; 700], &config).unwrap());
        let tight =
            LogisticConfig { solver: LbfgsConfig { tolerance: 1e-9, ..LbfgsConfig::default() }, ..config.clone() };
        let weights: Vec<f64> = (0..700).map(|row| f64::from(row % 3)).collect();
        let (mut copies, mut labels) = (Vec::new(), Vec::new());
        for (row, (values, target)) in features.chunks(5).zip(&targets).enumerate() {
            for _ in 0..row % 3 {
                copies.extend_from_slice(values);
                labels.push(*target);
            }
        }
        let weighted = logistic_weighted(&features, 5, &targets, 3, &weights, &tight).unwrap();
        let copied = logistic(&copies, 5, &labels, 3, &tight).unwrap();
        for (weighted, copied) in weighted.weight.iter().zip(&copied.weight) {
            assert!((weighted - copied).abs() < 1e-8, "{weighted} {copied}");
        }
    }

    #[test]
    fn bad_weights_are_refused() {
        let refused = |weights: &[f64]| {
            let config = LogisticConfig::default();
            logistic_weighted(&[1.0, 2.0, 3.0], 1, &[0, 1, 1], 2, weights, &config).unwrap_err().to_string()
        };
        assert!(refused(&[1.0, -1.0, 1.0]).contains("weight -1 of row 1"));
        assert!(refused(&[1.0, f64::NAN, 1.0]).contains("weight NaN of row 1"));
        assert!(refused(&[0.0; 3]).contains("all weights are 0"));
        assert!(refused(&[1.0; 2]).contains("2 weights for 3 rows"));
        assert!(refused(&[0.0, 1.0, 1.0]).contains("of one class"));
    }

    #[test]
    fn a_single_class_is_refused() {
        let config = LogisticConfig::default();
        assert!(logistic(&[1.0, 2.0], 1, &[0, 0], 1, &config).unwrap_err().to_string().contains("only one class"));
        assert!(logistic(&[1.0, f32::NAN], 1, &[0, 1], 2, &config).unwrap_err().to_string().contains("not finite"));
    }
}
