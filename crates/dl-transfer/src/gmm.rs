//! Mixtures of Gaussians fitted by expectation maximization, from the clusters of k-means, as scikit-learn's
//! `GaussianMixture` (Bishop 2006, section 9.2).

use std::f64::consts::PI;
use std::ops::Range;

use anyhow::{Result, anyhow, ensure};
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{Accum, Mat, MatRef, Par, Side};
use rayon::prelude::*;

use crate::kmeans::{KMeansConfig, kmeans};
use crate::linalg::{fix_parallelism, mirror_lower, product};
use crate::memory::ensure_fits;
use crate::points::{parts, points};

/// Rows worked on at once.
const BLOCK: usize = 1024;

/// Shape of the covariances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Covariance {
    /// Any symmetric matrix for each component.
    #[default]
    Full,
    /// A variance for each column of each component.
    Diagonal,
}

/// Options of [`gmm`]; the defaults are scikit-learn's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GmmConfig {
    /// k.
    pub components: usize,
    /// Shape of the covariances.
    pub covariance: Covariance,
    /// Starts from different clusters of k-means; the one with the largest likelihood is kept.
    pub restarts: usize,
    /// Most iterations of a start.
    pub iterations: usize,
    /// Stop when the mean log-likelihood of a row changes by less than this.
    pub tolerance: f64,
    /// Added to the variances of the columns (`reg_covar`), at least 0.
    pub floor: f64,
    /// Seed of the starts.
    pub seed: u64,
}

impl Default for GmmConfig {
    fn default() -> Self {
        let covariance = Covariance::Full;
        Self { components: 8, covariance, restarts: 1, iterations: 100, tolerance: 1e-3, floor: 1e-6, seed: 0 }
    }
}

/// The covariances of the components.
#[derive(Clone, Debug, PartialEq)]
pub enum Covariances {
    /// [d, d] for each component.
    Full(Vec<Mat<f64>>),
    /// Variances [k, d].
    Diagonal(Mat<f64>),
}

/// A mixture of Gaussians.
#[derive(Clone, Debug, PartialEq)]
pub struct Gmm {
    /// Share of each component; they sum to 1.
    pub weights: Vec<f64>,
    /// [k, d].
    pub means: Mat<f64>,
    /// Of each component.
    pub covariances: Covariances,
}

/// A fitted mixture.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedGmm {
    /// The mixture.
    pub mixture: Gmm,
    /// Mean log-likelihood of a row before the last step (`lower_bound_`).
    pub log_likelihood: f64,
    /// Iterations of the start that was kept.
    pub iterations: usize,
    /// Whether the tolerance was reached.
    pub converged: bool,
}

/// What a mixture says of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Responsibilities {
    /// Probability of each component given the row, [n, k]; each row sums to 1.
    pub shares: Mat<f64>,
    /// Logarithm of the density at each row, [n].
    pub log_density: Vec<f64>,
}

impl Gmm {
    /// The responsibilities of the components for `rows` [n, d], and the log density there.
    /// # Errors
    /// When the widths differ, a number is not finite, or a covariance is not positive definite.
    pub fn responsibilities(&self, rows: MatRef<f64>) -> Result<Responsibilities> {
        self.check(rows.ncols())?;
        let (shares, log_density) = expectation(&points("the mixture", rows)?, self)?;
        Ok(Responsibilities { shares: shares.transpose().to_owned(), log_density })
    }

    fn check(&self, columns: usize) -> Result<()> {
        let (k, d) = (self.means.nrows(), self.means.ncols());
        let shapes = match &self.covariances {
            Covariances::Full(list) => list.len() == k && list.iter().all(|it| (it.nrows(), it.ncols()) == (d, d)),
            Covariances::Diagonal(variances) => (variances.nrows(), variances.ncols()) == (k, d),
        };
        let weights = self.weights.len() == k && self.weights.iter().all(|weight| *weight >= 0.0);
        ensure!(k > 0 && shapes && weights, "the mixture's weights, means and covariances do not fit together");
        ensure!(columns == d, "the mixture: rows have {columns} columns, its means {d}");
        Ok(())
    }
}

/// Fits a mixture to `rows` [n, d], from the clusters of k-means.
/// # Errors
/// When there are fewer different rows than components, a number is not finite, or a covariance collapses.
pub fn gmm(rows: MatRef<f64>, config: &GmmConfig) -> Result<FittedGmm> {
    ensure!(config.restarts > 0, "the mixture: at least one start is needed");
    ensure!(rows.nrows() > 1, "the mixture: {} rows; give at least two", rows.nrows());
    if config.covariance == Covariance::Full {
        let (k, d) = (config.components as f64, rows.ncols() as f64);
        let what = || format!("the covariances of {} groups of {} columns", config.components, rows.ncols());
        ensure_fits(3.0 * k * d * d, what, "use --covariance diagonal, or fewer columns (dl-transfer pca)")?;
    }
    let fitted = points("the mixture", rows)?;
    let mut best: Option<FittedGmm> = None;
    for restart in 0..config.restarts {
        // Starts differ by their seed alone.
        let seed = config.seed.wrapping_add(restart as u64);
        let clusters =
            kmeans(rows, &KMeansConfig { clusters: config.components, seed, ..Default::default() })?.clusters;
        let mut shares = Mat::zeros(config.components, fitted.ncols());
        for (row, cluster) in clusters.into_iter().enumerate() {
            shares[(cluster, row)] = 1.0;
        }
        let found = climb(&fitted, maximization(&fitted, &shares, config), config)?;
        if best.as_ref().is_none_or(|best| found.log_likelihood > best.log_likelihood) {
            best = Some(found);
        }
    }
    best.ok_or_else(|| anyhow!("the mixture: no start was made"))
}

/// [`gmm`] from a given mixture, once; `components`, `covariance`, `restarts` and `seed` are ignored.
/// # Errors
/// As [`gmm`], and when the widths differ.
pub fn gmm_from(rows: MatRef<f64>, start: Gmm, config: &GmmConfig) -> Result<FittedGmm> {
    start.check(rows.ncols())?;
    let covariance = match start.covariances {
        Covariances::Full(_) => Covariance::Full,
        Covariances::Diagonal(_) => Covariance::Diagonal,
    };
    climb(&points("the mixture", rows)?, start, &GmmConfig { covariance, ..*config })
}

/// Iterates on points [d, n].
fn climb(points: &Mat<f64>, mut mixture: Gmm, config: &GmmConfig) -> Result<FittedGmm> {
    ensure!(config.floor >= 0.0, "the mixture: the floor must be at least 0, not {:?}", config.floor);
    ensure!(config.iterations > 0, "the mixture: at least one iteration is needed");
    let mut log_likelihood = f64::NEG_INFINITY;
    let (mut iterations, mut converged) = (0, false);
    while iterations < config.iterations && !converged {
        iterations += 1;
        let (shares, log_density) = expectation(points, &mixture)?;
        mixture = maximization(points, &shares, config);
        let new = log_density.iter().sum::<f64>() / log_density.len() as f64;
        converged = (new - log_likelihood).abs() < config.tolerance;
        log_likelihood = new;
    }
    ensure!(
        log_likelihood.is_finite(),
        "the mixture: the likelihood is not finite; scale the columns, or use a larger --floor"
    );
    // The last step may have made a covariance collapse.
    densities(&mixture)?;
    Ok(FittedGmm { mixture, log_likelihood, iterations, converged })
}

/// How to compute the density of a component.
struct Density {
    mean: Vec<f64>,
    /// What makes the difference from the mean white.
    whitening: Whitening,
    /// Logarithm of the density at the mean times the weight.
    peak: f64,
}

enum Whitening {
    /// The covariance's lower Cholesky factor, to solve with.
    Solve(Mat<f64>),
    /// One over the deviations, to multiply with.
    Factors(Vec<f64>),
}

fn densities(mixture: &Gmm) -> Result<Vec<Density>> {
    fix_parallelism();
    let d = mixture.means.ncols();
    let of_component = |at: usize| {
        let collapsed = || {
            anyhow!(
                "the mixture: the covariance of group {at} collapsed; use fewer columns (dl-transfer pca) or groups (--k), or \
                 a larger --floor"
            )
        };
        let (whitening, log_determinant) = match &mixture.covariances {
            Covariances::Full(list) => {
                let factor = list[at].llt(Side::Lower).map_err(|_| collapsed())?;
                // Below the rounding of the covariance, or of the mean, a factor is noise.
                let smallest = |i: usize| (4.0 * f64::EPSILON * list[at][(i, i)]).sqrt();
                let collapses =
                    |i: usize| factor.L()[(i, i)] <= smallest(i).max(4.0 * f64::EPSILON * mixture.means[(at, i)].abs());
                ensure!(!(0..d).any(collapses), collapsed());
                let log_determinant = (0..d).map(|i| factor.L()[(i, i)].ln()).sum::<f64>();
                (Whitening::Solve(factor.L().to_owned()), log_determinant)
            }
            Covariances::Diagonal(variances) => {
                let deviations: Vec<f64> = variances.row(at).iter().map(|variance| variance.sqrt()).collect();
                let smallest = mixture.means.row(at).iter().map(|mean| 4.0 * f64::EPSILON * mean.abs());
                ensure!(deviations.iter().zip(smallest).all(|(it, smallest)| *it > smallest), collapsed());
                let log_determinant = deviations.iter().map(|it| it.ln()).sum();
                (Whitening::Factors(deviations.iter().map(|it| 1.0 / it).collect()), log_determinant)
            }
        };
        let peak = mixture.weights[at].ln() - 0.5 * d as f64 * (2.0 * PI).ln() - log_determinant;
        Ok(Density { mean: mixture.means.row(at).iter().copied().collect(), whitening, peak })
    };
    (0..mixture.means.nrows()).map(of_component).collect()
}

/// Responsibilities [k, n] and log densities [n] of points [d, n].
fn expectation(points: &Mat<f64>, mixture: &Gmm) -> Result<(Mat<f64>, Vec<f64>)> {
    let (d, n) = (points.nrows(), points.ncols());
    let densities = densities(mixture)?;
    let k = densities.len();
    let part = |range: Range<usize>| -> (Mat<f64>, Vec<f64>) {
        let mut logs = Mat::<f64>::zeros(k, range.len());
        let mut differences = Mat::<f64>::zeros(d, range.len());
        for (component, density) in densities.iter().enumerate() {
            for (column, at) in range.clone().enumerate() {
                let difference = differences.col_as_slice_mut(column).iter_mut();
                difference.zip(points.col_as_slice(at)).zip(&density.mean).for_each(|((to, x), mean)| *to = x - mean);
            }
            if let Whitening::Solve(factor) = &density.whitening {
                solve_lower_triangular_in_place(factor.as_ref(), differences.as_mut(), Par::Seq);
            }
            for column in 0..range.len() {
                let squared: f64 = match &density.whitening {
                    Whitening::Solve(_) => differences.col_as_slice(column).iter().map(|value| value * value).sum(),
                    Whitening::Factors(factors) => {
                        let values = differences.col_as_slice(column).iter().zip(factors);
                        values.map(|(value, factor)| (value * factor).powi(2)).sum()
                    }
                };
                logs[(component, column)] = density.peak - 0.5 * squared;
            }
        }
        let mut log_density = Vec::with_capacity(range.len());
        for column in 0..range.len() {
            let logs = logs.col_as_slice_mut(column);
            let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let total: f64 = logs.iter().map(|log| (log - largest).exp()).sum();
            let whole = largest + total.ln();
            logs.iter_mut().for_each(|log| *log = (*log - whole).exp());
            log_density.push(whole);
        }
        (logs, log_density)
    };
    let ranges = parts(n, BLOCK);
    let found: Vec<_> = ranges.par_iter().cloned().map(part).collect();
    let mut shares = Mat::zeros(k, n);
    let mut log_density = Vec::with_capacity(n);
    for (range, (part, logs)) in ranges.into_iter().zip(found) {
        shares.subcols_mut(range.start, range.len()).copy_from(part);
        log_density.extend(logs);
    }
    ensure!(
        log_density.iter().all(|log| log.is_finite()),
        "the mixture: the density of a row is 0 or not finite; scale the columns, or use a larger --floor"
    );
    Ok((shares, log_density))
}

/// The mixture that explains points [d, n] best with responsibilities `shares` [k, n].
fn maximization(points: &Mat<f64>, shares: &Mat<f64>, config: &GmmConfig) -> Gmm {
    let (d, n, k) = (points.nrows(), points.ncols(), shares.nrows());
    // As in scikit-learn, so that an empty component divides nothing by 0.
    let sizes: Vec<f64> = (0..k).map(|at| shares.row(at).iter().sum::<f64>() + 10.0 * f64::EPSILON).collect();
    let mut means = product(shares.as_ref(), points.transpose());
    for (at, size) in sizes.iter().enumerate() {
        means.row_mut(at).iter_mut().for_each(|value| *value /= size);
    }
    let centers = means.transpose().to_owned();
    let difference = |at: usize, row: usize, factor: f64, to: &mut [f64]| {
        let values = to.iter_mut().zip(points.col_as_slice(row)).zip(centers.col_as_slice(at));
        values.for_each(|((to, x), mean)| *to = (x - mean) * factor);
    };
    let covariances = match config.covariance {
        Covariance::Full => {
            let full = |at: usize| {
                let mut covariance = Mat::<f64>::zeros(d, d);
                let mut weighted = Mat::<f64>::zeros(d, BLOCK.min(n));
                for range in parts(n, BLOCK) {
                    let mut count = 0;
                    for row in range {
                        let share = shares[(at, row)];
                        if share > 0.0 {
                            difference(at, row, (share / sizes[at]).sqrt(), weighted.col_as_slice_mut(count));
                            count += 1;
                        }
                    }
                    let block = weighted.subcols(0, count);
                    let (lower, all) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
                    let transposed = block.transpose();
                    triangular::matmul(&mut covariance, lower, Accum::Add, block, all, transposed, all, 1.0, Par::Seq);
                }
                mirror_lower(covariance.as_mut());
                for i in 0..d {
                    covariance[(i, i)] += config.floor;
                }
                covariance
            };
            Covariances::Full((0..k).into_par_iter().map(full).collect())
        }
        Covariance::Diagonal => {
            let diagonal = |at: usize| {
                let mut variances = vec![0.0; d];
                let mut values = vec![0.0; d];
                for row in 0..n {
                    difference(at, row, 1.0, &mut values);
                    let share = shares[(at, row)] / sizes[at];
                    variances.iter_mut().zip(&values).for_each(|(sum, value)| *sum += share * value * value);
                }
                variances
            };
            let variances: Vec<Vec<f64>> = (0..k).into_par_iter().map(diagonal).collect();
            Covariances::Diagonal(Mat::from_fn(k, d, |at, column| variances[at][column] + config.floor))
        }
    };
    let total: f64 = sizes.iter().sum();
    Gmm { weights: sizes.iter().map(|size| size / total).collect(), means, covariances }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::points::tests::{groups, matrix};

    #[derive(Deserialize)]
    struct Golden {
        gmm: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        rows: usize,
        columns: usize,
        k: usize,
        spread: f64,
        covariance: String,
        iterations: usize,
        tolerance: f64,
        log_likelihood: f64,
        found_iterations: usize,
        weights: Vec<f64>,
        log_density: Vec<f64>,
        shares: Vec<Vec<f64>>,
    }

    #[test]
    fn from_the_same_start_the_mixture_is_scikit_learns() {
        let golden: Golden =
            serde_json::from_str(include_str!("../../../testdata/goldens/unlabeled/golden.json")).unwrap();
        for case in golden.gmm {
            let (k, d) = (case.k, case.columns);
            let rows = groups(case.rows, d, k, case.spread, 0);
            let covariances = match case.covariance.as_str() {
                "full" => Covariances::Full(vec![Mat::identity(d, d); k]),
                _ => Covariances::Diagonal(Mat::from_fn(k, d, |_, _| 1.0)),
            };
            let means = rows.subrows(0, k).to_owned();
            let start = Gmm { weights: vec![1.0 / k as f64; k], means, covariances };
            let config = GmmConfig { iterations: case.iterations, tolerance: case.tolerance, ..GmmConfig::default() };
            let found = gmm_from(rows.as_ref(), start, &config).unwrap();
            assert!((found.log_likelihood - case.log_likelihood).abs() < 1e-10, "{}", found.log_likelihood);
            assert_eq!(found.iterations, case.found_iterations);
            for (found, expected) in found.mixture.weights.iter().zip(&case.weights) {
                assert!((found - expected).abs() < 1e-9, "{found} {expected}");
            }
            let new = found.mixture.responsibilities(groups(5, d, k, case.spread, case.rows).as_ref()).unwrap();
            for (found, expected) in new.log_density.iter().zip(&case.log_density) {
                assert!((found - expected).abs() < 1e-8, "{found} {expected}");
            }
            assert!((new.shares - matrix(&case.shares)).norm_max() < 1e-8);
        }
    }

    #[test]
    fn groups_are_found_from_k_means_with_any_number_of_threads() {
        let rows = groups(3000, 6, 3, 6.0, 0);
        for covariance in [Covariance::Full, Covariance::Diagonal] {
            let config = GmmConfig { components: 3, covariance, restarts: 2, ..GmmConfig::default() };
            let on = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| gmm(rows.as_ref(), &config)).unwrap()
            };
            let found = on(1);
            assert_eq!(found, on(3));
            let shares = found.mixture.responsibilities(rows.as_ref()).unwrap().shares;
            let component = |row: usize| (0..3).max_by(|a, b| shares[(row, *a)].total_cmp(&shares[(row, *b)])).unwrap();
            let apart = [component(0), component(1), component(2)];
            assert!(apart[0] != apart[1] && apart[1] != apart[2] && apart[0] != apart[2]);
            assert!((0..3000).all(|row| component(row) == apart[row % 3]));
        }
    }

    #[test]
    fn collapsed_covariances_are_named() {
        let mut rows = groups(20, 3, 2, 4.0, 0);
        rows.col_mut(1).iter_mut().for_each(|value| *value = 1.0);
        for covariance in [Covariance::Full, Covariance::Diagonal] {
            let config = GmmConfig { components: 2, covariance, floor: 0.0, ..GmmConfig::default() };
            let error = gmm(rows.as_ref(), &config).unwrap_err().to_string();
            assert!(error.contains("larger --floor"), "{error}");
            // The floor makes a constant column harmless.
            gmm(rows.as_ref(), &GmmConfig { floor: 1e-6, ..config }).unwrap();
        }
        let error = gmm(rows.subrows(0, 1), &GmmConfig::default()).unwrap_err().to_string();
        assert!(error.contains("at least two"), "{error}");
    }
}
