//! Labels of rows with unknown labels and unknown features, completed together (Goldberg et al. 2010): the matrix of
//! labels and features has a low rank, labels are seen through a logistic loss, features through squares.
//!
//! minimize mu |Z|_* + lambda / n_y sum over known labels of log(1 + exp(-y (z + b))) + 1 / n_x sum over known features
//! of
//! 1/2 (z - x)^2, where MC-b has a bias b per label, and MC-1 a last column of Z that is always 1. Solved for mu from large to
//! small, each from the one before; mu and lambda are those that predict held-out labels best.

use anyhow::{Result, ensure};
use faer::{Mat, MatRef};
use rand::seq::SliceRandom;

use super::Observed;
use super::low_rank::{LowRank, Shrinker};
use super::observed::Entry;
use super::proximal::{Loss, Stop, minimize};
use crate::sigmoid::{sigmoid, softplus};

/// Bound on a bias, which labels of one kind alone would make infinite.
const BIAS: f64 = 10.0;
/// Values of mu without a better held-out loss after which the search ends.
const PATIENCE: usize = 3;
/// Most steps, and the factor on the tolerance, while mu and lambda are chosen.
const ROUGH_STEPS: usize = 60;
const ROUGH: f64 = 10.0;

/// Where the bias of a label is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LabelMethod {
    /// MC-b: a number for each label, not penalized.
    #[default]
    Bias,
    /// MC-1: a column of ones in the matrix.
    One,
}

/// Options of [`complete_labels`].
#[derive(Clone, Debug, PartialEq)]
pub struct LabelConfig {
    /// MC-b or MC-1.
    pub method: LabelMethod,
    /// Weights of the labels' loss to choose from, each above 0.
    pub lambdas: Vec<f64>,
    /// Factor from one mu to the next (the paper's eta), above 0 and below 1.
    pub continuation: f64,
    /// The last mu, as a share of the first, at which Z vanishes.
    pub smallest: f64,
    /// Share of the known labels held out for the choice of mu and lambda, above 0 and below 1.
    pub held_out: f64,
    /// Most components.
    pub rank: usize,
    /// Most steps for each mu.
    pub iterations: usize,
    /// Stop when a step changes Z by less than this share of its norm.
    pub tolerance: f64,
    /// Seed of the held-out labels.
    pub seed: u64,
}

impl Default for LabelConfig {
    fn default() -> Self {
        Self {
            method: LabelMethod::Bias,
            lambdas: vec![1e-3, 1e-2, 1e-1, 1.0],
            continuation: 0.25,
            smallest: 1e-4,
            held_out: 0.2,
            rank: 100,
            iterations: 200,
            tolerance: 1e-4,
            seed: 0,
        }
    }
}

/// Completed labels and features.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelCompletion {
    /// [n, labels]: above 0 for the label 1; the probability of it is 1 / (1 + exp(-score)).
    pub scores: Mat<f64>,
    /// [n, features]: fitted values, of known ones too.
    pub features: Mat<f64>,
    /// The chosen weight of the labels' loss.
    pub lambda: f64,
    /// The chosen weight of the nuclear norm.
    pub mu: f64,
    /// Components of Z.
    pub rank: usize,
    /// Mean logistic loss of the held-out labels.
    pub held_out_loss: f64,
    /// Share of the held-out labels that were predicted wrong.
    pub held_out_error: f64,
}

/// Completes `labels` [n, labels], each 1, -1 or, if unknown, 0, and `features` [n, columns], NaN where unknown.
/// Features are standardized by the mean and the deviation of the known ones of their column.
/// # Errors
/// When the numbers of rows differ, a label is something else, a row has neither a label nor a feature, a column of
/// either has nothing known, or there are too few labels to hold any out.
pub fn complete_labels(labels: MatRef<f64>, features: MatRef<f64>, config: &LabelConfig) -> Result<LabelCompletion> {
    let (n, t, d) = (labels.nrows(), labels.ncols(), features.ncols());
    ensure!(features.nrows() == n, "completion: labels of {n} rows, features of {}", features.nrows());
    ensure!(t > 0 && d > 0, "completion: {t} labels and {d} features; give at least one of each");
    check(config)?;
    let mut entries = Vec::new();
    for row in 0..n {
        for label in 0..t {
            let value = labels[(row, label)];
            ensure!(
                value == 1.0 || value == -1.0 || value == 0.0,
                "completion: row {row}, label {label}, counted from 0: {value:?} is not 1, -1 or 0 (unknown)"
            );
            if value != 0.0 {
                entries.push((row, label, value));
            }
        }
        for column in (0..d).filter(|column| !features[(row, *column)].is_nan()) {
            entries.push((row, t + column, features[(row, column)]));
        }
    }
    let stacked = Observed::new(n, t + d, entries)?;
    let (mean, deviation) = moments(&stacked, t);
    let one = config.method == LabelMethod::One;
    let standardized = stacked.entries().map(|(row, column, value)| {
        (row, column, if column < t { value } else { (value - mean[column - t]) / deviation[column - t] })
    });
    let ones = (0..n).filter(|_| one).map(|row| (row, t + d, 1.0));
    let all = Observed::new(n, t + d + usize::from(one), standardized.chain(ones).collect())?;

    let (train, held) = hold_out(&all, t, config)?;
    let mut best: Option<(Fitted, f64, f64)> = None;
    for lambda in &config.lambdas {
        let mut path = Path::new(&train, t, *lambda, config)?;
        let (mut lowest, mut since) = (f64::INFINITY, 0);
        while since < PATIENCE && path.advance()? {
            let (loss, error) = path.fitted.judge(&held);
            since = if loss < lowest { 0 } else { since + 1 };
            lowest = lowest.min(loss);
            if best.as_ref().is_none_or(|best| loss < best.1) {
                best = Some((path.fitted.clone(), loss, error));
            }
        }
    }
    let (chosen, held_out_loss, held_out_error) =
        best.ok_or_else(|| anyhow::anyhow!("completion: no lambda to choose from; give at least one"))?;
    let mut path = Path::new(&all, t, chosen.lambda, config)?;
    // From the fit without the held-out labels, only a few steps are left.
    path.fitted = chosen;
    path.settle(Stop { iterations: config.iterations, tolerance: config.tolerance })?;
    let Fitted { z, bias, lambda, mu } = path.fitted;
    let scores = Mat::from_fn(n, t, |row, label| z.at(row, label) + bias[label]);
    let features = Mat::from_fn(n, d, |row, column| z.at(row, t + column) * deviation[column] + mean[column]);
    Ok(LabelCompletion { scores, features, lambda, mu, rank: z.singular.len(), held_out_loss, held_out_error })
}

fn check(config: &LabelConfig) -> Result<()> {
    for (name, value) in
        [("continuation", config.continuation), ("smallest mu", config.smallest), ("held-out share", config.held_out)]
    {
        ensure!(value > 0.0 && value < 1.0, "completion: the {name} must be above 0 and below 1, not {value:?}");
    }
    let positive = config.lambdas.iter().all(|lambda| *lambda > 0.0 && lambda.is_finite());
    ensure!(positive && !config.lambdas.is_empty(), "completion: lambdas must be above 0, and at least one");
    ensure!(config.rank > 0 && config.iterations > 0, "completion: the rank and the iterations must be at least 1");
    Ok(())
}

/// Mean and deviation of the known features of each column after the first `labels`; 1 for the deviation of a constant
/// one.
fn moments(stacked: &Observed, labels: usize) -> (Vec<f64>, Vec<f64>) {
    let of_column = |column: usize| {
        let values: Vec<f64> = stacked.column(column).iter().map(|(_, index)| stacked.values()[*index]).collect();
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
        (mean, if deviation > 1e-12 * mean.abs() && deviation.is_normal() { deviation } else { 1.0 })
    };
    (labels..stacked.columns()).map(of_column).unzip()
}

/// The entries without some of the labels, and those labels.
fn hold_out(all: &Observed, t: usize, config: &LabelConfig) -> Result<(Observed, Vec<Entry>)> {
    let mut order: Vec<usize> = (0..all.len()).filter(|index| all.column_of(*index) < t).collect();
    let count = ((order.len() as f64 * config.held_out) as usize).max(1);
    order.shuffle(&mut dl_record::rng(config.seed, "completion, held-out labels"));
    let (train, held) = all.without(&all.removable(order.into_iter(), count));
    ensure!(
        !held.is_empty(),
        "completion: too few known labels to hold any out; each label needs two or more; or use --method soft-impute"
    );
    Ok((train, held))
}

#[derive(Clone)]
struct Fitted {
    z: LowRank,
    bias: Vec<f64>,
    lambda: f64,
    mu: f64,
}

impl Fitted {
    /// Mean logistic loss, and share of errors, of labels.
    fn judge(&self, labels: &[Entry]) -> (f64, f64) {
        let (mut loss, mut errors) = (0.0, 0_usize);
        for (row, label, sign) in labels {
            let margin = sign * (self.z.at(*row, *label) + self.bias[*label]);
            loss += softplus(-margin);
            errors += usize::from(margin <= 0.0);
        }
        (loss / labels.len() as f64, errors as f64 / labels.len() as f64)
    }
}

/// Fits for smaller and smaller mu.
struct Path<'a> {
    observed: &'a Observed,
    labels: usize,
    config: &'a LabelConfig,
    shrinker: Shrinker<'a>,
    fitted: Fitted,
    /// At this mu and above, Z is 0.
    largest: f64,
}

impl<'a> Path<'a> {
    fn new(observed: &'a Observed, labels: usize, lambda: f64, config: &'a LabelConfig) -> Result<Self> {
        let mut shrinker = Shrinker::new(observed, config.rank, config.seed);
        let mut loss = Mixed::new(observed, labels, lambda, vec![0.0; labels], config.method);
        let mut gradient = vec![0.0; observed.len()];
        loss.gradient(&vec![0.0; observed.len()], &mut gradient);
        let largest = shrinker.largest(&gradient)?;
        let z = LowRank::zero(observed.rows(), observed.columns());
        let fitted = Fitted { z, bias: loss.bias, lambda, mu: largest };
        Ok(Self { observed, labels, config, shrinker, fitted, largest })
    }

    /// Solves roughly for the next mu; false after the last.
    fn advance(&mut self) -> Result<bool> {
        let next = self.fitted.mu * self.config.continuation;
        if next < self.largest * self.config.smallest {
            return Ok(false);
        }
        self.fitted.mu = next;
        self.settle(Stop { iterations: ROUGH_STEPS, tolerance: ROUGH * self.config.tolerance })?;
        Ok(true)
    }

    /// Solves for the mu that is set, from the fit so far.
    fn settle(&mut self, stop: Stop) -> Result<()> {
        let Fitted { z, bias, lambda, mu } = self.fitted.clone();
        let mut loss = Mixed::new(self.observed, self.labels, lambda, bias, self.config.method);
        let pinned = self.config.method == LabelMethod::One;
        let z = minimize(self.observed, &mut self.shrinker, &mut loss, mu, z, stop, pinned)?;
        // The biases are those of the last point looked at.
        loss.gradient(&z.at_observed(self.observed), &mut vec![0.0; self.observed.len()]);
        self.fitted = Fitted { z, bias: loss.bias, lambda, mu };
        Ok(())
    }
}

/// Logistic loss of labels, minimized over their biases (MC-b), and squares of features.
struct Mixed<'a> {
    observed: &'a Observed,
    labels: usize,
    bias: Vec<f64>,
    biased: bool,
    /// lambda / n_y and 1 / n_x.
    label_factor: f64,
    feature_factor: f64,
}

impl<'a> Mixed<'a> {
    fn new(observed: &'a Observed, labels: usize, lambda: f64, bias: Vec<f64>, method: LabelMethod) -> Self {
        let known: usize = (0..labels).map(|label| observed.column(label).len()).sum();
        // The column of ones of MC-1 is set, not fitted.
        let ones = if method == LabelMethod::One { observed.rows() } else { 0 };
        let (label_factor, feature_factor) =
            (lambda / known as f64, 1.0 / (observed.len() - known - ones).max(1) as f64);
        Self { observed, labels, bias, biased: method == LabelMethod::Bias, label_factor, feature_factor }
    }

    /// Moves the bias of a label to the minimum by Newton's method.
    fn fit_bias(&mut self, label: usize, predictions: &[f64]) {
        for _ in 0..30 {
            let (mut slope, mut curvature) = (0.0, 0.0);
            for (_, index) in self.observed.column(label) {
                let probability = sigmoid(predictions[*index] + self.bias[label]);
                slope += probability - f64::from(self.observed.values()[*index] > 0.0);
                curvature += probability * (1.0 - probability);
            }
            // Bounded, since far from the minimum the curvature vanishes.
            let step = (slope / curvature.max(f64::MIN_POSITIVE)).clamp(-1.0, 1.0);
            let new = (self.bias[label] - step).clamp(-BIAS, BIAS);
            let change = (new - self.bias[label]).abs();
            self.bias[label] = new;
            if change < 1e-10 {
                break;
            }
        }
    }
}

impl Loss for Mixed<'_> {
    fn gradient(&mut self, predictions: &[f64], gradient: &mut [f64]) -> f64 {
        let mut sum = 0.0;
        for label in 0..self.labels {
            if self.biased {
                self.fit_bias(label, predictions);
            }
            for (_, index) in self.observed.column(label) {
                let (score, sign) = (predictions[*index] + self.bias[label], self.observed.values()[*index]);
                sum += self.label_factor * softplus(-sign * score);
                gradient[*index] = -self.label_factor * sign * sigmoid(-sign * score);
            }
        }
        for column in self.labels..self.observed.columns() {
            let ones = !self.biased && column + 1 == self.observed.columns();
            let factor = if ones { 0.0 } else { self.feature_factor };
            for (_, index) in self.observed.column(column) {
                let difference = predictions[*index] - self.observed.values()[*index];
                sum += factor * 0.5 * difference * difference;
                gradient[*index] = factor * difference;
            }
        }
        sum
    }

    fn step(&self) -> f64 {
        (4.0 / self.label_factor).min(1.0 / self.feature_factor)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Golden {
        labels: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        rows: usize,
        labels: usize,
        columns: usize,
        lam: f64,
        mu: f64,
        objective: f64,
        bias: Vec<f64>,
        first_row: Vec<f64>,
    }

    #[test]
    fn mc_b_reaches_the_minimum_of_dense_steps_in_numpy() {
        let golden = include_str!("../../../../testdata/goldens/complete/golden.json");
        let golden: Golden = serde_json::from_str(golden).unwrap();
        for case in golden.labels {
            let mut entries = Vec::new();
            for row in 0..case.rows {
                for column in 0..case.labels + case.columns {
                    let value = crate::formula(row as u64, column as u64);
                    let label = if value >= 0.0 { 1.0 } else { -1.0 };
                    if row == 0 || column == 0 || crate::formula(row as u64 + 500, column as u64) < 0.4 {
                        entries.push((row, column, if column < case.labels { label } else { value }));
                    }
                }
            }
            let observed = Observed::new(case.rows, case.labels + case.columns, entries).unwrap();
            let config = LabelConfig::default();
            let mut path = Path::new(&observed, case.labels, case.lam, &config).unwrap();
            path.fitted.mu = case.mu;
            path.settle(Stop { iterations: 5000, tolerance: 1e-9 }).unwrap();
            let Fitted { z, bias, .. } = path.fitted;
            let mut loss = Mixed::new(&observed, case.labels, case.lam, bias.clone(), LabelMethod::Bias);
            let value = loss.gradient(&z.at_observed(&observed), &mut vec![0.0; observed.len()]);
            let objective = value + case.mu * z.singular.iter().sum::<f64>();
            assert!((objective / case.objective - 1.0).abs() < 1e-9, "{objective} {}", case.objective);
            for (found, expected) in bias.iter().zip(&case.bias) {
                assert!((found - expected).abs() < 1e-4, "{found} {expected}");
            }
            for (column, expected) in case.first_row.iter().enumerate() {
                assert!((z.at(0, column) - expected).abs() < 1e-4, "{} {expected}", z.at(0, column));
            }
        }
    }

    /// Labels are signs of sums of two hidden numbers, features other sums of them; a third of both is unknown.
    fn hidden(rows: usize) -> (Mat<f64>, Mat<f64>, Mat<f64>) {
        let value = |row: usize, column: usize| crate::formula(row as u64, column as u64);
        let sum = |row: usize, column: usize| {
            (0..2).map(|at| value(row, at) * value(column + 700, at + 3)).sum::<f64>() + 0.3
        };
        let unknown = |row: usize, column: usize| value(row + 300, column) < -0.7;
        let truth = Mat::from_fn(rows, 3, |row, label| if sum(row, label) > 0.0 { 1.0 } else { -1.0 });
        let labels = Mat::from_fn(rows, 3, |row, label| if unknown(row, label) { 0.0 } else { truth[(row, label)] });
        let features = Mat::from_fn(rows, 10, |row, column| {
            if column > 0 && unknown(row, column + 3) { f64::NAN } else { sum(row, column + 3) }
        });
        (truth, labels, features)
    }

    #[test]
    fn unknown_labels_and_features_come_back_with_any_number_of_threads() {
        let (truth, labels, features) = hidden(120);
        for method in [LabelMethod::Bias, LabelMethod::One] {
            let config = LabelConfig { method, lambdas: vec![0.1, 1.0], ..LabelConfig::default() };
            let on = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| complete_labels(labels.as_ref(), features.as_ref(), &config)).unwrap()
            };
            let found = on(1);
            assert_eq!(found, on(3));
            assert!(found.features.norm_max().is_finite());
            let unknown = || (0..120).flat_map(|row| (0..3).map(move |label| (row, label)));
            let unknown = || unknown().filter(|(row, label)| labels[(*row, *label)] == 0.0);
            let wrong = unknown().filter(|at| found.scores[*at] * truth[*at] <= 0.0).count() as f64;
            assert!(unknown().count() > 50 && wrong < 0.1 * unknown().count() as f64, "{method:?}: {wrong}");
        }
    }

    #[test]
    fn bad_input_is_named() {
        let (_, labels, features) = hidden(30);
        let error = |labels: &Mat<f64>, features: &Mat<f64>| {
            complete_labels(labels.as_ref(), features.as_ref(), &LabelConfig::default()).unwrap_err().to_string()
        };
        let mut other = labels.clone();
        other[(4, 1)] = 2.0;
        assert!(error(&other, &features).contains("row 4, label 1"));
        let (mut no_labels, mut nothing) = (labels.clone(), features.clone());
        (0..3).for_each(|label| no_labels[(5, label)] = 0.0);
        (0..10).for_each(|column| nothing[(5, column)] = f64::NAN);
        assert!(error(&no_labels, &nothing).starts_with("row 5, counted from 0, has no known entry"));
        let mut unlabeled = labels.clone();
        (0..30).for_each(|row| unlabeled[(row, 2)] = 0.0);
        assert!(error(&unlabeled, &features).starts_with("column 2, counted from 0, has no known entry"));
        assert!(error(&labels, &hidden(29).2).contains("labels of 30 rows, features of 29"));
    }
}
