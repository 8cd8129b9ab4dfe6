//! soft-impute (Mazumder, Hastie & Tibshirani 2010): minimize 1/2 sum over known entries of (x - z)^2 + lambda |Z|_*,
//! with warm starts from a large lambda down (their algorithm 1), and optionally without the shrinkage of the nuclear
//! norm.

use anyhow::{Result, ensure};
use faer::Mat;
use rand::seq::SliceRandom;

use super::Observed;
use super::als::refine;
use super::low_rank::{LowRank, Shrinker};
use super::proximal::{Loss, Stop, minimize};
use crate::dot;
use crate::linalg::product;

/// Values of lambda from the largest down to a thousandth of it.
const STEPS: usize = 20;
const SMALLEST: f64 = 1e-3;
/// Values of lambda without a better held-out error after which the search ends.
const PATIENCE: usize = 4;
/// Share of the held-out error by which a better one is lower.
const WORTHWHILE: f64 = 0.003;
/// The same for a component that is added to a fit.
const GROWTH: f64 = 0.02;
/// Share of the first held-out error at which nothing is left to improve.
const EXACT: f64 = 1e-5;
/// Sweeps of least squares during the search, and after it.
const TRIAL_SWEEPS: usize = 30;
const SWEEPS: usize = 500;

/// Options of [`soft_impute`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SoftImputeConfig {
    /// Most components of the result.
    pub rank: usize,
    /// The weight of the nuclear norm, in the units of the values; `None` chooses it by held-out entries.
    pub lambda: Option<f64>,
    /// Fit the known entries by least squares of the rank that was found, without shrinkage. With a chosen lambda only
    /// if held-out entries are predicted better.
    pub debias: bool,
    /// Subtract the mean of the known entries of each column first.
    pub center: bool,
    /// Share of the entries held out for the choice, above 0 and below 1.
    pub held_out: f64,
    /// Most steps for each lambda.
    pub iterations: usize,
    /// Stop when a step changes the matrix by less than this share of its norm.
    pub tolerance: f64,
    /// Seed of the held-out entries and of the first directions.
    pub seed: u64,
}

impl Default for SoftImputeConfig {
    fn default() -> Self {
        Self {
            rank: 100,
            lambda: None,
            debias: true,
            center: true,
            held_out: 0.1,
            iterations: 200,
            tolerance: 1e-5,
            seed: 0,
        }
    }
}

/// A completed matrix, as factors.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// [rank, rows].
    left: Mat<f64>,
    /// [rank, columns].
    right: Mat<f64>,
    /// Mean of the known entries of each column; zeros when not centered.
    pub mean: Vec<f64>,
    /// The weight of the nuclear norm.
    pub lambda: f64,
    /// Whether the shrinkage was removed.
    pub debiased: bool,
    /// Root mean squared error of the held-out entries; `None` with a given lambda.
    pub held_out_error: Option<f64>,
}

impl Completion {
    /// Components of the result, besides the means.
    pub fn rank(&self) -> usize {
        self.left.nrows()
    }

    /// The fitted value at (row, column), of known entries too.
    pub fn at(&self, row: usize, column: usize) -> f64 {
        self.mean[column] + dot(self.left.col_as_slice(row), self.right.col_as_slice(column))
    }

    /// All fitted values [rows, columns].
    pub fn dense(&self) -> Mat<f64> {
        let mut dense = product(self.left.transpose(), self.right.as_ref());
        for (column, mean) in self.mean.iter().enumerate() {
            dense.col_as_slice_mut(column).iter_mut().for_each(|value| *value += mean);
        }
        dense
    }
}

/// Completes a matrix from its known entries.
/// # Errors
/// When lambda is so large that nothing but the means is left, an option is out of its range, or there are too few
/// entries to hold any out.
pub fn soft_impute(observed: &Observed, config: &SoftImputeConfig) -> Result<Completion> {
    ensure!(config.rank > 0 && config.iterations > 0, "completion: the rank and the iterations must be at least 1");
    let (observed, mean) = centered(observed, config.center);
    let observed = &observed;
    let (lambda, debias, fit, held_out_error) = match config.lambda {
        Some(lambda) => {
            ensure!(lambda > 0.0 && lambda.is_finite(), "completion: lambda must be above 0, not {lambda:?}");
            (lambda, config.debias, descend(observed, lambda, config)?, None)
        }
        None => {
            let Chosen { lambda, fit, debiased, error } = choose(observed, config)?;
            let fit = if debiased {
                fit
            } else {
                // From the fit without the held-out entries, only a few steps are left.
                let mut path = Path::new(observed, config)?;
                path.fit = fit;
                path.step(lambda, config.stop())?;
                path.fit
            };
            (lambda, debiased, fit, Some(error))
        }
    };
    let debiased = debias && fit.rank() > 0;
    let fit = if debiased { refine(observed, &fit, 0.0, SWEEPS, 1e-6)? } else { fit };
    Ok(Completion { left: fit.left, right: fit.right, mean, lambda, debiased, held_out_error })
}

impl SoftImputeConfig {
    fn stop(&self) -> Stop {
        Stop { iterations: self.iterations, tolerance: self.tolerance }
    }
}

/// The entries without the mean of their columns, and the means.
fn centered(observed: &Observed, center: bool) -> (Observed, Vec<f64>) {
    let mut mean = vec![0.0; observed.columns()];
    if center {
        for (column, mean) in mean.iter_mut().enumerate() {
            let entries = observed.column(column);
            let sum: f64 = entries.iter().map(|(_, index)| observed.values()[*index]).sum();
            *mean = sum / entries.len() as f64;
        }
    }
    (observed.map(|_, column, value| value - mean[column]), mean)
}

struct Squares<'a> {
    values: &'a [f64],
}

impl Loss for Squares<'_> {
    fn gradient(&mut self, predictions: &[f64], gradient: &mut [f64]) -> f64 {
        let mut sum = 0.0;
        for ((gradient, prediction), value) in gradient.iter_mut().zip(predictions).zip(self.values) {
            *gradient = prediction - value;
            sum += 0.5 * *gradient * *gradient;
        }
        sum
    }

    fn step(&self) -> f64 {
        1.0
    }
}

/// Fits for smaller and smaller lambda, each from the one before.
struct Path<'a> {
    observed: &'a Observed,
    shrinker: Shrinker<'a>,
    fit: LowRank,
    largest: f64,
}

impl<'a> Path<'a> {
    fn new(observed: &'a Observed, config: &SoftImputeConfig) -> Result<Self> {
        let mut shrinker = Shrinker::new(observed, config.rank, config.seed);
        let largest = shrinker.largest(observed.values())?;
        Ok(Self { observed, shrinker, fit: LowRank::zero(observed.rows(), observed.columns()), largest })
    }

    fn step(&mut self, lambda: f64, stop: Stop) -> Result<()> {
        let mut loss = Squares { values: self.observed.values() };
        self.fit = minimize(self.observed, &mut self.shrinker, &mut loss, lambda, self.fit.clone(), stop, false)?;
        Ok(())
    }
}

/// The fit for one lambda.
fn descend(observed: &Observed, lambda: f64, config: &SoftImputeConfig) -> Result<LowRank> {
    let mut path = Path::new(observed, config)?;
    let largest = path.largest;
    ensure!(
        lambda < largest,
        "completion: with lambda {lambda:?} nothing but the means of the columns is left; use a --lambda below {largest:.4e}"
    );
    let mut at = largest;
    // A rough solution is start enough for the next lambda.
    while at * 0.5 > lambda {
        at *= 0.5;
        path.step(at, Stop { iterations: 20, tolerance: 1e-3 })?;
    }
    path.step(lambda, config.stop())?;
    Ok(path.fit)
}

struct Chosen {
    lambda: f64,
    fit: LowRank,
    /// Whether the fit is without shrinkage.
    debiased: bool,
    /// Root mean squared error of the held-out entries.
    error: f64,
}

/// The lambda, and whether to remove the shrinkage, that predict held-out entries best.
fn choose(observed: &Observed, config: &SoftImputeConfig) -> Result<Chosen> {
    let share = config.held_out;
    ensure!(share > 0.0 && share < 1.0, "completion: the held-out share must be above 0 and below 1, not {share:?}");
    let mut order: Vec<usize> = (0..observed.len()).collect();
    order.shuffle(&mut dl_record::rng(config.seed, "completion, held out"));
    let count = ((observed.len() as f64 * share) as usize).max(1);
    let (train, left_out) = observed.without(&observed.removable(order.into_iter(), count));
    ensure!(!left_out.is_empty(), "completion: too few entries to hold any out; give --lambda");
    let error = |fit: &LowRank| {
        let squares = left_out.iter().map(|(row, column, value)| (fit.at(*row, *column) - value).powi(2));
        (squares.sum::<f64>() / left_out.len() as f64).sqrt()
    };
    let mut path = Path::new(&train, config)?;
    ensure!(
        path.largest > 0.0,
        "completion: all known entries are equal to the means of their columns; nothing to fit"
    );
    let mut best = Chosen { lambda: path.largest, fit: path.fit.clone(), debiased: false, error: error(&path.fit) };
    let exact = EXACT * best.error;
    let mut since = 0;
    for step in 1..=STEPS {
        let lambda = path.largest * SMALLEST.powf(step as f64 / STEPS as f64);
        path.step(lambda, Stop { iterations: 40, tolerance: 1e-3 })?;
        let before = best.error;
        let soft = error(&path.fit);
        if soft < best.error {
            best = Chosen { lambda, fit: path.fit.clone(), debiased: false, error: soft };
        }
        if config.debias && path.fit.rank() > 0 {
            let rank = before_gap(&path.fit.singular, lambda);
            let fit = refine(&train, &path.fit.truncated(rank), 0.0, TRIAL_SWEEPS, 1e-4)?;
            let error = error(&fit);
            if error < best.error {
                best = Chosen { lambda, fit, debiased: true, error };
            }
        }
        since = if best.error < before * (1.0 - WORTHWHILE) { 0 } else { since + 1 };
        if since == PATIENCE || best.error < exact {
            break;
        }
    }
    // A component too small for the nuclear norm to show is found in what is left.
    while best.debiased && best.fit.rank() < config.rank && best.error >= exact {
        let predicted = best.fit.at_observed(&train);
        let residue: Vec<f64> = train.values().iter().zip(predicted).map(|(value, fitted)| value - fitted).collect();
        let more = Shrinker::new(&train, 1, config.seed).leading(&residue)?;
        let fit = refine(&train, &best.fit.combined(1.0, &more, 1.0), 0.0, TRIAL_SWEEPS, 1e-4)?;
        let error = error(&fit);
        if error >= best.error * (1.0 - GROWTH) {
            break;
        }
        best = Chosen { fit, error, ..best };
    }
    Ok(best)
}

/// The number of components before the largest drop of the singular values, of which `singular` are those above
/// `lambda`.
fn before_gap(singular: &[f64], lambda: f64) -> usize {
    // What is below lambda is unknown; the last component found counts as followed by the threshold.
    let value = |at: usize| singular.get(at).map_or(lambda, |value| value + lambda);
    let drop = |at: usize| value(at - 1) / value(at);
    (1..=singular.len()).max_by(|a, b| drop(*a).total_cmp(&drop(*b)).then(b.cmp(a))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Golden {
        soft: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        rows: usize,
        columns: usize,
        lam: f64,
        objective: f64,
        first_row: Vec<f64>,
    }

    /// Entries of the goldens' make.py.
    fn known(rows: usize, columns: usize) -> Observed {
        let known = |row: usize, column: usize| {
            row == 0 || column == 0 || crate::formula(row as u64 + 500, column as u64) < 0.4
        };
        let value = |row, column| {
            if known(row, column) { crate::formula(row as u64, column as u64) } else { f64::NAN }
        };
        Observed::from_nan(Mat::from_fn(rows, columns, value).as_ref()).unwrap()
    }

    fn plain(lambda: f64) -> SoftImputeConfig {
        let (debias, center, iterations, tolerance) = (false, false, 5000, 1e-9);
        SoftImputeConfig { lambda: Some(lambda), debias, center, iterations, tolerance, ..Default::default() }
    }

    #[test]
    fn the_minimum_is_that_of_dense_steps_in_numpy() {
        let golden = include_str!("../../../../testdata/goldens/complete/golden.json");
        let golden: Golden = serde_json::from_str(golden).unwrap();
        for case in golden.soft {
            let observed = known(case.rows, case.columns);
            let found = soft_impute(&observed, &plain(case.lam)).unwrap();
            let squares = observed.entries().map(|(row, column, value)| (value - found.at(row, column)).powi(2));
            let norm: f64 = found.dense().thin_svd().unwrap().S().column_vector().iter().sum();
            let objective = 0.5 * squares.sum::<f64>() + case.lam * norm;
            assert!((objective / case.objective - 1.0).abs() < 1e-9, "{objective} {}", case.objective);
            for (column, expected) in case.first_row.iter().enumerate() {
                assert!((found.at(0, column) - expected).abs() < 1e-5, "{} {expected}", found.at(0, column));
            }
        }
    }

    #[test]
    fn the_residue_is_a_subgradient_of_the_norm() {
        let observed = known(160, 150);
        let lambda = 8.0;
        let found = soft_impute(&observed, &plain(lambda)).unwrap();
        let mut residue = Mat::<f64>::zeros(160, 150);
        observed.entries().for_each(|(row, column, value)| residue[(row, column)] = value - found.at(row, column));
        // Of spectral norm lambda, and lambda u v' along the components.
        let largest = residue.thin_svd().unwrap().S()[0];
        assert!(found.rank() > 2 && (largest / lambda - 1.0).abs() < 1e-4, "rank {} {largest}", found.rank());
        let svd = found.dense().thin_svd().unwrap();
        let (u, v) = (svd.U().subcols(0, found.rank()), svd.V().subcols(0, found.rank()));
        let along = product(product(u.transpose(), residue.as_ref()).as_ref(), v);
        let difference = (along - Mat::<f64>::identity(found.rank(), found.rank()) * faer::Scale(lambda)).norm_max();
        assert!(difference < 1e-3 * lambda, "{difference}");
    }

    #[test]
    fn a_matrix_of_low_rank_comes_back_exactly_with_any_number_of_threads() {
        let (rows, columns) = (150, 140);
        let factor = |row: usize, column: usize| crate::formula(row as u64 + 900, column as u64);
        let left = Mat::from_fn(rows, 3, factor);
        let right = Mat::from_fn(3, columns, |row, column| factor(column + 300, row));
        let truth = product(left.as_ref(), right.as_ref());
        let observed = known(rows, columns);
        let entries = observed.entries().filter(|(row, column, _)| row == column || row * 7 % 3 != column % 3);
        let entries = entries.map(|(row, column, _)| (row, column, 5.0 + truth[(row, column)])).collect();
        let observed = Observed::new(rows, columns, entries).unwrap();
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| soft_impute(&observed, &SoftImputeConfig::default())).unwrap()
        };
        let found = on(1);
        assert_eq!(found, on(3));
        let expected = Mat::from_fn(rows, columns, |row, column| 5.0 + truth[(row, column)]);
        let error = (found.dense() - &expected).norm_l2() / truth.norm_l2();
        assert!(error < 1e-6 && found.debiased && found.held_out_error.unwrap() < 1e-3, "{error}");
    }

    #[test]
    fn bad_options_are_named() {
        let observed = known(20, 12);
        let error = |config: SoftImputeConfig| soft_impute(&observed, &config).unwrap_err().to_string();
        assert!(error(plain(1e6)).contains("nothing but the means of the columns is left; use a --lambda below"));
        assert!(error(plain(0.0)).contains("lambda must be above 0"));
        assert!(error(SoftImputeConfig { held_out: 1.0, ..Default::default() }).contains("held-out share"));
        assert!(error(SoftImputeConfig { rank: 0, ..Default::default() }).contains("at least 1"));
        let constant = observed.map(|_, _, _| 3.0);
        let error = soft_impute(&constant, &SoftImputeConfig::default()).unwrap_err().to_string();
        assert!(error.contains("equal to the means"), "{error}");
    }
}
